/* tui/help_rows.h: help says what the tables say, all of it, and keys as they are bound. */
#include "session/command_table.h"
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

		help_rows_make(&rows, keys, (enum view_bit)bit, "some view");
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
	help_rows_make(&rows, keys, VIEW_CHAT, "chat");
	for (size_t i = 0; i < rows.n_row; i++) {
		n += rows.row[i].command != NULL;
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
	help_rows_make(&rows, keys, VIEW_SOURCES, "sources");
	assert_int_equal(count(&rows, "d", help), 0);
	assert_int_equal(count(&rows, "D ^X", help), 1);
	assert_int_equal(keys_bind(keys, "drop", "", &err), 0);
	help_rows_make(&rows, keys, VIEW_SOURCES, "sources");
	for (size_t i = 0; i < rows.n_row; i++) {
		assert_string_not_equal(rows.row[i].text, help);
	}
	help_rows_finish(&rows);
	keys_destroy(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_action_of_a_view_stands_there_once_and_no_other),
		cmocka_unit_test(test_every_command_of_the_workbench_stands_there),
		cmocka_unit_test(test_keys_are_shown_as_they_are_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
