/*
 * The cache over a store on disk: whatever was kept, evicted, written by somebody else or begun anew,
 * a page that is found holds its own tokens, what is forecast is what is found, and the budget holds.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "engine/backend/backend.h"
#include "engine/engine.h"
#include "engine/kv/cache.h"
#include "engine/kv/disk.h"
#include "engine/kv/memo.h"
#include "engine/kv/sequence.h"
#include "tests/unit/folder_fixture.h"

#include <string.h>

enum { PAGE_BYTES = KV_PAGE_TOK * (int)sizeof(uint32_t), MAX_IDS = 2048 };

static char folder[] = "/tmp/carrel-kv-tiers-XXXXXX";

/* A backend whose "KV" of a token is its id, so that a page shows whose tokens it holds. */
static struct {
	struct backend base;
	struct kv_layout layout;
	int64_t n_page;
} device;

static uint8_t *device_page_alloc(struct backend *backend)
{
	uint8_t *page = mem_alloc(PAGE_BYTES);

	memset(page, 0xff, PAGE_BYTES);
	device.n_page++;
	return page;
}

static void device_page_free(struct backend *backend, uint8_t *page)
{
	device.n_page -= page != NULL;
	free(page);
}

static void device_page_clear(struct backend *backend, uint8_t *page, int32_t from_tok)
{
	memset(page + from_tok * 4, 0, (size_t)(KV_PAGE_TOK - from_tok) * 4);
}

static const struct kv_layout *device_layout(const struct backend *backend)
{
	return &device.layout;
}

static const struct backend_ops device_ops = {
	.page_alloc = device_page_alloc,
	.page_free = device_page_free,
	.page_clear = device_page_clear,
	.kv_layout = device_layout,
};

/* A process's half of it. */
struct tiers {
	struct kv_cache *cache;
	struct kv_disk *disk;
	struct kv_memo memo;
	uint32_t asked[MAX_IDS]; /* what the memo is about */
	int64_t n_asked;
	int is_disk_slow;
};

static int prefers_disk(void *arg, double link_s, int64_t first_tok, int64_t end_tok)
{
	const struct tiers *tiers = arg;

	assert_true(first_tok < end_tok);
	return !tiers->is_disk_slow;
}

static const char *new_store(void)
{
	static char path[64];
	static int n;

	snprintf(path, sizeof(path), "%s/kv%d", folder, n++);
	return path;
}

static void open_tiers_for_passing(
	struct tiers *tiers, const char *store, int64_t max_pages, int64_t max_passing_pages)
{
	struct kv_disk_config disk = {.folder = store, .about = "", .page_bytes = PAGE_BYTES};
	struct kv_cache_config config = {.max_pages = max_pages,
		.max_passing_pages = max_passing_pages,
		.prefers_disk = prefers_disk};

	device.base.ops = &device_ops;
	device.layout.page_bytes = PAGE_BYTES;
	*tiers = (struct tiers){0};
	assert_int_equal(0, kv_disk_open(&tiers->disk, &disk, NULL));
	config.disk = tiers->disk;
	config.prefers_arg = tiers;
	tiers->cache = kv_cache_create(&device.base, &config);
}

static void open_tiers(struct tiers *tiers, const char *store, int64_t max_pages)
{
	open_tiers_for_passing(tiers, store, max_pages, 0);
}

static void close_tiers(struct tiers *tiers)
{
	kv_memo_finish(&tiers->memo);
	kv_cache_destroy(tiers->cache);
	kv_disk_close(tiers->disk);
}

static void expect_content(const struct kv_sequence *sequence, const uint32_t *ids)
{
	for (int64_t i = 0; i < sequence->n_tok; i++) {
		assert_memory_equal(
			sequence->data[i / KV_PAGE_TOK] + i % KV_PAGE_TOK * 4, &ids[i], 4);
	}
}

static void compute(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	int64_t first = sequence->n_tok;

	assert_int_equal(0, kv_sequence_reserve(sequence, n_ids, NULL));
	for (int64_t i = first; i < n_ids; i++) {
		memcpy(sequence->data[i / KV_PAGE_TOK] + i % KV_PAGE_TOK * 4, &ids[i], 4);
	}
	kv_sequence_commit(sequence, ids + first, n_ids - first);
}

