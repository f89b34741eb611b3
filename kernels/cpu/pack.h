/*
 * The packed layouts that the products read: weights are packed once, at load; activations once per
 * product. They are the same for every instruction-set path of the architecture.
 *
 * WEIGHTS lie in panels of PANEL_ROWS rows; a panel is a run of records, linear in k, so that a
 * product with one column reads memory from one end to the other. Within a record a lane is a row:
 * with four bytes of consecutive k per lane, one 64-byte load is an operand of vpdpbusd. The stored
 * numbers are kept bit for bit (cpu_weight_unpack_row() gives them back); only their places change:
 * an 8-bit weight is stored as q + 128, scales stand in front of the bytes that they scale.
 *
 * ACTIVATIONS lie in column panels of up to ACT_COLS rows of the batch. The last one is narrower
 * (1, 2, 4, 8 or 16 columns; zeros where there is no row), so a single row is dense. See
 * act_panel_width().
 *   ACT_F32   float [k][width]
 *   ACT_BF16  bfloat16 [k/2][width][2]
 *   ACT_Q8    per 32 elements of k one record of ACT_Q8_BYTES per column:
 *               int8 q[width][32]; float d[width]; int32 n128[width];
 *             then, behind all the records, per 32 elements of k ACT_Q8_SUMS_BYTES per column:
 *               float s[width]; int32 n128_low[width]; int32 n128_high[width];
 *               float s_low[width]; float s_high[width];
 *             x is about d*q; n128 = -128 * sum(q), which makes up for the 128 added to weights;
 *             n128_low and n128_high are the same over either 16; s = d * sum(q), s_low and s_high
 *             over either 16.
 */
#ifndef KERNELS_CPU_PACK_H
#define KERNELS_CPU_PACK_H

#include "kernels/ops.h"

#include <string.h>

#define PANEL_ROWS        16
#define ACT_COLS          16
#define ACT_BLOCK         32
#define ACT_Q8_BYTES      (ACT_BLOCK + 8)
#define ACT_Q8_SUMS_BYTES 20
/* A block whose largest magnitude is below this is all zeros. */
#define ACT_Q8_AMAX_MIN 1e-30f

/*
 * The places of 32 codes of k. Of four bits, [4][PANEL_ROWS][4]: in q[j][row][i] element 4j+i is the
 * low nibble and 16+4j+i the high one. Of two bits, [2][PANEL_ROWS][4]: element 16p+4s+i is bits 2s
 * and 2s+1 of q[p][row][i]. Of one bit, [PANEL_ROWS][4]: element 4j+i is bit j of q[row][i].
 */

/* 32 k: q[j][row][i] is element 4j+i, plus 128. d is a half. */
struct panel_q8_0 {
	uint16_t d[PANEL_ROWS];
	uint8_t q[8][PANEL_ROWS][4];
};

/* 32 k: Q4_0, d*(q - 8); IQ4_NL, d*value[q]; MXFP4, the same, but d a bfloat16: the power of two. */
struct panel_q4_0 {
	uint16_t d[PANEL_ROWS];
	uint8_t q[4][PANEL_ROWS][4];
};

/* 32 k: d*q + m. */
struct panel_q4_1 {
	uint16_t d[PANEL_ROWS];
	uint16_t m[PANEL_ROWS];
	uint8_t q[4][PANEL_ROWS][4];
};

/* 32 k: d*(q - 16), q of five bits. */
struct panel_q5_0 {
	uint16_t d[PANEL_ROWS];
	uint8_t low[4][PANEL_ROWS][4];
	uint8_t high[PANEL_ROWS][4];
};

/* 32 k: d*q + m. */
struct panel_q5_1 {
	uint16_t d[PANEL_ROWS];
	uint16_t m[PANEL_ROWS];
	uint8_t low[4][PANEL_ROWS][4];
	uint8_t high[PANEL_ROWS][4];
};

/* 256 k: d*scale*q - dmin*min, the scale in the low nibble and the minimum in the high one. */
struct panel_q2_k {
	uint16_t d[PANEL_ROWS];
	uint16_t dmin[PANEL_ROWS];
	uint8_t scale_min[16][PANEL_ROWS];
	uint8_t q[8][2][PANEL_ROWS][4];
};

/* 256 k: d*(scale - 32)*(q - 4), a scale for 16 elements. */
struct panel_q3_k {
	uint16_t d[PANEL_ROWS];
	uint8_t scale[16][PANEL_ROWS];
	uint8_t low[8][2][PANEL_ROWS][4];
	uint8_t high[8][PANEL_ROWS][4];
};

/* 256 k: d*scale*q - dmin*min, a scale and a minimum for 32 elements. */
struct panel_q4_k {
	uint16_t d[PANEL_ROWS];
	uint16_t dmin[PANEL_ROWS];
	uint8_t scale[8][PANEL_ROWS];
	uint8_t min[8][PANEL_ROWS];
	uint8_t q[8][4][PANEL_ROWS][4];
};

