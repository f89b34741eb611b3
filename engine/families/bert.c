/*
 * BERT and its kin, encoders that turn a text into a vector: "bert" (bge, e5, gte, all-MiniLM: learned
 * positions, biases, GELU; Devlin et al. 2018) and "nomic-bert" (nomic-embed-text: rotary embedding,
 * SwiGLU, no biases; Nussbaum et al. 2024). Every token sees every other of its text; a norm stands
 * behind each sum ("post-norm"). The states of the last layer become one vector by the file's word:
 * their mean, or the first token's (Reimers & Gurevych 2019). Nothing is generated and nothing is
 * cached.
 *
 * The program reads a text of up to the model's window at once, all of its tokens in one batch.
 */
#include "engine/families/bind.h"
#include "engine/families/emit.h"
#include "engine/families/family.h"
#include "engine/families/params.h"
#include "engine/families/rope.h"
#include "engine/model/gguf.h"
#include "engine/program.h"
#include "kernels/dtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the tokens of the only text are: "sentence A". */
enum { MAX_TOKEN_TYPES = 16 };

struct bert {
	const struct model *model;
	int is_nomic;
	float eps;
	enum pooling pooling;
	struct rope rope; /* nomic */
	const struct weight *embd, *types, *positions;
	const struct weight *norm, *norm_bias;
	int64_t n_type;
};

struct bert_layer {
	struct weight q, k, v, attn_out;
	struct weight gate, up, down; /* no gate in BERT */
	const struct weight *q_bias, *k_bias, *v_bias, *attn_out_bias, *up_bias, *down_bias;
	const struct weight *attn_norm, *attn_norm_bias; /* behind the sum with the attention */
	const struct weight *out_norm, *out_norm_bias;   /* behind that with the network */
};

/* ---- what the file says ---- */

static int is_nomic(const struct model *model)
{
	return strcmp(model->architecture, "nomic-bert") == 0;
}

static int read_shape(struct model *model, struct err *err)
{
	const struct weight *embd = model_weight(model, "token_embd.weight");
	int64_t n_layer, n_head, n_kv_head;

	if (param_int(model, "block_count", PARAM_REQUIRED, 1, 4096, &n_layer, err) < 0 ||
		param_int(model, "embedding_length", PARAM_REQUIRED, 1, 1 << 20, &model->n_embd,
			err) < 0 ||
		param_int(model, "feed_forward_length", PARAM_REQUIRED, 1, 1 << 22, &model->n_ff,
			err) < 0 ||
		param_int(model, "context_length", PARAM_REQUIRED, 3, 1 << 20, &model->n_ctx_train,
			err) < 0 ||
		param_int(model, "attention.head_count", PARAM_REQUIRED, 1, 4096, &n_head, err) <
			0 ||
		param_int(model, "attention.head_count_kv", n_head, 1, 4096, &n_kv_head, err) < 0) {
		return -1;
	}
	if (n_kv_head != n_head || model->n_embd % n_head || model->n_embd / n_head % 2 ||
		model->n_embd / n_head > FAMILY_MAX_HEAD_DIM) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has %lld attention heads on %lld KV heads for %lld elements; carrel "
			"computes even heads of up to %d, as many of the one as of the other",
			(long long)n_head, (long long)n_kv_head, (long long)model->n_embd,
			FAMILY_MAX_HEAD_DIM);
	}
	if (!embd || embd->n_row < 1 || embd->n_row > INT32_MAX) {
		return err_set(
			err, ERR_ENGINE, model->path, NULL, "has no usable token_embd.weight");
	}
	model->n_layer = (int32_t)n_layer;
	model->n_head = model->n_kv_head = (int32_t)n_head;
	model->head_dim = (int32_t)(model->n_embd / n_head);
	model->n_vocab = embd->n_row;
	return 0;
}

/* What would change the result and is not computed here. */
static int refuse_changes(const struct model *model, struct err *err)
{
	struct gguf_string tokenizer = {.text = "none", .len = 4};
	char key[PARAM_KEY_BYTES];
	int is_causal = 0;
	int64_t n_expert;
	double alibi;

	if (gguf_get_string(model->gguf, "tokenizer.ggml.model", &tokenizer, err) < 0 ||
		gguf_get_bool(model->gguf, param_key(key, model, "attention.causal"), &is_causal,
			err) < 0 ||
		param_int(model, "expert_count", 0, 0, INT32_MAX, &n_expert, err) < 0 ||
		param_float(model, "attention.max_alibi_bias", 0, 0, 1e6, &alibi, err) < 0) {
		return -1;
	}
	/* Those of bge-m3 and multilingual-e5 normalise what they read (NFKC), which is not done here. */
	if (tokenizer.len != 4 || memcmp(tokenizer.text, "bert", 4) != 0) {
		return err_set(err, ERR_ENGINE, model->path, "use a model with BERT's WordPiece",
			"is a BERT with the tokenizer \"%.*s\", whose way with texts carrel does "
			"not know",
			(int)(tokenizer.len < 40 ? tokenizer.len : 40), tokenizer.text);
	}
	if (is_causal || n_expert > 0 || alibi > 0) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"is a BERT %s, which carrel does not compute",
			is_causal      ? "that reads in one direction only"
			: n_expert > 0 ? "of several experts"
				       : "with ALiBi in place of positions");
	}
	return 0;
}

