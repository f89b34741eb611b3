/* A cursor over lines: it stays inside, and the window follows it. */
#include "tui/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_cursor_stays_within_the_lines(void **state)
{
	struct list list = {0};

	list_resize(&list, 3);
	assert_true(list_act(&list, ACTION_UP));
	assert_int_equal(list.cursor, 0);
	list_act(&list, ACTION_LAST);
	list_act(&list, ACTION_DOWN);
	assert_int_equal(list.cursor, 2);
	list_resize(&list, 1);
	assert_int_equal(list.cursor, 0);
	list_resize(&list, 0);
	list_act(&list, ACTION_DOWN);
	list_act(&list, ACTION_PAGE_UP);
	assert_int_equal(list.cursor, 0);
	assert_false(list_act(&list, ACTION_OPEN));
}

static void the_window_follows_the_cursor(void **state)
{
	struct list list = {0};

	list_resize(&list, 100);
	list_layout(&list, 10);
	assert_int_equal(list.top, 0);
	list_act(&list, ACTION_PAGE_DOWN);
	assert_int_equal(list.cursor, 9);
	list_act(&list, ACTION_DOWN);
	list_layout(&list, 10);
	assert_int_equal(list.top, 1);
	list_act(&list, ACTION_LAST);
	list_layout(&list, 10);
	assert_int_equal(list.top, 90);
	list_act(&list, ACTION_HALF_UP);
	list_layout(&list, 10);
	assert_int_equal(list.cursor, 94);
	assert_int_equal(list.top, 90);
	list_act(&list, ACTION_FIRST);
	list_layout(&list, 10);
	assert_int_equal(list.top, 0);
}

static void a_list_that_shrinks_leaves_no_empty_rows(void **state)
{
	struct list list = {0};

	list_resize(&list, 100);
	list_act(&list, ACTION_LAST);
	list_layout(&list, 10);
	list_resize(&list, 20);
	list_layout(&list, 10);
	assert_int_equal(list.cursor, 19);
	assert_int_equal(list.top, 10);
	list_layout(&list, 50);
	assert_int_equal(list.top, 0);
}

static void a_pane_without_rows_is_no_trouble(void **state)
{
	struct list list = {0};

	list_resize(&list, 5);
	list_layout(&list, 0);
	list_act(&list, ACTION_PAGE_DOWN);
	list_layout(&list, 0);
	assert_int_equal(list.cursor, 1);
	assert_int_equal(list.top, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cursor_stays_within_the_lines),
		cmocka_unit_test(the_window_follows_the_cursor),
		cmocka_unit_test(a_list_that_shrinks_leaves_no_empty_rows),
		cmocka_unit_test(a_pane_without_rows_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
