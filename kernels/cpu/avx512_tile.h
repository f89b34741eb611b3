/*
 * What the tiles of the AVX-512 path share. A tile is 16 rows by 1 to 16 columns, a lane is a row.
 *
 * Embedded broadcasts are written in assembly because gcc 12 makes a separate vpbroadcastd of the
 * intrinsic: a quarter slower.
 */
#ifndef KERNELS_CPU_AVX512_TILE_H
#define KERNELS_CPU_AVX512_TILE_H

#include "kernels/cpu/matmul.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* How far ahead weights are fetched, for products of so few columns. */
#define FETCH_AHEAD_BYTES 8192
#define FETCH_WIDTH_MAX   4

/* a * (the float at x) + sum */
INLINE __m512 fma_at(__m512 a, const uint8_t *x, __m512 sum)
{
	__asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(a), "m"(*(const char(*)[4])x));
	return sum;
}

INLINE __m512 load_halves(const uint16_t *at)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at));
}

/*
 * With few columns a product goes as fast as memory gives, if it asks early enough: the K types'
 * longer work per byte leaves the processor's own prefetching behind (measured: Q4_K from 0.7 to
 * 1.1 of the rate of plain reads, Q6_K from 0.5 to 1.0).
 */
INLINE void fetch_ahead(const void *at, const int bytes, const int width)
{
	UNROLL
	for (int i = 0; i < bytes && width <= FETCH_WIDTH_MAX; i += 64) {
		_mm_prefetch((const char *)at + FETCH_AHEAD_BYTES + i, _MM_HINT_T0);
	}
}

INLINE void clear(__m512 sum[], const int width)
{
	UNROLL
	for (int c = 0; c < width; c++) {
		sum[c] = _mm512_setzero_ps();
	}
}

INLINE void store(float out[ACT_COLS][PANEL_ROWS], const __m512 sum[], const int width)
{
	UNROLL
	for (int c = 0; c < width; c++) {
		_mm512_store_ps(out[c], sum[c]);
	}
}

/* The function of struct matmul_path: one copy of the loop per width. */
#define TILE_WIDTHS(type)                                                                          \
	void avx512_tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k,              \
		int32_t width, float out[ACT_COLS][PANEL_ROWS])                                    \
	{                                                                                          \
		switch (width) {                                                                   \
		case 1:                                                                            \
			type(weight, act, k, out, 1);                                              \
			break;                                                                     \
		case 2:                                                                            \
			type(weight, act, k, out, 2);                                              \
			break;                                                                     \
		case 4:                                                                            \
			type(weight, act, k, out, 4);                                              \
			break;                                                                     \
		case 8:                                                                            \
			type(weight, act, k, out, 8);                                              \
			break;                                                                     \
		default:                                                                           \
			type(weight, act, k, out, 16);                                             \
			break;                                                                     \
		}                                                                                  \
	}

#endif
