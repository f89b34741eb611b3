/*
 * How much of the sources an answer rests on, where they are more than the window: kept with the turn,
 * shown under the answer, in lists and in exports.
 */
#ifndef SESSION_COVERAGE_H
#define SESSION_COVERAGE_H

#include "base/buf.h"
#include "engine/engine.h"

#include <stdint.h>

/* What to do with more text than the window holds. */
enum session_over {
	SESSION_OVER_FAIL,   /* ERR_CONTEXT */
	SESSION_OVER_SWEEP,  /* read it window by window, then answer from what was found */
	SESSION_OVER_SELECT, /* read what the question seems to be about */
	SESSION_OVER_AUTO,   /* select; sweep where that says that the sources do not say */
};
const char *session_over_name(enum session_over over); /* "fail", ... */
/* 0, or -1 where there is no such word. */
int session_over_parse(const char *word, enum session_over *over);

/* How much of the sources an answer rests on. */
struct session_coverage {
	enum session_over over;   /* how it was read; FAIL: all of it was in the window */
	int64_t n_window, n_read; /* windows of the sources; those of which something was read */
	int64_t n_chunk, n_chunk_read;
	int64_t total_tok, read_tok; /* of the sources */
	int64_t n_find,
		n_find_used; /* sweep: windows that had something to say; that the last pass read */
	int64_t n_turn, n_turn_read; /* of the conversation before the question */
	int is_stopped;              /* the reading was ended early */
};

/* Whether more was there than the window held: else nothing is said about how it was read. */
int session_coverage_is_partial(const struct session_coverage *coverage);
/* Whether no part of it is more than its whole, and no count negative. */
int session_coverage_is_sound(const struct session_coverage *coverage);
/*
 * "read 12 passages of 9 of 214 windows", "read 214 of 214 windows, 7 finds", "stopped: read 3 of 214
 * windows, no finds"; nothing where it is not partial.
 */
void session_coverage_text(const struct session_coverage *coverage, struct buf *out);

/* A turn's coverage as it is kept, with what its reading cost. */
struct reading_record {
	struct session_coverage coverage;
	struct engine_usage usage; /* sums over everything that was asked before the last pass */
	double reading_ms;
};

#endif
