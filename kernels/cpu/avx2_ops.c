/*
 * The small ops with AVX2. Sums run in a fixed order: four accumulators of 8 lanes over each 32
 * elements, then a tree.
 */
#include "kernels/cpu/avx2_math.h"
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <math.h>

/* Relative error of the sum at most (n/32 + 5) * 2^-24. */
static float sum_of_squares(const float *x, int64_t n)
{
	__m256 sum[4] = {
		_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
	int64_t i = 0;

	for (; i + 32 <= n; i += 32) {
		for (int j = 0; j < 4; j++) {
			__m256 v = _mm256_loadu_ps(x + i + 8 * j);

			sum[j] = _mm256_fmadd_ps(v, v, sum[j]);
		}
	}
	for (int j = 0; i < n; i += 8, j++) {
		__m256 v = avx2_load(x + i, n - i);

		sum[j] = _mm256_fmadd_ps(v, v, sum[j]);
	}
	return avx2_sum(
		_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

CPU_RUN(avx2_rmsnorm)
{
	const struct op_rmsnorm *o = &op->rmsnorm;
	const float *weight = op_env_at(env, o->weight);

	for (int64_t run = first * o->n_group; run < end * o->n_group; run++) {
		const float *in = (float *)op_env_at(env, o->in) + run * o->n;
		float *out = (float *)op_env_at(env, o->out) + run * o->n;
		float mean = sum_of_squares(in, o->n) / (float)o->n;
		__m256 scale = _mm256_set1_ps(1 / sqrtf(mean + o->eps));

		for (int64_t i = 0; i < o->n; i += 8) {
			__m256 x = _mm256_mul_ps(avx2_load(in + i, o->n - i), scale);

			x = _mm256_mul_ps(x, avx2_load(weight + i, o->n - i));
			if (o->accumulate) {
				x = _mm256_add_ps(x, avx2_load(out + i, o->n - i));
			}
			avx2_store(out + i, o->n - i, x);
		}
	}
}

/* x for 2^x in gate / (1 + 2^x); GELU's tanh form is the same with x = gate * (a + b * gate^2). */
static inline __m256 glu_exponent(__m256 gate, enum glu_act act)
{
	__m256 x = _mm256_set1_ps(-1.44269504f);

	if (act == GLU_GELU_TANH) {
		x = _mm256_fmadd_ps(_mm256_mul_ps(gate, gate), _mm256_set1_ps(-0.10294324f),
			_mm256_set1_ps(-2.30220819f));
	}
	return _mm256_mul_ps(gate, x);
}

/*
 * SiLU: relative error at most 4e-7, and 1e-7 times |gate| more where gate is negative. GELU: 4e-7,
 * and 2e-7 times |x| more where gate is negative.
 */
CPU_RUN(avx2_glu)
{
	const struct op_glu *o = &op->glu;
	const float *gate = op_env_at(env, o->gate), *up = op_env_at(env, o->up);
	float *out = op_env_at(env, o->out);
	const __m256 one = _mm256_set1_ps(1);
	int64_t n = end * o->n;

	for (int64_t i = first * o->n; i < n; i += 8) {
		__m256 g = avx2_load(gate + i, n - i), u = avx2_load(up + i, n - i);
		__m256 e = avx2_exp2(glu_exponent(g, o->act));

		g = _mm256_div_ps(g, _mm256_add_ps(one, e));
		avx2_store(out + i, n - i, _mm256_mul_ps(g, u));
	}
}

/* Relative error at most 5e-7. */
CPU_RUN(avx2_softcap)
{
	const struct op_softcap *o = &op->softcap;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);
	const __m256 cap = _mm256_set1_ps(o->cap);
	int64_t n = end * o->n;

	for (int64_t i = first * o->n; i < n; i += 8) {
		__m256 x = avx2_tanh(_mm256_div_ps(avx2_load(in + i, n - i), cap));

		avx2_store(out + i, n - i, _mm256_mul_ps(x, cap));
	}
}

/* Pairs (2i, 2i+1): angles are { cos, sin } in the same order. */
static void rotate_pairs(float *x, const float *angles, int64_t n_freq)
{
	int64_t n = 2 * n_freq;

	for (int64_t i = 0; i < n; i += 8) {
		__m256 v = avx2_load(x + i, n - i), a = avx2_load(angles + i, n - i);
		__m256 swapped = _mm256_permute_ps(v, 0xb1);

		swapped = _mm256_mul_ps(swapped, _mm256_movehdup_ps(a));
		avx2_store(x + i, n - i, _mm256_fmaddsub_ps(v, _mm256_moveldup_ps(a), swapped));
	}
}

/* Pairs (i, i + n_freq). */
static void rotate_halves(float *x, const float *angles, int64_t n_freq)
{
	for (int64_t i = 0; i < n_freq; i += 8) {
		int64_t left = n_freq - i;
		__m256 low = avx2_load(angles + 2 * i, 2 * left);
		__m256 high = avx2_load(angles + 2 * i + 8, 2 * left - 8);
		__m256 c = _mm256_shuffle_ps(low, high, 0x88),
		       s = _mm256_shuffle_ps(low, high, 0xdd);
		__m256 a = avx2_load(x + i, left), b = avx2_load(x + n_freq + i, left);

		/* shuffling works within 128-bit lanes: put the pairs of angles back in order */
		c = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(c), 0xd8));
		s = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(s), 0xd8));
		avx2_store(x + i, left, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
		avx2_store(x + n_freq + i, left, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
	}
}

