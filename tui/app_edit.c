/* A question that is asked in place of an earlier one: until it is answered, or given up. */
#include "tui/app_internal.h"
#include "tui/input.h"

#include <string.h>

void app_edit(struct app *app, const struct desk_turn *turn)
{
	app->edit = (struct app_edit){
		.turn = turn->id, .parent = turn->parent, .head = app->state->head};
	app_say(app, "Enter asks in place of #%lld; %s leaves it as it is", (long long)turn->id,
		keys_of(app->keys, ACTION_STOP));
	app->is_typing = 1;
	input_resume(app->input);
	input_set(app->input, turn->question);
	desk_fork(app->desk, turn->id);
}

/* The conversation is where it was. */
int app_edit_stop(struct app *app)
{
	struct app_edit edit = app->edit;

	if (!edit.turn) {
		return 0;
	}
	app->edit = (struct app_edit){0};
	if (edit.head != edit.parent) {
		desk_switch(app->desk, edit.head);
	}
	app_say(app, "#%lld stays as it is", (long long)edit.turn);
	return 1;
}

void app_edit_asked(struct app *app, int64_t order)
{
	if (app->edit.turn) {
		app->edit.order = order;
	}
}

/* One that came to nothing: whoever has the question before them may mend it, else all is as before. */
void app_edit_ended(struct app *app, int64_t order, int is_before_them)
{
	if (!app->edit.turn || !app->edit.order || app->edit.order != order) {
		return;
	}
	app->edit.order = 0;
	if (!is_before_them) {
		app_edit_stop(app);
	}
}

/* Who goes elsewhere has given it up; so has whom an answer took there. */
void app_edit_look(struct app *app, const struct desk_state *before)
{
	struct app_edit *edit = &app->edit;
	int is_there = app->state->head == edit->parent;

	if (edit->turn && ((before && strcmp(before->session_id, app->state->session_id) != 0) ||
				  (edit->is_there && !is_there))) {
		*edit = (struct app_edit){0};
	}
	edit->is_there = edit->turn && is_there;
}
