#include "kernels/cpu/pack.h"

#include "kernels/cpu/kernels.h"

#include <string.h>

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

/* ---- codes of 32 elements in their places (pack.h), and back ---- */

/* The bytes of two nibbles as they are in GGUF's blocks of 32: element i low and 16+i high. */
static void put_nibble_bytes(uint8_t q[4][PANEL_ROWS][4], int row, const uint8_t bytes[16])
{
	for (int j = 0; j < 4; j++) {
		memcpy(q[j][row], bytes + 4 * j, 4);
	}
}

/* The low four bits of codes. */
static void put_nibbles(uint8_t q[4][PANEL_ROWS][4], int row, const uint8_t code[32])
{
	for (int i = 0; i < 16; i++) {
		q[i / 4][row][i % 4] = (uint8_t)((code[i] & 15) | (code[16 + i] & 15) << 4);
	}
}

/* Bits `shift` and `shift + 1` of codes. */
static void put_pairs(uint8_t q[2][PANEL_ROWS][4], int row, const uint8_t code[32], int shift)
{
	for (int i = 0; i < 8; i++) {
		const uint8_t *first = code + i / 4 * 16 + i % 4;
		int byte = 0;

		for (int s = 0; s < 4; s++) {
			byte |= (first[4 * s] >> shift & 3) << 2 * s;
		}
		q[i / 4][row][i % 4] = (uint8_t)byte;
	}
}

/* Bit `shift` of codes. */
static void put_bits(uint8_t q[PANEL_ROWS][4], int row, const uint8_t code[32], int shift)
{
	for (int i = 0; i < 4; i++) {
		int byte = 0;

		for (int j = 0; j < 8; j++) {
			byte |= (code[4 * j + i] >> shift & 1) << j;
		}
		q[row][i] = (uint8_t)byte;
	}
}

static int nibble_at(const uint8_t q[4][PANEL_ROWS][4], int row, int e)
{
	return q[e % 16 / 4][row][e % 4] >> e / 16 * 4 & 15;
}

static int pair_at(const uint8_t q[2][PANEL_ROWS][4], int row, int e)
{
	return q[e / 16][row][e % 4] >> e % 16 / 4 * 2 & 3;
}

static int bit_at(const uint8_t q[PANEL_ROWS][4], int row, int e)
{
	return q[row][e % 4] >> e / 4 & 1;
}

/* ---- rows of the file into lane `row` of a panel; kernels/dtype_dequantize.c says how they lie ---- */

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

static void pack_f8_e4m3(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_f8_e4m3 *out = (struct panel_f8_e4m3 *)panel;

	for (int64_t n = 0; n < k / 128; n++, in += 132, out++) {
		memcpy(&out->scale[row], in, 4);
		for (int j = 0; j < 64; j++) {
			memcpy(out->q[j][row], in + 4 + 2 * j, 2);
		}
	}
}

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

/* Q4_0 and IQ4_NL */
static void pack_q4_0(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_0 *out = (struct panel_q4_0 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 18) {
		memcpy(&out[b].d[row], in, 2);
		put_nibble_bytes(out[b].q, row, in + 2);
	}
}

static void pack_mxfp4(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_0 *out = (struct panel_q4_0 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 17) {
		out[b].d[row] = f32_to_bf16(mxfp4_scale(in[0])); /* exact, denormal or not */
		put_nibble_bytes(out[b].q, row, in + 1);
	}
}

static void pack_q4_1(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_1 *out = (struct panel_q4_1 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 20) {
		memcpy(&out[b].d[row], in, 2);
		memcpy(&out[b].m[row], in + 2, 2);
		put_nibble_bytes(out[b].q, row, in + 4);
	}
}

/* The fifth bits of a block of 32 as the file has them: bit e is element e's. */
static void put_fifth_bits(uint8_t q[PANEL_ROWS][4], int row, const uint8_t high[4])
{
	uint8_t bit[32];

	for (int e = 0; e < 32; e++) {
		bit[e] = high[e / 8] >> e % 8 & 1;
	}
	put_bits(q, row, bit, 0);
}

