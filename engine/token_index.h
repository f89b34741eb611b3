/*
 * An index of a prompt's tokens: the text of those that belong to sources, where in it a quote may
 * begin and end, and which tokens may come next at a place of it.
 *
 * Places are bytes, not tokens: a model may cut the same words into other tokens than the prompt
 * has, begin in the middle of one, or write one blank where the source has a line end and
 * indentation. Linear in the tokens to build. Memory: the text, about 4 to 5 bytes per token, and
 * 8 for each line mark; 5 million tokens are about 25 MB.
 */
#ifndef ENGINE_TOKEN_INDEX_H
#define ENGINE_TOKEN_INDEX_H

#include "engine/engine.h"
#include "engine/token_order.h"

#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* A stretch of a prompt that may be quoted; sources without a token between them are one text. */
struct token_source {
	size_t first_tok, n_tok;
	size_t text_bytes;
	const struct segment_aside *aside; /* [n_aside]: bytes of its text that are not words */
	size_t n_aside;
};

struct token_index;

/* `source` and its asides are copied; tokenizer and order must outlive the index. */
struct token_index *token_index_create(const struct tokenizer *tokenizer,
	const struct token_order *order, int64_t n_vocab, const struct token_source *source,
	size_t n_source);
void token_index_destroy(struct token_index *index); /* NULL-safe */

/*
 * A part of the work of building it, a few milliseconds; returns 1 once it is complete. `ids` is
 * the prompt, the same at every call. Nothing else may be asked before.
 */
int token_index_build(struct token_index *index, const uint32_t *ids);

/* A place in the text, inside a quote that began earlier. */
struct token_place {
	uint32_t at, end; /* no quote goes on behind `end`, where one may end */
	uint8_t weight;   /* of the quote so far, up to what it needs at least */
};

/*
 * The tokens a quote may begin with, as bits by id; `after_blank`: it has begun with a blank, else
 * one may be part of the token. NULL where nothing can be quoted.
 */
const uint64_t *token_index_starts(const struct token_index *index, int after_blank);

/*
 * Where a quote may begin with these bytes, which hold neither white space nor a quotation mark:
 * appended to a malloc'ed array as places before the bytes. The first TOKEN_PLACES_MAX are enough.
 */
enum { TOKEN_PLACES_MAX = 1 << 18 };
void token_index_find(const struct token_index *index, const char *bytes, size_t len,
	struct token_place **place, size_t *count, size_t *cap);

/* The bytes that a quote may go on with at a place, and where that leads. Returns how many. */
enum { TOKEN_STEPS_MAX = 3 };
struct token_step {
	uint8_t byte;
	struct token_place place;
};
unsigned token_index_steps(const struct token_index *index, const struct token_place *place,
	struct token_step step[TOKEN_STEPS_MAX]);

/* Whether a quote may end at a place. */
int token_index_may_end(const struct token_index *index, const struct token_place *place);

/* Set the bits of the tokens that may come at any of the places: that go on, and that close. */
enum token_way { TOKEN_GO_ON, TOKEN_CLOSE_ONLY };
void token_index_allow(const struct token_index *index, const struct token_place *place,
	size_t n_place, enum token_way way, uint64_t *mask);
/* Of the tokens that begin with the `]` behind a quote. */
void token_index_allow_end(const struct token_index *index, uint64_t *mask);

#endif
