/*
 * The prefix cache: a hit needs equal ids and an equal fingerprint, what is evicted was used longest
 * ago, the budget holds, and a turn is continued exactly where it ended.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "engine/backend/backend.h"
#include "engine/kv/cache.h"
#include "engine/kv/chain.h"
#include "engine/kv/memo.h"
#include "engine/kv/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { PAGE_BYTES = KV_PAGE_TOK * (int)sizeof(uint32_t), MAX_IDS = 4096 };

/* A backend whose "KV" of a token is its id, so that a page shows whose tokens it holds. */
static struct {
	struct backend base;
	struct kv_layout layout;
	int64_t n_page, max_pages;
} device;

static uint8_t *device_page_alloc(struct backend *backend)
{
	uint8_t *page;

	if (device.max_pages && device.n_page >= device.max_pages) {
		return NULL;
	}
	page = mem_alloc(PAGE_BYTES);
	memset(page, 0xff, PAGE_BYTES);
	device.n_page++;
	return page;
}

static void device_page_free(struct backend *backend, uint8_t *page)
{
	device.n_page -= page != NULL;
	free(page);
}

static const struct kv_layout *device_layout(const struct backend *backend)
{
	return &device.layout;
}

static const struct backend_ops device_ops = {
	.page_alloc = device_page_alloc,
	.page_free = device_page_free,
	.kv_layout = device_layout,
};

static struct kv_cache *create(int64_t max_pages)
{
	struct kv_cache_config config = {.max_pages = max_pages};

	device.base.ops = &device_ops;
	device.layout.page_bytes = PAGE_BYTES;
	device.max_pages = 0;
	return kv_cache_create(&device.base, &config);
}

static void destroy(struct kv_cache *cache)
{
	kv_cache_destroy(cache);
	assert_int_equal(0, device.n_page);
}

/* "Compute" up to n_ids tokens. Returns 0 without memory. */
static int compute(struct kv_sequence *sequence, const uint32_t *ids, int64_t n_ids)
{
	int64_t first = sequence->n_tok;

	if (kv_sequence_reserve(sequence, n_ids, NULL) < 0) {
		return 0;
	}
	for (int64_t i = first; i < n_ids; i++) {
		memcpy(sequence->data[i / KV_PAGE_TOK] + i % KV_PAGE_TOK * 4, &ids[i], 4);
	}
	kv_sequence_commit(sequence, ids + first, n_ids - first);
	return 1;
}

static void expect_content(const struct kv_sequence *sequence, const uint32_t *ids)
{
	for (int64_t i = 0; i < sequence->n_tok; i++) {
		assert_memory_equal(
			sequence->data[i / KV_PAGE_TOK] + i % KV_PAGE_TOK * 4, &ids[i], 4);
	}
}

/* Asked for the first time. */
static int64_t match_tok(struct kv_cache *cache, const uint32_t *ids, int64_t n_ids)
{
	struct kv_memo memo = {0};
	int64_t n_tok = kv_cache_match(cache, &memo, ids, n_ids).n_tok;

	kv_memo_finish(&memo);
	return n_tok;
}

/* A whole request; returns how many tokens came from the cache. */
static int64_t request(struct kv_cache *cache, const uint32_t *ids, int64_t n_ids)
{
	struct kv_sequence sequence;
	int64_t cached, predicted = match_tok(cache, ids, n_ids);

	kv_sequence_init(&sequence, cache, 1);
	kv_sequence_match(&sequence, ids, n_ids);
	cached = sequence.n_tok;
	assert_int_equal(predicted, cached);
	assert_true(compute(&sequence, ids, n_ids));
	expect_content(&sequence, ids);
	kv_sequence_finish(&sequence);
	return cached;
}

static void fill(uint32_t *ids, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t random[4];

		rng_philox(seed, (uint64_t)i, random);
		ids[i] = random[0] % 50000;
	}
}

static void a_turn_is_continued_where_it_ended(void **state)
{
	struct kv_cache *cache = create(100);
	uint32_t ids[MAX_IDS];

	fill(ids, MAX_IDS, 1);
	assert_int_equal(0, request(cache, ids, 1000));
	for (int64_t n = 1000; n + 37 < 2000; n += 37) {
		assert_int_equal(n, request(cache, ids, n + 37));
	}
	/* Tails that were continued are gone: full pages and one tail remain. */
	assert_int_equal((1999 + KV_PAGE_TOK - 1) / KV_PAGE_TOK, kv_cache_pages(cache));
	destroy(cache);
}

