/*
 * Text as cells of a terminal: what every view measures and draws with, so that nothing from a file,
 * a name or a model is ever obeyed (promise 15). A grapheme cluster (utf8proc) takes 1 or 2 columns;
 * what base/escape.h would escape is shown in caret or <U+XXXX> form, several columns wide, in the
 * element ELEMENT_ESCAPED; a tab goes to the next multiple of eight. Widths are those that terminals
 * agree on (utf8proc_charwidth of the base character, 2 for emoji sequences); a cluster of more than
 * CELLS_CLUSTER_BYTES is cut.
 */
#ifndef TUI_CELLS_H
#define TUI_CELLS_H

#include "base/buf.h"

#include <stddef.h>

enum { CELLS_CLUSTER_BYTES = 64 };
struct cell {
	size_t at, len;                      /* bytes of the text that it shows */
	int width;                           /* columns; 0 at a line feed */
	int is_escaped;                      /* `shown` stands for the bytes */
	int is_space;                        /* a line may be broken behind it */
	int may_break;                       /* and behind this, too (CJK, after hyphens) */
	char shown[CELLS_CLUSTER_BYTES + 1]; /* what to draw, UTF-8 */
};
/* The cell that begins at text[at], at < len; `column` is where it will stand (for tabs). */
void cell_read(struct cell *cell, const char *text, size_t len, size_t at, int column);
/* The one that ends there; for walking backwards. */
void cell_read_before(struct cell *cell, const char *text, size_t len, size_t at);
/* Columns of the text in one line. */
int cells_width(const char *text, size_t len);
/* How many bytes fit into `columns`. */
size_t cells_fit(const char *text, size_t len, int columns);

#endif
