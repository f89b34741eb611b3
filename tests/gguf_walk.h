/*
 * Everything that a caller may do with a GGUF file that was accepted: for the fuzz target and for the
 * hostile files of test_gguf.c. What is wrong stops the program.
 */
#ifndef TESTS_GGUF_WALK_H
#define TESTS_GGUF_WALK_H

#include "engine/model/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALK_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t walk_sum; /* so that reads are not optimised away */

static int walk_inside(const void *at, uint64_t len, const uint8_t *bytes, size_t size)
{
	uintptr_t begin = (uintptr_t)bytes, from = (uintptr_t)at;

	return from >= begin && from - begin <= size && len <= size - (from - begin);
}

static void walk_array(const struct gguf_array *array, const uint8_t *bytes, size_t size)
{
	struct gguf_string string;
	size_t cursor = 0;
	uint64_t strings = 0;

	WALK_CHECK(walk_inside(array->data, array->size_bytes, bytes, size));
	if (array->type == GGUF_STRING) {
		while (gguf_array_next_string(array, &cursor, &string)) {
			WALK_CHECK(walk_inside(string.text, string.len, bytes, size));
			strings++;
		}
		WALK_CHECK(strings == array->count);
		return;
	}
	for (uint64_t i = 0; i < array->count; i++) {
		walk_sum += (uint64_t)gguf_array_int(array, i);
		walk_sum += gguf_array_float(array, i) > 0;
	}
}

static void walk_pair(const struct gguf *gguf, const char *key, const uint8_t *bytes, size_t size)
{
	struct gguf_string string;
	struct gguf_array array;
	struct err err = {0};
	int64_t integer;
	double number;
	int flag, kinds = 0;

	kinds += gguf_get_int(gguf, key, &integer, &err) == 0;
	kinds += gguf_get_bool(gguf, key, &flag, &err) == 0;
	kinds += gguf_get_float(gguf, key, &number, &err) == 0;
	if (gguf_get_string(gguf, key, &string, &err) == 0) {
		WALK_CHECK(walk_inside(string.text, string.len, bytes, size));
		kinds++;
	}
	if (gguf_get_array(gguf, key, &array, &err) == 0) {
		walk_array(&array, bytes, size);
		kinds++;
	}
	WALK_CHECK(kinds <= 2 && err.what[0]);
}

static void walk_tensor(const struct gguf_tensor *tensor, const uint8_t *bytes, size_t size)
{
	int64_t elems = 1;

	WALK_CHECK(tensor->n_dim >= 1 && tensor->n_dim <= GGUF_MAX_DIMS);
	for (int i = 0; i < GGUF_MAX_DIMS; i++) {
		WALK_CHECK(tensor->dim[i] >= 1);
		WALK_CHECK(!__builtin_mul_overflow(elems, tensor->dim[i], &elems));
	}
	WALK_CHECK(!tensor->data == !tensor->size_bytes);
	if (tensor->data) {
		WALK_CHECK(walk_inside(tensor->data, (uint64_t)tensor->size_bytes, bytes, size));
		walk_sum += tensor->data[0];
		walk_sum += tensor->data[tensor->size_bytes - 1];
	}
}

/* Open the bytes and use what is there; returns whether they were accepted. */
static int walk_gguf(const uint8_t *bytes, size_t size, struct err *err)
{
	struct gguf *gguf;

	*err = (struct err){0};
	if (gguf_open_bytes(&gguf, bytes, size, "bytes", err) < 0) {
		WALK_CHECK(!gguf && err->what[0] && err->code == ERR_ENGINE);
		return 0;
	}
	for (size_t i = 0; i < gguf_key_count(gguf); i++) {
		enum gguf_value_type type;
		struct gguf_string key = gguf_key_at(gguf, i, &type);
		char *copy = strndup(key.text, key.len);

		WALK_CHECK(strlen(copy) == key.len && type <= GGUF_FLOAT64);
		walk_pair(gguf, copy, bytes, size);
		free(copy);
	}
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);
		char *copy = strndup(tensor->name.text, tensor->name.len);

		walk_tensor(tensor, bytes, size);
		WALK_CHECK(gguf_tensor_find(gguf, copy) == tensor);
		free(copy);
	}
	gguf_close(gguf);
	return 1;
}

#endif
