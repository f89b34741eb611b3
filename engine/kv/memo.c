#include "engine/kv/memo.h"

#include "engine/kv/cache.h"
#include "engine/kv/disk.h"

#include <stdlib.h>

/* Entries whose time is asked for at once. */
enum { ENTRIES_AT_ONCE = 4096 };

void kv_memo_cut(struct kv_memo *memo, int64_t n_tok)
{
	int64_t n = n_tok / KV_PAGE_TOK;

	memo->n_name = memo->n_name < n ? memo->n_name : n;
	memo->n_page = memo->n_page < n ? memo->n_page : n;
	if (n <= memo->disk_from) {
		memo->disk_from = memo->n_disk = 0;
	} else if (n < memo->n_disk) {
		/* Pages are of one size. */
		memo->link_s *=
			(double)(n - memo->disk_from) / (double)(memo->n_disk - memo->disk_from);
		memo->n_disk = n;
	}
}

void kv_memo_finish(struct kv_memo *memo)
{
	free(memo->at);
	*memo = (struct kv_memo){0};
}

/* The name of page `index` of the prompt; without memory for it the memo is as long as it can be. */
static int add_name(struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids)
{
	int64_t index = memo->n_name;

	if (index >= memo->cap_name) {
		int64_t cap = memo->cap_name ? 2 * memo->cap_name : 256;
		struct kv_memo_page *at = reallocarray(memo->at, (size_t)cap, sizeof(*at));

		if (!at) {
			return 0;
		}
		memo->at = at;
		memo->cap_name = cap;
	}
	memo->at[index].name = kv_cache_name(
		cache, index ? &memo->at[index - 1].name : NULL, ids + index * KV_PAGE_TOK);
	memo->n_name++;
	return 1;
}

/* What the prompt has in memory: full pages, and tokens behind them. */
struct in_memory {
	int64_t n_page, n_tok;
	int32_t n_more;
};

static struct in_memory match_memory(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_ids)
{
	struct in_memory found = {0};
	int64_t n_full = n_ids / KV_PAGE_TOK, n;
	struct kv_page *parent, *page;

	if (memo->generation != kv_cache_generation(cache)) {
		memo->generation = kv_cache_generation(cache);
		memo->n_page = 0; /* the names are as they were */
	}
	n = memo->n_page < n_full ? memo->n_page : n_full;
	parent = n ? memo->at[n - 1].page : NULL;
	while (n < n_full && (n < memo->n_name || add_name(cache, memo, ids)) &&
		(page = kv_cache_find_named(
			 cache, parent, ids + n * KV_PAGE_TOK, &memo->at[n].name))) {
		parent = memo->at[n++].page = page;
		memo->n_page = n;
	}
	found.n_tok = n * KV_PAGE_TOK;
	/* Where there is no memory for names. */
	while (n_ids - found.n_tok >= KV_PAGE_TOK && found.n_tok / KV_PAGE_TOK >= memo->n_name &&
		(page = kv_cache_find(cache, parent, ids + found.n_tok))) {
		parent = page;
		found.n_tok += KV_PAGE_TOK;
	}
	found.n_page = found.n_tok / KV_PAGE_TOK;
	kv_cache_find_partial(
		cache, parent, ids + found.n_tok, (size_t)(n_ids - found.n_tok), &found.n_more);
	return found;
}

static const struct sha256_digest *name_before(
	const struct kv_cache *cache, const struct kv_memo *memo, int64_t page)
{
	return page ? &memo->at[page - 1].name : kv_cache_name_of(cache, NULL);
}

/* Look for what follows page n_disk-1 on disk. */
static void extend_disk(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_full)
{
	struct kv_disk *disk = kv_cache_disk(cache);
	const struct kv_disk_entry *entry[ENTRIES_AT_ONCE];
	int64_t n, n_found;
	double link_s;

	do {
		n_found = 0;
		while (n_found < ENTRIES_AT_ONCE && (n = memo->n_disk + n_found) < n_full &&
			(n < memo->n_name || add_name(cache, memo, ids)) &&
			(entry[n_found] = kv_disk_find(disk, &memo->at[n].name,
				 name_before(cache, memo, n), ids + n * KV_PAGE_TOK))) {
			n_found++;
		}
		if (n_found) {
			link_s = kv_disk_link_s(disk, entry, n_found);
			memo->link_s = link_s < 0 || memo->link_s < 0 ? -1 : memo->link_s + link_s;
			memo->n_disk += n_found;
		}
	} while (n_found == ENTRIES_AT_ONCE);
}

/* What disk has beyond memory. */
static struct kv_match match_disk(struct kv_cache *cache, struct kv_memo *memo,
	const struct in_memory *memory, const uint32_t *ids, int64_t n_ids)
{
	struct kv_disk *disk = kv_cache_disk(cache);
	int64_t n_full = n_ids / KV_PAGE_TOK, first_tok = memory->n_tok, n;
	struct kv_match match = {.n_tok = first_tok};
	const struct kv_disk_entry *tail;
	int32_t n_more;

	kv_disk_refresh(disk);
	if (memo->disk_generation != kv_disk_generation(disk) ||
		memo->disk_from != memory->n_page || memo->n_disk < memo->disk_from ||
		memo->n_disk > n_full) {
		memo->disk_generation = kv_disk_generation(disk);
		memo->disk_from = memo->n_disk = memory->n_page;
		memo->link_s = 0;
	}
	extend_disk(cache, memo, ids, n_full);
	n = memo->n_disk;
	match.n_tok = n * KV_PAGE_TOK;
	match.link_s = memo->link_s;
	tail = kv_disk_find_partial(disk, name_before(cache, memo, n), ids + match.n_tok,
		(size_t)(n_ids - match.n_tok), &n_more);
	if (tail && (n > memory->n_page || n_more > memory->n_more)) {
		double tail_s = kv_disk_link_s(disk, &tail, 1);

		match.n_tok += n_more;
		match.link_s = tail_s < 0 || match.link_s < 0 ? -1 : match.link_s + tail_s;
	}
	match.disk_tok = match.n_tok - first_tok;
	return match;
}

struct kv_match kv_cache_match(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_ids)
{
	struct in_memory memory = match_memory(cache, memo, ids, n_ids);
	struct kv_match match;

	/* Without memory for names it ends here. */
	if (kv_cache_disk(cache) && memory.n_page <= memo->n_name) {
		match = match_disk(cache, memo, &memory, ids, n_ids);
		if (match.disk_tok > memory.n_more &&
			kv_cache_prefers_disk(cache, match.link_s, memory.n_tok, match.n_tok)) {
			return match;
		}
	}
	return (struct kv_match){.n_tok = memory.n_tok + memory.n_more};
}
