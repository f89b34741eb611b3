/*
 * Files beneath a folder that is open, and never any other: no path leads out of it, through a
 * symbolic link, or anywhere that a rename in the middle of it could point.
 */
#ifndef LOADERS_TREE_BENEATH_H
#define LOADERS_TREE_BENEATH_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/types.h>

/* A folder, or -1 with errno. "" is the root itself. */
int beneath_open_folder(int root_fd, const char *path);
/*
 * A regular file and its size as it is now; -1 with errno, which is EINVAL where it is something
 * else. Never blocks.
 */
int beneath_open_file(int root_fd, const char *path, off_t *size_bytes);
/*
 * Append a small regular file. Returns 0, or -1 with errno (EFBIG where it holds more than
 * max_bytes); `out` is unchanged then.
 */
int beneath_read(struct buf *out, int root_fd, const char *path, size_t max_bytes);
/* Read until `len` bytes are there or the file ends; returns how many, -1 with errno. */
ssize_t beneath_read_fd(int fd, char *bytes, size_t len);

#endif
