/* Texts that several threads encode in parts have the ids of texts that one encodes whole. */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/token/crew.h"
#include "engine/token/tokenizer_internal.h"

static struct ids encoded_whole(
	const struct tokenizer *tokenizer, const char *text, size_t len, int first)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct ids ids = {0};

	tokenizer_encode_text(encoder, text, len, first, &ids);
	tokenizer_encoder_destroy(encoder);
	return ids;
}

static void check_same(struct tokenizer_crew *crew, struct tokenizer_encoder *encoder,
	const char *text, size_t len, int first, size_t part_bytes)
{
	struct crew_text one = {.text = text, .len = len, .first = first};
	struct ids want = {0};

	tokenizer_encode_text(encoder, text, len, first, &want);
	tokenizer_crew_encode(crew, &one, 1, part_bytes);
	assert_int_equal(want.count, one.ids.count);
	if (want.count) {
		assert_memory_equal(want.id, one.ids.id, want.count * sizeof(*want.id));
	}
	ids_finish(&want);
	ids_finish(&one.ids);
}

/* Runs and periods of what splitters look ahead over, and what the fixture has. */
static size_t hard_text(struct dice *dice, char *out, size_t max)
{
	static const char *const unit[] = {"1", "12", " ", "\n", " \n", "\r\n", "a", "ab", "'s",
		"!", "\xc3\xa9", "\xcc\x81", "\xff", "<tool>", "<tool", "[INST]", "A", "aB",
		"\xe6\x97\xa5", "  ", "\t", "\n\n\n", "/", "'"};
	size_t n = 0;

	if (dice_below(dice, 2)) {
		return fixture_random_text(dice, out, max);
	}
	while (n + 64 < max) {
		const char *one = unit[dice_below(dice, ARRAY_LEN(unit))];

		for (uint32_t i = 1 + dice_below(dice, 20); i-- > 0 && n + 8 < max;) {
			memcpy(out + n, one, strlen(one));
			n += strlen(one);
		}
	}
	return n;
}

static void check_tokenizer(struct tokenizer *tokenizer, int rounds)
{
	struct tokenizer_crew *crew = tokenizer_crew_create(tokenizer, 2);
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct dice dice = {.seed = 21};
	char text[400];

	for (int round = 0; round < rounds; round++) {
		size_t len = hard_text(&dice, text, sizeof(text));
		size_t part_bytes = 1 + dice_below(&dice, round & 1 ? 8 : 200);
		char *exact = mem_strndup(text, len); /* the sanitizer sees reads beyond */

		check_same(crew, encoder, exact, len, round & 1, part_bytes);
		free(exact);
	}
	tokenizer_encoder_destroy(encoder);
	tokenizer_crew_destroy(crew);
}

static void parts_of_any_length_give_the_ids_of_the_whole(void **state)
{
	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);
		struct err err;

		template_forbid_markers(template_by_name("llama2"), tokenizer, &err);
		check_tokenizer(tokenizer, 1000);
		tokenizer_close(tokenizer);
	}
}

static void every_splitter_may_be_divided_anywhere(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");

	for (size_t i = 0; splitter_at(i); i++) {
		tokenizer->splitter = splitter_at(i);
		check_tokenizer(tokenizer, 200);
	}
	tokenizer_close(tokenizer);
}

static void unknown_characters_stay_one_token(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("unigram-unk-small.gguf");

	check_tokenizer(tokenizer, 300);
	tokenizer_close(tokenizer);
}

static void many_texts_keep_their_order(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("spm-small.gguf");
	struct tokenizer_crew *crew = tokenizer_crew_create(tokenizer, 3);
	struct dice dice = {.seed = 22};
	struct crew_text text[50] = {{0}};
	char *bytes[ARRAY_LEN(text)];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_LEN(text); i++) {
			bytes[i] = mem_alloc(400);
			text[i] = (struct crew_text){.text = bytes[i],
				.len = i % 7 ? fixture_random_text(&dice, bytes[i], 400) : 0,
				.first = i == 1};
		}
		tokenizer_crew_encode(crew, text, ARRAY_LEN(text), round & 1 ? 30 : 0);
		for (size_t i = 0; i < ARRAY_LEN(text); i++) {
			struct ids want =
				encoded_whole(tokenizer, text[i].text, text[i].len, text[i].first);

			assert_int_equal(want.count, text[i].ids.count);
			if (want.count) {
				assert_memory_equal(
					want.id, text[i].ids.id, want.count * sizeof(*want.id));
			}
			ids_finish(&want);
			ids_finish(&text[i].ids);
			free(bytes[i]);
		}
	}
	tokenizer_crew_destroy(crew);
	tokenizer_close(tokenizer);
}

/* The places that are chosen, in texts long enough to be divided: words, runs, and no words at all. */
static void long_texts_are_divided_and_whole_again(void **state)
{
	static const char *const units[] = {"The quick brown fox, 1234567 times.\n", " ", "a", "1",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x80\x82", "ab ", "x\n", "\xff"};
	const size_t len = (size_t)3 << 18;
	char *text = mem_alloc(len);

	for (size_t v = 0; v < ARRAY_LEN(fixture_names); v++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[v]);
		struct tokenizer_crew *crew = tokenizer_crew_create(tokenizer, 2);
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);

		for (size_t u = 0; u < ARRAY_LEN(units); u++) {
			size_t n = strlen(units[u]);

			for (size_t i = 0; i < len; i++) {
				text[i] = units[u][i % n];
			}
			check_same(crew, encoder, text, len, 1, 0);
			if (strchr(units[u], ' ') && units[u][1]) { /* words */
				assert_true(tokenizer_crew_parts(crew) > 4);
			}
		}
		tokenizer_encoder_destroy(encoder);
		tokenizer_crew_destroy(crew);
		tokenizer_close(tokenizer);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_any_length_give_the_ids_of_the_whole),
		cmocka_unit_test(every_splitter_may_be_divided_anywhere),
		cmocka_unit_test(unknown_characters_stay_one_token),
		cmocka_unit_test(many_texts_keep_their_order),
		cmocka_unit_test(long_texts_are_divided_and_whole_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
