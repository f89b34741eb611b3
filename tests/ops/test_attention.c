/*
 * Attention and the writing of KV pages, on every instruction-set path that this machine runs.
 * Pages and outputs start as NaN in every type (bytes of 0xff), so whatever is read without having
 * been written shows.
 */
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/kv_block.h"
#include "tests/ops/paths.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64 /* floats before and after an output, bytes after a page */

static uint64_t rng_state = 88172645463325252ull;

/* Roughly normal, standard deviation 1. */
static float random_normal(void)
{
	float sum = 0;

	for (int i = 0; i < 6; i++) {
		rng_state ^= rng_state << 13;
		rng_state ^= rng_state >> 7;
		rng_state ^= rng_state << 17;
		sum += (float)(rng_state >> 40) / (float)(1 << 24) - 0.5f;
	}
	return sum * 1.41421356f;
}

static float *random_floats(int64_t n)
{
	float *x = malloc((size_t)n * sizeof(*x));

	for (int64_t i = 0; i < n; i++) {
		x[i] = random_normal();
	}
	return x;
}

/* How the layer attends (op_attention). */
struct mask {
	int64_t window_tok;
	float softcap;
};

/* A sequence of n_tok tokens and the pages that hold it. */
struct cache {
	struct kv_layout kv;
	int32_t n_head;
	int64_t n_tok, n_page;
	uint8_t **page;
	float *k, *v; /* [n_tok][n_kv_head][head_dim] */
	float *q;     /* [n_tok][n_head][head_dim] */
	struct mask mask;
};

enum { BUFFER_Q, BUFFER_K, BUFFER_V, BUFFER_OUT, BUFFER_COUNT };
static const int32_t layer = 1; /* of 2 */

static void poison_pages(struct cache *cache)
{
	for (int64_t i = 0; i < cache->n_page; i++) {
		memset(cache->page[i], 0xff, (size_t)cache->kv.page_bytes + GUARD);
	}
}

static void run_items(
	const struct cpu_kernel *kernel, const struct op *op, const struct op_env *env)
{
	kernel->run(op, env, 0, kernel->items(op, env));
}

static void write_tokens(struct cache *cache, enum cpu_isa isa, int64_t first, int64_t n)
{
	int64_t at = first * cache->kv.n_kv_head * cache->kv.head_dim;
	uint8_t *buffers[BUFFER_COUNT] = {
		[BUFFER_K] = (uint8_t *)(cache->k + at),
		[BUFFER_V] = (uint8_t *)(cache->v + at),
	};
	struct op_sequence sequence = {0, n, first, cache->page};
	struct op_env env = {
		.buffer = buffers,
		.n_row = n,
		.sequence = &sequence,
		.n_sequence = 1,
		.kv = &cache->kv,
	};
	struct op op = {
		.kind = OP_KV_WRITE,
		.kv_write = {{BUFFER_K, 0}, {BUFFER_V, 0}, layer},
	};

	run_items(&cpu_kernels(isa)[OP_KV_WRITE], &op, &env);
}

static struct cache cache_make(
	enum kv_type type, int32_t n_head, int32_t n_kv_head, int32_t head_dim, int64_t n_tok)
{
	struct cache cache = {
		.kv = kv_layout_of(type, 2, n_kv_head, head_dim),
		.n_head = n_head,
		.n_tok = n_tok,
		.n_page = (n_tok + KV_PAGE_TOK - 1) / KV_PAGE_TOK,
		.k = random_floats(n_tok * n_kv_head * head_dim),
		.v = random_floats(n_tok * n_kv_head * head_dim),
		.q = random_floats(n_tok * n_head * head_dim),
	};

	/* tokens of unequal size, and keys that make some scores large */
	for (int64_t t = 0; t < n_tok; t++) {
		float size = 0.25f + fabsf(random_normal());

		for (int64_t i = 0; i < n_kv_head * head_dim; i++) {
			cache.v[t * n_kv_head * head_dim + i] *= size;
			cache.k[t * n_kv_head * head_dim + i] *= 1.5f;
		}
	}
	cache.page = malloc((size_t)cache.n_page * sizeof(*cache.page));
	for (int64_t i = 0; i < cache.n_page; i++) {
		cache.page[i] = aligned_alloc(64, (size_t)cache.kv.page_bytes + GUARD);
	}
	poison_pages(&cache);
	return cache;
}

