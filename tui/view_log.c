/* What was said, oldest first: notes and errors, with their time. */
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOCK_COLUMNS = 11 }; /* "  12:34:56  " */

struct log_view {
	struct view view;
	struct list list;
	struct list_find find;
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

/* Rows that it takes, each begun behind the clock; drawn where `pane` is given. */
static int note_rows(const struct app_note *note, int columns, const struct pane *pane, int row)
{
	const char *text = note->text;
	int rows = 0;

	do {
		size_t len = strlen(text), fit = len ? cells_line(text, len, columns) : 0;

		if (pane && row + rows < pane->rows) {
			pane_text(*pane, row + rows, 0,
				note->is_error ? ELEMENT_ERROR : ELEMENT_NOTE, text, fit);
		}
		text += fit;
		text += strspn(text, " ");
		rows++;
	} while (*text);
	return rows;
}

static int text_columns(struct pane pane)
{
	return pane.columns > CLOCK_COLUMNS ? pane.columns - CLOCK_COLUMNS : 1;
}

static int draw_note(struct pane pane, int row, const struct app_note *note)
{
	time_t at = (time_t)note->at_s;
	int columns = text_columns(pane);
	struct tm local;
	char clock[16];

	localtime_r(&at, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	pane_string(pane, row, 1, ELEMENT_DIM, clock);
	pane = pane_part(pane, 0, CLOCK_COLUMNS, pane.rows, pane.columns - CLOCK_COLUMNS);
	return note_rows(note, columns, &pane, row);
}

/* The cursor's note is seen whole, where it can be: those above it go as far as it needs. */
static void lay_out(struct log_view *log, struct pane pane)
{
	const struct app_note *note = log->view.app->note;
	size_t top = log->list.cursor;
	int rows;

	list_layout(&log->list, pane.rows);
	if (!log->list.n) {
		return;
	}
	rows = note_rows(&note[top], text_columns(pane), NULL, 0);
	while (top > log->list.top) {
		rows += note_rows(&note[top - 1], text_columns(pane), NULL, 0);
		if (rows > pane.rows) {
			break;
		}
		top--;
	}
	log->list.top = top;
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct log_view *log = (struct log_view *)view;
	int row = 0;

	follow(log);
	lay_out(log, pane);
	if (!log->list.n) {
		pane_string(pane, 0, 1, ELEMENT_DIM, "Nothing was said yet.");
	}
	for (size_t at = log->list.top; row < pane.rows && at < log->list.n; at++) {
		int rows = draw_note(pane, row, &view->app->note[at]);

		for (int i = 0; i < rows && at == log->list.cursor && is_focused; i++) {
			pane_mark_row(pane, row + i, ELEMENT_CURSOR);
		}
		row += rows;
	}
}

static int act(struct view *view, enum action action)
{
	return list_act(&((struct log_view *)view)->list, action);
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
