/*
 * Float to storage types. Q8_0 and Q4_0 give the bytes of the reference quantizers; for the K types
 * a small search picks each sub-block's scale (and minimum) by least squares, weighted by magnitude
 * as the reference does, which leaves room for other choices of equal merit.
 */
#include "kernels/dtype.h"

#include <math.h>
#include <string.h>

static void store_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static int clamp_int(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

static float max_magnitude(const float *in, int n)
{
	float amax = 0;

	for (int i = 0; i < n; i++) {
		amax = fmaxf(amax, fabsf(in[i]));
	}
	return amax;
}

static void quantize_q8_0(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 34, in += 32) {
		float d = max_magnitude(in, 32) / 127;
		float inverse = d ? 1 / d : 0;

		store_u16(block, f32_to_f16(d));
		for (int i = 0; i < 32; i++) {
			block[2 + i] = (uint8_t)(int8_t)roundf(in[i] * inverse);
		}
	}
}

/* The element of largest magnitude becomes -8 exactly, so d has the opposite sign. */
static void quantize_q4_0(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 32, block += 18, in += 32) {
		float extreme = in[0];

		for (int i = 1; i < 32; i++) {
			if (fabsf(in[i]) > fabsf(extreme)) {
				extreme = in[i];
			}
		}
		float d = extreme / -8;
		float inverse = d ? 1 / d : 0;

		store_u16(block, f32_to_f16(d));
		for (int i = 0; i < 16; i++) {
			int low = clamp_int((int)(in[i] * inverse + 8.5f), 0, 15);
			int high = clamp_int((int)(in[i + 16] * inverse + 8.5f), 0, 15);

			block[2 + i] = (uint8_t)(low | high << 4);
		}
	}
}

/*
 * Fit in[n] by scale * q - min with 0 <= q <= 15 and min >= 0: for each candidate range, round, then
 * solve the weighted 2 x 2 normal equations for (scale, min); the smallest error wins.
 */
static void fit_scale_min(const float *in, int n, float *scale, float *min)
{
	float low = 0, high = in[0], weight[32], rms = 0, best_error = INFINITY;

	for (int i = 0; i < n; i++) {
		low = fminf(low, in[i]);
		high = fmaxf(high, in[i]);
		rms += in[i] * in[i];
	}
	rms = sqrtf(rms / (float)n);
	for (int i = 0; i < n; i++) {
		weight[i] = rms + fabsf(in[i]);
	}
	*scale = *min = 0;
	if (high <= low) { /* all equal, not positive: the minimum alone says it */
		*min = -low;
		return;
	}
	for (int step = 0; step <= 20; step++) {
		float inverse = (14 + 0.1f * (float)step) / (high - low);
		double sw = 0, sq = 0, sqq = 0, sx = 0, sxq = 0, sxx = 0;

		for (int i = 0; i < n; i++) {
			int q = clamp_int((int)lrintf((in[i] - low) * inverse), 0, 15);
			double w = weight[i];

			sw += w;
			sq += w * q;
			sqq += w * q * q;
			sx += w * in[i];
			sxq += w * q * in[i];
			sxx += w * in[i] * in[i];
		}
		double det = sw * sqq - sq * sq;

		if (!(det > 0)) {
			continue;
		}
		double a = (sw * sxq - sq * sx) / det, b = (sqq * sx - sq * sxq) / det;

		if (b > 0) { /* a minimum cannot be positive: fit the scale alone */
			b = 0;
			a = sxq / sqq;
		}
		double error =
			sxx + a * a * sqq + b * b * sw - 2 * a * sxq - 2 * b * sx + 2 * a * b * sq;

		if (a > 0 && error < best_error) {
			best_error = (float)error;
			*scale = (float)a;
			*min = (float)-b;
		}
	}
}

static void q4_k_pack_scales(const uint8_t scale[8], const uint8_t min[8], uint8_t packed[12])
{
	for (int i = 0; i < 4; i++) {
		packed[i] = (uint8_t)(scale[i] | (scale[i + 4] >> 4) << 6);
		packed[i + 4] = (uint8_t)(min[i] | (min[i + 4] >> 4) << 6);
		packed[i + 8] = (uint8_t)((scale[i + 4] & 15) | (min[i + 4] & 15) << 4);
	}
}

