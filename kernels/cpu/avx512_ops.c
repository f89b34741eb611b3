/*
 * The small ops with AVX-512. Sums run in a fixed order: four accumulators of 16 lanes over each
 * 64 elements, then a tree.
 */
#include "kernels/cpu/avx512_math.h"
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <math.h>

/* Relative error of the sum at most (n/64 + 6) * 2^-24. */
static float sum_of_squares(const float *x, int64_t n)
{
	__m512 sum[4] = {
		_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};

	for (int64_t i = 0; i < n; i += 64) {
		for (int j = 0; j < 4; j++) {
			__mmask16 lanes = avx512_lanes(n - i - 16 * j);
			__m512 v = _mm512_maskz_loadu_ps(lanes, x + i + 16 * j);

			sum[j] = _mm512_fmadd_ps(v, v, sum[j]);
		}
	}
	return avx512_sum(
		_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
}

CPU_RUN(avx512_rmsnorm)
{
	const struct op_rmsnorm *o = &op->rmsnorm;
	const float *weight = op_env_at(env, o->weight);

	for (int64_t run = first * o->n_group; run < end * o->n_group; run++) {
		const float *in = (float *)op_env_at(env, o->in) + run * o->n;
		float *out = (float *)op_env_at(env, o->out) + run * o->n;
		float mean = sum_of_squares(in, o->n) / (float)o->n;
		__m512 scale = _mm512_set1_ps(1 / sqrtf(mean + o->eps));

		for (int64_t i = 0; i < o->n; i += 16) {
			__mmask16 lanes = avx512_lanes(o->n - i);
			__m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, in + i), scale);

			x = _mm512_mul_ps(x, _mm512_maskz_loadu_ps(lanes, weight + i));
			if (o->accumulate) {
				x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(lanes, out + i));
			}
			_mm512_mask_storeu_ps(out + i, lanes, x);
		}
	}
}

/*
 * x for 2^x in gate / (1 + 2^x); GELU's tanh form is the same with x = gate * (a + b * gate^2).
 * Kept below where 2^x is infinite, so that no gate is so far from zero that it becomes NaN.
 */
static inline __m512 glu_exponent(__m512 gate, enum glu_act act)
{
	__m512 x = _mm512_set1_ps(-1.44269504f);

	if (act == GLU_GELU_TANH) {
		x = _mm512_fmadd_ps(_mm512_mul_ps(gate, gate), _mm512_set1_ps(-0.10294324f),
			_mm512_set1_ps(-2.30220819f));
	}
	return _mm512_min_ps(_mm512_mul_ps(gate, x), _mm512_set1_ps(200));
}

/*
 * SiLU: relative error at most 4e-7, and 1e-7 times |gate| more where gate is negative. GELU: 4e-7,
 * and 2e-7 times |x| more where gate is negative.
 */
CPU_RUN(avx512_glu)
{
	const struct op_glu *o = &op->glu;
	const float *gate = op_env_at(env, o->gate), *up = op_env_at(env, o->up);
	float *out = op_env_at(env, o->out);
	const __m512 one = _mm512_set1_ps(1);

	for (int64_t i = first * o->n; i < end * o->n; i += 16) {
		__mmask16 lanes = avx512_lanes(end * o->n - i);
		__m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
		__m512 u = _mm512_maskz_loadu_ps(lanes, up + i);
		__m512 e = avx512_exp2(glu_exponent(g, o->act));

		g = _mm512_div_ps(g, _mm512_add_ps(one, e));
		_mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(g, u));
	}
}

/* Relative error at most 5e-7. */
CPU_RUN(avx512_softcap)
{
	const struct op_softcap *o = &op->softcap;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);
	const __m512 cap = _mm512_set1_ps(o->cap);

	for (int64_t i = first * o->n; i < end * o->n; i += 16) {
		__mmask16 lanes = avx512_lanes(end * o->n - i);
		__m512 x = _mm512_div_ps(_mm512_maskz_loadu_ps(lanes, in + i), cap);

		_mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(avx512_tanh(x), cap));
	}
}

/* Pairs (2i, 2i+1): angles are { cos, sin } in the same order. */
static void rotate_pairs(float *x, const float *angles, int64_t n_freq)
{
	for (int64_t i = 0; i < 2 * n_freq; i += 16) {
		__mmask16 lanes = avx512_lanes(2 * n_freq - i);
		__m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
		__m512 a = _mm512_maskz_loadu_ps(lanes, angles + i);
		__m512 swapped = _mm512_permute_ps(v, 0xb1);

		swapped = _mm512_mul_ps(swapped, _mm512_movehdup_ps(a));
		v = _mm512_fmaddsub_ps(v, _mm512_moveldup_ps(a), swapped);
		_mm512_mask_storeu_ps(x + i, lanes, v);
	}
}

