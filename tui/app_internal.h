/* What tui/app*.c share: the loop, the keys, the desk's events, the frame. */
#ifndef TUI_APP_INTERNAL_H
#define TUI_APP_INTERNAL_H

#include "tui/app.h"
#include "tui/view.h"

#include <stddef.h>

struct app_timer {
	double due_s;
	void (*call)(struct app *app);
};

/* tui/app_keys.c: a key, wherever it goes. */
void app_key(struct app *app, const struct key *key);
void app_action(struct app *app, enum action action);
/* tui/app_desk.c: an event of the desk, the app's to finish. */
void app_desk_event(struct app *app, struct desk_event *event);
void app_desk_finish(struct app *app);
/* tui/app_change.c */
void app_load_first(struct app *app);
void app_change_planned(
	struct app *app, struct desk_event *event); /* takes the event's plan over */
void app_change_ended(struct app *app, const struct desk_event *event);
/* A key while a plan waits; whether it is used up. */
int app_change_key(struct app *app, const struct key *key);
/* Ctrl-C: whether there was a plan, which is discarded. */
int app_change_stop(struct app *app);
/* Whether a question has to wait for what the command line names; it is asked then. */
int app_hold_question(struct app *app, const char *question, size_t len);
void app_change_finish(struct app *app);
/* tui/app_edit.c */
void app_edit_asked(struct app *app, int64_t order);
void app_edit_look(struct app *app, const struct desk_state *before);
/* tui/app_note.c: what stderr would have shown. */
void app_note_bytes(struct app *app, const char *bytes, size_t len);
void app_note_finish(struct app *app);
/* tui/app_draw.c */
void app_draw(struct app *app);
/* tui/app_input.c: the question is another one: its cost, its draft. */
void app_input_changed(struct app *app);
void app_preview_later(struct app *app);
void app_keep_draft(struct app *app);
void app_ask(struct app *app, const char *question, size_t len);
/* tui/app.c: leave the terminal to the shell until fg. */
void app_suspend(struct app *app);

#endif