static void pack_q5_0(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q5_0 *out = (struct panel_q5_0 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 22) {
		memcpy(&out[b].d[row], in, 2);
		put_fifth_bits(out[b].high, row, in + 2);
		put_nibble_bytes(out[b].low, row, in + 6);
	}
}

static void pack_q5_1(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q5_1 *out = (struct panel_q5_1 *)panel;

	for (int64_t b = 0; b < k / 32; b++, in += 24) {
		memcpy(&out[b].d[row], in, 2);
		memcpy(&out[b].m[row], in + 2, 2);
		put_fifth_bits(out[b].high, row, in + 4);
		put_nibble_bytes(out[b].low, row, in + 8);
	}
}

/* 256 codes of two bits: in each half, element 32j+i is bits 2j and 2j+1 of byte i of 32. */
static void read_pairs(const uint8_t q[64], uint8_t code[256])
{
	for (int e = 0; e < 256; e++) {
		code[e] = q[e / 128 * 32 + e % 32] >> e % 128 / 32 * 2 & 3;
	}
}

static void pack_q2_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q2_k *out = (struct panel_q2_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 84, out++) {
		uint8_t code[256];

		memcpy(&out->d[row], in + 80, 2);
		memcpy(&out->dmin[row], in + 82, 2);
		for (int i = 0; i < 16; i++) {
			out->scale_min[i][row] = in[i];
		}
		read_pairs(in + 16, code);
		for (int b = 0; b < 8; b++) {
			put_pairs(out->q[b], row, code + 32 * b, 0);
		}
	}
}

static void pack_q3_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q3_k *out = (struct panel_q3_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 110, out++) {
		const uint8_t *scales = in + 96;
		uint8_t code[256];

		memcpy(&out->d[row], in + 108, 2);
		for (int i = 0; i < 16; i++) {
			int low = scales[i % 8] >> i / 8 * 4 & 15;
			int high = scales[8 + i % 4] >> i / 4 * 2 & 3;

			out->scale[i][row] = (uint8_t)(low | high << 4);
		}
		read_pairs(in + 32, code);
		for (int e = 0; e < 256; e++) {
			code[e] |= (uint8_t)((in[e % 32] >> e / 32 & 1) << 2);
		}
		for (int b = 0; b < 8; b++) {
			put_pairs(out->low[b], row, code + 32 * b, 0);
			put_bits(out->high[b], row, code + 32 * b, 2);
		}
	}
}

/* The 8 scales and 8 minima of 6 bits in 12 bytes of Q4_K and Q5_K. */
static void put_scales_k(
	const uint8_t s[12], int row, uint8_t scale[8][PANEL_ROWS], uint8_t min[8][PANEL_ROWS])
{
	for (int b = 0; b < 4; b++) {
		scale[b][row] = s[b] & 63;
		min[b][row] = s[b + 4] & 63;
		scale[b + 4][row] = (uint8_t)((s[b + 8] & 15) | (s[b] >> 6) << 4);
		min[b + 4][row] = (uint8_t)(s[b + 8] >> 4 | (s[b + 4] >> 6) << 4);
	}
}

/* 256 codes of four bits: per 64 elements 32 bytes, the first 32 elements low. */
static void read_nibbles(const uint8_t q[128], uint8_t code[256])
{
	for (int e = 0; e < 256; e++) {
		code[e] = q[e / 64 * 32 + e % 32] >> e % 64 / 32 * 4 & 15;
	}
}

static void pack_q4_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q4_k *out = (struct panel_q4_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 144, out++) {
		uint8_t code[256];

		memcpy(&out->d[row], in, 2);
		memcpy(&out->dmin[row], in + 2, 2);
		put_scales_k(in + 4, row, out->scale, out->min);
		read_nibbles(in + 16, code);
		for (int b = 0; b < 8; b++) {
			put_nibbles(out->q[b], row, code + 32 * b);
		}
	}
}

