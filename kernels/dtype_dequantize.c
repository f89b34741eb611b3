/*
 * The exact meaning of stored weights: a function for each storage type, which says how its blocks
 * lie (ggml's block structs).
 */
#include "kernels/dtype.h"

#include <string.h>

static uint16_t load_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* block = { half d; int8 q[32] }, element = d * q */
static void dequantize_q8_0(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 34, out += 32) {
		float d = f16_to_f32(load_u16(block));

		for (int i = 0; i < 32; i++) {
			out[i] = d * (int8_t)block[2 + i];
		}
	}
}

/* block = { half d; u8 q[16] }, element i = d * (low nibble of q[i] - 8), i + 16 the high nibble */
static void dequantize_q4_0(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 18, out += 32) {
		float d = f16_to_f32(load_u16(block));

		for (int i = 0; i < 16; i++) {
			out[i] = d * (float)((block[2 + i] & 15) - 8);
			out[i + 16] = d * (float)((block[2 + i] >> 4) - 8);
		}
	}
}

/* block = { half d, m; u8 q[16] }, nibbles as in Q4_0, element = d * nibble + m */
static void dequantize_q4_1(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 20, out += 32) {
		float d = f16_to_f32(load_u16(block)), m = f16_to_f32(load_u16(block + 2));

		for (int i = 0; i < 16; i++) {
			out[i] = d * (float)(block[4 + i] & 15) + m;
			out[i + 16] = d * (float)(block[4 + i] >> 4) + m;
		}
	}
}

/* Element i of 32 of five bits: nibbles as in Q4_0, the fifth bit is bit i of high. */
static int five_bits(const uint8_t high[4], const uint8_t q[16], int i)
{
	return (q[i % 16] >> i / 16 * 4 & 15) | (high[i / 8] >> i % 8 & 1) << 4;
}

/* block = { half d; u8 high[4]; u8 q[16] }, element = d * (q - 16) */
static void dequantize_q5_0(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 22, out += 32) {
		float d = f16_to_f32(load_u16(block));

		for (int i = 0; i < 32; i++) {
			out[i] = d * (float)(five_bits(block + 2, block + 6, i) - 16);
		}
	}
}

/* block = { half d, m; u8 high[4]; u8 q[16] }, element = d * q + m */
static void dequantize_q5_1(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 24, out += 32) {
		float d = f16_to_f32(load_u16(block)), m = f16_to_f32(load_u16(block + 2));

		for (int i = 0; i < 32; i++) {
			out[i] = d * (float)five_bits(block + 4, block + 8, i) + m;
		}
	}
}

/* A code's value from a table times d, the codes 16 bytes of nibbles as in Q4_0. */
static void dequantize_table(const int8_t values[16], float d, const uint8_t *q, float out[32])
{
	for (int i = 0; i < 16; i++) {
		out[i] = d * (float)values[q[i] & 15];
		out[i + 16] = d * (float)values[q[i] >> 4];
	}
}

/* The step between values grows with their size (llama.cpp pull request 5590). */
const int8_t dtype_iq4_values[16] = {
	-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* block = { half d; u8 q[16] } */
static void dequantize_iq4_nl(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 18, out += 32) {
		dequantize_table(dtype_iq4_values, f16_to_f32(load_u16(block)), block + 2, out);
	}
}

/*
 * block = { half d; u16 scales_high; u8 scales_low[4]; u8 q[8][16] }: sub-block b of 32 elements has
 * d * (s - 32), the low 4 bits of s in nibble b of scales_low, the upper 2 in bits 2b, 2b + 1 of
 * scales_high.
 */
static void dequantize_iq4_xs(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 136) {
		float d = f16_to_f32(load_u16(block));

		for (int b = 0; b < 8; b++, out += 32) {
			int low = block[4 + b / 2] >> b % 2 * 4 & 15;
			int high = load_u16(block + 2) >> 2 * b & 3;

			dequantize_table(dtype_iq4_values, d * (float)((low | high << 4) - 32),
				block + 8 + 16 * b, out);
		}
	}
}

/* OCP Microscaling Formats (MX), 2023: E2M1, whose sign is the code's top bit. */
const int8_t dtype_mxfp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* block = { u8 exponent; u8 q[16] } */
static void dequantize_mxfp4(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 32, block += 17, out += 32) {
		dequantize_table(dtype_mxfp4_values, mxfp4_scale(block[0]), block + 1, out);
	}
}

