/* The tree of turns: branches, what they share, and what stands on which. */
#include "tests/unit/session_fixture.h"

static struct session *new_session(void)
{
	return session_create(&(struct session_config){.no_cite = 1});
}

static size_t common(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	size_t n = 0;

	while (n < n_a && n < n_b && a[n] == b[n]) {
		n++;
	}
	return n;
}

static void a_question_continues_the_head(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	size_t count;
	int64_t *path;
	struct err err;
	int64_t a, b, c;

	assert_int_equal(0, session_head(session));
	a = say(session, engine, "A?", 3);
	b = say(session, engine, "B?", 3);
	assert_int_equal(0, session_switch(session, a, &err));
	c = say(session, engine, "C?", 3);
	assert_int_equal(3, session_turn_count(session));
	assert_int_equal(c, session_head(session));
	path = session_path(session, &count);
	assert_int_equal(2, count);
	assert_int_equal(a, path[0]);
	assert_int_equal(c, path[1]);
	free(path);
	for (size_t i = 0; i < 3; i++) {
		struct session_turn turn = session_turn_at(session, i);

		assert_int_equal(turn.id == a ? 0 : a, turn.parent);
		assert_int_equal(turn.id == a ? 2 : 0, turn.n_child);
		assert_int_equal(turn.id != b, turn.is_current);
	}
	assert_int_equal(-1, session_switch(session, 9, &err));
	assert_int_equal(ERR_USAGE, err.code);
	assert_int_equal(c, session_head(session));
	session_destroy(session);
	engine_close(engine);
}

