/*
 * Styled text: a logical text with runs of elements over it, and how it falls into rows of some
 * width. Copying takes the logical text; rows exist for drawing only, and are made again when the
 * width changes. Appending is cheap: rows of paragraphs that are complete stay.
 *
 * Blocks follow each other in the text, a line feed behind each; one within a block begins a new row
 * of it. Text behind the last block is not shown before styled_end_block().
 */
#ifndef TUI_STYLED_H
#define TUI_STYLED_H

#include "base/buf.h"
#include "tui/element.h"
#include "tui/pane.h"

#include <stddef.h>

struct styled_run { /* bytes [at, at + len); runs are in order and apart; between them is ELEMENT_TEXT */
	size_t at, len;
	enum element element;
	int link; /* citation number from 1, or 0 */
};
struct styled_block { /* a paragraph, an item, a line of code, a row of a table */
	size_t at, len;
	int indent, hang; /* columns: of its first row, and of those that follow */
	int no_wrap;      /* code and tables: cut, not broken */
	int n_quote;      /* bars left of it: the block quotes that it stands in */
	size_t code;      /* which block of code it is a line of, from 1; 0: of none */
};
struct styled {
	struct buf text;
	struct styled_run *run;
	size_t n_run, cap_run;
	struct styled_block *block;
	size_t n_block, cap_block;
	size_t n_settled; /* blocks that nobody changes any more, whose rows may be kept; the owner's */
};
void styled_clear(struct styled *styled);
void styled_finish(struct styled *styled);
void styled_add(struct styled *styled, enum element element, const char *text, size_t len);
void styled_add_link(
	struct styled *styled, enum element element, int link, const char *text, size_t len);
/* Returns the block, to say more about it; valid until the next one. */
struct styled_block *styled_end_block(struct styled *styled, int indent, int hang, int no_wrap);
/* What was added since these were its lengths goes; never into what is settled. */
void styled_cut(struct styled *styled, size_t text_len, size_t n_run, size_t n_block);
/* The first run that ends behind byte `at`; n_run where none does. */
size_t styled_run_at(const struct styled *styled, size_t at);

struct styled_row {
	size_t at, len; /* of the text */
	int indent;
	size_t block;
};
struct styled_rows {
	struct styled_row *row;
	size_t n_row, cap_row;
	int columns;
	size_t n_block; /* whose rows stay: those that were settled */
};
/* Make the rows of that width, reusing those of settled blocks; 0 columns: none. */
void styled_wrap(struct styled_rows *rows, const struct styled *styled, int columns);
void styled_rows_finish(struct styled_rows *rows);
/* The row that byte `at` of the text stands in: the last that begins there or before; 0 of none. */
size_t styled_row_of(const struct styled_rows *rows, size_t at);

struct styled_mark { /* in order and apart */
	size_t at, len;
	enum element element;
};
struct styled_look { /* how rows are drawn */
	int left;    /* columns that code and tables are moved by: a multiple of 8 */
	int link;    /* the citation under the cursor; 0: none */
	const struct styled_mark *mark; /* drawn over it */
	size_t n_mark;
};
/* Draw row `index` at `row` of the pane; what is cut ends with >. */
void styled_draw_row(struct pane pane, int row, const struct styled *styled,
	const struct styled_rows *rows, size_t index, const struct styled_look *look);

#endif
