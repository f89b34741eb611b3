/*
 * Products in plain C: the oracle of the other paths. What is computed, and in which order:
 *
 *   Q8_0, Q4_0  per 32 k: i = sum(q*x), an exact integer;  sum = fma(i * d, dx, sum)
 *   Q4_K        per 32 k: the same with d*scale for d;  then sum = fma(-(dmin*min), s, sum)
 *   Q6_K        per 32 k: i and j the integer sums over either 16;
 *               t = fma(j, d*scale[1], i * (d*scale[0]));  sum = fma(t, dx, sum)
 *   F32, F16    sum += w * x for each k
 *   BF16        per two k: the later product is added first, as vdpbf16ps does it; products of two
 *               bfloat16 numbers are exact
 *
 * The integer types are bit-identical on every path (d*scale is exact: 11 bits times 8). For F32
 * and F16 the other paths use a fused multiply-add. For BF16 vdpbf16ps flushes denormal numbers and
 * may round the sum of a pair differently; see the error bounds in tests/ops/test_matmul.c.
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/matmul.h"

#include <float.h>
#include <math.h>
#include <string.h>

static float read_f32(const uint8_t *at)
{
	float value;

	memcpy(&value, at, 4);
	return value;
}

static uint16_t read_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

/* The places of one column in a panel of ACT_Q8. */
static const int8_t *act_q(const uint8_t *act, int64_t b, int32_t width, int32_t column)
{
	return (const int8_t *)(act + b * width * ACT_Q8_BYTES + column * ACT_BLOCK);
}

static float act_d(const uint8_t *act, int64_t b, int32_t width, int32_t column)
{
	return read_f32(act + b * width * ACT_Q8_BYTES + width * ACT_BLOCK + column * 4);
}

static float act_s(const uint8_t *act, int64_t k, int64_t b, int32_t width, int32_t column)
{
	const uint8_t *sums = act + k / ACT_BLOCK * width * ACT_Q8_BYTES;

	return read_f32(sums + b * width * ACT_Q8_SUMS_BYTES + column * 4);
}

/* sum[row] = q[k][row] * x[k] over n elements of k, exact. */
static void dot(int8_t (*q)[PANEL_ROWS], const int8_t *x, int n, int32_t sum[PANEL_ROWS])
{
	memset(sum, 0, PANEL_ROWS * sizeof(*sum));
	for (int k = 0; k < n; k++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			sum[r] += (int16_t)(q[k][r] * x[k]);
		}
	}
}

static void nibbles(uint8_t in[4][PANEL_ROWS][4], int offset, int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 16; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = (int8_t)((in[e / 4][r][e % 4] & 15) - offset);
			q[16 + e][r] = (int8_t)((in[e / 4][r][e % 4] >> 4) - offset);
		}
	}
}

/* One block of 32 k with a scale per row, for all columns. */
static void block_scaled(int8_t q[32][PANEL_ROWS], const float d[PANEL_ROWS], const uint8_t *act,
	int64_t b, int32_t width, float sum[ACT_COLS][PANEL_ROWS])
{
	for (int32_t c = 0; c < width; c++) {
		float dx = act_d(act, b, width, c);
		int32_t i[PANEL_ROWS];

		dot(q, act_q(act, b, width, c), 32, i);
		for (int r = 0; r < PANEL_ROWS; r++) {
			sum[c][r] = fmaf((float)i[r] * d[r], dx, sum[c][r]);
		}
	}
}

static void tile_q8_0(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_q8_0 *in = (const struct panel_q8_0 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t b = 0; b < k / 32; b++) {
		int8_t q[32][PANEL_ROWS];
		float d[PANEL_ROWS];

		for (int r = 0; r < PANEL_ROWS; r++) {
			d[r] = f16_to_f32(in[b].d[r]);
			for (int e = 0; e < 32; e++) {
				q[e][r] = (int8_t)(in[b].q[e / 4][r][e % 4] - 128);
			}
		}
		block_scaled(q, d, act, b, width, sum);
	}
}

static void tile_q4_0(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	struct panel_q4_0 *in = (struct panel_q4_0 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t b = 0; b < k / 32; b++) {
		int8_t q[32][PANEL_ROWS];
		float d[PANEL_ROWS];

		for (int r = 0; r < PANEL_ROWS; r++) {
			d[r] = f16_to_f32(in[b].d[r]);
		}
		nibbles(in[b].q, 8, q);
		block_scaled(q, d, act, b, width, sum);
	}
}

static void tile_q4_k(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	struct panel_q4_k *in = (struct panel_q4_k *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t b = 0; b < k / 32; b++) {
		struct panel_q4_k *block = in + b / 8;
		int8_t q[32][PANEL_ROWS];
		float d[PANEL_ROWS], min[PANEL_ROWS];

		for (int r = 0; r < PANEL_ROWS; r++) {
			d[r] = f16_to_f32(block->d[r]) * (float)block->scale[b % 8][r];
			min[r] = f16_to_f32(block->dmin[r]) * (float)block->min[b % 8][r];
		}
		nibbles(block->q[b % 8], 0, q);
		block_scaled(q, d, act, b, width, sum);
		for (int32_t c = 0; c < width; c++) {
			float s = act_s(act, k, b, width, c);

			for (int r = 0; r < PANEL_ROWS; r++) {
				sum[c][r] = fmaf(-min[r], s, sum[c][r]);
			}
		}
	}
}

