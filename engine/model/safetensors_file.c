#include "engine/model/safetensors_file.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/model/mistaken.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8
/* The format's own bound. */
#define MAX_HEADER_BYTES 100000000
/* Of one tensor: a dtype, eight dimensions and two offsets are far less; of "__metadata__": what
 * training scripts leave there is up to a few megabytes. */
#define MAX_ENTRY_BYTES    4096
#define MAX_METADATA_BYTES ((size_t)16 << 20)

static const struct {
	const char *name;
	uint8_t bits;
} element_types[] = {
	{"F32", 32},
	{"F16", 16},
	{"BF16", 16},
	{"F8_E4M3", 8},
	{"F8_E5M2", 8},
	{"F8_E8M0", 8},
	{"F64", 64},
	{"C64", 64},
	{"I64", 64},
	{"I32", 32},
	{"I16", 16},
	{"I8", 8},
	{"U64", 64},
	{"U32", 32},
	{"U16", 16},
	{"U8", 8},
	{"BOOL", 8},
	{"F4", 4},
	{"F6_E2M3", 6},
	{"F6_E3M2", 6},
};

char *safetensors_quote(const char *name, char out[80])
{
	size_t len = strlen(name);

	if (len < 64) {
		memcpy(out, name, len + 1);
		return out;
	}
	memcpy(out, name, 64);
	len = 64 - utf8_incomplete_tail(out, 64);
	memcpy(out + len, "...", 4);
	return out;
}

char *safetensors_text(struct json_span literal)
{
	json_t *json = json_loadb(literal.text, literal.len, JSON_DECODE_ANY, NULL);
	char *text = NULL;

	if (json_is_string(json)) {
		text = strdup(json_string_value(json));
	}
	json_decref(json);
	return text;
}

/* ---- one tensor ---- */

/* Where the data begin, and what is known of the tensor being read. */
struct reader {
	const struct safetensors_file *file;
	const uint8_t *data;
	uint64_t data_bytes;
	struct err *err;
};

static int fail_tensor(const struct reader *reader, const char *name, const char *what)
{
	char quoted[80];

	return err_set(reader->err, ERR_ENGINE, reader->file->path, SAFETENSORS_DAMAGED,
		"the tensor \"%s\" %s", safetensors_quote(name, quoted), what);
}

/* A number of bytes or elements; -1 where it is none. */
static int64_t count_of(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
									: -1;
}

static int read_shape(
	const struct reader *reader, struct safetensors_tensor *tensor, const json_t *shape)
{
	size_t n = json_array_size(shape);

	if (!json_is_array(shape) || n > SAFETENSORS_MAX_DIMS) {
		return fail_tensor(reader, tensor->name, "has no shape of at most 8 dimensions");
	}
	tensor->n_dim = (int32_t)n;
	tensor->n_elem = 1;
	for (size_t i = 0; i < SAFETENSORS_MAX_DIMS; i++) {
		tensor->dim[i] = i < n ? count_of(json_array_get(shape, i)) : 1;
		if (tensor->dim[i] < 0 ||
			__builtin_mul_overflow(tensor->n_elem, tensor->dim[i], &tensor->n_elem)) {
			return fail_tensor(
				reader, tensor->name, "has a dimension that no tensor can have");
		}
	}
	return 0;
}

static int read_range(
	const struct reader *reader, struct safetensors_tensor *tensor, const json_t *range)
{
	int64_t begin = count_of(json_array_get(range, 0)),
		end = count_of(json_array_get(range, 1));

	if (!json_is_array(range) || json_array_size(range) != 2 || begin < 0 || end < begin) {
		return fail_tensor(reader, tensor->name, "has no data_offsets from one to another");
	}
	if ((uint64_t)end > reader->data_bytes) {
		return fail_tensor(reader, tensor->name, "lies outside of the file");
	}
	tensor->data = reader->data + begin;
	tensor->size_bytes = end - begin;
	return 0;
}

