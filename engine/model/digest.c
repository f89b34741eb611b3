#include "engine/model/digest.h"

#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/model/model.h"
#include "engine/model/safetensors.h"

#define SAMPLE_BYTES 4096
#define SAMPLE_COUNT 8

static void add_samples(struct sha256 *hash, const uint8_t *data, int64_t size)
{
	int64_t span = size - SAMPLE_BYTES;

	if (size <= SAMPLE_COUNT * SAMPLE_BYTES) {
		sha256_add(hash, data, (size_t)size);
		return;
	}
	for (int64_t i = 0; i < SAMPLE_COUNT; i++) {
		/* on page boundaries but for the last one, which ends with the tensor */
		int64_t at = span / (SAMPLE_COUNT - 1) * i / SAMPLE_BYTES * SAMPLE_BYTES;

		if (i == SAMPLE_COUNT - 1) {
			at = span;
		}
		sha256_add(hash, data + at, SAMPLE_BYTES);
	}
}

static void add_total(struct sha256 *hash, uint64_t total)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(total >> 8 * i);
	}
	sha256_add_field(hash, "bytes", bytes, sizeof(bytes));
}

/* The tensors as they are stored, not as weights are read: other rules would be another build. */
static void add_directory(struct sha256 *hash, const struct model *model)
{
	const struct safetensors *files = huggingface_files(model->directory);

	huggingface_digest(model->directory, hash);
	add_total(hash, safetensors_total_bytes(files));
	for (size_t i = 0; i < safetensors_tensor_count(files); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor_at(files, i);

		add_samples(hash, tensor->data, tensor->size_bytes);
	}
}

struct sha256_digest model_digest(const struct model *model)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	for (size_t i = 0; i < gguf_part_count(model->gguf); i++) {
		size_t size;
		const uint8_t *header = gguf_header(model->gguf, i, &size);

		sha256_add_field(hash, "header", header, size);
	}
	if (model->directory) {
		add_directory(hash, model);
	} else {
		add_total(hash, gguf_total_bytes(model->gguf));
		for (size_t i = 0; i < model->n_weight; i++) {
			add_samples(hash, model->weight[i].data, model->weight[i].size_bytes);
		}
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}
