/*
 * The passes of attention with AVX-512 (attention_tile.h).
 *
 * A page is met by six queries at a time: 6 queries x 4 vectors of 16 tokens make 24 accumulators
 * for the scores, 6 queries x 4 vectors of 16 dimensions for the values. With q8, both are chains
 * of `vpdpbusd`: queries are two planes of bytes (kv_block.h), and the softmax numerators are rounded
 * to 0 ... 255 after the values' scales are multiplied in, so the float state is touched once per page.
 */
#include "kernels/cpu/attention_tile.h"
#include "kernels/cpu/avx512_math.h"
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <float.h>
#include <string.h>

#define STEP   6 /* queries that share registers */
#define INLINE static inline __attribute__((always_inline))
/* Passes begin on a cache line, so that what stands before them does not move their loops. */
#define NOINLINE static __attribute__((noinline, aligned(64)))
/* Before a loop over accumulators: gcc then sees early that each of them is a register. */
#define UNROLL _Pragma("GCC unroll 8")

/* What stands between a page's scores and its values, for STEP queries. */
struct page_step {
	union {
		int32_t dot[STEP][KV_PAGE_TOK]; /* q8: q.k */
		float p[STEP][KV_PAGE_TOK];     /* q.k, then the softmax numerators */
	} s __attribute__((aligned(64)));
	uint8_t w[STEP][KV_PAGE_TOK] __attribute__((aligned(64))); /* q8: numerators, rounded */
	float max[16], keep[16], add[16];                          /* add: with the scale of w */
};

/* gcc 12 moves and spills the accumulators of the intrinsic. */
INLINE __m512i dot4(__m512i sum, __m512i u8, __m512i s8)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u8), "v"(s8));
	return sum;
}

INLINE __m512i broadcast4(const void *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return _mm512_set1_epi32(value);
}

/* Sixteen elements of f16 or f32 from element `at`. */
INLINE __m512 load16(const uint8_t *base, int64_t at, enum kv_type type)
{
	if (type == KV_F16) {
		return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(base + 2 * at)));
	}
	return _mm512_loadu_ps(base + 4 * at);
}

/* sum[i][j] += keys of tokens 16j ... 16j + 15 x one plane of query i. */
INLINE void scores_plane(const struct attn_work *work, const uint8_t *keys, const int8_t *q,
	int n_query, const uint8_t *ahead, __m512i sum[STEP][4])
{
	int64_t dim = work->kv->head_dim_pad;

	for (int64_t d = 0; d < dim; d += 4) {
		__m512i k[4];

		ahead = attn_fetch(ahead, work->ahead_step);
		UNROLL
		for (int j = 0; j < 4; j++) {
			k[j] = _mm512_load_si512(keys + (j * dim + d) * 16);
		}
		UNROLL
		for (int i = 0; i < n_query; i++) {
			__m512i four = broadcast4(q + i * dim + d);

			UNROLL
			for (int j = 0; j < 4; j++) {
				sum[i][j] = dot4(sum[i][j], k[j], four);
			}
		}
	}
}

INLINE void scores_q8(const struct attn_work *work, const uint8_t *keys, int64_t first, int n_query,
	struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	const int8_t *high = work->q.s8 + first * dim, *low = high + ATTN_MAX_ELEMS;
	__m512i sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			sum[i][j] = _mm512_setzero_si512();
		}
	}
	scores_plane(work, keys, high, n_query, work->ahead, sum);
	UNROLL
	for (int i = 0; i < n_query; i++) {
		__m512i bias = _mm512_set1_epi32(work->bias[first + i]);

		UNROLL
		for (int j = 0; j < 4; j++) {
			sum[i][j] = _mm512_add_epi32(_mm512_slli_epi32(sum[i][j], 6), bias);
		}
	}
	scores_plane(work, keys, low, n_query, work->ahead + dim / 4 * work->ahead_step, sum);
	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			_mm512_store_si512(step->s.dot[i] + 16 * j, sum[i][j]);
		}
	}
}

INLINE void scores_float(const struct attn_work *work, const uint8_t *keys, int64_t first,
	int n_query, enum kv_type type, struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	const float *q = work->q.f32 + first * dim;
	__m512 sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			sum[i][j] = _mm512_setzero_ps();
		}
	}
	for (int64_t d = 0; d < dim; d++) {
		__m512 k[4];

		UNROLL
		for (int j = 0; j < 4; j++) {
			k[j] = load16(keys, (j * dim + d) * 16, type);
		}
		UNROLL
		for (int i = 0; i < n_query; i++) {
			__m512 one = _mm512_set1_ps(q[i * dim + d]);

			UNROLL
			for (int j = 0; j < 4; j++) {
				sum[i][j] = _mm512_fmadd_ps(k[j], one, sum[i][j]);
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			_mm512_store_ps(step->s.p[i] + 16 * j, sum[i][j]);
		}
	}
}

