/* The ops of encoders with AVX-512. Sums run in a fixed order: 16 lanes, then a tree. */
#include "kernels/cpu/avx512_math.h"

#define V         __m512
#define V_LANES   16
#define V_QUERIES 6

#define v_load(at)     _mm512_load_ps(at)
#define v_store(at, x) _mm512_store_ps(at, x)
#define v_set1(x)      _mm512_set1_ps(x)
#define v_add(a, b)    _mm512_add_ps(a, b)
#define v_mul(a, b)    _mm512_mul_ps(a, b)
#define v_max(a, b)    _mm512_max_ps(a, b)
#define v_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define v_exp2(x)      avx512_exp2(x)
#define v_hmax(x)      avx512_max(x)
#define v_hsum(x)      avx512_sum(x)

#include "kernels/cpu/attention_bidir_template.h"

CPU_RUN(avx512_attention_bidir)
{
	run_items(op, env, first, end);
}

/* The mean first, then the squares of what differs from it: nothing cancels. */
CPU_RUN(avx512_layernorm)
{
	const struct op_layernorm *o = &op->layernorm;
	const float *weight = op_env_at(env, o->weight), *bias = op_env_at(env, o->bias);

	for (int64_t row = first; row < end; row++) {
		const float *in = (float *)op_env_at(env, o->in) + row * o->n;
		float *out = (float *)op_env_at(env, o->out) + row * o->n;
		__m512 sum = _mm512_setzero_ps(), mean, scale;

		for (int64_t i = 0; i < o->n; i += 16) {
			sum = _mm512_add_ps(
				sum, _mm512_maskz_loadu_ps(avx512_lanes(o->n - i), in + i));
		}
		mean = _mm512_set1_ps(avx512_sum(sum) / (float)o->n);
		sum = _mm512_setzero_ps();
		for (int64_t i = 0; i < o->n; i += 16) {
			__mmask16 lanes = avx512_lanes(o->n - i);
			__m512 x = _mm512_maskz_sub_ps(
				lanes, _mm512_maskz_loadu_ps(lanes, in + i), mean);

			sum = _mm512_fmadd_ps(x, x, sum);
		}
		scale = _mm512_set1_ps(1 / sqrtf(avx512_sum(sum) / (float)o->n + o->eps));
		for (int64_t i = 0; i < o->n; i += 16) {
			__mmask16 lanes = avx512_lanes(o->n - i);
			__m512 x = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, in + i), mean);

			x = _mm512_fmadd_ps(_mm512_mul_ps(x, scale),
				_mm512_maskz_loadu_ps(lanes, weight + i),
				_mm512_maskz_loadu_ps(lanes, bias + i));
			_mm512_mask_storeu_ps(out + i, lanes, x);
		}
	}
}

/*
 * x * (1 - q) where x >= 0, x * q where it is not, with q = erfc(|x| / sqrt(2)) / 2 by formula 7.1.26
 * of Abramowitz & Stegun: absolute error of the factor at most 1.5e-7.
 */
static inline __m512 gelu(__m512 x)
{
	const __m512 one = _mm512_set1_ps(1);
	__m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678f));
	__m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), one));
	__m512 e = avx512_exp2(_mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(-0.72134752f)));
	__m512 q = _mm512_set1_ps(0.5f * 1.061405429f);

	q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.5f * -1.453152027f));
	q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.5f * 1.421413741f));
	q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.5f * -0.284496736f));
	q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.5f * 0.254829592f));
	q = _mm512_mul_ps(_mm512_mul_ps(q, t), e);
	q = _mm512_mask_sub_ps(q, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ), one, q);
	return _mm512_mul_ps(x, q);
}

CPU_RUN(avx512_gelu)
{
	const struct op_gelu *o = &op->gelu;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first * o->n; i < end * o->n; i += 16) {
		__mmask16 lanes = avx512_lanes(end * o->n - i);

		_mm512_mask_storeu_ps(out + i, lanes, gelu(_mm512_maskz_loadu_ps(lanes, in + i)));
	}
}
