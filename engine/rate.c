#include "engine/rate.h"

#include <math.h>
#include <string.h>

/* What a sample weighs once another one has come. */
#define FADE 0.98

/*
 * Least squares in the terms of `set` (bits) alone, by Gaussian elimination; 0 if they cannot be
 * told apart yet, or if one comes out negative.
 */
static int solve(const struct rate *rate, unsigned set, double cost[RATE_TERMS])
{
	double a[RATE_TERMS][RATE_TERMS + 1];
	int term[RATE_TERMS], n = 0;

	for (int i = 0; i < RATE_TERMS; i++) {
		cost[i] = 0;
		if (set & 1u << i) {
			term[n++] = i;
		}
	}
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			a[i][j] = rate->moment[term[i]][term[j]];
		}
		a[i][n] = rate->product[term[i]];
	}
	for (int i = 0; i < n; i++) {
		if (!(a[i][i] > 1e-9 * rate->moment[term[i]][term[i]])) {
			return 0;
		}
		for (int j = i + 1; j < n; j++) {
			double factor = a[j][i] / a[i][i];

			for (int k = i; k <= n; k++) {
				a[j][k] -= factor * a[i][k];
			}
		}
	}
	for (int i = n - 1; i >= 0; i--) {
		double value = a[i][n];

		for (int k = i + 1; k < n; k++) {
			value -= a[i][k] * cost[term[k]];
		}
		cost[term[i]] = value / a[i][i];
		if (!(cost[term[i]] >= 0)) {
			return 0;
		}
	}
	return 1;
}

/* The sum of squared errors, less a constant. */
static double misfit(const struct rate *rate, const double cost[RATE_TERMS])
{
	double sum = 0;

	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			sum += rate->moment[i][j] * cost[i] * cost[j];
		}
		sum -= 2 * rate->product[i] * cost[i];
	}
	return sum;
}

void rate_add(struct rate *rate, int64_t n_tok, double depth_sum, double seconds)
{
	double term[RATE_TERMS], best = INFINITY;

	if (n_tok <= 0 || !(seconds > 0)) {
		return;
	}
	/* Divided by the time, the error is relative. */
	term[0] = 1 / seconds;
	term[1] = (double)n_tok / seconds;
	term[2] = depth_sum / seconds;
	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			rate->moment[i][j] = FADE * rate->moment[i][j] + term[i] * term[j];
		}
		rate->product[i] = FADE * rate->product[i] + term[i];
	}
	rate->n_sample++;
	for (unsigned set = 1; set < 1u << RATE_TERMS; set++) {
		double cost[RATE_TERMS], error;

		if (solve(rate, set, cost) && (error = misfit(rate, cost)) < best) {
			best = error;
			memcpy(rate->cost, cost, sizeof(cost));
		}
	}
}

double rate_predict(const struct rate *rate, int64_t first_pos, int64_t end_pos, int64_t batch_tok)
{
	double n = (double)(end_pos - first_pos);
	double depth_sum = n * ((double)first_pos + (double)end_pos - 1) / 2;
	double n_batch = ceil(n / (double)(batch_tok > 0 ? batch_tok : 1));

	if (rate->n_sample == 0) {
		return -1;
	}
	return n_batch * rate->cost[0] + n * rate->cost[1] + depth_sum * rate->cost[2];
}
