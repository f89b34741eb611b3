#include "engine/quote.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/quote_bracket.h"
#include "engine/quote_text.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum {
	LONG_BYTES = 2048,     /* a quote of so many bytes is closed at the next word's end */
	LONG_HEAD_BYTES = 256, /* what names the place is no longer: then the quote opens */
};

enum quote_state {
	QUOTE_NONE,   /* outside of quotes; `bracket` knows more */
	QUOTE_OPENED, /* behind the mark that opens */
	QUOTE_BLANK,  /* behind that and a blank */
	QUOTE_WORDS,
};

struct quote {
	const struct tokenizer *tokenizer;
	struct token_index *index;
	int is_ready; /* the index is complete */
	enum quote_state state;
	struct quote_bracket bracket;

	/* In QUOTE_WORDS. */
	struct token_place *place; /* where the words so far stand */
	size_t n_place, cap_place;
	struct token_place *next; /* for the byte under way */
	size_t n_next, cap_next;
	int may_close; /* the last byte was a mark that may close: with `]` behind it, it does */
	size_t n_bytes;

	uint64_t *mask; /* [mask_words] */
	size_t mask_words;
	struct buf piece; /* the bytes of a token that is looked at */
};

struct quote *quote_create(const struct tokenizer *tokenizer, const struct token_order *order,
	int64_t n_vocab, const struct token_source *source, size_t n_source)
{
	struct quote *quote = mem_zero(1, sizeof(*quote));

	quote->tokenizer = tokenizer;
	quote->index = token_index_create(tokenizer, order, n_vocab, source, n_source);
	quote->mask_words = ((size_t)n_vocab + 63) / 64;
	quote->mask = mem_zero(quote->mask_words, sizeof(*quote->mask));
	return quote;
}

void quote_destroy(struct quote *quote)
{
	if (quote) {
		token_index_destroy(quote->index);
		free(quote->place);
		free(quote->next);
		free(quote->mask);
		buf_finish(&quote->piece);
		free(quote);
	}
}

int quote_ready(struct quote *quote, const uint32_t *ids)
{
	if (!quote->is_ready && quote_bracket_in_head(&quote->bracket)) {
		quote->is_ready = token_index_build(quote->index, ids);
		return quote->is_ready;
	}
	return 1;
}

/* ---- inside a quote ---- */

static void leave_quote(struct quote *quote)
{
	quote->state = QUOTE_NONE;
	quote->bracket = (struct quote_bracket){.state = BRACKET_NONE};
	quote->n_place = 0;
	quote->may_close = 0;
}

static int may_end(const struct quote *quote)
{
	for (size_t i = 0; i < quote->n_place; i++) {
		if (quote->place[i].weight >= QUOTE_WEIGHT_MIN &&
			token_index_may_end(quote->index, &quote->place[i])) {
			return 1;
		}
	}
	return 0;
}

static void step_places(struct quote *quote, uint8_t byte)
{
	struct token_place *place = quote->place;
	size_t cap = quote->cap_place;

	quote->n_next = 0;
	for (size_t i = 0; i < quote->n_place; i++) {
		struct token_step step[TOKEN_STEPS_MAX];
		unsigned n = token_index_steps(quote->index, &place[i], step);

		for (unsigned k = 0; k < n; k++) {
			if (step[k].byte == byte) {
				mem_grow(quote->next, quote->n_next, quote->cap_next);
				quote->next[quote->n_next++] = step[k].place;
			}
		}
	}
	quote->place = quote->next;
	quote->cap_place = quote->cap_next;
	quote->n_place = quote->n_next;
	quote->next = place;
	quote->cap_next = cap;
}

static void add_word_byte(struct quote *quote, uint8_t byte)
{
	int may_close = byte == '"' && may_end(quote);

	if (quote->may_close && byte == ']') {
		leave_quote(quote);
		return;
	}
	step_places(quote, byte);
	quote->may_close = may_close;
	quote->n_bytes++;
	if (!quote->n_place && !may_close) {
		leave_quote(quote); /* not what the mask said: nothing holds it any more */
	}
}

