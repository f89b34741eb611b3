/*
 * The GGUF reader and writer: what is written is read, and no malformed file gets in, crashes, or
 * costs more memory than its own size explains. Linked with --wrap for the allocator.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/model/gguf_write.h"
#include "tests/gguf_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t allocated_bytes; /* asked for since the last reset */

void *__wrap_malloc(size_t size)
{
	allocated_bytes += size;
	return __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	allocated_bytes += size;
	return __real_realloc(old, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocated_bytes += count * size;
	return __real_calloc(count, size);
}

/* ---- files, byte by byte ---- */

static void add_u32(struct buf *buf, uint32_t value)
{
	for (int i = 0; i < 4; i++) {
		buf_addch(buf, (char)(value >> 8 * i));
	}
}

static void add_u64(struct buf *buf, uint64_t value)
{
	add_u32(buf, (uint32_t)value);
	add_u32(buf, (uint32_t)(value >> 32));
}

static void add_text(struct buf *buf, const char *text)
{
	add_u64(buf, strlen(text));
	buf_addstr(buf, text);
}

static void add_key(struct buf *buf, const char *key, uint32_t type)
{
	add_text(buf, key);
	add_u32(buf, type);
}

static void add_header(struct buf *buf, uint64_t n_tensor, uint64_t n_pair)
{
	buf_add(buf, "GGUF", 4);
	add_u32(buf, 3);
	add_u64(buf, n_tensor);
	add_u64(buf, n_pair);
}

static void add_tensor(struct buf *buf, const char *name, uint32_t n_dim, const uint64_t *dim,
	uint32_t type, uint64_t offset)
{
	add_text(buf, name);
	add_u32(buf, n_dim);
	for (uint32_t i = 0; i < n_dim; i++) {
		add_u64(buf, dim[i]);
	}
	add_u32(buf, type);
	add_u64(buf, offset);
}

static void add_data(struct buf *buf, size_t bytes)
{
	while (buf->len % 32) {
		buf_addch(buf, 0);
	}
	for (size_t i = 0; i < bytes; i++) {
		buf_addch(buf, (char)i);
	}
}

/* A small file with one of everything; its last tensor ends with the file. */
static void add_valid(struct buf *buf)
{
	add_header(buf, 3, 8);
	add_key(buf, "general.architecture", GGUF_STRING);
	add_text(buf, "llama");
	add_key(buf, "general.alignment", GGUF_UINT32);
	add_u32(buf, 32);
	add_key(buf, "a.flag", GGUF_BOOL);
	buf_addch(buf, 1);
	add_key(buf, "a.float", GGUF_FLOAT32);
	add_u32(buf, 0x3fc00000);
	add_key(buf, "a.wide", GGUF_UINT64);
	add_u64(buf, 1ull << 40);
	add_key(buf, "a.strings", GGUF_ARRAY);
	add_u32(buf, GGUF_STRING);
	add_u64(buf, 3);
	add_text(buf, "one");
	add_text(buf, "");
	add_text(buf, "three");
	add_key(buf, "a.ints", GGUF_ARRAY);
	add_u32(buf, GGUF_INT32);
	add_u64(buf, 2);
	add_u32(buf, 7);
	add_u32(buf, (uint32_t)-7);
	add_key(buf, "a.flags", GGUF_ARRAY);
	add_u32(buf, GGUF_BOOL);
	add_u64(buf, 2);
	buf_addch(buf, 0);
	buf_addch(buf, 1);
	add_tensor(buf, "matrix", 2, (const uint64_t[]){4, 2}, 0, 0);
	add_tensor(buf, "quantized", 2, (const uint64_t[]){32, 2}, 8, 32);
	add_tensor(buf, "vector", 1, (const uint64_t[]){8}, 0, 128);
	add_data(buf, 160);
}

/* Opens an exact copy on the heap, so that ASan sees every read past the end; bounds the memory. */
static int accepts(const void *bytes, size_t size, struct err *err)
{
	uint8_t *copy = malloc(size + !size);
	int accepted;

	memcpy(copy, bytes, size);
	allocated_bytes = 0;
	accepted = walk_gguf(copy, size, err);
	if (allocated_bytes > 64 * size + 16384) {
		fail_msg("%zu bytes of file, %zu bytes of memory", size, allocated_bytes);
	}
	free(copy);
	return accepted;
}

/* Refused, and for the reason that is meant. */
static void refuse(struct buf *buf, const char *why)
{
	struct err err;

	if (accepts(buf_str(buf), buf->len, &err)) {
		fail_msg("accepted, though %s", why);
	}
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
	buf_finish(buf);
}

static void a_valid_file_is_read(void **state)
{
	struct buf buf = BUF_INIT;
	struct gguf *gguf;
	struct gguf_string string;
	struct gguf_array array;
	struct err err;
	int64_t wide = 0;
	double number = 0;
	int flag = 0;
	size_t cursor = 0;

	add_valid(&buf);
	assert_int_equal(1, accepts(buf.data, buf.len, &err));
	assert_int_equal(0, gguf_open_bytes(&gguf, buf.data, buf.len, "bytes", &err));
	assert_int_equal(3, gguf_version(gguf));
	assert_int_equal(0, gguf_get_string(gguf, "general.architecture", &string, &err));
	assert_memory_equal("llama", string.text, string.len);
	assert_int_equal(0, gguf_get_int(gguf, "a.wide", &wide, &err));
	assert_true(wide == (int64_t)1 << 40);
	assert_int_equal(0, gguf_get_float(gguf, "a.float", &number, &err));
	assert_true(number == 1.5);
	assert_int_equal(0, gguf_get_bool(gguf, "a.flag", &flag, &err));
	assert_int_equal(1, flag);
	assert_int_equal(1, gguf_get_int(gguf, "absent", &wide, &err));
	assert_int_equal(-1, gguf_get_int(gguf, "a.float", &wide, &err));
	assert_int_equal(-1, gguf_get_string(gguf, "a.wide", &string, &err));
	assert_int_equal(0, gguf_get_array(gguf, "a.ints", &array, &err));
	assert_int_equal(-7, gguf_array_int(&array, 1));
	assert_int_equal(0, gguf_get_array(gguf, "a.strings", &array, &err));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(1, gguf_array_next_string(&array, &cursor, &string));
	}
	assert_memory_equal("three", string.text, string.len);
	assert_int_equal(0, gguf_array_next_string(&array, &cursor, &string));
	assert_int_equal(72 - 4, gguf_tensor_find(gguf, "quantized")->size_bytes);
	assert_int_equal(0, gguf_tensor_find(gguf, "matrix")->data[0]);
	assert_int_equal(128, gguf_tensor_find(gguf, "vector")->data[0]);
	assert_null(gguf_tensor_find(gguf, "vecto"));
	gguf_close(gguf);
	buf.data[4] = 2; /* version 2 has the same layout */
	assert_int_equal(1, accepts(buf.data, buf.len, &err));
	buf_finish(&buf);
}

