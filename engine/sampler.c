#include "engine/sampler.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A candidate further than this below the best one (after the temperature) has a probability under
 * 2^-57 of the best's: beyond the resolution of the random number.
 */
#define NEGLIGIBLE 40.0

struct candidate {
	double weight; /* its probability over the best one's */
	uint32_t id;
};

struct sampler {
	int64_t n_vocab;
	struct candidate *candidate; /* [n_vocab] */
	uint8_t *seen;               /* [n_vocab], all zero between calls */
};

struct sampler *sampler_create(int64_t n_vocab)
{
	struct sampler *sampler = mem_zero(1, sizeof(*sampler));

	sampler->n_vocab = n_vocab;
	sampler->candidate = calloc((size_t)n_vocab, sizeof(*sampler->candidate));
	sampler->seen = calloc((size_t)n_vocab, 1);
	if (!sampler->candidate || !sampler->seen) {
		sampler_destroy(sampler);
		return NULL;
	}
	return sampler;
}

void sampler_destroy(struct sampler *sampler)
{
	if (sampler) {
		free(sampler->candidate);
		free(sampler->seen);
		free(sampler);
	}
}

double sampler_logprob(const float *logits, int64_t n_vocab, uint32_t id)
{
	float max = logits[0];
	double sum = 0;

	for (int64_t i = 1; i < n_vocab; i++) {
		max = logits[i] > max ? logits[i] : max;
	}
	for (int64_t i = 0; i < n_vocab; i++) {
		sum += (double)expf(logits[i] - max);
	}
	return (double)logits[id] - (double)max - log(sum);
}

/* Better first: higher weight, then lower id; a total order. */
static int is_better(const struct candidate *a, const struct candidate *b)
{
	return a->weight > b->weight || (a->weight == b->weight && a->id < b->id);
}

static int compare(const void *a, const void *b)
{
	return is_better(a, b) ? -1 : is_better(b, a);
}

static void swap(struct candidate *a, struct candidate *b)
{
	struct candidate t = *a;

	*a = *b;
	*b = t;
}

/* Hoare's selection: afterwards the k best of c[n] are c[0 ... k-1], in no order. */
static void select_best(struct candidate *c, int64_t n, int64_t k)
{
	int64_t low = 0, high = n - 1;

	while (low < high) {
		struct candidate *mid = &c[low + (high - low) / 2], pivot;
		int64_t i = low, j = high;

		/* The median of three in the middle. */
		if (is_better(mid, &c[low])) {
			swap(mid, &c[low]);
		}
		if (is_better(&c[high], mid)) {
			swap(&c[high], mid);
			if (is_better(mid, &c[low])) {
				swap(mid, &c[low]);
			}
		}
		pivot = *mid;
		while (i <= j) {
			while (is_better(&c[i], &pivot)) {
				i++;
			}
			while (is_better(&pivot, &c[j])) {
				j--;
			}
			if (i <= j) {
				swap(&c[i++], &c[j--]);
			}
		}
		if (k - 1 <= j) {
			high = j;
		} else if (k - 1 >= i) {
			low = i;
		} else {
			return;
		}
	}
}

/* Keskar et al. 2019: a token that was there lately loses, whichever sign its logit has. */
static double penalize(double logit, double penalty)
{
	return logit > 0 ? logit / penalty : logit * penalty;
}

static void mark_history(struct sampler *sampler, const struct sampling *sampling,
	const uint32_t *history, size_t n_history, uint8_t mark)
{
	size_t n = sampling->repeat_last > 0 ? (size_t)sampling->repeat_last : 0;

	if (sampling->repeat_penalty == 1 || sampling->repeat_penalty <= 0) {
		return;
	}
	n = n < n_history ? n : n_history;
	for (size_t i = n_history - n; i < n_history; i++) {
		if (history[i] < sampler->n_vocab) {
			sampler->seen[history[i]] = mark;
		}
	}
}

static int is_allowed(const uint64_t *mask, int64_t id)
{
	return !mask || (mask[id / 64] >> id % 64 & 1);
}

