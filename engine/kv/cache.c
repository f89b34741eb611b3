#include "engine/kv/cache.h"

#include "base/mem.h"
#include "engine/backend/backend.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"

#include <stdlib.h>
#include <string.h>

/* Kept leaves that nobody holds, by last use. */
struct kv_order {
	struct kv_page *oldest, *newest;
};

struct kv_cache {
	struct backend *backend;
	struct sha256 *hash;
	struct kv_cache_config config; /* `name` is never NULL */
	int64_t n_page, n_mapped;      /* of ours, of the disk's */
	int64_t n_passing;             /* used in passing, and on disk */
	uint64_t clock;
	uint64_t generation;

	struct kv_page **bucket; /* kept full pages by name */
	size_t n_bucket;
	size_t n_named;

	struct kv_page *first_child; /* kept pages without a parent */
	struct kv_order order[2];    /* [1]: of those used in passing */
};

struct kv_cache *kv_cache_create(struct backend *backend, const struct kv_cache_config *config)
{
	struct kv_cache *cache = mem_zero(1, sizeof(*cache));

	cache->backend = backend;
	cache->hash = sha256_create();
	cache->config = *config;
	cache->config.name = config->name ? config->name : kv_chain_next;
	cache->n_bucket = 256;
	cache->bucket = mem_zero(cache->n_bucket, sizeof(struct kv_page *));
	return cache;
}

int64_t kv_cache_pages(const struct kv_cache *cache)
{
	return cache->n_page;
}

int64_t kv_cache_mapped_pages(const struct kv_cache *cache)
{
	return cache->n_mapped;
}

int64_t kv_cache_max_pages(const struct kv_cache *cache)
{
	return cache->config.max_pages;
}

int64_t kv_cache_page_bytes(const struct kv_cache *cache)
{
	return cache->backend->ops->kv_layout(cache->backend)->page_bytes;
}

static void free_page(struct kv_cache *cache, struct kv_page *page)
{
	if (page->is_mapped) {
		kv_disk_unlink(cache->config.disk, page->data);
		cache->n_mapped--;
	} else {
		cache->backend->ops->page_free(cache->backend, page->data);
		cache->n_page--;
	}
	free(page);
}

/* ---- names ---- */

static struct sha256_digest name_of(
	struct kv_cache *cache, const struct kv_page *parent, const uint32_t *ids, int32_t n_tok)
{
	return cache->config.name(
		cache->hash, parent ? &parent->name : &cache->config.root, ids, (size_t)n_tok);
}

static struct kv_page **bucket_of(struct kv_cache *cache, const struct sha256_digest *name)
{
	uint64_t key;

	memcpy(&key, name->byte, sizeof(key));
	return &cache->bucket[key & (cache->n_bucket - 1)];
}

static struct kv_page *find_named(struct kv_cache *cache, const struct sha256_digest *name)
{
	struct kv_page *page = *bucket_of(cache, name);

	while (page && !sha256_equal(&page->name, name)) {
		page = page->next_named;
	}
	return page;
}

static void add_named(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_page **bucket, **grown = NULL;

	if (cache->n_named >= cache->n_bucket) {
		grown = calloc(2 * cache->n_bucket, sizeof(struct kv_page *));
	}
	if (grown) { /* without memory the chains are longer */
		struct kv_page **old = cache->bucket;
		size_t n_old = cache->n_bucket;

		cache->bucket = grown;
		cache->n_bucket *= 2;
		for (size_t i = 0; i < n_old; i++) {
			for (struct kv_page *p = old[i], *next; p; p = next) {
				next = p->next_named;
				bucket = bucket_of(cache, &p->name);
				p->next_named = *bucket;
				*bucket = p;
			}
		}
		free(old);
	}
	bucket = bucket_of(cache, &page->name);
	page->next_named = *bucket;
	*bucket = page;
	cache->n_named++;
}

static void remove_named(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_page **p = bucket_of(cache, &page->name);

	while (*p != page) {
		p = &(*p)->next_named;
	}
	*p = page->next_named;
	cache->n_named--;
}

/* ---- the eviction order ---- */

static void leave_order(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_order *order = &cache->order[page->is_passing];

	if (!page->is_evictable) {
		return;
	}
	*(page->older ? &page->older->newer : &order->oldest) = page->newer;
	*(page->newer ? &page->newer->older : &order->newest) = page->older;
	page->older = page->newer = NULL;
	page->is_evictable = 0;
}

/*
 * A page that became a free leaf takes its place by last use. Releases come in order (search from
 * the newest end); a parent that became a leaf by eviction is where eviction is (search from there).
 */
