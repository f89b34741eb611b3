/*
 * Tiles of the integer types in plain C: the oracle of the other paths. What is computed, and in
 * which order, per 32 k; q and d are what pack.h gives each type as code and scale, x and dx those of
 * the activations, and i = sum(q*x) is an exact integer:
 *
 *   Q8_0 Q4_0 Q5_0 IQ4_NL IQ4_XS MXFP4   sum = fma(i * d, dx, sum)
 *   Q3_K        the same, q times its 16's scale taken for q
 *   Q4_1 Q5_1   then sum = fma(m, s, sum)
 *   Q4_K Q5_K   then sum = fma(-(dmin*min), s, sum)
 *   Q2_K        q times its 16's scale taken for q; then for either 16
 *               sum = fma(-(dmin*min[h]), s_low or s_high, sum)
 *   Q6_K        i and j the integer sums over either 16;
 *               t = fma(j, d*scale[1], i * (d*scale[0]));  sum = fma(t, dx, sum)
 *
 * All of them are bit-identical on every path (d*scale is exact: 11 bits times 8).
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/matmul.h"

#include <math.h>
#include <string.h>

/* 32 k of a panel: w = d*q + offset. */
struct block {
	int8_t q[32][PANEL_ROWS];
	float d[2][PANEL_ROWS];      /* of either 16 where the type has two, else d[0] */
	float offset[2][PANEL_ROWS]; /* likewise */
};

/* What of struct block a type fills in. */
enum parts { ONE_SCALE, ONE_OFFSET, TWO_OFFSETS, TWO_SCALES };

/* The places of one column in a panel of ACT_Q8. */
static const int8_t *act_q(const uint8_t *act, int64_t b, int32_t width, int32_t column)
{
	return (const int8_t *)(act + b * width * ACT_Q8_BYTES + column * ACT_BLOCK);
}

static float read_f32(const uint8_t *at)
{
	float value;

	memcpy(&value, at, 4);
	return value;
}

static float act_d(const uint8_t *act, int64_t b, int32_t width, int32_t column)
{
	return read_f32(act + b * width * ACT_Q8_BYTES + width * ACT_BLOCK + column * 4);
}

/* s, s_low or s_high, which are number 0, 3 and 4 of a block's sums */
static float act_s(
	const uint8_t *act, int64_t k, int64_t b, int32_t width, int32_t column, int number)
{
	const uint8_t *sums = act + k / ACT_BLOCK * width * ACT_Q8_BYTES;

	return read_f32(sums + b * width * ACT_Q8_SUMS_BYTES + (number * width + column) * 4);
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

static void add_scaled(
	const int32_t i[PANEL_ROWS], const float d[PANEL_ROWS], float dx, float sum[PANEL_ROWS])
{
	for (int r = 0; r < PANEL_ROWS; r++) {
		sum[r] = fmaf((float)i[r] * d[r], dx, sum[r]);
	}
}

static void add_offset(const float offset[PANEL_ROWS], float s, float sum[PANEL_ROWS])
{
	for (int r = 0; r < PANEL_ROWS; r++) {
		sum[r] = fmaf(offset[r], s, sum[r]);
	}
}

static void add_two_scales(struct block *block, const int8_t *x, float dx, float sum[PANEL_ROWS])
{
	int32_t i[PANEL_ROWS], j[PANEL_ROWS];

	dot(block->q, x, 16, i);
	dot(block->q + 16, x + 16, 16, j);
	for (int r = 0; r < PANEL_ROWS; r++) {
		float t = fmaf((float)j[r], block->d[1][r], (float)i[r] * block->d[0][r]);

		sum[r] = fmaf(t, dx, sum[r]);
	}
}

/* A tile of a type whose records have `blocks` blocks of 32 k. */
static void tile(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,
	float sum[ACT_COLS][PANEL_ROWS], size_t record_bytes, int blocks, enum parts parts,
	void (*load)(const void *record, int b, struct block *block))
{
	memset(sum, 0, (size_t)width * sizeof(*sum));
	for (int64_t n = 0; n < k / 32; n++) {
		struct block block;

		load(weight + n / blocks * (int64_t)record_bytes, (int)(n % blocks), &block);
		for (int32_t c = 0; c < width; c++) {
			const int8_t *x = act_q(act, n, width, c);
			float dx = act_d(act, n, width, c);
			int32_t i[PANEL_ROWS];

			if (parts == TWO_SCALES) {
				add_two_scales(&block, x, dx, sum[c]);
				continue;
			}
			dot(block.q, x, 32, i);
			add_scaled(i, block.d[0], dx, sum[c]);
			if (parts == ONE_OFFSET) {
				add_offset(block.offset[0], act_s(act, k, n, width, c, 0), sum[c]);
			} else if (parts == TWO_OFFSETS) {
				add_offset(block.offset[0], act_s(act, k, n, width, c, 3), sum[c]);
				add_offset(block.offset[1], act_s(act, k, n, width, c, 4), sum[c]);
			}
		}
	}
}

/* ---- codes from their places (pack.h) ---- */

static void halves(const uint16_t in[PANEL_ROWS], float out[PANEL_ROWS])
{
	for (int r = 0; r < PANEL_ROWS; r++) {
		out[r] = f16_to_f32(in[r]);
	}
}

static void nibbles(const uint8_t in[4][PANEL_ROWS][4], int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 16; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = (int8_t)(in[e / 4][r][e % 4] & 15);
			q[16 + e][r] = (int8_t)(in[e / 4][r][e % 4] >> 4);
		}
	}
}

