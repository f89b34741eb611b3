#include "engine/model/huggingface_internal.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/model/mistaken.h"
#include "engine/token/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ten times what was ever published; a document takes some forty times its text. */
#define MAX_CONFIG_BYTES    ((size_t)1 << 20)
#define MAX_TEXTS_BYTES     ((size_t)8 << 20)
#define MAX_TEMPLATE_BYTES  ((size_t)1 << 20)
#define MAX_TOKENIZER_BYTES ((size_t)1 << 30)
/* A README's front matter stands in its beginning. */
#define FRONT_BYTES 65536

/* ---- files beside each other ---- */

static char *beside(const struct huggingface *directory, const char *name)
{
	return mem_printf("%s/%s", directory->folder, name);
}

static int exists(const struct huggingface *directory, const char *name)
{
	char *path = beside(directory, name);
	int result = access(path, F_OK) == 0;

	free(path);
	return result;
}

/* The text of a file in the directory. */
static int read_text(const struct huggingface *directory, const char *name, size_t max_bytes,
	struct buf *text, struct err *err)
{
	char *path = beside(directory, name);
	int result = file_read(text, path, max_bytes, err);

	free(path);
	if (result < 0 && err) {
		err->code = ERR_ENGINE;
	}
	return result;
}

static int read_json(const struct huggingface *directory, const char *name, size_t max_bytes,
	struct buf *text, json_t **json, struct err *err)
{
	json_error_t error;
	char *path;

	if (read_text(directory, name, max_bytes, text, err) < 0) {
		return -1;
	}
	*json = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(*json)) {
		return 0;
	}
	path = beside(directory, name);
	if (*json) {
		err_set(err, ERR_ENGINE, path, NULL, "is not a JSON object");
	} else if (mistaken_check(buf_str(text), text->len, path, err) == 0) {
		err_set(err, ERR_ENGINE, path, "the file is damaged: download it again",
			"is not JSON: line %d: %s", error.line, error.text);
	}
	free(path);
	return -1;
}

/* One that may be absent. */
static int read_optional_json(
	const struct huggingface *directory, const char *name, json_t **json, struct err *err)
{
	struct buf text = BUF_INIT;
	int result = exists(directory, name)
			     ? read_json(directory, name, MAX_TEXTS_BYTES, &text, json, err)
			     : 0;

	buf_finish(&text);
	return result;
}

/* ---- what the files say ---- */

/*
 * The directory's name; of a snapshot in Hugging Face's own cache, which is named by its revision,
 * that of the model ("models--ORG--NAME/snapshots/REVISION").
 */
static char *title_of(const char *folder)
{
	static const char snapshots[] = "/snapshots/", models[] = "models--";
	char *path = realpath(folder, NULL), *slash, *hit, *title;

	if (!path) {
		return mem_strdup(folder);
	}
	hit = strstr(path, snapshots);
	if (hit && !strchr(hit + strlen(snapshots), '/')) {
		*hit = 0;
		slash = strrchr(path, '/');
		if (slash && !strncmp(slash + 1, models, strlen(models))) {
			char *name = strstr(slash + 1 + strlen(models), "--");

			title = mem_strdup(name ? name + 2 : slash + 1 + strlen(models));
			free(path);
			return title;
		}
		*hit = '/';
	}
	slash = strrchr(path, '/');
	title = mem_strdup(slash && slash[1] ? slash + 1 : path);
	free(path);
	return title;
}

/* The value of "license:" in the front matter of a README: one line of YAML. */
static char *license_in(const char *text, size_t len)
{
	static const char key[] = "license:";
	const char *end = text + len, *line = text;

	if (len < 4 || memcmp(text, "---", 3) != 0) {
		return mem_strdup("");
	}
	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		const char *stop;

		line++;
		stop = memchr(line, '\n', (size_t)(end - line));
		stop = stop ? stop : end;
		if (stop - line >= 3 && !memcmp(line, "---", 3)) {
			break;
		}
		if ((size_t)(stop - line) > strlen(key) && !memcmp(line, key, strlen(key))) {
			line += strlen(key);
			while (line < stop && strchr(" \t\"'", *line)) {
				line++;
			}
			while (stop > line && strchr(" \t\r\"'", stop[-1])) {
				stop--;
			}
			return mem_strndup(
				line, (size_t)(stop - line) < 200 ? (size_t)(stop - line) : 200);
		}
	}
	return mem_strdup("");
}

