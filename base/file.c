#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK so that opening a FIFO returns at once; the mode check then refuses it. */
static int open_regular(const char *path, struct stat *st, enum err_code code, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		return err_set_errno(err, code, errno, path, "cannot be opened");
	}
	if (fstat(fd, st) < 0) {
		int saved = errno;

		close(fd);
		return err_set_errno(err, code, saved, path, "cannot be examined");
	}
	if (!S_ISREG(st->st_mode)) {
		close(fd);
		return err_set(err, code, path, "give the path of a file",
			S_ISDIR(st->st_mode) ? "is a directory, not a file"
					     : "is not a regular file");
	}
	return fd;
}

static struct file_stamp stamp_of(const struct stat *st)
{
	return (struct file_stamp){
		.device = (uint64_t)st->st_dev,
		.inode = (uint64_t)st->st_ino,
		.size_bytes = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = st->st_ctim.tv_nsec,
	};
}

int file_stamp(struct file_stamp *stamp, const char *path)
{
	struct stat st;

	*stamp = (struct file_stamp){0};
	if (stat(path, &st) < 0) {
		return -1;
	}
	*stamp = stamp_of(&st);
	return 0;
}

int file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
	       a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns && a->ctime_s == b->ctime_s &&
	       a->ctime_ns == b->ctime_ns;
}

static int is_settled(int64_t time_s, int64_t time_ns, const struct timespec *then)
{
	int64_t limit_s = then->tv_sec - 2;

	return time_s < limit_s || (time_s == limit_s && time_ns <= then->tv_nsec);
}

int file_stamp_is_settled(const struct file_stamp *stamp, const struct timespec *then)
{
	return is_settled(stamp->mtime_s, stamp->mtime_ns, then) &&
	       is_settled(stamp->ctime_s, stamp->ctime_ns, then);
}

int file_map_open(struct file_map *map, const char *path, enum err_code code, struct err *err)
{
	struct stat st;
	int fd = open_regular(path, &st, code, err);
	void *data;

	*map = (struct file_map){0};
	if (fd < 0) {
		return -1;
	}
	map->stamp = stamp_of(&st);
	if (st.st_size == 0) {
		close(fd);
		return 0;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED) {
		return err_set_errno(err, code, errno, path, "cannot be mapped into memory");
	}
	map->data = data;
	map->size_bytes = (size_t)st.st_size;
	return 0;
}

void file_map_close(struct file_map *map)
{
	if (map->data) {
		munmap((void *)map->data, map->size_bytes);
	}
	*map = (struct file_map){0};
}

static int (*wait_to_read)(int fd);

void file_wait_with(int (*wait)(int fd))
{
	wait_to_read = wait;
}

int file_wait(int fd)
{
	return wait_to_read ? wait_to_read(fd) : 1;
}

int file_read_fd(struct buf *out, int fd, const char *name, size_t max_bytes, struct err *err)
{
	size_t start = out->len;

	for (;;) {
		ssize_t n;

		if (!file_wait(fd)) {
			out->len = start;
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		if (buf_try_reserve(out, 65536) < 0) {
			out->len = start;
			return err_set(err, ERR_FAILURE, name, "free some memory",
				"does not fit into memory");
		}
		n = read(fd, out->data + out->len, 65536);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			int saved = errno;

			out->len = start;
			return err_set_errno(err, ERR_FAILURE, saved, name, "cannot be read");
		}
		if (n == 0) {
			out->data[out->len] = 0;
			return 0;
		}
		out->len += (size_t)n;
		if (out->len - start > max_bytes) {
			out->len = start;
			return err_set(err, ERR_FAILURE, name, NULL,
				"is larger than the limit of %zu bytes", max_bytes);
		}
	}
}

int file_read(struct buf *out, const char *path, size_t max_bytes, struct err *err)
{
	struct stat st;
	int fd = open_regular(path, &st, ERR_FAILURE, err);
	int result;

	if (fd < 0) {
		return -1;
	}
	if ((uint64_t)st.st_size > max_bytes) {
		close(fd);
		return err_set(err, ERR_FAILURE, path, NULL,
			"holds %lld bytes, more than the limit of %zu", (long long)st.st_size,
			max_bytes);
	}
	if (buf_try_reserve(out, (size_t)st.st_size) < 0) {
		close(fd);
		return err_set(err, ERR_FAILURE, path, "free some memory",
			"does not fit into memory: it holds %lld bytes", (long long)st.st_size);
	}
	result = file_read_fd(out, fd, path, max_bytes, err);
	close(fd);
	return result;
}

int file_sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = !slash          ? mem_strdup(".")
		       : slash == path ? mem_strdup("/")
				       : mem_strndup(path, (size_t)(slash - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = fd < 0 ? -1 : fsync(fd), error = errno;

	if (fd >= 0) {
		close(fd);
	}
	free(folder);
	errno = error;
	return status;
}
