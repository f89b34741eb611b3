#include "cli/interrupt.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t pending;
static void (*restore_before_exit)(void);

static void on_interrupt(int signal_number)
{
	if (pending) {
		if (restore_before_exit) {
			restore_before_exit();
		}
		_exit(ERR_INTERRUPTED);
	}
	pending = 1;
}

void interrupt_install(void)
{
	/* No SA_RESTART: what waits must wake up and look. */
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	file_wait_with(interrupt_wait);
}

void interrupt_install_term(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
}

void interrupt_at_exit(void (*restore)(void))
{
	restore_before_exit = restore;
}

int interrupt_pending(void)
{
	return pending;
}

void interrupt_clear(void)
{
	pending = 0;
}

/* The signal is let through only inside of ppoll(): it cannot slip in between a look and a wait. */
int interrupt_wait(int fd)
{
	struct pollfd readable = {fd, POLLIN, 0};
	sigset_t held, old, open;
	int status;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &old);
	open = old;
	sigdelset(&open, SIGINT);
	sigdelset(&open, SIGTERM);
	do {
		status = pending ? 0 : ppoll(&readable, 1, NULL, &open);
	} while (status < 0 && errno == EINTR);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status != 0;
}

int interrupt_agrees(const char *question)
{
	char line[16] = "";

	interrupt_install();
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!interrupt_wait(STDIN_FILENO)) {
		fputc('\n', stderr); /* behind the ^C of the terminal */
		return 0;
	}
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}
