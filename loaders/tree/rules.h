/* Files that no person wrote or reads: generated, minified, locked, binary. */
#ifndef LOADERS_TREE_RULES_H
#define LOADERS_TREE_RULES_H

#include <stddef.h>

/* Each returns why a file is left out (it completes "PATH "), or NULL. */

/* By its name alone: lock files, *.min.js, *.pb.go. */
const char *rule_of_name(const char *path);
/* A folder that version control keeps for itself; `name` is its last component. */
const char *rule_of_folder(const char *name);
/* By its text: what says that it is generated, scripts with endless lines, source maps. */
const char *rule_of_text(const char *path, const char *text, size_t len);

/* A document of its own (a pdf, a book), by its name and how its bytes begin. */
int rule_is_document(const char *path, const char *head, size_t len);

#endif
