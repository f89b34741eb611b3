/*
 * The passes of attention with AVX2 (attention_tile.h).
 *
 * A page is met by two queries at a time: 2 queries x 4 vectors of 8 tokens, then of 8 dimensions.
 * With q8, bytes are widened to 16 bits and multiplied by `vpmaddwd`, which cannot saturate as
 * `vpmaddubsw` would: the even and the odd elements of four apart, so a query's (and the softmax
 * numerators') four stand as 0, 2, 1, 3. Having 16 bits, numerators keep 14.
 */
#include "kernels/cpu/attention_tile.h"
#include "kernels/cpu/avx2_math.h"
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <float.h>
#include <string.h>

#define STEP     2 /* queries that share registers */
#define INLINE   static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
/* Before a loop over accumulators: gcc then sees early that each of them is a register. */
#define UNROLL _Pragma("GCC unroll 8")

/* What stands between a page's scores and its values, for STEP queries. */
struct page_step {
	union {
		int32_t dot[STEP][KV_PAGE_TOK]; /* q8: q.k */
		float p[STEP][KV_PAGE_TOK];     /* q.k, then the softmax numerators */
	} s __attribute__((aligned(64)));
	int16_t w[STEP][KV_PAGE_TOK] __attribute__((aligned(64))); /* q8: numerators, rounded */
	float max[STEP], keep[STEP], add[STEP];                    /* add: with the scale of w */
};

INLINE __m256i broadcast2(const int16_t *pair)
{
	int32_t value;

	memcpy(&value, pair, sizeof(value));
	return _mm256_set1_epi32(value);
}

/* Eight elements of f16 or f32 from element `at`. */
INLINE __m256 load8(const uint8_t *base, int64_t at, enum kv_type type)
{
	if (type == KV_F16) {
		return _mm256_cvtph_ps(_mm_loadu_si128((const void *)(base + 2 * at)));
	}
	return _mm256_loadu_ps((const float *)(const void *)(base + 4 * at));
}

/* Half a page: tokens 32 * half ... 32 * half + 31. */
INLINE void scores_q8(const struct attn_work *work, const uint8_t *keys, int64_t first, int n_query,
	int64_t half, struct page_step *step)
{
	const __m256i low_bytes = _mm256_set1_epi16(0xff);
	int64_t dim = work->kv->head_dim_pad;
	const int16_t *q = work->q.s16 + first * dim;
	const uint8_t *ahead = work->ahead + half * (dim / 4) * work->ahead_step;
	__m256i sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			sum[i][j] = _mm256_set1_epi32(work->bias[first + i]);
		}
	}
	for (int64_t d = 0; d < dim; d += 4) {
		ahead = attn_fetch(ahead, work->ahead_step);
		UNROLL
		for (int j = 0; j < 4; j++) {
			const uint8_t *at = keys + ((2 * half + j / 2) * dim + d) * 16 + j % 2 * 32;
			__m256i k = _mm256_load_si256((const void *)at);
			__m256i even = _mm256_and_si256(k, low_bytes),
				odd = _mm256_srli_epi16(k, 8);

			UNROLL
			for (int i = 0; i < n_query; i++) {
				const int16_t *four = q + i * dim + d;
				__m256i a = _mm256_madd_epi16(even, broadcast2(four));
				__m256i b = _mm256_madd_epi16(odd, broadcast2(four + 2));

				sum[i][j] = _mm256_add_epi32(sum[i][j], _mm256_add_epi32(a, b));
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			_mm256_store_si256((void *)(step->s.dot[i] + 32 * half + 8 * j), sum[i][j]);
		}
	}
}

INLINE void scores_float(const struct attn_work *work, const uint8_t *keys, int64_t first,
	int n_query, int64_t half, enum kv_type type, struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	const float *q = work->q.f32 + first * dim;
	__m256 sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			sum[i][j] = _mm256_setzero_ps();
		}
	}
	for (int64_t d = 0; d < dim; d++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			int64_t at = ((2 * half + j / 2) * dim + d) * 16 + j % 2 * 8;
			__m256 k = load8(keys, at, type);

			UNROLL
			for (int i = 0; i < n_query; i++) {
				sum[i][j] = _mm256_fmadd_ps(
					k, _mm256_set1_ps(q[i * dim + d]), sum[i][j]);
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < 4; j++) {
			_mm256_store_ps(step->s.p[i] + 32 * half + 8 * j, sum[i][j]);
		}
	}
}

/* All ones for each of the tokens t ... t + 7 of a page that is seen. */
INLINE __m256 seen_lanes(uint64_t seen, int64_t t)
{
	const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
	__m256i bits = _mm256_set1_epi32((int32_t)(seen >> t & 0xff));

	return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(bits, bit), bit));
}

