/*
 * Tables of tbl(1), which manual pages write between .TS and .TE: options, formats of the columns, and
 * rows of cells. Cells stand in columns, the last is filled; rules and boxes are left out.
 */
#include "loaders/format/man_roff.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 64, WIDEST = 32, GAP = 2 };

struct row {
	struct buf cell[MOST_COLUMNS]; /* expanded */
	size_t n;
};
struct table {
	struct row *row;
	size_t n, cap;
	char tab;
};

static void table_finish(struct table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		for (size_t j = 0; j < table->row[i].n; j++) {
			buf_finish(&table->row[i].cell[j]);
		}
	}
	free(table->row);
}

static int begins_with(const struct buf *line, const char *what)
{
	return strncmp(buf_str(line), what, strlen(what)) == 0;
}

/* The line's last character that is no space. */
static char last_of(const struct buf *line)
{
	size_t len = line->len;

	while (len && (line->data[len - 1] == ' ' || line->data[len - 1] == '\t')) {
		len--;
	}
	return (char)(len ? line->data[len - 1] : 0);
}

/* Formats end with a full stop; whether .TE came first. */
static int skip_formats(struct man_source *source, struct buf *line)
{
	while (last_of(line) != '.') {
		if (!man_next_line(source, line) || begins_with(line, ".TE")) {
			return 1;
		}
	}
	return 0;
}

static struct buf *add_cell(struct row *row)
{
	return row->n < MOST_COLUMNS ? &row->cell[row->n++] : &row->cell[MOST_COLUMNS - 1];
}

/* The text of a macro that sets a font; of others, like .br, there is nothing to read. */
static void macro_text(struct buf *text, const char *line, size_t len)
{
	static const char *const fonts[] = {"B", "I", "R", "SM", "SB"};
	size_t name_len = strcspn(line + 1, " ");
	char *name = mem_strndup(line + 1, name_len < len ? name_len : len);
	int is_pair = man_is_font_pair(name), is_font = is_pair;
	struct man_args args;

	for (size_t i = 0; i < ARRAY_LEN(fonts); i++) {
		is_font = is_font || strcmp(name, fonts[i]) == 0;
	}
	if (is_font && len > name_len + 1) {
		man_args_split(&args, line + 1 + name_len, len - 1 - name_len);
		man_args_join(text, &args, is_pair ? "" : " ");
		man_args_finish(&args);
	}
	free(name);
}

/* T{ text over several lines T} */
static void take_block(
	struct man *man, struct man_source *source, struct buf *line, struct buf *cell)
{
	struct buf raw = BUF_INIT, text = BUF_INIT;

	while (man_next_line(source, line) && !begins_with(line, "T}") &&
		!begins_with(line, ".TE")) {
		buf_clear(&raw);
		if (begins_with(line, ".") || begins_with(line, "'")) {
			macro_text(&raw, line->data, line->len);
		} else {
			buf_add(&raw, buf_str(line), line->len);
		}
		man_expand(man, &text, buf_str(&raw), raw.len);
		if (cell->len && text.len) {
			buf_addch(cell, ' ');
		}
		buf_add(cell, buf_str(&text), text.len);
	}
	buf_finish(&raw);
	buf_finish(&text);
}

/* One row, which T{ may carry over many lines. Whether .TE ended the table within. */
static int take_row(
	struct man *man, struct man_source *source, struct table *table, struct buf *line)
{
	struct row *row;
	size_t at = 0;

	mem_grow(table->row, table->n, table->cap);
	row = &table->row[table->n++];
	memset(row, 0, sizeof(*row));
	for (;;) {
		const char *text = buf_str(line) + at;
		const char *tab = memchr(text, table->tab, line->len - at);
		size_t len = tab ? (size_t)(tab - text) : line->len - at;
		struct buf *cell = add_cell(row);

		if (len >= 2 && memcmp(text, "T{", 2) == 0) {
			take_block(man, source, line, cell);
			if (!begins_with(line, "T}")) {
				return 1;
			}
			at = 2;
			if (line->len > 2 && line->data[2] == table->tab) {
				at = 3;
				continue;
			}
			return 0;
		}
		if (!(len == 2 && memcmp(text, "\\^", 2) == 0)) {
			man_expand(man, cell, text, len);
		}
		if (!tab) {
			return 0;
		}
		at += len + 1;
	}
}

static int is_rule(const struct buf *line)
{
	for (size_t i = 0; i < line->len; i++) {
		if (!strchr("_=", line->data[i])) {
			return 0;
		}
	}
	return 1;
}

static void take_rows(struct man *man, struct man_source *source, struct table *table)
{
	struct buf line = BUF_INIT;

	while (man_next_line(source, &line) && !begins_with(&line, ".TE")) {
		if (begins_with(&line, ".T&")) {
			buf_clear(&line);
			if (skip_formats(source, &line)) {
				break;
			}
		} else if (!is_rule(&line) && line.data[0] != '.' && line.data[0] != '\'' &&
			   take_row(man, source, table, &line)) {
			break;
		}
	}
	buf_finish(&line);
}

static void put_rows(struct man *man, const struct table *table)
{
	int width[MOST_COLUMNS] = {0}, base = man->layout.indent;
	int was_filling = man->layout.is_filling;

	for (size_t i = 0; i < table->n; i++) {
		for (size_t j = 0; j < table->row[i].n; j++) {
			const struct buf *cell = &table->row[i].cell[j];
			int columns = man_columns(buf_str(cell), cell->len);

			width[j] = columns > width[j] && columns <= WIDEST ? columns : width[j];
		}
	}
	for (size_t i = 0; i < table->n; i++) {
		struct row *row = &table->row[i];
		int indent = base;

		man_layout_break(&man->layout);
		man->layout.indent = base;
		man->layout.is_filling = 1;
		for (size_t j = 0; j < row->n; j++) {
			if (j + 1 == row->n) {
				man_layout_text(
					&man->layout, buf_str(&row->cell[j]), row->cell[j].len);
			} else {
				struct buf fixed = BUF_INIT;

				buf_add(&fixed, buf_str(&row->cell[j]), row->cell[j].len);
				for (size_t k = 0; k < fixed.len; k++) {
					fixed.data[k] =
						(char)(fixed.data[k] == ' ' ? MAN_FIXED_SPACE
									    : fixed.data[k]);
				}
				indent += width[j] + GAP;
				if (!fixed.len) {
					buf_addch(&fixed, MAN_FIXED_SPACE);
				}
				man_layout_word(&man->layout, fixed.data, fixed.len, 0);
				man_layout_tag_padded(&man->layout, indent, GAP);
				buf_finish(&fixed);
			}
		}
	}
	man_layout_break(&man->layout);
	man->layout.indent = base;
	man->layout.is_filling = was_filling;
}

void man_tbl(struct man *man, struct man_source *source)
{
	struct table table = {.tab = '\t'};
	struct buf line = BUF_INIT;
	const char *tab;

	man_layout_break(&man->layout);
	if (man_next_line(source, &line) && !begins_with(&line, ".TE")) {
		if (last_of(&line) == ';') {
			tab = strstr(buf_str(&line), "tab");
			tab = tab ? strchr(tab, '(') : NULL;
			table.tab = (char)(tab && tab[1] ? tab[1] : '\t');
			buf_clear(&line);
		}
		if (!skip_formats(source, &line)) {
			take_rows(man, source, &table);
			put_rows(man, &table);
		}
	}
	table_finish(&table);
	buf_finish(&line);
}
