/* tokenizer.json: the same tokenizers as from GGUF, and what is refused. */
#include "tests/unit/tokenizer_fixture.h"

static const char *const json_names[] = {"llama3-small.json", "gpt2-small.json", "spm-small.json",
	"unigram-small.json", "gemma-small.json"};

static void ids_are_those_of_the_reference(void **state)
{
	struct dice dice = {.seed = 1};

	for (size_t i = 0; i < ARRAY_LEN(json_names); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(json_names[i]);
		char *vectors = mem_printf("%s.vec", json_names[i]);

		assert_true(fixture_check_vectors(tokenizer, vectors) > 300);
		fixture_round_trip(tokenizer, &dice);
		tokenizer_close(tokenizer);
		free(vectors);
	}
}

static void the_real_llama3_vocabulary_gives_its_published_ids(void **state)
{
	char *path = fixture_path("../shared/vocab/llama3/tokenizer.json");
	struct tokenizer *tokenizer;
	struct buf json = BUF_INIT;
	struct err err;

	if (access(path, R_OK)) {
		print_message("no %s: skipped\n", path);
		free(path);
		skip();
	}
	assert_int_equal(0, file_read(&json, path, (size_t)1 << 30, &err));
	assert_int_equal(0, tokenizer_open_json(&tokenizer, json.data, json.len, path, &err));
	assert_int_equal(47, fixture_check_vectors(tokenizer, "llama3.vec"));
	assert_int_equal(128256, tokenizer_vocab_count(tokenizer));
	assert_int_equal(128000, tokenizer_bos(tokenizer));
	assert_true(tokenizer_is_end(tokenizer, 128009));
	tokenizer_close(tokenizer);
	buf_finish(&json);
	free(path);
}

static void the_same_tokenizer_has_one_digest_in_either_file(void **state)
{
	struct tokenizer *json = fixture_tokenizer("llama3-small.json");
	struct tokenizer *gguf = fixture_tokenizer("llama3-small.gguf");

	assert_true(sha256_equal(tokenizer_digest(json), tokenizer_digest(gguf)));
	tokenizer_close(json);
	tokenizer_close(gguf);
}

static void tokens_open_reads_it(void **state)
{
	fixture_check_tokens("tests/vectors/tokenizer/llama3-small.json");
}

static void unknown_characters_are_one_token_and_its_text_is_not(void **state)
{
	static const char text[] = "\xe6\x97\xa5\xe6\x9c\xac <unk> \xe8\xaa\x9e";
	struct tokenizer *tokenizer = fixture_tokenizer("unigram-unk-small.json");
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	uint32_t unknown = tokenizer_unknown(tokenizer);
	struct ids ids = fixture_encode(encoder, text, strlen(text));
	size_t n = 0;

	assert_true(tokenizer_is_forbidden(tokenizer, unknown));
	for (size_t i = 0; i < ids.count; i++) {
		n += ids.id[i] == unknown;
	}
	assert_true(ids.id[0] == unknown && ids.id[ids.count - 1] == unknown);
	assert_int_equal(2, n); /* the first two characters, and the last */
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

/* ---- one clear error each, nothing half-loaded ---- */

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
		{"unigram-small.json", "[\"<s>\",", "[7,", "token 1 is not a text and a score"},
		{"unigram-small.json", "[\"<s>\",0.0]", "\"<s>\"",
			"token 1 is not a text and a score"},
		{"unigram-unk-small.json", "\"unk_id\":0", "\"unk_id\":null",
			"no token stands for the byte 0x00"},
		{"unigram-small.json", "\"type\":\"Metaspace\"", "\"type\":\"WhitespaceSplit\"",
			"the pre-tokenizer \"WhitespaceSplit\" is not one of those known"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_the_reference),
		cmocka_unit_test(the_real_llama3_vocabulary_gives_its_published_ids),
		cmocka_unit_test(the_same_tokenizer_has_one_digest_in_either_file),
		cmocka_unit_test(tokens_open_reads_it),
		cmocka_unit_test(unknown_characters_are_one_token_and_its_text_is_not),
		cmocka_unit_test(broken_json_vocabularies_are_refused_by_name),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
