/*
 * Writes models that nobody trained.
 *
 *   make_model --out FILE TEXT...                  the tiny default model; its merges are learned
 *                                                  from the texts
 *   make_model --out FILE --shape 1b --type q8_0   the exact shape of Llama-3.2-1B, for benchmarks
 *   make_model --out FILE --arch qwen3 ...         of another family: qwen2 qwen3 gemma3 phi3; 1b is
 *                                                  then the exact shape of Qwen2.5-1.5B, Qwen3-1.7B
 *                                                  or Gemma-3-1B (Phi has none of that size)
 *
 *   make_model --out FILE --template FILE ...      with this chat template in place of Llama 3's
 *
 * The same arguments give the same model. Types: all of kernels/dtype.h that a GGUF file can hold
 * (q4_k with the mix of llama.cpp's Q4_K_M).
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
#include <strings.h>

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

static const struct shape qwen2_1b = {
	.name = "random, shape of Qwen2.5-1.5B",
	.n_layer = 28,
	.n_embd = 1536,
	.n_ff = 8960,
	.n_head = 12,
	.n_kv_head = 2,
	.head_dim = 128,
	.n_vocab = 151936,
	.n_special = 256,
	.context_tok = 32768,
	.rope_base = 1000000,
	.embedding = 0.03f,
	.query_key = 1,
	.value = 1,
	.output = 1,
	.gate_up = 1,
	.down = 1,
};

static const struct shape qwen3_1b = {
	.name = "random, shape of Qwen3-1.7B",
	.n_layer = 28,
	.n_embd = 2048,
	.n_ff = 6144,
	.n_head = 16,
	.n_kv_head = 8,
	.head_dim = 128,
	.n_vocab = 151936,
	.n_special = 256,
	.context_tok = 40960,
	.rope_base = 1000000,
	.embedding = 0.03f,
	.query_key = 1,
	.value = 1,
	.output = 1,
	.gate_up = 1,
	.down = 1,
};

static const struct shape gemma3_1b = {
	.name = "random, shape of Gemma-3-1B",
	.n_layer = 26,
	.n_embd = 1152,
	.n_ff = 6912,
	.n_head = 4,
	.n_kv_head = 1,
	.head_dim = 256,
	.n_vocab = 262144,
	.n_special = 256,
	.context_tok = 32768,
	.rope_base = 1000000,
	.embedding = 0.03f,
	.query_key = 1,
	.value = 1,
	.output = 1,
	.gate_up = 1,
	.down = 1,
};

/* Phi has none of that size: its blocks in the shape of Llama-3.2-1B, as Phi-3-mini-4k else. */
static const struct shape phi3_1b = {
	.name = "random, Phi-3 of a billion",
	.n_layer = 16,
	.n_embd = 2048,
	.n_ff = 8192,
	.n_head = 32,
	.n_kv_head = 32,
	.head_dim = 64,
	.n_vocab = 32064,
	.n_special = 256,
	.context_tok = 4096,
	.rope_base = 10000,
	.embedding = 0.03f,
	.query_key = 1,
	.value = 1,
	.output = 1,
	.gate_up = 1,
	.down = 1,
};

/* What distinguishes a family's block from Llama's. */
struct arch {
	const char *name; /* as GGUF has it */
	const struct shape *large;
	int64_t n_tiny_layer;
	int64_t window_tok; /* 0: none */
	int has_bias;       /* on queries, keys and values */
	int has_head_norms;
	int has_post_norms; /* behind attention and feed-forward */
	int is_fused;       /* q, k and v in one tensor, gate and up in another */
};

static const struct arch archs[] = {
	{.name = "llama", .large = &llama_1b, .n_tiny_layer = 4},
	{.name = "qwen2", .large = &qwen2_1b, .n_tiny_layer = 4, .has_bias = 1},
	{.name = "qwen3", .large = &qwen3_1b, .n_tiny_layer = 4, .has_head_norms = 1},
	/* every sixth layer sees everything */
	{.name = "gemma3",
		.large = &gemma3_1b,
		.n_tiny_layer = 7,
		.window_tok = 512,
		.has_head_norms = 1,
		.has_post_norms = 1},
	{.name = "phi3", .large = &phi3_1b, .n_tiny_layer = 4, .window_tok = 2047, .is_fused = 1},
};

