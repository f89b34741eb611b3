/* A session with a model that thinks: what is kept, what is sent again, what is the answer. */
#include "session/session.h"

#include "base/buf.h"
#include "engine/engine_thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct engine *open_thinker(const char *template_name)
{
	struct engine *engine;
	struct err err;

	setenv("CARREL_FAKE_TEMPLATE", template_name, 1);
	setenv("CARREL_FAKE_ANSWER", "<think>\nOne of two.\n</think>\n\nIt is alpha.", 1);
	if (engine_open_thread(&engine, &(struct engine_config){.model = "fake", .backend = "fake"},
		    &err) < 0 ||
		engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	assert_true(engine_info(engine)->thinks);
	return engine;
}

static void ask(struct session *session, struct engine *engine, const char *question,
	int64_t max_tok, struct session_answer *answer)
{
	struct err err;

	if (session_ask(session, engine, question, strlen(question), NULL, max_tok, NULL, answer,
		    &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
}

/* How the last answer of the conversation is opened, and its segment, in the next prompt. */
static enum prompt_mark last_turn(const struct session *session, const struct engine_info *info,
	struct prompt *prompt, const struct segment **answer)
{
	session_prompt(session, "Next?", 5, info, prompt);
	/* ... MODEL_OPEN, answer, MODEL_CLOSE, USER_OPEN, question, USER_CLOSE, MODEL_OPEN */
	*answer = prompt->item[prompt->count - 6];
	return segment_get_mark(prompt->item[prompt->count - 7]);
}

static void check_thoughts(int no_think)
{
	static const char said[] = "It is alpha.";
	struct engine *engine;
	struct session *session =
		session_create(&(struct session_config){.no_cite = 1, .no_think = no_think});
	struct session_answer first, second;
	struct engine_info other;
	struct prompt prompt = {0};
	const struct segment *answer;
	const char *text;
	struct buf context = BUF_INIT;
	size_t count, len;

	engine = open_thinker("qwen3");
	ask(session, engine, "First?", 100, &first);
	assert_string_equal(said, first.text);
	assert_string_equal(no_think ? "" : "One of two.\n", first.thinking);
	assert_int_equal(strlen(said), first.usage.generated_tok - first.usage.thinking_tok);
	assert_int_equal(no_think ? 0 : 17, first.usage.thinking_tok);
	assert_false(first.is_thinking);
	/* it is sent again as it was sampled */
	assert_int_equal(no_think ? PROMPT_MODEL_OPEN_NO_THINK : PROMPT_MODEL_OPEN,
		last_turn(session, engine_info(engine), &prompt, &answer));
	segment_get_ids(answer, &count);
	assert_int_equal(first.usage.generated_tok, count);
	prompt_finish(&prompt);
	/* to another tokenizer as an answer that nobody thought about */
	other = *engine_info(engine);
	memset(other.tokenizer_digest, 'f', 64);
	assert_int_equal(PROMPT_MODEL_OPEN_NO_THINK, last_turn(session, &other, &prompt, &answer));
	text = segment_bytes(answer, &len);
	assert_int_equal(strlen(said), len);
	assert_memory_equal(said, text, len);
	prompt_finish(&prompt);
	session_context_text(session, NULL, 0, &context);
	assert_null(strstr(buf_str(&context), "One of two"));
	buf_finish(&context);
	/* and nothing of it is computed twice */
	ask(session, engine, "Second?", 100, &second);
	assert_true(
		second.usage.cached_tok >= first.usage.prompt_tok + first.usage.generated_tok - 64);
	assert_string_equal(said, second.text);
	session_answer_finish(&first);
	session_answer_finish(&second);
	session_destroy(session);
	engine_close(engine);
}

static void thoughts_stay_in_the_conversation_and_out_of_its_answers(void **state)
{
	check_thoughts(0);
}

static void an_answer_without_thoughts_stays_one(void **state)
{
	check_thoughts(1);
}

static void an_answer_cut_in_its_thoughts_says_so(void **state)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_answer answer;
	struct engine *engine;

	engine = open_thinker("qwen3.5");
	ask(session, engine, "First?", 5, &answer);
	assert_int_equal(ENGINE_STOP_LENGTH, answer.stop);
	assert_true(answer.is_thinking);
	assert_string_equal("One o", answer.thinking);
	assert_string_equal("", answer.text);
	assert_int_equal(5, answer.usage.thinking_tok);
	session_answer_finish(&answer);
	/* in the line ends behind them */
	ask(session, engine, "Second?", 14, &answer);
	assert_int_equal(ENGINE_STOP_LENGTH, answer.stop);
	assert_string_equal("One of two.\n", answer.thinking);
	assert_true(answer.is_thinking); /* not a word of it was said */
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

/* QwQ's template opens the thoughts itself, and it was trained on nothing else. */
static void a_model_that_always_thinks_is_asked_as_its_template_asks(void **state)
{
	struct engine *engine = open_thinker("qwen3-thinking");
	struct prompt prompt = {0};
	const struct segment *answer;
	struct session_answer first;
	struct session *session =
		session_create(&(struct session_config){.no_cite = 1, .no_think = 1});

	assert_false(engine_info(engine)->can_skip_thinking);
	ask(session, engine, "First?", 100, &first);
	assert_string_equal("It is alpha.", first.text);
	assert_int_equal(
		PROMPT_MODEL_OPEN, last_turn(session, engine_info(engine), &prompt, &answer));
	assert_int_equal(PROMPT_MODEL_OPEN, segment_get_mark(prompt.item[prompt.count - 1]));
	prompt_finish(&prompt);
	session_answer_finish(&first);
	session_destroy(session);
	engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thoughts_stay_in_the_conversation_and_out_of_its_answers),
		cmocka_unit_test(an_answer_without_thoughts_stays_one),
		cmocka_unit_test(an_answer_cut_in_its_thoughts_says_so),
		cmocka_unit_test(a_model_that_always_thinks_is_asked_as_its_template_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