static void pack_q5_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q5_k *out = (struct panel_q5_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 176, out++) {
		uint8_t code[256];

		memcpy(&out->d[row], in, 2);
		memcpy(&out->dmin[row], in + 2, 2);
		put_scales_k(in + 4, row, out->scale, out->min);
		read_nibbles(in + 48, code);
		for (int e = 0; e < 256; e++) {
			code[e] |= (uint8_t)((in[16 + e % 32] >> e / 32 & 1) << 4);
		}
		for (int b = 0; b < 8; b++) {
			put_nibbles(out->low[b], row, code + 32 * b);
			put_bits(out->high[b], row, code + 32 * b, 4);
		}
	}
}

/* 256 codes of six bits: in each half 64 bytes of low nibbles, 32 bytes of high pairs. */
static void read_six_bits(const uint8_t low[128], const uint8_t high[64], uint8_t code[256])
{
	read_pairs(high, code);
	for (int e = 0; e < 256; e++) {
		int four = low[e / 128 * 64 + e % 64] >> e % 128 / 64 * 4 & 15;

		code[e] = (uint8_t)(four | code[e] << 4);
	}
}

static void pack_q6_k(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_q6_k *out = (struct panel_q6_k *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 210, out++) {
		uint8_t code[256];

		memcpy(&out->d[row], in + 208, 2);
		for (int i = 0; i < 16; i++) {
			out->scale[i][row] = (int8_t)in[192 + i];
		}
		read_six_bits(in, in + 128, code);
		for (int b = 0; b < 8; b++) {
			put_nibbles(out->low[b], row, code + 32 * b);
			put_pairs(out->high[b], row, code + 32 * b, 4);
		}
	}
}

static void pack_iq4_xs(const uint8_t *in, int64_t k, int row, uint8_t *panel)
{
	struct panel_iq4_xs *out = (struct panel_iq4_xs *)panel;

	for (int64_t n = 0; n < k / 256; n++, in += 136, out++) {
		int scales_high = in[2] | in[3] << 8;

		memcpy(&out->d[row], in, 2);
		for (int b = 0; b < 8; b++) {
			int low = in[4 + b / 2] >> b % 2 * 4 & 15, high = scales_high >> 2 * b & 3;

			out->scale[b][row] = (int8_t)((low | high << 4) - 32);
			put_nibble_bytes(out->q[b], row, in + 8 + 16 * b);
		}
	}
}

/* ---- and back ---- */

static void unpack_f32(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		out[i] = ((const struct panel_f32 *)panel)[i].w[row];
	}
}

static void unpack_f16(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		out[i] = f16_to_f32(((const struct panel_f16 *)panel)[i].w[row]);
	}
}

static void unpack_bf16(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		out[i] = bf16_to_f32(((const struct panel_bf16 *)panel)[i / 2].w[row][i % 2]);
	}
}

static void unpack_f8_e4m3(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_f8_e4m3 *in = (const struct panel_f8_e4m3 *)panel;

	for (int64_t i = 0; i < k; i++) {
		const struct panel_f8_e4m3 *block = in + i / 128;

		out[i] = block->scale[row] * e4m3_to_f32(block->q[i % 128 / 2][row][i % 2]);
	}
}

static void unpack_q8_0(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q8_0 *in = (const struct panel_q8_0 *)panel;

	for (int64_t i = 0; i < k; i++) {
		const struct panel_q8_0 *block = in + i / 32;

		out[i] =
			(float)(block->q[i % 32 / 4][row][i % 4] - 128) * f16_to_f32(block->d[row]);
	}
}

static void unpack_q4_0(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q4_0 *in = (const struct panel_q4_0 *)panel;

	for (int64_t i = 0; i < k; i++) {
		int q = nibble_at(in[i / 32].q, row, i % 32);

		out[i] = (float)(q - 8) * f16_to_f32(in[i / 32].d[row]);
	}
}

