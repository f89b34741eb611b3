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
 * With a store on disk (kv/disk.h) every page that is kept is written there too, and a miss in memory
 * looks there: the pages found are mapped, checked and become part of the tree, read-only.
 *
 * All pages of ours, in use or only kept, stay within a budget; where it is reached the pages that
 * were used longest ago go first, leaves before what they continue. Pages that were only used in
 * passing (by a sweep over more than memory holds, in the same order each time) go before all others,
 * the latest first: those that stay are found again by the next one. Mapped pages are the system's
 * memory, not ours; of them there are no more than the budget's number, and a sequence that needs
 * n pages finds room for n of its own whatever is mapped: any of them may be lost and computed again.
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
struct kv_disk;
struct kv_disk_entry;

struct kv_page {
	struct sha256_digest name;
	struct kv_page *parent; /* NULL: it is the first of its prompt */
	uint8_t *data;
	int32_t n_tok;
	uint32_t ids[KV_PAGE_TOK];

	int is_mapped;      /* from disk: data is the store's, read-only */
	int is_kept;        /* in the cache; else it belongs to one sequence alone */
	int is_passing;     /* kept, and used in passing only */
	int is_memory_only; /* kept here and not on disk, by no_store */
	int32_t n_user;     /* sequences that hold it */
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
	/* So many pages that were used in passing are kept though they are on disk, too; 0: any
	   number. What is beyond that is found there, and the system's memory is left to others. */
	int64_t max_passing_pages;
	struct kv_disk *disk; /* NULL: none; the caller's, closed after the cache is destroyed */
	/*
	 * Whether reading tokens first_tok ... end_tok-1 from disk in about link_s seconds is better
	 * than computing them. NULL: always.
	 */
	int (*prefers_disk)(void *arg, double link_s, int64_t first_tok, int64_t end_tok);
	void *prefers_arg;
	/* NULL: kv_chain_next(); tests force collisions with their own */
	struct sha256_digest (*name)(struct sha256 *hash, const struct sha256_digest *parent,
		const uint32_t *ids, size_t n_ids);
};

/* On whose behalf, and how, a sequence uses the cache. */
struct kv_use {
	const char *owner; /* whose pages these are, see kv/disk.h; NULL: nobody's */
	int is_passing;
	int no_store; /* what it computes does not go to disk */
};

struct kv_cache *kv_cache_create(struct backend *backend, const struct kv_cache_config *config);
/* No sequence may hold pages any more. NULL-safe. */
void kv_cache_destroy(struct kv_cache *cache);

int64_t kv_cache_pages(const struct kv_cache *cache); /* of ours, in use and kept */
int64_t kv_cache_mapped_pages(const struct kv_cache *cache);
int64_t kv_cache_max_pages(const struct kv_cache *cache);
int64_t kv_cache_page_bytes(const struct kv_cache *cache);
/* Forget every page that no sequence holds. */
void kv_cache_clear(struct kv_cache *cache);
/*
 * Let go of what is mapped and of nothing else, for a process that ends: giving gigabytes back page
 * by page takes longer than ending. Nobody may touch the cache any more.
 */
void kv_cache_abandon(struct kv_cache *cache);

/* ---- for kv/sequence.c ---- */

/*
 * A page of its own for a sequence, uninitialised, held once; makes room if the budget is reached.
 * NULL if there is none to be made, or the system has no memory.
 */
struct kv_page *kv_cache_new_page(struct kv_cache *cache);

void kv_cache_hold(struct kv_cache *cache, struct kv_page *page);
/*
 * A kept page is used, its parent was before: from now on it is not one used in passing, and on
 * disk, where that is not how it is used this time.
 */
void kv_cache_promote(struct kv_cache *cache, struct kv_page *page, const struct kv_use *use);
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
 * Keep a page that a sequence computed, here and on disk: its ids, n_tok and (kept or NULL) parent
 * are set. Returns the page to hold instead: itself, or an equal one that was kept already (then
 * `page` is freed). It stays the sequence's own if another page has the same name, or holds more of
 * the same tail.
 */
struct kv_page *kv_cache_keep(
	struct kv_cache *cache, struct kv_page *page, const struct kv_use *use);

/* ---- the tier below ---- */

struct kv_disk *kv_cache_disk(const struct kv_cache *cache); /* NULL: none */
/* The name of a page, or of what stands before the first (NULL). */
const struct sha256_digest *kv_cache_name_of(
	const struct kv_cache *cache, const struct kv_page *page);
int kv_cache_prefers_disk(
	const struct kv_cache *cache, double link_s, int64_t first_tok, int64_t end_tok);
/*
 * These two are where the bytes of a page come from the tier below to the backend: used as they lie
 * by one that computes in this memory, copied by one that does not.
 *
 * A full page from disk continues the kept page `parent` (NULL: it is a first one): `data` is what
 * kv_disk_link() gave, the cache's from now on. The page is kept, and held once; NULL, with `data`
 * unlinked, where there is a page of that name already.
 */
struct kv_page *kv_cache_adopt(struct kv_cache *cache, struct kv_page *parent,
	const struct kv_disk_entry *entry, uint8_t *data, const struct kv_use *use);
/* The first n_tok tokens of `data`, whose ids these are, in a new page of a sequence; NULL as
 * kv_cache_new_page(). */
struct kv_page *kv_cache_copy(
	struct kv_cache *cache, const uint8_t *data, const uint32_t *ids, int32_t n_tok);
/* A prompt of the owner's ran over the pages up to this kept one. */
void kv_cache_note_use(struct kv_cache *cache, const struct kv_page *page, const char *owner);

/*
 * When a mapping gave way: forget every page whose bytes are lost and what continues it, none of
 * which a sequence may hold any more (kv_sequence_cut_lost()).
 */
void kv_cache_drop_lost(struct kv_cache *cache);
int kv_cache_is_lost(const struct kv_cache *cache, const struct kv_page *page);

#endif
