/*
 * What was typed, kept in a file for the next day: an entry is a line, the oldest first. Several
 * programs may add to one file at a time; one that dies between two bytes loses its last entry at
 * most. A line feed within an entry stands as ^A n, a ^A as ^A a (psql keeps line feeds in much the
 * same way), so that files of plain lines are read as they are.
 */
#ifndef BASE_RECALL_H
#define BASE_RECALL_H

#include "base/err.h"

#include <stddef.h>

enum {
	RECALL_ENTRY_BYTES = 1 << 20, /* what is longer is not kept */
	RECALL_FILE_BYTES = 16 << 20, /* of a longer file, only its end is read */
};

/*
 * Give each entry to `entry`, oldest first: UTF-8 (what is none, and NUL, is U+FFFD), followed by a
 * NUL that is not counted. Returns 0, also where there is no such file, or -1.
 */
int recall_read(const char *path, void (*entry)(void *arg, const char *text, size_t len), void *arg,
	struct err *err);
/* Add one; the file is made, readable by nobody else, where there is none. */
int recall_add(const char *path, const char *text, size_t len, struct err *err);
/* Keep the newest `most` entries; the others go. */
int recall_cut(const char *path, size_t most, struct err *err);

#endif
