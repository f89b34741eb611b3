/* A frame: where everything stands (tui/layout.c), and each part drawing itself. */
#include "tui/app_internal.h"
#include "tui/cells.h"
#include "tui/input.h"
#include "tui/layout.h"
#include "tui/meters.h"
#include "tui/screen.h"
#include "tui/term.h"

enum { PROMPT_COLUMNS = 5, SHORT_BYTES = 1024, MENU_ROWS = 12 };

static void draw_title(struct view *view, struct pane pane, int is_focused)
{
	struct buf left = BUF_INIT, right = BUF_INIT;
	enum element element = is_focused ? ELEMENT_TITLE : ELEMENT_BORDER;

	pane_line_below(pane, ELEMENT_BORDER);
	if (view->ops->title) {
		view->ops->title(view, &left, &right);
	}
	if (left.len) {
		pane_format(pane, 0, 1, element, " %s ", buf_str(&left));
	}
	if (right.len) {
		int width = cells_width(right.data, right.len) + 2;

		if (width + 4 < pane.columns) {
			pane_format(pane, 0, pane.columns - width - 1, element, " %s ",
				buf_str(&right));
		}
	}
	buf_finish(&left);
	buf_finish(&right);
}

static void draw_views(struct app *app, const struct layout *layout)
{
	for (int i = 0; i < 2 && (size_t)i < app->n_view; i++) {
		struct view *view = app->view[i ? app->n_view - 1 : 0];
		int is_focused = app->focus == i;

		if (layout->view[i].rows > 0 && layout->view[i].columns > 0) {
			view->ops->draw(view, layout->view[i], is_focused);
		}
		if (layout->title[i].rows > 0) {
			draw_title(view, layout->title[i], is_focused);
		}
	}
	pane_line_right(layout->border, ELEMENT_BORDER);
}

/* Whether what is being typed leaves the columns at the right of its first row free. */
static int leaves_room(const struct app *app, int columns)
{
	size_t len = 0;
	const char *text = input_text(app->input, &len);

	return len < SHORT_BYTES &&
	       PROMPT_COLUMNS + cells_width(text, len) + columns < app->size.columns;
}

static int is_quiet(const struct app *app)
{
	return app->progress.doing == DESK_NOTHING && !app->message && !app->change.plan;
}

/* Beside the question; where that needs the row itself, in the line above while it is free. */
static void draw_cost(struct app *app, struct layout *layout, int columns)
{
	if (!columns || !layout->cost.rows || input_is_asking(app->input)) {
		return;
	}
	if (!leaves_room(app, columns)) {
		columns += 2; /* apart from what the last answer took */
		if (!is_quiet(app) || columns >= layout->progress.columns) {
			return;
		}
		layout->cost = pane_part(
			layout->progress, 0, layout->progress.columns - columns, 1, columns);
	}
	meters_draw_cost(app, layout->cost);
}

static void draw_input(struct app *app, const struct layout *layout)
{
	pane_line_below(layout->rule, ELEMENT_BORDER);
	if (layout->input.rows > 0) {
		input_draw(app->input, layout->input);
	}
	if (!app->is_typing && !input_is_asking(app->input)) {
		screen_hide_cursor();
	}
}

void app_draw(struct app *app)
{
	struct layout layout;
	struct layout_wants wants = {
		.rows = app->size.rows,
		.columns = app->size.columns,
		.head_rows = meters_head_rows(app->size.rows, app->size.columns),
		.input_rows = input_rows(app->input, app->size.columns, app->size.rows),
		.message_rows = meters_message_rows(app, app->size.columns),
		.menu_rows = input_menu_rows(app->input, MENU_ROWS),
		.cost_columns = meters_cost_columns(app),
		.n_view = app->n_view > 1 ? 2 : 1,
	};

	if (app->n_view > 1 && app->size.columns < LAYOUT_SIDE_BY_SIDE) {
		app->focus = 1;
	}
	layout_make(&layout, &wants);
	term_begin();
	draw_input(app, &layout);
	if (layout.head.rows > 0) {
		meters_draw_head(app, layout.head);
	}
	if (layout.progress.rows > 0) {
		meters_draw_progress(app, layout.progress);
	}
	if (layout.hints.rows > 0) {
		meters_draw_hints(app, layout.hints);
	}
	draw_views(app, &layout);
	draw_cost(app, &layout, wants.cost_columns);
	if (layout.menu.rows > 0) {
		input_draw_menu(app->input, layout.menu);
	}
	term_show();
}
