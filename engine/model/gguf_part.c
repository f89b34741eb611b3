#include "engine/model/gguf_part.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/model/mistaken.h"
#include "kernels/dtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The smallest entries there can be: what a count is checked against before anything is read. */
#define PAIR_MIN_BYTES   (8 + 1 + 4 + 1)
#define TENSOR_MIN_BYTES (8 + 1 + 4 + 8 + 4 + 8)
#define NAME_MAX_BYTES   65535
#define ALIGNMENT_MAX    (1 << 20)

#define DAMAGED "the file is damaged or incomplete: download or convert it again"

static const struct {
	const char *name;
	uint8_t bytes, elem_min_bytes;
} value_types[] = {
	[GGUF_UINT8] = {"uint8", 1, 1},
	[GGUF_INT8] = {"int8", 1, 1},
	[GGUF_UINT16] = {"uint16", 2, 2},
	[GGUF_INT16] = {"int16", 2, 2},
	[GGUF_UINT32] = {"uint32", 4, 4},
	[GGUF_INT32] = {"int32", 4, 4},
	[GGUF_FLOAT32] = {"float32", 4, 4},
	[GGUF_BOOL] = {"bool", 1, 1},
	[GGUF_STRING] = {"string", 0, 8},
	[GGUF_ARRAY] = {"array", 0, 12},
	[GGUF_UINT64] = {"uint64", 8, 8},
	[GGUF_INT64] = {"int64", 8, 8},
	[GGUF_FLOAT64] = {"float64", 8, 8},
};

size_t gguf_value_bytes(enum gguf_value_type type)
{
	return value_types[type].bytes;
}

const char *gguf_value_name(enum gguf_value_type type)
{
	return value_types[type].name;
}

uint32_t gguf_load_u32(const uint8_t *value)
{
	return (uint32_t)value[0] | (uint32_t)value[1] << 8 | (uint32_t)value[2] << 16 |
	       (uint32_t)value[3] << 24;
}

uint64_t gguf_load_u64(const uint8_t *value)
{
	return (uint64_t)gguf_load_u32(value) | (uint64_t)gguf_load_u32(value + 4) << 32;
}

int gguf_load_int(const uint8_t *value, enum gguf_value_type type, int64_t *out)
{
	uint64_t wide;

	switch (type) {
	case GGUF_UINT8:
	case GGUF_BOOL:
		*out = value[0];
		return 0;
	case GGUF_INT8:
		*out = (int8_t)value[0];
		return 0;
	case GGUF_UINT16:
		*out = value[0] | value[1] << 8;
		return 0;
	case GGUF_INT16:
		*out = (int16_t)(value[0] | value[1] << 8);
		return 0;
	case GGUF_UINT32:
		*out = gguf_load_u32(value);
		return 0;
	case GGUF_INT32:
		*out = (int32_t)gguf_load_u32(value);
		return 0;
	case GGUF_INT64:
		*out = (int64_t)gguf_load_u64(value);
		return 0;
	case GGUF_UINT64:
		wide = gguf_load_u64(value);
		if (wide > INT64_MAX) {
			return 1;
		}
		*out = (int64_t)wide;
		return 0;
	default:
		return 1;
	}
}

char *gguf_quote(struct gguf_string name, char out[80])
{
	size_t len = name.len < 64 ? name.len : 64;

	memcpy(out, name.text, len);
	if (len < name.len) {
		len -= utf8_incomplete_tail(out, len);
		memcpy(out + len, "...", 3);
		len += 3;
	}
	out[len] = 0;
	return out;
}

int gguf_part_fail(const struct gguf_part *part, const void *at, const char *hint, struct err *err,
	const char *what, ...)
{
	char where[384], text[384];
	size_t len = strlen(part->path), keep = len < 300 ? len : 300;
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	/* of a long path the end says more */
	snprintf(where, sizeof(where), "%s%s, byte offset %zu", keep < len ? "..." : "",
		part->path + len - keep, (size_t)((const uint8_t *)at - part->bytes));
	return err_set(err, ERR_ENGINE, where, hint, "%s", text);
}

