/*
 * The prefix cache in memory: pages of computed KV, each the continuation of its parent, found by
 * name and by what they hold. It never trusts a name alone: a hit compares the token ids and the
 * parent too.
 *
 * A full page (KV_PAGE_TOK tokens) is immutable and shared by reference count. What a sequence left
 * behind its last full page is a page too, with fewer tokens (a tail): it is copied by whoever
 * continues it. Any page, full or not, serves a prompt that agrees with only its first tokens, by
 * copy.
 *
 * All pages, in use or only kept, stay within a budget; where it is reached the pages that were
 * used longest ago go first, leaves before what they continue.
 */
#ifndef ENGINE_KV_CACHE_H
#define ENGINE_KV_CACHE_H

#include "base/err.h"
#include "base/sha256.h"
#include "kernels/kv.h"

#include <stddef.h>
#include <stdint.h>

struct backend;
struct kv_cache;

struct kv_page {
	struct sha256_digest name;
	struct kv_page *parent; /* NULL: it is the first of its prompt */
	uint8_t *data;
	int32_t n_tok;
	uint32_t ids[KV_PAGE_TOK];

	int is_kept;    /* in the cache; else it belongs to one sequence alone */
	int32_t n_user; /* sequences that hold it */
	int32_t n_child;
	struct kv_page *first_child, *next_sibling, *previous_sibling; /* kept pages */
	struct kv_page *next_named;                                    /* in the hash table */
	struct kv_page *older, *newer;                                 /* in the eviction order */
	int is_evictable;
	uint64_t last_use;
};

struct kv_cache_config {
	struct sha256_digest root;
	int64_t max_pages; /* the budget */
	/* NULL: kv_chain_next(); tests force collisions with their own */
	struct sha256_digest (*name)(struct sha256 *hash, const struct sha256_digest *parent,
		const uint32_t *ids, size_t n_ids);
};

struct kv_cache *kv_cache_create(struct backend *backend, const struct kv_cache_config *config);
/* No sequence may hold pages any more. NULL-safe. */
void kv_cache_destroy(struct kv_cache *cache);

int64_t kv_cache_pages(const struct kv_cache *cache); /* in use and kept */
int64_t kv_cache_max_pages(const struct kv_cache *cache);
int64_t kv_cache_page_bytes(const struct kv_cache *cache);
/* Forget every page that no sequence holds. */
void kv_cache_clear(struct kv_cache *cache);

/* ---- for kv/sequence.c ---- */

/*
 * A page of its own for a sequence, uninitialised, held once; makes room if the budget is reached.
 * NULL if there is none to be made, or the system has no memory.
 */
struct kv_page *kv_cache_new_page(struct kv_cache *cache);

void kv_cache_hold(struct kv_cache *cache, struct kv_page *page);
/* A page that was never kept is freed when its sequence lets go. */
void kv_cache_release(struct kv_cache *cache, struct kv_page *page);

/* The kept full page that continues `parent` with exactly ids [KV_PAGE_TOK]; NULL on a miss. */
struct kv_page *kv_cache_find(struct kv_cache *cache, struct kv_page *parent, const uint32_t *ids);
/* The same where its name is known; and the name, given that of the page before (NULL: none). */
struct kv_page *kv_cache_find_named(struct kv_cache *cache, struct kv_page *parent,
	const uint32_t *ids, const struct sha256_digest *name);
struct sha256_digest kv_cache_name(
	struct kv_cache *cache, const struct sha256_digest *parent, const uint32_t *ids);
/* Changes whenever a full page that was kept is no more. */
uint64_t kv_cache_generation(const struct kv_cache *cache);

/*
 * The kept page that continues `parent` and agrees with the most of ids [n_ids], at least one.
 * *n_tok is how many.
 */
struct kv_page *kv_cache_find_partial(struct kv_cache *cache, struct kv_page *parent,
	const uint32_t *ids, size_t n_ids, int32_t *n_tok);

/*
 * Keep a page that a sequence computed: its ids, n_tok and (kept or NULL) parent are set. Returns
 * the page to hold instead: itself, or an equal one that was kept already (then `page` is freed).
 * It stays the sequence's own if another page has the same name, or holds more of the same tail.
 */
struct kv_page *kv_cache_keep(struct kv_cache *cache, struct kv_page *page);

#endif
