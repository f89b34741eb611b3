#include "tui/help_rows.h"

#include "base/mem.h"
#include "session/command_table.h"
#include "tui/cells.h"

#include <stdlib.h>
#include <string.h>

static void add(struct help_rows *rows, char *key, char *text, const char *command)
{
	int columns = key ? cells_width(key, strlen(key)) : 0;

	mem_grow(rows->row, rows->n_row, rows->cap_row);
	rows->row[rows->n_row++] = (struct help_row){key, text, command};
	rows->key_columns = columns > rows->key_columns ? columns : rows->key_columns;
}

static void add_heading(struct help_rows *rows, char *text)
{
	if (rows->n_row) {
		add(rows, NULL, mem_strdup(""), NULL);
	}
	add(rows, NULL, text, NULL);
}

/* What only some views have, then what all have. */
static int is_common(const struct key_row *row)
{
	return (row->views | VIEW_CHAT | VIEW_SOURCES) == VIEW_ALL;
}

static void add_keys(struct help_rows *rows, const struct keys *keys, enum view_bit view,
	enum key_when when, int common)
{
	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
		const struct key_row *row = &key_table[action];
		const char *bound = keys_of(keys, (enum action)action);

		if (row->when == when && (row->views & (int)view) && bound && bound[0] &&
			(when == KEYS_ALWAYS || is_common(row) == common)) {
			add(rows, mem_strdup(bound), mem_strdup(row->help), NULL);
		}
	}
}

static void add_commands(struct help_rows *rows)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		if (row->where & SLASH_WORKBENCH) {
			add(rows,
				mem_printf("/%s%s%s", row->name, row->argument[0] ? " " : "",
					row->argument),
				mem_strdup(row->help), row->name);
		}
	}
}

void help_rows_make(
	struct help_rows *rows, const struct keys *keys, enum view_bit view, const char *view_name)
{
	help_rows_finish(rows);
	add_heading(rows, mem_printf("Keys of this view: %s", view_name));
	add_keys(rows, keys, view, KEYS_BROWSE, 0);
	add_keys(rows, keys, view, KEYS_BROWSE, 1);
	add_heading(rows, mem_strdup("Keys that always work, also while a question is typed"));
	add_keys(rows, keys, view, KEYS_ALWAYS, 0);
	add_heading(rows, mem_strdup("Commands, typed in the input line; : is the same as /"));
	add_commands(rows);
}

void help_rows_finish(struct help_rows *rows)
{
	for (size_t i = 0; i < rows->n_row; i++) {
		free(rows->row[i].key);
		free(rows->row[i].text);
	}
	free(rows->row);
	*rows = (struct help_rows){0};
}
