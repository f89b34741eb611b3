/* The tree of turns: forks as columns, the way to the head marked, below it what was said there. */
#include "base/mem.h"
#include "base/number.h"
#include "tui/cells.h"
#include "tui/input.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/markdown.h"
#include "tui/styled.h"
#include "tui/term.h"
#include "tui/turn_tree.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PREVIEW_FROM_ROWS = 12, FIGURES_FROM_COLUMNS = 50 };

struct tree_view {
	struct view view;
	const struct desk_state *state; /* of the rows */
	struct turn_tree tree;
	struct list list;
	struct list_find find;
	int64_t shown; /* the turn of which the preview is */
	struct styled styled;
	struct styled_rows rows;
};

static const struct desk_turn *at_cursor(const struct tree_view *tree)
{
	return tree->list.cursor < tree->tree.n_row ? tree->tree.row[tree->list.cursor].turn : NULL;
}

/* The cursor stays with its turn, or with the head where it stood there. */
static void update(struct view *view)
{
	struct tree_view *tree = (struct tree_view *)view;
	const struct desk_turn *turn = at_cursor(tree);
	int64_t id = turn && turn->id != tree->state->head ? turn->id : view->app->state->head;
	const struct desk_state *before = tree->state;
	size_t row;

	tree->state = desk_state_ref(view->app->state);
	turn_tree_make(&tree->tree, tree->state);
	list_resize(&tree->list, tree->tree.n_row);
	row = turn_tree_find(&tree->tree, id);
	if (row < tree->tree.n_row) {
		tree->list.cursor = row;
	}
	tree->shown = 0;
	desk_state_unref(before);
}

/* `argument`: the turn that the cursor is put on; else it is the head. */
static struct view *create(struct app *app, const char *argument)
{
	struct tree_view *tree = mem_zero(1, sizeof(*tree));
	size_t row;

	tree->view.app = app;
	update(&tree->view);
	row = argument ? turn_tree_find(&tree->tree, strtoll(argument, NULL, 10))
		       : tree->tree.n_row;
	if (row < tree->tree.n_row) {
		tree->list.cursor = row;
	}
	return &tree->view;
}

static void destroy(struct view *view)
{
	struct tree_view *tree = (struct tree_view *)view;

	turn_tree_finish(&tree->tree);
	list_find_finish(&tree->find);
	styled_finish(&tree->styled);
	styled_rows_finish(&tree->rows);
	desk_state_unref(tree->state);
	free(tree);
}

/* ---- drawing ---- */

/* Today's by the clock, others by their day. */
static void add_time(struct buf *out, int64_t asked_s)
{
	time_t at = (time_t)asked_s, now = time(NULL);
	struct tm then, today;
	char text[32];

	if (asked_s <= 0 || !localtime_r(&at, &then) || !localtime_r(&now, &today)) {
		buf_addstr(out, "unknown");
		return;
	}
	strftime(text, sizeof(text),
		then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ? "%H:%M"
									       : "%Y-%m-%d",
		&then);
	buf_addstr(out, text);
}

/* "stopped  211 tok  14:02" */
static void add_figures(struct buf *out, const struct desk_turn *turn)
{
	char number[NUMBER_SIZE];

	if (turn->stop != ENGINE_STOP_END) {
		buf_addstr(out, turn->stop == ENGINE_STOP_LENGTH ? "cut  " : "stopped  ");
	}
	if (turn->usage.generated_tok > 0) {
		buf_printf(out, "%s tok  ", number_grouped(number, turn->usage.generated_tok));
	}
	add_time(out, turn->asked_s);
}

static void draw_row(struct pane pane, int row, const struct turn_row *turn)
{
	enum element element = turn->is_head      ? ELEMENT_STRONG
			       : turn->is_current ? ELEMENT_USER
						  : ELEMENT_DIM;
	struct buf text = BUF_INIT;
	int column, right = pane.columns;

	if (pane.columns >= FIGURES_FROM_COLUMNS) {
		add_figures(&text, turn->turn);
		right -= cells_width(buf_str(&text), text.len) + 1;
		pane_string(pane, row, right, ELEMENT_DIM, buf_str(&text));
		right -= 2;
		buf_clear(&text);
	}
	pane = pane_part(pane, 0, 0, pane.rows, right);
	turn_tree_lanes(&text, turn, term_has_utf8());
	column = pane_string(
		pane, row, 1, turn->is_current ? ELEMENT_USER : ELEMENT_BORDER, buf_str(&text));
	column = pane_format(
		pane, row, column, ELEMENT_LINE_NUMBER, "#%-3lld ", (long long)turn->turn->id);
	pane_text(pane, row, column, element, turn->turn->question, turn->turn->question_len);
	buf_finish(&text);
}

