/*
 * A view is one ops table in one file (tui/view_NAME.c): what it shows of the state, and what its
 * keys do. Views are made when they are first shown, stand on a stack (as in tig), and are asked to
 * draw themselves whenever something changed. A view holds no session: it reads app->state, and
 * orders what it wants from app->desk.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "tui/app.h"
#include "tui/keys.h"
#include "tui/pane.h"

struct view_ops {
	const char *name; /* "sources" */
	enum view_bit bit;
	/* `argument` may be NULL: a view's own words, "S2 37" for the reader. */
	struct view *(*create)(struct app *app, const char *argument);
	void (*destroy)(struct view *view);
	/* app->state is another one. */
	void (*update)(struct view *view);
	/* Everything but DESK_STATE that the desk tells; NULL: nothing is wanted. */
	void (*event)(struct view *view, const struct desk_event *event);
	void (*draw)(struct view *view, struct pane pane, int is_focused);
	/* 1: done; 0: not this view's, the app has a meaning for it. */
	int (*act)(struct view *view, enum action action);
	/*
	 * Search, as typed after / (incremental: at every key; is_final at Enter, and without words
	 * where Esc ended it). 0: not found.
	 */
	int (*search)(struct view *view, const char *words, size_t len, int is_back, int is_final);
	/* Left and right part of its title line: "sources of nccl-review", "3/17". */
	void (*title)(struct view *view, struct buf *left, struct buf *right);
	/* What COPY copies; logical text. 0: nothing is under the cursor. */
	int (*copy)(struct view *view, struct buf *out);
};

/* The beginning of every view's own structure. */
struct view {
	const struct view_ops *ops;
	struct app *app;
};

extern const struct view_ops view_chat, view_sources, view_reader, view_tree, view_sessions,
	view_engine, view_log, view_help, view_find;

/* Show it on top of the stack; one that is there already comes up. */
void view_open(struct app *app, const struct view_ops *ops, const char *argument);
/* The chat is seen, and typing goes on: alone, or beside the top one where there is room. */
void view_show_chat(struct app *app);
/* The top one goes; the chat stays. */
void view_close(struct app *app);
/* The one that has the keys. */
struct view *view_focused(struct app *app);

#endif