static char *read_license(const struct huggingface *directory)
{
	char *path = beside(directory, "README.md"), *license = NULL;
	struct file_map map;

	if (access(path, F_OK) == 0 && file_map_open(&map, path, ERR_ENGINE, NULL) == 0) {
		license = license_in(map.data ? (const char *)map.data : "",
			map.size_bytes < FRONT_BYTES ? map.size_bytes : FRONT_BYTES);
		file_map_close(&map);
	}
	free(path);
	return license ? license : mem_strdup("");
}

/* A template, or among several named ones the "default". */
static const char *template_in(const json_t *value)
{
	json_t *one;
	size_t i;

	if (json_is_string(value)) {
		return json_string_value(value);
	}
	json_array_foreach(value, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name && !strcmp(name, "default")) {
			return json_string_value(json_object_get(one, "template"));
		}
	}
	return NULL;
}

/* In the order in which transformers looks: a file of its own wins. */
static int read_template(struct huggingface *directory, struct err *err)
{
	struct buf text = BUF_INIT;
	json_t *json = NULL;
	const char *found;
	int result = 0;

	if (exists(directory, "chat_template.jinja")) {
		result =
			read_text(directory, "chat_template.jinja", MAX_TEMPLATE_BYTES, &text, err);
		if (result == 0) {
			directory->chat_template = buf_take(&text);
		}
		buf_finish(&text);
		return result;
	}
	result = read_optional_json(directory, "chat_template.json", &json, err);
	if (result == 0) {
		found = template_in(json_object_get(json, "chat_template"));
		if (!found) {
			found = template_in(
				json_object_get(directory->tokenizer_config, "chat_template"));
		}
		directory->chat_template = mem_strdup(found);
	}
	json_decref(json);
	return result;
}

/* config.json, and which part of it is about text. */
static int read_config(struct huggingface *directory, struct err *err)
{
	const json_t *names;
	const char *name;

	if (read_json(directory, "config.json", MAX_CONFIG_BYTES, &directory->config_bytes,
		    &directory->config, err) < 0) {
		return -1;
	}
	names = json_object_get(directory->config, "architectures");
	name = json_string_value(json_array_get(names, 0));
	directory->architecture = name ? hf_architecture_find(name) : NULL;
	directory->text = directory->config;
	if (directory->architecture && directory->architecture->is_conditional) {
		directory->text = json_object_get(directory->config, "text_config");
		if (!json_is_object(directory->text)) {
			directory->text = directory->config;
			return err_set(err, ERR_ENGINE, directory->config_path, NULL,
				"has no \"text_config\" object, which says what the text part is");
		}
	}
	return 0;
}

static int open_files(struct huggingface *directory, struct err *err)
{
	static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
	const char *path = directory->path;
	size_t len = strlen(path);
	struct stat st;
	int result;

	/* a file that was named itself */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		(len < 11 || strcmp(path + len - 11, "config.json") != 0)) {
		return safetensors_open(&directory->files, path, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (exists(directory, names[i])) {
			char *file = beside(directory, names[i]);

			result = safetensors_open(&directory->files, file, err);
			free(file);
			return result;
		}
	}
	return hf_refuse_without_weights(directory, err);
}

/* ---- opening ---- */

static char *folder_of(const char *path)
{
	size_t len = strlen(path);
	const char *slash;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		while (len > 1 && path[len - 1] == '/') {
			len--;
		}
		return mem_strndup(path, len);
	}
	slash = strrchr(path, '/');
	return slash ? mem_strndup(path, slash > path ? (size_t)(slash - path) : 1)
		     : mem_strdup(".");
}

static struct huggingface *create(const char *path)
{
	struct huggingface *directory = mem_zero(1, sizeof(*directory));

	directory->path = mem_strdup(path);
	directory->folder = folder_of(path);
	directory->config_path = beside(directory, "config.json");
	directory->title = title_of(directory->folder);
	return directory;
}