static void quantize_q4_k_block(const float *in, uint8_t *block)
{
	float scale[8], min[8];
	uint8_t scale_6[8], min_6[8];

	for (int sub = 0; sub < 8; sub++) {
		fit_scale_min(in + 32 * sub, 32, &scale[sub], &min[sub]);
	}
	uint16_t d_half = f32_to_f16(max_magnitude(scale, 8) / 63);
	uint16_t dmin_half = f32_to_f16(max_magnitude(min, 8) / 63);
	float d = f16_to_f32(d_half), dmin = f16_to_f32(dmin_half);

	memset(block, 0, 144);
	store_u16(block, d_half);
	store_u16(block + 2, dmin_half);
	for (int sub = 0; sub < 8; sub++) {
		scale_6[sub] = (uint8_t)(d ? clamp_int((int)lrintf(scale[sub] / d), 0, 63) : 0);
		min_6[sub] = (uint8_t)(dmin ? clamp_int((int)lrintf(min[sub] / dmin), 0, 63) : 0);
	}
	q4_k_pack_scales(scale_6, min_6, block + 4);
	for (int sub = 0; sub < 8; sub++) {
		float sub_d = d * (float)scale_6[sub], sub_min = dmin * (float)min_6[sub];
		uint8_t *q = block + 16 + 32 * (sub / 2);

		for (int i = 0; i < 32 && sub_d; i++) {
			int value = (int)lrintf((in[32 * sub + i] + sub_min) / sub_d);

			q[i] |= (uint8_t)(clamp_int(value, 0, 15) << sub % 2 * 4);
		}
	}
}

/* Fit in[16] by scale * q with -32 <= q <= 31: candidates around extreme / -32, least squares. */
static float fit_scale(const float *in)
{
	float extreme = in[0], scale = 0;
	double best_gain = 0;

	for (int i = 1; i < 16; i++) {
		if (fabsf(in[i]) > fabsf(extreme)) {
			extreme = in[i];
		}
	}
	if (!extreme) {
		return 0;
	}
	for (int step = -9; step <= 9; step++) {
		float inverse = -(32 + 0.1f * (float)step) / extreme;
		double sxq = 0, sqq = 0;

		for (int i = 0; i < 16; i++) {
			int q = clamp_int((int)lrintf(in[i] * inverse), -32, 31);
			double w = (double)in[i] * in[i];

			sxq += w * in[i] * q;
			sqq += w * q * q;
		}
		/* the error falls by sxq^2 / sqq */
		if (sqq > 0 && sxq * sxq > best_gain * sqq) {
			best_gain = sxq * sxq / sqq;
			scale = (float)(sxq / sqq);
		}
	}
	return scale;
}

static void quantize_q6_k_block(const float *in, uint8_t *block)
{
	float scale[16], extreme = 0;

	memset(block, 0, 210);
	for (int sub = 0; sub < 16; sub++) {
		scale[sub] = fit_scale(in + 16 * sub);
		if (fabsf(scale[sub]) > fabsf(extreme)) {
			extreme = scale[sub];
		}
	}
	uint16_t d_half = f32_to_f16(extreme / -128);
	float d = f16_to_f32(d_half);

	store_u16(block + 208, d_half);
	for (int sub = 0; sub < 16 && d; sub++) {
		int scale_8 = clamp_int((int)lrintf(scale[sub] / d), -128, 127);
		float sub_d = d * (float)scale_8;

		block[192 + sub] = (uint8_t)(int8_t)scale_8;
		for (int e = 16 * sub; e < 16 * sub + 16; e++) {
			int half = e / 128, j = e % 128 / 32, i = e % 32;
			int q = sub_d ? clamp_int((int)lrintf(in[e] / sub_d), -32, 31) + 32 : 32;

			block[64 * half + 32 * (j % 2) + i] |= (uint8_t)((q & 15) << 4 * (j / 2));
			block[128 + 32 * half + i] |= (uint8_t)(q >> 4 << 2 * j);
		}
	}
}

void dtype_quantize(enum dtype dtype, const float *in, void *out, int64_t n)
{
	uint8_t *bytes = out;

	switch (dtype) {
	case DTYPE_F32:
		memcpy(out, in, (size_t)n * sizeof(*in));
		return;
	case DTYPE_F16:
		for (int64_t i = 0; i < n; i++) {
			store_u16(bytes + 2 * i, f32_to_f16(in[i]));
		}
		return;
	case DTYPE_BF16:
		for (int64_t i = 0; i < n; i++) {
			store_u16(bytes + 2 * i, f32_to_bf16(in[i]));
		}
		return;
	case DTYPE_Q8_0:
		quantize_q8_0(in, bytes, n);
		return;
	case DTYPE_Q4_0:
		quantize_q4_0(in, bytes, n);
		return;
	case DTYPE_Q4_K:
		for (int64_t i = 0; i < n; i += 256) {
			quantize_q4_k_block(in + i, bytes + i / 256 * 144);
		}
		return;
	case DTYPE_Q6_K:
		for (int64_t i = 0; i < n; i += 256) {
			quantize_q6_k_block(in + i, bytes + i / 256 * 210);
		}
		return;
	default:
		memset(out, 0, (size_t)dtype_row_bytes(dtype, n));
		return;
	}
}
