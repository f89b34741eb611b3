#include "tui/document_rows.h"

#include "base/mem.h"
#include "tui/cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void document_rows_init(struct document_rows *rows, const struct document_lines *lines)
{
	enum document_kind kind = lines->document->kind;

	*rows = (struct document_rows){
		.lines = lines,
		.columns = 80,
		.wraps = 1,
		.has_heads = kind == DOCUMENT_CODE || kind == DOCUMENT_PDF,
	};
}

void document_rows_finish(struct document_rows *rows)
{
	free(rows->begin);
	*rows = (struct document_rows){0};
}

void document_rows_set(struct document_rows *rows, int columns, int wraps, int is_raw)
{
	columns = columns > 1 ? columns : 1;
	if (rows->columns != columns || rows->wraps != wraps || rows->is_raw != is_raw) {
		rows->columns = columns;
		rows->wraps = wraps;
		rows->is_raw = is_raw;
		rows->is_made = 0;
	}
}

static const struct part *part_of(const struct document_rows *rows, size_t part)
{
	return &rows->lines->document->part[part];
}

/* ---- cells ---- */

/* A byte by itself: what is no printable ASCII as ^I or <E9>. */
static void raw_cell(struct cell *cell, const char *text, size_t at)
{
	unsigned char byte = (unsigned char)text[at];

	*cell = (struct cell){.at = at, .len = 1, .is_space = byte == ' '};
	if (byte >= 0x20 && byte < 0x7f) {
		cell->shown[0] = (char)byte;
		cell->width = 1;
		return;
	}
	cell->is_escaped = 1;
	cell->width = byte < 0x80 ? snprintf(cell->shown, sizeof(cell->shown), "^%c", byte ^ 0x40)
				  : snprintf(cell->shown, sizeof(cell->shown), "<%02X>", byte);
}

static void read_cell(const struct document_rows *rows, struct cell *cell, const char *text,
	size_t end, size_t at, int column)
{
	if (rows->is_raw) {
		raw_cell(cell, text, at);
	} else {
		cell_read(cell, text, end, at, column);
	}
}

/* What of a stretch is shown: raw, its carriage return, too. */
static size_t shown_end(
	const struct document_rows *rows, const char *text, const struct text_stretch *stretch)
{
	return rows->is_raw ? stretch->next - (size_t)stretch->has_line_end : stretch->end;
}

/* ---- the rows of a stretch ---- */

/*
 * Where the row that begins at `begin` ends: behind the last place where the line may be broken. White
 * space that does not fit stays at the row's end and is not seen.
 */
static size_t row_end(const struct document_rows *rows, const char *text, size_t begin, size_t end)
{
	size_t at = begin, may_break = 0;
	struct cell cell;
	int column = 0;

	while (at < end) {
		read_cell(rows, &cell, text, end, at, column);
		if (column + cell.width > rows->columns && !cell.is_space && at > begin) {
			return may_break > begin && !rows->is_raw ? may_break : at;
		}
		column += cell.width;
		at += cell.len;
		if (cell.is_space || cell.may_break) {
			may_break = at;
		}
	}
	return end;
}

static void make_rows(struct document_rows *rows, size_t part_index, size_t at)
{
	const struct part *part = part_of(rows, part_index);
	struct text_stretch stretch;
	size_t end;

	if (rows->is_made && rows->of_part == part_index && at >= rows->of.at &&
		(at < rows->of.next || rows->of.next == part->len)) {
		return;
	}
	stretch = text_stretch_at(part->text, part->len, at);
	end = shown_end(rows, part->text, &stretch);
	rows->of_part = part_index;
	rows->of = stretch;
	rows->is_made = 1;
	rows->n_begin = 0;
	at = stretch.at;
	do {
		mem_grow(rows->begin, rows->n_begin, rows->cap_begin);
		rows->begin[rows->n_begin++] = at;
		at = rows->wraps ? row_end(rows, part->text, at, end) : end;
	} while (at < end);
}

/* Row `index` of the stretch that was made. */
static struct document_row row_of(const struct document_rows *rows, size_t index)
{
	const struct part *part = part_of(rows, rows->of_part);
	int is_last = index + 1 == rows->n_begin;

	return (struct document_row){
		.part = rows->of_part,
		.at = rows->begin[index],
		.end = is_last ? shown_end(rows, part->text, &rows->of) : rows->begin[index + 1],
		.begins_line = index == 0 && rows->of.begins_line,
		.ends_stretch = is_last,
	};
}

