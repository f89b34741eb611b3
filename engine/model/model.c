#include "engine/model/model.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/families/family.h"
#include "engine/model/adapter.h"
#include "engine/model/digest.h"
#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metadata ---- */

/* A metadata string as a C string, cut at a NUL and at 1 KiB; `fallback` where there is none. */
static char *copy_string(const struct gguf *gguf, const char *key, const char *fallback)
{
	struct gguf_string string;
	const char *nul;

	if (gguf_get_string(gguf, key, &string, NULL) != 0 || string.len == 0) {
		return mem_strdup(fallback);
	}
	nul = memchr(string.text, 0, string.len);
	if (nul) {
		string.len = (size_t)(nul - string.text);
	}
	if (string.len > 1024) {
		string.len = 1024 - utf8_incomplete_tail(string.text, 1024);
	}
	return mem_strndup(string.text, string.len);
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Before the file is opened it is asked whether it is a folder of PEFT's, then GGUF's own word. */
static int refuse_adapter(const struct model *model, struct err *err)
{
	struct gguf_string type;
	int is_adapter = model->gguf
				 ? gguf_get_string(model->gguf, "general.type", &type, NULL) == 0 &&
					   type.len == 7 && memcmp(type.text, "adapter", 7) == 0
				 : huggingface_is(model->path) && adapter_is_at(model->path);

	return is_adapter ? err_set(err, ERR_ENGINE, model->path,
				    "name the model it was made for, and this with --adapter",
				    "is a LoRA adapter, not a model")
			  : 0;
}

/* What people take for a language model that carrel could read, by general.architecture. */
static const char *architecture_meaning(const char *architecture)
{
	static const struct {
		const char *begin, *meaning;
	} known[] = {
		{"clip", ", the part of a model that reads pictures (mmproj)"},
		{"nomic-bert-moe", ", an embedding model of several experts"},
		{"jina-bert", ", an embedding model of another kind"},
		{"gemma-embedding", ", an embedding model of another kind"},
		{"whisper", ", a model that writes down speech"},
		{"flux", ", a model that makes pictures"},
		{"sd", ", a model that makes pictures"},
		{"controlvector", ", a control vector and no model"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!strncmp(architecture, known[i].begin, strlen(known[i].begin))) {
			return known[i].meaning;
		}
	}
	return "";
}

static int find_family(struct model *model, struct err *err)
{
	struct gguf_string architecture;
	struct buf known = BUF_INIT;
	int result = gguf_get_string(model->gguf, "general.architecture", &architecture, err);

	if (result < 0) {
		return -1;
	}
	if (result > 0) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"does not say its architecture (general.architecture is missing)");
	}
	model->family = family_find(architecture.text, architecture.len);
	if (!model->family) {
		family_list(&known);
		err_set(err, ERR_ENGINE, model->path, NULL,
			"is of the architecture \"%.64s\"%s, which carrel cannot compute; it "
			"knows %s",
			model->architecture, architecture_meaning(model->architecture),
			buf_str(&known));
		buf_finish(&known);
		return -1;
	}
	return 0;
}

/* ---- weights ---- */

static int compare_weights(const void *a, const void *b)
{
	return strcmp(((const struct weight *)a)->name, ((const struct weight *)b)->name);
}

/* Refuses a tensor's type by name, and names those that would do. */
static int refuse_type(const struct model *model, const struct weight *weight,
	const struct gguf_tensor *tensor, struct err *err)
{
	const char *type = dtype_gguf_name(tensor->type);
	struct buf known = BUF_INIT;
	char number[16];

	snprintf(number, sizeof(number), "%u", tensor->type);
	buf_printf(&known, "use a file with weights in");
	for (int i = 0; i < DTYPE_COUNT; i++) {
		const struct dtype_info *info = dtype_info((enum dtype)i);

		if (info->gguf_type != UINT32_MAX) {
			buf_printf(&known, "%s %s", i ? "," : "", info->name);
		}
	}
	err_set(err, ERR_ENGINE, model->path, buf_str(&known),
		"stores the tensor \"%.64s\" as type %s, which carrel cannot compute with",
		weight->name, type ? type : number);
	buf_finish(&known);
	return -1;
}

