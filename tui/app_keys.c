/* Keys: to the change that waits, to an action, to the focused view, to the input line. */
#include "base/mem.h"
#include "tui/app_internal.h"
#include "tui/clipboard.h"
#include "tui/input.h"
#include "tui/layout.h"
#include "tui/term.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- searching ---- */

static int search(struct app *app, int is_back, int is_final)
{
	struct view *view = view_focused(app);

	return view->ops->search &&
	       view->ops->search(view, buf_str(&app->search), app->search.len, is_back, is_final);
}

static void search_changed(struct app *app, const char *text, size_t len)
{
	struct view *view = view_focused(app);

	view->ops->search(view, text, len, app->search_is_back, 0);
	app_touch(app);
}

static void search_final(struct app *app, int is_back)
{
	if (app->search.len && !search(app, is_back, 1)) {
		app_say(app, "\"%s\" is not found", buf_str(&app->search));
	}
}

static void search_done(struct app *app, const char *text, size_t len)
{
	app_touch(app);
	if (!text) { /* back to where it began */
		view_focused(app)->ops->search(view_focused(app), "", 0, app->search_is_back, 1);
		return;
	}
	if (len) {
		buf_clear(&app->search);
		buf_add(&app->search, text, len);
	}
	search_final(app, app->search_is_back);
}

static void begin_search(struct app *app, int is_back)
{
	const struct input_prompt prompt = {
		.label = is_back ? "search back: " : "/",
		.changed = search_changed,
		.done = search_done,
	};

	if (!view_focused(app)->ops->search) {
		app_say(app, "There is nothing to search here.");
		return;
	}
	app->search_is_back = is_back;
	input_ask(app->input, &prompt);
}

/* In the chat it is all of the session that is searched. */
static void find_done(struct app *app, const char *text, size_t len)
{
	if (text && len) {
		view_open(app, &view_find, text);
	}
}

static void begin_find(struct app *app)
{
	const struct input_prompt prompt = {.label = "find in the session: ", .done = find_done};

	if (view_focused(app)->ops->bit == VIEW_CHAT) {
		input_ask(app->input, &prompt);
	} else {
		begin_search(app, 0);
	}
}

/* ---- what actions mean where no view has one for them ---- */

static void command_done(struct app *app, const char *text, size_t len)
{
	if (text && len) {
		char *command = mem_strndup(text, len);

		app_command(app, command);
		free(command);
	}
}

static void begin_typing(struct app *app)
{
	app->is_typing = 1;
	input_resume(app->input);
}

static void begin_command(struct app *app)
{
	if (input_is_empty(app->input)) {
		begin_typing(app);
		input_set(app->input, ":");
	} else {
		input_ask(app->input, &(struct input_prompt){.label = ":", .done = command_done});
	}
}

static void copy(struct app *app)
{
	struct view *view = view_focused(app);
	struct buf text = BUF_INIT;
	struct err err = {0};
	const char *how = "";

	if (!view->ops->copy || !view->ops->copy(view, &text)) {
		app_say(app, "There is nothing to copy under the cursor.");
	} else if (clipboard_copy(buf_str(&text), text.len, &how, &err) < 0) {
		app_complain(app, &err);
	} else {
		app_say(app, "copied %zu bytes (%s)", text.len, how);
	}
	buf_finish(&text);
}

/*
 * What the input line is in the middle of, then the change that waits, then what is under way, then what waits behind it, then
 * what is being typed; never the program.
 */
static void stop(struct app *app)
{
	int is_working = app->progress.doing != DESK_NOTHING;

	if ((input_is_asking(app->input) || input_is_waiting(app->input)) &&
		input_clear(app->input)) {
		app_input_changed(app);
	} else if (app_change_stop(app)) {
		return;
	} else if (is_working || app->state->n_waiting) {
		desk_stop(app->desk, !is_working || app->is_stopping);
		app->is_stopping = 1;
	} else if (app->is_typing && input_clear(app->input)) {
		app_edit_stop(app);
		app_input_changed(app);
	} else if (app_edit_stop(app)) {
		return;
	} else {
		app_say(app, "Nothing is under way; %s leaves.", keys_of(app->keys, ACTION_QUIT));
	}
}

static void show(struct app *app, enum view_bit bit, const char *argument)
{
	const struct view_ops *ops = view_ops_of(bit);

	if (ops) {
		view_open(app, ops, argument);
	}
}