static void every_truncation_is_refused(void **state)
{
	struct buf buf = BUF_INIT;
	struct err err;

	add_valid(&buf);
	for (size_t size = 0; size < buf.len; size++) {
		assert_int_equal(0, accepts(buf.data, size, &err));
	}
	buf_finish(&buf);
}

static void every_damaged_byte_is_survived(void **state)
{
	struct buf buf = BUF_INIT;
	struct err err;
	size_t refused = 0;

	add_valid(&buf);
	for (size_t at = 0; at < buf.len - 160; at++) {
		char before = buf.data[at];

		for (int value = 0; value < 256; value++) {
			buf.data[at] = (char)value;
			refused += !accepts(buf.data, buf.len, &err);
		}
		buf.data[at] = before;
	}
	assert_true(refused > 10000);
	buf_finish(&buf);
}

/* Every 8 and 4 bytes of the header replaced by values that overflow something. */
static void every_huge_field_is_survived(void **state)
{
	static const uint64_t huge[] = {UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1,
		UINT64_MAX - 7, 1ull << 61, 1ull << 32, UINT32_MAX, INT32_MAX, 0};
	struct buf buf = BUF_INIT;
	struct err err;

	add_valid(&buf);
	for (size_t at = 4; at + 8 <= buf.len - 160; at++) {
		char before[8];

		memcpy(before, buf.data + at, 8);
		for (size_t i = 0; i < ARRAY_LEN(huge); i++) {
			memcpy(buf.data + at, &huge[i], 8);
			accepts(buf.data, buf.len, &err);
			memcpy(buf.data + at, before, 8);
			memcpy(buf.data + at, &huge[i], 4);
			accepts(buf.data, buf.len, &err);
			memcpy(buf.data + at, before, 8);
		}
	}
	buf_finish(&buf);
}

