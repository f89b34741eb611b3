/*
 * Text folded for comparing quotes: what session/cite.h calls the same words becomes the same
 * bytes, and every folded byte can be traced back to its place in the source.
 *
 * A text is a list of tokens. The folded text is their bytes in ASCII lower case. A hyphen inside a
 * word has no bytes there: whether it stands in both texts is compared apart, because a hyphen at
 * the end of a line may or may not belong to the word.
 */
#ifndef SESSION_FOLD_H
#define SESSION_FOLD_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct document;

/* A hyphen between two letters or digits. */
enum fold_hyphen {
	FOLD_NO_HYPHEN,
	FOLD_HYPHEN_TIGHT,  /* well-known */
	FOLD_HYPHEN_SPACED, /* pre- and post-war; a broken word whose line end became a space */
	FOLD_HYPHEN_LINE,   /* at a line end, where a capital or a digit follows: a hyphen */
	FOLD_HYPHEN_BROKEN, /* at a line end, and perhaps only there because of it */
};

struct fold_token {
	char byte[4]; /* with its case; a run of white space is one ' ' */
	uint8_t n_byte;
	enum fold_hyphen hyphen; /* then n_byte is 0 */
};

/* The token at text[at], at < len. Returns how many bytes of the text it takes. */
size_t fold_next(const char *text, size_t len, size_t at, struct fold_token *token);

/* ---- a quote ---- */

struct fold_needle {
	char *bytes, *lower; /* without white space and points of omission at the ends */
	uint8_t *hyphen;     /* the enum fold_hyphen in front of each byte */
	size_t *origin;      /* where in the text the token of each byte begins */
	size_t len, n_tail;  /* bytes; how many more of punctuation stand at the end */
	size_t weight;       /* letters and digits, those outside ASCII counted twice */
};
void fold_needle_init(struct fold_needle *needle, const char *text, size_t len);
void fold_needle_finish(struct fold_needle *needle);

/* ---- a document ---- */

/* Where a token begins: text[at] of part `part`. */
struct fold_place {
	size_t part, at;
};
/* Negative, 0, positive: a stands before, at, after b. */
int fold_place_compare(struct fold_place a, struct fold_place b);

struct cite_index;
struct cite_index *cite_index_create(const struct document *document); /* borrows it */
void cite_index_destroy(struct cite_index *index);                     /* NULL-safe */
/*
 * The line of its part, from 1, in which a place stands; and where a line of a part begins: at the
 * part's end where it has fewer. Neither walks a part from its beginning.
 */
int64_t cite_index_line(const struct cite_index *index, struct fold_place place);
size_t cite_index_line_begin(const struct cite_index *index, size_t part, int64_t line);

/* How well the words at a hit agree, from worst to best. */
enum fold_grade { FOLD_DIFFERENT, FOLD_CASE_DIFFERS, FOLD_TAIL_DIFFERS, FOLD_SAME };

struct fold_hit {
	struct fold_place first, last; /* of the first and of the last byte's token */
	size_t skip;                   /* bytes of the first token that stand before the words */
	enum fold_grade grade;
};

/* A walk over the tokens of a document's parts. */
struct fold_cursor {
	struct fold_place next;
	int after_space;
};

struct fold_search {
	const struct cite_index *index;
	const struct fold_needle *needle;
	size_t at, to; /* folded offsets not searched yet */
	/* The tokens walked so far: hits come in order, so a search folds no text twice. */
	struct fold_cursor cursor;
	size_t cursor_folded;
	enum fold_hyphen cursor_hyphen;
};

/* Search all of the document. Index and needle must outlive the search. */
void fold_search_init(struct fold_search *search, const struct cite_index *index,
	const struct fold_needle *needle);
/* Search only hits that may touch what stands from `first` up to `end`; others may be found too. */
void fold_search_limit(struct fold_search *search, struct fold_place first, struct fold_place end);
/* The next place that has the words, as whole words. Returns 0 where there is none. */
int fold_search_next(struct fold_search *search, struct fold_hit *hit);
/* Where the needle's bytes offset[0..n), ascending, stand at a hit. Returns how many of them. */
size_t fold_hit_places(const struct fold_search *search, const struct fold_hit *hit,
	const size_t *offset, size_t n, struct fold_place *place);

#endif
