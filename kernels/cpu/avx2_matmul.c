/*
 * Products on AVX2 with FMA and F16C, over the layout of AVX-512: the 16 rows of a panel are two
 * halves, registers of 8 rows. One or two columns take both halves at once, more columns are
 * computed in fours, one half at a time.
 *
 * vpmaddubsw adds two products in 16 bits, and 255 * 127 twice would saturate. So signed weights
 * (-128 ... 127) give their sign to the activations and are multiplied as |w| * sign(x, w): at most
 * 128 * 127 twice, which fits. Unsigned weights of four or six bits leave room for sums of 8 or 2.
 */
#include "kernels/cpu/kernels_internal.h"
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

/* 16 products of weights of 0 ... 63: 4 * 63 * 127 fits 16 bits. */
INLINE __m256i dot_six_bits(const __m256i w[4], const uint8_t *x)
{
	__m256i first = _mm256_add_epi16(_mm256_maddubs_epi16(w[0], load_i32(x)),
		_mm256_maddubs_epi16(w[1], load_i32(x + 4)));
	__m256i second = _mm256_add_epi16(_mm256_maddubs_epi16(w[2], load_i32(x + 8)),
		_mm256_maddubs_epi16(w[3], load_i32(x + 12)));

	return _mm256_add_epi32(widen(first), widen(second));
}

INLINE void split_nibbles(const uint8_t q[4][PANEL_ROWS][4], int half, __m256i w[8])
{
	const __m256i lower = _mm256_set1_epi8(0x0f);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m256i both = load(q[j][8 * half]);

		w[j] = _mm256_and_si256(both, lower);
		w[4 + j] = _mm256_and_si256(_mm256_srli_epi16(both, 4), lower);
	}
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

/* Where column c of a record begins, and its scale. */
INLINE const uint8_t *column_q(struct part part, const uint8_t *act, int c)
{
	return act + (part.column + c) * ACT_BLOCK;
}

INLINE const uint8_t *column_d(struct part part, const uint8_t *act, int c)
{
	return act + part.width * ACT_BLOCK + (part.column + c) * 4;
}

INLINE void q8_0(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_q8_0 *in = (const struct panel_q8_0 *)weight;
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t b = 0; b < k / 32; b++, in++, act += part.width * ACT_Q8_BYTES) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			int row = 8 * (part.half + h);
			__m256 d = load_halves(&in->d[row]);
			__m256i w[8];

			UNROLL
			for (int j = 0; j < 8; j++) {
				w[j] = _mm256_xor_si256(
					load(in->q[j][row]), _mm256_set1_epi8((char)0x80));
			}
			UNROLL
			for (int c = 0; c < part.columns; c++) {
				__m256i i = dot_signed(w, column_q(part, act, c));

				sum[c][h] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(i), d),
					load_float(column_d(part, act, c)), sum[c][h]);
			}
		}
	}
	store(part, sum, out);
}

INLINE void q4_0(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_q4_0 *in = (const struct panel_q4_0 *)weight;
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t b = 0; b < k / 32; b++, in++, act += part.width * ACT_Q8_BYTES) {
		UNROLL
		for (int h = 0; h < part.halves; h++) {
			__m256 d = load_halves(&in->d[8 * (part.half + h)]);
			__m256i w[8];

			split_nibbles(in->q, part.half + h, w);
			UNROLL
			for (int c = 0; c < part.columns; c++) {
				const uint8_t *dx = column_d(part, act, c);
				__m256i i = dot_nibbles(w, column_q(part, act, c));

				/* n128 / 16 = -8 * sum(x) */
				i = _mm256_add_epi32(
					i, _mm256_srai_epi32(load_i32(dx + part.width * 4), 4));
				sum[c][h] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(i), d),
					load_float(dx), sum[c][h]);
			}
		}
	}
	store(part, sum, out);
}

