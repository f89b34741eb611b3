#include "engine/token/bpe.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define NO_RANK UINT32_MAX
/* Up to here looking at every pair beats a heap. */
#define SHORT_PIECE 40
/* From here on sweeping rank by rank beats a heap, whose every step misses the cache. */
#define LONG_PIECE 4096
#define NO_ENTRY   UINT32_MAX

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

/* The pair at `at` becomes one symbol. */
static void merge_at(struct bpe_symbol *symbol, uint32_t at, uint32_t end)
{
	uint32_t gone = symbol[at].next;

	symbol[at].id = symbol[at].merged;
	symbol[at].next = symbol[gone].next;
	symbol[gone].rank = NO_RANK;
	if (symbol[at].next != end) {
		symbol[symbol[at].next].prev = at;
	}
}

static void link_symbols(
	struct bpe *bpe, const struct merge_map *merges, const uint32_t *id, uint32_t n)
{
	if (n > bpe->cap) {
		bpe->cap = n;
		bpe->symbol = mem_resize(bpe->symbol, n, sizeof(*bpe->symbol));
		/* One entry per pair at the start; each merge takes one away and adds at most two,
		 * and there are fewer merges than symbols. */
		bpe->heap = mem_resize(bpe->heap, 2 * (size_t)n, sizeof(*bpe->heap));
	}
	for (uint32_t i = 0; i < n; i++) {
		bpe->symbol[i] = (struct bpe_symbol){.id = id[i], .prev = i - 1, .next = i + 1};
	}
	for (uint32_t i = 0; i < n; i++) {
		look_up_pair(merges, bpe->symbol, i, n);
	}
}

/* Merge until nothing merges, from linked symbols in any state. */
static void merge_by_heap(struct bpe *bpe, const struct merge_map *merges, uint32_t n)
{
	struct bpe_symbol *symbol = bpe->symbol;
	uint64_t *heap = bpe->heap;
	size_t n_heap = 0;

	for (uint32_t i = 0; i != n; i = symbol[i].next) {
		if (symbol[i].rank != NO_RANK) {
			heap[n_heap++] = (uint64_t)symbol[i].rank << 32 | i;
		}
	}
	for (size_t i = n_heap; i-- > 0;) {
		sift_down(heap, n_heap, i);
	}
	while (n_heap) {
		uint32_t at = (uint32_t)heap[0], rank = (uint32_t)(heap[0] >> 32);
		uint32_t side[2];

		heap[0] = heap[--n_heap];
		if (n_heap) {
			sift_down(heap, n_heap, 0);
		}
		if (symbol[at].rank != rank) {
			continue;
		}
		merge_at(symbol, at, n);
		side[0] = at;
		side[1] = symbol[at].prev;
		for (int i = 0; i < 2 && side[i] != UINT32_MAX; i++) {
			look_up_pair(merges, symbol, side[i], n);
			if (symbol[side[i]].rank != NO_RANK) {
				heap[n_heap] = (uint64_t)symbol[side[i]].rank << 32 | side[i];
				sift_up(heap, n_heap++);
			}
		}
	}
}

/* ---- long pieces: all pairs of one rank in a sweep from left to right ---- */

struct bpe_entry {
	uint32_t at, next;
};

static void reserve_waves(struct bpe *bpe, const struct merge_map *merges, uint32_t n)
{
	size_t words = ((size_t)merges->n_ranks + 63) / 64;

	if (n > bpe->wave_cap) {
		bpe->wave_cap = n;
		/* One per pair at the start, at most two more per merge. */
		bpe->entry = mem_resize(bpe->entry, 3 * (size_t)n, sizeof(*bpe->entry));
		/* and as many again to sort them */
		bpe->order = mem_resize(bpe->order, 6 * (size_t)n, sizeof(*bpe->order));
	}
	if (merges->n_ranks > bpe->rank_cap) {
		bpe->rank_cap = merges->n_ranks;
		bpe->first = mem_resize(bpe->first, bpe->rank_cap, sizeof(*bpe->first));
		bpe->last = mem_resize(bpe->last, bpe->rank_cap, sizeof(*bpe->last));
		bpe->pending = mem_resize(bpe->pending, words, sizeof(*bpe->pending));
	}
	if (words) { /* a vocabulary may have no merges at all */
		memset(bpe->pending, 0, words * sizeof(*bpe->pending));
	}
	bpe->n_entry = 0;
}

static void wave_add(struct bpe *bpe, uint32_t rank, uint32_t at)
{
	uint32_t entry = (uint32_t)bpe->n_entry++;
	uint64_t bit = (uint64_t)1 << (rank & 63);

	bpe->entry[entry] = (struct bpe_entry){at, NO_ENTRY};
	if (bpe->pending[rank >> 6] & bit) {
		bpe->entry[bpe->last[rank]].next = entry;
	} else {
		bpe->pending[rank >> 6] |= bit;
		bpe->first[rank] = entry;
	}
	bpe->last[rank] = entry;
}

