/*
 * carrel-worker: reads what nobody trusts. carrel starts it with a socket as descriptor 3; it is of
 * no use on its own.
 */
#include "loaders/worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* When memory runs out, the kernel shall take a worker rather than what is beside it. */
static void prefer_to_be_killed(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t ignored = write(fd, "700", 3);

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
	close_range(WORKER_SOCKET_FD + 1, ~0U, 0);
	fcntl(WORKER_SOCKET_FD, F_SETFD, FD_CLOEXEC);
	umask(077);
}

int main(int argc, char **argv)
{
	int is_unsafe = argc == 3 && strcmp(argv[2], "--unsafe") == 0;
	struct stat st;

	if (argc != 2 + is_unsafe || strcmp(argv[1], "--socket=3") != 0 ||
		fstat(WORKER_SOCKET_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "carrel-worker: carrel starts this program when it needs it\n");
		return 2;
	}
	settle();
	return helper_run(WORKER_SOCKET_FD, is_unsafe);
}