/* The words begin: find the places that have them, as far as that can be told from bytes alone. */
static void begin_words(struct quote *quote, const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && !strchr(" \t\n\v\f\r\"", bytes[n]) && (uint8_t)bytes[n] < 0x80) {
		n++;
	}
	quote->state = QUOTE_WORDS;
	quote->n_place = 0;
	quote->n_bytes = 0;
	quote->may_close = 0;
	/* A first character outside ASCII may be cut by the token's end. */
	token_index_find(
		quote->index, bytes, n ? n : 1, &quote->place, &quote->n_place, &quote->cap_place);
}

void quote_add(struct quote *quote, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (quote->state) {
		case QUOTE_NONE:
			if (quote_bracket_add(&quote->bracket, (uint8_t)bytes[i]) ==
					BRACKET_QUOTE &&
				quote->is_ready) {
				quote->state = QUOTE_OPENED;
			}
			break;
		case QUOTE_OPENED:
			if (bytes[i] == ' ') {
				quote->state = QUOTE_BLANK;
				break;
			}
			/* fall through */
		case QUOTE_BLANK:
			begin_words(quote, bytes + i, len - i);
			/* fall through */
		case QUOTE_WORDS:
			add_word_byte(quote, (uint8_t)bytes[i]);
			break;
		}
	}
}

/* ---- what may come ---- */

static void make_words_mask(struct quote *quote)
{
	enum token_way way =
		quote->n_bytes >= LONG_BYTES && may_end(quote) ? TOKEN_CLOSE_ONLY : TOKEN_GO_ON;

	memset(quote->mask, 0, quote->mask_words * sizeof(*quote->mask));
	if (quote->may_close) {
		token_index_allow_end(quote->index, quote->mask);
	}
	token_index_allow(quote->index, quote->place, quote->n_place, way, quote->mask);
}

static int is_empty(const uint64_t *mask, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		if (mask[i]) {
			return 0;
		}
	}
	return 1;
}

const uint64_t *quote_mask(struct quote *quote)
{
	const uint64_t *mask = NULL;

	switch (quote->state) {
	case QUOTE_NONE:
		return NULL;
	case QUOTE_OPENED:
	case QUOTE_BLANK:
		mask = token_index_starts(quote->index, quote->state == QUOTE_BLANK);
		break;
	case QUOTE_WORDS:
		make_words_mask(quote);
		mask = is_empty(quote->mask, quote->mask_words) ? NULL : quote->mask;
		break;
	}
	if (!mask) {
		/* A vocabulary that cannot spell what stands there: better free than stuck. */
		leave_quote(quote);
	}
	return mask;
}

/*
 * Whether these bytes may follow outside of quotes. What they open must be a quote that can be
 * followed: with the index at hand, and its words in the next token.
 */
static int may_follow(const struct quote *quote, const char *bytes, size_t len)
{
	struct quote_bracket bracket = quote->bracket;
	int may_open = quote->is_ready && quote_bracket_in_head(&bracket) &&
		       token_index_starts(quote->index, 0) != NULL;

	for (size_t i = 0; i < len; i++) {
		switch (quote_bracket_add(&bracket, (uint8_t)bytes[i])) {
		case BRACKET_GOES_ON:
			break;
		case BRACKET_REFUSED:
			return 0;
		case BRACKET_QUOTE:
			return may_open && (i + 1 == len || (i + 2 == len && bytes[i + 1] == ' '));
		}
	}
	return !may_open || !bracket.in_head || bracket.head_bytes < LONG_HEAD_BYTES;
}

static int may_follow_id(struct quote *quote, uint32_t id)
{
	buf_clear(&quote->piece);
	tokenizer_decode(quote->tokenizer, id, 0, &quote->piece);
	return may_follow(quote, buf_str(&quote->piece), quote->piece.len);
}

const uint64_t *quote_check(struct quote *quote, uint32_t id)
{
	if (quote->state != QUOTE_NONE || may_follow_id(quote, id)) {
		return NULL;
	}
	/* It is rare that a model wants what cannot be: only then are all looked at. */
	memset(quote->mask, 0, quote->mask_words * sizeof(*quote->mask));
	for (uint32_t i = 0; i < 64 * quote->mask_words; i++) {
		if (may_follow_id(quote, i)) {
			quote->mask[i / 64] |= UINT64_C(1) << i % 64;
		}
	}
	return quote->mask;
}
