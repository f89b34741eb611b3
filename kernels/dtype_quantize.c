/*
 * Float to storage types: those without blocks and those with blocks of 32 (and our FP8). Q8_0, Q4_0,
 * Q4_1, Q5_0, Q5_1 and MXFP4 give the bytes of the reference quantizers. Loops are written so that a
 * compiler makes vectors of them: no branches, and sums and maxima in lanes.
 */
#include "kernels/dtype_quantize.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The largest magnitude of n elements, NaN if one is: as integers they are in the same order. */
static float max_magnitude(const float *in, int n)
{
	int32_t most = 0;
	float amax;

	for (int i = 0; i < n; i++) {
		int32_t bits;

		memcpy(&bits, &in[i], sizeof(bits));
		bits &= 0x7fffffff;
		most = bits > most ? bits : most;
	}
	memcpy(&amax, &most, sizeof(amax));
	return amax;
}

/* 0 for 0, and for what is so small that its inverse has no float: a half makes 0 of it, too. */
static float inverse_of(float d)
{
	return fabsf(d) >= FLT_MIN ? 1 / d : 0;
}

/* roundf(): halves away from zero. Twice the fraction is exact, so nothing is rounded before. */
static inline int round_away(float value)
{
	int whole = (int)value;
	int twice = (int)(2 * (value - (float)whole));

	return whole + twice;
}

static void quantize_q8_0(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 34, in += 32) {
		float d = max_magnitude(in, 32) / 127;
		float inverse = inverse_of(d);

		put_u16(block, f32_to_f16(d));
		if (!(d <= FLT_MAX)) {
			memset(block + 2, 0, 32);
			continue;
		}
		for (int i = 0; i < 32; i++) {
			block[2 + i] = (uint8_t)(int8_t)round_away(in[i] * inverse);
		}
	}
}

/* Codes of 32 elements as two nibbles a byte: element i low, 16 + i high. */
static void put_nibbles(const uint8_t code[32], uint8_t out[16])
{
	for (int i = 0; i < 16; i++) {
		out[i] = (uint8_t)((code[i] & 15) | code[16 + i] << 4);
	}
}

/* The fifth bits of 32 codes. */
static void put_fifth_bits(const uint8_t code[32], uint8_t out[4])
{
	memset(out, 0, 4);
	for (int i = 0; i < 32; i++) {
		out[i / 8] |= (uint8_t)((code[i] >> 4 & 1) << i % 8);
	}
}

/*
 * Codes of Q4_0 and Q5_0, `middle` 8 or 16: the element of largest magnitude becomes -middle exactly,
 * so d has the opposite sign. Returns d.
 */
static float symmetric_codes(const float *in, int middle, uint8_t code[32])
{
	float d = extreme_of(in, 32) / (float)-middle;
	float inverse = inverse_of(d);

	for (int i = 0; i < 32; i++) {
		float q = in[i] * inverse + ((float)middle + 0.5f);

		code[i] = (uint8_t)clamp_int(q > 0 ? (int)q : 0, 0, 2 * middle - 1);
	}
	return d;
}

/* Codes of Q4_1 and Q5_1: 0 ... most from the smallest element to the largest. Returns d. */
static float range_codes(const float *in, int most, uint8_t code[32], float *min)
{
	float low = in[0], high = in[0], d, inverse;

	for (int i = 1; i < 32; i++) {
		low = in[i] < low ? in[i] : low;
		high = in[i] > high ? in[i] : high;
	}
	d = (high - low) / (float)most;
	inverse = inverse_of(d);
	for (int i = 0; i < 32; i++) {
		float q = (in[i] - low) * inverse + 0.5f;

		code[i] = (uint8_t)clamp_int(q > 0 ? (int)q : 0, 0, most);
	}
	*min = low;
	return d;
}

static void quantize_q4_0(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 18, in += 32) {
		uint8_t code[32];

		put_u16(block, f32_to_f16(symmetric_codes(in, 8, code)));
		put_nibbles(code, block + 2);
	}
}

static void quantize_q4_1(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 20, in += 32) {
		uint8_t code[32];
		float min;

		put_u16(block, f32_to_f16(range_codes(in, 15, code, &min)));
		put_u16(block + 2, f32_to_f16(min));
		put_nibbles(code, block + 4);
	}
}

