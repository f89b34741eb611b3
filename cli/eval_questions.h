/*
 * The questions of carrel eval quote --over, as a file of JSON lines: kind (free; figures are told
 * for each), family, text, asked (the name that is asked about), and of those that have an answer
 * path, line_first, line_last, line_heading (0: none) and expected.
 */
#ifndef CLI_EVAL_QUESTIONS_H
#define CLI_EVAL_QUESTIONS_H

#include "session/quiz.h"

#include <stddef.h>
#include <stdint.h>

struct eval_question {
	struct quiz_question quiz;
	char *kind;   /* "planted", "natural", "absent", ... */
	char *family; /* "option", ... */
};
struct eval_questions {
	struct eval_question *item;
	size_t count, cap;
	int64_t n_missing; /* that the documents could not give */
};

/* One in four of them absent; the families in turn. */
void eval_questions_make(
	struct eval_questions *out, struct quiz *quiz, int64_t count, uint64_t seed);
/* ERR_INPUTS names the line that is none. */
int eval_questions_read(struct eval_questions *out, const char *path, struct err *err);
/* As eval_questions_read() reads them, on standard output. */
void eval_questions_print(const struct eval_questions *questions);
void eval_questions_finish(struct eval_questions *questions);

#endif
