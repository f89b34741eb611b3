/* Thoughts and answer told apart, for every way in which the templates' models think. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/reply.h"
#include "engine/thinking.h"
#include "engine/token/template.h"
#include "tests/unit/tokenizer_fixture.h"

#include <string.h>

/* A turn as tokens: each is a text, control tokens begin with \1. */
struct turn {
	const char *template_name;
	enum template_mark mark;
	const char *token[24];
	const char *thoughts, *answer;
	int n_thinking;  /* tokens of the thoughts, marks included */
	int is_thinking; /* at its end */
};

static const struct turn turns[] = {
	/* Qwen 3 opens its thoughts itself */
	{"qwen3", MARK_MODEL_OPEN,
		{"<think>", "\n", "Let", " me", "\n", "</think>", "\n\n", "By", " hand\n"},
		"Let me\n", "By hand\n", 7, 0},
	{"qwen3", MARK_MODEL_OPEN, {"By", " hand", "."}, "", "By hand.", 0, 0},
	{"qwen3", MARK_MODEL_OPEN, {"\n", " By"}, "", "\n By", 0, 0},
	{"qwen3", MARK_MODEL_OPEN, {" ", "\n", "<think>", "x"}, "x", "", 4, 1},
	/* in a vocabulary that has no tokens for it, and with all of it in one token */
	{"qwen3", MARK_MODEL_OPEN, {"<", "thi", "nk", ">x<", "/think", ">", "\n", "\ny", "z"}, "x",
		"yz", 7, 0},
	{"qwen3", MARK_MODEL_OPEN, {"<think>x</think>\n\ny"}, "x", "y", 0, 0},
	/* what only looks like a mark */
	{"qwen3", MARK_MODEL_OPEN, {"<", "thin", "g>"}, "", "<thing>", 0, 0},
	{"qwen3", MARK_MODEL_OPEN, {"<think>", "a </thin", "king>", "</thi"}, "a </thinking></thi",
		"", 4, 1},
	{"qwen3", MARK_MODEL_OPEN, {"<thi"}, "", "<thi", 0, 0},
	/* in the answer there are no marks any more */
	{"qwen3", MARK_MODEL_OPEN, {"<think>", "a", "</think>", "b", "<think>", "c", "</think>"},
		"a", "b<think>c</think>", 3, 0},
	{"qwen3", MARK_MODEL_OPEN, {"<think>", "\1<|im_start|>", "a", "</think>", "\1<tool>", "b"},
		"a", "b", 4, 0},
	/* kept from it, the model answers at once; what it then writes is all answer */
	{"qwen3", MARK_MODEL_OPEN_NO_THINK, {" a", "<think>"}, "", " a<think>", 0, 0},
	/* the prompt opened the thoughts */
	{"deepseek-r1", MARK_MODEL_OPEN, {"\n", "a", "</think>", "\n\n", "b"}, "a", "b", 4, 0},
	{"deepseek-r1", MARK_MODEL_OPEN, {"a", "\n", "b"}, "a\nb", "", 3, 1},
	{"deepseek-r1", MARK_MODEL_OPEN, {"</think>", "\n"}, "", "", 2, 1},
	/* this one has no way to say so; it may do either */
	{"deepseek-r1", MARK_MODEL_OPEN_NO_THINK, {"<think>", "a", "</think>", "b"}, "a", "b", 3,
		0},
	{"deepseek-v3.1", MARK_MODEL_OPEN_NO_THINK, {"b"}, "", "b", 0, 0},
	/* Harmony */
	{"gpt-oss", MARK_MODEL_OPEN,
		{"\1<|channel|>", "analysis", "\1<|message|>", "Let", " me", "\1<|end|>",
			"\1<|start|>", "assistant", "\1<|channel|>", "final", "\1<|message|>", "By",
			" hand"},
		"Let me", "By hand", 11, 0},
	{"gpt-oss", MARK_MODEL_OPEN,
		{"\1<|channel|>", "analysis", "\1<|message|>", "a", "\1<|end|>", "\1<|start|>",
			"assistant", "\1<|channel|>", "commentary", " to=functions.x",
			"\1<|message|>", "b", "\1<|end|>", "\1<|start|>", "assistant",
			"\1<|channel|>", "final", "\1<|message|>", "c"},
		"ab", "c", 18, 0},
	{"gpt-oss", MARK_MODEL_OPEN, {"\1<|channel|>", "finally", "\1<|message|>", "a"}, "a", "", 4,
		1},
	{"gpt-oss", MARK_MODEL_OPEN,
		{"\1<|channel|>", "analysis", "\1<|message|>", "a", "\1<|end|>"}, "a", "", 5, 1},
	{"gpt-oss", MARK_MODEL_OPEN_NO_THINK, {"By", " hand"}, "", "By hand", 0, 0},
	/* Command A */
	{"command-a", MARK_MODEL_OPEN,
		{"\1<|START_THINKING|>", "a", "\1<|END_THINKING|>", "\1<|START_RESPONSE|>", "b"},
		"a", "b", 3, 0},
	{"command-a", MARK_MODEL_OPEN, {"\1<|START_RESPONSE|>", "b"}, "", "b", 0, 0},
	/* others do not think, whatever they write */
	{"chatml", MARK_MODEL_OPEN, {"<think>", "a", "</think>"}, "", "<think>a</think>", 0, 0},
	{"gemma", MARK_MODEL_OPEN, {" a", "\n"}, "", " a\n", 0, 0},
	/* text behind another mark than the model's is no turn of its own */
	{"qwen3", MARK_USER_OPEN, {"<think>", "a"}, "", "<think>a", 0, 0},
};

