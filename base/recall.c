#include "base/recall.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MARK = 1, MARK_LINE_FEED = 'n', MARK_MARK = 'a' };

/*
 * Opened and locked; -1 with errno. recall_cut() puts another file in its place: a lock on one that
 * has no name any more is a lock on nothing.
 */
static int open_locked(const char *path, int flags, struct stat *st)
{
	for (;;) {
		int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600), saved;

		if (fd < 0) {
			return -1;
		}
		if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
			if (flock(fd, LOCK_EX) == 0 && fstat(fd, st) == 0 && st->st_nlink > 0) {
				return fd;
			}
		} else {
			errno = EINVAL;
			st->st_nlink = 1;
		}
		saved = errno;
		close(fd);
		errno = saved;
		if (st->st_nlink > 0) {
			return -1;
		}
	}
}

/* The end of the file, from the beginning of an entry on. */
static int read_end(int fd, off_t size, struct buf *out)
{
	off_t at = size > RECALL_FILE_BYTES ? size - RECALL_FILE_BYTES : 0;
	size_t want = (size_t)(size - at);

	if (buf_try_reserve(out, want + 1) < 0) {
		errno = ENOMEM;
		return -1;
	}
	while (out->len < want) {
		ssize_t n = pread(fd, out->data + out->len, want - out->len, at + (off_t)out->len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		if (n == 0) {
			break;
		}
		out->len += (size_t)n;
	}
	if (at > 0) {
		const char *line_end = memchr(out->data, '\n', out->len);
		size_t cut = line_end ? (size_t)(line_end + 1 - out->data) : out->len;

		memmove(out->data, out->data + cut, out->len - cut);
		out->len -= cut;
	}
	return 0;
}

/* An entry as it was typed. */
static void decode(struct buf *out, const char *line, size_t len)
{
	struct buf raw = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (c == MARK && i + 1 < len &&
			(line[i + 1] == MARK_LINE_FEED || line[i + 1] == MARK_MARK)) {
			c = line[++i] == MARK_LINE_FEED ? '\n' : MARK;
		} else if (c == 0) {
			buf_addstr(&raw, "\xef\xbf\xbd");
			continue;
		}
		buf_addch(&raw, c);
	}
	buf_add_utf8(out, buf_str(&raw), raw.len);
	buf_finish(&raw);
}

static void encode(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || text[i] == MARK) {
			buf_addch(out, MARK);
			buf_addch(out, text[i] == '\n' ? MARK_LINE_FEED : MARK_MARK);
		} else {
			buf_addch(out, text[i]);
		}
	}
	buf_addch(out, '\n');
}

static int fail(struct err *err, const char *path, const char *doing)
{
	return err_set_errno(err, ERR_FAILURE, errno, path, "what was typed cannot be %s", doing);
}

int recall_read(const char *path, void (*entry)(void *arg, const char *text, size_t len), void *arg,
	struct err *err)
{
	struct buf file = BUF_INIT, text = BUF_INIT;
	struct stat st = {0};
	int fd = open_locked(path, O_RDONLY, &st), status;

	if (fd < 0) {
		return errno == ENOENT ? 0 : fail(err, path, "read");
	}
	status = read_end(fd, st.st_size, &file);
	if (status < 0) {
		status = fail(err, path, "read");
	}
	close(fd);
	for (size_t at = 0; status == 0 && at < file.len;) {
		const char *line_end = memchr(file.data + at, '\n', file.len - at);
		size_t len = line_end ? (size_t)(line_end - (file.data + at)) : file.len - at;

		buf_clear(&text);
		decode(&text, file.data + at, len);
		if (text.len > 0) {
			entry(arg, buf_str(&text), text.len);
		}
		at += len + 1;
	}
	buf_finish(&text);
	buf_finish(&file);
	return status;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int recall_add(const char *path, const char *text, size_t len, struct err *err)
{
	struct buf line = BUF_INIT;
	struct stat st = {0};
	char last = '\n';
	int fd, status = 0;

	if (len == 0 || len > RECALL_ENTRY_BYTES) {
		return 0;
	}
	fd = open_locked(path, O_RDWR | O_CREAT | O_APPEND, &st);
	if (fd < 0) {
		return fail(err, path, "kept");
	}
	if (st.st_mode & 077) {
		fchmod(fd, 0600);
	}
	/* Whoever wrote last may have died in mid-entry. */
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n') {
		buf_addch(&line, '\n');
	}
	encode(&line, text, len);
	if (write_all(fd, line.data, line.len) < 0) {
		status = fail(err, path, "kept");
	}
	close(fd);
	buf_finish(&line);
	return status;
}

/* Where the newest `most` lines begin. */
static size_t newest(const struct buf *file, size_t most)
{
	size_t at = file->len, n = 0;

	while (at > 0) {
		if (at < file->len && file->data[at - 1] == '\n' && ++n == most) {
			break;
		}
		at--;
	}
	return at;
}

/* Only the one that has the lock comes here. */
static int replace(const char *path, const char *bytes, size_t len)
{
	char *name = mem_printf("%s.new", path);
	int fd, status = -1, saved;

	unlink(name); /* of one that died here */
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0) {
		if (write_all(fd, bytes, len) == 0 && fsync(fd) == 0 && rename(name, path) == 0) {
			status = 0;
		}
		saved = errno;
		if (status < 0) {
			unlink(name);
		}
		close(fd);
		errno = saved;
	}
	free(name);
	return status;
}

int recall_cut(const char *path, size_t most, struct err *err)
{
	struct buf file = BUF_INIT;
	struct stat st = {0};
	int fd = open_locked(path, O_RDONLY, &st), status = 0;

	if (fd < 0) {
		return errno == ENOENT ? 0 : fail(err, path, "read");
	}
	if (read_end(fd, st.st_size, &file) < 0) {
		status = fail(err, path, "read");
	} else {
		size_t at = newest(&file, most);

		if ((at > 0 || (off_t)file.len < st.st_size) &&
			replace(path, file.data + at, file.len - at) < 0) {
			status = fail(err, path, "cut");
		}
	}
	close(fd);
	buf_finish(&file);
	return status;
}
