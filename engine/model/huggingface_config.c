/* config.json in GGUF's keys: which architecture, and its numbers. */
#include "engine/model/huggingface_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The architectures, with what transformers' configuration classes assume. num_key_value_heads and
 * head_dim follow from the others where there is no number here.
 */
static const struct hf_architecture architectures[] = {
	{.name = "LlamaForCausalLM",
		.gguf = "llama",
		.act = "silu",
		.permutes_qk = 1,
		.n_head = HF_NONE,
		.n_kv_head = HF_NONE,
		.head_dim = HF_NONE,
		.n_ctx = HF_NONE,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "MistralForCausalLM",
		.gguf = "llama",
		.act = "silu",
		.permutes_qk = 1,
		.computes_window = 1,
		.n_head = HF_NONE,
		.n_kv_head = 8,
		.head_dim = HF_NONE,
		.n_ctx = HF_NONE,
		.window = 4096,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "Mistral3ForConditionalGeneration",
		.gguf = "llama",
		.act = "silu",
		.text = "mistral",
		.permutes_qk = 1,
		.computes_window = 1,
		.is_conditional = 1,
		.n_head = HF_NONE,
		.n_kv_head = 8,
		.head_dim = HF_NONE,
		.n_ctx = HF_NONE,
		.window = 4096,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "Qwen2ForCausalLM",
		.gguf = "qwen2",
		.act = "silu",
		.n_head = HF_NONE,
		.n_kv_head = 32,
		.head_dim = HF_NONE,
		.n_ctx = HF_NONE,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "Qwen3ForCausalLM",
		.gguf = "qwen3",
		.act = "silu",
		.has_qk_norms = 1,
		.n_head = HF_NONE,
		.n_kv_head = 32,
		.head_dim = 128,
		.n_ctx = HF_NONE,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "Phi3ForCausalLM",
		.gguf = "phi3",
		.act = "silu",
		.has_fused_qkv = 1,
		.computes_window = 1,
		.rotates_part = 1,
		.original_ctx = 4096,
		.n_head = HF_NONE,
		.n_kv_head = HF_NONE,
		.head_dim = HF_NONE,
		.n_ctx = HF_NONE,
		.rms_eps = 1e-5,
		.rope_theta = 10000},
	{.name = "GemmaForCausalLM",
		.gguf = "gemma",
		.act = "gelu_pytorch_tanh",
		.norms_add_one = 1,
		.is_tied = 1,
		.n_head = 16,
		.n_kv_head = 16,
		.head_dim = 256,
		.n_ctx = 8192,
		.rms_eps = 1e-6,
		.rope_theta = 10000},
	{.name = "Gemma2ForCausalLM",
		.gguf = "gemma2",
		.act = "gelu_pytorch_tanh",
		.norms_add_one = 1,
		.has_post_norms = 1,
		.computes_window = 1,
		.is_tied = 1,
		.n_head = 8,
		.n_kv_head = 4,
		.head_dim = 256,
		.n_ctx = 8192,
		.window = 4096,
		.window_period = 2,
		.rms_eps = 1e-6,
		.rope_theta = 10000,
		.score_width = 256,
		.attn_softcap = 50,
		.logit_softcap = 30},
	{.name = "Gemma3ForCausalLM",
		.gguf = "gemma3",
		.act = "gelu_pytorch_tanh",
		.norms_add_one = 1,
		.has_post_norms = 1,
		.has_qk_norms = 1,
		.computes_window = 1,
		.is_tied = 1,
		.n_head = 8,
		.n_kv_head = 4,
		.head_dim = 256,
		.n_ctx = 131072,
		.window = 4096,
		.window_period = 6,
		.rms_eps = 1e-6,
		.rope_theta = 1000000,
		.score_width = 256},
	{.name = "Gemma3ForConditionalGeneration",
		.gguf = "gemma3",
		.act = "gelu_pytorch_tanh",
		.text = "gemma3_text",
		.norms_add_one = 1,
		.has_post_norms = 1,
		.has_qk_norms = 1,
		.computes_window = 1,
		.is_tied = 1,
		.is_conditional = 1,
		.n_head = 8,
		.n_kv_head = 4,
		.head_dim = 256,
		.n_ctx = 131072,
		.window = 4096,
		.window_period = 6,
		.rms_eps = 1e-6,
		.rope_theta = 1000000,
		.score_width = 256},
};

const struct hf_architecture *hf_architecture_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(architectures); i++) {
		if (!strcmp(architectures[i].name, name)) {
			return &architectures[i];
		}
	}
	return NULL;
}

/* ---- reading values ---- */

static int wrong_value(
	const struct huggingface *directory, const char *key, const char *wanted, struct err *err)
{
	return err_set(
		err, ERR_ENGINE, directory->config_path, NULL, "\"%s\" is not %s", key, wanted);
}

