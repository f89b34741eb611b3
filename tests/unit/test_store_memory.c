/*
 * Whichever allocation fails while a session is read or repaired, it is an error with a sentence, or
 * (a few bytes) the end with one: memory that runs out is never taken for damage, and nothing that
 * was saved is lost by it. Each try is a process of its own, with --wrap for the allocator.
 */
#include "tests/unit/failing_alloc.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/store.h"

#include <sys/wait.h>

#define SESSION "0123456789abcdef"

/* How a try ends; mem.c's last words end with 1. */
enum { EXHAUSTED = 1, DONE = 40, REFUSED, NO_SENTENCE, DAMAGED, LOST };

static char folder[] = "/tmp/carrel-memory-XXXXXX";
static char *good_dump;

static int enter(void **state)
{
	struct store *store;

	if (folder_enter(folder) < 0) {
		return -1;
	}
	store = store_new(SESSION);
	fill_store(store);
	good_dump = dump_store(store);
	store_close(store);
	return 0;
}

static int leave(void **state)
{
	free(good_dump);
	return folder_leave(folder);
}

static int say(const struct err *err)
{
	return strstr(err->what, "damaged") ? DAMAGED : err->what[0] ? REFUSED : NO_SENTENCE;
}

static int try_read(void)
{
	struct store_contents contents;
	struct store *store;
	struct err err = {0};
	int is_same;
	char *dump;

	if (store_open(&store, SESSION, STORE_READ, &err) < 0) {
		return say(&err);
	}
	if (store_read(store, &contents, &err) < 0) {
		store_close(store);
		return say(&err);
	}
	failing_at = -1;
	dump = dump_contents(&contents);
	is_same = strcmp(dump, good_dump) == 0;
	free(dump);
	store_contents_finish(&contents);
	store_close(store);
	return is_same ? DONE : LOST;
}

static void count(void *arg, const char *sentence)
{
	++*(int *)arg;
}

static int try_repair(void)
{
	int n_told = 0;
	struct store_report report = {.damage = count, .arg = &n_told};
	struct err err = {0};

	if (store_repair(SESSION, &report, &err) < 0) {
		return say(&err);
	}
	return n_told ? DAMAGED : DONE;
}

/* How it ends where allocation `which` fails; *n_made: how many there were. */
static int try_in_child(int (*try)(void), long which, long *n_made)
{
	int pipe_fd[2], status;
	long made = 0;
	pid_t pid;

	assert_int_equal(0, pipe(pipe_fd));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int result;

		alarm(60);
		close(2); /* its last words */
		failing_n_alloc = 0;
		failing_at = which;
		result = try();
		made = failing_n_alloc;
		_exit(write(pipe_fd[1], &made, sizeof(made)) == sizeof(made) ? result : 99);
	}
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &made, sizeof(made)) == sizeof(made) && n_made) {
		*n_made = made;
	}
	close(pipe_fd[0]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	if (!WIFEXITED(status)) {
		fail_msg("allocation %ld: signal %d", which, WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}

static void try_all(int (*try)(void))
{
	long n = 0, n_refused = 0;

	assert_int_equal(DONE, try_in_child(try, -1, &n));
	assert_true(n > 50);
	for (long which = 0; which < n; which++) {
		int result = try_in_child(try, which, NULL);

		if (result != EXHAUSTED && result != DONE && result != REFUSED) {
			fail_msg("allocation %ld of %ld: status %d", which, n, result);
		}
		n_refused += result == REFUSED;
	}
	print_message("# %ld allocations failed one by one; %ld of them were told by the store\n",
		n, n_refused);
	assert_true(n_refused > 20);
	assert_int_equal(DONE, try_in_child(try_read, -1, NULL));
}

static void any_allocation_may_fail_while_a_session_is_read(void **state)
{
	try_all(try_read);
}

static void any_allocation_may_fail_while_a_session_is_repaired(void **state)
{
	try_all(try_repair);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_allocation_may_fail_while_a_session_is_read),
		cmocka_unit_test(any_allocation_may_fail_while_a_session_is_repaired),
	};

	return cmocka_run_group_tests_name("store_memory", tests, enter, leave);
}
