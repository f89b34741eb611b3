/*
 * Tables. The cells of a row are gathered until it ends, since only then is it known what they are:
 * data, and the row is one line; or, where a block turns up in one of them, the layout of a page,
 * and each is a block.
 */
#include "loaders/format/markup_state.h"

#include "base/mem.h"

#include <string.h>

static struct markup_scope *innermost(struct markup *markup)
{
	return markup->n_scope ? &markup->scope[markup->n_scope - 1] : NULL;
}

static void clear_row(struct markup_table *table)
{
	buf_clear(&table->cells);
	table->n_cell = table->n_header = 0;
}

static void add_empty_cell(struct markup_table *table)
{
	buf_addch(&table->cells, '\n');
	table->n_cell++;
}

/* Columns that a cell of a row above still takes. */
static void add_spanned_cells(struct markup_table *table)
{
	while (table->n_cell < MARKUP_MAX_COLUMNS && table->rows_left[table->n_cell]) {
		table->rows_left[table->n_cell]--;
		add_empty_cell(table);
	}
}

static void finish_cell(struct markup *markup)
{
	struct markup_table *table = &markup->table;
	size_t first = table->n_cell;

	buf_add(&table->cells, buf_str(&markup->cell.text), markup->cell.text.len);
	add_empty_cell(table);
	for (unsigned i = 1; i < table->cell.columns && i < MARKUP_MAX_SPAN; i++) {
		add_empty_cell(table);
	}
	if (table->cell.is_header) {
		table->n_header += table->n_cell - first;
	}
	for (size_t i = first; i < table->n_cell && i < MARKUP_MAX_COLUMNS; i++) {
		table->rows_left[i] = table->cell.rows > 1 ? table->cell.rows - 1 : 0;
	}
	markup->flow = &markup->body;
	markup_flow_clear(&markup->cell);
}

/* The next of the gathered cells. */
static const char *take_cell(const struct markup_table *table, size_t *at, size_t *len)
{
	const char *text = table->cells.data + *at;

	*len = (size_t)((const char *)memchr(text, '\n', table->cells.len - *at) - text);
	*at += *len + 1;
	return text;
}

/* A "|" in a cell is none of the table's. */
static void add_escaped(struct buf *line, const char *text, size_t len)
{
	const char *bar;

	while ((bar = memchr(text, '|', len))) {
		size_t n = (size_t)(bar - text);

		buf_add(line, text, n);
		buf_addstr(line, "\\|");
		text += n + 1;
		len -= n + 1;
	}
	buf_add(line, text, len);
}

static void write_row(struct markup *markup)
{
	struct markup_table *table = &markup->table;
	struct buf line = BUF_INIT;
	size_t len;

	for (size_t i = 0, at = 0; i < table->n_cell; i++) {
		const char *text = take_cell(table, &at, &len);

		buf_addstr(&line, i ? " | " : "| ");
		add_escaped(&line, text, len);
		if (!len) {
			line.len--; /* one space, not two, in an empty cell */
		}
	}
	buf_addstr(&line, " |");
	markup_whole_line(markup, line.data, line.len);
	if (!table->has_rows && table->n_header == table->n_cell) {
		buf_clear(&line);
		for (size_t i = 0; i < table->n_cell; i++) {
			buf_addstr(&line, "|---");
		}
		buf_addch(&line, '|');
		markup_whole_line(markup, line.data, line.len);
	}
	buf_finish(&line);
}

static void finish_row(struct markup *markup)
{
	struct markup_table *table = &markup->table;
	size_t len, at = 0;

	add_spanned_cells(table);
	if (table->cells.len > table->n_cell) {
		markup_breaks(markup, 1);
		if (table->n_cell == 1) {
			const char *text = take_cell(table, &at, &len);

			markup_whole_line(markup, text, len);
		} else {
			write_row(markup);
		}
		table->has_rows = 1;
	}
	clear_row(table);
}

void markup_table_finish_scope(struct markup *markup, const struct markup_scope *scope)
{
	if (scope->kind == SCOPE_TABLE) {
		markup->table.has_rows = 1;
		memset(markup->table.rows_left, 0, sizeof(markup->table.rows_left));
		markup_breaks(markup, 2);
	} else if (scope->is_layout) {
		markup_breaks(markup, 2);
	} else if (scope->kind == SCOPE_CELL) {
		finish_cell(markup);
	} else {
		finish_row(markup);
	}
}

void markup_table_to_layout(struct markup *markup)
{
	struct markup_table *table = &markup->table;
	size_t row, len;

	if (markup->flow != &markup->cell && (markup->flow != &markup->body || !table->n_cell)) {
		return;
	}
	for (row = markup->n_scope; markup->scope[row - 1].kind != SCOPE_ROW; row--) {
	}
	markup->scope[row - 1].is_layout = 1;
	if (markup->flow == &markup->cell) {
		markup->scope[row].is_layout = 1;
		markup->flow = &markup->body;
	}
	for (size_t i = 0, at = 0; i < table->n_cell; i++) {
		const char *text = take_cell(table, &at, &len);

		if (len) {
			markup_breaks(markup, 2);
			markup_whole_line(markup, text, len);
		}
	}
	if (markup->cell.text.len) {
		markup_breaks(markup, 2);
		markup_whole_line(markup, markup->cell.text.data, markup->cell.text.len);
	}
	markup_flow_clear(&markup->cell);
	clear_row(table);
	markup_breaks(markup, 2);
}

void markup_table_begin(struct markup *markup)
{
	struct markup_scope *scope;

	markup_table_to_layout(markup);
	markup_breaks(markup, 2);
	scope = markup_scope_push(markup, SCOPE_TABLE);
	if (!scope->flat) {
		markup->table.has_rows = 0;
		memset(markup->table.rows_left, 0, sizeof(markup->table.rows_left));
		clear_row(&markup->table);
	}
}

void markup_table_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_TABLE);
}

void markup_row_begin(struct markup *markup)
{
	struct markup_scope *top = innermost(markup);
	unsigned char is_layout;

	if (top && top->kind == SCOPE_ROW) {
		markup_row_end(markup);
		top = innermost(markup);
	}
	markup_breaks(markup, 1);
	/* Outside of a table its cells are blocks. */
	is_layout = !top || top->kind != SCOPE_TABLE;
	markup_scope_push(markup, SCOPE_ROW)->is_layout = is_layout;
}

void markup_row_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_ROW);
}

void markup_cell_begin(struct markup *markup, const struct markup_cell *cell)
{
	struct markup_scope *top = innermost(markup);

	if (top && top->kind == SCOPE_CELL) {
		markup_cell_end(markup);
		top = innermost(markup);
	}
	if (top && top->kind == SCOPE_TABLE) {
		markup_row_begin(markup);
		top = innermost(markup);
	}
	if (!top || top->kind != SCOPE_ROW || top->is_layout || top->flat) {
		markup_breaks(markup, 2);
		markup_scope_push(markup, SCOPE_CELL)->is_layout = 1;
		return;
	}
	markup_scope_push(markup, SCOPE_CELL);
	add_spanned_cells(&markup->table);
	markup->table.cell = *cell;
	markup->flow = &markup->cell;
	markup_flow_clear(&markup->cell);
}

void markup_cell_end(struct markup *markup)
{
	markup_scope_end(markup, SCOPE_CELL);
}
