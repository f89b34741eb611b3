/*
 * Hostile files: from a small valid one, every truncation, every damaged byte, every number of the
 * header replaced, everything said twice or left out. Each is opened as a user would open it, and
 * must either open or be refused with one sentence that names the file; memory is bounded by what
 * the file holds, and nothing stays open. Programs are linked with --wrap for the allocator.
 */
#ifndef TESTS_UNIT_HOSTILE_H
#define TESTS_UNIT_HOSTILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"
#include "engine/program.h"
#include "tests/unit/sanitized.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t hostile_allocated_bytes; /* asked for since the try began, freed or not */

void *__wrap_malloc(size_t size)
{
	hostile_allocated_bytes += size;
	return __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	hostile_allocated_bytes += size;
	return __real_realloc(old, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	hostile_allocated_bytes += count * size;
	return __real_calloc(count, size);
}

/* What is not asked of malloc() is bounded, too, where no sanitizer reserves terabytes. */
static inline void hostile_limit_memory(void)
{
	const struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};

	if (!IS_SANITIZED) {
		assert_int_equal(0, setrlimit(RLIMIT_AS, &limit));
	}
}

/* ---- a door, and what goes in ---- */

struct hostile {
	const char *name;
	/* 0, or -1 with an error; leaves nothing open. */
	int (*open)(void *context, struct err *err);
	void *context;
	const char *path;  /* of the file that is damaged; it is written anew for each try */
	const char *named; /* what the sentence's place has to say */
	/* Most memory: so many bytes, and so many more for each byte of the file. */
	size_t base_bytes, bytes_per_byte;

	size_t n_tried, n_opened;
	double most; /* of the memory that is allowed */
};

static inline size_t hostile_open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	for (; folder && readdir(folder); count++) {
	}
	if (folder) {
		closedir(folder);
	}
	return count;
}

static inline void hostile_check_sentence(const struct hostile *hostile, const struct err *err)
{
	size_t len = strlen(err->what);

	if (err->code != ERR_ENGINE || !len || strchr(".:, ", err->what[len - 1]) ||
		!strstr(err->where, hostile->named)) {
		fail_msg("%s, try %zu: no sentence about %s: \"%s\", \"%s\", code %d",
			hostile->name, hostile->n_tried, hostile->named, err->where, err->what,
			(int)err->code);
	}
	for (const char *c = err->what; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			fail_msg("%s: a control character in \"%s\"", hostile->name, err->what);
		}
	}
}

static inline void hostile_try(struct hostile *hostile, const void *bytes, size_t size)
{
	int fd = open(hostile->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), result;
	size_t allowed = hostile->base_bytes + hostile->bytes_per_byte * size;
	struct err err = {0};

	assert_true(fd >= 0);
	assert_int_equal(size, write(fd, bytes, size));
	close(fd);
	hostile->n_tried++;
	hostile_allocated_bytes = 0;
	result = hostile->open(hostile->context, &err);
	if (hostile_allocated_bytes > allowed) {
		fail_msg("%s: %zu bytes of file, %zu bytes of memory", hostile->name, size,
			hostile_allocated_bytes);
	}
	if ((double)hostile_allocated_bytes / (double)allowed > hostile->most) {
		hostile->most = (double)hostile_allocated_bytes / (double)allowed;
	}
	if (result < 0) {
		hostile_check_sentence(hostile, &err);
	} else {
		hostile->n_opened++;
	}
}

static inline void hostile_try_buf(struct hostile *hostile, struct buf *buf)
{
	hostile_try(hostile, buf_str(buf), buf->len);
	buf_finish(buf);
}

/* ---- any file ---- */

/* ---- a run: a seed and what becomes of it ---- */

static size_t hostile_total_tried, hostile_total_opened, hostile_descriptors;

