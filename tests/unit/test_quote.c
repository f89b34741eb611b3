/* What a model may say inside the quotes of a citation, byte by byte and in a source's tokens. */
#include "engine/backend/fake_model.h"
#include "engine/model/model.h"
#include "engine/quote.h"
#include "tests/unit/tokenizer_fixture.h"

#include <ctype.h>
#include <stdio.h>

/* A source with its asides written into it: {m N|}, {s skipped}, {b barrier}. */
struct source {
	struct buf text;
	struct segment_aside aside[16];
	struct token_source token;
	struct ids ids;
};

static struct model *bytes_model; /* a token for each byte */

static void source_init(struct source *source, const char *written)
{
	static const char kind[] = "msb";

	*source = (struct source){.token.aside = source->aside};
	for (; *written; written++) {
		const char *k = *written == '{' ? strchr(kind, written[1]) : NULL;

		if (!k) {
			buf_addch(&source->text, *written);
			continue;
		}
		source->aside[source->token.n_aside] =
			(struct segment_aside){.at = (uint32_t)source->text.len,
				.kind = (enum segment_aside_kind)(k - kind)};
		for (written += 3; *written != '}'; written++) {
			buf_addch(&source->text, *written);
			source->aside[source->token.n_aside].len++;
		}
		source->token.n_aside++;
	}
	source->token.text_bytes = source->text.len;
}

static void source_finish(struct source *source)
{
	buf_finish(&source->text);
	ids_finish(&source->ids);
}

static void add_id(struct quote *quote, const struct tokenizer *tokenizer, uint32_t id)
{
	struct buf bytes = BUF_INIT;

	tokenizer_decode(tokenizer, id, 0, &bytes);
	quote_add(quote, buf_str(&bytes), bytes.len);
	buf_finish(&bytes);
}

/* Whether this id may come; then it does. */
static int says(
	struct quote *quote, const struct tokenizer *tokenizer, const uint32_t *prompt, uint32_t id)
{
	const uint64_t *mask;

	while (!quote_ready(quote, prompt)) {
	}
	mask = quote_mask(quote);
	mask = mask ? mask : quote_check(quote, id);
	if (mask && !(mask[id / 64] >> id % 64 & 1)) {
		return 0;
	}
	add_id(quote, tokenizer, id);
	return 1;
}

/* How many bytes of the answer a model of bytes can say. */
static size_t said(const char *written, const char *answer)
{
	const struct tokenizer *tokenizer = bytes_model->tokenizer;
	struct token_order *order = token_order_create(tokenizer, bytes_model->n_vocab);
	struct source source;
	struct quote *quote;
	size_t n = 0;

	source_init(&source, written);
	for (size_t i = 0; i < source.text.len; i++) {
		ids_add(&source.ids, (uint8_t)source.text.data[i]);
	}
	source.token.n_tok = source.ids.count;
	quote = quote_create(tokenizer, order, bytes_model->n_vocab, &source.token, 1);
	while (answer[n] && says(quote, tokenizer, source.ids.id, (uint8_t)answer[n])) {
		n++;
	}
	quote_destroy(quote);
	token_order_destroy(order);
	source_finish(&source);
	return n;
}

static void all_said(const char *written, const char *answer)
{
	size_t n = said(written, answer);

	if (n < strlen(answer)) {
		fail_msg("of <%s> only <%.*s> can be said", answer, (int)n, answer);
	}
}

/* The last byte of the answer is the first that cannot be said. */
static void not_said(const char *written, const char *answer)
{
	size_t n = said(written, answer);

	if (n != strlen(answer) - 1) {
		fail_msg("of <%s> <%.*s> can be said", answer, (int)n, answer);
	}
}

static const char manual[] =
	"Operations manual\nThe pump is started by hand.\nAt 1,000 it stops.\n";

static void only_words_of_the_source_can_be_said(void **state)
{
	all_said(manual, "By hand: [S1 a:2 \"The pump is started by hand.\"] and so on.");
	all_said(manual, "[S1 \"started by hand\"]");
	all_said(manual, "[S1 \" started by hand\"]");
	not_said(manual, "[S1 a:2 \"started by m");
	not_said(manual, "[S1 a:2 \"hand.\nAt 1,000 it stopp");
	not_said(manual, "[S1 a:2 \"Q");
}