INLINE void q4_k(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_q4_k *in = (const struct panel_q4_k *)weight;
	const uint8_t *sums = act + k / 32 * part.width * ACT_Q8_BYTES;
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t n = 0; n < k / 32; n++) {
		const int b = (int)(n % 8);

		UNROLL
		for (int h = 0; h < part.halves; h++) {
			int row = 8 * (part.half + h);
			__m256 d = _mm256_mul_ps(
				load_halves(&in->d[row]), load_u8(&in->scale[b][row]));
			__m256 min = _mm256_mul_ps(
				load_halves(&in->dmin[row]), load_u8(&in->min[b][row]));
			__m256i w[8];

			split_nibbles(in->q[b], part.half + h, w);
			UNROLL
			for (int c = 0; c < part.columns; c++) {
				__m256i i = dot_nibbles(w, column_q(part, act, c));

				sum[c][h] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(i), d),
					load_float(column_d(part, act, c)), sum[c][h]);
				sum[c][h] = _mm256_fnmadd_ps(
					min, load_float(sums + (part.column + c) * 4), sum[c][h]);
			}
		}
		act += part.width * ACT_Q8_BYTES;
		sums += part.width * ACT_Q8_SUMS_BYTES;
		in += b == 7;
	}
	store(part, sum, out);
}

INLINE void join_six_bits(const struct panel_q6_k *in, int b, int half, __m256i w[8])
{
	const __m256i top = _mm256_set1_epi8(0x30);

	split_nibbles(in->low[b], half, w);
	UNROLL
	for (int p = 0; p < 2; p++) {
		__m256i high = load(in->high[b][p][8 * half]);

		w[4 * p] = _mm256_or_si256(
			w[4 * p], _mm256_and_si256(_mm256_slli_epi16(high, 4), top));
		w[4 * p + 1] = _mm256_or_si256(
			w[4 * p + 1], _mm256_and_si256(_mm256_slli_epi16(high, 2), top));
		w[4 * p + 2] = _mm256_or_si256(w[4 * p + 2], _mm256_and_si256(high, top));
		w[4 * p + 3] = _mm256_or_si256(
			w[4 * p + 3], _mm256_and_si256(_mm256_srli_epi16(high, 2), top));
	}
}

INLINE void q6_k(const uint8_t *weight, const uint8_t *act, int64_t k, struct part part,
	float out[ACT_COLS][PANEL_ROWS])
{
	const struct panel_q6_k *in = (const struct panel_q6_k *)weight;
	const uint8_t *sums = act + k / 32 * part.width * ACT_Q8_BYTES;
	__m256 sum[4][2];

	clear(part, sum);
	for (int64_t n = 0; n < k / 32; n++) {
		const int b = (int)(n % 8);

		UNROLL
		for (int h = 0; h < part.halves; h++) {
			int row = 8 * (part.half + h);
			__m256 d = load_halves(&in->d[row]);
			__m256 d0 = _mm256_mul_ps(d, load_i8(&in->scale[2 * b][row]));
			__m256 d1 = _mm256_mul_ps(d, load_i8(&in->scale[2 * b + 1][row]));
			__m256i w[8];

			join_six_bits(in, b, part.half + h, w);
			UNROLL
			for (int c = 0; c < part.columns; c++) {
				const uint8_t *x = column_q(part, act, c);
				const uint8_t *n128 = sums + (part.width + part.column + c) * 4;
				__m256i i = dot_six_bits(w, x), j = dot_six_bits(w + 4, x + 16);
				__m256 t;

				/* n128 / 4 = -32 * sum(x) */
				i = _mm256_add_epi32(i, _mm256_srai_epi32(load_i32(n128), 2));
				j = _mm256_add_epi32(
					j, _mm256_srai_epi32(load_i32(n128 + part.width * 4), 2));
				t = _mm256_mul_ps(_mm256_cvtepi32_ps(i), d0);
				t = _mm256_fmadd_ps(_mm256_cvtepi32_ps(j), d1, t);
				sum[c][h] = _mm256_fmadd_ps(
					t, load_float(column_d(part, act, c)), sum[c][h]);
			}
		}
		act += part.width * ACT_Q8_BYTES;
		sums += part.width * ACT_Q8_SUMS_BYTES;
		in += b == 7;
	}
	store(part, sum, out);
}

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

/* The function of struct matmul_path: one copy of the loop per way of cutting a tile. */
#define TILE(type)                                                                                 \
	static void tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k,              \
		int32_t width, float out[ACT_COLS][PANEL_ROWS])                                    \
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

