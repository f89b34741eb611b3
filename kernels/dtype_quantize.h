/* What the files of dtype_quantize() share. */
#ifndef KERNELS_DTYPE_QUANTIZE_H
#define KERNELS_DTYPE_QUANTIZE_H

#include "kernels/dtype.h"

/* Blocks of 256 elements (dtype_quantize_k.c): n is a multiple of 256. */
void quantize_q2_k(const float *in, uint8_t *block, int64_t n);
void quantize_q3_k(const float *in, uint8_t *block, int64_t n);
void quantize_q4_k(const float *in, uint8_t *block, int64_t n);
void quantize_q5_k(const float *in, uint8_t *block, int64_t n);
void quantize_q6_k(const float *in, uint8_t *block, int64_t n);
void quantize_iq4_xs(const float *in, uint8_t *block, int64_t n);

/* The scale that fits n elements best in IQ4's values, and their codes under a scale. */
float iq4_fit(const float *in, int n);
void iq4_codes(const float *in, int n, float scale, uint8_t *code);

static inline void put_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline int clamp_int(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

/* The element of largest magnitude, with its sign; the first of several. */
static inline float extreme_of(const float *in, int n)
{
	float extreme = 0, magnitude = 0;

	for (int i = 0; i < n; i++) {
		float size = in[i] < 0 ? -in[i] : in[i];

		extreme = size > magnitude ? in[i] : extreme;
		magnitude = size > magnitude ? size : magnitude;
	}
	return extreme;
}

#endif
