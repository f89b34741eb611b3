/* Vocabularies that lie: one clear error each, nothing half-loaded. Run under the sanitizers too. */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/token/vocab.h"

#include <time.h>

/* ---- GGUF: bytes of the metadata are overwritten in place ---- */

static void expect_gguf(
	const char *name, const char *from, const char *to, size_t len, const char *sentence)
{
	char *relative = mem_printf("tests/vectors/tokenizer/%s", name);
	struct buf file = fixture_read(relative);
	char *at = memmem(file.data, file.len, from, len);
	struct tokenizer *tokenizer = NULL;
	struct gguf *gguf;
	struct err err = {0};

	assert_non_null(at);
	memcpy(at, to, len);
	assert_int_equal(0, gguf_open_bytes(&gguf, file.data, file.len, "hostile.gguf", &err));
	assert_int_equal(-1, tokenizer_open_gguf(&tokenizer, gguf, &err));
	assert_null(tokenizer);
	if (!strstr(err.what, sentence)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, sentence);
	}
	gguf_close(gguf);
	buf_finish(&file);
	free(relative);
}

static void broken_gguf_vocabularies_are_refused_by_name(void **state)
{
	expect_gguf("llama3-small.gguf", "llama-bpe", "llama-xyz", 9,
		"the splitter \"llama-xyz\" (tokenizer.ggml.pre) is not one of those known");
	expect_gguf("gpt2-small.gguf", "\4\0\0\0\0\0\0\0gpt2", "\4\0\0\0\0\0\0\0brrt", 12,
		"the tokenizer model \"brrt\" is not known");
	expect_gguf("wordpiece-small.gguf", "cls_token_id\4\0\0\0\2\0\0\0",
		"cls_token_id\4\0\0\0\2\0\0\1", 20, "outside the vocabulary");
	expect_gguf("wordpiece-small.gguf", "\2\0\0\0\0\0\0\0er", "\2\0\0\0\0\0\0\0on", 10,
		"have the same text");
	expect_gguf("spm-small.gguf", "<0x41>", "<0x-1>", 6, "is marked as a byte but is not");
	expect_gguf("spm-small.gguf", "<0x41>", "<0x42>", 6, "have the same byte");
	expect_gguf("spm-small.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.sc0res", 21,
		"the vocabulary has no scores");
	expect_gguf("unigram-small.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.sc0res", 21,
		"the vocabulary has no scores");
	expect_gguf("unigram-small.gguf", "scores\t\0\0\0\6\0\0\0\334\5\0\0\0\0\0\0\0\0\0\0",
		"scores\t\0\0\0\6\0\0\0\334\5\0\0\0\0\0\0\0\0\200\177", 26,
		"the score of token 0 is not a number");
	expect_gguf("gpt2-small.gguf", "tokenizer.ggml.merges", "tokenizer.ggml.m3rges", 21,
		"the vocabulary has no merges");
	expect_gguf("gpt2-small.gguf", "tokenizer.ggml.tokens", "tokenizer.ggml.t0kens", 21,
		"the file has no vocabulary");
	expect_gguf("gpt2-small.gguf", "eos_token_id\4\0\0\0\0\0\0\0",
		"eos_token_id\4\0\0\0\377\377\0\0", 20, "outside the vocabulary");
	expect_gguf("gpt2-small.gguf", "\1\0\0\0\0\0\0\0!", "\1\0\0\0\0\0\0\0#", 9,
		"have the same text");
}

/* ---- GGUF made here: SentencePiece vocabularies of any tokens ---- */

static void put(struct buf *out, uint64_t value, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		buf_addch(out, (char)(value >> 8 * i));
	}
}

static void put_string(struct buf *out, const char *text, size_t len)
{
	put(out, len, 8);
	buf_add(out, text, len);
}

struct vocabulary {
	struct buf token, type;
	uint64_t count;
};

static void add_token(struct vocabulary *v, const char *text, size_t len, uint32_t type)
{
	put_string(&v->token, text, len);
	put(&v->type, type, 4);
	v->count++;
}

/* A token for every byte, which each vocabulary must have. */
static struct vocabulary byte_vocabulary(void)
{
	struct vocabulary v = {BUF_INIT, BUF_INIT, 0};
	char name[8];

	for (unsigned byte = 0; byte < 256; byte++) {
		snprintf(name, sizeof(name), "<0x%02X>", byte);
		add_token(&v, name, 6, 6);
	}
	return v;
}

static void put_array(struct buf *out, const char *key, enum gguf_value_type type, uint64_t count)
{
	put_string(out, key, strlen(key));
	put(out, GGUF_ARRAY, 4);
	put(out, type, 4);
	put(out, count, 8);
}

