/*
 * From logits to a token: repetition penalty, temperature, top-k, top-p, min-p, in that order;
 * greedy at temperature 0. The random number is a pure function of (seed, position), so a token
 * does not depend on what was sampled, cached or cancelled before.
 */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct sampling {
	double temperature;    /* 0: greedy */
	int32_t top_k;         /* 0: off */
	double top_p;          /* 1: off (Holtzman et al. 2020) */
	double min_p;          /* 0: off */
	double repeat_penalty; /* 1: off (Keskar et al. 2019); over the last repeat_last tokens */
	int32_t repeat_last;
	uint64_t seed;
};

struct sampler;

struct sampler *sampler_create(int64_t n_vocab); /* NULL without memory */
void sampler_destroy(struct sampler *sampler);

/*
 * The token for `position`, given logits f32 [n_vocab] (not changed) and the tokens before it; only
 * one whose bit is set in `mask`, if that is not NULL: the others are as if they were not there.
 * *logprob, if not NULL, is the log probability of the token under the unmodified softmax. Ties go
 * to the lowest id. UINT32_MAX where the logits are no numbers (NaN, infinity): the engine erred.
 */
uint32_t sampler_pick(struct sampler *sampler, const struct sampling *sampling, const float *logits,
	const uint32_t *history, size_t n_history, int64_t position, const uint64_t *mask,
	double *logprob);

/* log softmax(logits)[id], in double. */
double sampler_logprob(const float *logits, int64_t n_vocab, uint32_t id);

#endif
