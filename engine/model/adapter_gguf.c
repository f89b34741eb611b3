/* Adapters in GGUF files, as llama.cpp's convert_lora_to_gguf.py writes them. */
#include "engine/model/adapter.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/model/gguf.h"
#include "engine/model/gguf_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_text(const struct gguf *gguf, const char *key, const char *wanted)
{
	struct gguf_string text;

	return gguf_get_string(gguf, key, &text, NULL) == 0 && text.len == strlen(wanted) &&
	       memcmp(text.text, wanted, text.len) == 0;
}

/* A short metadata string that can stand in a sentence or on a screen; NULL where there is none. */
static char *copy_text(const struct gguf *gguf, const char *key)
{
	struct gguf_string text;
	char shown[80];

	if (gguf_get_string(gguf, key, &text, NULL) != 0 || !text.len ||
		memchr(text.text, 0, text.len)) {
		return NULL;
	}
	return mem_strdup(gguf_quote(text, shown));
}

static int check_kind(const struct adapter *adapter, const struct gguf *gguf, struct err *err)
{
	struct gguf_string type;
	char shown[80];

	if (!is_text(gguf, "general.type", "adapter")) {
		return err_set(err, ERR_ENGINE, adapter->path, "name a model with -m",
			"is not an adapter (its general.type is not \"adapter\")");
	}
	if (gguf_get_string(gguf, "adapter.type", &type, err) != 0 ||
		!is_text(gguf, "adapter.type", "lora")) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"is an adapter of the type \"%s\"; carrel computes lora",
			gguf_get_string(gguf, "adapter.type", &type, NULL) == 0
				? gguf_quote(type, shown)
				: "");
	}
	for (size_t i = 0; i < gguf_key_count(gguf); i++) {
		struct gguf_string key = gguf_key_at(gguf, i, NULL);

		if (key.len > 14 && memcmp(key.text, "adapter.alora.", 14) == 0) {
			return err_set(err, ERR_ENGINE, adapter->path, NULL,
				"is an activated LoRA (%s), which begins in the middle of a "
				"prompt; carrel computes adapters that always apply",
				gguf_quote(key, shown));
		}
	}
	return 0;
}

static int matrix_of(struct adapter_matrix *matrix, const struct adapter *adapter,
	const struct gguf_tensor *tensor, struct err *err)
{
	const char *type = dtype_gguf_name(tensor->type);
	char shown[80];

	matrix->dtype = dtype_from_gguf(tensor->type);
	if (tensor->n_dim > 2) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"the tensor \"%s\" has %u dimensions; carrel computes matrices",
			gguf_quote(tensor->name, shown), tensor->n_dim);
	}
	if (matrix->dtype == DTYPE_COUNT) {
		return err_set(err, ERR_ENGINE, adapter->path, "use an adapter in F32, F16 or BF16",
			"stores the tensor \"%s\" as type %s, which carrel cannot compute with",
			gguf_quote(tensor->name, shown), type ? type : "unknown");
	}
	matrix->row_elems = tensor->dim[0];
	matrix->n_row = tensor->dim[1];
	matrix->data = tensor->data;
	return 0;
}

/* Whether a name ends so; *stem is what stands before. */
static int has_ending(struct gguf_string name, const char *ending, struct gguf_string *stem)
{
	size_t len = strlen(ending);

	*stem = (struct gguf_string){name.text, name.len > len ? name.len - len : 0};
	return stem->len && memcmp(name.text + stem->len, ending, len) == 0;
}