int hf_get_int(const struct huggingface *directory, const json_t *object, const char *key,
	int64_t min, int64_t max, int64_t *value, struct err *err)
{
	const json_t *found = json_object_get(object, key);

	if (!found || json_is_null(found)) {
		return 1;
	}
	if (!json_is_integer(found)) {
		return wrong_value(directory, key, "a whole number", err);
	}
	if (json_integer_value(found) < min || json_integer_value(found) > max) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"\"%s\" is %lld, outside of %lld to %lld", key,
			(long long)json_integer_value(found), (long long)min, (long long)max);
	}
	*value = json_integer_value(found);
	return 0;
}

int hf_get_float(const struct huggingface *directory, const json_t *object, const char *key,
	double min, double max, double *value, struct err *err)
{
	const json_t *found = json_object_get(object, key);

	if (!found || json_is_null(found)) {
		return 1;
	}
	if (!json_is_number(found)) {
		return wrong_value(directory, key, "a number", err);
	}
	if (!(json_number_value(found) >= min && json_number_value(found) <= max)) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"\"%s\" is %g, outside of %g to %g", key, json_number_value(found), min,
			max);
	}
	*value = json_number_value(found);
	return 0;
}

int hf_get_bool(const struct huggingface *directory, const json_t *object, const char *key,
	int *value, struct err *err)
{
	const json_t *found = json_object_get(object, key);

	if (!found || json_is_null(found)) {
		return 1;
	}
	if (!json_is_boolean(found)) {
		return wrong_value(directory, key, "true or false", err);
	}
	*value = json_is_true(found);
	return 0;
}

const char *hf_get_string(const struct huggingface *directory, const json_t *object,
	const char *key, int *failed, struct err *err)
{
	const json_t *found = json_object_get(object, key);

	if (!found || json_is_null(found)) {
		return NULL;
	}
	if (!json_is_string(found)) {
		*failed = 1;
		wrong_value(directory, key, "a text", err);
	}
	return json_string_value(found);
}

void hf_add_int(const struct huggingface *directory, struct gguf_writer *writer, const char *key,
	int64_t value)
{
	char full[128];

	snprintf(full, sizeof(full), "%s.%s", directory->architecture->gguf, key);
	gguf_writer_add_int(writer, full, GGUF_INT64, value);
}

void hf_add_float(const struct huggingface *directory, struct gguf_writer *writer, const char *key,
	double value)
{
	char full[128];

	snprintf(full, sizeof(full), "%s.%s", directory->architecture->gguf, key);
	gguf_writer_add_float(writer, full, (float)value);
}

/* A number that must be there unless transformers has one for where it is not. */
static int need_int(const struct huggingface *directory, const char *key, int64_t fallback,
	int64_t max, int64_t *value, struct err *err)
{
	int got = hf_get_int(directory, directory->text, key, 1, max, value, err);

	if (got > 0 && fallback == HF_NONE) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL, "has no \"%s\"", key);
	}
	if (got > 0) {
		*value = fallback;
	}
	return got < 0 ? -1 : 0;
}

/* ---- the parts of a configuration ---- */

/* Gemma's files have both keys, and which one counts has changed: neither may ask for another. */
static int refuse_activation(const struct huggingface *directory, struct err *err)
{
	static const char *const keys[] = {"hidden_activation", "hidden_act"};
	const struct hf_architecture *architecture = directory->architecture;
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *act = hf_get_string(directory, directory->text, keys[i], &failed, err);

		if (failed) {
			return -1;
		}
		/* The first Gemma's files say "gelu" and mean this one. */
		if (act && strcmp(act, architecture->act) != 0 &&
			!(!strcmp(architecture->gguf, "gemma") && !strcmp(act, "gelu"))) {
			return err_set(err, ERR_ENGINE, directory->config_path, NULL,
				"asks for the activation \"%.40s\"; carrel computes %s for %s", act,
				architecture->act, architecture->name);
		}
	}
	return 0;
}

/* What carrel would compute wrong, or not at all. */
static int refuse_changes(const struct huggingface *directory, struct err *err)
{
	const struct hf_architecture *architecture = directory->architecture;
	int failed = 0, is_bidirectional = 0;
	const char *text = hf_get_string(directory, directory->text, "model_type", &failed, err);

	if (failed || hf_get_bool(directory, directory->text, "use_bidirectional_attention",
			      &is_bidirectional, err) < 0) {
		return -1;
	}
	if (is_bidirectional) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"asks for attention in both directions, which carrel does not compute");
	}
	if (architecture->text && text && strcmp(text, architecture->text) != 0) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"has a text part of the type \"%.40s\"; carrel computes %s in %s", text,
			architecture->text, architecture->name);
	}
	return refuse_activation(directory, err);
}

