/*
 * WordPiece as BERT has it (Devlin et al. 2018; Wu et al. 2016): text is cleaned (control characters
 * out, white space to spaces, each ideograph a word), of an uncased vocabulary also decomposed,
 * stripped of its accents and folded to lower case, cut at white space and around each punctuation
 * character, and each word is written with the longest token that begins it, then the longest that
 * goes on, and so on. A word that cannot be written so, or of more than 100 characters, is the unknown
 * token.
 *
 * The unknown token and the loss of case and accents are the model's own ways: such a tokenizer does
 * not give the text back. Bytes that are no UTF-8 are left out, as U+FFFD is.
 */
#ifndef ENGINE_TOKEN_WORDPIECE_H
#define ENGINE_TOKEN_WORDPIECE_H

#include "base/buf.h"
#include "engine/token/vocab.h"

#include <stddef.h>
#include <stdint.h>

struct ids;

/* wordpiece_class.c, in the order of the characters */
enum wordpiece_kind {
	WORDPIECE_PUNCTUATION = 1 << 0,
	WORDPIECE_WHITE = 1 << 1, /* ends a word where it stands after cleaning */
	WORDPIECE_DROPPED = 1 << 2,
	WORDPIECE_SPACE = 1 << 3, /* cleaned to a space */
	WORDPIECE_IDEOGRAPH = 1 << 4,
	/* of uncased vocabularies */
	WORDPIECE_MARK = 1 << 5, /* dropped as an accent */
	WORDPIECE_HANGUL = 1 << 6,
	WORDPIECE_MAPPED = 1 << 7,
};
struct wordpiece_range {
	uint32_t first;
	uint32_t kind;
};
struct wordpiece_map {
	uint32_t from, to[3]; /* zeros behind the last */
};
extern const struct wordpiece_range wordpiece_range[];
extern const size_t wordpiece_range_count;
extern const struct wordpiece_map wordpiece_map[];
extern const size_t wordpiece_map_count;

enum { WORDPIECE_MAX_CHARS = 100 };

/* A walk over the words of a text. Zero-initialise, set text, len and is_cased. */
struct wordpiece_walk {
	const char *text;
	size_t len, at; /* what stands in front of `at` has been taken ... */
	int is_cased;
	uint32_t pending[5]; /* ... but for these characters, which it became */
	int n_pending, i_pending;

	/* The word; n_char > WORDPIECE_MAX_CHARS: too long, its end is not there. */
	char word[4 * WORDPIECE_MAX_CHARS + 16];
	size_t word_len, n_char;
};

/* The next word; 0 at the end of the text. */
int wordpiece_next(struct wordpiece_walk *walk);
/* Whether the walk would go on the same if it began at `at`. */
int wordpiece_is_between(const struct wordpiece_walk *walk);

/*
 * A word's tokens, or NO_TOKEN once for a word that cannot be written; `id` has room for len. Tokens
 * that begin a word are in the vocabulary with a space before them. Returns how many.
 */
size_t wordpiece_encode(const struct token_map *map, const struct vocab *vocab, const char *word,
	size_t len, uint32_t *id);

#endif
