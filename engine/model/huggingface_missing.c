/*
 * What a directory holds instead of a model as Hugging Face publishes it: GGUF files, a pipeline that
 * makes pictures, pickles, half of a download. One sentence says which, and what to do.
 */
#include "engine/model/huggingface_internal.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int has(const struct huggingface *directory, const char *name)
{
	char *path = mem_printf("%s/%s", directory->folder, name);
	int result = access(path, F_OK) == 0;

	free(path);
	return result;
}

/* The first of the directory's names, by their bytes, that ends so; malloc'ed, or NULL. */
static char *first_ending(const struct huggingface *directory, const char *end)
{
	DIR *folder = opendir(directory->folder);
	size_t end_len = strlen(end);
	struct dirent *entry;
	char *first = NULL;

	while (folder && (entry = readdir(folder))) {
		size_t len = strlen(entry->d_name);

		if (len > end_len && !strcmp(entry->d_name + len - end_len, end) &&
			(!first || strcmp(entry->d_name, first) < 0)) {
			free(first);
			first = mem_strdup(entry->d_name);
		}
	}
	if (folder) {
		closedir(folder);
	}
	return first;
}

/* Says so where there is a GGUF file, which needs nothing else. */
static int suggest_gguf(const struct huggingface *directory, const char *missing, struct err *err)
{
	char *name = first_ending(directory, ".gguf");

	if (name) {
		err_set(err, ERR_ENGINE, directory->path, "give the path of the GGUF file itself",
			"has no %s, but holds the GGUF file %.100s", missing, name);
	}
	free(name);
	return name ? -1 : 0;
}

int hf_check_config(const struct huggingface *directory, struct err *err)
{
	struct stat st;

	if (has(directory, "config.json") || stat(directory->folder, &st) < 0) {
		return 0;
	}
	if (stat(directory->path, &st) == 0 && S_ISREG(st.st_mode)) {
		return err_set(err, ERR_ENGINE, directory->path,
			"download the model's other files, too, or use a GGUF file",
			"has no config.json beside it, which says how to compute it");
	}
	if (has(directory, "model_index.json")) {
		return err_set(err, ERR_ENGINE, directory->path, NULL,
			"is a pipeline that makes pictures or sound (it has a model_index.json), "
			"not a language model");
	}
	if (suggest_gguf(directory, "config.json", err) < 0) {
		return -1;
	}
	return err_set(err, ERR_ENGINE, directory->path,
		"give a directory as Hugging Face publishes models, or a GGUF file",
		"has no config.json, so it is not the directory of a model");
}

int hf_refuse_without_weights(const struct huggingface *directory, struct err *err)
{
	static const char missing[] = "model.safetensors nor model.safetensors.index.json";
	static const char *const pickles[] = {".bin", ".pth", ".pt"};
	char *name;

	if (suggest_gguf(directory, "safetensors file", err) < 0) {
		return -1;
	}
	name = first_ending(directory, ".safetensors");
	if (name) {
		err_set(err, ERR_ENGINE, directory->path,
			!strncmp(name, "consolidated", 12)
				? "that is its makers' own form: download the other one"
			: strstr(name, "-of-")
				? "download model.safetensors.index.json, too"
				: "give the path of the file itself, if it is the whole model",
			"has neither %s, but holds %.100s", missing, name);
		free(name);
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(pickles) && !name; i++) {
		name = first_ending(directory, pickles[i]);
	}
	err_set(err, ERR_ENGINE, directory->path,
		"download the safetensors files of the model, or a GGUF file",
		name ? "has neither %s, and carrel does not read %.100s, which may hold programs"
		     : "has neither %s",
		missing, name);
	free(name);
	return -1;
}
