/* The vocabulary in order, and the index of a prompt's tokens. */
#include "engine/token_index.h"
#include "tests/unit/sanitized.h"
#include "tests/unit/tokenizer_fixture.h"

#include <time.h>

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
	assert_in_range(n_call, 64, 256);
	assert_int_equal(3 * ARRAY_LEN(source), count_places(index, "w999"));
	token_index_destroy(index);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	token_order_destroy(order);
	tokenizer_close(tokenizer);
}

/* ---- what is hostile costs no more ---- */

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* A token for each byte: how a text is cut into tokens makes no difference to its index. */
static void add_byte_ids(
	struct ids *ids, const struct tokenizer *tokenizer, const char *text, size_t len)
{
	uint32_t byte_id[256] = {0};

	for (uint32_t id = 0; id < tokenizer_vocab_count(tokenizer); id++) {
		struct buf bytes = BUF_INIT;

		tokenizer_decode(tokenizer, id, 0, &bytes);
		if (bytes.len == 1) {
			byte_id[(uint8_t)bytes.data[0]] = id;
		}
		buf_finish(&bytes);
	}
	for (size_t i = 0; i < len; i++) {
		ids_add(ids, byte_id[(uint8_t)text[i]]);
	}
}

/* The longest time that anything takes without a look at what else there is to do. */
static double longest_s(
	struct tokenizer *tokenizer, struct token_order *order, const char *text, size_t len)
{
	int64_t n_vocab = tokenizer_vocab_count(tokenizer);
	uint64_t *mask = mem_zero((size_t)n_vocab / 64 + 1, sizeof(*mask));
	struct token_source source = {.text_bytes = len};
	struct token_place *place = NULL;
	size_t n_place = 0, cap = 0;
	struct token_index *index;
	struct ids ids = {0};
	double start, longest = 0;
	int is_done = 0;

	add_byte_ids(&ids, tokenizer, text, len);
	source.n_tok = ids.count;
	index = token_index_create(tokenizer, order, n_vocab, &source, 1);
	while (!is_done) {
		start = cpu_s();
		is_done = token_index_build(index, ids.id);
		longest = cpu_s() - start > longest ? cpu_s() - start : longest;
	}
	start = cpu_s();
	token_index_find(index, text, 1, &place, &n_place, &cap);
	assert_true(n_place <= TOKEN_PLACES_MAX);
	longest = cpu_s() - start > longest ? cpu_s() - start : longest;
	start = cpu_s();
	token_index_allow(index, place, n_place, TOKEN_GO_ON, mask);
	longest = cpu_s() - start > longest ? cpu_s() - start : longest;
	free(place);
	free(mask);
	token_index_destroy(index);
	ids_finish(&ids);
	return longest;
}

static void no_text_holds_up_what_else_there_is_to_do(void **state)
{
	enum { N_BYTE = 2 << 20 };
	static const char *const again[] = {"a", "\"", "=", "a ", "\n", "1.", "- ", "a-\n", "[ ",
		"[Source:", "\" ]", "\xe2\x80\x8b", "\xe2\x80\x94", "\xe6\x97\xa5", "the ", NULL};
	struct dice dice = {.seed = 7};
	struct tokenizer *tokenizer;
	struct token_order *order;

	if (IS_SANITIZED) {
		skip(); /* it looks at every byte that a string function might reach */
	}
	tokenizer = fixture_tokenizer(fixture_names[0]);
	order = token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));
	for (size_t i = 0; i < ARRAY_LEN(again); i++) {
		struct buf text = BUF_INIT;
		double took_s;

		while (text.len < N_BYTE) {
			if (again[i]) {
				buf_addstr(&text, again[i]);
			} else {
				buf_addch(&text, "=+#*~^<>"[dice_below(&dice, 8)]);
			}
		}
		buf_addstr(&text, " the end of it");
		took_s = longest_s(tokenizer, order, text.data, text.len);
		if (took_s > 0.05) {
			fail_msg("<%.9s>: %.0f ms", text.data, took_s * 1e3);
		}
		buf_finish(&text);
	}
	token_order_destroy(order);
	tokenizer_close(tokenizer);
}

/* Where many places go on alike, what may come is what may come at each of them. */
static void many_places_allow_what_each_allows(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[0]);
	size_t words = tokenizer_vocab_count(tokenizer) / 64 + 1;
	struct token_order *order = token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));
	uint64_t *all = mem_zero(words, sizeof(*all)), *each = mem_zero(words, sizeof(*each));
	struct token_place *place = NULL;
	size_t n_place = 0, cap = 0;
	struct dice dice = {.seed = 9};
	struct buf text = BUF_INIT;
	struct token_index *index;
	struct ids ids = {0};
	const char *one;

	for (int i = 0; i < 4000; i++) {
		buf_printf(&text, "the%c%s%s", " \n.,-"[dice_below(&dice, 5)],
			dice_below(&dice, 2) ? "pump" : "start", dice_below(&dice, 9) ? " " : "\n");
	}
	one = text.data;
	index = make_index(tokenizer, order, &one, 1, 0, 0, &ids);
	token_index_find(index, "the", 3, &place, &n_place, &cap);
	assert_true(n_place > 1000);
	token_index_allow(index, place, n_place, TOKEN_GO_ON, all);
	for (size_t i = 0; i < n_place; i++) {
		token_index_allow(index, &place[i], 1, TOKEN_GO_ON, each);
	}
	assert_memory_equal(each, all, words * sizeof(*all));
	free(place);
	free(all);
	free(each);
	token_index_destroy(index);
	ids_finish(&ids);
	buf_finish(&text);
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
		cmocka_unit_test(no_text_holds_up_what_else_there_is_to_do),
		cmocka_unit_test(many_places_allow_what_each_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
