/* What `models info` says about a file, also about one that cannot run. */
#include "base/mem.h"
#include "engine/embedding_text.h"
#include "engine/engine.h"
#include "engine/model/adapter.h"
#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/model/model.h"
#include "engine/model/safetensors.h"
#include "engine/program.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(const struct gguf *gguf, const char *key, const char *fallback)
{
	struct gguf_string text;

	if (gguf_get_string(gguf, key, &text, NULL) != 0) {
		return mem_strdup(fallback);
	}
	return mem_strndup(text.text, strnlen(text.text, text.len < 1024 ? text.len : 1024));
}

/* "<architecture>.<name>"; 0 where it is absent or no integer. */
static int64_t family_int(const struct gguf *gguf, const char *architecture, const char *name)
{
	char *key = mem_printf("%s.%s", architecture, name);
	int64_t value = 0;

	gguf_get_int(gguf, key, &value, NULL);
	free(key);
	return value;
}

/* The type that holds most bytes, known to carrel or not. */
static char *storage_name(const struct gguf *gguf)
{
	int64_t bytes[64] = {0};
	uint32_t most = 0;
	const char *name;

	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);

		if (tensor->type < ARRAY_LEN(bytes)) {
			bytes[tensor->type] += tensor->size_bytes;
		}
	}
	for (uint32_t i = 1; i < ARRAY_LEN(bytes); i++) {
		most = bytes[i] > bytes[most] ? i : most;
	}
	name = dtype_gguf_name(most);
	return mem_strdup(bytes[most] && name ? name : "unknown");
}

static void describe_template(
	struct model_summary *summary, const struct chat_template *chat_template)
{
	if (chat_template) {
		free(summary->template_name);
		summary->template_name = mem_strdup(chat_template->name);
		summary->thinks = chat_template->thinking.kind != TEMPLATE_NO_THINKING;
		summary->can_skip_thinking = summary->thinks && chat_template->thinking.skipped;
	}
}

/* From the metadata alone: true of any GGUF file. */
static void describe_file(struct model_summary *summary, const struct gguf *gguf, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct gguf_tensor *embedding = gguf_tensor_find(gguf, "token_embd.weight");
	struct gguf_string jinja;

	if (gguf_get_string(gguf, "tokenizer.chat_template", &jinja, NULL) == 0) {
		describe_template(summary, template_recognise(jinja.text, jinja.len));
	}
	summary->name = copy_text(gguf, "general.name", slash ? slash + 1 : path);
	summary->architecture = copy_text(gguf, "general.architecture", "");
	summary->license = copy_text(gguf, "general.license", "");
	summary->tokenizer = copy_text(gguf, "tokenizer.ggml.model", "");
	summary->storage = storage_name(gguf);
	summary->gguf_version = gguf_version(gguf);
	summary->file_bytes = (int64_t)gguf_total_bytes(gguf);
	summary->context_train_tok = family_int(gguf, summary->architecture, "context_length");
	summary->n_layer = family_int(gguf, summary->architecture, "block_count");
	summary->n_embd = family_int(gguf, summary->architecture, "embedding_length");
	summary->n_vocab = embedding ? embedding->dim[1] : 0;
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);
		int64_t elems = 1;

		for (int d = 0; d < GGUF_MAX_DIMS; d++) {
			elems *= tensor->dim[d];
		}
		/* of a type without a size nothing bounds the dimensions */
		if (__builtin_add_overflow(summary->n_params, elems, &summary->n_params)) {
			summary->n_params = INT64_MAX;
		}
		summary->weight_bytes += tensor->size_bytes;
	}
}

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Of a directory the same, as its own files say it; true also of one that nobody here computes. */
static void describe_directory(struct model_summary *summary, const struct huggingface *directory)
{
	static const char *const embeddings[] = {"model.embed_tokens.weight",
		"language_model.model.embed_tokens.weight",
		"model.language_model.embed_tokens.weight"};
	const struct safetensors *files = huggingface_files(directory);
	size_t n_file = safetensors_file_count(files);
	const struct safetensors_tensor *most = NULL;

	summary->name = mem_strdup(huggingface_name(directory));
	summary->architecture = mem_strdup(huggingface_architecture(directory));
	summary->license = mem_strdup(huggingface_license(directory));
	summary->tokenizer = mem_strdup("");
	summary->file_bytes = (int64_t)safetensors_total_bytes(files);
	summary->context_train_tok =
		max_of(0, huggingface_config_int(directory, "max_position_embeddings"));
	summary->n_layer = max_of(0, huggingface_config_int(directory, "num_hidden_layers"));
	summary->n_embd = max_of(0, huggingface_config_int(directory, "hidden_size"));
	for (size_t i = 0; i < ARRAY_LEN(embeddings); i++) {
		const struct safetensors_tensor *embedding =
			safetensors_tensor_find(files, embeddings[i]);

		summary->n_vocab = embedding ? embedding->dim[0] : summary->n_vocab;
	}
	for (size_t i = 0; i < safetensors_tensor_count(files); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor_at(files, i);

		summary->n_params += tensor->n_elem;
		summary->weight_bytes += tensor->size_bytes;
		most = !most || tensor->size_bytes > most->size_bytes ? tensor : most;
	}
	/* the largest tensor's type is, in whatever was published so far, that of most bytes */
	summary->storage = mem_printf("%s safetensors, %zu file%s", most ? most->dtype : "empty",
		n_file, n_file == 1 ? "" : "s");
}

