/*
 * The safetensors reader: what the format allows is read, from one file and from shards; whatever
 * does not tile its file, names a thing twice or points outside is one sentence.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/model/safetensors.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/carrel-test-safetensors-XXXXXX";

/* ---- memory that the JSON library asks for ---- */

static size_t json_bytes, json_most; /* held now, and at most since the last reset */

static void *json_alloc(size_t size)
{
	size_t *block = malloc(size + 16);

	if (!block) {
		return NULL;
	}
	block[0] = size;
	json_bytes += size;
	json_most = json_bytes > json_most ? json_bytes : json_most;
	return (char *)block + 16;
}

static void json_release(void *memory)
{
	if (memory) {
		size_t *block = (size_t *)(void *)((char *)memory - 16);

		json_bytes -= block[0];
		free(block);
	}
}

/* ---- files ---- */

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void put(const char *name, const void *bytes, size_t size)
{
	char *path = path_of(name);
	FILE *file;

	unlink(path); /* a file that is cut and written again waits for the disk */
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(size, fwrite(bytes, 1, size, file));
	assert_int_equal(0, fclose(file));
	free(path);
}

/* A file with this header and so many bytes of data: 0, 1, 2, ... */
static struct buf image_of(const char *header, size_t data_bytes)
{
	uint64_t len = strlen(header);
	struct buf out = BUF_INIT;

	for (int i = 0; i < 8; i++) {
		buf_addch(&out, (char)(len >> 8 * i));
	}
	buf_addstr(&out, header);
	for (size_t i = 0; i < data_bytes; i++) {
		buf_addch(&out, (char)i);
	}
	return out;
}

static void put_file(const char *name, const char *header, size_t data_bytes)
{
	struct buf image = image_of(header, data_bytes);

	put(name, image.data, image.len);
	buf_finish(&image);
}

static struct safetensors *open_good(const char *name)
{
	char *path = path_of(name), text[1024];
	struct safetensors *safetensors;
	struct err err;

	if (safetensors_open(&safetensors, path, &err) < 0) {
		fail_msg("%s", err_format(&err, text, sizeof(text)));
	}
	free(path);
	return safetensors;
}

static void refused(const char *name, const char *why)
{
	char *path = path_of(name);
	struct safetensors *safetensors;
	struct err err = {0};

	if (safetensors_open(&safetensors, path, &err) == 0) {
		fail_msg("%s is accepted, although: %s", name, why);
	}
	assert_null(safetensors);
	assert_int_equal(ERR_ENGINE, err.code);
	assert_non_null(strstr(err.where, folder));
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
	free(path);
}

#define TENSOR(name, dtype, shape, begin, end)                                                     \
	"\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin    \
	"," #end "]}"

static const char good_header[] =
	"{\"__metadata__\":{\"format\":\"pt\"}," TENSOR("b", "F32", "2,3", 0, 24) ", " TENSOR(
		"a", "BF16", "5", 24, 34) "," TENSOR("s", "F8_E4M3", "", 34, 35) "," TENSOR("none",
		"F16", "0,7", 35, 35) "," TENSOR("\\u00e9", "I64", "1", 35, 43) "}  ";