CPU_RUN(avx2_rope)
{
	rope_rows(op, env, first, end, op->rope.neox ? rotate_halves : rotate_pairs);
}

/* 8 elements at most to integers of a scale, as ref.c rounds them. */
static inline void quantize(const float *x, int64_t n, __m256 inv, int32_t out[8])
{
	__m256 scaled = _mm256_mul_ps(avx2_load(x, n), inv);

	/* the second operand where the first is NaN */
	scaled = _mm256_max_ps(scaled, _mm256_set1_ps(-127));
	scaled = _mm256_min_ps(scaled, _mm256_set1_ps(127));
	_mm256_storeu_si256((void *)out, _mm256_cvtps_epi32(scaled));
}

static float amax_of(const float *x, int64_t n)
{
	__m256 amax = _mm256_setzero_ps();

	for (int64_t i = 0; i < n; i += 8) {
		amax = _mm256_max_ps(avx2_abs(avx2_load(x + i, n - i)), amax);
	}
	return avx2_max(amax);
}

static void write_q8(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	float k_max = amax_of(k, kv->head_dim), v_max = amax_of(v, kv->head_dim);
	__m256 k_inv = _mm256_set1_ps(k_max > 0 ? 127 / k_max : 0);
	__m256 v_inv = _mm256_set1_ps(v_max > 0 ? 127 / v_max : 0);

	kv_block_scales(kv, keys)[tok] = k_max / 127;
	kv_block_scales(kv, values)[tok] = v_max / 127;
	for (int64_t d = 0; d < kv->head_dim_pad; d += 8) {
		uint8_t *at_key = keys + kv_key_index(kv, tok, d);
		uint8_t *at_value = values + kv_value_index(kv, tok, d);
		int32_t key[8], value[8];

		quantize(k + d, kv->head_dim - d, k_inv, key);
		quantize(v + d, kv->head_dim - d, v_inv, value);
		for (int j = 0; j < 8; j++) {
			at_key[j / 4 * 64 + j % 4] = (uint8_t)(key[j] + KV_KEY_ZERO);
			at_value[4 * j] = (uint8_t)value[j];
		}
	}
}

static void write_f16(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	const __m256 most = _mm256_set1_ps(65504), least = _mm256_set1_ps(-65504);

	for (int64_t d = 0; d < kv->head_dim_pad; d += 8) {
		__m256 key = avx2_load(k + d, kv->head_dim - d);
		__m256 value = avx2_load(v + d, kv->head_dim - d);
		uint16_t *at_key = (uint16_t *)(void *)keys + kv_key_index(kv, tok, d);
		uint16_t half[8];

		key = _mm256_min_ps(_mm256_max_ps(key, least), most);
		value = _mm256_min_ps(_mm256_max_ps(value, least), most);
		_mm_storeu_si128((void *)half, _mm256_cvtps_ph(key, _MM_FROUND_TO_NEAREST_INT));
		_mm_storeu_si128((void *)(values + 2 * kv_value_index(kv, tok, d)),
			_mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
		for (int j = 0; j < 8; j++) {
			at_key[16 * j] = half[j];
		}
	}
}

/* f32 is for tests: the reference writes it. */
CPU_RUN(avx2_kv_write)
{
	if (env->kv->type == KV_F32) {
		ref_kv_write(op, env, first, end);
	} else {
		kv_write_rows(op, env, first, end, env->kv->type == KV_Q8 ? write_q8 : write_f16);
	}
}
