#include "tui/styled.h"

#include "base/mem.h"
#include "tui/cells.h"

#include <stdlib.h>
#include <string.h>

enum { QUOTE_COLUMNS = 2, TAB_COLUMNS = 8 };

/* ---- the text ---- */

void styled_clear(struct styled *styled)
{
	buf_clear(&styled->text);
	styled->n_run = styled->n_block = styled->n_settled = 0;
}

void styled_finish(struct styled *styled)
{
	buf_finish(&styled->text);
	free(styled->run);
	free(styled->block);
	*styled = (struct styled){.n_run = 0};
}

void styled_add_link(
	struct styled *styled, enum element element, int link, const char *text, size_t len)
{
	struct styled_run *last = styled->n_run ? &styled->run[styled->n_run - 1] : NULL;
	size_t at = styled->text.len;

	buf_add(&styled->text, text, len);
	if (len == 0 || (element == ELEMENT_TEXT && !link)) {
		return;
	}
	if (last && last->at + last->len == at && last->element == element && last->link == link) {
		last->len += len;
		return;
	}
	mem_grow(styled->run, styled->n_run, styled->cap_run);
	styled->run[styled->n_run++] =
		(struct styled_run){.at = at, .len = len, .element = element, .link = link};
}

void styled_add(struct styled *styled, enum element element, const char *text, size_t len)
{
	styled_add_link(styled, element, 0, text, len);
}

/* Where the next block begins. */
static size_t open_at(const struct styled *styled)
{
	const struct styled_block *last =
		styled->n_block ? &styled->block[styled->n_block - 1] : NULL;

	return last ? last->at + last->len + 1 : 0;
}

struct styled_block *styled_end_block(struct styled *styled, int indent, int hang, int no_wrap)
{
	size_t at = open_at(styled);
	struct styled_block *block;

	mem_grow(styled->block, styled->n_block, styled->cap_block);
	block = &styled->block[styled->n_block++];
	*block = (struct styled_block){.at = at,
		.len = styled->text.len - at,
		.indent = indent,
		.hang = hang,
		.no_wrap = no_wrap};
	buf_addch(&styled->text, '\n');
	return block;
}

void styled_cut(struct styled *styled, size_t text_len, size_t n_run, size_t n_block)
{
	struct styled_run *last = n_run ? &styled->run[n_run - 1] : NULL;

	styled->n_run = n_run;
	styled->n_block = n_block;
	if (text_len < styled->text.len) {
		styled->text.len = text_len;
		styled->text.data[text_len] = '\0';
	}
	/* A run of the text before may have gone on into what goes. */
	if (last && last->at + last->len > text_len) {
		last->len = text_len - last->at;
	}
}

