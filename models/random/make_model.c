/*
 * Writes models of the llama family that nobody trained.
 *
 *   make_model --out FILE TEXT...                  the tiny default model; its merges are learned
 *                                                  from the texts
 *   make_model --out FILE --shape 1b --type q8_0   the exact shape of Llama-3.2-1B, for benchmarks
 *
 * The same arguments give the same model. Types: f16 bf16 q8_0 q4_0 q4_k (the last with the mix of
 * llama.cpp's Q4_K_M).
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/model/gguf_write.h"
#include "models/random/blocks.h"
#include "models/random/vocabulary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
	const char *name;
	int64_t n_layer, n_embd, n_ff, n_head, n_kv_head, head_dim, n_vocab, n_special;
	int64_t context_tok;
	float rope_base, rope_factor; /* rope_factor: Llama 3's long-context scaling, 0 for none */
	/* Standard deviations: of the embeddings; of the rest, times 1 / sqrt(row_elems). */
	float embedding, query_key, value, output, gate_up, down;
};

/*
 * Logits of standard deviation 2: that of the embedding times sqrt(n_embd). The layers' share of the
 * residual outweighs the embedding's, or the model would say its last token for ever, and attention
 * is sharp enough to tell positions apart, or it would soon go round in circles.
 */
static const struct shape tiny = {
	.name = "carrel random",
	.n_layer = 4,
	.n_embd = 256,
	.n_ff = 512,
	.n_head = 4,
	.n_kv_head = 2,
	.head_dim = 64,
	.n_vocab = 1024,
	.n_special = 24,
	.context_tok = 131072,
	.rope_base = 500000,
	.embedding = 0.125f,
	.query_key = 3,
	.value = 1,
	.output = 3,
	.gate_up = 1,
	.down = 3,
};

static const struct shape llama_1b = {
	.name = "random, shape of Llama-3.2-1B",
	.n_layer = 16,
	.n_embd = 2048,
	.n_ff = 8192,
	.n_head = 32,
	.n_kv_head = 8,
	.head_dim = 64,
	.n_vocab = 128256,
	.n_special = 256,
	.context_tok = 131072,
	.rope_base = 500000,
	.rope_factor = 32,
	.embedding = 0.03f,
	.query_key = 1,
	.value = 1,
	.output = 1,
	.gate_up = 1,
	.down = 1,
};

struct options {
	const char *out;
	const struct shape *shape;
	enum dtype type;
	struct buf text;
};

/* A tensor of the file: its table row, and what fills it. */
struct tensor {
	char *name;
	enum dtype dtype;
	int64_t n_row, row_elems;
	float scale; /* standard deviation; 0: a norm's weights, about 1 */
};

struct tensors {
	struct tensor *tensor;
	size_t count, cap;
};

static void add_tensor(struct tensors *tensors, char *name, enum dtype dtype, int64_t n_row,
	int64_t row_elems, float scale)
{
	mem_grow(tensors->tensor, tensors->count, tensors->cap);
	tensors->tensor[tensors->count++] = (struct tensor){name, dtype, n_row, row_elems, scale};
}

static void add_layer_tensor(struct tensors *tensors, int64_t layer, const char *name,
	enum dtype dtype, int64_t n_row, int64_t row_elems, float scale)
{
	add_tensor(tensors, mem_printf("blk.%d.%s.weight", (int)layer, name), dtype, n_row,
		row_elems, scale / sqrtf((float)row_elems));
}

/* The layers whose value and down projections Q4_K_M keeps at six bits. */
static int keeps_more_bits(int64_t layer, int64_t n_layer)
{
	return layer < n_layer / 8 || layer >= 7 * n_layer / 8 || (layer - n_layer / 8) % 3 == 2;
}

static void list_tensors(struct tensors *tensors, const struct shape *shape, enum dtype type)
{
	int64_t n_embd = shape->n_embd, q_dim = shape->n_head * shape->head_dim;
	int64_t kv_dim = shape->n_kv_head * shape->head_dim;

	/* tied: the embedding is the output matrix too */
	add_tensor(tensors, mem_strdup("token_embd.weight"), type == DTYPE_Q4_K ? DTYPE_Q6_K : type,
		shape->n_vocab, n_embd, shape->embedding);
	add_tensor(tensors, mem_strdup("output_norm.weight"), DTYPE_F32, 1, n_embd, 0);
	for (int64_t i = 0; i < shape->n_layer; i++) {
		enum dtype more = type == DTYPE_Q4_K && keeps_more_bits(i, shape->n_layer)
					  ? DTYPE_Q6_K
					  : type;

		add_layer_tensor(tensors, i, "attn_norm", DTYPE_F32, 1, n_embd, 0);
		add_layer_tensor(tensors, i, "attn_q", type, q_dim, n_embd, shape->query_key);
		add_layer_tensor(tensors, i, "attn_k", type, kv_dim, n_embd, shape->query_key);
		add_layer_tensor(tensors, i, "attn_v", more, kv_dim, n_embd, shape->value);
		add_layer_tensor(tensors, i, "attn_output", type, n_embd, q_dim, shape->output);
		add_layer_tensor(tensors, i, "ffn_norm", DTYPE_F32, 1, n_embd, 0);
		add_layer_tensor(tensors, i, "ffn_gate", type, shape->n_ff, n_embd, shape->gate_up);
		add_layer_tensor(tensors, i, "ffn_up", type, shape->n_ff, n_embd, shape->gate_up);
		add_layer_tensor(tensors, i, "ffn_down", more, n_embd, shape->n_ff, shape->down);
	}
}

