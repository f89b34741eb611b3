/*
 * IEEE 754 half precision in memory, in plain arithmetic that compilers make vectors of: 11 bits of
 * each number, whatever the others are.
 */
#ifndef BASE_F16_H
#define BASE_F16_H

#include <stdint.h>
#include <string.h>

/* Of a finite number below 65520, to the nearest; ties to even. */
static inline uint16_t f16_from(float value)
{
	float scaled = value * 0x1p-112f; /* the exponents of both begin at the same place */
	uint32_t bits;

	memcpy(&bits, &scaled, sizeof(bits));
	return (uint16_t)((bits >> 16 & 0x8000) |
			  ((bits & 0x7fffffff) + 0xfff + (bits >> 13 & 1)) >> 13);
}

/* Of a finite one. */
static inline float f16_to(uint16_t half)
{
	uint32_t bits = (uint32_t)(half & 0x8000) << 16 | (uint32_t)(half & 0x7fff) << 13;
	float scaled;

	memcpy(&scaled, &bits, sizeof(scaled));
	return scaled * 0x1p112f;
}

#endif