/* In the chat one types if one did there before; in a view beside it one browses. */
static void next_pane(struct app *app)
{
	if (app->n_view < 2) {
		return;
	}
	if (app->focus && app->size.columns >= LAYOUT_SIDE_BY_SIDE) {
		app->focus = 0;
		app->is_typing = app->was_typing;
	} else if (!app->focus) {
		app->was_typing = app->is_typing;
		app->focus = 1;
		app->is_typing = 0;
	}
}

/* Those that open a view. */
static int act_view(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_HELP:
	case ACTION_HELP_HERE:
		show(app, VIEW_HELP, view_focused(app)->ops->name);
		return 1;
	case ACTION_SHOW_SOURCES:
		show(app, VIEW_SOURCES, NULL);
		return 1;
	case ACTION_SHOW_CHAT:
		show(app, VIEW_CHAT, NULL);
		return 1;
	case ACTION_SHOW_TREE:
		show(app, VIEW_TREE, NULL);
		return 1;
	case ACTION_SHOW_ENGINE:
		show(app, VIEW_ENGINE, NULL);
		return 1;
	case ACTION_SHOW_SESSIONS:
		show(app, VIEW_SESSIONS, NULL);
		return 1;
	case ACTION_SHOW_LOG:
		show(app, VIEW_LOG, NULL);
		return 1;
	case ACTION_CLOSE:
		view_close(app);
		return 1;
	case ACTION_NEXT_PANE:
		next_pane(app);
		return 1;
	default:
		return 0;
	}
}

static void act(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_FIND:
		begin_find(app);
		break;
	case ACTION_SEARCH:
		begin_search(app, 0);
		break;
	case ACTION_SEARCH_BACK:
		begin_search(app, 1);
		break;
	case ACTION_SEARCH_NEXT:
		search_final(app, app->search_is_back);
		break;
	case ACTION_SEARCH_PREVIOUS:
		search_final(app, !app->search_is_back);
		break;
	case ACTION_TYPE:
		begin_typing(app);
		break;
	case ACTION_BROWSE:
		app->is_typing = 0;
		break;
	case ACTION_COMMAND:
		begin_command(app);
		break;
	case ACTION_COPY:
		copy(app);
		break;
	case ACTION_STOP:
		stop(app);
		break;
	case ACTION_REDRAW:
		term_redraw();
		break;
	case ACTION_SUSPEND:
		app_suspend(app);
		break;
	case ACTION_QUIT:
		app->wants_quit = 1;
		break;
	default:
		break;
	}
}

void app_action(struct app *app, enum action action)
{
	struct view *view = view_focused(app);

	app_touch(app);
	if (action != ACTION_STOP) {
		app->is_stopping = 0;
	}
	if ((!view->ops->act || !view->ops->act(view, action)) && !act_view(app, action)) {
		act(app, action);
	}
}

/* ---- keys ---- */

static void forget_message(struct app *app)
{
	if (app->message) {
		free(app->message);
		app->message = NULL;
		app_touch(app);
	}
}

/* Who begins to write while browsing is told; not in the log, which is for what happened. */
static void say_how_to_type(struct app *app)
{
	app->message = mem_printf("%s begins a question or a command; %s shows the keys",
		keys_of(app->keys, ACTION_TYPE), keys_of(app->keys, ACTION_HELP_HERE));
	app->message_is_error = 0;
	app_touch(app);
}

void app_key(struct app *app, const struct key *key)
{
	int is_typing = app->is_typing || input_is_asking(app->input);
	enum action action = ACTION_NONE;

	if (key->special == KEY_UNKNOWN) {
		return;
	}
	forget_message(app);
	app->n_key++;
	if (app_change_key(app, key)) {
		return;
	}
	if (key->special == KEY_PASTE && !is_typing) { /* what is pasted is meant to be asked */
		begin_typing(app);
		is_typing = 1;
	} else if (key->special != KEY_PASTE && !(is_typing && input_wants(app->input, key))) {
		action = keys_action(app->keys, key,
			is_typing ? VIEW_CHAT : view_focused(app)->ops->bit, is_typing);
	}
	if (action) {
		app_action(app, action);
	} else if (is_typing) {
		input_key(app->input, key);
		app_input_changed(app);
	} else if (key->special == KEY_NONE && key->cp > ' ') {
		say_how_to_type(app);
	}
}