/* The door of models: what a family would compute is asked for, too. */
static inline int hostile_open_model(void *path, struct err *err)
{
	struct program *program;
	struct model *model;
	int result = model_open(&model, path, NULL, err);

	if (result == 0) {
		result = program_create(&program, model, 0, err);
		if (result == 0) {
			program_destroy(program);
		}
		model_close(model);
	}
	return result;
}

static inline struct hostile hostile_begin(const char *name,
	int (*open)(void *context, struct err *err), const char *path, void *context,
	const char *named)
{
	hostile_descriptors = hostile_open_descriptors();
	return (struct hostile){.name = name,
		.open = open,
		.context = context,
		.path = path,
		.named = named,
		.base_bytes = (size_t)64 << 20, /* of the seed; what it takes counts then */
		.bytes_per_byte = 64};
}

/* The seed itself is a good one: else everything would be refused for one reason. */
static inline void hostile_expect_open(struct hostile *hostile, const struct buf *seed)
{
	hostile_try(hostile, seed->data, seed->len);
	if (!hostile->n_opened) {
		struct err err = {0};

		hostile->open(hostile->context, &err);
		fail_msg("%s: the seed is refused: %s", hostile->name, err.what);
	}
}

static inline void hostile_end(const struct hostile *hostile)
{
	printf("# %-34s %7zu files, %6zu opened, %6zu refused; at most %.0f %% of the memory "
	       "allowed\n",
		hostile->name, hostile->n_tried, hostile->n_opened,
		hostile->n_tried - hostile->n_opened, 100 * hostile->most);
	assert_int_equal(hostile_descriptors, hostile_open_descriptors());
	assert_true(hostile->n_tried > hostile->n_opened);
	hostile_total_tried += hostile->n_tried;
	hostile_total_opened += hostile->n_opened;
}

static inline void hostile_print_totals(void)
{
	printf("# %zu hostile files: %zu opened, %zu refused with a sentence each\n",
		hostile_total_tried, hostile_total_opened,
		hostile_total_tried - hostile_total_opened);
}

static inline void hostile_truncations(struct hostile *hostile, const struct buf *seed)
{
	for (size_t size = 0; size < seed->len; size += 64) {
		hostile_try(hostile, seed->data, size);
	}
	hostile_try(hostile, seed->data, seed->len - 1);
}

/* Bytes first ... end-1, each flipped in one bit and replaced, `step` apart under a sanitizer. */
static inline void hostile_bytes(
	struct hostile *hostile, struct buf *seed, size_t first, size_t end)
{
	static const unsigned char value[] = {0, 0xff, 0x7f, 0x80, 1, '"', '{', ']'};

	for (size_t at = first; at < end; at += IS_SANITIZED ? 5 : 1) {
		char before = seed->data[at];

		seed->data[at] = (char)(before ^ 1 << at % 8);
		hostile_try(hostile, seed->data, seed->len);
		seed->data[at] = (char)value[at % sizeof(value)];
		hostile_try(hostile, seed->data, seed->len);
		seed->data[at] = before;
	}
}

/* ---- GGUF ---- */

/* An integer of the header. */
struct hostile_field {
	size_t at, bytes;
};

/* The anatomy of a valid file: integers, and the entries of both tables. */
struct hostile_gguf {
	struct hostile_field *field, *pair, *tensor; /* entries are begin and length */
	size_t n_field, cap_field, n_pair, cap_pair, n_tensor, cap_tensor;
	size_t header_end;
};

static inline uint64_t hostile_number(const struct buf *buf, size_t at, size_t bytes)
{
	uint64_t value = 0;

	assert_true(at + bytes <= buf->len);
	for (size_t i = 0; i < bytes; i++) {
		value |= (uint64_t)(unsigned char)buf->data[at + i] << 8 * i;
	}
	return value;
}

static inline uint64_t hostile_take(
	struct hostile_gguf *gguf, const struct buf *seed, size_t *at, size_t bytes)
{
	mem_grow(gguf->field, gguf->n_field, gguf->cap_field);
	gguf->field[gguf->n_field++] = (struct hostile_field){*at, bytes};
	*at += bytes;
	return hostile_number(seed, *at - bytes, bytes);
}

