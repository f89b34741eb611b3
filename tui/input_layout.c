#include "tui/input_layout.h"

#include "base/mem.h"
#include "tui/cells.h"

#include <stdlib.h>
#include <string.h>

static void add_row(struct input_layout *layout, size_t at, size_t end)
{
	mem_grow(layout->row, layout->n_row, layout->cap_row);
	layout->row[layout->n_row++] = (struct input_row){at, end};
}

static size_t equal_bytes(const struct buf *before, const char *text, size_t len)
{
	size_t n = before->len < len ? before->len : len, at = 0;

	while (n - at >= 4096 && memcmp(before->data + at, text + at, 4096) == 0) {
		at += 4096;
	}
	while (at < n && before->data[at] == text[at]) {
		at++;
	}
	return at;
}

/*
 * Keep the rows that a change behind `same` bytes cannot reach, and return where the first other one
 * begins: a mark that is added may still join the cluster at the end of the row before.
 */
static size_t keep_rows(struct input_layout *layout, size_t same)
{
	size_t n = layout->n_row, at;

	while (n > 0 && layout->row[n - 1].end + CELLS_CLUSTER_BYTES >= same) {
		n--;
	}
	at = n < layout->n_row ? layout->row[n].at : 0;
	layout->n_row = n;
	return at;
}

void input_layout_make(struct input_layout *layout, const char *text, size_t len, int columns)
{
	size_t at, begin;
	int column = 0;

	columns = columns > 0 ? columns : 1;
	if (columns != layout->columns) {
		layout->n_row = 0;
		buf_clear(&layout->text);
	}
	layout->columns = columns;
	at = begin = keep_rows(layout, equal_bytes(&layout->text, text, len));
	while (at < len) {
		struct cell cell;

		cell_read(&cell, text, len, at, column);
		if (text[at] == '\n') {
			add_row(layout, begin, at);
			begin = ++at;
			column = 0;
		} else if (column > 0 && column + cell.width > columns) {
			add_row(layout, begin, at);
			begin = at;
			column = 0;
		} else {
			column += cell.width;
			at += cell.len;
		}
	}
	add_row(layout, begin, len);
	if (column >= columns) {
		add_row(layout, len, len);
	}
	buf_clear(&layout->text);
	buf_add(&layout->text, text, len);
}

void input_layout_finish(struct input_layout *layout)
{
	free(layout->row);
	buf_finish(&layout->text);
	*layout = (struct input_layout){0};
}

/* The last row that begins at `at` or before it. */
static size_t find_row(const struct input_layout *layout, size_t at)
{
	size_t low = 0, high = layout->n_row;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (layout->row[middle].at <= at) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return low;
}

void input_layout_place(const struct input_layout *layout, size_t at, size_t *row, int *column)
{
	const struct buf *text = &layout->text;
	struct cell cell;
	int most = layout->columns - 1;

	*row = find_row(layout, at);
	*column = 0;
	for (size_t i = layout->row[*row].at; i < at && i < layout->row[*row].end; i += cell.len) {
		cell_read(&cell, text->data, text->len, i, *column);
		if (cell.at + cell.len > at) {
			break;
		}
		*column += cell.width;
	}
	*column = *column > most ? most : *column;
}

size_t input_layout_at(const struct input_layout *layout, size_t row, int column)
{
	const struct buf *text = &layout->text;
	size_t at = layout->row[row].at, end = layout->row[row].end, before = at;
	struct cell cell;
	int here = 0;

	while (at < end && here < column) {
		cell_read(&cell, text->data, text->len, at, here);
		if (here + cell.width > column) {
			return at;
		}
		here += cell.width;
		before = at;
		at += cell.len;
	}
	/* The end of a row that goes on in the next is a place in the next. */
	return at == end && row + 1 < layout->n_row && layout->row[row + 1].at == end ? before : at;
}

int input_layout_width(const struct input_layout *layout, size_t row)
{
	const struct buf *text = &layout->text;
	size_t at = layout->row[row].at;
	struct cell cell;
	int here = 0;

	while (at < layout->row[row].end) {
		cell_read(&cell, text->data, text->len, at, here);
		here += cell.width;
		at += cell.len;
	}
	return here;
}
