/* The engine: model, device, speed, window, KV, and what went wrong. */
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/engine_rows.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

enum { WIDE_COLUMNS = 60, LABEL_COLUMNS = 24, LABEL_LEAST = 16, SPARK_MOST = 60, TROUBLES = 5 };

struct engine_view {
	struct view view;
	struct engine_rows rows;
	int columns; /* that they were made for */
	struct list list;
	struct list_find find;
};

/* The newest errors of the log. */
static void add_troubles(struct engine_rows *rows, const struct app *app)
{
	size_t first = app->n_note;

	for (int n = 0; first > 0 && n < TROUBLES;) {
		n += app->note[--first].is_error;
	}
	for (size_t i = first, n = 0; i < app->n_note; i++) {
		if (app->note[i].is_error) {
			engine_rows_add(rows, ELEMENT_ERROR, n++ ? "" : "last errors", "%s",
				app->note[i].text);
		}
	}
}

static int label_columns(int columns)
{
	return columns >= WIDE_COLUMNS ? LABEL_COLUMNS : LABEL_LEAST;
}

static void update(struct view *view)
{
	struct engine_view *engine = (struct engine_view *)view;

	engine_rows_make(&engine->rows, view->app->state, &view->app->progress);
	add_troubles(&engine->rows, view->app);
	engine_rows_wrap(&engine->rows, engine->columns - label_columns(engine->columns) - 1);
	list_resize(&engine->list, engine->rows.n_row);
}

static struct view *create(struct app *app, const char *argument)
{
	struct engine_view *engine = mem_zero(1, sizeof(*engine));

	engine->view.app = app;
	engine->columns = app->size.columns;
	update(&engine->view);
	return &engine->view;
}

static void destroy(struct view *view)
{
	struct engine_view *engine = (struct engine_view *)view;

	engine_rows_finish(&engine->rows);
	list_find_finish(&engine->find);
	free(engine);
}

static void event(struct view *view, const struct desk_event *event)
{
	if (event->type == DESK_PROGRESS || event->type == DESK_NOTE || event->type == DESK_ENDED) {
		update(view);
		app_touch(view->app);
	}
}

static void draw_row(struct pane pane, int at, const struct engine_row *row)
{
	int label = label_columns(pane.columns), column, rest;

	if (!row->text) {
		pane_string(pane, at, 1, row->element, row->label);
		return;
	}
	pane_string(pane_part(pane, 0, 0, pane.rows, label), at, 3, ELEMENT_DIM, row->label);
	column = pane_string(pane, at, label, row->element, row->text) + 2;
	rest = pane.columns - column - 1;
	rest = rest < SPARK_MOST ? rest : SPARK_MOST;
	if (row->n_value > 1 && rest > 0) {
		pane_sparkline(pane, at, column,
			row->n_value < (size_t)rest ? (int)row->n_value : rest, row->value,
			row->n_value);
	}
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct engine_view *engine = (struct engine_view *)view;

	if (pane.columns != engine->columns) {
		engine->columns = pane.columns;
		update(view);
	}
	list_layout(&engine->list, pane.rows);
	for (int row = 0; row < pane.rows; row++) {
		size_t at = engine->list.top + (size_t)row;

		if (at >= engine->rows.n_row) {
			break;
		}
		draw_row(pane, row, &engine->rows.row[at]);
		if (at == engine->list.cursor && is_focused) {
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
	}
}

static int has(const void *arg, size_t at, const char *words)
{
	const struct engine_row *row = &((const struct engine_rows *)arg)->row[at];

	return strcasestr(row->label, words) || (row->text && strcasestr(row->text, words));
}

static int act(struct view *view, enum action action)
{
	struct engine_view *engine = (struct engine_view *)view;

	return list_act(&engine->list, action);
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct engine_view *engine = (struct engine_view *)view;
	struct list_rows rows = {has, &engine->rows};

	return list_find(&engine->find, &engine->list, &rows, words, len, is_back, is_final);
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct engine_view *engine = (const struct engine_view *)view;

	buf_addstr(left, "engine");
	buf_printf(right, "%zu/%zu", engine->list.cursor + 1, engine->list.n);
}

static int copy(struct view *view, struct buf *out)
{
	const struct engine_view *engine = (const struct engine_view *)view;
	const struct engine_row *row = engine->list.cursor < engine->rows.n_row
					       ? &engine->rows.row[engine->list.cursor]
					       : NULL;

	if (!row || !row->text) {
		return 0;
	}
	buf_addstr(out, row->text);
	return 1;
}

const struct view_ops view_engine = {
	.name = "engine",
	.bit = VIEW_ENGINE,
	.create = create,
	.destroy = destroy,
	.update = update,
	.event = event,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
