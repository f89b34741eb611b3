/*
 * Tiles of the integer types on AVX-512 with VNNI. Per 32 k the weights of 16 rows are eight
 * registers of unsigned bytes, and each column is a chain of eight vpdpbusd whose activation operand
 * is a broadcast embedded in the instruction; only float sums live from block to block, so that
 * sixteen of them, the weights and the temporaries fit the 32 registers.
 *
 * A type is a function load_...(): the weights of a block of 32 k from the bits of its panel, as
 * they are, or plus 128 where the chain begins with n128 (-128 times the sum of the activations).
 * Codes may come out of their bits shifted to the left: the scale makes up for the factor.
 */
#include "kernels/cpu/avx512_tile.h"

#include "kernels/cpu/kernels_internal.h"

/* Columns whose dot products alternate. */
#define GROUP 4

/* What a type has for 32 k, besides its codes: the last two are for either 16. */
enum parts { ONE_SCALE, ONE_OFFSET, TWO_OFFSETS, TWO_SCALES };

/* sum + four products in each lane: unsigned weights, four signed bytes at x for all lanes. */
INLINE __m512i dot4(__m512i sum, __m512i weight, const int8_t *x)
{
	__asm__("vpdpbusd %2%{1to16%}, %1, %0"
		: "+v"(sum)
		: "v"(weight), "m"(*(const char(*)[4])x));
	return sum;
}

INLINE __m512i load_i32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, 4);
	return _mm512_set1_epi32(value);
}

INLINE __m512 load_u8(const uint8_t *at)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)at)));
}

INLINE __m512 load_i8(const int8_t *at)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)at)));
}

/* a | (b & c) */
INLINE __m512i or_and(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, 0xf8);
}

/* (a & b) | c */
INLINE __m512i and_or(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, 0xea);
}

/*
 * sum[g] += eight dot products of column c+g, for up to GROUP columns. The chains of different
 * columns alternate, because a processor's schedulers do not look far enough ahead to find the
 * next column behind a chain of eight.
 */
INLINE void dot32(__m512i i[GROUP], const __m512i w[8], const uint8_t *q, const int columns)
{
	UNROLL
	for (int j = 0; j < 8; j++) {
		UNROLL
		for (int g = 0; g < columns; g++) {
			i[g] = dot4(i[g], w[j], (const int8_t *)q + g * ACT_BLOCK + j * 4);
		}
	}
}

/*
 * Adds a block of 32 k. act is its record, sums what stands behind all records for it; its weights
 * have 128 added where there is no offset.
 */
INLINE void add_block(const __m512i w[8], const __m512 d[2], const __m512 offset[2],
	const uint8_t *act, const uint8_t *sums, __m512 sum[], const int width,
	const enum parts parts)
{
	const int columns = width < GROUP ? width : GROUP;
	const uint8_t *dx = act + width * ACT_BLOCK;

	UNROLL
	for (int c = 0; c < width; c += GROUP) {
		__m512i i[GROUP];

		UNROLL
		for (int g = 0; g < columns; g++) {
			i[g] = parts == ONE_SCALE ? load_i32(dx + (width + c + g) * 4)
						  : _mm512_setzero_si512();
		}
		dot32(i, w, act + c * ACT_BLOCK, columns);
		UNROLL
		for (int g = 0; g < columns; g++) {
			const uint8_t *s = sums + (c + g) * 4;
			__m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(i[g]), d[0]);

			sum[c + g] = fma_at(t, dx + (c + g) * 4, sum[c + g]);
			if (parts == ONE_OFFSET) {
				sum[c + g] = fma_at(offset[0], s, sum[c + g]);
			} else if (parts == TWO_OFFSETS) {
				sum[c + g] = fma_at(offset[0], s + 12 * width, sum[c + g]);
				sum[c + g] = fma_at(offset[1], s + 16 * width, sum[c + g]);
			}
		}
	}
}

