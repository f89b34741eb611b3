/* Every size of a screen: parts stand inside it, apart from each other, and the view has its share. */
#include "tui/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 200, MOST_COLUMNS = 500 };

static char taken[MOST_ROWS][MOST_COLUMNS];

static void take(struct pane pane, const struct layout_wants *wants)
{
	assert_true(pane.rows >= 0 && pane.columns >= 0);
	if (!pane.rows || !pane.columns) {
		return;
	}
	assert_true(pane.top >= 0 && pane.left >= 0);
	assert_true(pane.top + pane.rows <= wants->rows);
	assert_true(pane.left + pane.columns <= wants->columns);
	for (int row = 0; row < pane.rows; row++) {
		for (int column = 0; column < pane.columns; column++) {
			char *cell = &taken[pane.top + row][pane.left + column];

			assert_false(*cell);
			*cell = 1;
		}
	}
}

static void check(const struct layout_wants *wants)
{
	struct layout layout;

	layout_make(&layout, wants);
	memset(taken, 0, sizeof(taken));
	take(layout.head, wants);
	for (int i = 0; i < 2; i++) {
		take(layout.title[i], wants);
		take(layout.view[i], wants);
	}
	take(layout.border, wants);
	take(layout.progress, wants);
	take(layout.rule, wants);
	take(layout.input, wants);
	take(layout.hints, wants);
	/* The whole screen is somebody's. */
	for (int row = 0; row < wants->rows; row++) {
		for (int column = 0; column < wants->columns; column++) {
			assert_true(taken[row][column]);
		}
	}
	/* The one that has the keys is shown, and from two rows on so is the input. */
	assert_true(layout.view[wants->n_view > 1].rows > 0);
	assert_true(wants->rows < 2 || layout.input.rows > 0);
}

static void all_parts_stand_apart_within_a_screen_of_any_size(void **state)
{
	static const int columns[] = {1, 2, 20, 79, 80, 140, 141, 142, 500};

	for (int rows = 1; rows <= MOST_ROWS; rows += rows < 40 ? 1 : 40) {
		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
			for (int n_view = 1; n_view <= 2; n_view++) {
				struct layout_wants wants = {.rows = rows,
					.columns = columns[i],
					.head_rows = rows < 12 ? 0 : 2,
					.input_rows = rows / 3 + 1,
					.message_rows = rows % 5,
					.menu_rows = 12,
					.cost_columns = 50,
					.n_view = n_view};

				check(&wants);
			}
		}
	}
}

static void two_views_are_side_by_side_from_141_columns(void **state)
{
	struct layout_wants wants = {
		.rows = 50, .columns = 141, .head_rows = 2, .input_rows = 1, .n_view = 2};
	struct layout layout;

	layout_make(&layout, &wants);
	assert_int_equal(layout.view[0].columns, 70);
	assert_int_equal(layout.view[1].columns, 70);
	assert_int_equal(layout.border.columns, 1);
	wants.columns = 140;
	layout_make(&layout, &wants);
	assert_int_equal(layout.view[0].rows, 0);
	assert_int_equal(layout.view[1].columns, 140);
}

static void the_bars_of_80x24_are_those_of_the_design(void **state)
{
	struct layout_wants wants = {
		.rows = 24, .columns = 80, .head_rows = 2, .input_rows = 1, .n_view = 1};
	struct layout layout;

	layout_make(&layout, &wants);
	assert_int_equal(layout.head.rows, 2);
	assert_int_equal(layout.title[0].top, 2);
	assert_int_equal(layout.view[0].rows, 24 - 7);
	assert_int_equal(layout.progress.top, 20);
	assert_int_equal(layout.rule.top, 21);
	assert_int_equal(layout.input.top, 22);
	assert_int_equal(layout.hints.top, 23);
	wants.message_rows = 3;
	layout_make(&layout, &wants);
	assert_int_equal(layout.progress.rows, 3);
	assert_int_equal(layout.progress.top, 18);
	wants.rows = 17;
	layout_make(&layout, &wants);
	assert_int_equal(layout.progress.rows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_stand_apart_within_a_screen_of_any_size),
		cmocka_unit_test(two_views_are_side_by_side_from_141_columns),
		cmocka_unit_test(the_bars_of_80x24_are_those_of_the_design),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
