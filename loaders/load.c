/* Files named on a command line become documents; what cannot is listed with its reason. */
#include "loaders/load.h"
#include "loaders/loader.h"
#include "loaders/pages.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a load goes, and what was asked of it. */
struct load {
	const struct load_options *options;
	const struct load_sink *sink;
};

/* Takes `reason` over. Returns 1: the caller goes on with the next path. */
static int skip(const struct load *load, const char *path, enum skip_class class, char *reason)
{
	struct skipped skipped = {(char *)path, reason, class == SKIP_UNREADABLE};

	load->sink->skipped(load->sink->arg, &skipped);
	free(reason);
	return 1;
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
static int open_input(const struct load *load, const char *path)
{
	struct stat st;
	int fd = -1, failed = stat(path, &st) < 0;

	if (!failed && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		failed = fd < 0 || fstat(fd, &st) < 0;
	}
	if (failed) {
		skip(load, path, SKIP_UNREADABLE,
			mem_strdup(errno == ENOENT ? "does not exist" : strerror(errno)));
	} else if (S_ISDIR(st.st_mode)) {
		skip(load, path, SKIP_UNREADABLE, mem_strdup(is_directory));
	} else if (S_ISFIFO(st.st_mode)) {
		/* The wait for bytes is that of file_wait_with(); then reading may wait, too. */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		return fd;
	} else if (!S_ISREG(st.st_mode)) {
		skip(load, path, SKIP_RULE, mem_strdup(special_name(st.st_mode)));
	} else if (st.st_size > LOAD_MAX_BYTES) {
		skip(load, path, SKIP_UNREADABLE,
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

static int finish_document(const struct load *load, struct document *document)
{
	const struct load_sink *sink = load->sink;
	int stopped = sink->begin(sink->arg, document);

	for (size_t i = 0; i < document->n_part && !stopped; i++) {
		stopped = sink->part(sink->arg, &document->part[i]);
	}
	stopped = stopped || sink->end(sink->arg, document);
	document_finish(document);
	return stopped ? -1 : 0;
}

/* What is left to do when the last part has come; -1 with *skipped where it is no document. */
static int end_document(const struct load *load, struct document *document,
	struct page_notes *notes, struct skip *skipped)
{
	if (document->kind != DOCUMENT_PDF) {
		return 0;
	}
	if (pages_finish(document, load->options->drop_headers, notes, skipped) < 0) {
		return -1;
	}
	for (size_t i = 0; i < notes->n; i++) {
		skip(load, document->origin, notes->note[i].class,
			mem_strdup(notes->note[i].reason));
	}
	return 0;
}

static int read_document(const struct load *load, struct document *document, struct input *input,
	struct skip *skipped)
{
	struct page_notes notes = {0};
	const struct loader *loader = loader_find(input);
	struct reader *reader = NULL;
	struct part part = {.place = {.time_ms = -1}};
	int status = loader->open(&reader, input, skipped);

	if (status < 0) {
		return -1;
	}
	document->kind = reader->kind;
	while ((status = loader->read(reader, &part, skipped)) > 0) {
		if (status == READ_PART) {
			struct part *own = document_add_part(document);

			*own = part;
			part = (struct part){.place = {.time_ms = -1}};
			if (document->kind == DOCUMENT_CODE && !own->place.path) {
				own->place.path = mem_strdup(document->name);
			}
		} else if (status == READ_SKIPPED && skipped->page) {
			page_notes_add(&notes, skipped->page, skipped->class, skipped->reason);
			skip_finish(skipped);
		} else if (status == READ_SKIPPED) {
			skip(load, input->path, skipped->class, mem_strdup(skipped->reason));
			skip_finish(skipped);
		}
	}
	if (status == READ_END && loader->outline) {
		loader->outline(reader, document);
	}
	loader->close(reader);
	if (status == READ_END) {
		status = end_document(load, document, &notes, skipped);
	}
	page_notes_finish(&notes);
	return status;
}

static int add_document(
	const struct load *load, const char *path, const char *name, const struct buf *bytes)
{
	static const struct read_options read_options = {.subdir = "", .n_share = 1};
	struct document document = {.name = mem_strdup(name), .origin = mem_strdup(path)};
	struct input input = {path, buf_str(bytes), bytes->len, -1, &read_options};
	struct skip skipped = {0};

	if (bytes->len == 0) {
		document_finish(&document);
		return skip(load, path, SKIP_RULE, mem_strdup("is empty"));
	}
	if (read_document(load, &document, &input, &skipped) < 0) {
		document_finish(&document);
		return skip(load, path, skipped.class, skipped.reason);
	}
	return finish_document(load, &document);
}

/* The reason alone: that the file cannot be read is said of everything that is skipped so. */
static char *read_reason(const struct err *err)
{
	static const char said[] = "cannot be read: ";

	return mem_strdup(
		strncmp(err->what, said, strlen(said)) == 0 ? err->what + strlen(said) : err->what);
}

static int load_one(const struct load *load, const char *path, struct err *err)
{
	int is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open_input(load, path);
	struct buf bytes = BUF_INIT;
	struct err read_err;
	struct stat st;
	int status;

	if (fd < 0) {
		return 1;
	}
	if (is_stdin && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		return skip(load, path, SKIP_UNREADABLE, mem_strdup(is_directory));
	}
	status = file_read_fd(&bytes, fd, path, LOAD_MAX_BYTES, &read_err);
	if (!is_stdin) {
		close(fd);
	}
	if (status < 0 && read_err.code == ERR_INTERRUPTED) {
		*err = read_err;
	} else if (status < 0) {
		status = skip(load, path, SKIP_UNREADABLE, read_reason(&read_err));
	} else {
		status = add_document(load, path, is_stdin ? "stdin" : shown_name(path), &bytes);
	}
	buf_finish(&bytes);
	return status;
}

int load_each(const char *const *path, size_t n_path, const struct load_options *options,
	const struct load_sink *sink, struct err *err)
{
	struct load load = {options, sink};

	for (size_t i = 0; i < n_path; i++) {
		if (load_one(&load, path[i], err) < 0) {
			return -1;
		}
	}
	return 0;
}
