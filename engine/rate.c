#include "engine/rate.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a sample weighs once another one has come. */
#define FADE 0.98

#define FILE_MAX_BYTES 4096

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

static void fit(struct rate *rate)
{
	double best = INFINITY;

	for (unsigned set = 1; set < 1u << RATE_TERMS; set++) {
		double cost[RATE_TERMS], error;

		if (solve(rate, set, cost) && (error = misfit(rate, cost)) < best) {
			best = error;
			memcpy(rate->cost, cost, sizeof(cost));
		}
	}
}

void rate_add(struct rate *rate, int64_t n_tok, double depth_sum, double seconds)
{
	double term[RATE_TERMS];

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
	fit(rate);
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

/* ---- from run to run ---- */

/* The sums, digit for digit, and a checksum of the text before it. */
static void write_text(const struct rate *rate, struct buf *out)
{
	struct sha256_digest sum;
	char hex[65];

	buf_printf(out, "carrel rates 1\nsamples %lld\n", (long long)rate->n_sample);
	for (int i = 0; i < RATE_TERMS; i++) {
		buf_printf(out, "sums %a %a %a %a\n", rate->moment[i][0], rate->moment[i][1],
			rate->moment[i][2], rate->product[i]);
	}
	sum = sha256_of(out->data, out->len);
	sha256_hex(&sum, hex);
	buf_printf(out, "sha256 %s\n", hex);
}

static int read_text(struct rate *rate, const char *text)
{
	long long n_sample;
	int n = 0, used;

	if (sscanf(text, "carrel rates 1\nsamples %18lld\n%n", &n_sample, &n) != 1 || !n ||
		n_sample <= 0) {
		return -1;
	}
	rate->n_sample = n_sample;
	for (int i = 0; i < RATE_TERMS; i++, n += used) {
		used = 0;
		if (sscanf(text + n, "sums %la %la %la %la\n%n", &rate->moment[i][0],
			    &rate->moment[i][1], &rate->moment[i][2], &rate->product[i],
			    &used) != RATE_TERMS + 1 ||
			!used) {
			return -1;
		}
	}
	return 0;
}

/* Sums of squares and products of what is positive; what is fitted to them is used as it comes out. */
static int is_sound(const struct rate *rate)
{
	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			if (!isfinite(rate->moment[i][j]) || rate->moment[i][j] < 0 ||
				rate->moment[i][j] != rate->moment[j][i]) {
				return 0;
			}
		}
		if (!isfinite(rate->product[i]) || rate->product[i] < 0 ||
			!isfinite(rate->cost[i]) || rate->cost[i] < 0) {
			return 0;
		}
	}
	return 1;
}

int rate_load(struct rate *rate, const char *path)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	int is_whole = 0;

	*rate = (struct rate){0};
	if (file_read(&text, path, FILE_MAX_BYTES, NULL) == 0 &&
		read_text(rate, buf_str(&text)) == 0) {
		/* The only text that is believed is the one that we would write. */
		write_text(rate, &again);
		fit(rate);
		is_whole = text.len == again.len && memcmp(text.data, again.data, text.len) == 0 &&
			   is_sound(rate);
	}
	buf_finish(&text);
	buf_finish(&again);
	if (!is_whole) {
		*rate = (struct rate){0};
	}
	return is_whole ? 0 : -1;
}

int rate_save(const struct rate *rate, const char *path)
{
	char *temporary = mem_printf("%s.XXXXXX", path);
	int fd = rate->n_sample ? mkstemp(temporary) : -1, is_whole = 0;
	struct buf text = BUF_INIT;

	if (fd >= 0) {
		write_text(rate, &text);
		is_whole = write(fd, text.data, text.len) == (ssize_t)text.len;
		is_whole = close(fd) == 0 && is_whole && rename(temporary, path) == 0;
		if (!is_whole) {
			unlink(temporary);
		}
	}
	buf_finish(&text);
	free(temporary);
	return is_whole ? 0 : -1;
}
