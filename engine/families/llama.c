/*
 * The llama family: everything that GGUF stores as "llama" (Llama 1, 2, 3, 3.x, Mistral and their
 * kin): pre-norm blocks of grouped-query attention with interleaved rotary embedding, and SwiGLU.
 * Touvron et al. 2023; Ainslie et al. 2023 (GQA).
 */
#include "base/mem.h"
#include "engine/families/emit.h"
#include "engine/families/family.h"
#include "engine/families/params.h"
#include "engine/families/rope.h"
#include "engine/model/model.h"
#include "engine/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the program needs beyond the fields of struct model. */
struct llama {
	int64_t n_rot;
	float eps, attention_scale;
	struct rope rope;
};

struct llama_layer {
	const struct weight *attn_norm, *ffn_norm;
	const struct weight *q, *k, *v, *attn_out, *gate, *up, *down;
	const struct weight *q_bias, *k_bias, *v_bias, *attn_out_bias;
	const struct weight *gate_bias, *up_bias, *down_bias;
};

/* The tensors of a block that the program uses; any other one would change what is computed. */
static const char *const layer_tensors[] = {
	"attn_norm.weight",
	"attn_q.weight",
	"attn_q.bias",
	"attn_k.weight",
	"attn_k.bias",
	"attn_v.weight",
	"attn_v.bias",
	"attn_output.weight",
	"attn_output.bias",
	"ffn_norm.weight",
	"ffn_gate.weight",
	"ffn_gate.bias",
	"ffn_up.weight",
	"ffn_up.bias",
	"ffn_down.weight",
	"ffn_down.bias",
	/* old converters stored the frequencies of the rotary embedding, which follow from the
	   metadata */
	"attn_rot_embd.weight",
	"attn_rot_embd",
};

static const char *const model_tensors[] = {
	"token_embd.weight",
	"output_norm.weight",
	"output.weight",
	"rope_freqs.weight",
};

static int is_known_tensor(const char *name, int32_t n_layer)
{
	char *rest;

	for (size_t i = 0; i < ARRAY_LEN(model_tensors); i++) {
		if (!strcmp(name, model_tensors[i])) {
			return 1;
		}
	}
	if (strncmp(name, "blk.", 4) != 0 || strtoul(name + 4, &rest, 10) >= (size_t)n_layer ||
		*rest != '.') {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(layer_tensors); i++) {
		if (!strcmp(rest + 1, layer_tensors[i])) {
			return 1;
		}
	}
	return 0;
}

/* A product's weight: the kernels take k in multiples of 32. */
static int need_matrix(const struct model *model, const struct weight **out, int32_t layer,
	const char *name, int64_t n_row, int64_t row_elems, struct err *err)
{
	if (row_elems % 32) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"%s has rows of %lld elements; carrel computes multiples of 32", name,
			(long long)row_elems);
	}
	return model_need_weight(model, out, layer, name, n_row, row_elems, err);
}

/* A bias that may be absent; a misshapen one is an error. */
static int want_vector(const struct model *model, const struct weight **out, int32_t layer,
	const char *name, int64_t n, struct err *err)
{
	char full[128];

	snprintf(full, sizeof(full), "blk.%d.%s", (int)layer, name);
	*out = NULL;
	return model_weight(model, full) ? model_need_weight(model, out, layer, name, 1, n, err)
					 : 0;
}

static int bind_layer(struct llama_layer *l, const struct model *m, int32_t layer, struct err *err)
{
	int64_t q_elems = (int64_t)m->n_head * m->head_dim;
	int64_t kv_elems = (int64_t)m->n_kv_head * m->head_dim;

	return model_need_weight(m, &l->attn_norm, layer, "attn_norm.weight", 1, m->n_embd, err) <
				       0 ||
			       need_matrix(m, &l->q, layer, "attn_q.weight", q_elems, m->n_embd,
				       err) < 0 ||
			       need_matrix(m, &l->k, layer, "attn_k.weight", kv_elems, m->n_embd,
				       err) < 0 ||
			       need_matrix(m, &l->v, layer, "attn_v.weight", kv_elems, m->n_embd,
				       err) < 0 ||
			       need_matrix(m, &l->attn_out, layer, "attn_output.weight", m->n_embd,
				       q_elems, err) < 0 ||
			       model_need_weight(m, &l->ffn_norm, layer, "ffn_norm.weight", 1,
				       m->n_embd, err) < 0 ||
			       need_matrix(m, &l->gate, layer, "ffn_gate.weight", m->n_ff,
				       m->n_embd, err) < 0 ||
			       need_matrix(m, &l->up, layer, "ffn_up.weight", m->n_ff, m->n_embd,
				       err) < 0 ||
			       need_matrix(m, &l->down, layer, "ffn_down.weight", m->n_embd,
				       m->n_ff, err) < 0 ||
			       want_vector(m, &l->q_bias, layer, "attn_q.bias", q_elems, err) < 0 ||
			       want_vector(m, &l->k_bias, layer, "attn_k.bias", kv_elems, err) <
				       0 ||
			       want_vector(m, &l->v_bias, layer, "attn_v.bias", kv_elems, err) <
				       0 ||
			       want_vector(m, &l->attn_out_bias, layer, "attn_output.bias",
				       m->n_embd, err) < 0 ||
			       want_vector(m, &l->gate_bias, layer, "ffn_gate.bias", m->n_ff, err) <
				       0 ||
			       want_vector(m, &l->up_bias, layer, "ffn_up.bias", m->n_ff, err) <
				       0 ||
			       want_vector(
				       m, &l->down_bias, layer, "ffn_down.bias", m->n_embd, err) < 0
		       ? -1
		       : 0;
}

