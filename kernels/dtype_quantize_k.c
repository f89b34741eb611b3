/*
 * Float to the types with blocks of 256. A search picks each sub-block's scale (and minimum): the
 * elements are rounded for each of some candidate ranges, then weighted least squares give the scale
 * (and minimum) that fits those codes best, and the smallest error wins. The reference quantizers do
 * the same with other candidates; the stored bytes differ, the error is as small (test_dtype.c).
 *
 * Candidates are the lanes of vectors (GCC's and clang's portable ones), so sums over elements are
 * in ascending order whatever vectors the processor has.
 */
#include "kernels/dtype_quantize.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define WIDTH 4

/* What C has no other way to write. */
typedef float lanes __attribute__((vector_size(4 * WIDTH)));
typedef int32_t lanes_mask __attribute__((vector_size(4 * WIDTH)));

/* Adding this makes an integer of a number below 2^22, rounded to nearest even. */
#define ROUND 0x1.8p23f

static inline float round_even(float value)
{
	return (value + ROUND) - ROUND;
}

INLINE lanes lanes_load(const float *in)
{
	lanes value;

	memcpy(&value, in, sizeof(value));
	return value;
}

INLINE lanes lanes_all(float value)
{
	return (lanes){value, value, value, value};
}

INLINE float lanes_sum(lanes value)
{
	return (value[0] + value[2]) + (value[1] + value[3]);
}

INLINE lanes lanes_pick(lanes_mask which, lanes yes, lanes no)
{
	return (lanes)(((lanes_mask)yes & which) | ((lanes_mask)no & ~which));
}

INLINE lanes lanes_min(lanes a, lanes b)
{
	return lanes_pick(a < b, a, b);
}

/*
 * Candidates: the range is divided into most + from, most + from + step, ...; less than most + 0.5,
 * so that no code is rounded beyond the largest.
 */
struct search {
	int n, most; /* elements; the largest code */
	float from, step;
	int count; /* a multiple of 2 * WIDTH */
};

/* Four of them from number `first` on. */
INLINE lanes candidates(float most_from, float step, int first)
{
	const lanes at = {0, 1, 2, 3};

	return most_from + step * ((float)first + at);
}

/* The sums of a sub-block that do not depend on the candidate. */
struct sums {
	float low, high, w, wx;
};

INLINE struct sums sum_up(const float *in, const float *weight, int n)
{
	lanes low = {0}, high = lanes_load(in), w = {0}, wx = {0};
	struct sums sums = {0};

	for (int i = 0; i < n; i += WIDTH) {
		lanes x = lanes_load(in + i);

		low = lanes_min(x, low);
		high = -lanes_min(-x, -high);
		w += lanes_load(weight + i);
		wx += lanes_load(weight + i) * x;
	}
	sums.high = high[0];
	for (int l = 0; l < WIDTH; l++) {
		sums.low = low[l] < sums.low ? low[l] : sums.low;
		sums.high = high[l] > sums.high ? high[l] : sums.high;
	}
	sums.w = lanes_sum(w);
	sums.wx = lanes_sum(wx);
	return sums;
}

/* The best scale so far. */
struct best {
	float gain, scale, min;
};

/*
 * Weighted least squares for four candidates, given their sums of w*q, w*q*q and w*x*q. A minimum
 * cannot be positive: where it would be, the scale is fitted alone.
 */
INLINE void solve(const struct sums *sums, lanes q, lanes qq, lanes xq, struct best *best)
{
	lanes det = sums->w * qq - q * q, b = qq * sums->wx - q * xq;
	lanes_mask two = (b < 0) & (det > 0);
	lanes divisor = lanes_pick(two, det, qq);
	lanes a = lanes_pick(two, sums->w * xq - q * sums->wx, xq) / divisor, gain;

	b = lanes_pick(two, b / divisor, lanes_all(0));
	/* by how much the weighted squared error is below that of all zeros */
	gain = 2 * (a * xq + b * sums->wx) - (a * a * qq + b * b * sums->w + 2 * a * b * q);
	gain = lanes_pick((divisor > 0) & (a > 0), gain, lanes_all(0));
	for (int l = 0; l < WIDTH; l++) {
		if (gain[l] > best->gain) {
			*best = (struct best){gain[l], a[l], -b[l]};
		}
	}
}