static void unpack_iq4_nl(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q4_0 *in = (const struct panel_q4_0 *)panel;

	for (int64_t i = 0; i < k; i++) {
		int q = nibble_at(in[i / 32].q, row, i % 32);

		out[i] = f16_to_f32(in[i / 32].d[row]) * (float)dtype_iq4_values[q];
	}
}

static void unpack_mxfp4(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q4_0 *in = (const struct panel_q4_0 *)panel;

	for (int64_t i = 0; i < k; i++) {
		int q = nibble_at(in[i / 32].q, row, i % 32);

		out[i] = bf16_to_f32(in[i / 32].d[row]) * (float)dtype_mxfp4_values[q];
	}
}

static void unpack_q4_1(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q4_1 *in = (const struct panel_q4_1 *)panel;

	for (int64_t i = 0; i < k; i++) {
		const struct panel_q4_1 *block = in + i / 32;

		out[i] = f16_to_f32(block->d[row]) * (float)nibble_at(block->q, row, i % 32) +
			 f16_to_f32(block->m[row]);
	}
}

static void unpack_q5_0(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q5_0 *in = (const struct panel_q5_0 *)panel;

	for (int64_t i = 0; i < k; i++) {
		int e = i % 32, low = nibble_at(in[i / 32].low, row, e);
		int q = low | bit_at(in[i / 32].high, row, e) << 4;

		out[i] = f16_to_f32(in[i / 32].d[row]) * (float)(q - 16);
	}
}

static void unpack_q5_1(const uint8_t *panel, int64_t k, int row, float *out)
{
	const struct panel_q5_1 *in = (const struct panel_q5_1 *)panel;

	for (int64_t i = 0; i < k; i++) {
		int e = i % 32, low = nibble_at(in[i / 32].low, row, e);
		int q = low | bit_at(in[i / 32].high, row, e) << 4;

		out[i] = f16_to_f32(in[i / 32].d[row]) * (float)q + f16_to_f32(in[i / 32].m[row]);
	}
}

static void unpack_q2_k(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_q2_k *in = (const struct panel_q2_k *)panel + i / 256;
		int e = i % 256, scale_min = in->scale_min[e / 16][row];
		float d = f16_to_f32(in->d[row]) * (float)(scale_min & 15);
		float min = f16_to_f32(in->dmin[row]) * (float)(scale_min >> 4);

		out[i] = d * (float)pair_at(in->q[e / 32], row, e % 32) - min;
	}
}

static void unpack_q3_k(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_q3_k *in = (const struct panel_q3_k *)panel + i / 256;
		int e = i % 256, low = pair_at(in->low[e / 32], row, e % 32);
		int q = low | bit_at(in->high[e / 32], row, e % 32) << 2;

		out[i] = f16_to_f32(in->d[row]) * (float)(in->scale[e / 16][row] - 32) *
			 (float)(q - 4);
	}
}

static void unpack_q4_k(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_q4_k *in = (const struct panel_q4_k *)panel + i / 256;
		int b = i % 256 / 32;
		float d = f16_to_f32(in->d[row]) * (float)in->scale[b][row];
		float min = f16_to_f32(in->dmin[row]) * (float)in->min[b][row];

		out[i] = d * (float)nibble_at(in->q[b], row, i % 32) - min;
	}
}

static void unpack_q5_k(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_q5_k *in = (const struct panel_q5_k *)panel + i / 256;
		int b = i % 256 / 32, low = nibble_at(in->low[b], row, i % 32);
		float d = f16_to_f32(in->d[row]) * (float)in->scale[b][row];
		float min = f16_to_f32(in->dmin[row]) * (float)in->min[b][row];

		out[i] = d * (float)(low | bit_at(in->high[b], row, i % 32) << 4) - min;
	}
}

static void unpack_q6_k(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_q6_k *in = (const struct panel_q6_k *)panel + i / 256;
		int b = i % 256 / 32, low = nibble_at(in->low[b], row, i % 32);
		float d = f16_to_f32(in->d[row]) * (float)in->scale[i % 256 / 16][row];

		out[i] = d * (float)((low | pair_at(in->high[b], row, i % 32) << 4) - 32);
	}
}