/* A forecast that remembers the one before. */
static struct kv_match forecast(struct tiers *tiers, const uint32_t *ids, int64_t n_ids)
{
	int64_t n_same = 0;

	while (n_same < n_ids && n_same < tiers->n_asked && ids[n_same] == tiers->asked[n_same]) {
		n_same++;
	}
	kv_memo_cut(&tiers->memo, n_same);
	memcpy(tiers->asked, ids, (size_t)n_ids * sizeof(*ids));
	tiers->n_asked = n_ids;
	return kv_cache_match(tiers->cache, &tiers->memo, ids, n_ids);
}

/* A whole request: what it found, as it was forecast. */
static struct kv_match request_as(struct tiers *tiers, const uint32_t *ids, int64_t n_ids,
	int64_t keep_tok, const struct kv_use *use)
{
	struct kv_memo afresh = {0};
	struct kv_match match, again;
	struct kv_sequence sequence;

	match = forecast(tiers, ids, n_ids);
	again = kv_cache_match(tiers->cache, &afresh, ids, n_ids);
	assert_int_equal(match.n_tok, again.n_tok);
	assert_int_equal(match.disk_tok, again.disk_tok);
	kv_memo_finish(&afresh);
	kv_sequence_init(&sequence, tiers->cache, 1);
	sequence.keep_tok = keep_tok;
	sequence.use = *use;
	kv_sequence_match(&sequence, ids, n_ids);
	assert_int_equal(match.n_tok, sequence.n_tok);
	assert_int_equal(match.disk_tok, sequence.disk_tok);
	expect_content(&sequence, ids);
	compute(&sequence, ids, n_ids);
	expect_content(&sequence, ids);
	kv_sequence_finish(&sequence);
	return match;
}

static const struct kv_use watched, passing = {.is_passing = 1},
				    unstored = {.is_passing = 1, .no_store = 1};

static struct kv_match request(struct tiers *tiers, const uint32_t *ids, int64_t n_ids)
{
	return request_as(tiers, ids, n_ids, 0, &watched);
}

static void fill(uint32_t *ids, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t random[4];

		rng_philox(seed, (uint64_t)i, random);
		ids[i] = random[0] % 50000;
	}
}

static void a_prompt_is_found_in_both_tiers_at_once(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS];
	struct tiers tiers;
	struct kv_match match;

	fill(ids, MAX_IDS, 1);
	open_tiers(&tiers, store, 100);
	request(&tiers, ids, 1000);
	close_tiers(&tiers);
	assert_int_equal(0, device.n_page);
	open_tiers(&tiers, store, 100);
	match = request(&tiers, ids, 320);
	assert_int_equal(320, match.disk_tok);
	assert_int_equal(5, kv_cache_mapped_pages(tiers.cache));
	match = request(&tiers, ids, 1100);
	assert_int_equal(1000, match.n_tok); /* five pages of memory, the others of disk, a tail */
	assert_int_equal(680, match.disk_tok);
	assert_int_equal(15, kv_cache_mapped_pages(tiers.cache));
	assert_int_equal(3, device.n_page); /* the rest of the prompt, from the tail on */
	close_tiers(&tiers);
}

/* What memory has no room for is on disk, at once and without anybody's doing. */
static void what_is_evicted_is_found_on_disk(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS], other[MAX_IDS];
	struct tiers tiers;
	struct kv_match match;

	fill(ids, MAX_IDS, 2);
	fill(other, MAX_IDS, 3);
	open_tiers(&tiers, store, 10);
	request(&tiers, ids, 500);
	request(&tiers, other, 600); /* takes all of the budget */
	assert_true(kv_cache_pages(tiers.cache) <= 10);
	match = request(&tiers, ids, 500);
	assert_int_equal(500, match.n_tok);
	assert_true(match.disk_tok > 0);
	close_tiers(&tiers);
}

