/*
 * Reader for safetensors, one file or the shards that an index ("model.safetensors.index.json")
 * names. Format: Hugging Face `safetensors`, README, "Format".
 *
 * Such a file is untrusted input. Everything is validated once, in safetensors_open(), then frozen:
 * the header is at most 100 MB of JSON and begins with `{`, no key occurs twice (nor a tensor in two
 * shards), a shape's elements take exactly the bytes of its range, and the ranges tile the file:
 * no holes, no overlaps, no bytes behind the last one. An index names files beside it, and exactly
 * the tensors that they hold. What is wrong is one error that names the file and the tensor; memory
 * is bounded by the size of the header. The data stay mapped, with what gguf.h says about a mapped
 * file that shrinks.
 */
#ifndef ENGINE_MODEL_SAFETENSORS_H
#define ENGINE_MODEL_SAFETENSORS_H

#include "base/err.h"
#include "kernels/dtype.h"

#include <stddef.h>
#include <stdint.h>

#define SAFETENSORS_MAX_DIMS 8

struct safetensors_tensor {
	char *name;        /* terminated; holds no NUL */
	const char *dtype; /* as the format spells it: "F32", "F16", "BF16", "F8_E4M3", ... */
	int32_t n_dim;     /* 0: a scalar */
	int64_t dim[SAFETENSORS_MAX_DIMS]; /* outermost first; unused ones are 1 */
	int64_t n_elem;                    /* may be 0 */
	const uint8_t *data;               /* in the mapping, aligned to nothing; little-endian */
	int64_t size_bytes;
	size_t file; /* that holds it */
};

struct file_stamp;
struct safetensors;

/* A .safetensors file, or an index (a path that ends in .json). */
int safetensors_open(struct safetensors **out, const char *path, struct err *err);
void safetensors_close(struct safetensors *safetensors); /* NULL-safe */

const char *safetensors_path(const struct safetensors *safetensors); /* as it was opened */

/* Sorted by name. */
size_t safetensors_tensor_count(const struct safetensors *safetensors);
const struct safetensors_tensor *safetensors_tensor_at(
	const struct safetensors *safetensors, size_t index);
const struct safetensors_tensor *safetensors_tensor_find(
	const struct safetensors *safetensors, const char *name); /* or NULL */

/* The files, of each its bytes and the header: its length and its JSON, as they lie there. */
size_t safetensors_file_count(const struct safetensors *safetensors);
const char *safetensors_file_path(const struct safetensors *safetensors, size_t file);
size_t safetensors_file_bytes(const struct safetensors *safetensors, size_t file);
const uint8_t *safetensors_file_header(
	const struct safetensors *safetensors, size_t file, size_t *size_bytes);
const uint8_t *safetensors_file_data(const struct safetensors *safetensors, size_t file); /* all */
const struct file_stamp *safetensors_file_stamp(const struct safetensors *safetensors, size_t file);
size_t safetensors_total_bytes(const struct safetensors *safetensors);

/* The storage type of its elements: F32, F16 or BF16; DTYPE_COUNT for any other. */
enum dtype safetensors_dtype(const struct safetensors_tensor *tensor);

#endif