static int add_shape(
	struct huggingface *directory, struct gguf_writer *writer, int64_t *n_ctx, struct err *err)
{
	const struct hf_architecture *architecture = directory->architecture;
	int64_t n_embd, n_ff, head_dim;
	double eps = architecture->rms_eps;

	if (need_int(directory, "hidden_size", HF_NONE, 1 << 20, &n_embd, err) < 0 ||
		need_int(directory, "intermediate_size", HF_NONE, 1 << 22, &n_ff, err) < 0 ||
		need_int(directory, "num_hidden_layers", HF_NONE, HF_MAX_LAYER, &directory->n_layer,
			err) < 0 ||
		need_int(directory, "num_attention_heads", architecture->n_head, 4096,
			&directory->n_head, err) < 0 ||
		need_int(directory, "max_position_embeddings", architecture->n_ctx, HF_MAX_INT,
			n_ctx, err) < 0 ||
		hf_get_float(directory, directory->text, "rms_norm_eps", 0, 1, &eps, err) < 0) {
		return -1;
	}
	head_dim = architecture->head_dim != HF_NONE ? architecture->head_dim
						     : n_embd / directory->n_head;
	/* null is not silence: it is as many as there are heads */
	directory->n_kv_head =
		architecture->n_kv_head != HF_NONE &&
				!json_object_get(directory->text, "num_key_value_heads")
			? architecture->n_kv_head
			: directory->n_head;
	if (hf_get_int(directory, directory->text, "num_key_value_heads", 1, 4096,
		    &directory->n_kv_head, err) < 0 ||
		hf_get_int(directory, directory->text, "head_dim", 1, 1 << 16, &head_dim, err) <
			0) {
		return -1;
	}
	if (head_dim < 2 || head_dim % 2 || directory->n_head % directory->n_kv_head) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"has %lld attention heads of %lld elements on %lld KV heads, which does "
			"not divide",
			(long long)directory->n_head, (long long)head_dim,
			(long long)directory->n_kv_head);
	}
	directory->head_dim = head_dim;
	hf_add_int(directory, writer, "block_count", directory->n_layer);
	hf_add_int(directory, writer, "context_length", *n_ctx);
	hf_add_int(directory, writer, "embedding_length", n_embd);
	hf_add_int(directory, writer, "feed_forward_length", n_ff);
	hf_add_int(directory, writer, "attention.head_count", directory->n_head);
	hf_add_int(directory, writer, "attention.head_count_kv", directory->n_kv_head);
	hf_add_int(directory, writer, "attention.key_length", head_dim);
	hf_add_int(directory, writer, "attention.value_length", head_dim);
	hf_add_float(directory, writer, "attention.layer_norm_rms_epsilon", eps);
	return 0;
}

/* Of "layer_types": for each layer whether it has a window. NULL where the key is absent. */
static uint8_t *read_layer_types(
	const struct huggingface *directory, int64_t *n_window, int *failed, struct err *err)
{
	const json_t *types = json_object_get(directory->text, "layer_types");
	uint8_t *has_window;

	*n_window = 0;
	if (!types || json_is_null(types)) {
		return NULL;
	}
	if (json_array_size(types) != (size_t)directory->n_layer) {
		*failed = 1;
		wrong_value(directory, "layer_types", "a list with one entry per layer", err);
		return NULL;
	}
	has_window = mem_zero((size_t)directory->n_layer, 1);
	for (int64_t i = 0; i < directory->n_layer; i++) {
		const char *type = json_string_value(json_array_get(types, (size_t)i));

		has_window[i] = type && !strcmp(type, "sliding_attention");
		*n_window += has_window[i];
		if (!has_window[i] && (!type || strcmp(type, "full_attention") != 0)) {
			*failed = 1;
			err_set(err, ERR_ENGINE, directory->config_path, NULL,
				"\"layer_types\" has \"%.40s\", which carrel does not know",
				type ? type : "something that is no text");
			break;
		}
	}
	return has_window;
}

/* Qwen's windows are switched on by a key, for the layers from a number on; null is no window. */
static int refuse_window(const struct huggingface *directory, const uint8_t *types,
	int64_t n_window, struct err *err)
{
	int is_used = 0,
	    has_none = json_is_null(json_object_get(directory->text, "sliding_window"));
	int64_t first = 28; /* what transformers assumes */

	if (hf_get_bool(directory, directory->text, "use_sliding_window", &is_used, err) < 0 ||
		hf_get_int(directory, directory->text, "max_window_layers", 0, HF_MAX_INT, &first,
			err) < 0) {
		return -1;
	}
	if (types ? n_window > 0 : is_used && !has_none && first < directory->n_layer) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"asks for sliding windows, which carrel does not compute for %s",
			directory->architecture->name);
	}
	return 0;
}

