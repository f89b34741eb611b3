/*
 * Where the characters of the input line stand: a text of several lines in rows of so many columns,
 * and the way back from a place on the screen to one in the text. Measured with tui/cells.h.
 */
#ifndef TUI_INPUT_LAYOUT_H
#define TUI_INPUT_LAYOUT_H

#include "base/buf.h"

#include <stddef.h>

struct input_row {
	size_t at, end; /* bytes of the text that stand in it, without a line feed */
};
struct input_layout { /* zero-initialise; input_layout_finish() */
	struct input_row *row;
	size_t n_row, cap_row; /* one at least once it was made */
	int columns;
	struct buf text; /* what it was made of */
};
/*
 * Rows that a text takes. What stands in front of the first change since the last call is not
 * measured again. Behind a last row that is full stands an empty one, for the cursor.
 */
void input_layout_make(struct input_layout *layout, const char *text, size_t len, int columns);
void input_layout_finish(struct input_layout *layout);
/* Where the cursor in front of text[at] stands; within a cluster it stands at its beginning. */
void input_layout_place(const struct input_layout *layout, size_t at, size_t *row, int *column);
/* The byte at a row and nearest to a column: always one at which the cursor is in that row. */
size_t input_layout_at(const struct input_layout *layout, size_t row, int column);
/* Columns that a row's text takes. */
int input_layout_width(const struct input_layout *layout, size_t row);

#endif
