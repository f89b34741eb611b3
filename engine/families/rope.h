/*
 * Rotary embedding, as GGUF describes it: the inverse frequencies of a model after its scaling, in
 * double, and the magnitude that multiplies cosine and sine.
 */
#ifndef ENGINE_FAMILIES_ROPE_H
#define ENGINE_FAMILIES_ROPE_H

#include "base/err.h"

#include <stdint.h>

struct model;
struct weight;

/* Bounds on what a file may ask for; far outside of anything that was ever trained. */
#define ROPE_MAX_FREQ 512

struct rope {
	int64_t n_freq; /* half of the rotated elements of a head */
	double inv_freq[ROPE_MAX_FREQ];
	float magnitude;
};

/*
 * Read "<architecture>.rope.*": frequency base, scaling (none; linear: Chen et al. 2023; yarn: Peng
 * et al. 2023, "YaRN"), and divide by `factors` [n_freq] where the model has them (Llama 3.1's
 * rope_freqs.weight; NULL for none). n_rot is the number of rotated elements.
 */
int rope_read(struct rope *rope, const struct model *model, int64_t n_rot,
	const struct weight *factors, struct err *err);

#endif
