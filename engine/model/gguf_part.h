/*
 * One file of a GGUF model: its metadata pairs and its tensor table, parsed and validated. Private
 * to gguf.c (which puts the parts of a split model together) and gguf_part.c (which parses).
 */
#ifndef ENGINE_MODEL_GGUF_PART_H
#define ENGINE_MODEL_GGUF_PART_H

#include "base/file.h"
#include "engine/model/gguf.h"

/*
 * A metadata pair; its value is the bytes value ... end-1 of the file (after the type; of strings
 * and arrays after the length). Whatever decides how far somebody reads is kept here and not read
 * again: the file could change under the mapping.
 */
struct gguf_pair {
	struct gguf_string key;
	enum gguf_value_type type, elem_type; /* elem_type: of an array */
	uint64_t count;                       /* of an array */
	const uint8_t *value, *end;
};

/* A name and what it names. Sorted by name: finding is bisection, a duplicate is a neighbour, and
 * no choice of names makes either slow. */
struct gguf_name {
	struct gguf_string name;
	size_t index;
};

struct gguf_part {
	struct file_map map; /* empty where the bytes are the caller's */
	const uint8_t *bytes;
	size_t size_bytes;
	char *path;
	uint32_t version;
	uint64_t alignment;
	size_t header_bytes; /* metadata and tensor table */

	struct gguf_pair *pair;
	size_t n_pair, cap_pair;
	struct gguf_name *pair_name; /* [n_pair], sorted */

	struct gguf_tensor *tensor;
	size_t n_tensor, cap_tensor;
};

/* Parse part->bytes; *part is otherwise empty but for its path. Finish it also on failure. */
int gguf_part_parse(struct gguf_part *part, struct err *err);
void gguf_part_finish(struct gguf_part *part);

/* An error at a byte of the file; returns -1. `hint` may be NULL. */
int gguf_part_fail(const struct gguf_part *part, const void *at, const char *hint, struct err *err,
	const char *what, ...) __attribute__((format(printf, 5, 6)));

const struct gguf_pair *gguf_part_find(const struct gguf_part *part, const char *key);
/* As gguf_get_int(). */
int gguf_part_int(const struct gguf_part *part, const char *key, int64_t *value, struct err *err);

/* Sorts; -1 where two names are equal, with the index of the later one. */
int gguf_names_sort(struct gguf_name *name, size_t count, size_t *duplicate);
const struct gguf_name *gguf_names_find(
	const struct gguf_name *name, size_t count, const char *text, size_t len);

/* Bytes of one value of a type; 0 for strings and arrays. */
size_t gguf_value_bytes(enum gguf_value_type type);
const char *gguf_value_name(enum gguf_value_type type);

/* An integer or bool value; 1 where it does not fit. */
int gguf_load_int(const uint8_t *value, enum gguf_value_type type, int64_t *out);
uint64_t gguf_load_u64(const uint8_t *value);
uint32_t gguf_load_u32(const uint8_t *value);

/* A name, shortened for a message; returns out. */
char *gguf_quote(struct gguf_string name, char out[80]);

#endif
