/*
 * An adapter on any bytes, all the way into a model's program: GGUF, else what stands before the first
 * NUL is the configuration of a PEFT folder and what follows its tensors. It fits, or a sentence says
 * why not, and the model is as it was.
 */
#include "engine/model/adapter.h"
#include "engine/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/carrel-fuzz-adapter-XXXXXX";
static char config_path[96], tensors_path[96];

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static void remove_folder(void)
{
	unlink(config_path);
	unlink(tensors_path);
	rmdir(folder);
}

static struct model *open_base(void)
{
	struct model *model;
	struct err err;

	must(mkdtemp(folder) != NULL);
	snprintf(config_path, sizeof(config_path), "%s/adapter_config.json", folder);
	snprintf(tensors_path, sizeof(tensors_path), "%s/adapter_model.safetensors", folder);
	atexit(remove_folder);
	must(model_open(&model, CARREL_SOURCE "/tests/fuzz/corpus/model/llama", NULL, &err) == 0);
	return model;
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model *model;
	struct engine_adapter adapter = {tensors_path, 0.5};
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct adapter_summary summary;
	struct program *program;
	struct err err = {0};

	model = model ? model : open_base();
	if (size >= 4 && memcmp(data, "GGUF", 4) == 0) {
		put(tensors_path, data, size);
	} else {
		size_t len = nul ? (size_t)(nul - data) : size;

		put(config_path, data, len);
		put(tensors_path, nul ? nul + 1 : data, nul ? size - len - 1 : 0);
		adapter.path = folder;
	}
	if (adapter_summary_read(&summary, adapter.path, &err) == 0) {
		must(summary.rank_min > 0 && summary.rank_max <= ADAPTER_RANK_MAX);
		must(summary.n_target > 0 && summary.targets[0]);
	} else {
		must(err.code == ERR_ENGINE && err.what[0]);
	}
	adapter_summary_finish(&summary);
	err = (struct err){0};
	if (adapter_apply(model, &adapter, 1, &err) == 0) {
		must(model->adapter_identity && model->n_lora > 0);
		if (program_create(&program, model, 0, &err) == 0) {
			program_destroy(program);
		} else {
			must(err.what[0] != 0);
		}
	} else {
		must(err.code == ERR_ENGINE && err.what[0]);
	}
	adapter_finish(model);
	return 0;
}
