#include "tui/pane.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "tui/cells.h"
#include "tui/screen.h"

#include <curses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_CELLS = 256 };

struct drawn_style { /* of an element, as this terminal shows it */
	attr_t attributes;
	int fg, bg, pair;
};
static struct drawn_style styles[ELEMENT_COUNT];
static int cursor_row = -1, cursor_column = -1;

/* ---- styles ---- */

static attr_t curses_attributes(int attributes)
{
	return (attributes & THEME_BOLD ? A_BOLD : 0) | (attributes & THEME_DIM ? A_DIM : 0) |
	       (attributes & THEME_ITALIC ? A_ITALIC : 0) |
	       (attributes & THEME_UNDERLINE ? A_UNDERLINE : 0) |
	       (attributes & THEME_REVERSE ? A_REVERSE : 0);
}

static int pair_of(int fg, int bg)
{
	int pair = fg < 0 && bg < 0 ? 0 : alloc_pair(fg, bg);

	return pair < 0 ? 0 : pair;
}

void screen_set_theme(const struct theme *theme, int n_color)
{
	for (int i = 0; i < ELEMENT_COUNT; i++) {
		struct theme_style style = theme->style[i];

		/* Without colours a background of its own is reversed, but not that of all text. */
		if (n_color < 8 && style.bg == theme->style[ELEMENT_TEXT].bg) {
			style.bg = -1;
		}
		style = theme_style_fit(style, n_color);
		styles[i] = (struct drawn_style){curses_attributes(style.attributes), style.fg,
			style.bg, n_color < 8 ? 0 : pair_of(style.fg, style.bg)};
	}
}

int screen_cursor(int *row, int *column)
{
	*row = cursor_row;
	*column = cursor_column;
	return cursor_row >= 0;
}

void screen_hide_cursor(void)
{
	cursor_row = cursor_column = -1;
}

void screen_begin(void)
{
	int pair = styles[ELEMENT_TEXT].pair;
	cchar_t blank;

	screen_hide_cursor();
	/* What nothing is drawn on has the background of all text. */
	setcchar(&blank, L" ", styles[ELEMENT_TEXT].attributes, (short)pair, &pair);
	bkgrndset(&blank);
	erase();
}

/* ---- runs of cells ---- */

struct run { /* of one style, gathered before it goes to curses */
	struct pane pane;
	int row, column; /* of its first cell, in the pane */
	int columns;
	struct drawn_style style;
	int n;
	cchar_t cell[RUN_CELLS];
};

static void run_begin(struct run *run, struct pane pane, int row, int column, enum element element)
{
	run->pane = pane;
	run->row = row;
	run->column = column;
	run->columns = 0;
	run->style = styles[element];
	run->n = 0;
}

static void run_flush(struct run *run)
{
	if (run->n) {
		mvadd_wchnstr(
			run->pane.top + run->row, run->pane.left + run->column, run->cell, run->n);
	}
	run->column += run->columns;
	run->columns = 0;
	run->n = 0;
}

/* One character with its marks, so many columns wide. */
static void run_add(struct run *run, const wchar_t *characters, int width)
{
	int pair = run->style.pair;

	if (run->n == RUN_CELLS) {
		run_flush(run);
	}
	setcchar(&run->cell[run->n++], characters, run->style.attributes, (short)pair, &pair);
	run->columns += width;
}

static void run_add_ascii(struct run *run, char c)
{
	run_add(run, (const wchar_t[]){(unsigned char)c, 0}, 1);
}

/* A cell's text: each character of some width is one of curses, with the marks behind it. */
static void run_add_shown(struct run *run, const char *shown)
{
	wchar_t characters[CCHARW_MAX + 1];
	int n = 0, width = 0;

	while (*shown) {
		uint32_t cp = 0;
		size_t len = utf8_decode(shown, strlen(shown), &cp);
		int columns = cp < 0x80 ? 1 : wcwidth((wchar_t)cp);

		shown += len ? len : 1;
		if (columns > 0 && n) {
			characters[n] = 0;
			run_add(run, characters, width);
			n = 0;
		}
		if (n < CCHARW_MAX) {
			characters[n++] = (wchar_t)cp;
			width = columns > 0 ? columns : width;
		}
	}
	if (n) {
		characters[n] = 0;
		run_add(run, characters, width);
	}
}

