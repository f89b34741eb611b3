/*
 * The vocabulary in the order of its tokens' bytes: which tokens begin with these bytes is a range
 * of ranks, found byte by byte. 12 bytes per token and the tokens' own.
 */
#ifndef ENGINE_TOKEN_ORDER_H
#define ENGINE_TOKEN_ORDER_H

#include <stddef.h>
#include <stdint.h>

struct tokenizer;

struct token_order {
	uint32_t count;      /* tokens that can be said: neither control tokens nor ends */
	uint32_t *id;        /* [count] by rank */
	uint32_t *start;     /* [count + 1] into text */
	char *text;          /* by rank, one behind the other */
	uint32_t one[257];   /* where the tokens begin that begin with a byte */
	uint32_t two[65537]; /* and with two, first << 8 | second */
};

/* Of the ids below n_vocab. */
struct token_order *token_order_create(const struct tokenizer *tokenizer, int64_t n_vocab);
void token_order_destroy(struct token_order *order); /* NULL-safe */

/* The tokens that begin with `depth` given bytes: ranks [low, high). */
struct token_range {
	uint32_t low, high, depth;
};
static inline struct token_range token_order_all(const struct token_order *order)
{
	return (struct token_range){.high = order->count};
}

/* Those of them that go on with this byte; returns 0 if there are none. */
int token_order_next(const struct token_order *order, struct token_range *range, uint8_t byte);

static inline size_t token_order_len(const struct token_order *order, uint32_t rank)
{
	return order->start[rank + 1] - order->start[rank];
}

#endif
