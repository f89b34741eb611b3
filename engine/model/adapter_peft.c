/*
 * Adapters as Hugging Face's PEFT saves them: adapter_config.json and adapter_model.safetensors in a
 * folder. The configuration has dozens of settings, most of them for training. Those that change
 * what is computed are known here, by name; one that is not known must be off.
 */
#include "engine/model/adapter.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/model/safetensors.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG_MAX_BYTES = 16 << 20, NAME_SHOWN_BYTES = 64 };

/* ---- adapter_config.json ---- */

/* Settings that do not change what a finished adapter computes, or that are read below. */
static const char *const known_settings[] = {"alpha_pattern", "auto_mapping",
	"base_model_name_or_path", "bias", "eva_config", "exclude_modules", "inference_mode",
	"init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout",
	"megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern",
	"revision", "target_modules", "task_type", "use_rslora"};

/* What people do meet, with what it means; anything else that is on is refused by its name alone. */
static const struct {
	const char *name, *meaning;
} refused_settings[] = {
	{"alora_invocation_tokens", "an activated LoRA begins in the middle of a prompt"},
	{"corda_config", "CorDA changes the model's own weights as well"},
	{"ensure_weight_tying", "a tied output changes the embeddings with it"},
	{"fan_in_fan_out", "its matrices are stored the other way round"},
	{"layer_replication", "it repeats layers of the model"},
	{"loftq_config", "LoftQ changes the model's own weights as well"},
	{"lora_bias", "it adds biases"},
	{"lora_ga_config", "LoRA-GA changes the model's own weights as well"},
	{"modules_to_save", "it replaces whole tensors of the model"},
	{"target_parameters", "it changes tensors that are no layer of their own"},
	{"trainable_token_indices", "it changes embeddings"},
	{"use_dora", "DoRA also changes the length of every row"},
	{"use_qalora", "QA-LoRA pools its input"},
};

static int is_off(const json_t *value)
{
	return json_is_null(value) || json_is_false(value) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_number(value) && json_number_value(value) == 0);
}

static int refuse_setting(const struct adapter *adapter, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(refused_settings); i++) {
		if (strcmp(name, refused_settings[i].name) == 0) {
			return err_set(err, ERR_ENGINE, adapter->path, NULL,
				"asks for %s, which carrel does not compute: %s", name,
				refused_settings[i].meaning);
		}
	}
	return err_set(err, ERR_ENGINE, adapter->path, NULL,
		"asks for \"%.64s\", which carrel does not know and so cannot leave out", name);
}

static int check_settings(const struct adapter *adapter, json_t *config, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach(config, name, value)
	{
		int is_known = 0;

		for (size_t i = 0; i < ARRAY_LEN(known_settings) && !is_known; i++) {
			is_known = strcmp(name, known_settings[i]) == 0;
		}
		if (!is_known && !is_off(value)) {
			return refuse_setting(adapter, name, err);
		}
	}
	return 0;
}

static const char *text_of(const json_t *config, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(config, name));

	return text ? text : fallback;
}

/* Settings that have to have one of a few values. */
static int check_choices(const struct adapter *adapter, const json_t *config, struct err *err)
{
	const json_t *begun = json_object_get(config, "init_lora_weights");
	const char *bias = text_of(config, "bias", "none");
	const char *how = json_is_string(begun) ? json_string_value(begun) : "gaussian";

	if (strcmp(bias, "none") != 0) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"changes biases, too (bias is \"%.64s\"), which carrel does not compute",
			bias);
	}
	if (strcmp(how, "gaussian") != 0 && strcmp(how, "eva") != 0 &&
		strcmp(how, "orthogonal") != 0) {
		return err_set(err, ERR_ENGINE, adapter->path,
			"convert it to a plain LoRA with PEFT",
			"was begun with \"%.64s\" (init_lora_weights), for which the model's own "
			"weights were changed, too",
			how);
	}
	return 0;
}

