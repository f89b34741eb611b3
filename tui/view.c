#include "tui/view.h"

#include "base/mem.h"
#include "tui/layout.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

/* Each view that there is; its owner adds the row. */
static const struct view_ops *const views[] = {
	&view_chat,
	&view_engine,
	&view_find,
	&view_help,
	&view_log,
	&view_reader,
	&view_sessions,
	&view_sources,
	&view_tree,
};

const struct view_ops *view_ops_of(enum view_bit bit)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++) {
		if (views[i]->bit == bit) {
			return views[i];
		}
	}
	return NULL;
}

static struct view *create(struct app *app, const struct view_ops *ops, const char *argument)
{
	struct view *view = ops->create(app, argument);

	if (view) {
		view->ops = ops;
		view->app = app;
	}
	return view;
}

/* It may be the one whose key is being carried out: it goes when that is over. */
static void dismiss(struct app *app, struct view *view)
{
	if (view) {
		mem_grow(app->gone, app->n_gone, app->cap_gone);
		app->gone[app->n_gone++] = view;
	}
}

void view_bury(struct app *app)
{
	while (app->n_gone) {
		struct view *view = app->gone[--app->n_gone];

		view->ops->destroy(view);
	}
}

void view_open(struct app *app, const struct view_ops *ops, const char *argument)
{
	struct view *view = NULL;
	size_t at = 0;

	app_touch(app);
	if (!ops) {
		return;
	}
	app->was_typing = app->n_view == 1 ? app->is_typing : app->was_typing;
	app->focus = app->n_view > 0; /* the first is the chat */
	while (at < app->n_view && app->view[at]->ops != ops) {
		at++;
	}
	if (at == 0 && app->n_view && app->view[0]->ops == ops) { /* the chat: all others go */
		while (app->n_view > 1) {
			dismiss(app, app->view[--app->n_view]);
		}
		app->focus = 0;
		app->is_typing = 1;
		return;
	}
	if (at < app->n_view) {
		view = app->view[at];
		memmove(&app->view[at], &app->view[at + 1],
			(app->n_view - at - 1) * sizeof(app->view[0]));
		app->n_view--;
	}
	/* With words of its own it is another one: what it showed goes. */
	if (!view || argument) {
		dismiss(app, view);
		view = create(app, ops, argument);
	}
	if (!view) {
		app->focus = app->n_view > 1;
		return;
	}
	mem_grow(app->view, app->n_view, app->cap_view);
	app->view[app->n_view++] = view;
	app->is_typing = app->n_view == 1;
}

void view_show_chat(struct app *app)
{
	if (app->size.columns < LAYOUT_SIDE_BY_SIDE) {
		view_open(app, &view_chat, NULL);
		return;
	}
	app->focus = 0;
	app->is_typing = 1;
	app_touch(app);
}

void view_close(struct app *app)
{
	app_touch(app);
	if (app->n_view > 1) {
		dismiss(app, app->view[--app->n_view]);
	}
	if (app->n_view == 1) {
		app->focus = 0;
		app->is_typing = app->was_typing;
	}
}

void view_close_all(struct app *app)
{
	while (app->n_view) {
		dismiss(app, app->view[--app->n_view]);
	}
	view_bury(app);
	free(app->view);
	free(app->gone);
	app->view = app->gone = NULL;
	app->cap_view = app->cap_gone = 0;
}

struct view *view_focused(struct app *app)
{
	return app->n_view ? app->view[app->focus ? app->n_view - 1 : 0] : NULL;
}