static int read_texts(struct huggingface *directory, struct err *err)
{
	return hf_check_config(directory, err) < 0 || read_config(directory, err) < 0 ||
			       read_optional_json(directory, "tokenizer_config.json",
				       &directory->tokenizer_config, err) < 0 ||
			       read_optional_json(directory, "generation_config.json",
				       &directory->generation_config, err) < 0 ||
			       read_template(directory, err) < 0
		       ? -1
		       : 0;
}

int huggingface_open(struct huggingface **out, const char *path, struct err *err)
{
	struct huggingface *directory = create(path);

	*out = NULL;
	if (read_texts(directory, err) < 0 || open_files(directory, err) < 0) {
		huggingface_close(directory);
		return -1;
	}
	directory->license = read_license(directory);
	*out = directory;
	return 0;
}

void huggingface_close(struct huggingface *directory)
{
	if (!directory) {
		return;
	}
	for (size_t i = 0; i < directory->n_vector; i++) {
		free(directory->vector[i].value);
	}
	for (size_t i = 0; i < directory->n_source; i++) {
		free(directory->name[i]);
	}
	free(directory->name);
	free(directory->source);
	gguf_close(directory->metadata);
	buf_finish(&directory->metadata_bytes);
	buf_finish(&directory->config_bytes);
	safetensors_close(directory->files);
	json_decref(directory->config);
	json_decref(directory->tokenizer_config);
	json_decref(directory->generation_config);
	free(directory->path);
	free(directory->folder);
	free(directory->config_path);
	free(directory->title);
	free(directory->license);
	free(directory->chat_template);
	free(directory);
}

const char *huggingface_name(const struct huggingface *directory)
{
	return directory->title;
}

const char *huggingface_architecture(const struct huggingface *directory)
{
	const json_t *names = json_object_get(directory->config, "architectures");
	const char *name = json_string_value(json_array_get(names, 0));

	return name ? name : "";
}

const char *huggingface_license(const struct huggingface *directory)
{
	return directory->license;
}

const struct safetensors *huggingface_files(const struct huggingface *directory)
{
	return directory->files;
}

int64_t huggingface_config_int(const struct huggingface *directory, const char *name)
{
	return json_integer_value(json_object_get(directory->text, name));
}

/* ---- translation ---- */

/* Codes of few bits are known by names that no table here has; this says it better. */
static int check_quantization(const struct huggingface *directory, struct err *err)
{
	static const char *const known[] = {"fp8", "fbgemm_fp8", "compressed-tensors", "modelopt"};
	const json_t *config = json_object_get(directory->config, "quantization_config");
	const char *method = json_string_value(json_object_get(config, "quant_method"));

	/* MLX has a name of its own for it, and tensors whose types look ordinary */
	if (json_object_get(json_object_get(directory->config, "quantization"), "bits")) {
		method = "mlx";
	} else if (!config || json_is_null(config)) {
		return 0;
	}
	/* compressed-tensors: rotations between the products, which no tensor's name shows */
	if (json_object_size(json_object_get(config, "transform_config"))) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"asks for the \"transform_config\" of its quantization, which carrel does "
			"not compute");
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (method && !strcmp(method, known[i])) {
			return 0;
		}
	}
	return err_set(err, ERR_ENGINE, directory->config_path,
		"use a model with F32, F16, BF16 or FP8 (e4m3) weights, or a GGUF file",
		"says that the weights are quantized by \"%.40s\", which carrel cannot compute "
		"with",
		method ? method : "something without a name");
}

static int check_architecture(const struct huggingface *directory, struct err *err)
{
	const char *name = huggingface_architecture(directory);

	if (directory->architecture) {
		return 0;
	}
	if (!name[0]) {
		return err_set(err, ERR_ENGINE, directory->config_path, NULL,
			"does not say its architecture (\"architectures\" is missing)");
	}
	return err_set(err, ERR_ENGINE, directory->config_path,
		"carrel computes Llama, Mistral, Qwen 2 and 3, Gemma 1 to 3 and Phi-3 and -4",
		"is of the architecture \"%.64s\", which carrel cannot compute", name);
}

int huggingface_translate(
	struct huggingface *directory, const struct gguf **metadata, struct err *err)
{
	struct gguf_writer *writer;
	int result;

