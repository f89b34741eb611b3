#include "tui/cells.h"

#include "base/escape.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

/* curses holds so many characters of no width with the one that they stand on. */
enum { MARKS_MOST = 4 };
/* How far back a cell that ends somewhere is looked for. */
enum { BACK_BYTES = 4 * CELLS_CLUSTER_BYTES };

static int ascii_only;

void cells_set_ascii(int is_ascii)
{
	ascii_only = is_ascii;
}

/*
 * curses places what follows by the C library's widths, so where these are known (a UTF-8 locale)
 * they hold; a character that it has no width for is -1.
 */
static int char_width(uint32_t cp)
{
	if (MB_CUR_MAX > 1) {
		return wcwidth((wchar_t)cp);
	}
	return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_CN
		       ? -1
		       : utf8proc_charwidth((utf8proc_int32_t)cp);
}

static int is_pictographic(uint32_t cp)
{
	return utf8proc_get_property((utf8proc_int32_t)cp)->boundclass ==
	       UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static int is_regional(uint32_t cp)
{
	return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

/* Behind which an ideograph's or a hyphen's line may end. */
static int breaks_behind(uint32_t cp)
{
	return cp == '-' || cp == 0x2010 || cp == 0x2013 || cp == 0x2014 ||
	       (cp >= 0x2e80 && cp <= 0x9fff) || (cp >= 0xac00 && cp <= 0xd7a3) ||
	       (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xff01 && cp <= 0xff60) ||
	       (cp >= 0x20000 && cp <= 0x3fffd);
}

/* Show n bytes as what they are: ^[ or <U+202E> or <FF>. */
static void show_escaped(struct cell *cell, const char *bytes, size_t n, uint32_t cp)
{
	cell->len = n ? n : 1;
	cell->is_escaped = 1;
	if (!n) {
		snprintf(cell->shown, sizeof(cell->shown), "<%02X>", (unsigned char)bytes[0]);
	} else if (cp < 0x20 || cp == 0x7f) {
		snprintf(cell->shown, sizeof(cell->shown), "^%c", (int)(cp ^ 0x40));
	} else {
		snprintf(cell->shown, sizeof(cell->shown), "<U+%04X>", (unsigned)cp);
	}
	cell->width = (int)strlen(cell->shown);
}

static void show_tab(struct cell *cell, int column)
{
	cell->len = 1;
	cell->width = 8 - column % 8;
	cell->is_space = 1;
	memset(cell->shown, ' ', (size_t)cell->width);
	cell->shown[cell->width] = '\0';
}

static void show_ascii(struct cell *cell, char c)
{
	cell->len = 1;
	cell->width = 1;
	cell->is_space = c == ' ';
	cell->may_break = c == '-';
	cell->shown[0] = c;
	cell->shown[1] = '\0';
}

/* A cluster while it is gathered. */
struct cluster {
	uint32_t first, last; /* characters of it */
	utf8proc_int32_t state;
	size_t n_shown; /* bytes */
	int n_mark, is_emoji;
};

/*
 * Whether the next character belongs to the cluster: 0 it does not, 1 it is shown with it, 2 it only
 * says how (an emoji's variation selector, joiner, skin tone, and what is joined), on which terminals
 * do not agree: the first emoji is shown, which takes two columns everywhere.
 */
static int joins(struct cluster *cluster, uint32_t cp, const char *behind, size_t n_behind)
{
	uint32_t after = 0;

	if (cp < 0x80 || utf8proc_grapheme_break_stateful((utf8proc_int32_t)cluster->last,
				 (utf8proc_int32_t)cp, &cluster->state)) {
		return 0;
	}
	if (cp == 0xfe0f || cp == 0xfe0e) {
		return cluster->is_emoji || strchr("0123456789#*", (int)cluster->first) ? 2 : 0;
	}
	if (cp == 0x200d) {
		utf8proc_int32_t state = cluster->state;

		return cluster->is_emoji && n_behind && utf8_decode(behind, n_behind, &after) &&
				       is_pictographic(after) &&
				       !utf8proc_grapheme_break_stateful(
					       0x200d, (utf8proc_int32_t)after, &state)
			       ? 2
			       : 0;
	}
	if (cp >= 0xe0020 && cp <= 0xe007f) {
		return cluster->first == 0x1f3f4 ? 2 : 0;
	}
	if (cluster->is_emoji && (is_pictographic(cp) || (cp >= 0x1f3fb && cp <= 0x1f3ff))) {
		return 2;
	}
	return !escape_needed(cp) && char_width(cp) >= 0 && cluster->n_mark < MARKS_MOST;
}

static void show_cluster(struct cell *cell, const char *bytes, size_t len, size_t n, uint32_t cp)
{
	struct cluster cluster = {.first = cp, .last = cp, .n_shown = n};

	memcpy(cell->shown, bytes, n);
	cell->len = n;
	cell->width = char_width(cp);
	cluster.is_emoji = is_pictographic(cp);
	while (cell->len < len) {
		const char *next = bytes + cell->len;
		size_t left = len - cell->len;
		int how;

		n = utf8_decode(next, left, &cp);
		if (!n || cell->len + n > CELLS_CLUSTER_BYTES) {
			break;
		}
		how = joins(&cluster, cp, next + n, left - n);
		if (!how) {
			break;
		}
		if (how == 1) {
			memcpy(cell->shown + cluster.n_shown, next, n);
			cluster.n_shown += n;
			cell->width += char_width(cp);
			cluster.n_mark++;
		}
		cell->len += n;
		cluster.last = cp;
	}
	cell->shown[cluster.n_shown] = '\0';
	cell->is_space =
		cluster.first == 0x3000 ||
		(cluster.first >= 0x2000 && cluster.first <= 0x200a && cluster.first != 0x2007);
	cell->may_break = breaks_behind(cluster.first) || is_regional(cluster.first);
}

void cell_read(struct cell *cell, const char *text, size_t len, size_t at, int column)
{
	const char *bytes = text + at;
	unsigned char c = (unsigned char)bytes[0];
	uint32_t cp = 0;
	size_t n;

	cell->at = at;
	cell->len = 1;
	cell->width = cell->is_escaped = cell->is_space = cell->may_break = 0;
	cell->shown[0] = '\0';
	if (c >= 0x20 && c < 0x7f && (at + 1 >= len || (signed char)bytes[1] >= 0)) {
		show_ascii(cell, (char)c);
		return;
	}
	if (c == '\n') {
		cell->is_space = 1;
		return;
	}
	if (c == '\t') {
		show_tab(cell, column);
		return;
	}
	n = utf8_decode(bytes, len - at, &cp);
	/* A mark without anything to stand on would be drawn over its neighbour. */
	if (!n || escape_needed(cp) || (ascii_only && cp >= 0x80) || char_width(cp) <= 0) {
		show_escaped(cell, bytes, n, cp);
		return;
	}
	if (ascii_only) {
		show_ascii(cell, (char)c);
		return;
	}
	show_cluster(cell, bytes, len - at, n, cp);
	if (cp == ' ') {
		cell->is_space = 1;
	}
}

void cell_read_before(struct cell *cell, const char *text, size_t len, size_t at)
{
	size_t from = at - 1;

	/* An ASCII character always begins a cell; failing that any character is a place to begin. */
	while (from > 0 && at - from < BACK_BYTES && (signed char)text[from] < 0) {
		from--;
	}
	while (from > 0 && from + 4 > at - BACK_BYTES &&
		((unsigned char)text[from] & 0xc0) == 0x80) {
		from--;
	}
	do {
		cell_read(cell, text, len, from, 0);
		from += cell->len;
	} while (from < at);
	if (from > at) { /* asked about the middle of one */
		cell_read(cell, text, at, cell->at, 0);
	}
}

int cells_width(const char *text, size_t len)
{
	struct cell cell;
	int columns = 0;

	for (size_t at = 0; at < len; at += cell.len) {
		cell_read(&cell, text, len, at, columns);
		columns += cell.width;
	}
	return columns;
}

size_t cells_fit(const char *text, size_t len, int columns)
{
	struct cell cell;
	int column = 0;
	size_t at = 0;

	while (at < len) {
		cell_read(&cell, text, len, at, column);
		if (column + cell.width > columns) {
			break;
		}
		column += cell.width;
		at += cell.len;
	}
	return at;
}

size_t cells_line(const char *text, size_t len, int columns)
{
	size_t fit = cells_fit(text, len, columns), at = fit;

	while (fit < len && at > 0 && text[at] != ' ') {
		at--;
	}
	return at > 0 ? at : fit > 0 ? fit : len;
}
