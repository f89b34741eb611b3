#include "kernels/cpu/pack.h"

#include "kernels/cpu/kernels.h"

#include <string.h>

/* Elements of k and bytes of a record of each type. */
static const struct {
	int64_t elems, bytes;
} records[DTYPE_COUNT] = {
	[DTYPE_F32] = {1, sizeof(struct panel_f32)},
	[DTYPE_F16] = {1, sizeof(struct panel_f16)},
	[DTYPE_BF16] = {2, sizeof(struct panel_bf16)},
	[DTYPE_Q8_0] = {32, sizeof(struct panel_q8_0)},
	[DTYPE_Q4_0] = {32, sizeof(struct panel_q4_0)},
	[DTYPE_Q4_K] = {256, sizeof(struct panel_q4_k)},
	[DTYPE_Q6_K] = {256, sizeof(struct panel_q6_k)},
};

int64_t weight_panel_bytes(enum dtype dtype, int64_t k)
{
	return k / records[dtype].elems * records[dtype].bytes;
}

int64_t cpu_weight_panels(int64_t m)
{
	return (m + PANEL_ROWS - 1) / PANEL_ROWS;
}

int64_t cpu_weight_bytes(enum dtype dtype, int64_t m, int64_t k)
{
	return cpu_weight_panels(m) * weight_panel_bytes(dtype, k);
}

int64_t cpu_act_bytes(enum act_type type, int64_t n_row, int64_t k)
{
	int64_t last = act_panels(n_row) - 1;

	if (n_row == 0) {
		return 0;
	}
	return act_panel_offset(type, k, last) +
	       act_panel_width(n_row, last) * act_column_bytes(type, k);
}

/*
 * The packers put one row's blocks into lane `row` of a panel; `in` is the row in the file. Blocks
 * in the file are as GGUF has them (kernels/dtype.h).
 */

static void pack_f32(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	for (int64_t i = 0; i < k; i++) {
		memcpy(panel + (i * PANEL_ROWS + row) * 4, in + i * 4, 4);
	}
}

static void pack_f16(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	for (int64_t i = 0; i < k; i++) {
		memcpy(panel + (i * PANEL_ROWS + row) * 2, in + i * 2, 2);
	}
}

static void pack_bf16(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	for (int64_t i = 0; i < k; i += 2) {
		memcpy(panel + (i / 2 * PANEL_ROWS + row) * 4, in + i * 2, 4);
	}
}

/* File: half d; int8 q[32]. */
static void pack_q8_0(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q8_0 *out = (struct panel_q8_0 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 34) {
		memcpy(&out[b].d[row], in, 2);
		for (int j = 0; j < 8; j++) {
			uint32_t q;

			memcpy(&q, in + 2 + 4 * j, 4);
			q ^= 0x80808080;
			memcpy(out[b].q[j][row], &q, 4);
		}
	}
}

/* File: half d; nibbles q[16], element i low and 16+i high. */
static void pack_q4_0(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_0 *out = (struct panel_q4_0 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 18) {
		memcpy(&out[b].d[row], in, 2);
		for (int j = 0; j < 4; j++) {
			memcpy(out[b].q[j][row], in + 2 + 4 * j, 4);
		}
	}
}

/* File: half d, dmin; 8 scales and 8 minima of 6 bits in 12 bytes; per 64 elements 32 bytes, the
 * first 32 elements low. */
static void pack_q4_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_k *out = (struct panel_q4_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 144, out++) {
		const uint8_t *s = in + 4;

		memcpy(&out->d[row], in, 2);
		memcpy(&out->dmin[row], in + 2, 2);
		for (int b = 0; b < 4; b++) {
			out->scale[b][row] = s[b] & 63;
			out->min[b][row] = s[b + 4] & 63;
			out->scale[b + 4][row] = (uint8_t)((s[b + 8] & 15) | (s[b] >> 6) << 4);
			out->min[b + 4][row] = (uint8_t)(s[b + 8] >> 4 | (s[b + 4] >> 6) << 4);
		}
		for (int b = 0; b < 8; b++) {
			const uint8_t *q = in + 16 + b / 2 * 32;
			int shift = b % 2 * 4;

			for (int i = 0; i < 16; i++) {
				out->q[b][i / 4][row][i % 4] =
					(uint8_t)((q[i] >> shift & 15) | (q[16 + i] >> shift & 15)
										 << 4);
			}
		}
	}
}

/* The six-bit numbers of a block in the file: ql[128], qh[64], int8 scale[16], half d. */
static void q6_k_elements(const uint8_t *block, uint8_t q[256])
{
	for (int half = 0; half < 2; half++) {
		const uint8_t *low = block + half * 64, *high = block + 128 + half * 32;

		for (int quarter = 0; quarter < 4; quarter++) {
			for (int l = 0; l < 32; l++) {
				int four = low[quarter % 2 * 32 + l] >> quarter / 2 * 4 & 15;
				int two = high[l] >> quarter * 2 & 3;

				*q++ = (uint8_t)(four | two << 4);
			}
		}
	}
}

