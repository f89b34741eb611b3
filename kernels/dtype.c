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

/* What is in no GGUF file. */
static const struct dtype_info f8_e4m3 = {"F8_E4M3", UINT32_MAX, 128, 132};
#define NO_NUMBER UINT8_MAX

static const uint8_t gguf_number[DTYPE_COUNT] = {
	[DTYPE_F32] = 0,
	[DTYPE_F16] = 1,
	[DTYPE_BF16] = 30,
	[DTYPE_Q8_0] = 8,
	[DTYPE_Q4_0] = 2,
	[DTYPE_Q4_K] = 12,
	[DTYPE_Q6_K] = 14,
	[DTYPE_Q4_1] = 3,
	[DTYPE_Q5_0] = 6,
	[DTYPE_Q5_1] = 7,
	[DTYPE_Q2_K] = 10,
	[DTYPE_Q3_K] = 11,
	[DTYPE_Q5_K] = 13,
	[DTYPE_IQ4_NL] = 20,
	[DTYPE_IQ4_XS] = 23,
	[DTYPE_MXFP4] = 39,
	[DTYPE_F8_E4M3] = NO_NUMBER,
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
	return gguf_number[dtype] == NO_NUMBER ? &f8_e4m3 : &gguf_types[gguf_number[dtype]];
}

enum dtype dtype_from_gguf(uint32_t gguf_type)
{
	for (int i = 0; i < DTYPE_COUNT; i++) {
		if (gguf_number[i] == gguf_type && gguf_type != NO_NUMBER) {
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

float e4m3_to_f32(uint8_t code)
{
	int exponent = code >> 3 & 15, mantissa = code & 7;
	float value = exponent ? bits_to_float((uint32_t)(exponent + 120) << 23 | (uint32_t)mantissa
											  << 20)
			       : (float)mantissa * 0x1p-9f;

	if ((code & 0x7f) == 0x7f) {
		value = bits_to_float(0x7fc00000);
	}
	return code & 0x80 ? -value : value;
}

uint8_t f32_to_e4m3(float value)
{
	uint32_t bits = float_to_bits(value);
	uint8_t sign = (uint8_t)(bits >> 24 & 0x80);
	uint32_t magnitude = bits & 0x7fffffff;

	if (magnitude > 0x7f800000) {
		return sign | 0x7f;
	}
	if (magnitude >= 0x43e00000) { /* 448, the largest */
		return sign | 0x7e;
	}
	if (magnitude < 0x3c800000) { /* below 2^-6: adding 2^14 rounds to units of 2^-9 */
		float shifted = bits_to_float(magnitude) + 0x1p14f;

		return (uint8_t)(sign | (float_to_bits(shifted) - 0x46800000));
	}
	magnitude += 0x7ffff + (magnitude >> 20 & 1);
	return (uint8_t)(sign | ((magnitude >> 20) - (120 << 3)));
}

float mxfp4_scale(uint8_t code)
{
	return bits_to_float(code < 2 ? UINT32_C(0x00200000) << code : (uint32_t)(code - 1) << 23);
}
