/*
 * The place of a prompt in the hash chain, in the cache and on disk, for asking again and again while
 * its end is edited: what has not changed is neither hashed nor looked up again.
 */
#ifndef ENGINE_KV_MEMO_H
#define ENGINE_KV_MEMO_H

#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

struct kv_cache;
struct kv_page;

struct kv_memo { /* zero-initialise */
	struct kv_memo_page {
		struct sha256_digest name;
		struct kv_page *page; /* of the first n_page */
	} * at;                       /* [n_name] full pages */
	int64_t n_name, cap_name;
	int64_t n_page;            /* so many were in the cache ... */
	uint64_t generation;       /* ... at this kv_cache_generation() */
	int64_t disk_from, n_disk; /* pages disk_from ... n_disk-1 were on disk ... */
	uint64_t disk_generation;  /* ... at this kv_disk_generation() */
	double link_s;             /* of them; negative: not known */
};
/* Only the first n_tok ids are as they were. */
void kv_memo_cut(struct kv_memo *memo, int64_t n_tok);
void kv_memo_finish(struct kv_memo *memo);

/* What kv_sequence_match() would take, changing nothing but the memo (of these ids). */
struct kv_match {
	int64_t n_tok;
	int64_t disk_tok; /* of those: from disk */
	double link_s;    /* that this would take; negative: not known */
};
struct kv_match kv_cache_match(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_ids);

#endif
