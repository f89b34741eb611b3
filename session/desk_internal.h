/*
 * The desk from inside. desk.c: the thread and its life, and what the screen calls; desk_event.c: what
 * waits for the screen; desk_state.c: states and what they share; desk_order.c: orders, one function
 * each, desk_plan.c those that change sources, desk_session.c those about sessions and
 * engines; desk_stale.c: sources that have changed; desk_engine.c: the engine's life and its figures; desk_preview.c: what a question would cost; desk_reader.c:
 * loads, read on a thread of their own;
 * desk_watch.c: what is told and served while an order is under way; desk_text.c: texts.
 *
 * Two threads, and one while files are read: everything under "shared" is guarded by the lock; the rest is the desk's thread's alone.
 * Events and states are made by the desk's thread (and by whoever logs), and never changed once they are
 * posted.
 */
#ifndef SESSION_DESK_INTERNAL_H
#define SESSION_DESK_INTERNAL_H

#include "session/desk.h"
#include "session/pace.h"

#include <pthread.h>
#include <stdint.h>

/* ---- desk_event.c ---- */

struct queued_event {
	struct queued_event *next;
	struct desk_event event;
};
struct event_list {
	struct queued_event *first, *last;
	int wake_fd; /* readable while there is one */
};

/* ---- desk_order.c ---- */

struct order;
struct order_kind {
	enum desk_doing doing;
	int needs_session, needs_engine; /* the engine is READY when it runs */
	/* 1: it goes on elsewhere, and is ended there. */
	int (*run)(struct desk *desk, struct order *order, struct err *err);
};
struct order {
	struct order *next;
	const struct order_kind *kind;
	int64_t id;
	/* What it is about, as its kind has it; the order's own. */
	char *text, *name;
	size_t text_len;
	char **path;
	size_t n_path;
	int64_t *number;
	size_t n_number;
	int64_t value;
	enum desk_which which;
	int (*call)(void *arg, struct session *session, struct engine *engine, struct err *err);
	void (*drop)(void *arg);
	void *arg;
	int64_t turn; /* what came of it */
};
extern const struct order_kind order_again, order_ask, order_call, order_commit, order_discard,
	order_drop, order_engine, order_export, order_fork, order_index, order_load, order_open,
	order_prefill, order_reading, order_refresh, order_rename, order_repack, order_session,
	order_set, order_switch, order_text;
void order_destroy(struct order *order);
int desk_settings(struct desk *desk, struct desk_settings *settings, struct err *err);
/* How fast it was, where it computed anything. */
void desk_take_rates(struct desk *desk, const struct engine_usage *usage);
/* Of the last answer, where the engine that is there gave it: until there is another. */
void desk_take_old_rates(struct desk *desk);
void desk_discard_plans(struct desk *desk);
/* Where a load has been read: tell what it would do. */
void desk_end_load(struct desk *desk);
/* Close the session that is open, its draft kept, its plans let go. */
void desk_close_session(struct desk *desk);

/* A change that waits for yes or no. */
struct kept_plan {
	int64_t id;
	struct session_change *change;
};

/* How far an order is. */
struct desk_doings {
	int64_t order;
	enum desk_doing doing;
	int64_t begun_ms, told_ms, first_done, last_done, n_tok;
	int is_sweeping;
	struct pace pace;
};

/* A load under way. */
struct desk_reader {
	struct desk *desk;
	pthread_t thread;
	struct order *order;
	struct session_loading *loading;
	struct desk_doings doings;
	size_t first_skipped;
	int is_done, is_stopped; /* shared */
};

/* ---- the desk ---- */

struct desk_parts;
struct desk {
	struct desk_host host;
	pthread_t thread;
	int inbox_fd; /* readable while the screen wants something */

	/* Shared. */
	pthread_mutex_t lock;
	struct event_list events;
	const struct desk_state *state;
	struct order *first, *last, *current;
	size_t n_waiting;
	int64_t last_order;
	uint64_t last_preview;
	char *question; /* of the newest preview; NULL: it was taken up */
	size_t question_len;
	char *draft; /* not saved yet, since draft_ms; or NULL */
	int64_t draft_ms;
	struct order *dropped; /* they end without having begun */
	int is_stopped, quits;
	struct desk_reader *reader; /* NULL: none; set by the desk's thread */

	/* The desk's thread. */
	struct desk_session at; /* session NULL: none is open */
	int is_used;
	int is_draft_bad; /* the last one could not be saved, which was said */
	struct engine *engine;
	struct desk_state now; /* the next state, but for what is in *parts */
	struct desk_parts *parts;
	struct kept_plan *plan;
	size_t n_plan, cap_plan;
	int64_t last_plan;
	struct desk_asked {      /* of the engine, for the newest preview */
		int64_t request; /* 0: none is under way */
		uint64_t serial;
		int is_alone; /* only the question is counted: more is there than the window holds */
	} asked;
	struct err load_err;      /* why it could not be loaded, this time */
	int64_t load_begun_ms;    /* this time */
	int wants_costs;          /* they are to be looked at when there is time */
	struct session *turns_of; /* whose turns the newest state has */
	enum session_over over;   /* as the settings said last */
	struct desk_costs {       /* of the prompt up to the next question */
		int is_known;
		struct session_cost all;
		struct session_where *where;
		size_t n_where;
		int64_t marks_tok; /* of what a question is counted with; -1: unknown */
	} costs;
	int64_t figures_ms, memory_ms; /* when they were looked at last */
	struct desk_looking {
		int64_t begun_ms;
		size_t source, part; /* the next to be looked at */
		int is_under_way, has_changed;
		int64_t refreshed_s; /* when all were read again and none had changed; 0: never */
	} looking;
	struct desk_doings doings; /* of the order under way */
};

