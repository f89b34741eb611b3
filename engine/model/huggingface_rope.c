/*
 * The rotary embedding of config.json: "rope_parameters" as transformers 5 writes it (for Gemma 3
 * one object per kind of layer), or "rope_theta" and "rope_scaling" as it was before.
 */
#include "engine/model/huggingface_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rope_config {
	struct huggingface *directory;
	const json_t *object; /* what says how positions are scaled; NULL: nothing does */
	struct gguf_writer *writer;
	int64_t n_ctx, original_tok;
	double theta, factor; /* factor 0: not given */
	struct err *err;
};

static int refuse(const struct rope_config *rope, const char *what, const char *name)
{
	return err_set(rope->err, ERR_ENGINE, rope->directory->config_path, NULL, "%s \"%.60s\"",
		what, name);
}

/* Anything else would change the angles in a way that nobody here computes. */
static int check_keys(const struct rope_config *rope)
{
	static const char *const known[] = {"rope_type", "type", "rope_theta", "factor",
		"low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
		"attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
		"truncate", "long_factor", "short_factor", "partial_rotary_factor", "finetuned",
		"max_position_embeddings"};
	json_t *object = (json_t *)(uintptr_t)rope->object, *value;
	const char *key;

	json_object_foreach(object, key, value)
	{
		int is_known = 0;

		for (size_t i = 0; i < ARRAY_LEN(known); i++) {
			is_known = is_known || !strcmp(key, known[i]);
		}
		if (!is_known) {
			return refuse(
				rope, "scales positions by a rule that carrel does not know:", key);
		}
	}
	return 0;
}

static int get(
	const struct rope_config *rope, const char *key, double min, double max, double *value)
{
	return hf_get_float(rope->directory, rope->object, key, min, max, value, rope->err);
}

/* A number of the scaling that has no default. */
static int need(
	const struct rope_config *rope, const char *key, double min, double max, double *value)
{
	int got = get(rope, key, min, max, value);

	return got > 0 ? refuse(rope, "scales positions without saying", key) : got;
}

static int add_vector(const struct rope_config *rope, const char *name, float **value)
{
	struct huggingface *directory = rope->directory;
	int64_t n = directory->n_rot / 2;

	*value = malloc((size_t)n * sizeof(**value));
	if (!*value) {
		return err_set(rope->err, ERR_ENGINE, directory->path, NULL,
			"there is no memory for the model's frequencies");
	}
	directory->vector[directory->n_vector++] = (struct hf_vector){name, *value, n};
	return 0;
}

/* ---- the rules ---- */

static int add_linear(struct rope_config *rope)
{
	if (need(rope, "factor", 1e-3, 1e6, &rope->factor) < 0) {
		return -1;
	}
	hf_add_float(rope->directory, rope->writer, "rope.scaling.factor", rope->factor);
	return 0;
}

/* Llama 3.1: slow frequencies are divided, fast ones are not, with a ramp between. */
static int add_llama3(struct rope_config *rope)
{
	double low, high;
	float *divisor;

	if (need(rope, "factor", 1e-3, 1e6, &rope->factor) < 0 ||
		need(rope, "low_freq_factor", 1e-3, 1e6, &low) < 0 ||
		need(rope, "high_freq_factor", 1e-3, 1e6, &high) < 0) {
		return -1;
	}
	if (high <= low) {
		return refuse(rope, "scales positions with a low_freq_factor not below its",
			"high_freq_factor");
	}
	if (add_vector(rope, "rope_freqs.weight", &divisor) < 0) {
		return -1;
	}
	for (int64_t i = 0; i < rope->directory->n_rot / 2; i++) {
		/* how often the frequency turns within the window of the first training */
		double exponent = 2.0 * (double)i / (double)rope->directory->n_rot;
		double turns = (double)rope->original_tok / (2 * M_PI * pow(rope->theta, exponent));
		double keep = (turns - low) / (high - low);

		keep = fmin(1, fmax(0, keep));
		divisor[i] = (float)(1 / ((1 - keep) / rope->factor + keep));
	}
	return 0;
}

/* By how much attention is to be sharpened at so many times the window; Peng et al. 2023, 3.4. */
static double yarn_magnitude(double factor, double scale)
{
	return factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1;
}

