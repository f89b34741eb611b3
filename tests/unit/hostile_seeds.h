/*
 * Small valid files to damage: a model of every family, one that stores its weights in every type,
 * adapters. Made here byte by byte, so that they are the same on every machine.
 */
#ifndef TESTS_UNIT_HOSTILE_SEEDS_H
#define TESTS_UNIT_HOSTILE_SEEDS_H

#include "base/buf.h"
#include "base/file.h"
#include "engine/model/gguf.h"
#include "kernels/dtype.h"
#include "tests/unit/hostile.h"

#include <math.h>

struct seed {
	struct buf pairs, tensors, data;
	uint64_t n_pair, n_tensor;
};

static inline void seed_int(struct buf *buf, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		buf_addch(buf, (char)(value >> 8 * i));
	}
}

static inline void seed_text(struct buf *buf, const char *text)
{
	seed_int(buf, strlen(text), 8);
	buf_addstr(buf, text);
}

static inline void seed_key(struct seed *seed, const char *key, enum gguf_value_type type)
{
	seed_text(&seed->pairs, key);
	seed_int(&seed->pairs, type, 4);
	seed->n_pair++;
}

static inline void seed_string(struct seed *seed, const char *key, const char *value)
{
	seed_key(seed, key, GGUF_STRING);
	seed_text(&seed->pairs, value);
}

static inline void seed_u32(struct seed *seed, const char *family, const char *name, uint32_t value)
{
	char *key = mem_printf("%s.%s", family, name);

	seed_key(seed, key, GGUF_UINT32);
	seed_int(&seed->pairs, value, 4);
	free(key);
}

static inline void seed_f32(struct seed *seed, const char *family, const char *name, float value)
{
	char *key = mem_printf("%s%s%s", family, family[0] ? "." : "", name);
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	seed_key(seed, key, GGUF_FLOAT32);
	seed_int(&seed->pairs, bits, 4);
	free(key);
}

/* Small numbers, a little different in each place; Q8_0 where rows are no whole blocks of `dtype`. */
static inline void seed_tensor(
	struct seed *seed, const char *name, enum dtype dtype, int64_t n_row, int64_t n)
{
	float *row = mem_alloc((size_t)n * sizeof(*row));
	uint8_t *bytes;

	dtype = n % dtype_info(dtype)->block_elems ? DTYPE_Q8_0 : dtype;
	bytes = mem_alloc((size_t)dtype_row_bytes(dtype, n));
	while (seed->data.len % 32) {
		buf_addch(&seed->data, 0);
	}
	seed_text(&seed->tensors, name);
	seed_int(&seed->tensors, n_row > 1 ? 2 : 1, 4);
	seed_int(&seed->tensors, (uint64_t)n, 8);
	if (n_row > 1) {
		seed_int(&seed->tensors, (uint64_t)n_row, 8);
	}
	seed_int(&seed->tensors, dtype_info(dtype)->gguf_type, 4);
	seed_int(&seed->tensors, seed->data.len, 8);
	for (int64_t r = 0; r < n_row; r++) {
		for (int64_t i = 0; i < n; i++) {
			row[i] = (float)((r * 31 + i * 7) % 23 - 11) / 64;
		}
		dtype_quantize(dtype, row, bytes, n);
		buf_add(&seed->data, bytes, (size_t)dtype_row_bytes(dtype, n));
	}
	seed->n_tensor++;
	free(row);
	free(bytes);
}

static inline struct buf seed_end(struct seed *seed)
{
	struct buf file = BUF_INIT;

	buf_addstr(&file, "GGUF");
	seed_int(&file, 3, 4);
	seed_int(&file, seed->n_tensor, 8);
	seed_int(&file, seed->n_pair, 8);
	buf_add(&file, seed->pairs.data, seed->pairs.len);
	buf_add(&file, buf_str(&seed->tensors), seed->tensors.len);
	while (file.len % 32) {
		buf_addch(&file, 0);
	}
	buf_add(&file, buf_str(&seed->data), seed->data.len);
	buf_finish(&seed->pairs);
	buf_finish(&seed->tensors);
	buf_finish(&seed->data);
	*seed = (struct seed){0};
	return file;
}

/* A file of the repository. */
static inline struct buf seed_file(const char *relative)
{
	const char *source = getenv("CARREL_TEST_SOURCE");
	char *path = mem_printf("%s/%s", source ? source : ".", relative);
	struct buf buf = BUF_INIT;
	struct err err;

	if (file_read(&buf, path, (size_t)16 << 20, &err) < 0) {
		fail_msg("%s: %s", path, err.what);
	}
	free(path);
	return buf;
}

