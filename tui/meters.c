#include "tui/meters.h"

#include "tui/cells.h"
#include "tui/input.h"
#include "tui/layout.h"
#include "tui/meter_lines.h"
#include "tui/view.h"

#include <ctype.h>
#include <string.h>

enum {
	FULL_ROWS = 24,
	FULL_COLUMNS = 80,
	LEAST_ROWS = 12,
	MARGIN_FROM_COLUMNS = 40,
	TICK_MS = 1000,
	NEXT_PANE_RANK = 5
};

/* A column is free on both sides, where there are many. */
static void draw(struct figures *figures, struct pane pane, int row, enum element background)
{
	pane_fill(pane, row, 0, background);
	if (pane.columns >= MARGIN_FROM_COLUMNS) {
		pane = pane_part(pane, 0, 1, pane.rows, pane.columns - 2);
	}
	figures_draw(figures, pane, row, background);
	figures_finish(figures);
}

int meters_head_rows(int rows, int columns)
{
	if (rows < LEAST_ROWS) {
		return 0;
	}
	return rows < FULL_ROWS || columns < FULL_COLUMNS ? 1 : 2;
}

void meters_draw_head(struct app *app, struct pane pane)
{
	struct figures figures = {0};

	if (pane.rows == 1) {
		meter_one_line(&figures, app->state, &app->preview);
		draw(&figures, pane, 0, ELEMENT_STATUS);
	} else if (pane.rows > 1) {
		meter_name_line(&figures, app->state);
		draw(&figures, pane, 0, ELEMENT_STATUS);
		meter_scale_line(&figures, app->state, &app->preview, &app->progress);
		draw(&figures, pane, 1, ELEMENT_METER);
	}
}

/* What is under way stands behind a message, where there is room for both. */
static void add_progress(struct figures *figures, const struct app *app)
{
	size_t first = figures->n_figure;
	struct desk_event progress = app->progress; /* as it is now: batches may take seconds */

	if (progress.eta_s > 0) {
		progress.eta_s -= app_clock_s() - app->progress_told_s;
		progress.eta_s = progress.eta_s > 0 ? progress.eta_s : 0;
	}
	meter_progress_line(figures, &progress, app->state, app_clock_s() - app->progress_began_s,
		keys_of(app->keys, ACTION_STOP));
	for (size_t i = first; i < figures->n_figure && first; i++) {
		figures->figure[i].rank++;
		figures->figure[i].gap = i == first ? 3 : figures->figure[i].gap;
		figures->figure[i].is_right = i == first;
	}
}

/* Columns that are left of it by the margins that draw() keeps. */
static int inner_columns(int columns)
{
	return columns >= MARGIN_FROM_COLUMNS ? columns - 2 : columns;
}

int meters_message_rows(const struct app *app, int columns)
{
	const char *text = app->change.plan ? NULL : app->message;
	int rows = 0;

	columns = inner_columns(columns);
	while (text && *text && columns > 0 && rows < METERS_MESSAGE_ROWS) {
		text += cells_line(text, strlen(text), columns);
		text += strspn(text, " ");
		rows++;
	}
	return rows > 1 ? rows + (app->progress.doing != DESK_NOTHING) : 1;
}

/* One that is longer than a row. */
static void draw_message(struct app *app, struct pane pane)
{
	enum element element = app->message_is_error ? ELEMENT_ERROR : ELEMENT_NOTE;
	const char *text = app->message;
	struct pane inner = pane_part(pane, 0, pane.columns >= MARGIN_FROM_COLUMNS, pane.rows,
		inner_columns(pane.columns));

	pane_clear(pane, ELEMENT_TEXT);
	for (int row = 0; row < pane.rows; row++) {
		size_t len = strlen(text), fit = cells_line(text, len, inner.columns);

		pane_text(inner, row, 0, element, text, row + 1 < pane.rows ? fit : len);
		text += fit + strspn(text + fit, " ");
	}
}

void meters_draw_progress(struct app *app, struct pane pane)
{
	struct figures figures = {0};

	if (pane.rows > 1) {
		int below = app->progress.doing != DESK_NOTHING;

		draw_message(app, pane_part(pane, 0, 0, pane.rows - below, pane.columns));
		if (below) {
			add_progress(&figures, app);
			app_after(app, TICK_MS, app_touch);
			draw(&figures, pane, pane.rows - 1, ELEMENT_TEXT);
		}
		return;
	}
	if (app->change.plan) {
		meter_plan_line(&figures, app->change.plan, app->state,
			!app->change.is_late ? METER_PLAN_NEXT
			: app->is_typing     ? METER_PLAN_TYPING
					     : METER_PLAN_LATE);
	} else if (app->message) {
		figures_add(&figures, 0, 0, app->message_is_error ? ELEMENT_ERROR : ELEMENT_NOTE,
			"%s", app->message)
			->shrinks = 1;
	}
	if (!app->change.plan && app->progress.doing != DESK_NOTHING) {
		add_progress(&figures, app);
		app_after(app, TICK_MS, app_touch); /* seconds go by also where nothing is told */
	} else if (!figures.n_figure && app->edit.turn) {
		figures_add(&figures, 0, 0, ELEMENT_NOTE, "in place of #%lld",
			(long long)app->edit.turn);
		figures_add(&figures, 1, 0, ELEMENT_HINT, ": Enter asks, %s leaves it as it is",
			keys_of(app->keys, ACTION_STOP));
	} else if (!figures.n_figure) {
		meter_last_line(&figures, app->state);
	}
	draw(&figures, pane, 0, ELEMENT_TEXT);
}

