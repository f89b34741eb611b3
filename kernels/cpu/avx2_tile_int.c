/*
 * Tiles of the integer types on AVX2.
 *
 * vpmaddubsw adds two products in 16 bits, and 255 * 127 twice would saturate. So signed weights
 * (-128 ... 127) give their sign to the activations and are multiplied as |w| * sign(x, w): at most
 * 128 * 127 twice, which fits. Unsigned weights leave room for sums of 16 products with four bits,
 * of 8 with five and of 4 with six; where their codes have an offset, it is taken from the sum.
 *
 * A type is a function load_...(): the weights of 32 k and 8 rows from the bits of their panel.
 */
#include "kernels/cpu/avx2_tile.h"

#include "kernels/cpu/kernels_internal.h"

/*
 * Registers of a block's weights: eight of codes, and, where codes of two or three bits have integer
 * scales for either 16, those, as pairs of 16 bits.
 */
enum { SCALES = 8, WEIGHTS = 10 };

/* What a type has for 32 k, besides its codes: the last two are for either 16. */
enum parts { ONE_SCALE, ONE_OFFSET, TWO_OFFSETS, TWO_SCALES };

INLINE __m256 load_u8(const uint8_t *at)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at)));
}

INLINE __m256 load_i8(const int8_t *at)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)at)));
}

INLINE __m256i widen(__m256i pairs)
{
	return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/* n128 = -128 * sum(x) of a column becomes -offset * sum(x), offset a power of two. */
INLINE __m256i offset_of(const uint8_t *n128, int offset)
{
	return _mm256_srai_epi32(load_i32(n128), 7 - __builtin_ctz((unsigned)offset));
}

/* The exact sums of 32 products per lane. x: 32 bytes of one column. */
INLINE __m256i dot_signed(const __m256i w[8], const uint8_t *x)
{
	__m256i sum = _mm256_setzero_si256();

	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i signed_x = _mm256_sign_epi8(load_i32(x + 4 * j), w[j]);

		sum = _mm256_add_epi32(
			sum, widen(_mm256_maddubs_epi16(_mm256_abs_epi8(w[j]), signed_x)));
	}
	return sum;
}

/* The same of weights of 0 ... 15: 16 * 15 * 127 fits 16 bits. */
INLINE __m256i dot_nibbles(const __m256i w[8], const uint8_t *x)
{
	__m256i sum = _mm256_setzero_si256();

	UNROLL
	for (int j = 0; j < 8; j++) {
		sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(w[j], load_i32(x + 4 * j)));
	}
	return widen(sum);
}

/* 16 products of weights of 0 ... 31: 8 * 31 * 127 fits 16 bits. */
INLINE __m256i dot_five_bits(const __m256i w[4], const uint8_t *x)
{
	__m256i sum = _mm256_maddubs_epi16(w[0], load_i32(x));

	UNROLL
	for (int j = 1; j < 4; j++) {
		sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(w[j], load_i32(x + 4 * j)));
	}
	return widen(sum);
}

/* 16 products of weights of 0 ... 63: 4 * 63 * 127 fits 16 bits. */
INLINE __m256i dot_six_bits(const __m256i w[4], const uint8_t *x)
{
	__m256i first = _mm256_add_epi16(_mm256_maddubs_epi16(w[0], load_i32(x)),
		_mm256_maddubs_epi16(w[1], load_i32(x + 4)));
	__m256i second = _mm256_add_epi16(_mm256_maddubs_epi16(w[2], load_i32(x + 8)),
		_mm256_maddubs_epi16(w[3], load_i32(x + 12)));

	return _mm256_add_epi32(widen(first), widen(second));
}

/* 16 products of codes of 0 ... 7, times their scale: 16 * 7 * 127 fits 16 bits. */
INLINE __m256i dot_scaled(const __m256i w[4], __m256i scale, const uint8_t *x)
{
	__m256i sum = _mm256_maddubs_epi16(w[0], load_i32(x));

	UNROLL
	for (int j = 1; j < 4; j++) {
		sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(w[j], load_i32(x + 4 * j)));
	}
	return _mm256_madd_epi16(sum, scale);
}

/*
 * Of a whole block; n128: of either 16, to take four times scale times sum(x) from it: four and the
 * shift to the right by 7 are one by 5.
 */
INLINE __m256i dot_scaled_codes(const __m256i w[WEIGHTS], const uint8_t *x, const uint8_t *low,
	const uint8_t *high, const int offset)
{
	__m256i i = _mm256_add_epi32(
		dot_scaled(w, w[SCALES], x), dot_scaled(w + 4, w[SCALES + 1], x + 16));

	if (offset) { /* 4 */
		__m256i sums = _mm256_blend_epi16(_mm256_srai_epi32(load_i32(low), 5),
			_mm256_slli_epi32(load_i32(high), 16 - 5), 0xaa);
		__m256i scales = _mm256_blend_epi16(w[SCALES], w[SCALES + 1], 0xaa);

		i = _mm256_add_epi32(i, _mm256_madd_epi16(sums, scales));
	}
	return i;
}

