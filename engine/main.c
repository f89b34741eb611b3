/*
 * carrel-engine: the process that owns the model. carrel starts it with a socket as descriptor 3; it
 * is of no use on its own.
 */
#include "engine/server.h"

#include "base/child.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Nobody reads what this process prints: its exit status tells. */
static void tell_exhaustion(void)
{
	_exit(SERVER_EXIT_MEMORY);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !child_is_called(argv[1])) {
		fprintf(stderr, "carrel-engine: carrel starts this program when it needs it\n");
		return 2;
	}
	child_settle(500);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* KV that may not be written is an error like others */
	mem_at_exhaustion(tell_exhaustion);
	return server_run(CHILD_SOCKET_FD, 1);
}
