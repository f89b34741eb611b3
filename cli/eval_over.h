/* carrel eval quote --over: questions to a whole library, read beyond the window, and their figures. */
#ifndef CLI_EVAL_OVER_H
#define CLI_EVAL_OVER_H

#include "cli/eval_questions.h"
#include "cli/options.h"
#include "cli/reading.h"
#include "engine/engine.h"
#include "session/quiz_measure.h"

#include <jansson.h>
#include <stdint.h>

/* Sums over some of the questions. */
struct over_sums {
	int64_t n_present, n_absent, n_failed; /* failed: no answer came */
	int64_t right, refused, refused_absent;
	int64_t n_cited, n_found; /* quotes given; those whose words were found */
	struct quiz_measure measure;
	int64_t picked[2]; /* by BM25 over all lines: PICK_LINES, PICK_JOINED */
	int64_t n_read, n_chunk_read, read_tok, computed_tok;
};

/* What one question cost. */
struct over_cost {
	double seconds, index_s; /* of those: making indices and vectors */
	int64_t prompt_tok, computed_tok, generated_tok;
};

struct over_run {
	const struct options *options;
	struct reading reading;
	struct engine *engine;
	struct session *session;
	struct quiz *quiz;
	struct eval_questions questions;
	struct over_sums *sums;           /* [questions.count] */
	struct over_cost *cost;           /* [questions.count] */
	struct session_coverage coverage; /* of the last answer */
	size_t n_done;
	int64_t n_left_out;
	int is_interrupted;
	json_t *shown; /* NULL where they are not asked for */
};

void over_print(const struct over_run *run);
void over_print_json(const struct over_run *run);
/* --show-questions: as text, or as an item of run->shown. */
void over_show(const struct over_run *run, size_t index, const struct session_answer *answer);

/* The command. *engine is left to the caller to close. */
int eval_over(struct engine **engine, const struct options *options, struct err *err);

#endif