/* The question, whole, and the answer. */
static void make_preview(struct tree_view *tree, const struct desk_turn *turn)
{
	if (tree->shown == turn->id) {
		return;
	}
	tree->shown = turn->id;
	styled_clear(&tree->styled);
	styled_wrap(&tree->rows, &tree->styled, 0);
	styled_add(&tree->styled, ELEMENT_USER, turn->question, turn->question_len);
	styled_end_block(&tree->styled, 0, 0, 0);
	markdown_style(
		&tree->styled, turn->answer, turn->answer_len, turn->citation, turn->n_citation);
}

static void draw_preview(struct tree_view *tree, struct pane pane)
{
	const struct desk_turn *turn = at_cursor(tree);

	pane_line_below(pane_part(pane, 0, 0, 1, pane.columns), ELEMENT_BORDER);
	pane = pane_part(pane, 1, 1, pane.rows - 1, pane.columns - 2);
	if (!turn || pane.columns < 1) {
		return;
	}
	make_preview(tree, turn);
	styled_wrap(&tree->rows, &tree->styled, pane.columns);
	for (int row = 0; row < pane.rows && (size_t)row < tree->rows.n_row; row++) {
		styled_draw_row(pane, row, &tree->styled, &tree->rows, (size_t)row,
			&(const struct styled_look){0});
	}
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct tree_view *tree = (struct tree_view *)view;
	struct pane list = pane;

	if (!tree->tree.n_row) {
		pane_string(pane, 0, 1, ELEMENT_DIM, "Nothing was asked yet.");
		return;
	}
	if (pane.rows >= PREVIEW_FROM_ROWS) {
		list.rows = pane.rows - pane.rows * 2 / 5;
		draw_preview(
			tree, pane_part(pane, list.rows, 0, pane.rows - list.rows, pane.columns));
	}
	list_layout(&tree->list, list.rows);
	for (int row = 0; row < list.rows; row++) {
		size_t at = tree->list.top + (size_t)row;

		if (at >= tree->tree.n_row) {
			break;
		}
		draw_row(list, row, &tree->tree.row[at]);
		if (at == tree->list.cursor && is_focused) {
			pane_mark_row(list, row, ELEMENT_CURSOR);
		}
	}
}

/* ---- keys ---- */

static int has(const void *arg, size_t row, const char *words)
{
	const struct desk_turn *turn = ((const struct turn_tree *)arg)->row[row].turn;

	return strcasestr(turn->question, words) || strcasestr(turn->answer, words);
}

static void edit(struct app *app, const struct desk_turn *turn)
{
	view_show_chat(app);
	app_edit(app, turn);
}

static void go_on_behind(struct app *app, const struct desk_turn *turn)
{
	int64_t id = turn->id;

	desk_switch(app->desk, id);
	view_show_chat(app);
	app_say(app, "The next question goes on behind #%lld.", (long long)id);
}

static void go_to_parent(struct tree_view *tree, const struct desk_turn *turn)
{
	size_t row = turn_tree_find(&tree->tree, turn->parent);

	if (row < tree->tree.n_row) {
		tree->list.cursor = row;
	}
}

static int act(struct view *view, enum action action)
{
	struct tree_view *tree = (struct tree_view *)view;
	const struct desk_turn *turn = at_cursor(tree);

	if (list_act(&tree->list, action)) {
		return 1;
	}
	if (!turn) {
		return 0;
	}
	switch (action) {
	case ACTION_OPEN:
	case ACTION_FORK:
		go_on_behind(view->app, turn);
		return 1;
	case ACTION_EDIT:
		edit(view->app, turn);
		return 1;
	case ACTION_LEFT:
		go_to_parent(tree, turn);
		return 1;
	default:
		return 0;
	}
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct tree_view *tree = (struct tree_view *)view;
	struct list_rows rows = {has, &tree->tree};

	return list_find(&tree->find, &tree->list, &rows, words, len, is_back, is_final);
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct tree_view *tree = (const struct tree_view *)view;

	buf_addstr(left, "tree of turns");
	if (tree->tree.n_row) {
		buf_printf(right, "%zu/%zu", tree->list.cursor + 1, tree->tree.n_row);
	}
}

static int copy(struct view *view, struct buf *out)
{
	const struct desk_turn *turn = at_cursor((const struct tree_view *)view);

	if (!turn) {
		return 0;
	}
	buf_add(out, turn->answer, turn->answer_len);
	return 1;
}

const struct view_ops view_tree = {
	.name = "tree",
	.bit = VIEW_TREE,
	.create = create,
	.destroy = destroy,
	.update = update,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