static void pairs(const uint8_t in[2][PANEL_ROWS][4], int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 32; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = (int8_t)(in[e / 16][r][e % 4] >> e % 16 / 4 * 2 & 3);
		}
	}
}

/* Adds `worth` where an element's bit is set. */
static void add_bits(const uint8_t in[PANEL_ROWS][4], int worth, int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 32; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = (int8_t)(q[e][r] + (in[r][e % 4] >> e / 4 & 1) * worth);
		}
	}
}

static void subtract(int offset, int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 32; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = (int8_t)(q[e][r] - offset);
		}
	}
}

static void look_up(const int8_t values[16], int8_t q[32][PANEL_ROWS])
{
	for (int e = 0; e < 32; e++) {
		for (int r = 0; r < PANEL_ROWS; r++) {
			q[e][r] = values[q[e][r]];
		}
	}
}

/* ---- the types ---- */

static void load_q8_0(const void *record, int b, struct block *block)
{
	const struct panel_q8_0 *in = record;

	halves(in->d, block->d[0]);
	for (int r = 0; r < PANEL_ROWS; r++) {
		for (int e = 0; e < 32; e++) {
			block->q[e][r] = (int8_t)(in->q[e / 4][r][e % 4] - 128);
		}
	}
}

static void load_q4_0(const void *record, int b, struct block *block)
{
	const struct panel_q4_0 *in = record;

	halves(in->d, block->d[0]);
	nibbles(in->q, block->q);
	subtract(8, block->q);
}

static void load_iq4_nl(const void *record, int b, struct block *block)
{
	const struct panel_q4_0 *in = record;

	halves(in->d, block->d[0]);
	nibbles(in->q, block->q);
	look_up(dtype_iq4_values, block->q);
}

static void load_mxfp4(const void *record, int b, struct block *block)
{
	const struct panel_q4_0 *in = record;

	for (int r = 0; r < PANEL_ROWS; r++) {
		block->d[0][r] = bf16_to_f32(in->d[r]);
	}
	nibbles(in->q, block->q);
	look_up(dtype_mxfp4_values, block->q);
}

static void load_q4_1(const void *record, int b, struct block *block)
{
	const struct panel_q4_1 *in = record;

	halves(in->d, block->d[0]);
	halves(in->m, block->offset[0]);
	nibbles(in->q, block->q);
}

static void load_q5_0(const void *record, int b, struct block *block)
{
	const struct panel_q5_0 *in = record;

	halves(in->d, block->d[0]);
	nibbles(in->low, block->q);
	add_bits(in->high, 16, block->q);
	subtract(16, block->q);
}

