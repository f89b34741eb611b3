/* /commands: each row of session/command_table.h that has SLASH_WORKBENCH, carried out. */
#include "base/mem.h"
#include "base/number.h"
#include "session/command_table.h"
#include "session/command_words.h"
#include "session/plan.h"
#include "tui/app_internal.h"
#include "tui/input.h"
#include "tui/term.h"
#include "tui/view_chat.h"
#include "tui/view_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- what they share ---- */

static void refuse(struct app *app, const char *command, const char *hint, const char *what)
{
	struct err err;

	err_set(&err, ERR_USAGE, command, hint, "%s", what);
	app_complain(app, &err);
}

/* The first word of an argument, malloc'ed; *rest is what follows it. */
static char *first_word(const char *argument, const char **rest)
{
	size_t len = strcspn(argument, " \t");

	*rest = argument + len + strspn(argument + len, " \t");
	return mem_strndup(argument, len);
}

/* Without what a line may end with. */
static char *trimmed(const char *argument)
{
	size_t len = strlen(argument);

	while (len && strchr(" \t\r\n", argument[len - 1])) {
		len--;
	}
	return mem_strndup(argument, len);
}

/* The turn that is meant, of the state; without a number the last one. NULL and a sentence. */
static const struct desk_turn *find_turn(struct app *app, const char *command, const char *argument)
{
	const struct desk_turn *turn;
	int64_t id = app->state->head;
	struct err err;

	if (argument[0] && command_turn(&id, command, argument, &err) < 0) {
		app_complain(app, &err);
		return NULL;
	}
	turn = id ? desk_state_turn(app->state, id) : NULL;
	if (!turn) {
		err_set(&err, ERR_USAGE, command, "/turns lists them",
			id ? "there is no turn %lld" : "nothing was said yet", (long long)id);
		app_complain(app, &err);
	}
	return turn;
}

static void show(struct app *app, enum view_bit bit, const char *argument)
{
	const struct view_ops *ops = view_ops_of(bit);

	if (ops) {
		view_open(app, ops, argument);
	}
}

/* ---- the conversation ---- */

static void run_again(struct app *app, const char *argument)
{
	view_show_chat(app);
	view_chat_again(app, argument);
}

static void run_edit(struct app *app, const char *argument)
{
	const struct desk_turn *turn = find_turn(app, "/edit", argument);

	if (turn) {
		view_show_chat(app);
		app_edit(app, turn);
	}
}

static void run_switch(struct app *app, const char *argument)
{
	const struct desk_turn *turn = find_turn(app, "/switch", argument);

	if (turn) {
		desk_switch(app->desk, turn->id);
		app_say(app, "the next question follows turn %lld", (long long)turn->id);
	}
}

static void run_fork(struct app *app, const char *argument)
{
	const struct desk_turn *turn = find_turn(app, "/fork", argument);

	if (turn) {
		desk_switch(app->desk, turn->id);
		app_say(app, "the next question stands beside what followed turn %lld",
			(long long)turn->id);
	}
}

static void run_turns(struct app *app, const char *argument)
{
	show(app, VIEW_TREE, argument[0] ? argument : NULL);
}

/* An action of the chat's own. */
static void act_in_chat(struct app *app, enum action action)
{
	view_show_chat(app);
	app_action(app, action);
}

static void run_copy(struct app *app, const char *argument)
{
	act_in_chat(app, ACTION_COPY);
}

static void run_raw(struct app *app, const char *argument)
{
	act_in_chat(app, ACTION_RAW);
}

static void run_thinking(struct app *app, const char *argument)
{
	act_in_chat(app, ACTION_THINKING);
}

/* "md notes.md", or a file whose name says it. */
static void run_export(struct app *app, const char *argument)
{
	static const char *const forms[] = {"md", "json", "html"};
	const char *rest, *form = NULL, *dot;
	char *word = first_word(argument, &rest), *path;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(word, forms[i]) == 0) {
			form = forms[i];
		}
	}
	path = command_path(form ? rest : argument);
	dot = strrchr(path, '.');
	for (size_t i = 0; !form && dot && i < ARRAY_LEN(forms); i++) {
		form = strcmp(dot + 1, forms[i]) == 0 ? forms[i] : NULL;
	}
	if (form && path[0]) {
		desk_export(app->desk, form, path);
	} else {
		refuse(app, "/export", "/export md PATH", "needs md, json or html, and a path");
	}
	free(path);
	free(word);
}

/* ---- sources ---- */

static void run_load(struct app *app, const char *argument)
{
	size_t n_path;
	char **path;

	if (!argument[0]) {
		refuse(app, "/load", "/load PATH", "needs the path of a file or a folder");
		return;
	}
	if (strcmp(argument, "-") == 0) {
		refuse(app, "/load -", "paste the text: a long one becomes a source",
			"standard input is the keyboard");
		return;
	}
	path = command_paths(argument, 1, &n_path);
	app_await_change(app, desk_plan_load(app->desk, (const char *const *)path, n_path));
	command_paths_free(path, n_path);
}

