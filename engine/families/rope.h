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

/* Without scaling: base^(-2i / n_rot), n_rot being the number of rotated elements (Su et al. 2021). */
void rope_init(struct rope *rope, double base, int64_t n_rot);

/*
 * Read "<architecture>.rope.*": frequency base, scaling (none; linear: Chen et al. 2023; yarn: Peng
 * et al. 2023, "YaRN"; longrope: Ding et al. 2024, "LongRoPE"), and divide by `factors` [n_freq]
 * where the model has them (Llama 3.1's rope_freqs.weight, one of LongRoPE's two lists; NULL for
 * none, which longrope does not go without). Anything else under "<architecture>.rope." is refused.
 */
int rope_read(struct rope *rope, const struct model *model, int64_t n_rot,
	const struct weight *factors, struct err *err);

#endif
