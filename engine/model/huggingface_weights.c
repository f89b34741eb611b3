/*
 * The tensors of a directory under GGUF's names. The tables say all that is known; a tensor that is
 * in none of them would be left out of what is computed, so it is refused by name.
 */
#include "engine/model/huggingface_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TO_PERMUTE = 1, TO_ADD_ONE = 2 };

struct renamed {
	const char *from, *to;
	int rule; /* where the architecture has it */
};

/* In a layer; ".weight" and ".bias" follow. */
static const struct renamed layer_names[] = {
	{"input_layernorm", "attn_norm", TO_ADD_ONE},
	{"self_attn.o_proj", "attn_output", 0},
	{"mlp.down_proj", "ffn_down", 0},
};
static const struct renamed split_names[] = {
	{"self_attn.q_proj", "attn_q", TO_PERMUTE},
	{"self_attn.k_proj", "attn_k", TO_PERMUTE},
	{"self_attn.v_proj", "attn_v", 0},
	{"mlp.gate_proj", "ffn_gate", 0},
	{"mlp.up_proj", "ffn_up", 0},
};
static const struct renamed fused_names[] = {
	{"self_attn.qkv_proj", "attn_qkv", 0},
	{"mlp.gate_up_proj", "ffn_up", 0},
};
static const struct renamed qk_norm_names[] = {
	{"self_attn.q_norm", "attn_q_norm", TO_ADD_ONE},
	{"self_attn.k_norm", "attn_k_norm", TO_ADD_ONE},
};
static const struct renamed plain_norm_names[] = {
	{"post_attention_layernorm", "ffn_norm", TO_ADD_ONE},
};
static const struct renamed post_norm_names[] = {
	{"post_attention_layernorm", "post_attention_norm", TO_ADD_ONE},
	{"pre_feedforward_layernorm", "ffn_norm", TO_ADD_ONE},
	{"post_feedforward_layernorm", "post_ffw_norm", TO_ADD_ONE},
};
static const struct renamed model_names[] = {
	{"model.embed_tokens", "token_embd", 0},
	{"model.norm", "output_norm", TO_ADD_ONE},
	{"lm_head", "output", 0},
};

/* What follows from other numbers, or is for computing with fewer bits than we do. */
static const char *const ignored_ends[] = {".rotary_emb.inv_freq", ".input_scale",
	".input_scale_ub", ".activation_scale", ".k_scale", ".v_scale", ".q_scale",
	".output_scale"};
/* Behind the stem of a tensor in FP8: what its codes are multiplied with. */
static const char *const scale_ends[] = {".weight_scale", ".weight_scale_inv"};
/* Beside the text in a model that reads pictures. */
static const char *const towers[] = {"vision_tower.", "multi_modal_projector.",
	"model.vision_tower.", "model.multi_modal_projector.", "model.vision_model.",
	"vision_model."};

static int ends_with(const char *text, const char *tail)
{
	size_t len = strlen(text), tail_len = strlen(tail);

	return len > tail_len && !strcmp(text + len - tail_len, tail);
}

static int begins_with(const char *text, const char *head)
{
	return strncmp(text, head, strlen(head)) == 0;
}

/* ---- names ---- */

static const struct renamed *find_in(
	const struct renamed *table, size_t count, const char *stem, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(table[i].from) == len && !memcmp(table[i].from, stem, len)) {
			return &table[i];
		}
	}
	return NULL;
}

#define FIND_IN(table, stem, len) find_in(table, ARRAY_LEN(table), stem, len)

static const struct renamed *find_layer_name(
	const struct hf_architecture *architecture, const char *stem, size_t len)
{
	const struct renamed *found = FIND_IN(layer_names, stem, len);

	if (!found) {
		found = architecture->has_fused_qkv ? FIND_IN(fused_names, stem, len)
						    : FIND_IN(split_names, stem, len);
	}
	if (!found && architecture->has_qk_norms) {
		found = FIND_IN(qk_norm_names, stem, len);
	}
	if (!found) {
		found = architecture->has_post_norms ? FIND_IN(post_norm_names, stem, len)
						     : FIND_IN(plain_norm_names, stem, len);
	}
	return found;
}

