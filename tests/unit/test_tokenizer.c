/*
 * Tokenizers against the ids of Hugging Face `tokenizers` and of `sentencepiece`
 * (tests/vectors/tokenizer_vectors.py), and what must hold for any text at all.
 */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/engine.h"
#include "engine/token/splitter.h"
#include "engine/token/tokenizer_internal.h"
#include "engine/token/unicode_class.h"

#include <time.h>

static void ids_are_those_of_the_reference(void **state)
{
	static const char *const pairs[][2] = {
		{"llama3-small.gguf", "llama3-small.json.vec"},
		{"gpt2-small.gguf", "gpt2-small.json.vec"},
		{"spm-small.gguf", "spm-small.gguf.vec"},
		{"unigram-small.gguf", "unigram-small.gguf.vec"},
		{"unigram-unk-small.gguf", "unigram-unk-small.gguf.vec"},
		{"gemma-small.gguf", "gemma-small.gguf.vec"},
		{"wordpiece-small.gguf", "wordpiece-small.gguf.vec"},
		{"wordpiece-cased-small.gguf", "wordpiece-cased-small.gguf.vec"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(pairs[i][0]);

		assert_true(fixture_check_vectors(tokenizer, pairs[i][1]) > 300);
		tokenizer_close(tokenizer);
	}
}

static void any_bytes_come_back_from_their_ids(void **state)
{
	struct dice dice = {.seed = 1};

	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);

		fixture_round_trip(tokenizer, &dice);
		tokenizer_close(tokenizer);
	}
}

/* A word of 100 letters is one token each at worst; one letter more is the unknown token. */
static void a_word_that_wordpiece_cannot_write_is_the_unknown_token(void **state)
{
	static const char *const names[] = {"wordpiece-small.gguf", "wordpiece-cased-small.gguf"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(names[i]);
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
		size_t len = (size_t)3 << 20;
		char *text = mem_zero(len, 1);
		struct ids ids = {0};

		memset(text, 'a', len);
		tokenizer_encode_text(encoder, text, 100, 1, &ids);
		assert_true(ids.count > 1 && ids.id[0] != tokenizer_unknown(tokenizer));
		ids.count = 0;
		tokenizer_encode_text(encoder, text, 101, 1, &ids);
		assert_int_equal(1, ids.count);
		assert_int_equal(tokenizer_unknown(tokenizer), ids.id[0]);
		ids.count = 0;
		tokenizer_encode_text(encoder, text, len, 1, &ids);
		assert_int_equal(1, ids.count);
		ids.count = 0;
		tokenizer_encode_text(encoder, "[CLS] [UNK] \xff\xc0 [SEP]", 20, 1, &ids);
		for (size_t k = 0; k < ids.count; k++) {
			assert_int_not_equal(tokenizer_bos(tokenizer), ids.id[k]);
			assert_int_not_equal(tokenizer_eos(tokenizer), ids.id[k]);
		}
		ids_finish(&ids);
		free(text);
		tokenizer_encoder_destroy(encoder);
		tokenizer_close(tokenizer);
	}
}

static void vocabularies_have_digests_of_their_own(void **state)
{
	struct sha256_digest digest[ARRAY_LEN(fixture_names)];

	for (size_t i = 0; i < ARRAY_LEN(fixture_names); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[i]);

		digest[i] = *tokenizer_digest(tokenizer);
		tokenizer_close(tokenizer);
	}
	assert_false(sha256_equal(&digest[0], &digest[1]));
	assert_false(sha256_equal(&digest[1], &digest[2]));
}

static void a_full_cache_gives_the_ids_of_an_empty_one(void **state)
{
	struct dice dice = {.seed = 2};
	char text[400];

	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);
		struct tokenizer_encoder *used = tokenizer_encoder_create(tokenizer);

		for (int round = 0; round < 300; round++) {
			struct tokenizer_encoder *fresh = tokenizer_encoder_create(tokenizer);
			size_t len = fixture_random_text(&dice, text, sizeof(text));
			struct ids a = fixture_encode(used, text, len);
			struct ids b = fixture_encode(fresh, text, len);

			assert_int_equal(a.count, b.count);
			assert_memory_equal(a.id, b.id, a.count * sizeof(*a.id));
			ids_finish(&a);
			ids_finish(&b);
			tokenizer_encoder_destroy(fresh);
		}
		tokenizer_encoder_destroy(used);
		tokenizer_close(tokenizer);
	}
}

