/*
 * Products in plain C: the tiles of the float types (those of the integers are in ref_tile.c), and
 * how activations are packed. What is computed, and in which order:
 *
 *   F32, F16  sum += w * x for each k
 *   BF16      per two k: the later product is added first, as vdpbf16ps does it; products of two
 *             bfloat16 numbers are exact
 *   F8_E4M3   the same over 32 k into t, from 0; then sum = fma(t, scale, sum)
 *
 * For F32 and F16 the other paths use a fused multiply-add. For BF16 vdpbf16ps flushes denormal
 * numbers and may round the sum of a pair differently; see the error bounds in
 * tests/ops/test_matmul.c.
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/matmul.h"

#include <float.h>
#include <math.h>
#include <string.h>

static uint16_t read_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
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

void ref_tile_f32(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_f32 *in = (const struct panel_f32 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t i = 0; i < k; i++) {
		add_products(in[i].w, (const float *)act + i * width, width, sum);
	}
}

void ref_tile_f16(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
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

/* The first or the later of a pair of k, of each column. */
static void read_bf16_pair(const uint8_t *pairs, int32_t width, int later, float x[ACT_COLS])
{
	for (int32_t c = 0; c < width; c++) {
		x[c] = bf16_to_f32(read_u16(pairs + c * 4 + later * 2));
	}
}

void ref_tile_bf16(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
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
			read_bf16_pair(act + i * width * 4, width, later, x);
			add_products(w, x, width, sum);
		}
	}
}

void ref_tile_f8_e4m3(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS])
{
	const struct panel_f8_e4m3 *in = (const struct panel_f8_e4m3 *)weight;

	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t run = 0; run < k / 32; run++) {
		const struct panel_f8_e4m3 *block = in + run / 4;
		float t[ACT_COLS][PANEL_ROWS] = {0};

		for (int64_t i = run * 16; i < run * 16 + 16; i++) {
			for (int later = 1; later >= 0; later--) {
				float w[PANEL_ROWS], x[ACT_COLS];

				for (int r = 0; r < PANEL_ROWS; r++) {
					w[r] = e4m3_to_f32(block->q[i % 64][r][later]);
				}
				read_bf16_pair(act + i * width * 4, width, later, x);
				add_products(w, x, width, t);
			}
		}
		for (int32_t c = 0; c < width; c++) {
			for (int r = 0; r < PANEL_ROWS; r++) {
				sum[c][r] = fmaf(t[c][r], block->scale[r], sum[c][r]);
			}
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
	.tile = MATMUL_TILES(ref),
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