/* ---- desk.c ---- */

int64_t desk_order(struct desk *desk, const struct order *order); /* takes *order over */
/* It is the order under way again. */
void desk_resume(struct desk *desk, struct order *order);
/* It is over, and is told; takes it over. */
void desk_end_order(struct desk *desk, struct order *order, const struct err *err);
void desk_wake(struct desk *desk); /* under the lock */
/* Whether one can begin now, or end: a load behind another one cannot. */
int desk_has_orders(struct desk *desk);
void desk_save_draft(struct desk *desk);
void desk_forget_draft(struct desk *desk);

/* desk_event.c: takes over what the event owns. */
int event_list_init(struct event_list *list, struct err *err);
void event_list_finish(struct event_list *list);
/* What is left in *event is not needed any more, and is to be finished. */
void event_list_add(struct event_list *list, struct desk_event *event);
void desk_post(struct desk *desk, struct desk_event *event);
/* One DESK_NOTE. */
void desk_note(struct desk *desk, const struct err *err);

/* ---- desk_state.c ---- */

void desk_state_begin(struct desk *desk);
void desk_state_end(struct desk *desk);
/* Make a state of what there is now, and post it. */
void desk_publish(struct desk *desk);
/* Each makes one of the parts anew: what they are, turns and the way to the head, sources. */
void desk_state_names(struct desk *desk);
void desk_state_turns(struct desk *desk);
/* The way to the head alone. */
void desk_state_path(struct desk *desk);
void desk_state_sources(struct desk *desk);
void desk_state_set_stale(struct desk *desk, int64_t number, int is_stale);
int desk_state_is_stale(const struct desk *desk, int64_t number);

/* ---- desk_stale.c ---- */

/* Begin to look for sources that have changed where they came from. */
void desk_stale_begin(struct desk *desk);
/* Go on, for a short while. Returns whether there is more to look at. */
int desk_stale_look(struct desk *desk);

/* ---- desk_reader.c ---- */

/* Read what the order names; it stays the caller's where this fails. */
int desk_reader_begin(struct desk *desk, struct order *order, const struct load_options *options,
	struct err *err);
/* Where a load has ended: its order and the change that it makes; NULL, and *err, where it failed. */
struct order *desk_reader_end(
	struct desk *desk, struct session_change **change, size_t *first_skipped, struct err *err);
/* Where one is under way: end it; its order. */
struct order *desk_reader_stop(struct desk *desk);

/* ---- desk_engine.c ---- */

/* An event that no call of the session's waits for. */
void desk_hear(struct desk *desk, const struct engine_event *event);
/* Hear all that is there, without waiting. */
void desk_hear_all(struct desk *desk);
/* Wait until it is READY, starting it again where it died. A stop is ERR_INTERRUPTED. */
int desk_need_engine(struct desk *desk, struct err *err);
/* Begin to load another one, in place of what is there; that stays where this fails. */
int desk_engine_open(struct desk *desk, const char *model, struct err *err);
void desk_engine_close(struct desk *desk);
/* Notice whether it is there; `why` is said where it is not. */
void desk_check_engine(struct desk *desk, const struct err *why);
/* What it says went wrong beside the orders. */
void desk_tell_trouble(struct desk *desk);
/* Memory and disk; now and then, or at once. Returns whether anything changed. */
int desk_look_at_figures(struct desk *desk, int at_once);
/* Memory alone: at any time. */
int desk_look_at_memory(struct desk *desk);
/* Count what is not counted, and see what of it is computed; publishes it. Any order ends it. */
void desk_look_at_costs(struct desk *desk);
/* The same before an order of that number, which may take long, where nothing is counted. */
void desk_count_before(struct desk *desk, int64_t order);
/* They are others now, and are to be looked at again. */
void desk_forget_costs(struct desk *desk);

/* ---- desk_preview.c ---- */

/* Ask the engine about the newest question, where that can be done now. */
void desk_preview_serve(struct desk *desk);
void desk_preview_hear(struct desk *desk, const struct engine_event *event);
void desk_preview_forget(struct desk *desk);
/* Whether more is there than the window holds; and then, what a question is counted in. */
int desk_is_over(const struct desk *desk);
void desk_preview_alone(const char *question, size_t len, struct prompt *prompt);

/* ---- desk_watch.c ---- */

int64_t desk_clock_ms(void);

void desk_begin(struct desk *desk, int64_t order, enum desk_doing doing);
struct session_watch desk_session_watch(struct desk *desk);
struct load_watch desk_load_watch(struct desk *desk);
void desk_progress(struct desk *desk, struct desk_doings *doings, enum desk_doing doing,
	int64_t done, int64_t total, const char *unit, const char *text);
/* What may be done between two events of an order; returns whether that is to stop. */
int desk_serve(struct desk *desk);

#endif