/* The best token after the penalty; UINT32_MAX if any logit is not a number. */
static uint32_t find_best(const struct sampler *sampler, const struct sampling *sampling,
	const float *logits, const uint64_t *mask, double *best_logit)
{
	uint32_t best = UINT32_MAX;
	int is_nan = 0;

	*best_logit = -INFINITY;
	for (int64_t i = 0; i < sampler->n_vocab; i++) {
		double logit = (double)logits[i];

		is_nan |= logits[i] != logits[i];
		if (sampler->seen[i]) {
			logit = penalize(logit, sampling->repeat_penalty);
		}
		if (logit > *best_logit && is_allowed(mask, i)) {
			*best_logit = logit;
			best = (uint32_t)i;
		}
	}
	return is_nan || isinf(*best_logit) ? UINT32_MAX : best;
}

/* Fill the candidates that matter, in ascending id; returns how many. */
static int64_t fill_candidates(struct sampler *sampler, const struct sampling *sampling,
	const float *logits, const uint64_t *mask, double best_logit)
{
	double lowest = best_logit - NEGLIGIBLE * sampling->temperature;
	int64_t n = 0;

	for (int64_t i = 0; i < sampler->n_vocab; i++) {
		double logit = (double)logits[i];

		if (sampler->seen[i]) {
			logit = penalize(logit, sampling->repeat_penalty);
		}
		if (logit >= lowest && is_allowed(mask, i)) {
			sampler->candidate[n].weight =
				exp((logit - best_logit) / sampling->temperature);
			sampler->candidate[n++].id = (uint32_t)i;
		}
	}
	return n;
}

static double sum_weights(const struct candidate *c, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++) {
		sum += c[i].weight;
	}
	return sum;
}

/*
 * The smallest set of best candidates that holds top_p of the probability, sorted. Only as many as
 * are needed are ever sorted.
 */
static int64_t keep_top_p(struct candidate *c, int64_t n, double top_p)
{
	double wanted = top_p * sum_weights(c, n);

	for (int64_t k = 64;; k *= 4) {
		double sum = 0;

		if (k < n) {
			select_best(c, n, k);
		} else {
			k = n;
		}
		qsort(c, (size_t)k, sizeof(*c), compare);
		for (int64_t i = 0; i < k; i++) {
			sum += c[i].weight;
			if (sum >= wanted) {
				return i + 1;
			}
		}
		if (k == n) {
			return n;
		}
	}
}

/* Nguyen et al. 2024: at least min_p of the best one's probability. Keeps the order. */
static int64_t keep_min_p(struct candidate *c, int64_t n, double min_p)
{
	int64_t kept = 0;

	for (int64_t i = 0; i < n; i++) {
		if (c[i].weight >= min_p) {
			c[kept++] = c[i];
		}
	}
	return kept;
}

static uint32_t draw(const struct candidate *c, int64_t n, double random)
{
	double left = random * sum_weights(c, n);

	for (int64_t i = 0; i < n - 1; i++) {
		left -= c[i].weight;
		if (left < 0) {
			return c[i].id;
		}
	}
	return c[n - 1].id;
}

static uint32_t pick(struct sampler *sampler, const struct sampling *sampling, const float *logits,
	const uint64_t *mask, int64_t position)
{
	struct candidate *c = sampler->candidate;
	double best_logit;
	uint32_t best = find_best(sampler, sampling, logits, mask, &best_logit);
	int64_t n;

	if (best == UINT32_MAX || !(sampling->temperature > 0)) {
		return best;
	}
	n = fill_candidates(sampler, sampling, logits, mask, best_logit);
	if (sampling->top_k > 0 && sampling->top_k < n) {
		select_best(c, n, sampling->top_k);
		n = sampling->top_k;
		qsort(c, (size_t)n, sizeof(*c), compare);
	}
	if (sampling->top_p < 1) {
		n = keep_top_p(c, n, sampling->top_p);
	}
	if (sampling->min_p > 0) {
		n = keep_min_p(c, n, fmin(sampling->min_p, 1));
	}
	return draw(c, n, rng_uniform(sampling->seed, (uint64_t)position));
}

uint32_t sampler_pick(struct sampler *sampler, const struct sampling *sampling, const float *logits,
	const uint32_t *history, size_t n_history, int64_t position, const uint64_t *mask,
	double *logprob)
{
	uint32_t id;

	mark_history(sampler, sampling, history, n_history, 1);
	id = pick(sampler, sampling, logits, mask, position);
	mark_history(sampler, sampling, history, n_history, 0);
	if (logprob && id != UINT32_MAX) {
		*logprob = sampler_logprob(logits, sampler->n_vocab, id);
	}
	return id;
}