/* A command costs nothing that could be told. */
static int is_command(const struct app *app)
{
	size_t len = 0;
	const char *text = input_text(app->input, &len);

	return len && (text[0] == '/' || text[0] == ':');
}

int meters_cost_columns(struct app *app)
{
	struct figures figures = {0};
	int columns;

	if (is_command(app)) {
		return 0;
	}
	/* A good part of the row is the question's. */
	meter_cost_line(&figures, &app->preview, app->state);
	figures_fit(&figures, app->size.columns * 7 / 10);
	columns = figures_columns(&figures);
	figures_finish(&figures);
	return columns;
}

void meters_draw_cost(struct app *app, struct pane pane)
{
	struct figures figures = {0};

	meter_cost_line(&figures, &app->preview, app->state);
	if (figures.n_figure) {
		figures.figure[0].is_right = 1;
		figures_draw(&figures, pane, 0, ELEMENT_COST);
	}
	figures_finish(&figures);
}

/* ---- hints ---- */

/* "Sources" of "sources", "Next turn" of "next-turn"; the first of its keys in front. */
static void add_hint(struct figures *figures, const struct app *app, enum action action, int rank)
{
	const char *name = key_table[action == ACTION_HELP_HERE ? ACTION_HELP : action].name;
	struct buf key = BUF_INIT, label = BUF_INIT;

	meter_key(&key, keys_of(app->keys, action));
	if (key.len && figures->n_figure + 2 <= FIGURES_MAX) {
		buf_addch(&label, (char)toupper((unsigned char)name[0]));
		for (size_t i = 1; name[i]; i++) {
			buf_addch(&label, name[i] == '-' ? ' ' : name[i]);
		}
		figures_add(figures, rank, 2, ELEMENT_HINT_KEY, "%s", buf_str(&key));
		figures_add(figures, rank, 1, ELEMENT_HINT, "%s", buf_str(&label));
	}
	buf_finish(&key);
	buf_finish(&label);
}

/* Rows of the table that are of this view alone, or of few. */
static int is_own(const struct key_row *row, enum view_bit view)
{
	int n = 0;

	for (int bits = row->views; bits; bits &= bits - 1) {
		n++;
	}
	return row->when == KEYS_BROWSE && (row->views & view) && n <= 2;
}

static void add_typing_hints(struct figures *figures, const struct app *app)
{
	static const enum action action[] = {ACTION_HELP, ACTION_SHOW_SOURCES, ACTION_FIND,
		ACTION_SHOW_TREE, ACTION_SHOW_ENGINE, ACTION_QUIT, ACTION_SHOW_SESSIONS,
		ACTION_BROWSE, ACTION_SHOW_LOG};

	for (size_t i = 0; i < sizeof(action) / sizeof(action[0]); i++) {
		add_hint(figures, app, action[i], (int)i + 1);
	}
}

static void add_browsing_hints(
	struct figures *figures, const struct app *app, const struct view_ops *view)
{
	static const enum action common[] = {ACTION_HELP_HERE, ACTION_OPEN, ACTION_CLOSE,
		ACTION_TYPE, ACTION_SEARCH, ACTION_COPY};
	int rank = 1;

	for (size_t i = 0; i < 4; i++) {
		int opens = common[i] != ACTION_OPEN || !(view->bit & (VIEW_ENGINE | VIEW_LOG));

		if (opens && (key_table[common[i]].views & (int)view->bit)) {
			add_hint(figures, app, common[i], rank++);
		}
	}
	for (int i = 1; i < ACTION_COUNT; i++) {
		if (is_own(&key_table[i], view->bit)) {
			add_hint(figures, app, (enum action)i, rank++);
		}
	}
	for (size_t i = 4; i < sizeof(common) / sizeof(common[0]); i++) {
		add_hint(figures, app, common[i], rank++);
	}
}

void meters_draw_hints(struct app *app, struct pane pane)
{
	struct view *view = view_focused(app);
	struct figures figures = {0};

	if (input_is_asking(app->input)) {
		figures_add(&figures, 1, 0, ELEMENT_HINT_KEY, "Enter");
		figures_add(&figures, 1, 1, ELEMENT_HINT, "OK");
		figures_add(&figures, 2, 2, ELEMENT_HINT_KEY, "Esc");
		figures_add(&figures, 2, 1, ELEMENT_HINT, "Cancel");
	} else if (app->is_typing || !view) {
		add_typing_hints(&figures, app);
	} else {
		add_browsing_hints(&figures, app, view->ops);
	}
	if (app->n_view > 1 && app->size.columns >= LAYOUT_SIDE_BY_SIDE) {
		add_hint(&figures, app, ACTION_NEXT_PANE, NEXT_PANE_RANK);
	}
	draw(&figures, pane, 0, ELEMENT_HINT);
}
