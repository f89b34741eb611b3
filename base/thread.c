#include "base/thread.h"

#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>

enum { FAULT_STACK_BYTES = 64 << 10 };

struct start {
	void *(*run)(void *arg);
	void *arg;
	char *stack;
};

static void *begin(void *arg)
{
	struct start *start = arg;
	stack_t stack = {.ss_sp = start->stack, .ss_size = FAULT_STACK_BYTES};
	stack_t none = {.ss_flags = SS_DISABLE}, before;
	void *result;

	sigaltstack(&stack, &before); /* a sanitizer's threads come with one */
	result = start->run(start->arg);
	sigaltstack(before.ss_flags & SS_DISABLE ? &none : &before, NULL);
	free(start->stack);
	free(start);
	return result;
}

int thread_begin(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ};
	struct start *start = mem_alloc(sizeof(*start));
	sigset_t others, before;
	int error;

	*start = (struct start){run, arg, mem_alloc(FAULT_STACK_BYTES)};
	sigfillset(&others);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		sigdelset(&others, faults[i]);
	}
	pthread_sigmask(SIG_SETMASK, &others, &before);
	error = pthread_create(thread, NULL, begin, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(start->stack);
		free(start);
	}
	return error;
}