/* Patterns of PEFT are regular expressions; those that are plain names are understood. */
static int check_patterns(
	const struct adapter *adapter, json_t *config, const char *setting, struct err *err)
{
	json_t *patterns = json_object_get(config, setting), *value;
	const char *pattern;

	if (patterns && !json_is_null(patterns) && !json_is_object(patterns)) {
		return err_set(
			err, ERR_ENGINE, adapter->path, NULL, "%s is not an object", setting);
	}
	json_object_foreach(patterns, pattern, value)
	{
		if (pattern[strcspn(pattern, "*+?[](){}|\\$")] ||
			strchr(pattern + !!*pattern, '^')) {
			return err_set(err, ERR_ENGINE, adapter->path, NULL,
				"%s holds the expression \"%.64s\"; carrel understands names",
				setting, pattern);
		}
		if (!json_is_number(value)) {
			return err_set(err, ERR_ENGINE, adapter->path, NULL,
				"%s of \"%.64s\" is not a number", setting, pattern);
		}
	}
	return 0;
}

/* What a pattern says of a module, else `fallback`: the first one that names it or its last parts. */
static double pattern_value(
	json_t *config, const char *setting, const char *module, double fallback)
{
	json_t *patterns = json_object_get(config, setting), *value;
	size_t module_len = strlen(module);
	const char *pattern;

	json_object_foreach(patterns, pattern, value)
	{
		int is_whole = pattern[0] == '^';
		const char *name = pattern + is_whole;
		size_t len = strlen(name);

		if (len <= module_len && strcmp(module + module_len - len, name) == 0 &&
			(len == module_len || (!is_whole && module[module_len - len - 1] == '.'))) {
			return json_number_value(value);
		}
	}
	return fallback;
}

/* A folder without adapter_config.json. */
static int refuse_folder(const struct adapter *adapter, struct err *err)
{
	char *model = mem_printf("%s/config.json", adapter->path);
	int is_model = access(model, F_OK) == 0;

	free(model);
	return is_model ? err_set(err, ERR_ENGINE, adapter->path, "name a model with -m",
				  "is the folder of a model, not of an adapter")
			: err_set(err, ERR_ENGINE, adapter->path,
				  "give the folder that PEFT saved, or a GGUF adapter",
				  "has no adapter_config.json, so it is not the folder of an "
				  "adapter");
}

static int read_config(json_t **out, struct adapter *adapter, struct buf *text, struct err *err)
{
	char *path = mem_printf("%s/adapter_config.json", adapter->path);
	json_error_t problem;
	json_t *config;
	int result = file_read(text, path, CONFIG_MAX_BYTES, err);

	*out = NULL;
	if (result < 0) {
		if (err) {
			err->code = ERR_ENGINE;
		}
		if (access(path, F_OK) < 0) {
			refuse_folder(adapter, err);
		}
		free(path);
		return -1;
	}
	config = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, &problem);
	if (!json_is_object(config)) {
		result = err_set(err, ERR_ENGINE, path, NULL, "is not a JSON object (line %d)",
			config ? 1 : problem.line);
	} else if (strcmp(text_of(config, "peft_type", ""), "LORA") != 0) {
		result = err_set(err, ERR_ENGINE, adapter->path, NULL,
			"is an adapter of the type \"%.64s\"; carrel computes LORA",
			text_of(config, "peft_type", ""));
	} else if (!json_is_number(json_object_get(config, "lora_alpha")) ||
		   !json_is_integer(json_object_get(config, "r"))) {
		result = err_set(err, ERR_ENGINE, path, NULL,
			"does not say the adapter's rank and scale (r and lora_alpha)");
	} else if (json_object_get(config, "use_rslora") &&
		   !json_is_boolean(json_object_get(config, "use_rslora")) &&
		   !json_is_null(json_object_get(config, "use_rslora"))) {
		result = err_set(
			err, ERR_ENGINE, path, NULL, "use_rslora is neither true nor false");
	}
	free(path);
	if (result < 0 || check_settings(adapter, config, err) < 0 ||
		check_choices(adapter, config, err) < 0 ||
		check_patterns(adapter, config, "rank_pattern", err) < 0 ||
		check_patterns(adapter, config, "alpha_pattern", err) < 0) {
		json_decref(config);
		return -1;
	}
	*out = config;
	return 0;
}

/* ---- adapter_model.safetensors ---- */

