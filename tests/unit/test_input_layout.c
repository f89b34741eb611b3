/* Where the characters of the input line stand. */
#include "tui/input_layout.h"

#include "base/mem.h"
#include "base/rng.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint64_t dice_of(uint64_t seed, uint64_t n)
{
	uint32_t out[4];

	rng_philox(seed, n, out);
	return (uint64_t)out[0] << 32 | out[1];
}

static void assert_place(const struct input_layout *layout, size_t at, size_t row, int column)
{
	size_t got_row;
	int got_column;

	input_layout_place(layout, at, &got_row, &got_column);
	assert_int_equal(got_row, row);
	assert_int_equal(got_column, column);
}

static void lay_out(struct input_layout *layout, const char *text, int columns)
{
	input_layout_make(layout, text, strlen(text), columns);
}

static void test_wide_characters_and_clusters_stand_where_they_are_drawn(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "", 10);
	assert_int_equal(layout.n_row, 1);
	assert_place(&layout, 0, 0, 0);
	/* Each ideograph is two columns; one that does not fit begins the next row. */
	lay_out(&layout, "a\u4e2d\u6587\u5b57x", 6);
	assert_int_equal(layout.n_row, 2);
	assert_place(&layout, 1, 0, 1);
	assert_place(&layout, 4, 0, 3);
	assert_place(&layout, 7, 1, 0);
	assert_place(&layout, 10, 1, 2);
	/* A mark stands on its letter: before it the cursor is on the letter. */
	lay_out(&layout, "e\u0301x", 10);
	assert_place(&layout, 1, 0, 0);
	assert_place(&layout, 3, 0, 1);
	assert_place(&layout, 4, 0, 2);
	/* A family of emoji is one cluster of two columns. */
	lay_out(&layout, "\U0001f469\u200d\U0001f467!", 10);
	assert_place(&layout, 11, 0, 2);
	assert_place(&layout, 12, 0, 3);
	/* A tab goes to the next multiple of eight, what would be obeyed is shown. */
	lay_out(&layout, "a\tb\033c", 20);
	assert_place(&layout, 2, 0, 8);
	assert_place(&layout, 4, 0, 11);
	input_layout_finish(&layout);
}

static void test_full_rows_leave_room_for_the_cursor(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "abcd", 4);
	assert_int_equal(layout.n_row, 2);
	assert_place(&layout, 4, 1, 0);
	lay_out(&layout, "abcd\nef\n", 4);
	assert_int_equal(layout.n_row, 3);
	assert_place(&layout, 4, 0, 3);
	assert_place(&layout, 5, 1, 0);
	assert_place(&layout, 8, 2, 0);
	/* Up and Down: a place in that row, whatever the column. */
	assert_int_equal(input_layout_at(&layout, 0, 9), 4);
	assert_int_equal(input_layout_at(&layout, 1, 9), 7);
	assert_int_equal(input_layout_at(&layout, 1, 1), 6);
	lay_out(&layout, "abcdef", 4);
	assert_int_equal(input_layout_at(&layout, 0, 9), 3);
	assert_int_equal(input_layout_width(&layout, 1), 2);
	input_layout_finish(&layout);
}

static void test_one_column_holds_anything(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "ab\u4e2d\t\nx", 1);
	for (size_t at = 0; at <= strlen("ab\u4e2d\t\nx"); at++) {
		size_t row;
		int column;

		input_layout_place(&layout, at, &row, &column);
		assert_true(row < layout.n_row);
		assert_int_equal(column, 0);
	}
	lay_out(&layout, "x", 0);
	assert_place(&layout, 1, 1, 0);
	input_layout_finish(&layout);
}

/* Measuring only what changed gives what measuring everything gives. */
static void test_rows_after_edits_are_those_of_the_whole_text(void **unused)
{
	static const char *const piece[] = {"a", " ", "\n", "\t", "\u4e2d", "\u0301", "\u200d",
		"\U0001f469", "\U0001f1e9", "\033", "\xff", "word and more words "};
	struct input_layout layout = {0}, whole = {0};
	struct buf text = BUF_INIT, next = BUF_INIT;
	uint64_t n = 0;

	for (int i = 0; i < 4000; i++) {
		size_t at = text.len ? dice_of(7, n++) % text.len : 0;
		size_t gone = dice_of(7, n++) % 4 == 0 ? dice_of(7, n++) % (text.len - at + 1) : 0;
		const char *add = piece[dice_of(7, n++) % ARRAY_LEN(piece)];

		gone = gone > 30 ? 30 : gone;
		buf_clear(&next);
		buf_add(&next, buf_str(&text), at);
		buf_addstr(&next, add);
		buf_add(&next, buf_str(&text) + at + gone, text.len - at - gone);
		buf_clear(&text);
		buf_add(&text, next.data, next.len);
		input_layout_make(&layout, text.data, text.len, 7);
		input_layout_finish(&whole);
		input_layout_make(&whole, text.data, text.len, 7);
		assert_int_equal(layout.n_row, whole.n_row);
		assert_memory_equal(layout.row, whole.row, whole.n_row * sizeof(struct input_row));
	}
	input_layout_finish(&layout);
	input_layout_finish(&whole);
	buf_finish(&text);
	buf_finish(&next);
}

static int set_locale(void **unused)
{
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide_characters_and_clusters_stand_where_they_are_drawn),
		cmocka_unit_test(test_full_rows_leave_room_for_the_cursor),
		cmocka_unit_test(test_one_column_holds_anything),
		cmocka_unit_test(test_rows_after_edits_are_those_of_the_whole_text),
	};

	return cmocka_run_group_tests(tests, set_locale, NULL);
}
