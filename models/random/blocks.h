/*
 * Random weights written directly as stored blocks: a billion of them in seconds. Not normal, but
 * of the wanted standard deviation, with scales that differ from block to block.
 */
#ifndef MODELS_RANDOM_BLOCKS_H
#define MODELS_RANDOM_BLOCKS_H

#include "kernels/dtype.h"

#include <stdint.h>

struct blocks {
	enum dtype dtype;
	float scale; /* standard deviation of the weights */
	uint64_t state;
};

void blocks_init(struct blocks *blocks, enum dtype dtype, float scale, uint64_t seed);
/* The next n elements (a multiple of the type's block) to `out`. */
void blocks_fill(struct blocks *blocks, uint8_t *out, int64_t n);

#endif