static void a_file_is_read(void **state)
{
	const struct safetensors_tensor *tensor;
	struct safetensors *safetensors;
	size_t header_bytes;

	put_file("good.safetensors", good_header, 43);
	safetensors = open_good("good.safetensors");
	assert_int_equal(5, safetensors_tensor_count(safetensors));
	assert_int_equal(1, safetensors_file_count(safetensors));
	assert_int_equal(8 + strlen(good_header) + 43, safetensors_total_bytes(safetensors));
	assert_string_equal("a", safetensors_tensor_at(safetensors, 0)->name);
	tensor = safetensors_tensor_find(safetensors, "b");
	assert_string_equal("F32", tensor->dtype);
	assert_int_equal(DTYPE_F32, safetensors_dtype(tensor));
	assert_int_equal(2, tensor->n_dim);
	assert_int_equal(2, tensor->dim[0]);
	assert_int_equal(3, tensor->dim[1]);
	assert_int_equal(1, tensor->dim[2]);
	assert_int_equal(6, tensor->n_elem);
	assert_int_equal(24, tensor->size_bytes);
	assert_int_equal(0, tensor->data[0]);
	tensor = safetensors_tensor_find(safetensors, "s");
	assert_int_equal(0, tensor->n_dim);
	assert_int_equal(1, tensor->n_elem);
	assert_int_equal(34, tensor->data[0]);
	assert_int_equal(DTYPE_COUNT, safetensors_dtype(tensor));
	assert_int_equal(0, safetensors_tensor_find(safetensors, "none")->n_elem);
	assert_non_null(safetensors_tensor_find(safetensors, "\xc3\xa9"));
	assert_null(safetensors_tensor_find(safetensors, "__metadata__"));
	assert_memory_equal(good_header, safetensors_file_header(safetensors, 0, &header_bytes) + 8,
		strlen(good_header));
	assert_int_equal(8 + strlen(good_header), header_bytes);
	safetensors_close(safetensors);
	put_file("empty.safetensors", "{}", 0);
	safetensors = open_good("empty.safetensors");
	assert_int_equal(0, safetensors_tensor_count(safetensors));
	assert_null(safetensors_tensor_find(safetensors, "a"));
	safetensors_close(safetensors);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void put_shards(void)
{
	put_file("m-2.safetensors", "{" TENSOR("c", "F32", "1", 0, 4) "}", 4);
	put_file("m-1.safetensors",
		"{" TENSOR("d", "F16", "2", 0, 4) "," TENSOR("a", "F16", "1", 4, 6) "}", 6);
}

static void shards_are_one_model(void **state)
{
	struct safetensors *safetensors;

	put_shards();
	put_text("m.safetensors.index.json",
		"{\"metadata\": {\"total_size\": 10}, \"weight_map\": {\"c\": "
		"\"m-2.safetensors\", \"a\": \"m-1.safetensors\", \"d\": \"m-1.safetensors\"}}\n");
	safetensors = open_good("m.safetensors.index.json");
	assert_int_equal(2, safetensors_file_count(safetensors));
	assert_int_equal(3, safetensors_tensor_count(safetensors));
	assert_int_equal(0, safetensors_tensor_find(safetensors, "a")->file);
	assert_int_equal(4, safetensors_tensor_find(safetensors, "a")->data[0]);
	assert_int_equal(1, safetensors_tensor_find(safetensors, "c")->file);
	assert_non_null(strstr(safetensors_file_path(safetensors, 1), "/m-2.safetensors"));
	assert_int_equal(safetensors_total_bytes(safetensors),
		safetensors_file_bytes(safetensors, 0) + safetensors_file_bytes(safetensors, 1));
	safetensors_close(safetensors);
}

static void an_index_that_lies_is_refused(void **state)
{
#define INDEX(map) "{\"weight_map\":{" map "}}"
#define AD         "\"a\":\"m-1.safetensors\",\"d\":\"m-1.safetensors\""
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "not the index"},
		{"[]", "not the index"},
		{"{}", "not the index"},
		{"{\"weight_map\":[]}", "not the index"},
		{"{\"weight_map\":{}}", "not the index"},
		{"{\"weight_map\":{\"a\":1}}", "not the index"},
		{"{\"weight_map\":{\"a\":\"m-1.safetensors\"}", "not the index"},
		{INDEX("\"a\":\"m-1.safetensors\"") "x", "not the index"},
		{"{\"weight_map\":{" AD "},\"weight_map\":{" AD "}}", "not the index"},
		{INDEX("\"a\":\"../m-1.safetensors\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"/m-1.safetensors\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"x/m-1.safetensors\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"..\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\".safetensors\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"m-1.bin\""), "not a .safetensors file beside it"},
		{INDEX("\"a\":\"m-9.safetensors\""), "cannot be opened"},
		{INDEX("\"a\":\"m-1.safetensors\""), "does not list the tensor \"d\""},
		{INDEX(AD ",\"e\":\"m-1.safetensors\""), "\"e\" is in m-1.safetensors, which does"},
		{INDEX(AD ",\"c\":\"m-1.safetensors\""), "\"c\" is in m-1.safetensors, which does"},
		{INDEX(AD ",\"a\":\"m-1.safetensors\""), "lists the tensor \"a\" twice"},
		{INDEX("\"a\":\"m-2.safetensors\",\"c\":\"m-1.safetensors\","
		       "\"d\":\"m-1.safetensors\""),
			"which does not hold it"},
		{INDEX(AD ",\"c\":\"m-2.safetensors\",\"a\":\"m-2.safetensors\""),
			"lists the tensor \"a\" twice"},
	};

	put_shards();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put_text("bad.safetensors.index.json", bad[i].text);
		refused("bad.safetensors.index.json", bad[i].why);
	}
	put_file("twice-1.safetensors", "{" TENSOR("a", "U8", "1", 0, 1) "}", 1);
	put_file("twice-2.safetensors", "{" TENSOR("a", "U8", "1", 0, 1) "}", 1);
	put_text("bad.safetensors.index.json",
		INDEX("\"a\":\"twice-1.safetensors\",\"b\":\"twice-2.safetensors\""));
	refused("bad.safetensors.index.json", "the tensor \"a\" occurs twice");
}

