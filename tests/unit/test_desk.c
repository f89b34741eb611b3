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

static void test_only_the_newest_of_many_previews_is_answered(void **state)
{
	struct table table;
	struct desk_preview preview;
	uint64_t serial = 0;
	char question[201];

	table_open(&table, &(struct host){0});
	await_ready(&table);
	await_costs(&table);
	memset(question, 'q', sizeof(question));
	for (size_t len = 1; len <= 200; len++) {
		serial = desk_preview(table.desk, question, len);
	}
	preview = await_preview(&table, serial);
	assert_int_equal(200, preview.question_tok);
	table_close(&table);
}

static void test_a_preview_of_more_than_the_window_says_that_it_does_not_fit(void **state)
{
	struct table table;
	struct desk_preview preview;

	write_lines("long.txt", 400, 0, NULL);
	table_open(&table, &(struct host){.context_tok = 2048, .over = SESSION_OVER_AUTO});
	await_ready(&table);
	commit(&table, desk_plan_load(table.desk, (const char *const[]){"long.txt"}, 1));
	await_costs(&table);
	assert_true(table.state->sources_tok > 2048);
	preview = await_preview(&table, desk_preview(table.desk, "Which?", 6));
	assert_int_equal(6, preview.question_tok);
	assert_false(preview.fits);
	assert_true(preview.total_tok > table.state->sources_tok);
	assert_true(preview.seconds < 0);
	table_close(&table);
}

/* ---- a screen that looks seldom ---- */

