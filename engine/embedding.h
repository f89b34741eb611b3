/*
 * An embedding: one vector of a prompt, out of the states that a part of the model's program leaves at
 * its positions. The states come batch by batch and are summed up in double, position by position in
 * ascending order: however a prompt was cut into batches, the vector is the same bit for bit.
 */
#ifndef ENGINE_EMBEDDING_H
#define ENGINE_EMBEDDING_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum pooling {
	POOLING_MEAN, /* of the positions that count */
	POOLING_FIRST,
};

/* What a program says of it. */
struct embedding_rule {
	size_t n_op;     /* the program's first so many ops make the states */
	uint32_t buffer; /* ... f32 [row][n] of ROWS_ALL */
	int64_t n;       /* 0: the program has none */
	enum pooling pooling;
	int counts_marks; /* the template's marks are a part of the mean */
	/*
	 * An encoder: sees a text only as a whole, all its rows in one batch, up to whole_tok of them;
	 * has no KV and nothing else to say. Longer texts come in pieces.
	 */
	int is_whole;
	int64_t whole_tok;
};

/* Positions of a prompt. */
struct embedding_run {
	int64_t first_tok, n_tok;
};

/* The sentence for who wants more than vectors of an encoder; returns -1. */
int embedding_refuse_answer(const char *path, struct err *err);

struct embedding; /* of one prompt */

/*
 * runs, ascending and apart, are the positions of the prompt's text; of all its n_tok positions where
 * the rule counts marks. Of an encoder they are the pieces of the text, one behind the other: the
 * vector is the mean of theirs, each of length 1, weighted by their tokens. NULL without memory.
 */
struct embedding *embedding_create(const struct embedding_rule *rule,
	const struct embedding_run *run, size_t n_run, int64_t n_tok);
void embedding_destroy(struct embedding *embedding); /* NULL-safe */

/* Of an encoder: the tokens of the piece that begins at first_pos. */
int64_t embedding_piece_tok(struct embedding *embedding, int64_t first_pos);

/*
 * The states f32 [n_row][n] of positions first_pos ... , which follow those of the call before; of an
 * encoder those of a piece.
 */
void embedding_add(
	struct embedding *embedding, const float *states, int64_t first_pos, int64_t n_row);
/*
 * Of length 1; the embedding's. NULL where nothing counted or the states were no numbers (or zero).
 */
const float *embedding_vector(struct embedding *embedding);

#endif