/*
 * Fit in[n] by scale * q - min with 0 <= q <= most and min >= 0. weight: how much an element's
 * squared error counts.
 */
INLINE void fit_scale_min(
	const float *in, const float *weight, const struct search search, float *scale, float *min)
{
	struct sums sums = sum_up(in, weight, search.n);
	struct best best = {0, 0, -sums.low}; /* all equal, not positive: the minimum says it */

	/* Two vectors at a time, so that sums do not wait for each other. */
	for (int c = 0; c < search.count && sums.high > sums.low; c += 2 * WIDTH) {
		lanes inverse[2], q[2] = {0}, qq[2] = {0}, xq[2] = {0};

		for (int v = 0; v < 2; v++) {
			inverse[v] = candidates((float)search.most + search.from, search.step,
					     c + v * WIDTH) /
				     (sums.high - sums.low);
		}
		for (int i = 0; i < search.n; i++) {
			for (int v = 0; v < 2; v++) {
				lanes code = (inverse[v] * (in[i] - sums.low) + ROUND) - ROUND;
				lanes w = code * weight[i];

				q[v] += w;
				qq[v] += w * code;
				xq[v] += w * in[i];
			}
		}
		for (int v = 0; v < 2; v++) {
			solve(&sums, q[v], qq[v], xq[v], &best);
		}
	}
	*scale = best.scale;
	*min = best.min;
}

/* The codes 0 ... most of n elements under a stored scale and minimum. */
static void scale_min_codes(const float *in, int n, int most, float scale, float min, uint8_t *code)
{
	float inverse = scale ? 1 / scale : 0;

	for (int i = 0; i < n; i++) {
		float q = round_even((in[i] + min) * inverse);

		q = !(q > 0) ? 0 : q > (float)most ? (float)most : q;
		code[i] = (uint8_t)(int)q;
	}
}

/* Weights of errors: the elements' magnitudes plus a share of the sub-block's rms. */
INLINE void weights(const float *in, int n, float share, float *weight)
{
	lanes square = {0};
	float rms;

	for (int i = 0; i < n; i += WIDTH) {
		square += lanes_load(in + i) * lanes_load(in + i);
	}
	rms = share * sqrtf(lanes_sum(square) / (float)n);
	for (int i = 0; i < n; i++) {
		weight[i] = rms + fabsf(in[i]);
	}
}

/*
 * The scales and minima of a block as multiples, at most `most`, of two halves, which it returns as
 * they are stored.
 */
struct steps {
	uint16_t d_half, dmin_half;
	float d, dmin;
	uint8_t scale[16], min[16];
};

static struct steps quantize_scales(const float *scale, const float *min, int count, int most)
{
	struct steps steps = {0};
	float scale_max = 0, min_max = 0;

	for (int i = 0; i < count; i++) {
		scale_max = scale[i] > scale_max ? scale[i] : scale_max;
		min_max = min[i] > min_max ? min[i] : min_max;
	}
	steps.d_half = f32_to_f16(scale_max / (float)most);
	steps.dmin_half = f32_to_f16(min_max / (float)most);
	steps.d = f16_to_f32(steps.d_half);
	steps.dmin = f16_to_f32(steps.dmin_half);
	for (int i = 0; i < count; i++) {
		float s = steps.d ? scale[i] / steps.d : 0,
		      m = steps.dmin ? min[i] / steps.dmin : 0;

		steps.scale[i] = (uint8_t)(s < (float)most ? (int)lrintf(s) : most);
		steps.min[i] = (uint8_t)(m < (float)most ? (int)lrintf(m) : most);
	}
	return steps;
}