TILE(q8_0)
TILE(q4_0)
TILE(q4_k)
TILE(q6_k)
TILE(f32)
TILE(f16)
TILE(bf16)

/* See quantize() in ref_matmul.c. Returns d; sums of q over either half. */
INLINE float quantize(const float *in, uint8_t *q, int32_t sum[2])
{
	const __m256 sign = _mm256_set1_ps(-0.0f), largest = _mm256_set1_ps(3.402823466e38f);
	__m256 a[4], most = _mm256_setzero_ps(), bad = most, inverse;
	__m128 four;
	__m256i i[4], s[2];
	float amax;

	UNROLL
	for (int n = 0; n < 4; n++) {
		a[n] = _mm256_andnot_ps(sign, _mm256_loadu_ps(in + 8 * n));
		most = _mm256_max_ps(a[n], most);
		bad = _mm256_or_ps(bad, _mm256_cmp_ps(a[n], largest, _CMP_NLE_UQ));
	}
	four = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
	four = _mm_max_ps(four, _mm_movehl_ps(four, four));
	amax = _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
	if (_mm256_movemask_ps(bad) || !(amax >= ACT_Q8_AMAX_MIN)) {
		memset(q, 0, ACT_BLOCK);
		sum[0] = sum[1] = 0;
		return _mm256_movemask_ps(bad) ? __builtin_nanf("") : 0;
	}
	inverse = _mm256_set1_ps(127.0f / amax);
	UNROLL
	for (int n = 0; n < 4; n++) {
		i[n] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(in + 8 * n), inverse));
	}
	for (int h = 0; h < 2; h++) {
		__m128i t;

		s[h] = _mm256_add_epi32(i[2 * h], i[2 * h + 1]);
		t = _mm_add_epi32(_mm256_castsi256_si128(s[h]), _mm256_extracti128_si256(s[h], 1));
		t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4e));
		t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0xb1));
		sum[h] = _mm_cvtsi128_si32(t);
	}
	/* Packing works within 128 bits; the permutation puts the dwords in order. */
	i[0] = _mm256_packs_epi16(_mm256_packs_epi32(i[0], i[1]), _mm256_packs_epi32(i[2], i[3]));
	i[0] = _mm256_permutevar8x32_epi32(i[0], _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
	_mm256_storeu_si256((__m256i *)q, i[0]);
	return amax / 127.0f;
}

static void pack_q8(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	act_pack_q8(in, k, n_row, width, panel, quantize);
}

/* Eight floats to bfloat16 in 32 bits each, as f32_to_bf16() does it. */
INLINE __m256i to_bf16(__m256 x)
{
	__m256i bits = _mm256_castps_si256(x), upper = _mm256_srli_epi32(bits, 16);
	__m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
	__m256i up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
	__m256i brain = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 16);
	__m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);

	return _mm256_blendv_epi8(
		brain, _mm256_or_si256(upper, _mm256_set1_epi32(0x40)), _mm256_castps_si256(nan));
}

static void pack_bf16(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	if (n_row < width) {
		memset(panel, 0, (size_t)(act_column_bytes(ACT_BF16, k) * width));
	}
	for (int32_t c = 0; c < n_row; c++) {
		for (int64_t i = 0; i < k; i += 16) {
			__m256i brain =
				_mm256_packus_epi32(to_bf16(_mm256_loadu_ps(in + c * k + i)),
					to_bf16(_mm256_loadu_ps(in + c * k + i + 8)));
			uint32_t pair[8];

			/* Packing works within 128 bits. */
			brain = _mm256_permute4x64_epi64(brain, 0xd8);
			memcpy(pair, &brain, sizeof(pair));
			for (int e = 0; e < 8; e++) {
				memcpy(panel + ((i / 2 + e) * width + c) * 4, &pair[e], 4);
			}
		}
	}
}

void avx2_matmul(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	static const struct matmul_path path = {
		.tile = MATMUL_TILES,
	};
	matmul_run(&path, op, env, first, end);
}

void avx2_pack_act(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	struct matmul_path path = {.pack = {[ACT_BF16] = pack_bf16, [ACT_Q8] = pack_q8}};

	path.pack[ACT_F32] = matmul_ref.pack[ACT_F32];
	pack_act_run(&path, op, env, first, end);
}

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
