#include "tui/markdown_table.h"

#include "base/mem.h"
#include "tui/cells.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_COLUMNS = 2, LABEL_BYTES = 48 };

void table_begin(struct table *table, size_t n_column)
{
	styled_clear(&table->scratch);
	table->n_cell = 0;
	table->n_column = n_column;
}

void table_end_cell(struct table *table, int align)
{
	const struct table_cell *last = table->n_cell ? &table->cell[table->n_cell - 1] : NULL;
	struct table_cell cell = {.at = last ? last->at + last->len : 0, .align = align};

	cell.len = table->scratch.text.len - cell.at;
	cell.width = cells_width(buf_str(&table->scratch.text) + cell.at, cell.len);
	mem_grow(table->cell, table->n_cell, table->cap_cell);
	table->cell[table->n_cell++] = cell;
}

void table_finish(struct table *table)
{
	styled_finish(&table->scratch);
	free(table->cell);
	*table = (struct table){.n_cell = 0};
}

/* The text of a cell with its elements; of the head, those that have none in that of a heading. */
static void put_cell(
	const struct table *table, struct styled *out, const struct table_cell *cell, int is_head)
{
	const struct styled *from = &table->scratch;
	enum element plain = is_head ? ELEMENT_HEADING : ELEMENT_TEXT;
	size_t at = cell->at, end = cell->at + cell->len;

	for (size_t i = styled_run_at(from, at); at < end; i++) {
		const struct styled_run *run = i < from->n_run ? &from->run[i] : NULL;
		size_t begin = run && run->at < end ? run->at : end, upto;

		if (begin > at) {
			styled_add(out, plain, from->text.data + at, begin - at);
			at = begin;
		}
		if (at < end) {
			upto = run->at + run->len < end ? run->at + run->len : end;
			styled_add_link(
				out, run->element, run->link, from->text.data + at, upto - at);
			at = upto;
		}
	}
}

static void put_repeated(struct styled *out, enum element element, const char *what, int n)
{
	for (int i = 0; i < n; i++) {
		styled_add(out, element, what, 1);
	}
}

static void put_row(const struct table *table, struct styled *out, size_t row, const int *width)
{
	size_t n = table->n_column, last = n - 1;

	for (size_t i = 0; i < n; i++) {
		const struct table_cell *cell = &table->cell[row * n + i];
		int space = width[i] - cell->width;
		int before = cell->align > 0 ? space : cell->align == 0 ? space / 2 : 0;

		put_repeated(out, ELEMENT_TEXT, " ", before);
		put_cell(table, out, cell, row == 0);
		if (i < last) {
			put_repeated(out, ELEMENT_TEXT, " ", space - before + GAP_COLUMNS);
		}
	}
}

static void put_rule(const struct table *table, struct styled *out, const int *width)
{
	for (size_t i = 0; i < table->n_column; i++) {
		put_repeated(out, ELEMENT_TABLE, "-", width[i]);
		if (i + 1 < table->n_column) {
			put_repeated(out, ELEMENT_TEXT, " ", GAP_COLUMNS);
		}
	}
}

/* A table too wide for a screen: each row a few lines "head: cell", which wrap like other text. */
static void put_list(const struct table *table, struct styled *out, int indent, int n_quote)
{
	size_t n = table->n_column;

	for (size_t row = 1; row < table->n_cell / n; row++) {
		for (size_t i = 0; i < n; i++) {
			struct table_cell label = table->cell[i];

			if (table->cell[row * n + i].len == 0) {
				continue;
			}
			/* It is repeated in each row: a long one would make more than there is. */
			label.len = cells_fit(buf_str(&table->scratch.text) + label.at,
				label.len < LABEL_BYTES ? label.len : LABEL_BYTES, LABEL_BYTES);
			put_cell(table, out, &label, 1);
			styled_add(out, ELEMENT_TABLE, ": ", label.len ? 2 : 0);
			put_cell(table, out, &table->cell[row * n + i], 0);
			styled_end_block(out, indent + (i ? 2 : 0), indent + 2, 0)->n_quote =
				n_quote;
		}
	}
}

void table_put(struct table *table, struct styled *out, int indent, int n_quote)
{
	size_t n = table->n_column, n_row = n ? table->n_cell / n : 0;
	int *width = mem_zero(n + 1, sizeof(*width));
	int64_t total = (int64_t)(n ? n - 1 : 0) * GAP_COLUMNS;

	for (size_t i = 0; i < n_row * n; i++) {
		int *widest = &width[i % n];

		*widest = table->cell[i].width > *widest ? table->cell[i].width : *widest;
	}
	for (size_t i = 0; i < n; i++) {
		total += width[i];
	}
	if (total > MARKDOWN_TABLE_COLUMNS && n_row > 1) {
		put_list(table, out, indent, n_quote);
		free(width);
		return;
	}
	for (size_t row = 0; row < n_row; row++) {
		put_row(table, out, row, width);
		styled_end_block(out, indent, indent, 1)->n_quote = n_quote;
		if (row == 0) {
			put_rule(table, out, width);
			styled_end_block(out, indent, indent, 1)->n_quote = n_quote;
		}
	}
	free(width);
}