/*
 * Scores times the keys' scales, with `capped` as base-2 logits; the largest logit that the query
 * sees.
 */
INLINE float page_max(const struct attn_work *work, const float *k_scale, uint64_t seen,
	int64_t query, int masked, int capped, float *s)
{
	__m256 max = _mm256_set1_ps(-FLT_MAX), cap = _mm256_set1_ps(work->softcap);
	__m256 to_cap = _mm256_set1_ps(capped ? work->scale[query] / work->softcap : 0);

	if (seen == 0) {
		return -FLT_MAX; /* the page leaves the query's state as it is */
	}
	for (int64_t t = 0; t < KV_PAGE_TOK; t += 8) {
		__m256 x = _mm256_load_ps(s + t);

		if (work->kv->type == KV_Q8) {
			x = _mm256_cvtepi32_ps(_mm256_castps_si256(x));
			x = _mm256_mul_ps(x, _mm256_loadu_ps(k_scale + t));
		}
		if (capped) {
			x = _mm256_mul_ps(avx2_tanh(_mm256_mul_ps(x, to_cap)), cap);
		}
		if (capped || work->kv->type == KV_Q8) {
			_mm256_store_ps(s + t, x);
		}
		if (masked) {
			x = _mm256_blendv_ps(max, x, seen_lanes(seen, t));
		}
		max = _mm256_max_ps(x, max);
	}
	return avx2_max(max) * (capped ? 1 : work->scale[query]);
}

/* 64 numerators times their values' scales to 16-bit integers; returns what one is worth. */
static float numerators_round(const __m256 p[8], int16_t *out)
{
	__m256 max = p[0], inv;
	float w_max;

	for (int j = 1; j < 8; j++) {
		max = _mm256_max_ps(max, p[j]);
	}
	w_max = avx2_max(max);
	inv = _mm256_set1_ps(w_max > 0 ? KV_WEIGHT_MAX / w_max : 0);
	for (int j = 0; j < 8; j += 2) {
		__m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(p[j], inv));
		__m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(p[j + 1], inv));

		a = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
		a = _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(a, 0xd8), 0xd8);
		_mm256_store_si256((void *)(out + 8 * j), a);
	}
	return w_max * (1.0f / KV_WEIGHT_MAX);
}

/* The numerators of query first + i, their sum into the state, and in q8 their rounding. */
INLINE void page_numerators(struct attn_work *work, const float *v_scale, uint64_t seen,
	int64_t query, int i, int masked, int capped, struct page_step *step)
{
	__m256 scale = _mm256_set1_ps(capped ? 1 : work->scale[query]);
	__m256 max = _mm256_set1_ps(step->max[i]);
	__m256 sum = _mm256_setzero_ps(), l = _mm256_load_ps(work->l[query]), p[8];

	for (int j = 0; j < 8; j++) {
		__m256 x = _mm256_load_ps(step->s.p[i] + 8 * j);

		p[j] = avx2_exp2(_mm256_fmsub_ps(x, scale, max));
		if (masked) {
			p[j] = _mm256_and_ps(p[j], seen_lanes(seen, 8 * j));
		}
		sum = _mm256_add_ps(sum, p[j]);
		if (work->kv->type == KV_Q8) {
			x = _mm256_loadu_ps(v_scale + 8 * j);
			if (masked) {
				x = _mm256_and_ps(x, seen_lanes(seen, 8 * j));
			}
			p[j] = _mm256_mul_ps(p[j], x);
		} else {
			_mm256_store_ps(step->s.p[i] + 8 * j, p[j]);
		}
	}
	l = _mm256_mul_ps(l, _mm256_set1_ps(step->keep[i]));
	l = _mm256_fmadd_ps(sum, _mm256_set1_ps(step->add[i]), l);
	_mm256_store_ps(work->l[query], l);
	if (work->kv->type == KV_Q8) {
		step->add[i] *= numerators_round(p, step->w[i]);
	}
}

INLINE void page_softmax(struct attn_work *work, uint8_t *keys, uint8_t *values, int64_t page_pos,
	int64_t first, int n_query, int masked, int capped, struct page_step *step)
{
	const float *k_scale = kv_block_scales(work->kv, keys);
	const float *v_scale = kv_block_scales(work->kv, values);

	for (int i = 0; i < n_query; i++) {
		int64_t query = first + i;
		uint64_t seen = masked ? attn_seen(work, query, page_pos) : UINT64_MAX;
		float m = work->m[query], m_new;
		__m256 factors;

		step->max[i] = page_max(work, k_scale, seen, query, masked, capped, step->s.p[i]);
		m_new = m > step->max[i] ? m : step->max[i];
		factors = _mm256_setr_ps(m - m_new, step->max[i] - m_new, 0, 0, 0, 0, 0, 0);
		factors = avx2_exp2(factors);
		step->keep[i] = _mm256_cvtss_f32(factors);
		step->add[i] = _mm256_cvtss_f32(_mm256_permute_ps(factors, 1));
		work->m[query] = m_new;
		page_numerators(work, v_scale, seen, query, i, masked, capped, step);
	}
}

