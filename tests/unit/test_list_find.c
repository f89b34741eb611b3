/* tui/list_find.h: where the cursor goes while words are typed, and when they are asked for again. */
#include "tui/list_find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const text[] = {"alpha", "beta", "gamma", "Alphabet", "delta", "beta max"};
enum { N = sizeof(text) / sizeof(text[0]) };

static int has(const void *arg, size_t row, const char *words)
{
	return strcasestr(((const char *const *)arg)[row], words) != NULL;
}
static const struct list_rows rows = {has, text};

static int find(struct list_find *find, struct list *list, const char *words, int is_final)
{
	return list_find(find, list, &rows, words, strlen(words), 0, is_final);
}

static void test_typing_leads_from_where_it_began_and_enter_stays(void **state)
{
	struct list list = {.n = N, .cursor = 1};
	struct list_find search = {0};

	(void)state;
	assert_int_equal(find(&search, &list, "a", 0), 1);
	assert_int_equal(list.cursor, 1);
	assert_int_equal(find(&search, &list, "al", 0), 1);
	assert_int_equal(list.cursor, 3);
	assert_int_equal(find(&search, &list, "a", 0), 1); /* a letter is taken back */
	assert_int_equal(list.cursor, 1);
	assert_int_equal(find(&search, &list, "al", 0), 1);
	assert_int_equal(find(&search, &list, "al", 1), 1);
	assert_int_equal(list.cursor, 3);
	list_find_finish(&search);
}

static void test_the_same_words_again_go_on_round_the_end(void **state)
{
	struct list list = {.n = N, .cursor = 0};
	struct list_find search = {0};

	(void)state;
	assert_int_equal(find(&search, &list, "beta", 1), 1);
	assert_int_equal(list.cursor, 1);
	assert_int_equal(find(&search, &list, "beta", 1), 1);
	assert_int_equal(list.cursor, 5);
	assert_int_equal(find(&search, &list, "beta", 1), 1);
	assert_int_equal(list.cursor, 1);
	assert_int_equal(list_find(&search, &list, &rows, "beta", 4, 1, 1), 1);
	assert_int_equal(list.cursor, 5);
	list_find_finish(&search);
}

static void test_what_is_not_there_leaves_the_cursor_where_it_was(void **state)
{
	struct list list = {.n = N, .cursor = 2}, empty = {0};
	struct list_find search = {0};

	(void)state;
	assert_int_equal(find(&search, &list, "g", 0), 1);
	assert_int_equal(find(&search, &list, "gx", 0), 0);
	assert_int_equal(list.cursor, 2);
	assert_int_equal(find(&search, &list, "", 0), 0);
	assert_int_equal(list.cursor, 2);
	assert_int_equal(find(&search, &empty, "a", 1), 0);
	list_find_finish(&search);
}

static void test_a_search_that_was_given_up_does_not_lead_the_next_one_back(void **state)
{
	struct list list = {.n = N, .cursor = 0};
	struct list_find search = {0};

	(void)state;
	assert_int_equal(find(&search, &list, "gam", 0), 1);
	list.cursor = 4; /* Esc, and then moved */
	assert_int_equal(find(&search, &list, "b", 0), 1);
	assert_int_equal(list.cursor, 5);
	list_find_finish(&search);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_typing_leads_from_where_it_began_and_enter_stays),
		cmocka_unit_test(test_the_same_words_again_go_on_round_the_end),
		cmocka_unit_test(test_what_is_not_there_leaves_the_cursor_where_it_was),
		cmocka_unit_test(test_a_search_that_was_given_up_does_not_lead_the_next_one_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