static void thoughts_are_told_from_the_answer(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
		const struct turn *turn = &turns[i];
		struct thinking thinking;

		thinking_init(
			&thinking, &template_by_name(turn->template_name)->thinking, turn->mark);
		for (size_t k = 0; k < ARRAY_LEN(turn->token) && turn->token[k]; k++) {
			const char *text = turn->token[k];
			int is_special = *text == 1;

			text += is_special;
			thinking_add(&thinking, text, strlen(text), is_special);
		}
		assert_int_equal(turn->is_thinking, thinking_goes_on(&thinking));
		thinking_flush(&thinking);
		assert_string_equal(turn->thoughts, buf_str(&thinking.thoughts));
		assert_string_equal(turn->answer, buf_str(&thinking.answer));
		/* one token that holds thoughts and answer belongs to the answer */
		assert_int_equal(turn->n_thinking, (int)thinking.n_tok);
		thinking_finish(&thinking);
	}
}

/* However its bytes are cut into tokens, a text is the same thoughts and the same answer. */
static void cutting_it_otherwise_changes_nothing(void **state)
{
	static const char *const parts[] = {"<think>", "</think>", "<thi", "nk>", "</", "think>",
		"\n", " ", "a", "b<", ">", "<|channel|>", "final", "analysis", "<|message|>",
		"<|end|>"};
	static const char *const names[] = {"qwen3", "deepseek-r1", "gpt-oss", "chatml"};
	struct dice dice = {.seed = 11};

	for (int round = 0; round < 20000; round++) {
		const struct template_thinking *rules =
			&template_by_name(names[dice_below(&dice, ARRAY_LEN(names))])->thinking;
		struct thinking whole, cut;
		struct buf text = BUF_INIT;

		for (uint32_t n = dice_below(&dice, 12); n > 0; n--) {
			buf_addstr(&text, parts[dice_below(&dice, ARRAY_LEN(parts))]);
		}
		thinking_init(&whole, rules, MARK_MODEL_OPEN);
		thinking_init(&cut, rules, MARK_MODEL_OPEN);
		thinking_add(&whole, buf_str(&text), text.len, 0);
		for (size_t at = 0, n; at < text.len; at += n) {
			n = 1 + dice_below(&dice, 5);
			n = n < text.len - at ? n : text.len - at;
			thinking_add(&cut, text.data + at, n, 0);
		}
		assert_int_equal(whole.state, cut.state);
		thinking_flush(&whole);
		thinking_flush(&cut);
		assert_string_equal(buf_str(&whole.thoughts), buf_str(&cut.thoughts));
		assert_string_equal(buf_str(&whole.answer), buf_str(&cut.answer));
		thinking_finish(&whole);
		thinking_finish(&cut);
		buf_finish(&text);
	}
}

/* A model that goes astray before it says a word holds up nothing for long. */
static void what_is_held_is_bounded(void **state)
{
	static const char *const names[] = {"qwen3", "gpt-oss"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct thinking thinking;

		thinking_init(&thinking, &template_by_name(names[i])->thinking, MARK_MODEL_OPEN);
		if (i) {
			thinking_add(&thinking, "<|channel|>", 11, 1);
		}
		for (int k = 0; k < 100000; k++) {
			thinking_add(&thinking, i ? "x" : "\n", 1, 0);
			assert_true(thinking.held.len < 2000);
		}
		assert_int_equal(i ? THINKING_INSIDE : THINKING_ANSWER, thinking.state);
		thinking_flush(&thinking);
		assert_int_equal(100000, (i ? &thinking.thoughts : &thinking.answer)->len);
		thinking_finish(&thinking);
	}
}

/* Nothing of the answer waits: who constrains its quotes must know every byte. */
static void an_answer_is_never_held_back(void **state)
{
	static const char *const parts[] = {"<", "<think", "</think", "<|end|", "[S1 \"", " "};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct thinking thinking;

		thinking_init(&thinking, &template_by_name("qwen3")->thinking, MARK_MODEL_OPEN);
		thinking_add(&thinking, "x", 1, 0);
		buf_clear(&thinking.answer);
		thinking_add(&thinking, parts[i], strlen(parts[i]), 0);
		assert_string_equal(parts[i], buf_str(&thinking.answer));
		thinking_finish(&thinking);
	}
}

