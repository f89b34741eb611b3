/*
 * Products on AVX-512 with VNNI and BF16. A tile is 16 rows by 1 to 16 columns. Per 32 k the weights
 * of 16 rows are eight registers, and each column is a chain of eight vpdpbusd whose activation
 * operand is a broadcast embedded in the instruction; only float sums live from block to block, so
 * that sixteen of them, the weights and the temporaries fit the 32 registers.
 *
 * Embedded broadcasts are written in assembly because gcc 12 makes a separate vpbroadcastd of the
 * intrinsic: a quarter slower.
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/matmul.h"

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* Columns whose dot products alternate. */
#define GROUP 4

/* How far ahead weights are fetched, for products of so few columns. */
#define FETCH_AHEAD_BYTES 8192
#define FETCH_WIDTH_MAX   4

/* sum + four products in each lane: unsigned weights, four signed bytes at x for all lanes. */
INLINE __m512i dot4(__m512i sum, __m512i weight, const int8_t *x)
{
	__asm__("vpdpbusd %2%{1to16%}, %1, %0"
		: "+v"(sum)
		: "v"(weight), "m"(*(const char(*)[4])x));
	return sum;
}

/* a * (the float at x) + sum */
INLINE __m512 fma_at(__m512 a, const uint8_t *x, __m512 sum)
{
	__asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(a), "m"(*(const char(*)[4])x));
	return sum;
}

/* sum + products of bfloat16 pairs */
INLINE __m512 dot2_at(__m512 weight, const uint8_t *x, __m512 sum)
{
	__asm__("vdpbf16ps %2%{1to16%}, %1, %0"
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
 * Adds a block of 32 k with one scale per row: w holds (weight + 128), act is the block's record.
 */
INLINE void add_block(
	const __m512i w[8], __m512 d, const uint8_t *act, __m512 sum[], const int width)
{
	const int columns = width < GROUP ? width : GROUP;
	const uint8_t *dx = act + width * ACT_BLOCK;

	UNROLL
	for (int c = 0; c < width; c += GROUP) {
		__m512i i[GROUP];

		UNROLL
		for (int g = 0; g < columns; g++) {
			i[g] = load_i32(dx + (width + c + g) * 4);
		}
		dot32(i, w, act + c * ACT_BLOCK, columns);
		UNROLL
		for (int g = 0; g < columns; g++) {
			sum[c + g] = fma_at(_mm512_mul_ps(_mm512_cvtepi32_ps(i[g]), d),
				dx + (c + g) * 4, sum[c + g]);
		}
	}
}

INLINE void q8_0(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_q8_0 *in = (const struct panel_q8_0 *)weight;
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t b = 0; b < k / 32; b++, in++, act += width * ACT_Q8_BYTES) {
		__m512i w[8];

		fetch_ahead(in, sizeof(*in), width);
		UNROLL
		for (int j = 0; j < 8; j++) {
			w[j] = _mm512_loadu_si512(in->q[j]);
		}
		add_block(w, load_halves(in->d), act, sum, width);
	}
	store(out, sum, width);
}

/* A nibble in the upper half of its byte is 16 * (q - 8) + 128: the scale makes up for 16. */
INLINE void q4_0(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_q4_0 *in = (const struct panel_q4_0 *)weight;
	const __m512i upper = _mm512_set1_epi8((char)0xf0);
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t b = 0; b < k / 32; b++, in++, act += width * ACT_Q8_BYTES) {
		__m512 d = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(1.0f / 16));
		__m512i w[8];

		fetch_ahead(in, sizeof(*in), width);
		UNROLL
		for (int j = 0; j < 4; j++) {
			__m512i q = _mm512_loadu_si512(in->q[j]);

			w[j] = _mm512_and_si512(_mm512_slli_epi16(q, 4), upper);
			w[4 + j] = _mm512_and_si512(q, upper);
		}
		add_block(w, d, act, sum, width);
	}
	store(out, sum, width);
}

