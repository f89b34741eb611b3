/* Help: the keys of the view that it was called from, keys that always work, and the /commands. */
#include "base/mem.h"
#include "tui/help_rows.h"
#include "tui/input.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

struct help_view {
	struct view view;
	const struct view_ops *of;
	int columns; /* that the rows were made for */
	struct help_rows rows;
	struct list list;
	struct list_find find;
};

/* Of the view below it, where it stands on one. */
static const struct view_ops *find_of(const struct app *app)
{
	for (size_t i = app->n_view; i-- > 0;) {
		if (app->view[i]->ops != &view_help) {
			return app->view[i]->ops;
		}
	}
	return &view_help;
}

/* The cursor stays about where it was. */
static void make_rows(struct help_view *help, int columns)
{
	size_t n = help->rows.n_row, at = help->list.cursor;

	help->columns = columns;
	help_rows_make(&help->rows, help->view.app->keys, help->of->bit, help->of->name, columns);
	list_resize(&help->list, help->rows.n_row);
	help->list.cursor = n ? at * help->rows.n_row / n : 0;
}

/* `argument`: the name of a view that is open. */
static struct view *create(struct app *app, const char *argument)
{
	struct help_view *help = mem_zero(1, sizeof(*help));

	help->view.app = app;
	help->of = find_of(app);
	for (size_t i = 0; i < app->n_view && argument; i++) {
		if (strcmp(app->view[i]->ops->name, argument) == 0) {
			help->of = app->view[i]->ops;
		}
	}
	make_rows(help, app->size.columns);
	return &help->view;
}

static void destroy(struct view *view)
{
	struct help_view *help = (struct help_view *)view;

	help_rows_finish(&help->rows);
	list_find_finish(&help->find);
	free(help);
}

static void draw_row(
	const struct help_view *help, struct pane pane, int at, const struct help_row *row)
{
	int column;

	if (!row->key) {
		pane_string(pane, at, 1, ELEMENT_HEADING, row->text);
		return;
	}
	column = pane_string(pane, at, 2, ELEMENT_HINT_KEY, row->key) + 2;
	pane_string(pane, at, column > help->rows.key_columns ? column : help->rows.key_columns,
		ELEMENT_TEXT, row->text);
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct help_view *help = (struct help_view *)view;

	if (pane.columns != help->columns) {
		make_rows(help, pane.columns);
	}
	list_layout(&help->list, pane.rows);
	for (int row = 0; row < pane.rows; row++) {
		size_t at = help->list.top + (size_t)row;

		if (at >= help->rows.n_row) {
			break;
		}
		draw_row(help, pane, row, &help->rows.row[at]);
		if (at == help->list.cursor && is_focused) {
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
	}
}

static int has(const void *arg, size_t at, const char *words)
{
	const struct help_row *row = &((const struct help_rows *)arg)->row[at];

	return strcasestr(row->text, words) || (row->key && strcasestr(row->key, words));
}

/* Enter on a command begins it in the input line. */
static void begin_command(struct app *app, const char *name)
{
	char *line = mem_printf("/%s ", name);

	view_show_chat(app);
	input_set(app->input, line);
	free(line);
}

static int act(struct view *view, enum action action)
{
	struct help_view *help = (struct help_view *)view;

	if (list_act(&help->list, action)) {
		return 1;
	}
	if (action == ACTION_HELP || action == ACTION_HELP_HERE) {
		view_close(view->app);
		return 1;
	}
	if (action == ACTION_OPEN && help->list.cursor < help->rows.n_row &&
		help->rows.row[help->list.cursor].command) {
		begin_command(view->app, help->rows.row[help->list.cursor].command);
		return 1;
	}
	return 0;
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct help_view *help = (struct help_view *)view;
	struct list_rows rows = {has, &help->rows};

	return list_find(&help->find, &help->list, &rows, words, len, is_back, is_final);
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct help_view *help = (const struct help_view *)view;

	buf_printf(left, "help: %s", help->of->name);
	buf_printf(right, "%zu/%zu", help->list.cursor + 1, help->list.n);
}

static int copy(struct view *view, struct buf *out)
{
	const struct help_view *help = (const struct help_view *)view;
	const struct help_row *row =
		help->list.cursor < help->rows.n_row ? &help->rows.row[help->list.cursor] : NULL;

	if (!row || !row->key) {
		return 0;
	}
	buf_printf(out, "%s  %s", row->key, row->text);
	return 1;
}

const struct view_ops view_help = {
	.name = "help",
	.bit = VIEW_HELP,
	.create = create,
	.destroy = destroy,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
