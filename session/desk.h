/*
 * The desk: a session and its engine at work on a thread of their own, for a screen that must never
 * wait. Orders go in, copied; what comes of them arrives as events and as states, both values that
 * nobody changes any more. desk_fd() is readable while there is something to take: poll it, then call
 * desk_next() until it returns 0. Every call but desk_open() and desk_close() returns at once.
 *
 *     screen thread:  desk_ask() ... desk_next() -> DESK_TEXT ... DESK_STATE, DESK_ENDED
 *     desk's thread:  session_ask_over() with a watch that posts them
 *
 * Orders are carried out one after the other, in the order in which they came; what waits is told by
 * the state. Only the files of a load are read beside other orders: it is planned when they are read,
 * another load waits for it, and a stop ends it where nothing else is under way. Questions about cost
 * (desk_preview()) and desk_stop() do not wait: they are taken up between two events of what is under
 * way. One wake per burst: texts of one answer that were not taken yet are one event.
 */
#ifndef SESSION_DESK_H
#define SESSION_DESK_H

#include "base/err.h"
#include "engine/engine.h"
#include "loaders/document.h"
#include "session/session.h"

#include <stddef.h>
#include <stdint.h>

struct desk;

/* ---- what the program behind it does, on the desk's thread ---- */

/* A session and who it is. The names are malloc'ed and the desk's to free. */
struct desk_session {
	struct session *session;
	char *name;       /* "nccl-review"; NULL: a throw-away one */
	int is_new;       /* nobody had it before */
	int wants_engine; /* another one than open_engine() gave last: its options say so */
	void *handle;     /* the host's own, given back to close_session() */
};
enum desk_which {
	DESK_FIRST, /* as the command line says */
	DESK_NAMED, /* of that name, resumed or created */
	DESK_NEW,   /* another one, named after the directory */
};
struct desk_settings {
	struct session_reading reading;
	struct engine_sampling sampling;
	int64_t max_tok;
	struct load_options load; /* its watch is the desk's */
};
struct desk_host {
	int (*open_session)(void *arg, enum desk_which which, const char *name,
		struct desk_session *out, struct err *err);
	/* `is_used`: something was done in it; else a new one that nobody named goes again. */
	void (*close_session)(void *arg, struct desk_session *session, int is_used);
	/* The desk changes session->name afterwards. */
	int (*rename_session)(
		void *arg, struct desk_session *session, const char *name, struct err *err);
	/* Begin to load the model of that name or path (NULL: as options and the session say). */
	int (*open_engine)(void *arg, const char *model, struct engine **out, struct err *err);
	/* The window for loads, what to read beyond it, how to sample, load settings: as options,
	   session and /set say now. Called before each order that needs them. An embedding model that
	   still loads is waited for, until watch->stopped (ERR_INTERRUPTED). */
	int (*settings)(void *arg, struct session *session, struct engine *engine,
		const struct session_watch *watch, struct desk_settings *out, struct err *err);
	/* "/set NAME VALUE": the same names as the command line's options. 1: done, and
	   open_engine(NULL) makes it hold. */
	int (*set)(void *arg, struct session *session, const char *name, const char *value,
		struct err *err);
	void *arg;
};

/* ---- what the screen sees ---- */

/* The text of a source or of an update, shared: it stays as long as anybody holds it. */
struct desk_text;
const struct document *desk_text_document(const struct desk_text *text);
struct desk_text *desk_text_ref(struct desk_text *text);
void desk_text_unref(struct desk_text *text); /* NULL-safe */

enum desk_kv { DESK_KV_ABSENT, DESK_KV_PARTLY, DESK_KV_DISK, DESK_KV_MEMORY };
struct desk_source {
	int64_t number;
	char *id, *kind, *path, *name; /* "S1", "code", as it was given, as the pack shows it */
	int64_t tokens;                /* with its updates; -1: not counted yet */
	int64_t at_tok;     /* where it begins in the prompt; -1: unknown, or not in it */
	int64_t behind_tok; /* of the prompt behind it: what a drop computes anew */
	int64_t kv_bytes;   /* of its tokens that are computed */
	enum desk_kv kv;
	int is_stale;      /* what it was read from has changed since */
	int is_in_context; /* else it stands on another branch */
	size_t n_text;     /* its text, then its updates, oldest first */
	struct desk_text **text;
};

