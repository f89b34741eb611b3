/*
 * A document as rows of a screen: its lines wrapped at some width or cut, with a head in front of each
 * file and page. Rows are found from wherever one stands, forward and backward, without making those
 * in front of them (tui/document_lines.h: a stretch has a few KiB at most).
 */
#ifndef TUI_DOCUMENT_ROWS_H
#define TUI_DOCUMENT_ROWS_H

#include "tui/document_lines.h"
#include "tui/pane.h"

#include <stddef.h>

struct document_row {
	size_t part, at, end; /* bytes that it shows */
	int is_head;          /* of its part: at and end are 0 */
	int begins_line, ends_stretch;
};

struct document_rows {
	const struct document_lines *lines; /* borrowed */
	int columns, wraps;
	int is_raw;    /* each byte outside ASCII by itself, tabs and line ends shown */
	int has_heads; /* files and pages have; cues have theirs in the margin */
	/* Where the rows of the stretch that was looked at last begin. */
	size_t of_part, *begin, n_begin, cap_begin;
	struct text_stretch of;
	int is_made;
};
void document_rows_init(struct document_rows *rows, const struct document_lines *lines);
void document_rows_finish(struct document_rows *rows);
/* Another width or way to show: rows that were found before are none any more. */
void document_rows_set(struct document_rows *rows, int columns, int wraps, int is_raw);

/* The document has a part, at least, for all of these. */
struct document_row document_rows_first(struct document_rows *rows);
struct document_row document_rows_last(struct document_rows *rows);
/* The row in which a place is shown. */
struct document_row document_rows_at(struct document_rows *rows, struct text_place place);
/* The row n rows on, or back where n is negative; the first or the last one where there are fewer. */
struct document_row document_rows_go(struct document_rows *rows, struct document_row row, long n);
int document_row_compare(struct document_row a, struct document_row b);

/* Bytes [at, end) of a part in an element of their own. */
struct document_mark {
	size_t part, at, end;
	enum element element;
};
/*
 * Draw a row that is no head at a row of the pane from `left` on, shifted by `shift` columns; later
 * marks stand over earlier ones.
 */
void document_rows_draw(struct document_rows *rows, struct pane pane, int screen_row, int left,
	int shift, struct document_row row, const struct document_mark *mark, size_t n_mark);
/* The column, from 0, at which a byte of the row is shown. */
int document_rows_column(struct document_rows *rows, struct document_row row, size_t at);

#endif
