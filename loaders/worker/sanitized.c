#include "loaders/worker/sandbox.h"

#include <stddef.h>

/* The shadow alone takes 16 TB of addresses. */
int sanitized_limits_memory(void)
{
	return 0;
}

const char *const *sanitized_calls(void)
{
	/* Its own stack for signals, and giving up the processor while it waits for a lock. */
	static const char *const calls[] = {"sigaltstack", "sched_yield", NULL};

	return calls;
}

/* A symbolizer is a program that would have to be started. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "symbolize=0:detect_leaks=0";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "symbolize=0";
}