/* A turn that is kept; shared by all states that have it. */
struct desk_turn {
	int64_t id, parent;
	char *question, *answer, *thinking;
	size_t question_len, answer_len, thinking_len;
	enum engine_stop stop;
	struct engine_usage usage;
	struct citation *citation;
	size_t n_citation;
	char *model_name;
	int64_t asked_s; /* since 1970 */
	char *coverage; /* "read 12 passages of 9 of 214 windows"; NULL: all of it was in the window */
};

enum desk_engine { DESK_ENGINE_NONE, DESK_ENGINE_LOADING, DESK_ENGINE_READY, DESK_ENGINE_FAILED };

/* Everything that lasts from one event to the next; never changed once it is there. */
struct desk_state {
	uint64_t revision;               /* grows by each change */
	char *session_id, *session_name; /* "" where it has none */
	int is_kept;                     /* not a throw-away one */
	struct desk_source *source;      /* by number */
	size_t n_source;
	const struct desk_turn **turn; /* by id */
	size_t n_turn;
	int64_t *path; /* ids from the first turn to the head */
	size_t n_path;
	int64_t head;
	char *draft; /* as the session was opened with */
	enum desk_engine engine;
	struct err engine_err;                 /* of DESK_ENGINE_FAILED */
	struct engine_info info;               /* its strings are the state's own */
	char *device, *over;                   /* "cpu"; "auto" */
	int64_t sources_tok;                   /* -1: not counted yet */
	int64_t prompt_tok;                    /* up to the next question; -1: not counted yet */
	int64_t cached_tok, disk_tok;          /* of those */
	int64_t reserve_tok;                   /* kept free for the answer */
	int64_t kv_disk_bytes, kv_limit_bytes; /* of the whole store */
	int64_t engine_rss_bytes;              /* memory of the engine process */
	double prefill_tok_per_s, decode_tok_per_s; /* of the last answer; 0: none yet */
	size_t n_waiting;                           /* orders that wait */
};
const struct desk_state *desk_state_ref(const struct desk_state *state);
void desk_state_unref(const struct desk_state *state); /* NULL-safe */
/* The turn of that id, or NULL. */
const struct desk_turn *desk_state_turn(const struct desk_state *state, int64_t id);

enum desk_doing { /* what an order does; a row for each in desk_doing_name(): "prefill" */
	DESK_NOTHING,
	DESK_OPENING,
	DESK_MODEL_LOADING,
	DESK_LOADING,
	DESK_COUNTING,
	DESK_PREFILLING,
	DESK_THINKING,
	DESK_ANSWERING,
	DESK_INDEXING,
	DESK_SWEEPING,
	DESK_WORKING, /* anything else */
};
const char *desk_doing_name(enum desk_doing doing);

