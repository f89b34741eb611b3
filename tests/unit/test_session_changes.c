/* Changes that are told before they are made: loads, refreshes, repacks and drops. */
#include "session/store_impl.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/session_fixture.h"

#include <errno.h>
#include <sys/stat.h>

static char folder[] = "/tmp/carrel-changes-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* ---- a store whose commits fail when they are told to ---- */

static int is_full;

static int read_nothing(struct store *store, struct store_contents *out, struct err *err)
{
	*out = (struct store_contents){.draft = mem_strdup("")};
	return 0;
}

static int commit_or_not(struct store *store, const struct store_change *change, struct err *err)
{
	return is_full ? err_set(err, ERR_FAILURE, "session.db", NULL, "the disk is full") : 0;
}

static void close_filling(struct store *store)
{
	free(store);
}

static struct session *new_session(void)
{
	static const struct store_ops ops = {read_nothing, commit_or_not, close_filling};
	struct store *store = mem_zero(1, sizeof(*store));
	struct session *session;
	struct err err;

	is_full = 0;
	store->ops = &ops;
	store->folder = (char *)"";
	must(session_open(&session, store, &(struct session_config){.no_cite = 1}, &err), &err);
	return session;
}

/* ---- helpers ---- */

static struct session_change *plan_load(struct session *session, const char *path)
{
	struct session_change *change;
	struct err err;

	must(session_plan_load(session, &change, &path, 1, NULL, 0, &err), &err);
	return change;
}

static struct session_change *plan_refresh(struct session *session)
{
	struct session_change *change;
	struct err err;

	must(session_plan_refresh(session, &change, NULL, 0, &err), &err);
	return change;
}

static struct session_change *plan_repack(struct session *session)
{
	struct session_change *change;
	struct err err;

	must(session_plan_repack(session, &change, &err), &err);
	return change;
}

static struct session_change *plan_drop(struct session *session, int64_t number)
{
	struct session_change *change;
	struct err err;

	must(session_plan_drop(session, &change, &number, 1, &err), &err);
	return change;
}

static void commit(struct session_change *change)
{
	struct err err;

	must(session_change_commit(change, &err), &err);
}

static void load(struct session *session, const char *path)
{
	commit(plan_load(session, path));
}

static void assert_says(const struct session_change *change, size_t index, const char *want)
{
	char *text;

	assert_true(index < session_change_count(change));
	text = session_change_text(change, index);
	assert_string_equal(want, text);
	free(text);
}

static const char *last_skip(const struct session *session)
{
	size_t count;
	const struct skipped *skipped = session_skipped(session, &count);

	assert_true(count > 0);
	return skipped[count - 1].reason;
}

static int has(const struct session *session, const char *words)
{
	char *text = context(session, NULL);
	int found = strstr(text, words) != NULL;

	free(text);
	return found;
}

/* ---- loads ---- */

static void a_load_is_told_before_it_is_made(void **state)
{
	struct engine *engine = open_random();
	struct session *session = new_session();
	struct session_change *change;
	struct session_cost before, planned, after;
	struct engine_usage usage;
	struct err err;

	folder_write("a.txt", "alpha beta gamma\n");
	folder_write("b.txt", "delta epsilon\n");
	load(session, "a.txt");
	must(session_prefill(session, engine, NULL, &usage, &err), &err);
	must(session_cost(session, engine, NULL, &before, &err), &err);
	change = plan_load(session, "b.txt");
	assert_int_equal(1, session_change_count(change));
	assert_says(change, 0, "S2 b.txt: added");
	assert_int_equal(1, session_source_count(session));
	must(session_change_cost(change, engine, NULL, &planned, &err), &err);
	assert_true(planned.total_tok > before.total_tok);
	/* S1 and what stands before it need not be computed again. */
	assert_true(planned.cached_tok > before.total_tok / 2);
	assert_true(planned.cached_tok < planned.total_tok);
	commit(change);
	assert_int_equal(2, session_source_count(session));
	must(session_cost(session, engine, NULL, &after, &err), &err);
	assert_int_equal(planned.total_tok, after.total_tok);
	assert_int_equal(planned.cached_tok, after.cached_tok);
	session_destroy(session);
	engine_close(engine);
}

