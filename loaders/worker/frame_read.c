/* Frames, carrel's end: every byte may be a lie. */
#include "loaders/worker/frame.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, MAX_SMALL_BYTES = 4 * FRAME_MAX_STRING_BYTES };

enum frame_state {
	STATE_BETWEEN, /* files */
	STATE_FILE,    /* FILE came: OPEN or FAILED */
	STATE_PARTS,
	STATE_PLACE, /* PLACE came: TEXT */
	STATE_HEADINGS,
};

/* What is left of a frame. */
struct cursor {
	const char *at;
	size_t left;
	int is_bad;
};

static void take(struct cursor *cursor, void *out, size_t len)
{
	memset(out, 0, len);
	if (cursor->left < len) {
		cursor->is_bad = 1;
		return;
	}
	memcpy(out, cursor->at, len);
	cursor->at += len;
	cursor->left -= len;
}

static uint32_t take_u32(struct cursor *cursor)
{
	uint32_t value;

	take(cursor, &value, sizeof(value));
	return value;
}

static int64_t take_i64(struct cursor *cursor)
{
	int64_t value;

	take(cursor, &value, sizeof(value));
	return value;
}

/* NULL where there is none. */
static char *take_string(struct cursor *cursor)
{
	uint32_t len = take_u32(cursor);
	char *text;

	if (cursor->is_bad || len == NO_STRING) {
		return NULL;
	}
	if (len > FRAME_MAX_STRING_BYTES || len > cursor->left || memchr(cursor->at, 0, len)) {
		cursor->is_bad = 1;
		return NULL;
	}
	text = mem_strndup(cursor->at, len);
	cursor->at += len;
	cursor->left -= len;
	return text;
}

static void require(struct cursor *cursor, int condition)
{
	cursor->is_bad |= !condition;
}

/* A title, a label, a name of somebody: text that was made, not kept. */
static char *take_text(struct cursor *cursor)
{
	char *text = take_string(cursor);

	require(cursor, !text || utf8_valid(text, strlen(text)));
	return text;
}

/*
 * Relative, and never out of the folder: no empty component, no "." and no "..". That of a folder
 * that is left out ends in a slash.
 */
static int path_is_inside(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len <= 2 && strncmp(path, "..", len) == 0)) {
			return 0;
		}
		path += len + (path[len] == '/');
		if (!path[0]) {
			return 1;
		}
	}
}

/* Only the files of a tree have one. */
static char *take_path(struct cursor *cursor, const struct frame_reader *reader, int is_needed)
{
	char *path = take_string(cursor);

	require(cursor, path ? reader->is_tree && path_is_inside(path) : !is_needed);
	return path;
}

void frame_finish(struct frame *frame)
{
	free(frame->encoding);
	free(frame->rev);
	free(frame->path);
	free(frame->heading.title);
	part_finish(&frame->part);
	skip_finish(&frame->skip);
	*frame = (struct frame){.part = {.place = {.time_ms = -1}}};
}

static void place_finish(struct frame_reader *reader)
{
	struct part part = {.place = reader->place};

	part_finish(&part);
	reader->place = part.place;
}

void frame_reader_finish(struct frame_reader *reader)
{
	place_finish(reader);
	buf_finish(&reader->in);
	buf_finish(&reader->text);
}

int frame_reader_fill(struct frame_reader *reader, int fd)
{
	struct buf *into = reader->is_in_text ? &reader->text : &reader->in;
	size_t room = READ_BYTES;
	ssize_t n;

	if (reader->is_in_text) {
		size_t left = reader->text_len - reader->text.len;

		/* Room grows with what really came, whatever was announced. */
		room = reader->text.len < READ_BYTES ? READ_BYTES : reader->text.len;
		room = room < left ? room : left;
	} else if (reader->taken) {
		memmove(into->data, into->data + reader->taken, into->len - reader->taken);
		into->len -= reader->taken;
		reader->taken = 0;
	}
	if (buf_try_reserve(into, room) < 0) {
		errno = ENOMEM;
		return -1;
	}
	n = read(fd, into->data + into->len, room);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	reader->is_at_end = n == 0;
	into->len += (size_t)n;
	return n > 0;
}

