/* From options to an engine that is ready, with what the user should know said on the way. */
#ifndef CLI_START_H
#define CLI_START_H

#include "base/buf.h"
#include "cli/options.h"
#include "engine/engine.h"
#include "session/session.h"

/* Whether the option stands on the command line. */
int start_is_flag(const char *name);
/* What --over says; `otherwise` where nobody said anything. */
enum session_over start_over(const struct options *options, enum session_over otherwise);
/* The hint of an ERR_CONTEXT where sources do not fit the window; `how` is what to type, "--over auto". */
void start_hint_over(struct err *err, const char *how);
/* Whether KV is kept from run to run: what measures the engine neither finds nor leaves any. */
enum start_kv { START_KV_NONE, START_KV_DISK };
/* Start the engine process; it loads while the caller goes on. */
int start_engine(
	struct engine **engine, const struct options *options, enum start_kv kv, struct err *err);
/* Where KV is kept; malloc'ed. NULL with --no-store, or where there is no home. */
char *start_kv_folder(const struct options *options);
/*
 * The window that the sources will have, from the model's metadata alone; window_tok is 0 where that
 * does not say. *model is malloc'ed, and what *window names.
 */
void start_window(struct session_window *window, char **model, const struct options *options);
/*
 * Have loads into the session fit that window beside what is there, which `engine` (NULL: it cannot be
 * had) counts as soon as it is ready. *model has to last as long as the session.
 */
int start_set_window(struct session *session, struct engine *engine, char **model,
	const struct options *options, struct err *err);
/*
 * Wait for READY, drawing progress; Ctrl-C is ERR_INTERRUPTED. Says so where nobody trained the
 * model.
 */
int start_wait(struct engine *engine, struct err *err);
/* The same until `stopped`, which is polled ten times a second, says so (ERR_INTERRUPTED). */
int start_wait_until(struct engine *engine, int (*stopped)(void *arg), void *arg, struct err *err);
/* What goes wrong beside the answers, each once: after an answer. start_wait() does it too. */
void start_tell_trouble(struct engine *engine);

/*
 * Whether --no-think does anything with this model: it is an error where the model cannot be kept from
 * thinking, and said where it does not think anyway. In the settings file it means: where it can be.
 */
int start_check_no_think(
	const struct options *options, const struct engine_info *info, struct err *err);

/* Ends a wait on Ctrl-C. */
extern const struct engine_watch start_watch;
/*
 * The next event of a request, waiting for it. FAILED is an error; so is Ctrl-C, which cancels the
 * request.
 */
int start_await(
	struct engine *engine, int64_t request, struct engine_event *event, struct err *err);

/*
 * A whole input of a command ("-" is standard input), appended. What cannot be read is ERR_INPUTS;
 * where the path is the value of an option instead, it is ERR_USAGE.
 */
int start_read(struct buf *out, const char *path, size_t max_bytes, struct err *err);
/* An error of `code` where the text holds a NUL byte, which would end it early. */
int start_refuse_nul(
	const struct buf *text, const char *where, enum err_code code, struct err *err);

/* The text of --system, from its file where it names one; malloc'ed, NULL without one. */
int start_system_text(const struct options *options, char **text, struct err *err);
void start_sampling(const struct options *options, struct engine_sampling *sampling);

/* The progress line of a prefill; `began_s` is when it began (output_clock_s()). */
void start_show_prefill(double began_s, int64_t done_tok, int64_t total_tok, int64_t cached_tok);

/*
 * What the model thinks, on standard error: how much as progress, and with -v line by line.
 * Zero-initialise for each answer.
 */
struct start_thinking {
	struct buf line; /* not complete yet */
	int64_t n_tok;
	int is_told; /* start_end_thinking() was called after the last of it */
};
void start_show_thinking(
	struct start_thinking *thinking, const char *text, size_t len, int64_t n_tok);
/* The thoughts are over, or the answer is; returns 1 if there were any since the last call. */
int start_end_thinking(struct start_thinking *thinking);
/* Says so where the model stopped before it began to answer. */
void start_show_unanswered(const struct session_answer *answer, const struct options *options,
	const struct engine_info *info);

/* "path:3-5", "path p.37", "path p.5 (A-2)" with a printed label, "path 00:01:02 (Ana)". */
void start_add_place(struct buf *out, const struct citation *citation);
/* One line per citation on standard error. */
void start_show_citations(const struct session_answer *answer);
/* Generated tokens per second; 0 where there was nothing to measure. */
double start_decode_rate(const struct engine_usage *usage);
/* How much of a prefill was there and how much was computed, on standard error. */
void start_show_ready(const struct engine_usage *usage);
/* Tokens and speeds of an answer on standard error. */
void start_show_usage(const struct session_answer *answer);

#endif
