#include "engine/model/gguf_part.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gguf {
	struct gguf_part *part; /* the metadata is that of the first */
	size_t n_part;

	struct gguf_tensor *tensor; /* of all parts, in the order of their tables */
	size_t n_tensor;
	struct gguf_name *tensor_name; /* [n_tensor], sorted */
};

/* ---- opening ---- */

/* The part of the model that holds a name in its mapping (parts do not overlap). */
static const struct gguf_part *part_of(const struct gguf *gguf, struct gguf_string name)
{
	for (size_t i = 0; i < gguf->n_part; i++) {
		const char *begin = (const char *)gguf->part[i].bytes;

		if (name.text >= begin && name.text < begin + gguf->part[i].size_bytes) {
			return &gguf->part[i];
		}
	}
	return &gguf->part[0];
}

/* One table of tensors over all parts. */
static int gather_tensors(struct gguf *gguf, struct err *err)
{
	size_t duplicate, n = 0;
	char name[80];

	for (size_t i = 0; i < gguf->n_part; i++) {
		gguf->n_tensor += gguf->part[i].n_tensor;
	}
	gguf->tensor = malloc((gguf->n_tensor + 1) * sizeof(*gguf->tensor));
	gguf->tensor_name = malloc((gguf->n_tensor + 1) * sizeof(*gguf->tensor_name));
	if (!gguf->tensor || !gguf->tensor_name) {
		return err_set(err, ERR_ENGINE, gguf_path(gguf), NULL,
			"not enough memory for a table of %zu tensors", gguf->n_tensor);
	}
	for (size_t i = 0; i < gguf->n_part; i++) {
		struct gguf_part *part = &gguf->part[i];

		for (size_t j = 0; j < part->n_tensor; j++, n++) {
			gguf->tensor[n] = part->tensor[j];
			gguf->tensor_name[n] = (struct gguf_name){part->tensor[j].name, n};
		}
		free(part->tensor);
		part->tensor = NULL;
	}
	if (gguf_names_sort(gguf->tensor_name, n, &duplicate) < 0) {
		struct gguf_string twice = gguf->tensor[duplicate].name;

		return gguf_part_fail(part_of(gguf, twice), twice.text,
			"the file is damaged or incomplete: download or convert it again", err,
			"the tensor \"%s\" occurs twice", gguf_quote(twice, name));
	}
	return 0;
}

static int open_part(struct gguf_part *part, const char *path, struct err *err)
{
	part->path = mem_strdup(path);
	if (file_map_open(&part->map, path, ERR_ENGINE, err) < 0) {
		return -1;
	}
	part->bytes = part->map.data ? part->map.data : (const uint8_t *)"";
	part->size_bytes = part->map.size_bytes;
	return gguf_part_parse(part, err);
}

/* What a part says about the split that it belongs to. count is 1 for an ordinary file. */
struct split {
	int64_t index, count, n_tensor;
};

static int read_split(const struct gguf_part *part, struct split *split, struct err *err)
{
	*split = (struct split){0, 1, -1};
	if (gguf_part_int(part, "split.no", &split->index, err) < 0 ||
		gguf_part_int(part, "split.count", &split->count, err) < 0 ||
		gguf_part_int(part, "split.tensors.count", &split->n_tensor, err) < 0) {
		return -1;
	}
	if (split->count == 0) { /* some writers say so of a whole file */
		split->count = 1;
	}
	if (split->count < 1 || split->count > 65535 || split->index < 0 ||
		split->index >= split->count) {
		return gguf_part_fail(part, part->bytes, NULL, err,
			"says that it is part %lld of %lld of a split model",
			(long long)split->index + 1, (long long)split->count);
	}
	return 0;
}

/* "DIR/NAME-00001-of-00003.gguf" with another number; NULL if the path is not of that form. */
static char *part_path(const char *path, const struct split *self, int64_t index)
{
	char tail[64];
	size_t len = strlen(path), tail_len;

	snprintf(tail, sizeof(tail), "-%05lld-of-%05lld.gguf", (long long)self->index + 1,
		(long long)self->count);
	tail_len = strlen(tail);
	if (len < tail_len || strcmp(path + len - tail_len, tail) != 0) {
		return NULL;
	}
	return mem_printf("%.*s-%05lld-of-%05lld.gguf", (int)(len - tail_len), path,
		(long long)index + 1, (long long)self->count);
}

static int open_other_parts(struct gguf *gguf, const struct split *split, struct err *err)
{
	gguf->part = mem_resize(gguf->part, (size_t)split->count, sizeof(*gguf->part));
	for (int64_t i = 1; i < split->count; i++) {
		struct gguf_part *part = &gguf->part[i];
		char *path = part_path(gguf->part[0].path, split, i);
		struct split other;
		int result;

		*part = (struct gguf_part){0};
		gguf->n_part++;
		result = open_part(part, path, err);
		free(path);
		if (result < 0 || read_split(part, &other, err) < 0) {
			return -1;
		}
		if (other.count != split->count || other.index != i ||
			other.n_tensor != split->n_tensor) {
			return gguf_part_fail(part, part->bytes,
				"put the parts of one model together again", err,
				"says that it is part %lld of %lld, but it should be part %lld of "
				"%lld of the same model",
				(long long)other.index + 1, (long long)other.count,
				(long long)i + 1, (long long)split->count);
		}
	}
	return 0;
}

