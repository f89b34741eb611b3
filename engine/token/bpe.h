/*
 * Byte-pair encoding of one piece: again and again the pair of neighbours with the lowest rank, the
 * leftmost of equals, becomes one token (Sennrich et al. 2016; SentencePiece's BPE is the same with
 * rank = order of the scores). n log n at most in the length of the piece.
 */
#ifndef ENGINE_TOKEN_BPE_H
#define ENGINE_TOKEN_BPE_H

#include "engine/token/vocab.h"

/* Scratch memory; zero-initialise, bpe_finish(). */
struct bpe {
	struct bpe_symbol *symbol;
	uint64_t *heap;
	size_t cap;
	/* Long pieces: the positions of each rank's pairs, as lists. */
	struct bpe_entry *entry;
	uint32_t *order;
	size_t wave_cap, n_entry;
	uint32_t *first, *last; /* [n_ranks] */
	uint64_t *pending;      /* [n_ranks] bits: ranks that have pairs */
	size_t rank_cap;
};

/* Merge the `n` (fewer than 2^30) symbols of a piece in place; returns how many are left. */
size_t bpe_merge(struct bpe *bpe, const struct merge_map *merges, uint32_t *symbol, size_t n);
void bpe_finish(struct bpe *bpe);

#endif