/*
 * The exact sums of 32 products, given how many bits the weights have (0: signed, eight) and what is
 * to be taken from them. n128: the column's.
 */
INLINE __m256i dot(
	const __m256i w[8], const uint8_t *x, const uint8_t *n128, const int bits, const int offset)
{
	__m256i i = bits == 0   ? dot_signed(w, x)
		    : bits == 4 ? dot_nibbles(w, x)
		    : bits == 5
			    ? _mm256_add_epi32(dot_five_bits(w, x), dot_five_bits(w + 4, x + 16))
			    : _mm256_add_epi32(dot_six_bits(w, x), dot_six_bits(w + 4, x + 16));

	return offset ? _mm256_add_epi32(i, offset_of(n128, offset)) : i;
}

/* A type's properties, constants all. */
struct type {
	int record_bytes, blocks; /* blocks of 32 k in a record */
	int bits, offset;         /* of the weights, see dot(); 3: those that have integer scales */
	enum parts parts;
	/* row: of the 16, 0 or 8 */
	void (*load)(const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2],
		__m256 offset[2]);
};

/* Adds a block of 32 k to one column. act and sums: its record, and what stands behind all of them. */
INLINE __m256 add_block(const struct type type, const __m256i w[WEIGHTS], const __m256 d[2],
	const __m256 offset[2], struct part part, int column, const uint8_t *act,
	const uint8_t *sums, __m256 sum)
{
	const uint8_t *x = act + column * ACT_BLOCK;
	const uint8_t *dx = act + part.width * ACT_BLOCK + column * 4;
	const uint8_t *s = sums + column * 4, *n128 = dx + part.width * 4;
	__m256 t;

	if (type.parts == TWO_SCALES) {
		__m256i i = _mm256_add_epi32(dot_six_bits(w, x), offset_of(s + part.width * 4, 32));
		__m256i j = _mm256_add_epi32(
			dot_six_bits(w + 4, x + 16), offset_of(s + part.width * 8, 32));

		t = _mm256_mul_ps(_mm256_cvtepi32_ps(i), d[0]);
		t = _mm256_fmadd_ps(_mm256_cvtepi32_ps(j), d[1], t);
	} else {
		__m256i i = type.bits == 3 ? dot_scaled_codes(w, x, s + part.width * 4,
						     s + part.width * 8, type.offset)
					   : dot(w, x, n128, type.bits, type.offset);

		t = _mm256_mul_ps(_mm256_cvtepi32_ps(i), d[0]);
	}
	sum = _mm256_fmadd_ps(t, load_float(dx), sum);
	if (type.parts == ONE_OFFSET) {
		sum = _mm256_fmadd_ps(offset[0], load_float(s), sum);
	} else if (type.parts == TWO_OFFSETS) {
		sum = _mm256_fmadd_ps(offset[0], load_float(s + part.width * 12), sum);
		sum = _mm256_fmadd_ps(offset[1], load_float(s + part.width * 16), sum);
	}
	return sum;
}

/* As in avx512_tile.h: one or two columns go as fast as memory gives, if asked early enough. */
INLINE void fetch_ahead(const uint8_t *at, const int bytes)
{
	for (int i = 0; i < bytes; i += 64) {
		_mm_prefetch((const char *)at + 8192 + i, _MM_HINT_T0);
	}
}

INLINE void tile(const struct type type, const uint8_t *weight, const uint8_t *act, int64_t k,
	struct part part, float out[ACT_COLS][PANEL_ROWS])
{
	const uint8_t *sums = act + k / 32 * part.width * ACT_Q8_BYTES;
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t n = 0; n < k / 32; n++) {
		const int b = (int)(n % type.blocks);

		if (part.halves == 2) {
			const int share = type.record_bytes / type.blocks;

			fetch_ahead(weight + b * share, share);
		}
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			__m256i w[WEIGHTS];
			__m256 d[2], offset[2];

			type.load(weight, b, 8 * (part.half + h), w, d, offset);
			UNROLL
			for (int c = 0; c < part.columns; c++) {
				sum[c][h] = add_block(type, w, d, offset, part, part.column + c,
					act, sums, sum[c][h]);
			}
		}
		act += part.width * ACT_Q8_BYTES;
		sums += part.width * ACT_Q8_SUMS_BYTES;
		weight += b == type.blocks - 1 ? type.record_bytes : 0;
	}
	store(part, sum, out);
}