INLINE void page_scores(const struct attn_work *work, const uint8_t *keys, int64_t first,
	int n_query, enum kv_type type, struct page_step *step)
{
	if (type == KV_Q8) {
		scores_q8(work, keys, first, n_query, step);
	} else {
		scores_float(work, keys, first, n_query, type, step);
	}
}

/* Scores times the keys' scales, with `capped` as base-2 logits, and each query's largest logit. */
INLINE void page_max(const struct attn_work *work, const float *k_scale, int64_t page_pos,
	int64_t first, int n_query, enum kv_type type, int masked, int capped,
	struct page_step *step)
{
	__m512 cap = _mm512_set1_ps(work->softcap);

	for (int i = 0; i < n_query; i++) {
		uint64_t seen = masked ? attn_seen(work, first + i, page_pos) : UINT64_MAX;
		__m512 to_cap = _mm512_set1_ps(capped ? work->scale[first + i] / work->softcap : 0);
		__m512 max = _mm512_set1_ps(-FLT_MAX);
		float scale = capped ? 1 : work->scale[first + i];

		for (int j = 0; j < 4; j++) {
			__m512 s;

			if (type == KV_Q8) {
				s = _mm512_cvtepi32_ps(_mm512_load_si512(step->s.dot[i] + 16 * j));
				s = _mm512_mul_ps(s, _mm512_loadu_ps(k_scale + 16 * j));
			} else {
				s = _mm512_load_ps(step->s.p[i] + 16 * j);
			}
			if (capped) {
				s = avx512_tanh(_mm512_mul_ps(s, to_cap));
				s = _mm512_mul_ps(s, cap);
			}
			if (capped || type == KV_Q8) {
				_mm512_store_ps(step->s.p[i] + 16 * j, s);
			}
			if (masked) {
				max = _mm512_mask_max_ps(max, (__mmask16)(seen >> 16 * j), max, s);
			} else {
				max = _mm512_max_ps(max, s);
			}
		}
		/* a page that a query does not see leaves its state as it is */
		step->max[i] = seen == 0 ? -FLT_MAX : avx512_max(max) * scale;
	}
}

/* The factors of the old state and of the page. */
INLINE void page_factors(struct attn_work *work, int64_t first, int n_query, struct page_step *step)
{
	__mmask16 lanes = avx512_lanes(n_query);
	__m512 m = _mm512_maskz_loadu_ps(lanes, work->m + first);
	__m512 page = _mm512_maskz_loadu_ps(lanes, step->max);
	__m512 m_new = _mm512_max_ps(m, page);

	_mm512_storeu_ps(step->keep, avx512_exp2(_mm512_sub_ps(m, m_new)));
	_mm512_storeu_ps(step->add, avx512_exp2(_mm512_sub_ps(page, m_new)));
	_mm512_mask_storeu_ps(work->m + first, lanes, m_new);
}

/* 64 numerators, times their values' scales, to bytes; returns what a byte is worth. */
INLINE float numerators_round(__m512 p[4], uint8_t *out)
{
	__m512 max = _mm512_max_ps(_mm512_max_ps(p[0], p[1]), _mm512_max_ps(p[2], p[3]));
	float w_max = avx512_max(max);
	__m512 inv = _mm512_set1_ps(w_max > 0 ? 255 / w_max : 0);
	__m512i w[4];

	for (int j = 0; j < 4; j++) {
		w[j] = _mm512_cvtps_epi32(_mm512_mul_ps(p[j], inv));
	}
	/* packing works within 128-bit lanes: put the groups of four tokens back in order */
	w[0] = _mm512_packus_epi16(
		_mm512_packus_epi32(w[0], w[1]), _mm512_packus_epi32(w[2], w[3]));
	w[0] = _mm512_permutexvar_epi32(
		_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), w[0]);
	_mm512_store_si512(out, w[0]);
	return w_max * (1.0f / 255);
}

