/* Frames, the worker's end: collected, and written in pieces that fill a pipe. */
#include "loaders/worker/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FLUSH_BYTES = 256 << 10 };

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR) {
			_exit(0);
		}
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

void frame_writer_flush(struct frame_writer *writer)
{
	write_all(writer->fd, writer->out.data, writer->out.len);
	buf_clear(&writer->out);
}

void frame_writer_finish(struct frame_writer *writer)
{
	frame_writer_flush(writer);
	buf_finish(&writer->out);
}

static void add_u32(struct frame_writer *writer, uint32_t value)
{
	buf_add(&writer->out, &value, sizeof(value));
}

static void add_i64(struct frame_writer *writer, int64_t value)
{
	buf_add(&writer->out, &value, sizeof(value));
}

/* What is longer than any name or title that somebody wrote is cut. */
static void add_string(struct frame_writer *writer, const char *text)
{
	size_t len = text ? strnlen(text, FRAME_MAX_STRING_BYTES) : 0;

	add_u32(writer, text ? (uint32_t)len : NO_STRING);
	if (len) {
		buf_add(&writer->out, text, len);
	}
}

/* Begins a frame; the length is filled in by end(). */
static size_t begin(struct frame_writer *writer, enum frame_kind kind)
{
	add_u32(writer, kind);
	add_u32(writer, 0);
	return writer->out.len;
}

static void end(struct frame_writer *writer, size_t start)
{
	uint32_t len = (uint32_t)(writer->out.len - start);

	memcpy(writer->out.data + start - sizeof(len), &len, sizeof(len));
	if (writer->out.len >= FLUSH_BYTES) {
		frame_writer_flush(writer);
	}
}

void frame_write_file(struct frame_writer *writer, uint32_t index)
{
	size_t start = begin(writer, FRAME_FILE);

	add_u32(writer, index);
	end(writer, start);
}

void frame_write_open(struct frame_writer *writer, const struct reader *reader)
{
	size_t start = begin(writer, FRAME_OPEN);

	add_u32(writer, reader->kind);
	/* What was converted is UTF-8 by construction; what was kept is what it was. */
	add_u32(writer, reader->encoding || reader->kind == DOCUMENT_PDF);
	add_i64(writer, reader->n_part);
	add_i64(writer, reader->n_bytes);
	add_string(writer, reader->encoding);
	add_string(writer, reader->rev);
	end(writer, start);
}

void frame_write_part(struct frame_writer *writer, const struct part *part)
{
	size_t start = begin(writer, FRAME_PLACE);
	struct buf *out = &writer->out;

	add_i64(writer, part->place.page);
	add_i64(writer, part->place.time_ms);
	add_string(writer, part->place.path);
	add_string(writer, part->place.label);
	add_string(writer, part->place.speaker);
	end(writer, start);
	add_u32(writer, FRAME_TEXT);
	add_u32(writer, (uint32_t)part->len);
	if (part->len < FLUSH_BYTES) {
		buf_add(out, part->text, part->len);
		if (out->len >= FLUSH_BYTES) {
			frame_writer_flush(writer);
		}
	} else {
		frame_writer_flush(writer);
		write_all(writer->fd, part->text, part->len);
	}
}

static void write_skip(struct frame_writer *writer, enum frame_kind kind, const struct skip *skip)
{
	size_t start = begin(writer, kind);

	add_u32(writer, skip->class);
	add_i64(writer, skip->page);
	add_string(writer, skip->path);
	add_string(writer, skip->reason ? skip->reason : "could not be read");
	end(writer, start);
}

void frame_write_skip(struct frame_writer *writer, const struct skip *skip)
{
	write_skip(writer, FRAME_SKIP, skip);
}

void frame_write_failed(struct frame_writer *writer, const struct skip *skip)
{
	struct skip whole = {.class = skip->class, .reason = skip->reason};

	write_skip(writer, FRAME_FAILED, &whole);
	frame_writer_flush(writer);
}

void frame_write_path(struct frame_writer *writer, enum frame_kind kind, const char *path)
{
	size_t start = begin(writer, kind);

	add_string(writer, path);
	end(writer, start);
}

void frame_write_heading(struct frame_writer *writer, const struct heading *heading)
{
	size_t start = begin(writer, FRAME_HEADING);

	add_u32(writer, (uint32_t)heading->level);
	add_i64(writer, (int64_t)heading->part);
	add_i64(writer, heading->line);
	add_string(writer, heading->title ? heading->title : "");
	end(writer, start);
}

void frame_write_end(struct frame_writer *writer)
{
	end(writer, begin(writer, FRAME_END));
	frame_writer_flush(writer);
}