/* The same without an offset; then adds min * s of each column. */
INLINE void add_block_min(const __m512i w[8], __m512 d, __m512 min, const uint8_t *act,
	const uint8_t *sums, __m512 sum[], const int width)
{
	const int columns = width < GROUP ? width : GROUP;
	const uint8_t *dx = act + width * ACT_BLOCK;

	UNROLL
	for (int c = 0; c < width; c += GROUP) {
		__m512i i[GROUP];

		UNROLL
		for (int g = 0; g < columns; g++) {
			i[g] = _mm512_setzero_si512();
		}
		dot32(i, w, act + c * ACT_BLOCK, columns);
		UNROLL
		for (int g = 0; g < columns; g++) {
			sum[c + g] = fma_at(_mm512_mul_ps(_mm512_cvtepi32_ps(i[g]), d),
				dx + (c + g) * 4, sum[c + g]);
			sum[c + g] = fma_at(min, sums + (c + g) * 4, sum[c + g]);
		}
	}
}

INLINE void q4_k(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_q4_k *in = (const struct panel_q4_k *)weight;
	const uint8_t *sums = act + k / 32 * width * ACT_Q8_BYTES;
	const __m512i lower = _mm512_set1_epi8(0x0f);
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t n = 0; n < k / 256; n++, in++) {
		__m512 d = load_halves(in->d);
		__m512 dmin = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(in->dmin));

		fetch_ahead(in, offsetof(struct panel_q4_k, q), width);
		for (int b = 0; b < 8; b++) {
			__m512i w[8];
			__m512 scale = _mm512_mul_ps(
				d, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(
					   _mm_loadu_si128((const __m128i *)in->scale[b]))));
			__m512 min = _mm512_mul_ps(
				dmin, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(
					      _mm_loadu_si128((const __m128i *)in->min[b]))));

			fetch_ahead(in->q[b], sizeof(in->q[b]), width);
			UNROLL
			for (int j = 0; j < 4; j++) {
				__m512i q = _mm512_loadu_si512(in->q[b][j]);

				w[j] = _mm512_and_si512(q, lower);
				w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(q, 4), lower);
			}
			add_block_min(w, scale, min, act, sums, sum, width);
			act += width * ACT_Q8_BYTES;
			sums += width * ACT_Q8_SUMS_BYTES;
		}
	}
	store(out, sum, width);
}

/*
 * The weights of block b as 4 * (q - 32) + 128: the scale makes up for 4.
 */
