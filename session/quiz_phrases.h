/* The questions of `carrel eval quote`: several phrasings for each kind of entry. */
#ifndef SESSION_QUIZ_PHRASES_H
#define SESSION_QUIZ_PHRASES_H

#include "base/buf.h"
#include "session/quiz_rules.h"

/* How many phrasings a kind has. */
size_t quiz_phrase_count(enum quiz_kind kind);
/*
 * Phrasing `which` about an anchor, appended. `in_words`: a number is spelled out. A kind that asks
 * by the meaning of a heading alone takes no anchor.
 */
void quiz_phrase(
	struct buf *out, enum quiz_kind kind, size_t which, const char *anchor, int in_words);
/* A number below 1,000 in words: "one hundred and twenty-six". */
void quiz_number_words(struct buf *out, int number);

/* How much of a question stands in some lines. */
struct quiz_overlap {
	size_t n_content,
		n_shared; /* content words, an identifier is one; those that stand there */
};
struct quiz_overlap quiz_overlap(
	const char *question, size_t len, const char *lines, size_t lines_len);
/* At most half of them. */
int quiz_overlap_is_fair(struct quiz_overlap overlap);

#endif
