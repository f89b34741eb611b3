/* Tiles of the float types on AVX2 with FMA and F16C. */
#include "kernels/cpu/avx2_tile.h"

/* Floats of 4 bytes, or of 2 that become 4. */
INLINE void floats(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS], const int bytes)
{
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t i = 0; i < k; i++, weight += PANEL_ROWS * bytes, act += part.width * 4) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			const uint8_t *at = weight + 8 * (part.half + h) * bytes;
			__m256 w = bytes == 4 ? _mm256_loadu_ps((const float *)at)
					      : load_halves((const uint16_t *)at);

			UNROLL
			for (int c = 0; c < part.columns; c++) {
				sum[c][h] = _mm256_fmadd_ps(
					w, load_float(act + (part.column + c) * 4), sum[c][h]);
			}
		}
	}
	store(part, sum, out);
}

INLINE void f32(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	floats(weight, act, k, part, out, 4);
}

INLINE void f16(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	floats(weight, act, k, part, out, 2);
}

/* A bfloat16 number is the upper half of a float. The later of a pair first, as in ref_matmul.c. */
INLINE void bf16(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_bf16 *in = (const struct panel_bf16 *)weight;
	const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t i = 0; i < k; i += 2, in++, act += part.width * 4) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			__m256i w = load(in->w[8 * (part.half + h)]);
			__m256 w1 = _mm256_castsi256_ps(_mm256_and_si256(w, upper));
			__m256 w0 = _mm256_castsi256_ps(_mm256_slli_epi32(w, 16));

			UNROLL
			for (int c = 0; c < part.columns; c++) {
				__m256i x = load_i32(act + (part.column + c) * 4);
				__m256 x1 = _mm256_castsi256_ps(_mm256_and_si256(x, upper));
				__m256 x0 = _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));

				sum[c][h] = _mm256_fmadd_ps(w1, x1, sum[c][h]);
				sum[c][h] = _mm256_fmadd_ps(w0, x0, sum[c][h]);
			}
		}
	}
	store(part, sum, out);
}

/*
 * Eight numbers of E4M3 (s eeee mmm), each in the upper byte of 16 bits, divided by 2^8: a half has
 * one more bit of exponent, and denormal numbers of its own.
 */
INLINE __m256 e4m3_halves(__m128i code)
{
	__m128i half = _mm_and_si128(_mm_srai_epi16(code, 1), _mm_set1_epi16((short)0xbf80));

	return _mm256_cvtph_ps(half);
}

INLINE void f8_e4m3(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_f8_e4m3 *in = (const struct panel_f8_e4m3 *)weight;
	const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
	__m256 total[4][2];

	clear(part, total);
	for (int64_t run = 0; run < k / 32; run++) {
		const struct panel_f8_e4m3 *block = in + run / 4;
		const uint8_t(*q)[PANEL_ROWS][2] = block->q + run % 4 * 16;
		__m256 sum[4][2];

		clear(part, sum);
		for (int i = 0; i < 16; i++, act += part.width * 4) {
			UNROLL
			for (int h = 0; h < part.halves; h++) {
				__m128i w =
					_mm_loadu_si128((const __m128i *)q[i][8 * (part.half + h)]);
				__m256 w1 = e4m3_halves(w), w0 = e4m3_halves(_mm_slli_epi16(w, 8));

				UNROLL
				for (int c = 0; c < part.columns; c++) {
					__m256i x = load_i32(act + (part.column + c) * 4);
					__m256 x1 = _mm256_castsi256_ps(_mm256_and_si256(x, upper));
					__m256 x0 = _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));

					sum[c][h] = _mm256_fmadd_ps(w1, x1, sum[c][h]);
					sum[c][h] = _mm256_fmadd_ps(w0, x0, sum[c][h]);
				}
			}
		}
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			__m256 scale = _mm256_mul_ps(_mm256_set1_ps(256),
				_mm256_loadu_ps(&block->scale[8 * (part.half + h)]));

			UNROLL
			for (int c = 0; c < part.columns; c++) {
				total[c][h] = _mm256_fmadd_ps(sum[c][h], scale, total[c][h]);
			}
		}
	}
	store(part, total, out);
}

TILE_PARTS(f32)
TILE_PARTS(f16)
TILE_PARTS(bf16)
TILE_PARTS(f8_e4m3)