/* ---- one frame ---- */

static void read_open(struct frame_reader *reader, struct cursor *cursor, struct frame *frame)
{
	uint32_t kind = take_u32(cursor);

	reader->is_utf8 = take_u32(cursor) != 0;
	frame->n_part = take_i64(cursor);
	frame->n_bytes = take_i64(cursor);
	frame->encoding = take_text(cursor);
	frame->rev = take_text(cursor);
	require(cursor, kind <= DOCUMENT_TRANSCRIPT && (kind == DOCUMENT_CODE || !reader->is_tree));
	require(cursor, frame->n_part >= -1 && frame->n_bytes >= -1);
	frame->document_kind = (enum document_kind)kind;
	reader->state = STATE_PARTS;
}

static void read_place(struct frame_reader *reader, struct cursor *cursor)
{
	place_finish(reader);
	reader->place.page = take_i64(cursor);
	reader->place.time_ms = take_i64(cursor);
	reader->place.path = take_path(cursor, reader, reader->is_tree);
	reader->place.label = take_text(cursor);
	reader->place.speaker = take_text(cursor);
	require(cursor, reader->place.page >= 0 && reader->place.page <= INT32_MAX);
	require(cursor, reader->place.time_ms >= -1);
	require(cursor, ++reader->n_part <= FRAME_MAX_PARTS);
	reader->state = STATE_PLACE;
}

static void read_skip(struct frame_reader *reader, struct cursor *cursor, struct frame *frame)
{
	uint32_t class = take_u32(cursor);

	frame->skip.page = take_i64(cursor);
	frame->skip.path = take_path(cursor, reader, 0);
	frame->skip.reason = take_string(cursor);
	require(cursor, class <= SKIP_UNREADABLE && frame->skip.reason);
	require(cursor, frame->skip.page >= 0 && frame->skip.page <= INT32_MAX);
	require(cursor, ++reader->n_part <= FRAME_MAX_PARTS);
	frame->skip.class = (enum skip_class) class;
}

static void read_heading(struct frame_reader *reader, struct cursor *cursor, struct frame *frame)
{
	uint32_t level = take_u32(cursor);
	int64_t part = take_i64(cursor);

	frame->heading.line = take_i64(cursor);
	frame->heading.title = take_text(cursor);
	require(cursor, level >= 1 && level <= 1000 && part >= 0 && part <= FRAME_MAX_PARTS);
	require(cursor, frame->heading.line >= 0 && frame->heading.line <= LOAD_MAX_BYTES);
	require(cursor, frame->heading.title != NULL);
	require(cursor, ++reader->n_heading <= FRAME_MAX_HEADINGS);
	frame->heading.level = (int)level;
	frame->heading.part = (size_t)part;
	reader->state = STATE_HEADINGS;
}

static void begin_file(struct frame_reader *reader, struct cursor *cursor, struct frame *frame)
{
	frame->index = take_u32(cursor);
	require(cursor, frame->index == reader->next_file && reader->next_file < reader->n_file);
	reader->next_file++;
	reader->n_bytes = 0;
	reader->n_part = reader->n_heading = 0;
	reader->state = STATE_FILE;
}

/* Which frames may come now, as bits. */
static unsigned expected(const struct frame_reader *reader)
{
	static const unsigned parts =
		1U << FRAME_PLACE | 1U << FRAME_SKIP | 1U << FRAME_DOCUMENT | 1U << FRAME_READING;
	static const unsigned in[] = {
		[STATE_BETWEEN] = 1U << FRAME_FILE,
		[STATE_FILE] = 1U << FRAME_OPEN | 1U << FRAME_FAILED,
		[STATE_PARTS] = parts | 1U << FRAME_HEADING | 1U << FRAME_END | 1U << FRAME_FAILED,
		[STATE_PLACE] = 1U << FRAME_TEXT,
		[STATE_HEADINGS] = 1U << FRAME_HEADING | 1U << FRAME_END,
	};

	return in[reader->state];
}