static int read_weight(const struct model *model, struct weight *weight,
	const struct gguf_tensor *tensor, struct err *err)
{
	weight->dtype = dtype_from_gguf(tensor->type);
	if (weight->dtype == DTYPE_COUNT) {
		return refuse_type(model, weight, tensor, err);
	}
	weight->row_elems = tensor->dim[0];
	weight->n_row = tensor->dim[1] * tensor->dim[2] * tensor->dim[3];
	weight->data = tensor->data;
	weight->size_bytes = tensor->size_bytes;
	return 0;
}

/* The weights by name, with terminated copies of the names behind the table. */
static int read_tensors(struct model *model, struct err *err)
{
	size_t count = gguf_tensor_count(model->gguf), name_bytes = 0;
	struct weight *weight;
	char *name;

	for (size_t i = 0; i < count; i++) {
		name_bytes += gguf_tensor_at(model->gguf, i)->name.len + 1;
	}
	weight = malloc(count * sizeof(*weight) + name_bytes + 1);
	if (!weight) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"not enough memory for a table of %zu tensors", count);
	}
	model->weight = weight;
	name = (char *)(weight + count);
	for (size_t i = 0; i < count; i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(model->gguf, i);

		memcpy(name, tensor->name.text, tensor->name.len);
		name[tensor->name.len] = 0;
		weight[i] = (struct weight){.name = name};
		name += tensor->name.len + 1;
		if (read_weight(model, &weight[i], tensor, err) < 0) {
			return -1;
		}
	}
	model->n_weight = count;
	return 0;
}

/* The weights of a directory: their names are unique in its files, but not after translation. */
static int read_directory_weights(struct model *model, struct err *err)
{
	struct weight *weight;

	if (huggingface_weights(model->directory, &weight, &model->n_weight, err) < 0) {
		return -1;
	}
	model->weight = weight;
	return 0;
}

static int read_weights(struct model *model, struct err *err)
{
	if ((model->directory ? read_directory_weights(model, err) : read_tensors(model, err)) <
		0) {
		return -1;
	}
	if (model->n_weight) {
		qsort((void *)(uintptr_t)model->weight, model->n_weight, sizeof(*model->weight),
			compare_weights);
	}
	for (size_t i = 0; i < model->n_weight; i++) {
		if (i && compare_weights(&model->weight[i - 1], &model->weight[i]) == 0) {
			return err_set(err, ERR_ENGINE, model->path, NULL,
				"has two tensors that are \"%.64s\"", model->weight[i].name);
		}
		model->n_params += model->weight[i].n_row * model->weight[i].row_elems;
		model->weight_bytes += model->weight[i].size_bytes;
	}
	return 0;
}

static void name_storage(struct model *model)
{
	int64_t bytes[DTYPE_COUNT] = {0};
	int most = 0;

	for (size_t i = 0; i < model->n_weight; i++) {
		bytes[model->weight[i].dtype] += model->weight[i].size_bytes;
	}
	for (int i = 1; i < DTYPE_COUNT; i++) {
		most = bytes[i] > bytes[most] ? i : most;
	}
	snprintf(model->storage, sizeof(model->storage), "%s", dtype_info((enum dtype)most)->name);
}

const struct weight *model_weight(const struct model *model, const char *name)
{
	struct weight key = {.name = name};

	return model->n_weight ? bsearch(&key, model->weight, model->n_weight,
					 sizeof(*model->weight), compare_weights)
			       : NULL;
}

int model_need_weight(const struct model *model, const struct weight **out, int32_t layer,
	const char *name, int64_t n_row, int64_t row_elems, struct err *err)
{
	char full[160];
	const struct weight *weight;

	if (layer >= 0) {
		snprintf(full, sizeof(full), "blk.%d.%s", (int)layer, name);
	} else {
		snprintf(full, sizeof(full), "%s", name);
	}
	weight = model_weight(model, full);
	if (!weight) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"has no tensor \"%s\", which a model of the architecture \"%.64s\" needs",
			full, model->architecture);
	}
	if (weight->n_row != n_row || weight->row_elems != row_elems) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"the tensor \"%s\" has the shape [%lld][%lld], but the model's metadata "
			"ask "
			"for [%lld][%lld]",
			full, (long long)weight->n_row, (long long)weight->row_elems,
			(long long)n_row, (long long)row_elems);
	}
	*out = weight;
	return 0;
}

/* ---- opening ---- */