/* The tokenizer of another seed. */
static inline void seed_vocabulary(struct seed *seed)
{
	struct buf other = seed_file("tests/fuzz/corpus/model/bpe");
	struct hostile_gguf gguf = hostile_gguf_read(&other);

	for (size_t i = 0; i < gguf.n_pair; i++) {
		const char *pair = other.data + gguf.pair[i].at;

		if (memcmp(pair + 8, "tokenizer.ggml.", 15) == 0) {
			buf_add(&seed->pairs, pair, gguf.pair[i].bytes);
			seed->n_pair++;
		}
	}
	hostile_gguf_finish(&gguf);
	buf_finish(&other);
}

enum { SEED_VOCAB = 264, SEED_HEADS = 2, SEED_HEAD_DIM = 16 };

struct seed_family {
	const char *architecture;
	const char *template; /* of tests/vectors/templates, or NULL */
	int biases, head_norms, is_fused, post_norms;
	int64_t n_embd;
	int32_t n_layer;
	int every_type; /* each matrix in another storage type */
};

static const struct seed_family seed_families[] = {
	{"llama", "llama3", 0, 0, 0, 0, 32, 1, 0},
	{"llama", NULL, 0, 0, 0, 0, 256, 4, 1},
	{"qwen2", "llama3", 1, 0, 0, 0, 32, 1, 0},
	{"qwen3", NULL, 0, 1, 0, 0, 32, 1, 0},
	{"phi3", NULL, 0, 0, 1, 0, 32, 1, 0},
	{"gemma", "llama3", 0, 0, 0, 0, 32, 1, 0},
	{"gemma2", NULL, 0, 0, 0, 1, 32, 2, 0},
	{"gemma3", NULL, 0, 1, 0, 1, 32, 2, 0},
};

struct seed_weights {
	struct seed *seed;
	const struct seed_family *family;
	int32_t n_matrix;
};

static inline void seed_matrix(
	struct seed_weights *w, int32_t layer, const char *name, int64_t n_row, int64_t n)
{
	char *full = layer < 0 ? mem_strdup(name) : mem_printf("blk.%d.%s", (int)layer, name);
	enum dtype dtype = DTYPE_F16;

	if (w->family->every_type && n_row > 1 && n % 256 == 0) {
		dtype = (enum dtype)(w->n_matrix++ % DTYPE_COUNT);
		dtype = dtype_info(dtype)->gguf_type == UINT32_MAX ? DTYPE_Q8_0 : dtype;
	}
	seed_tensor(w->seed, full, n_row > 1 ? dtype : DTYPE_F32, n_row, n);
	free(full);
}

static inline void seed_layer(struct seed_weights *w, int32_t i)
{
	const struct seed_family *f = w->family;
	int64_t q = SEED_HEADS * SEED_HEAD_DIM, kv = SEED_HEAD_DIM, n = f->n_embd;

	seed_matrix(w, i, "attn_norm.weight", 1, n);
	if (f->is_fused) {
		seed_matrix(w, i, "attn_qkv.weight", q + 2 * kv, n);
	} else {
		seed_matrix(w, i, "attn_q.weight", q, n);
		seed_matrix(w, i, "attn_k.weight", kv, n);
		seed_matrix(w, i, "attn_v.weight", kv, n);
	}
	if (f->biases) {
		seed_matrix(w, i, "attn_q.bias", 1, q);
		seed_matrix(w, i, "attn_k.bias", 1, kv);
		seed_matrix(w, i, "attn_v.bias", 1, kv);
	}
	if (f->head_norms) {
		seed_matrix(w, i, "attn_q_norm.weight", 1, SEED_HEAD_DIM);
		seed_matrix(w, i, "attn_k_norm.weight", 1, SEED_HEAD_DIM);
	}
	seed_matrix(w, i, "attn_output.weight", n, q);
	if (f->post_norms) {
		seed_matrix(w, i, "post_attention_norm.weight", 1, n);
		seed_matrix(w, i, "post_ffw_norm.weight", 1, n);
	}
	seed_matrix(w, i, "ffn_norm.weight", 1, n);
	if (!f->is_fused) {
		seed_matrix(w, i, "ffn_gate.weight", 32, n);
	}
	seed_matrix(w, i, "ffn_up.weight", f->is_fused ? 64 : 32, n);
	seed_matrix(w, i, "ffn_down.weight", n, 32);
}

static inline void seed_settings(struct seed *seed, const struct seed_family *f)
{
	const char *a = f->architecture;

	seed_string(seed, "general.architecture", a);
	seed_u32(seed, a, "context_length", 256);
	seed_u32(seed, a, "embedding_length", (uint32_t)f->n_embd);
	seed_u32(seed, a, "block_count", (uint32_t)f->n_layer);
	seed_u32(seed, a, "feed_forward_length", 32);
	seed_u32(seed, a, "attention.head_count", SEED_HEADS);
	seed_u32(seed, a, "attention.head_count_kv", 1);
	seed_u32(seed, a, "attention.key_length", SEED_HEAD_DIM);
	seed_u32(seed, a, "attention.value_length", SEED_HEAD_DIM);
	seed_f32(seed, a, "attention.layer_norm_rms_epsilon", 1e-6f);
	seed_u32(seed, a, "rope.dimension_count", SEED_HEAD_DIM);
	seed_f32(seed, a, "rope.freq_base", 10000);
	if (f->post_norms) {
		seed_u32(seed, a, "attention.sliding_window", 64);
	}
	if (strcmp(a, "gemma2") == 0) {
		seed_f32(seed, a, "attn_logit_softcapping", 50);
		seed_f32(seed, a, "final_logit_softcapping", 30);
	}
	if (f->template) {
		char *path = mem_printf("tests/vectors/templates/%s.jinja", f->template);
		struct buf text = seed_file(path);

		seed_string(seed, "tokenizer.chat_template", buf_str(&text));
		buf_finish(&text);
		free(path);
	}
}