/* "NAME.lora_a" with its ".lora_b"; a ".lora_b" only has to have its ".lora_a". */
static int read_pair(struct adapter *adapter, const struct gguf *gguf,
	const struct gguf_tensor *tensor, double alpha, struct err *err)
{
	struct adapter_update update = {0};
	const struct gguf_tensor *other;
	struct gguf_string stem;
	char *name, shown[80];
	int is_a = has_ending(tensor->name, ".lora_a", &stem), result;

	if (!is_a && !has_ending(tensor->name, ".lora_b", &stem)) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"holds the tensor \"%s\", which is no part of a low-rank update; without "
			"it every answer would be wrong",
			gguf_quote(tensor->name, shown));
	}
	name = mem_printf("%.*s.lora_%c", (int)stem.len, stem.text, is_a ? 'b' : 'a');
	other = gguf_tensor_find(gguf, name);
	free(name);
	if (!other) {
		return err_set(err, ERR_ENGINE, adapter->path,
			"the file is damaged or incomplete: download or convert it again",
			"has the tensor \"%s\" without its other half",
			gguf_quote(tensor->name, shown));
	}
	if (!is_a) {
		return 0;
	}
	update.target = mem_strndup(stem.text, stem.len);
	result = matrix_of(&update.a, adapter, tensor, err) < 0 ||
				 matrix_of(&update.b, adapter, other, err) < 0
			 ? -1
			 : adapter_add(adapter, &update, alpha, err);
	if (result < 0) {
		free(update.target);
	}
	return result;
}

static int read_tensors(struct adapter *adapter, const struct gguf *gguf, struct err *err)
{
	size_t count = gguf_tensor_count(gguf);
	double alpha = 0;
	int got = gguf_get_float(gguf, "adapter.lora.alpha", &alpha, err);

	if (got != 0) {
		return got < 0 ? -1
			       : err_set(err, ERR_ENGINE, adapter->path, NULL,
					 "does not say its scale (adapter.lora.alpha is missing)");
	}
	adapter->alpha = alpha;
	adapter->update = malloc((count + 1) * sizeof(*adapter->update));
	if (!adapter->update) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"not enough memory for a table of %zu tensors", count);
	}
	for (size_t i = 0; i < count; i++) {
		if (read_pair(adapter, gguf, gguf_tensor_at(gguf, i), alpha, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static void close_gguf(void *source)
{
	gguf_close(source);
}

int adapter_open_gguf(struct adapter *adapter, struct err *err)
{
	struct gguf *gguf;
	const uint8_t *bytes;
	size_t header;

	if (gguf_open(&gguf, adapter->path, err) < 0) {
		return -1;
	}
	adapter->source = gguf;
	adapter->close_source = close_gguf;
	adapter->size_bytes = (int64_t)gguf_total_bytes(gguf);
	if (check_kind(adapter, gguf, err) < 0) {
		return -1;
	}
	if (gguf_part_count(gguf) > 1 || adapter->size_bytes > ADAPTER_BYTES_MAX) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"is an adapter of %zu files and %lld MB; carrel reads one file of up to "
			"%lld MB",
			gguf_part_count(gguf), (long long)(adapter->size_bytes >> 20),
			(long long)(ADAPTER_BYTES_MAX >> 20));
	}
	adapter->architecture = copy_text(gguf, "general.architecture");
	adapter->name = copy_text(gguf, "general.name");
	adapter->base = copy_text(gguf, "general.base_model.0.name");
	if (!adapter->architecture) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"does not say its architecture (general.architecture is missing)");
	}
	if (read_tensors(adapter, gguf, err) < 0) {
		return -1;
	}
	bytes = gguf_header(gguf, 0, &header);
	adapter->digest = sha256_of(bytes, (size_t)adapter->size_bytes);
	return 0;
}

int adapter_is_at(const char *path)
{
	struct gguf *gguf;
	struct stat status;
	char *folder = adapter_folder(path);
	int is_adapter;

	if (folder) {
		char *model = mem_printf("%s/config.json", folder);
		char *config = mem_printf("%s/adapter_config.json", folder);

		is_adapter = stat(config, &status) == 0 && stat(model, &status) < 0;
		free(config);
		free(model);
		free(folder);
		return is_adapter;
	}
	if (gguf_open(&gguf, path, NULL) < 0) {
		return 0;
	}
	is_adapter = is_text(gguf, "general.type", "adapter");
	gguf_close(gguf);
	return is_adapter;
}
