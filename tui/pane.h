/*
 * A rectangle of the screen to draw into; the only way to put anything on it. Rows and columns count
 * from 0 within the pane, what lies outside is cut. Everything drawn passes through tui/cells.h.
 * Panes are values: cheap to make, valid while a frame is drawn.
 */
#ifndef TUI_PANE_H
#define TUI_PANE_H

#include "tui/element.h"

#include <stddef.h>

struct pane {
	int top, left, rows, columns;
};
struct pane pane_part(struct pane pane, int top, int left, int rows, int columns);
void pane_clear(struct pane pane, enum element element);
/*
 * Draw text at a row and column; returns the column behind it. A line feed ends it. What does not fit
 * is cut, with > in its last column where `marks_cut`.
 */
int pane_text(
	struct pane pane, int row, int column, enum element element, const char *text, size_t len);
int pane_string(struct pane pane, int row, int column, enum element element, const char *text);
/* The same, but what does not fit loses its beginning: paths differ at their ends. */
int pane_string_end(struct pane pane, int row, int column, enum element element, const char *text);
int pane_format(struct pane pane, int row, int column, enum element element, const char *format,
	...) __attribute__((format(printf, 5, 6)));
/* The rest of the row from `column` on. */
void pane_fill(struct pane pane, int row, int column, enum element element);
/* Draw the row in another element's background, as a cursor line is. */
void pane_mark_row(struct pane pane, int row, enum element element);
/* Lines: | between columns, - between rows; ASCII where the terminal has no others. */
void pane_line_right(struct pane pane, enum element element);
void pane_line_below(struct pane pane, enum element element);
/* [####......] of `columns`. */
void pane_meter(struct pane pane, int row, int column, int columns, double fraction, double mark);
/* A sparkline of the values, newest right. */
void pane_sparkline(
	struct pane pane, int row, int column, int columns, const double *value, size_t n);
/* Where the terminal's cursor stands when the frame is shown. */
void pane_cursor(struct pane pane, int row, int column);

#endif