static void enter_order(struct kv_cache *cache, struct kv_page *page, int from_oldest)
{
	struct kv_order *order = &cache->order[page->is_passing];
	struct kv_page *older, *newer;

	if (page->is_evictable || !page->is_kept || page->n_user > 0 || page->n_child > 0) {
		return;
	}
	if (from_oldest) {
		older = NULL;
		newer = order->oldest;
		while (newer && newer->last_use < page->last_use) {
			older = newer;
			newer = newer->newer;
		}
	} else {
		newer = NULL;
		older = order->newest;
		while (older && older->last_use > page->last_use) {
			newer = older;
			older = older->older;
		}
	}
	page->older = older;
	page->newer = newer;
	*(older ? &older->newer : &order->oldest) = page;
	*(newer ? &newer->older : &order->newest) = page;
	page->is_evictable = 1;
}

/* What goes first; NULL: there is nothing. */
static struct kv_page *next_to_go(const struct kv_cache *cache)
{
	return cache->order[1].newest ? cache->order[1].newest : cache->order[0].oldest;
}

/* A kept page is, or is no more, one of those that are used in passing and on disk. */
static void count_passing(struct kv_cache *cache, const struct kv_page *page, int n)
{
	if (page->is_passing && !page->is_memory_only) {
		cache->n_passing += n;
	}
}

/* ---- the tree ---- */

static struct kv_page **children_of(struct kv_cache *cache, struct kv_page *parent)
{
	return parent ? &parent->first_child : &cache->first_child;
}

static void link_page(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_page **children = children_of(cache, page->parent);

	page->is_kept = 1;
	count_passing(cache, page, 1);
	page->previous_sibling = NULL;
	page->next_sibling = *children;
	if (*children) {
		(*children)->previous_sibling = page;
	}
	*children = page;
	if (page->parent) {
		page->parent->n_child++;
		leave_order(cache, page->parent);
	}
	if (page->n_tok == KV_PAGE_TOK) {
		add_named(cache, page);
	}
}

/* Forget a kept leaf that nobody holds. */
static void evict(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_page *parent = page->parent;

	leave_order(cache, page);
	count_passing(cache, page, -1);
	*(page->previous_sibling ? &page->previous_sibling->next_sibling
				 : children_of(cache, parent)) = page->next_sibling;
	if (page->next_sibling) {
		page->next_sibling->previous_sibling = page->previous_sibling;
	}
	if (page->n_tok == KV_PAGE_TOK) {
		remove_named(cache, page);
		cache->generation++;
	}
	free_page(cache, page);
	if (parent) {
		parent->n_child--;
		enter_order(cache, parent, !parent->is_passing);
	}
}

/* Returns 0 where there is nothing to evict. */
static int evict_next(struct kv_cache *cache)
{
	struct kv_page *page = next_to_go(cache);

	if (page) {
		evict(cache, page);
	}
	return page != NULL;
}

void kv_cache_clear(struct kv_cache *cache)
{
	while (evict_next(cache)) {
	}
}

void kv_cache_destroy(struct kv_cache *cache)
{
	if (!cache) {
		return;
	}
	kv_cache_clear(cache);
	sha256_destroy(cache->hash);
	free(cache->bucket);
	free(cache);
}

/* ---- sequences' pages ---- */

struct kv_page *kv_cache_new_page(struct kv_cache *cache)
{
	struct kv_page *page;
	uint8_t *data = NULL;

	while (cache->n_page >= cache->config.max_pages && evict_next(cache)) {
	}
	if (cache->n_page < cache->config.max_pages) {
		data = cache->backend->ops->page_alloc(cache->backend);
		/* The system has less than the budget says: live with what is kept. */
		if (!data && evict_next(cache)) {
			data = cache->backend->ops->page_alloc(cache->backend);
		}
	}
	if (!data) {
		return NULL;
	}
	page = mem_zero(1, sizeof(*page));
	page->data = data;
	page->n_user = 1;
	cache->n_page++;
	return page;
}

void kv_cache_hold(struct kv_cache *cache, struct kv_page *page)
{
	leave_order(cache, page);
	page->n_user++;
}

void kv_cache_release(struct kv_cache *cache, struct kv_page *page)
{
	if (!page) {
		return;
	}
	page->last_use = ++cache->clock;
	if (--page->n_user > 0) {
		return;
	}
	if (page->is_kept) {
		enter_order(cache, page, 0);
	} else {
		free_page(cache, page);
	}
	while (cache->config.max_passing_pages &&
		cache->n_passing > cache->config.max_passing_pages && cache->order[1].newest) {
		evict(cache, cache->order[1].newest);
	}
}

