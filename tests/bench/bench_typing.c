/*
 * What a typed character costs the engine with 5,000,000 tokens in front of it: finding the prompt's
 * place in the cache and on disk again, when nothing but its end has changed. Pages are synthetic and
 * small. Nothing but libc.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/backend/backend.h"
#include "engine/kv/cache.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"
#include "engine/kv/memo.h"
#include "engine/kv/sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_BYTES = 64, TYPED = 2000 };

static const char usage_text[] = "usage: bench_typing -f FOLDER [-n TOKENS (5000000)]\n"
				 "  -f FOLDER  where the pages are written (4 KiB each) and left\n";

/* A backend that only has pages. */
static struct kv_layout layout = {.page_bytes = PAGE_BYTES};

static uint8_t *page_alloc(struct backend *backend)
{
	return mem_zero(1, PAGE_BYTES);
}

static void page_free(struct backend *backend, uint8_t *page)
{
	free(page);
}

static void page_clear(struct backend *backend, uint8_t *page, int32_t from_tok)
{
	memset(page + from_tok, 0, (size_t)(PAGE_BYTES - from_tok));
}

static const struct kv_layout *page_layout(const struct backend *backend)
{
	return &layout;
}

static const struct backend_ops ops = {.page_alloc = page_alloc,
	.page_free = page_free,
	.page_clear = page_clear,
	.kv_layout = page_layout};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct kv_disk *open_disk(const char *folder)
{
	struct kv_disk_config config = {.folder = folder,
		.about = "bench_typing\n",
		.page_bytes = PAGE_BYTES,
		.limit_bytes = INT64_C(1) << 40};
	struct kv_disk *disk;
	struct err err;
	char text[1024];

	if (kv_disk_open(&disk, &config, &err) < 0) {
		fprintf(stderr, "bench_typing: %s\n", err_format(&err, text, sizeof(text)));
		exit(1);
	}
	return disk;
}

/* The pages of all these ids, as if they had been computed. */
static void write_pages(struct kv_disk *disk, const uint32_t *ids, int64_t n_tok)
{
	static const uint8_t data[PAGE_BYTES];
	struct sha256 *hash = sha256_create();
	struct kv_disk_page page = {.n_tok = KV_PAGE_TOK, .data = data};

	for (int64_t i = 0; i + KV_PAGE_TOK <= n_tok; i += KV_PAGE_TOK) {
		page.ids = ids + i;
		page.name = kv_chain_next(hash, &page.parent, page.ids, KV_PAGE_TOK);
		kv_disk_write(disk, &page, NULL);
		page.parent = page.name;
	}
	sha256_destroy(hash);
}

/* A line is typed and taken back, character by character; `where` says what is in front of it. */
static void type(const char *where, struct kv_cache *cache, struct kv_memo *memo, uint32_t *ids,
	int64_t n_tok)
{
	double first_ms = now_ms(), took_ms[TYPED];
	struct kv_match match = kv_cache_match(cache, memo, ids, n_tok);
	int64_t more = 0;

	first_ms = now_ms() - first_ms;
	for (int i = 0; i < TYPED; i++) {
		more += i % 200 < 100 ? 1 : -1;
		ids[n_tok + more - 1] = (uint32_t)i;
		took_ms[i] = now_ms();
		kv_memo_cut(memo, n_tok + more - 1);
		match = kv_cache_match(cache, memo, ids, n_tok + more);
		took_ms[i] = now_ms() - took_ms[i];
	}
	qsort(took_ms, TYPED, sizeof(*took_ms), compare);
	printf("%-10s %8lld tokens found, %8lld of them on disk, in %7.2f ms; a character then "
	       "%.4f ms (median), %.4f (99 %%), %.4f (longest)\n",
		where, (long long)match.n_tok, (long long)match.disk_tok, first_ms,
		took_ms[TYPED / 2], took_ms[TYPED - TYPED / 100], took_ms[TYPED - 1]);
}

int main(int argc, char **argv)
{
	const char *folder = NULL;
	int64_t n_tok = 5000000;
	struct backend backend = {&ops};
	struct kv_cache_config config = {0};
	struct kv_sequence sequence;
	struct kv_cache *cache;
	struct kv_memo memo = {0};
	uint32_t *ids;
	double ms;
	int option;

	while ((option = getopt(argc, argv, "f:n:")) != -1) {
		folder = option == 'f' ? optarg : folder;
		n_tok = option == 'n' ? atoll(optarg) : n_tok;
	}
	if (!folder || n_tok < KV_PAGE_TOK || optind < argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	ids = mem_alloc((size_t)(n_tok + TYPED) * sizeof(*ids));
	for (int64_t i = 0; i < n_tok + TYPED; i++) {
		ids[i] = (uint32_t)(rng_uniform(7, (uint64_t)i) * 128256);
	}
	config.disk = open_disk(folder);
	write_pages(config.disk, ids, n_tok);
	kv_disk_close(config.disk);
	ms = now_ms();
	config.disk = open_disk(folder);
	printf("opened in %.1f ms\n", now_ms() - ms);
	config.max_pages = n_tok / KV_PAGE_TOK + 2;
	cache = kv_cache_create(&backend, &config);
	type("on disk", cache, &memo, ids, n_tok);
	kv_memo_finish(&memo);
	kv_sequence_init(&sequence, cache, 1);
	ms = now_ms();
	kv_sequence_match(&sequence, ids, n_tok / 2);
	printf("the first half linked in %.1f ms (%lld tokens)\n", now_ms() - ms,
		(long long)sequence.n_tok);
	type("half each", cache, &memo, ids, n_tok);
	kv_sequence_finish(&sequence);
	kv_sequence_init(&sequence, cache, 1);
	ms = now_ms();
	kv_sequence_match(&sequence, ids, n_tok);
	printf("all of it matched in %.1f ms (%lld tokens)\n", now_ms() - ms,
		(long long)sequence.n_tok);
	type("in memory", cache, &memo, ids, n_tok);
	kv_sequence_finish(&sequence);
	kv_memo_finish(&memo);
	kv_cache_destroy(cache);
	kv_disk_close(config.disk);
	free(ids);
	return 0;
}