/*
 * A name without what models that read pictures put in front of the text's: "model.layers.0..." also
 * where the file has "language_model.model.layers.0..." or "model.language_model.layers.0...".
 */
static char *text_name(const struct hf_architecture *architecture, const char *name)
{
	static const char before[] = "language_model.", inside[] = "model.language_model.";

	if (architecture->is_conditional && begins_with(name, before)) {
		return mem_strdup(name + strlen(before));
	}
	if (architecture->is_conditional && begins_with(name, inside)) {
		return mem_printf("model.%s", name + strlen(inside));
	}
	return mem_strdup(name);
}

/* GGUF's name, malloc'ed, and the rule; NULL where there is none. */
static char *gguf_name(const struct huggingface *directory, const char *name, int *rule)
{
	static const char layers[] = "model.layers.";
	const char *kind = ends_with(name, ".weight") ? ".weight" : ".bias";
	size_t len = strlen(name), kind_len = strlen(kind);
	const struct renamed *found;
	unsigned long layer;
	char *rest;

	if (!ends_with(name, kind)) {
		return NULL;
	}
	if (!begins_with(name, layers)) {
		found = FIND_IN(model_names, name, len - kind_len);
		*rule = found ? found->rule : 0;
		return found ? mem_printf("%s%s", found->to, kind) : NULL;
	}
	layer = strtoul(name + strlen(layers), &rest, 10);
	/* a number in one spelling only: no sign, no space, no leading zero */
	if (layer >= (unsigned long)directory->n_layer || rest[0] != '.' ||
		name[strlen(layers)] < '0' || name[strlen(layers)] > '9' ||
		(name[strlen(layers)] == '0' && rest != name + strlen(layers) + 1)) {
		return NULL;
	}
	rest++;
	if (strlen(rest) <= kind_len) {
		return NULL;
	}
	found = find_layer_name(directory->architecture, rest, strlen(rest) - kind_len);
	*rule = found ? found->rule : 0;
	return found ? mem_printf("blk.%lu.%s%s", layer, found->to, kind) : NULL;
}

/* Tensors that are no weights of the text, for a reason that the tables state. */
static int is_ignored(const struct huggingface *directory, const char *name, const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(towers) && directory->architecture->is_conditional; i++) {
		if (begins_with(name, towers[i])) {
			return 1;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(ignored_ends); i++) {
		if (ends_with(name, ignored_ends[i])) {
			return 1;
		}
	}
	return directory->is_tied && !strcmp(text, "lm_head.weight");
}

/* ---- FP8 ---- */

/* The tensor whose codes the scale is for, or NULL. */
static const struct safetensors_tensor *scaled_by(
	const struct huggingface *directory, const char *name)
{
	const struct safetensors_tensor *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(scale_ends) && !found; i++) {
		if (ends_with(name, scale_ends[i])) {
			char *weight = mem_printf(
				"%.*s.weight", (int)(strlen(name) - strlen(scale_ends[i])), name);

			found = safetensors_tensor_find(directory->files, weight);
			free(weight);
		}
	}
	return found && !strcmp(found->dtype, "F8_E4M3") ? found : NULL;
}

static const struct safetensors_tensor *scale_of(
	const struct huggingface *directory, const char *name, int *count)
{
	const struct safetensors_tensor *found = NULL;

	*count = 0;
	for (size_t i = 0; i < ARRAY_LEN(scale_ends); i++) {
		char *scale = mem_printf(
			"%.*s%s", (int)(strlen(name) - strlen(".weight")), name, scale_ends[i]);
		const struct safetensors_tensor *one =
			safetensors_tensor_find(directory->files, scale);

		found = one ? one : found;
		*count += one != NULL;
		free(scale);
	}
	return found;
}