static void pieces_end_where_the_text_does_however_it_is_cut(void **state)
{
	const struct splitter *splitter;
	struct dice dice = {.seed = 3};
	char text[400];

	for (size_t s = 0; (splitter = splitter_at(s)) != NULL; s++) {
		for (int round = 0; round < 3000; round++) {
			size_t len = fixture_random_text(&dice, text, sizeof(text)), all[400], one,
			       at = 0;
			char *exact = mem_strndup(text, len); /* the sanitizer sees reads beyond */
			size_t n = splitter->split(exact, len, all, ARRAY_LEN(all));

			for (size_t i = 0; i < n; i++) {
				assert_int_equal(1, splitter->split(exact + at, len - at, &one, 1));
				assert_int_equal(all[i], at + one);
				assert_true(one > 0);
				at += one;
			}
			assert_int_equal(len, at);
			free(exact);
		}
	}
}

/* ---- text is data ---- */

static int holds(const struct ids *ids, const struct ids *part)
{
	for (size_t i = 0; part->count && i + part->count <= ids->count; i++) {
		if (!memcmp(ids->id + i, part->id, part->count * sizeof(*part->id))) {
			return 1;
		}
	}
	return 0;
}

/* Encodes in up to three segments, as a prompt may: a marker can stand across the joint. */
static struct ids encode_in_segments(
	struct tokenizer_encoder *encoder, struct dice *dice, const char *text, size_t len)
{
	struct ids ids = {0};
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		size_t n = i == 2 ? len - at : dice_below(dice, (uint32_t)(len - at) + 1);

		/* Exactly as long as it is, so that the sanitizer sees reads beyond it. */
		char *copy = mem_strndup(text + at, n);

		tokenizer_encode_text(encoder, copy, n, i == 0 && dice_below(dice, 2), &ids);
		free(copy);
		at += n;
	}
	return ids;
}

static void attack(struct tokenizer *tokenizer, const struct chat_template *chat_template)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids marker[8] = {{0}};
	struct dice dice = {.seed = 4};
	char text[400];
	size_t n = 0;

	for (; chat_template->marker[n]; n++) {
		tokenizer_encode_special(encoder, chat_template->marker[n],
			strlen(chat_template->marker[n]), 0, &marker[n]);
	}
	for (int round = 0; round < 1500; round++) {
		size_t len = fixture_random_text(&dice, text, sizeof(text));
		struct ids ids = encode_in_segments(encoder, &dice, text, len);

		for (size_t i = 0; i < ids.count; i++) {
			assert_false(tokenizer_is_forbidden(tokenizer, ids.id[i]));
		}
		for (size_t i = 0; i < n; i++) {
			if (holds(&ids, &marker[i])) {
				fail_msg("round %d: text became the marker %s", round,
					chat_template->marker[i]);
			}
		}
		ids_finish(&ids);
	}
	for (size_t i = 0; i < n; i++) {
		ids_finish(&marker[i]);
	}
	tokenizer_encoder_destroy(encoder);
}

static void text_never_becomes_a_special_token_or_a_marker(void **state)
{
	static const char *const templates[] = {
		"carrel", "chatml", "gemma", "llama2", "llama3", "mistral-v1", "mistral-v7"};
	int attacked = 0;

	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
			struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);
			const struct chat_template *chat_template = template_by_name(templates[i]);
			struct err err = {0};

			if (template_forbid_markers(chat_template, tokenizer, &err)) {
				/* Refusing is right only where every byte is a token of its own. */
				assert_non_null(strstr(err.what, "could imitate it"));
			} else {
				attack(tokenizer, chat_template);
				attacked++;
			}
			tokenizer_close(tokenizer);
		}
	}
	assert_true(attacked >= 12);
}

