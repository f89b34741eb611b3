#include "tui/help_rows.h"

#include "base/mem.h"
#include "session/command_table.h"
#include "tui/cells.h"

#include <stdlib.h>
#include <string.h>

enum { WIDE_COLUMNS = 60, KEY_COLUMNS = 24, KEY_COLUMNS_NARROW = 12, TEXT_LEAST = 16 };

static void add(struct help_rows *rows, char *key, char *text, const char *command)
{
	mem_grow(rows->row, rows->n_row, rows->cap_row);
	rows->row[rows->n_row++] = (struct help_row){key, text, command};
}

/* A text that is too long goes on in rows of its own. */
static void add_wrapped(
	struct help_rows *rows, char *key, const char *text, const char *command, int columns)
{
	int least = cells_width(key, strlen(key)) + 4, room;

	do {
		size_t len;

		room = columns - (least > rows->key_columns ? least : rows->key_columns) - 1;
		len = cells_line(text, strlen(text), room > TEXT_LEAST ? room : TEXT_LEAST);
		add(rows, key, mem_strndup(text, len), command);
		text += len + strspn(text + len, " ");
		key = mem_strdup("");
		least = 0;
	} while (*text);
	free(key);
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
	enum key_when when, int common, int columns)
{
	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
		const struct key_row *row = &key_table[action];
		const char *bound = keys_of(keys, (enum action)action);

		if (row->when == when && (row->views & (int)view) && bound && bound[0] &&
			(when == KEYS_ALWAYS || is_common(row) == common)) {
			add_wrapped(rows, mem_strdup(bound), row->help, NULL, columns);
		}
	}
}

static void add_commands(struct help_rows *rows, int columns)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		if (row->where & SLASH_WORKBENCH) {
			add_wrapped(rows,
				mem_printf("/%s%s%s", row->name, row->argument[0] ? " " : "",
					row->argument),
				row->help, row->name, columns);
		}
	}
}

void help_rows_make(struct help_rows *rows, const struct keys *keys, enum view_bit view,
	const char *view_name, int columns)
{
	help_rows_finish(rows);
	rows->key_columns = columns < WIDE_COLUMNS ? KEY_COLUMNS_NARROW : KEY_COLUMNS;
	add_heading(rows, mem_printf("Keys of this view: %s", view_name));
	add_keys(rows, keys, view, KEYS_BROWSE, 0, columns);
	add_keys(rows, keys, view, KEYS_BROWSE, 1, columns);
	add_heading(rows, mem_strdup("Keys that always work, also while a question is typed"));
	add_keys(rows, keys, view, KEYS_ALWAYS, 0, columns);
	add_heading(rows, mem_strdup("Commands, typed in the input line; : is the same as /"));
	add_commands(rows, columns);
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