static int by_position(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

#define RADIX_BITS 11

/* Radix sort from the low digits up; `limit` is above every value. */
static void sort_positions(uint32_t *value, uint32_t *spare, size_t n, uint32_t limit)
{
	if (n < 512) {
		qsort(value, n, sizeof(*value), by_position);
		return;
	}
	for (unsigned shift = 0; shift < 32 && limit >> shift; shift += RADIX_BITS) {
		size_t start[1 << RADIX_BITS] = {0}, total = 0;

		for (size_t i = 0; i < n; i++) {
			start[value[i] >> shift & ((1 << RADIX_BITS) - 1)]++;
		}
		for (size_t i = 0; i < (size_t)1 << RADIX_BITS; i++) {
			size_t count = start[i];

			start[i] = total;
			total += count;
		}
		for (size_t i = 0; i < n; i++) {
			spare[start[value[i] >> shift & ((1 << RADIX_BITS) - 1)]++] = value[i];
		}
		memcpy(value, spare, n * sizeof(*value));
	}
}

/* The positions of one rank, ascending, in bpe->order; returns how many. */
static size_t wave_take(struct bpe *bpe, uint32_t rank, uint32_t limit)
{
	size_t n = 0;
	int ascending = 1;

	for (uint32_t e = bpe->first[rank]; e != NO_ENTRY; e = bpe->entry[e].next) {
		bpe->order[n] = bpe->entry[e].at;
		ascending &= n == 0 || bpe->order[n - 1] <= bpe->order[n];
		n++;
	}
	if (!ascending) {
		sort_positions(bpe->order, bpe->order + 3 * bpe->wave_cap, n, limit);
	}
	return n;
}

/*
 * Merge every pair of this rank. Returns -1 when a merge made a pair that goes before the rest of
 * this rank (no trained vocabulary does that): the caller then takes the heap.
 */
static int wave_merge(struct bpe *bpe, const struct merge_map *merges, uint32_t rank, uint32_t n)
{
	struct bpe_symbol *symbol = bpe->symbol;
	size_t n_order = wave_take(bpe, rank, n);

	for (size_t k = 0; k < n_order; k++) {
		uint32_t at = bpe->order[k], side[2];
		int early = 0;

		if (symbol[at].rank != rank) {
			continue;
		}
		merge_at(symbol, at, n);
		side[0] = at;
		side[1] = symbol[at].prev;
		for (int i = 0; i < 2 && side[i] != UINT32_MAX; i++) {
			look_up_pair(merges, symbol, side[i], n);
			early |= symbol[side[i]].rank <= rank;
			if (symbol[side[i]].rank != NO_RANK) {
				wave_add(bpe, symbol[side[i]].rank, side[i]);
			}
		}
		if (early) {
			return -1;
		}
	}
	return 0;
}

static void merge_by_waves(struct bpe *bpe, const struct merge_map *merges, uint32_t n)
{
	size_t words = ((size_t)merges->n_ranks + 63) / 64;

	reserve_waves(bpe, merges, n);
	for (uint32_t i = 0; i < n; i++) {
		if (bpe->symbol[i].rank != NO_RANK) {
			wave_add(bpe, bpe->symbol[i].rank, i);
		}
	}
	for (size_t word = 0; word < words; word++) {
		/* Merging adds bits further on, in this word too. */
		while (bpe->pending[word]) {
			uint32_t bit = (uint32_t)__builtin_ctzll(bpe->pending[word]);

			if (wave_merge(bpe, merges, (uint32_t)(word * 64) + bit, n)) {
				merge_by_heap(bpe, merges, n);
				return;
			}
			bpe->pending[word] &= ~((uint64_t)1 << bit);
		}
	}
}

size_t bpe_merge(struct bpe *bpe, const struct merge_map *merges, uint32_t *symbol, size_t n)
{
	size_t kept = 0;

	if (n < 2) {
		return n;
	}
	if (n <= SHORT_PIECE) {
		return merge_short(merges, symbol, n);
	}
	link_symbols(bpe, merges, symbol, (uint32_t)n);
	if (n < LONG_PIECE) {
		merge_by_heap(bpe, merges, (uint32_t)n);
	} else {
		merge_by_waves(bpe, merges, (uint32_t)n);
	}
	for (size_t i = 0; i != n; i = bpe->symbol[i].next) {
		symbol[kept++] = bpe->symbol[i].id;
	}
	return kept;
}

void bpe_finish(struct bpe *bpe)
{
	free(bpe->symbol);
	free(bpe->heap);
	free(bpe->entry);
	free(bpe->order);
	free(bpe->first);
	free(bpe->last);
	free(bpe->pending);
	*bpe = (struct bpe){0};
}