static void unpack_iq4_xs(const uint8_t *panel, int64_t k, int row, float *out)
{
	for (int64_t i = 0; i < k; i++) {
		const struct panel_iq4_xs *in = (const struct panel_iq4_xs *)panel + i / 256;
		int b = i % 256 / 32, q = nibble_at(in->q[b], row, i % 32);

		out[i] = f16_to_f32(in->d[row]) * (float)in->scale[b][row] *
			 (float)dtype_iq4_values[q];
	}
}

/* Elements of k and bytes of a record of each type, and one row's way in and out of a panel. */
static const struct {
	int64_t elems, bytes;
	void (*pack)(const uint8_t *in, int64_t k, int row, uint8_t *panel);
	void (*unpack)(const uint8_t *panel, int64_t k, int row, float *out);
} records[DTYPE_COUNT] = {
	[DTYPE_F32] = {1, sizeof(struct panel_f32), pack_f32, unpack_f32},
	[DTYPE_F16] = {1, sizeof(struct panel_f16), pack_f16, unpack_f16},
	[DTYPE_BF16] = {2, sizeof(struct panel_bf16), pack_bf16, unpack_bf16},
	[DTYPE_Q8_0] = {32, sizeof(struct panel_q8_0), pack_q8_0, unpack_q8_0},
	[DTYPE_Q4_0] = {32, sizeof(struct panel_q4_0), pack_q4_0, unpack_q4_0},
	[DTYPE_Q4_1] = {32, sizeof(struct panel_q4_1), pack_q4_1, unpack_q4_1},
	[DTYPE_Q5_0] = {32, sizeof(struct panel_q5_0), pack_q5_0, unpack_q5_0},
	[DTYPE_Q5_1] = {32, sizeof(struct panel_q5_1), pack_q5_1, unpack_q5_1},
	[DTYPE_Q2_K] = {256, sizeof(struct panel_q2_k), pack_q2_k, unpack_q2_k},
	[DTYPE_Q3_K] = {256, sizeof(struct panel_q3_k), pack_q3_k, unpack_q3_k},
	[DTYPE_Q4_K] = {256, sizeof(struct panel_q4_k), pack_q4_k, unpack_q4_k},
	[DTYPE_Q5_K] = {256, sizeof(struct panel_q5_k), pack_q5_k, unpack_q5_k},
	[DTYPE_Q6_K] = {256, sizeof(struct panel_q6_k), pack_q6_k, unpack_q6_k},
	[DTYPE_IQ4_NL] = {32, sizeof(struct panel_q4_0), pack_q4_0, unpack_iq4_nl},
	[DTYPE_IQ4_XS] = {256, sizeof(struct panel_iq4_xs), pack_iq4_xs, unpack_iq4_xs},
	[DTYPE_MXFP4] = {32, sizeof(struct panel_q4_0), pack_mxfp4, unpack_mxfp4},
	[DTYPE_F8_E4M3] = {128, sizeof(struct panel_f8_e4m3), pack_f8_e4m3, unpack_f8_e4m3},
};

int64_t weight_panel_bytes(enum dtype dtype, int64_t k)
{
	return k / records[dtype].elems * records[dtype].bytes;
}

void cpu_weight_pack(enum dtype dtype, const void *file_rows, int64_t m, int64_t k,
	int64_t first_panel, int64_t end_panel, uint8_t *packed)
{
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

			in += (p * PANEL_ROWS + row) * row_bytes;
			records[dtype].pack(in, k, row, panel);
		}
	}
}

void cpu_weight_unpack_row(
	enum dtype dtype, const uint8_t *packed, int64_t m, int64_t k, int64_t row, float *out)
{
	const uint8_t *panel = packed + row / PANEL_ROWS * weight_panel_bytes(dtype, k);

	records[dtype].unpack(panel, k, (int)(row % PANEL_ROWS), out);
}
