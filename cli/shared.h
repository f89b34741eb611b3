/* What came with carrel: in its data folder or, before it is installed, in the build tree. */
#ifndef CLI_SHARED_H
#define CLI_SHARED_H

/*
 * The folder of that name ("models") which has `file` in it, as any folder may be called so: the build
 * tree's where there is one (cli/carrel, models/), else the installed one. malloc'ed.
 */
char *shared_folder(const char *name, const char *file);

#endif