/* ---- codes from their bits: 8 rows from `row` on ---- */

INLINE void nibbles(const uint8_t q[4][PANEL_ROWS][4], int row, __m256i w[8])
{
	const __m256i lower = _mm256_set1_epi8(0x0f);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m256i both = load(q[j][row]);

		w[j] = _mm256_and_si256(both, lower);
		w[4 + j] = _mm256_and_si256(_mm256_srli_epi16(both, 4), lower);
	}
}

/* w |= bit j of `bits` moved to bit `to`, for register j */
INLINE void add_bits(const uint8_t bits[PANEL_ROWS][4], int row, const int to, __m256i w[8])
{
	const __m256i one = _mm256_set1_epi8((char)(1 << to));
	__m256i all = load(bits[row]);

	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i moved =
			j < to ? _mm256_slli_epi16(all, to - j) : _mm256_srli_epi16(all, j - to);

		w[j] = _mm256_or_si256(w[j], _mm256_and_si256(moved, one));
	}
}

INLINE void look_up(
	const uint8_t q[4][PANEL_ROWS][4], int row, const int8_t values[16], __m256i w[8])
{
	__m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)values));

	nibbles(q, row, w);
	UNROLL
	for (int j = 0; j < 8; j++) {
		w[j] = _mm256_shuffle_epi8(table, w[j]);
	}
}

INLINE void pairs(const uint8_t q[2][PANEL_ROWS][4], int row, __m256i w[8])
{
	UNROLL
	for (int j = 0; j < 8; j++) {
		w[j] = _mm256_and_si256(
			_mm256_srli_epi16(load(q[j / 4][row]), j % 4 * 2), _mm256_set1_epi8(3));
	}
}

/* ---- the types ---- */

INLINE void load_q8_0(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q8_0 *in = record;

	d[0] = load_halves(&in->d[row]);
	UNROLL
	for (int j = 0; j < 8; j++) {
		w[j] = _mm256_xor_si256(load(in->q[j][row]), _mm256_set1_epi8((char)0x80));
	}
}

INLINE void load_q4_0(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q4_0 *in = record;

	d[0] = load_halves(&in->d[row]);
	nibbles(in->q, row, w);
}

INLINE void load_iq4_nl(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q4_0 *in = record;

	d[0] = load_halves(&in->d[row]);
	look_up(in->q, row, dtype_iq4_values, w);
}

INLINE void load_mxfp4(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q4_0 *in = record;
	__m256i brain = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)&in->d[row]));

	d[0] = _mm256_castsi256_ps(_mm256_slli_epi32(brain, 16));
	look_up(in->q, row, dtype_mxfp4_values, w);
}

INLINE void load_q4_1(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q4_1 *in = record;

	d[0] = load_halves(&in->d[row]);
	offset[0] = load_halves(&in->m[row]);
	nibbles(in->q, row, w);
}

INLINE void load_q5_0(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q5_0 *in = record;

	d[0] = load_halves(&in->d[row]);
	nibbles(in->low, row, w);
	add_bits(in->high, row, 4, w);
}

INLINE void load_q5_1(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q5_1 *in = record;

	d[0] = load_halves(&in->d[row]);
	offset[0] = load_halves(&in->m[row]);
	nibbles(in->low, row, w);
	add_bits(in->high, row, 4, w);
}

/* Eight scales as 32 bits, and pairs of 16 bits of such. */
INLINE __m256i load_scales(const uint8_t *at)
{
	return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at));
}

INLINE __m256i twice(__m256i scale)
{
	return _mm256_or_si256(
		_mm256_slli_epi32(scale, 16), _mm256_and_si256(scale, _mm256_set1_epi32(0xffff)));
}

INLINE void load_q2_k(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q2_k *in = record;
	__m256 dmin = _mm256_sub_ps(_mm256_setzero_ps(), load_halves(&in->dmin[row]));

	d[0] = load_halves(&in->d[row]);
	pairs(in->q[b], row, w);
	UNROLL
	for (int h = 0; h < 2; h++) {
		__m256i both = load_scales(&in->scale_min[2 * b + h][row]);

		w[SCALES + h] = twice(_mm256_and_si256(both, _mm256_set1_epi32(15)));
		offset[h] = _mm256_mul_ps(dmin, _mm256_cvtepi32_ps(_mm256_srli_epi32(both, 4)));
	}
}

INLINE void load_q3_k(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q3_k *in = record;

	d[0] = load_halves(&in->d[row]);
	pairs(in->low[b], row, w);
	add_bits(in->high[b], row, 2, w);
	UNROLL
	for (int h = 0; h < 2; h++) {
		w[SCALES + h] = twice(_mm256_sub_epi32(
			load_scales(&in->scale[2 * b + h][row]), _mm256_set1_epi32(32)));
	}
}

