/* The desk's sources: plans, loads that hold nobody up, texts that outlive a drop, files that change. */
#include "tests/unit/desk_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Plan it, commit it. */
static void load(struct table *table, const char *path)
{
	commit(table, desk_plan_load(table->desk, &path, 1));
}

static void test_a_plan_is_told_and_nothing_is_changed_before_it_is_committed(void **state)
{
	struct table table;
	struct seen seen;
	const struct desk_source *source;

	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	seen = await_end(&table,
		desk_plan_load(table.desk, (const char *const[]){"station.txt", "missing.txt"}, 2));
	assert_int_equal(0, seen.err.code);
	assert_string_equal("S1 station.txt: added", seen.plan_text);
	assert_int_equal(1, seen.n_skipped);
	assert_true(seen.after.total_tok > seen.before.total_tok + 26);
	assert_int_equal(0, table.state->n_source);
	finish_plan(&table, &seen);
	assert_int_equal(1, table.state->n_source);
	await_costs(&table);
	source = &table.state->source[0];
	assert_string_equal("S1", source->id);
	assert_string_equal("text", source->kind);
	assert_true(source->tokens > 26);
	assert_int_equal(source->tokens, table.state->sources_tok);
	assert_true(source->at_tok > 0);
	assert_int_equal(
		table.state->prompt_tok, source->at_tok + source->tokens + source->behind_tok);
	table_close(&table);
}

static void test_a_plan_that_was_discarded_cannot_be_committed(void **state)
{
	struct table table;
	struct seen seen;
	int64_t plan;

	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	seen = await_end(
		&table, desk_plan_load(table.desk, (const char *const[]){"station.txt"}, 1));
	plan = seen.plan_id;
	seen_finish(&seen);
	seen = await_end(&table, desk_discard(table.desk, plan));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	seen = await_end(&table, desk_commit(table.desk, plan));
	assert_int_equal(ERR_FAILURE, seen.err.code);
	seen_finish(&seen);
	assert_int_equal(0, table.state->n_source);
	table_close(&table);
}

static void test_a_plan_of_a_session_that_has_changed_is_refused_whole(void **state)
{
	struct table table;
	struct seen plan, seen;

	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	plan = await_end(
		&table, desk_plan_load(table.desk, (const char *const[]){"station.txt"}, 1));
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	seen_finish(&seen);
	seen = await_end(&table, desk_commit(table.desk, plan.plan_id));
	assert_int_equal(ERR_FAILURE, seen.err.code);
	assert_non_null(strstr(seen.err.what, "changed"));
	assert_int_equal(0, table.state->n_source);
	seen_finish(&seen);
	seen_finish(&plan);
	table_close(&table);
}

static void test_nothing_that_can_be_read_is_a_failure_and_no_plan(void **state)
{
	struct table table;
	struct seen seen;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	seen = await_end(
		&table, desk_plan_load(table.desk, (const char *const[]){"missing.txt"}, 1));
	assert_int_equal(ERR_INPUTS, seen.err.code);
	assert_int_equal(0, seen.plan_id);
	assert_string_equal("missing.txt", seen.err.where);
	seen_finish(&seen);
	table_close(&table);
}

static void test_a_dropped_text_stays_while_it_is_held(void **state)
{
	struct table table;
	struct desk_text *held;
	int64_t number;

	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	load(&table, "station.txt");
	held = desk_text_ref(table.state->source[0].text[0]);
	number = table.state->source[0].number;
	commit(&table, desk_plan_drop(table.desk, &number, 1));
	assert_int_equal(0, table.state->n_source);
	table_close(&table);
	assert_int_equal(1, desk_text_document(held)->n_part);
	assert_int_equal(27, desk_text_document(held)->part[0].len);
	assert_memory_equal(
		"The ring is built in init.\n", desk_text_document(held)->part[0].text, 27);
	desk_text_unref(held);
}