static inline void hostile_value(
	struct hostile_gguf *gguf, const struct buf *seed, size_t *at, uint64_t type)
{
	static const uint8_t size[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

	if (type == GGUF_STRING) {
		*at += hostile_take(gguf, seed, at, 8);
	} else if (type == GGUF_ARRAY) {
		uint64_t elem = hostile_take(gguf, seed, at, 4);
		uint64_t count = hostile_take(gguf, seed, at, 8);

		for (uint64_t i = 0; i < count; i++) {
			size_t n_field = gguf->n_field;

			hostile_value(gguf, seed, at, elem);
			if (i >= 4 && i + 4 < count) { /* like the others */
				gguf->n_field = n_field;
			}
		}
	} else {
		hostile_take(gguf, seed, at, size[type]);
	}
}

static inline struct hostile_gguf hostile_gguf_read(const struct buf *seed)
{
	struct hostile_gguf gguf = {0};
	size_t at = 4, begin;
	uint64_t n_tensor, n_pair;

	hostile_take(&gguf, seed, &at, 4);
	n_tensor = hostile_take(&gguf, seed, &at, 8);
	n_pair = hostile_take(&gguf, seed, &at, 8);
	for (uint64_t i = 0; i < n_pair; i++) {
		begin = at;
		at += hostile_take(&gguf, seed, &at, 8);
		hostile_value(&gguf, seed, &at, hostile_take(&gguf, seed, &at, 4));
		mem_grow(gguf.pair, gguf.n_pair, gguf.cap_pair);
		gguf.pair[gguf.n_pair++] = (struct hostile_field){begin, at - begin};
	}
	for (uint64_t i = 0; i < n_tensor; i++) {
		uint64_t n_dim;

		begin = at;
		at += hostile_take(&gguf, seed, &at, 8);
		n_dim = hostile_take(&gguf, seed, &at, 4);
		for (uint64_t d = 0; d < n_dim; d++) {
			hostile_take(&gguf, seed, &at, 8);
		}
		hostile_take(&gguf, seed, &at, 4);
		hostile_take(&gguf, seed, &at, 8);
		mem_grow(gguf.tensor, gguf.n_tensor, gguf.cap_tensor);
		gguf.tensor[gguf.n_tensor++] = (struct hostile_field){begin, at - begin};
	}
	gguf.header_end = at;
	return gguf;
}

static inline void hostile_gguf_finish(struct hostile_gguf *gguf)
{
	free(gguf->field);
	free(gguf->pair);
	free(gguf->tensor);
}

static inline void hostile_put(char *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		at[i] = (char)(value >> 8 * i);
	}
}

/* Every integer becomes 0, 1, the largest, negative, huge, and its neighbours. */
static inline void hostile_gguf_fields(
	struct hostile *hostile, struct buf *seed, const struct hostile_gguf *gguf)
{
	for (size_t i = 0; i < gguf->n_field; i++) {
		size_t at = gguf->field[i].at, bytes = gguf->field[i].bytes;
		uint64_t was = hostile_number(seed, at, bytes);
		const uint64_t value[] = {0, 1, 2, UINT64_MAX, UINT64_MAX >> (65 - 8 * bytes),
			(uint64_t)1 << (8 * bytes - 1), was + 1, was - 1, was * 2, was / 2,
			was + 32, UINT64_MAX - 31, (uint64_t)1 << 4 * bytes,
			((uint64_t)1 << (8 * bytes - 4)) + was};

		for (size_t j = 0; j < ARRAY_LEN(value); j++) {
			hostile_put(seed->data + at, value[j], bytes);
			hostile_try(hostile, seed->data, seed->len);
		}
		hostile_put(seed->data + at, was, bytes);
	}
}

/*
 * The file with `n_copy` copies of an entry (0: without it), its count adjusted, its data where they
 * belong.
 */
