/* tokenizer.json: the same tokenizers as from GGUF, and what is refused. */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/token/splitter.h"

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
	assert_int_equal(0, tokenizer_open_json(&tokenizer, json.data, json.len, NULL, path, &err));
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

	if (!tokenizer_open_json(&tokenizer, json->data, json->len, NULL, "hostile.json", &err)) {
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
		assert_int_equal(
			-1, tokenizer_open_json(&tokenizer, json.data, len, NULL, "cut", &err));
		assert_null(tokenizer);
	}
	buf_finish(&json);
}

/* ---- the forms that pre-tokenizers are published in ---- */

static struct buf replaced(struct buf *file, const char *from, const char *to)
{
	char *at = strstr(file->data, from);
	struct buf out = BUF_INIT;

	if (!at) {
		fail_msg("%s is not there", from);
	}
	buf_add(&out, file->data, (size_t)(at - file->data));
	buf_addstr(&out, to);
	buf_addstr(&out, at + strlen(from));
	buf_finish(file);
	return out;
}

/* As JSON spells it; with `raw`, an escaped CR or LF as the character itself. */
static void add_json_string(struct buf *out, const char *text, size_t len, int raw)
{
	for (size_t i = 0; i < len; i++) {
		int is_escape = text[i] == '\\' && i + 1 < len &&
				(text[i + 1] == 'r' || text[i + 1] == 'n');

		if (raw && is_escape) {
			buf_addch(out, text[i++]);
		} else if (text[i] == '\\' || text[i] == '"') {
			buf_addch(out, '\\');
		}
		buf_addch(out, text[i]);
	}
}

static int is_step(const char *line, size_t len, const char *step)
{
	return len == strlen(step) && !memcmp(line, step, len);
}