/* Before the place within the file that an error names; returns -1. */
static int name_file(const struct model *model, struct err *err)
{
	struct err inner;

	if (err) {
		inner = *err;
		err_set(err, inner.code, NULL, inner.hint, "%s", inner.what);
		snprintf(err->where, sizeof(err->where), "%.300s: %.70s", model->path, inner.where);
	}
	return -1;
}

static int find_template(struct model *model, const char *template_name, struct err *err)
{
	struct buf known = BUF_INIT;
	struct gguf_string text;
	int result;

	if (template_name) {
		model->chat_template = template_by_name(template_name);
		if (!model->chat_template) {
			template_list(&known);
			err_set(err, ERR_USAGE, "--template", NULL,
				"there is no template \"%.64s\"; carrel knows %s", template_name,
				buf_str(&known));
			buf_finish(&known);
			return -1;
		}
	} else {
		result = gguf_get_string(model->gguf, "tokenizer.chat_template", &text, err);
		if (result < 0) {
			return -1;
		}
		if (result == 0) {
			model->chat_template = template_recognise(text.text, text.len);
		}
	}
	if (model->chat_template &&
		template_forbid_markers(model->chat_template, model->tokenizer, err) < 0) {
		return name_file(model, err);
	}
	return 0;
}

static int check_vocab(const struct model *model, struct err *err)
{
	if (model->n_vocab > MODEL_VOCAB_MAX) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"its weights know %lld tokens, and carrel computes with %lld at most",
			(long long)model->n_vocab, (long long)MODEL_VOCAB_MAX);
	}
	return 0;
}

static int open_tokenizer(struct model *model, struct err *err)
{
	uint32_t count;

	if ((model->directory ? huggingface_tokenizer(model->directory, &model->tokenizer, err)
			      : tokenizer_open_gguf(&model->tokenizer, model->gguf, err)) < 0) {
		return -1;
	}
	count = tokenizer_vocab_count(model->tokenizer);
	if (count > model->n_vocab) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"its tokenizer has %u tokens, but its weights know only %lld", count,
			(long long)model->n_vocab);
	}
	return 0;
}

/* A GGUF file, or a directory and what it says translated into the keys of one. */
static int open_file(struct model *model, struct err *err)
{
	const struct gguf *metadata;

	if (!huggingface_is(model->path)) {
		return gguf_open(&model->gguf, model->path, err);
	}
	if (huggingface_open(&model->directory, model->path, err) < 0 ||
		huggingface_translate(model->directory, &metadata, err) < 0) {
		return -1;
	}
	model->gguf = (struct gguf *)(uintptr_t)metadata;
	return 0;
}

static int read_model(struct model *model, const char *template_name, struct err *err)
{
	if (refuse_adapter(model, err) < 0 || open_file(model, err) < 0 ||
		refuse_adapter(model, err) < 0) {
		return -1;
	}
	model->name = copy_string(model->gguf, "general.name", file_name(model->path));
	model->architecture = copy_string(model->gguf, "general.architecture", "");
	model->license = copy_string(model->gguf, "general.license", "");
	if (gguf_get_bool(model->gguf, "carrel.random", &model->is_random, err) < 0 ||
		find_family(model, err) < 0 || read_weights(model, err) < 0) {
		return -1;
	}
	name_storage(model);
	if (model->family->read(model, err) < 0 || check_vocab(model, err) < 0 ||
		open_tokenizer(model, err) < 0 || find_template(model, template_name, err) < 0) {
		return -1;
	}
	model->digest = model_digest(model);
	return 0;
}

int model_open(struct model **out, const char *path, const char *template_name, struct err *err)
{
	struct model *model = mem_zero(1, sizeof(*model));

	*out = NULL;
	model->path = mem_strdup(path);
	if (read_model(model, template_name, err) < 0) {
		model_close(model);
		return -1;
	}
	*out = model;
	return 0;
}

void model_close(struct model *model)
{
	if (!model) {
		return;
	}
	adapter_finish(model);
	tokenizer_close(model->tokenizer);
	if (model->directory) {
		huggingface_close(model->directory); /* and the metadata, which are its own */
	} else {
		gguf_close(model->gguf);
	}
	free((void *)model->weight);
	free(model->path);
	free(model->name);
	free(model->architecture);
	free(model->license);
	free(model);
}
