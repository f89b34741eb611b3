#include "tui/layout.h"

/* Below so many rows each bar goes, the least needed first. */
enum { RULE_ROWS = 18, HINT_ROWS = 14, TITLE_ROWS = 8, PROGRESS_ROWS = 4, INPUT_ROWS = 2 };

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Take rows from the screen's lower end, where so many are left at least. */
static struct pane take_below(struct pane *rest, int rows)
{
	struct pane pane;

	rows = least(rows, rest->rows);
	pane = pane_part(*rest, rest->rows - rows, 0, rows, rest->columns);
	rest->rows -= rows;
	return pane;
}

static struct pane take_above(struct pane *rest, int rows)
{
	struct pane pane;

	rows = least(rows, rest->rows);
	pane = pane_part(*rest, 0, 0, rows, rest->columns);
	*rest = pane_part(*rest, rows, 0, rest->rows - rows, rest->columns);
	return pane;
}

static void place_views(struct layout *layout, const struct layout_wants *wants, struct pane rest)
{
	struct pane side[2] = {rest, rest};
	int title_rows = wants->rows >= TITLE_ROWS;

	if (wants->n_view > 1 && wants->columns >= LAYOUT_SIDE_BY_SIDE) {
		int left = (rest.columns - 1) / 2;

		side[0] = pane_part(rest, 0, 0, rest.rows, left);
		layout->border = pane_part(rest, 0, left, rest.rows, 1);
		side[1] = pane_part(rest, 0, left + 1, rest.rows, rest.columns - left - 1);
	} else {
		side[!(wants->n_view > 1)].rows = 0;
	}
	for (int i = 0; i < 2; i++) {
		layout->title[i] = take_above(&side[i], title_rows);
		layout->view[i] = side[i];
	}
}

void layout_make(struct layout *layout, const struct layout_wants *wants)
{
	struct pane rest = {0, 0, wants->rows, wants->columns};

	*layout = (struct layout){0};
	layout->head = take_above(&rest, wants->head_rows);
	layout->hints = take_below(&rest, wants->rows >= HINT_ROWS);
	if (wants->rows >= INPUT_ROWS) {
		/* At least half of what is left is the view's. */
		layout->input = take_below(
			&rest, least(wants->input_rows, rest.rows > 2 ? (rest.rows + 1) / 2 : 1));
	}
	layout->rule = take_below(&rest, wants->rows >= RULE_ROWS);
	layout->progress = take_below(&rest, wants->rows >= RULE_ROWS && wants->message_rows > 1
						     ? wants->message_rows
						     : wants->rows >= PROGRESS_ROWS);
	place_views(layout, wants, rest);
	layout->menu = take_below(&rest, least(wants->menu_rows, rest.rows - 1));
	/* The cost stands at the right of the input's first row. */
	if (wants->cost_columns > 0 && wants->cost_columns < wants->columns) {
		layout->cost = pane_part(layout->input, 0,
			layout->input.columns - wants->cost_columns, 1, wants->cost_columns);
	}
}
