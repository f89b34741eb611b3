/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC'11). A number is a pure function of (seed, counter), so a token sampled at a
 * position does not depend on what was computed before.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

/* Four 32-bit words for this seed and counter. */
void rng_philox(uint64_t seed, uint64_t counter, uint32_t out[4]);
/* Uniform in [0, 1) with 53 bits. */
double rng_uniform(uint64_t seed, uint64_t counter);
/* Standard normal. */
double rng_normal(uint64_t seed, uint64_t counter);

#endif
