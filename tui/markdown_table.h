/* A table of a Markdown text: its cells are collected, then stand in columns. */
#ifndef TUI_MARKDOWN_TABLE_H
#define TUI_MARKDOWN_TABLE_H

#include "tui/styled.h"

enum { MARKDOWN_TABLE_COLUMNS = 76 }; /* what is wider is a list of its rows */

struct table_cell {
	size_t at, len; /* of the scratch text */
	int width;
	int align; /* -1 left, 0 middle, 1 right */
};
struct table {                 /* zero-initialise */
	struct styled scratch; /* the text of all cells */
	struct table_cell *cell;
	size_t n_cell, cap_cell;
	size_t n_column; /* cells of a row */
};
void table_begin(struct table *table, size_t n_column);
/* What was added to the scratch text since the last one is a cell. */
void table_end_cell(struct table *table, int align);
/* Append its rows as blocks of these indents. */
void table_put(struct table *table, struct styled *out, int indent, int n_quote);
void table_finish(struct table *table);

#endif
