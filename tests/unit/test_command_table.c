/* The table of /commands, and how a line finds its row. */
#include "session/command_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void rows_stand_where_their_number_says(void **state)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		assert_int_equal(i, slash_table[i].slash);
		assert_true(i == 0 || strcmp(slash_table[i - 1].name, slash_table[i].name) < 0);
	}
}

/* What help, completion and the manual page need. */
static void rows_are_complete(void **state)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		assert_true(row->name[0] && row->help[0]);
		assert_int_equal(
			strspn(row->name, "abcdefghijklmnopqrstuvwxyz"), strlen(row->name));
		assert_int_equal(row->kind == SLASH_NO_ARGUMENT, row->argument[0] == 0);
		assert_int_equal(row->kind == SLASH_WORD, row->words != NULL);
		assert_true(row->where & SLASH_BOTH);
		assert_true(row->help[strlen(row->help) - 1] != '.');
	}
}

static enum slash found(const char *line, enum slash_where where, const char *argument)
{
	const char *rest;
	const struct slash_row *row = slash_find(line, where, &rest);

	if (!row) {
		return SLASH_COUNT;
	}
	assert_string_equal(argument, rest);
	return row->slash;
}

static void names_are_found_with_what_follows(void **state)
{
	assert_int_equal(SLASH_LOAD, found("load a b.txt", SLASH_BOTH, "a b.txt"));
	assert_int_equal(SLASH_LOAD, found("  load \t x ", SLASH_BOTH, "x "));
	assert_int_equal(SLASH_LOAD, found("load", SLASH_LINE, ""));
	assert_int_equal(SLASH_COUNT, found("loads", SLASH_BOTH, ""));
	assert_int_equal(SLASH_COUNT, found("Load", SLASH_BOTH, ""));
	assert_int_equal(SLASH_COUNT, found("", SLASH_BOTH, ""));
	assert_int_equal(SLASH_COUNT, found("  ", SLASH_BOTH, ""));
}

static void what_only_one_name_begins_with_is_enough(void **state)
{
	assert_int_equal(SLASH_QUIT, found("q", SLASH_BOTH, ""));
	assert_int_equal(SLASH_THEME, found("them dark", SLASH_WORKBENCH, "dark"));
	assert_int_equal(SLASH_COUNT, found("th", SLASH_WORKBENCH, ""));
	assert_int_equal(SLASH_COUNT, found("re", SLASH_BOTH, ""));
}

/* "session" begins "sessions", too. */
static void a_whole_name_is_no_beginning(void **state)
{
	assert_int_equal(SLASH_SESSION, found("session x", SLASH_WORKBENCH, "x"));
	assert_int_equal(SLASH_SESSIONS, found("sessions", SLASH_WORKBENCH, ""));
	assert_int_equal(SLASH_COUNT, found("sess", SLASH_WORKBENCH, ""));
}

static void what_is_not_there_is_not_found(void **state)
{
	assert_int_equal(SLASH_COUNT, found("theme dark", SLASH_LINE, ""));
	assert_int_equal(SLASH_THINKING, found("th", SLASH_LINE, ""));
	assert_int_equal(SLASH_SESSION, found("sess", SLASH_LINE, ""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_stand_where_their_number_says),
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(names_are_found_with_what_follows),
		cmocka_unit_test(what_only_one_name_begins_with_is_enough),
		cmocka_unit_test(a_whole_name_is_no_beginning),
		cmocka_unit_test(what_is_not_there_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