/* Opens and drops the vocabulary; returns the seconds of this thread that the tokenizer took. */
static double open_s(struct vocabulary *v, struct tokenizer **out, struct err *err)
{
	struct buf file = BUF_INIT;
	struct timespec start, end;
	struct gguf *gguf;

	buf_addstr(&file, "GGUF");
	put(&file, 3, 4); /* version */
	put(&file, 0, 8); /* tensors */
	put(&file, 4, 8); /* keys */
	put_string(&file, "tokenizer.ggml.model", 20);
	put(&file, GGUF_STRING, 4);
	put_string(&file, "llama", 5);
	put_array(&file, "tokenizer.ggml.tokens", GGUF_STRING, v->count);
	buf_add(&file, v->token.data, v->token.len);
	put_array(&file, "tokenizer.ggml.token_type", GGUF_INT32, v->count);
	buf_add(&file, v->type.data, v->type.len);
	put_array(&file, "tokenizer.ggml.scores", GGUF_FLOAT32, v->count);
	for (uint64_t i = 0; i < v->count; i++) {
		put(&file, 0, 4);
	}
	buf_finish(&v->token);
	buf_finish(&v->type);
	if (gguf_open_bytes(&gguf, file.data, file.len, "long.gguf", err)) {
		fail_msg("%s", err->what);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	tokenizer_open_gguf(out, gguf, err);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	gguf_close(gguf);
	buf_finish(&file);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
}

static void a_token_of_megabytes_is_refused_at_once(void **state)
{
	const size_t len = (size_t)20 << 20;
	char *text = mem_alloc(len);

	memset(text, 'a', len);
	for (uint32_t type = 1; type <= 5; type++) {
		struct vocabulary v = byte_vocabulary();
		struct tokenizer *tokenizer;
		struct err err = {0};

		add_token(&v, text, len, type);
		assert_true(open_s(&v, &tokenizer, &err) < 0.5);
		assert_null(tokenizer);
		assert_non_null(strstr(err.what, "token 256 \"aaaa"));
		assert_non_null(strstr(err.what, "longer than"));
	}
	free(text);
}

static void a_token_may_be_as_long_as_sentencepiece_makes_them(void **state)
{
	char text[2049];
	struct tokenizer *tokenizer;
	struct err err = {0};

	memset(text, 'a', sizeof(text));
	for (size_t len = 2048; len <= 2049; len++) {
		struct vocabulary v = byte_vocabulary();

		add_token(&v, text, len, 1);
		open_s(&v, &tokenizer, &err);
		assert_int_equal(len == 2048, tokenizer != NULL);
		tokenizer_close(tokenizer);
	}
}

static void an_added_token_is_short(void **state)
{
	char text[257];
	struct tokenizer *tokenizer;
	struct err err = {0};

	memset(text, 'a', sizeof(text));
	for (size_t len = 256; len <= 257; len++) {
		struct vocabulary v = byte_vocabulary();

		add_token(&v, text, len, TOKEN_USER_DEFINED);
		open_s(&v, &tokenizer, &err);
		assert_int_equal(len == 256, tokenizer != NULL);
		tokenizer_close(tokenizer);
	}
	assert_non_null(strstr(err.what, "added token 256 \"aaaa"));
}

/* Every prefix of the long tokens is a token too, so that each split is looked at to its end. */
static double long_tokens_s(uint32_t n_long)
{
	struct vocabulary v = byte_vocabulary();
	struct tokenizer *tokenizer;
	struct err err = {0};
	char text[2048];
	double spent_s;

	memset(text, 'a', sizeof(text));
	for (size_t len = 1; len < sizeof(text) - 8; len++) {
		add_token(&v, text, len, 1);
	}
	for (uint32_t i = 0; i < n_long; i++) {
		snprintf(text + sizeof(text) - 9, 9, "%08u", i);
		text[sizeof(text) - 1] = 'b';
		add_token(&v, text, sizeof(text), 1);
	}
	spent_s = open_s(&v, &tokenizer, &err);
	if (!tokenizer) {
		fail_msg("%s", err.what);
	}
	tokenizer_close(tokenizer);
	return spent_s;
}

static void many_long_tokens_cost_no_more_than_their_bytes(void **state)
{
	double base = long_tokens_s(0), some = long_tokens_s(500), more = long_tokens_s(4000);

	/* 8 times the tokens; quadratic would be 64. */
	if (more - base > 24 * (some - base) && more > 0.5) {
		fail_msg("%.3f s for 500 tokens of 2 KiB, %.3f s for 4,000", some, more);
	}
	assert_true(more < 10);
}

static void a_marker_spelled_byte_by_byte_is_refused(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	struct err err = {0};

	assert_int_equal(-1, tokenizer_forbid_marker(tokenizer, "~{~", 3, &err));
	assert_non_null(strstr(err.what, "could imitate it"));
	assert_string_equal("~{~", err.where);
	assert_int_equal(-1, tokenizer_forbid_marker(tokenizer, "", 0, &err));
	tokenizer_close(tokenizer);
}

/* Without a token for [ or ], "{INST}" would be the same ids. */
static void a_marker_of_unknown_characters_is_refused(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("unigram-unk-small.gguf");
	struct err err = {0};

	assert_int_equal(-1, tokenizer_forbid_marker(tokenizer, "[INST]", 6, &err));
	assert_non_null(strstr(err.what, "could imitate it"));
	assert_int_equal(0, tokenizer_forbid_marker(tokenizer, "the", 3, &err));
	tokenizer_close(tokenizer);
}

static uint64_t hash_elsewhere(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	unsigned long long hash = 0;
	char *line;
	FILE *pipe;

	assert_true(n > 0);
	path[n] = 0;
	line = mem_printf("'%s' --hash", path);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	assert_int_equal(1, fscanf(pipe, "%llx", &hash));
	pclose(pipe);
	free(line);
	return hash;
}

static void hashes_differ_from_process_to_process(void **state)
{
	uint64_t one = hash_elsewhere(), two = hash_elsewhere();

	assert_true(one != two);
	assert_true(bytes_hash("flood", 5) != one && bytes_hash("flood", 5) != two);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--hash")) {
		printf("%llx\n", (unsigned long long)bytes_hash("flood", 5));
		return 0;
	}

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_differ_from_process_to_process),
		cmocka_unit_test(broken_gguf_vocabularies_are_refused_by_name),
		cmocka_unit_test(a_token_of_megabytes_is_refused_at_once),
		cmocka_unit_test(a_token_may_be_as_long_as_sentencepiece_makes_them),
		cmocka_unit_test(an_added_token_is_short),
		cmocka_unit_test(many_long_tokens_cost_no_more_than_their_bytes),
		cmocka_unit_test(a_marker_spelled_byte_by_byte_is_refused),
		cmocka_unit_test(a_marker_of_unknown_characters_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
