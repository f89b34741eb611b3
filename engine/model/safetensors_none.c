/* The twin of safetensors.c for builds without a JSON library. */
#include "engine/model/safetensors.h"

int safetensors_open(struct safetensors **out, const char *path, struct err *err)
{
	*out = NULL;
	return err_set(err, ERR_ENGINE, path, "use a GGUF file, or build with -Dworkbench=true",
		"this build does not read safetensors");
}

void safetensors_close(struct safetensors *safetensors)
{
}

/* Without open() there is no object to ask. */

const char *safetensors_path(const struct safetensors *safetensors)
{
	return "";
}

size_t safetensors_tensor_count(const struct safetensors *safetensors)
{
	return 0;
}

const struct safetensors_tensor *safetensors_tensor_at(
	const struct safetensors *safetensors, size_t index)
{
	return NULL;
}

const struct safetensors_tensor *safetensors_tensor_find(
	const struct safetensors *safetensors, const char *name)
{
	return NULL;
}

size_t safetensors_file_count(const struct safetensors *safetensors)
{
	return 0;
}

const char *safetensors_file_path(const struct safetensors *safetensors, size_t file)
{
	return "";
}

size_t safetensors_file_bytes(const struct safetensors *safetensors, size_t file)
{
	return 0;
}

const uint8_t *safetensors_file_header(
	const struct safetensors *safetensors, size_t file, size_t *size_bytes)
{
	*size_bytes = 0;
	return NULL;
}

const uint8_t *safetensors_file_data(const struct safetensors *safetensors, size_t file)
{
	return NULL;
}

const struct file_stamp *safetensors_file_stamp(const struct safetensors *safetensors, size_t file)
{
	return NULL;
}

size_t safetensors_total_bytes(const struct safetensors *safetensors)
{
	return 0;
}

enum dtype safetensors_dtype(const struct safetensors_tensor *tensor)
{
	return DTYPE_COUNT;
}
