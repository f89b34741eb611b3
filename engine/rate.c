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
#define FADE 0.97

#define FILE_MAX_BYTES 4096

/*
 * Least squares in the terms of `set` (bits) alone, by Gaussian elimination; 0 if they cannot be
 * told apart yet, or if one comes out negative.
 */
static int solve(const struct rate_fit *fit, unsigned set, double cost[RATE_TERMS])
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
			a[i][j] = fit->moment[term[i]][term[j]];
		}
		a[i][n] = fit->product[term[i]];
	}
	for (int i = 0; i < n; i++) {
		if (!(a[i][i] > 1e-9 * fit->moment[term[i]][term[i]])) {
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
static double misfit(const struct rate_fit *fit, const double cost[RATE_TERMS])
{
	double sum = 0;

	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			sum += fit->moment[i][j] * cost[i] * cost[j];
		}
		sum -= 2 * fit->product[i] * cost[i];
	}
	return sum;
}

static void solve_best(struct rate_fit *fit)
{
	/* While batches are of one size, what they cost is taken to be for their tokens. */
	static const unsigned sets[] = {2, 6, 3, 7, 4, 5, 1};
	double best = INFINITY;

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		double cost[RATE_TERMS], error;

		if (!solve(fit, sets[i], cost)) {
			continue;
		}
		error = misfit(fit, cost);
		if (best == INFINITY || error < best - 1e-9 * fabs(best)) {
			best = error;
			memcpy(fit->cost, cost, sizeof(cost));
		}
	}
}

/*
 * How far what was measured reaches: to batches that are so many times as wide, and as deep. From
 * DEEP_TOK on attention has its share of every batch, so that its cost is known at any depth.
 */
enum { REACH = 4, DEEP_TOK = 4096 };

static int is_in_reach(const struct rate_fit *fit, int64_t n_tok, int64_t end_pos)
{
	return fit->n_sample && n_tok <= REACH * fit->widest_tok &&
	       (end_pos <= REACH * fit->deepest_tok || fit->deepest_tok >= DEEP_TOK);
}

static void add_sample(struct rate_fit *fit, int64_t n_tok, double depth_sum, double seconds)
{
	/* Divided by the time, the error is relative. */
	const double term[RATE_TERMS] = {1 / seconds, (double)n_tok / seconds, depth_sum / seconds};
	/* As if they were all of one sequence. */
	const int64_t last_pos = (int64_t)(depth_sum / (double)n_tok) + n_tok / 2;

	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			fit->moment[i][j] = FADE * fit->moment[i][j] + term[i] * term[j];
		}
		fit->product[i] = FADE * fit->product[i] + term[i];
	}
	fit->n_sample++;
	fit->widest_tok = n_tok > fit->widest_tok ? n_tok : fit->widest_tok;
	fit->deepest_tok = last_pos > fit->deepest_tok ? last_pos : fit->deepest_tok;
	solve_best(fit);
}

void rate_add(struct rate *rate, int64_t n_tok, double depth_sum, double seconds)
{
	if (n_tok > 0 && seconds > 0) {
		add_sample(n_tok == 1 ? &rate->one : &rate->many, n_tok, depth_sum, seconds);
	}
}

void rate_add_embedding(struct rate *rate, int64_t n_tok, double seconds)
{
	if (n_tok > 0 && seconds > 0) {
		rate->embed_tok = FADE * rate->embed_tok + (double)n_tok;
		rate->embed_s = FADE * rate->embed_s + seconds;
	}
}

double rate_embed_tok_per_s(const struct rate *rate)
{
	return rate->embed_s > 0 ? rate->embed_tok / rate->embed_s : 0;
}

double rate_predict(const struct rate *rate, int64_t first_pos, int64_t end_pos, int64_t batch_tok)
{
	int64_t n_tok = end_pos - first_pos, widest_tok = batch_tok > 0 ? batch_tok : 1;
	double n = (double)n_tok;
	double depth_sum = n * ((double)first_pos + (double)end_pos - 1) / 2;
	double n_batch = ceil(n / (double)widest_tok);
	const struct rate_fit *fit = n_tok == 1 ? &rate->one : &rate->many;

	if (!fit->n_sample) {
		fit = fit == &rate->one ? &rate->many : &rate->one;
	}
	if (!is_in_reach(fit, n_tok < widest_tok ? n_tok : widest_tok, end_pos)) {
		return -1;
	}
	return n_batch * fit->cost[0] + n * fit->cost[1] + depth_sum * fit->cost[2];
}

/* ---- from run to run ---- */

