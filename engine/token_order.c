#include "engine/token_order.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* A token while the order is made: its first bytes are compared without going to its text. */
struct entry {
	uint64_t first; /* eight bytes, the first on top; 0 behind the end */
	uint32_t at, len, id;
};

static int compare(const void *a, const void *b, void *text)
{
	const struct entry *x = a, *y = b;
	uint32_t len = x->len < y->len ? x->len : y->len;
	int order;

	if (x->first != y->first) {
		return x->first < y->first ? -1 : 1;
	}
	order = memcmp((char *)text + x->at, (char *)text + y->at, len);
	if (order == 0 && x->len != y->len) {
		return x->len < y->len ? -1 : 1;
	}
	/* The same bytes: by id, so that the order is one. */
	return order ? order : (x->id > y->id) - (x->id < y->id);
}

static uint64_t first_bytes(const char *text, size_t len)
{
	uint64_t first = 0;

	for (size_t i = 0; i < 8; i++) {
		first = first << 8 | (i < len ? (uint8_t)text[i] : 0);
	}
	return first;
}

static struct entry *read_tokens(
	const struct tokenizer *tokenizer, int64_t n_vocab, struct buf *text, uint32_t *count)
{
	uint32_t n_id = tokenizer_vocab_count(tokenizer);
	struct entry *entry;

	n_id = n_vocab < n_id ? (uint32_t)n_vocab : n_id;
	entry = mem_alloc((size_t)n_id * sizeof(*entry));
	*count = 0;
	for (uint32_t id = 0; id < n_id; id++) {
		size_t at = text->len;

		if (tokenizer_is_forbidden(tokenizer, id) || tokenizer_is_end(tokenizer, id)) {
			continue;
		}
		tokenizer_decode(tokenizer, id, 0, text);
		if (text->len > at) {
			entry[(*count)++] = (struct entry){
				.first = first_bytes(text->data + at, text->len - at),
				.at = (uint32_t)at,
				.len = (uint32_t)(text->len - at),
				.id = id,
			};
		}
	}
	return entry;
}

static void fill_tables(struct token_order *order)
{
	uint32_t rank = 0;

	for (unsigned first = 0; first < 256; first++) {
		order->one[first] = rank;
		while (rank < order->count && token_order_len(order, rank) == 1 &&
			(uint8_t)order->text[order->start[rank]] == first) {
			rank++;
		}
		for (unsigned second = 0; second < 256; second++) {
			order->two[first << 8 | second] = rank;
			while (rank < order->count &&
				(uint8_t)order->text[order->start[rank]] == first &&
				(uint8_t)order->text[order->start[rank] + 1] == second) {
				rank++;
			}
		}
	}
	order->one[256] = order->two[65536] = rank;
}

struct token_order *token_order_create(const struct tokenizer *tokenizer, int64_t n_vocab)
{
	struct token_order *order = mem_zero(1, sizeof(*order));
	struct buf text = BUF_INIT;
	struct entry *entry = read_tokens(tokenizer, n_vocab, &text, &order->count);
	uint32_t at = 0;

	qsort_r(entry, order->count, sizeof(*entry), compare, text.data);
	order->id = mem_alloc(order->count * sizeof(*order->id));
	order->start = mem_alloc((order->count + (size_t)1) * sizeof(*order->start));
	order->text = mem_alloc(text.len + 1);
	for (uint32_t rank = 0; rank < order->count; rank++) {
		order->id[rank] = entry[rank].id;
		order->start[rank] = at;
		memcpy(order->text + at, text.data + entry[rank].at, entry[rank].len);
		at += entry[rank].len;
	}
	order->start[order->count] = at;
	fill_tables(order);
	free(entry);
	buf_finish(&text);
	return order;
}

void token_order_destroy(struct token_order *order)
{
	if (order) {
		free(order->id);
		free(order->start);
		free(order->text);
		free(order);
	}
}

/* The first rank in [low, high) whose byte at `depth` is at least `byte`; all of them have one. */
static uint32_t lower_bound(
	const struct token_order *order, uint32_t low, uint32_t high, uint32_t depth, unsigned byte)
{
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if ((uint8_t)order->text[order->start[mid] + depth] < byte) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

int token_order_next(const struct token_order *order, struct token_range *range, uint8_t byte)
{
	uint32_t low = range->low, high = range->high;

	if (range->depth == 0) {
		low = order->one[byte];
		high = order->one[byte + 1];
	} else if (range->depth == 1 && low < high) {
		unsigned first = (uint8_t)order->text[order->start[low]];
		unsigned pair = first << 8 | byte;

		low = order->two[pair];
		high = byte == 255 ? order->one[first + 1] : order->two[pair + 1];
	} else {
		/* Those that end here stand in front. */
		while (low < high && token_order_len(order, low) == range->depth) {
			low++;
		}
		low = lower_bound(order, low, high, range->depth, byte);
		high = lower_bound(order, low, high, range->depth, byte + 1u);
	}
	*range = (struct token_range){.low = low, .high = high, .depth = range->depth + 1};
	return low < high;
}
