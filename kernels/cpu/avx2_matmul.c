/*
 * Products on AVX2 with FMA and F16C: how activations are packed. The tiles are in avx2_tile_int.c
 * and avx2_tile_float.c.
 */
#include "kernels/cpu/avx2_tile.h"

#include "kernels/cpu/kernels_internal.h"

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
		.tile = MATMUL_TILES(avx2),
	};
	matmul_run(&path, op, env, first, end);
}

void avx2_pack_act(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	struct matmul_path path = {.pack = {[ACT_BF16] = pack_bf16, [ACT_Q8] = pack_q8}};

	path.pack[ACT_F32] = matmul_ref.pack[ACT_F32];
	pack_act_run(&path, op, env, first, end);
}
