/*
 * Styled text: a logical text with runs of elements over it, and how it falls into rows of some
 * width. Copying takes the logical text; rows exist for drawing only, and are made again when the
 * width changes. Appending is cheap: rows of paragraphs that are complete stay.
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
};
struct styled {
	struct buf text;
	struct styled_run *run;
	size_t n_run, cap_run;
	struct styled_block *block;
	size_t n_block, cap_block;
};
void styled_clear(struct styled *styled);
void styled_finish(struct styled *styled);
void styled_add(struct styled *styled, enum element element, const char *text, size_t len);
void styled_end_block(struct styled *styled, int indent, int hang, int no_wrap);

struct styled_row {
	size_t at, len; /* of the text */
	int indent;
	size_t block;
};
struct styled_rows {
	struct styled_row *row;
	size_t n_row, cap_row;
	int columns;
	size_t n_block; /* that they were made of */
};
/* Make the rows of that width, reusing those of blocks that are there already; 0 columns: from anew. */
void styled_wrap(struct styled_rows *rows, const struct styled *styled, int columns);
void styled_rows_finish(struct styled_rows *rows);
/* Draw row `index` at `row` of the pane; `link` that is current is drawn as under the cursor. */
void styled_draw_row(struct pane pane, int row, const struct styled *styled,
	const struct styled_rows *rows, size_t index, int link);

#endif
