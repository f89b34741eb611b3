#include "engine/embedding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct embedding {
	int64_t n;
	size_t n_run, at; /* the runs before `at` have been passed */
	struct embedding_run *run;
	double *sum;  /* [n] */
	float *value; /* [n] */
};

struct embedding *embedding_create(const struct embedding_rule *rule,
	const struct embedding_run *run, size_t n_run, int64_t n_tok)
{
	const struct embedding_run all = {0, rule->pooling == POOLING_FIRST ? 1 : n_tok};
	struct embedding *embedding = calloc(1, sizeof(*embedding));

	if (!embedding) {
		return NULL;
	}
	if (rule->counts_marks || rule->pooling == POOLING_FIRST) {
		run = &all;
		n_run = 1;
	}
	embedding->n = rule->n;
	embedding->n_run = n_run;
	embedding->run = calloc(n_run ? n_run : 1, sizeof(*run));
	embedding->sum = calloc((size_t)rule->n, sizeof(*embedding->sum));
	embedding->value = calloc((size_t)rule->n, sizeof(*embedding->value));
	if (!embedding->run || !embedding->sum || !embedding->value) {
		embedding_destroy(embedding);
		return NULL;
	}
	if (n_run) {
		memcpy(embedding->run, run, n_run * sizeof(*run));
	}
	return embedding;
}

void embedding_destroy(struct embedding *embedding)
{
	if (embedding) {
		free(embedding->run);
		free(embedding->sum);
		free(embedding->value);
		free(embedding);
	}
}

static int counts(struct embedding *embedding, int64_t pos)
{
	while (embedding->at < embedding->n_run) {
		const struct embedding_run *run = &embedding->run[embedding->at];

		if (pos < run->first_tok + run->n_tok) {
			return pos >= run->first_tok;
		}
		embedding->at++;
	}
	return 0;
}

void embedding_add(
	struct embedding *embedding, const float *states, int64_t first_pos, int64_t n_row)
{
	for (int64_t row = 0; row < n_row; row++) {
		const float *state = states + row * embedding->n;

		if (counts(embedding, first_pos + row)) {
			for (int64_t i = 0; i < embedding->n; i++) {
				embedding->sum[i] += (double)state[i];
			}
		}
	}
}

const float *embedding_vector(struct embedding *embedding)
{
	double square = 0, scale;

	for (int64_t i = 0; i < embedding->n; i++) {
		square += embedding->sum[i] * embedding->sum[i];
	}
	/* The length takes the number of positions with it: a mean is a sum of another length. */
	scale = 1 / sqrt(square);
	if (!(square > 0) || !isfinite(square) || !isfinite(scale)) {
		return NULL;
	}
	for (int64_t i = 0; i < embedding->n; i++) {
		embedding->value[i] = (float)(embedding->sum[i] * scale);
	}
	return embedding->value;
}