static void words_are_whole_words(void **state)
{
	not_said(manual, "[S1 \"u");
	not_said(manual, "[S1 \"pump is start\"");
	not_said(manual, "[S1 \"At 1\"");
	not_said(manual, "[S1 \"0");
	all_said(manual, "[S1 \"At 1,000\"]");
	all_said("caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"[S1 \"\xe6\x9c\xac\xe8\xaa\x9e\"]");
	not_said("caf\xc3\xa9 noir", "[S1 \"caf\"");
	not_said("pre-\nwar time", "[S1 \"w");
	all_said("well-known words", "[S1 \"known words\"]");
	not_said("well-known words", "[S1 \"-");
}

static void a_quote_proves_something(void **state)
{
	not_said(manual, "[S1 \"is\"");
	not_said(manual, "[S1 \"\"");
	not_said("a b - - -\n", "[S1 \""); /* nothing there could be one */
	not_said("", "[S1 \"");
}

/* Words stand there, but none of them can be the first of a quote. */
static void where_no_quote_can_begin_none_is_opened(void **state)
{
	not_said("\x01"
		 "alpha",
		"[S1 \"");
	not_said("\x01"
		 "alpha\x02"
		 "beta",
		"[S1 \"");
	all_said("\x01"
		 "alpha beta",
		"[S1 \"beta\"]");
}

static void white_space_may_be_one_blank_or_as_it_stands(void **state)
{
	static const char code[] = "int main(void)\n{\n\t\treturn 0;\n}\n";

	all_said(code, "[S1 \"main(void) { return 0; }\"]");
	all_said(code, "[S1 \"main(void)\n{\n\t\treturn 0;\n}\"]");
	all_said(code, "[S1 \"main(void)\n{\nreturn 0;\"]");
	not_said(code, "[S1 \"main(void)  ");
	not_said(code, "[S1 \"main(void) {\n\n");
	all_said(code, "[S1 \"main(void)\n\"]"); /* a token may bring the line's end */
}

static void line_marks_are_copied_or_passed_over(void **state)
{
	static const char text[] = "{m 1|}eight nine\n{m 10|}ten eleven\n  twelve";

	all_said(text, "[S1 \"nine\nten\"]");
	all_said(text, "[S1 \"nine ten eleven twelve\"]");
	all_said(text, "[S1 \"nine\n10|ten\"]");
	not_said(text, "[S1 \"nine 1");
	not_said(text, "[S1 \"nine\n10|\"");
	not_said(text, "[S1 \"nine\n11");
	not_said(text, "[S1 \"1");
	/* Where something else looks like one, the checker could not tell them apart. */
	/* What a client calls a mark and is none ends what can be quoted. */
	not_said("eight nine\n{m a\n5|}ten", "[S1 \"nine\na");
	not_said("eight nine\n{m 5|7}ten", "[S1 \"nine\nt");
	not_said("eight {m 5|}nine", "[S1 \"eight n");
	not_said("7|nine\n{m 10|}ten", "[S1 \"nine\n1");
	all_said("7|nine\n{m 10|}ten", "[S1 \"7|nine\nten\"]");
}

static void asides_are_no_words(void **state)
{
	all_said("said so\n{s [00:00:02] Ana: }and left", "[S1 00:00:01 \"said so and left\"]");
	not_said("said so\n{s [00:00:02] Ana: }and left", "[S1 \"so\n[");
	not_said("We went over-\n{s [00:00:02] }all of it", "[S1 \"We went o");
	/* Whatever white space and hyphen it is. */
	not_said("We went over-\xc2\xa0\n{s [00:00:02] }all of it", "[S1 \"We went o");
	not_said("We went over-\xe3\x80\x80\n{s [00:00:02] }all of it", "[S1 \"We went o");
	not_said("We went over\xe2\x80\x90 \n{s [00:00:02] }all of it", "[S1 \"We went o");
	all_said("We went over-\xc2\xa0\n{s [00:00:02] }all of it", "[S1 \"all of it\"]");
	all_said("We went over\xc2\xa0\n{s [00:00:02] }all of it", "[S1 \"over all of it\"]");
	all_said("a <{s \\}file> tag", "[S1 \"<file> tag\"]");
	not_said("first file\n{b </file>}second file", "[S1 \"first file\ns");
	not_said("first file{b </file>}second file", "[S1 \"first files");
	all_said("first file{b </file>}second file", "[S1 \"second file\"]");
	not_said("first file{b </file>}second file", "[S1 \"<");
}

static void line_ends_within_chinese_and_japanese_may_be_left_out(void **state)
{
	all_said("会議室は二\n階にある", "[S1 \"会議室は二階に\"]");
	all_said("会議室は二\n階にある", "[S1 \"会議室は二 階に\"]");
	all_said("会議室は二\n階にある", "[S1 \"会議室は二\n階に\"]");
	all_said("会議室は二\n{m 10|}階にある", "[S1 \"会議室は二階に\"]");
	all_said("UTF-8 \n変換", "[S1 \"UTF-8変換\"]");
	not_said("the\npump", "[S1 \"thep");
	not_said("이층에 있다", "[S1 \"이층에\xec");
}

static void marks_of_the_source_may_close_or_not(void **state)
{
	static const char text[] = "He said \"stop it\" and ran.";

	all_said(text, "[S1 \"said \"stop it\" and\"]");
	all_said(text, "[S1 \"said \"stop it\"]");
	all_said(text, "[S1 \"said \"stop it\"\"]");
	not_said(text, "[S1 \"said \"stop it\",");
	not_said("d[\"key\"] = 1", "[S1 \"d[\"key\"\"\"");
	all_said("d[\"key\"] = 1", "[S1 \"d[\"key\"] is it");
	not_said("as we see [S1 a:3] there", "[S1 \"as we see [");
}

static void behind_a_quote_the_bracket_is_closed(void **state)
{
	not_said(manual, "[S1 \"pump\",");
	not_said(manual, "[S1 \"pump\" ");
	all_said(manual, "[S1 \"pump\"], \"anything at all\"");
}

static void where_the_source_ends_so_does_the_quote(void **state)
{
	not_said(manual, "[S1 \"it stops.\n\n");
	all_said(manual, "[S1 \"it stops.\n\"]");
	all_said(manual, "[S1 \"it stops.\"]");
	all_said(manual, "[S1 \"it stops\"]");
}

static void what_is_no_citation_is_free(void **state)
{
	all_said(manual,
		"a[\"key\"] [1] [Sx \"words\"] [S \"w\"] [sx \"w\"] \"[S\" [S1] \"of its own\"");
	all_said(manual, "[S1 a:3] \"w\" [S1 a\n\n\"words of its own\"");
	all_said(manual, "[S1 it's a:3 \"pump\"]");
	not_said(manual, "[ Source: S12, line 3 \"w");
	not_said(manual, "[S2 a [S1 \"w");
	not_said(manual, "[S1 a [x \"w");
}

static void what_begins_as_a_citation_stays_one(void **state)
{
	(void)state;
	not_said("the cat sat", "[S1r");
	not_said("the cat sat", "[Source S12r");
	all_said("the cat sat", "[S1 readme:3 \"the cat\"] [S2: \"cat sat\"] [Sir, S1r]");
}

static void other_marks_open_nothing_in_a_bracket(void **state)
{
	not_said(manual, "[S1 '");
	not_said(manual, "[S1 a:3 `");
	not_said(manual, "[S1 \xe2\x80\x9c");
	not_said(manual, "[S1 a \xc2\xab");
}

static void a_very_long_quote_is_closed(void **state)
{
	struct buf text = BUF_INIT, answer = BUF_INIT;
	size_t n;

	buf_addstr(&answer, "[S1 \"");
	for (int i = 0; i < 1000; i++) {
		buf_printf(&text, "word%d ", i);
	}
	buf_addstr(&answer, buf_str(&text));
	n = said(buf_str(&text), buf_str(&answer));
	assert_in_range(n, 2048, 2100);
	assert_true(answer.data[n] == ' ');
	buf_finish(&text);
	buf_finish(&answer);
}

static void a_very_long_place_is_ended(void **state)
{
	struct buf answer = BUF_INIT;
	size_t n;

	(void)state;
	buf_addstr(&answer, "[S1 ");
	for (int i = 0; i < 100; i++) {
		buf_addstr(&answer, "src/");
	}
	n = said("the cat sat", buf_str(&answer));
	assert_in_range(n, 250, 270);
	answer.len = n;
	buf_addstr(&answer, "\"the cat\"]");
	all_said("the cat sat", buf_str(&answer));
	buf_finish(&answer);
}

static size_t token_len(const struct tokenizer *tokenizer, uint32_t id)
{
	struct buf bytes = BUF_INIT;
	size_t len;

	tokenizer_decode(tokenizer, id, 0, &bytes);
	len = bytes.len;
	buf_finish(&bytes);
	return len;
}

static int is_word_begun(const char *text, size_t at)
{
	return (text[at] == ' ' || text[at - 1] == ' ') && isalpha((unsigned char)text[at + 1]);
}

/* From a word on, every further token can be said, up to the end of what can be quoted. */
static void check_tokens_from(const struct tokenizer *tokenizer, const struct token_order *order,
	const struct source *source, const struct ids *head, size_t first)
{
	struct quote *quote =
		quote_create(tokenizer, order, tokenizer_vocab_count(tokenizer), &source->token, 1);
	size_t at = first;

	for (size_t i = 0; i < head->count; i++) {
		assert_true(says(quote, tokenizer, source->ids.id, head->id[i]));
	}
	while (at < source->ids.count &&
		says(quote, tokenizer, source->ids.id, source->ids.id[at])) {
		at++;
	}
	if (at + 2 < source->ids.count) {
		fail_msg("from id %zu only to %zu of %zu", first, at, source->ids.count);
	}
	quote_destroy(quote);
}

/* The built-in model learned to quote like this: the tokens of the source, cut at words. */
static void a_source_can_be_quoted_in_its_own_tokens(void **state)
{
	static const char written[] = "{m 1|}Operations manual, \"edition\" 3\n\nThe pump is "
				      "started by hand (see /etc/pump).\n"
				      "    It's stopped with --force; na\xc3\xafve users wait "
				      "1,000 s.\n{m 10|}\tThe end of it.\n";

	for (size_t t = 0; t < ARRAY_LEN(fixture_names); t++) {
		struct tokenizer *tokenizer = fixture_tokenizer(fixture_names[t]);
		struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
		struct token_order *order =
			token_order_create(tokenizer, tokenizer_vocab_count(tokenizer));
		struct ids head = {0};
		struct source source;
		size_t n_quoted = 0, extra = 0;

		source_init(&source, written);
		tokenizer_encode_text(encoder, source.text.data, source.text.len, 1, &source.ids);
		source.token.n_tok = source.ids.count;
		tokenizer_encode_text(encoder, "See [S1 a.txt:1 \"", 17, 1, &head);
		/* A dummy prefix is a byte that the text does not have. */
		for (size_t i = 0; i < source.ids.count; i++) {
			extra += token_len(tokenizer, source.ids.id[i]);
		}
		extra -= source.text.len;
		for (size_t first = 0, byte = 0; first + 4 < source.ids.count; first++) {
			size_t begun = byte;

			byte += token_len(tokenizer, source.ids.id[first]) - (first ? 0 : extra);
			/* A word's first token: with the blank before it, or behind a blank. */
			if (begun && is_word_begun(source.text.data, begun)) {
				check_tokens_from(tokenizer, order, &source, &head, first);
				n_quoted++;
			}
		}
		assert_true(n_quoted > 10);
		ids_finish(&head);
		source_finish(&source);
		token_order_destroy(order);
		tokenizer_encoder_destroy(encoder);
		tokenizer_close(tokenizer);
	}
}

static int open_model(void **state)
{
	return fake_model_open(&bytes_model, NULL);
}

static int close_model(void **state)
{
	fake_model_close(bytes_model);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_words_of_the_source_can_be_said),
		cmocka_unit_test(words_are_whole_words),
		cmocka_unit_test(a_quote_proves_something),
		cmocka_unit_test(where_no_quote_can_begin_none_is_opened),
		cmocka_unit_test(white_space_may_be_one_blank_or_as_it_stands),
		cmocka_unit_test(line_marks_are_copied_or_passed_over),
		cmocka_unit_test(asides_are_no_words),
		cmocka_unit_test(line_ends_within_chinese_and_japanese_may_be_left_out),
		cmocka_unit_test(marks_of_the_source_may_close_or_not),
		cmocka_unit_test(behind_a_quote_the_bracket_is_closed),
		cmocka_unit_test(where_the_source_ends_so_does_the_quote),
		cmocka_unit_test(what_is_no_citation_is_free),
		cmocka_unit_test(what_begins_as_a_citation_stays_one),
		cmocka_unit_test(other_marks_open_nothing_in_a_bracket),
		cmocka_unit_test(a_very_long_quote_is_closed),
		cmocka_unit_test(a_very_long_place_is_ended),
		cmocka_unit_test(a_source_can_be_quoted_in_its_own_tokens),
	};

	return cmocka_run_group_tests(tests, open_model, close_model);
}