static void load_q5_1(const void *record, int b, struct block *block)
{
	const struct panel_q5_1 *in = record;

	halves(in->d, block->d[0]);
	halves(in->m, block->offset[0]);
	nibbles(in->low, block->q);
	add_bits(in->high, 16, block->q);
}

static void load_q2_k(const void *record, int b, struct block *block)
{
	const struct panel_q2_k *in = record;

	halves(in->d, block->d[0]);
	pairs(in->q[b], block->q);
	for (int r = 0; r < PANEL_ROWS; r++) {
		for (int h = 0; h < 2; h++) {
			int scale_min = in->scale_min[2 * b + h][r];

			block->offset[h][r] = -(f16_to_f32(in->dmin[r]) * (float)(scale_min >> 4));
			for (int e = 16 * h; e < 16 * h + 16; e++) {
				block->q[e][r] = (int8_t)(block->q[e][r] * (scale_min & 15));
			}
		}
	}
}

/* -4 times -32 is one too many for a byte: both d and q change their signs. */
static void load_q3_k(const void *record, int b, struct block *block)
{
	const struct panel_q3_k *in = record;

	halves(in->d, block->d[0]);
	pairs(in->low[b], block->q);
	add_bits(in->high[b], 4, block->q);
	subtract(4, block->q);
	for (int r = 0; r < PANEL_ROWS; r++) {
		block->d[0][r] = -block->d[0][r];
		for (int e = 0; e < 32; e++) {
			int scale = in->scale[2 * b + e / 16][r] - 32;

			block->q[e][r] = (int8_t)(-scale * block->q[e][r]);
		}
	}
}

static void scales_k(const uint16_t d[PANEL_ROWS], const uint16_t dmin[PANEL_ROWS],
	const uint8_t scale[PANEL_ROWS], const uint8_t min[PANEL_ROWS], struct block *block)
{
	for (int r = 0; r < PANEL_ROWS; r++) {
		block->d[0][r] = f16_to_f32(d[r]) * (float)scale[r];
		block->offset[0][r] = -(f16_to_f32(dmin[r]) * (float)min[r]);
	}
}

static void load_q4_k(const void *record, int b, struct block *block)
{
	const struct panel_q4_k *in = record;

	scales_k(in->d, in->dmin, in->scale[b], in->min[b], block);
	nibbles(in->q[b], block->q);
}

static void load_q5_k(const void *record, int b, struct block *block)
{
	const struct panel_q5_k *in = record;

	scales_k(in->d, in->dmin, in->scale[b], in->min[b], block);
	nibbles(in->low[b], block->q);
	add_bits(in->high[b], 16, block->q);
}

static void load_q6_k(const void *record, int b, struct block *block)
{
	const struct panel_q6_k *in = record;
	int8_t high[32][PANEL_ROWS];

	nibbles(in->low[b], block->q);
	pairs(in->high[b], high);
	for (int r = 0; r < PANEL_ROWS; r++) {
		for (int e = 0; e < 32; e++) {
			block->q[e][r] = (int8_t)(block->q[e][r] + high[e][r] * 16 - 32);
		}
		for (int h = 0; h < 2; h++) {
			block->d[h][r] = f16_to_f32(in->d[r]) * (float)in->scale[2 * b + h][r];
		}
	}
}

static void load_iq4_xs(const void *record, int b, struct block *block)
{
	const struct panel_iq4_xs *in = record;

	for (int r = 0; r < PANEL_ROWS; r++) {
		block->d[0][r] = f16_to_f32(in->d[r]) * (float)in->scale[b][r];
	}
	nibbles(in->q[b], block->q);
	look_up(dtype_iq4_values, block->q);
}

/* The function of struct matmul_path. */
#define TILE(type, record, blocks, parts)                                                          \
	void ref_tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k, int32_t width,  \
		float sum[ACT_COLS][PANEL_ROWS])                                                   \
	{                                                                                          \
		tile(weight, act, k, width, sum, sizeof(struct record), blocks, parts,             \
			load_##type);                                                              \
	}

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