static void a_file_that_lies_is_refused(void **state)
{
#define ONE(dtype, shape, begin, end) "{" TENSOR("a", dtype, shape, begin, end) "}"
	static const struct {
		const char *header, *why;
		size_t data_bytes;
	} bad[] = {
		{" {}", "not the JSON", 0},
		{"[]", "not the JSON", 0},
		{"{}x", "not the JSON", 0},
		{"{}{}", "not the JSON", 0},
		{"{,}", "not the JSON", 0},
		{"{a:1}", "not the JSON", 0},
		{"{\"a\"}", "not the JSON", 0},
		{"{\"a\":}", "not the JSON", 0},
		{"{\"a\\u0000\":{}}", "not the JSON", 0},
		{"{\"\xff\":{}}", "not the JSON", 0},
		{"{\"a\":1}", "not described by", 0},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "not described by", 1},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}",
			"not described by", 1},
		{"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
			"not described by", 1},
		{"{" TENSOR("a", "U8", "1", 0, 1) "," TENSOR("a", "U8", "1", 1, 2) "}",
			"occurs twice", 2},
		{"{" TENSOR("a", "U8", "1", 0, 1) "," TENSOR("\\u0061", "U8", "1", 1, 2) "}",
			"occurs twice", 2},
		{"{\"__metadata__\":{},\"__metadata__\":{}}", "not the JSON", 0},
		{"{\"__metadata__\":{\"a\":1}}", "__metadata__", 0},
		{"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", "__metadata__", 0},
		{"{\"__metadata__\":[]}", "__metadata__", 0},
		{ONE("Q8", "1", 0, 1), "of the type \"Q8\"", 1},
		{ONE("", "1", 0, 1), "of the type \"\"", 1},
		{ONE("F32", "2", 0, 4), "does not take the bytes", 4},
		{ONE("F32", "1", 0, 8), "does not take the bytes", 8},
		{ONE("F4", "3", 0, 1), "does not take the bytes", 1},
		{ONE("F32", "0", 0, 4), "does not take the bytes", 4},
		{ONE("U8", "-1", 0, 1), "no tensor can have", 1},
		{ONE("U8", "1.0", 0, 1), "no tensor can have", 1},
		{ONE("U8", "\"1\"", 0, 1), "no tensor can have", 1},
		{ONE("U8", "4294967296,4294967296", 0, 0), "no tensor can have", 0},
		{ONE("F32", "2305843009213693952", 0, 0), "does not take the bytes", 0},
		{ONE("U8", "99999999999999999999", 0, 0), "not described by", 0},
		{ONE("U8", "1,1,1,1,1,1,1,1,1", 0, 1), "at most 8 dimensions", 1},
		{ONE("U8", "1", 1, 0), "no data_offsets", 1},
		{ONE("U8", "1", -1, 0), "no data_offsets", 1},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}",
			"no data_offsets", 1},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":{},\"data_offsets\":[0,1]}}", "no shape", 1},
		{ONE("U8", "2", 0, 2), "lies outside of the file", 1},
		{ONE("U8", "1", 1, 2), "belong to none", 2},
		{ONE("U8", "1", 0, 1), "1 bytes behind its last tensor belong to none", 2},
		{"{}", "3 bytes behind its last tensor", 3},
		{"{" TENSOR("a", "U8", "2", 0, 2) "," TENSOR("b", "U8", "2", 1, 3) "}",
			"overlaps another", 3},
		{"{" TENSOR("a", "U8", "2", 0, 2) "," TENSOR("b", "U8", "2", 0, 2) "}",
			"overlaps another", 2},
		{"{" TENSOR("a", "U8", "1", 0, 1) "," TENSOR("b", "U8", "1", 2, 3) "}",
			"\"b\" has bytes in front of it", 3},
		{"{" TENSOR("a", "U8", "2", 0, 2) "," TENSOR("b", "U8", "0", 1, 1) "}",
			"overlaps another", 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put_file("bad.safetensors", bad[i].header, bad[i].data_bytes);
		refused("bad.safetensors", bad[i].why);
	}
	put_text("bad.safetensors", "");
	refused("bad.safetensors", "is empty");
	put_text("bad.safetensors", "\2");
	refused("bad.safetensors", "too short");
	put_text("bad.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
	refused("bad.safetensors", "Git LFS pointer");
	put_text("bad.safetensors", "<!DOCTYPE html><title>Not found</title>");
	refused("bad.safetensors", "a web page");
	put_text("bad.safetensors", "Invalid username or password.");
	refused("bad.safetensors", "it begins: Invalid username or password.");
	put("bad.safetensors", "GGUF\3\0\0\0\0\0\0\0", 12);
	refused("bad.safetensors", "is a GGUF file");
	put("bad.safetensors", "PK\3\4\24\0\0\0\0\0\0\0", 12);
	refused("bad.safetensors", "ZIP archive");
	put("bad.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
	refused("bad.safetensors", "would be 18446744073709551615 bytes long");
	put("bad.safetensors", "\3\0\0\0\0\0\0\0{}", 10);
	refused("bad.safetensors", "ends within its header of 3 bytes");
	refused("nowhere.safetensors", "cannot be opened");
}

/* Opening it gives tensors inside of the file, or a sentence. */
static int is_accepted(const char *name)
{
	char *path = path_of(name);
	struct safetensors *safetensors;
	struct err err = {0};
	size_t header_bytes;
	int64_t total = 0;

	if (safetensors_open(&safetensors, path, &err) < 0) {
		assert_int_equal(ERR_ENGINE, err.code);
		assert_true(err.what[0] && err.where[0]);
		free(path);
		return 0;
	}
	safetensors_file_header(safetensors, 0, &header_bytes);
	for (size_t i = 0; i < safetensors_tensor_count(safetensors); i++) {
		total += safetensors_tensor_at(safetensors, i)->size_bytes;
	}
	assert_int_equal(safetensors_total_bytes(safetensors), (int64_t)header_bytes + total);
	safetensors_close(safetensors);
	free(path);
	return 1;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	struct buf image = image_of(good_header, 43);

	for (size_t len = 0; len < image.len; len++) {
		put("cut.safetensors", image.data, len);
		assert_false(is_accepted("cut.safetensors"));
	}
	buf_finish(&image);
}

static void any_flipped_bit_gives_a_file_that_tiles_or_a_sentence(void **state)
{
	struct buf image = image_of(good_header, 43);
	int n_accepted = 0;

	for (size_t bit = 0; bit < 8 * (8 + strlen(good_header)); bit++) {
		image.data[bit / 8] ^= (char)(1 << bit % 8);
		put("flipped.safetensors", image.data, image.len);
		n_accepted += is_accepted("flipped.safetensors");
		image.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	/* names, and types of equal size, may change */
	assert_true(n_accepted > 20 && n_accepted < 200);
	buf_finish(&image);
}

static void hostile_headers_cost_no_more_memory_than_they_are_long(void **state)
{
	static const char *const filling[] = {"[],", "{\"\":0},", "[[[[[[[[", "1,", "\"\","};
	struct buf header = BUF_INIT;

	json_set_alloc_funcs(json_alloc, json_release);
	for (size_t i = 0; i < ARRAY_LEN(filling); i++) {
		buf_clear(&header);
		buf_addstr(&header, "{\"a\":[");
		while (header.len < 3000000) {
			buf_addstr(&header, filling[i]);
		}
		buf_addstr(&header, "0]}");
		json_most = json_bytes;
		put_file("huge.safetensors", header.data, 0);
		assert_false(is_accepted("huge.safetensors"));
		assert_true(json_most < header.len);
	}
	buf_finish(&header);
	json_set_alloc_funcs(malloc, free);
}

/* A file that is so long, and zeros but for its beginning; nothing of it is on the disk. */
static void put_sparse(const char *name, const void *bytes, size_t size, off_t length)
{
	char *path = path_of(name);

	put(name, bytes, size);
	assert_int_equal(0, truncate(path, length));
	free(path);
}

static void what_is_longer_than_the_bounds_is_refused_unread(void **state)
{
	const size_t most = 100000000, metadata = (size_t)16 << 20;
	uint8_t length[8];
	struct buf header = BUF_INIT;

	for (int i = 0; i < 8; i++) {
		length[i] = (uint8_t)((most + 1) >> 8 * i);
	}
	put_sparse("huge.safetensors", length, sizeof(length), (off_t)(most + 9));
	refused("huge.safetensors", "its header would be 100000001 bytes long");
	put_sparse("huge.safetensors.index.json", "{", 1, (off_t)(most + 1));
	refused("huge.safetensors.index.json", "is 100000001 bytes long");
	buf_addstr(&header, "{\"__metadata__\":{\"a\":\"");
	while (header.len < metadata) {
		buf_addstr(&header, "0123456789abcdef0123456789abcdef");
	}
	buf_addstr(&header, "\"}}");
	put_file("huge.safetensors", header.data, 0);
	refused("huge.safetensors", "__metadata__");
	buf_finish(&header);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"good.safetensors", "empty.safetensors",
		"m-1.safetensors", "m-2.safetensors", "m.safetensors.index.json", "bad.safetensors",
		"bad.safetensors.index.json", "twice-1.safetensors", "twice-2.safetensors",
		"cut.safetensors", "flipped.safetensors", "huge.safetensors",
		"huge.safetensors.index.json"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = path_of(names[i]);

		unlink(path);
		free(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(shards_are_one_model),
		cmocka_unit_test(an_index_that_lies_is_refused),
		cmocka_unit_test(a_file_that_lies_is_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
		cmocka_unit_test(any_flipped_bit_gives_a_file_that_tiles_or_a_sentence),
		cmocka_unit_test(what_is_longer_than_the_bounds_is_refused_unread),
		cmocka_unit_test(hostile_headers_cost_no_more_memory_than_they_are_long),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
