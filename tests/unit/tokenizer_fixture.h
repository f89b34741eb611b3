/* The small vocabularies of tests/vectors/tokenizer, for the tests of engine/token. */
#ifndef TESTS_UNIT_TOKENIZER_FIXTURE_H
#define TESTS_UNIT_TOKENIZER_FIXTURE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"
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
		result = tokenizer_open_json(&tokenizer, bytes.data, bytes.len, NULL, name, &err);
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

/* The vocabularies that every build can read. */
static const char *const fixture_names[] = {"llama3-small.gguf", "gpt2-small.gguf",
	"spm-small.gguf", "unigram-small.gguf", "gemma-small.gguf"};

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

static inline int fixture_hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static inline void fixture_check_line(
	struct tokenizer_encoder *encoder, const char *line, size_t number, const char *name)
{
	const char *colon = strchr(line, ':');
	size_t len = (size_t)(colon - line) / 2;
	char *text = mem_alloc(len), *at = (char *)colon + 1;
	struct ids ids;

	for (size_t i = 0; i < len; i++) {
		text[i] = (char)(fixture_hex(line[2 * i]) * 16 + fixture_hex(line[2 * i + 1]));
	}
	ids = fixture_encode(encoder, text, len);
	for (size_t i = 0; i < ids.count; i++) {
		char *next;
		unsigned long want = strtoul(at, &next, 10);

		if (next == at || want != ids.id[i]) {
			fail_msg("%s line %zu, id %zu: got %u, want %.20s", name, number, i,
				ids.id[i], at);
		}
		at = next;
	}
	if (*at) {
		fail_msg("%s line %zu: ids are missing: %.40s", name, number, at);
	}
	ids_finish(&ids);
	free(text);
}

/* Returns how many lines were compared. */
static inline size_t fixture_check_vectors(struct tokenizer *tokenizer, const char *name)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	char *relative = mem_printf("tests/vectors/tokenizer/%s", name);
	struct buf vectors = fixture_read(relative);
	char *rest = vectors.data, *line;
	size_t n = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line) {
			fixture_check_line(encoder, line, ++n, name);
		}
	}
	buf_finish(&vectors);
	free(relative);
	tokenizer_encoder_destroy(encoder);
	return n;
}

/* Bytes of every kind: text, markup of the vocabularies, invalid UTF-8. */
static inline size_t fixture_random_text(struct dice *dice, char *out, size_t max)
{
	static const char *const parts[] = {" the ", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
		"<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|begin_of_text|>", "<|endoftext|>",
		"<|start_header_id|>", "<|end_header_id|>", "<s>", "</s>", "<unk>", "<0x0A>",
		"<start_of_turn>", "<end_of_turn>", "<tool>", "<tool_call>", "\n\n", "    ", "'S",
		"\xe2\x96\x81", "\xc3\xa9", "e\xcc\x81", "\xe6\x97\xa5", "\xf0\x9f\x9a\x80", "\xff",
		"\xe2\x96", "12345", "[SYSTEM_PROMPT]", "[INST", "INST]", "<|im_", "start|>", "[I",
		"system\n", "user\n", " [INST] <<SYS>>\n", "<<", "SYS", ">>"};
	size_t n = 0, want = 1 + dice_below(dice, (uint32_t)max - 32);

	while (n < want) {
		if (dice_below(dice, 2)) {
			const char *part = parts[dice_below(dice, ARRAY_LEN(parts))];

			memcpy(out + n, part, strlen(part));
			n += strlen(part);
		} else {
			out[n++] = (char)dice_below(dice, dice_below(dice, 2) ? 128 : 256);
		}
	}
	return n;
}

/* Random bytes of every kind come back from their ids. */
static inline void fixture_round_trip(struct tokenizer *tokenizer, struct dice *dice)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	char text[400];

	for (int round = 0; round < 2000; round++) {
		size_t len = fixture_random_text(dice, text, sizeof(text));
		struct ids ids = {0};
		struct buf back = BUF_INIT;

		tokenizer_encode_text(encoder, text, len, 0, &ids);
		for (size_t i = 0; i < ids.count; i++) {
			tokenizer_decode(tokenizer, ids.id[i], 0, &back);
		}
		assert_int_equal(len, back.len);
		assert_memory_equal(text, back.data, len);
		buf_finish(&back);
		ids_finish(&ids);
	}
	tokenizer_encoder_destroy(encoder);
}

/* A tokenizer alone, as `tokenize` opens it: the Llama 3 vocabulary in one of its files. */
static inline void fixture_check_tokens(const char *relative)
{
	static const char text[] = "Hello <|eot_id|>";
	char *path = fixture_path(relative);
	struct tokens *tokens;
	uint32_t *plain, *special;
	size_t n_plain, n_special, len;
	char *back;
	struct err err;

	assert_int_equal(0, tokens_open(&tokens, path, &err));
	assert_string_equal("llama3 byte-level BPE, 2508 tokens", tokens_describe(tokens));
	plain = tokens_encode(tokens, text, strlen(text), TOKENS_TEXT, 1, &n_plain);
	special = tokens_encode(tokens, text, strlen(text), TOKENS_SPECIAL, 1, &n_special);
	assert_true(n_plain > n_special);
	back = tokens_decode(tokens, special, n_special, &len);
	assert_string_equal(text, back);
	free(back);
	back = tokens_decode(tokens, plain, n_plain, &len);
	assert_string_equal(text, back);
	free(back);
	free(plain);
	free(special);
	plain = tokens_encode(tokens, "", 0, TOKENS_TEXT, 1, &n_plain);
	assert_int_equal(0, n_plain);
	free(plain);
	tokens_close(tokens);
	free(path);
}

#endif