/* ---- panes ---- */

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

struct pane pane_part(struct pane pane, int top, int left, int rows, int columns)
{
	int first_row = most(top, 0), first_column = most(left, 0);
	int end_row = least(top + most(rows, 0), pane.rows),
	    end_column = least(left + most(columns, 0), pane.columns);

	return (struct pane){pane.top + first_row, pane.left + first_column,
		most(end_row - first_row, 0), most(end_column - first_column, 0)};
}

static int has_row(struct pane pane, int row)
{
	return row >= 0 && row < pane.rows && pane.columns > 0;
}

static void fill(
	struct pane pane, int row, int from, int to, enum element element, const wchar_t *with)
{
	struct run run;

	if (!has_row(pane, row)) {
		return;
	}
	from = most(from, 0);
	run_begin(&run, pane, row, from, element);
	for (int column = from; column < least(to, pane.columns); column++) {
		run_add(&run, with, 1);
	}
	run_flush(&run);
}

void pane_fill(struct pane pane, int row, int column, enum element element)
{
	fill(pane, row, column, pane.columns, element, L" ");
}

void pane_clear(struct pane pane, enum element element)
{
	for (int row = 0; row < pane.rows; row++) {
		pane_fill(pane, row, 0, element);
	}
}

/* The last column says that there was more. */
static void mark_cut(struct pane pane, int row, enum element element)
{
	struct run run;

	run_begin(&run, pane, row, pane.columns - 1, element);
	run_add_ascii(&run, '>');
	run_flush(&run);
}

/* Draw a cell at the end of the run; one that stands left of the pane in part becomes spaces. */
static void draw_cell(struct run *run, const struct cell *cell, int column, enum element element)
{
	if (column < 0) {
		for (int i = column; i < column + cell->width; i++) {
			if (i >= 0) {
				run_add_ascii(run, ' ');
			}
		}
		return;
	}
	if (!cell->is_escaped) {
		run_add_shown(run, cell->shown);
		return;
	}
	run_flush(run);
	run->style = styles[ELEMENT_ESCAPED];
	run_add_shown(run, cell->shown);
	run_flush(run);
	run->style = styles[element];
}

/* Whether there is anything to see in the rest of the line: spaces may hang over the edge. */
static int is_blank(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (text[i] == ' ' || text[i] == '\t')) {
		i++;
	}
	return i == len || text[i] == '\n';
}

int pane_text(
	struct pane pane, int row, int column, enum element element, const char *text, size_t len)
{
	struct cell cell;
	struct run run;
	int at_column = column, is_shown = has_row(pane, row);

	run_begin(&run, pane, row, most(column, 0), element);
	for (size_t at = 0; at < len; at += cell.len) {
		cell_read(&cell, text, len, at, most(at_column, 0));
		if (text[at] == '\n') {
			break;
		}
		if (is_shown && at_column + cell.width > pane.columns) {
			if (at_column < pane.columns) { /* half of it: its place stays empty */
				fill(pane, row, at_column, pane.columns, element, L" ");
			}
			run_flush(&run);
			if (!is_blank(text + at, len - at)) {
				mark_cut(pane, row, element);
			}
			return pane.columns;
		}
		if (is_shown && at_column + cell.width > 0) {
			draw_cell(&run, &cell, at_column, element);
		}
		at_column += cell.width;
	}
	run_flush(&run);
	return at_column;
}

int pane_string(struct pane pane, int row, int column, enum element element, const char *text)
{
	return pane_text(pane, row, column, element, text, strlen(text));
}

int pane_string_end(struct pane pane, int row, int column, enum element element, const char *text)
{
	size_t len = strlen(text), at = 0;
	int width = cells_width(text, len), room = pane.columns - column;
	struct cell cell;

	if (width > room && room > 1) {
		column = pane_string(pane, row, column, ELEMENT_DIM, "<");
		for (; width > room - 1; at += cell.len) {
			cell_read(&cell, text, len, at, 0);
			width -= cell.width;
		}
	}
	return pane_text(pane, row, column, element, text + at, len - at);
}

