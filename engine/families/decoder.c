#include "engine/families/decoder.h"

#include "base/mem.h"
#include "engine/families/emit.h"
#include "engine/families/params.h"
#include "engine/model/gguf.h"
#include "engine/program.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/*
 * Metadata that changes what is computed, with the value that changes nothing: who does not compute
 * it must refuse it, or every answer would be wrong.
 */
static const struct {
	const char *name;
	double neutral;
} changing[] = {
	{"attention.clamp_kqv", 0},
	{"attention.max_alibi_bias", 0},
	{"attention.output_scale", 1},
	{"attention.temperature_scale", 0},
	{"attention.value_scale", 1},
	{"attn_logit_softcapping", 0},
	{"embedding_scale", 1},
	{"final_logit_softcapping", 0},
	{"logit_scale", 1},
	{"residual_scale", 1},
	{"rope.freq_base_swa", 0},
};

static const struct decoder_family *family_of(const struct model *model)
{
	assert(model->family->read == decoder_read);
	return (const struct decoder_family *)model->family; /* its first member */
}

static int computes(const struct decoder_family *family, const char *key)
{
	for (const char *const *known = family->keys; known && *known; known++) {
		if (!strcmp(*known, key)) {
			return 1;
		}
	}
	return 0;
}

static int refuse_key(const struct model *model, const char *name, double value, struct err *err)
{
	return err_set(err, ERR_ENGINE, model->path, NULL,
		"asks for %s.%s = %g, which carrel's %s family does not compute",
		model->architecture, name, value, model->architecture);
}

static int refuse_changes(const struct model *model, struct err *err)
{
	static const char pattern[] = "attention.sliding_window_pattern";
	const struct decoder_family *family = family_of(model);
	char key[PARAM_KEY_BYTES];
	int64_t n_expert;
	int is_causal = 1;

	if (param_int(model, "expert_count", 0, 0, INT32_MAX, &n_expert, err) < 0 ||
		gguf_get_bool(model->gguf, param_key(key, model, "attention.causal"), &is_causal,
			err) < 0) {
		return -1;
	}
	if (!is_causal) {
		return err_set(err, ERR_ENGINE, model->path, "use a model that writes text",
			"reads in both directions, as models for searching do");
	}
	if (n_expert > 0) {
		return err_set(err, ERR_ENGINE, model->path, "use a dense model",
			"is a mixture of %lld experts, which carrel cannot compute yet",
			(long long)n_expert);
	}
	for (size_t i = 0; i < ARRAY_LEN(changing); i++) {
		double value;

		if (param_float(model, changing[i].name, changing[i].neutral, -1e30, 1e30, &value,
			    err) < 0) {
			return -1;
		}
		if (value != changing[i].neutral && !computes(family, changing[i].name)) {
			return refuse_key(model, changing[i].name, value, err);
		}
	}
	if (param_exists(model, pattern) && !computes(family, pattern)) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has %s.%s, which carrel's %s family does not compute", model->architecture,
			pattern, model->architecture);
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
			"to %d",
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

static int read_shape(struct model *model, struct err *err)
{
	const struct weight *embd = model_weight(model, "token_embd.weight");
	int64_t n_layer;

	if (param_int(model, "block_count", PARAM_REQUIRED, 1, 4096, &n_layer, err) < 0 ||
		param_int(model, "embedding_length", PARAM_REQUIRED, 1, 1 << 20, &model->n_embd,
			err) < 0 ||
		param_int(model, "feed_forward_length", PARAM_REQUIRED, 1, 1 << 22, &model->n_ff,
			err) < 0 ||
		param_int(model, "context_length", PARAM_REQUIRED, 1, PARAM_MAX_CONTEXT,
			&model->n_ctx_train, err) < 0 ||
		read_heads(model, err) < 0) {
		return -1;
	}
	if (!embd || embd->n_row < 1 || embd->n_row > INT32_MAX) {
		return err_set(
			err, ERR_ENGINE, model->path, NULL, "has no usable token_embd.weight");
	}
	model->n_layer = (int32_t)n_layer;
	model->n_vocab = embd->n_row;
	return 0;
}

