#include "engine/embedding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct embedding {
	int64_t n;
	int is_whole, is_first;
	size_t n_run, at; /* the runs before `at` have been passed */
	struct embedding_run *run;
	double *sum;  /* [n] */
	double *mean; /* [n], of a piece */
	float *value; /* [n] */
};

int embedding_refuse_answer(const char *path, struct err *err)
{
	return err_set(err, ERR_ENGINE, path,
		"answer with another model (-m), and name this one with --embed",
		"is an embedding model, which finds texts and writes none");
}

struct embedding *embedding_create(const struct embedding_rule *rule,
	const struct embedding_run *run, size_t n_run, int64_t n_tok)
{
	const struct embedding_run all = {0, rule->pooling == POOLING_FIRST ? 1 : n_tok};
	struct embedding *embedding = calloc(1, sizeof(*embedding));

	if (!embedding) {
		return NULL;
	}
	if (!rule->is_whole && (rule->counts_marks || rule->pooling == POOLING_FIRST)) {
		run = &all;
		n_run = 1;
	}
	embedding->n = rule->n;
	embedding->is_whole = rule->is_whole;
	embedding->is_first = rule->pooling == POOLING_FIRST;
	embedding->n_run = n_run;
	embedding->run = calloc(n_run ? n_run : 1, sizeof(*run));
	embedding->sum = calloc((size_t)rule->n, sizeof(*embedding->sum));
	embedding->mean = calloc((size_t)rule->n, sizeof(*embedding->mean));
	embedding->value = calloc((size_t)rule->n, sizeof(*embedding->value));
	if (!embedding->run || !embedding->sum || !embedding->mean || !embedding->value) {
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
		free(embedding->mean);
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

int64_t embedding_piece_tok(struct embedding *embedding, int64_t first_pos)
{
	return counts(embedding, first_pos) ? embedding->run[embedding->at].n_tok : 0;
}

static double square_of(const double *x, int64_t n)
{
	double square = 0;

	for (int64_t i = 0; i < n; i++) {
		square += x[i] * x[i];
	}
	return square;
}

/* A piece without a direction makes the whole NaN, which embedding_vector() refuses. */
static void add_piece(struct embedding *embedding, const float *states, int64_t n_row)
{
	int64_t n = embedding->n;
	double *mean = embedding->mean, weight;

	memset(mean, 0, (size_t)n * sizeof(*mean));
	for (int64_t row = 0; row < (embedding->is_first ? 1 : n_row); row++) {
		for (int64_t i = 0; i < n; i++) {
			mean[i] += (double)states[row * n + i];
		}
	}
	weight = (double)n_row / sqrt(square_of(mean, n));
	for (int64_t i = 0; i < n; i++) {
		embedding->sum[i] += mean[i] * weight;
	}
}

void embedding_add(
	struct embedding *embedding, const float *states, int64_t first_pos, int64_t n_row)
{
	if (embedding->is_whole) {
		add_piece(embedding, states, n_row);
		return;
	}
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
	double square = square_of(embedding->sum, embedding->n), scale;

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
