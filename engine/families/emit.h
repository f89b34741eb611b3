/*
 * What every family's program is made of: buffers that are asked for by what they hold, and the
 * few ops that always come together.
 */
#ifndef ENGINE_FAMILIES_EMIT_H
#define ENGINE_FAMILIES_EMIT_H

#include "engine/model/model.h"
#include "engine/program.h"

/* f32 [row][n] */
uint32_t emit_rows_buffer(struct program *program, enum op_rows rows, int64_t n);
/* Takes a copy of `bytes`. */
struct operand emit_constant(struct program *program, const void *data, int64_t bytes);
/* A vector weight as f32, whatever the file stores; OPERAND_NONE for NULL. */
struct operand emit_vector(struct program *program, const struct weight *weight);

void emit_rmsnorm(struct program *program, enum op_rows rows, uint32_t in,
	const struct weight *weight, uint32_t out, float eps);
/* out += what emit_rmsnorm() would have written. */
void emit_rmsnorm_add(struct program *program, enum op_rows rows, uint32_t in,
	const struct weight *weight, uint32_t out, float eps);
/* In place, each head of x f32 [row][n_head][head_dim] alone; weight [head_dim]. */
void emit_head_norm(struct program *program, enum op_rows rows, uint32_t x,
	const struct weight *weight, int32_t n_head, float eps);
void emit_gather(struct program *program, uint32_t in, uint32_t out, int64_t n);

struct emit_part {
	const struct weight *weight; /* [m][k] */
	const struct weight *bias;   /* [m] or NULL */
	uint32_t out;
};
/*
 * out[part] (+)= in [row][k] x weight[part]^T + bias[part]. Parts whose storage types want the same
 * activations share one product; the activations of each kind are packed once. Adapters of the weights
 * (adapter.h) are part of the product. At most MATMUL_MAX_PARTS parts; `in` is none of the outputs.
 */
void emit_matmul(struct program *program, enum op_rows rows, uint32_t in, int64_t k,
	const struct emit_part *part, int n_part, int accumulate);

#endif