static void counts_beyond_the_file_are_refused(void **state)
{
	struct buf buf = BUF_INIT;

	add_header(&buf, 1ull << 60, 0);
	refuse(&buf, "number of tensors is");
	add_header(&buf, 0, 1ull << 60);
	refuse(&buf, "number of metadata keys is");
	add_header(&buf, 0, 1);
	add_key(&buf, "a", GGUF_ARRAY);
	add_u32(&buf, GGUF_UINT64);
	add_u64(&buf, 1ull << 61); /* times 8 is 0 */
	refuse(&buf, "an array's length is");
	add_header(&buf, 0, 1);
	add_key(&buf, "a", GGUF_ARRAY);
	add_u32(&buf, GGUF_STRING);
	add_u64(&buf, 2);
	add_text(&buf, "x");
	add_u64(&buf, 100); /* runs past the end */
	refuse(&buf, "ends inside a string of an array");
	add_header(&buf, 0, 1);
	add_key(&buf, "text", GGUF_STRING);
	add_u64(&buf, UINT64_MAX);
	refuse(&buf, "ends inside a metadata string");
}

static void bad_metadata_are_refused(void **state)
{
	struct buf buf = BUF_INIT;

	add_header(&buf, 0, 2);
	for (int i = 0; i < 2; i++) {
		add_key(&buf, "same", GGUF_UINT32);
		add_u32(&buf, 1);
	}
	refuse(&buf, "\"same\" occurs twice");
	add_header(&buf, 0, 1);
	add_key(&buf, "nested", GGUF_ARRAY);
	add_u32(&buf, GGUF_ARRAY);
	add_u64(&buf, 1);
	add_u32(&buf, GGUF_UINT8);
	add_u64(&buf, 0);
	refuse(&buf, "arrays of arrays");
	add_header(&buf, 0, 1);
	add_key(&buf, "strange", 13);
	add_u64(&buf, 0);
	refuse(&buf, "unknown type 13");
	add_header(&buf, 0, 1);
	add_key(&buf, "flag", GGUF_BOOL);
	buf_addch(&buf, 2);
	add_u64(&buf, 0);
	refuse(&buf, "a bool is 2");
	add_header(&buf, 0, 1);
	add_key(&buf, "", GGUF_UINT64);
	add_u64(&buf, 0);
	refuse(&buf, "is 0 bytes long");
	add_header(&buf, 0, 1);
	add_key(&buf, "a\033[2J", GGUF_UINT32);
	add_u32(&buf, 0);
	refuse(&buf, "control character");
	add_header(&buf, 0, 1);
	add_key(&buf, "a\xff", GGUF_UINT32);
	add_u32(&buf, 0);
	refuse(&buf, "not UTF-8");
}

static void bad_alignments_are_refused(void **state)
{
	static const uint32_t bad[] = {0, 1, 3, 4, 33, 1u << 31, UINT32_MAX};
	struct buf buf = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		add_header(&buf, 0, 1);
		add_key(&buf, "general.alignment", GGUF_UINT32);
		add_u32(&buf, bad[i]);
		refuse(&buf, "not a power of two");
	}
	add_header(&buf, 0, 1);
	add_key(&buf, "general.alignment", GGUF_UINT64);
	add_u64(&buf, 32);
	refuse(&buf, "not uint32");
}