/* Rows and elements that have one scale, where config.json says it; 128 x 128 else. */
static int read_block_size(
	const struct huggingface *directory, int64_t *rows, int64_t *elems, struct err *err)
{
	const json_t *config = json_object_get(directory->config, "quantization_config");
	const json_t *size = json_object_get(config, "weight_block_size");

	*rows = *elems = 128;
	if (!size || json_is_null(size)) {
		return 0;
	}
	*rows = json_integer_value(json_array_get(size, 0));
	*elems = json_integer_value(json_array_get(size, 1));
	if (json_array_size(size) != 2 || *rows < 1 || *elems < 1 || *rows > 1 << 20 ||
		*elems > 1 << 20) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"\"weight_block_size\" is not two numbers");
	}
	return 0;
}

static int fail_tensor(const struct huggingface *directory, const struct safetensors_tensor *tensor,
	const char *what, struct err *err)
{
	return err_set(err, ERR_ENGINE, safetensors_file_path(directory->files, tensor->file), NULL,
		"the tensor \"%.100s\" %s", tensor->name, what);
}

/* Per tensor [], [1]; per row [m], [m, 1]; per block [ceil(m / rows)][ceil(k / elems)]. */
static int read_scale_shape(
	const struct huggingface *directory, struct hf_source *source, struct err *err)
{
	const struct safetensors_tensor *scale = source->scale;
	int64_t rows, elems, n_row, n_column;

	if (read_block_size(directory, &rows, &elems, err) < 0) {
		return -1;
	}
	n_row = (source->n_row + rows - 1) / rows;
	n_column = (source->row_elems + elems - 1) / elems;
	if (scale->n_elem == 1) {
		source->scale_rows = source->n_row;
		source->scale_elems = source->row_elems;
		source->scale_columns = 1;
	} else if (scale->dim[0] == source->n_row && scale->n_elem == source->n_row) {
		source->scale_rows = 1;
		source->scale_elems = source->row_elems;
		source->scale_columns = 1;
	} else if (scale->n_dim == 2 && scale->dim[0] == n_row && scale->dim[1] == n_column) {
		source->scale_rows = rows;
		source->scale_elems = elems;
		source->scale_columns = n_column;
	} else {
		return fail_tensor(directory, scale,
			"is neither one scale, nor one for each row or block", err);
	}
	for (int64_t i = 0; i < scale->n_elem; i++) {
		if (!isfinite(hf_element(scale, i))) {
			return fail_tensor(
				directory, scale, "has a scale that is not a finite number", err);
		}
	}
	return 0;
}

static int bind_f8(const struct huggingface *directory, struct hf_source *source, struct err *err)
{
	int count;

	source->stored = DTYPE_F8_E4M3;
	if (source->n_row == 1 || !ends_with(source->tensor->name, ".weight")) {
		return fail_tensor(
			directory, source->tensor, "is a vector in FP8, which carrel refuses", err);
	}
	source->scale = scale_of(directory, source->tensor->name, &count);
	if (count != 1 || safetensors_dtype(source->scale) == DTYPE_COUNT) {
		return fail_tensor(directory, source->tensor,
			"is in FP8 and has no scale of its own (weight_scale or weight_scale_inv, "
			"as F32, F16 or BF16)",
			err);
	}
	if (read_scale_shape(directory, source, err) < 0) {
		return -1;
	}
	source->dtype =
		source->row_elems % 128 || (source->scale_elems % 128 && source->scale_columns > 1)
			? DTYPE_F32
			: DTYPE_F8_E4M3;
	return 0;
}

/* ---- weights ---- */

/* The rows of one head that change places, where the architecture's file has halves. */
static int64_t permuted_half(
	const struct huggingface *directory, const struct hf_source *source, const char *name)
{
	int is_key = strstr(name, ".attn_k.") != NULL;
	int64_t n_head = is_key ? directory->n_kv_head : directory->n_head;
	int64_t n = source->n_row == 1 ? source->row_elems : source->n_row;

	/* a shape that does not fit is refused, with both shapes, when the family asks for it */
	return n == n_head * directory->head_dim ? directory->head_dim / 2 : 0;
}

