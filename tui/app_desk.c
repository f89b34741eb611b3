/* What the desk tells: spread over the state, the progress line, the log and the views. */
#include "base/mem.h"
#include "tui/app_internal.h"
#include "tui/input.h"

#include <stdlib.h>
#include <string.h>

static void forget_progress(struct app *app)
{
	desk_event_finish(&app->progress);
	app->progress = (struct desk_event){0};
}

/* A session that was opened brings the question that was being typed in it. */
static void take_draft(struct app *app, const struct desk_state *before)
{
	const struct desk_state *state = app->state;
	int is_another = !before || strcmp(before->session_id, state->session_id) != 0;

	if (is_another && state->draft && state->draft[0] && input_is_empty(app->input)) {
		input_set(app->input, state->draft);
	}
}

static void take_state(struct app *app, const struct desk_state *state)
{
	const struct desk_state *before = app->state;

	app->state = desk_state_ref(state);
	if (app->progress.doing == DESK_MODEL_LOADING && state->engine != DESK_ENGINE_LOADING) {
		forget_progress(app); /* it was no order's, so none ends it */
	}
	take_draft(app, before);
	app_edit_look(app, before);
	desk_state_unref(before);
	for (size_t i = 0; i < app->n_view; i++) {
		if (app->view[i]->ops->update) {
			app->view[i]->ops->update(app->view[i]);
		}
	}
	/* Counted, loaded, dropped: the next question costs something else now. */
	if (!input_is_asking(app->input)) {
		app_preview_later(app);
	}
}

/* Takes the event's text over. */
static void take_progress(struct app *app, struct desk_event *event)
{
	app->progress_told_s = app_clock_s();
	if (app->progress.doing != event->doing || app->progress.order != event->order) {
		app->progress_began_s = app->progress_told_s;
		app_preview_later(app); /* a prefill that has ended is cached now */
	}
	forget_progress(app);
	app->progress = *event;
	*event = (struct desk_event){.type = DESK_PROGRESS};
}

static void end_order(struct app *app, const struct desk_event *event)
{
	if (event->order == app->progress.order || !app->progress.order) {
		forget_progress(app);
	}
	if (event->err.code == ERR_INTERRUPTED) {
		app_say(app, "%s", event->err.what[0] ? event->err.what : "stopped");
	} else if (event->err.code) {
		app_complain(app, &event->err);
	}
}

void app_desk_event(struct app *app, struct desk_event *event)
{
	switch (event->type) {
	case DESK_STATE:
		take_state(app, event->state);
		break;
	case DESK_PLANNED:
		app_change_planned(app, event);
		break;
	case DESK_PREVIEW:
		if (event->preview.serial == app->preview_serial) {
			app->preview = event->preview;
		}
		break;
	case DESK_READING:
		app_show_reading(app, &event->reading);
		break;
	case DESK_NOTE:
		if (event->err.code) {
			app_complain(app, &event->err);
		} else {
			app_say(app, "%s", event->err.what);
		}
		break;
	case DESK_ENDED:
		end_order(app, event);
		app_change_ended(app, event);
		break;
	default:
		break;
	}
	for (size_t i = 0; event->type != DESK_STATE && i < app->n_view; i++) {
		if (app->view[i]->ops->event) {
			app->view[i]->ops->event(app->view[i], event);
		}
	}
	if (event->type == DESK_PROGRESS) {
		take_progress(app, event);
	}
	desk_event_finish(event);
	app_touch(app);
}

void app_desk_finish(struct app *app)
{
	forget_progress(app);
	app_change_finish(app);
	desk_state_unref(app->state);
	app->state = NULL;
}