static inline void hostile_gguf_entry(struct hostile *hostile, const struct buf *seed,
	const struct hostile_gguf *gguf, const struct hostile_field *entry, size_t count_at,
	int n_copy)
{
	size_t data = (gguf->header_end + 31) / 32 * 32;
	struct buf buf = BUF_INIT;

	buf_add(&buf, seed->data, entry->at);
	for (int i = 0; i < n_copy; i++) {
		buf_add(&buf, seed->data + entry->at, entry->bytes);
	}
	buf_add(&buf, seed->data + entry->at + entry->bytes,
		gguf->header_end - entry->at - entry->bytes);
	while (buf.len % 32) {
		buf_addch(&buf, 0);
	}
	buf_add(&buf, seed->data + data, seed->len - data);
	hostile_put(
		buf.data + count_at, hostile_number(seed, count_at, 8) + (uint64_t)n_copy - 1, 8);
	hostile_try_buf(hostile, &buf);
}

static inline void hostile_gguf_entries(
	struct hostile *hostile, const struct buf *seed, const struct hostile_gguf *gguf)
{
	for (int n_copy = 0; n_copy <= 2; n_copy += 2) {
		for (size_t i = 0; i < gguf->n_tensor; i++) {
			hostile_gguf_entry(hostile, seed, gguf, &gguf->tensor[i], 8, n_copy);
		}
		for (size_t i = 0; i < gguf->n_pair; i++) {
			hostile_gguf_entry(hostile, seed, gguf, &gguf->pair[i], 16, n_copy);
		}
	}
}

/* Each tensor lies where another one does. */
static inline void hostile_gguf_overlaps(
	struct hostile *hostile, struct buf *seed, const struct hostile_gguf *gguf)
{
	for (size_t i = 0; i < gguf->n_tensor; i++) {
		size_t at = gguf->tensor[i].at + gguf->tensor[i].bytes - 8;
		uint64_t was = hostile_number(seed, at, 8);

		for (size_t j = 0; j < gguf->n_tensor; j++) {
			size_t other = gguf->tensor[j].at + gguf->tensor[j].bytes - 8;

			if (i != j) {
				hostile_put(seed->data + at, hostile_number(seed, other, 8), 8);
				hostile_try(hostile, seed->data, seed->len);
			}
		}
		hostile_put(seed->data + at, was, 8);
	}
}

/* All of it. */
static inline void hostile_gguf_all(struct hostile *hostile, struct buf *seed)
{
	struct hostile_gguf gguf = hostile_gguf_read(seed);

	hostile_truncations(hostile, seed);
	hostile_bytes(hostile, seed, 0, gguf.header_end);
	hostile_gguf_fields(hostile, seed, &gguf);
	hostile_gguf_entries(hostile, seed, &gguf);
	hostile_gguf_overlaps(hostile, seed, &gguf);
	hostile_gguf_finish(&gguf);
}

/* ---- JSON ---- */

/* Values, and members of objects, of a text that is known to be JSON. */
struct hostile_json {
	struct hostile_field *value, *member;
	size_t n_value, cap_value, n_member, cap_member;
};

static inline size_t hostile_json_space(const struct buf *seed, size_t at)
{
	while (at < seed->len && strchr(" \t\r\n", seed->data[at])) {
		at++;
	}
	return at;
}

static inline size_t hostile_json_value(
	struct hostile_json *json, const struct buf *seed, size_t at);

static inline size_t hostile_json_string(const struct buf *seed, size_t at)
{
	for (at++; seed->data[at] != '"'; at++) {
		at += seed->data[at] == '\\';
	}
	return at + 1;
}

static inline size_t hostile_json_items(
	struct hostile_json *json, const struct buf *seed, size_t at, char end)
{
	at = hostile_json_space(seed, at + 1);
	while (seed->data[at] != end) {
		size_t begin = at;

		if (end == '}') {
			at = hostile_json_space(seed, hostile_json_string(seed, at));
			at = hostile_json_space(seed, at + 1); /* the colon */
		}
		at = hostile_json_value(json, seed, at);
		if (end == '}') {
			mem_grow(json->member, json->n_member, json->cap_member);
			json->member[json->n_member++] = (struct hostile_field){begin, at - begin};
		}
		at = hostile_json_space(seed, at);
		at = seed->data[at] == ',' ? hostile_json_space(seed, at + 1) : at;
	}
	return at + 1;
}

