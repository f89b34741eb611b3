/* The ops of encoders with AVX2. Sums run in a fixed order: 8 lanes, then a tree. */
#include "kernels/cpu/avx2_math.h"

#define V         __m256
#define V_LANES   8
#define V_QUERIES 3

#define v_load(at)     _mm256_load_ps(at)
#define v_store(at, x) _mm256_store_ps(at, x)
#define v_set1(x)      _mm256_set1_ps(x)
#define v_add(a, b)    _mm256_add_ps(a, b)
#define v_mul(a, b)    _mm256_mul_ps(a, b)
#define v_max(a, b)    _mm256_max_ps(a, b)
#define v_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define v_exp2(x)      avx2_exp2(x)
#define v_hmax(x)      avx2_max(x)
#define v_hsum(x)      avx2_sum(x)

#include "kernels/cpu/attention_bidir_template.h"

CPU_RUN(avx2_attention_bidir)
{
	run_items(op, env, first, end);
}

/* x less the mean, zeros from n on. */
static inline __m256 centred(const float *x, int64_t n, __m256 mean)
{
	return _mm256_and_ps(
		_mm256_sub_ps(avx2_load(x, n), mean), _mm256_castsi256_ps(avx2_lanes(n)));
}

/* The mean first, then the squares of what differs from it: nothing cancels. */
CPU_RUN(avx2_layernorm)
{
	const struct op_layernorm *o = &op->layernorm;
	const float *weight = op_env_at(env, o->weight), *bias = op_env_at(env, o->bias);

	for (int64_t row = first; row < end; row++) {
		const float *in = (float *)op_env_at(env, o->in) + row * o->n;
		float *out = (float *)op_env_at(env, o->out) + row * o->n;
		__m256 sum = _mm256_setzero_ps(), mean, scale;

		for (int64_t i = 0; i < o->n; i += 8) {
			sum = _mm256_add_ps(sum, avx2_load(in + i, o->n - i));
		}
		mean = _mm256_set1_ps(avx2_sum(sum) / (float)o->n);
		sum = _mm256_setzero_ps();
		for (int64_t i = 0; i < o->n; i += 8) {
			__m256 x = centred(in + i, o->n - i, mean);

			sum = _mm256_fmadd_ps(x, x, sum);
		}
		scale = _mm256_set1_ps(1 / sqrtf(avx2_sum(sum) / (float)o->n + o->eps));
		for (int64_t i = 0; i < o->n; i += 8) {
			int64_t n = o->n - i;
			__m256 x = _mm256_mul_ps(centred(in + i, n, mean), scale);

			avx2_store(out + i, n,
				_mm256_fmadd_ps(
					x, avx2_load(weight + i, n), avx2_load(bias + i, n)));
		}
	}
}

/*
 * x * (1 - q) where x >= 0, x * q where it is not, with q = erfc(|x| / sqrt(2)) / 2 by formula 7.1.26
 * of Abramowitz & Stegun: absolute error of the factor at most 1.5e-7.
 */
static inline __m256 gelu(__m256 x)
{
	const __m256 one = _mm256_set1_ps(1);
	__m256 z = _mm256_mul_ps(avx2_abs(x), _mm256_set1_ps(0.70710678f));
	__m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(z, _mm256_set1_ps(0.3275911f), one));
	__m256 e = avx2_exp2(_mm256_mul_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(-0.72134752f)));
	__m256 q = _mm256_set1_ps(0.5f * 1.061405429f);

	q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.5f * -1.453152027f));
	q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.5f * 1.421413741f));
	q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.5f * -0.284496736f));
	q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.5f * 0.254829592f));
	q = _mm256_mul_ps(_mm256_mul_ps(q, t), e);
	q = _mm256_blendv_ps(
		q, _mm256_sub_ps(one, q), _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ));
	return _mm256_mul_ps(x, q);
}

CPU_RUN(avx2_gelu)
{
	const struct op_gelu *o = &op->gelu;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first * o->n; i < end * o->n; i += 8) {
		int64_t n = end * o->n - i;

		avx2_store(out + i, n, gelu(avx2_load(in + i, n)));
	}
}