/* GGUF's numbers. A file that says nothing, or "none", leaves it to the reader: the mean. */
static int read_pooling(struct bert *bert, struct err *err)
{
	const struct model *model = bert->model;
	int64_t type;

	if (param_int(model, "pooling_type", 1, 0, INT32_MAX, &type, err) < 0) {
		return -1;
	}
	if (type > 2) {
		return err_set(err, ERR_ENGINE, model->path,
			"use an embedding model, whose vectors are compared",
			"%s (pooling type %lld), which carrel does not compute",
			type == 4 ? "ranks pairs of texts" : "makes its vectors in another way",
			(long long)type);
	}
	bert->pooling = type == 2 ? POOLING_FIRST : POOLING_MEAN;
	return 0;
}

static int read_positions(struct bert *bert, struct bind *bind, struct err *err)
{
	const struct model *model = bert->model;
	int64_t n_rot;

	if (!bert->is_nomic) {
		bert->positions = bind_tensor(
			bind, "position_embd.weight", model->n_ctx_train, model->n_embd);
		return 0;
	}
	if (param_int(model, "rope.dimension_count", model->head_dim, 2, model->head_dim, &n_rot,
		    err) < 0) {
		return -1;
	}
	if (n_rot % 2 || n_rot / 2 > ROPE_MAX_FREQ) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"rotates %lld elements of a head, which carrel does not compute",
			(long long)n_rot);
	}
	return rope_read(&bert->rope, model, n_rot, NULL, err);
}

static int read_ends(struct bert *bert, struct bind *bind, struct err *err)
{
	const struct model *model = bert->model;
	const struct weight *types = model_weight(model, "token_types.weight");
	double eps;

	if (param_float(model, "attention.layer_norm_epsilon", NAN, 0, 1, &eps, err) < 0 ||
		read_pooling(bert, err) < 0) {
		return -1;
	}
	bert->eps = (float)eps;
	bert->embd = bind_tensor(bind, "token_embd.weight", model->n_vocab, model->n_embd);
	bert->norm = bind_vector(bind, "token_embd_norm.weight", model->n_embd);
	bert->norm_bias = bind_vector(bind, "token_embd_norm.bias", model->n_embd);
	if (types && types->n_row >= 1 && types->n_row <= MAX_TOKEN_TYPES) {
		bert->types = bind_tensor(bind, "token_types.weight", types->n_row, model->n_embd);
	}
	return read_positions(bert, bind, err);
}

/* Follow it with bind_finish() unless it fails. */
static int begin(struct bert *bert, struct bind *bind, const struct model *model, struct err *err)
{
	*bert = (struct bert){.model = model, .is_nomic = is_nomic(model)};
	bind_begin(bind, model, err);
	if (read_ends(bert, bind, err) < 0 || bind->has_failed) {
		bind->has_failed = 1;
		return bind_finish(bind);
	}
	return 0;
}

static void bind_attention(const struct bert *bert, struct bind *bind, struct bert_layer *layer)
{
	int64_t n = bert->model->n_embd;
	const struct bind_part qkv[] = {{&layer->q, n}, {&layer->k, n}, {&layer->v, n}};

	if (bert->is_nomic) {
		bind_fused(bind, qkv, 3, "attn_qkv.weight", n);
	} else {
		bind_matrix(bind, &layer->q, "attn_q.weight", n, n);
		bind_matrix(bind, &layer->k, "attn_k.weight", n, n);
		bind_matrix(bind, &layer->v, "attn_v.weight", n, n);
		layer->q_bias = bind_vector(bind, "attn_q.bias", n);
		layer->k_bias = bind_vector(bind, "attn_k.bias", n);
		layer->v_bias = bind_vector(bind, "attn_v.bias", n);
		layer->attn_out_bias = bind_vector(bind, "attn_output.bias", n);
	}
	bind_matrix(bind, &layer->attn_out, "attn_output.weight", n, n);
	layer->attn_norm = bind_vector(bind, "attn_output_norm.weight", n);
	layer->attn_norm_bias = bind_vector(bind, "attn_output_norm.bias", n);
}