/* At once: the order may have to wait. */
static int check_sources(
	const struct app *app, const int64_t *number, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int is_there = 0;

		for (size_t k = 0; k < app->state->n_source; k++) {
			is_there |= app->state->source[k].number == number[i];
		}
		if (!is_there) {
			return err_set(err, ERR_USAGE, "/drop", "/sources shows them",
				"there is no source S%lld", (long long)number[i]);
		}
	}
	return 0;
}

static void run_drop(struct app *app, const char *argument)
{
	int64_t *number = NULL;
	size_t count = 0;
	struct err err;

	if (!argument[0]) {
		refuse(app, "/drop", "/drop S2; /sources shows them", "needs a source");
	} else if (command_add_sources(&number, &count, argument, &err) < 0) {
		app_complain(app, &err);
	} else if (check_sources(app, number, count, &err) < 0) {
		app_complain(app, &err);
	} else {
		app_await_change(app, desk_plan_drop(app->desk, number, count));
	}
	free(number);
}

static void run_refresh(struct app *app, const char *argument)
{
	app_await_change(app, desk_plan_refresh(app->desk));
}

static void run_repack(struct app *app, const char *argument)
{
	app_await_change(app, desk_plan_repack(app->desk));
}

static void run_sources(struct app *app, const char *argument)
{
	show(app, VIEW_SOURCES, NULL);
}

/* "S1", or "S1 37": the place is the reader's to understand. */
static void run_open(struct app *app, const char *argument)
{
	const char *rest;
	char *word = first_word(argument, &rest);
	int64_t *number = NULL;
	size_t count = 0;
	struct err err;

	if (!argument[0]) {
		show(app, VIEW_SOURCES, NULL);
	} else if (command_add_sources(&number, &count, word, &err) < 0) {
		app_complain(app, &err);
	} else {
		char *where =
			mem_printf("S%lld%s%s", (long long)number[0], rest[0] ? " " : "", rest);

		show(app, VIEW_READER, where);
		free(where);
	}
	free(number);
	free(word);
}

static void run_find(struct app *app, const char *argument)
{
	if (argument[0]) {
		show(app, VIEW_FIND, argument);
	} else {
		refuse(app, "/find", "/find WORDS", "needs words to look for");
	}
}

/* ---- what it costs ---- */

static void run_plan(struct app *app, const char *argument)
{
	if (app->state->n_source) {
		desk_plan_reading(app->desk);
	} else {
		refuse(app, "/plan", "/load PATH", "there are no sources");
	}
}

void app_show_reading(struct app *app, const struct session_plan *plan)
{
	struct buf text = BUF_INIT;
	char *next;

	plan_text(plan, &text);
	for (char *at = text.data; at && *at; at = next) {
		char *end = strchr(at, '\n');

		*end = 0;
		next = end + 1;
		app_say(app, "%s", at);
	}
	buf_finish(&text);
	show(app, VIEW_LOG, NULL);
}

static void run_prefill(struct app *app, const char *argument)
{
	desk_prefill(app->desk);
}

static void run_index(struct app *app, const char *argument)
{
	desk_index(app->desk);
}

static void run_over(struct app *app, const char *argument)
{
	enum session_over over;

	if (!argument[0]) {
		app_say(app, "what the window does not hold is read by %s",
			app->state->over ? app->state->over : "auto");
	} else if (session_over_parse(argument, &over) < 0) {
		refuse(app, "/over", "/over fail, sweep, select or auto",
			"there is no such way to read");
	} else {
		desk_set(app->desk, "over", argument);
	}
}

static void run_stop(struct app *app, const char *argument)
{
	desk_stop(app->desk, 1);
}

/* ---- sessions, models, settings ---- */

static void run_new(struct app *app, const char *argument)
{
	desk_open_session(app->desk, DESK_NEW, NULL);
	view_show_chat(app);
}

static void run_rename(struct app *app, const char *argument)
{
	if (argument[0]) {
		desk_rename_session(app->desk, argument);
	} else {
		refuse(app, "/rename", "/rename NAME", "needs a name");
	}
}

static void say_session(struct app *app)
{
	const struct desk_state *state = app->state;
	char used[NUMBER_SIZE], whole[NUMBER_SIZE], cached[NUMBER_SIZE];
	struct buf line = BUF_INIT;

	buf_printf(&line, "session %s: %zu source%s, %zu of %zu turns lead here",
		state->is_kept ? state->session_name : "(not kept)", state->n_source,
		state->n_source == 1 ? "" : "s", state->n_path, state->n_turn);
	if (state->prompt_tok >= 0) {
		buf_printf(&line, ", context %s of %s tokens, %s of them computed",
			number_grouped(used, state->prompt_tok),
			number_grouped(whole, state->info.context_tok),
			number_grouped(cached, state->cached_tok));
	}
	app_say(app, "%s", buf_str(&line));
	buf_finish(&line);
}

