/*
 * How fast this machine is: measured times of batches, and a prediction from them. A batch of n
 * tokens at depths d1 ... dn is taken to cost
 *
 *   fixed + n * per_tok + (d1 + ... + dn) * per_depth
 *
 * fitted by least squares of the relative error; the past fades. Batches of one token are a fit of
 * their own: they wait for memory where others compute, and a long answer, which is nothing but
 * them, tells nothing about reading.
 */
#ifndef ENGINE_RATE_H
#define ENGINE_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_TERMS 3

struct rate_fit {
	double moment[RATE_TERMS][RATE_TERMS]; /* of the weighted terms */
	double product[RATE_TERMS];            /* of the terms and the time */
	double cost[RATE_TERMS];               /* fitted, seconds, none negative */
	int64_t n_sample;
	int64_t widest_tok, deepest_tok; /* most tokens of a batch, and the position of the last */
};

struct rate {
	struct rate_fit one, many; /* batches of one token, and of more */
	/* Of reading pages from disk: kv_disk_rates(), kept with the others. */
	double memory_bytes_per_s, disk_bytes_per_s;
	double embed_tok, embed_s; /* of embeddings: tokens and their time, the past fading */
};

/*
 * Kept from run to run in a small text file; one that is damaged in any way is as good as none (-1,
 * and *rate is empty). A file that is there is replaced only by a whole one.
 */
int rate_load(struct rate *rate, const char *path);
int rate_save(const struct rate *rate, const char *path);
/* The same of text in memory. */
int rate_parse(struct rate *rate, const char *text, size_t len);

/* A batch of n tokens of embeddings took this long. */
void rate_add_embedding(struct rate *rate, int64_t n_tok, double seconds);
/* 0: nothing was measured. */
double rate_embed_tok_per_s(const struct rate *rate);

/* A batch of n tokens, depth_sum = d1 + ... + dn, took this long. */
void rate_add(struct rate *rate, int64_t n_tok, double depth_sum, double seconds);

/*
 * Seconds for tokens first_pos ... end_pos-1 of one sequence in batches of batch_tok; negative
 * while nothing was measured that is like it: a few short questions tell nothing about a book.
 */
double rate_predict(const struct rate *rate, int64_t first_pos, int64_t end_pos, int64_t batch_tok);

#endif