/* One line of struct splitter's steps. */
static void add_step(struct buf *out, const char *line, size_t len, int raw)
{
	int is_match = len > 6 && !memcmp(line, "match ", 6);

	if (is_step(line, len, "gpt2")) {
		buf_addstr(out, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
				"\"trim_offsets\":true,\"use_regex\":true}");
	} else if (is_step(line, len, "digits") || is_step(line, len, "digit runs")) {
		buf_printf(out, "{\"type\":\"Digits\",\"individual_digits\":%s}",
			len == 6 ? "true" : "false");
	} else if (is_step(line, len, "punctuation runs")) {
		buf_addstr(out, "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}");
	} else {
		buf_addstr(out, "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"");
		add_json_string(out, line + 6, len - 6, raw);
		buf_printf(out, "\"},\"behavior\":\"%s\",\"invert\":%s}",
			is_match ? "Removed" : "Isolated", is_match ? "true" : "false");
	}
	buf_addch(out, ',');
}

static void check_steps(const struct splitter *splitter, const char *steps, int raw)
{
	static const char byte_level[] =
		"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
		"\"use_regex\":true}";
	struct buf json = fixture_read("tests/vectors/tokenizer/gpt2-small.json");
	struct buf pre = BUF_INIT;
	struct tokenizer *tokenizer;
	struct err err;
	char *want = mem_printf("%s byte-level BPE, 1500 tokens", splitter->name);

	buf_addstr(&pre, "{\"type\":\"Sequence\",\"pretokenizers\":[");
	for (const char *line = steps; *line;) {
		size_t len = strcspn(line, "\n");

		add_step(&pre, line, len, raw);
		line += len + (line[len] != 0);
	}
	if (strstr(steps, "gpt2")) {
		pre.data[pre.len - 1] = ']';
		buf_addch(&pre, '}');
	} else {
		buf_addstr(&pre, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
				 "\"trim_offsets\":true,\"use_regex\":false}]}");
	}
	json = replaced(&json, byte_level, pre.data);
	if (tokenizer_open_json(&tokenizer, json.data, json.len, NULL, splitter->name, &err)) {
		fail_msg("%s: %s", splitter->name, err.what);
	}
	assert_string_equal(want, tokenizer_describe(tokenizer));
	tokenizer_close(tokenizer);
	free(want);
	buf_finish(&pre);
	buf_finish(&json);
}

static void every_published_pre_tokenizer_is_recognised(void **state)
{
	const struct splitter *splitter;

	for (size_t i = 0; (splitter = splitter_at(i)) != NULL; i++) {
		for (size_t k = 0; k < SPLITTER_SPELLINGS && splitter->steps[k]; k++) {
			check_steps(splitter, splitter->steps[k], 0);
			check_steps(splitter, splitter->steps[k], 1);
		}
	}
}

static struct tokenizer *spm_with(const char *normalizer, const char *pre_tokenizer)
{
	static const char published[] =
		"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
		"\"prepend\":\"\xe2\x96\x81\"},{\"type\":\"Replace\",\"pattern\":{\"String\":"
		"\" \"},\"content\":\"\xe2\x96\x81\"}]},\"pre_tokenizer\":null";
	struct buf json = fixture_read("tests/vectors/tokenizer/spm-small.json");
	char *form =
		mem_printf("\"normalizer\":%s,\"pre_tokenizer\":%s", normalizer, pre_tokenizer);
	struct tokenizer *tokenizer;
	struct err err;

	json = replaced(&json, published, form);
	if (tokenizer_open_json(&tokenizer, json.data, json.len, NULL, pre_tokenizer, &err)) {
		fail_msg("%s: %s", pre_tokenizer, err.what);
	}
	free(form);
	buf_finish(&json);
	return tokenizer;
}

/* Llama 2's form gives these ids to the first and the second text, whichever that is. */
static void check_form(const char *normalizer, const char *pre_tokenizer, const char *text,
	const char *llama2_text, int llama2_first)
{
	struct tokenizer *llama2 = fixture_tokenizer("spm-small.json");
	struct tokenizer *form = spm_with(normalizer, pre_tokenizer);
	struct tokenizer_encoder *a = tokenizer_encoder_create(form);
	struct tokenizer_encoder *b = tokenizer_encoder_create(llama2);
	struct ids got = fixture_encode(a, text, strlen(text)), want = {0};

	tokenizer_encode_text(b, llama2_text, strlen(llama2_text), llama2_first, &want);
	assert_int_equal(want.count, got.count);
	assert_memory_equal(want.id, got.id, want.count * sizeof(*want.id));
	ids_finish(&got);
	ids_finish(&want);
	tokenizer_encoder_destroy(a);
	tokenizer_encoder_destroy(b);
	tokenizer_close(form);
	tokenizer_close(llama2);
}

static void expect_form_refused(const char *pre_tokenizer, const char *sentence)
{
	struct buf json = edited("spm-small.json", "\"pre_tokenizer\":null", pre_tokenizer);

	expect_refused(&json, sentence);
}

static void the_forms_of_sentencepiece_are_recognised(void **state)
{
	static const char replace[] = "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
				      "\"content\":\"\xe2\x96\x81\"}";
	static const char gemma[] = "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
				    "\"behavior\":\"MergedWithPrevious\",\"invert\":false}";
	static const char sarvam[] = "{\"type\":\"Split\",\"pattern\":{\"Regex\":\" \"},"
				     "\"behavior\":\"MergedWithPrevious\",\"invert\":false}";
	static const char mistral[] = "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\","
				      "\"prepend_scheme\":\"first\",\"split\":false}";
	static const char never[] = "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\","
				    "\"prepend_scheme\":\"never\",\"split\":false}";
	static const char text[] = "the  licence \n of a work";

	/* Gemma 2 and 3: nothing in front, spaces replaced before anything splits at them */
	check_form(replace, gemma, text, text, 0);
	check_form(replace, sarvam, text, text, 0);
	check_form(replace, "{\"type\":\"Sequence\",\"pretokenizers\":[]}", text, text, 0);
	/* Mistral 7B v0.3: a space in front, unless there is one */
	check_form("null", mistral, text, text, 1);
	check_form("null", mistral, " the licence", "the licence", 1);
	check_form("null", never, text, text, 0);
	/* T5's first step drops white space, which would be lost */
	expect_form_refused("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
			    "{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\"}]}",
		"the pre-tokenizer \"WhitespaceSplit\" is not one of those known");
	expect_form_refused("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
			    "{\"type\":\"Metaspace\"},{\"type\":\"Metaspace\"}]}",
		"the pre-tokenizer \"Sequence\" is not one of those known");
}

/* ---- what published vocabularies are like ---- */

static struct tokenizer *opened(struct buf *json)
{
	struct tokenizer *tokenizer;
	struct err err;

	if (tokenizer_open_json(&tokenizer, json->data, json->len, NULL, "edited", &err)) {
		fail_msg("%s", err.what);
	}
	buf_finish(json);
	return tokenizer;
}

static void expect_ids(const struct tokenizer *tokenizer, const char *text, const char *want)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids a = fixture_encode(encoder, text, strlen(text));
	struct ids b = fixture_encode(encoder, want, strlen(want));

	assert_int_equal(b.count, a.count);
	assert_memory_equal(b.id, a.id, b.count * sizeof(*b.id));
	ids_finish(&a);
	ids_finish(&b);
	tokenizer_encoder_destroy(encoder);
}

static void bytes_without_a_token_are_question_marks(void **state)
{
	/* the tokens of 0xC0, which no UTF-8 has, and of the control 0x0B, are renamed */
	struct buf json = edited("gpt2-small.json", "\"\xc3\x80\":", "\"\xc3\x80\xc3\x80\":");
	struct tokenizer *tokenizer;

	json = replaced(&json, "\"\xc4\x8b\":", "\"\xc4\x8b\xc4\x8b\":");
	tokenizer = opened(&json);
	expect_ids(tokenizer, "a\xc0z", "a?z");
	expect_ids(tokenizer, "a\x0bz", "a?z");
	tokenizer_close(tokenizer);
	/* text without the others cannot be written */
	expect_edit_refused("gpt2-small.json",
		"\"\xc3\xa9\":", "\"\xc3\xa9\xc3\xa9\":", "no token stands for the byte 0xE9");
	expect_edit_refused("gpt2-small.json",
		"\"\xc4\x8a\":", "\"\xc3\xa9\xc3\xa8\":", "no token stands for the byte 0x0A");
}

