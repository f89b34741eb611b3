/* The twin of huggingface.c for builds without a JSON library. */
#include "engine/model/huggingface.h"

static int refuse(const char *path, struct err *err)
{
	return err_set(err, ERR_ENGINE, path, "use a GGUF file, or build with -Dworkbench=true",
		"this build does not read Hugging Face directories");
}

int huggingface_open(struct huggingface **out, const char *path, struct err *err)
{
	*out = NULL;
	return refuse(path, err);
}

void huggingface_close(struct huggingface *directory)
{
}

/* Without open() there is no object to ask. */

const char *huggingface_name(const struct huggingface *directory)
{
	return "";
}

const char *huggingface_architecture(const struct huggingface *directory)
{
	return "";
}

const char *huggingface_license(const struct huggingface *directory)
{
	return "";
}

const struct safetensors *huggingface_files(const struct huggingface *directory)
{
	return NULL;
}

int64_t huggingface_config_int(const struct huggingface *directory, const char *name)
{
	return 0;
}

int huggingface_translate(
	struct huggingface *directory, const struct gguf **metadata, struct err *err)
{
	return refuse(NULL, err);
}

int huggingface_weights(
	struct huggingface *directory, struct weight **weight, size_t *count, struct err *err)
{
	return refuse(NULL, err);
}

int huggingface_tokenizer(
	struct huggingface *directory, struct tokenizer **tokenizer, struct err *err)
{
	return refuse(NULL, err);
}

void huggingface_digest(const struct huggingface *directory, struct sha256 *hash)
{
}

int huggingface_tokenizer_open(
	struct tokenizer **tokenizer, char **chat_template, const char *path, struct err *err)
{
	return refuse(path, err);
}