static void cache_free(struct cache *cache)
{
	for (int64_t i = 0; i < cache->n_page; i++) {
		free(cache->page[i]);
	}
	free(cache->page);
	free(cache->k);
	free(cache->v);
	free(cache->q);
}

/* Row r of q and out is token token[r]; sequences say which rows follow one another. */
struct batch {
	struct op_sequence sequence[4];
	int64_t n_sequence, n_row;
	const struct cache *cache[4];
};

static void batch_add(struct batch *batch, const struct cache *cache, int64_t first_pos, int64_t n)
{
	batch->cache[batch->n_sequence] = cache;
	batch->sequence[batch->n_sequence++] =
		(struct op_sequence){batch->n_row, n, first_pos, cache->page};
	batch->n_row += n;
}

enum order { ALL_AT_ONCE, ONE_BY_ONE_BACKWARDS, IN_TWO_HALVES };

/* out [n_row][n_head][head_dim], malloced. */
static float *attend(const struct batch *batch, enum cpu_isa isa, enum order order)
{
	const struct cache *cache = batch->cache[0];
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[OP_ATTENTION];
	int64_t row_elems = cache->n_head * cache->kv.head_dim, n = batch->n_row * row_elems;
	float *q = malloc((size_t)n * sizeof(*q));
	float *out = malloc((size_t)(n + 2 * GUARD) * sizeof(*out));
	uint8_t *buffers[BUFFER_COUNT] = {
		[BUFFER_Q] = (uint8_t *)q,
		[BUFFER_OUT] = (uint8_t *)(out + GUARD),
	};
	struct op_env env = {
		.buffer = buffers,
		.n_row = batch->n_row,
		.sequence = batch->sequence,
		.n_sequence = batch->n_sequence,
		.kv = &cache->kv,
	};
	struct op op = {.kind = OP_ATTENTION};
	int64_t n_item;

	op.attention = (struct op_attention){{BUFFER_Q, 0}, {BUFFER_OUT, 0}, layer, cache->n_head,
		1 / sqrtf((float)cache->kv.head_dim), cache->mask.window_tok, cache->mask.softcap};
	for (int64_t s = 0; s < batch->n_sequence; s++) {
		memcpy(q + batch->sequence[s].first_row * row_elems,
			batch->cache[s]->q + batch->sequence[s].first_pos * row_elems,
			(size_t)(batch->sequence[s].n_row * row_elems) * sizeof(*q));
	}
	memset(out, 0xff, (size_t)(n + 2 * GUARD) * sizeof(*out));
	n_item = kernel->items(&op, &env);
	if (order == ALL_AT_ONCE) {
		kernel->run(&op, &env, 0, n_item);
	} else if (order == IN_TWO_HALVES) {
		kernel->run(&op, &env, n_item / 2, n_item);
		kernel->run(&op, &env, 0, n_item / 2);
	} else {
		for (int64_t i = n_item - 1; i >= 0; i--) {
			kernel->run(&op, &env, i, i + 1);
		}
	}
	for (int64_t i = 0; i < GUARD; i++) {
		if (!isnan(out[i]) || !isnan(out[GUARD + n + i])) {
			tap_ok(0, "attention wrote outside of its output");
			break;
		}
	}
	memmove(out, out + GUARD, (size_t)n * sizeof(*out));
	free(q);
	return out;
}

static float *attend_rows(
	const struct cache *cache, enum cpu_isa isa, int64_t first_pos, int64_t n_row)
{
	struct batch batch = {.n_row = 0};

	batch_add(&batch, cache, first_pos, n_row);
	return attend(&batch, isa, ALL_AT_ONCE);
}