#define SOFTMAX(name, masked, capped)                                                              \
	NOINLINE void name(struct attn_work *work, uint8_t *keys, uint8_t *values,                 \
		int64_t page_pos, int64_t first, int n_query, struct page_step *step)              \
	{                                                                                          \
		page_softmax(work, keys, values, page_pos, first, n_query, masked, capped, step);  \
	}
SOFTMAX(softmax_plain, 0, 0)
SOFTMAX(softmax_masked, 1, 0)
SOFTMAX(softmax_capped, 1, 1)

/* o = o * keep + add * sum, 8 * n_vec dimensions from `at`. */
INLINE void rescale(struct attn_work *work, __m256 sum[STEP][4], int64_t first, int n_query,
	int64_t at, int n_vec, const struct page_step *step)
{
	UNROLL
	for (int i = 0; i < n_query; i++) {
		__m256 keep = _mm256_set1_ps(step->keep[i]), add = _mm256_set1_ps(step->add[i]);
		float *o = work->o + (first + i) * work->kv->head_dim_pad + at;

		UNROLL
		for (int j = 0; j < n_vec; j++) {
			__m256 old = _mm256_mul_ps(_mm256_load_ps(o + 8 * j), keep);

			_mm256_store_ps(o + 8 * j, _mm256_fmadd_ps(sum[i][j], add, old));
		}
	}
}

INLINE void values_q8(struct attn_work *work, const uint8_t *values, int64_t first, int n_query,
	int64_t at, int n_vec, const struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	const uint8_t *ahead = work->ahead + (dim / 2 + at / 4) * work->ahead_step;
	__m256i sum[STEP][4];
	__m256 total[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			sum[i][j] = _mm256_setzero_si256();
		}
	}
	for (int64_t t = 0; t < KV_PAGE_TOK; t += 4) {
		if (t % 8 == 0) {
			ahead = attn_fetch(ahead, work->ahead_step);
		}
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			const uint8_t *from = values + t * dim + (at + 8 * j) * 4;
			__m256i v = _mm256_load_si256((const void *)from);
			__m256i even = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
			__m256i odd = _mm256_srai_epi16(v, 8);

			UNROLL
			for (int i = 0; i < n_query; i++) {
				__m256i a = _mm256_madd_epi16(even, broadcast2(step->w[i] + t));
				__m256i b = _mm256_madd_epi16(odd, broadcast2(step->w[i] + t + 2));

				sum[i][j] = _mm256_add_epi32(sum[i][j], _mm256_add_epi32(a, b));
			}
		}
	}
	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			total[i][j] = _mm256_cvtepi32_ps(sum[i][j]);
		}
	}
	rescale(work, total, first, n_query, at, n_vec, step);
}

INLINE void values_float(struct attn_work *work, const uint8_t *values, int64_t n_tok,
	int64_t first, int n_query, int64_t at, int n_vec, enum kv_type type,
	const struct page_step *step)
{
	int64_t dim = work->kv->head_dim_pad;
	__m256 sum[STEP][4];

	UNROLL
	for (int i = 0; i < n_query; i++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			sum[i][j] = _mm256_setzero_ps();
		}
	}
	for (int64_t t = 0; t < n_tok; t++) {
		UNROLL
		for (int j = 0; j < n_vec; j++) {
			__m256 v = load8(values, t * dim + at + 8 * j, type);

			UNROLL
			for (int i = 0; i < n_query; i++) {
				sum[i][j] = _mm256_fmadd_ps(
					_mm256_set1_ps(step->s.p[i][t]), v, sum[i][j]);
			}
		}
	}
	rescale(work, sum, first, n_query, at, n_vec, step);
}

#define VALUES(n_vec)                                                                              \
	(type == KV_Q8 ? values_q8(work, values, first, n_query, at, n_vec, &step)                 \
		       : values_float(                                                             \
				 work, values, n_tok, first, n_query, at, n_vec, type, &step))

INLINE void page_queries(struct attn_work *work, uint8_t *keys, uint8_t *values, int64_t page_pos,
	int64_t n_tok, int64_t first, int n_query, enum kv_type type)
{
	int64_t dim = work->kv->head_dim_pad, at = 0;
	struct page_step step;

	for (int64_t half = 0; half < 2; half++) {
		if (type == KV_Q8) {
			scores_q8(work, keys, first, n_query, half, &step);
		} else {
			scores_float(work, keys, first, n_query, half, type, &step);
		}
	}
	if (work->softcap > 0) {
		softmax_capped(work, keys, values, page_pos, first, n_query, &step);
	} else if (attn_masked(work, first, n_query, page_pos)) {
		softmax_masked(work, keys, values, page_pos, first, n_query, &step);
	} else {
		softmax_plain(work, keys, values, page_pos, first, n_query, &step);
	}
	for (; at + 32 <= dim; at += 32) {
		VALUES(4);
	}
	if (at < dim) {
		VALUES(2);
	}
}