static int add_yarn(struct rope_config *rope)
{
	struct huggingface *directory = rope->directory;
	double fast = 0, slow = 0, magnitude = 0, one = 0, all = 0, natural;
	int truncates = 1;

	if (rope->factor == 0) {
		rope->factor = (double)rope->n_ctx / (double)rope->original_tok;
	}
	if (rope->factor < 1) {
		return refuse(rope, "shrinks positions with", "yarn");
	}
	if (get(rope, "beta_fast", 0, 1e6, &fast) < 0 ||
		get(rope, "beta_slow", 0, 1e6, &slow) < 0 ||
		get(rope, "attention_factor", 1e-3, 1e3, &magnitude) < 0 ||
		get(rope, "mscale", 0, 1e3, &one) < 0 ||
		get(rope, "mscale_all_dim", 0, 1e3, &all) < 0 ||
		hf_get_bool(directory, rope->object, "truncate", &truncates, rope->err) < 0) {
		return -1;
	}
	if (!truncates) {
		return refuse(rope, "asks for yarn without", "truncate");
	}
	natural = yarn_magnitude(rope->factor, 1);
	if (magnitude == 0) {
		magnitude = one > 0 && all > 0 ? yarn_magnitude(rope->factor, one) /
							 yarn_magnitude(rope->factor, all)
					       : natural;
	}
	hf_add_float(directory, rope->writer, "rope.scaling.factor", rope->factor);
	hf_add_int(directory, rope->writer, "rope.scaling.original_context_length",
		rope->original_tok);
	if (magnitude != natural) {
		hf_add_float(
			directory, rope->writer, "rope.scaling.attn_factor", magnitude / natural);
	}
	if (fast > 0) {
		hf_add_float(directory, rope->writer, "rope.scaling.yarn_beta_fast", fast);
	}
	if (slow > 0) {
		hf_add_float(directory, rope->writer, "rope.scaling.yarn_beta_slow", slow);
	}
	return 0;
}

static int add_factors(const struct rope_config *rope, const char *key, const char *name)
{
	const json_t *list = json_object_get(rope->object, key);
	float *value;

	if (json_array_size(list) != (size_t)(rope->directory->n_rot / 2)) {
		return err_set(rope->err, ERR_ENGINE, rope->directory->config_path, NULL,
			"\"%s\" is not a list of %lld numbers, one for each frequency", key,
			(long long)(rope->directory->n_rot / 2));
	}
	if (add_vector(rope, name, &value) < 0) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *number = json_array_get(list, i);

		value[i] = (float)json_number_value(number);
		if (!json_is_number(number) || !(value[i] > 1e-6f && value[i] < 1e6f)) {
			return err_set(rope->err, ERR_ENGINE, rope->directory->config_path, NULL,
				"entry %zu of \"%s\" is not a usable divisor", i, key);
		}
	}
	return 0;
}

/* Ding et al. 2024; which of the lists counts follows from the context. */
static int add_longrope(struct rope_config *rope)
{
	double scale =
		rope->factor > 0 ? rope->factor : (double)rope->n_ctx / (double)rope->original_tok;
	double magnitude = scale > 1 ? sqrt(1 + log(scale) / log((double)rope->original_tok)) : 1;

	if (get(rope, "attention_factor", 1e-3, 1e3, &magnitude) < 0 ||
		add_factors(rope, "long_factor", "rope_factors_long.weight") < 0 ||
		add_factors(rope, "short_factor", "rope_factors_short.weight") < 0) {
		return -1;
	}
	hf_add_int(rope->directory, rope->writer, "rope.scaling.original_context_length",
		rope->original_tok);
	hf_add_float(rope->directory, rope->writer, "rope.scaling.attn_factor", magnitude);
	return 0;
}

static const struct rule {
	const char *name, *gguf; /* gguf: rope.scaling.type, or NULL for none */
	int (*add)(struct rope_config *rope);
} rules[] = {
	{"linear", "linear", add_linear},
	{"llama3", NULL, add_llama3},
	{"yarn", "yarn", add_yarn},
	{"longrope", NULL, add_longrope},
};

/* Phi-3's first files have other names for longrope; nobody else computes it. */
static const char *rule_name(const struct hf_architecture *architecture, const char *type)
{
	if (!architecture->original_ctx) {
		return strcmp(type, "longrope") ? type : NULL;
	}
	return !strcmp(type, "su") || !strcmp(type, "yarn") ? "longrope" : type;
}

static int add_scaling(struct rope_config *rope)
{
	struct huggingface *directory = rope->directory;
	const char *type, *old, *name;
	int failed = 0;

	if (!rope->object) {
		return 0;
	}
	type = hf_get_string(directory, rope->object, "rope_type", &failed, rope->err);
	old = hf_get_string(directory, rope->object, "type", &failed, rope->err);
	type = type ? type : old ? old : "default";
	if (failed || check_keys(rope) < 0 || get(rope, "factor", 1e-3, 1e6, &rope->factor) < 0) {
		return -1;
	}
	if (!strcmp(type, "default")) {
		return 0;
	}
	name = rule_name(directory->architecture, type);
	for (size_t i = 0; i < ARRAY_LEN(rules) && name; i++) {
		char key[64];

		if (strcmp(rules[i].name, name) != 0) {
			continue;
		}
		if (rules[i].gguf) {
			snprintf(key, sizeof(key), "%s.rope.scaling.type",
				directory->architecture->gguf);
			gguf_writer_add_string(rope->writer, key, rules[i].gguf);
		}
		return rules[i].add(rope);
	}
	return refuse(rope, "scales positions by a rule that carrel cannot compute:", type);
}