static void describe_encoder(
	struct model_summary *summary, const struct model *model, const struct embedding_rule *rule)
{
	const struct embedding_prefix *prefix =
		embedding_prefix_of(model->name, model->architecture);

	if (rule->is_whole) {
		summary->only_embeds = 1;
		summary->kv_bytes_per_tok = 0;
		summary->embed_pooling =
			rule->pooling == POOLING_FIRST ? "the first token" : "the mean";
		summary->embed_question = prefix->question;
		summary->embed_passage = prefix->passage;
	}
}

/* What the engine would make of it; fails as the engine would. */
static int describe_model(struct model_summary *summary, const char *path, struct err *err)
{
	struct program *program;
	struct model *model;
	struct kv_layout kv;
	int result;

	if (model_open(&model, path, NULL, err) < 0) {
		return -1;
	}
	kv = kv_layout_of(KV_Q8, model->n_layer, model->n_kv_head, model->head_dim);
	summary->kv_bytes_per_tok = kv.page_bytes / KV_PAGE_TOK;
	summary->n_layer = model->n_layer;
	summary->n_embd = model->n_embd;
	summary->n_vocab = model->n_vocab;
	summary->context_train_tok = model->n_ctx_train;
	free(summary->tokenizer);
	summary->tokenizer = mem_strdup(tokenizer_describe(model->tokenizer));
	describe_template(summary, model->chat_template);
	result = program_create(&program, model, 0, err);
	if (result == 0) {
		describe_encoder(summary, model, &program->embedding);
		program_destroy(program);
	}
	model_close(model);
	return result;
}

/* The sentence, behind the file of a directory that it is about. */
static char *why_not(const struct err *err, const char *path)
{
	size_t len = strlen(path);
	const char *file = "";

	while (len > 1 && path[len - 1] == '/') {
		len--;
	}
	if (!strncmp(err->where, path, len) && err->where[len] == '/') {
		file = err->where + len + strspn(err->where + len, "/");
	}
	return mem_printf("%s%s%s%s%s%s", file, file[0] ? ": " : "", err->what,
		err->hint[0] ? " (" : "", err->hint, err->hint[0] ? ")" : "");
}

int model_summary_read(struct model_summary *summary, const char *path, struct err *err)
{
	struct huggingface *directory;
	struct err why;
	struct gguf *gguf;

	*summary = (struct model_summary){0};
	if (huggingface_is(path)) {
		if (huggingface_open(&directory, path, err) < 0) {
			return -1;
		}
		describe_directory(summary, directory);
		huggingface_close(directory);
	} else {
		if (gguf_open(&gguf, path, err) < 0) {
			return -1;
		}
		describe_file(summary, gguf, path);
		gguf_close(gguf);
	}
	if (describe_model(summary, path, &why) == 0) {
		summary->can_run = 1;
	} else {
		summary->why_not = why_not(&why, path);
	}
	return 0;
}

void model_summary_finish(struct model_summary *summary)
{
	free(summary->name);
	free(summary->architecture);
	free(summary->storage);
	free(summary->license);
	free(summary->template_name);
	free(summary->tokenizer);
	free(summary->why_not);
	*summary = (struct model_summary){0};
}

int adapter_summary_read(struct adapter_summary *summary, const char *path, struct err *err)
{
	struct adapter *adapter;

	*summary = (struct adapter_summary){0};
	if (adapter_open(&adapter, path, err) < 0) {
		return -1;
	}
	*summary = (struct adapter_summary){
		.name = mem_strdup(adapter->name),
		.architecture = mem_strdup(adapter->architecture ? adapter->architecture : ""),
		.base = mem_strdup(adapter->base ? adapter->base : ""),
		.targets = adapter_targets(adapter),
		.is_folder = adapter->is_folder,
		.is_rank_stabilised = adapter->is_rank_stabilised,
		.rank_min = adapter->rank_min,
		.rank_max = adapter->rank_max,
		.n_target = (int64_t)adapter->n_update,
		.n_params = adapter->n_params,
		.file_bytes = adapter->size_bytes,
		.alpha = adapter->alpha,
	};
	sha256_hex(&adapter->digest, summary->digest);
	adapter_close(adapter);
	return 0;
}

void adapter_summary_finish(struct adapter_summary *summary)
{
	free(summary->name);
	free(summary->architecture);
	free(summary->base);
	free(summary->targets);
	*summary = (struct adapter_summary){0};
}
