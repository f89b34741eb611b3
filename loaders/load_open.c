/* What is named is opened here; nothing is parsed. */
#include "loaders/load_internal.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *special_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		return "is a device, not a file";
	case S_IFSOCK:
		return "is a socket, not a file";
	default:
		return "is not a regular file";
	}
}

char *load_shown_name(const char *path)
{
	size_t len = strlen(path);
	const char *name = path;

	while (len > 1 && path[len - 1] == '/') {
		len--;
	}
	if (path[0] == '/') {
		name = path + len;
		while (name > path && name[-1] != '/') {
			name--;
		}
		return name == path + len ? mem_strdup(path)
					  : mem_strndup(name, (size_t)(path + len - name));
	}
	while (name[0] == '.' && name[1] == '/' && name[2] && name[2] != '/') {
		name += 2;
	}
	return mem_strndup(name, (size_t)(path + len - name));
}

static void fail_errno(struct item *item, int error)
{
	item_fail(item, SKIP_UNREADABLE,
		mem_strdup(error == ENOENT ? "does not exist" : strerror(error)));
}

/* By its first bytes alone: only the reader of PDFs knows what a share is (pdf.c). */
static int is_pdf(const struct item *item)
{
	char head[5];

	return pread(item->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(head, "%PDF-", sizeof(head)) == 0;
}

/* ---- pipes: read whole before anybody parses ---- */

/* Wait until it can be read; 0: the load is to end. */
static int wait_readable(struct load *load, int fd)
{
	struct pollfd look = {fd, POLLIN, 0};

	if (!load->options->watch.stopped) {
		return file_wait(fd);
	}
	for (;;) {
		if (load_stopped(load)) {
			return 0;
		}
		if (poll(&look, 1, 50) > 0) {
			return 1;
		}
	}
}

static int write_all(int fd, const char *bytes, ssize_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, (size_t)len);

		if (n < 0 && errno != EINTR) {
			return -1;
		}
		if (n > 0) {
			bytes += n;
			len -= n;
		}
	}
	return 0;
}

/* Everything of `from`, in memory that can be handed on. -1 (errno), or ECANCELED: interrupted. */
static int copy_pipe(struct load *load, int from, int to, int64_t *len)
{
	enum { ROOM = 1 << 18 };
	char *bytes = mem_alloc(ROOM);
	ssize_t n = 0;
	int status = 0;

	for (*len = 0; status == 0 && *len <= LOAD_MAX_BYTES; *len += n > 0 ? n : 0) {
		if (!wait_readable(load, from)) {
			errno = ECANCELED;
			status = -1;
			break;
		}
		n = read(from, bytes, ROOM);
		if (n == 0) {
			break;
		}
		if ((n < 0 && errno != EINTR && errno != EAGAIN) || write_all(to, bytes, n) < 0) {
			status = -1;
		}
	}
	free(bytes);
	return status;
}

static int open_pipe(struct load *load, struct item *item, int fd)
{
	int memory = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (memory < 0 || copy_pipe(load, fd, memory, &item->size_bytes) < 0) {
		int error = errno;

		if (memory >= 0) {
			close(memory);
		}
		if (error == ECANCELED) {
			return load_interrupted(load);
		}
		fail_errno(item, error);
		return 0;
	}
	if (item->size_bytes > LOAD_MAX_BYTES) {
		close(memory);
		item_fail(item, SKIP_UNREADABLE,
			mem_printf("holds more than the limit of %d bytes", LOAD_MAX_BYTES));
		return 0;
	}
	/* The worker cannot write to it, whatever it becomes. */
	fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	item->fd = memory;
	item->is_pdf = is_pdf(item);
	item->is_pipe = 1;
	item->state = ITEM_OPEN;
	return 0;
}

/* ---- files ---- */

static void open_file(struct load *load, struct item *item, int fd, const struct stat *st)
{
	item->fd = fd;
	item->size_bytes = st->st_size;
	item->state = ITEM_OPEN;
	if (st->st_size > LOAD_MAX_BYTES) {
		item_fail(item, SKIP_UNREADABLE,
			mem_printf("holds %lld bytes, more than the limit of %d",
				(long long)st->st_size, LOAD_MAX_BYTES));
		return;
	}
	item->is_pdf = is_pdf(item);
	if (item->is_pdf && st->st_size > LOAD_SHARE_BYTES) {
		size_t share = (size_t)(st->st_size / LOAD_SHARE_BYTES) + 1;

		item->n_share = (unsigned)(share < load->max_job ? share : load->max_job);
	}
}

