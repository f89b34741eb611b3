/*
 * carrel-worker: reads what nobody trusts. carrel starts it with a socket as descriptor 3; it is of
 * no use on its own.
 */
#include "loaders/worker/worker.h"

#include "base/child.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int is_unsafe = argc == 3 && strcmp(argv[2], "--unsafe") == 0;

	if (argc != 2 + is_unsafe || !child_is_called(argv[1])) {
		fprintf(stderr, "carrel-worker: carrel starts this program when it needs it\n");
		return 2;
	}
	child_settle(700);
	return helper_run(CHILD_SOCKET_FD, is_unsafe);
}
