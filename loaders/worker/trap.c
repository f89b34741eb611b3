/*
 * For debugging: a forbidden call is named on standard error ($CARREL_WORKER_LOG) before it ends
 * the process.
 */
#include "loaders/worker/sandbox.h"

#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* As the kernel would have: the parent is told the same. */
#define EXIT_TRAPPED (128 + SIGSYS)

static void put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0) {
		_exit(EXIT_TRAPPED);
	}
}

static void on_forbidden(int signal_number, siginfo_t *info, void *context)
{
	char digits[16] = "", *first = digits + sizeof(digits) - 1;

	/* Only what a signal handler may do; seccomp_syscall_resolve_num_arch() allocates. */
	for (int call = info->si_syscall; call > 0; call /= 10) {
		*--first = (char)('0' + call % 10);
	}
	put("carrel-worker: forbidden system call ");
	put(first);
	put(" (ausyscall tells its name)\n");
	_exit(EXIT_TRAPPED);
}

uint32_t trap_action(void)
{
	return SCMP_ACT_TRAP;
}

/* The filter still lets it write to standard error alone. */
uint64_t trap_max_file_bytes(void)
{
	return UINT64_MAX;
}

void trap_install(void)
{
	struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGSYS, &action, NULL);
}