/* 256 k: the same with five bits. */
struct panel_q5_k {
	uint16_t d[PANEL_ROWS];
	uint16_t dmin[PANEL_ROWS];
	uint8_t scale[8][PANEL_ROWS];
	uint8_t min[8][PANEL_ROWS];
	uint8_t low[8][4][PANEL_ROWS][4];
	uint8_t high[8][PANEL_ROWS][4];
};

/* 256 k: d*scale*(q - 32), a scale for 16 elements. */
struct panel_q6_k {
	uint16_t d[PANEL_ROWS];
	int8_t scale[16][PANEL_ROWS];
	uint8_t low[8][4][PANEL_ROWS][4];
	uint8_t high[8][2][PANEL_ROWS][4];
};

/* 256 k: d*scale*value[q], a scale for 32 elements. */
struct panel_iq4_xs {
	uint16_t d[PANEL_ROWS];
	int8_t scale[8][PANEL_ROWS];
	uint8_t q[8][4][PANEL_ROWS][4];
};

/* 128 k: scale*e4m3(q), q[j][row][i] element 2j+i. */
struct panel_f8_e4m3 {
	float scale[PANEL_ROWS];
	uint8_t q[64][PANEL_ROWS][2];
};

/* One k, one k, and two k (an operand of vdpbf16ps). */
struct panel_f32 {
	float w[PANEL_ROWS];
};
struct panel_f16 {
	uint16_t w[PANEL_ROWS];
};
struct panel_bf16 {
	uint16_t w[PANEL_ROWS][2];
};

/* Bytes of one panel of k elements per row. */
int64_t weight_panel_bytes(enum dtype dtype, int64_t k);

static inline int64_t act_panels(int64_t n_row)
{
	return (n_row + ACT_COLS - 1) / ACT_COLS;
}

/* Columns that the panel has room for. */
static inline int32_t act_panel_width(int64_t n_row, int64_t panel)
{
	int64_t left = n_row - panel * ACT_COLS;
	int32_t width = 1;

	while (width < left && width < ACT_COLS) {
		width *= 2;
	}
	return width;
}

/* Rows of the batch that are in the panel. */
static inline int32_t act_panel_rows(int64_t n_row, int64_t panel)
{
	int64_t left = n_row - panel * ACT_COLS;

	return (int32_t)(left < ACT_COLS ? left : ACT_COLS);
}

/* Bytes per column of any panel. */
static inline int64_t act_column_bytes(enum act_type type, int64_t k)
{
	switch (type) {
	case ACT_Q8:
		return k / ACT_BLOCK * (ACT_Q8_BYTES + ACT_Q8_SUMS_BYTES);
	case ACT_BF16:
		return k * 2;
	default:
		return k * 4;
	}
}

/* Where a panel begins, in bytes: all before it are full. */
static inline int64_t act_panel_offset(enum act_type type, int64_t k, int64_t panel)
{
	return panel * ACT_COLS * act_column_bytes(type, k);
}

/* Column `column` of a block of ACT_Q8: what follows from d and the sums of q over either 16. */
static inline void act_q8_finish(uint8_t *record, uint8_t *sums, int32_t width, int32_t column,
	float d, int32_t low, int32_t high)
{
	uint8_t *at = record + width * ACT_BLOCK + column * 4;
	float s[3] = {d * (float)(low + high), d * (float)low, d * (float)high};
	int32_t n128 = -128 * (low + high);

	memcpy(at, &d, 4);
	memcpy(at + width * 4, &n128, 4);
	at = sums + column * 4;
	memcpy(at, &s[0], 4);
	n128 = -128 * low;
	memcpy(at + width * 4, &n128, 4);
	n128 = -128 * high;
	memcpy(at + width * 8, &n128, 4);
	memcpy(at + width * 12, &s[1], 4);
	memcpy(at + width * 16, &s[2], 4);
}

/*
 * A panel of ACT_Q8 (struct matmul_path's `pack`), given what quantizes a block: returns d, and the
 * sums of q over either 16. Inlined, `quantize` with it, into each path's file.
 */
static inline __attribute__((always_inline)) void act_pack_q8(const float *in, int64_t k,
	int32_t n_row, int32_t width, uint8_t *panel,
	float (*quantize)(const float *in, uint8_t *q, int32_t sum[2]))
{
	uint8_t *sums = panel + k / ACT_BLOCK * width * ACT_Q8_BYTES;

	if (n_row < width) {
		memset(panel, 0, (size_t)(act_column_bytes(ACT_Q8, k) * width));
	}
	for (int32_t c = 0; c < n_row; c++) {
		uint8_t *record = panel, *extra = sums;

		for (int64_t i = 0; i < k; i += ACT_BLOCK) {
			int32_t sum[2];
			float d = quantize(in + c * k + i, record + c * ACT_BLOCK, sum);

			act_q8_finish(record, extra, width, c, d, sum[0], sum[1]);
			record += width * ACT_Q8_BYTES;
			extra += width * ACT_Q8_SUMS_BYTES;
		}
	}
}

#endif
