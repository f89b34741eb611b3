/* Vector functions of the AVX-512 path. */
#ifndef KERNELS_CPU_AVX512_MATH_H
#define KERNELS_CPU_AVX512_MATH_H

#include <immintrin.h>
#include <stdint.h>

/* The lanes below n (at most 16) of a vector of 16. */
static inline __mmask16 avx512_lanes(int64_t n)
{
	return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

/*
 * 2^x = 2^round(x) * P(x - round(x)), P a minimax polynomial on +-0.5 with P(0) = 1, so that 2^0 is
 * exactly 1. Zero below -200; infinity above 128. NaN gives zero.
 *
 * Relative error at most 1.1e-7 (degree 6), and 1.1e-4 (degree 3) for numbers that are rounded to
 * 8 bits afterwards.
 */
static inline __m512 avx512_exp2_begin(__m512 x, __m512 *n)
{
	x = _mm512_max_ps(x, _mm512_set1_ps(-200)); /* the second operand where x is NaN */
	*n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	return _mm512_sub_ps(x, *n);
}

static inline __m512 avx512_exp2(__m512 x)
{
	__m512 n, f = avx512_exp2_begin(x, &n);
	__m512 p = _mm512_set1_ps(1.5353362e-4f);

	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.3398875e-3f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6184369e-3f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5503324e-2f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40226477e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93147182e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, n);
}

static inline __m512 avx512_exp2_coarse(__m512 x)
{
	__m512 n, f = avx512_exp2_begin(x, &n);
	__m512 p = _mm512_set1_ps(5.50089329e-2f);

	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.42210969e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93282902e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, n);
}

/*
 * tanh(x) = -e / (2 + e) with e = exp(-2|x|) - 1 = 2^n * (P(f) - 1) + (2^n - 1), P as above, so
 * that nothing cancels near zero. Relative error at most 4e-7; NaN stays NaN.
 */
static inline __m512 avx512_tanh(__m512 x)
{
	__m512 t = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(-2.88539008f)), n, f, p, e;
	__m512 one = _mm512_set1_ps(1);

	t = _mm512_max_ps(_mm512_set1_ps(-60), t); /* the second operand where it is NaN */
	n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	f = _mm512_sub_ps(t, n);
	p = _mm512_set1_ps(1.5353362e-4f);
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.3398875e-3f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6184369e-3f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5503324e-2f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40226477e-1f));
	p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93147182e-1f));
	n = _mm512_scalef_ps(one, n);
	e = _mm512_fmadd_ps(_mm512_mul_ps(p, f), n, _mm512_sub_ps(n, one));
	e = _mm512_div_ps(e, _mm512_add_ps(e, _mm512_set1_ps(2)));
	/* the quotient is 0 or negative: its size with x's sign */
	return _mm512_xor_ps(_mm512_abs_ps(e), _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
}

/* The largest, and the sum, of the lanes: a fixed tree. */
static inline float avx512_max(__m512 x)
{
	return _mm512_reduce_max_ps(x);
}

static inline float avx512_sum(__m512 x)
{
	__m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
	__m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

	b = _mm_add_ps(b, _mm_movehl_ps(b, b));
	b = _mm_add_ss(b, _mm_movehdup_ps(b));
	return _mm_cvtss_f32(b);
}

#endif
