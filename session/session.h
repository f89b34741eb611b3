/*
 * A session without a screen: sources, a tree of turns, and an engine to ask. What cli/ and tui/
 * call. Everything that changes is in its store (session/store.h) before the call returns; there is
 * nothing to save.
 *
 * A question continues the head: the last turn of the current branch. Going back to an earlier turn
 * (session_switch(), session_fork()) makes the next question a new branch beside what was said after
 * it; nothing is overwritten. Branches share what stands before the fork, in the prompt and so in
 * the KV cache.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "loaders/load.h"
#include "session/cite.h"
#include "session/coverage.h"
#include "session/store.h"

#include <stddef.h>
#include <stdint.h>

struct session;
struct session_watch;
struct session_progress;

struct session_config {
	const char *system; /* the user's instructions, after the fixed ones; NULL for none */
	int no_cite;        /* leave the citation instructions out */
	int free_quotes;    /* let answers quote what does not stand in the sources */
	int no_think;       /* where the template can, ask for an answer without thoughts */
};

/* A throw-away session, whose store is store_null(). */
struct session *session_create(const struct session_config *config);
/*
 * The session of a store, which it owns from now on (also after a failure). A new one gets its settings from
 * *config and remembers them; of one that was there, `config` overrides what it says: `system` where
 * it is not NULL, the others where they are not 0 (so cannot be unset by it).
 */
int session_open(struct session **out, struct store *store, const struct session_config *config,
	struct err *err);
void session_destroy(struct session *session);
/* What its config is now (borrowed), and another one, all of it, from the next question on. */
struct session_config session_configuration(const struct session *session);
int session_configure(
	struct session *session, const struct session_config *config, struct err *err);
struct store *session_store(struct session *session);
/* A setting of the session ("option.model", see session/store.h); NULL where it has none. */
const char *session_setting(const struct session *session, const char *key);
int session_set(struct session *session, const char *key, const char *value, struct err *err);

/*
 * Load the paths ("-" is standard input) and add one source for each document; what comes a second
 * time, or is a source already, is left out, and a source that changed gets an update. All or none: where a path is refused, or cannot be read
 * and `partial` does not allow that, nothing is added. What was left out is listed either way.
 * `options` may be NULL.
 */
int session_load(struct session *session, const char *const *path, size_t n_path,
	const struct load_options *options, int partial, struct err *err);
/*
 * The window that later loads have to fit, with what is there already: what does not is ERR_CONTEXT
 * with both numbers, nothing is added, and its text was counted without being kept. Without a
 * window (NULL, the beginning) anything is loaded. *window is copied, its model must last.
 */
struct session_window {
	const char *model; /* the file of the tokenizer that counts */
	int64_t window_tok;
	int64_t used_tok; /* by what is there; -1: only the instructions are */
	int is_whole;     /* the model has no larger one */
};
void session_set_window(struct session *session, const struct session_window *window);
/* "cannot be read: ...", as what is unreadable is reported; malloc'ed. */
char *session_unreadable_text(const struct skipped *skipped);
/* Everything that the loads left out, in their order. */
const struct skipped *session_skipped(const struct session *session, size_t *count);
/* All behind the first `count` of them: of what came to nothing. */
void session_forget_skipped(struct session *session, size_t count);

/*
 * Take over the documents of a load (they leave *loaded). Before the first turn they stand in
 * front; later ones at the head of the next question. Returns how many sources were added.
 */
size_t session_add_sources(struct session *session, struct load_result *loaded);
/*
 * The new text of a source that changed (of a tree: the files that did), taken over from *document.
 * It stands at the head of the next question; citations of the old text are marked superseded.
 */
int session_update_source(
	struct session *session, size_t index, struct document *document, struct err *err);

struct session_source {
	int64_t number;
	const char *id; /* "S1" */
	const char *kind, *path, *name;
	int64_t tokens;    /* without its updates; -1 until session_count() */
	int is_in_context; /* else it stands on another branch */
	size_t n_update;   /* in the context */
};
/* By number; those that were dropped are none any more. */
size_t session_source_count(const struct session *session);
struct session_source session_source_at(const struct session *session, size_t index);

