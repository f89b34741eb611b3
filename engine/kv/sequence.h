/*
 * A sequence: tokens in order and the pages that hold their KV. Its first pages may be shared with
 * the cache and other sequences, the last one is always its own.
 */
#ifndef ENGINE_KV_SEQUENCE_H
#define ENGINE_KV_SEQUENCE_H

#include "base/err.h"
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

struct kv_cache;
struct kv_page;

struct kv_sequence {
	struct kv_cache *cache;
	int reuse;             /* keep what is computed, find what was */
	int64_t n_tok;         /* tokens whose KV is there */
	struct kv_page **page; /* [n_page] */
	uint8_t **data;        /* [n_page]: the pages' bytes, for struct op_sequence */
	int64_t n_page, cap_page;
};

void kv_sequence_init(struct kv_sequence *sequence, struct kv_cache *cache, int reuse);
/* Keeps what is worth keeping (with `reuse`) and lets all pages go. */
void kv_sequence_finish(struct kv_sequence *sequence);

/*
 * Take from the cache what it has of ids [n_ids], for an empty sequence: whole pages by reference,
 * the tokens after them by copy. sequence->n_tok says how many it was.
 */
void kv_sequence_match(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids);

/*
 * The place of a prompt in the chain and in the cache, for asking again and again while its end is
 * edited: what has not changed is neither hashed nor looked up again. Zero-initialise.
 */
struct kv_memo {
	struct kv_memo_page {
		struct sha256_digest name;
		struct kv_page *page; /* of the first n_page */
	} * at;                       /* [n_name] full pages */
	int64_t n_name, cap_name;
	int64_t n_page;      /* so many were in the cache ... */
	uint64_t generation; /* ... at this kv_cache_generation() */
};
/* Only the first n_tok ids are as they were. */
void kv_memo_cut(struct kv_memo *memo, int64_t n_tok);
void kv_memo_finish(struct kv_memo *memo);

/* How many tokens kv_sequence_match() would take, changing nothing but the memo (of these ids). */
int64_t kv_cache_match_tok(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_ids);

/* Pages for positions 0 ... n_tok-1. On failure the sequence is as it was. */
int kv_sequence_reserve(struct kv_sequence *sequence, int64_t n_tok, struct err *err);

/* The KV of ids [n_ids] was computed at positions n_tok ... : they are part of the sequence now. */
void kv_sequence_commit(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids);

#endif
