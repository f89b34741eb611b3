#include "cli/interrupt.h"

#include "base/err.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t pending;

static void on_interrupt(int signal_number)
{
	if (pending) {
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
}

int interrupt_pending(void)
{
	return pending;
}

void interrupt_clear(void)
{
	pending = 0;
}