struct kv_page *kv_cache_find(struct kv_cache *cache, struct kv_page *parent, const uint32_t *ids)
{
	struct sha256_digest name = name_of(cache, parent, ids, KV_PAGE_TOK);

	return kv_cache_find_named(cache, parent, ids, &name);
}

struct kv_page *kv_cache_find_named(struct kv_cache *cache, struct kv_page *parent,
	const uint32_t *ids, const struct sha256_digest *name)
{
	struct kv_page *page = find_named(cache, name);

	if (page && (page->parent != parent || memcmp(page->ids, ids, sizeof(page->ids)) != 0)) {
		return NULL;
	}
	return page;
}

struct sha256_digest kv_cache_name(
	struct kv_cache *cache, const struct sha256_digest *parent, const uint32_t *ids)
{
	return cache->config.name(
		cache->hash, parent ? parent : &cache->config.root, ids, KV_PAGE_TOK);
}

uint64_t kv_cache_generation(const struct kv_cache *cache)
{
	return cache->generation;
}

static int32_t common_tokens(const struct kv_page *page, const uint32_t *ids, size_t n_ids)
{
	int32_t n = 0;

	while (n < page->n_tok && (size_t)n < n_ids && page->ids[n] == ids[n]) {
		n++;
	}
	return n;
}

struct kv_page *kv_cache_find_partial(struct kv_cache *cache, struct kv_page *parent,
	const uint32_t *ids, size_t n_ids, int32_t *n_tok)
{
	struct kv_page *best = NULL;

	*n_tok = 0;
	for (struct kv_page *p = *children_of(cache, parent); p; p = p->next_sibling) {
		int32_t n = common_tokens(p, ids, n_ids);

		if (n > *n_tok) {
			*n_tok = n;
			best = p;
		}
	}
	return best;
}

/* Tails whose tokens are all in `page` too have nothing to offer any more. */
static void drop_superseded(struct kv_cache *cache, struct kv_page *page)
{
	struct kv_page *next;

	for (struct kv_page *p = *children_of(cache, page->parent); p; p = next) {
		next = p->next_sibling;
		if (p != page && p->n_tok < KV_PAGE_TOK && p->is_evictable &&
			common_tokens(page, p->ids, (size_t)p->n_tok) == p->n_tok) {
			evict(cache, p);
		}
	}
}

/* A kept page that has all tokens of this tail; NULL if there is none. */
static struct kv_page *superseding(struct kv_cache *cache, const struct kv_page *tail)
{
	int32_t n;
	struct kv_page *best =
		kv_cache_find_partial(cache, tail->parent, tail->ids, (size_t)tail->n_tok, &n);

	return n == tail->n_tok ? best : NULL;
}

/*
 * What is mapped was read from disk, and never goes back there: a mapping that gives way reads as
 * zeros.
 */
static void write_page(struct kv_cache *cache, struct kv_page *page, const char *owner)
{
	struct kv_disk *disk = cache->config.disk;
	struct kv_disk_page record = {
		.name = page->name,
		.parent = page->parent ? page->parent->name : cache->config.root,
		.n_tok = page->n_tok,
		.ids = page->ids,
		.data = page->data,
	};

	if (page->is_mapped) {
		kv_cache_note_use(cache, page, owner);
	} else if (disk && !page->is_memory_only && !kv_disk_use_equal(disk, &record, owner)) {
		if (page->n_tok < KV_PAGE_TOK) { /* a page that was used or copied before */
			cache->backend->ops->page_clear(cache->backend, page->data, page->n_tok);
		}
		kv_disk_write(disk, &record, owner);
	}
}

void kv_cache_promote(struct kv_cache *cache, struct kv_page *page, const struct kv_use *use)
{
	if (page->is_passing && !use->is_passing) {
		count_passing(cache, page, -1);
		leave_order(cache, page);
		page->is_passing = 0;
		enter_order(cache, page, 0);
	}
	if (page->is_memory_only && !use->no_store &&
		!(page->parent && page->parent->is_memory_only)) {
		page->is_memory_only = 0;
		count_passing(cache, page, 1);
		write_page(cache, page, use->owner);
	}
}

struct kv_page *kv_cache_keep(
	struct kv_cache *cache, struct kv_page *page, const struct kv_use *use)
{
	struct kv_page *other;