/* A block of 32 k with a scale for either 16. */
INLINE void add_block_halves(const __m512i w[8], const __m512 d[2], const uint8_t *act,
	const uint8_t *sums, __m512 sum[], const int width)
{
	const int columns = width < GROUP / 2 ? width : GROUP / 2;

	UNROLL
	for (int c = 0; c < width; c += GROUP / 2) {
		const int8_t *x = (const int8_t *)act + c * ACT_BLOCK;
		__m512i low[GROUP / 2], high[GROUP / 2];

		UNROLL
		for (int g = 0; g < columns; g++) {
			low[g] = load_i32(sums + (width + c + g) * 4);
			high[g] = load_i32(sums + (2 * width + c + g) * 4);
		}
		UNROLL
		for (int j = 0; j < 4; j++) {
			UNROLL
			for (int g = 0; g < columns; g++) {
				low[g] = dot4(low[g], w[j], x + g * ACT_BLOCK + j * 4);
				high[g] = dot4(high[g], w[4 + j], x + g * ACT_BLOCK + 16 + j * 4);
			}
		}
		UNROLL
		for (int g = 0; g < columns; g++) {
			__m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(low[g]), d[0]);

			t = _mm512_fmadd_ps(_mm512_cvtepi32_ps(high[g]), d[1], t);
			sum[c + g] = fma_at(t, act + width * ACT_BLOCK + (c + g) * 4, sum[c + g]);
		}
	}
}

/* A tile of a type whose records have `blocks` blocks of 32 k. */
INLINE void tile(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width, const int record_bytes, const int blocks,
	const enum parts parts,
	void (*load)(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2]))
{
	const uint8_t *sums = act + k / 32 * width * ACT_Q8_BYTES;
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t n = 0; n < k / 32 / blocks; n++, weight += record_bytes) {
		for (int b = 0; b < blocks; b++) {
			__m512i w[8];
			__m512 d[2], offset[2];

			fetch_ahead(
				weight + record_bytes / blocks * b, record_bytes / blocks, width);
			load(weight, b, w, d, offset);
			if (parts == TWO_SCALES) {
				add_block_halves(w, d, act, sums, sum, width);
			} else {
				add_block(w, d, offset, act, sums, sum, width, parts);
			}
			act += width * ACT_Q8_BYTES;
			sums += width * ACT_Q8_SUMS_BYTES;
		}
	}
	store(out, sum, width);
}

/* ---- codes from their bits ---- */

INLINE void nibbles(const uint8_t q[4][PANEL_ROWS][4], __m512i w[8])
{
	const __m512i lower = _mm512_set1_epi8(0x0f);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i both = _mm512_loadu_si512(q[j]);

		w[j] = _mm512_and_si512(both, lower);
		w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(both, 4), lower);
	}
}

/* Five bits, times 8. */
INLINE void five_bits(
	const uint8_t low[4][PANEL_ROWS][4], const uint8_t high[PANEL_ROWS][4], __m512i w[8])
{
	const __m512i middle = _mm512_set1_epi8(0x78), top = _mm512_set1_epi8((char)0x80);
	__m512i fifth = _mm512_loadu_si512(high);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i both = _mm512_loadu_si512(low[j]);

		w[j] = _mm512_and_si512(_mm512_slli_epi16(both, 3), middle);
		w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(both, 1), middle);
	}
	UNROLL
	for (int r = 0; r < 8; r++) {
		w[r] = or_and(w[r], _mm512_slli_epi16(fifth, 7 - r), top);
	}
}

/* Six bits, times 4. */
INLINE void six_bits(
	const uint8_t low[4][PANEL_ROWS][4], const uint8_t high[2][PANEL_ROWS][4], __m512i w[8])
{
	const __m512i middle = _mm512_set1_epi8(0x3c), top = _mm512_set1_epi8((char)0xc0);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i both = _mm512_loadu_si512(low[j]);

		w[j] = _mm512_and_si512(_mm512_slli_epi16(both, 2), middle);
		w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(both, 2), middle);
	}
	UNROLL
	for (int r = 0; r < 8; r++) {
		__m512i pairs = _mm512_loadu_si512(high[r / 4]);

		w[r] = or_and(w[r], _mm512_slli_epi16(pairs, 6 - r % 4 * 2), top);
	}
}

/* The values of four-bit codes, plus 128. */
INLINE void look_up(const uint8_t q[4][PANEL_ROWS][4], const int8_t values[16], __m512i w[8])
{
	__m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)values));

	table = _mm512_xor_si512(table, _mm512_set1_epi8((char)0x80));
	nibbles(q, w);
	UNROLL
	for (int r = 0; r < 8; r++) {
		w[r] = _mm512_shuffle_epi8(table, w[r]);
	}
}