static void page_run(struct attn_work *work, uint8_t *keys, uint8_t *values, int64_t page_pos,
	int64_t n_tok, int64_t first, int32_t n_query)
{
	enum kv_type type = work->kv->type;

	if (type != KV_Q8) {
		attn_fetch_all(work);
	}
#define PAGE(n, type) page_queries(work, keys, values, page_pos, n_tok, first, n, type)
	if (n_query == 1) {
		type == KV_Q8 ? PAGE(1, KV_Q8) : type == KV_F16 ? PAGE(1, KV_F16) : PAGE(1, KV_F32);
	} else {
		type == KV_Q8 ? PAGE(2, KV_Q8) : type == KV_F16 ? PAGE(2, KV_F16) : PAGE(2, KV_F32);
	}
#undef PAGE
}

static void query_load(struct attn_work *work, const float *q, int64_t i, float scale)
{
	int64_t dim = work->kv->head_dim, dim_pad = work->kv->head_dim_pad;
	__m256 amax = _mm256_setzero_ps(), inv;
	int32_t sum = 0, n[8];
	float max;

	for (int64_t d = 0; d < dim_pad; d += 8) {
		__m256 x = avx2_load(q + d, dim - d);

		if (work->kv->type != KV_Q8) {
			_mm256_storeu_ps(work->q.f32 + i * dim_pad + d, x);
		}
		amax = _mm256_max_ps(avx2_abs(x), amax);
	}
	work->scale[i] = scale;
	if (work->kv->type != KV_Q8) {
		return;
	}
	max = avx2_max(amax);
	inv = _mm256_set1_ps(max > 0 ? KV_QUERY_MAX / max : 0);
	work->scale[i] = max / KV_QUERY_MAX * scale;
	for (int64_t d = 0; d < dim_pad; d += 8) {
		__m256 x = _mm256_mul_ps(avx2_load(q + d, dim - d), inv);
		int16_t *at = work->q.s16 + i * dim_pad + d;

		/* the second operand where the first is NaN */
		x = _mm256_max_ps(x, _mm256_set1_ps(-KV_QUERY_MAX));
		x = _mm256_min_ps(x, _mm256_set1_ps(KV_QUERY_MAX));
		_mm256_storeu_si256((void *)n, _mm256_cvtps_epi32(x));
		for (int64_t e = 0; e < 8; e++) {
			at[e / 4 * 4 + e % 2 * 2 + e / 2 % 2] = (int16_t)n[e];
			sum += n[e];
		}
	}
	work->bias[i] = -KV_KEY_ZERO * sum;
}

static void span_merge(struct attn_work *work, int64_t n_query)
{
	int64_t dim = work->kv->head_dim_pad;

	for (int64_t i = 0; i < n_query; i++) {
		float m_old = work->m_total[i], m = work->m[i], m_new = m_old > m ? m_old : m;
		__m256 keep = avx2_exp2(_mm256_set1_ps(m_old - m_new));
		__m256 add = avx2_exp2(_mm256_set1_ps(m - m_new));

		work->m_total[i] = m_new;
		work->l_total[i] = work->l_total[i] * _mm256_cvtss_f32(keep) +
				   avx2_sum(_mm256_load_ps(work->l[i])) * _mm256_cvtss_f32(add);
		for (int64_t d = 0; d < dim; d += 8) {
			float *total = work->o_total + i * dim + d;
			__m256 o = _mm256_mul_ps(_mm256_load_ps(work->o + i * dim + d), add);

			_mm256_store_ps(total, _mm256_fmadd_ps(_mm256_load_ps(total), keep, o));
		}
	}
}

static void finish(const struct attn_work *work, int64_t i, float *out)
{
	int64_t dim = work->kv->head_dim;
	const float *total = work->o_total + i * work->kv->head_dim_pad;
	__m256 inv = _mm256_set1_ps(1 / work->l_total[i]);

	for (int64_t d = 0; d < dim; d += 8) {
		__m256 x = _mm256_mul_ps(_mm256_load_ps(total + d), inv);

		/* + 0 makes -0 into 0: whether a masked token's zero was added cannot show */
		avx2_store(out + d, dim - d, _mm256_add_ps(x, _mm256_setzero_ps()));
	}
}

CPU_RUN(avx2_attention)
{
	static const struct attn_passes passes = {STEP, query_load, page_run, span_merge, finish};

	attn_run(&passes, op, env, first, end);
}