/* What all families have in common beyond the fields of struct model. */
static int read_common(struct decoder *decoder, struct bind *bind, struct err *err)
{
	const struct model *model = decoder->model;
	const char *output =
		model_weight(model, "output.weight") ? "output.weight" : "token_embd.weight";
	double eps, scale;

	if (param_float(model, "attention.layer_norm_rms_epsilon", NAN, 0, 1, &eps, err) < 0 ||
		param_float(model, "attention.scale", 1 / sqrt((double)model->head_dim), 1e-6, 1e3,
			&scale, err) < 0 ||
		param_int(model, "attention.sliding_window", 0, 0, PARAM_MAX_CONTEXT,
			&decoder->window_tok, err) < 0 ||
		param_int(model, "rope.dimension_count", model->head_dim, 2, model->head_dim,
			&decoder->n_rot, err) < 0) {
		return -1;
	}
	if (decoder->n_rot % 2) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"rotates %lld elements of a head, an odd number",
			(long long)decoder->n_rot);
	}
	if (decoder->window_tok > 0 && decoder->window_tok < model->n_ctx_train &&
		!computes(family_of(model), "attention.sliding_window")) {
		return refuse_key(
			model, "attention.sliding_window", (double)decoder->window_tok, err);
	}
	decoder->eps = (float)eps;
	decoder->attention_scale = (float)scale;

	decoder->embd = bind_tensor(bind, "token_embd.weight", model->n_vocab, model->n_embd);
	decoder->norm = bind_vector(bind, "output_norm.weight", model->n_embd);
	decoder->output = bind_tensor(bind, output, model->n_vocab, model->n_embd);
	return bind->has_failed ? -1 : 0;
}

/* Follow it with bind_finish() unless it fails. */
static int begin(struct decoder *decoder, struct bind *bind, const struct model *model,
	int64_t context_tok, struct err *err)
{
	*decoder = (struct decoder){.model = model, .context_tok = context_tok, .embed_scale = 1};
	bind_begin(bind, model, err);
	if (read_common(decoder, bind, err) < 0 ||
		family_of(model)->describe(decoder, bind, err) < 0 || bind->has_failed) {
		bind->has_failed = 1;
		return bind_finish(bind);
	}
	return 0;
}

static void next_layer(
	struct decoder_layer *layer, const struct decoder *decoder, struct bind *bind)
{
	*layer = (struct decoder_layer){0};
	bind->layer++;
	family_of(decoder->model)->bind_layer(decoder, bind, layer);
}

int decoder_read(struct model *model, struct err *err)
{
	struct decoder_layer layer;
	struct decoder decoder;
	struct bind bind;

	if (read_shape(model, err) < 0 || refuse_changes(model, err) < 0 ||
		begin(&decoder, &bind, model, model->n_ctx_train, err) < 0) {
		return -1;
	}
	for (int32_t i = 0; i < model->n_layer && !bind.has_failed; i++) {
		next_layer(&layer, &decoder, &bind);
	}
	return bind_finish(&bind);
}

/* ---- pieces of a model and of a layer ---- */

int decoder_read_rope(struct decoder *decoder, struct bind *bind, struct err *err)
{
	const struct weight *factors =
		bind_vector_if_any(bind, "rope_freqs.weight", decoder->n_rot / 2);

	decoder->n_rope = 1;
	return rope_read(&decoder->rope[0], decoder->model, decoder->n_rot, factors, err);
}

void decoder_bind_attention_ends(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	const struct model *m = decoder->model;

	layer->attn_norm = bind_vector(bind, "attn_norm.weight", m->n_embd);
	bind_matrix(bind, &layer->attn_out, "attn_output.weight", m->n_embd,
		(int64_t)m->n_head * m->head_dim);
	layer->attn_out_bias = bind_vector_if_any(bind, "attn_output.bias", m->n_embd);
}

void decoder_bind_attention(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	const struct model *m = decoder->model;
	int64_t q_elems = (int64_t)m->n_head * m->head_dim;
	int64_t kv_elems = (int64_t)m->n_kv_head * m->head_dim;

	bind_matrix(bind, &layer->q, "attn_q.weight", q_elems, m->n_embd);
	bind_matrix(bind, &layer->k, "attn_k.weight", kv_elems, m->n_embd);
	bind_matrix(bind, &layer->v, "attn_v.weight", kv_elems, m->n_embd);
	layer->q_bias = bind_vector_if_any(bind, "attn_q.bias", q_elems);
	layer->k_bias = bind_vector_if_any(bind, "attn_k.bias", kv_elems);
	layer->v_bias = bind_vector_if_any(bind, "attn_v.bias", kv_elems);
	decoder_bind_attention_ends(decoder, bind, layer);
}

void decoder_bind_head_norms(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	layer->q_norm = bind_vector(bind, "attn_q_norm.weight", decoder->model->head_dim);
	layer->k_norm = bind_vector(bind, "attn_k_norm.weight", decoder->model->head_dim);
}