/* Which layers have the window: a period, or a list. */
static int add_pattern(const struct huggingface *directory, struct gguf_writer *writer,
	const uint8_t *types, int64_t n_window, int64_t window, struct err *err)
{
	static const char key[] = "attention.sliding_window_pattern";
	int64_t period = 0;
	char full[128];

	if (hf_get_int(directory, directory->text, "sliding_window_pattern", 1, HF_MAX_LAYER,
		    &period, err) < 0) {
		return -1;
	}
	if (directory->architecture->window_period) {
		if (types) {
			snprintf(full, sizeof(full), "%s.%s", directory->architecture->gguf, key);
			gguf_writer_add_array(
				writer, full, GGUF_BOOL, types, (uint64_t)directory->n_layer);
		} else if (period) {
			hf_add_int(directory, writer, key, period);
		}
		return 0;
	}
	if (types && window && n_window != directory->n_layer) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"has a sliding window in %lld of its %lld layers; carrel computes one in "
			"all layers of %s, or in none",
			(long long)n_window, (long long)directory->n_layer,
			directory->architecture->name);
	}
	return 0;
}

static int add_window(
	const struct huggingface *directory, struct gguf_writer *writer, struct err *err)
{
	const json_t *found = json_object_get(directory->text, "sliding_window");
	int64_t window = json_is_null(found) ? 0 : directory->architecture->window, n_window;
	int failed = 0, result;
	uint8_t *types = read_layer_types(directory, &n_window, &failed, err);

	if (failed || hf_get_int(directory, directory->text, "sliding_window", 1, HF_MAX_INT,
			      &window, err) < 0) {
		free(types);
		return -1;
	}
	if (!window && directory->architecture->window_period && (!types || n_window)) {
		result = err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"has layers with a sliding window, but no width of it "
			"(\"sliding_window\")");
	} else if (!directory->architecture->computes_window) {
		result = refuse_window(directory, types, n_window, err);
	} else {
		result = add_pattern(directory, writer, types, n_window, window, err);
		/* none is said, too: families know windows of files that are silent */
		hf_add_int(directory, writer, "attention.sliding_window", window);
	}
	free(types);
	return result;
}

/* Gemma's score width and soft caps; null is none. */
static int add_scores(
	const struct huggingface *directory, struct gguf_writer *writer, struct err *err)
{
	const struct hf_architecture *architecture = directory->architecture;
	const struct {
		const char *key, *gguf;
		double fallback;
	} caps[] = {
		{"attn_logit_softcapping", "attn_logit_softcapping", architecture->attn_softcap},
		{"final_logit_softcapping", "final_logit_softcapping", architecture->logit_softcap},
	};
	double width = architecture->score_width;

	if (!architecture->score_width) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		const json_t *found = json_object_get(directory->text, caps[i].key);
		double cap = json_is_null(found) ? 0 : caps[i].fallback;

		if (hf_get_float(directory, directory->text, caps[i].key, 0, 1e6, &cap, err) < 0) {
			return -1;
		}
		if (cap || caps[i].fallback) {
			hf_add_float(directory, writer, caps[i].gguf, cap);
		}
	}
	if (hf_get_float(directory, directory->text, "query_pre_attn_scalar", 1e-3, 1e9, &width,
		    err) < 0) {
		return -1;
	}
	/* always: where a file is silent, the family goes by the number of layers */
	hf_add_float(directory, writer, "attention.scale", 1 / sqrt(width));
	return 0;
}

/* What is said of the output matrix being the embedding: of the whole, and of its text. */
static int read_tied(struct huggingface *directory, struct err *err)
{
	const json_t *from[] = {directory->config, directory->text};

	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		int is_tied = 0,
		    got = hf_get_bool(directory, from[i], "tie_word_embeddings", &is_tied, err);

		if (got < 0) {
			return -1;
		}
		directory->says_tied |= got == 0 && is_tied;
		directory->says_untied |= got == 0 && !is_tied;
	}
	return 0;
}

int hf_config_translate(struct huggingface *directory, struct gguf_writer *writer, struct err *err)
{
	int64_t n_ctx;

	gguf_writer_add_string(writer, "general.architecture", directory->architecture->gguf);
	return refuse_changes(directory, err) < 0 ||
			       add_shape(directory, writer, &n_ctx, err) < 0 ||
			       hf_rope_translate(directory, writer, n_ctx, err) < 0 ||
			       add_window(directory, writer, err) < 0 ||
			       add_scores(directory, writer, err) < 0 ||
			       read_tied(directory, err) < 0
		       ? -1
		       : 0;
}
