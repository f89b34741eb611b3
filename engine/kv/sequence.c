#include "engine/kv/sequence.h"

#include "base/mem.h"
#include "engine/kv/cache.h"

#include <stdlib.h>
#include <string.h>

void kv_sequence_init(struct kv_sequence *sequence, struct kv_cache *cache, int reuse)
{
	*sequence = (struct kv_sequence){.cache = cache, .reuse = reuse};
}

static struct kv_page *parent_of(const struct kv_sequence *sequence, int64_t page)
{
	return page > 0 ? sequence->page[page - 1] : NULL;
}

static int append_page(struct kv_sequence *sequence, struct kv_page *page)
{
	if (sequence->n_page >= sequence->cap_page) {
		size_t cap = sequence->cap_page ? 2 * (size_t)sequence->cap_page : 16;
		struct kv_page **pages =
			reallocarray(sequence->page, cap, sizeof(struct kv_page *));
		uint8_t **data = reallocarray(sequence->data, cap, sizeof(uint8_t *));

		sequence->page = pages ? pages : sequence->page;
		sequence->data = data ? data : sequence->data;
		if (!pages || !data) {
			return -1;
		}
		sequence->cap_page = (int64_t)cap;
	}
	sequence->page[sequence->n_page] = page;
	sequence->data[sequence->n_page] = page->data;
	sequence->n_page++;
	return 0;
}

void kv_sequence_finish(struct kv_sequence *sequence)
{
	int64_t last = sequence->n_tok / KV_PAGE_TOK;

	if (sequence->reuse && last < sequence->n_page && sequence->n_tok % KV_PAGE_TOK) {
		struct kv_page *tail = sequence->page[last];

		tail->parent = parent_of(sequence, last);
		sequence->page[last] = kv_cache_keep(sequence->cache, tail);
	}
	/* The first pages go last: they are the last to be evicted. */
	for (int64_t i = sequence->n_page - 1; i >= 0; i--) {
		kv_cache_release(sequence->cache, sequence->page[i]);
	}
	free(sequence->page);
	free(sequence->data);
	*sequence = (struct kv_sequence){0};
}

void kv_memo_cut(struct kv_memo *memo, int64_t n_tok)
{
	int64_t n = n_tok / KV_PAGE_TOK;

	memo->n_name = memo->n_name < n ? memo->n_name : n;
	memo->n_page = memo->n_page < n ? memo->n_page : n;
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

int64_t kv_cache_match_tok(
	struct kv_cache *cache, struct kv_memo *memo, const uint32_t *ids, int64_t n_ids)
{
	int64_t n_full = n_ids / KV_PAGE_TOK, n, n_tok;
	struct kv_page *parent, *page;
	int32_t n_more;

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
	n_tok = n * KV_PAGE_TOK;
	/* Where there is no memory for names. */
	while (n_ids - n_tok >= KV_PAGE_TOK && n_tok / KV_PAGE_TOK >= memo->n_name &&
		(page = kv_cache_find(cache, parent, ids + n_tok))) {
		parent = page;
		n_tok += KV_PAGE_TOK;
	}
	kv_cache_find_partial(cache, parent, ids + n_tok, (size_t)(n_ids - n_tok), &n_more);
	return n_tok + n_more;
}

/* The first n_tok tokens of a kept page, in a page of our own. */
static struct kv_page *copy_page(
	struct kv_sequence *sequence, struct kv_page *from, int32_t n_tok, int64_t page_bytes)
{
	struct kv_page *page;

	kv_cache_hold(sequence->cache, from); /* making room must not evict it */
	page = kv_cache_new_page(sequence->cache);
	if (page) {
		memcpy(page->data, from->data, (size_t)page_bytes);
		memcpy(page->ids, from->ids, (size_t)n_tok * sizeof(*page->ids));
		page->n_tok = n_tok;
	}
	kv_cache_release(sequence->cache, from);
	return page;
}

void kv_sequence_match(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	struct kv_cache *cache = sequence->cache;
	struct kv_page *page;
	int32_t n_more;

	if (!sequence->reuse) {
		return;
	}
	while (n_ids - sequence->n_tok >= KV_PAGE_TOK &&
		(page = kv_cache_find(
			 cache, parent_of(sequence, sequence->n_page), ids + sequence->n_tok))) {
		kv_cache_hold(cache, page);
		if (append_page(sequence, page) < 0) {
			kv_cache_release(cache, page);
			return; /* without memory it is computed again */
		}
		sequence->n_tok += KV_PAGE_TOK;
	}
	page = kv_cache_find_partial(cache, parent_of(sequence, sequence->n_page),
		ids + sequence->n_tok, (size_t)(n_ids - sequence->n_tok), &n_more);
	if (page && (page = copy_page(sequence, page, n_more, kv_cache_page_bytes(cache)))) {
		if (append_page(sequence, page) < 0) {
			kv_cache_release(cache, page);
			return;
		}
		sequence->n_tok += n_more;
	}
}

int kv_sequence_reserve(struct kv_sequence *sequence, int64_t n_tok, struct err *err)
{
	int64_t n_page = (n_tok + KV_PAGE_TOK - 1) / KV_PAGE_TOK;
	int64_t before = sequence->n_page;

	while (sequence->n_page < n_page) {
		struct kv_page *page = kv_cache_new_page(sequence->cache);

		if (!page || append_page(sequence, page) < 0) {
			kv_cache_release(sequence->cache, page);
			while (sequence->n_page > before) {
				kv_cache_release(
					sequence->cache, sequence->page[--sequence->n_page]);
			}
			return err_set(err, ERR_ENGINE, NULL,
				"ask for a smaller context, or use --kv-type q8",
				"there is no memory for the KV cache of %lld tokens (%lld pages "
				"are in use)",
				(long long)n_tok, (long long)kv_cache_pages(sequence->cache));
		}
	}
	return 0;
}

void kv_sequence_commit(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	while (n_ids > 0) {
		int64_t index = sequence->n_tok / KV_PAGE_TOK;
		struct kv_page *page = sequence->page[index];
		int32_t room = KV_PAGE_TOK - page->n_tok;
		int32_t n = n_ids < room ? (int32_t)n_ids : room;

		memcpy(page->ids + page->n_tok, ids, (size_t)n * sizeof(*ids));
		page->n_tok += n;
		sequence->n_tok += n;
		ids += n;
		n_ids -= n;
		if (page->n_tok == KV_PAGE_TOK && sequence->reuse) {
			page->parent = parent_of(sequence, index);
			page = kv_cache_keep(sequence->cache, page);
			sequence->page[index] = page;
			sequence->data[index] = page->data;
		}
	}
}