/* Weights outside of the blocks; *output is the embedding itself where they are tied. */
static int bind_ends(const struct model *model, const struct weight **embd,
	const struct weight **norm, const struct weight **output, struct err *err)
{
	const char *name =
		model_weight(model, "output.weight") ? "output.weight" : "token_embd.weight";

	return need_matrix(model, embd, -1, "token_embd.weight", model->n_vocab, model->n_embd,
		       err) < 0 ||
			       model_need_weight(model, norm, -1, "output_norm.weight", 1,
				       model->n_embd, err) < 0 ||
			       need_matrix(model, output, -1, name, model->n_vocab, model->n_embd,
				       err) < 0
		       ? -1
		       : 0;
}

static int refuse_factor(const struct model *model, const char *name, struct err *err)
{
	double value;

	if (param_float(model, name, 1, -1e30, 1e30, &value, err) < 0) {
		return -1;
	}
	if (value != 1) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"asks for %s.%s = %g, which carrel's llama family does not compute",
			model->architecture, name, value);
	}
	return 0;
}

static int refuse_unknown(const struct model *model, struct err *err)
{
	int64_t n_expert;

	if (param_int(model, "expert_count", 0, 0, INT32_MAX, &n_expert, err) < 0) {
		return -1;
	}
	if (n_expert > 0) {
		return err_set(err, ERR_ENGINE, model->path, "use a dense model",
			"is a mixture of %lld experts, which carrel cannot compute yet",
			(long long)n_expert);
	}
	if (refuse_factor(model, "logit_scale", err) < 0 ||
		refuse_factor(model, "embedding_scale", err) < 0 ||
		refuse_factor(model, "residual_scale", err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < model->n_weight; i++) {
		if (!is_known_tensor(model->weight[i].name, model->n_layer)) {
			return err_set(err, ERR_ENGINE, model->path, NULL,
				"has a tensor \"%.100s\" that carrel's llama family does not know; "
				"without it every answer would be wrong",
				model->weight[i].name);
		}
	}
	return 0;
}

static int read_heads(struct model *model, struct err *err)
{
	int64_t n_head, n_kv_head, natural, key, value;

	if (param_int(model, "attention.head_count", PARAM_REQUIRED, 1, 4096, &n_head, err) < 0 ||
		param_int(model, "attention.head_count_kv", n_head, 1, 4096, &n_kv_head, err) < 0) {
		return -1;
	}
	if (n_head % n_kv_head) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has %lld attention heads on %lld KV heads, which does not divide",
			(long long)n_head, (long long)n_kv_head);
	}
	natural = model->n_embd % n_head ? 0 : model->n_embd / n_head;
	if (param_int(model, "attention.key_length", natural, 2, FAMILY_MAX_HEAD_DIM, &key, err) <
			0 ||
		param_int(model, "attention.value_length", key, 2, FAMILY_MAX_HEAD_DIM, &value,
			err) < 0) {
		return -1;
	}
	if (key < 2 || key > FAMILY_MAX_HEAD_DIM || key % 2) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has attention heads of %lld elements; carrel computes even sizes from 2 "
			"to "
			"%d",
			(long long)key, FAMILY_MAX_HEAD_DIM);
	}
	if (key != value) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has keys of %lld and values of %lld elements, which carrel cannot compute",
			(long long)key, (long long)value);
	}
	model->n_head = (int32_t)n_head;
	model->n_kv_head = (int32_t)n_kv_head;
	model->head_dim = (int32_t)key;
	return 0;
}