static void write_metadata(struct gguf_writer *writer, const struct shape *shape)
{
	gguf_writer_add_string(writer, "general.architecture", "llama");
	gguf_writer_add_string(writer, "general.name", shape->name);
	gguf_writer_add_string(writer, "general.license", "gpl-3.0");
	gguf_writer_add_int(writer, "carrel.random", GGUF_BOOL, 1);
	gguf_writer_add_int(writer, "llama.vocab_size", GGUF_UINT32, shape->n_vocab);
	gguf_writer_add_int(writer, "llama.context_length", GGUF_UINT32, shape->context_tok);
	gguf_writer_add_int(writer, "llama.embedding_length", GGUF_UINT32, shape->n_embd);
	gguf_writer_add_int(writer, "llama.block_count", GGUF_UINT32, shape->n_layer);
	gguf_writer_add_int(writer, "llama.feed_forward_length", GGUF_UINT32, shape->n_ff);
	gguf_writer_add_int(writer, "llama.attention.head_count", GGUF_UINT32, shape->n_head);
	gguf_writer_add_int(writer, "llama.attention.head_count_kv", GGUF_UINT32, shape->n_kv_head);
	gguf_writer_add_int(writer, "llama.attention.key_length", GGUF_UINT32, shape->head_dim);
	gguf_writer_add_int(writer, "llama.attention.value_length", GGUF_UINT32, shape->head_dim);
	gguf_writer_add_float(writer, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	gguf_writer_add_float(writer, "llama.rope.freq_base", shape->rope_base);
	gguf_writer_add_int(writer, "llama.rope.dimension_count", GGUF_UINT32, shape->head_dim);
}

/*
 * Llama 3's long-context scaling as GGUF stores it: what each inverse frequency is divided by
 * (`rope_type: llama3` of Hugging Face's configuration: low_freq_factor 1, high_freq_factor 4,
 * original_max_position_embeddings 8192).
 */
static int write_rope_factors(
	struct gguf_writer *writer, const struct shape *shape, struct err *err)
{
	float factor[256];

	for (int64_t i = 0; i < shape->head_dim / 2; i++) {
		double turns =
			8192 /
			(2 * M_PI * pow(shape->rope_base, 2 * (double)i / (double)shape->head_dim));
		double smooth = (turns - 1) / (4 - 1);

		smooth = smooth < 0 ? 0 : smooth > 1 ? 1 : smooth;
		factor[i] = (float)(1 / ((1 - smooth) / shape->rope_factor + smooth));
	}
	return gguf_writer_data(
		writer, factor, (size_t)(shape->head_dim / 2) * sizeof(*factor), err);
}

static int write_norm(
	struct gguf_writer *writer, const struct tensor *tensor, uint64_t seed, struct err *err)
{
	float *row = mem_alloc((size_t)tensor->row_elems * sizeof(*row));
	int result;

	for (int64_t i = 0; i < tensor->row_elems; i++) {
		row[i] = 1 + 0.1f * (float)rng_normal(seed, (uint64_t)i);
	}
	result = gguf_writer_data(writer, row, (size_t)tensor->row_elems * sizeof(*row), err);
	free(row);
	return result;
}

/* Normal weights, quantized: what a small model is made of. */
static int write_normal(
	struct gguf_writer *writer, const struct tensor *tensor, uint64_t seed, struct err *err)
{
	size_t row_bytes = (size_t)dtype_row_bytes(tensor->dtype, tensor->row_elems);
	float *row = mem_alloc((size_t)tensor->row_elems * sizeof(*row));
	uint8_t *stored = mem_alloc(row_bytes);
	int result = 0;

	for (int64_t r = 0; r < tensor->n_row && result == 0; r++) {
		for (int64_t i = 0; i < tensor->row_elems; i++) {
			uint64_t at = (uint64_t)(r * tensor->row_elems + i);

			row[i] = tensor->scale * (float)rng_normal(seed, at);
		}
		dtype_quantize(tensor->dtype, row, stored, tensor->row_elems);
		result = gguf_writer_data(writer, stored, row_bytes, err);
	}
	free(row);
	free(stored);
	return result;
}

static int write_blocks(
	struct gguf_writer *writer, const struct tensor *tensor, uint64_t seed, struct err *err)
{
	size_t row_bytes = (size_t)dtype_row_bytes(tensor->dtype, tensor->row_elems);
	uint8_t *stored = mem_alloc(row_bytes);
	struct blocks blocks;
	int result = 0;

	blocks_init(&blocks, tensor->dtype, tensor->scale, seed);
	for (int64_t r = 0; r < tensor->n_row && result == 0; r++) {
		blocks_fill(&blocks, stored, tensor->row_elems);
		result = gguf_writer_data(writer, stored, row_bytes, err);
	}
	free(stored);
	return result;
}

static int write_model(struct gguf_writer *writer, const struct options *options, struct err *err)
{
	const struct shape *shape = options->shape;
	struct vocabulary vocabulary;
	struct tensors tensors = {0};
	int result;

	if (shape == &tiny) {
		vocabulary_learn(&vocabulary, buf_str(&options->text), options->text.len,
			(size_t)shape->n_vocab, (size_t)shape->n_special);
	} else {
		vocabulary_generate(&vocabulary, (size_t)shape->n_vocab, (size_t)shape->n_special);
	}
	write_metadata(writer, shape);
	vocabulary_write(&vocabulary, writer);
	vocabulary_finish(&vocabulary);
	if (shape->rope_factor > 0) {
		gguf_writer_add_tensor(
			writer, "rope_freqs.weight", DTYPE_F32, 1, shape->head_dim / 2);
	}
	list_tensors(&tensors, shape, options->type);
	for (size_t i = 0; i < tensors.count; i++) {
		const struct tensor *tensor = &tensors.tensor[i];

		gguf_writer_add_tensor(
			writer, tensor->name, tensor->dtype, tensor->n_row, tensor->row_elems);
	}
	result = gguf_writer_begin(writer, err);
	if (result == 0 && shape->rope_factor > 0) {
		result = write_rope_factors(writer, shape, err);
	}
	for (size_t i = 0; i < tensors.count; i++) {
		const struct tensor *tensor = &tensors.tensor[i];

		if (result == 0) {
			result = tensor->scale == 0 ? write_norm(writer, tensor, i, err)
				 : shape == &tiny   ? write_normal(writer, tensor, i, err)
						    : write_blocks(writer, tensor, i, err);
		}
		free(tensor->name);
	}
	free(tensors.tensor);
	return result;
}

static int parse_type(struct options *options, const char *name, struct err *err)
{
	static const struct {
		const char *name;
		enum dtype dtype;
	} types[] = {{"f16", DTYPE_F16}, {"bf16", DTYPE_BF16}, {"q8_0", DTYPE_Q8_0},
		{"q4_0", DTYPE_Q4_0}, {"q4_k", DTYPE_Q4_K}};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].name, name) == 0) {
			options->type = types[i].dtype;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "--type", "give one of f16 bf16 q8_0 q4_0 q4_k",
		"there is no type \"%s\"", name);
}