/*
 * Codes of two bits looked up in their row's own table, which differs for either 16: byte c of a
 * lane of table[p] is what code c stands for. A shuffle picks from 16 bytes, those of four rows.
 */
INLINE void look_up_pairs(const uint8_t q[2][PANEL_ROWS][4], const __m512i table[2], __m512i w[8])
{
	const __m512i first =
		_mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
	const __m512i lowest = _mm512_set1_epi8(3);

	UNROLL
	for (int r = 0; r < 8; r++) {
		__m512i pairs = _mm512_srli_epi16(_mm512_loadu_si512(q[r / 4]), r % 4 * 2);

		w[r] = _mm512_shuffle_epi8(table[r / 4], and_or(pairs, lowest, first));
	}
}

/* ---- the types ---- */

INLINE void load_q8_0(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q8_0 *in = record;

	d[0] = load_halves(in->d);
	UNROLL
	for (int j = 0; j < 8; j++) {
		w[j] = _mm512_loadu_si512(in->q[j]);
	}
}

/* A nibble in the upper half of its byte is 16 * (q - 8) + 128. */
INLINE void load_q4_0(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q4_0 *in = record;
	const __m512i upper = _mm512_set1_epi8((char)0xf0);

	d[0] = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(1.0f / 16));
	UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i q = _mm512_loadu_si512(in->q[j]);

		w[j] = _mm512_and_si512(_mm512_slli_epi16(q, 4), upper);
		w[4 + j] = _mm512_and_si512(q, upper);
	}
}

INLINE void load_iq4_nl(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q4_0 *in = record;

	d[0] = load_halves(in->d);
	look_up(in->q, dtype_iq4_values, w);
}

INLINE void load_mxfp4(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q4_0 *in = record;
	__m512i brain = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)in->d));

	d[0] = _mm512_castsi512_ps(_mm512_slli_epi32(brain, 16));
	look_up(in->q, dtype_mxfp4_values, w);
}

INLINE void load_q4_1(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q4_1 *in = record;

	d[0] = load_halves(in->d);
	offset[0] = load_halves(in->m);
	nibbles(in->q, w);
}

/* 8 * (q - 16) + 128 */
INLINE void load_q5_0(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q5_0 *in = record;

	d[0] = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(1.0f / 8));
	five_bits(in->low, in->high, w);
}

INLINE void load_q5_1(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q5_1 *in = record;

	d[0] = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(1.0f / 8));
	offset[0] = load_halves(in->m);
	five_bits(in->low, in->high, w);
}

/* Codes times their scales are at most 3 * 15. */
INLINE void load_q2_k(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q2_k *in = record;
	__m512 dmin = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(in->dmin));
	__m512i table[2];

	d[0] = load_halves(in->d);
	UNROLL
	for (int h = 0; h < 2; h++) {
		__m512i both = _mm512_cvtepu8_epi32(
			_mm_loadu_si128((const __m128i *)in->scale_min[2 * b + h]));
		__m512i scale = _mm512_and_si512(both, _mm512_set1_epi32(15));

		table[h] = _mm512_mullo_epi32(scale, _mm512_set1_epi32(0x03020100));
		offset[h] = _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(_mm512_srli_epi32(both, 4)));
	}
	look_up_pairs(in->q[b], table, w);
}

/*
 * 128 - (scale - 32) * (q - 4) fits a byte (plus would not), the product's sign goes to d. For the
 * two low bits of q that is 4 scale - scale * q + 32 q, modulo 256; the third bit takes away
 * 4 scale - 128.
 */
