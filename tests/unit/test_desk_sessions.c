/* The desk's sessions: switching, drafts, going in the tree, names, files, settings and engines. */
#include "tests/unit/desk_fixture.h"

#include "base/log.h"
#include "session/session.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static void ask_it(struct table *table, const char *question)
{
	struct seen seen = await_end(table, desk_ask(table->desk, question, strlen(question)));

	if (seen.err.code) {
		fail_msg("%s", seen.err.what);
	}
	seen_finish(&seen);
}

/* An order that ends well and tells nothing. */
static void must_end(struct table *table, int64_t order)
{
	struct seen seen = await_end(table, order);

	if (seen.err.code) {
		fail_msg("%s", seen.err.what);
	}
	seen_finish(&seen);
}

static enum err_code end_code(struct table *table, int64_t order)
{
	struct seen seen = await_end(table, order);

	seen_finish(&seen);
	return seen.err.code;
}

/* ---- which session ---- */

static void test_another_session_has_its_own_turns_and_the_first_is_as_it_was(void **state)
{
	struct table table;

	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	assert_string_equal("first", table.state->session_name);
	assert_true(table.state->is_kept);
	assert_int_equal(16, strlen(table.state->session_id));
	ask_it(&table, "Where?");
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "other"));
	assert_string_equal("other", table.state->session_name);
	assert_int_equal(0, table.state->n_turn);
	assert_int_equal(1, table.host.n_closed);
	assert_true(table.host.was_used);
	ask_it(&table, "Who?");
	assert_string_equal("Who?", table.state->turn[0]->question);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "first"));
	assert_int_equal(1, table.state->n_turn);
	assert_string_equal("Where?", table.state->turn[0]->question);
	assert_int_equal(1, table.state->n_path);
	table_close(&table);
}

static void test_a_session_that_cannot_be_opened_leaves_the_one_that_is_open(void **state)
{
	struct table table;

	char folder[17];

	host_folder(folder, "no-session");
	folder_write(folder, "");
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	assert_int_equal(ERR_FAILURE,
		end_code(&table, desk_open_session(table.desk, DESK_NAMED, "no-session")));
	assert_string_equal("first", table.state->session_name);
	ask_it(&table, "Still there?");
	table_close(&table);
}

static void test_a_plan_does_not_outlive_its_session(void **state)
{
	struct table table;
	struct seen plan;

	folder_write("station.txt", "The ring is built in init.\n");
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	plan = await_end(
		&table, desk_plan_load(table.desk, (const char *const[]){"station.txt"}, 1));
	assert_true(plan.plan_id > 0);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "empty"));
	assert_int_equal(ERR_FAILURE, end_code(&table, desk_commit(table.desk, plan.plan_id)));
	assert_int_equal(0, table.state->n_source);
	seen_finish(&plan);
	table_close(&table);
}

static void test_a_name_is_changed_where_it_is_free(void **state)
{
	struct table table;

	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	assert_int_equal(ERR_USAGE, end_code(&table, desk_rename_session(table.desk, "taken")));
	assert_string_equal("first", table.state->session_name);
	must_end(&table, desk_rename_session(table.desk, "better"));
	assert_string_equal("better", table.state->session_name);
	table_close(&table);
}

/* ---- drafts ---- */

static char *kept_draft(const char *name)
{
	struct session_config config = {0};
	struct session *session;
	struct store *store;
	char *draft, folder[17];
	struct err err;

	host_folder(folder, name);
	assert_int_equal(0, store_open(&store, folder, STORE_READ, &err));
	assert_int_equal(0, session_open(&session, store, &config, &err));
	draft = mem_strdup(session_draft(session));
	session_destroy(session);
	return draft;
}

static void test_a_draft_is_saved_when_typing_pauses_and_when_the_desk_closes(void **state)
{
	struct table table;
	char *draft;

	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "drafts"));
	desk_set_draft(table.desk, "Wher");
	desk_set_draft(table.desk, "Where is");
	for (int i = 0; i < 200; i++) {
		draft = kept_draft("drafts");
		if (draft[0]) {
			break;
		}
		free(draft);
		nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
	}
	assert_string_equal("Where is", draft);
	free(draft);
	desk_set_draft(table.desk, "Where is the ring");
	table_close(&table); /* at once */
	draft = kept_draft("drafts");
	assert_string_equal("Where is the ring", draft);
	free(draft);
}

