/*
 * A session without a screen: sources, a conversation, and an engine to ask. What cli/ and tui/
 * call. (Sessions on disk come with their own module; this one lives as long as the process.)
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "loaders/load.h"
#include "session/cite.h"

#include <stddef.h>
#include <stdint.h>

struct session;

struct session_config {
	const char *system; /* the user's instructions, after the fixed ones; NULL for none */
	int no_cite;        /* leave the citation instructions out */
	int free_quotes;    /* let answers quote what does not stand in the sources */
	int no_think;       /* where the template can, ask for an answer without thoughts */
};

struct session *session_create(const struct session_config *config);
void session_destroy(struct session *session);

/*
 * Load the paths ("-" is standard input) and add one source for each document; what comes a second
 * time, or is a source already, is left out. All or none: where a path is refused, or cannot be read
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
	const char *id; /* "S1" */
	const char *kind, *path, *name;
	int64_t tokens; /* -1 until session_count() */
};
size_t session_source_count(const struct session *session);
struct session_source session_source_at(const struct session *session, size_t index);

/*
 * The packed text of everything that the next question would send, template marks left out and one
 * empty line between messages. `question` may be NULL.
 */
void session_context_text(
	const struct session *session, const char *question, size_t question_len, struct buf *out);
/* The packed text of the sources alone. */
void session_sources_text(const struct session *session, struct buf *out);
/* The prompt of the next question, up to where the model begins; end it with prompt_finish(). */
void session_prompt(const struct session *session, const char *question, size_t question_len,
	const struct engine_info *info, struct prompt *out);

struct session_answer {
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
};
void session_answer_finish(struct session_answer *answer);

/* What a caller wants to see while an answer is made; any may be NULL. */
struct session_watch {
	void (*prefill)(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok);
	void (*text)(void *arg, const char *text, size_t len);
	/* Polled between events and at signals: non-zero stops the answer and keeps what came. */
	int (*stopped)(void *arg);
	void *arg;
	/* A piece of the model's thoughts; n_tok tokens of them up to now. */
	void (*thinking)(void *arg, const char *text, size_t len, int64_t n_tok);
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
 * Tokens of each source and of the whole prompt without a question, by the engine's tokenizer.
 * Sources are counted once; `total_tok` and `watch` may be NULL. A stop is ERR_INTERRUPTED.
 */
int session_count(struct session *session, struct engine *engine, const struct session_watch *watch,
	int64_t *total_tok, struct err *err);

#endif
