#include "engine/kv/sequence.h"

#include "base/mem.h"
#include "engine/kv/cache.h"
#include "engine/kv/disk.h"
#include "engine/kv/restore.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* What stands behind the last page that is kept whole, unless it was there before. */
static void keep_tail(struct kv_sequence *sequence)
{
	int64_t n_tok = sequence->n_tok, last;
	struct kv_page *tail;

	if (sequence->keep_tok && sequence->keep_tok < n_tok) {
		n_tok = sequence->keep_tok < 0 ? 0 : sequence->keep_tok;
	}
	last = n_tok / KV_PAGE_TOK;
	if (last >= sequence->n_page || n_tok % KV_PAGE_TOK == 0 || sequence->page[last]->is_kept ||
		(sequence->keep_tok && n_tok <= sequence->match_tok)) {
		return;
	}
	tail = sequence->page[last];
	tail->parent = parent_of(sequence, last);
	tail->n_tok = (int32_t)(n_tok % KV_PAGE_TOK);
	sequence->page[last] = kv_cache_keep(sequence->cache, tail, &sequence->use);
}

void kv_sequence_finish(struct kv_sequence *sequence)
{
	if (sequence->reuse) {
		keep_tail(sequence);
	}
	/* The first pages go last: they are the last to be evicted. */
	for (int64_t i = sequence->n_page - 1; i >= 0; i--) {
		kv_cache_release(sequence->cache, sequence->page[i]);
	}
	free(sequence->page);
	free(sequence->data);
	*sequence = (struct kv_sequence){0};
}

/* From memory: whole pages by reference. Returns -1 where there is no memory to go on. */
static int match_memory(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	struct kv_cache *cache = sequence->cache;
	struct kv_page *page;

	while (n_ids - sequence->n_tok >= KV_PAGE_TOK &&
		(page = kv_cache_find(
			 cache, parent_of(sequence, sequence->n_page), ids + sequence->n_tok))) {
		kv_cache_hold(cache, page);
		kv_cache_promote(cache, page, &sequence->use);
		if (append_page(sequence, page) < 0) {
			kv_cache_release(cache, page);
			return -1; /* it is computed again */
		}
		sequence->n_tok += KV_PAGE_TOK;
	}
	return 0;
}

/* A page of our own with the first tokens of another (NULL: there is none). */
static void append_copy(struct kv_sequence *sequence, struct kv_page *copy)
{
	if (copy && append_page(sequence, copy) < 0) {
		kv_cache_release(sequence->cache, copy);
	} else if (copy) {
		sequence->n_tok += copy->n_tok;
	}
}

/* The first n_tok tokens of a kept page, in a page of our own. */
static void copy_page(struct kv_sequence *sequence, struct kv_page *from, int32_t n_tok)
{
	struct kv_cache *cache = sequence->cache;
	struct kv_page *copy;

	kv_cache_hold(cache, from); /* making room must not evict it */
	copy = kv_cache_copy(cache, from->data, from->ids, n_tok);
	if (copy && kv_cache_is_lost(cache, from)) { /* it gave way under the copy */
		kv_cache_release(cache, copy);
		copy = NULL;
	}
	kv_cache_release(cache, from);
	append_copy(sequence, copy);
}

/* From disk: whole pages by reference, each checked as it is linked; what is not good is a miss. */
static int adopt_pages(struct kv_sequence *sequence, const struct kv_restore *restore)
{
	struct kv_cache *cache = sequence->cache;
	uint8_t **data = reallocarray(NULL, (size_t)restore->n_entry, sizeof(*data));
	int64_t n =
		data ? kv_disk_link(kv_cache_disk(cache), restore->entry, restore->n_entry, data)
		     : 0;
	int64_t n_taken = 0;
	int is_whole = n == restore->n_entry;

	for (int64_t i = 0; i < n; i++) {
		struct kv_page *page;

		if (i > n_taken) { /* without the one before it is of no use */
			kv_disk_unlink(kv_cache_disk(cache), data[i]);
			continue;
		}
		page = kv_cache_adopt(cache, parent_of(sequence, sequence->n_page),
			restore->entry[i], data[i], &sequence->use);
		if (page && append_page(sequence, page) == 0) {
			sequence->n_tok += KV_PAGE_TOK;
			sequence->disk_tok += KV_PAGE_TOK;
			n_taken++;
		} else if (page) {
			kv_cache_release(cache, page);
		}
	}
	free(data);
	return is_whole && n_taken == n ? 0 : -1;
}