enum desk_event_type {
	DESK_STATE,    /* `state` is the newest */
	DESK_PROGRESS, /* doing, done, total, rate, eta_s, text: what is being read */
	DESK_TEXT,     /* a piece of the answer that is being given */
	DESK_THOUGHT,  /* a piece of its thoughts */
	DESK_FOUND,    /* a window had something to say: `find` */
	DESK_PLANNED,  /* a change is ready: `plan`; desk_commit() or desk_discard() it */
	DESK_PREVIEW,  /* `preview` */
	DESK_READING,  /* `reading`: what a sweep and a select would cost */
	DESK_NOTE,  /* `err`, code 0: something the user should know; also what log_note() says */
	DESK_ENDED, /* an order ended: err.code 0, or why it failed; doing is what it did */
};
struct desk_plan {
	int64_t id;
	const char *verb; /* what yes does: "load", "refresh", "repack", "drop"; constant */
	char **text;      /* a line for each thing that it does */
	size_t n_text;
	struct skipped *skipped;
	size_t n_skipped;
	struct session_cost before, after; /* seconds -1 without an engine */
};
struct desk_preview {
	uint64_t serial; /* of the desk_preview() that it answers */
	int64_t question_tok, new_tok, cached_tok, disk_tok, total_tok;
	double seconds;          /* to the first word; negative: not known */
	double decode_tok_per_s; /* at this depth; 0: not known */
	int fits;
};
struct desk_event {
	enum desk_event_type type;
	int64_t order; /* 0: of none */
	enum desk_doing doing;
	int64_t done, total; /* tokens, bytes, windows: as `unit` says; total -1: unknown */
	const char *unit;    /* "tok", "B", "windows", "passages", "%"; constant */
	double rate, eta_s;  /* per second, 0: unknown; negative: unknown */
	int64_t cached_tok;
	/* Below: the event's own, until desk_event_finish(). */
	const struct desk_state *state;
	char *text;
	size_t text_len;
	struct citation *find;
	size_t n_find;
	struct desk_plan *plan;
	struct desk_preview preview;
	struct session_plan reading;
	int64_t turn; /* ENDED, of a question: the turn that was kept; 0: none */
	struct err err;
};
void desk_event_finish(struct desk_event *event);

/* ---- the desk ---- */

/* Opens the first session (`host` is copied) and begins to load its engine; both go on behind it. */
int desk_open(struct desk **out, const struct desk_host *host, struct err *err);
/* Stops what is under way, keeps the draft, closes session and engine. NULL-safe. */
void desk_close(struct desk *desk);
int desk_fd(const struct desk *desk);
/* Returns 1 with an event, which is the caller's to finish, or 0. Never waits. */
int desk_next(struct desk *desk, struct desk_event *event);
/* The newest state, referenced; never NULL. */
const struct desk_state *desk_state(struct desk *desk);

/* Each returns the order's number. Texts are copied. */
int64_t desk_ask(struct desk *desk, const char *question, size_t len);
/* The last question again beside its answer; how: "sweep", "select", "0.7" (a temperature) or "". */
int64_t desk_ask_again(struct desk *desk, const char *how);
int64_t desk_plan_load(struct desk *desk, const char *const *path, size_t n_path);
/* A long paste becomes a source called `name`. */
int64_t desk_plan_text(struct desk *desk, const char *name, const char *text, size_t len);
int64_t desk_plan_refresh(struct desk *desk);
int64_t desk_plan_repack(struct desk *desk);
int64_t desk_plan_drop(struct desk *desk, const int64_t *number, size_t n_number);
int64_t desk_commit(struct desk *desk, int64_t plan);
int64_t desk_discard(struct desk *desk, int64_t plan);
int64_t desk_prefill(struct desk *desk);
int64_t desk_index(struct desk *desk);
int64_t desk_plan_reading(struct desk *desk);
int64_t desk_switch(struct desk *desk, int64_t turn);
/* The next question stands where that of `turn` does; the screen has its text from the state. */
int64_t desk_fork(struct desk *desk, int64_t turn);
/* No order: it is saved when typing pauses, and before anything closes. Returns 0. */
int64_t desk_set_draft(struct desk *desk, const char *draft);
int64_t desk_set(struct desk *desk, const char *name, const char *value);
int64_t desk_open_session(struct desk *desk, enum desk_which which, const char *name);
int64_t desk_rename_session(struct desk *desk, const char *name);
int64_t desk_open_engine(struct desk *desk, const char *model);
/*
 * The conversation as a new file: "md", "json", "html"; or "text": what the model reads. One that is
 * there is not written over.
 */
int64_t desk_export(struct desk *desk, const char *format, const char *path);
/* Call any function with the session and the engine (NULL while none is ready) between two orders. */
int64_t desk_call(struct desk *desk,
	int (*call)(void *arg, struct session *session, struct engine *engine, struct err *err),
	void (*drop)(void *arg), void *arg);

/* What the question typed so far would cost; only the newest is answered. Returns its serial. */
uint64_t desk_preview(struct desk *desk, const char *question, size_t len);
/* Stop the order that is under way, keeping what came; with `all` drop those that wait, too. */
void desk_stop(struct desk *desk, int all);

#endif