static inline struct buf seed_model(const struct seed_family *family)
{
	struct seed seed = {0};
	/* the largest of them in a small type */
	struct seed_weights weights = {.seed = &seed, .family = family, .n_matrix = DTYPE_Q2_K};

	seed_settings(&seed, family);
	seed_vocabulary(&seed);
	seed_matrix(&weights, -1, "token_embd.weight", SEED_VOCAB, family->n_embd);
	seed_matrix(&weights, -1, "output_norm.weight", 1, family->n_embd);
	for (int32_t i = 0; i < family->n_layer; i++) {
		seed_layer(&weights, i);
	}
	return seed_end(&seed);
}

/* An adapter of the first of the families. */
static inline struct buf seed_adapter(void)
{
	struct seed seed = {0};

	seed_string(&seed, "general.architecture", "llama");
	seed_string(&seed, "general.type", "adapter");
	seed_string(&seed, "general.name", "tiny");
	seed_string(&seed, "adapter.type", "lora");
	seed_f32(&seed, "", "adapter.lora.alpha", 4);
	seed_tensor(&seed, "blk.0.attn_q.weight.lora_a", DTYPE_F32, 2, 32);
	seed_tensor(&seed, "blk.0.attn_q.weight.lora_b", DTYPE_F32, 32, 2);
	seed_tensor(&seed, "blk.0.ffn_down.weight.lora_a", DTYPE_F16, 3, 32);
	seed_tensor(&seed, "blk.0.ffn_down.weight.lora_b", DTYPE_F16, 32, 3);
	seed_tensor(&seed, "output.weight.lora_a", DTYPE_BF16, 2, 32);
	seed_tensor(&seed, "output.weight.lora_b", DTYPE_BF16, SEED_VOCAB, 2);
	return seed_end(&seed);
}

/* ---- PEFT's folder ---- */

static const char seed_peft_config[] =
	"{\"peft_type\": \"LORA\", \"base_model_name_or_path\": \"tiny\", \"bias\": \"none\", "
	"\"init_lora_weights\": true, \"lora_alpha\": 4, \"r\": 2, \"rank_pattern\": "
	"{\"mlp.down_proj\": 3}, \"alpha_pattern\": {\"^model.layers.0.self_attn.q_proj\": 8}, "
	"\"target_modules\": [\"q_proj\", \"down_proj\", \"lm_head\"], \"use_rslora\": true, "
	"\"use_dora\": false, \"modules_to_save\": null, \"fan_in_fan_out\": false}";

/* The header's text; `data` gets the bytes behind it. */
static inline struct buf seed_peft_header(struct buf *data)
{
	static const struct {
		const char *name;
		int n_row, n;
	} tensor[] = {
		{"lm_head.lora_A", 2, 32},
		{"lm_head.lora_B", SEED_VOCAB, 2},
		{"model.layers.0.mlp.down_proj.lora_A", 3, 32},
		{"model.layers.0.mlp.down_proj.lora_B", 32, 3},
		{"model.layers.0.self_attn.q_proj.lora_A", 2, 32},
		{"model.layers.0.self_attn.q_proj.lora_B", 32, 2},
	};
	struct buf text = BUF_INIT;

	buf_addstr(&text, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (size_t i = 0; i < ARRAY_LEN(tensor); i++) {
		size_t begin = data->len;

		for (int j = 0; j < tensor[i].n_row * tensor[i].n; j++) {
			seed_int(data, f32_to_f16((float)(j % 17 - 8) / 16), 2);
		}
		buf_printf(&text,
			",\"base_model.model.%s.weight\":{\"dtype\":\"F16\",\"shape\":[%d,%d],"
			"\"data_offsets\":[%zu,%zu]}",
			tensor[i].name, tensor[i].n_row, tensor[i].n, begin, data->len);
	}
	buf_addch(&text, '}');
	return text;
}

static inline struct buf seed_safetensors(const struct buf *header, const struct buf *data)
{
	struct buf file = BUF_INIT;

	seed_int(&file, header->len, 8);
	buf_add(&file, header->data, header->len);
	buf_add(&file, data->data, data->len);
	return file;
}

#endif