INLINE void q6_k_weights(const struct panel_q6_k *in, int b, __m512i w[8])
{
	const __m512i middle = _mm512_set1_epi8(0x3c), top = _mm512_set1_epi8((char)0xc0);

	UNROLL
	for (int j = 0; j < 4; j++) {
		__m512i low = _mm512_loadu_si512(in->low[b][j]);

		w[j] = _mm512_and_si512(_mm512_slli_epi16(low, 2), middle);
		w[4 + j] = _mm512_and_si512(_mm512_srli_epi16(low, 2), middle);
	}
	UNROLL
	for (int p = 0; p < 2; p++) {
		__m512i high = _mm512_loadu_si512(in->high[b][p]);

		/* 0xf8: a | (b & c) */
		UNROLL
		for (int s = 0; s < 4; s++) {
			w[4 * p + s] = _mm512_ternarylogic_epi32(
				w[4 * p + s], _mm512_slli_epi16(high, 6 - 2 * s), top, 0xf8);
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

INLINE void q6_k(const uint8_t *weight, const uint8_t *act, int64_t k,
	float out[ACT_COLS][PANEL_ROWS], const int width)
{
	const struct panel_q6_k *in = (const struct panel_q6_k *)weight;
	const uint8_t *sums = act + k / 32 * width * ACT_Q8_BYTES;
	__m512 sum[ACT_COLS];

	clear(sum, width);
	for (int64_t n = 0; n < k / 256; n++, in++) {
		__m512 d = _mm512_mul_ps(load_halves(in->d), _mm512_set1_ps(0.25f));

		fetch_ahead(in, offsetof(struct panel_q6_k, low), width);
		for (int b = 0; b < 8; b++) {
			__m512i w[8];
			__m512 scale[2];

			UNROLL
			for (int h = 0; h < 2; h++) {
				__m128i s = _mm_loadu_si128((const __m128i *)in->scale[2 * b + h]);

				scale[h] = _mm512_mul_ps(
					d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(s)));
			}
			fetch_ahead(in->low[b], sizeof(in->low[b]), width);
			fetch_ahead(in->high[b], sizeof(in->high[b]), width);
			q6_k_weights(in, b, w);
			add_block_halves(w, scale, act, sums, sum, width);
			act += width * ACT_Q8_BYTES;
			sums += width * ACT_Q8_SUMS_BYTES;
		}
	}
	store(out, sum, width);
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

/* The function of struct matmul_path: one copy of the loop per width. */
#define TILE(type)                                                                                 \
	static void tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k,              \
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
	const __m512 largest = _mm512_set1_ps(3.402823466e38f);
	__m512 x0 = _mm512_loadu_ps(in), x1 = _mm512_loadu_ps(in + 16);
	__m512 a0 = _mm512_abs_ps(x0), a1 = _mm512_abs_ps(x1), inverse;
	int bad = _mm512_cmp_ps_mask(a0, largest, _CMP_NLE_UQ) |
		  _mm512_cmp_ps_mask(a1, largest, _CMP_NLE_UQ);
	float amax = _mm512_reduce_max_ps(_mm512_max_ps(a0, a1));
	__m512i i0, i1;

	if (bad || !(amax >= ACT_Q8_AMAX_MIN)) {
		memset(q, 0, ACT_BLOCK);
		sum[0] = sum[1] = 0;
		return bad ? __builtin_nanf("") : 0;
	}
	inverse = _mm512_set1_ps(127.0f / amax);
	i0 = _mm512_cvtps_epi32(_mm512_mul_ps(x0, inverse));
	i1 = _mm512_cvtps_epi32(_mm512_mul_ps(x1, inverse));
	_mm_storeu_si128((__m128i *)q, _mm512_cvtepi32_epi8(i0));
	_mm_storeu_si128((__m128i *)(q + 16), _mm512_cvtepi32_epi8(i1));
	sum[0] = _mm512_reduce_add_epi32(i0);
	sum[1] = _mm512_reduce_add_epi32(i1);
	return amax / 127.0f;
}

static void pack_q8(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	act_pack_q8(in, k, n_row, width, panel, quantize);
}

/* Sixteen elements of a column at a time, scattered to their places `width` words apart. */
static void pack_f32(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	const __m512i ramp =
		_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m512i at = _mm512_mullo_epi32(ramp, _mm512_set1_epi32(width));

	if (n_row < width) {
		memset(panel, 0, (size_t)(act_column_bytes(ACT_F32, k) * width));
	}
	for (int32_t c = 0; c < n_row; c++) {
		for (int64_t i = 0; i < k; i += 16) {
			_mm512_i32scatter_ps(panel + (i * width + c) * 4, at,
				_mm512_loadu_ps(in + c * k + i), 4);
		}
	}
}

/* As f32_to_bf16() does it; vcvtne2ps2bf16 would make denormal numbers zero. */
static void pack_bf16(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	__m256i at = _mm256_mullo_epi32(
		_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(width));

	if (n_row < width) {
		memset(panel, 0, (size_t)(act_column_bytes(ACT_BF16, k) * width));
	}
	for (int32_t c = 0; c < n_row; c++) {
		for (int64_t i = 0; i < k; i += 16) {
			__m512 x = _mm512_loadu_ps(in + c * k + i);
			__m512i bits = _mm512_castps_si512(x);
			__m512i upper = _mm512_srli_epi32(bits, 16);
			__m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
			__m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
			__m512i brain = _mm512_srli_epi32(_mm512_add_epi32(bits, up), 16);

			brain = _mm512_mask_or_epi32(brain, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q),
				upper, _mm512_set1_epi32(0x40));
			_mm256_i32scatter_epi32((int *)(panel + (i / 2 * width + c) * 4), at,
				_mm512_cvtepi32_epi16(brain), 4);
		}
	}
}

void avx512_matmul(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	static const struct matmul_path path = {
		.tile = MATMUL_TILES,
	};
	matmul_run(&path, op, env, first, end);
}

void avx512_pack_act(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	static const struct matmul_path path = {
		.pack =
			{
				[ACT_F32] = pack_f32,
				[ACT_BF16] = pack_bf16,
				[ACT_Q8] = pack_q8,
			},
	};
	pack_act_run(&path, op, env, first, end);
}

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
