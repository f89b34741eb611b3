#include "engine/program.h"

#include "base/mem.h"
#include "engine/families/family.h"
#include "engine/model/model.h"

#include <stdlib.h>
#include <string.h>

int program_create(
	struct program **out, const struct model *model, int64_t context_tok, struct err *err)
{
	struct program *program = mem_zero(1, sizeof(*program));

	*out = NULL;
	program->n_vocab = model->n_vocab;
	program->n_layer = model->n_layer;
	program->n_kv_head = model->n_kv_head;
	program->head_dim = model->head_dim;
	if (model->family->emit(
		    model, context_tok > 0 ? context_tok : model->n_ctx_train, program, err) < 0) {
		program_destroy(program);
		return -1;
	}
	if (program->is_short_of_memory) {
		program_destroy(program);
		return err_set(err, ERR_ENGINE, model->path, "use a smaller model",
			"there is no memory for the model's program");
	}
	*out = program;
	return 0;
}

void program_destroy(struct program *program)
{
	if (!program) {
		return;
	}
	for (size_t i = 0; i < program->n_buffer; i++) {
		if (program->buffer[i].kind == BUFFER_PACKED) {
			free((void *)program->buffer[i].weight);
		}
		free(program->buffer[i].constant);
	}
	free(program->buffer);
	free(program->op);
	free(program);
}

struct sha256_digest program_rope_digest(const struct program *program)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	for (size_t i = 0; i < program->n_op; i++) {
		const struct op_rope_table *table = &program->op[i].rope_table;

		if (program->op[i].kind == OP_ROPE_TABLE) {
			const struct buffer_desc *freq = &program->buffer[table->inv_freq.buffer];

			sha256_add_field(
				hash, "frequencies", freq->constant, (size_t)freq->constant_bytes);
			sha256_add_field(
				hash, "magnitude", &table->magnitude, sizeof(table->magnitude));
		}
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

uint32_t program_add_buffer(struct program *program, struct buffer_desc desc)
{
	mem_grow(program->buffer, program->n_buffer, program->cap_buffer);
	program->buffer[program->n_buffer] = desc;
	return (uint32_t)program->n_buffer++;
}

struct op *program_add_op(struct program *program, enum op_kind kind, enum op_rows rows)
{
	struct op *op;

	mem_grow(program->op, program->n_op, program->cap_op);
	op = &program->op[program->n_op++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->rows = rows;
	return op;
}