/* Hyperparameters that do not have a place in struct model. */
static int read_rest(struct llama *llama, const struct model *model, struct err *err)
{
	const struct weight *factors = NULL;
	double eps, scale;

	if (param_float(model, "attention.layer_norm_rms_epsilon", NAN, 0, 1, &eps, err) < 0 ||
		param_float(model, "attention.scale", 1 / sqrt((double)model->head_dim), 1e-6, 1e3,
			&scale, err) < 0 ||
		param_int(model, "rope.dimension_count", model->head_dim, 2, model->head_dim,
			&llama->n_rot, err) < 0) {
		return -1;
	}
	if (llama->n_rot % 2) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"rotates %lld elements of a head, an odd number", (long long)llama->n_rot);
	}
	llama->eps = (float)eps;
	llama->attention_scale = (float)scale;
	if (model_weight(model, "rope_freqs.weight") &&
		model_need_weight(
			model, &factors, -1, "rope_freqs.weight", 1, llama->n_rot / 2, err) < 0) {
		return -1;
	}
	return rope_read(&llama->rope, model, llama->n_rot, factors, err);
}

static int llama_read(struct model *model, struct err *err)
{
	const struct weight *embd, *norm, *output;
	struct llama_layer layer;
	struct llama llama;
	int64_t n_layer, window;

	if (param_int(model, "block_count", PARAM_REQUIRED, 1, 4096, &n_layer, err) < 0 ||
		param_int(model, "embedding_length", PARAM_REQUIRED, 1, 1 << 20, &model->n_embd,
			err) < 0 ||
		param_int(model, "feed_forward_length", PARAM_REQUIRED, 1, 1 << 22, &model->n_ff,
			err) < 0 ||
		param_int(model, "context_length", PARAM_REQUIRED, 1, PARAM_MAX_CONTEXT,
			&model->n_ctx_train, err) < 0 ||
		param_int(model, "attention.sliding_window", 0, 0, PARAM_MAX_CONTEXT, &window,
			err) < 0) {
		return -1;
	}
	model->n_layer = (int32_t)n_layer;
	if (refuse_unknown(model, err) < 0 || read_heads(model, err) < 0) {
		return -1;
	}
	embd = model_weight(model, "token_embd.weight");
	if (!embd || embd->n_row < 1 || embd->n_row > INT32_MAX) {
		return err_set(
			err, ERR_ENGINE, model->path, NULL, "has no usable token_embd.weight");
	}
	model->n_vocab = embd->n_row;
	/* Within its sliding window such a model attends to everything: up to there the program
	   below is exact, beyond it would be wrong. */
	if (window > 0 && window < model->n_ctx_train) {
		model->n_ctx_train = window;
	}
	if (read_rest(&llama, model, err) < 0 || bind_ends(model, &embd, &norm, &output, err) < 0) {
		return -1;
	}
	for (int32_t i = 0; i < model->n_layer; i++) {
		if (bind_layer(&layer, model, i, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Buffers of one set of rows: of all tokens, or of those whose logits are wanted. */
struct stream {
	enum op_rows rows;
	uint32_t x, normed, attn, gate, up;
};

static struct stream add_stream(
	const struct model *model, struct program *program, enum op_rows rows)
{
	return (struct stream){
		.rows = rows,
		.x = emit_rows_buffer(program, rows, model->n_embd),
		.normed = emit_rows_buffer(program, rows, model->n_embd),
		.attn = emit_rows_buffer(program, rows, (int64_t)model->n_head * model->head_dim),
		.gate = emit_rows_buffer(program, rows, model->n_ff),
		.up = emit_rows_buffer(program, rows, model->n_ff),
	};
}

struct attention_buffers {
	uint32_t q, k, v, table;
};

static void emit_attention(const struct model *model, const struct llama *llama,
	struct program *program, const struct stream *s, const struct attention_buffers *b,
	const struct llama_layer *l, int32_t layer)
{
	const struct emit_part qkv[] = {
		{l->q, l->q_bias, b->q},
		{l->k, l->k_bias, b->k},
		{l->v, l->v_bias, b->v},
	};
	struct op *op;

	emit_rmsnorm(program, s->rows, s->x, l->attn_norm, s->normed, llama->eps);
	emit_matmul(program, s->rows, s->normed, model->n_embd, qkv, 3, 0);
	op = program_add_op(program, OP_ROPE, s->rows);
	op->rope = (struct op_rope){.table = {.buffer = b->table},
		.q = {.buffer = b->q},
		.k = {.buffer = b->k},
		.n_head = model->n_head,
		.n_kv_head = model->n_kv_head,
		.head_dim = model->head_dim,
		.n_freq = llama->rope.n_freq};
	op = program_add_op(program, OP_KV_WRITE, s->rows);
	op->kv_write =
		(struct op_kv_write){.k = {.buffer = b->k}, .v = {.buffer = b->v}, .layer = layer};
	op = program_add_op(program, OP_ATTENTION, s->rows);
	op->attention = (struct op_attention){.q = {.buffer = b->q},
		.out = {.buffer = s->attn},
		.layer = layer,
		.n_head = model->n_head,
		.scale = llama->attention_scale};
}

/* The attention's output joins the residual, then the feed-forward network. */
static void emit_rest_of_block(const struct model *model, const struct llama *llama,
	struct program *program, const struct stream *s, const struct llama_layer *l)
{
	const struct emit_part out = {l->attn_out, l->attn_out_bias, s->x};
	const struct emit_part gate_up[] = {
		{l->gate, l->gate_bias, s->gate},
		{l->up, l->up_bias, s->up},
	};
	const struct emit_part down = {l->down, l->down_bias, s->x};
	struct op *op;

	emit_matmul(
		program, s->rows, s->attn, (int64_t)model->n_head * model->head_dim, &out, 1, 1);
	emit_rmsnorm(program, s->rows, s->x, l->ffn_norm, s->normed, llama->eps);
	emit_matmul(program, s->rows, s->normed, model->n_embd, gate_up, 2, 0);
	op = program_add_op(program, OP_GLU, s->rows);
	op->glu = (struct op_glu){.gate = {.buffer = s->gate},
		.up = {.buffer = s->up},
		.out = {.buffer = s->gate},
		.n = model->n_ff,
		.act = GLU_SILU};
	emit_matmul(program, s->rows, s->gate, model->n_ff, &down, 1, 1);
}

static void emit_start(const struct model *model, const struct llama *llama,
	struct program *program, const struct weight *embd, uint32_t x, uint32_t table)
{
	struct operand inv_freq = emit_constant(
		program, llama->rope.inv_freq, llama->rope.n_freq * (int64_t)sizeof(double));
	uint32_t rows = program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_FILE_WEIGHT, .weight = embd});
	struct op *op = program_add_op(program, OP_EMBED, ROWS_ALL);

	op->embed = (struct op_embed){.table = {.buffer = rows},
		.out = {.buffer = x},
		.dtype = embd->dtype,
		.n_embd = model->n_embd,
		.scale = 1};
	op = program_add_op(program, OP_ROPE_TABLE, ROWS_ALL);
	op->rope_table = (struct op_rope_table){.inv_freq = inv_freq,
		.out = {.buffer = table},
		.n_freq = llama->rope.n_freq,
		.magnitude = llama->rope.magnitude};
}

static int llama_emit(const struct model *model, struct program *program, struct err *err)
{
	int64_t q_elems = (int64_t)model->n_head * model->head_dim;
	int64_t kv_elems = (int64_t)model->n_kv_head * model->head_dim;
	const struct weight *embd, *norm, *output;
	struct stream all, wanted;
	struct attention_buffers b;
	struct llama llama;

	if (read_rest(&llama, model, err) < 0 || bind_ends(model, &embd, &norm, &output, err) < 0) {
		return -1;
	}
	all = add_stream(model, program, ROWS_ALL);
	wanted = add_stream(model, program, ROWS_OUT);
	b = (struct attention_buffers){
		.q = emit_rows_buffer(program, ROWS_ALL, q_elems),
		.k = emit_rows_buffer(program, ROWS_ALL, kv_elems),
		.v = emit_rows_buffer(program, ROWS_ALL, kv_elems),
		.table = emit_rows_buffer(program, ROWS_ALL, 2 * llama.rope.n_freq),
	};
	emit_start(model, &llama, program, embd, all.x, b.table);
	for (int32_t i = 0; i < model->n_layer; i++) {
		struct llama_layer layer;

		if (bind_layer(&layer, model, i, err) < 0) {
			return -1;
		}
		emit_attention(model, &llama, program, &all, &b, &layer, i);
		/* After the last attention no other token needs the rest of the row. */
		if (i == model->n_layer - 1) {
			emit_gather(program, all.x, wanted.x, model->n_embd);
			emit_gather(program, all.attn, wanted.attn, q_elems);
			emit_rest_of_block(model, &llama, program, &wanted, &layer);
		} else {
			emit_rest_of_block(model, &llama, program, &all, &layer);
		}
	}
	emit_rmsnorm(program, ROWS_OUT, wanted.x, norm, wanted.normed, llama.eps);
	program->logits = program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_LOGITS,
				 .rows = ROWS_OUT,
				 .row_bytes = model->n_vocab * (int64_t)sizeof(float)});
	emit_matmul(program, ROWS_OUT, wanted.normed, model->n_embd,
		&(struct emit_part){output, NULL, program->logits}, 1, 0);
	return 0;
}

const struct family family_llama = {
	.architecture = "llama",
	.read = llama_read,
	.emit = llama_emit,
};