static void a_normalizer_is_not_applied_and_that_is_said(void **state)
{
	static const char decomposed[] = "e\xcc\x81", composed[] = "\xc3\xa9";
	struct buf json = edited(
		"gpt2-small.json", "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}");
	struct tokenizer *plain = fixture_tokenizer("gpt2-small.json"), *tokenizer = opened(&json);
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids a = fixture_encode(encoder, decomposed, strlen(decomposed));
	struct ids b = fixture_encode(encoder, composed, strlen(composed));

	assert_false(a.count == b.count && !memcmp(a.id, b.id, a.count * sizeof(*a.id)));
	assert_non_null(strstr(tokenizer_describe(tokenizer), "tokens, normalizer not applied"));
	assert_null(strstr(tokenizer_describe(plain), "normalizer"));
	tokenizer_close(plain);
	json = edited("gpt2-small.json", "\"normalizer\":null",
		"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[]}");
	plain = opened(&json);
	assert_null(strstr(tokenizer_describe(plain), "normalizer"));
	ids_finish(&a);
	ids_finish(&b);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
	tokenizer_close(plain);
}

static void runs_of_spaces_may_stand_twice_and_nothing_else(void **state)
{
	static const char added[] = "\"added_tokens\":[{\"id\":1500,\"content\":\"%s\","
				    "\"special\":%s},";
	char *spaces = mem_printf(added, "  ", "false"), *word = mem_printf(added, " the", "false");
	char *control = mem_printf(added, "  ", "true");
	struct buf json = edited("gpt2-small.json", "\"added_tokens\":[", spaces);
	struct tokenizer *tokenizer = opened(&json);
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids ids = fixture_encode(encoder, "a   b", 5);

	assert_int_equal(1501, tokenizer_vocab_count(tokenizer));
	assert_int_equal(3, ids.count);
	assert_int_equal(1500, ids.id[1]);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
	expect_edit_refused("gpt2-small.json", "\"added_tokens\":[", word, "have the same text");
	expect_edit_refused("gpt2-small.json", "\"added_tokens\":[", control, "have the same text");
	free(spaces);
	free(word);
	free(control);
}

/* deepseek-coder's <|EOT|> is an ordinary added token that tokenizer_config.json ends answers with. */
static void what_the_files_beside_it_end_answers_with_is_never_text(void **state)
{
	static const char text[] = "a<|EOT|> the cat";
	struct buf json = edited("gpt2-small.json", "\"added_tokens\":[",
		"\"added_tokens\":[{\"id\":1500,\"content\":\"<|EOT|>\",\"special\":false},");
	struct tokenizer_ends ends = {
		.bos = "no token", .eos = "<|EOT|>", .add_bos = -1, .n_id = 3};
	struct tokenizer *as_it_was, *tokenizer;
	struct tokenizer_encoder *encoder;
	struct ids ids;
	struct err err;

	assert_int_equal(
		0, tokenizer_open_json(&as_it_was, json.data, json.len, NULL, "edited", &err));
	ends.id[0] = tokenizer_find(as_it_was, " the", 4);
	ends.id[1] = tokenizer_find(as_it_was, "a", 1); /* a byte has no other way */
	ends.id[2] = 999999;
	assert_false(tokenizer_is_forbidden(as_it_was, 1500));
	assert_int_equal(
		0, tokenizer_open_json(&tokenizer, json.data, json.len, &ends, "edited", &err));
	assert_int_equal(tokenizer_bos(as_it_was), tokenizer_bos(tokenizer));
	assert_true(tokenizer_is_end(tokenizer, 1500));
	assert_true(tokenizer_is_end(tokenizer, ends.id[0]));
	assert_true(tokenizer_is_end(tokenizer, ends.id[1]));
	encoder = tokenizer_encoder_create(tokenizer);
	ids = fixture_encode(encoder, text, strlen(text));
	assert_int_equal(ends.id[1], ids.id[0]);
	for (size_t i = 0; i < ids.count; i++) {
		assert_int_not_equal(1500, ids.id[i]);
		assert_int_not_equal(ends.id[0], ids.id[i]);
		assert_false(tokenizer_is_forbidden(tokenizer, ids.id[i]));
	}
	assert_false(sha256_equal(tokenizer_digest(as_it_was), tokenizer_digest(tokenizer)));
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
	tokenizer_close(as_it_was);
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
		cmocka_unit_test(every_published_pre_tokenizer_is_recognised),
		cmocka_unit_test(the_forms_of_sentencepiece_are_recognised),
		cmocka_unit_test(bytes_without_a_token_are_question_marks),
		cmocka_unit_test(a_normalizer_is_not_applied_and_that_is_said),
		cmocka_unit_test(runs_of_spaces_may_stand_twice_and_nothing_else),
		cmocka_unit_test(what_the_files_beside_it_end_answers_with_is_never_text),
		cmocka_unit_test(broken_json_vocabularies_are_refused_by_name),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