static int bind_weight(struct huggingface *directory, struct hf_source *source,
	struct weight *weight, int rule, struct err *err)
{
	const struct hf_architecture *architecture = directory->architecture;
	const struct safetensors_tensor *tensor = source->tensor;

	if (tensor->n_dim < 1 || tensor->n_dim > 2 || tensor->n_elem == 0) {
		return fail_tensor(directory, tensor, "is neither a vector nor a matrix", err);
	}
	source->base = (struct weight_source){hf_rows_read, &directory->has_nan};
	source->n_row = tensor->n_dim == 2 ? tensor->dim[0] : 1;
	source->row_elems = tensor->dim[tensor->n_dim - 1];
	source->stored = source->dtype = safetensors_dtype(tensor);
	if (!strcmp(tensor->dtype, "F8_E4M3")) {
		if (bind_f8(directory, source, err) < 0) {
			return -1;
		}
	} else if (source->dtype == DTYPE_COUNT) {
		return err_set(err, ERR_ENGINE,
			safetensors_file_path(directory->files, tensor->file),
			"use a model with F32, F16, BF16 or FP8 (e4m3) weights, or a GGUF file",
			"stores the tensor \"%.100s\" as %s, which carrel cannot compute with",
			tensor->name, tensor->dtype);
	}
	if ((rule & TO_PERMUTE) && architecture->permutes_qk) {
		source->half = permuted_half(directory, source, weight->name);
	}
	source->adds_one = (rule & TO_ADD_ONE) && architecture->norms_add_one;
	if (source->n_row == 1 && (source->half || source->adds_one)) {
		source->dtype = DTYPE_F32;
	}
	weight->dtype = source->dtype;
	weight->n_row = source->n_row;
	weight->row_elems = source->row_elems;
	weight->size_bytes = source->n_row * dtype_row_bytes(source->dtype, source->row_elems);
	if (source->half || source->adds_one || source->stored == DTYPE_F8_E4M3) {
		weight->source = &source->base;
	} else {
		weight->data = tensor->data;
	}
	return 0;
}

/* What no rule names. GPTQ and AWQ are known by it where config.json is silent about them. */
static int refuse_tensor(const struct huggingface *directory,
	const struct safetensors_tensor *tensor, struct err *err)
{
	const char *path = safetensors_file_path(directory->files, tensor->file);
	const char *end = strrchr(tensor->name, '.');

	if (end && (!strcmp(end, ".qweight") || !strcmp(end, ".qzeros"))) {
		return err_set(err, ERR_ENGINE, path,
			"use a model with F32, F16, BF16 or FP8 (e4m3) weights, or a GGUF file",
			"has a tensor \"%.100s\", so its weights are quantized by GPTQ or AWQ, "
			"which "
			"carrel cannot compute with",
			tensor->name);
	}
	return err_set(err, ERR_ENGINE, path, NULL,
		"has a tensor \"%.100s\" that carrel does not know in %s; without it every answer "
		"would be wrong",
		tensor->name, directory->architecture->name);
}

/* One tensor of the files; *count grows if it is a weight. */
static int add_tensor(struct huggingface *directory, const struct safetensors_tensor *tensor,
	struct weight *table, size_t *count, struct err *err)
{
	char *text = text_name(directory->architecture, tensor->name);
	struct hf_source *source = &directory->source[directory->n_source];
	int rule = 0, result = 0;
	char *name = NULL;

	if (!is_ignored(directory, tensor->name, text) && !scaled_by(directory, tensor->name)) {
		name = gguf_name(directory, text, &rule);
		if (name) {
			directory->name[directory->n_source++] = name;
			source->tensor = tensor;
			table[*count] = (struct weight){.name = name};
			result = bind_weight(directory, source, &table[(*count)++], rule, err);
		} else {
			result = refuse_tensor(directory, tensor, err);
		}
	}
	free(text);
	return result;
}