/* The numerators of each query, their sums into the state, and in q8 their rounding. */
INLINE void page_numerators(struct attn_work *work, const float *v_scale, int64_t page_pos,
	int64_t first, int n_query, enum kv_type type, int masked, int capped,
	struct page_step *step)
{
	for (int i = 0; i < n_query; i++) {
		uint64_t seen = masked ? attn_seen(work, first + i, page_pos) : UINT64_MAX;
		__m512 scale = _mm512_set1_ps(capped ? 1 : work->scale[first + i]);
		__m512 max = _mm512_set1_ps(step->max[i]), p[4], sum, l;

		for (int j = 0; j < 4; j++) {
			__m512 x = _mm512_load_ps(step->s.p[i] + 16 * j);

			x = _mm512_fmsub_ps(x, scale, max);
			p[j] = type == KV_Q8 ? avx512_exp2_coarse(x) : avx512_exp2(x);
			if (masked) {
				p[j] = _mm512_maskz_mov_ps((__mmask16)(seen >> 16 * j), p[j]);
			}
		}
		sum = _mm512_add_ps(_mm512_add_ps(p[0], p[1]), _mm512_add_ps(p[2], p[3]));
		l = _mm512_mul_ps(
			_mm512_load_ps(work->l[first + i]), _mm512_set1_ps(step->keep[i]));
		l = _mm512_fmadd_ps(sum, _mm512_set1_ps(step->add[i]), l);
		_mm512_store_ps(work->l[first + i], l);
		for (int j = 0; j < 4; j++) {
			if (type == KV_Q8) {
				__mmask16 lanes = (__mmask16)(seen >> 16 * j);

				p[j] = _mm512_maskz_mul_ps(
					lanes, p[j], _mm512_loadu_ps(v_scale + 16 * j));
			} else {
				_mm512_store_ps(step->s.p[i] + 16 * j, p[j]);
			}
		}
		if (type == KV_Q8) {
			step->add[i] *= numerators_round(p, step->w[i]);
		}
	}
}

INLINE void page_softmax(struct attn_work *work, const float *k_scale, const float *v_scale,
	int64_t page_pos, int64_t first, int n_query, enum kv_type type, int masked, int capped,
	struct page_step *step)
{
	page_max(work, k_scale, page_pos, first, n_query, type, masked, capped, step);
	page_factors(work, first, n_query, step);
	page_numerators(work, v_scale, page_pos, first, n_query, type, masked, capped, step);
}

/* o = o * keep + add * (w x values), dimensions at ... at + 16 * n_vec - 1. */
INLINE void values_q8(struct attn_work *work, const uint8_t *values, int64_t first, int n_query,
	int64_t at, int n_vec, const struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	const uint8_t *ahead = work->ahead + (dim / 2 + at / 4) * work->ahead_step;
	__m512i sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			sum[i][j] = _mm512_setzero_si512();
		}
	}
	for (int64_t t = 0; t < KV_PAGE_TOK; t += 4) {
		__m512i v[4];

		ahead = attn_fetch(ahead, work->ahead_step);
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			v[j] = _mm512_load_si512(values + t * dim + (at + 16 * j) * 4);
		}
		UNROLL
		for (int i = 0; i < n_query; i++) {
			__m512i four = broadcast4(step->w[i] + t);

			UNROLL
			for (int j = 0; j < n_vec; j++) {
				sum[i][j] = dot4(sum[i][j], four, v[j]);
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		__m512 keep = _mm512_set1_ps(step->keep[i]), add = _mm512_set1_ps(step->add[i]);
		float *o = work->o + (first + i) * dim + at;

		UNROLL
		for (int j = 0; j < n_vec; j++) {
			__m512 old = _mm512_mul_ps(_mm512_load_ps(o + 16 * j), keep);

			_mm512_store_ps(o + 16 * j,
				_mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][j]), add, old));
		}
	}
}