static void a_change_that_is_let_go_leaves_no_trace(void **state)
{
	struct session *session = new_session();
	char *before, *after;

	folder_write("a.txt", "alpha\n");
	folder_write("b.txt", "beta\n");
	load(session, "a.txt");
	before = context(session, NULL);
	session_change_discard(plan_load(session, "b.txt"));
	session_change_discard(plan_drop(session, 1));
	session_change_discard(NULL);
	after = context(session, NULL);
	assert_string_equal(before, after);
	load(session, "b.txt");
	assert_string_equal("S2", session_source_at(session, 1).id);
	free(before);
	free(after);
	session_destroy(session);
}

static void what_was_planned_for_another_state_is_not_made(void **state)
{
	struct session *session = new_session();
	struct session_change *one, *other;
	struct err err;

	folder_write("a.txt", "alpha\n");
	one = plan_load(session, "a.txt");
	other = plan_load(session, "a.txt");
	commit(one);
	assert_int_equal(-1, session_change_commit(other, &err));
	assert_non_null(strstr(err.what, "has changed since"));
	assert_int_equal(1, session_source_count(session));
	session_destroy(session);
}

static void a_path_that_is_a_source_already_is_none_again(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct session_change *change;

	folder_write("a.txt", "alpha\n");
	load(session, "a.txt");
	say(session, engine, "First?", 3);
	change = plan_load(session, "./a.txt"); /* by another name */
	assert_int_equal(0, session_change_count(change));
	commit(change);
	assert_string_equal("is S1 already, unchanged: loaded once", last_skip(session));
	folder_write("a.txt", "alpha two\n");
	change = plan_load(session, "a.txt");
	assert_says(change, 0, "S1 a.txt: updated");
	commit(change);
	assert_int_equal(1, session_source_count(session));
	assert_true(has(session, "<update of=\"S1\">\n1|alpha two\n</update>"));
	session_destroy(session);
	engine_close(engine);
}

static void a_source_of_another_branch_is_placed_here_too(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first = say(session, engine, "First?", 3);
	struct session_change *change;

	folder_write("a.txt", "alpha\n");
	load(session, "a.txt");
	say(session, engine, "Second?", 3);
	assert_int_equal(0, session_switch(session, first, NULL));
	assert_false(has(session, "alpha"));
	change = plan_load(session, "a.txt");
	assert_says(change, 0, "S1 a.txt: on this branch, too");
	commit(change);
	assert_true(has(session, "<source id=\"S1\""));
	assert_int_equal(1, session_source_count(session));
	session_destroy(session);
	engine_close(engine);
}

/* ---- refreshes ---- */

static void make_tree(void)
{
	assert_true(mkdir("tree", 0700) == 0 || errno == EEXIST);
	folder_write("tree/a.c", "int alpha;\n");
	folder_write("tree/b.c", "int beta;\n");
	folder_write("tree/d.c", "int delta;\n");
	unlink("tree/c.c");
	unlink("tree/e.h");
}

static void a_refresh_brings_what_changed_and_nothing_else(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct session_change *change;

	make_tree();
	folder_write("a.txt", "alpha\n");
	load(session, "tree");
	load(session, "a.txt");
	say(session, engine, "First?", 3);
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	commit(change);
	folder_write("tree/b.c", "int BETA;\n");
	folder_write("tree/c.c", "int gamma;\n");
	unlink("tree/a.c");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	assert_says(change, 0, "S1 tree: updated (3 files, 1 of them gone)");
	commit(change);
	assert_true(has(session, "<update of=\"S1\">\n<file path=\"b.c\">\n1|int BETA;\n</file>\n"
				 "<file path=\"c.c\">\n1|int gamma;\n</file>\n"
				 "<file path=\"a.c\">\n</file>\n</update>"));
	change = plan_refresh(session); /* and what is known now is not news */
	assert_int_equal(0, session_change_count(change));
	commit(change);
	unlink("tree/c.c");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	session_change_discard(change);
	session_destroy(session);
	engine_close(engine);
}