INLINE void load_q4_k(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q4_k *in = record;
	__m256 dmin = _mm256_sub_ps(_mm256_setzero_ps(), load_halves(&in->dmin[row]));

	d[0] = _mm256_mul_ps(load_halves(&in->d[row]), load_u8(&in->scale[b][row]));
	offset[0] = _mm256_mul_ps(dmin, load_u8(&in->min[b][row]));
	nibbles(in->q[b], row, w);
}

INLINE void load_q5_k(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q5_k *in = record;
	__m256 dmin = _mm256_sub_ps(_mm256_setzero_ps(), load_halves(&in->dmin[row]));

	d[0] = _mm256_mul_ps(load_halves(&in->d[row]), load_u8(&in->scale[b][row]));
	offset[0] = _mm256_mul_ps(dmin, load_u8(&in->min[b][row]));
	nibbles(in->low[b], row, w);
	add_bits(in->high[b], row, 4, w);
}

INLINE void load_q6_k(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_q6_k *in = record;
	const __m256i top = _mm256_set1_epi8(0x30);

	UNROLL
	for (int h = 0; h < 2; h++) {
		d[h] = _mm256_mul_ps(load_halves(&in->d[row]), load_i8(&in->scale[2 * b + h][row]));
	}
	nibbles(in->low[b], row, w);
	UNROLL
	for (int j = 0; j < 8; j++) {
		__m256i pairs = load(in->high[b][j / 4][row]);
		__m256i moved = j % 4 < 2 ? _mm256_slli_epi16(pairs, 4 - j % 4 * 2)
					  : _mm256_srli_epi16(pairs, j % 4 * 2 - 4);

		w[j] = _mm256_or_si256(w[j], _mm256_and_si256(moved, top));
	}
}

INLINE void load_iq4_xs(
	const void *record, int b, int row, __m256i w[WEIGHTS], __m256 d[2], __m256 offset[2])
{
	const struct panel_iq4_xs *in = record;

	d[0] = _mm256_mul_ps(load_halves(&in->d[row]), load_i8(&in->scale[b][row]));
	look_up(in->q[b], row, dtype_iq4_values, w);
}

#define TILE(name, record, blocks, bits, offset, parts)                                            \
	INLINE void name(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,   \
		float out[ACT_COLS][PANEL_ROWS])                                                   \
	{                                                                                          \
		const struct type type = {                                                         \
			sizeof(struct record), blocks, bits, offset, parts, load_##name};          \
		tile(type, weight, act, k, part, out);                                             \
	}                                                                                          \
	TILE_PARTS(name)

TILE(q8_0, panel_q8_0, 1, 0, 0, ONE_SCALE)
TILE(q4_0, panel_q4_0, 1, 4, 8, ONE_SCALE)
TILE(q4_1, panel_q4_1, 1, 4, 0, ONE_OFFSET)
TILE(q5_0, panel_q5_0, 1, 5, 16, ONE_SCALE)
TILE(q5_1, panel_q5_1, 1, 5, 0, ONE_OFFSET)
TILE(q2_k, panel_q2_k, 8, 3, 0, TWO_OFFSETS)
TILE(q3_k, panel_q3_k, 8, 3, 4, ONE_SCALE)
TILE(q4_k, panel_q4_k, 8, 4, 0, ONE_OFFSET)
TILE(q5_k, panel_q5_k, 8, 5, 0, ONE_OFFSET)
TILE(q6_k, panel_q6_k, 8, 6, 0, TWO_SCALES)
TILE(iq4_nl, panel_q4_0, 1, 0, 0, ONE_SCALE)
TILE(iq4_xs, panel_iq4_xs, 8, 0, 0, ONE_SCALE)
TILE(mxfp4, panel_q4_0, 1, 0, 0, ONE_SCALE)

int64_t avx2_dot_probe(int64_t n, uint64_t *result)
{
	__m256i sum[8], weight = _mm256_set1_epi8(1), x = _mm256_set1_epi8((char)(*result & 7));

	UNROLL
	for (int i = 0; i < 8; i++) {
		sum[i] = _mm256_set1_epi32(i);
	}
	for (int64_t r = 0; r < n; r++) {
		UNROLL
		for (int i = 0; i < 8; i++) {
			__asm__("" : "+x"(x)); /* not the same product each time */
			sum[i] = _mm256_add_epi32(sum[i], widen(_mm256_maddubs_epi16(weight, x)));
		}
	}
	UNROLL
	for (int i = 0; i < 8; i++) {
		*result += (uint64_t)_mm256_extract_epi32(sum[i], 0);
	}
	return n * 8 * 2 * 32;
}
