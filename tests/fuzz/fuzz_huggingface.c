/*
 * A Hugging Face directory on any bytes: config.json, and behind a NUL the weights' file. Its
 * configuration becomes keys, its tensors weights, a family makes a program of them; or a sentence
 * says why not.
 */
#include "engine/engine.h"
#include "engine/model/huggingface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static char folder[] = "/dev/shm/carrel-fuzz-huggingface-XXXXXX";
static char config_path[64], weights_path[64];

static void begin(void)
{
	static const char tokenizer[] =
		CARREL_SOURCE "/tests/vectors/families/llama/tokenizer.json";
	char path[96];

	must(mkdtemp(folder) != NULL);
	snprintf(config_path, sizeof(config_path), "%s/config.json", folder);
	snprintf(weights_path, sizeof(weights_path), "%s/model.safetensors", folder);
	snprintf(path, sizeof(path), "%s/tokenizer.json", folder);
	must(symlink(tokenizer, path) == 0);
}

static void put(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	must(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* The translation alone, also where the weights would not fit. */
static void translate(void)
{
	struct huggingface *directory;
	const struct gguf *metadata;
	struct weight *weight = NULL;
	struct err err = {0};
	size_t count;

	if (huggingface_open(&directory, folder, &err) < 0) {
		must(err.code == ERR_ENGINE && err.what[0]);
		return;
	}
	if (huggingface_translate(directory, &metadata, &err) < 0 ||
		huggingface_weights(directory, &weight, &count, &err) < 0) {
		must(err.code == ERR_ENGINE && err.what[0]);
	}
	free(weight);
	huggingface_close(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char no_tensors[] = "\2\0\0\0\0\0\0\0{}";
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t config_bytes = nul ? (size_t)(nul - data) : size;
	struct model_summary summary;
	struct err err = {0};

	if (!config_path[0]) {
		begin();
	}
	put(config_path, data, config_bytes);
	if (nul) {
		put(weights_path, nul + 1, size - config_bytes - 1);
	} else {
		put(weights_path, no_tensors, sizeof(no_tensors) - 1);
	}
	translate();
	if (model_summary_read(&summary, folder, &err) < 0) {
		must(err.code == ERR_ENGINE && err.what[0]);
	} else {
		must(summary.can_run ? !summary.why_not : summary.why_not && summary.why_not[0]);
	}
	model_summary_finish(&summary);
	return 0;
}