/* Q2_K's bytes of four codes of two bits (kernels/dtype_dequantize.c). */
static void put_pairs(const uint8_t code[256], uint8_t q[64])
{
	for (int i = 0; i < 64; i++) {
		const uint8_t *first = code + i / 32 * 128 + i % 32;

		q[i] = (uint8_t)((first[0] & 3) | (first[32] & 3) << 2 | (first[64] & 3) << 4 |
				 (first[96] & 3) << 6);
	}
}

void quantize_q2_k(const float *in, uint8_t *block, int64_t n)
{
	const struct search search = {16, 3, -0.55f, 0.065f, 16};

	for (; n > 0; n -= 256, in += 256, block += 84) {
		float scale[16], min[16], weight[16];
		uint8_t code[256];

		for (int sub = 0; sub < 16; sub++) {
			weights(in + 16 * sub, 16, 0.5f, weight);
			fit_scale_min(in + 16 * sub, weight, search, &scale[sub], &min[sub]);
		}
		struct steps steps = quantize_scales(scale, min, 16, 15);

		for (int sub = 0; sub < 16; sub++) {
			block[sub] = (uint8_t)(steps.scale[sub] | steps.min[sub] << 4);
			scale_min_codes(in + 16 * sub, 16, 3, steps.d * (float)steps.scale[sub],
				steps.dmin * (float)steps.min[sub], code + 16 * sub);
		}
		put_pairs(code, block + 16);
		put_u16(block + 80, steps.d_half);
		put_u16(block + 82, steps.dmin_half);
	}
}

/* Eight scales and eight minima of six bits in twelve bytes. */
static void put_scales_k(const struct steps *steps, uint8_t packed[12])
{
	const uint8_t *scale = steps->scale, *min = steps->min;

	for (int i = 0; i < 4; i++) {
		packed[i] = (uint8_t)(scale[i] | (scale[i + 4] >> 4) << 6);
		packed[i + 4] = (uint8_t)(min[i] | (min[i + 4] >> 4) << 6);
		packed[i + 8] = (uint8_t)((scale[i + 4] & 15) | (min[i + 4] & 15) << 4);
	}
}

/* What Q4_K and Q5_K begin with, and their codes. */
INLINE void quantize_scale_min_32(
	const float *in, const struct search search, uint8_t *block, uint8_t code[256])
{
	float scale[8], min[8], weight[32];

	for (int sub = 0; sub < 8; sub++) {
		weights(in + 32 * sub, 32, 1, weight);
		fit_scale_min(in + 32 * sub, weight, search, &scale[sub], &min[sub]);
	}
	struct steps steps = quantize_scales(scale, min, 8, 63);

	put_u16(block, steps.d_half);
	put_u16(block + 2, steps.dmin_half);
	put_scales_k(&steps, block + 4);
	for (int sub = 0; sub < 8; sub++) {
		scale_min_codes(in + 32 * sub, 32, search.most, steps.d * (float)steps.scale[sub],
			steps.dmin * (float)steps.min[sub], code + 32 * sub);
	}
}

/* Bytes of two nibbles: per 64 elements 32 bytes, the first 32 elements low. */
static void put_nibbles(const uint8_t code[256], uint8_t q[128])
{
	for (int i = 0; i < 128; i++) {
		const uint8_t *first = code + i / 32 * 64 + i % 32;

		q[i] = (uint8_t)((first[0] & 15) | first[32] << 4);
	}
}

void quantize_q4_k(const float *in, uint8_t *block, int64_t n)
{
	const struct search search = {32, 15, -1.05f, 0.2f, 8};

	for (; n > 0; n -= 256, in += 256, block += 144) {
		uint8_t code[256];

		quantize_scale_min_32(in, search, block, code);
		put_nibbles(code, block + 16);
	}
}

void quantize_q5_k(const float *in, uint8_t *block, int64_t n)
{
	const struct search search = {32, 31, -1.05f, 0.2f, 8};

	for (; n > 0; n -= 256, in += 256, block += 176) {
		uint8_t code[256];

		quantize_scale_min_32(in, search, block, code);
		put_nibbles(code, block + 48);
		for (int i = 0; i < 32; i++) {
			int byte = 0;

			for (int sub = 0; sub < 8; sub++) {
				byte |= (code[32 * sub + i] >> 4) << sub;
			}
			block[16 + i] = (uint8_t)byte;
		}
	}
}