INLINE void load_q3_k(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q3_k *in = record;
	const __m512i high = _mm512_loadu_si512(in->high[b]);
	__m512i table[2], third[2];

	d[0] = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(in->d));
	UNROLL
	for (int h = 0; h < 2; h++) {
		__m512i scale = _mm512_cvtepu8_epi32(
			_mm_loadu_si128((const __m128i *)in->scale[2 * b + h]));

		table[h] = _mm512_add_epi8(_mm512_mullo_epi32(scale, _mm512_set1_epi32(0x01020304)),
			_mm512_set1_epi32(0x60402000));
		third[h] =
			_mm512_xor_si512(_mm512_mullo_epi32(scale, _mm512_set1_epi32(0x04040404)),
				_mm512_set1_epi8((char)0x80));
	}
	look_up_pairs(in->low[b], table, w);
	UNROLL
	for (int r = 0; r < 8; r++) {
		__mmask64 is_set = _mm512_test_epi8_mask(high, _mm512_set1_epi8((char)(1 << r)));

		w[r] = _mm512_mask_sub_epi8(w[r], is_set, w[r], third[r / 4]);
	}
}

INLINE void load_q4_k(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q4_k *in = record;
	__m512 dmin = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(in->dmin));

	d[0] = _mm512_mul_ps(load_halves(in->d), load_u8(in->scale[b]));
	offset[0] = _mm512_mul_ps(dmin, load_u8(in->min[b]));
	nibbles(in->q[b], w);
}

INLINE void load_q5_k(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q5_k *in = record;
	__m512 eighth = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(1.0f / 8));
	__m512 dmin = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(in->dmin));

	d[0] = _mm512_mul_ps(eighth, load_u8(in->scale[b]));
	offset[0] = _mm512_mul_ps(dmin, load_u8(in->min[b]));
	five_bits(in->low[b], in->high[b], w);
}

/* 4 * (q - 32) + 128 */
INLINE void load_q6_k(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_q6_k *in = record;
	__m512 quarter = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(0.25f));

	UNROLL
	for (int h = 0; h < 2; h++) {
		d[h] = _mm512_mul_ps(quarter, load_i8(in->scale[2 * b + h]));
	}
	six_bits(in->low[b], in->high[b], w);
}

INLINE void load_iq4_xs(const void *record, int b, __m512i w[8], __m512 d[2], __m512 offset[2])
{
	const struct panel_iq4_xs *in = record;

	d[0] = _mm512_mul_ps(load_halves(in->d), load_i8(in->scale[b]));
	look_up(in->q[b], dtype_iq4_values, w);
}

#define TILE(type, record, blocks, parts)                                                          \
	INLINE void type(const uint8_t *weight, const uint8_t *act, int64_t k,                     \
		float out[ACT_COLS][PANEL_ROWS], const int width)                                  \
	{                                                                                          \
		tile(weight, act, k, out, width, sizeof(struct record), blocks, parts,             \
			load_##type);                                                              \
	}                                                                                          \
	TILE_WIDTHS(type)

TILE(q8_0, panel_q8_0, 1, ONE_SCALE)
TILE(q4_0, panel_q4_0, 1, ONE_SCALE)
TILE(q4_1, panel_q4_1, 1, ONE_OFFSET)
TILE(q5_0, panel_q5_0, 1, ONE_SCALE)
TILE(q5_1, panel_q5_1, 1, ONE_OFFSET)
TILE(q2_k, panel_q2_k, 8, TWO_OFFSETS)
TILE(q3_k, panel_q3_k, 8, ONE_SCALE)
TILE(q4_k, panel_q4_k, 8, ONE_OFFSET)
TILE(q5_k, panel_q5_k, 8, ONE_OFFSET)
TILE(q6_k, panel_q6_k, 8, TWO_SCALES)
TILE(iq4_nl, panel_q4_0, 1, ONE_SCALE)
TILE(iq4_xs, panel_iq4_xs, 8, ONE_SCALE)
TILE(mxfp4, panel_q4_0, 1, ONE_SCALE)

int64_t avx512_dot_probe(int64_t n, uint64_t *result)
{
	__m512i sum[16], weight = _mm512_set1_epi8(1), x = _mm512_set1_epi8((char)(*result & 7));

	UNROLL
	for (int i = 0; i < 16; i++) {
		sum[i] = _mm512_set1_epi32(i);
	}
	for (int64_t r = 0; r < n; r++) {
		UNROLL
		for (int i = 0; i < 16; i++) {
			sum[i] = _mm512_dpbusd_epi32(sum[i], weight, x);
		}
	}
	UNROLL
	for (int i = 0; i < 16; i++) {
		*result += (uint64_t)_mm512_reduce_add_epi32(sum[i]);
	}
	return n * 16 * 2 * 64;
}