static void test_what_was_not_taken_yet_is_one_text_one_state_and_one_progress(void **state)
{
	struct table table;
	struct desk_event event;
	int64_t order;
	int n_event = 0, n_text = 0, n_state = 0, has_ended = 0;

	setenv("CARREL_FAKE_ANSWER",
		"a long answer of many words that comes a byte at a time, each an event of its own",
		1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	await_costs(&table);
	order = desk_ask(table.desk, "Where?", 6);
	for (;;) { /* until the desk has nothing to do, without taking an event */
		const struct desk_state *now = desk_state(table.desk);
		int is_over = now->n_turn == 1 && now->cached_tok > 0;

		desk_state_unref(now);
		if (is_over) {
			break;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
	}
	while (desk_next(table.desk, &event)) {
		n_event++;
		n_text += event.type == DESK_TEXT;
		n_state += event.type == DESK_STATE;
		has_ended |= event.type == DESK_ENDED && event.order == order;
		desk_event_finish(&event);
	}
	assert_true(has_ended);
	assert_int_equal(1, n_text);
	assert_int_equal(1, n_state);
	assert_in_range(n_event, 3, 8);
	table_close(&table);
}

static void test_the_descriptor_is_readable_while_there_is_an_event_and_not_after(void **state)
{
	struct table table;
	struct desk_event event;
	struct pollfd poll_fd;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	await_costs(&table);
	poll_fd = (struct pollfd){.fd = desk_fd(table.desk), .events = POLLIN};
	desk_preview(table.desk, "Where?", 6);
	assert_int_equal(1, poll(&poll_fd, 1, WAIT_MS));
	while (desk_next(table.desk, &event)) {
		desk_event_finish(&event);
	}
	assert_int_equal(0, poll(&poll_fd, 1, 0));
	assert_int_equal(0, desk_next(table.desk, &event));
	table_close(&table);
}

/* ---- more than the window ---- */

#define FACT "The pump is green."

static void open_library(struct table *table, enum session_over over)
{
	setenv("CARREL_FAKE_ANSWER", "The sources do not say.", 1);
	setenv("CARREL_FAKE_ANSWERS",
		FACT "\tWhich colour is the pump?\tIt is green. [S1 long.txt:200 \"" FACT "\"]", 1);
	write_lines("long.txt", 400, 200, FACT);
	table_open(table, &(struct host){.context_tok = 2048, .over = over});
	await_ready(table);
	commit(table, desk_plan_load(table->desk, (const char *const[]){"long.txt"}, 1));
}

static void test_a_sweep_tells_its_windows_and_finds_and_what_it_read(void **state)
{
	struct table table;
	struct seen seen;
	const struct desk_turn *turn;

	open_library(&table, SESSION_OVER_SWEEP);
	seen = await_end(&table, desk_ask(table.desk, "Which colour is the pump?", 25));
	assert_int_equal(0, seen.err.code);
	assert_int_equal(1, seen.n_found);
	assert_true(seen.n_swept > 0);
	turn = desk_state_turn(table.state, seen.turn);
	assert_non_null(turn);
	assert_non_null(strstr(turn->coverage, "windows, 1 find"));
	assert_int_equal(1, turn->n_citation);
	assert_int_equal(VERDICT_VERIFIED, turn->citation[0].verdict);
	seen_finish(&seen);
	table_close(&table);
}

static void test_a_stopped_sweep_answers_from_what_it_read_and_previews_go_on(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	open_library(&table, SESSION_OVER_SWEEP);
	table_close(&table);
	setenv("CARREL_FAKE_PREFILL_US", "100", 1);
	open_library(&table, SESSION_OVER_SWEEP);
	await_costs(&table);
	order = desk_ask(table.desk, "Which colour is the pump?", 25);
	while (!table.n_progress[order]) {
		take_event(&table);
	}
	await_preview(&table, desk_preview(table.desk, "And?", 4));
	assert_false(has_ended(&table, order));
	desk_stop(table.desk, 0);
	seen = await_end(&table, order);
	if (seen.turn) {
		assert_non_null(
			strstr(desk_state_turn(table.state, seen.turn)->coverage, "stopped"));
	} else {
		assert_int_equal(ERR_INTERRUPTED, seen.err.code);
	}
	seen_finish(&seen);
	table_close(&table);
}

static void test_what_reading_would_cost_is_told_and_the_index_is_made(void **state)
{
	struct table table;
	struct seen seen;

	open_library(&table, SESSION_OVER_AUTO);
	seen = await_end(&table, desk_plan_reading(table.desk));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	assert_false(table.reading.fits);
	assert_true(table.reading.n_window > 1);
	assert_int_equal(2048, table.reading.context_tok);
	seen = await_end(&table, desk_index(table.desk));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	table_close(&table);
}

static void test_a_prefill_that_is_stopped_goes_on_from_there(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order, cached_tok;

	setenv("CARREL_FAKE_PREFILL_US", "200", 1);
	write_lines("long.txt", 400, 0, NULL);
	table_open(&table, &(struct host){.context_tok = 32768});
	await_ready(&table);
	commit(&table, desk_plan_load(table.desk, (const char *const[]){"long.txt"}, 1));
	order = desk_prefill(table.desk);
	while (table.prefilled_tok < 1000) {
		take_event(&table);
	}
	desk_stop(table.desk, 0);
	seen = await_end(&table, order);
	assert_int_equal(ERR_INTERRUPTED, seen.err.code);
	seen_finish(&seen);
	while (table.state->cached_tok <= 0) {
		take_event(&table);
	}
	cached_tok = table.state->cached_tok;
	assert_true(cached_tok >= 900);
	assert_true(cached_tok < table.state->prompt_tok);
	assert_int_equal(DESK_KV_PARTLY, table.state->source[0].kv);
	seen = await_end(&table, desk_prefill(table.desk));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	while (table.state->cached_tok <= cached_tok) {
		take_event(&table);
	}
	assert_true(table.state->prompt_tok - table.state->cached_tok < 64);
	assert_true(table.state->prefill_tok_per_s > 0);
	table_close(&table);
}

/* ---- an engine that takes its time ---- */

static void test_while_a_model_loads_everything_else_works_and_a_question_can_be_stopped(
	void **state)
{
	struct table table;
	struct seen seen;
	uint64_t serial;

	setenv("CARREL_FAKE_LOAD_MS", "1500", 1);
	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){0});
	while (!table.ended[1]) {
		take_event(&table);
	}
	assert_int_equal(DESK_ENGINE_LOADING, table.state->engine);
	commit(&table, desk_plan_load(table.desk, (const char *const[]){"station.txt"}, 1));
	assert_int_equal(1, table.state->n_source);
	serial = desk_preview(table.desk, "Where?", 6);
	seen = stop_after(&table, desk_ask(table.desk, "Where?", 6), 200);
	assert_int_equal(ERR_INTERRUPTED, seen.err.code);
	assert_int_equal(DESK_ENGINE_LOADING, table.state->engine);
	assert_true(table.n_progress[0] > 0); /* of the model */
	seen_finish(&seen);
	assert_int_equal(0, table.preview_serial);
	await_preview(&table, serial); /* as soon as that can be */
	assert_int_equal(DESK_ENGINE_READY, table.state->engine);
	table_close(&table);
}