/* Of a page that is not full, or not all of which is wanted, the first tokens by copy. */
static void copy_tail(struct kv_sequence *sequence, const struct kv_restore *restore)
{
	struct kv_cache *cache = sequence->cache;
	struct kv_disk *disk = kv_cache_disk(cache);
	int64_t before = sequence->n_tok;
	struct kv_page *copy;
	uint8_t *data;

	if (kv_disk_link(disk, &restore->tail, 1, &data) != 1) {
		return;
	}
	copy = kv_cache_copy(cache, data, restore->tail->ids, restore->tail_tok);
	if (copy && kv_disk_is_lost(disk, data)) { /* it gave way under the copy */
		kv_cache_release(cache, copy);
		copy = NULL;
	}
	kv_disk_unlink(disk, data);
	append_copy(sequence, copy);
	sequence->disk_tok += sequence->n_tok - before;
}

/* What disk has beyond memory, if reading it is worth its time. */
static void match_disk(
	struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids, int32_t memory_tok)
{
	struct kv_restore restore = {0};
	struct timespec start, end;
	int64_t before = sequence->disk_tok;

	clock_gettime(CLOCK_MONOTONIC, &start);
	kv_restore_stage(&restore, sequence->cache, parent_of(sequence, sequence->n_page),
		ids + sequence->n_tok, n_ids - sequence->n_tok, memory_tok);
	if (restore.n_tok > memory_tok &&
		kv_cache_prefers_disk(sequence->cache, restore.link_s, sequence->n_tok,
			sequence->n_tok + restore.n_tok) &&
		adopt_pages(sequence, &restore) == 0 && restore.tail) {
		copy_tail(sequence, &restore);
	}
	kv_restore_finish(&restore);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (sequence->disk_tok > before) {
		sequence->restore_s += (double)(end.tv_sec - start.tv_sec) +
				       (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
	}
}

void kv_sequence_match(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	struct kv_cache *cache = sequence->cache;
	struct kv_page *page;
	int32_t n_more;

	if (!sequence->reuse || match_memory(sequence, ids, n_ids) < 0) {
		return;
	}
	if (kv_cache_disk(cache)) {
		kv_disk_refresh(kv_cache_disk(cache));
		kv_cache_find_partial(cache, parent_of(sequence, sequence->n_page),
			ids + sequence->n_tok, (size_t)(n_ids - sequence->n_tok), &n_more);
		match_disk(sequence, ids, n_ids, n_more);
	}
	page = sequence->n_tok % KV_PAGE_TOK
		       ? NULL /* a tail came from disk */
		       : kv_cache_find_partial(cache, parent_of(sequence, sequence->n_page),
				 ids + sequence->n_tok, (size_t)(n_ids - sequence->n_tok), &n_more);
	if (page) {
		copy_page(sequence, page, n_more);
	}
	sequence->match_tok = sequence->n_tok;
	if (sequence->n_tok >= KV_PAGE_TOK) {
		kv_cache_note_use(cache, sequence->page[sequence->n_tok / KV_PAGE_TOK - 1],
			sequence->use.owner);
	}
}

int kv_sequence_cut_lost(struct kv_sequence *sequence)
{
	int64_t n = 0;

	while (n < sequence->n_page && !kv_cache_is_lost(sequence->cache, sequence->page[n])) {
		n++;
	}
	if (n == sequence->n_page) {
		return 0;
	}
	while (sequence->n_page > n) {
		kv_cache_release(sequence->cache, sequence->page[--sequence->n_page]);
	}
	sequence->n_tok = n * KV_PAGE_TOK;
	return 1;
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
		if (page->n_tok == KV_PAGE_TOK && sequence->reuse &&
			(!sequence->keep_tok || sequence->n_tok <= sequence->keep_tok)) {
			page->parent = parent_of(sequence, index);
			page = kv_cache_keep(sequence->cache, page, &sequence->use);
			sequence->page[index] = page;
			sequence->data[index] = page->data;
		}
	}
}
