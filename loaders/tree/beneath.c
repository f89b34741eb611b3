/* openat2(2) where the kernel has it; else one component after the other. */
#include "loaders/tree/beneath.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	STEP = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, /* gone through, not read */
};

/* The same for kernels before 5.6 and filters that do not know the call. */
static int open_step_by_step(int root_fd, const char *path, int flags)
{
	int fd = dup(root_fd);

	while (fd >= 0) {
		size_t len = strcspn(path, "/");
		size_t slashes = strspn(path + len, "/"); /* a folder's path ends in one */
		int is_last = path[len + slashes] == '\0';
		char name[256];
		int next;

		if (len >= sizeof(name) || len == 0 || (len == 2 && memcmp(path, "..", 2) == 0)) {
			close(fd);
			errno = len >= sizeof(name) ? ENAMETOOLONG : EXDEV;
			return -1;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		next = openat(fd, name, is_last ? flags : STEP);
		close(fd);
		if (is_last) {
			return next;
		}
		fd = next;
		path += len + slashes;
	}
	return -1;
}

static int open_beneath(int root_fd, const char *path, int flags)
{
	static int is_old_kernel;
	struct open_how how = {
		.flags = (unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	if (!is_old_kernel) {
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		is_old_kernel = fd < 0 && (errno == ENOSYS || errno == EPERM);
	}
	return is_old_kernel ? open_step_by_step(root_fd, path, flags) : fd;
}

int beneath_open_folder(int root_fd, const char *path)
{
	return open_beneath(root_fd, path[0] ? path : ".", FLAGS | O_DIRECTORY);
}

int beneath_open_file(int root_fd, const char *path, off_t *size_bytes)
{
	struct stat st;
	int fd = open_beneath(root_fd, path, FLAGS);
	int saved;

	if (fd < 0) {
		return -1;
	}
	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode)) {
			*size_bytes = st.st_size;
			return fd;
		}
		errno = EINVAL;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

ssize_t beneath_read_fd(int fd, char *bytes, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, bytes + have, len - have);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n < 0 ? -1 : (ssize_t)have;
		}
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int beneath_read(struct buf *out, int root_fd, const char *path, size_t max_bytes)
{
	off_t size_bytes;
	int fd = beneath_open_file(root_fd, path, &size_bytes);
	ssize_t n = -1;

	if (fd < 0) {
		return -1;
	}
	if ((uint64_t)size_bytes > max_bytes || buf_try_reserve(out, (size_t)size_bytes + 1) < 0) {
		errno = EFBIG;
	} else {
		n = beneath_read_fd(fd, out->data + out->len, (size_t)size_bytes);
	}
	if (n >= 0) {
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
	close(fd);
	return n < 0 ? -1 : 0;
}