/* One tensor (or two) over 64 bytes of data. */
static void refuse_tensor(
	uint32_t n_dim, const uint64_t *dim, uint32_t type, uint64_t offset, const char *why)
{
	struct buf buf = BUF_INIT;

	add_header(&buf, 1, 0);
	add_tensor(&buf, "t", n_dim, dim, type, offset);
	add_data(&buf, 64);
	refuse(&buf, why);
}

static void bad_tensors_are_refused(void **state)
{
	static const uint64_t five[] = {1, 1, 1, 1, 1}, zero[] = {4, 0}, huge[] = {1ull << 63},
			      wrap[] = {1ull << 33, 1ull << 33}, odd[] = {33}, many[] = {17},
			      fits[] = {16},
			      wide[] = {1ull << 31, 1ull << 31, 1ull << 31, 1ull << 31};

	refuse_tensor(0, five, 0, 0, "has 0 dimensions");
	refuse_tensor(5, five, 0, 0, "has 5 dimensions");
	refuse_tensor(2, zero, 0, 0, "is 0, which no tensor can have");
	refuse_tensor(1, huge, 0, 0, "which no tensor can have");
	refuse_tensor(2, wrap, 0, 0, "which no tensor can have");
	refuse_tensor(4, wide, 0, 0, "which no tensor can have");
	refuse_tensor(1, odd, 8, 0, "not a multiple of Q8_0's 32");
	refuse_tensor(1, many, 0, 0, "4 bytes are missing");
	refuse_tensor(1, fits, 0, 32, "32 bytes are missing");
	refuse_tensor(1, fits, 0, 8, "not a multiple of 32");
	refuse_tensor(1, fits, 0, UINT64_MAX - 31, "lies outside the file");
	refuse_tensor(1, (const uint64_t[]){1ull << 61}, 28, 0, "larger than the file");
}

static void overlaps_and_duplicates_are_refused(void **state)
{
	struct buf buf = BUF_INIT;
	const uint64_t dim[] = {16};

	add_header(&buf, 2, 0);
	add_tensor(&buf, "first", 1, dim, 0, 0);
	add_tensor(&buf, "second", 1, dim, 0, 32);
	add_data(&buf, 128);
	refuse(&buf, "\"first\" and \"second\" overlap");
	add_header(&buf, 2, 0);
	add_tensor(&buf, "same", 1, dim, 0, 0);
	add_tensor(&buf, "same", 1, dim, 0, 64);
	add_data(&buf, 128);
	refuse(&buf, "\"same\" occurs twice");
	add_header(&buf, 1, 0);
	add_tensor(&buf, "line\nbreak", 1, dim, 0, 0);
	add_data(&buf, 64);
	refuse(&buf, "control character");
}

static void other_versions_and_files_are_refused_by_name(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *why;
	} files[] = {
		{"", 0, "is empty"},
		{"GGU", 3, "does not begin with"},
		{"\x08\x07\x12\x07pytorch", 11, "does not begin with"},
		{"GGUF\1\0\0\0", 8, "version 1"},
		{"GGUF\0\0\0\3", 8, "big-endian"},
		{"GGUF\4\0\0\0", 8, "version 4"},
		{"GGUF\0\0\0\0", 8, "version 0"},
		{"GGUF\3\0", 6, "ends inside the version"},
		{"tjgg\3\0\0\0", 8, "old GGJT"},
		{"PK\003\004........", 12, "ZIP archive"},
		{"version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS pointer"},
		{"<!doctype html>", 15, "a web page"},
		{"<?xml version=\"1.0\"?><Error>", 29, "an XML document"},
		{"\x80\2}q\0", 5, "a Python pickle"},
		{"\x1f\x8b\x08\0", 4, "compressed with gzip"},
		{"Entry not found\n", 16, "not a model; it begins: Entry not found"},
		{"{\"error\":\"no\"}", 14, "it begins: {\"error\":\"no\"}"},
	};
	struct buf buf = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		buf_add(&buf, files[i].bytes, files[i].size);
		refuse(&buf, files[i].why);
	}
}

