/* Files: read whole, mapped, and looked at without ever blocking on a FIFO or a device. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * What tells whether a file is the one that was looked at before, as far as its system knows. A file
 * that was written to at nearly the time of the look may change once more without a sign of it: see
 * file_stamp_is_settled().
 */
struct file_stamp {
	uint64_t device, inode, size_bytes;
	int64_t mtime_s, mtime_ns; /* of its bytes */
	int64_t ctime_s, ctime_ns; /* of anything about it; nobody sets this one at will */
};
/* Of the file at `path`, without opening it; -1 and zeros where there is none, saying nothing. */
int file_stamp(struct file_stamp *stamp, const char *path);
int file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
/*
 * Whether every change from `then` (CLOCK_REALTIME) on would show: the file was last changed two
 * seconds before it or earlier, which is as coarse as file systems tell time (FAT does). Git asks
 * the same of its index ("racy git").
 */
int file_stamp_is_settled(const struct file_stamp *stamp, const struct timespec *then);

/* A read-only mapping of a whole regular file. */
struct file_map {
	const uint8_t *data; /* NULL for an empty file */
	size_t size_bytes;
	struct file_stamp stamp; /* when it was opened */
};

/* Map `path`; anything but a regular file is an error. `code` is the class of the errors reported.
 */
int file_map_open(struct file_map *map, const char *path, enum err_code code, struct err *err);
void file_map_close(struct file_map *map);

/*
 * Make a new name outlive a power cut: sync the folder in which `path` stands. Returns -1 with errno.
 */
int file_sync_name(const char *path);

/*
 * Append the whole of a regular file to `out`. More than max_bytes is an error (which names the
 * limit), and so is more than memory holds. `out` is unchanged on failure.
 */
int file_read(struct buf *out, const char *path, size_t max_bytes, struct err *err);

/*
 * Append everything from a descriptor (a pipe, standard input); `name` is for messages. `out` is
 * unchanged on failure, which is ERR_INTERRUPTED where the wait of file_wait_with() says so.
 */
int file_read_fd(struct buf *out, int fd, const char *name, size_t max_bytes, struct err *err);
/* How to wait until a descriptor can be read: 0 gives up. Without one, reading itself waits. */
void file_wait_with(int (*wait)(int fd));
/* That wait; 1 at once where there is none. */
int file_wait(int fd);

#endif
