#include "engine/kv/collect.h"

#include "base/mem.h"
#include "engine/kv/rewrite.h"

#include <stdlib.h>
#include <string.h>

enum {
	SMALL_SEGMENTS_MAX = 8, /* more of them are put together */
	SMALL_PART = 4,         /* a fourth of what a segment may hold is small */
};

/* All roots of a folder. */
struct stocks {
	struct kv_stock *at;
	size_t n;
};

static void finish_stocks(struct stocks *stocks)
{
	for (size_t i = 0; i < stocks->n; i++) {
		kv_stock_finish(&stocks->at[i]);
	}
	free(stocks->at);
}

static int read_stocks(struct stocks *stocks, const struct kv_folder *folder, struct err *err)
{
	size_t n;
	struct kv_root_id *root = kv_folder_roots(folder, &n);
	int status = 0;

	*stocks = (struct stocks){.at = mem_zero(n + 1, sizeof(*stocks->at))};
	for (size_t i = 0; i < n && status >= 0; i++) {
		status = kv_stock_read(&stocks->at[stocks->n], folder, root[i].text, err);
		stocks->n += status == 0;
	}
	free(root);
	if (status < 0) {
		finish_stocks(stocks);
	}
	return status < 0 ? -1 : 0;
}

/* ---- what goes ---- */

static uint32_t segment_of(const struct kv_stock *stock, uint32_t page)
{
	return kv_index_at(&stock->index, page)->segment;
}

struct pins {
	const struct kv_owner_id *owner;
	size_t n;
};

static int is_pinned(void *arg, const struct kv_stock *stock, uint32_t owner)
{
	const struct pins *pins = arg;

	for (size_t i = 0; owner && i < pins->n; i++) {
		if (strcmp(pins->owner[i].text, stock->owner[owner].id) == 0) {
			return 1;
		}
	}
	return 0;
}

/* What stays whatever the limit says: is_marked, with all that it continues. */
static void mark_staying(struct kv_stock *stock, struct pins *pins)
{
	kv_stock_mark(stock, is_pinned, pins);
	for (uint32_t i = stock->n_order; i > 0; i--) {
		uint32_t number = stock->order[i - 1];
		struct kv_stock_page *page = &stock->page[number];

		if (stock->segment[segment_of(stock, number)].is_held) {
			page->is_marked = 1;
		}
		if (page->is_marked && page->parent != KV_STOCK_NONE) {
			stock->page[page->parent].is_marked = 1;
		}
	}
}

struct candidate {
	struct kv_stock *stock;
	uint32_t page, depth;
	int64_t use_ns;
};

/* use_ns of a page is at least that of what continues it: leaves come before parents. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->use_ns != y->use_ns) {
		return x->use_ns < y->use_ns ? -1 : 1;
	}
	return (x->depth < y->depth) - (x->depth > y->depth);
}

static void drop_oldest(struct stocks *stocks, int64_t need_bytes)
{
	struct candidate *candidate;
	size_t n = 0, n_max = 0;

	for (size_t s = 0; s < stocks->n; s++) {
		n_max += stocks->at[s].n_order;
	}
	candidate = mem_zero(n_max + 1, sizeof(*candidate));
	for (size_t s = 0; s < stocks->n; s++) {
		struct kv_stock *stock = &stocks->at[s];

		for (uint32_t i = 0; i < stock->n_order; i++) {
			const struct kv_stock_page *page = &stock->page[stock->order[i]];

			if (page->state == KV_STOCK_GOOD && !page->is_marked) {
				candidate[n++] = (struct candidate){
					stock, stock->order[i], page->depth, page->use_ns};
			}
		}
	}
	if (n) {
		qsort(candidate, n, sizeof(*candidate), compare_candidates);
	}
	for (size_t i = 0; i < n && need_bytes > 0; i++) {
		candidate[i].stock->page[candidate[i].page].is_dropped = 1;
		need_bytes -= kv_stock_page_bytes(candidate[i].stock);
	}
	free(candidate);
}

/* What the segments would give back. */
struct yield {
	int64_t n_page, n_go, n_broken;
};

static struct yield *yields_of(const struct kv_stock *stock)
{
	struct yield *yield = mem_zero((size_t)stock->n_segment + 1, sizeof(*yield));

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		const struct kv_stock_page *page = &stock->page[i];
		struct yield *at = &yield[segment_of(stock, i)];

		at->n_page++;
		at->n_go += page->state != KV_STOCK_GOOD || page->is_dropped;
		at->n_broken += page->state == KV_STOCK_BAD || page->state == KV_STOCK_UNREACHABLE;
	}
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		const struct kv_stock_segment *segment = &stock->segment[i];

		yield[i].n_broken += segment->is_unborn || kv_stock_damages(segment) > 0;
	}
	return yield;
}

static int64_t n_small(const struct kv_stock *stock, const struct yield *yield, int64_t small_bytes)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < stock->n_segment; i++) {
		n += !stock->segment[i].is_held &&
		     (yield[i].n_page - yield[i].n_go) * kv_stock_page_bytes(stock) < small_bytes;
	}
	return n;
}

