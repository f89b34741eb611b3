/*
 * Reading more than the window on the command line: what the options ask for, what is shown while it
 * goes on, what is told of it afterwards, and what it would cost.
 */
#ifndef CLI_READING_H
#define CLI_READING_H

#include "cli/options.h"
#include "session/session.h"

#include <jansson.h>

struct reading {
	struct session_reading how;
	const struct options *options;
	struct engine *own; /* the embedder where it is a model of its own; else NULL */
	int is_size_told, is_sweep_told; /* each is said once */
};
/* What --window, --select and --embed say, and `over`; the options must last. */
void reading_open(struct reading *reading, const struct options *options, enum session_over over);
/* Have an embedding model begin to load, where there is one to be used. */
int reading_begin(struct reading *reading, struct err *err);
/* Before the first question, and where `over` was changed; `engine`, which is READY, answers. */
int reading_ready(struct reading *reading, struct engine *engine, struct err *err);
void reading_close(struct reading *reading);

/* ---- while it goes on ---- */

/* Zero-initialise for each question. */
struct reading_view {
	int is_terse; /* finds are told with -v only: who asked reads JSON */
	int is_begun, is_answering, was_stopped;
	int64_t n_find;
};
/*
 * For struct session_watch: progress is drawn, each find is a line of its own on standard error. A stop
 * is forgotten, so that the next Ctrl-C stops the answer.
 */
void reading_show(struct reading_view *view, const struct session_progress *progress);
/* Whether the prefill at hand is one of the reading, of which reading_show() tells. */
int reading_is_under_way(const struct reading_view *view);

/*
 * Make the indices that select searches, with progress, and say so. Stopped by `stopped`, it is
 * ERR_INTERRUPTED with the hint `resume`; what was made is kept.
 */
int reading_make_index(const struct reading *reading, struct session *session,
	struct engine *engine, int (*stopped)(void *arg), void *arg, const char *resume,
	struct err *err);

/* ---- afterwards ---- */

/*
 * "read 214 of 214 windows, 7 finds ..." on standard error; nothing where all of it fitted. After a
 * selection `sweep` is told once, the way to read all of it; what was read is told with -v.
 */
void reading_tell(struct reading *reading, const struct session_answer *answer, const char *sweep);
/* What the last pass read, place by place; null where all of it was in the window. */
json_t *reading_json_places(const struct session_answer *answer);
json_t *reading_json_coverage(
	const struct session_coverage *coverage, const struct session *session);
/* The sums of what was asked before the last pass, as `usage` is; null where nothing was. */
json_t *reading_json_usage(
	const struct session_coverage *coverage, const struct engine_usage *usage);

/* ---- before ---- */

/* What it would cost: lines handed to `line`, such as log_note() or output_line(). */
void reading_tell_plan(const struct session_plan *plan, void (*line)(const char *format, ...));
json_t *reading_json_plan(const struct session_plan *plan);

#endif
