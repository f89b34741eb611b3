/*
 * Lines of a document over its parts, for a screen that opens 20 MB in a frame: nothing is made
 * before it is asked for. A place is a part and a byte in it. What a view shows in one piece is a
 * stretch: a line, or of a line that is long a piece of 4 to 8 KiB, so that a line of 5 MB costs no
 * more than others. Where stretches begin depends on the text near them alone: finding one reads
 * 12 KiB at most, from wherever it is asked.
 *
 * Line numbers come from marks, one for each 64 KiB of the part that was asked about last, made as
 * far as they are needed; callers say how many bytes may be read for them.
 */
#ifndef TUI_DOCUMENT_LINES_H
#define TUI_DOCUMENT_LINES_H

#include "session/desk.h"

#include <stddef.h>
#include <stdint.h>

struct text_place {
	size_t part, at;
};
/* Negative, 0, positive: a stands before, at, behind b. */
int text_place_compare(struct text_place a, struct text_place b);

struct text_stretch {
	size_t at, end;   /* what is shown: without the line end */
	size_t next;      /* where the next one begins; the part's end for its last one */
	int begins_line;  /* else the line goes on */
	int has_line_end; /* behind it stands a line feed */
};
enum { STRETCH_BYTES = 4096 };
/* The one that text[at] stands in; at its end, the last one. An empty text has one empty stretch. */
struct text_stretch text_stretch_at(const char *text, size_t len, size_t at);
/* The one in front of a stretch that begins at text[at], at > 0. */
struct text_stretch text_stretch_before(const char *text, size_t len, size_t at);
/* Where the line of text[at] begins. */
size_t text_line_begin(const char *text, size_t at);
/* Where it ends: at its line feed, or at the text's end. */
size_t text_line_end(const char *text, size_t len, size_t at);
size_t text_count_newlines(const char *text, size_t len);

struct document_lines {
	const struct document *document; /* borrowed */
	size_t *before;                  /* [n_part + 1]: bytes of the parts in front of each */
	/* mark[i]: line feeds in the first i * MARK_BYTES of part `marked`. */
	int64_t *mark;
	size_t n_mark, cap_mark, marked;
};
void document_lines_init(struct document_lines *lines, const struct document *document);
void document_lines_finish(struct document_lines *lines);

/* Bytes of all parts, and of those in front of a place. */
size_t document_lines_bytes(const struct document_lines *lines);
size_t document_lines_offset(const struct document_lines *lines, struct text_place place);
struct text_place document_lines_place(const struct document_lines *lines, size_t offset);

/*
 * The number, from 1, of the line in its part that a place stands in; 0 where *work_bytes, which
 * counts down, did not suffice to find out: ask again, what was found is kept.
 */
int64_t document_lines_number(
	struct document_lines *lines, struct text_place place, size_t *work_bytes);
/* Where a line begins, the last one where there are fewer; 0 where *work_bytes did not suffice. */
int document_lines_find(
	struct document_lines *lines, size_t part, int64_t line, size_t *at, size_t *work_bytes);

#endif