/* Returns the bytes that would go if nobody held them. */
static int64_t choose_segments(
	struct kv_stock *stock, int64_t limit_bytes, int is_short, int thoroughly)
{
	struct yield *yield = yields_of(stock);
	int64_t small_bytes =
		kv_folder_segment_bytes(limit_bytes, kv_slot_bytes(stock->root.page_bytes)) /
		SMALL_PART;
	int many_small = n_small(stock, yield, small_bytes) > SMALL_SEGMENTS_MAX;
	int64_t held_bytes = 0;

	for (uint32_t i = 0; i < stock->n_segment; i++) {
		struct kv_stock_segment *segment = &stock->segment[i];
		int64_t n_stay = yield[i].n_page - yield[i].n_go;
		int is_small = n_stay * kv_stock_page_bytes(stock) < small_bytes;
		int is_worth = (is_short && yield[i].n_go > 0) ||
			       yield[i].n_go * 4 > yield[i].n_page ||
			       (thoroughly && yield[i].n_broken > 0) || (many_small && is_small);

		if (is_worth && segment->is_held) {
			held_bytes += yield[i].n_go * kv_stock_page_bytes(stock);
		}
		segment->is_rewritten = is_worth && !segment->is_held;
	}
	free(yield);
	return held_bytes;
}

static int64_t rewritten_bytes(const struct stocks *stocks)
{
	int64_t n_bytes = 0;

	for (size_t s = 0; s < stocks->n; s++) {
		const struct kv_stock *stock = &stocks->at[s];

		for (uint32_t i = 0; i < stock->n_segment; i++) {
			n_bytes += stock->segment[i].is_rewritten
					   ? stock->segment[i].n_page * kv_stock_page_bytes(stock)
					   : 0;
		}
	}
	return n_bytes;
}

static int rewrite_all(struct kv_folder *folder, struct stocks *stocks, int64_t limit_bytes,
	int by_force, const struct engine_kv_watch *watch, struct engine_kv_work *work,
	struct err *err)
{
	struct kv_rewrite rewrite = {
		.folder = folder,
		.watch = watch,
		.work = work,
		.by_force = by_force,
		.total_bytes = rewritten_bytes(stocks),
	};
	int status = 0;

	for (size_t i = 0; i < stocks->n && status == 0; i++) {
		rewrite.stock = &stocks->at[i];
		rewrite.segment_bytes = kv_folder_segment_bytes(
			limit_bytes, kv_slot_bytes(stocks->at[i].root.page_bytes));
		status = kv_rewrite(&rewrite, err);
		kv_stock_sweep(rewrite.stock);
	}
	return status;
}

static void count_looked_at(const struct stocks *stocks, struct engine_kv_work *work)
{
	for (size_t s = 0; s < stocks->n; s++) {
		const struct kv_stock *stock = &stocks->at[s];

		work->n_page += stock->index.n_entry;
		for (uint32_t i = 0; i < stock->n_segment; i++) {
			const struct kv_stock_segment *segment = &stock->segment[i];

			work->n_bytes += segment->n_bytes;
			work->n_damaged += kv_stock_damages(segment);
		}
		for (uint32_t i = 0; i < stock->index.n_entry; i++) {
			work->n_damaged += stock->page[i].state == KV_STOCK_BAD;
		}
	}
}

/* Pages that nobody needs take from what is to be dropped. */
static int64_t useless_bytes(const struct kv_stock *stock)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		n += stock->page[i].state != KV_STOCK_GOOD &&
		     !stock->segment[segment_of(stock, i)].is_held;
	}
	return n * kv_stock_page_bytes(stock);
}

struct checking {
	const struct kv_folder *folder;
	const struct engine_kv_watch *watch;
	int64_t done_bytes, total_bytes;
};

static int go_on(void *arg, int64_t checked_bytes)
{
	struct checking *checking = arg;
	const struct engine_kv_watch *watch = checking->watch;

	checking->done_bytes += checked_bytes;
	return !watch || !watch->look ||
	       !watch->look(watch->context, checking->done_bytes, checking->total_bytes);
}

/* Every page is read: a checksum alone says that it is damaged. */
static int check_all(struct stocks *stocks, struct checking *checking, struct err *err)
{
	checking->total_bytes = kv_folder_bytes(checking->folder);
	for (size_t i = 0; i < stocks->n; i++) {
		if (kv_stock_check(&stocks->at[i], go_on, checking) < 0) {
			return err_set(
				err, ERR_INTERRUPTED, checking->folder->path, NULL, "interrupted");
		}
	}
	return 0;
}