static void test_a_draft_typed_while_an_answer_comes_is_kept_and_the_question_is_none(void **state)
{
	struct table table;
	char *draft;
	int64_t order;

	setenv("CARREL_FAKE_TOKEN_US", "5000", 1);
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "typing"));
	desk_set_draft(table.desk, "Whe");
	order = desk_ask(table.desk, "Where?", 6);
	await_text(&table, order);
	desk_set_draft(table.desk, "And then");
	must_end(&table, order);
	table_close(&table);
	draft = kept_draft("typing");
	assert_string_equal("And then", draft);
	free(draft);
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "typing"));
	assert_string_equal("And then", table.state->draft);
	ask_it(&table, "And then?");
	table_close(&table);
	draft = kept_draft("typing");
	assert_string_equal("", draft);
	free(draft);
}

/* Until that is the draft that is kept. */
static void await_draft(const char *name, const char *wanted)
{
	for (int i = 0;; i++) {
		char *draft = kept_draft(name);
		int is_there = strcmp(draft, wanted) == 0;

		free(draft);
		if (is_there) {
			return;
		}
		assert_true(i < WAIT_MS / 20);
		nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
	}
}

static void test_a_question_that_waits_for_its_model_is_kept(void **state)
{
	struct table table;
	int64_t order;

	setenv("CARREL_FAKE_LOAD_MS", "4000", 1);
	table_open(&table, &(struct host){.is_kept = 1});
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "early"));
	order = desk_ask(table.desk, "Where is the ring?", 18);
	await_draft("early", "Where is the ring?");
	assert_false(has_ended(&table, order));
	table_close(&table);
}

static void test_a_draft_that_could_not_be_saved_is_once_it_can(void **state)
{
	struct table table;
	struct rlimit limit, none;
	int n_note;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	none = limit;
	none.rlim_cur = 0;
	table_open(&table, &(struct host){.is_kept = 1});
	await_ready(&table);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "full"));
	await_costs(&table);
	n_note = table.n_note;
	setrlimit(RLIMIT_FSIZE, &none);
	desk_set_draft(table.desk, "Where is");
	while (table.n_note == n_note) {
		take_event(&table);
	}
	assert_int_not_equal(0, table.note.code);
	setrlimit(RLIMIT_FSIZE, &limit);
	await_draft("full", "Where is");
	table_close(&table);
}

/* ---- the tree ---- */

static void test_a_fork_puts_the_next_question_beside_and_a_switch_goes_back(void **state)
{
	struct table table;
	int64_t first, second;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	ask_it(&table, "One?");
	first = table.state->head;
	ask_it(&table, "Two?");
	second = table.state->head;
	must_end(&table, desk_fork(table.desk, second));
	assert_int_equal(first, table.state->head);
	ask_it(&table, "Two, again?");
	assert_int_equal(3, table.state->n_turn);
	assert_int_equal(2, table.state->n_path);
	assert_int_equal(first, desk_state_turn(table.state, table.state->head)->parent);
	must_end(&table, desk_switch(table.desk, second));
	assert_int_equal(second, table.state->head);
	assert_int_equal(ERR_USAGE, end_code(&table, desk_switch(table.desk, 99)));
	assert_int_equal(ERR_USAGE, end_code(&table, desk_fork(table.desk, 99)));
	assert_int_equal(second, table.state->head);
	table_close(&table);
}

static void test_again_stands_beside_its_answer_and_a_refusal_changes_nothing(void **state)
{
	struct table table;
	int64_t first;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	assert_int_equal(ERR_USAGE, end_code(&table, desk_ask_again(table.desk, "0.7")));
	ask_it(&table, "One?");
	first = table.state->head;
	assert_int_equal(ERR_USAGE, end_code(&table, desk_ask_again(table.desk, "")));
	assert_int_equal(ERR_USAGE, end_code(&table, desk_ask_again(table.desk, "warm")));
	assert_int_equal(ERR_USAGE, end_code(&table, desk_ask_again(table.desk, "-1")));
	assert_int_equal(first, table.state->head);
	assert_int_equal(1, table.state->n_turn);
	must_end(&table, desk_ask_again(table.desk, "0.7"));
	assert_int_equal(2, table.state->n_turn);
	assert_int_equal(0, desk_state_turn(table.state, table.state->head)->parent);
	assert_string_equal("One?", desk_state_turn(table.state, table.state->head)->question);
	assert_int_not_equal(first, table.state->head);
	table_close(&table);
}

static void test_turns_that_are_kept_are_shared_and_lists_that_stay_are_the_same(void **state)
{
	struct table table;
	const struct desk_state *before;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	ask_it(&table, "One?");
	before = desk_state_ref(table.state);
	must_end(&table, desk_set(table.desk, "over", "select"));
	assert_ptr_not_equal(before, table.state);
	assert_ptr_equal(before->turn, table.state->turn);
	assert_ptr_equal(before->path, table.state->path);
	ask_it(&table, "Two?");
	assert_ptr_not_equal(before->turn, table.state->turn);
	assert_ptr_equal(before->turn[0], table.state->turn[0]);
	assert_int_equal(1, before->n_turn); /* what was seen stays as it was */
	desk_state_unref(before);
	table_close(&table);
}

