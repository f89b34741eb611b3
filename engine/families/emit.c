#include "engine/families/emit.h"

#include "base/mem.h"
#include "engine/model/adapter.h"

#include <stdlib.h>
#include <string.h>

static struct operand at(uint32_t buffer)
{
	return (struct operand){.buffer = buffer};
}

uint32_t emit_rows_buffer(struct program *program, enum op_rows rows, int64_t n)
{
	return program_add_buffer(program, (struct buffer_desc){.kind = BUFFER_ROWS,
						   .rows = rows,
						   .row_bytes = n * (int64_t)sizeof(float)});
}

struct operand emit_constant(struct program *program, const void *data, int64_t bytes)
{
	void *copy = malloc((size_t)bytes);

	if (!copy) {
		program->is_short_of_memory = 1;
		return at(OPERAND_NONE);
	}
	memcpy(copy, data, (size_t)bytes);
	return at(program_add_buffer(program,
		(struct buffer_desc){
			.kind = BUFFER_CONSTANT, .constant = copy, .constant_bytes = bytes}));
}

struct operand emit_vector(struct program *program, const struct weight *weight)
{
	int64_t bytes;
	uint8_t *scratch;
	float *copy;

	if (!weight) {
		return at(OPERAND_NONE);
	}
	bytes = weight->row_elems * (int64_t)sizeof(float);
	copy = malloc((size_t)bytes);
	scratch = malloc((size_t)weight_scratch_bytes(weight, 1) + 1);
	if (!copy || !scratch) {
		free(copy);
		free(scratch);
		program->is_short_of_memory = 1;
		return at(OPERAND_NONE);
	}
	dtype_dequantize(
		weight->dtype, weight_rows(weight, 0, 1, scratch), copy, weight->row_elems);
	free(scratch);
	return at(program_add_buffer(program,
		(struct buffer_desc){
			.kind = BUFFER_CONSTANT, .constant = copy, .constant_bytes = bytes}));
}

/* The buffer that holds activations of this kind, shared by all ops that need one. */
static uint32_t act_buffer(
	struct program *program, enum op_rows rows, enum act_type type, int64_t k)
{
	for (size_t i = 0; i < program->n_buffer; i++) {
		const struct buffer_desc *desc = &program->buffer[i];

		if (desc->kind == BUFFER_ACT && desc->rows == rows && desc->act_type == type &&
			desc->act_k == k) {
			return (uint32_t)i;
		}
	}
	return program_add_buffer(
		program, (struct buffer_desc){
				 .kind = BUFFER_ACT, .rows = rows, .act_type = type, .act_k = k});
}

/* A matrix that two products use (tied embeddings) is packed once. */
static uint32_t packed_buffer(struct program *program, const struct weight *weight)
{
	struct weight *copy;

	for (size_t i = 0; i < program->n_buffer; i++) {
		if (program->buffer[i].kind == BUFFER_PACKED &&
			weight_equal(program->buffer[i].weight, weight)) {
			return (uint32_t)i;
		}
	}
	copy = mem_alloc(sizeof(*copy));
	*copy = *weight;
	return program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_PACKED, .weight = copy});
}

static struct op_rmsnorm *add_rmsnorm(struct program *program, enum op_rows rows, uint32_t in,
	const struct weight *weight, uint32_t out, float eps)
{
	struct operand vector = emit_vector(program, weight);
	struct op *op = program_add_op(program, OP_RMSNORM, rows);

	op->rmsnorm = (struct op_rmsnorm){.in = at(in),
		.weight = vector,
		.out = at(out),
		.n = weight->row_elems,
		.n_group = 1,
		.eps = eps};
	return &op->rmsnorm;
}

void emit_rmsnorm(struct program *program, enum op_rows rows, uint32_t in,
	const struct weight *weight, uint32_t out, float eps)
{
	add_rmsnorm(program, rows, in, weight, out, eps);
}

void emit_rmsnorm_add(struct program *program, enum op_rows rows, uint32_t in,
	const struct weight *weight, uint32_t out, float eps)
{
	add_rmsnorm(program, rows, in, weight, out, eps)->accumulate = 1;
}