static void markers_of_several_tokens_are_broken_not_lost(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("spm-small.gguf");
	struct sha256_digest before = *tokenizer_digest(tokenizer);
	struct tokenizer_encoder *encoder;
	struct ids canonical = {0}, data = {0};
	struct err err;

	assert_int_equal(0, tokenizer_forbid_marker(tokenizer, "license", 7, &err));
	assert_false(sha256_equal(&before, tokenizer_digest(tokenizer)));
	encoder = tokenizer_encoder_create(tokenizer);
	tokenizer_encode_special(encoder, " license", 8, 0, &canonical);
	tokenizer_encode_text(encoder, " license", 8, 0, &data);
	assert_true(data.count > canonical.count);
	ids_finish(&canonical);
	ids_finish(&data);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

static void user_defined_tokens_are_for_text_until_they_are_markers(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("llama3-small.gguf");
	uint32_t id = tokenizer_find(tokenizer, "<tool_call>", 11);
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids ids = fixture_encode(encoder, "<tool_call>", 11);
	struct err err;

	assert_int_not_equal(UINT32_MAX, id);
	assert_int_equal(1, ids.count);
	assert_int_equal(id, ids.id[0]);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);

	assert_int_equal(0, tokenizer_forbid_marker(tokenizer, "<tool_call>", 11, &err));
	assert_true(tokenizer_is_forbidden(tokenizer, id));
	encoder = tokenizer_encoder_create(tokenizer);
	ids = fixture_encode(encoder, "<tool_call>", 11);
	assert_true(ids.count > 1);
	ids_finish(&ids);
	tokenizer_encode_special(encoder, "<tool_call>", 11, 0, &ids);
	assert_int_equal(1, ids.count);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

static void a_vocabulary_says_what_begins_and_ends_its_texts(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("llama3-small.gguf");

	assert_int_equal(1, tokenizer_add_bos(tokenizer));
	assert_int_equal(
		tokenizer_find(tokenizer, "<|begin_of_text|>", 17), tokenizer_bos(tokenizer));
	assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<|eot_id|>", 10)));
	assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<|eom_id|>", 10)));
	assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<|end_of_text|>", 15)));
	assert_false(tokenizer_is_end(tokenizer, tokenizer_bos(tokenizer)));
	tokenizer_close(tokenizer);
	tokenizer = fixture_tokenizer("gpt2-small.gguf");
	assert_int_equal(0, tokenizer_add_bos(tokenizer));
	assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<|im_end|>", 10)));
	tokenizer_close(tokenizer);
	tokenizer = fixture_tokenizer("spm-small.gguf");
	assert_int_equal(1, tokenizer_add_bos(tokenizer));
	assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<end_of_turn>", 13)));
	tokenizer_close(tokenizer);
}

/* ---- long runs ---- */

static double thread_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The fastest of three, so that other work on the machine does not count. */
static double run_s(const struct tokenizer *tokenizer, const char *unit, size_t bytes)
{
	size_t len = strlen(unit);
	char *text = mem_alloc(bytes);
	double best = 1e9;

	for (size_t i = 0; i < bytes; i++) {
		text[i] = unit[i % len];
	}
	for (int round = 0; round < 3; round++) {
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
		struct ids ids = {0};
		double start = thread_s();

		tokenizer_encode_text(encoder, text, bytes, 0, &ids);
		start = thread_s() - start;
		best = start < best ? start : best;
		ids_finish(&ids);
		tokenizer_encoder_destroy(encoder);
	}
	free(text);
	return best;
}

static void a_long_run_of_one_class_costs_no_more_than_its_length(void **state)
{
	static const char *const units[] = {"a", " ", "\n", " \n", "7", "!", "\xc3\xa9", "\xff",
		"\t ", "thequickbrownfox", "[INST]", "<<SYS", "'", "\xe2\x96\x81"};
	const size_t small = 32 << 10, large = 1 << 19;

	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);
		struct err err;

		template_forbid_markers(template_by_name("llama2"), tokenizer, &err);
		for (size_t i = 0; i < ARRAY_LEN(units); i++) {
			double a = run_s(tokenizer, units[i], small);
			double b = run_s(tokenizer, units[i], large);

			/* 16 times the length; quadratic would be 256. */
			if (b > 64 * a && b > 0.05) {
				fail_msg("%s, run of \"%s\": %.4f s for 32 KiB, %.4f s for 512 KiB",
					fixture_names[v], units[i], a, b);
			}
		}
		tokenizer_close(tokenizer);
	}
}

