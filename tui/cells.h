/*
 * Text as cells of a terminal: what every view measures and draws with, so that nothing from a file,
 * a name or a model is ever obeyed (promise 15). A cell is a grapheme cluster (utf8proc); what
 * base/escape.h would escape is shown in caret or <U+XXXX> form, several columns wide, in the element
 * ELEMENT_ESCAPED, and so is a combining mark that stands on nothing; a tab goes to the next multiple
 * of eight. Widths are those that terminals agree on, which are those of the characters one by one: so
 * an emoji sequence (joined, with a skin tone, a variation selector or tags) is drawn as its first
 * emoji alone, and none of the invisible characters that make it one is ever written. A cluster of
 * more than CELLS_CLUSTER_BYTES, or of more marks than curses holds in one cell, is cut.
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
/* The terminal shows ASCII only: all else is <U+XXXX>. */
void cells_set_ascii(int is_ascii);
/* The cell that begins at text[at], at < len; `column` is where it will stand (for tabs). */
void cell_read(struct cell *cell, const char *text, size_t len, size_t at, int column);
/* The one that ends there; for walking backwards. */
void cell_read_before(struct cell *cell, const char *text, size_t len, size_t at);
/* Columns of the text in one line. */
int cells_width(const char *text, size_t len);
/* How many bytes fit into `columns`. */
size_t cells_fit(const char *text, size_t len, int columns);
/* The same, up to a space where there is one: a line of text that goes on in the next; never 0. */
size_t cells_line(const char *text, size_t len, int columns);

#endif
