/* Logits that an independent program made (a .npy file), and how far ours are from them. */
#ifndef TESTS_UNIT_GOLDEN_LOGITS_H
#define TESTS_UNIT_GOLDEN_LOGITS_H

#include "base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
	int64_t n_row, n_vocab;
	float *logits; /* [n_row][n_vocab] */
};

/* rms and max are over the standard deviation of the golden logits; KL and top-1 by row. */
struct golden_difference {
	double rms, max, kl, top1;
};

static inline _Noreturn void golden_fail(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	abort();
}

/* Version 1 of the format, float32 in C order with two dimensions. */
static inline void golden_read(struct golden *golden, const char *path)
{
	static const char dtype[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
	long long n_row, n_vocab;
	char header[256] = {0};
	uint8_t head[10];
	size_t len, count;
	FILE *file = fopen(path, "rb");

	if (!file || fread(head, 1, sizeof(head), file) != sizeof(head) ||
		memcmp("\x93NUMPY\x01", head, 7) != 0) {
		golden_fail(path, "is not a .npy file");
	}
	len = head[8] + 256u * head[9];
	if (len >= sizeof(header) || fread(header, 1, len, file) != len ||
		strncmp(header, dtype, strlen(dtype)) != 0 ||
		sscanf(header + strlen(dtype), "%lld, %lld)", &n_row, &n_vocab) != 2) {
		golden_fail(path, "is not a matrix of float32");
	}
	golden->n_row = n_row;
	golden->n_vocab = n_vocab;
	count = (size_t)(n_row * n_vocab);
	golden->logits = mem_alloc(count * sizeof(float));
	if (fread(golden->logits, sizeof(float), count, file) != count) {
		golden_fail(path, "is too short");
	}
	fclose(file);
}

static inline void golden_finish(struct golden *golden)
{
	free(golden->logits);
}

static inline double golden_log_sum(const float *row, int64_t n)
{
	double max = -INFINITY, sum = 0;

	for (int64_t i = 0; i < n; i++) {
		max = fmax(max, (double)row[i]);
	}
	for (int64_t i = 0; i < n; i++) {
		sum += exp((double)row[i] - max);
	}
	return max + log(sum);
}

static inline int64_t golden_best(const float *row, int64_t n)
{
	int64_t best = 0;

	for (int64_t i = 1; i < n; i++) {
		best = row[i] > row[best] ? i : best;
	}
	return best;
}

/* got [n_row][n_vocab]; what is not finite makes every figure NaN, which no bar admits. */
static inline struct golden_difference golden_compare(const struct golden *golden, const float *got)
{
	int64_t n_row = golden->n_row, n_vocab = golden->n_vocab;
	struct golden_difference d = {0};
	double mean = 0, square = 0, error = 0, n = (double)(n_row * n_vocab), std;
	const float *want = golden->logits;

	for (int64_t i = 0; i < n_row * n_vocab; i++) {
		double e = fabs((double)got[i] - (double)want[i]);

		mean += (double)want[i] / n;
		square += (double)want[i] * (double)want[i] / n;
		error += e * e / n;
		d.max = fmax(d.max, e);
	}
	std = sqrt(square - mean * mean);
	d.rms = sqrt(error) / std;
	d.max /= std;
	for (int64_t t = 0; t < n_row; t++, got += n_vocab, want += n_vocab) {
		double got_sum = golden_log_sum(got, n_vocab);
		double want_sum = golden_log_sum(want, n_vocab);

		for (int64_t i = 0; i < n_vocab; i++) {
			double p = (double)want[i] - want_sum;

			d.kl += exp(p) * (p - ((double)got[i] - got_sum)) / (double)n_row;
		}
		d.top1 += (double)(golden_best(got, n_vocab) == golden_best(want, n_vocab)) /
			  (double)n_row;
	}
	return d;
}

#endif