/*
 * The packed text of everything that the next question would send, template marks left out and one
 * empty line between messages. `question` may be NULL.
 */
void session_context_text(
	const struct session *session, const char *question, size_t question_len, struct buf *out);
/* The text of a prompt, the same way. */
void session_prompt_text(const struct prompt *prompt, struct buf *out);
/* The packed text of the sources alone. */
void session_sources_text(const struct session *session, struct buf *out);
/* The prompt of the next question, up to where the model begins; end it with prompt_finish(). */
void session_prompt(const struct session *session, const char *question, size_t question_len,
	const struct engine_info *info, struct prompt *out);

/* ---- changes that are told before they are made ---- */

/*
 * Read, counted, shown, committed: a change is made ready without touching the session, and either
 * committed as a whole or discarded. What it says about tokens is about the prompt of the next
 * question, without that question.
 */
struct session_change;
/*
 * What session_load() would add. Its skipped[] is listed by session_skipped() at once. What is a
 * source already is listed, too; where it has changed it becomes an update, and where it stands only
 * on another branch it comes to this one.
 */
int session_plan_load(struct session *session, struct session_change **out, const char *const *path,
	size_t n_path, const struct load_options *options, int partial, struct err *err);
/*
 * The same in three steps, so that files can be read while the session does something else: begun and
 * ended on the session's thread, read on any other. Everything is copied but options->watch, which is
 * called on that thread. What changes meanwhile is looked at when it ends.
 */
struct session_loading;
struct session_loading *session_load_begin(struct session *session, const char *const *path,
	size_t n_path, const struct load_options *options, int partial);
void session_load_read(struct session_loading *loading);
/* Ends it in any case; `out` NULL: nothing comes of it. */
int session_load_end(struct session_loading *loading, struct session_change **out, struct err *err);
/* One document that comes from nowhere else; taken over. */
void session_plan_document(
	struct session *session, struct session_change **out, struct document *document);
/*
 * Read again what the sources of the context were read from, as it was read then (patterns, ...);
 * what changed becomes an update. Of a tree: the files that did, those that are new, and those that
 * are gone, as files without a line. A source that is not there any more is listed and stays as it
 * is, and so does, with `partial`, what cannot be read.
 */
int session_plan_refresh(struct session *session, struct session_change **out,
	const struct load_options *options, int partial, struct err *err);
/*
 * Late sources and updates in front, each source with its newest text. The front is that of every
 * branch: what stands there now, and older texts of it, stand at no turn any more. Sources and newer
 * updates that only another branch has stay where they are.
 */
int session_plan_repack(struct session *session, struct session_change **out, struct err *err);
/*
 * Without the sources of these numbers, each named once: their text leaves the session for good. Turns stay;
 * numbers are not used again.
 */
int session_plan_drop(struct session *session, struct session_change **out, const int64_t *number,
	size_t n_number, struct err *err);

struct session_cost {
	int64_t total_tok;  /* of the prompt up to the next question */
	int64_t cached_tok; /* of those: in memory or on disk */
	int64_t disk_tok;   /* of those cached: on disk */
	double seconds;     /* to compute and restore them; negative: not known yet */
};
/* Of the session as it is. */
int session_cost(struct session *session, struct engine *engine, const struct session_watch *watch,
	struct session_cost *cost, struct err *err);
/* Where a source, or an update of one, stands in the prompt of the next question. */
struct session_where {
	int64_t number; /* of the source */
	int64_t at_tok, tokens;
};
/* Of all in the context, in their order there; *where is malloc'ed. They have to be counted. */
int session_find_sources(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct session_where **where, size_t *count,
	struct err *err);
/* Of the session as it would be. */
int session_change_cost(const struct session_change *change, struct engine *engine,
	const struct session_watch *watch, struct session_cost *cost, struct err *err);
