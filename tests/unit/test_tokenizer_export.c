/* A tokenizer written into a GGUF file and read back is the same tokenizer. */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/model/gguf_write.h"
#include "engine/token/tokenizer_internal.h"

/* Through a file, as `models convert` writes one; the type that it gives the token `id`. */
static struct tokenizer *exported_with_type(
	const struct tokenizer *tokenizer, uint32_t id, int64_t *type)
{
	char *path = mem_printf("%s/carrel-test-export-%d.gguf",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	struct tokenizer *back = NULL;
	struct gguf_writer *writer;
	struct gguf *gguf;
	struct gguf_array types;
	struct err err = {0};

	if (gguf_writer_create(&writer, path, &err)) {
		fail_msg("%s", err.what);
	}
	gguf_writer_add_string(writer, "general.architecture", "llama");
	if (tokenizer_export_gguf(tokenizer, writer, &err) || gguf_writer_begin(writer, &err) ||
		gguf_writer_finish(writer, &err)) {
		fail_msg("%s", err.what);
	}
	gguf_writer_destroy(writer);
	if (gguf_open(&gguf, path, &err) || tokenizer_open_gguf(&back, gguf, &err)) {
		fail_msg("%s", err.what);
	}
	assert_int_equal(0, gguf_get_array(gguf, "tokenizer.ggml.token_type", &types, &err));
	*type = gguf_array_int(&types, id);
	gguf_close(gguf);
	unlink(path);
	free(path);
	return back;
}

static struct tokenizer *exported(const struct tokenizer *tokenizer)
{
	int64_t type;

	return exported_with_type(tokenizer, 0, &type);
}

static void check_ids(struct tokenizer_encoder *a, struct tokenizer_encoder *b, const char *text,
	size_t len, int first)
{
	struct ids left = {0}, right = {0};

	tokenizer_encode_text(a, text, len, first, &left);
	tokenizer_encode_text(b, text, len, first, &right);
	assert_int_equal(left.count, right.count);
	assert_memory_equal(left.id, right.id, left.count * sizeof(*left.id));
	left.count = right.count = 0;
	tokenizer_encode_special(a, text, len, first, &left);
	tokenizer_encode_special(b, text, len, first, &right);
	assert_int_equal(left.count, right.count);
	assert_memory_equal(left.id, right.id, left.count * sizeof(*left.id));
	ids_finish(&left);
	ids_finish(&right);
}

static void check_tokens(const struct tokenizer *a, const struct tokenizer *b)
{
	struct buf left = BUF_INIT, right = BUF_INIT;

	assert_int_equal(tokenizer_vocab_count(a), tokenizer_vocab_count(b));
	assert_int_equal(tokenizer_bos(a), tokenizer_bos(b));
	assert_int_equal(tokenizer_add_bos(a), tokenizer_add_bos(b));
	assert_int_equal(tokenizer_unknown(a), tokenizer_unknown(b));
	assert_string_equal(tokenizer_describe(a), tokenizer_describe(b));
	for (uint32_t id = 0; id < tokenizer_vocab_count(a); id++) {
		assert_int_equal(tokenizer_is_end(a, id), tokenizer_is_end(b, id));
		assert_int_equal(tokenizer_is_forbidden(a, id), tokenizer_is_forbidden(b, id));
		buf_clear(&left);
		buf_clear(&right);
		tokenizer_decode(a, id, 1, &left);
		tokenizer_decode(b, id, 1, &right);
		assert_string_equal(buf_str(&left), buf_str(&right));
	}
	buf_finish(&left);
	buf_finish(&right);
}

static void check_round_trip(const struct tokenizer *tokenizer)
{
	struct tokenizer *back = exported(tokenizer);
	struct tokenizer_encoder *a = tokenizer_encoder_create(tokenizer);
	struct tokenizer_encoder *b = tokenizer_encoder_create(back);
	struct dice dice = {.seed = 9};
	char text[400];

	check_tokens(tokenizer, back);
	for (int round = 0; round < 2000; round++) {
		size_t len = fixture_random_text(&dice, text, sizeof(text));

		check_ids(a, b, text, len, round & 1);
	}
	/* Runs and periods, where the order of merges shows most. */
	for (int round = 0; round < 2000; round++) {
		size_t len = 1 + dice_below(&dice, 60), period = 1 + dice_below(&dice, 3);

		for (size_t i = 0; i < len; i++) {
			text[i] = i < period ? "ae -=\n1."[dice_below(&dice, 8)] : text[i - period];
		}
		check_ids(a, b, text, len, round & 1);
	}
	tokenizer_encoder_destroy(a);
	tokenizer_encoder_destroy(b);
	tokenizer_close(back);
}

static void check_file(const char *name)
{
	struct tokenizer *tokenizer = fixture_tokenizer(name);
	const char *stem = ends_with(name, ".gguf") ? ".gguf.vec" : ".json.vec";
	char *vectors = mem_printf("%.*s%s", (int)(strlen(name) - 5), name, stem);
	struct tokenizer *back = exported(tokenizer);

	check_round_trip(tokenizer);
	if (!strcmp(name, "llama3-small.gguf") || !strcmp(name, "gpt2-small.gguf")) {
		memcpy(vectors + strlen(vectors) - 8, "json.vec", 8);
	}
	assert_true(fixture_check_vectors(back, vectors) > 300);
	free(vectors);
	tokenizer_close(back);
	tokenizer_close(tokenizer);
}

/* check_round_trip() is for tokenizers that give the text back. */
static void check_wordpiece(const char *name)
{
	struct tokenizer *tokenizer = fixture_tokenizer(name), *back = exported(tokenizer);
	char *vectors = mem_printf("%s.vec", name);

	assert_true(sha256_equal(tokenizer_digest(tokenizer), tokenizer_digest(back)));
	assert_true(fixture_check_vectors(back, vectors) > 300);
	free(vectors);
	tokenizer_close(back);
	tokenizer_close(tokenizer);
}

static void a_tokenizer_from_gguf_comes_back(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(fixture_names); i++) {
		check_file(fixture_names[i]);
	}
	check_file("unigram-unk-small.gguf");
	check_wordpiece("wordpiece-small.gguf");
	check_wordpiece("wordpiece-cased-small.gguf");
}