void decoder_bind_ffn(const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	const struct model *m = decoder->model;

	layer->ffn_norm = bind_vector(bind, "ffn_norm.weight", m->n_embd);
	bind_matrix(bind, &layer->gate, "ffn_gate.weight", m->n_ff, m->n_embd);
	bind_matrix(bind, &layer->up, "ffn_up.weight", m->n_ff, m->n_embd);
	bind_matrix(bind, &layer->down, "ffn_down.weight", m->n_embd, m->n_ff);
	layer->gate_bias = bind_vector_if_any(bind, "ffn_gate.bias", m->n_ff);
	layer->up_bias = bind_vector_if_any(bind, "ffn_up.bias", m->n_ff);
	layer->down_bias = bind_vector_if_any(bind, "ffn_down.bias", m->n_embd);
}

/* ---- the program ---- */

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
	uint32_t q, k, v, table[DECODER_MAX_ROPES];
};

static struct attention_buffers add_attention_buffers(
	const struct decoder *decoder, struct program *program)
{
	const struct model *model = decoder->model;
	int64_t kv_elems = (int64_t)model->n_kv_head * model->head_dim;
	struct attention_buffers b = {
		.q = emit_rows_buffer(program, ROWS_ALL, (int64_t)model->n_head * model->head_dim),
		.k = emit_rows_buffer(program, ROWS_ALL, kv_elems),
		.v = emit_rows_buffer(program, ROWS_ALL, kv_elems),
	};

	for (int32_t i = 0; i < decoder->n_rope; i++) {
		b.table[i] = emit_rows_buffer(program, ROWS_ALL, 2 * decoder->rope[i].n_freq);
	}
	return b;
}

static void emit_start(const struct decoder *decoder, struct program *program, uint32_t x,
	const struct attention_buffers *b)
{
	uint32_t rows = program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_FILE_WEIGHT, .weight = decoder->embd});
	struct op *op = program_add_op(program, OP_EMBED, ROWS_ALL);

	op->embed = (struct op_embed){.table = {.buffer = rows},
		.out = {.buffer = x},
		.dtype = decoder->embd->dtype,
		.n_embd = decoder->model->n_embd,
		.scale = decoder->embed_scale};
	for (int32_t i = 0; i < decoder->n_rope; i++) {
		const struct rope *rope = &decoder->rope[i];
		struct operand inv_freq = emit_constant(
			program, rope->inv_freq, rope->n_freq * (int64_t)sizeof(double));

		op = program_add_op(program, OP_ROPE_TABLE, ROWS_ALL);
		op->rope_table = (struct op_rope_table){.inv_freq = inv_freq,
			.out = {.buffer = b->table[i]},
			.n_freq = rope->n_freq,
			.magnitude = rope->magnitude};
	}
}

static void emit_positions(const struct decoder *decoder, struct program *program,
	const struct stream *s, const struct attention_buffers *b, const struct decoder_layer *l)
{
	const struct model *model = decoder->model;
	struct op *op;

	if (l->q_norm) {
		emit_head_norm(program, s->rows, b->q, l->q_norm, model->n_head, decoder->eps);
		emit_head_norm(program, s->rows, b->k, l->k_norm, model->n_kv_head, decoder->eps);
	}
	op = program_add_op(program, OP_ROPE, s->rows);
	op->rope = (struct op_rope){.table = {.buffer = b->table[l->rope]},
		.q = {.buffer = b->q},
		.k = {.buffer = b->k},
		.n_head = model->n_head,
		.n_kv_head = model->n_kv_head,
		.head_dim = model->head_dim,
		.n_freq = decoder->rope[l->rope].n_freq,
		.neox = decoder->is_neox};
}

static void emit_attention(const struct decoder *decoder, struct program *program,
	const struct stream *s, const struct attention_buffers *b, const struct decoder_layer *l,
	int32_t layer)
{
	const struct emit_part qkv[] = {
		{&l->q, l->q_bias, b->q},
		{&l->k, l->k_bias, b->k},
		{&l->v, l->v_bias, b->v},
	};
	struct op *op;

	emit_rmsnorm(program, s->rows, s->x, l->attn_norm, s->normed, decoder->eps);
	emit_matmul(program, s->rows, s->normed, decoder->model->n_embd, qkv, 3, 0);
	emit_positions(decoder, program, s, b, l);
	op = program_add_op(program, OP_KV_WRITE, s->rows);
	op->kv_write =
		(struct op_kv_write){.k = {.buffer = b->k}, .v = {.buffer = b->v}, .layer = layer};
	op = program_add_op(program, OP_ATTENTION, s->rows);
	op->attention = (struct op_attention){.q = {.buffer = b->q},
		.out = {.buffer = s->attn},
		.layer = layer,
		.n_head = decoder->model->n_head,
		.scale = decoder->attention_scale,
		.window_tok = l->window_tok,
		.softcap = decoder->attention_softcap};
}