static void a_piece_beyond_a_mebibyte_is_cut_and_comes_back(void **state)
{
	const size_t len = ((size_t)5 << 19) + 1;
	struct tokenizer *tokenizer = fixture_tokenizer("llama3-small.gguf");
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct buf text = BUF_INIT, back = BUF_INIT;
	struct ids ids = {0};

	while (text.len < len) {
		buf_addstr(&text, "x\xc3\xa4\xe6\x97\xa5");
	}
	tokenizer_encode_text(encoder, text.data, text.len, 0, &ids);
	for (size_t i = 0; i < ids.count; i++) {
		tokenizer_decode(tokenizer, ids.id[i], 0, &back);
	}
	assert_int_equal(text.len, back.len);
	assert_memory_equal(text.data, back.data, text.len);
	buf_finish(&text);
	buf_finish(&back);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

/* ---- a tokenizer alone ---- */

static void tokens_open_reads_a_model_file_and_names_what_it_cannot(void **state)
{
	struct tokens *tokens;
	struct err err;

	fixture_check_tokens("tests/vectors/tokenizer/llama3-small.gguf");
	assert_int_equal(-1, tokens_open(&tokens, "/no/such/file", &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_null(tokens);
}

/* ---- splitting, checked on its own ---- */

static void check_pieces(const char *name, const char *text, const char *const *want)
{
	const struct splitter *splitter = splitter_by_name(name);
	size_t end[32], n = splitter->split(text, strlen(text), end, 32), at = 0;

	for (size_t i = 0; i < n; i++) {
		assert_non_null(want[i]);
		assert_int_equal(strlen(want[i]), end[i] - at);
		assert_memory_equal(want[i], text + at, end[i] - at);
		at = end[i];
	}
	assert_null(want[n]);
}

static void contractions_split_in_any_case_for_llama3_only(void **state)
{
	check_pieces("llama3", "'True", (const char *[]){"'T", "rue", NULL});
	check_pieces("llama3", "x'\xc5\xbfy", (const char *[]){"x", "'\xc5\xbf", "y", NULL});
	check_pieces("llama3", "'LLa 'RE", (const char *[]){"'LL", "a", " '", "RE", NULL});
	check_pieces("gpt2", "'True", (const char *[]){"'", "True", NULL});
	check_pieces("gpt2", "it's", (const char *[]){"it", "'s", NULL});
}

static void white_space_splits_as_the_patterns_say(void **state)
{
	check_pieces("llama3", "a   b", (const char *[]){"a", "  ", " b", NULL});
	check_pieces("llama3", " \n \n  x", (const char *[]){" \n \n", " ", " x", NULL});
	check_pieces("llama3", "a  1", (const char *[]){"a", " ", " ", "1", NULL});
	check_pieces("llama3", "!!\r\n\nx", (const char *[]){"!!\r\n\n", "x", NULL});
	check_pieces("llama3", "12345678", (const char *[]){"123", "456", "78", NULL});
	check_pieces("llama3", "x \xe3\x80\x80", (const char *[]){"x", " \xe3\x80\x80", NULL});
	check_pieces("gpt2", "a\n\n b", (const char *[]){"a", "\n\n", " b", NULL});
	check_pieces("gpt2", "12345678 9", (const char *[]){"12345678", " 9", NULL});
	check_pieces("gpt2", "a  1", (const char *[]){"a", " ", " 1", NULL});
}

static void the_class_table_knows_its_corners(void **state)
{
	assert_string_equal("16.0.0", unicode_class_version);
	assert_true(unicode_traits_of(0x1c89) & UC_LETTER); /* new in 16.0 */
	assert_true(unicode_traits_of(0xbd) & UC_NUMBER);
	assert_true(unicode_traits_of(0x85) & UC_SPACE);
	assert_true(unicode_traits_of(0x180e) & UC_OTHER); /* no longer white space */
	assert_true(unicode_traits_of(0x200b) & UC_OTHER);
	assert_true(unicode_traits_of(0x301) & UC_MARK); /* a mark is not a letter */
	assert_true(unicode_traits_of(0x3007) & UC_HAN); /* a number of the script */
	assert_int_equal(UC_REST, unicode_traits_of(0x10ffff));
}

static void texts_that_end_answers_are_known(void **state)
{
	static const char *const ends[] = {"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eot|>",
		"<|end|>", "<|return|>", "<|call|>", "<end_of_turn>", "</s>",
		"<|END_OF_TURN_TOKEN|>",
		("<\xef\xbd\x9c"
		 "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>")};
	static const char *const others[] = {"<|start|>", "<|message|>", "<s>", "<|im_start|>",
		"</s", "<|START_OF_TURN_TOKEN|>", "</think>", ""};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		assert_true(tokenizer_text_is_end(ends[i], strlen(ends[i])));
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_false(tokenizer_text_is_end(others[i], strlen(others[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_the_reference),
		cmocka_unit_test(any_bytes_come_back_from_their_ids),
		cmocka_unit_test(a_full_cache_gives_the_ids_of_an_empty_one),
		cmocka_unit_test(pieces_end_where_the_text_does_however_it_is_cut),
		cmocka_unit_test(text_never_becomes_a_special_token_or_a_marker),
		cmocka_unit_test(markers_of_several_tokens_are_broken_not_lost),
		cmocka_unit_test(user_defined_tokens_are_for_text_until_they_are_markers),
		cmocka_unit_test(a_vocabulary_says_what_begins_and_ends_its_texts),
		cmocka_unit_test(a_word_that_wordpiece_cannot_write_is_the_unknown_token),
		cmocka_unit_test(vocabularies_have_digests_of_their_own),
		cmocka_unit_test(a_long_run_of_one_class_costs_no_more_than_its_length),
		cmocka_unit_test(a_piece_beyond_a_mebibyte_is_cut_and_comes_back),
		cmocka_unit_test(tokens_open_reads_a_model_file_and_names_what_it_cannot),
		cmocka_unit_test(contractions_split_in_any_case_for_llama3_only),
		cmocka_unit_test(white_space_splits_as_the_patterns_say),
		cmocka_unit_test(the_class_table_knows_its_corners),
		cmocka_unit_test(texts_that_end_answers_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