static void a_disk_that_is_slower_than_computing_is_left_alone(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS];
	struct tiers tiers;

	fill(ids, MAX_IDS, 4);
	open_tiers(&tiers, store, 100);
	request(&tiers, ids, 700);
	close_tiers(&tiers);
	open_tiers(&tiers, store, 100);
	tiers.is_disk_slow = 1;
	assert_int_equal(0, request(&tiers, ids, 700).n_tok);
	assert_int_equal(0, kv_cache_mapped_pages(tiers.cache));
	close_tiers(&tiers);
}

/* The longer of two tails is taken, wherever it lies. */
static void the_longer_tail_wins(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS], fork[MAX_IDS];
	struct tiers one, two;
	struct kv_match match;

	fill(ids, MAX_IDS, 5);
	memcpy(fork, ids, sizeof(ids));
	fill(fork + 90, 500, 6);
	open_tiers(&one, store, 100);
	open_tiers(&two, store, 100);
	request(&two, fork, 120); /* in two's memory: ids up to 90 */
	request(&one, ids, 100);  /* on disk: up to 100 */
	match = forecast(&two, ids, 90);
	assert_int_equal(90, match.n_tok);
	assert_int_equal(0, match.disk_tok);
	match = request(&two, ids, 110);
	assert_int_equal(100, match.n_tok);
	assert_int_equal(36, match.disk_tok);
	close_tiers(&one);
	close_tiers(&two);
}

static void mapped_pages_stay_within_the_budget_too(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS];
	struct tiers tiers;

	open_tiers(&tiers, store, 100);
	for (uint64_t seed = 10; seed < 16; seed++) {
		fill(ids, MAX_IDS, seed);
		request(&tiers, ids, 512);
	}
	close_tiers(&tiers);
	open_tiers(&tiers, store, 20);
	for (uint64_t seed = 10; seed < 16; seed++) {
		fill(ids, MAX_IDS, seed);
		assert_int_equal(512, request(&tiers, ids, 512).n_tok);
		assert_true(kv_cache_mapped_pages(tiers.cache) <= 20);
		assert_true(kv_cache_pages(tiers.cache) <= 20);
	}
	close_tiers(&tiers);
}

static void nothing_of_another_prompt_stands_behind_a_tail(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS], found[KV_PAGE_TOK];
	const struct kv_disk_entry *entry;
	struct tiers tiers;
	uint8_t *data;
	int32_t n_tok;

	open_tiers(&tiers, store, 20);
	fill(ids, MAX_IDS, 20);
	request(&tiers, ids, 128);
	fill(ids + 67, MAX_IDS - 67, 21);
	request(&tiers, ids, 70); /* three tokens are copied with all of their page */
	kv_disk_refresh(tiers.disk);
	forecast(&tiers, ids, 64);
	entry = kv_disk_find_partial(tiers.disk, &tiers.memo.at[0].name, ids + 64, 6, &n_tok);
	assert_non_null(entry);
	assert_int_equal(6, n_tok);
	assert_int_equal(1, kv_disk_link(tiers.disk, &entry, 1, &data));
	memcpy(found, data, sizeof(found));
	assert_memory_equal(ids + 64, found, 6 * 4);
	for (int i = 6; i < KV_PAGE_TOK; i++) {
		assert_int_equal(0, found[i]);
	}
	kv_disk_unlink(tiers.disk, data);
	close_tiers(&tiers);
}

/* The tail of a prompt, too, that no_store had kept in memory alone. */
static void what_is_stored_later_is_stored_to_its_end(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS];
	struct tiers tiers;

	fill(ids, MAX_IDS, 22);
	open_tiers(&tiers, store, 20);
	request_as(&tiers, ids, 100, 0, &unstored);
	assert_int_equal(100, request(&tiers, ids, 100).n_tok);
	close_tiers(&tiers);
	open_tiers(&tiers, store, 20);
	assert_int_equal(100, request(&tiers, ids, 100).disk_tok);
	close_tiers(&tiers);
}

/* Window `number` of a library, and a question behind it. */
static void fill_window(uint32_t *ids, uint64_t number, uint64_t question)
{
	fill(ids, 500, 1000 + number);
	fill(ids + 500, 60, 5000 + 100 * question + number);
}

