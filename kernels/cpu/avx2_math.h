/* Vector functions of the AVX2 path. */
#ifndef KERNELS_CPU_AVX2_MATH_H
#define KERNELS_CPU_AVX2_MATH_H

#include <immintrin.h>
#include <stdint.h>

/* All ones in the lanes below n of a vector of 8. */
static inline __m256i avx2_lanes(int64_t n)
{
	int32_t count = n < 0 ? 0 : n > 8 ? 8 : (int32_t)n;

	return _mm256_cmpgt_epi32(
		_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Eight elements, zeros from n on. */
static inline __m256 avx2_load(const float *x, int64_t n)
{
	return n >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, avx2_lanes(n));
}

static inline void avx2_store(float *x, int64_t n, __m256 value)
{
	if (n >= 8) {
		_mm256_storeu_ps(x, value);
	} else {
		_mm256_maskstore_ps(x, avx2_lanes(n), value);
	}
}

/*
 * 2^x as avx512_math.h has it, relative error at most 1.1e-7: zero below -125 and for NaN, and no
 * more than 2^127.49.
 */
static inline __m256 avx2_exp2(__m256 x)
{
	const __m256 least = _mm256_set1_ps(-125);
	__m256 in_range = _mm256_cmp_ps(x, least, _CMP_GE_OQ), n, f, p;

	x = _mm256_min_ps(_mm256_max_ps(x, least), _mm256_set1_ps(127.49f));
	n = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	f = _mm256_sub_ps(x, n);
	p = _mm256_set1_ps(1.5353362e-4f);
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.3398875e-3f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(9.6184369e-3f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(5.5503324e-2f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(2.40226477e-1f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(6.93147182e-1f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1));
	/* times 2^n: P is between 0.7 and 1.42, so the exponent's field stays within 1 ... 254 */
	p = _mm256_castsi256_ps(_mm256_add_epi32(
		_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
	return _mm256_and_ps(p, in_range);
}

static inline __m256 avx2_abs(__m256 x)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

/*
 * tanh(x) = -e / (2 + e) with e = exp(-2|x|) - 1 = 2^n * (P(f) - 1) + (2^n - 1), P as above, so
 * that nothing cancels near zero. Relative error at most 4e-7; NaN stays NaN.
 */
static inline __m256 avx2_tanh(__m256 x)
{
	__m256 t = _mm256_mul_ps(avx2_abs(x), _mm256_set1_ps(-2.88539008f)), n, f, p, e;
	__m256 one = _mm256_set1_ps(1);

	t = _mm256_max_ps(_mm256_set1_ps(-60), t); /* the second operand where it is NaN */
	n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	f = _mm256_sub_ps(t, n);
	p = _mm256_set1_ps(1.5353362e-4f);
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.3398875e-3f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(9.6184369e-3f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(5.5503324e-2f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(2.40226477e-1f));
	p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(6.93147182e-1f));
	n = _mm256_castsi256_ps(_mm256_slli_epi32(
		_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
	e = _mm256_fmadd_ps(_mm256_mul_ps(p, f), n, _mm256_sub_ps(n, one));
	e = _mm256_div_ps(e, _mm256_add_ps(e, _mm256_set1_ps(2)));
	/* the quotient is 0 or negative: its size with x's sign */
	return _mm256_xor_ps(avx2_abs(e), _mm256_and_ps(x, _mm256_set1_ps(-0.0f)));
}

/* The largest, and the sum, of the lanes: a fixed tree. */
static inline float avx2_max(__m256 x)
{
	__m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	a = _mm_max_ps(a, _mm_movehl_ps(a, a));
	return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}

static inline float avx2_sum(__m256 x)
{
	__m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

	a = _mm_add_ps(a, _mm_movehl_ps(a, a));
	return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}

#endif
