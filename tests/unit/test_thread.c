/* A thread's own faults are heard, also when its stack is what broke; other signals are not its. */
#include "base/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEARD = 17 };

static void hear(int number)
{
	_exit(HEARD);
}

/* How a child ends whose thread does that, with a handler for its faults. */
static int end_of(void *(*run)(void *arg), int flags)
{
	struct sigaction action = {.sa_handler = hear, .sa_flags = flags};
	pthread_t thread;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		sigaction(SIGSEGV, &action, NULL);
		sigaction(SIGFPE, &action, NULL);
		thread_begin(&thread, run, NULL);
		pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void *use_null(void *arg)
{
	int *volatile nowhere = arg;

	raise(SIGFPE);
	return (void *)(intptr_t)*nowhere;
}

static int deeper(volatile char *above, int n)
{
	volatile char page[4096];

	page[0] = page[4095] = (char)(above[0] + n);
	return n < 0 ? page[0] : deeper(page, n + 1) + page[4095];
}

static void *overflow(void *arg)
{
	volatile char first[1] = {0};

	return (void *)(intptr_t)deeper(first, 0);
}

static void test_a_fault_of_a_thread_is_heard(void **state)
{
	assert_int_equal(HEARD, end_of(use_null, 0));
}

static void test_an_overflowed_stack_is_heard_on_another(void **state)
{
	assert_int_equal(HEARD, end_of(overflow, SA_ONSTACK));
}

static void *look_at_mask(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

static void test_signals_are_left_to_the_others(void **state)
{
	static const int others[] = {SIGTERM, SIGINT, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT, SIGUSR1};
	sigset_t before, after, mask;
	pthread_t thread;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(0, thread_begin(&thread, look_at_mask, &mask));
	pthread_join(thread, NULL);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(1, sigismember(&mask, others[i]));
	}
	assert_int_equal(0, sigismember(&mask, SIGSEGV));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fault_of_a_thread_is_heard),
		cmocka_unit_test(test_an_overflowed_stack_is_heard_on_another),
		cmocka_unit_test(test_signals_are_left_to_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