void emit_head_norm(struct program *program, enum op_rows rows, uint32_t x,
	const struct weight *weight, int32_t n_head, float eps)
{
	add_rmsnorm(program, rows, x, weight, x, eps)->n_group = n_head;
}

void emit_gather(struct program *program, uint32_t in, uint32_t out, int64_t n)
{
	struct op *op = program_add_op(program, OP_GATHER, ROWS_OUT);

	op->gather = (struct op_gather){.in = at(in), .out = at(out), .n = n};
}

/* The rows that carry A x to B, for part number `slot` of a product; no two products need them at once. */
static uint32_t lora_buffer(struct program *program, enum op_rows rows, int64_t rank, int slot)
{
	const struct buffer_desc wanted = {.kind = BUFFER_ROWS,
		.rows = rows,
		.row_bytes = rank * (int64_t)sizeof(float),
		.lora_slot = slot + 1};

	for (size_t i = 0; i < program->n_buffer; i++) {
		const struct buffer_desc *desc = &program->buffer[i];

		if (desc->kind == BUFFER_ROWS && desc->rows == rows &&
			desc->row_bytes == wanted.row_bytes &&
			desc->lora_slot == wanted.lora_slot) {
			return (uint32_t)i;
		}
	}
	return program_add_buffer(program, wanted);
}

/* The part before this one whose weight is a view of the same updated tensor, else n_part. */
static int same_lora(const struct emit_part *part, int n_part, const struct lora *lora)
{
	int i = 0;

	while (i < n_part && part[i].weight->lora != lora) {
		i++;
	}
	return i;
}

/*
 * out[part] += B (A in) of every part whose weight has adapters. A is a product like any other, so
 * the summation rule holds; parts that are views of one tensor share it.
 */
static void emit_loras(struct program *program, enum op_rows rows, uint32_t in, int64_t k,
	const struct emit_part *part, int n_part)
{
	struct emit_part down[MATMUL_MAX_PARTS];
	uint32_t product[MATMUL_MAX_PARTS];
	int n_down = 0;

	for (int i = 0; i < n_part; i++) {
		const struct lora *lora = part[i].weight->lora;
		int same = lora ? same_lora(part, i, lora) : 0;

		if (lora && same < i) {
			product[i] = product[same];
		} else if (lora) {
			product[i] = lora_buffer(program, rows, lora->a.n_row, i);
			down[n_down++] = (struct emit_part){&lora->a, NULL, product[i]};
		}
	}
	emit_matmul(program, rows, in, k, down, n_down, 0);
	for (int i = 0; i < n_part; i++) {
		const struct weight *weight = part[i].weight;
		struct emit_part up = {NULL, NULL, part[i].out};
		struct weight b;

		if (weight->lora &&
			weight_slice(&b, &weight->lora->b, weight->first_row, weight->n_row) == 0) {
			up.weight = &b;
			emit_matmul(program, rows, product[i], b.row_elems, &up, 1, 1);
		}
	}
}

void emit_matmul(struct program *program, enum op_rows rows, uint32_t in, int64_t k,
	const struct emit_part *part, int n_part, int accumulate)
{
	for (int first = 0, end; first < n_part; first = end) {
		enum act_type type = act_type_for(part[first].weight->dtype);
		uint32_t act = act_buffer(program, rows, type, k);
		struct op_matmul matmul = {
			.act = at(act), .act_type = type, .k = k, .accumulate = accumulate};
		struct op *op = program_add_op(program, OP_PACK_ACT, rows);

		op->pack_act =
			(struct op_pack_act){.in = at(in), .out = at(act), .type = type, .k = k};
		for (end = first; end < n_part && act_type_for(part[end].weight->dtype) == type;
			end++) {
			matmul.part[matmul.n_part++] = (struct matmul_part){
				.weight = at(packed_buffer(program, part[end].weight)),
				.bias = emit_vector(program, part[end].bias),
				.out = at(part[end].out),
				.dtype = part[end].weight->dtype,
				.m = part[end].weight->n_row,
			};
		}
		op = program_add_op(program, OP_MATMUL, rows);
		op->matmul = matmul;
	}
	for (int i = 0; i < n_part; i++) {
		if (part[i].weight->lora) {
			emit_loras(program, rows, in, k, part, n_part);
			break;
		}
	}
}