static void a_branch_has_nothing_of_another(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t a = say(session, engine, "Alpha?", 3);
	char *text;

	say(session, engine, "Beta?", 3);
	assert_int_equal(0, session_switch(session, a, NULL));
	text = context(session, "Gamma?");
	assert_non_null(strstr(text, "Alpha?"));
	assert_null(strstr(text, "Beta?"));
	free(text);
	assert_int_equal(0, session_switch(session, 0, NULL));
	text = context(session, "Gamma?");
	assert_null(strstr(text, "Alpha?"));
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* The same prompt to the last id, so that asking again computes nothing. */
static void a_fork_stands_where_the_turn_did(void **state)
{
	struct engine *engine = open_random();
	struct session *session = new_session();
	struct session_answer first, again;
	uint32_t *before, *after;
	size_t n_before, n_after;
	char *question;

	add_text(session, "a.txt", "alpha beta gamma\n");
	say(session, engine, "First?", 4);
	add_text(session, "b.txt", "delta epsilon\n");
	update_text(session, 0, "alpha beta\n");
	before = prompt_ids(session, engine, "Second?", &n_before);
	ask(session, engine, "Second?", 4, NULL, &first);
	assert_int_equal(0, session_fork(session, first.turn, &question, NULL));
	assert_string_equal("Second?", question);
	after = prompt_ids(session, engine, question, &n_after);
	assert_int_equal(n_before, n_after);
	assert_memory_equal(before, after, n_before * sizeof(*before));
	ask(session, engine, question, 4, NULL, &again);
	assert_int_equal(first.text_len, again.text_len);
	assert_memory_equal(first.text, again.text, first.text_len);
	assert_int_equal(again.usage.prompt_tok - 1, again.usage.cached_tok);
	assert_int_equal(3, session_turn_count(session));
	free(question);
	free(before);
	free(after);
	session_answer_finish(&first);
	session_answer_finish(&again);
	session_destroy(session);
	engine_close(engine);
}

static void an_edit_shares_what_stands_before_it(void **state)
{
	struct engine *engine = open_random();
	struct session *session = new_session();
	uint32_t *first, *edited;
	size_t n_first, n_edited;
	char *question;
	int64_t turn;

	add_text(session, "a.txt", "alpha beta gamma\n");
	first = prompt_ids(session, engine, "What is alpha?", &n_first);
	turn = say(session, engine, "What is alpha?", 4);
	assert_int_equal(0, session_fork(session, turn, &question, NULL));
	edited = prompt_ids(session, engine, "Who is beta?", &n_edited);
	assert_true(common(first, n_first, edited, n_edited) > n_first / 2);
	free(first);
	free(edited);
	free(question);
	session_destroy(session);
	engine_close(engine);
}

/* S2 was loaded for the second turn: it stands there, and where that is asked again. */
static void late_sources_stand_on_their_branch(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first = say(session, engine, "First?", 3), second;
	char *question, *text;

	add_text(session, "late.txt", "only here\n");
	second = say(session, engine, "Second?", 3);
	assert_true(session_source_at(session, 0).is_in_context);
	assert_int_equal(0, session_switch(session, first, NULL));
	assert_false(session_source_at(session, 0).is_in_context);
	text = context(session, "Other?");
	assert_null(strstr(text, "only here"));
	free(text);
	assert_int_equal(0, session_fork(session, second, &question, NULL));
	text = context(session, question);
	assert_non_null(strstr(text, "only here"));
	free(text);
	free(question);
	/* And a fork that is not asked leaves nothing behind. */
	assert_int_equal(0, session_switch(session, first, NULL));
	text = context(session, "Other?");
	assert_null(strstr(text, "only here"));
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* What was loaded and not asked about yet goes where the reader goes. */
static void what_waits_goes_along(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first = say(session, engine, "First?", 3);
	char *text;

	say(session, engine, "Second?", 3);
	add_text(session, "new.txt", "news\n");
	assert_int_equal(0, session_switch(session, first, NULL));
	text = context(session, "Other?");
	assert_non_null(strstr(text, "news"));
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* An update is of no use without what it updates: it waits until its source is there. */
static void an_update_waits_for_its_source(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first = say(session, engine, "First?", 3), second;
	char *text;

	add_text(session, "s.txt", "old words\n");
	second = say(session, engine, "Second?", 3);
	update_text(session, 0, "new words\n");
	assert_int_equal(0, session_switch(session, first, NULL));
	text = context(session, "Third?");
	assert_null(strstr(text, "new words"));
	free(text);
	say(session, engine, "Third?", 3);
	assert_int_equal(0, session_switch(session, second, NULL));
	text = context(session, "Fourth?");
	assert_non_null(strstr(text, "<update of=\"S1\">\n1|new words"));
	free(text);
	session_destroy(session);
	engine_close(engine);
}

/* Of a model without system messages, the first message has all: nothing runs into another. */
static void a_first_message_with_late_sources_is_parted(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct engine_info info = *engine_info(engine);
	struct prompt prompt = {0};
	struct buf text = BUF_INIT;

	info.has_system = 0;
	add_text(session, "a.txt", "alpha\n");
	say(session, engine, "First?", 3);
	add_text(session, "b.txt", "beta\n");
	assert_int_equal(0, session_switch(session, 0, NULL));
	session_prompt(session, "Q?", 2, &info, &prompt);
	for (size_t i = 0; i < prompt.count; i++) {
		if (segment_kind(prompt.item[i]) == SEGMENT_TEXT) {
			size_t len;
			const char *bytes = segment_bytes(prompt.item[i], &len);

			buf_add(&text, bytes, len);
		}
	}
	assert_non_null(strstr(buf_str(&text), "</source>\n<source id=\"S2\" kind=\"text\" "
					       "name=\"b.txt\">\n1|beta\n</source>\n\nQ?"));
	buf_finish(&text);
	prompt_finish(&prompt);
	session_destroy(session);
	engine_close(engine);
}

/* What another branch reads is no proof here. */
static void only_what_was_read_is_cited(void **state)
{
	struct session *session = session_create(&(struct session_config){.free_quotes = 1});
	struct session_answer answer;
	struct engine *engine;
	int64_t first;

	setenv("CARREL_FAKE_ANSWER", "See [S2 b.txt:1 \"delta epsilon\"].", 1);
	engine = open_fake(0);
	unsetenv("CARREL_FAKE_ANSWER");
	add_text(session, "a.txt", "alpha\n");
	first = say(session, engine, "First?", 2);
	add_text(session, "b.txt", "delta epsilon\n");
	ask(session, engine, "Where?", 100, NULL, &answer);
	assert_int_equal(VERDICT_VERIFIED, answer.citation[0].verdict);
	session_answer_finish(&answer);
	assert_int_equal(0, session_switch(session, first, NULL));
	ask(session, engine, "Where?", 100, NULL, &answer);
	assert_int_equal(VERDICT_NOT_FOUND, answer.citation[0].verdict);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

static void a_failed_engine_leaves_the_question_as_the_draft(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct engine_sampling bad = engine_sampling_default;
	struct session_answer answer;
	struct err err;

	bad.temperature = bad.top_p = -1;
	assert_string_equal("", session_draft(session));
	assert_int_equal(-1, session_ask(session, engine, "Why?", 4, &bad, 9, NULL, &answer, &err));
	assert_string_equal("Why?", session_draft(session));
	assert_int_equal(0, session_turn_count(session));
	say(session, engine, "Why?", 4);
	assert_string_equal("", session_draft(session));
	session_destroy(session);
	engine_close(engine);
}

/* ---- to the token ---- */

static int stop_after_two(void *arg)
{
	return *(int *)arg > 1;
}

static void count_text(void *arg, const char *text, size_t len)
{
	++*(int *)arg;
}

/* The next prompt is this one, the answer, what closes it, and the question. */
static void check_continuation(
	struct session *session, struct engine *engine, int64_t max_tok, int is_stopped)
{
	int n_text = 0;
	struct session_watch watch = {
		.stopped = is_stopped ? stop_after_two : NULL, .text = count_text, .arg = &n_text};
	size_t n_before, n_after, n_turn = session_turn_count(session);
	uint32_t *before = prompt_ids(session, engine, "One more?", &n_before), *after;
	struct session_answer answer;
	const struct store_turn *turn;
	struct session_cost cost;
	struct err err;

	ask(session, engine, "One more?", max_tok, &watch, &answer);
	assert_int_equal(n_before, answer.usage.prompt_tok);
	assert_true(is_stopped < 2 || answer.stop == ENGINE_STOP_CANCELLED);
	turn = session_turn_at(session, n_turn).stored;
	after = prompt_ids(session, engine, "And then?", &n_after);
	assert_true(n_after > n_before + turn->n_ids);
	assert_memory_equal(before, after, n_before * sizeof(*before));
	assert_memory_equal(turn->ids, after + n_before, turn->n_ids * sizeof(*after));
	/* And all of it is there already, what closes the answer too, however it ended. */
	must(session_cost(session, engine, NULL, &cost, &err), &err);
	assert_int_equal(count_said(session, engine), cost.cached_tok);
	session_answer_finish(&answer);
	free(before);
	free(after);
}

static void a_prompt_continues_the_one_before_to_the_id(void **state)
{
	static const int64_t max_tok[] = {1, 7, 40};
	struct engine *engine;

	setenv("CARREL_FAKE_TOKEN_US", "500", 1);
	for (int random = 0; random < 2; random++) {
		for (int no_think = 0; no_think < 2; no_think++) {
			struct session *session =
				session_create(&(struct session_config){.no_think = no_think});

			engine = random ? open_random() : open_fake(0);
			add_text(session, "a.txt", "alpha beta gamma\n");
			for (size_t i = 0; i < ARRAY_LEN(max_tok); i++) {
				check_continuation(session, engine, max_tok[i], 0);
				add_text(session, "n.txt", "late\n");
			}
			check_continuation(session, engine, 200, random ? 1 : 2);
			check_continuation(session, engine, 5, 0);
			session_destroy(session);
			engine_close(engine);
		}
	}
	unsetenv("CARREL_FAKE_TOKEN_US");
}

/* Read ahead, and the question computes only itself. */
static void a_prefill_leaves_only_the_question(void **state)
{
	struct engine *engine = open_random();
	struct session *session = new_session();
	struct session_cost cost;
	struct session_answer answer;
	struct engine_usage usage;
	int64_t total_tok;
	struct err err;

	add_text(session, "a.txt", "alpha beta gamma\nand one more line of text\n");
	must(session_count(session, engine, NULL, &total_tok, &err), &err);
	must(session_cost(session, engine, NULL, &cost, &err), &err);
	assert_int_equal(total_tok, cost.total_tok);
	assert_int_equal(0, cost.cached_tok);
	must(session_prefill(session, engine, NULL, &usage, &err), &err);
	assert_int_equal(total_tok, usage.prompt_tok);
	assert_int_equal(total_tok, usage.prefill_tok);
	must(session_cost(session, engine, NULL, &cost, &err), &err);
	assert_true(cost.cached_tok >= total_tok - 1);
	ask(session, engine, "What?", 3, NULL, &answer);
	assert_true(answer.usage.cached_tok >= total_tok - 1);
	session_answer_finish(&answer);
	assert_int_equal(
		-1, session_prefill(session, engine,
			    &(struct session_watch){.stopped = stop_after_two, .arg = &(int){9}},
			    &usage, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	session_destroy(session);
	engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_continues_the_head),
		cmocka_unit_test(a_branch_has_nothing_of_another),
		cmocka_unit_test(a_fork_stands_where_the_turn_did),
		cmocka_unit_test(an_edit_shares_what_stands_before_it),
		cmocka_unit_test(late_sources_stand_on_their_branch),
		cmocka_unit_test(what_waits_goes_along),
		cmocka_unit_test(an_update_waits_for_its_source),
		cmocka_unit_test(a_first_message_with_late_sources_is_parted),
		cmocka_unit_test(only_what_was_read_is_cited),
		cmocka_unit_test(a_failed_engine_leaves_the_question_as_the_draft),
		cmocka_unit_test(a_prompt_continues_the_one_before_to_the_id),
		cmocka_unit_test(a_prefill_leaves_only_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