/* What stood in a file that is gone is no proof of what the tree says now. */
static void words_of_a_file_that_is_gone_are_superseded(void **state)
{
	struct session *session = session_create(&(struct session_config){.free_quotes = 1});
	struct session_answer answer;
	struct engine *engine;

	setenv("CARREL_FAKE_ANSWER", "[S1 a.c:1 \"int alpha\"] and [S1 b.c:1 \"int beta\"].", 1);
	engine = open_fake(0);
	unsetenv("CARREL_FAKE_ANSWER");
	make_tree();
	load(session, "tree");
	for (int is_gone = 0; is_gone < 2; is_gone++) {
		ask(session, engine, "Where?", 200, NULL, &answer);
		assert_int_equal(2, answer.n_citation);
		assert_int_equal(VERDICT_VERIFIED, answer.citation[0].verdict);
		assert_int_equal(is_gone, answer.citation[0].superseded);
		assert_int_equal(VERDICT_VERIFIED, answer.citation[1].verdict);
		assert_int_equal(0, answer.citation[1].superseded);
		session_answer_finish(&answer);
		unlink("tree/a.c");
		commit(plan_refresh(session));
	}
	session_destroy(session);
	engine_close(engine);
}

/* The same in a store that is read again: the file without a line is still there. */
static void a_file_that_is_gone_is_still_gone_tomorrow(void **state)
{
	struct session *session;
	struct session_change *change;
	struct store *store;
	struct err err;
	char *before, *after;

	make_tree();
	must(store_create(&store, "./7777777777777777", &err), &err);
	must(session_open(&session, store, &(struct session_config){0}, &err), &err);
	load(session, "tree");
	unlink("tree/a.c");
	commit(plan_refresh(session));
	before = context(session, NULL);
	session_destroy(session);
	must(store_open(&store, "./7777777777777777", STORE_WRITE, &err), &err);
	must(session_open(&session, store, &(struct session_config){0}, &err), &err);
	after = context(session, NULL);
	assert_string_equal(before, after);
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	session_change_discard(change);
	folder_write("tree/a.c", "int alpha;\n");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	session_change_discard(change);
	free(before);
	free(after);
	session_destroy(session);
}

static void what_is_not_there_any_more_stays_as_it_is(void **state)
{
	struct session *session = new_session();
	struct session_change *change;

	folder_write("gone.txt", "still here\n");
	load(session, "gone.txt");
	unlink("gone.txt");
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	assert_string_equal("is not there any more: S1 stays as it is", last_skip(session));
	session_change_discard(change);
	assert_true(has(session, "still here"));
	session_destroy(session);
}

/* The patterns of the load hold for the refresh, too. */
static void a_refresh_reads_as_the_load_did(void **state)
{
	struct session *session = new_session();
	const char *const pattern[] = {"*.c"}, *const path[] = {"tree"};
	struct load_options options = {.include = pattern, .n_include = 1};
	struct session_change *change;
	struct err err;

	make_tree();
	must(session_plan_load(session, &change, path, 1, &options, 0, &err), &err);
	commit(change);
	folder_write("tree/e.h", "int epsilon;\n");
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	session_change_discard(change);
	folder_write("tree/c.c", "int gamma;\n");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	commit(change);
	assert_true(has(session, "gamma"));
	assert_false(has(session, "epsilon"));
	session_destroy(session);
}

static void a_session_finds_its_sources_from_anywhere(void **state)
{
	struct session *session = new_session();
	struct session_change *change;
	char here[256];
	struct err err;

	assert_non_null(getcwd(here, sizeof(here)));
	must(session_set(session, STORE_DIRECTORY, here, &err), &err);
	folder_write("a.c", "int alpha;\n");
	folder_write("a.txt", "alpha\n");
	assert_true(mkdir("below", 0700) == 0);
	folder_write("below/b.txt", "beta\n");
	load(session, "a.c");
	load(session, "a.txt");
	assert_int_equal(0, chdir("below"));
	load(session, "b.txt");
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	session_change_discard(change);
	folder_write("../a.c", "int ALPHA;\n");
	folder_write("../a.txt", "ALPHA\n");
	load(session, "../a.txt");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	assert_says(change, 0, "S1 a.c: updated");
	commit(change);
	assert_true(has(session, "<file path=\"a.c\">\n1|int ALPHA;\n</file>"));
	assert_int_equal(0, chdir(here));
	folder_write("below/b.txt", "BETA\n");
	change = plan_refresh(session);
	assert_int_equal(1, session_change_count(change));
	assert_says(change, 0, "S3 b.txt: updated");
	session_change_discard(change);
	session_destroy(session);
}

/* ---- repacks ---- */