/* How many sources it adds, updates and drops; 0: there is nothing to do. */
size_t session_change_count(const struct session_change *change);
/* One line about item `index` of it, malloc'ed: "S1 src: updated (3 files, 1 of them gone)", "without S2 src". */
char *session_change_text(const struct session_change *change, size_t index);
/* Both end it. */
int session_change_commit(struct session_change *change, struct err *err);
void session_change_discard(struct session_change *change); /* NULL-safe */

/*
 * Compute the KV of everything up to the next question now; watch->prefill tells how far. Stopped or
 * killed at any moment, what was done is kept. ERR_INTERRUPTED where it was stopped.
 */
int session_prefill(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct engine_usage *usage, struct err *err);

/* ---- the conversation ---- */

struct session_turn { /* borrowed, until the session changes */
	int64_t id, parent;
	size_t n_child;
	int is_current; /* on the way to the head */
	const struct store_turn *stored;
};
size_t session_turn_count(const struct session *session);
struct session_turn session_turn_at(const struct session *session, size_t index); /* by id */
/* The ids from the first turn to the head; malloc'ed. */
int64_t *session_path(const struct session *session, size_t *count);
int64_t session_head(const struct session *session); /* 0: nothing was said yet */
/* The next question continues turn `id` (0: it is a first one). ERR_USAGE where there is none. */
int session_switch(struct session *session, int64_t id, struct err *err);
/*
 * The next question stands where that of turn `id` does (edit it, or ask it again), behind the same
 * sources and updates. *question is malloc'ed.
 */
int session_fork(struct session *session, int64_t id, char **question, struct err *err);
/* The line that is being typed. */
const char *session_draft(const struct session *session);
int session_set_draft(struct session *session, const char *draft, struct err *err);

/* ---- more than the window ---- */

/* Lines of a file or page that a question was asked about. */
struct session_place {
	char *source; /* "S1" */
	char *path;   /* as citations have it */
	int64_t page; /* 0 where the source has none */
	int64_t line_first, line_last;
	int64_t time_ms; /* -1 where the source has no times */
};
void session_places_free(struct session_place *place, size_t count);

struct session_answer {
	int64_t turn; /* its id; 0: it was not kept */
	char *text;
	size_t text_len;
	char *thinking; /* what the model thought before it; never NULL after session_ask() */
	size_t thinking_len;
	int is_thinking; /* it was still thinking when it stopped: there is no answer */
	enum engine_stop stop;
	struct engine_usage usage;
	double ready_ms;
	struct citation *citation;
	size_t n_citation;
	struct session_coverage coverage;
	struct engine_usage reading; /* sums over everything that was asked before the last pass */
	double reading_ms;
	struct session_place *place; /* what the last pass read, in its order; none: all there is */
	size_t n_place;
};
void session_answer_finish(struct session_answer *answer);
/* The built-in model can only read: ERR_USAGE where there is nothing to be read. */
int session_check_sources(
	const struct session *session, const struct engine_info *info, struct err *err);

/* What a caller wants to see while an answer is made; any may be NULL. */
struct session_watch {
	void (*prefill)(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok);
	void (*text)(void *arg, const char *text, size_t len);
	/* Polled between events and at signals: non-zero stops the answer and keeps what came. */
	int (*stopped)(void *arg);
	void *arg;
	/* A piece of the model's thoughts; n_tok tokens of them up to now. */
	void (*thinking)(void *arg, const char *text, size_t len, int64_t n_tok);
	/* What goes on while more is read than the window holds. */
	void (*reading)(void *arg, const struct session_progress *progress);
	/* Each event of an engine that is waited for, whoever asked for it, before it is looked at: so
	   questions of one's own can be put in `stopped`, and their answers are not lost. */
	void (*heard)(void *arg, struct engine *engine, const struct engine_event *event);
};