static void a_prompt_that_differs_shares_what_is_before(void **state)
{
	struct kv_cache *cache = create(1000);
	uint32_t ids[MAX_IDS], other[MAX_IDS];

	fill(ids, MAX_IDS, 2);
	request(cache, ids, 500);
	for (int64_t at = 0; at < 500; at += 7) {
		memcpy(other, ids, sizeof(ids));
		other[at] = 60000 + (uint32_t)at;
		assert_int_equal(at, request(cache, other, 500));
	}
	assert_int_equal(500, request(cache, ids, 500));
	destroy(cache);
}

static struct sha256_digest same_name(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids)
{
	return (struct sha256_digest){{1}};
}

static void a_forced_collision_is_a_miss(void **state)
{
	struct kv_cache_config config = {.max_pages = 100, .name = same_name};
	struct kv_cache *cache;
	uint32_t a[300], b[300];

	destroy(create(1));
	cache = kv_cache_create(&device.base, &config);
	fill(a, 300, 3);
	fill(b, 300, 4);
	assert_int_equal(0, request(cache, a, 300));
	assert_int_equal(0, request(cache, b, 300));
	/* One page has the name; everything else is computed again, and is right. */
	assert_int_equal(KV_PAGE_TOK, request(cache, a, 300));
	assert_int_equal(0, request(cache, b, 300));
	destroy(cache);
}

static void every_field_of_the_fingerprint_changes_the_names(void **state)
{
	struct kv_layout layout = {.type = KV_Q8, .n_layer = 2, .n_kv_head = 3, .head_dim = 64},
			 changed;
	const struct kv_identity base = {.adapter = "", .numerics = "cpu-avx2", .layout = &layout};
	struct kv_identity variant[9];
	struct sha256_digest root[10];

	for (int i = 0; i < 9; i++) {
		variant[i] = base;
	}
	variant[0].model.byte[31] = 1;
	variant[1].tokenizer.byte[0] = 1;
	variant[2].adapter = "cpu-avx2";
	variant[3].numerics = "cpu-avx512";
	variant[8].program.byte[16] = 1;
	root[9] = kv_chain_root(&base);
	for (int i = 0; i < 9; i++) {
		changed = layout;
		variant[i].layout = i < 4 || i == 8 ? &layout : &changed;
		changed.type = i == 4 ? KV_F16 : KV_Q8;
		changed.n_layer += i == 5;
		changed.n_kv_head += i == 6;
		changed.head_dim += i == 7;
		root[i] = kv_chain_root(&variant[i]);
	}
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < i; j++) {
			assert_false(sha256_equal(&root[i], &root[j]));
		}
	}
}

static void names_depend_on_parent_ids_and_count(void **state)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest zero = {{0}}, one = {{1}}, name[4];
	const uint32_t ids[2] = {7, 0}, more[2] = {7, 1};

	name[0] = kv_chain_next(hash, &zero, ids, 1);
	name[1] = kv_chain_next(hash, &zero, ids, 2);
	name[2] = kv_chain_next(hash, &zero, more, 2);
	name[3] = kv_chain_next(hash, &one, ids, 1);
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < i; j++) {
			assert_false(sha256_equal(&name[i], &name[j]));
		}
	}
	name[1] = kv_chain_next(hash, &zero, ids, 1);
	assert_true(sha256_equal(&name[0], &name[1]));
	sha256_destroy(hash);
}

static void the_budget_holds_and_the_oldest_goes_first(void **state)
{
	struct kv_cache *cache = create(10);
	uint32_t a[256], b[256], c[256];

	fill(a, 256, 5);
	fill(b, 256, 6);
	fill(c, 256, 7);
	request(cache, a, 256);                        /* 4 pages */
	request(cache, b, 256);                        /* 8 */
	assert_int_equal(256, request(cache, a, 256)); /* now b is the oldest */
	assert_int_equal(0, request(cache, c, 256));   /* 12 > 10: two pages of b go */
	assert_int_equal(10, kv_cache_pages(cache));
	assert_int_equal(256, match_tok(cache, a, 256));
	assert_int_equal(256, match_tok(cache, c, 256));
	/* Leaves first: what remains of b is its beginning. */
	assert_int_equal(128, match_tok(cache, b, 256));
	destroy(cache);
}

