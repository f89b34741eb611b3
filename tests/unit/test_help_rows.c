/* tui/help_rows.h: help says what the tables say, all of it, and keys as they are bound. */
#include "session/command_table.h"
#include "tui/cells.h"
#include "tui/help_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t count(const struct help_rows *rows, const char *key, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n_row; i++) {
		n += rows->row[i].key && strcmp(rows->row[i].key, key) == 0 &&
		     strcmp(rows->row[i].text, text) == 0;
	}
	return n;
}

static void test_every_action_of_a_view_stands_there_once_and_no_other(void **state)
{
	struct keys *keys = keys_create();

	(void)state;
	for (int bit = VIEW_CHAT; bit <= VIEW_HELP; bit <<= 1) {
		struct help_rows rows = {0};

		help_rows_make(&rows, keys, (enum view_bit)bit, "some view", 500);
		for (int i = ACTION_NONE + 1; i < ACTION_COUNT; i++) {
			const struct key_row *row = &key_table[i];

			assert_int_equal(count(&rows, keys_of(keys, (enum action)i), row->help),
				row->views & bit ? 1 : 0);
		}
		help_rows_finish(&rows);
	}
	keys_destroy(keys);
}

static void test_every_command_of_the_workbench_stands_there(void **state)
{
	struct keys *keys = keys_create();
	struct help_rows rows = {0};
	size_t n = 0;

	(void)state;
	help_rows_make(&rows, keys, VIEW_CHAT, "chat", 500);
	for (size_t i = 0; i < rows.n_row; i++) {
		n += rows.row[i].command != NULL && rows.row[i].key[0];
	}
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];
		char line[128];

		snprintf(line, sizeof(line), "/%s%s%s", row->name, row->argument[0] ? " " : "",
			row->argument);
		assert_int_equal(count(&rows, line, row->help), !!(row->where & SLASH_WORKBENCH));
		n -= (row->where & SLASH_WORKBENCH) != 0;
	}
	assert_int_equal(n, 0);
	help_rows_finish(&rows);
	keys_destroy(keys);
}

static void test_keys_are_shown_as_they_are_bound(void **state)
{
	struct keys *keys = keys_create();
	struct help_rows rows = {0};
	const char *help = key_table[ACTION_DROP].help;
	struct err err;

	(void)state;
	assert_int_equal(keys_bind(keys, "drop", "D ^X", &err), 0);
	help_rows_make(&rows, keys, VIEW_SOURCES, "sources", 500);
	assert_int_equal(count(&rows, "d", help), 0);
	assert_int_equal(count(&rows, "D ^X", help), 1);
	assert_int_equal(keys_bind(keys, "drop", "", &err), 0);
	help_rows_make(&rows, keys, VIEW_SOURCES, "sources", 500);
	for (size_t i = 0; i < rows.n_row; i++) {
		assert_string_not_equal(rows.row[i].text, help);
	}
	help_rows_finish(&rows);
	keys_destroy(keys);
}

/* All of each text, in rows that fit, whatever the width. */
static void test_long_texts_go_on_in_the_next_row(void **state)
{
	struct keys *keys = keys_create();

	(void)state;
	for (int columns = 1; columns < 200; columns++) {
		struct help_rows rows = {0};
		size_t n_again = 0;

		help_rows_make(&rows, keys, VIEW_CHAT, "chat", columns);
		for (size_t i = 0; i < rows.n_row; i++) {
			const struct help_row *row = &rows.row[i];
			int key = row->key ? cells_width(row->key, strlen(row->key)) + 4 : 0;
			int at = key > rows.key_columns ? key : rows.key_columns;

			assert_true(!row->key || columns < 40 ||
				    at + cells_width(row->text, strlen(row->text)) <= columns);
			n_again += row->command && strcmp(row->command, "again") == 0;
		}
		assert_true(columns > 100 || n_again > 1);
		help_rows_finish(&rows);
	}
	keys_destroy(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_action_of_a_view_stands_there_once_and_no_other),
		cmocka_unit_test(test_every_command_of_the_workbench_stands_there),
		cmocka_unit_test(test_keys_are_shown_as_they_are_bound),
		cmocka_unit_test(test_long_texts_go_on_in_the_next_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