static void pack_q6_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q6_k *out = (struct panel_q6_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 210, out++) {
		uint8_t q[256];

		q6_k_elements(in, q);
		memcpy(&out->d[row], in + 208, 2);
		for (int i = 0; i < 16; i++) {
			out->scale[i][row] = (int8_t)in[192 + i];
		}
		for (int b = 0; b < 8; b++) {
			const uint8_t *e = q + b * 32;

			for (int i = 0; i < 16; i++) {
				out->low[b][i / 4][row][i % 4] =
					(uint8_t)((e[i] & 15) | (e[16 + i] & 15) << 4);
			}
			for (int i = 0; i < 8; i++) {
				const uint8_t *first = e + i / 4 * 16 + i % 4;

				out->high[b][i / 4][row][i % 4] =
					(uint8_t)(first[0] >> 4 | first[4] >> 4 << 2 |
						  first[8] >> 4 << 4 | first[12] >> 4 << 6);
			}
		}
	}
}

void cpu_weight_pack(enum dtype dtype, const void *file_rows, int64_t m, int64_t k,
	int64_t first_panel, int64_t end_panel, uint8_t *packed)
{
	static void (*const packers[DTYPE_COUNT])(const uint8_t *, int64_t, int, uint8_t *) = {
		[DTYPE_F32] = pack_f32,
		[DTYPE_F16] = pack_f16,
		[DTYPE_BF16] = pack_bf16,
		[DTYPE_Q8_0] = pack_q8_0,
		[DTYPE_Q4_0] = pack_q4_0,
		[DTYPE_Q4_K] = pack_q4_k,
		[DTYPE_Q6_K] = pack_q6_k,
	};
	int64_t panel_bytes = weight_panel_bytes(dtype, k);
	int64_t row_bytes = dtype_row_bytes(dtype, k);

	for (int64_t p = first_panel; p < end_panel; p++) {
		uint8_t *panel = packed + p * panel_bytes;

		/* Rows past m have scale 0, so that whatever their lanes compute is finite. */
		if (p * PANEL_ROWS + PANEL_ROWS > m) {
			memset(panel, 0, (size_t)panel_bytes);
		}
		for (int row = 0; row < PANEL_ROWS && p * PANEL_ROWS + row < m; row++) {
			const uint8_t *in = file_rows;

			packers[dtype](in + (p * PANEL_ROWS + row) * row_bytes, k, row, panel);
		}
	}
}

static void unpack_q8_0(const struct panel_q8_0 *in, int64_t k, int row, float *out)
{
	for (int64_t b = 0; b < k / 32; b++, in++) {
		float d = f16_to_f32(in->d[row]);

		for (int e = 0; e < 32; e++) {
			*out++ = (float)(in->q[e / 4][row][e % 4] - 128) * d;
		}
	}
}

static int nibble(const uint8_t q[4][PANEL_ROWS][4], int row, int e)
{
	return q[e % 16 / 4][row][e % 4] >> e / 16 * 4 & 15;
}

static void unpack_q4_0(const struct panel_q4_0 *in, int64_t k, int row, float *out)
{
	for (int64_t b = 0; b < k / 32; b++, in++) {
		float d = f16_to_f32(in->d[row]);

		for (int e = 0; e < 32; e++) {
			*out++ = (float)(nibble(in->q, row, e) - 8) * d;
		}
	}
}

static void unpack_q4_k(const struct panel_q4_k *in, int64_t k, int row, float *out)
{
	for (int64_t n = 0; n < k / 256; n++, in++) {
		for (int b = 0; b < 8; b++) {
			float d = f16_to_f32(in->d[row]) * (float)in->scale[b][row];
			float min = f16_to_f32(in->dmin[row]) * (float)in->min[b][row];

			for (int e = 0; e < 32; e++) {
				*out++ = d * (float)nibble(in->q[b], row, e) - min;
			}
		}
	}
}

static void unpack_q6_k(const struct panel_q6_k *in, int64_t k, int row, float *out)
{
	for (int64_t n = 0; n < k / 256; n++, in++) {
		for (int e = 0; e < 256; e++) {
			float d = f16_to_f32(in->d[row]) * (float)in->scale[e / 16][row];
			int b = e / 32, p = e % 32 / 16, s = e % 16 / 4;
			int high = in->high[b][p][row][e % 4] >> 2 * s & 3;

			*out++ = d * (float)((nibble(in->low[b], row, e % 32) | high << 4) - 32);
		}
	}
}

void cpu_weight_unpack_row(
	enum dtype dtype, const uint8_t *packed, int64_t m, int64_t k, int64_t row, float *out)
{
	const uint8_t *panel = packed + row / PANEL_ROWS * weight_panel_bytes(dtype, k);
	int lane = (int)(row % PANEL_ROWS);

	switch (dtype) {
	case DTYPE_F32:
		for (int64_t i = 0; i < k; i++) {
			out[i] = ((const struct panel_f32 *)panel)[i].w[lane];
		}
		break;
	case DTYPE_F16:
		for (int64_t i = 0; i < k; i++) {
			out[i] = f16_to_f32(((const struct panel_f16 *)panel)[i].w[lane]);
		}
		break;
	case DTYPE_BF16:
		for (int64_t i = 0; i < k; i++) {
			const struct panel_bf16 *in = (const struct panel_bf16 *)panel + i / 2;

			out[i] = bf16_to_f32(in->w[lane][i % 2]);
		}
		break;
	case DTYPE_Q8_0:
		unpack_q8_0((const struct panel_q8_0 *)panel, k, lane, out);
		break;
	case DTYPE_Q4_0:
		unpack_q4_0((const struct panel_q4_0 *)panel, k, lane, out);
		break;
	case DTYPE_Q4_K:
		unpack_q4_k((const struct panel_q4_k *)panel, k, lane, out);
		break;
	case DTYPE_Q6_K:
		unpack_q6_k((const struct panel_q6_k *)panel, k, lane, out);
		break;
	default:
		break;
	}
}