/* Of a type whose size we do not know the data are left alone, and the rest of the file is usable. */
static void unknown_types_are_left_alone(void **state)
{
	struct buf buf = BUF_INIT;
	struct gguf *gguf;
	struct err err;

	add_header(&buf, 2, 0);
	add_tensor(&buf, "new", 2, (const uint64_t[]){1ull << 31, 1ull << 31}, 999, 0);
	add_tensor(&buf, "known", 1, (const uint64_t[]){16}, 0, 32);
	add_data(&buf, 96);
	assert_int_equal(0, gguf_open_bytes(&gguf, buf.data, buf.len, "bytes", &err));
	assert_null(gguf_tensor_find(gguf, "new")->data);
	assert_int_equal(32, gguf_tensor_find(gguf, "known")->data[0]);
	gguf_close(gguf);
	buf_finish(&buf);
}

/* A hundred thousand names that only differ at their ends must not take quadratic time. */
static void many_similar_names_stay_cheap(void **state)
{
	struct buf buf = BUF_INIT;
	struct err err;

	add_header(&buf, 0, 100000);
	for (int i = 0; i < 100000; i++) {
		char key[64];

		snprintf(key, sizeof(key), "a.long.common.prefix.of.all.keys.%06d", i);
		add_key(&buf, key, GGUF_UINT8);
		buf_addch(&buf, 0);
	}
	assert_int_equal(1, accepts(buf.data, buf.len, &err));
	buf_finish(&buf);
}

/* ---- files on disk ---- */

static char folder[] = "/tmp/carrel-test-gguf-XXXXXX";

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

struct part_spec {
	const char *name; /* NULL: not written */
	int64_t index, count, n_tensor;
	const char *tensor;
};

static void write_part(const struct part_spec *spec)
{
	char *path = path_of(spec->name);
	struct gguf_writer *writer;
	struct err err;
	float data[8];

	for (int i = 0; i < 8; i++) {
		data[i] = (float)spec->index;
	}
	assert_int_equal(0, gguf_writer_create(&writer, path, &err));
	gguf_writer_add_int(writer, "split.no", GGUF_UINT16, spec->index);
	gguf_writer_add_int(writer, "split.count", GGUF_UINT16, spec->count);
	gguf_writer_add_int(writer, "split.tensors.count", GGUF_INT32, spec->n_tensor);
	gguf_writer_add_tensor(writer, spec->tensor, DTYPE_F32, 1, 8);
	assert_int_equal(0, gguf_writer_begin(writer, &err));
	assert_int_equal(0, gguf_writer_data(writer, data, sizeof(data), &err));
	assert_int_equal(0, gguf_writer_finish(writer, &err));
	gguf_writer_destroy(writer);
	free(path);
}

/* Writes the parts, opens `open`, and removes them; why is NULL for success. */
static void try_split(
	const struct part_spec *part, size_t n_part, const char *open, const char *why)
{
	char *path = path_of(open);
	struct gguf *gguf;
	struct err err = {0};
	int result;

	for (size_t i = 0; i < n_part; i++) {
		write_part(&part[i]);
	}
	result = gguf_open(&gguf, path, &err);
	if (!why) {
		assert_int_equal(0, result);
		assert_int_equal(n_part, gguf_tensor_count(gguf));
		for (size_t i = 0; i < n_part; i++) {
			const struct gguf_tensor *tensor = gguf_tensor_find(gguf, part[i].tensor);
			float value;

			memcpy(&value, tensor->data, sizeof(value));
			assert_true(value == (float)part[i].index);
		}
	} else {
		assert_int_equal(-1, result);
		assert_int_equal(ERR_ENGINE, err.code);
		if (!strstr(err.what, why)) {
			fail_msg("\"%s\" does not say \"%s\"", err.what, why);
		}
	}
	gguf_close(gguf);
	free(path);
	for (size_t i = 0; i < n_part; i++) {
		path = path_of(part[i].name);
		unlink(path);
		free(path);
	}
}

#define PART(n, of) "m-0000" #n "-of-0000" #of ".gguf"

