/* Vocabularies that lie: one clear error each, nothing half-loaded. Run under the sanitizers too. */
#include "tests/unit/tokenizer_fixture.h"

/* The file with the first `from` replaced. */
static struct buf edited(const char *name, const char *from, const char *to)
{
	char *relative = mem_printf("tests/vectors/tokenizer/%s", name);
	struct buf file = fixture_read(relative), out = BUF_INIT;
	char *at = strstr(file.data, from);

	if (!at) {
		fail_msg("%s does not hold %s", name, from);
	}
	buf_add(&out, file.data, (size_t)(at - file.data));
	buf_addstr(&out, to);
	buf_addstr(&out, at + strlen(from));
	buf_finish(&file);
	free(relative);
	return out;
}

static void expect_refused(struct buf *json, const char *sentence)
{
	struct tokenizer *tokenizer = (struct tokenizer *)1;
	struct err err = {0};

	if (!tokenizer_open_json(&tokenizer, json->data, json->len, "hostile.json", &err)) {
		fail_msg("opened, instead of: %s", sentence);
	}
	assert_null(tokenizer);
	assert_int_equal(ERR_ENGINE, err.code);
	assert_string_equal("hostile.json", err.where);
	if (!strstr(err.what, sentence)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, sentence);
	}
	buf_finish(json);
}

static void expect_edit_refused(
	const char *name, const char *from, const char *to, const char *sentence)
{
	struct buf json = edited(name, from, to);

	expect_refused(&json, sentence);
}

static void broken_json_vocabularies_are_refused_by_name(void **state)
{
	static const char *const edits[][4] = {
		/* file, what, by what, what the error says */
		{"gpt2-small.json", "\"!\":3", "\"!\":-3", "is not a number below"},
		{"gpt2-small.json", "\"!\":3", "\"!\":99999999999999", "is not a number below"},
		{"gpt2-small.json", "\"!\":3", "\"!\":4", "have the same id 4"},
		{"gpt2-small.json", "\"!\":3", "\"!\":\"3\"", "is not a number below"},
		{"gpt2-small.json", "\"!\":3", "\"\":3", "no token stands for the byte 0x21"},
		{"gpt2-small.json", "\"!\":3", "\"\xe2\x82\xac\":3",
			"outside the byte-level alphabet"},
		{"gpt2-small.json", "\"!\":3", "\"#\":3", "duplicate object key"},
		{"gpt2-small.json", "\"merges\":[", "\"merges\":[\"zzzz q\",",
			"merge 0 (\"zzzz\" ...) names a token that is not there"},
		{"gpt2-small.json", "\"merges\":[", "\"merges\":[\"one\",",
			"merge 0 is not two tokens"},
		{"gpt2-small.json", "\"merges\":[", "\"merges\":[17,", "merge 0 is not two tokens"},
		{"gpt2-small.json", "\"merges\":[", "\"merges\":[[\"\xc4\xa0\",\"t\"],",
			"stands there twice"},
		{"gpt2-small.json", "\"type\":\"ByteLevel\"", "\"type\":\"Whitespace\"",
			"the pre-tokenizer \"Whitespace\" is not one of those known"},
		{"gpt2-small.json", "\"add_prefix_space\":false", "\"add_prefix_space\":true",
			"adds a space to every text"},
		{"gpt2-small.json", "\"type\":\"BPE\"", "\"type\":\"Unigram\"",
			"the tokenizer model \"Unigram\" is not one of those known"},
		{"gpt2-small.json", "{\"version\"", "[{\"version\"", "line "},
		{"llama3-small.json", "{1,3}", "{1,4}", "is not one of those known"},
		{"llama3-small.json", "\"id\":2500", "\"id\":0", "have the same id 0"},
		{"llama3-small.json", "\"id\":2500", "\"id\":-1", "is not a number below"},
		{"spm-small.json", "<0x41>", "<0x-1>", "is marked as a byte but is not"},
		{"spm-small.json", "<0x41>", "<0xZZ>", "is marked as a byte but is not"},
		{"spm-small.json", "<0x41>", "<0xA>", "no token stands for the byte 0x41"},
		{"spm-small.json", "\"content\":\"\xe2\x96\x81\"", "\"content\":\"_\"",
			"is not one of those known"},
	};

	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		expect_edit_refused(edits[i][0], edits[i][1], edits[i][2], edits[i][3]);
	}
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
	struct buf json = fixture_read("tests/vectors/tokenizer/spm-small.json");
	struct tokenizer *tokenizer;
	struct err err;

	for (size_t len = 0; len + 2 < json.len; len += 997) {
		assert_int_equal(-1, tokenizer_open_json(&tokenizer, json.data, len, "cut", &err));
		assert_null(tokenizer);
	}
	buf_finish(&json);
}

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
	expect_gguf("gpt2-small.gguf", "\4\0\0\0\0\0\0\0gpt2", "\4\0\0\0\0\0\0\0bert", 12,
		"the tokenizer model \"bert\" is not known");
	expect_gguf("spm-small.gguf", "<0x41>", "<0x-1>", 6, "is marked as a byte but is not");
	expect_gguf("spm-small.gguf", "<0x41>", "<0x42>", 6, "have the same byte");
	expect_gguf("spm-small.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.sc0res", 21,
		"the vocabulary has no scores");
	expect_gguf("gpt2-small.gguf", "tokenizer.ggml.merges", "tokenizer.ggml.m3rges", 21,
		"the vocabulary has no merges");
	expect_gguf("gpt2-small.gguf", "tokenizer.ggml.tokens", "tokenizer.ggml.t0kens", 21,
		"the file has no vocabulary");
	expect_gguf("gpt2-small.gguf", "eos_token_id\4\0\0\0\0\0\0\0",
		"eos_token_id\4\0\0\0\377\377\0\0", 20, "outside the vocabulary");
	expect_gguf("gpt2-small.gguf", "\1\0\0\0\0\0\0\0!", "\1\0\0\0\0\0\0\0#", 9,
		"have the same text");
}

static void a_marker_spelled_byte_by_byte_is_refused(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	struct err err = {0};

	assert_int_equal(-1, tokenizer_forbid_marker(tokenizer, "~{~", 3, &err));
	assert_non_null(strstr(err.what, "one token per byte"));
	assert_string_equal("~{~", err.where);
	assert_int_equal(-1, tokenizer_forbid_marker(tokenizer, "", 0, &err));
	tokenizer_close(tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_json_vocabularies_are_refused_by_name),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(broken_gguf_vocabularies_are_refused_by_name),
		cmocka_unit_test(a_marker_spelled_byte_by_byte_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
