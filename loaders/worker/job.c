/* A job, in the sandbox: files or a tree are read and handed over, part by part. */
#include "loaders/worker/worker.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loaders/loader.h"
#include "loaders/secret.h"
#include "loaders/worker/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * All of a file: what it holds now, whatever its size said before. At its own offset, since workers
 * that share a file share its position. 0, or -1 with *skip.
 */
static int read_whole(struct buf *bytes, int fd, struct skip *skip)
{
	struct stat st;
	size_t room = 65536;

	/* One byte more than there should be, so that the end is seen at once. */
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= LOAD_MAX_BYTES) {
		room = (size_t)st.st_size + 1;
	}
	for (;;) {
		ssize_t n;

		if (bytes->len > LOAD_MAX_BYTES) {
			return skip_set(skip, SKIP_UNREADABLE,
				"holds more than the limit of %d bytes", LOAD_MAX_BYTES);
		}
		if (buf_try_reserve(bytes, room) < 0) {
			return skip_set(skip, SKIP_UNREADABLE, "does not fit into memory");
		}
		n = pread(fd, bytes->data + bytes->len, room, (off_t)bytes->len);
		if (n < 0 && errno != EINTR) {
			return skip_set(skip, SKIP_UNREADABLE, "%s", strerror(errno));
		}
		if (n == 0) {
			bytes->data[bytes->len] = 0;
			return 0;
		}
		bytes->len += n > 0 ? (size_t)n : 0;
		room = 65536 > bytes->len / 2 ? 65536 : bytes->len / 2;
	}
}

static void write_headings(
	struct frame_writer *writer, const struct loader *loader, struct reader *reader)
{
	struct document document = {.kind = reader->kind};

	if (loader->outline) {
		loader->outline(reader, &document);
	}
	for (size_t i = 0; i < document.n_heading; i++) {
		frame_write_heading(writer, &document.heading[i]);
	}
	document_finish(&document);
}

/* Should the next page end this process, it is known which one it was. */
static void flush_pages(struct frame_writer *writer, const struct reader *reader)
{
	if (reader->kind == DOCUMENT_PDF) {
		frame_writer_flush(writer);
	}
}

/* Everything of one input, up to END or FAILED. */
static void read_input(
	struct frame_writer *writer, const struct input *input, const struct loader *loader)
{
	struct part part = {.place = {.time_ms = -1}};
	struct reader *reader = NULL;
	struct skip skip = {0};
	int status;

	if (loader->open(&reader, input, &skip) < 0) {
		frame_write_failed(writer, &skip);
		skip_finish(&skip);
		return;
	}
	frame_write_open(writer, reader);
	flush_pages(writer, reader);
	while ((status = loader->read(reader, &part, &skip)) > 0) {
		if (status == READ_PART) {
			frame_write_part(writer, &part);
		} else if (status == READ_SKIPPED) {
			frame_write_skip(writer, &skip);
		} else {
			frame_write_path(writer, FRAME_DOCUMENT, part.place.path);
		}
		part_finish(&part);
		skip_finish(&skip);
		flush_pages(writer, reader);
	}
	if (status < 0) {
		frame_write_failed(writer, &skip);
	} else {
		write_headings(writer, loader, reader);
		frame_write_end(writer);
	}
	skip_finish(&skip);
	loader->close(reader);
}

/* A file that is named may still hold what nobody meant to hand over. */
static int refuse_secret(const char *path, const struct buf *bytes, struct skip *skip)
{
	const char *reason = secret_of_name(path);

	if (!reason) {
		reason = secret_of_text(path, buf_str(bytes), bytes->len);
	}
	return reason ? skip_set(skip, SKIP_RULE, "%s", reason) : 0;
}

static const char *next_string(const char **strings)
{
	const char *text = *strings;

	*strings += strlen(text) + 1;
	return text;
}

/*
 * Whether a library looks into the bytes: the format's, or those that tell what is no UTF-8 (uchardet,
 * iconv, libmagic). What a file makes of one of them shall not reach the text of another file.
 */