/* ---- names ---- */

static int compare_text(struct gguf_string a, struct gguf_string b)
{
	int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const void *a, const void *b)
{
	const struct gguf_name *x = a, *y = b;
	int order = compare_text(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

int gguf_names_sort(struct gguf_name *name, size_t count, size_t *duplicate)
{
	if (count) {
		qsort(name, count, sizeof(*name), compare_names);
	}
	for (size_t i = 1; i < count; i++) {
		if (compare_text(name[i - 1].name, name[i].name) == 0) {
			*duplicate = name[i].index;
			return -1;
		}
	}
	return 0;
}

const struct gguf_name *gguf_names_find(
	const struct gguf_name *name, size_t count, const char *text, size_t len)
{
	struct gguf_string want = {text, len};
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_text(name[middle].name, want);

		if (order == 0) {
			return &name[middle];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

/* ---- reading ---- */

/* Where the parser stands. Nothing is read but through take(). */
struct reader {
	const struct gguf_part *part;
	const uint8_t *at, *end;
	struct err *err;
};

static size_t remaining(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static const uint8_t *take(struct reader *reader, uint64_t bytes, const char *field)
{
	const uint8_t *at = reader->at;

	if (bytes > remaining(reader)) {
		gguf_part_fail(reader->part, at, DAMAGED, reader->err,
			"the file ends inside %s (bytes wanted: %llu, left: %zu)", field,
			(unsigned long long)bytes, remaining(reader));
		return NULL;
	}
	reader->at += bytes;
	return at;
}

static int read_u32(struct reader *reader, uint32_t *value, const char *field)
{
	const uint8_t *at = take(reader, 4, field);

	if (!at) {
		return -1;
	}
	*value = gguf_load_u32(at);
	return 0;
}

static int read_u64(struct reader *reader, uint64_t *value, const char *field)
{
	const uint8_t *at = take(reader, 8, field);

	if (!at) {
		return -1;
	}
	*value = gguf_load_u64(at);
	return 0;
}

static int read_string(struct reader *reader, struct gguf_string *string, const char *field)
{
	uint64_t len;

	if (read_u64(reader, &len, field) < 0) {
		return -1;
	}
	string->text = (const char *)take(reader, len, field);
	string->len = (size_t)len;
	return string->text ? 0 : -1;
}

/* Keys and tensor names: text that may stand in a message and in a C string. */
static int read_name(struct reader *reader, struct gguf_string *name, const char *field)
{
	const uint8_t *start = reader->at;

	if (read_string(reader, name, field) < 0) {
		return -1;
	}
	if (name->len == 0 || name->len > NAME_MAX_BYTES) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"%s is %zu bytes long, not 1 to %d", field, name->len, NAME_MAX_BYTES);
	}
	for (size_t i = 0; i < name->len; i++) {
		unsigned char c = (unsigned char)name->text[i];

		if (c < 0x20 || c == 0x7f) {
			return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
				"%s holds a control character (0x%02x)", field, c);
		}
	}
	if (!utf8_valid(name->text, name->len)) {
		return gguf_part_fail(
			reader->part, start, DAMAGED, reader->err, "%s is not UTF-8", field);
	}
	return 0;
}

/* A count of things of at least min_bytes each. */
static int read_count(struct reader *reader, uint64_t *count, size_t min_bytes, const char *field)
{
	const uint8_t *start = reader->at;

	if (read_u64(reader, count, field) < 0) {
		return -1;
	}
	if (*count > remaining(reader) / min_bytes) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"%s is %llu, more than the %zu bytes that follow can hold", field,
			(unsigned long long)*count, remaining(reader));
	}
	return 0;
}

