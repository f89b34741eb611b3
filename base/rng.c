#include "base/rng.h"

#include <math.h>

void rng_philox(uint64_t seed, uint64_t counter, uint32_t out[4])
{
	uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xd2511f53 * c[0];
		uint64_t p1 = (uint64_t)0xcd9e8d57 * c[2];
		uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
		uint32_t n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;

		c[0] = n0;
		c[1] = (uint32_t)p1;
		c[2] = n2;
		c[3] = (uint32_t)p0;
		k0 += 0x9e3779b9;
		k1 += 0xbb67ae85;
	}
	for (int i = 0; i < 4; i++) {
		out[i] = c[i];
	}
}

static double to_unit(uint32_t high, uint32_t low)
{
	return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double rng_uniform(uint64_t seed, uint64_t counter)
{
	uint32_t r[4];

	rng_philox(seed, counter, r);
	return to_unit(r[0], r[1]);
}

double rng_normal(uint64_t seed, uint64_t counter)
{
	uint32_t r[4];

	rng_philox(seed, counter, r);
	return sqrt(-2 * log(1 - to_unit(r[0], r[1]))) * cos(2 * M_PI * to_unit(r[2], r[3]));
}