static void a_repack_gathers_everything_in_front(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct session_change *change;
	char *text;

	make_tree();
	folder_write("a.txt", "alpha\n");
	folder_write("late.txt", "late\n");
	load(session, "tree");
	load(session, "a.txt");
	say(session, engine, "First?", 1);
	folder_write("tree/b.c", "int BETA;\n");
	folder_write("tree/c.c", "int gamma;\n");
	unlink("tree/a.c");
	commit(plan_refresh(session));
	load(session, "late.txt");
	say(session, engine, "Second?", 1);
	folder_write("a.txt", "ALPHA\n");
	commit(plan_refresh(session));
	change = plan_repack(session);
	assert_int_equal(3, session_change_count(change));
	assert_says(change, 0, "S1 tree: in front, with its newest text");
	assert_says(change, 1, "S2 a.txt: in front, with its newest text");
	assert_says(change, 2, "S3 late.txt: in front");
	commit(change);
	text = context(session, NULL);
	assert_non_null(strstr(text, "<source id=\"S1\" kind=\"code\" name=\"tree\">\n"
				     "<file path=\"b.c\">\n1|int BETA;\n</file>\n"
				     "<file path=\"c.c\">\n1|int gamma;\n</file>\n"
				     "<file path=\"d.c\">\n1|int delta;\n</file>\n"
				     "<tree>\nb.c\nc.c\nd.c\n</tree>\n</source>\n"
				     "<source id=\"S2\" kind=\"text\" name=\"a.txt\">\n"
				     "1|ALPHA\n</source>\n"
				     "<source id=\"S3\" kind=\"text\" name=\"late.txt\">\n"
				     "1|late\n</source>\n\nFirst?"));
	assert_null(strstr(text, "<update"));
	free(text);
	/* Read anew, the tree is the same to the byte: nothing is left to do. */
	change = plan_refresh(session);
	assert_int_equal(0, session_change_count(change));
	session_change_discard(change);
	change = plan_repack(session);
	assert_int_equal(0, session_change_count(change));
	commit(change);
	session_destroy(session);
	engine_close(engine);
}

/*
 * The front is that of all branches: what stands there stands nowhere else, older texts are gone,
 * and what only another branch has stays there.
 */
static void other_branches_fit_the_new_front(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first, other, here;

	folder_write("a.txt", "alpha one\n");
	folder_write("only.txt", "only there\n");
	load(session, "a.txt");
	first = say(session, engine, "First?", 1);
	folder_write("a.txt", "alpha two\n");
	load(session, "a.txt");
	load(session, "only.txt");
	other = say(session, engine, "There?", 1);
	assert_int_equal(0, session_switch(session, first, NULL));
	folder_write("a.txt", "alpha three\n");
	load(session, "a.txt");
	here = say(session, engine, "Here?", 1);
	commit(plan_repack(session));
	assert_true(has(session, "alpha three"));
	assert_false(has(session, "alpha one"));
	assert_false(has(session, "only there"));
	assert_int_equal(0, session_switch(session, other, NULL));
	assert_true(has(session, "alpha three"));
	assert_false(has(session, "alpha two"));
	assert_true(has(session, "only there"));
	/* From there: its own source comes to the front, of all. */
	commit(plan_repack(session));
	assert_int_equal(0, session_switch(session, here, NULL));
	assert_true(has(session, "only there"));
	session_destroy(session);
	engine_close(engine);
}

static void a_newer_text_of_another_branch_stays(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	int64_t first, other;

	folder_write("a.txt", "alpha one\n");
	load(session, "a.txt");
	first = say(session, engine, "First?", 1);
	folder_write("a.txt", "alpha two\n");
	load(session, "a.txt");
	say(session, engine, "Here?", 1);
	assert_int_equal(0, session_switch(session, first, NULL));
	folder_write("a.txt", "alpha three\n");
	load(session, "a.txt");
	other = say(session, engine, "There?", 1);
	assert_int_equal(0, session_switch(session, session_turn_at(session, 1).id, NULL));
	commit(plan_repack(session));
	assert_true(has(session, "1|alpha two"));
	assert_int_equal(0, session_switch(session, other, NULL));
	assert_true(has(session, "<update of=\"S1\">\n1|alpha three"));
	session_destroy(session);
	engine_close(engine);
}

/* ---- drops ---- */