static int needs_library(const struct loader *loader, const struct input *input)
{
	return loader->has_library || memchr(input->data, 0, input->len) ||
	       !utf8_valid(input->data, input->len);
}

/*
 * The file `index` of a job. Returns whether the next one may be read, too; a file that needs a
 * library and is not the first one is left to another worker, untouched.
 */
static int read_file(struct frame_writer *writer, uint32_t index, const char *path,
	const struct read_options *options)
{
	struct buf bytes = BUF_INIT;
	struct skip skip = {0};
	int may_go_on = 1;

	if (read_whole(&bytes, WORKER_INPUT_FD + (int)index, &skip) < 0 ||
		(bytes.len == 0 && skip_set(&skip, SKIP_RULE, "is empty") < 0) ||
		(!options->include_secrets && refuse_secret(path, &bytes, &skip) < 0)) {
		frame_write_file(writer, index);
		frame_write_failed(writer, &skip);
	} else {
		struct input input = {path, buf_str(&bytes), bytes.len, -1, options};
		const struct loader *loader = loader_find(&input);

		may_go_on = !needs_library(loader, &input);
		if (may_go_on || index == 0) {
			frame_write_file(writer, index);
			read_input(writer, &input, loader);
		}
	}
	skip_finish(&skip);
	buf_finish(&bytes);
	return may_go_on;
}

static void read_files(
	struct frame_writer *writer, const struct worker_request *request, const char *strings)
{
	struct read_options options = {
		.include_secrets = request->include_secrets,
		.subdir = "",
		.share_index = request->share_index,
		.n_share = request->n_share,
		.first_page = request->first_page,
		.layout = request->layout,
	};

	for (uint32_t i = 0; i < request->n_file; i++) {
		int may_go_on = read_file(writer, i, next_string(&strings), &options);

		if (!may_go_on && (i > 0 || request->n_file > 1)) {
			frame_writer_finish(writer);
			_exit(WORKER_EXIT_REST);
		}
		close(WORKER_INPUT_FD + (int)i);
	}
}

static const char **next_strings(const char **strings, size_t n)
{
	const char **list = mem_zero(n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		list[i] = next_string(strings);
	}
	return list;
}

static void announce(void *arg, const char *path)
{
	struct frame_writer *writer = arg;

	frame_write_path(writer, FRAME_READING, path);
	frame_writer_flush(writer);
}

static void read_tree(
	struct frame_writer *writer, const struct worker_request *request, const char *strings)
{
	const char *path = next_string(&strings);
	const char *subdir = next_string(&strings), *resume_after = next_string(&strings);
	const char **include = next_strings(&strings, request->n_include);
	const char **exclude = next_strings(&strings, request->n_exclude);
	struct read_options options = {
		.include = include,
		.exclude = exclude,
		.n_include = request->n_include,
		.n_exclude = request->n_exclude,
		.include_secrets = request->include_secrets,
		.subdir = subdir,
		.resume_after = resume_after[0] ? resume_after : NULL,
		.reading = request->is_careful ? announce : NULL,
		.reading_arg = writer,
		.n_share = 1,
	};
	struct input input = {path, "", 0, WORKER_INPUT_FD, &options};

	frame_write_file(writer, 0);
	if (loader_find(&input)->probe(&input)) {
		read_input(writer, &input, loader_find(&input));
	} else {
		struct skip skip = {0};

		skip_set(&skip, SKIP_UNREADABLE, "is a directory: name the files in it");
		frame_write_failed(writer, &skip);
		skip_finish(&skip);
	}
	free(include);
	free(exclude);
}

void job_run(const struct worker_request *request, const char *strings)
{
	struct frame_writer writer = {.fd = WORKER_RESULT_FD};

	if (request->kind == REQUEST_TREE) {
		read_tree(&writer, request, strings);
	} else {
		read_files(&writer, request, strings);
	}
	frame_writer_finish(&writer);
}