/* Room for one more element; grows with what was really read, whatever a count claimed. */
static int grow(struct reader *reader, void **array, size_t count, size_t *cap, size_t size)
{
	size_t want = *cap ? 2 * *cap : 32;
	void *bigger;

	if (count < *cap) {
		return 0;
	}
	bigger = want > SIZE_MAX / size ? NULL : realloc(*array, want * size);
	if (!bigger) {
		return gguf_part_fail(reader->part, reader->at, NULL, reader->err,
			"not enough memory for the file's tables (%zu entries)", want);
	}
	*array = bigger;
	*cap = want;
	return 0;
}

/* ---- metadata ---- */

static int check_bools(struct reader *reader, const uint8_t *value, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (value[i] > 1) {
			return gguf_part_fail(reader->part, value + i, DAMAGED, reader->err,
				"a bool is %d, not 0 or 1", value[i]);
		}
	}
	return 0;
}

static int read_array(struct reader *reader, struct gguf_pair *pair)
{
	const uint8_t *start = reader->at;
	struct gguf_string string;
	uint32_t type;

	if (read_u32(reader, &type, "an array's element type") < 0) {
		return -1;
	}
	if (type >= ARRAY_LEN(value_types) || type == GGUF_ARRAY) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			type == GGUF_ARRAY ? "arrays of arrays are not supported"
					   : "an array has the unknown element type %u",
			type);
	}
	if (read_count(reader, &pair->count, value_types[type].elem_min_bytes,
		    "an array's length") < 0) {
		return -1;
	}
	pair->elem_type = (enum gguf_value_type)type;
	pair->value = reader->at;
	for (uint64_t i = 0; type == GGUF_STRING && i < pair->count; i++) {
		if (read_string(reader, &string, "a string of an array") < 0) {
			return -1;
		}
	}
	if (!take(reader, pair->count * value_types[type].bytes, "an array")) {
		return -1;
	}
	return type == GGUF_BOOL ? check_bools(reader, pair->value, pair->count) : 0;
}

/* The value of a pair whose type is known. */
static int read_value(struct reader *reader, struct gguf_pair *pair)
{
	struct gguf_string string;

	if (pair->type == GGUF_ARRAY) {
		return read_array(reader, pair);
	}
	if (pair->type == GGUF_STRING) {
		if (read_string(reader, &string, "a metadata string") < 0) {
			return -1;
		}
		pair->value = (const uint8_t *)string.text;
		return 0;
	}
	pair->value = take(reader, value_types[pair->type].bytes, "a metadata value");
	if (!pair->value) {
		return -1;
	}
	return pair->type == GGUF_BOOL ? check_bools(reader, pair->value, 1) : 0;
}

static int read_pair(struct reader *reader, struct gguf_pair *pair)
{
	const uint8_t *start;
	uint32_t type;
	char name[80];

	*pair = (struct gguf_pair){0};
	if (read_name(reader, &pair->key, "a metadata key") < 0) {
		return -1;
	}
	start = reader->at;
	if (read_u32(reader, &type, "a metadata value's type") < 0) {
		return -1;
	}
	if (type >= ARRAY_LEN(value_types)) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"the metadata key \"%s\" has the unknown type %u",
			gguf_quote(pair->key, name), type);
	}
	pair->type = (enum gguf_value_type)type;
	if (read_value(reader, pair) < 0) {
		return -1;
	}
	pair->end = reader->at;
	return 0;
}

static int index_pairs(struct gguf_part *part, struct err *err)
{
	size_t duplicate;
	char name[80];

	part->pair_name = malloc((part->n_pair + 1) * sizeof(*part->pair_name));
	if (!part->pair_name) {
		return gguf_part_fail(part, part->bytes, NULL, err,
			"not enough memory for %zu metadata keys", part->n_pair);
	}
	for (size_t i = 0; i < part->n_pair; i++) {
		part->pair_name[i] = (struct gguf_name){part->pair[i].key, i};
	}
	if (gguf_names_sort(part->pair_name, part->n_pair, &duplicate) < 0) {
		const struct gguf_pair *pair = &part->pair[duplicate];

		return gguf_part_fail(part, pair->key.text, DAMAGED, err,
			"the metadata key \"%s\" occurs twice", gguf_quote(pair->key, name));
	}
	return 0;
}

