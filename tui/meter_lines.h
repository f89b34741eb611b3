/*
 * What the lines around the views say, as figures made of what the desk tells; tui/meters.c draws
 * them. What is not known is "unknown", never 0.
 */
#ifndef TUI_METER_LINES_H
#define TUI_METER_LINES_H

#include "base/number.h"
#include "session/desk.h"
#include "tui/figures.h"

enum { METER_SOURCES_TOK = 5000000 }; /* the scale of all sources */

/* "nccl-review >main        1B Q8_0 64K   cpu 2t   KV q8 17 KB/tok" */
void meter_name_line(struct figures *out, const struct desk_state *state);
/* The same with the window behind it, where there is only one line. */
void meter_one_line(
	struct figures *out, const struct desk_state *state, const struct desk_preview *preview);
/*
 * "sources 1,204,331/5,000,000 [####..] 24%   window 41,210/65,536 [######...] 63%". In the window's
 * bar # is in memory, = on disk, - to be computed, + the question being typed, ~ kept for the answer.
 */
void meter_scale_line(struct figures *out, const struct desk_state *state,
	const struct desk_preview *preview, const struct desk_event *progress);
/* "> prefill 61% 182/300 tok  96 tok/s  ETA 1s  decode 9.1 tok/s  Ctrl-C stops  waiting: 1" */
void meter_progress_line(struct figures *out, const struct desk_event *progress,
	const struct desk_state *state, double elapsed_s, const char *stop_key);
/* "drop S2: 41,210 tokens behind it are computed again, about 7 s. y drops, n does not" */
enum meter_plan {
	METER_PLAN_NEXT,   /* the next key answers it */
	METER_PLAN_LATE,   /* y does, other keys have their own meaning */
	METER_PLAN_TYPING, /* the same, but keys are being typed */
};
void meter_plan_line(struct figures *out, const struct desk_plan *plan,
	const struct desk_state *state, enum meter_plan how);
/* What the last answer took: "12,310 tok cached, 28 computed in 0.4 s, 211 at 9.1 tok/s". */
void meter_last_line(struct figures *out, const struct desk_state *state);
/* "next: 28 new, 41,210 cached, first word in about 0.6 s, then 9.1 tok/s" */
void meter_cost_line(
	struct figures *out, const struct desk_preview *preview, const struct desk_state *state);

/* Which way of the tree the head is on: "main", or "#14", the turn that began it. */
void meter_branch(struct buf *out, const struct desk_state *state);
/* 9.14 as "9.1", 4321 as "4,321"; returns `out`. */
const char *meter_rate(char out[NUMBER_SIZE], double per_s);
/* "^C" as "Ctrl-C"; the first of keys_of(). */
void meter_key(struct buf *out, const char *keys);
/* What is done with a prompt that does not fit: "auto reads it in parts". */
const char *meter_over_text(const char *over);

#endif