INLINE void values_float(struct attn_work *work, const uint8_t *values, int64_t n_tok,
	int64_t first, int n_query, int64_t at, int n_vec, enum kv_type type,
	const struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	__m512 sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			sum[i][j] = _mm512_setzero_ps();
		}
	}
	for (int64_t t = 0; t < n_tok; t++) {
		__m512 v[4];

		UNROLL
		for (int j = 0; j < n_vec; j++) {
			v[j] = load16(values, t * dim + at + 16 * j, type);
		}
		UNROLL
		for (int i = 0; i < n_query; i++) {
			__m512 p = _mm512_set1_ps(step->s.p[i][t]);

			UNROLL
			for (int j = 0; j < n_vec; j++) {
				sum[i][j] = _mm512_fmadd_ps(p, v[j], sum[i][j]);
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		__m512 keep = _mm512_set1_ps(step->keep[i]), add = _mm512_set1_ps(step->add[i]);
		float *o = work->o + (first + i) * dim + at;

		UNROLL
		for (int j = 0; j < n_vec; j++) {
			__m512 old = _mm512_mul_ps(_mm512_load_ps(o + 16 * j), keep);

			_mm512_store_ps(o + 16 * j, _mm512_fmadd_ps(sum[i][j], add, old));
		}
	}
}

/*
 * The three passes over a page, apart from each other so that the compiler keeps each one's
 * accumulators in registers: scores, softmax, values.
 */
typedef void scores_function(
	const struct attn_work *work, const uint8_t *keys, int64_t first, struct page_step *step);
typedef void softmax_function(struct attn_work *work, const float *k_scale, const float *v_scale,
	int64_t page_pos, int64_t first, int n_query, struct page_step *step);
typedef void values_function(struct attn_work *work, const uint8_t *values, int64_t n_tok,
	int64_t first, const struct page_step *step);

#define VALUES(n_vec)                                                                              \
	(type == KV_Q8 ? values_q8(work, values, first, n_query, at, n_vec, step)                  \
		       : values_float(work, values, n_tok, first, n_query, at, n_vec, type, step))

INLINE void page_values(struct attn_work *work, const uint8_t *values, int64_t n_tok, int64_t first,
	int n_query, enum kv_type type, const struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad, at = 0;

	for (; at + 64 <= dim; at += 64) {
		VALUES(4);
	}
	if (at + 32 <= dim) {
		VALUES(2);
		at += 32;
	}
	if (at < dim) {
		VALUES(1);
	}
}

#define PASSES_FOR(n, name, type)                                                                  \
	NOINLINE void scores_##name##_##n(const struct attn_work *work, const uint8_t *keys,       \
		int64_t first, struct page_step *step)                                             \
	{                                                                                          \
		page_scores(work, keys, first, n, type, step);                                     \
	}                                                                                          \
	NOINLINE void values_##name##_##n(struct attn_work *work, const uint8_t *values,           \
		int64_t n_tok, int64_t first, const struct page_step *step)                        \
	{                                                                                          \
		page_values(work, values, n_tok, first, n, type, step);                            \
	}
#define SOFTMAX(name, type, masked, capped)                                                        \
	NOINLINE void name(struct attn_work *work, const float *k_scale, const float *v_scale,     \
		int64_t page_pos, int64_t first, int n_query, struct page_step *step)              \
	{                                                                                          \
		page_softmax(work, k_scale, v_scale, page_pos, first, n_query, type, masked,       \
			capped, step);                                                             \
	}