static void pages_in_use_are_never_evicted(void **state)
{
	struct kv_cache *cache = create(8);
	struct kv_sequence held;
	uint32_t a[256], b[512];
	struct err err;

	fill(a, 256, 8);
	fill(b, 512, 9);
	kv_sequence_init(&held, cache, 1);
	assert_true(compute(&held, a, 256));
	assert_int_equal(0, request(cache, b, 256));
	assert_int_equal(8, kv_cache_pages(cache));
	expect_content(&held, a);
	/* Five more do not fit beside the four in use, even with all of b gone. */
	{
		struct kv_sequence big;

		kv_sequence_init(&big, cache, 1);
		assert_int_equal(-1, kv_sequence_reserve(&big, 5 * KV_PAGE_TOK, &err));
		assert_int_equal(ERR_ENGINE, err.code);
		assert_int_equal(0, big.n_page);
		assert_int_equal(0, kv_sequence_reserve(&big, 4 * KV_PAGE_TOK, &err));
		kv_sequence_finish(&big);
	}
	expect_content(&held, a);
	kv_sequence_finish(&held);
	assert_int_equal(256, match_tok(cache, a, 256));
	destroy(cache);
}

static void exhausted_memory_gives_up_kept_pages_then_fails_cleanly(void **state)
{
	struct kv_cache *cache = create(1000);
	uint32_t a[640], b[640];

	fill(a, 640, 10);
	fill(b, 640, 11);
	device.max_pages = 10;
	assert_int_equal(0, request(cache, a, 640));
	assert_int_equal(0, request(cache, b, 640)); /* one page of a at a time */
	{
		struct kv_sequence big;

		kv_sequence_init(&big, cache, 1);
		assert_int_equal(-1, kv_sequence_reserve(&big, 11 * KV_PAGE_TOK, NULL));
		kv_sequence_finish(&big);
	}
	destroy(cache);
}

static void without_reuse_nothing_is_found_or_kept(void **state)
{
	struct kv_cache *cache = create(100);
	struct kv_sequence sequence;
	uint32_t ids[300];

	fill(ids, 300, 12);
	kv_sequence_init(&sequence, cache, 0);
	assert_true(compute(&sequence, ids, 300));
	kv_sequence_finish(&sequence);
	assert_int_equal(0, kv_cache_pages(cache));
	request(cache, ids, 300);
	kv_sequence_init(&sequence, cache, 0);
	kv_sequence_match(&sequence, ids, 300);
	assert_int_equal(0, sequence.n_tok);
	kv_sequence_finish(&sequence);
	destroy(cache);
}

/* Two sequences that compute the same tokens at once end up with one copy of them. */
static void equal_pages_are_kept_once(void **state)
{
	struct kv_cache *cache = create(100);
	struct kv_sequence one, two;
	uint32_t ids[300];

	fill(ids, 300, 13);
	kv_sequence_init(&one, cache, 1);
	kv_sequence_init(&two, cache, 1);
	for (int64_t n = 50; n <= 300; n += 50) {
		assert_true(compute(&one, ids, n));
		assert_true(compute(&two, ids, n));
	}
	assert_ptr_equal(one.data[3], two.data[3]);
	assert_int_equal(4 + 2, kv_cache_pages(cache));
	kv_sequence_finish(&one);
	expect_content(&two, ids);
	kv_sequence_finish(&two);
	assert_int_equal(5, kv_cache_pages(cache));
	destroy(cache);
}

/* Random requests over a few prompts with common beginnings, against a small budget. */
static void random_histories_never_serve_a_wrong_token(void **state)
{
	struct kv_cache *cache = create(24);
	uint32_t ids[MAX_IDS];

	for (uint64_t round = 0; round < 3000; round++) {
		uint32_t random[4];
		int64_t n, shared;

		rng_philox(14, round, random);
		n = 1 + random[0] % 1000;
		shared = random[1] % 800;
		fill(ids, n, 100 + random[2] % 3);
		if (shared < n) {
			uint32_t rest[1000];

			fill(rest, n, 200 + random[3] % 5);
			memcpy(ids + shared, rest, (size_t)(n - shared) * sizeof(*ids));
		}
		request(cache, ids, n);
		assert_true(kv_cache_pages(cache) <= 24);
	}
	kv_cache_clear(cache);
	assert_int_equal(0, kv_cache_pages(cache));
	destroy(cache);
}

static int64_t n_hashed;