static int read_pairs(struct gguf_part *part, struct reader *reader, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (grow(reader, (void **)&part->pair, part->n_pair, &part->cap_pair,
			    sizeof(*part->pair)) < 0 ||
			read_pair(reader, &part->pair[part->n_pair]) < 0) {
			return -1;
		}
		part->n_pair++;
	}
	return index_pairs(part, reader->err);
}

static int read_alignment(struct gguf_part *part, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(part, "general.alignment");

	part->alignment = 32;
	if (!pair) {
		return 0;
	}
	if (pair->type != GGUF_UINT32) {
		return gguf_part_fail(part, pair->value, DAMAGED, err,
			"general.alignment is of type %s, not uint32", gguf_value_name(pair->type));
	}
	part->alignment = gguf_load_u32(pair->value);
	if (part->alignment < 8 || part->alignment > ALIGNMENT_MAX ||
		(part->alignment & (part->alignment - 1))) {
		return gguf_part_fail(part, pair->value, DAMAGED, err,
			"general.alignment is %llu, not a power of two from 8 to %d",
			(unsigned long long)part->alignment, ALIGNMENT_MAX);
	}
	return 0;
}

/* ---- tensors ---- */

/* Where a tensor lies, from the start of the data section. */
struct extent {
	uint64_t begin, end;
	size_t tensor;
};

/* The bytes of a tensor of a known type; refuses what does not divide into blocks or overflows. */
static int measure_tensor(struct reader *reader, struct gguf_tensor *tensor, const uint8_t *start)
{
	int64_t block_elems, block_bytes, bytes;
	char name[80];
	int overflow;

	tensor->size_bytes = 0;
	if (dtype_gguf_block(tensor->type, &block_elems, &block_bytes) < 0) {
		return 0;
	}
	if (tensor->dim[0] % block_elems) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"the rows of tensor \"%s\" have %lld elements, not a multiple of %s's %lld",
			gguf_quote(tensor->name, name), (long long)tensor->dim[0],
			dtype_gguf_name(tensor->type), (long long)block_elems);
	}
	overflow = __builtin_mul_overflow(tensor->dim[0] / block_elems, block_bytes, &bytes);
	for (int i = 1; i < GGUF_MAX_DIMS; i++) {
		overflow |= __builtin_mul_overflow(bytes, tensor->dim[i], &bytes);
	}
	if (overflow || (uint64_t)bytes > reader->part->size_bytes) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"tensor \"%s\" is larger than the file", gguf_quote(tensor->name, name));
	}
	tensor->size_bytes = bytes;
	return 0;
}

static int read_dims(struct reader *reader, struct gguf_tensor *tensor, const uint8_t *start)
{
	int64_t elems = 1;
	char name[80];

	if (tensor->n_dim < 1 || tensor->n_dim > GGUF_MAX_DIMS) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"tensor \"%s\" has %u dimensions, not 1 to %d",
			gguf_quote(tensor->name, name), tensor->n_dim, GGUF_MAX_DIMS);
	}
	for (uint32_t i = 0; i < GGUF_MAX_DIMS; i++) {
		uint64_t dim = 1;

		if (i < tensor->n_dim && read_u64(reader, &dim, "a tensor's dimensions") < 0) {
			return -1;
		}
		tensor->dim[i] = (int64_t)dim;
		if (dim < 1 || dim > INT64_MAX ||
			__builtin_mul_overflow(elems, tensor->dim[i], &elems)) {
			return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
				"dimension %u of tensor \"%s\" is %llu, which no tensor can have",
				i, gguf_quote(tensor->name, name), (unsigned long long)dim);
		}
	}
	return 0;
}

