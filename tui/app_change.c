/*
 * Changes of what is loaded: ordered, told with what they cost, answered, made. What the command line
 * names was agreed to there, and questions wait until it is in place.
 */
#include "base/mem.h"
#include "tui/app_internal.h"
#include "tui/input.h"

#include <stdlib.h>
#include <string.h>

static void forget_plan(struct app *app)
{
	struct desk_event holder = {.type = DESK_PLANNED, .plan = app->change.plan};

	app->change.plan = NULL;
	desk_event_finish(&holder);
}

void app_await_change(struct app *app, int64_t order)
{
	app->change.order = order;
	app->change.n_key = app->n_key;
}

static void discard(struct app *app)
{
	int64_t plan = app->change.plan->id;

	forget_plan(app);
	app_touch(app);
	desk_discard(app->desk, plan);
	app_say(app, "Nothing was changed.");
}

/* What was ordered before this one is answered by it: by nothing. */
static void show(struct app *app, struct desk_event *event)
{
	if (app->change.plan) {
		desk_discard(app->desk, app->change.plan->id);
		forget_plan(app);
	}
	app->change.plan = event->plan;
	event->plan = NULL;
	app->change.is_late = event->order != app->change.order || app->n_key != app->change.n_key;
	app_touch(app);
}

static void agree(struct app *app)
{
	int64_t plan = app->change.plan->id;

	free(app->change.done);
	app->change.done = app->change.plan->n_text == 1 ? mem_strdup(app->change.plan->text[0])
							 : mem_printf("%zu changes to the sources",
								   app->change.plan->n_text);
	forget_plan(app);
	app_touch(app);
	app->change.commit = desk_commit(app->desk, plan);
}

int app_change_stop(struct app *app)
{
	if (!app->change.plan) {
		return 0;
	}
	discard(app);
	return 1;
}

static int is_character(const struct key *key, uint32_t cp)
{
	return key->special == KEY_NONE && key->cp == cp && !key->alt && !key->ctrl;
}

/*
 * Enter or y is yes, n or Esc is no. With any other character one goes on typing: from then on the
 * change waits for who leaves the input line to answer it, and no word that begins with a y makes it.
 */
int app_change_key(struct app *app, const struct key *key)
{
	int is_yes = is_character(key, 'y') || is_character(key, 'Y');
	int is_no = is_character(key, 'n') || is_character(key, 'N');
	int is_next = !app->change.is_late;

	if (!app->change.plan || key->special != KEY_NONE || input_is_asking(app->input) ||
		(app->is_typing && (!is_next || !input_is_empty(app->input)))) {
		return 0;
	}
	if (is_yes || (is_next && is_character(key, '\r'))) {
		agree(app);
		return 1;
	}
	if (is_no || (is_next && is_character(key, 27))) {
		discard(app);
		return 1;
	}
	app->change.is_late = 1;
	app_touch(app);
	return 0;
}

static void log_skipped(struct app *app, const struct desk_plan *plan)
{
	for (size_t i = 0; i < plan->n_skipped; i++) {
		app_log(app, plan->skipped[i].is_unreadable, "left out %s: %s",
			plan->skipped[i].path, plan->skipped[i].reason);
	}
}

/* What the command line names was agreed to there. */
static void commit_first(struct app *app, const struct desk_plan *plan)
{
	size_t n_unreadable = 0;

	app->change.first_commit = desk_commit(app->desk, plan->id);
	for (size_t i = 0; i < plan->n_text; i++) {
		app_log(app, 0, "%s", plan->text[i]);
	}
	for (size_t i = 0; i < plan->n_skipped; i++) {
		n_unreadable += plan->skipped[i].is_unreadable != 0;
	}
	free(app->change.done);
	app->change.done = plan->n_text == 1 ? mem_strdup(plan->text[0])
			   : plan->n_text    ? mem_printf("%zu sources were added", plan->n_text)
					     : NULL;
	if (n_unreadable) {
		app_say(app, "%zu of what was named could not be read: the log (F8) says why",
			n_unreadable);
	} else if (!plan->n_text && plan->n_skipped) {
		app_say(app, "Nothing was loaded: the log (F8) says what was left out.");
	}
}

void app_change_planned(struct app *app, struct desk_event *event)
{
	log_skipped(app, event->plan);
	if (event->order == app->change.first_load) {
		commit_first(app, event->plan);
		return; /* the event goes with its plan */
	}
	if (!event->plan->n_text) { /* nothing to ask about */
		desk_discard(app->desk, event->plan->id);
		app_say(app, "There is nothing to %s%s.", event->plan->verb,
			event->plan->n_skipped ? "; the log (F8) says what was left out" : "");
		return;
	}
	show(app, event);
}

/* ---- questions that wait for what the command line names ---- */

void app_load_first(struct app *app)
{
	if (app->config->n_path) {
		app->change.first_load =
			desk_plan_load(app->desk, app->config->path, app->config->n_path);
	}
}

int app_hold_question(struct app *app, const char *question, size_t len)
{
	if (!app->change.first_load) {
		return 0;
	}
	mem_grow(app->change.held, app->change.n_held + 1, app->change.cap_held);
	app->change.held[app->change.n_held++] = mem_strndup(question, len);
	app_say(app, "It is asked when the files are read.");
	return 1;
}

static void ask_held(struct app *app)
{
	size_t n_held = app->change.n_held;

	app->change.first_load = 0;
	app->change.n_held = 0;
	for (size_t i = 0; i < n_held; i++) {
		app_ask(app, app->change.held[i], strlen(app->change.held[i]));
		free(app->change.held[i]);
	}
}

/*
 * A load that failed or was stopped: what was asked of it is there to be sent again, but not in the
 * middle of another question.
 */
static void give_back_held(struct app *app)
{
	size_t n_held = app->change.n_held;
	int is_free = n_held == 1 && !input_is_asking(app->input) && input_is_empty(app->input);

	app->change.first_load = 0;
	app->change.n_held = 0;
	if (is_free) {
		input_set(app->input, app->change.held[0]);
	} else if (n_held) {
		app_say_more(app, "Up brings back what was asked");
	}
	for (size_t i = 0; i < n_held; i++) {
		free(app->change.held[i]);
	}
}

void app_change_ended(struct app *app, const struct desk_event *event)
{
	struct app_change *change = &app->change;
	int is_first = change->first_commit && event->order == change->first_commit;

	if (!event->order) {
		return;
	}
	if ((is_first || event->order == change->commit) && !event->err.code && change->done) {
		app_say(app, "%s", change->done);
	}
	if (is_first) {
		change->first_commit = 0;
		if (event->err.code) {
			give_back_held(app);
		} else {
			ask_held(app);
		}
	} else if (event->order == change->first_load && !change->first_commit) {
		give_back_held(app);
	}
}

void app_change_finish(struct app *app)
{
	forget_plan(app);
	for (size_t i = 0; i < app->change.n_held; i++) {
		free(app->change.held[i]);
	}
	free(app->change.held);
	free(app->change.done);
	app->change = (struct app_change){0};
}
