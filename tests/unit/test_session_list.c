/* tui/session_list.h and tui/errand.h: all sessions are listed and searched, beside what else goes on. */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/catalogue.h"
#include "tui/session_list.h"

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static char folder[] = "/tmp/carrel-session-list-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder) == 0 && setenv("XDG_DATA_HOME", folder, 1) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* A session with a source of each kind and two turns; its folder, malloc'ed. */
static char *make(const char *name)
{
	struct store_block block[] = {make_block(1, 1, DOCUMENT_CODE),
		make_block(2, 2, DOCUMENT_PDF), make_block(3, 3, DOCUMENT_TRANSCRIPT),
		make_block(4, 4, DOCUMENT_TEXT)};
	struct store_turn turn[] = {make_turn(1, 0), make_turn(2, 1)};
	struct store_place place[4];
	struct store_change change = {.block = block,
		.n_block = 4,
		.turn = turn,
		.n_turn = 2,
		.place = place,
		.n_place = 4,
		.has_places = 1,
		.head = 2,
		.has_head = 1};
	struct store *store;
	struct err err;
	char *at;

	for (size_t i = 0; i < 4; i++) {
		place[i] = (struct store_place){STORE_FRONT, block[i].id};
	}
	if (catalogue_create(&store, name, "/here", &err) < 0 ||
		store_commit(store, &change, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	at = mem_strdup(store_folder(store));
	store_close(store);
	for (size_t i = 0; i < 4; i++) {
		document_finish(&block[i].document);
	}
	for (size_t i = 0; i < 2; i++) {
		store_turn_finish(&turn[i]);
	}
	return at;
}

/* ---- errands ---- */

static void wait_for(const struct errand *errand)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 20000 && !errand_is_done(errand); i++) {
		nanosleep(&moment, NULL);
	}
	assert_true(errand_is_done(errand));
}

struct task {
	struct session_list list;
	struct session_hits hits;
	const char *words;
	atomic_int may_end, was_stopped, n_dropped;
};

static int list_work(struct errand *errand, void *arg, struct err *err)
{
	return session_list_read(&((struct task *)arg)->list, NULL, errand, err);
}

static int search_work(struct errand *errand, void *arg, struct err *err)
{
	struct task *task = arg;

	return session_hits_search(&task->hits, task->words, NULL, errand, err);
}

static void run(int (*work)(struct errand *errand, void *arg, struct err *err), struct task *task)
{
	struct err err = {0};
	struct errand *errand = errand_begin(work, task, &err);

	assert_non_null(errand);
	wait_for(errand);
	if (errand_end(errand, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
}

static int failing_work(struct errand *errand, void *arg, struct err *err)
{
	return err_set(err, ERR_FAILURE, "here", NULL, "it did not work");
}

static void test_an_errand_that_fails_says_why(void **state)
{
	struct err err = {0};
	struct errand *errand = errand_begin(failing_work, NULL, &err);

	assert_non_null(errand);
	wait_for(errand);
	assert_int_equal(errand_end(errand, &err), -1);
	assert_string_equal(err.what, "it did not work");
}

static int patient_work(struct errand *errand, void *arg, struct err *err)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	struct task *task = arg;

	while (!errand_is_stopped(errand)) {
		nanosleep(&moment, NULL);
	}
	atomic_store(&task->was_stopped, 1);
	while (!atomic_load(&task->may_end)) {
		nanosleep(&moment, NULL);
	}
	return 0;
}

static void drop(void *arg)
{
	atomic_fetch_add(&((struct task *)arg)->n_dropped, 1);
}

static void wait_until(atomic_int *flag)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 20000 && !atomic_load(flag); i++) {
		nanosleep(&moment, NULL);
	}
	assert_int_equal(atomic_load(flag), 1);
}

static void test_an_errand_that_is_left_is_stopped_and_dropped_when_it_ends(void **state)
{
	static struct task task;
	struct errand *errand = errand_begin(patient_work, &task, NULL);

	assert_non_null(errand);
	errand_leave(errand, drop); /* returns at once: the work goes on */
	wait_until(&task.was_stopped);
	assert_int_equal(atomic_load(&task.n_dropped), 0);
	atomic_store(&task.may_end, 1);
	wait_until(&task.n_dropped);
}

static void test_an_errand_that_is_left_when_it_is_done_is_dropped_at_once(void **state)
{
	struct task task = {0};
	struct errand *errand = errand_begin(failing_work, &task, NULL);

	wait_for(errand);
	errand_leave(errand, drop);
	assert_int_equal(atomic_load(&task.n_dropped), 1);
	errand_leave(NULL, drop);
}

/* ---- sessions ---- */