static void test_what_is_computed_of_each_source_is_told(void **state)
{
	struct table table;
	struct seen seen;

	folder_write("a.txt", "The ring is built in init.\n");
	folder_write("b.txt", "The pump is green.\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	load(&table, "a.txt");
	load(&table, "b.txt");
	await_costs(&table);
	assert_int_equal(DESK_KV_ABSENT, table.state->source[0].kv);
	assert_int_equal(0, table.state->source[0].kv_bytes);
	assert_true(table.state->source[1].at_tok >=
		    table.state->source[0].at_tok + table.state->source[0].tokens);
	assert_true(table.state->source[0].behind_tok > table.state->source[1].behind_tok);
	seen = await_end(&table, desk_prefill(table.desk));
	assert_int_equal(0, seen.err.code);
	seen_finish(&seen);
	while (table.state->source[1].kv == DESK_KV_ABSENT) {
		take_event(&table);
	}
	assert_int_equal(DESK_KV_MEMORY, table.state->source[0].kv);
	assert_int_equal(table.state->source[0].tokens * table.state->info.kv_bytes_per_tok,
		table.state->source[0].kv_bytes);
	table_close(&table);
}

/* ---- loads hold nobody up ---- */

/* A load that waits for a pipe, until something is written to it. */
static int64_t load_pipe(struct table *table, const char *name)
{
	assert_int_equal(0, mkfifo(name, 0600));
	return desk_plan_load(table->desk, &name, 1);
}

static void feed_pipe(const char *name)
{
	int fd = open(name, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(6, write(fd, "piped\n", 6));
	assert_int_equal(0, close(fd));
}

static void test_a_question_is_answered_and_previewed_while_files_are_read(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	order = load_pipe(&table, "pipe1");
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	assert_int_equal(0, seen.err.code);
	assert_true(seen.turn > 0);
	seen_finish(&seen);
	await_preview(&table, desk_preview(table.desk, "And?", 4));
	assert_false(has_ended(&table, order));
	feed_pipe("pipe1");
	seen = await_end(&table, order);
	assert_int_equal(0, seen.err.code);
	assert_true(seen.plan_id > 0);
	finish_plan(&table, &seen); /* of the session as it is by now */
	assert_int_equal(1, table.state->n_source);
	table_close(&table);
}

static void test_a_load_is_stopped_and_leaves_nothing(void **state)
{
	struct table table;
	struct seen seen;
	int64_t order;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	order = load_pipe(&table, "pipe2");
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6)); /* so it is under way */
	seen_finish(&seen);
	desk_stop(table.desk, 0);
	seen = await_end(&table, order);
	assert_int_equal(ERR_INTERRUPTED, seen.err.code);
	assert_int_equal(0, seen.plan_id);
	seen_finish(&seen);
	assert_int_equal(0, table.state->n_source);
	table_close(&table);
}