static void test_a_question_asked_while_the_model_loads_is_counted_before_it_is_computed(
	void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	setenv("CARREL_FAKE_LOAD_MS", "300", 1);
	setenv("CARREL_FAKE_PREFILL_US", "5000", 1);
	write_lines("station.txt", 40, 7, "The ring is built in init.");
	table_open(&table, &(struct host){.is_process = 1});
	commit(&table, desk_plan_load(table.desk, (const char *const[]){"station.txt"}, 1));
	assert_int_equal(-1, table.state->prompt_tok);
	order = desk_ask(table.desk, "Where?", 6);
	while (!table.prefilled_tok) {
		take_event(&table);
	}
	assert_false(has_ended(&table, order));
	assert_true(table.state->sources_tok > 0);
	assert_true(table.state->prompt_tok > table.state->sources_tok);
	assert_true(table.state->engine_rss_bytes > 0);
	assert_true(
		await_preview(&table, desk_preview(table.desk, "And there?", 10)).question_tok > 0);
	assert_false(has_ended(&table, order));
	desk_stop(table.desk, 0);
	seen = await_end(&table, order);
	seen_finish(&seen);
	table_close(&table);
}

static void test_closing_does_not_wait_for_a_model_or_an_answer(void **state)
{
	struct table table;
	struct timespec begun, ended;

	setenv("CARREL_FAKE_TOKEN_US", "1000000", 1);
	table_open(&table, &(struct host){.is_process = 1});
	await_ready(&table);
	await_text(&table, desk_ask(table.desk, "Where?", 6));
	clock_gettime(CLOCK_MONOTONIC, &begun);
	table_close(&table);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_in_range(ended.tv_sec - begun.tv_sec, 0, 5);
}

static void test_a_model_that_does_not_load_is_told_and_the_next_one_answers(void **state)
{
	struct table table;
	struct seen seen;

	setenv("CARREL_FAKE_FAULT", "load", 1);
	table_open(&table, &(struct host){.is_process = 1});
	while (table.state->engine != DESK_ENGINE_FAILED) {
		take_event(&table);
	}
	assert_non_null(strstr(table.state->engine_err.what, "told to fail"));
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(ERR_ENGINE, seen.err.code);
	assert_non_null(strstr(seen.err.what, "told to fail"));
	seen_finish(&seen);
	unsetenv("CARREL_FAKE_FAULT");
	seen = await_end(&table, desk_open_engine(table.desk, "fake"));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(0, seen.err.code);
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

static void test_an_engine_killed_while_nothing_is_asked_is_told_and_comes_back(void **state)
{
	struct table table;
	struct seen seen;

	table_open(&table, &(struct host){.is_process = 1});
	await_ready(&table);
	await_costs(&table);
	assert_int_equal(0, kill(table.state->info.process_id, SIGKILL));
	while (table.state->engine != DESK_ENGINE_FAILED || !table.n_note) {
		take_event(&table);
	}
	assert_int_equal(ERR_ENGINE, table.state->engine_err.code);
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	assert_int_equal(0, table.state->engine_err.code);
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
		desk_test(test_only_the_newest_of_many_previews_is_answered),
		desk_test(test_a_preview_of_more_than_the_window_says_that_it_does_not_fit),
		desk_test(test_what_was_not_taken_yet_is_one_text_one_state_and_one_progress),
		desk_test(test_the_descriptor_is_readable_while_there_is_an_event_and_not_after),
		desk_test(test_a_sweep_tells_its_windows_and_finds_and_what_it_read),
		desk_test(test_a_stopped_sweep_answers_from_what_it_read_and_previews_go_on),
		desk_test(test_what_reading_would_cost_is_told_and_the_index_is_made),
		desk_test(test_a_prefill_that_is_stopped_goes_on_from_there),
		desk_test(
			test_while_a_model_loads_everything_else_works_and_a_question_can_be_stopped),
		desk_test(
			test_a_question_asked_while_the_model_loads_is_counted_before_it_is_computed),
		desk_test(test_closing_does_not_wait_for_a_model_or_an_answer),
		desk_test(test_a_model_that_does_not_load_is_told_and_the_next_one_answers),
		desk_test(test_an_engine_killed_while_nothing_is_asked_is_told_and_comes_back),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