static void next_layer(const struct bert *bert, struct bind *bind, struct bert_layer *layer)
{
	int64_t n = bert->model->n_embd, n_ff = bert->model->n_ff;

	*layer = (struct bert_layer){0};
	bind->layer++;
	bind_attention(bert, bind, layer);
	bind_matrix(bind, &layer->up, "ffn_up.weight", n_ff, n);
	bind_matrix(bind, &layer->down, "ffn_down.weight", n, n_ff);
	if (bert->is_nomic) {
		bind_matrix(bind, &layer->gate, "ffn_gate.weight", n_ff, n);
	} else {
		layer->up_bias = bind_vector(bind, "ffn_up.bias", n_ff);
		layer->down_bias = bind_vector(bind, "ffn_down.bias", n);
	}
	layer->out_norm = bind_vector(bind, "layer_output_norm.weight", n);
	layer->out_norm_bias = bind_vector(bind, "layer_output_norm.bias", n);
}

static int bert_read(struct model *model, struct err *err)
{
	struct bert_layer layer;
	struct bert bert;
	struct bind bind;

	if (read_shape(model, err) < 0 || refuse_changes(model, err) < 0 ||
		begin(&bert, &bind, model, err) < 0) {
		return -1;
	}
	for (int32_t i = 0; i < model->n_layer && !bind.has_failed; i++) {
		next_layer(&bert, &bind, &layer);
	}
	return bind_finish(&bind);
}

/* ---- the program ---- */

struct buffers {
	uint32_t x, q, k, v, attn, up, gate, table;
};

static struct buffers add_buffers(const struct bert *bert, struct program *program)
{
	int64_t n = bert->model->n_embd, n_ff = bert->model->n_ff;
	struct buffers b = {
		.x = emit_rows_buffer(program, ROWS_ALL, n),
		.q = emit_rows_buffer(program, ROWS_ALL, n),
		.k = emit_rows_buffer(program, ROWS_ALL, n),
		.v = emit_rows_buffer(program, ROWS_ALL, n),
		.attn = emit_rows_buffer(program, ROWS_ALL, n),
		.up = emit_rows_buffer(program, ROWS_ALL, n_ff),
	};

	if (bert->is_nomic) {
		b.gate = emit_rows_buffer(program, ROWS_ALL, n_ff);
		b.table = emit_rows_buffer(program, ROWS_ALL, 2 * bert->rope.n_freq);
	}
	return b;
}

/* out += a table's first row, or the row of each token's position. */
static void emit_add_table(
	struct program *program, const struct weight *table, int by_pos, uint32_t out)
{
	int64_t n_row = by_pos ? table->n_row : 1, n = table->row_elems;
	int64_t row_bytes = n * (int64_t)sizeof(float);
	float *rows = malloc((size_t)(n_row * row_bytes));
	uint8_t *scratch = malloc((size_t)weight_scratch_bytes(table, n_row) + 1);
	struct op *op;

	if (rows && scratch) {
		dtype_dequantize(
			table->dtype, weight_rows(table, 0, n_row, scratch), rows, n_row * n);
		op = program_add_op(program, OP_ADD_TABLE, ROWS_ALL);
		op->add_table = (struct op_add_table){
			.table = emit_constant(program, rows, n_row * row_bytes),
			.out = {.buffer = out},
			.n = n,
			.by_pos = by_pos};
	} else {
		program->is_short_of_memory = 1;
	}
	free(scratch);
	free(rows);
}

static void emit_layernorm(const struct bert *bert, struct program *program, uint32_t x,
	const struct weight *weight, const struct weight *bias)
{
	struct operand by = emit_vector(program, weight), plus = emit_vector(program, bias);
	struct op *op = program_add_op(program, OP_LAYERNORM, ROWS_ALL);

	op->layernorm = (struct op_layernorm){.in = {.buffer = x},
		.weight = by,
		.bias = plus,
		.out = {.buffer = x},
		.n = bert->model->n_embd,
		.eps = bert->eps};
}

static void emit_start(const struct bert *bert, struct program *program, const struct buffers *b)
{
	uint32_t rows = program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_FILE_WEIGHT, .weight = bert->embd});
	struct op *op = program_add_op(program, OP_EMBED, ROWS_ALL);
	struct operand inv_freq;

	op->embed = (struct op_embed){.table = {.buffer = rows},
		.out = {.buffer = b->x},
		.dtype = bert->embd->dtype,
		.n_embd = bert->model->n_embd,
		.scale = 1};
	if (bert->types) {
		emit_add_table(program, bert->types, 0, b->x);
	}
	if (bert->positions) {
		emit_add_table(program, bert->positions, 1, b->x);
	}
	emit_layernorm(bert, program, b->x, bert->norm, bert->norm_bias);
	if (bert->is_nomic) {
		inv_freq = emit_constant(
			program, bert->rope.inv_freq, bert->rope.n_freq * (int64_t)sizeof(double));
		op = program_add_op(program, OP_ROPE_TABLE, ROWS_ALL);
		op->rope_table = (struct op_rope_table){.inv_freq = inv_freq,
			.out = {.buffer = b->table},
			.n_freq = bert->rope.n_freq,
			.magnitude = bert->rope.magnitude};
	}
}

