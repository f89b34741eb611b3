/*
 * Writer of GGUF v3 files: metadata first, then the tensor table, then the data as a stream in the
 * order of the table. The file appears under its name only when it is complete.
 *
 * Use: create; add_*() for metadata and tensors; begin(); data() for all bytes of all tensors in
 * turn (padding between tensors is the writer's business); finish(); destroy().
 */
#ifndef ENGINE_MODEL_GGUF_WRITE_H
#define ENGINE_MODEL_GGUF_WRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/model/gguf.h"
#include "kernels/dtype.h"

#include <stddef.h>
#include <stdint.h>

struct gguf_writer;

/* Writes to a file of its own beside `path`: PATH.part, or PATH.2.part where that is there. */
int gguf_writer_create(struct gguf_writer **out, const char *path, struct err *err);
/* Writes no file: metadata and tensors are added, and gguf_writer_header() takes them. */
void gguf_writer_create_memory(struct gguf_writer **out);
/* Removes the temporary file of a model that was not finished. NULL-safe. */
void gguf_writer_destroy(struct gguf_writer *writer);

/* Metadata: a key is the caller's to keep unique. */
void gguf_writer_add_int(
	struct gguf_writer *writer, const char *key, enum gguf_value_type type, int64_t value);
void gguf_writer_add_float(struct gguf_writer *writer, const char *key, float value);
void gguf_writer_add_string(struct gguf_writer *writer, const char *key, const char *text);
/* `elements` are little-endian and of an integer, bool or float type. */
void gguf_writer_add_array(struct gguf_writer *writer, const char *key, enum gguf_value_type type,
	const void *elements, uint64_t count);
void gguf_writer_add_strings(struct gguf_writer *writer, const char *key,
	const struct gguf_string *strings, uint64_t count);
/* A pair of another file, gguf_pair_at(). */
void gguf_writer_add_pair(struct gguf_writer *writer, const uint8_t *pair, size_t size_bytes);

/* A tensor [n_row][row_elems]; a vector has n_row 1 and is written with one dimension. */
void gguf_writer_add_tensor(struct gguf_writer *writer, const char *name, enum dtype dtype,
	int64_t n_row, int64_t row_elems);

/* Appends everything that stands before the data: what gguf_open_bytes() reads if there are no
 * tensors. */
void gguf_writer_header(const struct gguf_writer *writer, struct buf *out);
/* Writes everything but the data; nothing can be added afterwards. */
int gguf_writer_begin(struct gguf_writer *writer, struct err *err);
/* The next bytes of the current tensor; must not run past its end. */
int gguf_writer_data(struct gguf_writer *writer, const void *bytes, size_t size, struct err *err);
/*
 * The file gets its name, and stands there after a power cut, too. An error if bytes are missing.
 * finish() replaces a file of that name, finish_new() refuses to.
 */
int gguf_writer_finish(struct gguf_writer *writer, struct err *err);
int gguf_writer_finish_new(struct gguf_writer *writer, struct err *err);

#endif