/*
 * block = { u8 scale[16]; u8 q[64]; half d, dmin }: a scale (low nibble) and a minimum (high nibble)
 * for each 16 elements, element = (d * scale) * q - (dmin * min). In each half (128 elements, 32
 * bytes of q) element 32 j + i is bits 2j, 2j + 1 of q[i].
 */
static void dequantize_q2_k(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 84, out += 256) {
		float d = f16_to_f32(load_u16(block + 80)), dmin = f16_to_f32(load_u16(block + 82));

		for (int e = 0; e < 256; e++) {
			int q = block[16 + e / 128 * 32 + e % 32] >> e % 128 / 32 * 2 & 3;
			float sub_d = d * (float)(block[e / 16] & 15);
			float sub_min = dmin * (float)(block[e / 16] >> 4);

			out[e] = sub_d * (float)q - sub_min;
		}
	}
}

/*
 * block = { u8 high[32]; u8 q[64]; u8 scales[12]; half d }: element = (d * (scale - 32)) * (q - 4),
 * a scale for each 16 elements. The low two bits of q as in Q2_K; the third bit of element 32 j + i
 * (j = 0 ... 7) is bit j of high[i]. Of scale s the low 4 bits are nibble s / 8 of scales[s % 8], the
 * upper 2 are bits 2 (s / 4), 2 (s / 4) + 1 of scales[8 + s % 4].
 */
static void dequantize_q3_k(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 110, out += 256) {
		const uint8_t *scales = block + 96;
		float d = f16_to_f32(load_u16(block + 108));

		for (int e = 0; e < 256; e++) {
			int s = e / 16, low = scales[s % 8] >> s / 8 * 4 & 15;
			int high = scales[8 + s % 4] >> s / 4 * 2 & 3;
			int q = block[32 + e / 128 * 32 + e % 32] >> e % 128 / 32 * 2 & 3;
			int third = block[e % 32] >> e / 32 & 1;

			out[e] =
				d * (float)((low | high << 4) - 32) * (float)((q | third << 2) - 4);
		}
	}
}

/*
 * block = { half d, dmin; u8 scales[12]; u8 q[128] }: 8 sub-blocks of 32 elements, each with a 6-bit
 * scale and a 6-bit minimum; element = (d * scale) * q - (dmin * min). Sub-blocks 2j and 2j + 1 are
 * the low and high nibbles of q[32 j ...].
 */
static void k_scale_min(const uint8_t *scales, int sub, int *scale, int *min)
{
	if (sub < 4) {
		*scale = scales[sub] & 63;
		*min = scales[sub + 4] & 63;
	} else {
		*scale = (scales[sub + 4] & 15) | (scales[sub - 4] >> 6) << 4;
		*min = scales[sub + 4] >> 4 | (scales[sub] >> 6) << 4;
	}
}

static void dequantize_q4_k(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 144, out += 256) {
		float d = f16_to_f32(load_u16(block)), dmin = f16_to_f32(load_u16(block + 2));

		for (int sub = 0; sub < 8; sub++) {
			const uint8_t *q = block + 16 + 32 * (sub / 2);
			int scale, min, shift = sub % 2 * 4;

			k_scale_min(block + 4, sub, &scale, &min);
			float sub_d = d * (float)scale, sub_min = dmin * (float)min;

			for (int i = 0; i < 32; i++) {
				out[32 * sub + i] = sub_d * (float)(q[i] >> shift & 15) - sub_min;
			}
		}
	}
}

/*
 * block = { half d, dmin; u8 scales[12]; u8 high[32]; u8 q[128] }: as Q4_K, with a fifth bit; that of
 * element i of sub-block j is bit j of high[i].
 */
static void dequantize_q5_k(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 176, out += 256) {
		float d = f16_to_f32(load_u16(block)), dmin = f16_to_f32(load_u16(block + 2));

		for (int sub = 0; sub < 8; sub++) {
			const uint8_t *q = block + 48 + 32 * (sub / 2), *high = block + 16;
			int scale, min, shift = sub % 2 * 4;

			k_scale_min(block + 4, sub, &scale, &min);
			float sub_d = d * (float)scale, sub_min = dmin * (float)min;

			for (int i = 0; i < 32; i++) {
				int five = (q[i] >> shift & 15) | (high[i] >> sub & 1) << 4;

				out[32 * sub + i] = sub_d * (float)five - sub_min;
			}
		}
	}
}