	if (check_architecture(directory, err) < 0 || check_quantization(directory, err) < 0) {
		return -1;
	}
	gguf_writer_create_memory(&writer);
	result = hf_config_translate(directory, writer, err);
	gguf_writer_add_string(writer, "general.name", directory->title);
	if (directory->license[0]) {
		gguf_writer_add_string(writer, "general.license", directory->license);
	}
	if (directory->chat_template) {
		gguf_writer_add_string(writer, "tokenizer.chat_template", directory->chat_template);
	}
	if (result == 0) {
		gguf_writer_header(writer, &directory->metadata_bytes);
		result = gguf_open_bytes(&directory->metadata, directory->metadata_bytes.data,
			directory->metadata_bytes.len, directory->path, err);
		*metadata = directory->metadata;
	}
	gguf_writer_destroy(writer);
	return result;
}

void huggingface_digest(const struct huggingface *directory, struct sha256 *hash)
{
	sha256_add_field(hash, "config", directory->config_bytes.data, directory->config_bytes.len);
	sha256_add_field(hash, "tokenizer", &directory->tokenizer_digest,
		sizeof(directory->tokenizer_digest));
	for (size_t i = 0; i < safetensors_file_count(directory->files); i++) {
		size_t size;
		const uint8_t *header = safetensors_file_header(directory->files, i, &size);

		sha256_add_field(hash, "safetensors", header, size);
	}
}

/* ---- the tokenizer ---- */

/* A token's text: a string, or an object with its "content". */
static const char *token_text(const json_t *config, const char *key)
{
	const json_t *value = json_object_get(config, key);

	return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static void add_end_id(struct tokenizer_ends *ends, const json_t *value)
{
	json_int_t id = json_integer_value(value);

	if (json_is_integer(value) && id >= 0 && id < UINT32_MAX &&
		ends->n_id < ARRAY_LEN(ends->id)) {
		ends->id[ends->n_id++] = (uint32_t)id;
	}
}

static struct tokenizer_ends read_ends(const struct huggingface *directory)
{
	const json_t *from[] = {directory->generation_config, directory->config, directory->text};
	const json_t *add_bos = json_object_get(directory->tokenizer_config, "add_bos_token");
	struct tokenizer_ends ends = {
		.bos = token_text(directory->tokenizer_config, "bos_token"),
		.eos = token_text(directory->tokenizer_config, "eos_token"),
		.add_bos = json_is_boolean(add_bos) ? json_is_true(add_bos) : -1,
	};

	for (size_t i = 0; i < ARRAY_LEN(from) && !ends.n_id; i++) {
		json_t *value = json_object_get(from[i], "eos_token_id"), *one;
		size_t n;

		add_end_id(&ends, value);
		json_array_foreach(value, n, one)
		{
			add_end_id(&ends, one);
		}
	}
	return ends;
}

int huggingface_tokenizer(
	struct huggingface *directory, struct tokenizer **tokenizer, struct err *err)
{
	char *path = beside(directory, "tokenizer.json");
	struct tokenizer_ends ends = read_ends(directory);
	struct file_map map;
	int result;

	*tokenizer = NULL;
	if (access(path, F_OK) < 0) {
		result = err_set(err, ERR_ENGINE, directory->path,
			"download tokenizer.json too, or use a GGUF file", "has no tokenizer.json");
		free(path);
		return result;
	}
	result = file_map_open(&map, path, ERR_ENGINE, err);
	if (result == 0 && map.size_bytes > MAX_TOKENIZER_BYTES) {
		result = err_set(err, ERR_ENGINE, path, NULL, "is larger than any tokenizer");
	}
	if (result == 0) {
		const char *json = map.data ? (const char *)map.data : "";

		result = tokenizer_open_json(tokenizer, json, map.size_bytes, &ends, path, err);
		directory->tokenizer_digest = sha256_of(json, map.size_bytes);
	}
	file_map_close(&map);
	free(path);
	return result;
}

int huggingface_tokenizer_open(
	struct tokenizer **tokenizer, char **chat_template, const char *path, struct err *err)
{
	struct huggingface *directory = create(path);
	int result = read_texts(directory, err) < 0
			     ? -1
			     : huggingface_tokenizer(directory, tokenizer, err);

	*chat_template = NULL;
	if (result == 0) {
		*chat_template = directory->chat_template;
		directory->chat_template = NULL;
	}
	huggingface_close(directory);
	return result;
}
