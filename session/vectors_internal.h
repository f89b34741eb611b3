/* What the parts of vectors share: vectors.c (what there is, and ranking) and vectors_make.c (making). */
#ifndef SESSION_VECTORS_INTERNAL_H
#define SESSION_VECTORS_INTERNAL_H

#include "session/vectors.h"
#include "session/vectors_file.h"

struct vectors {
	const struct library *library;
	struct engine *embedder;
	char *folder; /* NULL: in memory */
	struct vectors_model model;
	size_t n, n_chunk, n_missing;
	struct sha256_digest *key; /* [n_chunk], of what is embedded */
	size_t *order;             /* [n_chunk]: chunks by key, then by number */
	unsigned char *has;        /* [n_chunk] */
	uint16_t *value;           /* f16 [n_chunk][n] */
	int64_t missing_tok;       /* of the chunks that have none */
	int64_t n_row;             /* of the file */

	/* Of those that are there; n_ranked says how many these were. */
	size_t n_ranked;
	float *mean;   /* [n] */
	float *length; /* [n_chunk]: of what is left of each without the mean */
};

/* Where in the order a key begins, or would. */
size_t vectors_find(const struct vectors *vectors, const struct sha256_digest *key);
/* What is embedded of a chunk. */
void vectors_chunk_text(const struct vectors *vectors, size_t chunk, struct buf *out);
/* A vector has come: of the chunk, and of others with the same text. */
void vectors_take(struct vectors *vectors, const struct sha256_digest *key, const uint16_t *value);

/*
 * The vector of a question, f32 [n] of length 1. One that is longer than the model reads at once is read
 * in pieces.
 */
int vectors_embed_question(struct vectors *vectors, const char *question, size_t len,
	const struct session_watch *watch, float *out, struct err *err);

#endif