/*
 * Fit in[16] by scale * q with -most <= q < most: candidates around the element of largest magnitude
 * being -most. Errors count by the square of the element.
 */
INLINE float fit_scale(const float *in, const int most)
{
	float extreme = extreme_of(in, 16), scale = 0, best = 0;

	for (int c = 0; c < 16 && extreme != 0; c += 2 * WIDTH) {
		lanes inverse[2], xq[2] = {0}, qq[2] = {0};

		for (int v = 0; v < 2; v++) {
			inverse[v] = candidates((float)most - 1.05f, 0.1f, c + v * WIDTH);
		}
		for (int i = 0; i < 16; i++) {
			float x = in[i] / -extreme; /* -1 ... 1 */

			for (int v = 0; v < 2; v++) {
				lanes q = (inverse[v] * x + ROUND) - ROUND, w;

				q = lanes_min(q, lanes_all((float)(most - 1)));
				w = q * (x * x);
				xq[v] += w * x;
				qq[v] += w * q;
			}
		}
		for (int l = 0; l < 2 * WIDTH; l++) {
			float sxq = xq[l / WIDTH][l % WIDTH], sqq = qq[l / WIDTH][l % WIDTH];

			/* the error falls by sxq^2 / sqq */
			if (sqq > 0 && sxq * sxq > best * sqq) {
				best = sxq * sxq / sqq;
				scale = sxq / sqq * -extreme;
			}
		}
	}
	return scale;
}

/*
 * The scales of `count` sub-blocks as multiples -most ... most - 1 of a half, which it returns as it
 * is stored: the one of largest magnitude becomes -most.
 */
static uint16_t quantize_signed_scales(const float *scale, int count, int most, int8_t *multiple)
{
	uint16_t half = f32_to_f16(extreme_of(scale, count) / (float)-most);
	float d = f16_to_f32(half);

	for (int i = 0; i < count; i++) {
		float s = d ? scale[i] / d : 0;

		s = !(s > (float)-most)     ? (float)-most
		    : s > (float)(most - 1) ? (float)(most - 1)
					    : s;
		multiple[i] = (int8_t)lrintf(s);
	}
	return half;
}

/* The codes 0 ... 2 * most - 1 of 16 elements under a stored scale. */
static void signed_codes(const float *in, float scale, int most, uint8_t code[16])
{
	float inverse = scale ? 1 / scale : 0;

	for (int i = 0; i < 16; i++) {
		float q = round_even(in[i] * inverse);

		q = !(q > (float)-most)     ? (float)-most
		    : q > (float)(most - 1) ? (float)(most - 1)
					    : q;
		code[i] = (uint8_t)((int)q + most);
	}
}

static uint16_t quantize_scale_16(
	const float *in, int most, int scale_most, int8_t multiple[16], uint8_t code[256])
{
	float scale[16];
	uint16_t half;

	for (int sub = 0; sub < 16; sub++) {
		scale[sub] = fit_scale(in + 16 * sub, most);
	}
	half = quantize_signed_scales(scale, 16, scale_most, multiple);
	for (int sub = 0; sub < 16; sub++) {
		signed_codes(in + 16 * sub, f16_to_f32(half) * (float)multiple[sub], most,
			code + 16 * sub);
	}
	return half;
}

void quantize_q3_k(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 256, in += 256, block += 110) {
		uint8_t code[256], *scales = block + 96;
		int8_t multiple[16];

		put_u16(block + 108, quantize_scale_16(in, 4, 32, multiple, code));
		memset(scales, 0, 12);
		for (int s = 0; s < 16; s++) {
			int six = multiple[s] + 32;

			scales[s % 8] |= (uint8_t)((six & 15) << s / 8 * 4);
			scales[8 + s % 4] |= (uint8_t)(six >> 4 << s / 4 * 2);
		}
		put_pairs(code, block + 32);
		for (int i = 0; i < 32; i++) {
			int byte = 0;

			for (int j = 0; j < 8; j++) {
				byte |= (code[32 * j + i] >> 2) << j;
			}
			block[i] = (uint8_t)byte;
		}
	}
}

