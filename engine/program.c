#include "engine/program.h"

#include "base/mem.h"
#include "engine/families/family.h"
#include "engine/model/adapter.h"
#include "engine/model/model.h"

#include <stdlib.h>
#include <string.h>

/* The rows of an adapter's update that the program multiplies with. */
static int64_t rows_in_use(const struct program *program, const struct lora *lora)
{
	uintptr_t begin = (uintptr_t)lora->b.data;
	int64_t n_row = 0;

	for (size_t i = 0; i < program->n_buffer; i++) {
		const struct buffer_desc *desc = &program->buffer[i];

		if (desc->kind == BUFFER_PACKED && (uintptr_t)desc->weight->data >= begin &&
			(uintptr_t)desc->weight->data - begin < (uintptr_t)lora->b.size_bytes) {
			n_row += desc->weight->n_row;
		}
	}
	return n_row;
}

/* Half an adapter would be a wrong answer without a sign of it. */
static int check_adapters(const struct program *program, const struct model *model, struct err *err)
{
	for (size_t i = 0; i < model->n_lora; i++) {
		const struct lora *lora = &model->lora[i];

		if (rows_in_use(program, lora) != lora->b.n_row) {
			return err_set(err, ERR_ENGINE, lora->path, NULL,
				"changes the tensor \"%.100s\", which carrel does not compute a "
				"product with",
				lora->b.name);
		}
	}
	return 0;
}

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
	if (check_adapters(program, model, err) < 0) {
		program_destroy(program);
		return -1;
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

static void add_float(struct sha256 *hash, const char *tag, float value)
{
	sha256_add_field(hash, tag, &value, sizeof(value));
}

static void add_int(struct sha256 *hash, const char *tag, int64_t value)
{
	sha256_add_field(hash, tag, &value, sizeof(value));
}

static void add_rope_table(
	struct sha256 *hash, const struct program *program, const struct op_rope_table *table)
{
	const struct buffer_desc *freq = &program->buffer[table->inv_freq.buffer];

	sha256_add_field(hash, "frequencies", freq->constant, (size_t)freq->constant_bytes);
	add_float(hash, "magnitude", table->magnitude);
}

static void add_attention(struct sha256 *hash, const struct op_attention *attention)
{
	add_int(hash, "layer", attention->layer);
	add_float(hash, "scale", attention->scale);
	add_int(hash, "window", attention->window_tok);
	add_float(hash, "softcap", attention->softcap);
}

/* What the op does to the numbers, but for shapes, which are the weights'. */
static void add_op(struct sha256 *hash, const struct program *program, const struct op *op)
{
	add_int(hash, "op", op->kind);
	switch (op->kind) {
	case OP_EMBED:
		add_float(hash, "scale", op->embed.scale);
		break;
	case OP_RMSNORM:
		add_int(hash, "groups", op->rmsnorm.n_group);
		add_float(hash, "eps", op->rmsnorm.eps);
		add_int(hash, "accumulate", op->rmsnorm.accumulate);
		break;
	case OP_MATMUL:
		add_int(hash, "parts", op->matmul.n_part);
		add_int(hash, "accumulate", op->matmul.accumulate);
		break;
	case OP_ROPE_TABLE:
		add_rope_table(hash, program, &op->rope_table);
		break;
	case OP_ROPE:
		add_int(hash, "table", op->rope.table.buffer);
		add_int(hash, "neox", op->rope.neox);
		break;
	case OP_ATTENTION:
		add_attention(hash, &op->attention);
		break;
	case OP_GLU:
		add_int(hash, "act", op->glu.act);
		break;
	case OP_SOFTCAP:
		add_float(hash, "cap", op->softcap.cap);
		break;
	default:
		break;
	}
}

struct sha256_digest program_digest(const struct program *program)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	for (size_t i = 0; i < program->n_op; i++) {
		add_op(hash, program, &program->op[i]);
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