/* Pairs (i, i + n_freq). */
static void rotate_halves(float *x, const float *angles, int64_t n_freq)
{
	const __m512i even =
		_mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));

	for (int64_t i = 0; i < n_freq; i += 16) {
		__mmask16 lanes = avx512_lanes(n_freq - i);
		__m512 low = _mm512_maskz_loadu_ps(avx512_lanes(2 * (n_freq - i)), angles + 2 * i);
		__m512 high = _mm512_maskz_loadu_ps(
			avx512_lanes(2 * (n_freq - i) - 16), angles + 2 * i + 16);
		__m512 c = _mm512_permutex2var_ps(low, even, high);
		__m512 s = _mm512_permutex2var_ps(low, odd, high);
		__m512 a = _mm512_maskz_loadu_ps(lanes, x + i);
		__m512 b = _mm512_maskz_loadu_ps(lanes, x + n_freq + i);

		_mm512_mask_storeu_ps(x + i, lanes, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
		_mm512_mask_storeu_ps(
			x + n_freq + i, lanes, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
	}
}

CPU_RUN(avx512_rope)
{
	rope_rows(op, env, first, end, op->rope.neox ? rotate_halves : rotate_pairs);
}

/* 16 elements at most to integers of a scale, as ref.c rounds them. */
static inline __m512i quantize(const float *x, int64_t n, __m512 inv)
{
	__m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(avx512_lanes(n), x), inv);

	/* the second operand where the first is NaN */
	scaled = _mm512_max_ps(scaled, _mm512_set1_ps(-127));
	return _mm512_cvtps_epi32(_mm512_min_ps(scaled, _mm512_set1_ps(127)));
}

static float amax_of(const float *x, int64_t n)
{
	__m512 amax = _mm512_setzero_ps();

	for (int64_t i = 0; i < n; i += 16) {
		__m512 v = _mm512_maskz_loadu_ps(avx512_lanes(n - i), x + i);

		amax = _mm512_max_ps(_mm512_abs_ps(v), amax); /* NaN counts as nothing */
	}
	return avx512_max(amax);
}

static void write_q8(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	float k_max = amax_of(k, kv->head_dim), v_max = amax_of(v, kv->head_dim);
	__m512 k_inv = _mm512_set1_ps(k_max > 0 ? 127 / k_max : 0);
	__m512 v_inv = _mm512_set1_ps(v_max > 0 ? 127 / v_max : 0);

	kv_block_scales(kv, keys)[tok] = k_max / 127;
	kv_block_scales(kv, values)[tok] = v_max / 127;
	for (int64_t d = 0; d < kv->head_dim_pad; d += 16) {
		__m512i key = quantize(k + d, kv->head_dim - d, k_inv);
		__m512i value = quantize(v + d, kv->head_dim - d, v_inv);
		uint8_t *at = values + kv_value_index(kv, tok, d);
		uint32_t four[4];
		int8_t one[16];

		key = _mm512_add_epi32(key, _mm512_set1_epi32(KV_KEY_ZERO));
		_mm_storeu_si128((void *)four, _mm512_cvtepi32_epi8(key));
		for (int j = 0; j < 4; j++) {
			*(uint32_t *)(void *)(keys + kv_key_index(kv, tok, d + 4 * j)) = four[j];
		}
		_mm_storeu_si128((void *)one, _mm512_cvtepi32_epi8(value));
		for (int j = 0; j < 16; j++) {
			at[4 * j] = (uint8_t)one[j];
		}
	}
}

static inline __m256i to_f16(__m512 x)
{
	x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-65504)), _mm512_set1_ps(65504));
	return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static void write_float(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	for (int64_t d = 0; d < kv->head_dim_pad; d += 16) {
		__mmask16 lanes = avx512_lanes(kv->head_dim - d);
		__m512 key = _mm512_maskz_loadu_ps(lanes, k + d);
		__m512 value = _mm512_maskz_loadu_ps(lanes, v + d);
		int64_t at_key = kv_key_index(kv, tok, d), at_value = kv_value_index(kv, tok, d);

		if (kv->type == KV_F16) {
			uint16_t half[16];

			_mm256_storeu_si256((void *)half, to_f16(key));
			_mm256_storeu_si256((void *)(values + 2 * at_value), to_f16(value));
			for (int j = 0; j < 16; j++) {
				((uint16_t *)(void *)keys)[at_key + 16 * j] = half[j];
			}
		} else {
			float one[16];

			_mm512_storeu_ps(one, key);
			_mm512_storeu_ps(values + 4 * at_value, value);
			for (int j = 0; j < 16; j++) {
				((float *)(void *)keys)[at_key + 16 * j] = one[j];
			}
		}
	}
}

CPU_RUN(avx512_kv_write)
{
	kv_write_rows(op, env, first, end, env->kv->type == KV_Q8 ? write_q8 : write_float);
}
