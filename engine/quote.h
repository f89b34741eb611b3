/*
 * Quotes that can only be what the sources say. Follows the bytes of an answer; inside the quotes
 * of a citation, `[S1 path:lines "words"]`, it tells the sampler which tokens may come: those that
 * go on with words of a source, and at a word's end the closing `"` and `]`.
 *
 * What a citation is and which words are the same is what session/cite.h says, never more lenient:
 * a quote that was closed is always found. (The two share no code; tests/unit/test_quote_cite.c
 * holds them together.) A quote has three letters or digits at least, whole words, and comes out of
 * one source, file or page; behind it the bracket is closed. Line ends may be written as they stand
 * or as one blank, line marks copied or passed over. Quotes in a bracket open with `"` only, and
 * one that has become very long is closed, as a place that has become very long is ended (small
 * models go round in circles there).
 */
#ifndef ENGINE_QUOTE_H
#define ENGINE_QUOTE_H

#include "engine/token_index.h"

#include <stddef.h>
#include <stdint.h>

struct quote;

/* Of one answer; the arguments as for token_index_create(). */
struct quote *quote_create(const struct tokenizer *tokenizer, const struct token_order *order,
	int64_t n_vocab, const struct token_source *source, size_t n_source);
void quote_destroy(struct quote *quote); /* NULL-safe */

/*
 * To be called before each token is computed: where a citation begins, the index of the prompt's
 * tokens is built, a few milliseconds at a time. Returns 1 when the next token may be chosen.
 */
int quote_ready(struct quote *quote, const uint32_t *ids);

/* Which tokens may come next, as bits by id; NULL: any, as far as quote_check() has no objection. */
const uint64_t *quote_mask(struct quote *quote);
/* NULL if this token, chosen without a mask, may come; else a mask of those that may. */
const uint64_t *quote_check(struct quote *quote, uint32_t id);

/* The answer goes on with this token's bytes. */
void quote_add(struct quote *quote, const char *bytes, size_t len);

#endif