static size_t index_of(const struct document_rows *rows, size_t at)
{
	size_t low = 0, high = rows->n_begin;

	while (low < high) { /* the last one that begins at or before it */
		size_t mid = low + (high - low) / 2;

		if (rows->begin[mid] <= at) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? low - 1 : 0;
}

/* ---- moving ---- */

static struct document_row head_of(size_t part)
{
	return (struct document_row){.part = part, .is_head = 1};
}

struct document_row document_rows_at(struct document_rows *rows, struct text_place place)
{
	size_t n_part = rows->lines->document->n_part;

	if (place.part >= n_part) {
		return document_rows_last(rows);
	}
	make_rows(rows, place.part, place.at);
	return row_of(rows, index_of(rows, place.at));
}

struct document_row document_rows_first(struct document_rows *rows)
{
	return rows->has_heads ? head_of(0) : document_rows_at(rows, (struct text_place){0, 0});
}

struct document_row document_rows_last(struct document_rows *rows)
{
	size_t last = rows->lines->document->n_part - 1;

	make_rows(rows, last, part_of(rows, last)->len);
	return row_of(rows, rows->n_begin - 1);
}

/* On as far as the row's stretch goes, n rows at most; returns how many are left to go. */
static long go_on(struct document_rows *rows, struct document_row *row, long n)
{
	const struct part *part = part_of(rows, row->part);
	size_t index, left;

	if (row->is_head) {
		*row = document_rows_at(rows, (struct text_place){row->part, 0});
		return n - 1;
	}
	make_rows(rows, row->part, row->at);
	index = index_of(rows, row->at);
	left = rows->n_begin - 1 - index;
	if (left >= (size_t)n) {
		*row = row_of(rows, index + (size_t)n);
		return 0;
	}
	if (rows->of.next < part->len) {
		*row = document_rows_at(rows, (struct text_place){row->part, rows->of.next});
	} else if (row->part + 1 < rows->lines->document->n_part) {
		*row = rows->has_heads
			       ? head_of(row->part + 1)
			       : document_rows_at(rows, (struct text_place){row->part + 1, 0});
	} else {
		*row = row_of(rows, rows->n_begin - 1);
		return 0;
	}
	return n - (long)left - 1;
}

static long go_back(struct document_rows *rows, struct document_row *row, long n)
{
	size_t index;

	if (row->is_head && row->part == 0) {
		return 0;
	}
	if (!row->is_head) {
		make_rows(rows, row->part, row->at);
		index = index_of(rows, row->at);
		if (index >= (size_t)n) {
			*row = row_of(rows, index - (size_t)n);
			return 0;
		}
		n -= (long)index + 1;
		if (rows->of.at > 0) {
			make_rows(rows, row->part, rows->of.at - 1);
			*row = row_of(rows, rows->n_begin - 1);
			return n;
		}
		if (rows->has_heads) {
			*row = head_of(row->part);
			return n;
		}
		if (row->part == 0) {
			*row = row_of(rows, 0);
			return 0;
		}
	} else {
		n--;
	}
	make_rows(rows, row->part - 1, part_of(rows, row->part - 1)->len);
	*row = row_of(rows, rows->n_begin - 1);
	return n;
}

struct document_row document_rows_go(struct document_rows *rows, struct document_row row, long n)
{
	while (n > 0) {
		n = go_on(rows, &row, n);
	}
	for (n = -n; n > 0;) {
		n = go_back(rows, &row, n);
	}
	return row;
}

int document_row_compare(struct document_row a, struct document_row b)
{
	if (a.part == b.part && a.is_head != b.is_head) {
		return a.is_head ? -1 : 1;
	}
	return text_place_compare(
		(struct text_place){a.part, a.at}, (struct text_place){b.part, b.at});
}

/* ---- drawing ---- */

int document_rows_column(struct document_rows *rows, struct document_row row, size_t at)
{
	const char *text = part_of(rows, row.part)->text;
	struct cell cell;
	int column = 0;

	for (size_t next = row.at; next < at && next < row.end; next += cell.len) {
		read_cell(rows, &cell, text, row.end, next, column);
		column += cell.width;
	}
	return column;
}

static enum element element_at(
	size_t part, size_t at, const struct document_mark *mark, size_t n_mark)
{
	enum element element = ELEMENT_TEXT;

	for (size_t i = 0; i < n_mark; i++) {
		if (mark[i].part == part && at >= mark[i].at && at < mark[i].end) {
			element = mark[i].element;
		}
	}
	return element;
}

/* What waits to be drawn: cells beside each other in one element, a tab as its spaces. */
struct pending {
	struct pane pane;
	int row, column;
	enum element element;
	struct buf text;
};

static void flush(struct pending *pending)
{
	if (pending->text.len) {
		pane_text(pending->pane, pending->row, pending->column, pending->element,
			pending->text.data, pending->text.len);
		buf_clear(&pending->text);
	}
}

static void add_cell(struct pending *pending, const struct cell *cell, int column, int cut_left,
	enum element element, const char *text)
{
	if (pending->element != element) {
		flush(pending);
		pending->element = element;
	}
	if (pending->text.len == 0) {
		pending->column = column;
	}
	if (cut_left || (text[cell->at] == '\t' && !cell->is_escaped)) {
		buf_printf(&pending->text, "%*s", cell->width - cut_left, "");
	} else {
		buf_addstr(&pending->text, cell->shown);
	}
}

void document_rows_draw(struct document_rows *rows, struct pane pane, int screen_row, int left,
	int shift, struct document_row row, const struct document_mark *mark, size_t n_mark)
{
	const char *text = part_of(rows, row.part)->text;
	struct pending pending = {.row = screen_row, .element = ELEMENT_TEXT};
	int column = 0, columns = pane.columns - left;
	struct cell cell;
	size_t at = row.at;

	pending.pane = pane_part(pane, 0, left, pane.rows, columns);
	for (; at < row.end && column - shift < columns; at += cell.len) {
		enum element element = element_at(row.part, at, mark, n_mark);

		read_cell(rows, &cell, text, row.end, at, column);
		if (element == ELEMENT_TEXT && cell.is_escaped) {
			element = ELEMENT_ESCAPED;
		}
		if (column + cell.width > shift && cell.width > 0) {
			int cut_left = column < shift ? shift - column : 0;

			add_cell(&pending, &cell, column + cut_left - shift, cut_left, element,
				text);
		}
		column += cell.width;
	}
	flush(&pending);
	buf_finish(&pending.text);
	if (!rows->wraps && (at < row.end || column - shift > columns)) {
		pane_string(pane, screen_row, pane.columns - 1, ELEMENT_DIM, ">");
	}
}