/* What stands in a page, as a number. */
static double stored(const struct cache *cache, int64_t tok, int64_t kv_head, int64_t d, int value)
{
	const struct kv_layout *kv = &cache->kv;
	uint8_t *page = cache->page[tok / KV_PAGE_TOK];
	uint8_t *block = value ? kv_block_values(kv, page, layer, kv_head)
			       : kv_block_keys(kv, page, layer, kv_head);
	int64_t at = value ? kv_value_index(kv, tok % KV_PAGE_TOK, d)
			   : kv_key_index(kv, tok % KV_PAGE_TOK, d);

	switch (kv->type) {
	case KV_Q8:
		return (double)kv_block_scales(kv, block)[tok % KV_PAGE_TOK] *
		       (value ? (int8_t)block[at] : block[at] - KV_KEY_ZERO);
	case KV_F16:
		return f16_to_f32(((uint16_t *)(void *)block)[at]);
	case KV_F32:
		break;
	}
	return ((float *)(void *)block)[at];
}

/* Softmax attention over the stored keys and values in double precision, all tokens at once. */
static void naive(const struct cache *cache, int64_t pos, int64_t head, double *out)
{
	int64_t kv_head = head / (cache->n_head / cache->kv.n_kv_head), dim = cache->kv.head_dim;
	const float *q = cache->q + (pos * cache->n_head + head) * dim;
	double *s = malloc((size_t)(pos + 1) * sizeof(*s)), max = -INFINITY, sum = 0;
	int64_t window = cache->mask.window_tok,
		from = window && window <= pos ? pos - window + 1 : 0;
	double cap = cache->mask.softcap;

	for (int64_t t = from; t <= pos; t++) {
		s[t] = 0;
		for (int64_t d = 0; d < dim; d++) {
			s[t] += q[d] * stored(cache, t, kv_head, d, 0);
		}
		s[t] /= sqrt((double)dim);
		s[t] = cap > 0 ? cap * tanh(s[t] / cap) : s[t];
		max = fmax(max, s[t]);
	}
	memset(out, 0, (size_t)dim * sizeof(*out));
	for (int64_t t = from; t <= pos; t++) {
		double p = exp(s[t] - max);

		sum += p;
		for (int64_t d = 0; d < dim; d++) {
			out[d] += p * stored(cache, t, kv_head, d, 1);
		}
	}
	for (int64_t d = 0; d < dim; d++) {
		out[d] /= sum;
	}
	free(s);
}

/* rms of the difference over rms of the expected; NaN and infinity where anything is not finite. */
struct error_sum {
	double difference, expected;
};

static void error_add(struct error_sum *sum, double got, double expected)
{
	sum->difference += (got - expected) * (got - expected);
	sum->expected += expected * expected;
}

static double error_of(const struct error_sum *sum)
{
	return sqrt(sum->difference / sum->expected);
}

struct shape {
	int32_t n_head, n_kv_head, head_dim;
};
static const struct shape shapes[] = {
	{4, 4, 32},  /* every head its own keys */
	{8, 2, 64},  /* groups of 4 */
	{14, 2, 64}, /* groups of 7 */
	{4, 2, 80},
	{3, 1, 96}, /* one KV head */
	{4, 2, 100},
	{6, 3, 112},
	{8, 2, 128},
	{20, 1, 128},
	{4, 2, 256},
	{4, 1, 256},
	{2, 1, 512},
};
#define N_SHAPE (int)(sizeof(shapes) / sizeof(shapes[0]))

/*
 * How far from exact softmax over the stored keys and values, and from plain C. q8 rounds queries
 * to 14 bits and numerators to 14, or to 8 on AVX-512.
 */
static double error_bound(enum cpu_isa isa, enum kv_type type)
{
	if (type != KV_Q8) {
		return 2e-6;
	}
	return isa == CPU_ISA_AVX512 ? 8e-3 : 3e-4;
}

static const struct mask masks[] = {{0, 0}, {40, 0}, {33, 2}, {1, 0}, {64, 0}, {101, 0}, {0, 3}};
/* Plain C, being slow, is tried with the first of them. */
#define N_MASK(isa) ((isa) == CPU_ISA_PORTABLE ? 3 : (int)(sizeof(masks) / sizeof(masks[0])))

static double error_of_shape(
	enum cpu_isa isa, enum kv_type type, const struct shape *s, struct mask mask)
{
	struct cache cache = cache_make(type, s->n_head, s->n_kv_head, s->head_dim, 150);
	double *expected = malloc((size_t)s->head_dim * sizeof(*expected));
	struct error_sum sum = {0};
	/* rows from which on a window matters */
	int64_t first_pos = mask.window_tok ? 91 : 0;
	float *out;

