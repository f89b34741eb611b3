/* Tiles of the float types on AVX-512 with BF16. */
#include "kernels/cpu/avx512_tile.h"

/* sum + products of bfloat16 pairs */
INLINE __m512 dot2_at(__m512 weight, const uint8_t *x, __m512 sum)
{
	__asm__("vdpbf16ps %2%{1to16%}, %1, %0"
		: "+v"(sum)
		: "v"(weight), "m"(*(const char(*)[4])x));
	return sum;
}

/* Floats of 4 bytes, or of 2 that become 4. */
INLINE void floats(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width, const int bytes)
{
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t i = 0; i < k; i++, weight += PANEL_ROWS * bytes, act += width * 4) {
		__m512 w = bytes == 4 ? _mm512_loadu_ps(weight)
				      : load_halves((const uint16_t *)weight);

		UNROLL
		for (int c = 0; c < width; c++) {
			sum[c] = fma_at(w, act + c * 4, sum[c]);
		}
	}
	store(out, sum, width);
}

INLINE void f32(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	floats(weight, act, k, out, width, 4);
}

INLINE void f16(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	floats(weight, act, k, out, width, 2);
}

INLINE void bf16(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t i = 0; i < k; i += 2, weight += sizeof(struct panel_bf16), act += width * 4) {
		__m512 w = _mm512_loadu_ps(weight);

		UNROLL
		for (int c = 0; c < width; c++) {
			sum[c] = dot2_at(w, act + c * 4, sum[c]);
		}
	}
	store(out, sum, width);
}

/*
 * Two k of 16 rows of E4M3 (s eeee mmm) as bfloat16: the exponent's bias grows from 7 to 127, and the
 * eight numbers below 2^-6 come from a table, because vdpbf16ps makes denormal numbers zero.
 */
INLINE __m512 brains(const uint8_t q[PANEL_ROWS][2])
{
	const __m512i small = _mm512_castsi128_si512(
		_mm_setr_epi16(0, 0x3b00, 0x3b80, 0x3bc0, 0x3c00, 0x3c20, 0x3c40, 0x3c60));
	__m512i code = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)q));
	__m512i magnitude = _mm512_and_si512(_mm512_slli_epi16(code, 4), _mm512_set1_epi16(0x07f0));
	__m512i value = _mm512_add_epi16(magnitude, _mm512_set1_epi16(120 << 7));
	__mmask32 is_small = _mm512_testn_epi16_mask(code, _mm512_set1_epi16(0x78));

	/* the index is the low five bits: where the exponent is 0, the mantissa */
	value = _mm512_mask_permutexvar_epi16(value, is_small, code, small);
	return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(value, _mm512_slli_epi16(code, 8),
		_mm512_set1_epi16((short)0x8000), 0xf8)); /* a | (b & c) */
}

/* The sums of 128 k are registers, those of all k stay in `out`: both together would not fit. */
INLINE void f8_e4m3(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_f8_e4m3 *in = (const struct panel_f8_e4m3 *)weight;

	memset(out, 0, (size_t)width * sizeof(*out));
	for (int64_t n = 0; n < k / 128; n++, in++) {
		__m512 sum[ACT_COLS], scale = _mm512_loadu_ps(in->scale);

		clear(sum, width);
		for (int i = 0; i < 64; i++, act += width * 4) {
			__m512 w = brains(in->q[i]);

			fetch_ahead(in->q[i], i % 2 ? 0 : 64, width);
			UNROLL
			for (int c = 0; c < width; c++) {
				sum[c] = dot2_at(w, act + c * 4, sum[c]);
			}
		}
		UNROLL
		for (int c = 0; c < width; c++) {
			_mm512_store_ps(
				out[c], _mm512_fmadd_ps(sum[c], scale, _mm512_load_ps(out[c])));
		}
	}
}

TILE_WIDTHS(f32)
TILE_WIDTHS(f16)
TILE_WIDTHS(bf16)
TILE_WIDTHS(f8_e4m3)