/* A frame that lies whole in the cursor. Returns whether it is one to hand on. */
static int read_frame(
	struct frame_reader *reader, uint32_t kind, struct cursor *cursor, struct frame *frame)
{
	frame->kind = (enum frame_kind)kind;
	switch (frame->kind) {
	case FRAME_FILE:
		begin_file(reader, cursor, frame);
		break;
	case FRAME_OPEN:
		read_open(reader, cursor, frame);
		break;
	case FRAME_PLACE:
		read_place(reader, cursor);
		return 0;
	case FRAME_SKIP:
		read_skip(reader, cursor, frame);
		break;
	case FRAME_FAILED:
		read_skip(reader, cursor, frame);
		reader->state = STATE_BETWEEN;
		break;
	case FRAME_DOCUMENT:
		require(cursor, ++reader->n_part <= FRAME_MAX_PARTS);
		/* fall through */
	case FRAME_READING:
		frame->path = take_path(cursor, reader, 1);
		break;
	case FRAME_HEADING:
		read_heading(reader, cursor, frame);
		break;
	case FRAME_END:
		reader->state = STATE_BETWEEN;
		break;
	case FRAME_TEXT: /* see end_text() */
		break;
	}
	return 1;
}

/* Takes the text over. */
static int end_text(struct frame_reader *reader, struct frame *frame, char *text, size_t len)
{
	frame->kind = FRAME_TEXT;
	frame->part = (struct part){reader->place, text, len};
	reader->place = (struct part_place){.time_ms = -1};
	reader->state = STATE_PARTS;
	return reader->is_utf8 && !utf8_valid(text, len) ? -1 : 1;
}

static int continue_text(struct frame_reader *reader, struct frame *frame)
{
	size_t len = reader->text_len;

	if (reader->text.len < len) {
		return 0;
	}
	reader->is_in_text = 0;
	return end_text(reader, frame, buf_take(&reader->text), len);
}

static int begin_text(struct frame_reader *reader, struct frame *frame, size_t len)
{
	const char *bytes = reader->in.data + reader->taken;
	size_t here = reader->in.len - reader->taken;

	if (len > LOAD_MAX_BYTES) {
		return -1;
	}
	if (here >= len) {
		reader->taken += len;
		return end_text(reader, frame, mem_strndup(bytes, len), len);
	}
	reader->is_in_text = 1;
	reader->text_len = len;
	buf_clear(&reader->text);
	buf_add(&reader->text, bytes, here);
	reader->in.len = reader->taken = 0;
	return 0;
}

int frame_reader_next(struct frame_reader *reader, struct frame *frame)
{
	*frame = (struct frame){.part = {.place = {.time_ms = -1}}};
	if (reader->is_in_text) {
		return continue_text(reader, frame);
	}
	for (;;) {
		struct cursor header = {
			reader->in.data + reader->taken, reader->in.len - reader->taken, 0};
		uint32_t kind, len;
		struct cursor body;

		if (header.left < FRAME_HEADER_BYTES) {
			return 0;
		}
		kind = take_u32(&header);
		len = take_u32(&header);
		if (kind > FRAME_FAILED || !(expected(reader) >> kind & 1)) {
			return -1;
		}
		if (kind == FRAME_TEXT || header.left >= len) {
			reader->n_bytes += FRAME_HEADER_BYTES + (uint64_t)len;
			if (reader->n_bytes > reader->max_bytes) {
				return -1;
			}
		}
		if (kind == FRAME_TEXT) {
			reader->taken += FRAME_HEADER_BYTES;
			return begin_text(reader, frame, len);
		}
		if (len > MAX_SMALL_BYTES) {
			return -1;
		}
		if (header.left < len) {
			return 0;
		}
		body = (struct cursor){header.at, len, 0};
		reader->taken += FRAME_HEADER_BYTES + len;
		if (read_frame(reader, kind, &body, frame)) {
			return body.is_bad || body.left ? -1 : 1;
		}
		if (body.is_bad || body.left) {
			return -1;
		}
	}
}
