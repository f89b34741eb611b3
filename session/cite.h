/*
 * Citations: carrel never trusts the model's numbers. It finds the quotes in an answer, searches
 * the words in the sources, corrects the place, and gives a verdict.
 *
 * WHAT A CITATION IS. `[S1 path:lines "words"]`, `[S1 p.page "words"]`, `[S1 time "words"]`, and
 * what models make of them: the place may be missing or spelled out (`line 3`, `lines 3-5`, `L3`,
 * `page 37`) or a list (`lines 3, 5 and 7`), `Source` may stand before the number, quotes may be
 * typographic, single, backticks, or nested, one bracket may hold several quotes or several sources,
 * and the words may stand before the bracket (`"words" [S1 a.txt:3]`). Quoted words without a
 * bracket that begins with S and a number are not citations. A bracket without any words, or one
 * that never ends, is a citation that cannot be verified: its text is empty and its verdict
 * not_found.
 *
 * WHAT COUNTS AS THE SAME WORDS. Runs of white space (also no-break and other Unicode spaces) are
 * one space, and nothing beside Chinese and Japanese; zero-width characters and soft hyphens are nothing; the ligatures U+FB00..FB06 are
 * their letters; typographic quotation marks and apostrophes are the plain ones, U+2026 is three
 * points, U+2010 and U+2011 are the hyphen. A word that the source breaks at a line end with a
 * hyphen matches with and without the hyphen; hyphens elsewhere are themselves. The pack's escape
 * is undone, the pack's `N|` line numbers and `[hh:mm:ss] Speaker:` heads (of cues without
 * times `Speaker:`) inside a quote are passed over where they are true (session/marks.h); a full stop, a comma or points of omission that the quote adds at its ends are
 * forgiven. ASCII case differs only where no place has the words in their own case. Words are whole
 * words: "possible to restart" does not stand in "impossible to restart" (scripts without spaces
 * between words are exempt), and numbers whole numbers: "He paid 1" does not stand in "He paid
 * 1,000 euros". They may run over pages and cues, not over files. Nothing else is
 * tolerated.
 *
 * Words with fewer than three letters and digits (a character outside ASCII counts twice) stand
 * everywhere and prove nothing: they are never verified, their verdict is not_found.
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
	char *text;      /* the quoted words as the answer has them */
	char *source;    /* "S1", after correction; NULL when not found */
	char *path;      /* file; NULL when not found */
	int64_t page;    /* 0 where the source has no pages */
	char *label;     /* of the page or cue (part_place); NULL if none */
	int64_t time_ms; /* -1 where the source has no times */
	char *speaker;   /* of a transcript; NULL if unknown */
	int64_t line_first,
		line_last; /* from 1, of the file or page; 0 when not found, or a transcript's */
	enum verdict verdict;
	int superseded;       /* the words stand in a text that an update replaced */
	size_t answer_offset; /* where the citation's '[' stands in the answer */
};

/*
 * Something that can be cited. A later one of the same number is an update: it supersedes the
 * earlier one, of a tree the files that it has. `index` is built at first use and kept;
 * zero-initialise it, and end it with cite_source_finish().
 */
struct cite_index;
struct slice;
struct cite_source {
	int64_t number; /* 1 is S1 */
	const struct document *document;
	struct cite_index *index;
	/* What of it can be cited, in its order and apart (session/cut.h); NULL: all of it. */
	const struct slice *slice;
	size_t n_slice;
};
void cite_source_finish(struct cite_source *source);

/*
 * Find and check every citation of `answer`. Returns a malloc'ed array of *count citations in the
 * order of the answer; free with citations_free(). The place of an ambiguous citation is the first
 * one that has the words. Time is linear in the sources for the index (once) and for each quote.
 */
struct citation *cite_check(
	const char *answer, size_t len, struct cite_source *source, size_t n_source, size_t *count);
void citations_free(struct citation *citation, size_t count);

#endif