static void a_tokenizer_from_json_comes_back(void **state)
{
	static const char *const names[] = {"llama3-small.json", "gpt2-small.json",
		"spm-small.json", "unigram-small.json", "unigram-unk-small.json",
		"gemma-small.json"};
	struct tokenizer *tokenizer;
	struct err err;

	if (tokenizer_open_json(&tokenizer, "{}", 2, NULL, "probe", &err) &&
		strstr(err.what, "does not read")) {
		print_message("this build reads no tokenizer.json: skipped\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		check_file(names[i]);
	}
}

/* "b" and "c" make a token, and the list does not merge them: scores would. */
static void merges_that_scores_cannot_say_come_back(void **state)
{
	static const char *const more[] = {"a", "b", "c", "ab", "bc", "abc"};
	struct token_spec token[256 + ARRAY_LEN(more)] = {{0}};
	struct merge_spec merge[] = {{"a", "b", 1, 1}, {"ab", "c", 2, 1}};
	struct tokenizer_spec spec = {.name = "made here",
		.scheme = SCHEME_SENTENCEPIECE,
		.token = token,
		.n_token = ARRAY_LEN(token),
		.merge = merge,
		.n_merge = ARRAY_LEN(merge),
		.bos = NO_TOKEN,
		.eos = NO_TOKEN};
	char text[256][8];
	struct tokenizer *tokenizer, *back;
	struct tokenizer_encoder *encoder;
	struct ids ids;
	struct err err = {0};

	for (unsigned i = 0; i < ARRAY_LEN(token); i++) {
		if (i < 256) {
			snprintf(text[i], sizeof(text[i]), "<0x%02X>", i);
		}
		token[i].text = i < 256 ? text[i] : more[i - 256];
		token[i].len = strlen(token[i].text);
		token[i].type = i < 256 ? TOKEN_BYTE : TOKEN_NORMAL;
	}
	assert_int_equal(0, tokenizer_build(&tokenizer, &spec, &err));
	check_round_trip(tokenizer);
	back = exported(tokenizer);
	encoder = tokenizer_encoder_create(back);
	ids = fixture_encode(encoder, "bcabc", 5);
	assert_int_equal(3, ids.count); /* b, c, abc */
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(back);
	tokenizer_close(tokenizer);
}

static void every_splitter_has_a_name_that_leads_back_to_it(void **state)
{
	for (size_t i = 0; splitter_at(i); i++) {
		for (int ignore_merges = 0; ignore_merges < 2; ignore_merges++) {
			struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");

			tokenizer->splitter = splitter_at(i);
			tokenizer->ignore_merges = ignore_merges;
			/* so that whole pieces are all that makes long tokens */
			merge_map_finish(&tokenizer->merges);
			assert_int_equal(0, merge_map_init(&tokenizer->merges, 0));
			free(tokenizer->describe);
			tokenizer->describe = mem_printf("%s byte-level BPE, %u tokens",
				tokenizer->splitter->name, tokenizer->vocab.count);
			check_round_trip(tokenizer);
			tokenizer_close(tokenizer);
		}
	}
}

/*
 * Qwen 3's <think> is a token that other readers print, although text does not become it here; it and
 * what ends answers are told from the template, and from the file's keys.
 */
static void what_a_template_forbids_keeps_its_type(void **state)
{
	static const char *const added[] = {"<think>", "<turn>"};
	struct token_spec token[256 + ARRAY_LEN(added)] = {{0}};
	struct tokenizer_spec spec = {.name = "made here",
		.scheme = SCHEME_SENTENCEPIECE,
		.token = token,
		.n_token = ARRAY_LEN(token),
		.bos = NO_TOKEN,
		.eos = 257};
	char text[256][8];
	struct tokenizer *tokenizer, *back;
	struct err err = {0};
	int64_t type;

	for (unsigned i = 0; i < ARRAY_LEN(token); i++) {
		if (i < 256) {
			snprintf(text[i], sizeof(text[i]), "<0x%02X>", i);
		}
		token[i].text = i < 256 ? text[i] : added[i - 256];
		token[i].len = strlen(token[i].text);
		token[i].type = i < 256 ? TOKEN_BYTE : TOKEN_USER_DEFINED;
	}
	assert_int_equal(0, tokenizer_build(&tokenizer, &spec, &err));
	assert_int_equal(0, tokenizer_forbid_marker(tokenizer, "<think>", 7, &err));
	assert_true(tokenizer_is_forbidden(tokenizer, 256));
	assert_true(tokenizer_is_forbidden(tokenizer, 257));
	back = exported_with_type(tokenizer, 256, &type);
	assert_int_equal(TOKEN_USER_DEFINED, type);
	assert_int_equal(0, tokenizer_forbid_marker(back, "<think>", 7, &err));
	check_tokens(tokenizer, back);
	assert_true(sha256_equal(tokenizer_digest(tokenizer), tokenizer_digest(back)));
	tokenizer_close(back);
	tokenizer_close(tokenizer);
}

static void expect_refused(const struct tokenizer *tokenizer, const char *sentence)
{
	char *path = mem_printf("/tmp/carrel-test-export-%d.gguf", (int)getpid());
	struct gguf_writer *writer;
	struct err err = {0};

	assert_int_equal(0, gguf_writer_create(&writer, path, &err));
	assert_int_equal(-1, tokenizer_export_gguf(tokenizer, writer, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_non_null(strstr(err.what, sentence));
	gguf_writer_destroy(writer);
	free(path);
}

static void what_gguf_cannot_say_is_refused_by_name(void **state)
{
	static const struct splitter nameless = {.name = "nameless"};
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	const struct splitter *splitter = tokenizer->splitter;

	tokenizer->splitter = &nameless;
	expect_refused(tokenizer, "GGUF has no name for the splitter \"nameless\"");
	tokenizer->splitter = splitter;
	for (uint32_t id = 100; id < 104; id++) {
		tokenizer->end[tokenizer->n_end++] = id;
	}
	expect_refused(tokenizer, "GGUF has keys for three tokens that end an answer");
	tokenizer_close(tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tokenizer_from_gguf_comes_back),
		cmocka_unit_test(a_tokenizer_from_json_comes_back),
		cmocka_unit_test(merges_that_scores_cannot_say_come_back),
		cmocka_unit_test(every_splitter_has_a_name_that_leads_back_to_it),
		cmocka_unit_test(what_a_template_forbids_keeps_its_type),
		cmocka_unit_test(what_gguf_cannot_say_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