/* ---- where they stand ---- */

/* An object of the configuration, or NULL; -1 for anything else. */
static int get_object(const struct rope_config *rope, const json_t *parent, const char *key,
	const json_t **object)
{
	*object = json_object_get(parent, key);
	if (json_is_null(*object)) {
		*object = NULL;
	}
	return *object && !json_is_object(*object) ? refuse(rope, "has no object as its", key) : 0;
}

/* Gemma 3 turns near and far layers differently; only the far ones are ever scaled. */
static int split_by_layers(struct rope_config *rope, double *local_theta)
{
	const json_t *near_object, *far_object;

	if (get_object(rope, rope->object, "sliding_attention", &near_object) < 0 ||
		get_object(rope, rope->object, "full_attention", &far_object) < 0) {
		return -1;
	}
	if (!near_object && !far_object) {
		return 0;
	}
	if (near_object) {
		const char *type = json_string_value(json_object_get(near_object, "rope_type"));

		if (!type) {
			type = json_string_value(json_object_get(near_object, "type"));
		}
		if (type && strcmp(type, "default") != 0) {
			return refuse(rope, "scales the positions of sliding layers by", type);
		}
		if (hf_get_float(rope->directory, near_object, "rope_theta", 1.001, 1e15,
			    local_theta, rope->err) < 0) {
			return -1;
		}
	}
	rope->object = far_object;
	return 0;
}

static int find_object(struct rope_config *rope, double *local_theta)
{
	const json_t *text = rope->directory->text, *now, *before;

	if (get_object(rope, text, "rope_parameters", &now) < 0 ||
		get_object(rope, text, "rope_scaling", &before) < 0) {
		return -1;
	}
	if (now && before && !json_equal(now, before)) {
		return refuse(
			rope, "has \"rope_scaling\" and something else as its", "rope_parameters");
	}
	rope->object = now ? now : before;
	if (hf_get_float(rope->directory, text, "rope_local_base_freq", 1.001, 1e15, local_theta,
		    rope->err) < 0) {
		return -1;
	}
	if (rope->directory->architecture->window_period && rope->object) {
		return split_by_layers(rope, local_theta);
	}
	return 0;
}

/* How much of a head is rotated. */
static int read_part(struct rope_config *rope)
{
	struct huggingface *directory = rope->directory;
	double part = 1;

	if (hf_get_float(directory, directory->text, "partial_rotary_factor", 1e-3, 1, &part,
		    rope->err) < 0 ||
		(rope->object && get(rope, "partial_rotary_factor", 1e-3, 1, &part) < 0)) {
		return -1;
	}
	if (part != 1 && !directory->architecture->rotates_part) {
		return err_set(rope->err, ERR_ENGINE, directory->config_path, NULL,
			"asks for heads that are rotated in part (partial_rotary_factor %g), which "
			"carrel does not compute for %s",
			part, directory->architecture->name);
	}
	directory->n_rot = (int64_t)((double)directory->head_dim * part);
	if (directory->n_rot < 2 || directory->n_rot % 2 || directory->n_rot / 2 > HF_MAX_FREQ) {
		return err_set(rope->err, ERR_ENGINE, directory->config_path, NULL,
			"rotates %lld elements of a head of %lld", (long long)directory->n_rot,
			(long long)directory->head_dim);
	}
	return 0;
}

int hf_rope_translate(
	struct huggingface *directory, struct gguf_writer *writer, int64_t n_ctx, struct err *err)
{
	struct rope_config rope = {
		.directory = directory,
		.writer = writer,
		.n_ctx = n_ctx,
		.original_tok = directory->architecture->original_ctx
					? directory->architecture->original_ctx
					: n_ctx,
		.theta = directory->architecture->rope_theta,
		.err = err,
	};
	double local_theta = 0;

	if (find_object(&rope, &local_theta) < 0 || read_part(&rope) < 0 ||
		hf_get_float(directory, directory->text, "rope_theta", 1.001, 1e15, &rope.theta,
			err) < 0 ||
		hf_get_int(directory, directory->text, "original_max_position_embeddings", 2,
			HF_MAX_INT, &rope.original_tok, err) < 0 ||
		(rope.object && (get(&rope, "rope_theta", 1.001, 1e15, &rope.theta) < 0 ||
					hf_get_int(directory, rope.object,
						"original_max_position_embeddings", 2, HF_MAX_INT,
						&rope.original_tok, err) < 0))) {
		return -1;
	}
	hf_add_int(directory, writer, "rope.dimension_count", directory->n_rot);
	hf_add_float(directory, writer, "rope.freq_base", rope.theta);
	if (local_theta > 0) {
		hf_add_float(directory, writer, "rope.freq_base_swa", local_theta);
	}
	return add_scaling(&rope);
}
