/*
 * A program: the flat list of ops that takes a batch of tokens to logits, with the buffers it works
 * in. A model family emits it once from the hyperparameters; a backend executes it.
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include "base/err.h"
#include "base/sha256.h"
#include "engine/embedding.h"
#include "kernels/ops.h"

#include <stddef.h>
#include <stdint.h>

struct model;
struct weight;

enum buffer_kind {
	BUFFER_FILE_WEIGHT, /* as it lies in the model file (embedding table, norm vectors) */
	BUFFER_PACKED,      /* a weight matrix in the backend's packed layout */
	BUFFER_CONSTANT,    /* bytes computed by the family (inverse frequencies) */
	BUFFER_ROWS,        /* scratch: row_bytes for each row of the batch */
	BUFFER_ACT,         /* scratch: packed activations, act_type x k */
	BUFFER_LOGITS,      /* f32 [n_out][n_vocab]: the result */
};

struct buffer_desc {
	enum buffer_kind kind;
	enum op_rows rows;           /* of BUFFER_ROWS and BUFFER_ACT */
	const struct weight *weight; /* BUFFER_PACKED: owned by the program, else the model's */
	void *constant;              /* owned by the program */
	int64_t constant_bytes;
	int64_t row_bytes;
	int lora_slot; /* of BUFFER_ROWS: emit_matmul()'s own, else 0 */
	enum act_type act_type;
	int64_t act_k;
};

struct program {
	struct op *op;
	size_t n_op, cap_op;
	struct buffer_desc *buffer; /* by handle */
	size_t n_buffer, cap_buffer;
	uint32_t logits;                 /* handle of the BUFFER_LOGITS */
	struct embedding_rule embedding; /* what an embedding is made of */
	int64_t n_vocab;
	int32_t n_layer, n_kv_head, head_dim; /* what the KV pages hold */
	int is_short_of_memory;               /* a constant is missing: program_create() fails */
};

/*
 * Emits the model's program by its family, for a context of so many tokens; 0: the model's own
 * window. (What depends on it are LongRoPE's frequencies; nothing that a plan counts.)
 */
int program_create(
	struct program **out, const struct model *model, int64_t context_tok, struct err *err);
void program_destroy(struct program *program);

/*
 * Over the ops and their numbers (angles, windows, scales, caps): what the same weights may be run
 * with differently, by another context, or by a build that reads their metadata otherwise.
 */
struct sha256_digest program_digest(const struct program *program);

/* For families. */
uint32_t program_add_buffer(struct program *program, struct buffer_desc desc);
struct op *program_add_op(struct program *program, enum op_kind kind, enum op_rows rows);

#endif