/* The last product of a branch joins the residual stream, behind its norm if it has one. */
static void emit_branch_end(const struct decoder *decoder, struct program *program,
	const struct stream *s, uint32_t in, const struct weight *weight, const struct weight *bias,
	const struct weight *post_norm)
{
	struct emit_part part = {weight, bias, post_norm ? s->normed : s->x};

	emit_matmul(program, s->rows, in, weight->row_elems, &part, 1, !post_norm);
	if (post_norm) {
		emit_rmsnorm_add(program, s->rows, s->normed, post_norm, s->x, decoder->eps);
	}
}

/* The attention's output joins the residual, then the feed-forward network. */
static void emit_rest_of_block(const struct decoder *decoder, struct program *program,
	const struct stream *s, const struct decoder_layer *l)
{
	const struct model *model = decoder->model;
	const struct emit_part gate_up[] = {
		{&l->gate, l->gate_bias, s->gate},
		{&l->up, l->up_bias, s->up},
	};
	struct op *op;

	emit_branch_end(
		decoder, program, s, s->attn, &l->attn_out, l->attn_out_bias, l->attn_post_norm);
	emit_rmsnorm(program, s->rows, s->x, l->ffn_norm, s->normed, decoder->eps);
	emit_matmul(program, s->rows, s->normed, model->n_embd, gate_up, 2, 0);
	op = program_add_op(program, OP_GLU, s->rows);
	op->glu = (struct op_glu){.gate = {.buffer = s->gate},
		.up = {.buffer = s->up},
		.out = {.buffer = s->gate},
		.n = model->n_ff,
		.act = decoder->act};
	emit_branch_end(decoder, program, s, s->gate, &l->down, l->down_bias, l->ffn_post_norm);
}

/*
 * The residual stream as it stands here is what an embedding is the mean of: halfway up it says what
 * a text is about, further up what word comes next.
 */
static void mark_embedding(struct program *program, const struct model *model, uint32_t x)
{
	program->embedding = (struct embedding_rule){
		.n_op = program->n_op, .buffer = x, .n = model->n_embd, .pooling = POOLING_MEAN};
}

static void emit_end(
	const struct decoder *decoder, struct program *program, const struct stream *wanted)
{
	const struct model *model = decoder->model;
	struct operand logits;

	emit_rmsnorm(program, ROWS_OUT, wanted->x, decoder->norm, wanted->normed, decoder->eps);
	program->logits = program_add_buffer(
		program, (struct buffer_desc){.kind = BUFFER_LOGITS,
				 .rows = ROWS_OUT,
				 .row_bytes = model->n_vocab * (int64_t)sizeof(float)});
	emit_matmul(program, ROWS_OUT, wanted->normed, model->n_embd,
		&(struct emit_part){decoder->output, NULL, program->logits}, 1, 0);
	if (decoder->logit_softcap > 0) {
		logits = (struct operand){.buffer = program->logits};
		program_add_op(program, OP_SOFTCAP, ROWS_OUT)->softcap =
			(struct op_softcap){.in = logits,
				.out = logits,
				.n = model->n_vocab,
				.cap = decoder->logit_softcap};
	}
}

int decoder_emit(
	const struct model *model, int64_t context_tok, struct program *program, struct err *err)
{
	struct decoder_layer layer;
	struct attention_buffers b;
	struct stream all, wanted;
	struct decoder decoder;
	struct bind bind;

	if (begin(&decoder, &bind, model, context_tok, err) < 0) {
		return -1;
	}
	all = add_stream(model, program, ROWS_ALL);
	wanted = add_stream(model, program, ROWS_OUT);
	b = add_attention_buffers(&decoder, program);
	emit_start(&decoder, program, all.x, &b);
	for (int32_t i = 0; i < model->n_layer; i++) {
		next_layer(&layer, &decoder, &bind);
		if (bind.has_failed) {
			break;
		}
		if (i == model->n_layer / 2) {
			mark_embedding(program, model, all.x);
		}
		emit_attention(&decoder, program, &all, &b, &layer, i);
		/* After the last attention no other token needs the rest of the row. */
		if (i == model->n_layer - 1) {
			emit_gather(program, all.x, wanted.x, model->n_embd);
			emit_gather(program, all.attn, wanted.attn, layer.attn_out.row_elems);
			emit_rest_of_block(&decoder, program, &wanted, &layer);
		} else {
			emit_rest_of_block(&decoder, program, &all, &layer);
		}
	}
	emit_end(&decoder, program, &wanted);
	return bind_finish(&bind);
}