static int has_part(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static int refuse_tensor(const struct adapter *adapter, const char *name, struct err *err)
{
	const char *why = "is no part of a low-rank update";

	if (has_part(name, "lora_embedding_") || has_part(name, "embed_tokens")) {
		why = "changes the embeddings, which carrel does not compute";
	} else if (has_part(name, "lora_magnitude_vector")) {
		why = "belongs to DoRA, which carrel does not compute";
	} else if (has_part(name, "base_layer") || has_part(name, "modules_to_save")) {
		why = "replaces a whole tensor of the model";
	}
	return err_set(err, ERR_ENGINE, adapter->path, NULL,
		"holds the tensor \"%.160s\", which %s", name, why);
}

static int matrix_of(struct adapter_matrix *matrix, const struct adapter *adapter,
	const struct safetensors_tensor *tensor, struct err *err)
{
	matrix->dtype = safetensors_dtype(tensor);
	if (matrix->dtype == DTYPE_COUNT) {
		return err_set(err, ERR_ENGINE, adapter->path, "use an adapter in F32, F16 or BF16",
			"stores the tensor \"%.160s\" as type %s, which carrel cannot compute with",
			tensor->name, tensor->dtype);
	}
	if (tensor->n_dim != 2 || !tensor->n_elem) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"the tensor \"%.160s\" is not a matrix", tensor->name);
	}
	matrix->n_row = tensor->dim[0];
	matrix->row_elems = tensor->dim[1];
	matrix->data = tensor->data;
	return 0;
}

static int check_rank(const struct adapter *adapter, const struct adapter_update *update,
	json_t *config, const char *module, struct err *err)
{
	double r = json_number_value(json_object_get(config, "r"));
	double rank = pattern_value(config, "rank_pattern", module, r);

	return (double)update->a.n_row == rank ? 0
					       : err_set(err, ERR_ENGINE, adapter->path, NULL,
							 "the update of \"%.160s\" has rank %lld, "
							 "but the configuration says "
							 "%g",
							 module, (long long)update->a.n_row, rank);
}

#define PREFIX "base_model.model."
#define HALF_A ".lora_A.weight"
#define HALF_B ".lora_B.weight"

/* "base_model.model.MODULE.lora_A.weight" with its lora_B; a lora_B only has to have its lora_A. */
static int read_pair(struct adapter *adapter, const struct safetensors *file,
	const struct safetensors_tensor *tensor, json_t *config, struct err *err)
{
	size_t len = strlen(tensor->name), ends = strlen(HALF_A), begins = strlen(PREFIX);
	const char *end = tensor->name + len - (len > ends ? ends : 0);
	int is_a = strcmp(end, HALF_A) == 0, result;
	const struct safetensors_tensor *other;
	struct adapter_update update = {0};
	char *module, *name;

	if ((!is_a && strcmp(end, HALF_B) != 0) || len <= begins + ends ||
		strncmp(tensor->name, PREFIX, begins) != 0 ||
		has_part(tensor->name, "base_layer")) {
		return refuse_tensor(adapter, tensor->name, err);
	}
	module = mem_strndup(tensor->name + begins, len - begins - ends);
	name = mem_printf("%s%s%s", PREFIX, module, is_a ? HALF_B : HALF_A);
	other = safetensors_tensor_find(file, name);
	free(name);
	if (!other) {
		result = err_set(err, ERR_ENGINE, adapter->path,
			"the file is damaged or incomplete: download it again",
			"has the tensor \"%.160s\" without its other half", tensor->name);
	} else if (!is_a) {
		result = 0;
	} else {
		double alpha = pattern_value(config, "alpha_pattern", module, adapter->alpha);

		update.target = mem_printf("%s.weight", module);
		result = matrix_of(&update.a, adapter, tensor, err) < 0 ||
					 matrix_of(&update.b, adapter, other, err) < 0 ||
					 check_rank(adapter, &update, config, module, err) < 0
				 ? -1
				 : adapter_add(adapter, &update, alpha, err);
		if (result < 0) {
			free(update.target);
		}
	}
	free(module);
	return result;
}

static int read_tensors(
	struct adapter *adapter, const struct safetensors *file, json_t *config, struct err *err)
{
	size_t count = safetensors_tensor_count(file);

