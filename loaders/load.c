/* Files named on a command line become documents; what cannot is listed with its reason. */
#include "loaders/loader.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096 };

/* Takes `reason` over. Returns LOADER_SKIP: the caller goes on with the next path. */
static int skip(struct load_result *result, const char *path, enum skip_class class, char *reason)
{
	mem_grow(result->skipped, result->n_skipped, result->cap_skipped);
	result->skipped[result->n_skipped++] = (struct skipped){
		.path = mem_strdup(path),
		.reason = reason,
		.class = class,
	};
	return LOADER_SKIP;
}

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

static const char is_directory[] = "is a directory: name the files in it";

/*
 * Open a regular file or a pipe for reading; returns the descriptor, or -1 where it was skipped.
 * O_NONBLOCK because opening a FIFO would wait for a writer where nobody can interrupt it; the type
 * is asked of the open file, so nothing can be swapped in between. A device is refused before it is
 * opened, since opening some has effects; the second look is the one that counts.
 */
static int open_input(struct load_result *result, const char *path)
{
	struct stat st;
	int fd = -1, failed = stat(path, &st) < 0;

	if (!failed && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		failed = fd < 0 || fstat(fd, &st) < 0;
	}
	if (failed) {
		skip(result, path, SKIP_UNREADABLE,
			mem_strdup(errno == ENOENT ? "does not exist" : strerror(errno)));
	} else if (S_ISDIR(st.st_mode)) {
		skip(result, path, SKIP_UNREADABLE, mem_strdup(is_directory));
	} else if (S_ISFIFO(st.st_mode)) {
		/* The wait for bytes is that of file_wait_with(); then reading may wait, too. */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		return fd;
	} else if (!S_ISREG(st.st_mode)) {
		skip(result, path, SKIP_RULE, mem_strdup(special_name(st.st_mode)));
	} else if (st.st_size > LOAD_MAX_BYTES) {
		skip(result, path, SKIP_UNREADABLE,
			mem_printf("holds %lld bytes, more than the limit of %d",
				(long long)st.st_size, LOAD_MAX_BYTES));
	} else {
		return fd;
	}
	if (fd >= 0) {
		close(fd);
	}
	return -1;
}

static const char *shown_name(const char *path)
{
	const char *name = path;

	if (path[0] == '/') {
		name = strrchr(path, '/') + 1;
		return name[0] ? name : path;
	}
	while (name[0] == '.' && name[1] == '/' && name[2] && name[2] != '/') {
		name += 2;
	}
	return name;
}

static int add_document(struct load_result *result, const char *path, const char *name,
	struct buf *bytes, struct err *err)
{
	size_t head_len = bytes->len < HEAD_BYTES ? bytes->len : HEAD_BYTES;
	struct document document = {0};
	const struct loader *loader;
	char *reason = NULL;
	int status;

	if (bytes->len == 0) {
		return skip(result, path, SKIP_RULE, mem_strdup("is empty"));
	}
	document.name = mem_strdup(name);
	document.origin = mem_strdup(path);
	loader = loader_find(path, bytes->data, head_len);
	status = loader->read(&document, path, bytes, &reason, err);
	if (status == LOADER_OK) {
		mem_grow(result->document, result->n_document, result->cap_document);
		result->document[result->n_document++] = document;
		return LOADER_OK;
	}
	document_finish(&document);
	if (status < 0) {
		return status;
	}
	return skip(result, path, status == LOADER_SKIP ? SKIP_RULE : SKIP_UNREADABLE, reason);
}

/* The reason alone: that the file cannot be read is said of everything that is skipped so. */
static char *read_reason(const struct err *err)
{
	static const char said[] = "cannot be read: ";

	return mem_strdup(
		strncmp(err->what, said, strlen(said)) == 0 ? err->what + strlen(said) : err->what);
}

static int load_one(struct load_result *result, const char *path, struct err *err)
{
	int is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open_input(result, path);
	struct buf bytes = BUF_INIT;
	struct err read_err;
	struct stat st;
	int status;

	if (fd < 0) {
		return LOADER_SKIP;
	}
	if (is_stdin && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		return skip(result, path, SKIP_UNREADABLE, mem_strdup(is_directory));
	}
	status = file_read_fd(&bytes, fd, path, LOAD_MAX_BYTES, &read_err);
	if (!is_stdin) {
		close(fd);
	}
	if (status < 0 && read_err.code == ERR_INTERRUPTED) {
		*err = read_err;
	} else if (status < 0) {
		status = skip(result, path, SKIP_UNREADABLE, read_reason(&read_err));
	} else {
		status = add_document(
			result, path, is_stdin ? "stdin" : shown_name(path), &bytes, err);
	}
	buf_finish(&bytes);
	return status;
}

int load_paths(struct load_result *result, const char *const *path, size_t n_path, struct err *err)
{
	*result = (struct load_result){0};
	for (size_t i = 0; i < n_path; i++) {
		if (load_one(result, path[i], err) < 0) {
			load_result_finish(result);
			return -1;
		}
	}
	return 0;
}