static int open_split(struct gguf *gguf, struct err *err)
{
	const struct gguf_part *part = &gguf->part[0];
	struct split split;
	size_t n_tensor = 0;
	char *first;

	if (read_split(part, &split, err) < 0) {
		return -1;
	}
	if (split.count > 1) {
		first = part_path(part->path, &split, 0);
		if (!first) {
			return err_set(err, ERR_ENGINE, part->path,
				"give the parts their names back",
				"is part %lld of %lld of a split model, but its name does not end "
				"in -%05lld-of-%05lld.gguf",
				(long long)split.index + 1, (long long)split.count,
				(long long)split.index + 1, (long long)split.count);
		}
		if (split.index > 0) {
			err_set(err, ERR_ENGINE, part->path, "open the first part, or move it here",
				"is part %lld of %lld of a split model; it begins with %s",
				(long long)split.index + 1, (long long)split.count, first);
			free(first);
			return -1;
		}
		free(first);
		if (open_other_parts(gguf, &split, err) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; i < gguf->n_part; i++) {
		n_tensor += gguf->part[i].n_tensor;
	}
	if (split.count > 1 && split.n_tensor >= 0 && (uint64_t)split.n_tensor != n_tensor) {
		return err_set(err, ERR_ENGINE, gguf_path(gguf),
			"put the parts of one model together again",
			"says that the model has %lld tensors, but its %zu parts hold %zu",
			(long long)split.n_tensor, gguf->n_part, n_tensor);
	}
	return 0;
}

int gguf_open(struct gguf **out, const char *path, struct err *err)
{
	struct gguf *gguf = mem_zero(1, sizeof(*gguf));

	*out = NULL;
	gguf->part = mem_zero(1, sizeof(*gguf->part));
	gguf->n_part = 1;
	if (open_part(&gguf->part[0], path, err) < 0 || open_split(gguf, err) < 0 ||
		gather_tensors(gguf, err) < 0) {
		gguf_close(gguf);
		return -1;
	}
	*out = gguf;
	return 0;
}

int gguf_open_bytes(
	struct gguf **out, const void *bytes, size_t size, const char *name, struct err *err)
{
	struct gguf *gguf = mem_zero(1, sizeof(*gguf));
	struct split split;
	int result;

	*out = NULL;
	gguf->part = mem_zero(1, sizeof(*gguf->part));
	gguf->n_part = 1;
	gguf->part[0].path = mem_strdup(name);
	gguf->part[0].bytes = bytes ? bytes : "";
	gguf->part[0].size_bytes = size;
	result = gguf_part_parse(&gguf->part[0], err);
	if (result == 0) {
		result = read_split(&gguf->part[0], &split, err);
	}
	if (result == 0 && split.count > 1) {
		result = err_set(err, ERR_ENGINE, name, "open it from its file",
			"is one of %lld parts of a split model", (long long)split.count);
	}
	if (result < 0 || gather_tensors(gguf, err) < 0) {
		gguf_close(gguf);
		return -1;
	}
	*out = gguf;
	return 0;
}

void gguf_close(struct gguf *gguf)
{
	if (!gguf) {
		return;
	}
	for (size_t i = 0; i < gguf->n_part; i++) {
		gguf_part_finish(&gguf->part[i]);
	}
	free(gguf->part);
	free(gguf->tensor);
	free(gguf->tensor_name);
	free(gguf);
}

/* ---- asking ---- */

const char *gguf_path(const struct gguf *gguf)
{
	return gguf->part[0].path;
}

size_t gguf_total_bytes(const struct gguf *gguf)
{
	size_t total = 0;

	for (size_t i = 0; i < gguf->n_part; i++) {
		total += gguf->part[i].size_bytes;
	}
	return total;
}

uint32_t gguf_version(const struct gguf *gguf)
{
	return gguf->part[0].version;
}

size_t gguf_part_count(const struct gguf *gguf)
{
	return gguf->n_part;
}

const uint8_t *gguf_header(const struct gguf *gguf, size_t part, size_t *size_bytes)
{
	*size_bytes = gguf->part[part].header_bytes;
	return gguf->part[part].bytes;
}

const char *gguf_part_path(const struct gguf *gguf, size_t part)
{
	return gguf->part[part].path;
}

const uint8_t *gguf_part_bytes(const struct gguf *gguf, size_t part, size_t *size_bytes)
{
	*size_bytes = gguf->part[part].size_bytes;
	return gguf->part[part].bytes;
}

const struct file_stamp *gguf_part_stamp(const struct gguf *gguf, size_t part)
{
	return gguf->part[part].map.data ? &gguf->part[part].map.stamp : NULL;
}

size_t gguf_tensor_count(const struct gguf *gguf)
{
	return gguf->n_tensor;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *gguf, size_t index)
{
	return &gguf->tensor[index];
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name)
{
	const struct gguf_name *found =
		gguf_names_find(gguf->tensor_name, gguf->n_tensor, name, strlen(name));

	return found ? &gguf->tensor[found->index] : NULL;
}

size_t gguf_key_count(const struct gguf *gguf)
{
	return gguf->part[0].n_pair;
}

struct gguf_string gguf_key_at(const struct gguf *gguf, size_t index, enum gguf_value_type *type)
{
	const struct gguf_pair *pair = &gguf->part[0].pair[index];

	if (type) {
		*type = pair->type;
	}
	return pair->key;
}

const uint8_t *gguf_pair_at(const struct gguf *gguf, size_t index, size_t *size_bytes)
{
	const struct gguf_pair *pair = &gguf->part[0].pair[index];
	const uint8_t *begin = (const uint8_t *)pair->key.text - sizeof(uint64_t);

	*size_bytes = (size_t)(pair->end - begin);
	return begin;
}

static int wrong_type(
	const struct gguf *gguf, const struct gguf_pair *pair, const char *wanted, struct err *err)
{
	char name[80];

	return gguf_part_fail(&gguf->part[0], pair->value, NULL, err,
		"the metadata key \"%s\" is of type %s, not %s", gguf_quote(pair->key, name),
		gguf_value_name(pair->type), wanted);
}

int gguf_get_int(const struct gguf *gguf, const char *key, int64_t *value, struct err *err)
{
	return gguf_part_int(&gguf->part[0], key, value, err);
}

static double load_float(const uint8_t *value, enum gguf_value_type type)
{
	uint32_t bits_32 = 0;
	uint64_t bits_64 = 0;
	int64_t integer = 0;
	float single;
	double twice;

	switch (type) {
	case GGUF_FLOAT32:
		bits_32 = gguf_load_u32(value);
		memcpy(&single, &bits_32, sizeof(single));
		return single;
	case GGUF_FLOAT64:
		bits_64 = gguf_load_u64(value);
		memcpy(&twice, &bits_64, sizeof(twice));
		return twice;
	case GGUF_UINT64:
		return (double)gguf_load_u64(value);
	default:
		gguf_load_int(value, type, &integer);
		return (double)integer;
	}
}

int gguf_get_float(const struct gguf *gguf, const char *key, double *value, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(&gguf->part[0], key);
	double number;

	if (!pair) {
		return 1;
	}
	if (pair->type == GGUF_BOOL || gguf_value_bytes(pair->type) == 0) {
		return wrong_type(gguf, pair, "a number", err);
	}
	number = load_float(pair->value, pair->type);
	if (!isfinite(number)) {
		return gguf_part_fail(&gguf->part[0], pair->value, NULL, err,
			"the metadata key \"%s\" is not a finite number", key);
	}
	*value = number;
	return 0;
}

int gguf_get_bool(const struct gguf *gguf, const char *key, int *value, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(&gguf->part[0], key);

	if (!pair) {
		return 1;
	}
	if (pair->type != GGUF_BOOL) {
		return wrong_type(gguf, pair, "a bool", err);
	}
	*value = pair->value[0];
	return 0;
}

int gguf_get_string(
	const struct gguf *gguf, const char *key, struct gguf_string *value, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(&gguf->part[0], key);

	if (!pair) {
		return 1;
	}
	if (pair->type != GGUF_STRING) {
		return wrong_type(gguf, pair, "a string", err);
	}
	value->text = (const char *)pair->value;
	value->len = (size_t)(pair->end - pair->value);
	return 0;
}

int gguf_get_array(
	const struct gguf *gguf, const char *key, struct gguf_array *value, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(&gguf->part[0], key);

	if (!pair) {
		return 1;
	}
	if (pair->type != GGUF_ARRAY) {
		return wrong_type(gguf, pair, "an array", err);
	}
	value->type = pair->elem_type;
	value->count = pair->count;
	value->data = pair->value;
	value->size_bytes = (size_t)(pair->end - pair->value);
	return 0;
}

int64_t gguf_array_int(const struct gguf_array *array, uint64_t index)
{
	int64_t value = 0;

	gguf_load_int(array->data + index * gguf_value_bytes(array->type), array->type, &value);
	return value;
}

double gguf_array_float(const struct gguf_array *array, uint64_t index)
{
	return load_float(array->data + index * gguf_value_bytes(array->type), array->type);
}

int gguf_array_next_string(
	const struct gguf_array *array, size_t *cursor, struct gguf_string *value)
{
	size_t left = array->size_bytes - *cursor;
	uint64_t len;

	if (array->type != GGUF_STRING || left < 8) {
		return 0;
	}
	len = gguf_load_u64(array->data + *cursor);
	if (len > left - 8) { /* the file changed since it was validated */
		return 0;
	}
	value->text = (const char *)array->data + *cursor + 8;
	value->len = (size_t)len;
	*cursor += 8 + value->len;
	return 1;
}
