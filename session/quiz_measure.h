/*
 * Figures of an answer that need nobody to judge it, after RAGAS (Es, James, Espinosa-Anke and
 * Schockaert, 2023), with quotes in place of a judge:
 *
 *   faithfulness       of the answer's sentences, those that a quote backs
 *   context recall     of what answers the question, what the answer was made from
 *   context precision  of the quotes that were given, and of what a sweep kept, those that were needed
 *
 * A quote backs the sentence that it stands in, and where it stands alone, which is a sentence, too,
 * those before and after it in its line; only a quote that was verified (or moved) does. A sentence
 * ends with a line, or at a full stop, question mark or exclamation mark with a space or a quote
 * behind it. A refusal says nothing that could be backed. What is needed are the lines of the
 * question's entry: all of them, for recall; any of them, for precision.
 */
#ifndef SESSION_QUIZ_MEASURE_H
#define SESSION_QUIZ_MEASURE_H

#include "session/quiz.h"

#include <stddef.h>
#include <stdint.h>

struct quiz_measure {
	int64_t n_sentence, n_backed;
	int64_t n_needed, n_recalled;    /* of questions that have an answer */
	int64_t n_quote, n_quote_needed; /* of those, too */
};

/*
 * Add what comes of an answer. `kept` are the places that a sweep found something at. Where the
 * answer has no places, everything was read if all of it was in the window, else nothing.
 */
void quiz_measure_add(struct quiz_measure *sums, const struct quiz_question *question,
	const struct session_answer *answer, const struct session_place *kept, size_t n_kept);

#endif