	cache.mask = mask;
	write_tokens(&cache, isa, 0, cache.n_tok);
	out = attend_rows(&cache, isa, first_pos, cache.n_tok - first_pos);
	for (int64_t pos = first_pos; pos < cache.n_tok; pos += 7) {
		for (int64_t h = pos % 2; h < s->n_head; h += 2) {
			const float *at = out + ((pos - first_pos) * s->n_head + h) * s->head_dim;

			naive(&cache, pos, h, expected);
			for (int64_t d = 0; d < s->head_dim; d++) {
				error_add(&sum, at[d], expected[d]);
			}
		}
	}
	free(out);
	free(expected);
	cache_free(&cache);
	return error_of(&sum);
}

/* Every head size, with and without windows and soft caps. */
static void test_error(enum cpu_isa isa)
{
	const int n_mask = N_MASK(isa);

	for (int type = KV_Q8; type <= KV_F32; type++) {
		double worst[2] = {0}, bound = error_bound(isa, (enum kv_type)type);

		for (int i = 0; i < N_SHAPE * n_mask; i++) {
			const struct shape *s = &shapes[i / n_mask];
			struct mask mask = masks[i % n_mask];
			double error = error_of_shape(isa, (enum kv_type)type, s, mask);
			int is_plain = i % n_mask == 0;

			worst[is_plain] = tap_worse(worst[is_plain], error);
			if (!(error <= bound)) {
				tap_note("%d/%d heads of %d, window %d, cap %g: %g", s->n_head,
					s->n_kv_head, s->head_dim, (int)mask.window_tok,
					(double)mask.softcap, error);
			}
		}
		tap_ok(worst[1] <= bound, "%s: attention over %s is within %g of exact softmax",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type), bound);
		tap_ok(worst[0] <= bound, "%s: and so it is within windows and under soft caps",
			cpu_isa_name(isa));
		tap_note("worst relative rms error %.3g, %.3g", worst[1], worst[0]);
	}
}

/*
 * Windows that begin inside of a page, on its edges and inside of a span that is not the row's, of
 * one token and of more than there are; rows around the ends of pages and spans.
 */
