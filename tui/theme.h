/*
 * Themes: which attributes an element has. A file has a line for each element,
 *
 *     heading = bold blue
 *     quoted  = black on yellow
 *
 * attributes (bold dim italic underline reverse) and colours: default, the sixteen names of the
 * terminal's own (red, bright-red, ...), 0..255, #rrggbb. What the terminal cannot show becomes the
 * nearest it can; without colours only attributes stay. What a file leaves out is as in the default.
 */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include "base/err.h"
#include "tui/element.h"

#include <stddef.h>

enum { THEME_BOLD = 1, THEME_DIM = 2, THEME_ITALIC = 4, THEME_UNDERLINE = 8, THEME_REVERSE = 16 };
struct theme_style {
	int fg, bg; /* -1: the terminal's own; 0..255; 0x1000000 | 0xrrggbb */
	int attributes;
};
struct theme {
	char *name;
	struct theme_style style[ELEMENT_COUNT];
};
/* A name (a file NAME.theme in the user's config folder's themes/, then among those that came with
   carrel) or a path. A mistake is ERR_USAGE with the file and the line. */
int theme_load(struct theme *theme, const char *name, const char *folder, struct err *err);
/* From text; `where` names it in errors. */
int theme_parse(
	struct theme *theme, const char *where, const char *text, size_t len, struct err *err);
void theme_finish(struct theme *theme);
/* What a terminal of so many colours shows of it: 0 (none), 8, 16, 256 or 1 << 24. */
struct theme_style theme_style_fit(struct theme_style style, int n_color);
/* The n-th name there is, malloc'ed; NULL ends them. */
char *theme_name(const char *folder, size_t n);

#endif