static void test_a_second_load_waits_for_the_first_and_others_overtake_it(void **state)
{
	struct table table;
	struct seen seen;
	const char *path = "late.txt";
	int64_t first, second;
	uint64_t revision;
	const struct desk_state *later;

	folder_write("late.txt", "late\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	first = load_pipe(&table, "pipe3");
	second = desk_plan_load(table.desk, &path, 1);
	seen = await_end(&table, desk_ask(table.desk, "Where?", 6));
	seen_finish(&seen);
	assert_false(has_ended(&table, first));
	assert_false(has_ended(&table, second));
	while (table.state->n_waiting != 1) {
		take_event(&table);
	}
	revision = table.state->revision;
	nanosleep(&(struct timespec){.tv_nsec = 300 * 1000 * 1000}, NULL);
	later = desk_state(table.desk); /* what waits keeps nobody from counting, nor busy */
	assert_true(later->prompt_tok >= 0);
	assert_in_range(later->revision, revision, revision + 20);
	desk_state_unref(later);
	feed_pipe("pipe3");
	seen = await_end(&table, second);
	assert_int_equal(0, seen.err.code);
	assert_true(has_ended(&table, first));
	seen_finish(&seen);
	table_close(&table);
}

static void test_closing_does_not_wait_for_a_load(void **state)
{
	struct table table;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	load_pipe(&table, "pipe4");
	table_close(&table); /* the test would not end */
	assert_int_equal(1, table.host.n_closed);
}

/* ---- what else comes and changes ---- */

static void test_a_paste_becomes_a_source(void **state)
{
	struct table table;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	commit(&table, desk_plan_text(table.desk, "paste 1", "first\nsecond\n", 13));
	assert_int_equal(1, table.state->n_source);
	assert_string_equal("paste 1", table.state->source[0].name);
	assert_memory_equal("first\nsecond\n",
		desk_text_document(table.state->source[0].text[0])->part[0].text, 13);
	assert_false(table.state->source[0].is_stale);
	table_close(&table);
}

static void touch(const char *path, time_t at_s)
{
	struct timespec times[2] = {{.tv_sec = at_s}, {.tv_sec = at_s}};

	assert_int_equal(0, utimensat(AT_FDCWD, path, times, 0));
}

static void test_a_source_whose_file_has_changed_is_stale_until_it_is_refreshed(void **state)
{
	struct table table;
	struct seen seen;

	folder_write("notes.txt", "one\n");
	touch("notes.txt", time(NULL) - 100);
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	load(&table, "notes.txt");
	await_costs(&table);
	assert_false(table.state->source[0].is_stale);
	table_close(&table);
	folder_write("notes.txt", "two\n");
	touch("notes.txt", time(NULL) + 100);
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	assert_int_equal(1, table.state->n_source);
	while (!table.state->source[0].is_stale) {
		take_event(&table);
	}
	touch("notes.txt", time(NULL) - 10);
	seen = await_end(&table, desk_plan_refresh(table.desk));
	assert_string_equal("S1 notes.txt: updated", seen.plan_text);
	finish_plan(&table, &seen);
	while (table.state->source[0].is_stale) {
		take_event(&table);
	}
	assert_int_equal(2, table.state->source[0].n_text);
	assert_memory_equal(
		"two\n", desk_text_document(table.state->source[0].text[1])->part[0].text, 4);
	table_close(&table);
}

static void test_a_file_that_was_touched_and_is_the_same_is_not_stale_after_a_refresh(void **state)
{
	struct table table;
	struct seen seen;

	folder_write("same.txt", "one\n");
	table_open(&table, &(struct host){0});
	await_ready(&table);
	touch("same.txt", time(NULL) + 100); /* also where a second goes by before it is loaded */
	load(&table, "same.txt");
	while (!table.state->source[0].is_stale) {
		take_event(&table);
	}
	touch("same.txt", time(NULL) - 1);
	seen = await_end(&table, desk_plan_refresh(table.desk));
	assert_string_equal("", seen.plan_text);
	seen_finish(&seen);
	while (table.state->source[0].is_stale) {
		take_event(&table);
	}
	table_close(&table);
}

static void test_a_folder_is_stale_where_one_of_its_files_is_gone(void **state)
{
	struct table table;

	assert_int_equal(0, mkdir("tree", 0700));
	folder_write("tree/a.c", "int a;\n");
	folder_write("tree/b.c", "int b;\n");
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	await_end(&table, desk_open_session(table.desk, DESK_NAMED, "forest"));
	load(&table, "tree");
	await_costs(&table);
	assert_false(table.state->source[0].is_stale);
	table_close(&table);
	assert_int_equal(0, unlink("tree/b.c"));
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	await_end(&table, desk_open_session(table.desk, DESK_NAMED, "forest"));
	assert_int_equal(1, table.state->n_source);
	while (!table.state->source[0].is_stale) {
		take_event(&table);
	}
	commit(&table, desk_plan_refresh(table.desk)); /* that it is gone is known now */
	while (table.state->source[0].is_stale) {
		take_event(&table);
	}
	table_close(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		desk_test(test_a_plan_is_told_and_nothing_is_changed_before_it_is_committed),
		desk_test(test_a_plan_that_was_discarded_cannot_be_committed),
		desk_test(test_a_plan_of_a_session_that_has_changed_is_refused_whole),
		desk_test(test_nothing_that_can_be_read_is_a_failure_and_no_plan),
		desk_test(test_a_dropped_text_stays_while_it_is_held),
		desk_test(test_what_is_computed_of_each_source_is_told),
		desk_test(test_a_question_is_answered_and_previewed_while_files_are_read),
		desk_test(test_a_load_is_stopped_and_leaves_nothing),
		desk_test(test_a_second_load_waits_for_the_first_and_others_overtake_it),
		desk_test(test_closing_does_not_wait_for_a_load),
		desk_test(test_a_paste_becomes_a_source),
		desk_test(test_a_source_whose_file_has_changed_is_stale_until_it_is_refreshed),
		desk_test(
			test_a_file_that_was_touched_and_is_the_same_is_not_stale_after_a_refresh),
		desk_test(test_a_folder_is_stale_where_one_of_its_files_is_gone),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