int pane_format(
	struct pane pane, int row, int column, enum element element, const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	column = pane_text(pane, row, column, element, buf_str(&text), text.len);
	buf_finish(&text);
	return column;
}

void pane_mark_row(struct pane pane, int row, enum element element)
{
	const struct drawn_style *mark = &styles[element];

	for (int column = 0; has_row(pane, row) && column < pane.columns; column++) {
		wchar_t characters[CCHARW_MAX + 1];
		attr_t attributes = 0;
		short short_pair = 0;
		int pair = 0, fg = -1, bg = -1, y = pane.top + row, x = pane.left + column;
		cchar_t cell;

		if (mvin_wch(y, x, &cell) == ERR ||
			getcchar(&cell, characters, &attributes, &short_pair, &pair) == ERR) {
			continue;
		}
		if (pair) {
			extended_pair_content(pair, &fg, &bg);
		}
		fg = mark->fg >= 0 ? mark->fg : fg;
		bg = mark->bg >= 0 ? mark->bg : bg;
		pair = mark->pair || pair ? pair_of(fg, bg) : 0;
		mvchgat(y, x, 1, (attributes & A_ATTRIBUTES & ~A_COLOR) | mark->attributes,
			(short)pair, &pair);
	}
}

void pane_line_right(struct pane pane, enum element element)
{
	for (int row = 0; row < pane.rows; row++) {
		fill(pane, row, pane.columns - 1, pane.columns, element,
			term_has_utf8() ? L"\x2502" : L"|");
	}
}

void pane_line_below(struct pane pane, enum element element)
{
	fill(pane, pane.rows - 1, 0, pane.columns, element, term_has_utf8() ? L"\x2500" : L"-");
}

/* A figure between 0 and 1, as a column of so many. */
static int column_of(double fraction, int columns)
{
	return fraction > 0 ? (int)(fraction < 1 ? fraction * columns + 0.5 : columns) : 0;
}

void pane_meter(struct pane pane, int row, int column, int columns, double fraction, double mark)
{
	int inner = columns - 2, used = column_of(fraction, inner), at = column_of(mark, inner);
	enum element element = fraction >= 1 ? ELEMENT_METER_FULL : ELEMENT_METER_USED;

	if (inner < 1) {
		return;
	}
	if (fraction > 0 && !used) {
		used = 1; /* something is not nothing */
	}
	pane_string(pane, row, column, ELEMENT_METER, "[");
	fill(pane, row, column + 1, column + 1 + used, element, L"#");
	fill(pane, row, column + 1 + used, column + 1 + inner, ELEMENT_METER, L".");
	if (mark > 0 && mark < 1) {
		at = least(at, inner - 1);
		fill(pane, row, column + 1 + at, column + 2 + at, ELEMENT_METER, L"|");
	}
	pane_string(pane, row, column + columns - 1, ELEMENT_METER, "]");
}

void pane_sparkline(
	struct pane pane, int row, int column, int columns, const double *value, size_t n)
{
	static const wchar_t blocks[] = L"\x2581\x2582\x2583\x2584\x2585\x2586\x2587\x2588",
			     ascii[] = L"_.:-=+*#";
	size_t shown = n < (size_t)most(columns, 0) ? n : (size_t)most(columns, 0);
	double highest = 0;

	for (size_t i = n - shown; i < n; i++) {
		highest = value[i] > highest ? value[i] : highest;
	}
	for (size_t i = 0; i < shown; i++) {
		double part = highest > 0 ? value[n - shown + i] / highest : 0;
		int level = column_of(part, 7), at = column + columns - (int)(shown - i);
		wchar_t block[2] = {(term_has_utf8() ? blocks : ascii)[level], 0};

		fill(pane, row, at, at + 1, ELEMENT_METER_USED, block);
	}
}

void pane_cursor(struct pane pane, int row, int column)
{
	if (has_row(pane, row) && column >= 0) {
		cursor_row = pane.top + row;
		cursor_column = pane.left + least(column, pane.columns - 1);
	}
}