/* A kept session of many turns, written at once. */
static void keep_turns(const char *name, int64_t count)
{
	struct store_turn *turn = mem_zero((size_t)count, sizeof(*turn));
	struct store_change change = {
		.turn = turn, .n_turn = (size_t)count, .head = count, .has_head = 1};
	struct store *store;
	char folder[17];
	struct err err;

	for (int64_t i = 0; i < count; i++) {
		turn[i] = (struct store_turn){.id = i + 1,
			.parent = i,
			.question = mem_printf("Question %lld?", (long long)i),
			.text = mem_printf("Answer %lld: %01000d", (long long)i, 0),
			.thinking = mem_strdup(""),
			.model_name = mem_strdup("fake"),
			.ids = mem_zero(1, sizeof(uint32_t)),
			.asked_s = 1};
		turn[i].question_len = strlen(turn[i].question);
		turn[i].text_len = strlen(turn[i].text);
	}
	host_folder(folder, name);
	assert_int_equal(0, store_create(&store, folder, &err));
	if (store_commit(store, &change, &err) < 0) {
		fail_msg("%s", err.what);
	}
	store_close(store);
	for (int64_t i = 0; i < count; i++) {
		store_turn_finish(&turn[i]);
	}
	free(turn);
}

static void test_of_a_thousand_turns_none_is_copied_again_for_another_question(void **state)
{
	enum { N_TURN = 1000 };
	struct table table;
	const struct desk_state *before;

	keep_turns("long", N_TURN);
	table_open(&table, &(struct host){.is_kept = 1, .context_tok = 32768});
	await_ready(&table);
	must_end(&table, desk_open_session(table.desk, DESK_NAMED, "long"));
	assert_int_equal(N_TURN, table.state->n_turn);
	assert_int_equal(N_TURN, table.state->n_path);
	before = desk_state_ref(table.state);
	must_end(&table, desk_fork(table.desk, 3)); /* what follows fits the window */
	assert_int_equal(2, table.state->n_path);
	assert_ptr_equal(before->turn, table.state->turn);
	ask_it(&table, "Another?");
	assert_int_equal(N_TURN + 1, table.state->n_turn);
	for (size_t i = 0; i < N_TURN; i++) {
		assert_ptr_equal(before->turn[i], table.state->turn[i]);
	}
	assert_int_equal(N_TURN, before->n_turn);
	desk_state_unref(before);
	table_close(&table);
}

/* ---- settings, engines, calls ---- */

static void test_a_setting_is_the_hosts_and_shows_in_the_state(void **state)
{
	struct table table;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	assert_string_equal("fail", table.state->over);
	must_end(&table, desk_set(table.desk, "over", "sweep"));
	assert_string_equal("sweep", table.state->over);
	assert_int_equal(1, table.n_note);
	assert_string_equal("over = sweep", table.note.what);
	assert_int_equal(256, table.state->reserve_tok);
	assert_int_equal(ERR_USAGE, end_code(&table, desk_set(table.desk, "nothing", "1")));
	assert_int_equal(1, table.n_note);
	table_close(&table);
}

static void test_an_engine_that_cannot_be_opened_leaves_the_one_that_answers(void **state)
{
	struct table table;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	assert_int_equal(ERR_ENGINE, end_code(&table, desk_open_engine(table.desk, "missing")));
	assert_int_equal(DESK_ENGINE_READY, table.state->engine);
	ask_it(&table, "Still there?");
	must_end(&table, desk_open_engine(table.desk, "fake"));
	assert_int_equal(DESK_ENGINE_READY, table.state->engine);
	ask_it(&table, "And now?");
	table_close(&table);
}

struct call {
	int n_source, was_ready, n_drop;
};

static int look(void *arg, struct session *session, struct engine *engine, struct err *err)
{
	struct call *call = arg;

	call->n_source = (int)session_source_count(session);
	call->was_ready = engine != NULL;
	return err_set(err, ERR_QUOTE, NULL, NULL, "was called");
}

static void drop(void *arg)
{
	struct call *call = arg;

	call->n_drop++;
}

