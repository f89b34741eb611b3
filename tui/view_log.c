/* What was said, oldest first: notes and errors, with their time. */
#include "base/mem.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOVE_COLUMNS = 16 };

struct log_view {
	struct view view;
	struct list list;
	struct list_find find;
	int left; /* columns that long lines are moved by */
};

static struct view *create(struct app *app, const char *argument)
{
	struct log_view *log = mem_zero(1, sizeof(*log));

	list_resize(&log->list, app->n_note);
	list_act(&log->list, ACTION_LAST);
	return &log->view;
}

static void destroy(struct view *view)
{
	struct log_view *log = (struct log_view *)view;

	list_find_finish(&log->find);
	free(log);
}

/* The end is followed while the cursor stands on it. */
static void follow(struct log_view *log)
{
	int at_end = log->list.cursor + 1 >= log->list.n;

	list_resize(&log->list, log->view.app->n_note);
	if (at_end) {
		list_act(&log->list, ACTION_LAST);
	}
}

static void update(struct view *view)
{
	follow((struct log_view *)view);
}

static void draw_note(struct pane pane, int row, int left, const struct app_note *note)
{
	time_t at = (time_t)note->at_s;
	struct tm local;
	char clock[16];
	int column;

	localtime_r(&at, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	column = pane_string(pane, row, 1, ELEMENT_DIM, clock) + 2;
	pane = pane_part(pane, 0, column, pane.rows, pane.columns - column);
	pane_string(pane, row, -left, note->is_error ? ELEMENT_ERROR : ELEMENT_NOTE, note->text);
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct log_view *log = (struct log_view *)view;

	follow(log);
	list_layout(&log->list, pane.rows);
	if (!log->list.n) {
		pane_string(pane, 0, 1, ELEMENT_DIM, "Nothing was said yet.");
	}
	for (int row = 0; row < pane.rows && log->list.top + (size_t)row < log->list.n; row++) {
		size_t at = log->list.top + (size_t)row;

		draw_note(pane, row, log->left, &view->app->note[at]);
		if (at == log->list.cursor && is_focused) {
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
	}
}

static int act(struct view *view, enum action action)
{
	struct log_view *log = (struct log_view *)view;

	if (action == ACTION_LEFT || action == ACTION_RIGHT) {
		log->left += action == ACTION_RIGHT ? MOVE_COLUMNS : -MOVE_COLUMNS;
		log->left = log->left > 0 ? log->left : 0;
		return 1;
	}
	return list_act(&log->list, action);
}

static int has(const void *arg, size_t row, const char *words)
{
	const struct app *app = arg;

	return strcasestr(app->note[row].text, words) != NULL;
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct log_view *log = (struct log_view *)view;
	struct list_rows rows = {has, view->app};

	follow(log);
	return list_find(&log->find, &log->list, &rows, words, len, is_back, is_final);
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct log_view *log = (const struct log_view *)view;

	buf_addstr(left, "log");
	if (log->list.n) {
		buf_printf(right, "%zu/%zu", log->list.cursor + 1, log->list.n);
	}
}

static int copy(struct view *view, struct buf *out)
{
	const struct log_view *log = (const struct log_view *)view;

	if (log->list.cursor >= view->app->n_note) {
		return 0;
	}
	buf_addstr(out, view->app->note[log->list.cursor].text);
	return 1;
}

const struct view_ops view_log = {
	.name = "log",
	.bit = VIEW_LOG,
	.create = create,
	.destroy = destroy,
	.update = update,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