static const struct session_row *find_row(const struct session_list *list, const char *name)
{
	for (size_t i = 0; i < list->n_row; i++) {
		if (strcmp(session_row_name(&list->row[i]), name) == 0) {
			return &list->row[i];
		}
	}
	fail_msg("no session is called %s", name);
	return NULL;
}

static void test_every_session_is_listed_with_its_figures(void **state)
{
	char *one = make("one"), *other = make("other"), *broken = make("broken");
	char *path = mem_printf("%s/session.db", broken);
	struct task task = {0};
	struct store *store;
	struct err err;

	folder_write(path, "this is no database");
	assert_int_equal(store_open(&store, other, STORE_WRITE, &err), 0);
	run(list_work, &task);
	assert_int_equal(task.list.n_row, 3);
	assert_int_equal(find_row(&task.list, "one")->n_turn, 2);
	assert_int_equal(find_row(&task.list, "one")->n_source, 4);
	assert_int_equal(find_row(&task.list, "one")->source_tok, -1);
	assert_int_equal(find_row(&task.list, "one")->is_in_use, 0);
	assert_string_equal(find_row(&task.list, "one")->folder, one);
	assert_int_equal(find_row(&task.list, "other")->is_in_use, 1);
	/* The one that cannot be read is there, last, and says why. */
	assert_string_equal(session_row_name(&task.list.row[2]), "broken");
	assert_non_null(task.list.row[2].trouble);
	store_close(store);
	session_list_finish(&task.list);
	free(path);
	free(one);
	free(other);
	free(broken);
}

static void test_hits_lead_to_pages_times_files_and_turns(void **state)
{
	static const char *const text[] = {"", "secret-1", "secret-2", "secret-3", "secret-4"};
	static const char *const at[] = {"", "src/ring.c:", "p", "00:00:0", "L"};
	struct task task = {.words = "secret*"};
	int seen[5] = {0};

	run(search_work, &task);
	assert_int_equal(task.hits.n_unread, 1); /* the broken one hides no other */
	for (size_t i = 0; i < task.hits.n_hit; i++) {
		const struct session_hit *hit = &task.hits.hit[i];

		if (strcmp(hit->name, "one") != 0 || !hit->source) {
			continue;
		}
		assert_in_range(hit->source, 1, 4);
		seen[hit->source]++;
		assert_string_equal(hit->text, text[hit->source]);
		assert_non_null(strstr(hit->at, at[hit->source]));
	}
	for (int i = 1; i <= 4; i++) {
		assert_true(seen[i]);
	}
	session_hits_finish(&task.hits);

	task = (struct task){.words = "\"question 2\""};
	run(search_work, &task);
	assert_true(task.hits.n_hit >= 2);
	assert_int_equal(task.hits.hit[0].turn, 2);
	assert_string_equal(task.hits.hit[0].place, "#2 question");
	assert_string_equal(task.hits.hit[0].text, "question 2?");
	session_hits_finish(&task.hits);
}

static void test_a_copy_has_the_turns_and_a_name_of_its_own(void **state)
{
	struct task task = {0};
	struct err err;
	char *at;

	assert_int_equal(catalogue_find("one", 0, &at, &err), 0);
	assert_int_equal(session_copy(at, "one again", NULL, &err), 0);
	assert_int_equal(session_copy(at, "one again", NULL, &err), -1); /* it is taken */
	assert_int_equal(session_copy(at, "a/b", NULL, &err), -1);
	run(list_work, &task);
	assert_int_equal(find_row(&task.list, "one again")->n_turn, 2);
	assert_int_equal(find_row(&task.list, "one again")->n_source, 4);
	assert_string_not_equal(
		find_row(&task.list, "one again")->id, find_row(&task.list, "one")->id);
	session_list_finish(&task.list);
	free(at);
}

static void test_ages_are_in_the_largest_unit_that_says_something(void **state)
{
	static const struct {
		int64_t ago_s;
		const char *age;
	} row[] = {{5, "now"}, {59, "now"}, {60, "1 min"}, {3599, "59 min"}, {3600, "1 h"},
		{47 * 3600, "47 h"}, {48 * 3600, "2 days"}, {-100, "now"}};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct buf out = BUF_INIT;

		session_row_age(&out, 1700000000 - row[i].ago_s, 1700000000);
		assert_string_equal(buf_str(&out), row[i].age);
		buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_errand_that_fails_says_why),
		cmocka_unit_test(test_an_errand_that_is_left_is_stopped_and_dropped_when_it_ends),
		cmocka_unit_test(test_an_errand_that_is_left_when_it_is_done_is_dropped_at_once),
		cmocka_unit_test(test_every_session_is_listed_with_its_figures),
		cmocka_unit_test(test_hits_lead_to_pages_times_files_and_turns),
		cmocka_unit_test(test_a_copy_has_the_turns_and_a_name_of_its_own),
		cmocka_unit_test(test_ages_are_in_the_largest_unit_that_says_something),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
