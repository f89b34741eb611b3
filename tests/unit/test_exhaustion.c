/*
 * Promise 4: whichever allocation fails while a question is asked and answered, it is an error with a
 * sentence, or (a few bytes) the end with one: never a crash, never a wait without end. The engine runs
 * on a thread, so that its allocations and its client's are counted alike. Linked with --wrap for the
 * allocator; each try is a process of its own.
 */
#include "engine/engine_thread.h"
#include "tests/unit/engine_ask.h"
#include "tests/unit/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How a try may end. */
enum { ANSWERED = 40, REFUSED, FAILED, NO_SENTENCE, LOST };
/* mem.c's last words end with this status. */
enum { EXHAUSTED = 1 };

/* A question from beginning to end. */
static int try(const struct engine_config *config)
{
	struct engine *engine;
	struct err err = {0};
	struct reply reply;
	int64_t id;

	if (engine_open_thread(&engine, config, &err) < 0) {
		return err.what[0] ? REFUSED : NO_SENTENCE;
	}
	if (engine_wait_ready(engine, &err) < 0 ||
		(id = submit_chat(engine, "What stands in the sources?", 8, &err)) < 0) {
		engine_close(engine);
		return err.what[0] ? REFUSED : NO_SENTENCE;
	}
	reply = collect(engine, id, 30000);
	err = reply.last.err;
	engine_close(engine);
	if (!reply.n_end) {
		return LOST;
	}
	return !reply.has_failed ? ANSWERED : err.what[0] ? FAILED : NO_SENTENCE;
}

/* In a child whose allocation number `which` fails; how it ended, and how many it made. */
static int try_in_child(const struct engine_config *config, long which, long *n_made)
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
		atomic_store(&failing_n_alloc, 0);
		atomic_store(&failing_at, which);
		result = try(config);
		made = atomic_load(&failing_n_alloc);
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

static void try_all(const struct engine_config *config, long max_tries)
{
	long n = 0, step, n_by[LOST + 1] = {0};

	assert_int_equal(ANSWERED, try_in_child(config, -1, &n));
	step = n / max_tries + 1;
	for (long which = 0; which < n; which += step) {
		int result = try_in_child(config, which, NULL);

		if (result != EXHAUSTED && (result < ANSWERED || result > FAILED)) {
			fail_msg("allocation %ld of %ld: status %d", which, n, result);
		}
		n_by[result]++;
	}
	print_message("# %ld allocations: %ld answered, %ld refused, %ld failed, %ld ended\n", n,
		n_by[ANSWERED], n_by[REFUSED], n_by[FAILED], n_by[EXHAUSTED]);
	assert_true(n_by[REFUSED] + n_by[FAILED] > 0); /* some are errors, not the end */
}

static void any_failing_allocation_of_a_question_has_a_sentence(void **state)
{
	try_all(&(struct engine_config){.backend = "fake"}, 1000);
}

static void any_failing_allocation_with_a_real_model_has_a_sentence(void **state)
{
	char *path = mem_printf("%s/models/random.gguf", getenv("CARREL_TEST_BUILD"));

	if (access(path, R_OK) < 0) {
		free(path);
		skip();
	}
	try_all(
		&(struct engine_config){
			.backend = "cpu", .model = path, .n_thread = 2, .context_tok = 512},
		150);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_failing_allocation_of_a_question_has_a_sentence),
		cmocka_unit_test(any_failing_allocation_with_a_real_model_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