void quantize_q6_k(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 256, in += 256, block += 210) {
		uint8_t code[256];
		int8_t multiple[16];

		put_u16(block + 208, quantize_scale_16(in, 32, 128, multiple, code));
		memcpy(block + 192, multiple, 16);
		for (int i = 0; i < 128; i++) {
			const uint8_t *first = code + i / 64 * 128 + i % 64;

			block[i] = (uint8_t)((first[0] & 15) | first[64] << 4);
		}
		for (int i = 0; i < 256; i++) {
			code[i] >>= 4;
		}
		put_pairs(code, block + 128);
	}
}

/* The nearest of IQ4's values, to which x is scaled. */
static int nearest_iq4(float x)
{
	int at = 0;

	for (int i = 0; i < 15; i++) {
		at += 2 * x > (float)(dtype_iq4_values[i] + dtype_iq4_values[i + 1]);
	}
	return at;
}

/*
 * Candidates around either end of the values being the element of largest magnitude, because -127 and
 * 113 are about as far out. Errors count by the square of the element. Here elements are rounded to
 * an integer first, for a table to say which value is the nearest.
 */
float iq4_fit(const float *in, int n)
{
	float extreme = extreme_of(in, n), scale = 0, best = 0;
	int8_t nearest[2 * 136];

	for (int at = 0; at < 15; at++) {
		int from = dtype_iq4_values[at], to = dtype_iq4_values[at + 1];

		for (int i = at ? from : -136; i < (at < 14 ? to : 136); i++) {
			nearest[136 + i] = (int8_t)(2 * i > from + to ? to : from);
		}
	}
	for (int c = 0; c < 12 && extreme != 0; c++) {
		int end = dtype_iq4_values[c < 6 ? 0 : 15] + 3 * (c % 6) - 6;
		float inverse = (float)end / extreme, sxq = 0, sqq = 0;

		for (int i = 0; i < n; i++) {
			float at = round_even(in[i] * inverse), x = in[i] / extreme, w = x * x;
			float q = nearest[136 + (at > -136 && at < 136 ? (int)at : 0)];

			sxq += w * x * q;
			sqq += w * q * q;
		}
		if (sqq > 0 && sxq * sxq > best * sqq) {
			best = sxq * sxq / sqq;
			scale = sxq / sqq * extreme;
		}
	}
	return scale;
}

void iq4_codes(const float *in, int n, float scale, uint8_t *code)
{
	float inverse = scale != 0 ? 1 / scale : 0;

	for (int i = 0; i < n; i++) {
		code[i] = (uint8_t)nearest_iq4(in[i] * inverse);
	}
}

void quantize_iq4_xs(const float *in, uint8_t *block, int64_t n)
{
	for (; n > 0; n -= 256, in += 256, block += 136) {
		float scale[8];
		int8_t multiple[8];
		uint8_t code[32];
		uint16_t half, high = 0;

		for (int b = 0; b < 8; b++) {
			scale[b] = iq4_fit(in + 32 * b, 32);
		}
		half = quantize_signed_scales(scale, 8, 32, multiple);
		put_u16(block, half);
		memset(block + 4, 0, 4);
		for (int b = 0; b < 8; b++) {
			int six = multiple[b] + 32;

			block[4 + b / 2] |= (uint8_t)((six & 15) << b % 2 * 4);
			high |= (uint16_t)(six >> 4 << 2 * b);
			iq4_codes(in + 32 * b, 32, f16_to_f32(half) * (float)multiple[b], code);
			for (int i = 0; i < 16; i++) {
				block[8 + 16 * b + i] = (uint8_t)(code[i] | code[16 + i] << 4);
			}
		}
		put_u16(block + 2, high);
	}
}