/* Once down to the limit, as far as sizes can be told before. */
static int collect_once(struct kv_folder *folder, int64_t limit_bytes, int thoroughly,
	const struct engine_kv_watch *watch, struct engine_kv_work *work, struct err *err)
{
	int64_t need_bytes = kv_folder_bytes(folder) - limit_bytes;
	int is_short = need_bytes > 0, status;
	struct stocks stocks;
	struct pins pins;

	if (read_stocks(&stocks, folder, err) < 0) {
		return -1;
	}
	if (work->n_page == 0) {
		struct checking checking = {.folder = folder, .watch = watch};

		if (thoroughly && check_all(&stocks, &checking, err) < 0) {
			finish_stocks(&stocks);
			return -1;
		}
		count_looked_at(&stocks, work);
	}
	pins.owner = kv_folder_pinned(folder, &pins.n);
	for (size_t i = 0; i < stocks.n; i++) {
		mark_staying(&stocks.at[i], &pins);
		need_bytes -= useless_bytes(&stocks.at[i]);
	}
	drop_oldest(&stocks, need_bytes);
	work->n_held_bytes = 0;
	for (size_t i = 0; i < stocks.n; i++) {
		work->n_held_bytes +=
			choose_segments(&stocks.at[i], limit_bytes, is_short, thoroughly);
	}
	status = rewrite_all(folder, &stocks, limit_bytes, 0, watch, work, err);
	free((void *)pins.owner);
	finish_stocks(&stocks);
	return status;
}

int kv_collect(struct kv_folder *folder, int64_t limit_bytes, int thoroughly,
	const struct engine_kv_watch *watch, struct engine_kv_work *work, struct err *err)
{
	int64_t before, after = kv_folder_bytes(folder);
	int status;

	/* Files take whole blocks, and what moves takes new ones: as long as it comes closer. */
	do {
		before = after;
		status = collect_once(folder, limit_bytes, thoroughly, watch, work, err);
		after = kv_folder_bytes(folder);
	} while (status == 0 && after > limit_bytes && after < before);
	return status;
}

/* ---- one owner ---- */

static int is_owner(void *arg, const struct kv_stock *stock, uint32_t owner)
{
	return owner == *(uint32_t *)arg;
}

static int is_another(void *arg, const struct kv_stock *stock, uint32_t owner)
{
	return owner != 0 && owner != *(uint32_t *)arg;
}

/*
 * The pages of the owner that nobody else's continue or are, and all that continues them. What cannot be
 * reached or is damaged goes too: nobody knows whose text it was.
 */
static void drop_owned(struct kv_stock *stock, uint32_t owner, struct engine_kv_work *work)
{
	uint8_t *is_owned = mem_zero((size_t)stock->index.n_entry + 1, 1);

	kv_stock_mark(stock, is_owner, &owner);
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		is_owned[i] = stock->page[i].is_marked;
	}
	kv_stock_mark(stock, is_another, &owner);
	for (uint32_t i = 0; i < stock->n_order; i++) {
		struct kv_stock_page *page = &stock->page[stock->order[i]];
		int parent_goes =
			page->parent != KV_STOCK_NONE && stock->page[page->parent].is_dropped;

		page->is_dropped = !page->is_marked && (is_owned[stock->order[i]] || parent_goes);
		if (page->is_marked && is_owned[stock->order[i]] && page->state == KV_STOCK_GOOD) {
			work->n_shared_bytes += kv_stock_page_bytes(stock);
		}
	}
	free(is_owned);
}

/* Slots that no record speaks of hold what a writer left when it died; who writes has one of them. */
static int has_unknown_slots(const struct kv_stock *stock, const struct kv_stock_segment *segment)
{
	int64_t slot_bytes = kv_slot_bytes(stock->root.page_bytes);

	return segment->pages_bytes >= 0 && (segment->pages_bytes + slot_bytes - 1) / slot_bytes >
						    segment->n_page + segment->is_held;
}

/* Whether nothing of the page may stay where it is. */
static int must_go(const struct kv_stock *stock, uint32_t page)
{
	const struct kv_stock_page *at = &stock->page[page];

	while (at->state == KV_STOCK_TWIN || at->state == KV_STOCK_SUPERSEDED) {
		at = &stock->page[at->instead];
	}
	return at->state != KV_STOCK_GOOD || at->is_dropped;
}

static void choose_owned_segments(struct kv_stock *stock)
{
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		struct kv_stock_segment *segment = &stock->segment[i];

		segment->is_rewritten =
			kv_stock_damages(segment) > 0 ||
			(stock->root.page_bytes > 0 && has_unknown_slots(stock, segment));
	}
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		stock->segment[segment_of(stock, i)].is_rewritten |= must_go(stock, i);
	}
}

int kv_collect_owner(struct kv_folder *folder, const char *owner,
	const struct engine_kv_watch *watch, struct engine_kv_work *work, struct err *err)
{
	struct stocks stocks;
	int status;

	if (read_stocks(&stocks, folder, err) < 0) {
		return -1;
	}
	count_looked_at(&stocks, work);
	for (size_t i = 0; i < stocks.n; i++) {
		struct kv_stock *stock = &stocks.at[i];
		uint32_t number = kv_stock_owner(stock, owner);

		if (number != KV_STOCK_NONE && number != 0) {
			drop_owned(stock, number, work);
			kv_stock_forget(stock, number);
		}
		choose_owned_segments(stock);
	}
	status = rewrite_all(folder, &stocks, INT64_MAX, 1, watch, work, err);
	finish_stocks(&stocks);
	return status;
}