	if (page->is_kept || page->n_tok == 0 || (page->parent && !page->parent->is_kept)) {
		return page;
	}
	if (page->n_tok < KV_PAGE_TOK) {
		other = superseding(cache, page);
		if (other) {
			/* Nothing is lost: `page` goes when its sequence lets go. */
			other->last_use = ++cache->clock;
			if (other->is_evictable) {
				leave_order(cache, other);
				enter_order(cache, other, 0);
			}
			kv_cache_promote(cache, other, use);
			write_page(cache, other, use->owner);
			return page;
		}
	}
	page->name = name_of(cache, page->parent, page->ids, page->n_tok);
	other = page->n_tok == KV_PAGE_TOK ? find_named(cache, &page->name) : NULL;
	if (other) {
		if (other->parent != page->parent ||
			memcmp(other->ids, page->ids, sizeof(page->ids)) != 0) {
			return page; /* two pages of one name: the first keeps it */
		}
		kv_cache_hold(cache, other);
		free_page(cache, page);
		kv_cache_promote(cache, other, use);
		write_page(cache, other, use->owner);
		return other;
	}
	page->is_passing = use->is_passing;
	/* On disk nothing would lead to it. */
	page->is_memory_only = cache->config.disk &&
			       (use->no_store || (page->parent && page->parent->is_memory_only));
	link_page(cache, page);
	drop_superseded(cache, page);
	write_page(cache, page, use->owner);
	return page;
}

/* ---- the tier below ---- */

struct kv_disk *kv_cache_disk(const struct kv_cache *cache)
{
	return cache->config.disk;
}

const struct sha256_digest *kv_cache_name_of(
	const struct kv_cache *cache, const struct kv_page *page)
{
	return page ? &page->name : &cache->config.root;
}

int kv_cache_prefers_disk(
	const struct kv_cache *cache, double link_s, int64_t first_tok, int64_t end_tok)
{
	const struct kv_cache_config *config = &cache->config;

	return !config->prefers_disk ||
	       config->prefers_disk(config->prefers_arg, link_s, first_tok, end_tok);
}

struct kv_page *kv_cache_adopt(struct kv_cache *cache, struct kv_page *parent,
	const struct kv_disk_entry *entry, uint8_t *data, const struct kv_use *use)
{
	struct kv_page *page;

	if (find_named(cache, &entry->name)) {
		kv_disk_unlink(cache->config.disk, data);
		return NULL;
	}
	while (cache->n_mapped >= cache->config.max_pages && evict_next(cache)) {
	}
	page = mem_zero(1, sizeof(*page));
	page->name = entry->name;
	page->parent = parent;
	page->data = data;
	page->is_mapped = 1;
	page->is_passing = use->is_passing;
	page->n_tok = entry->n_tok;
	page->n_user = 1;
	memcpy(page->ids, entry->ids, (size_t)entry->n_tok * sizeof(*page->ids));
	cache->n_mapped++;
	link_page(cache, page);
	drop_superseded(cache, page);
	return page;
}

struct kv_page *kv_cache_copy(
	struct kv_cache *cache, const uint8_t *data, const uint32_t *ids, int32_t n_tok)
{
	struct kv_page *page = kv_cache_new_page(cache);

	if (page) {
		memcpy(page->data, data, (size_t)kv_cache_page_bytes(cache));
		memcpy(page->ids, ids, (size_t)n_tok * sizeof(*page->ids));
		page->n_tok = n_tok;
	}
	return page;
}

void kv_cache_note_use(struct kv_cache *cache, const struct kv_page *page, const char *owner)
{
	if (cache->config.disk) {
		kv_disk_use(cache->config.disk, &page->name, owner);
	}
}

int kv_cache_is_lost(const struct kv_cache *cache, const struct kv_page *page)
{
	return page->is_mapped && kv_disk_is_lost(cache->config.disk, page->data);
}

/* Forget a kept page and all that continues it, which nobody holds. */
static void evict_branch(struct kv_cache *cache, struct kv_page *branch)
{
	struct kv_page *page = branch, *parent;
	int is_last;

	do {
		while (page->first_child) {
			page = page->first_child;
		}
		parent = page->parent;
		is_last = page == branch;
		evict(cache, page);
		page = parent;
	} while (!is_last);
}

void kv_cache_drop_lost(struct kv_cache *cache)
{
	for (size_t i = 0; i < cache->n_bucket; i++) {
		struct kv_page *page = cache->bucket[i];

		while (page) {
			if (kv_cache_is_lost(cache, page)) {
				evict_branch(cache, page);
				page = cache->bucket[i]; /* others of it may be gone too */
			} else {
				page = page->next_named;
			}
		}
	}
}

/* Mapped pages are full, so they have a name. */
void kv_cache_abandon(struct kv_cache *cache)
{
	for (size_t i = 0; i < cache->n_bucket; i++) {
		for (struct kv_page *page = cache->bucket[i]; page; page = page->next_named) {
			if (page->is_mapped) {
				kv_disk_unlink(cache->config.disk, page->data);
				page->data = NULL;
			}
		}
	}
}
