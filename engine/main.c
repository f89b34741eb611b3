/*
 * carrel-engine: the process that owns the model. carrel starts it with a socket as descriptor 3; it
 * is of no use on its own.
 */
#include "engine/server.h"

#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_FD 3

/* When memory runs out, the kernel shall take the engine rather than the terminal beside it. */
static void prefer_to_be_killed(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t ignored = write(fd, "500", 3);

		(void)ignored;
		close(fd);
	}
}

/* Ends with its parent, leaves no core dump of what people read, inherits nothing. */
static void settle(void)
{
	struct rlimit no_core = {0, 0};

	prefer_to_be_killed();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	close_range(SOCKET_FD + 1, ~0U, 0);
	fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
}

/* Nobody reads what this process prints: its exit status tells. */
static void tell_exhaustion(void)
{
	_exit(SERVER_EXIT_MEMORY);
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc != 2 || strcmp(argv[1], "--socket=3") != 0 || fstat(SOCKET_FD, &st) < 0 ||
		!S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "carrel-engine: carrel starts this program when it needs it\n");
		return 2;
	}
	settle();
	mem_at_exhaustion(tell_exhaustion);
	return server_run(SOCKET_FD, 1);
}
