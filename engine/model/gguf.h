/*
 * Reader for GGUF v2 and v3, one file or the shards of a split model ("-00001-of-00003.gguf": open
 * the first). Spec: ggml `docs/gguf.md`.
 *
 * A model file is untrusted input. Everything is validated once, in gguf_open(), then frozen: every
 * count is checked against the bytes that remain before anything is allocated, offset + size of
 * every tensor lies within its file, tensors do not overlap, keys and tensor names are unique,
 * strings stay where they are in the mapping. A malformed file is one error that names the file,
 * the offset and the field; memory is bounded by the file's size.
 *
 * A mapped file that shrinks afterwards raises SIGBUS where its lost pages are read. That is the
 * business of the process that holds the mapping: carrel-engine dies of it, its requests fail with
 * a sentence, and the caller starts another one, which finds the file too short.
 */
#ifndef ENGINE_MODEL_GGUF_H
#define ENGINE_MODEL_GGUF_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum gguf_value_type {
	GGUF_UINT8,
	GGUF_INT8,
	GGUF_UINT16,
	GGUF_INT16,
	GGUF_UINT32,
	GGUF_INT32,
	GGUF_FLOAT32,
	GGUF_BOOL,
	GGUF_STRING,
	GGUF_ARRAY,
	GGUF_UINT64,
	GGUF_INT64,
	GGUF_FLOAT64,
};

/* Text inside the mapping: not terminated, any bytes. */
struct gguf_string {
	const char *text;
	size_t len;
};

#define GGUF_MAX_DIMS 4

struct gguf_tensor {
	struct gguf_string name;
	uint32_t type; /* ggml_type; see dtype_from_gguf() */
	uint32_t n_dim;
	int64_t dim[GGUF_MAX_DIMS]; /* dim[0] is the row length; unused ones are 1 */
	const uint8_t *data;        /* in the mapping; NULL for a type whose size we do not know */
	int64_t size_bytes;
};

struct file_stamp;
struct gguf;

int gguf_open(struct gguf **out, const char *path, struct err *err);
/* The same over bytes in memory (fuzzing, tests); `name` is for messages. The bytes must stay. */
int gguf_open_bytes(
	struct gguf **out, const void *bytes, size_t size, const char *name, struct err *err);
void gguf_close(struct gguf *gguf);

const char *gguf_path(const struct gguf *gguf);
size_t gguf_total_bytes(const struct gguf *gguf); /* of all shards */
uint32_t gguf_version(const struct gguf *gguf);

/* The files of the model, and of each the bytes before its data: metadata and tensor table. */
size_t gguf_part_count(const struct gguf *gguf);
const uint8_t *gguf_header(const struct gguf *gguf, size_t part, size_t *size_bytes);
const char *gguf_part_path(const struct gguf *gguf, size_t part);
/* All of its bytes, and what file they are (NULL: none, they are the caller's). */
const uint8_t *gguf_part_bytes(const struct gguf *gguf, size_t part, size_t *size_bytes);
const struct file_stamp *gguf_part_stamp(const struct gguf *gguf, size_t part);

size_t gguf_tensor_count(const struct gguf *gguf);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *gguf, size_t index);
const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name); /* or NULL */

size_t gguf_key_count(const struct gguf *gguf);
struct gguf_string gguf_key_at(const struct gguf *gguf, size_t index, enum gguf_value_type *type);
/* The pair as it stands in the file, from its key's length to its value's end: for writing it again. */
const uint8_t *gguf_pair_at(const struct gguf *gguf, size_t index, size_t *size_bytes);

/*
 * Metadata by key. Each returns 0 and the value; 1 if the key is absent (*value untouched: set a
 * default first); -1 if it has another type or is out of range for the result. Integers of every
 * width convert, also to float; a float that is not finite is out of range.
 */
int gguf_get_int(const struct gguf *gguf, const char *key, int64_t *value, struct err *err);
int gguf_get_float(const struct gguf *gguf, const char *key, double *value, struct err *err);
int gguf_get_bool(const struct gguf *gguf, const char *key, int *value, struct err *err);
int gguf_get_string(
	const struct gguf *gguf, const char *key, struct gguf_string *value, struct err *err);

/* An array, validated when the file was opened. */
struct gguf_array {
	enum gguf_value_type type; /* of the elements; arrays of arrays are refused at open */
	uint64_t count;
	const uint8_t *data; /* elements, unaligned little-endian; for strings: length-prefixed */
	size_t size_bytes;
};
int gguf_get_array(
	const struct gguf *gguf, const char *key, struct gguf_array *value, struct err *err);
/* Elements of integer and bool arrays; 0 where an element does not fit or is none of these. */
int64_t gguf_array_int(const struct gguf_array *array, uint64_t index);
double gguf_array_float(const struct gguf_array *array, uint64_t index);
/* Strings are read in order: start with *cursor = 0. Returns 0 past the end. */
int gguf_array_next_string(
	const struct gguf_array *array, size_t *cursor, struct gguf_string *value);

#endif
