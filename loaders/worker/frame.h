/*
 * Frames: what a worker answers, a header (kind and length, both u32 of the machine's byte order:
 * both ends are one machine) and that many bytes. For each file of a job, in their order:
 *
 *	FILE, OPEN, any number of (PLACE, TEXT), SKIP, DOCUMENT and READING, HEADINGs, END;
 *	FAILED instead of OPEN, or at any later place in front of the first HEADING, ends the file.
 *
 * Strings are a u32 length (NO_STRING: there is none) and bytes without NUL.
 *
 * The reader stands in carrel and takes every byte for hostile: a worker may have been taken over
 * by what it read. Frames out of order, values out of range, strings that are not what they should
 * be and more than was asked for end it.
 */
#ifndef LOADERS_WORKER_FRAME_H
#define LOADERS_WORKER_FRAME_H

#include "base/buf.h"
#include "loaders/document.h"
#include "loaders/loader.h"

#include <stddef.h>
#include <stdint.h>

enum frame_kind {
	FRAME_FILE = 1, /* u32 which one of the job's */
	FRAME_OPEN,     /* u32 kind, u32 is_utf8, i64 n_part, i64 n_bytes, encoding, rev */
	FRAME_PLACE,    /* i64 page, i64 time_ms, path, label, speaker */
	FRAME_TEXT,     /* of the part that PLACE began */
	FRAME_SKIP,     /* u32 class, i64 page, path, reason */
	FRAME_DOCUMENT, /* path */
	FRAME_READING,  /* path: what is about to be read */
	FRAME_HEADING,  /* u32 level, u64 part, i64 line, title */
	FRAME_END,
	FRAME_FAILED, /* u32 class, i64 0, NO_STRING, reason */
};

enum {
	FRAME_HEADER_BYTES = 8,
	FRAME_MAX_STRING_BYTES = 16384,
	FRAME_MAX_PARTS = 1 << 22,
	FRAME_MAX_HEADINGS = 1 << 20,
};
#define NO_STRING UINT32_MAX

/* ---- the worker's end ---- */

struct frame_writer {
	int fd;
	struct buf out;
};
/* All of these end the process where the pipe is gone: nobody is left to be told. */
void frame_write_file(struct frame_writer *writer, uint32_t index);
void frame_write_open(struct frame_writer *writer, const struct reader *reader);
void frame_write_part(struct frame_writer *writer, const struct part *part);
void frame_write_skip(struct frame_writer *writer, const struct skip *skip);
void frame_write_failed(struct frame_writer *writer, const struct skip *skip);
void frame_write_path(struct frame_writer *writer, enum frame_kind kind, const char *path);
void frame_write_heading(struct frame_writer *writer, const struct heading *heading);
void frame_write_end(struct frame_writer *writer);
void frame_writer_flush(struct frame_writer *writer);
void frame_writer_finish(struct frame_writer *writer);

/* ---- carrel's end ---- */

/* One answer. What it points to belongs to the caller: take it and zero it, or frame_finish(). */
struct frame {
	enum frame_kind kind; /* FRAME_TEXT: a whole part */
	uint32_t index;
	enum document_kind document_kind;
	int64_t n_part, n_bytes;
	char *encoding, *rev, *path;
	struct part part;
	struct skip skip;
	struct heading heading;
};
void frame_finish(struct frame *frame);

struct frame_reader {
	/* Set by the caller. */
	uint32_t n_file;
	int is_tree;        /* paths are asked for; the limit is for each file of it */
	uint64_t max_bytes; /* of all frames of one file, or of a tree */

	uint32_t next_file;
	int state;
	int is_utf8; /* what it said of this file's text */
	uint64_t n_bytes;
	size_t n_part, n_heading;
	struct part_place place;
	struct buf in; /* what has not been looked at begins at `taken` */
	size_t taken;
	struct buf text; /* of a part that is longer than a read */
	size_t text_len;
	int is_in_text;
	int is_at_end;
};

/*
 * Read once. 1 where something came, 0 at the end or where nothing is there yet (is_at_end tells),
 * -1 (errno) where reading failed.
 */
int frame_reader_fill(struct frame_reader *reader, int fd);
/* 1 with the next frame; 0 where more bytes are needed; -1 where they are no answer. */
int frame_reader_next(struct frame_reader *reader, struct frame *frame);
void frame_reader_finish(struct frame_reader *reader);

#endif