#define PASSES(name, type)                                                                         \
	PASSES_FOR(1, name, type)                                                                  \
	PASSES_FOR(2, name, type)                                                                  \
	PASSES_FOR(3, name, type)                                                                  \
	PASSES_FOR(4, name, type)                                                                  \
	PASSES_FOR(5, name, type)                                                                  \
	PASSES_FOR(6, name, type)                                                                  \
	SOFTMAX(softmax_##name, type, 0, 0)                                                        \
	SOFTMAX(softmax_masked_##name, type, 1, 0)                                                 \
	SOFTMAX(softmax_capped_##name, type, 1, 1)
PASSES(q8, KV_Q8)
PASSES(f16, KV_F16)
PASSES(f32, KV_F32)

#define EACH(f)                                                                                    \
	{                                                                                          \
		NULL, f##_1, f##_2, f##_3, f##_4, f##_5, f##_6                                     \
	}

#define SOFTMAXES(name)                                                                            \
	{                                                                                          \
		softmax_##name, softmax_masked_##name, softmax_capped_##name                       \
	}

/* Indexed by the number of queries. */
static const struct {
	scores_function *scores[STEP + 1];
	softmax_function *softmax[3]; /* plain, masked, capped (and masked) */
	values_function *values[STEP + 1];
} passes[] = {
	[KV_Q8] = {EACH(scores_q8), SOFTMAXES(q8), EACH(values_q8)},
	[KV_F16] = {EACH(scores_f16), SOFTMAXES(f16), EACH(values_f16)},
	[KV_F32] = {EACH(scores_f32), SOFTMAXES(f32), EACH(values_f32)},
};

/* Queries first ... first + n_query - 1 meet a page of which tokens 0 ... n_tok - 1 exist. */
static void page_run(struct attn_work *work, uint8_t *keys, uint8_t *values, int64_t page_pos,
	int64_t n_tok, int64_t first, int n_query)
{
	enum kv_type type = work->kv->type;
	int kind = work->softcap > 0 ? 2 : attn_masked(work, first, n_query, page_pos);
	struct page_step step;

	if (type != KV_Q8) {
		attn_fetch_all(work);
	}
	passes[type].scores[n_query](work, keys, first, &step);
	passes[type].softmax[kind](work, kv_block_scales(work->kv, keys),
		kv_block_scales(work->kv, values), page_pos, first, n_query, &step);
	passes[type].values[n_query](work, values, n_tok, first, &step);
}

static void query_load(struct attn_work *work, const float *q, int64_t i, float scale)
{
	int64_t dim = work->kv->head_dim, dim_pad = work->kv->head_dim_pad;
	__m512 amax = _mm512_setzero_ps(), inv;
	__m512i sum = _mm512_setzero_si512();
	int8_t *at = work->q.s8 + i * dim_pad;
	float max;

	for (int64_t d = 0; d < dim_pad; d += 16) {
		__m512 x = _mm512_maskz_loadu_ps(avx512_lanes(dim - d), q + d);

		if (work->kv->type != KV_Q8) {
			_mm512_storeu_ps(work->q.f32 + i * dim_pad + d, x);
		}
		amax = _mm512_max_ps(_mm512_abs_ps(x), amax);
	}
	work->scale[i] = scale;
	if (work->kv->type != KV_Q8) {
		return;
	}
	max = avx512_max(amax);
	inv = _mm512_set1_ps(max > 0 ? KV_QUERY_MAX / max : 0);
	work->scale[i] = max / KV_QUERY_MAX * scale;
	for (int64_t d = 0; d < dim_pad; d += 16) {
		__m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(avx512_lanes(dim - d), q + d), inv);
		__m512i n, high;

		/* the second operand where the first is NaN */
		x = _mm512_max_ps(x, _mm512_set1_ps(-KV_QUERY_MAX));
		n = _mm512_cvtps_epi32(_mm512_min_ps(x, _mm512_set1_ps(KV_QUERY_MAX)));
		high = _mm512_srai_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(32)), 6);
		sum = _mm512_add_epi32(sum, n);
		_mm_storeu_si128((void *)(at + d), _mm512_cvtepi32_epi8(high));
		n = _mm512_sub_epi32(n, _mm512_slli_epi32(high, 6));
		_mm_storeu_si128((void *)(at + ATTN_MAX_ELEMS + d), _mm512_cvtepi32_epi8(n));
	}
	work->bias[i] = -KV_KEY_ZERO * _mm512_reduce_add_epi32(sum);
}

static void span_merge(struct attn_work *work, int64_t n_query)
{
	int64_t dim = work->kv->head_dim_pad;

	for (int64_t i = 0; i < n_query; i++) {
		__m512 m_old = _mm512_set1_ps(work->m_total[i]), m = _mm512_set1_ps(work->m[i]);
		__m512 m_new = _mm512_max_ps(m_old, m);
		__m512 keep = avx512_exp2(_mm512_sub_ps(m_old, m_new));
		__m512 add = avx512_exp2(_mm512_sub_ps(m, m_new));

		work->m_total[i] = _mm512_cvtss_f32(m_new);
		work->l_total[i] = work->l_total[i] * _mm512_cvtss_f32(keep) +
				   avx512_sum(_mm512_load_ps(work->l[i])) * _mm512_cvtss_f32(add);
		for (int64_t d = 0; d < dim; d += 16) {
			float *total = work->o_total + i * dim + d;
			__m512 o = _mm512_mul_ps(_mm512_load_ps(work->o + i * dim + d), add);

			_mm512_store_ps(total, _mm512_fmadd_ps(_mm512_load_ps(total), keep, o));
		}
	}
}

static void finish(const struct attn_work *work, int64_t i, float *out)
{
	int64_t dim = work->kv->head_dim;
	const float *total = work->o_total + i * work->kv->head_dim_pad;
	__m512 inv = _mm512_set1_ps(1 / work->l_total[i]);

	for (int64_t d = 0; d < dim; d += 16) {
		__m512 x = _mm512_mul_ps(_mm512_load_ps(total + d), inv);

		/* + 0 makes -0 into 0: whether a masked token's zero was added cannot show */
		x = _mm512_add_ps(x, _mm512_setzero_ps());
		_mm512_mask_storeu_ps(out + d, avx512_lanes(dim - d), x);
	}
}

CPU_RUN(avx512_attention)
{
	static const struct attn_passes attn_passes = {
		STEP, query_load, page_run, span_merge, finish};

	attn_run(&attn_passes, op, env, first, end);
}
