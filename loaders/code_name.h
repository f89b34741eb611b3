/* Names of source files. */
#ifndef LOADERS_CODE_NAME_H
#define LOADERS_CODE_NAME_H

/*
 * Whether a file of this name is source code: by its extension or, for those that have none, its
 * whole name. Markup and data (HTML, Markdown, JSON, YAML, CSV) are not.
 */
int code_name(const char *path);

#endif