enum session_step {
	SESSION_INDEXING,  /* of words; done and total are bytes */
	SESSION_EMBEDDING, /* done and total are chunks */
	SESSION_SELECTED,  /* done chunks of total will be read */
	SESSION_SWEEPING,  /* done windows of total are read */
	SESSION_FOUND,     /* one of them had something to say: `find`, among others */
	/* watch->stopped ended it: done windows of total are read, those that are being answered are
	   finished. The caller forgets the stop: another one drops these, which is told again; the last
	   pass follows, and can be stopped, too. */
	SESSION_STOPPED,
	SESSION_ANSWERING, /* the last pass begins */
};
struct session_progress {
	enum session_step step;
	int64_t done, total;
	int64_t computed_tok, cached_tok; /* up to now, in this step */
	double eta_s;                     /* negative: not known */
	const struct citation *find;      /* [n_find], with their places in the sources; borrowed */
	size_t n_find;
	size_t window; /* of the find: its number, from 0 */
};

/*
 * Ask, wait, verify the quotes, and append the turn to the conversation. Too long a prompt is
 * ERR_CONTEXT with both numbers; an engine that died is ERR_ENGINE and the conversation is
 * unchanged. What came before a stop is kept (answer->stop says so).
 */
int session_ask(struct session *session, struct engine *engine, const char *question,
	size_t question_len, const struct engine_sampling *sampling, int64_t max_tok,
	const struct session_watch *watch, struct session_answer *answer, struct err *err);

/*
 * The same of sources of any size. Where everything fits the window it is session_ask(). Else what is
 * read stands in the answer's coverage; the turn is kept like any other, and its citations are of the
 * sources. The engine that answers may be the embedder, too.
 */
struct session_reading {
	enum session_over over;
	struct engine
		*embedder;  /* makes vectors to select by, beside words; NULL: by words alone */
	int64_t window_tok; /* of the text in a window; 0: as the model has it */
	int64_t select_tok; /* of the text that select reads; 0: as the model has it */
};
int session_ask_over(struct session *session, struct engine *engine,
	const struct session_reading *reading, const char *question, size_t question_len,
	const struct engine_sampling *sampling, int64_t max_tok, const struct session_watch *watch,
	struct session_answer *answer, struct err *err);

/*
 * The prompt that such an answer is made from: of everything where it fits, else of the passages that
 * select reads, which auto reads first. A sweep has none before its windows were asked: ERR_USAGE.
 */
int session_prompt_over(struct session *session, struct engine *engine,
	const struct session_reading *reading, const char *question, size_t question_len,
	int64_t max_tok, const struct session_watch *watch, struct prompt *out, struct err *err);

/* What reading would cost now. Seconds are negative where they are not known yet. */
struct session_plan {
	int fits; /* all of it in the window: the rest is then about a sweep on demand */
	int64_t context_tok, total_tok; /* the window; sources, instructions and conversation */
	int64_t n_window, window_tok, n_chunk;
	int64_t sweep_tok, sweep_cached_tok, sweep_disk_tok; /* of the windows' prompts */
	/* To the answer's first word, where windows answer shortly: as things stand; with nothing
	   cached; with all that can be kept. */
	double sweep_s, sweep_cold_s, sweep_warm_s;
	int64_t select_tok; /* that select would read, at most */
	double select_s;    /* to the answer's first word, with the index there */
	int64_t missing_vectors;
	double index_s, vectors_s; /* to make what is missing of them */
};
int session_plan_reading(struct session *session, struct engine *engine,
	const struct session_reading *reading, const struct session_watch *watch,
	struct session_plan *plan, struct err *err);
/* Make the indices that select needs, now; a stop is ERR_INTERRUPTED and keeps what is made. */
int session_make_index(struct session *session, struct engine *engine,
	const struct session_reading *reading, const struct session_watch *watch, struct err *err);

/*
 * Tokens of each source and of the whole prompt without a question, by the engine's tokenizer.
 * Sources are counted once; `total_tok` and `watch` may be NULL. A stop is ERR_INTERRUPTED.
 */
int session_count(struct session *session, struct engine *engine, const struct session_watch *watch,
	int64_t *total_tok, struct err *err);

#endif
