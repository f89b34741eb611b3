/*
 * What the tiles of the AVX2 path share. They read the layout of AVX-512: the 16 rows of a panel are
 * two halves, registers of 8 rows. One or two columns take both halves at once, more columns are
 * computed in fours, one half at a time.
 */
#ifndef KERNELS_CPU_AVX2_TILE_H
#define KERNELS_CPU_AVX2_TILE_H

#include "kernels/cpu/matmul.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* Which part of a tile a call computes: constants after inlining, but for the places. */
struct part {
	int width;           /* columns of the activations' panel */
	int column, columns; /* first and count */
	int half, halves;
};

INLINE __m256i load(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

INLINE __m256i load_i32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, 4);
	return _mm256_set1_epi32(value);
}

INLINE __m256 load_float(const uint8_t *at)
{
	float value;

	memcpy(&value, at, 4);
	return _mm256_set1_ps(value);
}

INLINE __m256 load_halves(const uint16_t *at)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
}

INLINE void clear(struct part part, __m256 sum[4][2])
{
	UNROLL
	for (int c = 0; c < part.columns; c++) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			sum[c][h] = _mm256_setzero_ps();
		}
	}
}

INLINE void store(struct part part, __m256 sum[4][2], float out[ACT_COLS][PANEL_ROWS])
{
	UNROLL
	for (int c = 0; c < part.columns; c++) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			_mm256_store_ps(&out[part.column + c][8 * (part.half + h)], sum[c][h]);
		}
	}
}

/* The function of struct matmul_path: one copy of the loop per way of cutting a tile. */
#define TILE_PARTS(type)                                                                           \
	void avx2_tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width, \
		float out[ACT_COLS][PANEL_ROWS])                                                   \
	{                                                                                          \
		if (width == 1) {                                                                  \
			type(weight, act, k, (struct part){1, 0, 1, 0, 2}, out);                   \
		} else if (width == 2) {                                                           \
			type(weight, act, k, (struct part){2, 0, 2, 0, 2}, out);                   \
		}                                                                                  \
		for (int c = 0; width >= 4 && c < width; c += 4) {                                 \
			for (int half = 0; half < 2; half++) {                                     \
				type(weight, act, k, (struct part){width, c, 4, half, 1}, out);    \
			}                                                                          \
		}                                                                                  \
	}

#endif