static int read_type(
	const struct reader *reader, struct safetensors_tensor *tensor, const json_t *dtype)
{
	const char *name = json_string_value(dtype);
	char quoted[80], known[80];
	int64_t bits;

	for (size_t i = 0; name && i < ARRAY_LEN(element_types); i++) {
		if (strcmp(element_types[i].name, name) != 0) {
			continue;
		}
		tensor->dtype = element_types[i].name;
		if (__builtin_mul_overflow(tensor->n_elem, (int64_t)element_types[i].bits, &bits) ||
			bits % 8 || bits / 8 != tensor->size_bytes) {
			return fail_tensor(reader, tensor->name,
				"has a shape that does not take the bytes of its range");
		}
		return 0;
	}
	return err_set(reader->err, ERR_ENGINE, reader->file->path, NULL,
		"the tensor \"%s\" is of the type \"%s\", which safetensors does not have",
		safetensors_quote(tensor->name, quoted),
		safetensors_quote(name ? name : "", known));
}

static int read_entry(
	const struct reader *reader, struct safetensors_tensor *tensor, struct json_span value)
{
	json_t *entry = value.len <= MAX_ENTRY_BYTES
				? json_loadb(value.text, value.len, JSON_REJECT_DUPLICATES, NULL)
				: NULL;
	const json_t *shape = json_object_get(entry, "shape");
	const json_t *range = json_object_get(entry, "data_offsets");
	const json_t *dtype = json_object_get(entry, "dtype");
	int result;

	if (!shape || !range || !dtype || json_object_size(entry) != 3) {
		result = fail_tensor(reader, tensor->name,
			"is not described by a dtype, a shape and data_offsets, each once");
	} else {
		result = read_shape(reader, tensor, shape) < 0 ||
					 read_range(reader, tensor, range) < 0 ||
					 read_type(reader, tensor, dtype) < 0
				 ? -1
				 : 0;
	}
	json_decref(entry);
	return result;
}

/* ---- the header ---- */

static int check_metadata(const struct reader *reader, struct json_span value)
{
	json_t *metadata = value.len <= MAX_METADATA_BYTES
				   ? json_loadb(value.text, value.len, JSON_REJECT_DUPLICATES, NULL)
				   : NULL;
	int is_good = json_is_object(metadata);
	const char *key;
	json_t *text;

	json_object_foreach(metadata, key, text)
	{
		is_good = is_good && json_is_string(text);
	}
	json_decref(metadata);
	return is_good ? 0
		       : err_set(reader->err, ERR_ENGINE, reader->file->path, SAFETENSORS_DAMAGED,
				 "its \"__metadata__\" is not an object of texts, each once");
}

static int add_tensor(const struct reader *reader, struct safetensors_table *table,
	struct safetensors_tensor tensor)
{
	if (table->n_tensor == table->cap_tensor) {
		size_t cap = table->cap_tensor ? 2 * table->cap_tensor : 64;
		void *more = realloc(table->tensor, cap * sizeof(*table->tensor));

		if (!more) {
			free(tensor.name);
			return err_set(reader->err, ERR_ENGINE, reader->file->path, NULL,
				"not enough memory for a table of %zu tensors", cap);
		}
		table->tensor = more;
		table->cap_tensor = cap;
	}
	table->tensor[table->n_tensor++] = tensor;
	return 0;
}

static int fail_header(const struct reader *reader)
{
	return err_set(reader->err, ERR_ENGINE, reader->file->path, SAFETENSORS_DAMAGED,
		"its header is not the JSON that a safetensors file begins with");
}

static int read_members(const struct reader *reader, size_t index, struct safetensors_table *table,
	struct json_span header)
{
	struct json_members members;
	struct json_span key, value;
	int more, has_metadata = 0;

	if (header.text[0] != '{' || json_members_begin(&members, header.text, header.len) < 0) {
		return fail_header(reader);
	}
	while ((more = json_members_next(&members, &key, &value)) > 0) {
		struct safetensors_tensor tensor = {.name = safetensors_text(key), .file = index};
		int is_metadata = tensor.name && !strcmp(tensor.name, "__metadata__");

		if (!tensor.name || (is_metadata && has_metadata++)) {
			free(tensor.name);
			return fail_header(reader);
		}
		if (is_metadata) {
			free(tensor.name);
			if (check_metadata(reader, value) < 0) {
				return -1;
			}
		} else if (add_tensor(reader, table, tensor) < 0 ||
			   read_entry(reader, &table->tensor[table->n_tensor - 1], value) < 0) {
			return -1;
		}
	}
	return more < 0 || !json_members_at_end(&members) ? fail_header(reader) : 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct safetensors_tensor *x = a, *y = b;