size_t styled_run_at(const struct styled *styled, size_t at)
{
	size_t low = 0, high = styled->n_run;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (styled->run[middle].at + styled->run[middle].len <= at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* ---- its rows ---- */

static void add_row(struct styled_rows *rows, size_t at, size_t len, int indent, size_t block)
{
	mem_grow(rows->row, rows->n_row, rows->cap_row);
	rows->row[rows->n_row++] =
		(struct styled_row){.at = at, .len = len, .indent = indent, .block = block};
}

/* What is indented far leaves half of a narrow screen for its text. */
static int limit_indent(int indent, int columns)
{
	return indent <= columns / 2 ? indent : columns / 2;
}

/*
 * Where the row ends that begins at text[at], at `column`. Spaces that do not fit stay on it: the next
 * one begins with a word. What has no place to break is broken where it must.
 */
static size_t row_end(const char *text, size_t at, size_t end, int column, int columns)
{
	size_t begin = at, breakable = at;
	struct cell cell;

	while (at < end && text[at] != '\n') {
		cell_read(&cell, text, end, at, column);
		if (column + cell.width > columns && at > begin) {
			if (!cell.is_space) {
				return breakable > begin ? breakable : at;
			}
		} else {
			column += cell.width;
		}
		at += cell.len;
		if (cell.is_space || cell.may_break) {
			breakable = at;
		}
	}
	return at;
}

static void wrap_block(struct styled_rows *rows, const struct styled *styled, size_t index)
{
	const struct styled_block *block = &styled->block[index];
	const char *text = buf_str(&styled->text);
	size_t at = block->at, end = block->at + block->len;
	int bars = block->n_quote * QUOTE_COLUMNS;
	int indent = limit_indent(bars + block->indent, rows->columns);
	int is_more;

	do {
		size_t begin = at;

		if (block->no_wrap) {
			const char *feed = memchr(text + at, '\n', end - at);

			at = feed ? (size_t)(feed - text) : end;
		} else {
			at = row_end(text, at, end, indent, rows->columns);
		}
		add_row(rows, begin, at - begin, indent, index);
		is_more = at < end;
		at += is_more && text[at] == '\n';
		indent = limit_indent(bars + block->hang, rows->columns);
	} while (is_more);
}

void styled_wrap(struct styled_rows *rows, const struct styled *styled, int columns)
{
	if (rows->columns != columns) {
		rows->columns = columns;
		rows->n_row = rows->n_block = 0;
	}
	while (rows->n_row > 0 && rows->row[rows->n_row - 1].block >= rows->n_block) {
		rows->n_row--;
	}
	if (columns <= 0) {
		return;
	}
	for (size_t i = rows->n_block; i < styled->n_block; i++) {
		wrap_block(rows, styled, i);
	}
	rows->n_block = styled->n_settled < styled->n_block ? styled->n_settled : styled->n_block;
}

void styled_rows_finish(struct styled_rows *rows)
{
	free(rows->row);
	*rows = (struct styled_rows){.n_row = 0};
}

size_t styled_row_of(const struct styled_rows *rows, size_t at)
{
	size_t low = 0, high = rows->n_row;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows->row[middle].at <= at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low ? low - 1 : 0;
}

/* ---- drawing ---- */

/* The element of the byte at `at`, and in *end up to where it holds. */
static enum element look_at(
	const struct styled *styled, const struct styled_look *look, size_t at, size_t *end)
{
	size_t i = styled_run_at(styled, at);
	const struct styled_run *run = i < styled->n_run ? &styled->run[i] : NULL;
	enum element element = ELEMENT_TEXT;

	if (run && run->at <= at) {
		int is_current = look->link && run->link == look->link;

		element = is_current ? ELEMENT_CURSOR : run->element;
		*end = run->at + run->len < *end ? run->at + run->len : *end;
	} else if (run && run->at < *end) {
		*end = run->at;
	}
	for (i = 0; i < look->n_mark; i++) {
		const struct styled_mark *mark = &look->mark[i];

		if (mark->at <= at && at < mark->at + mark->len) {
			*end = mark->at + mark->len < *end ? mark->at + mark->len : *end;
			return mark->element;
		}
		if (mark->at > at && mark->at < *end) {
			*end = mark->at;
		}
	}
	return element;
}

/* Move *at behind the cells that are left of the pane. Returns the column where it is then. */
static int skip_left(const char *text, size_t *at, size_t end, int left)
{
	int column = 0;
	struct cell cell;

	while (*at < end && column < left) {
		cell_read(&cell, text, end, *at, column);
		column += cell.width;
		*at += cell.len;
	}
	return column > left ? column - left : 0;
}

void styled_draw_row(struct pane pane, int row, const struct styled *styled,
	const struct styled_rows *rows, size_t index, const struct styled_look *look)
{
	const struct styled_row *it = &rows->row[index];
	const struct styled_block *block = &styled->block[it->block];
	const char *text = buf_str(&styled->text);
	size_t at = it->at, end = it->at + it->len, fit;
	int column = it->indent, is_cut;

	for (int i = 0; i < block->n_quote && i * QUOTE_COLUMNS < it->indent; i++) {
		pane_line_right(pane_part(pane, row, i * QUOTE_COLUMNS, 1, 1), ELEMENT_BLOCK_QUOTE);
	}
	if (block->no_wrap && look->left) {
		column += skip_left(text, &at, end, look->left - look->left % TAB_COLUMNS);
	}
	fit = cells_fit(text + at, end - at, pane.columns - column);
	is_cut = block->no_wrap && fit < end - at;
	/* The spaces that a row ends with may stand outside. */
	end = !block->no_wrap && fit ? at + fit : end;
	while (at < end && column < pane.columns) {
		size_t upto = end;
		enum element element = look_at(styled, look, at, &upto);

		column = pane_text(pane, row, column, element, text + at, upto - at);
		at = upto;
	}
	if (is_cut) {
		pane_text(pane, row, pane.columns - 1, ELEMENT_DIM, ">", 1);
	}
}