static struct sha256_digest counted(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids)
{
	n_hashed++;
	return kv_chain_next(hash, parent, ids, n_ids);
}

static struct kv_cache *create_counted(int64_t max_pages)
{
	struct kv_cache_config config = {.max_pages = max_pages, .name = counted};

	device.base.ops = &device_ops;
	device.layout.page_bytes = PAGE_BYTES;
	device.max_pages = 0;
	return kv_cache_create(&device.base, &config);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* Keys pressed behind 5 million tokens, all of them in the cache, and behind as many that are not. */
static void a_key_press_hashes_only_what_was_typed(void **state)
{
	enum { N = 5000000, TYPED = 200 };
	struct kv_cache *cache = create_counted(N / KV_PAGE_TOK + 10);
	uint32_t *ids = mem_zero(N + TYPED, sizeof(*ids));
	struct kv_memo memo = {0};
	double start, longest = 0;
	int64_t last = N;

	for (uint32_t i = 0; i < N + TYPED; i++) {
		ids[i] = i * 2654435761u >> 15;
	}
	request(cache, ids, N);
	assert_int_equal(N, kv_cache_match(cache, &memo, ids, N).n_tok);
	n_hashed = 0;
	for (int64_t n = N; n < N + TYPED; n++) {
		kv_memo_cut(&memo, last);
		start = now_ms();
		assert_int_equal(N, kv_cache_match(cache, &memo, ids, n).n_tok);
		start = now_ms() - start;
		longest = start > longest ? start : longest;
		last = n;
	}
	assert_true(n_hashed <= 1); /* the first page that was not there */
	print_message("# a key press behind 5M tokens: %.3f ms at most\n", longest);

	/* One letter changed in front of 10,000 tokens. */
	ids[N - 10000] ^= 1;
	kv_memo_cut(&memo, N - 10000);
	n_hashed = 0;
	assert_int_equal(N - 10000, kv_cache_match(cache, &memo, ids, N).n_tok);
	assert_int_equal(1, n_hashed);

	/* Nothing in the cache: nothing to hash twice either. */
	kv_cache_clear(cache);
	n_hashed = 0;
	assert_int_equal(0, kv_cache_match(cache, &memo, ids, N).n_tok);
	assert_int_equal(0, n_hashed);
	kv_memo_finish(&memo);
	free(ids);
	destroy(cache);
}

/* Edits, computed prompts and evictions in any order: the memo never says anything else. */
static void what_is_remembered_is_what_asking_afresh_says(void **state)
{
	enum { N = 64 * 24, ROUNDS = 3000 };
	struct kv_cache *cache = create_counted(40);
	struct kv_memo memo = {0};
	uint32_t ids[N], r[4];
	int64_t same = 0;

	fill(ids, N, 77);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		int64_t n, at;

		rng_philox(78, round, r);
		at = r[0] % N;
		n = 1 + r[1] % N;
		switch (r[2] % 4) {
		case 0:
			ids[at] = r[3] % 3; /* also back to what it was */
			same = at < same ? at : same;
			break;
		case 1:
			request(cache, ids, n);
			break;
		case 2:
			if (r[3] % 40 == 0) {
				kv_cache_clear(cache);
			}
			break;
		default:
			kv_memo_cut(&memo, same);
			assert_int_equal(match_tok(cache, ids, n),
				kv_cache_match(cache, &memo, ids, n).n_tok);
			same = n;
		}
	}
	kv_memo_finish(&memo);
	destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_is_continued_where_it_ended),
		cmocka_unit_test(a_prompt_that_differs_shares_what_is_before),
		cmocka_unit_test(a_forced_collision_is_a_miss),
		cmocka_unit_test(every_field_of_the_fingerprint_changes_the_names),
		cmocka_unit_test(names_depend_on_parent_ids_and_count),
		cmocka_unit_test(the_budget_holds_and_the_oldest_goes_first),
		cmocka_unit_test(pages_in_use_are_never_evicted),
		cmocka_unit_test(exhausted_memory_gives_up_kept_pages_then_fails_cleanly),
		cmocka_unit_test(without_reuse_nothing_is_found_or_kept),
		cmocka_unit_test(equal_pages_are_kept_once),
		cmocka_unit_test(a_key_press_hashes_only_what_was_typed),
		cmocka_unit_test(what_is_remembered_is_what_asking_afresh_says),
		cmocka_unit_test(random_histories_never_serve_a_wrong_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