static void a_dropped_source_is_gone_and_its_turns_stay(void **state)
{
	struct session *session = session_create(&(struct session_config){.free_quotes = 1});
	struct session_answer answer;
	struct engine *engine;
	struct err err;

	setenv("CARREL_FAKE_ANSWER", "See [S1 a.txt:1 \"alpha beta\"].", 1);
	engine = open_fake(0);
	unsetenv("CARREL_FAKE_ANSWER");
	folder_write("a.txt", "alpha beta\n");
	folder_write("b.txt", "gamma\n");
	load(session, "a.txt");
	load(session, "b.txt");
	say(session, engine, "Where?", 100);
	folder_write("a.txt", "alpha beta, delta\n");
	load(session, "a.txt");
	must(session_count(session, engine, NULL, NULL, &err), &err);
	commit(plan_drop(session, 1));
	assert_int_equal(1, session_source_count(session));
	assert_string_equal("S2", session_source_at(session, 0).id);
	assert_false(has(session, "S1"
				  "\""));
	assert_false(has(session, "delta"));
	/* S2 is the first one now, so that it stands behind something else: counted again. */
	assert_int_equal(-1, session_source_at(session, 0).tokens);
	assert_int_equal(1, session_turn_count(session));
	assert_int_equal(VERDICT_VERIFIED, session_turn_at(session, 0).stored->citation[0].verdict);
	ask(session, engine, "Where now?", 100, NULL, &answer);
	assert_int_equal(VERDICT_NOT_FOUND, answer.citation[0].verdict);
	session_answer_finish(&answer);
	assert_int_equal(-1, session_plan_drop(session, &(struct session_change *){NULL},
				     &(int64_t){1}, 1, &err));
	assert_int_equal(ERR_USAGE, err.code);
	/* Its number is not used again. */
	load(session, "a.txt");
	assert_string_equal("S3", session_source_at(session, 1).id);
	session_destroy(session);
	engine_close(engine);
}

static void what_a_drop_costs_is_what_stands_behind(void **state)
{
	struct engine *engine = open_random();
	struct session *session = new_session();
	struct session_change *first, *last;
	struct session_cost of_first, of_last;
	struct engine_usage usage;
	struct err err;

	folder_write("a.txt", "alpha beta gamma delta\n");
	folder_write("b.txt", "the second of three texts\n");
	folder_write("c.txt", "the third of three texts\n");
	load(session, "a.txt");
	load(session, "b.txt");
	load(session, "c.txt");
	must(session_prefill(session, engine, NULL, &usage, &err), &err);
	first = plan_drop(session, 1);
	last = plan_drop(session, 3);
	must(session_change_cost(first, engine, NULL, &of_first, &err), &err);
	must(session_change_cost(last, engine, NULL, &of_last, &err), &err);
	assert_true(
		of_last.total_tok - of_last.cached_tok < of_first.total_tok - of_first.cached_tok);
	session_change_discard(first);
	session_change_discard(last);
	session_destroy(session);
	engine_close(engine);
}

/* ---- commits that fail ---- */

static void check_unchanged(struct session *session, const char *before)
{
	char *after = context(session, NULL);

	assert_string_equal(before, after);
	free(after);
}

static void a_commit_that_fails_leaves_everything_as_it_was(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct load_result loaded = {0};
	struct session_answer answer;
	struct document update = text_document("u", "update\n");
	int64_t first;
	char *before, *question;
	const char *path[] = {"b.txt"};
	struct err err;

	folder_write("a.txt", "alpha\n");
	folder_write("b.txt", "beta\n");
	load(session, "a.txt");
	first = say(session, engine, "First?", 1);
	say(session, engine, "Second?", 1);
	load(session, "b.txt");
	must(session_set_draft(session, "half a que", &err), &err);
	before = context(session, NULL);
	folder_write("c.txt", "gamma\n");
	path[0] = "c.txt";
	is_full = 1;
	assert_int_equal(-1, session_load(session, path, 1, NULL, 0, &err));
	assert_string_equal("the disk is full", err.what);
	check_unchanged(session, before);
	assert_int_equal(-1, session_change_commit(plan_drop(session, 1), &err));
	check_unchanged(session, before);
	assert_int_equal(-1, session_change_commit(plan_repack(session), &err));
	check_unchanged(session, before);
	assert_int_equal(-1, session_update_source(session, 0, &update, &err));
	check_unchanged(session, before);
	assert_int_equal(-1, session_switch(session, first, &err));
	assert_int_equal(-1, session_fork(session, first, &question, &err));
	check_unchanged(session, before);
	assert_int_equal(-1, session_set_draft(session, "half a question", &err));
	assert_int_equal(-1, session_set(session, "option.model", "x", &err));
	assert_null(session_setting(session, "option.model"));
	assert_int_equal(
		-1, session_ask(session, engine, "Third?", 6, NULL, 9, NULL, &answer, &err));
	assert_string_equal("the disk is full", err.what);
	check_unchanged(session, before);
	assert_string_equal("half a que", session_draft(session));
	assert_int_equal(2, session_turn_count(session));
	assert_int_equal(2, session_source_count(session));
	assert_int_equal(0, session_add_sources(session, &loaded));
	/* And goes on where there is room again. */
	is_full = 0;
	assert_int_equal(0, session_load(session, path, 1, NULL, 0, &err));
	assert_int_equal(3, say(session, engine, "Third?", 1));
	assert_string_equal("", session_draft(session));
	document_finish(&update);
	free(before);
	session_destroy(session);
	engine_close(engine);
}