static void test_windows(enum cpu_isa isa)
{
	static const int64_t windows[] = {1, 5, 64, 65, 1000, 2047, 2048, 2049, 2200, 9000};
	static const int64_t starts[] = {0, 58, 2042, 2100, 4090};
	enum { N_WINDOW = sizeof(windows) / sizeof(windows[0]), N_ROW = 12, DIM = 64 };

	for (int type = KV_Q8; type <= KV_F32; type++) {
		struct cache cache = cache_make((enum kv_type)type, 4, 2, DIM, 4130);
		double bound = error_bound(isa, (enum kv_type)type), worst = 0, expected[DIM];
		struct error_sum sum = {0};

		write_tokens(&cache, isa, 0, cache.n_tok);
		for (int i = 0; i < N_WINDOW * 5; i++) {
			float *got;

			cache.mask = (struct mask){windows[i / 5], i % 2 ? 10 : 0};
			got = attend_rows(&cache, isa, starts[i % 5], N_ROW);
			for (int64_t r = 0; r < N_ROW; r += 3) {
				naive(&cache, starts[i % 5] + r, r % 4, expected);
				for (int64_t d = 0; d < DIM; d++) {
					error_add(
						&sum, got[(r * 4 + r % 4) * DIM + d], expected[d]);
				}
			}
			if (i % 5 == 4) {
				worst = tap_worse(worst, error_of(&sum));
				sum = (struct error_sum){0};
			}
			free(got);
		}
		tap_ok(worst <= bound,
			"%s: over %s, windows begin inside of pages and of earlier spans",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
		tap_note("worst relative rms error %.3g", worst);
		cache_free(&cache);
	}
}

static int same_rows(const struct cache *a, const struct cache *b, enum cpu_isa isa,
	int64_t first_pos, int64_t n_row)
{
	size_t bytes = (size_t)(n_row * a->n_head * a->kv.head_dim) * sizeof(float);
	float *x = attend_rows(a, isa, first_pos, n_row),
	      *y = attend_rows(b, isa, first_pos, n_row);
	int same = memcmp(x, y, bytes) == 0;

	free(x);
	free(y);
	return same;
}

/* Pages before every row's window hold NaN, or are not there at all. */
static int same_without_hidden_pages(const struct cache *cache, uint8_t *hidden_page,
	enum cpu_isa isa, int64_t first_pos, int64_t n_row)
{
	int64_t from = first_pos - cache->mask.window_tok + 1, n_hidden = from / KV_PAGE_TOK;
	struct cache other = *cache;
	int same;

	other.page = malloc((size_t)cache->n_page * sizeof(*other.page));
	for (int64_t p = 0; p < cache->n_page; p++) {
		other.page[p] = p < n_hidden ? hidden_page : cache->page[p];
	}
	same = same_rows(cache, &other, isa, first_pos, n_row);
	free(other.page);
	return same;
}

static void test_windows_read_nothing_else(enum cpu_isa isa)
{
	static const int64_t runs[][2] = {{2100, 70}, {2047, 1}, {2048, 1}, {2110, 1}, {1000, 130}};
	static const int64_t windows[] = {1, 50, 64, 129, 500};

	for (int type = KV_Q8; type <= KV_F32; type++) {
		struct cache cache = cache_make((enum kv_type)type, 6, 2, 80, 2200), all = cache;
		uint8_t *poison = aligned_alloc(64, (size_t)cache.kv.page_bytes);
		int same_poisoned = 1, same_absent = 1;

		memset(poison, 0xff, (size_t)cache.kv.page_bytes);
		write_tokens(&cache, isa, 0, cache.n_tok);
		for (int i = 0; i < 25; i++) {
			const int64_t first_pos = runs[i % 5][0];
			const int64_t n_row = isa == CPU_ISA_PORTABLE ? 1 : runs[i % 5][1];

			cache.mask = (struct mask){windows[i / 5], i % 2 ? 4 : 0};
			same_poisoned &=
				same_without_hidden_pages(&cache, poison, isa, first_pos, n_row);
			same_absent &=
				same_without_hidden_pages(&cache, NULL, isa, first_pos, n_row);
		}
		tap_ok(same_poisoned && same_absent,
			"%s: pages of %s before every window may hold NaN or be absent",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
		cache.mask = (struct mask){2170, 0};
		tap_ok(same_rows(&cache, &all, isa, 2160, 10),
			"%s: a window that holds everything changes no bit", cpu_isa_name(isa));
		free(poison);
		cache_free(&cache);
	}
}

static void test_against_reference(enum cpu_isa isa)
{
	enum { N_ROW = 12 };
	static const int64_t starts[] = {0, 58, 2042, 4090};

	for (int type = KV_Q8; type <= KV_F32; type++) {
		struct cache cache = cache_make((enum kv_type)type, 4, 2, 64, 4130);
		struct error_sum sum = {0};
		double bound = error_bound(isa, (enum kv_type)type);

		write_tokens(&cache, CPU_ISA_PORTABLE, 0, cache.n_tok);
		for (int i = 0; i < 12; i++) {
			float *expected, *got;

			cache.mask = (struct mask){i / 4 * 1500, i / 4 == 1 ? 8 : 0};
			expected = attend_rows(&cache, CPU_ISA_PORTABLE, starts[i % 4], N_ROW);
			got = attend_rows(&cache, isa, starts[i % 4], N_ROW);

			for (int64_t e = 0; e < N_ROW * 4 * 64; e++) {
				error_add(&sum, got[e], expected[e]);
			}
			free(expected);
			free(got);
		}
		tap_ok(error_of(&sum) <= bound, "%s: attention over %s is within %g of plain C",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type), bound);
		tap_note("relative rms error %.3g", error_of(&sum));
		cache_free(&cache);
	}
}

/* Rows of `batch`, each computed alone, against the batch. */
static int rows_alone_equal(const struct batch *batch, enum cpu_isa isa)
{
	int64_t row_bytes = batch->cache[0]->n_head * batch->cache[0]->kv.head_dim * 4;
	float *whole = attend(batch, isa, ALL_AT_ONCE);
	int equal = 1;

	for (int64_t s = 0; s < batch->n_sequence; s++) {
		for (int64_t i = 0; i < batch->sequence[s].n_row; i++) {
			int64_t row = batch->sequence[s].first_row + i;
			float *alone = attend_rows(
				batch->cache[s], isa, batch->sequence[s].first_pos + i, 1);

			if (memcmp(alone, (uint8_t *)whole + row * row_bytes, (size_t)row_bytes) !=
				0) {
				tap_note("differs at position %lld",
					(long long)(batch->sequence[s].first_pos + i));
				equal = 0;
			}
			free(alone);
		}
	}
	free(whole);
	return equal;
}

static void test_rows_alone(enum cpu_isa isa)
{
	/* around the ends of pages and spans */
	static const int64_t runs[][2] = {{0, 30}, {60, 7}, {2044, 8}, {2100, 50}, {4090, 30}};
	static const struct shape of[] = {{8, 2, 64}, {7, 1, 80}, {2, 2, 32}};
	static const struct mask with[] = {{0, 0}, {75, 0}, {2049, 0}, {70, 3}};
	int n_shape = isa == CPU_ISA_PORTABLE ? 1 : 3;

	for (int type = KV_Q8; type <= KV_F32; type++) {
		int equal = 1;

		for (int i = 0; i < n_shape; i++) {
			struct cache cache = cache_make((enum kv_type)type, of[i].n_head,
				of[i].n_kv_head, of[i].head_dim, 4120);

			write_tokens(&cache, isa, 0, cache.n_tok);
			for (int r = 0; r < 4 * (isa == CPU_ISA_PORTABLE ? 3 : 5); r++) {
				struct batch batch = {.n_row = 0};

				cache.mask = with[r % 4];
				batch_add(&batch, &cache, runs[r / 4][0], runs[r / 4][1]);
				equal &= rows_alone_equal(&batch, isa);
			}
			cache_free(&cache);
		}
		tap_ok(equal, "%s: over %s a row alone equals the row in a batch, bit for bit",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
	}
}

/* The pages of the batch's last row hold NaN after it, and the others' tokens come one by one. */
static void test_growing(enum cpu_isa isa)
{
	for (int type = KV_Q8; type <= KV_F32; type++) {
		struct cache whole = cache_make((enum kv_type)type, 6, 2, 48, 140);
		int equal = 1;
		float *all;

		write_tokens(&whole, isa, 0, whole.n_tok);
		all = attend_rows(&whole, isa, 0, whole.n_tok);
		poison_pages(&whole);
		for (int64_t pos = 0; pos < whole.n_tok; pos++) {
			float *row;

			write_tokens(&whole, isa, pos, 1);
			row = attend_rows(&whole, isa, pos, 1);
			equal &= memcmp(row, all + pos * 6 * 48, 6 * 48 * sizeof(*row)) == 0;
			free(row);
		}
		tap_ok(equal, "%s: tokens of %s not yet written add nothing, token by token",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
		free(all);
		cache_free(&whole);
	}
}

static void test_batches(enum cpu_isa isa)
{
	struct cache a = cache_make(KV_Q8, 8, 2, 64, 200), b = cache_make(KV_Q8, 8, 2, 64, 2100);
	struct batch batch = {.n_row = 0};
	float *all, *other;
	size_t bytes;

	write_tokens(&a, isa, 0, a.n_tok);
	write_tokens(&b, isa, 0, b.n_tok);
	batch_add(&batch, &a, 100, 3);
	batch_add(&batch, &b, 2040, 20);
	batch_add(&batch, &a, 0, 1);
	bytes = (size_t)batch.n_row * 8 * 64 * sizeof(float);
	tap_ok(rows_alone_equal(&batch, isa), "%s: sequences of one batch do not touch one another",
		cpu_isa_name(isa));
	all = attend(&batch, isa, ALL_AT_ONCE);
	other = attend(&batch, isa, ONE_BY_ONE_BACKWARDS);
	tap_ok(memcmp(all, other, bytes) == 0, "%s: items may run one by one, backwards",
		cpu_isa_name(isa));
	free(other);
	other = attend(&batch, isa, IN_TWO_HALVES);
	tap_ok(memcmp(all, other, bytes) == 0, "%s: items may be split between threads",
		cpu_isa_name(isa));
	free(other);
	free(all);
	cache_free(&a);
	cache_free(&b);
}

/* Whether byte `at` of a page belongs to token `tok` of the layer that is written. */
static uint8_t *bytes_of_token(const struct kv_layout *kv, int64_t tok)
{
	uint8_t *mine = calloc(1, (size_t)kv->page_bytes + GUARD);
	int64_t width = kv->type == KV_Q8 ? 1 : kv->type == KV_F16 ? 2 : 4;

	for (int32_t h = 0; h < kv->n_kv_head; h++) {
		uint8_t *keys = kv_block_keys(kv, mine, layer, h);
		uint8_t *values = kv_block_values(kv, mine, layer, h);

		for (int64_t d = 0; d < kv->head_dim_pad; d++) {
			memset(keys + width * kv_key_index(kv, tok, d), 1, (size_t)width);
			memset(values + width * kv_value_index(kv, tok, d), 1, (size_t)width);
		}
		if (kv->type == KV_Q8) {
			memset(kv_block_scales(kv, keys) + tok, 1, sizeof(float));
			memset(kv_block_scales(kv, values) + tok, 1, sizeof(float));
		}
	}
	return mine;
}

static void test_write(enum cpu_isa isa)
{
	for (int type = KV_Q8; type <= KV_F32; type++) {
		int own = 1, same = 1;
		double worst = 0;

		for (int i = 0; i < N_SHAPE; i++) {
			const struct shape *s = &shapes[i];
			struct cache cache = cache_make(
				(enum kv_type)type, s->n_head, s->n_kv_head, s->head_dim, 64);
			const int64_t tok = 13 + i;
			uint8_t *mine = bytes_of_token(&cache.kv, tok), *by_reference;
			size_t bytes = (size_t)cache.kv.page_bytes + GUARD;

			/* a token of zeros has no scale to divide by */
			memset(cache.k, 0, (size_t)(s->n_kv_head * s->head_dim) * sizeof(float));
			memset(cache.v, 0, (size_t)(s->n_kv_head * s->head_dim) * sizeof(float));
			write_tokens(&cache, isa, tok, 1);
			for (size_t b = 0; b < bytes; b++) {
				own &= mine[b] || cache.page[0][b] == 0xff;
			}
			free(mine);
			write_tokens(&cache, isa, 0, 64);
			for (int64_t e = 0; e < 64 * s->n_kv_head * s->head_dim; e++) {
				int64_t d = e % s->head_dim, h = e / s->head_dim % s->n_kv_head;
				int64_t t = e / s->head_dim / s->n_kv_head;

				worst = tap_worse(
					worst, fabs(stored(&cache, t, h, d, 0) - cache.k[e]));
				worst = tap_worse(
					worst, fabs(stored(&cache, t, h, d, 1) - cache.v[e]));
			}
			by_reference = malloc(bytes);
			memcpy(by_reference, cache.page[0], bytes);
			poison_pages(&cache);
			write_tokens(&cache, CPU_ISA_PORTABLE, 0, 64);
			same &= memcmp(by_reference, cache.page[0], bytes) == 0;
			free(by_reference);
			cache_free(&cache);
		}
		tap_ok(own, "%s: a token's %s keys and values touch their own bytes only",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
		tap_ok(same, "%s: pages of %s are those of plain C, byte for byte",
			cpu_isa_name(isa), kv_type_name((enum kv_type)type));
		tap_ok(worst <= (type == KV_Q8           ? 0.08
					: type == KV_F16 ? 0.01
							 : 0),
			"%s: pages of %s hold what was written", cpu_isa_name(isa),
			kv_type_name((enum kv_type)type));
		tap_note("largest difference %.3g", worst);
	}
}

static void test_path(enum cpu_isa isa)
{
	test_write(isa);
	test_error(isa);
	test_windows(isa);
	test_windows_read_nothing_else(isa);
	if (isa != CPU_ISA_PORTABLE) {
		test_against_reference(isa);
	}
	test_growing(isa);
	test_rows_alone(isa);
	test_batches(isa);
}

int main(void)
{
	paths_each(test_path);
	return tap_done();
}
