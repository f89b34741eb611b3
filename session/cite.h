/*
 * Citations: carrel never trusts the model's numbers. It finds the quotes in an answer, searches
 * the words in the sources (white space folded, hyphenation at line ends and ligatures undone, the
 * pack's escape undone), corrects the place, and gives a verdict.
 */
#ifndef SESSION_CITE_H
#define SESSION_CITE_H

#include <stddef.h>
#include <stdint.h>

struct document;

enum verdict {
	VERDICT_VERIFIED,  /* the words stand where the answer says */
	VERDICT_MOVED,     /* they stand elsewhere, once: the place was corrected */
	VERDICT_AMBIGUOUS, /* they stand in several places, none of them the one named */
	VERDICT_NOT_FOUND,
};
const char *verdict_name(enum verdict verdict);

struct citation {
	char *text;                    /* the quoted words as the answer has them */
	char *source;                  /* "S1", after correction; NULL when not found */
	char *path;                    /* file; NULL when not found */
	int64_t page;                  /* 0 where the source has no pages */
	char *label;                   /* printed page; NULL if none */
	int64_t time_ms;               /* -1 where the source has no times */
	int64_t line_first, line_last; /* from 1, of the file or page; 0 when not found */
	enum verdict verdict;
	size_t answer_offset; /* where the citation's '[' stands in the answer */
};

/*
 * Find and check every citation of `answer` against the documents (S1 is document[0]). Returns a
 * malloc'ed array of *count citations in the order of the answer; free with citations_free().
 */
struct citation *cite_check(const char *answer, size_t len, const struct document *const *document,
	size_t n_document, size_t *count);
void citations_free(struct citation *citation, size_t count);

#endif