enum { WINDOW_TOK = 500, ASKED_TOK = 560 };

static void sweep(struct tiers *tiers, uint64_t n_window, uint64_t question,
	const struct kv_use *use, struct kv_match *sum)
{
	uint32_t ids[MAX_IDS];

	*sum = (struct kv_match){0};
	for (uint64_t i = 0; i < n_window; i++) {
		struct kv_match match;

		fill_window(ids, i, question);
		match = request_as(tiers, ids, ASKED_TOK, WINDOW_TOK, use);
		sum->n_tok += match.n_tok;
		sum->disk_tok += match.disk_tok;
	}
}

/* Pages of all of the store, tails too. */
static int64_t stored_pages(const char *store)
{
	struct engine_kv_stock stock;
	int64_t n = 0;

	assert_int_equal(0, engine_kv_list(&stock, store, 0, NULL));
	for (size_t i = 0; i < stock.n_root; i++) {
		n += stock.root[i].n_page;
	}
	engine_kv_stock_finish(&stock);
	return n;
}

static void another_question_stores_and_computes_no_window_again(void **state)
{
	const char *store = new_store();
	struct tiers tiers;
	struct kv_match sum;

	open_tiers_for_passing(&tiers, store, 400, 20);
	sweep(&tiers, 12, 1, &passing, &sum);
	assert_int_equal(0, sum.n_tok);
	assert_int_equal(12 * 8, stored_pages(store)); /* seven pages and a tail each */
	sweep(&tiers, 12, 2, &passing, &sum);
	assert_int_equal(12 * WINDOW_TOK, sum.n_tok);
	close_tiers(&tiers);
	open_tiers_for_passing(&tiers, store, 400, 20);
	sweep(&tiers, 12, 3, &passing, &sum);
	assert_int_equal(12 * WINDOW_TOK, sum.n_tok);
	assert_int_equal(12 * WINDOW_TOK, sum.disk_tok);
	assert_int_equal(12 * 8, stored_pages(store));
	close_tiers(&tiers);
}

/* Of pages that are on disk, too, a sweep of any length leaves so many in memory. */
static void a_sweep_takes_a_bounded_part_of_memory(void **state)
{
	const char *store = new_store();
	struct tiers tiers;
	struct kv_match sum;

	open_tiers_for_passing(&tiers, store, 400, 20);
	for (uint64_t question = 0; question < 3; question++) {
		sweep(&tiers, 40, question, &passing, &sum);
		assert_true(kv_cache_pages(tiers.cache) <= 20);
		assert_true(kv_cache_mapped_pages(tiers.cache) <= 20);
	}
	/* What stayed is what the next one begins with. */
	assert_int_equal(40 * WINDOW_TOK, sum.n_tok);
	assert_true(sum.disk_tok < 39 * WINDOW_TOK);
	close_tiers(&tiers);
}

static void a_sweep_evicts_nothing_that_somebody_works_with(void **state)
{
	const char *store = new_store();
	uint32_t hot[MAX_IDS], window[MAX_IDS];
	struct tiers tiers;
	struct kv_match sum, match;

	fill(hot, MAX_IDS, 30);
	for (int stores = 0; stores < 2; stores++) {
		open_tiers(&tiers, new_store(), 40);
		request(&tiers, hot, 1000);
		sweep(&tiers, 30, 1, stores ? &passing : &unstored, &sum);
		assert_true(kv_cache_pages(tiers.cache) <= 40);
		match = request(&tiers, hot, 1010);
		assert_int_equal(1000, match.n_tok);
		assert_int_equal(0, match.disk_tok);
		/* A window that somebody talks about is one of these, too. */
		fill_window(window, 0, 1);
		request(&tiers, window, 520);
		sweep(&tiers, 30, 2, stores ? &passing : &unstored, &sum);
		match = forecast(&tiers, window, 520);
		assert_int_equal(520, match.n_tok);
		assert_int_equal(0, match.disk_tok);
		close_tiers(&tiers);
	}
	open_tiers(&tiers, store, 40); /* beside it, everything is evicted as ever */
	request(&tiers, hot, 1000);
	sweep(&tiers, 30, 1, &watched, &sum);
	assert_true(forecast(&tiers, hot, 1000).disk_tok > 0);
	close_tiers(&tiers);
}