static void tile_q6_k(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	struct panel_q6_k *in = (struct panel_q6_k *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t b = 0; b < k / 32; b++) {
		struct panel_q6_k *block = in + b / 8;
		int8_t q[32][PANEL_ROWS];
		float d[2][PANEL_ROWS];

		nibbles(block->low[b % 8], 0, q);
		for (int r = 0; r < PANEL_ROWS; r++) {
			for (int e = 0; e < 32; e++) {
				int bits = block->high[b % 8][e / 16][r][e % 4] >> e % 16 / 4 * 2;

				q[e][r] = (int8_t)((q[e][r] | (bits & 3) << 4) - 32);
			}
			for (int h = 0; h < 2; h++) {
				d[h][r] = f16_to_f32(block->d[r]) *
					  (float)block->scale[b % 8 * 2 + h][r];
			}
		}
		for (int32_t c = 0; c < width; c++) {
			const int8_t *x = act_q(act, b, width, c);
			float dx = act_d(act, b, width, c);
			int32_t i[PANEL_ROWS], j[PANEL_ROWS];

			dot(q, x, 16, i);
			dot(q + 16, x + 16, 16, j);
			for (int r = 0; r < PANEL_ROWS; r++) {
				float t = fmaf((float)j[r], d[1][r], (float)i[r] * d[0][r]);

				sum[c][r] = fmaf(t, dx, sum[c][r]);
			}
		}
	}
}

/* sum[column] += w * x[column], for one k. */
static void add_products(
	const float w[PANEL_ROWS], const float *x, int32_t width, float sum[ACT_COLS][PANEL_ROWS])
{
	for (int32_t c = 0; c < width; c++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			sum[c][r] += w[r] * x[c];
		}
	}
}

static void tile_f32(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_f32 *in = (const struct panel_f32 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t i = 0; i < k; i++) {
		add_products(in[i].w, (const float *)act + i * width, width, sum);
	}
}

static void tile_f16(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_f16 *in = (const struct panel_f16 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t i = 0; i < k; i++) {
		float w[PANEL_ROWS];

		for (int r = 0; r < PANEL_ROWS; r++) {
			w[r] = f16_to_f32(in[i].w[r]);
		}
		add_products(w, (const float *)act + i * width, width, sum);
	}
}

static void tile_bf16(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_bf16 *in = (const struct panel_bf16 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t i = 0; i < k / 2; i++) {
		for (int later = 1; later >= 0; later--) {
			float w[PANEL_ROWS], x[ACT_COLS];

			for (int r = 0; r < PANEL_ROWS; r++) {
				w[r] = bf16_to_f32(in[i].w[r][later]);
			}
			for (int32_t c = 0; c < width; c++) {
				x[c] = bf16_to_f32(
					read_u16(act + ((i * width + c) * 2 + later) * 2));
			}
			add_products(w, x, width, sum);
		}
	}
}

static void put_f32(uint8_t *at, float value)
{
	memcpy(at, &value, 4);
}

/*
 * One block of 32: d = amax/127, or 0 where amax is too small for 127/amax; NaN where an element is
 * infinite or NaN, so that what is wrong stays visible. Sums of q over either half.
 */
static float quantize(const float *in, uint8_t *q, int32_t sum[2])
{
	float amax = 0, inverse;
	int finite = 1;

	sum[0] = sum[1] = 0;
	for (int i = 0; i < ACT_BLOCK; i++) {
		float magnitude = fabsf(in[i]);

		finite &= magnitude <= FLT_MAX;
		amax = magnitude > amax ? magnitude : amax;
	}
	if (!finite || amax < ACT_Q8_AMAX_MIN) {
		memset(q, 0, ACT_BLOCK);
		return finite ? 0 : NAN;
	}
	inverse = 127.0f / amax;
	for (int i = 0; i < ACT_BLOCK; i++) {
		int8_t rounded = (int8_t)lrintf(in[i] * inverse);

		q[i] = (uint8_t)rounded;
		sum[i / 16] += rounded;
	}
	return amax / 127.0f;
}

static void pack_q8(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	act_pack_q8(in, k, n_row, width, panel, quantize);
}

static void pack_f32(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	for (int64_t i = 0; i < k; i++) {
		for (int32_t c = 0; c < width; c++, panel += 4) {
			put_f32(panel, c < n_row ? in[c * k + i] : 0);
		}
	}
}

static void pack_bf16(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel)
{
	for (int64_t i = 0; i < k; i += 2) {
		for (int32_t c = 0; c < width; c++, panel += 4) {
			for (int e = 0; e < 2; e++) {
				float value = c < n_row ? in[c * k + i + e] : 0;
				uint16_t brain = f32_to_bf16(value);

				memcpy(panel + 2 * e, &brain, 2);
			}
		}
	}
}

const struct matmul_path matmul_ref = {
	.tile = MATMUL_TILES,
	.pack =
		{
			[ACT_F32] = pack_f32,
			[ACT_BF16] = pack_bf16,
			[ACT_Q8] = pack_q8,
		},
};

void ref_matmul(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	matmul_run(&matmul_ref, op, env, first, end);
}

void ref_pack_act(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	pack_act_run(&matmul_ref, op, env, first, end);
}

int64_t ref_dot_probe(int64_t n, uint64_t *result)
{
	int8_t q[32][PANEL_ROWS], x[32];
	int32_t sum[PANEL_ROWS];

	memset(q, 1, sizeof(q));
	for (int64_t i = 0; i < n; i++) {
		memset(x, (int)(*result & 7), sizeof(x));
		dot(q, x, 32, sum);
		*result += (uint64_t)sum[0];
	}
	return n * 2 * 32 * PANEL_ROWS;
}
