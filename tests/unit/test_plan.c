/* What reading would cost, before it is done: held against what it does cost then. */
#include "session/library.h"
#include "session/plan.h"

#include "base/buf.h"
#include "session_fixture.h"

static void add_prose(struct session *session, const char *name, int n_line)
{
	struct buf text = BUF_INIT;

	for (int i = 1; i <= n_line; i++) {
		buf_printf(&text, "The %s number %d stands in hall %d.\n%s", name, i, 7 * i,
			i % 6 == 0 ? "\n" : "");
	}
	add_text(session, name, buf_str(&text));
	buf_finish(&text);
}

static struct session_plan plan_of(
	struct session *session, struct engine *engine, const struct session_reading *how)
{
	struct session_plan plan;
	struct err err;

	must(session_plan_reading(session, engine, how, NULL, &plan, &err), &err);
	return plan;
}

static struct session_answer sweep(struct session *session, struct engine *engine,
	const struct session_reading *how, const char *question)
{
	struct session_answer answer;
	struct err err;

	must(session_ask_over(session, engine, how, question, strlen(question), NULL, 8, NULL,
		     &answer, &err),
		&err);
	return answer;
}

static struct engine *open_small(void)
{
	char *path = mem_printf("%s/models/random.gguf", getenv("CARREL_TEST_BUILD"));
	struct engine *engine = open_engine(&(struct engine_config){
		.model = path, .backend = "cpu", .n_thread = 1, .context_tok = 1024});

	free(path);
	return engine;
}

static void a_sweep_costs_what_was_planned(void **state)
{
	struct engine *engine = open_small();
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_reading how = {.over = SESSION_OVER_SWEEP, .window_tok = 300};
	struct session_plan before, after;
	struct session_answer answer;

	(void)state;
	add_prose(session, "pump", 90);
	add_prose(session, "valve", 40);
	before = plan_of(session, engine, &how);
	assert_false(before.fits);
	assert_int_equal(1024, before.context_tok);
	assert_true(before.total_tok > 1024);
	assert_int_equal(300, before.window_tok);
	assert_int_equal(0, before.sweep_cached_tok);
	answer = sweep(session, engine, &how, PLAN_QUESTION);
	assert_int_equal(before.n_window, answer.coverage.n_window);
	assert_int_equal(before.n_window, answer.coverage.n_read);
	assert_int_equal(before.n_chunk, answer.coverage.n_chunk);
	assert_int_equal(before.sweep_tok, answer.reading.prompt_tok);
	session_answer_finish(&answer);
	/* Again, as another question at the same place. */
	must(session_switch(session, 0, NULL), NULL);
	after = plan_of(session, engine, &how);
	assert_int_equal(before.sweep_tok, after.sweep_tok);
	assert_int_equal(before.total_tok, after.total_tok);
	answer = sweep(session, engine, &how, PLAN_QUESTION);
	assert_int_equal(after.sweep_cached_tok, answer.reading.cached_tok);
	assert_int_equal(after.sweep_tok, answer.reading.prompt_tok);
	assert_true(after.sweep_cached_tok > after.sweep_tok / 2);
	if (after.sweep_cold_s >= 0) { /* enough was measured by now to say so */
		assert_true(after.sweep_s < after.sweep_cold_s);
		assert_true(after.sweep_warm_s < after.sweep_cold_s);
		assert_true(after.select_s >= 0);
	}
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

static void the_conversation_is_planned_with(void **state)
{
	struct engine *engine = open_fake(1024);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_reading how = {
		.over = SESSION_OVER_SWEEP, .window_tok = 400, .select_tok = 100};
	struct session_plan before, after;
	struct session_answer answer;

	(void)state;
	add_prose(session, "pump", 60);
	before = plan_of(session, engine, &how);
	answer = sweep(session, engine, &how, "Why?");
	session_answer_finish(&answer);
	after = plan_of(session, engine, &how);
	assert_true(after.total_tok > before.total_tok);
	assert_true(after.sweep_tok > before.sweep_tok);
	assert_int_equal(before.n_window, after.n_window);
	answer = sweep(session, engine, &how, "Why?");
	assert_int_equal(1, answer.coverage.n_turn_read);
	session_answer_finish(&answer);
	session_destroy(session);
	engine_close(engine);
}

static void what_fits_is_said_to_fit(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_reading how = {.over = SESSION_OVER_AUTO};
	struct session_plan plan = plan_of(session, engine, &how);
	struct prompt prompt = {0};
	size_t count;

	(void)state;
	assert_true(plan.fits);
	assert_int_equal(0, plan.n_window + plan.n_chunk + plan.sweep_tok + plan.select_tok);
	add_prose(session, "pump", 10);
	say(session, engine, "Anything?", 4);
	plan = plan_of(session, engine, &how);
	assert_true(plan.fits);
	assert_int_equal(1, plan.n_window);
	session_prompt(session, "", 0, engine_info(engine), &prompt);
	free(ids_of(engine, &prompt, &count));
	assert_in_range(plan.total_tok, count - 32, count + 32); /* but for the template's marks */
	prompt_finish(&prompt);
	assert_true(plan.index_s > 0);
	assert_int_equal(0, plan.missing_vectors);
	session_destroy(session);
	engine_close(engine);
}

static int at_once(void *arg)
{
	return --*(int *)arg < 0;
}

static void a_stop_ends_the_planning(void **state)
{
	struct engine *engine = open_fake(1024);
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_reading how = {.over = SESSION_OVER_AUTO};
	int n_stopped = 0;

	(void)state;
	add_prose(session, "pump", 100);
	for (int left = 0;; left++) {
		int still = left;
		struct session_watch watch = {.stopped = at_once, .arg = &still};
		struct session_plan plan;
		struct err err;

		if (session_plan_reading(session, engine, &how, &watch, &plan, &err) == 0) {
			break;
		}
		assert_int_equal(ERR_INTERRUPTED, err.code);
		n_stopped++;
	}
	assert_true(n_stopped > 3);
	session_destroy(session);
	engine_close(engine);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sweep_costs_what_was_planned),
		cmocka_unit_test(the_conversation_is_planned_with),
		cmocka_unit_test(what_fits_is_said_to_fit),
		cmocka_unit_test(a_stop_ends_the_planning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
