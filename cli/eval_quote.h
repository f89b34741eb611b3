/* carrel eval quote: what was measured, and how it is shown. */
#ifndef CLI_EVAL_QUOTE_H
#define CLI_EVAL_QUOTE_H

#include "cli/options.h"
#include "engine/engine.h"
#include "session/quiz.h"

#include <jansson.h>

enum { MODE_CONSTRAINED, MODE_FREE, N_MODE };
enum { LENGTHS_MAX = 16 };

/* Sums over the questions of a family at a length. */
struct eval_sums {
	int64_t n_present, n_absent;
	struct {
		int64_t right,
			refused; /* of the present: answered rightly; refused though it is there */
		int64_t refused_absent;      /* of the absent */
		int64_t n_citation, n_found; /* of all */
		int64_t failed;              /* no answer came */
	} mode[N_MODE];
	int64_t picked[2]; /* by BM25, of the present: PICK_LINES, PICK_JOINED */
	int64_t n_distractor, n_source, prompt_tok;
	int64_t least_distractor;
	/* Of the first of both runs, whose context was new. */
	int64_t prefill_tok, decode_tok;
	double prefill_ms, decode_ms;
};

struct eval_length {
	int64_t tok;       /* 512, 1024 ... */
	int64_t n_missing; /* questions that the documents could not give */
	struct eval_sums family[QUIZ_N_FAMILY];
};

struct eval_quote {
	const struct options *options;
	const struct engine_info *info;
	struct eval_length length[LENGTHS_MAX];
	size_t n_length;
	int64_t n_document, n_left_out;
	int is_interrupted;
	json_t *questions; /* NULL where they are not asked for */
};

/* One question's answer in one mode, for showing. */
struct eval_answer {
	const struct session_answer *answer; /* NULL: there was none */
	struct quiz_grade grade;
};

/* The sums of all families at a length. */
struct eval_sums eval_quote_total(const struct eval_length *length);
void eval_quote_print(const struct eval_quote *eval);
void eval_quote_print_json(const struct eval_quote *eval);
/* --show-questions: as text, or as an item of eval->questions. */
void eval_quote_show(const struct eval_quote *eval, int64_t length_tok,
	const struct quiz_question *question, const struct eval_answer answer[N_MODE]);

/* The command. *engine is left to the caller to close. */
int eval_quote(struct engine **engine, const struct options *options, struct err *err);

#endif