struct options {
	const char *out;
	const struct arch *arch;
	struct shape shape;
	int is_tiny;
	enum dtype type;
	struct buf template; /* empty: Llama 3's */
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

static void add_norm(struct tensors *tensors, int64_t layer, const char *name, int64_t n)
{
	add_layer_tensor(tensors, layer, name, DTYPE_F32, 1, n, 0);
}

/* `more` is the type of what keeps more bits. */
static void list_attention(struct tensors *tensors, int64_t layer, const struct shape *shape,
	const struct arch *arch, enum dtype type, enum dtype more)
{
	int64_t n_embd = shape->n_embd, q_dim = shape->n_head * shape->head_dim;
	int64_t kv_dim = shape->n_kv_head * shape->head_dim;

	add_norm(tensors, layer, "attn_norm", n_embd);
	if (arch->is_fused) {
		add_layer_tensor(tensors, layer, "attn_qkv", type, q_dim + 2 * kv_dim, n_embd,
			shape->query_key);
	} else {
		add_layer_tensor(tensors, layer, "attn_q", type, q_dim, n_embd, shape->query_key);
		add_layer_tensor(tensors, layer, "attn_k", type, kv_dim, n_embd, shape->query_key);
		add_layer_tensor(tensors, layer, "attn_v", more, kv_dim, n_embd, shape->value);
	}
	if (arch->has_bias) {
		static const char *const name[] = {"attn_q", "attn_k", "attn_v"};

		for (int i = 0; i < 3; i++) {
			add_tensor(tensors, mem_printf("blk.%d.%s.bias", (int)layer, name[i]),
				DTYPE_F32, 1, i ? kv_dim : q_dim, 0.3f);
		}
	}
	if (arch->has_head_norms) {
		add_norm(tensors, layer, "attn_q_norm", shape->head_dim);
		add_norm(tensors, layer, "attn_k_norm", shape->head_dim);
	}
	add_layer_tensor(tensors, layer, "attn_output", type, n_embd, q_dim, shape->output);
	if (arch->has_post_norms) {
		add_norm(tensors, layer, "post_attention_norm", n_embd);
	}
}

static void list_ffn(struct tensors *tensors, int64_t layer, const struct shape *shape,
	const struct arch *arch, enum dtype type, enum dtype more)
{
	int64_t n_embd = shape->n_embd;

	add_norm(tensors, layer, "ffn_norm", n_embd);
	if (!arch->is_fused) {
		add_layer_tensor(
			tensors, layer, "ffn_gate", type, shape->n_ff, n_embd, shape->gate_up);
	}
	add_layer_tensor(tensors, layer, "ffn_up", type, shape->n_ff * (arch->is_fused ? 2 : 1),
		n_embd, shape->gate_up);
	add_layer_tensor(tensors, layer, "ffn_down", more, n_embd, shape->n_ff, shape->down);
	if (arch->has_post_norms) {
		add_norm(tensors, layer, "post_ffw_norm", n_embd);
	}
}

static void list_tensors(struct tensors *tensors, const struct options *options)
{
	const struct shape *shape = &options->shape;
	enum dtype type = options->type;

	/* tied: the embedding is the output matrix too */
	add_tensor(tensors, mem_strdup("token_embd.weight"), type == DTYPE_Q4_K ? DTYPE_Q6_K : type,
		shape->n_vocab, shape->n_embd, shape->embedding);
	add_tensor(tensors, mem_strdup("output_norm.weight"), DTYPE_F32, 1, shape->n_embd, 0);
	for (int64_t i = 0; i < shape->n_layer; i++) {
		enum dtype more = type == DTYPE_Q4_K && keeps_more_bits(i, shape->n_layer)
					  ? DTYPE_Q6_K
					  : type;

		list_attention(tensors, i, shape, options->arch, type, more);
		list_ffn(tensors, i, shape, options->arch, type, more);
	}
}

static void add_int(
	struct gguf_writer *writer, const struct arch *arch, const char *name, int64_t value)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", arch->name, name);
	gguf_writer_add_int(writer, key, GGUF_UINT32, value);
}

static void add_float(
	struct gguf_writer *writer, const struct arch *arch, const char *name, float value)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", arch->name, name);
	gguf_writer_add_float(writer, key, value);
}