static void a_message_end_ends_the_turn_only_behind_the_answer(void **state)
{
	const struct template_thinking *rules = &template_by_name("gpt-oss")->thinking;
	struct thinking thinking;

	thinking_init(&thinking, rules, MARK_MODEL_OPEN);
	thinking_add(&thinking, "<|channel|>analysis<|message|>a", 31, 0);
	assert_false(thinking_ends(&thinking, "<|end|>", 7, 1));
	thinking_add(&thinking, "<|end|>", 7, 1);
	thinking_add(&thinking, "<|start|>assistant<|channel|>final<|message|>b", 46, 0);
	assert_string_equal("b", buf_str(&thinking.answer));
	assert_true(thinking_ends(&thinking, "<|end|>", 7, 1));
	assert_false(thinking_ends(&thinking, "<|end|>", 7, 0)); /* words that say so */
	thinking_finish(&thinking);
	thinking_init(&thinking, &template_by_name("qwen3")->thinking, MARK_MODEL_OPEN_NO_THINK);
	assert_false(thinking_ends(&thinking, "<|end|>", 7, 1));
	thinking_finish(&thinking);
}

/* <|end|> ends a Phi's answer and only a message of GPT-OSS's. */
static void what_ends_an_answer_is_the_templates_matter(void **state)
{
	struct tokenizer *tokenizer = fixture_tokenizer("reader-small.gguf");
	uint32_t end = tokenizer_find(tokenizer, "<|end|>", 7);
	uint32_t user = tokenizer_find(tokenizer, "<|user|>", 8);

	assert_true(tokenizer_is_end(tokenizer, end));
	assert_false(tokenizer_is_end(tokenizer, user));
	assert_int_equal(0, template_forbid_markers(template_by_name("phi3"), tokenizer, NULL));
	assert_true(tokenizer_is_end(tokenizer, end));
	tokenizer_set_end(tokenizer, "no such token", 1);
	tokenizer_set_end(tokenizer, "<|user|>", 1);
	assert_true(tokenizer_is_end(tokenizer, user));
	assert_int_equal(0, template_forbid_markers(template_by_name("gpt-oss"), tokenizer, NULL));
	assert_false(tokenizer_is_end(tokenizer, end));
	assert_true(tokenizer_is_end(tokenizer, user));
	tokenizer_close(tokenizer);
}

/* A turn that the prompt has begun already goes on where it stands. */
static void a_reply_goes_on_where_the_prompt_leaves_it(void **state)
{
	const struct template_thinking *rules = &template_by_name("qwen3")->thinking;
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	static const char begun[] = "<think>\nLet me see", more[] = ".</think>\n\nBy hand";
	struct ids turn = {0}, next = {0};
	struct reply reply;
	int is_thinking;

	tokenizer_encode_special(encoder, begun, strlen(begun), 0, &turn);
	tokenizer_encode_special(encoder, more, strlen(more), 0, &next);
	reply_init(&reply, tokenizer, rules, MARK_MODEL_OPEN, turn.id, turn.count, NULL);
	for (size_t i = 0; i < next.count; i++) {
		assert_int_equal(0, reply_add(&reply, next.id[i], &is_thinking));
	}
	assert_false(is_thinking);
	reply_flush(&reply);
	assert_string_equal(".", buf_str(&reply.thoughts.ready));
	assert_string_equal("By hand", buf_str(&reply.answer.ready));
	reply_finish(&reply);
	ids_finish(&turn);
	ids_finish(&next);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

/* A stop text is looked for in the answer alone. */
static void a_stop_text_in_the_thoughts_stops_nothing(void **state)
{
	static const char *const stop[] = {"STOP", NULL};
	const struct template_thinking *rules = &template_by_name("qwen3")->thinking;
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(tokenizer);
	static const char text[] = "<think>a STOP b</think>c STOP d";
	struct ids ids = {0};
	struct reply reply;
	int is_thinking, stopped = 0;

	tokenizer_encode_special(encoder, text, strlen(text), 0, &ids);
	reply_init(&reply, tokenizer, rules, MARK_MODEL_OPEN, NULL, 0, stop);
	for (size_t i = 0; i < ids.count && !stopped; i++) {
		stopped = reply_add(&reply, ids.id[i], &is_thinking);
	}
	assert_true(stopped);
	assert_string_equal("a STOP b", buf_str(&reply.thoughts.ready));
	assert_string_equal("c ", buf_str(&reply.answer.ready));
	reply_finish(&reply);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thoughts_are_told_from_the_answer),
		cmocka_unit_test(cutting_it_otherwise_changes_nothing),
		cmocka_unit_test(what_is_held_is_bounded),
		cmocka_unit_test(an_answer_is_never_held_back),
		cmocka_unit_test(a_message_end_ends_the_turn_only_behind_the_answer),
		cmocka_unit_test(what_ends_an_answer_is_the_templates_matter),
		cmocka_unit_test(a_reply_goes_on_where_the_prompt_leaves_it),
		cmocka_unit_test(a_stop_text_in_the_thoughts_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