	adapter->update = malloc((count + 1) * sizeof(*adapter->update));
	if (!adapter->update) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"not enough memory for a table of %zu tensors", count);
	}
	for (size_t i = 0; i < count; i++) {
		if (read_pair(adapter, file, safetensors_tensor_at(file, i), config, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static void close_safetensors(void *source)
{
	safetensors_close(source);
}

static int open_tensors(struct safetensors **out, struct adapter *adapter, struct err *err)
{
	char *path = mem_printf("%s/adapter_model.safetensors", adapter->path);
	struct stat status;
	int result;

	if (stat(path, &status) < 0) {
		char *old = mem_printf("%s/adapter_model.bin", adapter->path);

		result = err_set(err, ERR_ENGINE, adapter->path,
			stat(old, &status) == 0 ? "convert the adapter_model.bin that is there"
						: NULL,
			"has no adapter_model.safetensors");
		free(old);
	} else {
		result = safetensors_open(out, path, err);
	}
	free(path);
	return result;
}

static void compute_digest(
	struct adapter *adapter, const struct safetensors *file, const struct buf *config)
{
	struct sha256 *hash = sha256_create();
	const uint8_t *bytes;
	size_t header;

	sha256_add_field(hash, "config", buf_str(config), config->len);
	bytes = safetensors_file_header(file, 0, &header);
	sha256_add_field(hash, "tensors", bytes, safetensors_file_bytes(file, 0));
	adapter->digest = sha256_finish(hash);
	sha256_destroy(hash);
}

static int read_folder(
	struct adapter *adapter, const struct buf *text, json_t *config, struct err *err)
{
	struct safetensors *file;
	const char *base = text_of(config, "base_model_name_or_path", "");

	if (open_tensors(&file, adapter, err) < 0) {
		return -1;
	}
	adapter->source = file;
	adapter->close_source = close_safetensors;
	adapter->size_bytes = (int64_t)(safetensors_total_bytes(file) + text->len);
	if (adapter->size_bytes > ADAPTER_BYTES_MAX) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"is an adapter of %lld MB; carrel reads up to %lld MB",
			(long long)(adapter->size_bytes >> 20),
			(long long)(ADAPTER_BYTES_MAX >> 20));
	}
	adapter->base = mem_strndup(base, strnlen(base, 256));
	adapter->alpha = json_number_value(json_object_get(config, "lora_alpha"));
	adapter->is_rank_stabilised = json_is_true(json_object_get(config, "use_rslora"));
	if (read_tensors(adapter, file, config, err) < 0) {
		return -1;
	}
	compute_digest(adapter, file, text);
	return 0;
}

int adapter_open_folder(struct adapter *adapter, struct err *err)
{
	struct buf text = BUF_INIT;
	json_t *config;
	int result = read_config(&config, adapter, &text, err);

	if (result == 0) {
		result = read_folder(adapter, &text, config, err);
		json_decref(config);
	}
	buf_finish(&text);
	return result;
}

/* ---- names ---- */

static const struct {
	const char *theirs, *ours;
	int is_interleaved; /* by the converter of the llama architecture */
} names[] = {
	{"self_attn.q_proj.weight", "attn_q.weight", 1},
	{"self_attn.k_proj.weight", "attn_k.weight", 1},
	{"self_attn.v_proj.weight", "attn_v.weight", 0},
	{"self_attn.o_proj.weight", "attn_output.weight", 0},
	{"self_attn.qkv_proj.weight", "attn_qkv.weight", 0},
	{"mlp.gate_proj.weight", "ffn_gate.weight", 0},
	{"mlp.up_proj.weight", "ffn_up.weight", 0},
	{"mlp.gate_up_proj.weight", "ffn_up.weight", 0},
	{"mlp.down_proj.weight", "ffn_down.weight", 0},
};

const struct weight *adapter_folder_target(
	const struct model *model, const char *target, int32_t *n_head)
{
	static const char layers[] = "model.layers.";
	char name[128];
	char *rest;
	unsigned long layer;

	*n_head = 0;
	if (strcmp(target, "lm_head.weight") == 0) {
		const struct weight *output = model_weight(model, "output.weight");

		return output ? output : model_weight(model, "token_embd.weight");
	}
	if (strncmp(target, layers, strlen(layers)) != 0) {
		return NULL;
	}
	layer = strtoul(target + strlen(layers), &rest, 10);
	for (size_t i = 0; i < ARRAY_LEN(names) && *rest == '.'; i++) {
		if (strcmp(rest + 1, names[i].theirs) == 0) {
			if (names[i].is_interleaved && strcmp(model->architecture, "llama") == 0) {
				*n_head = i == 0 ? model->n_head : model->n_kv_head;
			}
			snprintf(name, sizeof(name), "blk.%lu.%s", layer, names[i].ours);
			return model_weight(model, name);
		}
	}
	return NULL;
}
