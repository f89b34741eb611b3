/*
 * A sequence: tokens in order and the pages that hold their KV. Its first pages may be shared with
 * the cache and other sequences, the last one is always its own.
 */
#ifndef ENGINE_KV_SEQUENCE_H
#define ENGINE_KV_SEQUENCE_H

#include "base/err.h"
#include "base/sha256.h"
#include "engine/kv/cache.h"

#include <stddef.h>
#include <stdint.h>

struct kv_sequence {
	struct kv_cache *cache;
	int reuse;        /* keep what is computed, find what was */
	int64_t keep_tok; /* but only of so many tokens; 0: of all; negative: of none */
	struct kv_use use;
	int64_t n_tok;         /* tokens whose KV is there */
	struct kv_page **page; /* [n_page] */
	uint8_t **data;        /* [n_page]: the pages' bytes, for struct op_sequence */
	int64_t n_page, cap_page;
	int64_t match_tok; /* so many tokens were there ... */
	int64_t disk_tok;  /* ... so many of them on disk ... */
	double restore_s;  /* ... and this long it took */
};

void kv_sequence_init(struct kv_sequence *sequence, struct kv_cache *cache, int reuse);
/* Keeps what is worth keeping (with `reuse`) and lets all pages go. */
void kv_sequence_finish(struct kv_sequence *sequence);

/*
 * Take from the cache, and from the disk below it, what there is of ids [n_ids], for an empty sequence:
 * whole pages by reference, the tokens after them by copy. sequence->n_tok says how many it was.
 */
void kv_sequence_match(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids);

/*
 * When a mapping gave way: lets go of the pages whose bytes are lost and of all behind them. Returns
 * whether there were any; what they held is to be computed again.
 */
int kv_sequence_cut_lost(struct kv_sequence *sequence);

/* Pages for positions 0 ... n_tok-1. On failure the sequence is as it was. */
int kv_sequence_reserve(struct kv_sequence *sequence, int64_t n_tok, struct err *err);

/* The KV of ids [n_ids] was computed at positions n_tok ... : they are part of the sequence now. */
void kv_sequence_commit(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids);

#endif
