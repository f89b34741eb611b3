/*
 * The safetensors reader on any bytes: it opens, and then every tensor lies in the file and takes the
 * bytes that its shape asks for, or a sentence says what is wrong. Bytes that begin with a brace are
 * an index, of shards that are not there.
 */
#include "engine/model/safetensors.h"

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

static void check_tensors(const struct safetensors *safetensors)
{
	size_t header_bytes, total;
	const uint8_t *at = safetensors_file_header(safetensors, 0, &header_bytes);
	const uint8_t *end = at + safetensors_total_bytes(safetensors);

	total = header_bytes;
	for (size_t i = 0; i < safetensors_tensor_count(safetensors); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor_at(safetensors, i);

		must(safetensors_tensor_find(safetensors, tensor->name) == tensor);
		must(tensor->data >= at + header_bytes && tensor->size_bytes >= 0);
		must(tensor->size_bytes <= end - tensor->data);
		must(safetensors_dtype(tensor) == DTYPE_COUNT ||
			tensor->size_bytes ==
				dtype_row_bytes(safetensors_dtype(tensor), tensor->n_elem));
		total += (size_t)tensor->size_bytes;
	}
	must(total == safetensors_total_bytes(safetensors));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char folder[] = "/dev/shm/carrel-fuzz-safetensors-XXXXXX";
	static char file_path[64], index_path[64];
	const char *path = size && data[0] == '{' ? index_path : file_path;
	struct safetensors *safetensors;
	struct err err = {0};
	FILE *file;

	if (!file_path[0]) {
		must(mkdtemp(folder) != NULL);
		snprintf(file_path, sizeof(file_path), "%s/a.safetensors", folder);
		snprintf(index_path, sizeof(index_path), "%s/a.index.json", folder);
	}
	file = fopen(path, "wb");
	must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
	if (safetensors_open(&safetensors, path, &err) < 0) {
		must(err.code == ERR_ENGINE && err.what[0]);
	} else {
		check_tensors(safetensors);
		safetensors_close(safetensors);
	}
	unlink(path);
	return 0;
}