/*
 * block = { u8 low[128]; u8 high[64]; int8 scale[16]; half d }: element = (d * scale) * (q - 32),
 * a scale for each 16 elements. In each half (128 elements, low 64 bytes, high 32 bytes) element
 * 32 j + i has its low 4 bits in low[32 (j % 2) + i] (nibble j / 2) and its high 2 bits in
 * high[i] >> 2 j.
 */
static void dequantize_q6_k(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 256, block += 210, out += 256) {
		const int8_t *scale = (const int8_t *)block + 192;
		float d = f16_to_f32(load_u16(block + 208));

		for (int e = 0; e < 256; e++) {
			int half = e / 128, j = e % 128 / 32, i = e % 32;
			int low = block[64 * half + 32 * (j % 2) + i] >> 4 * (j / 2) & 15;
			int high = block[128 + 32 * half + i] >> 2 * j & 3;

			out[e] = d * (float)scale[e / 16] * (float)((low | high << 4) - 32);
		}
	}
}

/* block = { float scale; u8 q[128] } */
static void dequantize_f8_e4m3(const uint8_t *block, float *out, int64_t n)
{
	for (; n > 0; n -= 128, block += 132, out += 128) {
		float scale;

		memcpy(&scale, block, sizeof(scale));
		for (int i = 0; i < 128; i++) {
			out[i] = scale * e4m3_to_f32(block[4 + i]);
		}
	}
}

/* F32, F16 and BF16 have no blocks; the others, by type. */
static void (*const blocks[DTYPE_COUNT])(const uint8_t *block, float *out, int64_t n) = {
	[DTYPE_Q8_0] = dequantize_q8_0,
	[DTYPE_Q4_0] = dequantize_q4_0,
	[DTYPE_Q4_1] = dequantize_q4_1,
	[DTYPE_Q5_0] = dequantize_q5_0,
	[DTYPE_Q5_1] = dequantize_q5_1,
	[DTYPE_Q2_K] = dequantize_q2_k,
	[DTYPE_Q3_K] = dequantize_q3_k,
	[DTYPE_Q4_K] = dequantize_q4_k,
	[DTYPE_Q5_K] = dequantize_q5_k,
	[DTYPE_Q6_K] = dequantize_q6_k,
	[DTYPE_IQ4_NL] = dequantize_iq4_nl,
	[DTYPE_IQ4_XS] = dequantize_iq4_xs,
	[DTYPE_MXFP4] = dequantize_mxfp4,
	[DTYPE_F8_E4M3] = dequantize_f8_e4m3,
};

/*
 * f16_to_f32() without branches, so that a compiler makes vectors of it: a half's bits in a float's
 * places are 2^-112 of the number, denormal or not; infinity and NaN have the exponent left to set.
 */
static void dequantize_f16(const uint8_t *in, float *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t half = load_u16(in + 2 * i), bits = (half & 0x7fff) << 13;
		float value;

		memcpy(&value, &bits, sizeof(value));
		value *= 0x1p112f;
		memcpy(&bits, &value, sizeof(bits));
		bits |= (half & 0x7c00) == 0x7c00 ? 0x7f800000 : 0;
		bits |= (half & 0x8000) << 16;
		memcpy(&out[i], &bits, sizeof(bits));
	}
}

void dtype_dequantize(enum dtype dtype, const void *row, float *out, int64_t n)
{
	const uint8_t *bytes = row;

	switch (dtype) {
	case DTYPE_F32:
		memcpy(out, row, (size_t)n * sizeof(*out));
		return;
	case DTYPE_F16:
		dequantize_f16(bytes, out, n);
		return;
	case DTYPE_BF16:
		for (int64_t i = 0; i < n; i++) {
			uint32_t bits = (uint32_t)load_u16(bytes + 2 * i) << 16;

			memcpy(&out[i], &bits, sizeof(bits));
		}
		return;
	default:
		blocks[dtype](bytes, out, n);
		return;
	}
}