static inline size_t hostile_json_value(
	struct hostile_json *json, const struct buf *seed, size_t at)
{
	size_t begin = at;

	if (seed->data[at] == '{' || seed->data[at] == '[') {
		at = hostile_json_items(json, seed, at, seed->data[at] == '{' ? '}' : ']');
	} else if (seed->data[at] == '"') {
		at = hostile_json_string(seed, at);
	} else {
		at += strcspn(seed->data + at, ",]} \t\r\n");
	}
	mem_grow(json->value, json->n_value, json->cap_value);
	json->value[json->n_value++] = (struct hostile_field){begin, at - begin};
	return at;
}

/* A JSON text on its way into a file: as it is, or behind its length. */
typedef void hostile_json_put(struct hostile *hostile, const struct buf *text, void *rest);

static inline void hostile_json_plain(struct hostile *hostile, const struct buf *text, void *rest)
{
	(void)rest;
	hostile_try(hostile, buf_str(text), text->len);
}

static inline void hostile_json_replace(struct hostile *hostile, const struct buf *seed,
	const struct hostile_field *part, const char *with, hostile_json_put *put, void *rest)
{
	struct buf text = BUF_INIT;

	buf_add(&text, seed->data, part->at);
	buf_addstr(&text, with);
	buf_add(&text, seed->data + part->at + part->bytes, seed->len - part->at - part->bytes);
	put(hostile, &text, rest);
	buf_finish(&text);
}

/*
 * Every value becomes something else, every member stands twice or not at all. Long lists (a
 * vocabulary) are taken in steps: at most about `most` values.
 */
static inline void hostile_json_all(struct hostile *hostile, const struct buf *seed, size_t most,
	hostile_json_put *put, void *rest)
{
	static const char *const other[] = {"null", "true", "0", "1", "-1", "0.5", "1e300",
		"2147483648", "4294967296", "9223372036854775807", "18446744073709551615",
		"99999999999999999999", "\"\"", "\"x\"", "\"\\u0000\"", "\"\\n\\u001b[2J\"",
		"\"\\ud800\"", "\"../../etc/passwd\"", "[]", "{}", "[0,0]",
		"[[[[[[[[[[[[]]]]]]]]]]]]", "{\"a\":{\"a\":{\"a\":{}}}}", ""};
	struct hostile_json json = {0};
	struct buf deep = BUF_INIT;
	size_t step;

	hostile_json_value(&json, seed, hostile_json_space(seed, 0));
	for (int i = 0; i < 3000; i++) {
		buf_addch(&deep, '[');
	}
	step = json.n_value / (IS_SANITIZED ? most / 4 : most) + 1;
	for (size_t i = 0; i < json.n_value; i += i < 16 || i + 17 > json.n_value ? 1 : step) {
		for (size_t j = 0; j < ARRAY_LEN(other); j++) {
			hostile_json_replace(hostile, seed, &json.value[i], other[j], put, rest);
		}
	}
	hostile_json_replace(hostile, seed, &json.value[0], buf_str(&deep), put, rest);
	for (size_t i = 0; i < json.n_member; i += step) {
		const struct hostile_field *member = &json.member[i];
		char *once = mem_strndup(seed->data + member->at, member->bytes);
		char *twice = mem_printf("%s,%s", once, once);

		hostile_json_replace(hostile, seed, member, twice, put, rest);
		hostile_json_replace(hostile, seed, member, "\"unheard_of\":1", put, rest);
		free(once);
		free(twice);
	}
	buf_finish(&deep);
	free(json.value);
	free(json.member);
}

#endif
