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
 * Two k of 16 rows of E4M3 (s eeee mmm) as bfloat16, times 2^8: that makes the exponent's bias 7
 * another bit, 2^128, beside it. `small`: among them may be numbers below 2^-6, which have the
 * exponent 0 and come from a table (vdpbf16ps would make zeros of denormal numbers); they are rare.
 */
INLINE __m512 brains(const uint8_t q[PANEL_ROWS][2], int small)
{
	__m512i code = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)q));
	__m512i top = _mm512_slli_epi16(code, 8);
	/* (a & b) | c: the sign, and the exponent and mantissa three bits further down */
	__m512i value = _mm512_ternarylogic_epi32(_mm512_srai_epi16(top, 4),
		_mm512_set1_epi16((short)0x87f0), _mm512_set1_epi16(0x4000), 0xea);

	if (__builtin_expect(small, 0)) {
		const __m512i numbers = _mm512_castsi128_si512(
			_mm_setr_epi16(0, 0x3f00, 0x3f80, 0x3fc0, 0x4000, 0x4020, 0x4040, 0x4060));
		__mmask32 which = _mm512_testn_epi16_mask(code, _mm512_set1_epi16(0x78));
		/* the index is the low five bits: where the exponent is 0, the mantissa */
		__m512i number = _mm512_permutexvar_epi16(code, numbers);

		number = _mm512_ternarylogic_epi32(
			number, top, _mm512_set1_epi16((short)0x8000), 0xf8); /* a | (b & c) */
		value = _mm512_mask_mov_epi16(value, which, number);
	}
	return _mm512_castsi512_ps(value);
}

/*
 * The sums of 32 k, which are chains of dot products, are registers; those of all k stay in `out`:
 * both together would not fit. With few columns several chains alternate, or a product would wait
 * for each dot product.
 */
INLINE void f8_e4m3(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_f8_e4m3 *in = (const struct panel_f8_e4m3 *)weight;
	const int chains = width <= 4 ? 4 : width == 8 ? 2 : 1;

	memset(out, 0, (size_t)width * sizeof(*out));
	for (int64_t run = 0; run < k / 32; run += chains, act += chains * 16 * width * 4) {
		const struct panel_f8_e4m3 *block = in + run / 4;
		__m512 scale =
			_mm512_mul_ps(_mm512_loadu_ps(block->scale), _mm512_set1_ps(1.0f / 256));
		__m512 sum[4][ACT_COLS];

		UNROLL
		for (int r = 0; r < chains; r++) {
			clear(sum[r], width);
		}
		for (int i = 0; i < 16; i += 2) {
			UNROLL
			for (int r = 0; r < chains; r++) {
				const uint8_t(*q)[PANEL_ROWS][2] =
					block->q + run % 4 * 16 + r * 16 + i;
				int small = _mm512_testn_epi8_mask(_mm512_loadu_si512(q),
						    _mm512_set1_epi8(0x78)) != 0;

				fetch_ahead(q, 64, width);
				UNROLL
				for (int j = 0; j < 2; j++) {
					__m512 w = brains(q[j], small);
					const uint8_t *x = act + (r * 16 + i + j) * width * 4;

					UNROLL
					for (int c = 0; c < width; c++) {
						sum[r][c] = dot2_at(w, x + c * 4, sum[r][c]);
					}
				}
			}
		}
		UNROLL
		for (int c = 0; c < width; c++) {
			__m512 total = _mm512_load_ps(out[c]);

			UNROLL
			for (int r = 0; r < chains; r++) {
				total = _mm512_fmadd_ps(sum[r][c], scale, total);
			}
			_mm512_store_ps(out[c], total);
		}
	}
}

TILE_WIDTHS(f32)
TILE_WIDTHS(f16)
TILE_WIDTHS(bf16)
TILE_WIDTHS(f8_e4m3)