static void test_a_call_sees_the_session_and_its_argument_is_dropped_once(void **state)
{
	struct table table;
	struct call call = {.n_source = -1}, never = {.n_source = -1};
	int64_t order, behind;

	setenv("CARREL_FAKE_TOKEN_US", "10000", 1);
	table_open(&table, &(struct host){0});
	await_ready(&table);
	assert_int_equal(ERR_QUOTE, end_code(&table, desk_call(table.desk, look, drop, &call)));
	assert_int_equal(0, call.n_source);
	assert_true(call.was_ready);
	assert_int_equal(1, call.n_drop);
	order = desk_ask(table.desk, "Where?", 6);
	await_text(&table, order);
	behind = desk_call(table.desk, look, drop, &never);
	desk_stop(table.desk, 1);
	assert_int_equal(ERR_INTERRUPTED, end_code(&table, behind));
	assert_int_equal(-1, never.n_source);
	assert_int_equal(1, never.n_drop);
	table_close(&table);
}

static void *say(void *arg)
{
	log_note("from %s", (const char *)arg);
	log_error("wrong in %s", (const char *)arg);
	return NULL;
}

static void test_what_the_program_says_is_a_note_and_nothing_is_written(void **state)
{
	struct table table;
	pthread_t thread;
	int n_note;

	table_open(&table, &(struct host){0});
	await_ready(&table);
	n_note = table.n_note;
	assert_int_equal(0, pthread_create(&thread, NULL, say, (char *)"a thread"));
	assert_int_equal(0, pthread_join(thread, NULL));
	while (table.n_note < n_note + 1) {
		take_event(&table);
	}
	assert_string_equal("from a thread", table.note.what);
	assert_int_equal(0, table.note.code);
	while (table.n_note < n_note + 2) {
		take_event(&table);
	}
	assert_string_equal("wrong in a thread", table.note.what);
	assert_int_equal(ERR_FAILURE, table.note.code);
	table_close(&table);
}

/* ---- taking along ---- */

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	struct buf text = BUF_INIT;
	char bytes[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0) {
		buf_add(&text, bytes, n);
	}
	fclose(file);
	return buf_take(&text);
}

static void export_each(struct table *table, const char *prefix)
{
	static const char *const format[] = {"md", "json", "html", "text"};

	for (size_t i = 0; i < ARRAY_LEN(format); i++) {
		char *path = mem_printf("%s.%s", prefix, format[i]), *text;

		must_end(table, desk_export(table->desk, format[i], path));
		text = read_whole(path);
		assert_non_null(strstr(text, "Where is the ring?"));
		free(text);
		assert_int_equal(
			ERR_FAILURE, end_code(table, desk_export(table->desk, format[i], path)));
		free(path);
	}
}

static void test_any_session_is_exported_and_a_file_that_is_there_stays(void **state)
{
	for (int is_kept = 0; is_kept < 2; is_kept++) {
		struct table table;

		table_open(&table, &(struct host){.is_kept = is_kept});
		await_ready(&table);
		must_end(&table, desk_open_session(table.desk, DESK_NAMED, "exported"));
		ask_it(&table, "Where is the ring?");
		export_each(&table, is_kept ? "kept" : "thrown");
		assert_int_equal(
			ERR_USAGE, end_code(&table, desk_export(table.desk, "doc", "x.doc")));
		assert_int_equal(-1, access("x.doc", F_OK));
		table_close(&table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		desk_test(test_another_session_has_its_own_turns_and_the_first_is_as_it_was),
		desk_test(test_a_session_that_cannot_be_opened_leaves_the_one_that_is_open),
		desk_test(test_a_plan_does_not_outlive_its_session),
		desk_test(test_a_name_is_changed_where_it_is_free),
		desk_test(test_a_draft_is_saved_when_typing_pauses_and_when_the_desk_closes),
		desk_test(
			test_a_draft_typed_while_an_answer_comes_is_kept_and_the_question_is_none),
		desk_test(test_a_question_that_waits_for_its_model_is_kept),
		desk_test(test_a_draft_that_could_not_be_saved_is_once_it_can),
		desk_test(test_a_fork_puts_the_next_question_beside_and_a_switch_goes_back),
		desk_test(test_again_stands_beside_its_answer_and_a_refusal_changes_nothing),
		desk_test(test_turns_that_are_kept_are_shared_and_lists_that_stay_are_the_same),
		desk_test(test_of_a_thousand_turns_none_is_copied_again_for_another_question),
		desk_test(test_a_setting_is_the_hosts_and_shows_in_the_state),
		desk_test(test_an_engine_that_cannot_be_opened_leaves_the_one_that_answers),
		desk_test(test_a_call_sees_the_session_and_its_argument_is_dropped_once),
		desk_test(test_what_the_program_says_is_a_note_and_nothing_is_written),
		desk_test(test_any_session_is_exported_and_a_file_that_is_there_stays),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