static int parse_options(struct options *options, int argc, char **argv, struct err *err)
{
	*options = (struct options){.shape = &tiny, .type = DTYPE_Q8_0};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--out") == 0) {
			options->out = argv[++i];
		} else if (strcmp(argv[i], "--type") == 0) {
			i++;
			if (parse_type(options, value, err) < 0) {
				return -1;
			}
		} else if (strcmp(argv[i], "--shape") == 0) {
			i++;
			if (strcmp(value, "1b") != 0 && strcmp(value, "tiny") != 0) {
				return err_set(err, ERR_USAGE, "--shape", "give tiny or 1b",
					"there is no shape \"%s\"", value);
			}
			options->shape = strcmp(value, "1b") == 0 ? &llama_1b : &tiny;
		} else if (file_read(&options->text, argv[i], 1 << 20, err) < 0) {
			return -1;
		}
	}
	if (!options->out) {
		return err_set(err, ERR_USAGE, NULL, NULL, "%s",
			"usage: make_model --out FILE [--shape tiny|1b] [--type TYPE] [TEXT...]");
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct gguf_writer *writer = NULL;
	struct options options;
	struct err err;
	char text[1024];
	int result = parse_options(&options, argc, argv, &err);

	if (result == 0) {
		result = gguf_writer_create(&writer, options.out, &err);
	}
	if (result == 0) {
		result = write_model(writer, &options, &err);
	}
	if (result == 0) {
		result = gguf_writer_finish(writer, &err);
	}
	gguf_writer_destroy(writer);
	buf_finish(&options.text);
	if (result < 0) {
		fprintf(stderr, "make_model: %s\n", err_format(&err, text, sizeof(text)));
		return err.code;
	}
	return 0;
}