/*
 * Whether the output matrix is the embedding. Where config.json is silent, or says one thing of the
 * whole and another of its text, the file decides by having a matrix or not; a Gemma has none.
 */
static int read_output(struct huggingface *directory, struct err *err)
{
	int says_nothing = !directory->says_tied && !directory->says_untied, has_output = 0;

	for (size_t i = 0; i < safetensors_tensor_count(directory->files) && !has_output; i++) {
		char *text = text_name(
			directory->architecture, safetensors_tensor_at(directory->files, i)->name);

		has_output = !strcmp(text, "lm_head.weight");
		free(text);
	}
	directory->is_tied = !has_output || (directory->says_tied && !directory->says_untied) ||
			     (says_nothing && directory->architecture->is_tied);
	if (has_output || directory->says_tied || says_nothing) {
		return 0;
	}
	return err_set(err, ERR_ENGINE, directory->path, NULL,
		"has no tensor \"lm_head.weight\", and config.json says that the embedding does "
		"not "
		"take its place");
}

static int has_weight(const struct weight *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(table[i].name, name)) {
			return 1;
		}
	}
	return 0;
}

/* Without the biases that config.json promises, a model would be computed as if they were 0. */
static int check_biases(const struct huggingface *directory, const struct weight *table,
	size_t count, struct err *err)
{
	static const struct {
		const char *setting, *names[4]; /* in the first layer, which stands for all */
	} promised[] = {
		{"attention_bias", {"attn_q", "attn_k", "attn_v", "attn_output"}},
		{"mlp_bias", {"ffn_gate", "ffn_up", "ffn_down"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(promised); i++) {
		int is_promised = 0;

		if (hf_get_bool(directory, directory->text, promised[i].setting, &is_promised,
			    err) < 0) {
			return -1;
		}
		for (size_t k = 0; is_promised && k < 4 && promised[i].names[k]; k++) {
			char name[64];

			snprintf(name, sizeof(name), "blk.0.%s.bias", promised[i].names[k]);
			if (!has_weight(table, count, name)) {
				return err_set(err, ERR_ENGINE, directory->config_path,
					"get all of its files again",
					"says %s, but the weights have no such biases",
					promised[i].setting);
			}
		}
	}
	return 0;
}

int huggingface_weights(
	struct huggingface *directory, struct weight **weight, size_t *count, struct err *err)
{
	size_t n = safetensors_tensor_count(directory->files);
	struct weight *table = calloc(n + directory->n_vector + 1, sizeof(*table));

	*weight = NULL;
	*count = 0;
	directory->source = calloc(n + 1, sizeof(*directory->source));
	directory->name = calloc(n + 1, sizeof(*directory->name));
	if (!table || !directory->source || !directory->name) {
		free(table);
		return err_set(err, ERR_ENGINE, directory->path, NULL,
			"not enough memory for a table of %zu tensors", n);
	}
	if (read_output(directory, err) < 0) {
		free(table);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (add_tensor(directory, safetensors_tensor_at(directory->files, i), table, count,
			    err) < 0) {
			free(table);
			return -1;
		}
	}
	for (size_t i = 0; i < directory->n_vector; i++) {
		const struct hf_vector *vector = &directory->vector[i];

		table[(*count)++] = (struct weight){.name = vector->name,
			.dtype = DTYPE_F32,
			.n_row = 1,
			.row_elems = vector->n,
			.size_bytes = vector->n * (int64_t)sizeof(float),
			.data = (const uint8_t *)vector->value};
	}
	if (!directory->architecture->has_fused_qkv &&
		check_biases(directory, table, *count, err) < 0) {
		*count = 0;
		free(table);
		return -1;
	}
	*weight = table;
	return 0;
}
