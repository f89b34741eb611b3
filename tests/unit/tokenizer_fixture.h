/* The small vocabularies of tests/vectors/tokenizer, for the tests of engine/token. */
#ifndef TESTS_UNIT_TOKENIZER_FIXTURE_H
#define TESTS_UNIT_TOKENIZER_FIXTURE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/model/gguf.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static inline char *fixture_path(const char *relative)
{
	const char *root = getenv("CARREL_TEST_SOURCE");

	return mem_printf("%s/%s", root ? root : ".", relative);
}

static inline struct buf fixture_read(const char *relative)
{
	char *path = fixture_path(relative);
	struct buf out = BUF_INIT;
	struct err err;

	if (file_read(&out, path, (size_t)1 << 30, &err)) {
		fail_msg("%s: %s", err.where, err.what);
	}
	free(path);
	return out;
}

static inline int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/* "llama3-small.json" or "spm-small.gguf" */
static inline struct tokenizer *fixture_tokenizer(const char *name)
{
	char *relative = mem_printf("tests/vectors/tokenizer/%s", name);
	struct buf bytes = fixture_read(relative);
	struct tokenizer *tokenizer = NULL;
	struct gguf *gguf;
	struct err err = {0};
	int result;

	if (ends_with(name, ".json")) {
		result = tokenizer_open_json(&tokenizer, bytes.data, bytes.len, name, &err);
	} else {
		result = gguf_open_bytes(&gguf, bytes.data, bytes.len, name, &err);
		if (!result) {
			result = tokenizer_open_gguf(&tokenizer, gguf, &err);
			gguf_close(gguf);
		}
	}
	if (result) {
		fail_msg("%s: %s (%s)", err.where, err.what, err.hint);
	}
	buf_finish(&bytes);
	free(relative);
	return tokenizer;
}

static inline struct ids fixture_encode(
	struct tokenizer_encoder *encoder, const char *text, size_t len)
{
	struct ids ids = {0};

	tokenizer_encode_text(encoder, text, len, 1, &ids);
	return ids;
}

/* The vocabularies that both builds can read, then those of the JSON reader. */
static const char *const fixture_names[] = {"llama3-small.gguf", "gpt2-small.gguf",
	"spm-small.gguf", "llama3-small.json", "gpt2-small.json", "spm-small.json"};

/* Random numbers that a test can repeat. */
struct dice {
	uint64_t seed, counter;
};

static inline uint32_t dice_below(struct dice *dice, uint32_t n)
{
	uint32_t word[4];

	rng_philox(dice->seed, dice->counter++, word);
	return (uint32_t)(((uint64_t)word[0] * n) >> 32);
}

#endif