static int read_tensor(struct reader *reader, struct gguf_tensor *tensor, struct extent *extent)
{
	const uint8_t *start = reader->at;
	uint64_t offset, alignment = reader->part->alignment;
	char name[80];

	*tensor = (struct gguf_tensor){0};
	if (read_name(reader, &tensor->name, "a tensor's name") < 0 ||
		read_u32(reader, &tensor->n_dim, "a tensor's number of dimensions") < 0 ||
		read_dims(reader, tensor, start) < 0 ||
		read_u32(reader, &tensor->type, "a tensor's type") < 0 ||
		read_u64(reader, &offset, "a tensor's offset") < 0 ||
		measure_tensor(reader, tensor, start) < 0) {
		return -1;
	}
	if (offset % alignment) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"tensor \"%s\" lies at offset %llu, not a multiple of %llu",
			gguf_quote(tensor->name, name), (unsigned long long)offset,
			(unsigned long long)alignment);
	}
	extent->begin = offset;
	if (__builtin_add_overflow(offset, (uint64_t)tensor->size_bytes, &extent->end) ||
		extent->end > reader->part->size_bytes) {
		return gguf_part_fail(reader->part, start, DAMAGED, reader->err,
			"tensor \"%s\" (%lld bytes at offset %llu) lies outside the file",
			gguf_quote(tensor->name, name), (long long)tensor->size_bytes,
			(unsigned long long)offset);
	}
	return 0;
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	if (x->begin != y->begin) {
		return x->begin < y->begin ? -1 : 1;
	}
	if (x->end != y->end) {
		return x->end < y->end ? -1 : 1;
	}
	return (x->tensor > y->tensor) - (x->tensor < y->tensor);
}

/* With the end of the table the data section's place is known: check each extent and map it. */
static int place_tensors(
	struct gguf_part *part, struct reader *reader, struct extent *extent, size_t count)
{
	uint64_t data_start = (part->header_bytes + part->alignment - 1) & ~(part->alignment - 1);
	uint64_t data_bytes = data_start < part->size_bytes ? part->size_bytes - data_start : 0;
	char name[80], other[80];

	if (count) {
		qsort(extent, count, sizeof(*extent), compare_extents);
	}
	for (size_t i = 0; i < count; i++) {
		struct gguf_tensor *tensor = &part->tensor[extent[i].tensor];

		if (extent[i].end > data_bytes) {
			return gguf_part_fail(part, tensor->name.text, DAMAGED, reader->err,
				"the file ends before tensor \"%s\" does: %llu bytes are missing",
				gguf_quote(tensor->name, name),
				(unsigned long long)(extent[i].end - data_bytes));
		}
		if (i && extent[i].begin < extent[i - 1].end) {
			const struct gguf_tensor *before = &part->tensor[extent[i - 1].tensor];

			return gguf_part_fail(part, tensor->name.text, DAMAGED, reader->err,
				"tensors \"%s\" and \"%s\" overlap",
				gguf_quote(before->name, other), gguf_quote(tensor->name, name));
		}
		if (tensor->size_bytes) {
			tensor->data = part->bytes + data_start + extent[i].begin;
		}
	}
	return 0;
}

static int read_tensors(struct gguf_part *part, struct reader *reader, uint64_t count)
{
	struct extent *extent = NULL;
	size_t cap_extent = 0;
	int result = 0;

	for (uint64_t i = 0; i < count && result == 0; i++) {
		if (grow(reader, (void **)&part->tensor, part->n_tensor, &part->cap_tensor,
			    sizeof(*part->tensor)) < 0 ||
			grow(reader, (void **)&extent, part->n_tensor, &cap_extent,
				sizeof(*extent)) < 0 ||
			read_tensor(reader, &part->tensor[part->n_tensor],
				&extent[part->n_tensor]) < 0) {
			result = -1;
			break;
		}
		extent[part->n_tensor].tensor = part->n_tensor;
		part->n_tensor++;
	}
	part->header_bytes = (size_t)(reader->at - part->bytes);
	if (result == 0) {
		result = place_tensors(part, reader, extent, part->n_tensor);
	}
	free(extent);
	return result;
}

