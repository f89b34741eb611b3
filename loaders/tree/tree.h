/*
 * Folders: every text file in them is a part, in the order of the paths' bytes; see loader.h.
 *
 * What the sandbox has to allow. Files: reading beneath root_fd, which need have no name inside;
 * nothing else (the user's own ignore rules are read by tree_prepare()). Calls: openat2, openat, dup,
 * fstat, newfstatat, fstatfs, getdents64, read, lseek, close, and memory. Landlock's rule for the root
 * needs LANDLOCK_ACCESS_FS_READ_FILE and LANDLOCK_ACCESS_FS_READ_DIR.
 */
#ifndef LOADERS_TREE_TREE_H
#define LOADERS_TREE_TREE_H

#include "loaders/loader.h"

extern const struct loader loader_tree;

/* Read the user's own ignore rules (core.excludesFile), for every folder of this process. */
void tree_prepare(void);

#endif