	if (x->data != y->data) {
		return x->data < y->data ? -1 : 1;
	}
	return (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

/* No byte of the data belongs to two tensors, or to none. */
static int check_tiling(
	const struct reader *reader, struct safetensors_tensor *tensor, size_t count)
{
	const uint8_t *at = reader->data;

	if (count) {
		qsort(tensor, count, sizeof(*tensor), compare_places);
	}
	for (size_t i = 0; i < count; i++) {
		if (tensor[i].data != at) {
			return fail_tensor(reader, tensor[i].name,
				tensor[i].data < at
					? "overlaps another one"
					: "has bytes in front of it that belong to none");
		}
		at += tensor[i].size_bytes;
	}
	if (at != reader->data + reader->data_bytes) {
		return err_set(reader->err, ERR_ENGINE, reader->file->path, SAFETENSORS_DAMAGED,
			"%llu bytes behind its last tensor belong to none",
			(unsigned long long)(reader->data + reader->data_bytes - at));
	}
	return 0;
}

static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value |= (uint64_t)bytes[i] << 8 * i;
	}
	return value;
}

/* Why the file cannot begin with a header of `len` bytes. */
static int refuse_length(const struct safetensors_file *file, uint64_t len, struct err *err)
{
	size_t size = file->map.size_bytes;

	if (!size) {
		return err_set(err, ERR_ENGINE, file->path, SAFETENSORS_DAMAGED, "is empty");
	}
	if (mistaken_check_binary(file->map.data, size, file->path, err) < 0) {
		return -1;
	}
	if (size < LENGTH_BYTES) {
		return err_set(err, ERR_ENGINE, file->path, SAFETENSORS_DAMAGED,
			"is too short for a safetensors file");
	}
	if (len > MAX_HEADER_BYTES) {
		return err_set(err, ERR_ENGINE, file->path, SAFETENSORS_DAMAGED,
			"is not a safetensors file (its header would be %llu bytes long)",
			(unsigned long long)len);
	}
	return err_set(err, ERR_ENGINE, file->path, SAFETENSORS_DAMAGED,
		"ends within its header of %llu bytes", (unsigned long long)len);
}

/* The length of the header, which lies in the file. */
static int read_length(const struct safetensors_file *file, uint64_t *len, struct err *err)
{
	size_t size = file->map.size_bytes;

	*len = size < LENGTH_BYTES ? 0 : load_u64(file->map.data);
	if (*len < 2 || *len > MAX_HEADER_BYTES || *len > size - LENGTH_BYTES) {
		return refuse_length(file, *len, err);
	}
	return 0;
}

int safetensors_file_open(struct safetensors_file *file, size_t index,
	struct safetensors_table *table, struct err *err)
{
	struct reader reader = {.file = file, .err = err};
	size_t first = table->n_tensor;
	uint64_t len = 0;

	if (file_map_open(&file->map, file->path, ERR_ENGINE, err) < 0 ||
		read_length(file, &len, err) < 0) {
		return -1;
	}
	file->header_bytes = LENGTH_BYTES + (size_t)len;
	reader.data = file->map.data + file->header_bytes;
	reader.data_bytes = file->map.size_bytes - file->header_bytes;
	if (read_members(&reader, index, table,
		    (struct json_span){(const char *)file->map.data + LENGTH_BYTES, (size_t)len}) <
		0) {
		return -1;
	}
	/* there is no table where there is no tensor */
	return check_tiling(
		&reader, table->tensor ? table->tensor + first : NULL, table->n_tensor - first);
}

void safetensors_file_finish(struct safetensors_file *file)
{
	file_map_close(&file->map);
	free(file->path);
	*file = (struct safetensors_file){0};
}