static void what_is_not_to_be_stored_is_in_memory_until_it_is(void **state)
{
	const char *store = new_store();
	uint32_t ids[MAX_IDS];
	struct tiers tiers;
	struct kv_match sum;

	open_tiers_for_passing(&tiers, store, 400, 8);
	sweep(&tiers, 5, 1, &unstored, &sum);
	assert_int_equal(0, stored_pages(store));
	sweep(&tiers, 5, 2, &unstored, &sum); /* memory is all it has: the part does not bind it */
	assert_int_equal(5 * WINDOW_TOK, sum.n_tok);
	assert_int_equal(0, sum.disk_tok);
	assert_int_equal(0, stored_pages(store));
	/* Somebody goes on from a window: all that leads there is stored. */
	fill_window(ids, 3, 1);
	assert_int_equal(WINDOW_TOK, request(&tiers, ids, 540).n_tok);
	close_tiers(&tiers);
	open_tiers(&tiers, store, 400);
	assert_int_equal(540, request(&tiers, ids, 540).disk_tok);
	close_tiers(&tiers);
}

/* Two processes, budgets that are too small, prompts that begin alike, restarts, edits of the end. */
static void random_histories_never_serve_a_wrong_token(void **state)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		const char *store = new_store();
		struct tiers tiers[2];
		uint32_t ids[MAX_IDS], random[4];
		int64_t from_disk = 0;

		open_tiers_for_passing(&tiers[0], store, 40, seed % 2 ? 10 : 0);
		open_tiers_for_passing(&tiers[1], store, 17, 5);
		fill(ids, MAX_IDS, 100 + seed);
		for (uint64_t round = 0; round < 150; round++) {
			int64_t n_ids, edit;
			int at;

			rng_philox(seed, round, random);
			at = (int)(random[0] % 2);
			n_ids = 1 + random[1] % 1000;
			edit = random[2] % 1000;
			/* few continuations, so that most were there before */
			fill(ids + edit, MAX_IDS - edit, 200 + random[3] % 3);
			if (random[3] / 3 % 10 == 0) {
				close_tiers(&tiers[at]);
				open_tiers_for_passing(&tiers[at], store, at ? 17 : 40, 5);
			}
			from_disk += request_as(&tiers[at], ids, n_ids,
				random[1] >> 16 & 1 ? n_ids / 2 : 0,
				random[1] >> 17 & 1   ? &watched
				: random[1] >> 18 & 1 ? &passing
						      : &unstored)
					     .disk_tok;
		}
		assert_true(from_disk > 1000);
		close_tiers(&tiers[0]);
		close_tiers(&tiers[1]);
		assert_int_equal(0, device.n_page);
	}
}

static int set_up(void **state)
{
	return folder_enter(folder);
}

static int tear_down(void **state)
{
	return folder_leave(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prompt_is_found_in_both_tiers_at_once),
		cmocka_unit_test(what_is_evicted_is_found_on_disk),
		cmocka_unit_test(a_disk_that_is_slower_than_computing_is_left_alone),
		cmocka_unit_test(the_longer_tail_wins),
		cmocka_unit_test(mapped_pages_stay_within_the_budget_too),
		cmocka_unit_test(nothing_of_another_prompt_stands_behind_a_tail),
		cmocka_unit_test(what_is_stored_later_is_stored_to_its_end),
		cmocka_unit_test(another_question_stores_and_computes_no_window_again),
		cmocka_unit_test(a_sweep_takes_a_bounded_part_of_memory),
		cmocka_unit_test(a_sweep_evicts_nothing_that_somebody_works_with),
		cmocka_unit_test(what_is_not_to_be_stored_is_in_memory_until_it_is),
		cmocka_unit_test(random_histories_never_serve_a_wrong_token),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
