#include "kernels/dtype.h"

#include <stddef.h>
#include <string.h>

/* Every ggml_type, by its number; removed numbers have no name. */
static const struct dtype_info gguf_types[] = {
	[0] = {"F32", 0, 1, 4},
	[1] = {"F16", 1, 1, 2},
	[2] = {"Q4_0", 2, 32, 18},
	[3] = {"Q4_1", 3, 32, 20},
	[6] = {"Q5_0", 6, 32, 22},
	[7] = {"Q5_1", 7, 32, 24},
	[8] = {"Q8_0", 8, 32, 34},
	[9] = {"Q8_1", 9, 32, 36},
	[10] = {"Q2_K", 10, 256, 84},
	[11] = {"Q3_K", 11, 256, 110},
	[12] = {"Q4_K", 12, 256, 144},
	[13] = {"Q5_K", 13, 256, 176},
	[14] = {"Q6_K", 14, 256, 210},
	[15] = {"Q8_K", 15, 256, 292},
	[16] = {"IQ2_XXS", 16, 256, 66},
	[17] = {"IQ2_XS", 17, 256, 74},
	[18] = {"IQ3_XXS", 18, 256, 98},
	[19] = {"IQ1_S", 19, 256, 50},
	[20] = {"IQ4_NL", 20, 32, 18},
	[21] = {"IQ3_S", 21, 256, 110},
	[22] = {"IQ2_S", 22, 256, 82},
	[23] = {"IQ4_XS", 23, 256, 136},
	[24] = {"I8", 24, 1, 1},
	[25] = {"I16", 25, 1, 2},
	[26] = {"I32", 26, 1, 4},
	[27] = {"I64", 27, 1, 8},
	[28] = {"F64", 28, 1, 8},
	[29] = {"IQ1_M", 29, 256, 56},
	[30] = {"BF16", 30, 1, 2},
	[34] = {"TQ1_0", 34, 256, 54},
	[35] = {"TQ2_0", 35, 256, 66},
	[39] = {"MXFP4", 39, 32, 17},
	[40] = {"NVFP4", 40, 64, 36},
};

#define GGUF_TYPE_COUNT (sizeof(gguf_types) / sizeof(gguf_types[0]))

static const uint8_t gguf_number[DTYPE_COUNT] = {
	[DTYPE_F32] = 0,
	[DTYPE_F16] = 1,
	[DTYPE_BF16] = 30,
	[DTYPE_Q8_0] = 8,
	[DTYPE_Q4_0] = 2,
	[DTYPE_Q4_K] = 12,
	[DTYPE_Q6_K] = 14,
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
	return &gguf_types[gguf_number[dtype]];
}

enum dtype dtype_from_gguf(uint32_t gguf_type)
{
	for (int i = 0; i < DTYPE_COUNT; i++) {
		if (gguf_number[i] == gguf_type) {
			return (enum dtype)i;
		}
	}
	return DTYPE_COUNT;
}

const char *dtype_gguf_name(uint32_t gguf_type)
{
	return gguf_type < GGUF_TYPE_COUNT ? gguf_types[gguf_type].name : NULL;
}

int dtype_gguf_block(uint32_t gguf_type, int64_t *block_elems, int64_t *block_bytes)
{
	if (!dtype_gguf_name(gguf_type)) {
		return -1;
	}
	*block_elems = gguf_types[gguf_type].block_elems;
	*block_bytes = gguf_types[gguf_type].block_bytes;
	return 0;
}

int64_t dtype_row_bytes(enum dtype dtype, int64_t n)
{
	const struct dtype_info *info = dtype_info(dtype);

	return n / info->block_elems * info->block_bytes;
}

static float bits_to_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t float_to_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

float f16_to_f32(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ff;

	if (exponent == 31) {
		return bits_to_float(sign | 0x7f800000 | mantissa << 13);
	}
	if (exponent == 0) {
		float value = (float)mantissa * 0x1p-24f; /* exact: zero and the subnormals */

		return sign ? -value : value;
	}
	return bits_to_float(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t f32_to_f16(float value)
{
	uint32_t bits = float_to_bits(value);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
	uint32_t magnitude = bits & 0x7fffffff;

	if (magnitude > 0x7f800000) {
		return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff)); /* NaN, made quiet */
	}
	if (magnitude >= 0x477ff000) { /* 65520: halfway between the largest half and 2^16 */
		return sign | 0x7c00;
	}
	if (magnitude < 0x38800000) { /* below 2^-14: adding 0.5 rounds to units of 2^-24 */
		float shifted = bits_to_float(magnitude) + 0.5f;

		return (uint16_t)(sign | (float_to_bits(shifted) - 0x3f000000));
	}
	magnitude += 0xfff + (magnitude >> 13 & 1);
	return (uint16_t)(sign | ((magnitude >> 13) - (112 << 10)));
}

float bf16_to_f32(uint16_t brain)
{
	return bits_to_float((uint32_t)brain << 16);
}

uint16_t f32_to_bf16(float value)
{
	uint32_t bits = float_to_bits(value);

	if ((bits & 0x7fffffff) > 0x7f800000) {
		return (uint16_t)(bits >> 16 | 0x40); /* NaN, made quiet */
	}
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

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

/*
 * block = { half d, dmin; u8 scales[12]; u8 q[128] }: 8 sub-blocks of 32 elements, each with a 6-bit
 * scale and a 6-bit minimum; element = (d * scale) * q - (dmin * min). Sub-blocks 2j and 2j + 1 are
 * the low and high nibbles of q[32 j ...].
 */
static void q4_k_scale_min(const uint8_t *scales, int sub, int *scale, int *min)
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

			q4_k_scale_min(block + 4, sub, &scale, &min);
			float sub_d = d * (float)scale, sub_min = dmin * (float)min;

			for (int i = 0; i < 32; i++) {
				out[32 * sub + i] = sub_d * (float)(q[i] >> shift & 15) - sub_min;
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

void dtype_dequantize(enum dtype dtype, const void *row, float *out, int64_t n)
{
	const uint8_t *bytes = row;

	switch (dtype) {
	case DTYPE_F32:
		memcpy(out, row, (size_t)n * sizeof(*out));
		return;
	case DTYPE_F16:
		for (int64_t i = 0; i < n; i++) {
			out[i] = f16_to_f32(load_u16(bytes + 2 * i));
		}
		return;
	case DTYPE_BF16:
		for (int64_t i = 0; i < n; i++) {
			out[i] = bf16_to_f32(load_u16(bytes + 2 * i));
		}
		return;
	case DTYPE_Q8_0:
		dequantize_q8_0(bytes, out, n);
		return;
	case DTYPE_Q4_0:
		dequantize_q4_0(bytes, out, n);
		return;
	case DTYPE_Q4_K:
		dequantize_q4_k(bytes, out, n);
		return;
	case DTYPE_Q6_K:
		dequantize_q6_k(bytes, out, n);
		return;
	case DTYPE_COUNT:
		return;
	}
}