static void emit_attention(const struct bert *bert, struct program *program,
	const struct buffers *b, const struct bert_layer *l)
{
	const struct model *model = bert->model;
	const struct emit_part qkv[] = {
		{&l->q, l->q_bias, b->q},
		{&l->k, l->k_bias, b->k},
		{&l->v, l->v_bias, b->v},
	};
	const struct emit_part out = {&l->attn_out, l->attn_out_bias, b->x};
	struct op *op;

	emit_matmul(program, ROWS_ALL, b->x, model->n_embd, qkv, 3, 0);
	if (bert->is_nomic) {
		op = program_add_op(program, OP_ROPE, ROWS_ALL);
		op->rope = (struct op_rope){.table = {.buffer = b->table},
			.q = {.buffer = b->q},
			.k = {.buffer = b->k},
			.n_head = model->n_head,
			.n_kv_head = model->n_head,
			.head_dim = model->head_dim,
			.n_freq = bert->rope.n_freq,
			.neox = 1};
	}
	op = program_add_op(program, OP_ATTENTION_BIDIR, ROWS_ALL);
	op->attention_bidir = (struct op_attention_bidir){.q = {.buffer = b->q},
		.k = {.buffer = b->k},
		.v = {.buffer = b->v},
		.out = {.buffer = b->attn},
		.n_head = model->n_head,
		.head_dim = model->head_dim,
		.scale = 1 / sqrtf((float)model->head_dim)};
	emit_matmul(program, ROWS_ALL, b->attn, model->n_embd, &out, 1, 1);
	emit_layernorm(bert, program, b->x, l->attn_norm, l->attn_norm_bias);
}

static void emit_network(const struct bert *bert, struct program *program, const struct buffers *b,
	const struct bert_layer *l)
{
	const struct model *model = bert->model;
	const struct emit_part up_gate[] = {
		{&l->up, l->up_bias, b->up},
		{&l->gate, NULL, b->gate},
	};
	const struct emit_part down = {&l->down, l->down_bias, b->x};
	struct op *op;

	emit_matmul(program, ROWS_ALL, b->x, model->n_embd, up_gate, bert->is_nomic ? 2 : 1, 0);
	if (bert->is_nomic) {
		op = program_add_op(program, OP_GLU, ROWS_ALL);
		op->glu = (struct op_glu){.gate = {.buffer = b->gate},
			.up = {.buffer = b->up},
			.out = {.buffer = b->up},
			.n = model->n_ff,
			.act = GLU_SILU};
	} else {
		op = program_add_op(program, OP_GELU, ROWS_ALL);
		op->gelu = (struct op_gelu){
			.in = {.buffer = b->up}, .out = {.buffer = b->up}, .n = model->n_ff};
	}
	emit_matmul(program, ROWS_ALL, b->up, model->n_ff, &down, 1, 1);
	emit_layernorm(bert, program, b->x, l->out_norm, l->out_norm_bias);
}

static int bert_emit(
	const struct model *model, int64_t context_tok, struct program *program, struct err *err)
{
	struct bert_layer layer;
	struct buffers b;
	struct bert bert;
	struct bind bind;

	if (begin(&bert, &bind, model, err) < 0) {
		return -1;
	}
	b = add_buffers(&bert, program);
	emit_start(&bert, program, &b);
	for (int32_t i = 0; i < model->n_layer; i++) {
		next_layer(&bert, &bind, &layer);
		if (bind.has_failed) {
			break;
		}
		emit_attention(&bert, program, &b, &layer);
		emit_network(&bert, program, &b, &layer);
	}
	program->embedding = (struct embedding_rule){.n_op = program->n_op,
		.buffer = b.x,
		.n = model->n_embd,
		.pooling = bert.pooling,
		.counts_marks = 1,
		.is_whole = 1,
		.whole_tok = context_tok};
	program->logits = b.x; /* nobody asks for them */
	return bind_finish(&bind);
}

const struct family family_bert = {"bert", bert_read, bert_emit};
const struct family family_nomic_bert = {"nomic-bert", bert_read, bert_emit};
