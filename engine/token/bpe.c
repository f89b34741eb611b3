#include "engine/token/bpe.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define NO_RANK UINT32_MAX
/* Up to here looking at every pair beats a heap. */
#define SHORT_PIECE 40

struct bpe_symbol {
	uint32_t id, prev, next;
	uint32_t rank;   /* of the pair that begins here; NO_RANK if it does not merge */
	uint32_t merged; /* what that pair becomes */
};

static size_t merge_short(const struct merge_map *merges, uint32_t *symbol, size_t n)
{
	uint32_t rank[SHORT_PIECE], merged[SHORT_PIECE];
	size_t n_pairs = n - 1;

	for (size_t i = 0; i < n_pairs; i++) {
		const struct merge *m = merge_map_find(merges, symbol[i], symbol[i + 1]);

		rank[i] = m ? m->rank : NO_RANK;
		merged[i] = m ? m->id : 0;
	}
	while (n_pairs) {
		size_t best = 0;

		for (size_t i = 1; i < n_pairs; i++) {
			best = rank[i] < rank[best] ? i : best;
		}
		if (rank[best] == NO_RANK) {
			break;
		}
		symbol[best] = merged[best];
		n_pairs--;
		memmove(symbol + best + 1, symbol + best + 2, (n_pairs - best) * sizeof(*symbol));
		memmove(rank + best, rank + best + 1, (n_pairs - best) * sizeof(*rank));
		memmove(merged + best, merged + best + 1, (n_pairs - best) * sizeof(*merged));
		for (size_t i = best ? best - 1 : 0; i <= best && i < n_pairs; i++) {
			const struct merge *m = merge_map_find(merges, symbol[i], symbol[i + 1]);

			rank[i] = m ? m->rank : NO_RANK;
			merged[i] = m ? m->id : 0;
		}
	}
	return n_pairs + 1;
}

/*
 * The heap holds rank << 32 | position, lowest first, four children to a node. An entry is stale
 * when the pair at its position has another rank by now.
 */
static void sift_down(uint64_t *heap, size_t n, size_t i)
{
	uint64_t moving = heap[i];

	for (;;) {
		size_t child = 4 * i + 1, least = child;
		size_t stop = child + 4 < n ? child + 4 : n;

		if (child >= n) {
			break;
		}
		for (size_t c = child + 1; c < stop; c++) {
			least = heap[c] < heap[least] ? c : least;
		}
		if (heap[least] >= moving) {
			break;
		}
		heap[i] = heap[least];
		i = least;
	}
	heap[i] = moving;
}

static void sift_up(uint64_t *heap, size_t i)
{
	uint64_t moving = heap[i];

	while (i && heap[(i - 1) / 4] > moving) {
		heap[i] = heap[(i - 1) / 4];
		i = (i - 1) / 4;
	}
	heap[i] = moving;
}

static void look_up_pair(
	const struct merge_map *merges, struct bpe_symbol *symbol, uint32_t at, uint32_t end)
{
	const struct merge *m = NULL;

	if (symbol[at].next != end) {
		m = merge_map_find(merges, symbol[at].id, symbol[symbol[at].next].id);
	}
	symbol[at].rank = m ? m->rank : NO_RANK;
	symbol[at].merged = m ? m->id : 0;
}

static void reserve(struct bpe *bpe, size_t n)
{
	if (n > bpe->cap) {
		bpe->cap = n;
		bpe->symbol = mem_resize(bpe->symbol, n, sizeof(*bpe->symbol));
		/* One entry per pair at the start; each merge takes one away and adds at most two,
		 * and there are fewer merges than symbols. */
		bpe->heap = mem_resize(bpe->heap, 2 * n, sizeof(*bpe->heap));
	}
}

static size_t merge_long(
	struct bpe *bpe, const struct merge_map *merges, uint32_t *id, size_t n_symbols)
{
	uint32_t n = (uint32_t)n_symbols, kept = 0;
	struct bpe_symbol *symbol;
	uint64_t *heap;
	size_t n_heap = 0;

	reserve(bpe, n);
	symbol = bpe->symbol;
	heap = bpe->heap;
	for (uint32_t i = 0; i < n; i++) {
		symbol[i] = (struct bpe_symbol){.id = id[i], .prev = i - 1, .next = i + 1};
	}
	for (uint32_t i = 0; i < n; i++) {
		look_up_pair(merges, symbol, i, n);
		if (symbol[i].rank != NO_RANK) {
			heap[n_heap++] = (uint64_t)symbol[i].rank << 32 | i;
		}
	}
	for (size_t i = n_heap / 4 + 1; i-- > 0;) {
		if (i < n_heap) {
			sift_down(heap, n_heap, i);
		}
	}
	while (n_heap) {
		uint32_t at = (uint32_t)heap[0], rank = (uint32_t)(heap[0] >> 32), gone;

		heap[0] = heap[--n_heap];
		if (n_heap) {
			sift_down(heap, n_heap, 0);
		}
		if (symbol[at].rank != rank) {
			continue;
		}
		gone = symbol[at].next;
		symbol[at].id = symbol[at].merged;
		symbol[at].next = symbol[gone].next;
		symbol[gone].rank = NO_RANK;
		if (symbol[at].next != n) {
			symbol[symbol[at].next].prev = at;
		}
		for (int left = 0; left < 2; left++) {
			uint32_t i = left ? symbol[at].prev : at;

			if (i == UINT32_MAX) {
				continue;
			}
			look_up_pair(merges, symbol, i, n);
			if (symbol[i].rank != NO_RANK) {
				heap[n_heap] = (uint64_t)symbol[i].rank << 32 | i;
				sift_up(heap, n_heap++);
			}
		}
	}
	for (uint32_t i = 0; i != n; i = symbol[i].next) {
		id[kept++] = symbol[i].id;
	}
	return kept;
}

size_t bpe_merge(struct bpe *bpe, const struct merge_map *merges, uint32_t *symbol, size_t n)
{
	if (n < 2) {
		return n;
	}
	if (n <= SHORT_PIECE) {
		return merge_short(merges, symbol, n);
	}
	return merge_long(bpe, merges, symbol, n);
}

void bpe_finish(struct bpe *bpe)
{
	free(bpe->symbol);
	free(bpe->heap);
	*bpe = (struct bpe){0};
}