/* A document in a folder: beneath it, without any link on the way, and a regular file. */
static void open_inside(struct load *load, struct item *item)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, item->folder->fd, item->inside, &how, sizeof(how));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_errno(item, errno);
	} else if (!S_ISREG(st.st_mode)) {
		item_fail(item, SKIP_RULE, mem_strdup(special_name(st.st_mode)));
	} else {
		open_file(load, item, fd, &st);
		return;
	}
	if (fd >= 0) {
		close(fd);
	}
}

/* ---- folders ---- */

static int is_same(int a, int b)
{
	struct stat of_a, of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

static int has_git(const char *folder)
{
	char *path = mem_printf("%s/.git", folder);
	struct stat st;
	int found = lstat(path, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));

	free(path);
	return found;
}

/*
 * Whose ignore rules hold: the folder upwards that has a .git, as git itself looks. Only looked at,
 * never read; what lies above it stays out of sight.
 */
static void find_root(struct item *item)
{
	char *own = realpath(item->path, NULL), *root = mem_strdup(own);
	size_t len = own ? strlen(own) : 0;
	int fd, below;

	item->root_fd = fcntl(item->folder->fd, F_DUPFD_CLOEXEC, 0);
	item->subdir = mem_strdup("");
	while (len > 0 && !has_git(root)) {
		while (len > 0 && root[--len] != '/') {
		}
		root[len] = 0;
	}
	if (len == 0 || strcmp(root, own) == 0) {
		free(own);
		free(root);
		return;
	}
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	below = fd < 0 ? -1
		       : openat(fd, own + len + 1, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (below >= 0 && is_same(below, item->folder->fd)) {
		int swap = item->root_fd;

		item->root_fd = fd;
		fd = swap;
		free(item->subdir);
		item->subdir = mem_strdup(own + len + 1);
	}
	close(fd);
	close(below);
	free(own);
	free(root);
}

static void open_folder(struct item *item)
{
	int fd = open(item->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		fail_errno(item, errno);
		return;
	}
	item->folder = mem_zero(1, sizeof(*item->folder));
	item->folder->fd = fd;
	item->folder->n_user = 1;
	item->is_tree = 1;
	item->state = ITEM_OPEN;
	find_root(item);
}

/* ---- what is named ---- */

static int open_stdin(struct load *load, struct item *item)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && S_ISDIR(st.st_mode)) {
		item_fail(item, SKIP_UNREADABLE, mem_strdup("is a directory: name it instead"));
		return 0;
	}
	return open_pipe(load, item, STDIN_FILENO);
}

/*
 * O_NONBLOCK because opening a FIFO would wait for a writer where nobody can interrupt it; the type
 * is asked of the open file, so nothing can be swapped in between. A device is refused before it is
 * opened, since opening some has effects; the second look is the one that counts.
 */
int load_open(struct load *load, struct item *item)
{
	struct stat st;
	int fd = -1, failed, status;

	if (item->inside) {
		open_inside(load, item);
		return 0;
	}
	if (strcmp(item->path, "-") == 0) {
		return open_stdin(load, item);
	}
	failed = stat(item->path, &st) < 0;
	if (!failed && S_ISDIR(st.st_mode)) {
		open_folder(item);
		return 0;
	}
	if (!failed && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))) {
		fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		failed = fd < 0 || fstat(fd, &st) < 0;
	}
	if (failed) {
		fail_errno(item, errno);
	} else if (fd >= 0 && S_ISFIFO(st.st_mode)) {
		/* It is waited for where an interruption is seen; then reading may wait, too. */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		status = open_pipe(load, item, fd);
		close(fd);
		return status;
	} else if (fd >= 0 && S_ISREG(st.st_mode)) {
		open_file(load, item, fd, &st);
		return 0;
	} else {
		item_fail(item, SKIP_RULE, mem_strdup(special_name(st.st_mode)));
	}
	if (fd >= 0) {
		close(fd);
	}
	return 0;
}