static void a_split_model_is_one_model(void **state)
{
	static const struct part_spec good[] = {
		{PART(1, 3), 0, 3, 3, "a"}, {PART(2, 3), 1, 3, 3, "b"}, {PART(3, 3), 2, 3, 3, "c"}};

	try_split(good, 3, PART(1, 3), NULL);
	try_split(good, 3, PART(2, 3), "is part 2 of 3 of a split model; it begins with");
	try_split(good, 2, PART(1, 3), "cannot be opened");
}

static void a_split_model_that_does_not_fit_together_is_refused(void **state)
{
	static const struct part_spec renamed[] = {{"whole.gguf", 0, 2, 2, "a"}};
	static const struct part_spec swapped[] = {
		{PART(1, 3), 0, 3, 3, "a"}, {PART(2, 3), 2, 3, 3, "b"}, {PART(3, 3), 1, 3, 3, "c"}};
	static const struct part_spec other[] = {
		{PART(1, 2), 0, 2, 2, "a"}, {PART(2, 2), 1, 4, 2, "b"}};
	static const struct part_spec another[] = {
		{PART(1, 2), 0, 2, 2, "a"}, {PART(2, 2), 1, 2, 9, "b"}};
	static const struct part_spec twice[] = {
		{PART(1, 2), 0, 2, 2, "a"}, {PART(2, 2), 1, 2, 2, "a"}};
	static const struct part_spec short_of[] = {
		{PART(1, 2), 0, 2, 5, "a"}, {PART(2, 2), 1, 2, 5, "b"}};
	static const struct part_spec beyond[] = {{PART(1, 2), 7, 2, 2, "a"}};

	try_split(renamed, 1, "whole.gguf", "its name does not end in");
	try_split(swapped, 3, PART(1, 3), "says that it is part 3 of 3, but it should be part 2");
	try_split(other, 2, PART(1, 2), "says that it is part 2 of 4");
	try_split(another, 2, PART(1, 2), "of the same model");
	try_split(twice, 2, PART(1, 2), "\"a\" occurs twice");
	try_split(short_of, 2, PART(1, 2), "5 tensors, but its 2 parts hold 2");
	try_split(beyond, 1, PART(1, 2), "says that it is part 8 of 2");
}

static void an_unfinished_file_leaves_nothing(void **state)
{
	char *path = path_of("unfinished.gguf"), *part = path_of("unfinished.gguf.part");
	struct gguf_writer *writer;
	struct err err;
	float data[16] = {0};

	assert_int_equal(0, gguf_writer_create(&writer, path, &err));
	gguf_writer_add_tensor(writer, "a", DTYPE_F32, 1, 8);
	assert_int_equal(0, gguf_writer_begin(writer, &err));
	assert_int_equal(-1, gguf_writer_data(writer, data, sizeof(data), &err));
	assert_int_equal(0, gguf_writer_data(writer, data, 4, &err));
	assert_int_equal(-1, gguf_writer_finish(writer, &err));
	assert_int_equal(0, access(part, F_OK));
	gguf_writer_destroy(writer);
	assert_int_equal(-1, access(part, F_OK));
	assert_int_equal(-1, access(path, F_OK));
	free(path);
	free(part);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder); /* and so: no test left a file behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_file_is_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_damaged_byte_is_survived),
		cmocka_unit_test(every_huge_field_is_survived),
		cmocka_unit_test(counts_beyond_the_file_are_refused),
		cmocka_unit_test(bad_metadata_are_refused),
		cmocka_unit_test(bad_alignments_are_refused),
		cmocka_unit_test(bad_tensors_are_refused),
		cmocka_unit_test(overlaps_and_duplicates_are_refused),
		cmocka_unit_test(other_versions_and_files_are_refused_by_name),
		cmocka_unit_test(unknown_types_are_left_alone),
		cmocka_unit_test(many_similar_names_stay_cheap),
		cmocka_unit_test(a_split_model_is_one_model),
		cmocka_unit_test(a_split_model_that_does_not_fit_together_is_refused),
		cmocka_unit_test(an_unfinished_file_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
