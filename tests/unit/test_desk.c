/* The desk: a session and an engine on a thread of their own, seen through events and states. */
#include "tests/unit/desk_fixture.h"

#include "base/log.h"

#include <signal.h>

/* ---- opening ---- */

static void test_a_desk_opens_a_session_and_its_engine_becomes_ready(void **state)
{
	struct table table;
	const struct desk_state *seen;

	table_open(&table, &(struct host){0});
	seen = desk_state(table.desk);
	assert_non_null(seen);
	desk_state_unref(seen);
	seen = await_ready(&table);
	assert_string_equal("fake", seen->info.model_name);
	assert_true(seen->info.context_tok > 0);
	assert_int_equal(0, seen->n_turn);
	assert_int_equal(0, seen->n_source);
	assert_int_equal(0, seen->head);
	assert_false(seen->is_kept);
	table_close(&table);
}

/* ---- questions ---- */

static void test_text_and_thoughts_stream_and_the_turn_is_in_the_state_when_it_ends(void **state)
{
	struct table table;
	struct seen seen;
	const struct desk_turn *turn;

	setenv("CARREL_FAKE_TEMPLATE", "qwen3", 1);
	setenv("CARREL_FAKE_ANSWER", "<think>let me see</think>the ring is built here", 1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(0, seen.err.code);
	assert_string_equal("the ring is built here", buf_str(&seen.text));
	assert_string_equal("let me see", buf_str(&seen.thoughts));
	assert_true(seen.turn > 0);
	assert_true(seen.n_progress > 0);
	turn = desk_state_turn(table.state, seen.turn);
	assert_non_null(turn);
	assert_string_equal("Where?", turn->question);
	assert_string_equal("the ring is built here", turn->answer);
	assert_string_equal("let me see", turn->thinking);
	assert_int_equal(seen.turn, table.state->head);
	assert_int_equal(1, table.state->n_path);
	assert_null(turn->coverage);
	seen_finish(&seen);
	table_close(&table);
}

static void test_a_stop_keeps_what_came(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	setenv("CARREL_FAKE_ANSWER", "word word word word word word word word word word word", 1);
	setenv("CARREL_FAKE_TOKEN_US", "20000", 1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	order = desk_ask(table.desk, "Where?", 6);
	await_text(&table, order);
	desk_stop(table.desk, 0);
	seen = await_end(&table, order);
	assert_int_equal(0, seen.err.code);
	assert_true(seen.turn > 0);
	assert_int_equal(ENGINE_STOP_CANCELLED, desk_state_turn(table.state, seen.turn)->stop);
	assert_true(desk_state_turn(table.state, seen.turn)->answer_len < 50);
	seen_finish(&seen);
	table_close(&table);
}

static void test_orders_wait_and_a_stop_of_all_drops_them(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order[3];

	setenv("CARREL_FAKE_TOKEN_US", "20000", 1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	for (size_t i = 0; i < 3; i++) {
		order[i] = desk_ask(table.desk, "Where?", 6);
	}
	assert_true(order[0] < order[1] && order[1] < order[2]);
	await_text(&table, order[0]);
	while (table.state->n_waiting != 2) {
		take_event(&table);
	}
	desk_stop(table.desk, 1);
	for (size_t i = 0; i < 3; i++) {
		seen = await_end(&table, order[i]);
		assert_int_equal(i ? ERR_INTERRUPTED : ERR_NONE, seen.err.code);
		seen_finish(&seen);
	}
	assert_int_equal(1, table.state->n_turn);
	table_close(&table);
}

/* ---- previews ---- */

static void test_a_preview_counts_the_question_and_what_is_computed(void **state)
{
	struct table table;
	struct seen seen;
	struct desk_preview preview;
	uint64_t serial;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	await_costs(&table);
	serial = desk_preview(table.desk, "Where is the ring?", 18);
	preview = await_preview(&table, serial);
	assert_int_equal(18, preview.question_tok); /* a byte is a token of the fake */
	assert_true(preview.fits);
	assert_int_equal(preview.total_tok, preview.cached_tok + preview.new_tok);
	seen = await_end(&table, desk_ask(table.desk, "Where is the ring?", 18));
	seen_finish(&seen);
	await_costs(&table);
	while (table.state->cached_tok <= 0) {
		take_event(&table);
	}
	preview = await_preview(&table, desk_preview(table.desk, "And?", 4));
	assert_int_equal(4, preview.question_tok);
	assert_true(preview.cached_tok > 0);
	table_close(&table);
}

static void test_a_preview_is_answered_while_an_answer_is_under_way(void **state)
{
	struct table table;
	struct seen seen;
	struct desk_preview preview;
	int64_t order;

	setenv("CARREL_FAKE_ANSWER", "one two three four five six seven eight nine ten", 1);
	setenv("CARREL_FAKE_TOKEN_US", "20000", 1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	order = desk_ask(table.desk, "Where?", 6);
	await_text(&table, order);
	preview = await_preview(&table, desk_preview(table.desk, "And then?", 9));
	assert_true(preview.total_tok > 9);
	assert_false(has_ended(&table, order));
	seen = await_end(&table, order);
	assert_int_equal(0, seen.err.code);
	assert_string_equal("one two three four five six seven eight nine ten",
		desk_state_turn(table.state, seen.turn)->answer);
	seen_finish(&seen);
	table_close(&table);
}

/* ---- an engine that dies ---- */

static void test_an_engine_killed_in_mid_answer_ends_it_and_the_next_question_works(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	setenv("CARREL_FAKE_ANSWER", "one two three four five six seven eight nine ten", 1);
	setenv("CARREL_FAKE_TOKEN_US", "20000", 1);
	table_open(&table, &(struct host){.is_process = 1});
	await_ready(&table);
	order = desk_ask(table.desk, "Where?", 6);
	await_text(&table, order);
	assert_int_equal(0, kill(table.state->info.process_id, SIGKILL));
	seen = await_end(&table, order);
	assert_int_equal(ERR_ENGINE, seen.err.code);
	assert_non_null(strstr(seen.err.what, "engine"));
	assert_int_equal(0, seen.turn);
	seen_finish(&seen);
	while (table.state->engine == DESK_ENGINE_READY) {
		take_event(&table);
	}
	assert_int_equal(DESK_ENGINE_FAILED, table.state->engine);
	assert_true(table.state->engine_err.what[0]);
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(0, seen.err.code);
	assert_true(seen.turn > 0);
	assert_int_equal(DESK_ENGINE_READY, table.state->engine);
	seen_finish(&seen);
	table_close(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		desk_test(test_a_desk_opens_a_session_and_its_engine_becomes_ready),
		desk_test(test_text_and_thoughts_stream_and_the_turn_is_in_the_state_when_it_ends),
		desk_test(test_a_stop_keeps_what_came),
		desk_test(test_orders_wait_and_a_stop_of_all_drops_them),
		desk_test(test_a_preview_counts_the_question_and_what_is_computed),
		desk_test(test_a_preview_is_answered_while_an_answer_is_under_way),
		desk_test(test_an_engine_killed_in_mid_answer_ends_it_and_the_next_question_works),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
