/*
 * The workbench at work: what its parts share. tui/app.c has the loop (one poll over the keyboard,
 * the desk, signals and timers; everything is drawn once per turn of it), tui/layout.c says where
 * everything stands, tui/commands.c carries out /commands.
 */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "base/buf.h"
#include "session/desk.h"
#include "tui/keys.h"
#include "tui/term.h"
#include "tui/theme.h"
#include "tui/tui.h"

#include <stddef.h>
#include <stdint.h>

struct input;
struct view;
struct view_ops;

struct app_note {    /* one of the log */
	double at_s; /* wall clock, since 1970 */
	int is_error;
	char *text;
};

/* What is loaded is to change: tui/app_change.c. */
struct app_change {
	struct desk_plan *plan;           /* it waits for yes or no */
	int is_late;                      /* something was typed since it was ordered */
	int64_t order;                    /* that the last key gave, */
	uint64_t n_key;                   /* the app's then */
	int64_t commit;                   /* the order that makes it */
	char *done;                       /* what is said then */
	int64_t first_load, first_commit; /* of what the command line names; 0: it is in place */
	char **held;                      /* questions that wait for that */
	size_t n_held, cap_held;
};

/* A question is to be asked in place of another one: tui/app_edit.c. */
struct app_edit {
	int64_t turn, parent; /* whose question it was; 0: there is none */
	int64_t head;         /* where the conversation stood */
	int64_t order;        /* that asks it; 0: it is being typed */
	int is_there;         /* the desk has gone to `parent` */
};

struct app {
	const struct tui_config *config;
	struct desk *desk;
	const struct desk_state *state; /* the newest; never NULL */
	struct keys *keys;
	struct theme theme;
	struct input *input;
	struct view **view; /* the stack; [0] is the chat */
	size_t n_view, cap_view;
	struct view **gone; /* closed in this turn of the loop */
	size_t n_gone, cap_gone;
	int focus;      /* side by side: 0 the chat, 1 the top view; stacked: the top view */
	int is_typing;  /* keys go to the input line */
	int was_typing; /* so when a view was opened on the chat */
	struct term_size size;
	int wants_quit, is_dirty; /* is_dirty: something is to be drawn */
	struct desk_event
		progress; /* of what is under way: doing, done, total, ...; its text is owned */
	double progress_began_s, progress_told_s;
	struct desk_preview preview; /* of the question as it stands; serial 0: none */
	struct app_change change;
	struct app_edit edit;
	uint64_t n_key; /* that were pressed */
	char *message;  /* the line above the input, until the next key; NULL */
	int message_is_error;
	struct app_note *note; /* the log, oldest first */
	size_t n_note, cap_note;
	struct app_timer *timer;
	size_t n_timer, cap_timer;
	int is_stopping;   /* Ctrl-C was pressed last */
	struct buf search; /* what was searched last, and which way */
	int search_is_back;
	uint64_t preview_serial; /* that was asked last */
	char *draft;             /* that the desk was given last */
	struct buf stderr_line;  /* the beginning of one */
};

/* Say it in the message line and in the log. */
void app_say(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void app_complain(struct app *app, const struct err *err);
/* Behind what the message line says, until the next key. */
void app_say_more(struct app *app, const char *text);
/* In the log alone. */
void app_log(struct app *app, int is_error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Draw at the next turn of the loop. */
void app_touch(struct app *app);
/* Call once, after so long; the same function again moves it. */
void app_after(struct app *app, int ms, void (*call)(struct app *app));
double app_clock_s(void); /* monotonic */

/* What a line of the input is: a /command, or a question for the desk. Takes nothing over. */
void app_take_line(struct app *app, const char *line, size_t len);
/* tui/commands.c: what stands behind the / or the :. */
void app_command(struct app *app, const char *line);
/* The lines of /plan, in the log. */
void app_show_reading(struct app *app, const struct session_plan *plan);
/* The order is one for a change that the key at hand gave: its plan is asked about in the message line. */
void app_await_change(struct app *app, int64_t order);
/* The turn's question into the input line; the next one is asked in its place. */
void app_edit(struct app *app, const struct desk_turn *turn);
/* Whether that was so, and is no more: the session is where it was. */
int app_edit_stop(struct app *app);
/* The question of that order came to nothing; is it in the input line again? */
void app_edit_ended(struct app *app, int64_t order, int is_before_them);
/* Open the source that the citation stands in, at its lines, with the quoted words marked. */
void app_open_citation(struct app *app, const struct citation *citation);
/* Suspend the screen, run a program on the terminal, come back; -1 with the error. */
int app_run_program(struct app *app, char *const *argv, struct err *err);

#endif
