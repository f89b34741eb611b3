/* What was typed comes back: exactly, from several programs, after a death in mid-entry. */
#include "base/recall.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

static int setup(void **state)
{
	strcpy(folder, "/tmp/test-recall-XXXXXX");
	snprintf(path, sizeof(path), "%s/history", mkdtemp(folder));
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(folder); /* nothing else was left there */
}

static void collect(void *arg, const char *text, size_t len)
{
	assert_int_equal(strlen(text), len);
	buf_printf(arg, "[%s]", text);
}

static void expect(const char *entries)
{
	struct buf all = BUF_INIT;

	assert_int_equal(recall_read(path, collect, &all, NULL), 0);
	assert_string_equal(buf_str(&all), entries);
	buf_finish(&all);
}

static void add(const char *text)
{
	assert_int_equal(recall_add(path, text, strlen(text), NULL), 0);
}

static void put(const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void test_entries_of_many_lines_come_back_exactly(void **state)
{
	expect("");
	add("one");
	add("two\nlines\n");
	add("a ^A: \001, \001n and \001a, \t\033[31m");
	expect("[one][two\nlines\n][a ^A: \001, \001n and \001a, \t\033[31m]");
}

static void test_a_file_of_plain_lines_is_read_and_a_damaged_one_too(void **state)
{
	put("plain\n\n/load x y\n\377\0b\001", 21);
	expect("[plain][/load x y][\xef\xbf\xbd\xef\xbf\xbd"
	       "b\001]");
}

static void test_what_follows_an_entry_that_was_cut_short_is_whole(void **state)
{
	put("first\nsec", 9);
	add("third");
	expect("[first][sec][third]");
}

static void test_the_file_is_private_under_any_umask(void **state)
{
	mode_t before = umask(0);
	struct stat st;

	add("x");
	umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	chmod(path, 0644);
	add("y");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(recall_cut(path, 1, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	expect("[y]");
}

static void test_the_newest_are_kept(void **state)
{
	for (int i = 0; i < 9; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", i);
		add(text);
	}
	assert_int_equal(recall_cut(path, 9, NULL), 0);
	expect("[0][1][2][3][4][5][6][7][8]");
	assert_int_equal(recall_cut(path, 3, NULL), 0);
	expect("[6][7][8]");
}

static void test_a_link_and_a_folder_are_refused(void **state)
{
	struct err err;

	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(recall_add(path, "x", 1, &err), -1);
	assert_string_equal(err.where, path);
	assert_int_equal(recall_read(path, collect, NULL, &err), -1);
	unlink(path);
	assert_int_equal(recall_read(folder, collect, NULL, &err), -1);
}

/* Cuts replace the file while others add to it: nobody's entry may go with the old one. */
static void test_programs_that_add_and_cut_at_a_time_lose_nothing(void **state)
{
	enum { PROGRAMS = 4, ENTRIES = 100, OLD = 1000 };
	struct buf all = BUF_INIT;

	for (int i = 0; i < OLD; i++) {
		buf_addstr(&all, "old\n");
	}
	put(all.data, all.len);
	buf_clear(&all);
	for (int p = 0; p < PROGRAMS; p++) {
		if (fork() == 0) {
			for (int i = 0; i < ENTRIES; i++) {
				char text[32];

				snprintf(text, sizeof(text), "p%d-%d\nsecond line", p, i);
				if (recall_add(path, text, strlen(text), NULL) < 0 ||
					(i % 10 == 0 && recall_cut(path, OLD, NULL) < 0)) {
					_exit(1);
				}
			}
			_exit(0);
		}
	}
	for (int p = 0; p < PROGRAMS; p++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(recall_read(path, collect, &all, NULL), 0);
	for (int p = 0; p < PROGRAMS; p++) {
		for (int i = 0; i < ENTRIES; i++) {
			char text[40];

			snprintf(text, sizeof(text), "[p%d-%d\nsecond line]", p, i);
			if (!strstr(buf_str(&all), text)) {
				fail_msg("%s is lost", text);
			}
		}
	}
	buf_finish(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_entries_of_many_lines_come_back_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_of_plain_lines_is_read_and_a_damaged_one_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_follows_an_entry_that_was_cut_short_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_file_is_private_under_any_umask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_newest_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_link_and_a_folder_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_programs_that_add_and_cut_at_a_time_lose_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