static void quantize_q5_0(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 22, in += 32) {
		uint8_t code[32];

		put_u16(block, f32_to_f16(symmetric_codes(in, 16, code)));
		put_fifth_bits(code, block + 2);
		put_nibbles(code, block + 6);
	}
}

static void quantize_q5_1(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 24, in += 32) {
		uint8_t code[32];
		float min;

		put_u16(block, f32_to_f16(range_codes(in, 31, code, &min)));
		put_u16(block + 2, f32_to_f16(min));
		put_fifth_bits(code, block + 4);
		put_nibbles(code, block + 8);
	}
}

static void quantize_iq4_nl(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 18, in += 32) {
		uint8_t code[32];
		uint16_t half = f32_to_f16(iq4_fit(in, 32));

		put_u16(block, half);
		iq4_codes(in, 32, f16_to_f32(half), code);
		put_nibbles(code, block + 2);
	}
}

/*
 * The scale makes the largest magnitude 4 to 8, of which 6 is the most that there is; an element
 * goes to the nearest code, the smaller of two (OCP MX 1.0, section 6.3, but for ties).
 */
static void quantize_mxfp4(const float *in, uint8_t *block, int64_t n)
{
	/* between 0, 1, 2, 3, 4, 6, 8, 12 */
	static const float middle[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};

	for (; n > 0; n -= 32, block += 17, in += 32) {
		float amax = max_magnitude(in, 32), d;
		int exponent = 0;
		uint8_t code[32];

		if (amax > 0) {
			(void)frexpf(amax, &exponent); /* amax is 0.5 ... 1 times its power */
			exponent = clamp_int(exponent - 1 - 2 + 127, 0, 254);
		}
		d = mxfp4_scale((uint8_t)exponent);
		for (int i = 0; i < 32; i++) {
			float size = fabsf(in[i]) / d;
			int at = 0;

			for (int m = 0; m < 7; m++) {
				at += size > middle[m];
			}
			code[i] = (uint8_t)(at && in[i] < 0 ? at | 8 : at);
		}
		block[0] = (uint8_t)exponent;
		put_nibbles(code, block + 1);
	}
}

/* The largest magnitude becomes 448, the largest number. */
static void quantize_f8_e4m3(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 128, block += 132, in += 128) {
		float scale = max_magnitude(in, 128) / 448;
		float inverse = inverse_of(scale);

		memcpy(block, &scale, sizeof(scale));
		for (int i = 0; i < 128; i++) {
			block[4 + i] = f32_to_e4m3(in[i] * inverse);
		}
	}
}

void dtype_quantize(enum dtype dtype, const float *in, void *out, int64_t n)
{
	static void (*const blocks[DTYPE_COUNT])(const float *in, uint8_t *block, int64_t n) = {
		[DTYPE_Q8_0] = quantize_q8_0,
		[DTYPE_Q4_0] = quantize_q4_0,
		[DTYPE_Q4_1] = quantize_q4_1,
		[DTYPE_Q5_0] = quantize_q5_0,
		[DTYPE_Q5_1] = quantize_q5_1,
		[DTYPE_Q2_K] = quantize_q2_k,
		[DTYPE_Q3_K] = quantize_q3_k,
		[DTYPE_Q4_K] = quantize_q4_k,
		[DTYPE_Q5_K] = quantize_q5_k,
		[DTYPE_Q6_K] = quantize_q6_k,
		[DTYPE_IQ4_NL] = quantize_iq4_nl,
		[DTYPE_IQ4_XS] = quantize_iq4_xs,
		[DTYPE_MXFP4] = quantize_mxfp4,
		[DTYPE_F8_E4M3] = quantize_f8_e4m3,
	};
	uint8_t *bytes = out;

	switch (dtype) {
	case DTYPE_F32:
		memcpy(out, in, (size_t)n * sizeof(*in));
		return;
	case DTYPE_F16:
		for (int64_t i = 0; i < n; i++) {
			put_u16(bytes + 2 * i, f32_to_f16(in[i]));
		}
		return;
	case DTYPE_BF16:
		for (int64_t i = 0; i < n; i++) {
			put_u16(bytes + 2 * i, f32_to_bf16(in[i]));
		}
		return;
	default:
		blocks[dtype](in, bytes, n);
		return;
	}
}
