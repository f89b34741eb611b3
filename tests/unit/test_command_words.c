/* What is typed behind a /command. */
#include "session/command_words.h"

#include "base/mem.h"
#include "tests/unit/folder_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/carrel-words-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* `expected` is parted by |. */
static void check_paths(const char *typed, int has_tilde, const char *expected)
{
	char joined[512] = "";
	size_t count;
	char **path = command_paths(typed, has_tilde, &count);

	for (size_t i = 0; i < count; i++) {
		strcat(joined, i ? "|" : "");
		strcat(joined, path[i]);
	}
	command_paths_free(path, count);
	assert_string_equal(expected, joined);
}

static void a_path_is_what_is_there(void **state)
{
	folder_write("a b.txt", "");
	folder_write("a1.txt", "");
	folder_write("a2.txt", "");
	folder_write("a[12].txt", "");
	folder_write("'odd'", "");
	check_paths("a b.txt", 0, "a b.txt");
	check_paths("a?.txt", 0, "a1.txt|a2.txt");
	check_paths("a[12].txt", 0, "a[12].txt"); /* a file of that name goes first */
	check_paths("\"a?.txt\"", 0, "a?.txt");
	check_paths("'a b.txt'", 0, "a b.txt");
	check_paths("'odd'", 0, "'odd'");
	check_paths("missing*", 0, "missing*");
	check_paths("a1.txt  a2.txt", 0, "a1.txt|a2.txt");
	check_paths("a1.txt missing", 0, "a1.txt missing");
	check_paths("\"", 0, "\"");
}

static void a_tilde_is_the_home(void **state)
{
	char *path;

	setenv("HOME", folder, 1);
	check_paths("~/a1.txt", 0, "~/a1.txt");
	path = mem_printf("%s/a1.txt|%s/a2.txt", folder, folder);
	check_paths("~/a?.txt", 1, path);
	free(path);
	path = mem_printf("a1.txt|%s/a2.txt", folder);
	check_paths("a1.txt ~/a2.txt", 1, path);
	free(path);
	path = command_path("~");
	assert_string_equal(folder, path);
	free(path);
	path = command_path("~nobody-of-that-name/x");
	assert_string_equal("~nobody-of-that-name/x", path);
	free(path);
	path = command_path("~*/x");
	assert_string_equal("~*/x", path);
	free(path);
}

static void sources_are_numbers_each_once(void **state)
{
	int64_t *number = NULL;
	size_t count = 0;
	struct err err;

	assert_int_equal(0, command_add_sources(&number, &count, "S2, 3 s2,S10 ", &err));
	assert_int_equal(3, count);
	assert_int_equal(2, number[0]);
	assert_int_equal(3, number[1]);
	assert_int_equal(10, number[2]);
	for (size_t i = 0; i < 5; i++) {
		static const char *const wrong[] = {"", "S", "S0", "S1x", "99999999999999999999"};

		assert_int_equal(-1, command_add_sources(&number, &count, wrong[i], &err));
		assert_int_equal(ERR_USAGE, err.code);
	}
	free(number);
}

static void a_turn_is_a_number(void **state)
{
	struct err err;
	int64_t turn = 0;

	assert_int_equal(0, command_turn(&turn, "/edit", "#12", &err));
	assert_int_equal(12, turn);
	assert_int_equal(0, command_turn(&turn, "/edit", "7 ", &err));
	assert_int_equal(7, turn);
	for (size_t i = 0; i < 5; i++) {
		static const char *const wrong[] = {"", "#", "0", "-1", "7 8"};

		assert_int_equal(-1, command_turn(&turn, "/edit", wrong[i], &err));
		assert_string_equal("/edit", err.where);
	}
	assert_int_equal(7, turn);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_what_is_there),
		cmocka_unit_test(a_tilde_is_the_home),
		cmocka_unit_test(sources_are_numbers_each_once),
		cmocka_unit_test(a_turn_is_a_number),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