/* ---- the file ---- */

static int refuse_magic(const struct gguf_part *part, struct err *err)
{
	if (mistaken_check_binary(part->bytes, part->size_bytes, part->path, err) < 0) {
		return -1;
	}
	return part->size_bytes
		       ? err_set(err, ERR_ENGINE, part->path, "give the path of a .gguf file",
				 "is not a GGUF model (it does not begin with \"GGUF\")")
		       : err_set(err, ERR_ENGINE, part->path, "download or convert it again",
				 "is empty");
}

static int check_version(const struct gguf_part *part, struct err *err)
{
	const uint8_t *at = part->bytes + 4;

	if (part->version == 2 || part->version == 3) {
		return 0;
	}
	if (part->version == 1) {
		return gguf_part_fail(part, at, "convert the model again with a current converter",
			err, "is GGUF version 1; carrel reads versions 2 and 3");
	}
	if (part->version && (part->version & 0xffff) == 0) {
		return gguf_part_fail(part, at, "convert the model for little-endian machines", err,
			"is a big-endian GGUF file; carrel reads little-endian ones");
	}
	return gguf_part_fail(part, at, NULL, err,
		"is GGUF version %u; carrel reads versions 2 and 3", part->version);
}

int gguf_part_parse(struct gguf_part *part, struct err *err)
{
	struct reader reader = {part, part->bytes, part->bytes + part->size_bytes, err};
	uint64_t n_tensor, n_pair;

	if (part->size_bytes < 4 || memcmp(part->bytes, "GGUF", 4) != 0) {
		return refuse_magic(part, err);
	}
	reader.at += 4;
	if (read_u32(&reader, &part->version, "the version") < 0 || check_version(part, err) < 0) {
		return -1;
	}
	if (read_count(&reader, &n_tensor, TENSOR_MIN_BYTES, "the number of tensors") < 0 ||
		read_count(&reader, &n_pair, PAIR_MIN_BYTES, "the number of metadata keys") < 0) {
		return -1;
	}
	if (read_pairs(part, &reader, n_pair) < 0 || read_alignment(part, err) < 0) {
		return -1;
	}
	return read_tensors(part, &reader, n_tensor);
}

void gguf_part_finish(struct gguf_part *part)
{
	free(part->pair);
	free(part->pair_name);
	free(part->tensor);
	free(part->path);
	file_map_close(&part->map);
	*part = (struct gguf_part){0};
}

const struct gguf_pair *gguf_part_find(const struct gguf_part *part, const char *key)
{
	const struct gguf_name *name =
		gguf_names_find(part->pair_name, part->n_pair, key, strlen(key));

	return name ? &part->pair[name->index] : NULL;
}

int gguf_part_int(const struct gguf_part *part, const char *key, int64_t *value, struct err *err)
{
	const struct gguf_pair *pair = gguf_part_find(part, key);

	if (!pair) {
		return 1;
	}
	if (pair->type == GGUF_BOOL || gguf_value_bytes(pair->type) == 0 ||
		pair->type == GGUF_FLOAT32 || pair->type == GGUF_FLOAT64) {
		return gguf_part_fail(part, pair->value, NULL, err,
			"the metadata key \"%s\" is of type %s, not an integer", key,
			gguf_value_name(pair->type));
	}
	if (gguf_load_int(pair->value, pair->type, value)) {
		return gguf_part_fail(part, pair->value, NULL, err,
			"the metadata key \"%s\" is %llu, which is out of range", key,
			(unsigned long long)gguf_load_u64(pair->value));
	}
	return 0;
}