static void run_session(struct app *app, const char *argument)
{
	if (!argument[0]) {
		say_session(app);
		return;
	}
	desk_open_session(app->desk, DESK_NAMED, argument);
	view_show_chat(app);
}

static void run_sessions(struct app *app, const char *argument)
{
	show(app, VIEW_SESSIONS, NULL);
}

static void run_model(struct app *app, const char *argument)
{
	char *path;

	if (!argument[0]) {
		show(app, VIEW_ENGINE, NULL);
		return;
	}
	path = command_path(argument);
	desk_open_engine(app->desk, path);
	free(path);
}

static void run_engine(struct app *app, const char *argument)
{
	show(app, VIEW_ENGINE, NULL);
}

static void run_theme(struct app *app, const char *argument)
{
	char *path = command_path(argument[0] ? argument : "default");
	struct err err;

	if (theme_load(&app->theme, path, app->config->theme_dir, &err) < 0) {
		app_complain(app, &err);
	} else {
		term_set_theme(&app->theme);
		term_redraw();
		app_say(app, "theme = %s in the settings file keeps it", app->theme.name);
	}
	free(path);
}

static void run_set(struct app *app, const char *argument)
{
	const char *value;
	char *name = first_word(argument, &value);

	if (!name[0]) {
		refuse(app, "/set", "/set temp 0.7; carrel config lists them",
			"needs a setting and its value");
	} else if (strcmp(name, "theme") == 0) {
		run_theme(app, value);
	} else if (strcmp(name, "model") == 0 && value[0]) {
		run_model(app, value);
	} else {
		desk_set(app->desk, name, value);
	}
	free(name);
}

/* ---- the rest ---- */

static void run_help(struct app *app, const char *argument)
{
	show(app, VIEW_HELP, NULL);
}

static void run_log(struct app *app, const char *argument)
{
	show(app, VIEW_LOG, NULL);
}

static void run_quit(struct app *app, const char *argument)
{
	app->wants_quit = 1;
}

static void (*const actions[SLASH_COUNT])(struct app *app, const char *argument) = {
	[SLASH_AGAIN] = run_again,
	[SLASH_COPY] = run_copy,
	[SLASH_DROP] = run_drop,
	[SLASH_EDIT] = run_edit,
	[SLASH_ENGINE] = run_engine,
	[SLASH_EXPORT] = run_export,
	[SLASH_FIND] = run_find,
	[SLASH_FORK] = run_fork,
	[SLASH_HELP] = run_help,
	[SLASH_INDEX] = run_index,
	[SLASH_LOAD] = run_load,
	[SLASH_LOG] = run_log,
	[SLASH_MODEL] = run_model,
	[SLASH_NEW] = run_new,
	[SLASH_OPEN] = run_open,
	[SLASH_OVER] = run_over,
	[SLASH_PLAN] = run_plan,
	[SLASH_PREFILL] = run_prefill,
	[SLASH_QUIT] = run_quit,
	[SLASH_RAW] = run_raw,
	[SLASH_REFRESH] = run_refresh,
	[SLASH_RENAME] = run_rename,
	[SLASH_REPACK] = run_repack,
	[SLASH_SESSION] = run_session,
	[SLASH_SESSIONS] = run_sessions,
	[SLASH_SET] = run_set,
	[SLASH_SOURCES] = run_sources,
	[SLASH_STOP] = run_stop,
	[SLASH_SWITCH] = run_switch,
	[SLASH_THEME] = run_theme,
	[SLASH_THINKING] = run_thinking,
	[SLASH_TURNS] = run_turns,
};

/* No command, or the beginning of several. */
static void refuse_name(struct app *app, const char *line)
{
	size_t at = strspn(line, " \t"), len = strcspn(line + at, " \t");
	struct buf begun = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < SLASH_COUNT && len; i++) {
		if ((slash_table[i].where & SLASH_WORKBENCH) &&
			strncmp(slash_table[i].name, line + at, len) == 0) {
			buf_printf(&begun, "%s/%s", begun.len ? " " : "", slash_table[i].name);
		}
	}
	err_set(&err, ERR_USAGE, NULL, begun.len ? buf_str(&begun) : "/help lists the commands",
		begun.len ? "several commands begin with /%.*s" : "there is no command /%.*s",
		(int)(len < 64 ? len : 64), line + at);
	app_complain(app, &err);
	buf_finish(&begun);
}

void app_command(struct app *app, const char *line)
{
	const char *rest;
	const struct slash_row *row = slash_find(line, SLASH_WORKBENCH, &rest);
	char *argument;

	app_touch(app);
	if (!row) {
		refuse_name(app, line);
		return;
	}
	argument = trimmed(rest);
	actions[row->slash](app, argument);
	free(argument);
}