static void write_fit(const struct rate_fit *fit, struct buf *out)
{
	buf_printf(out, "samples %lld %lld %lld\n", (long long)fit->n_sample,
		(long long)fit->widest_tok, (long long)fit->deepest_tok);
	for (int i = 0; i < RATE_TERMS; i++) {
		buf_printf(out, "sums %a %a %a %a\n", fit->moment[i][0], fit->moment[i][1],
			fit->moment[i][2], fit->product[i]);
	}
}

static const char head[] = "carrel rates 3\n";

/* Digit for digit, and a checksum of the text before it. */
static void write_text(const struct rate *rate, struct buf *out)
{
	struct sha256_digest sum;
	char hex[65];

	buf_addstr(out, head);
	write_fit(&rate->one, out);
	write_fit(&rate->many, out);
	buf_printf(out, "link %a %a\n", rate->memory_bytes_per_s, rate->disk_bytes_per_s);
	buf_printf(out, "embed %a %a\n", rate->embed_tok, rate->embed_s);
	sum = sha256_of(out->data, out->len);
	sha256_hex(&sum, hex);
	buf_printf(out, "sha256 %s\n", hex);
}

/* Returns what is behind it; NULL where it is none. */
static const char *read_fit(struct rate_fit *fit, const char *text)
{
	long long n_sample, widest_tok, deepest_tok;
	int used = 0;

	if (sscanf(text, "samples %18lld %15lld %15lld\n%n", &n_sample, &widest_tok, &deepest_tok,
		    &used) != 3 ||
		!used || n_sample < 0 || widest_tok < 0 || deepest_tok < 0) {
		return NULL;
	}
	text += used;
	fit->n_sample = n_sample;
	fit->widest_tok = widest_tok;
	fit->deepest_tok = deepest_tok;
	for (int i = 0; i < RATE_TERMS; i++, text += used) {
		used = 0;
		if (sscanf(text, "sums %la %la %la %la\n%n", &fit->moment[i][0], &fit->moment[i][1],
			    &fit->moment[i][2], &fit->product[i], &used) != RATE_TERMS + 1 ||
			!used) {
			return NULL;
		}
	}
	solve_best(fit);
	return text;
}

static int is_rate(double value)
{
	return isfinite(value) && value >= 0;
}

/* Sums of squares and products of what is positive; what is fitted to them is used as it comes out. */
static int is_sound(const struct rate_fit *fit)
{
	for (int i = 0; i < RATE_TERMS; i++) {
		for (int j = 0; j < RATE_TERMS; j++) {
			if (!is_rate(fit->moment[i][j]) || fit->moment[i][j] != fit->moment[j][i]) {
				return 0;
			}
		}
		if (!is_rate(fit->product[i]) || !is_rate(fit->cost[i])) {
			return 0;
		}
	}
	return 1;
}

/* `text` is terminated. The only text that is believed is the one that we would write. */
static int read_text(struct rate *rate, const char *whole, size_t len)
{
	const char *text = whole;
	struct buf again = BUF_INIT;
	int is_same;

	if (strncmp(text, head, strlen(head)) != 0 ||
		!(text = read_fit(&rate->one, text + strlen(head))) ||
		!(text = read_fit(&rate->many, text)) ||
		sscanf(text, "link %la %la embed %la %la", &rate->memory_bytes_per_s,
			&rate->disk_bytes_per_s, &rate->embed_tok, &rate->embed_s) != 4 ||
		!is_sound(&rate->one) || !is_sound(&rate->many) ||
		!is_rate(rate->memory_bytes_per_s) || !is_rate(rate->disk_bytes_per_s) ||
		!is_rate(rate->embed_tok) || !is_rate(rate->embed_s) ||
		!is_rate(rate_embed_tok_per_s(rate))) {
		return -1;
	}
	write_text(rate, &again);
	is_same = len == again.len && memcmp(whole, again.data, len) == 0;
	buf_finish(&again);
	return is_same ? 0 : -1;
}

int rate_parse(struct rate *rate, const char *text, size_t len)
{
	char *copy = mem_strndup(text, len); /* ends where a NUL is: then it is not the same */
	int result;

	*rate = (struct rate){0};
	result = read_text(rate, copy, len);
	free(copy);
	if (result < 0) {
		*rate = (struct rate){0};
	}
	return result;
}

int rate_load(struct rate *rate, const char *path)
{
	struct buf text = BUF_INIT;
	int result = file_read(&text, path, FILE_MAX_BYTES, NULL);

	*rate = (struct rate){0};
	if (result == 0) {
		result = rate_parse(rate, buf_str(&text), text.len);
	}
	buf_finish(&text);
	return result < 0 ? -1 : 0;
}

int rate_save(const struct rate *rate, const char *path)
{
	char *temporary = mem_printf("%s.XXXXXX", path);
	int fd = mkstemp(temporary), is_whole = 0;
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
