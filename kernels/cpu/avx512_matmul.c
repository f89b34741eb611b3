/*
 * Products on AVX-512 with VNNI and BF16: how activations are packed. The tiles are in
 * avx512_tile_int.c and avx512_tile_float.c.
 */
#include "kernels/cpu/avx512_tile.h"

#include "kernels/cpu/kernels_internal.h"

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
		.tile = MATMUL_TILES(avx512),
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