static void write_metadata(
	struct gguf_writer *writer, const struct shape *shape, const struct arch *arch)
{
	gguf_writer_add_string(writer, "general.architecture", arch->name);
	gguf_writer_add_string(writer, "general.name", shape->name);
	gguf_writer_add_string(writer, "general.license", "gpl-3.0");
	gguf_writer_add_int(writer, "carrel.random", GGUF_BOOL, 1);
	add_int(writer, arch, "vocab_size", shape->n_vocab);
	add_int(writer, arch, "context_length", shape->context_tok);
	add_int(writer, arch, "embedding_length", shape->n_embd);
	add_int(writer, arch, "block_count", shape->n_layer);
	add_int(writer, arch, "feed_forward_length", shape->n_ff);
	add_int(writer, arch, "attention.head_count", shape->n_head);
	add_int(writer, arch, "attention.head_count_kv", shape->n_kv_head);
	add_int(writer, arch, "attention.key_length", shape->head_dim);
	add_int(writer, arch, "attention.value_length", shape->head_dim);
	add_float(writer, arch, "attention.layer_norm_rms_epsilon", 1e-5f);
	add_float(writer, arch, "rope.freq_base", shape->rope_base);
	add_int(writer, arch, "rope.dimension_count", shape->head_dim);
	if (arch->window_tok > 0) {
		add_int(writer, arch, "attention.sliding_window", arch->window_tok);
	}
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

/* One after another, and slowly: vectors, and all of a small model. */
static int is_normal(const struct options *options, const struct tensor *tensor)
{
	return options->is_tiny || tensor->dtype == DTYPE_F32;
}

static int write_tensor(struct gguf_writer *writer, const struct options *options,
	const struct tensor *tensor, uint64_t seed, struct err *err)
{
	const struct dtype_info *info = dtype_info(tensor->dtype);

	if (tensor->row_elems % info->block_elems) {
		return err_set(err, ERR_USAGE, "--type", "give q8_0 or q4_0",
			"%s has rows of %lld elements, which blocks of %s do not fill",
			tensor->name, (long long)tensor->row_elems, info->name);
	}
	if (tensor->scale == 0) {
		return write_norm(writer, tensor, seed, err);
	}
	return is_normal(options, tensor) ? write_normal(writer, tensor, seed, err)
					  : write_blocks(writer, tensor, seed, err);
}

static int write_model(struct gguf_writer *writer, const struct options *options, struct err *err)
{
	const struct shape *shape = &options->shape;
	struct vocabulary vocabulary;
	struct tensors tensors = {0};
	int result;

	if (options->is_tiny) {
		vocabulary_learn(&vocabulary, buf_str(&options->text), options->text.len,
			(size_t)shape->n_vocab, (size_t)shape->n_special);
	} else {
		vocabulary_generate(&vocabulary, (size_t)shape->n_vocab, (size_t)shape->n_special);
	}
	write_metadata(writer, shape, options->arch);
	vocabulary_write(
		&vocabulary, writer, options->template.len ? buf_str(&options->template) : NULL);
	vocabulary_finish(&vocabulary);
	if (shape->rope_factor > 0) {
		gguf_writer_add_tensor(
			writer, "rope_freqs.weight", DTYPE_F32, 1, shape->head_dim / 2);
	}
	list_tensors(&tensors, options);
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
			result = write_tensor(writer, options, tensor, i, err);
		}
		free(tensor->name);
	}
	free(tensors.tensor);
	return result;
}

/* GGUF's names in lower case: "q4_k"; all that blocks_fill() and dtype_quantize() know. */
static int parse_type(struct options *options, const char *name, struct err *err)
{
	struct buf known = BUF_INIT;

	buf_printf(&known, "give one of");
	for (int i = DTYPE_F16; i < DTYPE_COUNT; i++) {
		const struct dtype_info *info = dtype_info((enum dtype)i);

		if (info->gguf_type == UINT32_MAX) {
			continue;
		}
		if (strcasecmp(info->name, name) == 0) {
			options->type = (enum dtype)i;
			buf_finish(&known);
			return 0;
		}
		buf_printf(&known, " %s", info->name);
	}
	err_set(err, ERR_USAGE, "--type", buf_str(&known), "there is no type \"%s\"", name);
	buf_finish(&known);
	return -1;
}

static int parse_arch(struct options *options, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
		if (strcmp(archs[i].name, name) == 0) {
			options->arch = &archs[i];
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "--arch", "give one of llama qwen2 qwen3 gemma3 phi3",
		"there is no architecture \"%s\"", name);
}

static int parse_shape(struct options *options, const char *name, struct err *err)
{
	options->is_tiny = strcmp(name, "tiny") == 0;
	return options->is_tiny || strcmp(name, "1b") == 0
		       ? 0
		       : err_set(err, ERR_USAGE, "--shape", "give tiny or 1b",
				 "there is no shape \"%s\"", name);
}

static int parse_option(struct options *options, const char *name, const char *value,
	int *takes_value, struct err *err)
{
	*takes_value = 1;
	if (strcmp(name, "--out") == 0) {
		options->out = value;
		return 0;
	}
	if (strcmp(name, "--type") == 0) {
		return parse_type(options, value, err);
	}
	if (strcmp(name, "--arch") == 0) {
		return parse_arch(options, value, err);
	}
	if (strcmp(name, "--shape") == 0) {
		return parse_shape(options, value, err);
	}
	if (strcmp(name, "--template") == 0) {
		return file_read(&options->template, value, 1 << 20, err);
	}
	*takes_value = 0;
	return file_read(&options->text, name, 1 << 20, err);
}

static int parse_options(struct options *options, int argc, char **argv, struct err *err)
{
	*options = (struct options){.arch = &archs[0], .is_tiny = 1, .type = DTYPE_Q8_0};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		int takes_value;

		if (parse_option(options, argv[i], value, &takes_value, err) < 0) {
			return -1;
		}
		i += takes_value;
	}
	if (!options->out || !options->out[0]) {
		return err_set(err, ERR_USAGE, NULL, NULL, "%s",
			"usage: make_model --out FILE [--arch ARCH] [--shape tiny|1b] [--type "
			"TYPE] [--template FILE] [TEXT...]");
	}
	options->shape = options->is_tiny ? tiny : *options->arch->large;
	if (options->is_tiny) {
		options->shape.n_layer = options->arch->n_tiny_layer;
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
	buf_finish(&options.template);
	if (result < 0) {
		fprintf(stderr, "make_model: %s\n", err_format(&err, text, sizeof(text)));
		return err.code;
	}
	return 0;
}
