/* The vocabulary in order, and the index of a prompt's tokens. */
#include "engine/token_index.h"
#include "tests/unit/tokenizer_fixture.h"

static void the_order_finds_the_tokens_that_begin_with_some_bytes(void **state)
{
	for (size_t t = 0; t < ARRAY_LEN(fixture_names); t++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[t]);
		uint32_t n_vocab = tokenizer_vocab_count(tokenizer);
		struct token_order *order = token_order_create(tokenizer, n_vocab);
		struct dice dice = {.seed = 5};

		assert_true(order->count > 0 && order->count <= n_vocab);
		for (int round = 0; round < 300; round++) {
			/* The beginning of a token, the last byte perhaps another one. */
			uint32_t rank = dice_below(&dice, order->count), n = 0;
			size_t len = 1 + dice_below(&dice, (uint32_t)token_order_len(order, rank));
			struct token_range range = token_order_all(order);
			char bytes[512];

			memcpy(bytes, order->text + order->start[rank], len);
			bytes[len - 1] = (char)(bytes[len - 1] + (char)dice_below(&dice, 2));
			for (size_t i = 0; i < len; i++) {
				token_order_next(order, &range, (uint8_t)bytes[i]);
			}
			for (uint32_t id = 0; id < n_vocab; id++) {
				struct buf own = BUF_INIT;

				tokenizer_decode(tokenizer, id, 0, &own);
				n += own.len >= len && memcmp(own.data, bytes, len) == 0 &&
				     !tokenizer_is_end(tokenizer, id) &&
				     !tokenizer_is_forbidden(tokenizer, id);
				buf_finish(&own);
			}
			assert_int_equal(n, range.high - range.low);
			for (rank = range.low; rank < range.high; rank++) {
				assert_memory_equal(order->text + order->start[rank], bytes, len);
			}
		}
		token_order_destroy(order);
		tokenizer_close(tokenizer);
	}
}

/* An index of texts with so many other tokens between them; the ids are added to *ids. */
static struct token_index *make_index(struct tokenizer *tokenizer, struct token_order *order,
	const char *const *text, size_t n_text, size_t n_between, int first, struct ids *ids)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct token_source source[8] = {0};
	struct token_index *index;

	for (size_t i = 0; i < n_text; i++) {
		source[i].first_tok = ids->count;
		source[i].text_bytes = strlen(text[i]);
		tokenizer_encode_text(encoder, text[i], strlen(text[i]), first && i == 0, ids);
		source[i].n_tok = ids->count - source[i].first_tok;
		for (size_t k = 0; k < n_between; k++) {
			ids_add(ids, 5);
		}
	}
	index = token_index_create(
		tokenizer, order, tokenizer_vocab_count(tokenizer), source, n_text);
	while (!token_index_build(index, ids->id)) {
	}
	tokenizer_encoder_destroy(encoder);
	return index;
}

static size_t count_places(const struct token_index *index, const char *bytes)
{
	struct token_place *place = NULL;
	size_t count = 0, cap = 0;

	token_index_find(index, bytes, strlen(bytes), &place, &count, &cap);
	free(place);
	return count;
}

static void words_are_found_where_a_quote_may_begin(void **state)
{
	static const char *const text[] = {"alpha beta alphabet (alpha) be", "ta gamma alpha"};

	for (size_t t = 0; t < ARRAY_LEN(fixture_names); t++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[t]);
		struct token_order *order =
			token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));

		for (size_t between = 0; between < 2; between++) {
			struct ids ids = {0};
			struct token_index *index =
				make_index(tokenizer, order, text, 2, between, 1, &ids);

			assert_int_equal(4, count_places(index, "alpha"));
			assert_int_equal(1, count_places(index, "alphab"));
			assert_int_equal(0, count_places(index, "pha"));
			assert_int_equal(1, count_places(index, "(alpha"));
			/* Texts without a token between them are one: a word goes on. */
			assert_int_equal(between ? 1 : 2, count_places(index, "beta"));
			assert_int_equal(between ? 1 : 0, count_places(index, "ta"));
			token_index_destroy(index);
			ids_finish(&ids);
		}
		token_order_destroy(order);
		tokenizer_close(tokenizer);
	}
}

static void no_text_has_nothing_to_begin_with(void **state)
{
	static const char *const text[] = {"", " \n", "a", "\xff\xfe", "\x01\x02"};
	struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[0]);
	struct token_order *order = token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));
	struct ids ids = {0};
	struct token_index *index = make_index(tokenizer, order, text, ARRAY_LEN(text), 1, 0, &ids);

	assert_null(token_index_starts(index, 0));
	token_index_destroy(index);
	ids_finish(&ids);
	token_order_destroy(order);
	tokenizer_close(tokenizer);
}

/* Built in parts, and linear: a long text takes many calls, each of which does a part. */
static void a_long_text_is_indexed_in_parts(void **state)
{
	enum { N_WORD = 200000 };
	struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[0]);
	struct token_order *order = token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	struct token_source source[64] = {0};
	struct token_index *index;
	struct ids ids = {0};
	int n_call = 1;

	for (size_t i = 0; i < ARRAY_LEN(source); i++) {
		struct buf text = BUF_INIT;

		for (size_t k = 0; k < N_WORD / ARRAY_LEN(source); k++) {
			buf_printf(&text, "w%zu ", k % 1000);
		}
		source[i].first_tok = ids.count;
		source[i].text_bytes = text.len;
		tokenizer_encode_text(encoder, text.data, text.len, 0, &ids);
		source[i].n_tok = ids.count - source[i].first_tok;
		buf_finish(&text);
	}
	index = token_index_create(
		tokenizer, order, tokenizer_vocab_count(tokenizer), source, ARRAY_LEN(source));
	while (!token_index_build(index, ids.id)) {
		n_call++;
	}
	assert_in_range(n_call, 16, 64);
	assert_int_equal(3 * ARRAY_LEN(source), count_places(index, "w999"));
	token_index_destroy(index);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	token_order_destroy(order);
	tokenizer_close(tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_finds_the_tokens_that_begin_with_some_bytes),
		cmocka_unit_test(words_are_found_where_a_quote_may_begin),
		cmocka_unit_test(no_text_has_nothing_to_begin_with),
		cmocka_unit_test(a_long_text_is_indexed_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