static void fill_the_disk(void *arg, const char *text, size_t len)
{
	is_full = 1;
}

/* The disk fills while the answer comes: no turn, and the question is still there. */
/* As an import may bring it. */
static void a_source_that_came_from_nowhere_is_named_when_it_cannot_be_read_again(void **state)
{
	struct session *session = session_create(&(struct session_config){0});
	struct load_result loaded = {0};
	struct document *document;
	struct session_change *change;
	const struct skipped *skipped;
	struct err err;
	size_t count;

	loaded.document = document = mem_zero(1, sizeof(*document));
	loaded.n_document = loaded.cap_document = 1;
	*document = text_document("name.txt", "some text\n");
	free(document->origin);
	document->origin = NULL;
	assert_int_equal(1, session_add_sources(session, &loaded));
	load_result_finish(&loaded);
	must(session_plan_refresh(session, &change, NULL, 1, &err), &err);
	assert_int_equal(0, session_change_count(change));
	session_change_discard(change);
	skipped = session_skipped(session, &count);
	assert_int_equal(1, count);
	assert_string_equal("name.txt", skipped[0].path);
	assert_string_equal("is not there any more: S1 stays as it is", skipped[0].reason);
	session_destroy(session);
}

static void an_answer_that_cannot_be_kept_is_none(void **state)
{
	struct engine *engine = open_fake(0);
	struct session *session = new_session();
	struct session_watch watch = {.text = fill_the_disk};
	struct session_answer answer;
	struct err err;
	char *before;

	add_text(session, "a.txt", "alpha\n");
	before = context(session, NULL);
	assert_int_equal(
		-1, session_ask(session, engine, "Why?", 4, NULL, 9, &watch, &answer, &err));
	assert_string_equal("the disk is full", err.what);
	assert_null(answer.text);
	check_unchanged(session, before);
	assert_string_equal("Why?", session_draft(session));
	free(before);
	session_destroy(session);
	engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_is_told_before_it_is_made),
		cmocka_unit_test(a_change_that_is_let_go_leaves_no_trace),
		cmocka_unit_test(what_was_planned_for_another_state_is_not_made),
		cmocka_unit_test(a_path_that_is_a_source_already_is_none_again),
		cmocka_unit_test(a_source_of_another_branch_is_placed_here_too),
		cmocka_unit_test(a_refresh_brings_what_changed_and_nothing_else),
		cmocka_unit_test(words_of_a_file_that_is_gone_are_superseded),
		cmocka_unit_test(a_file_that_is_gone_is_still_gone_tomorrow),
		cmocka_unit_test(what_is_not_there_any_more_stays_as_it_is),
		cmocka_unit_test(a_refresh_reads_as_the_load_did),
		cmocka_unit_test(a_session_finds_its_sources_from_anywhere),
		cmocka_unit_test(a_repack_gathers_everything_in_front),
		cmocka_unit_test(other_branches_fit_the_new_front),
		cmocka_unit_test(a_newer_text_of_another_branch_stays),
		cmocka_unit_test(a_dropped_source_is_gone_and_its_turns_stay),
		cmocka_unit_test(what_a_drop_costs_is_what_stands_behind),
		cmocka_unit_test(a_commit_that_fails_leaves_everything_as_it_was),
		cmocka_unit_test(
			a_source_that_came_from_nowhere_is_named_when_it_cannot_be_read_again),
		cmocka_unit_test(an_answer_that_cannot_be_kept_is_none),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
