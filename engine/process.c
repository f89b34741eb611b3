/* The engine as a child process: found, started, and its end explained. */
#include "engine/link.h"

#include "base/child.h"
#include "base/mem.h"
#include "engine/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * How long an engine that lost its connection may take to end by itself; one that has KV to sync to a
 * disk gets more. What is killed on the way loses the end of that, no more.
 */
#define GRACE_MS      2000
#define GRACE_DISK_MS 10000
/* How often we look whether it has. */
#define LOOK_NS (INT64_C(5) * 1000000)

struct engine_link {
	pid_t pid;
	int64_t grace_ns;
	int timer_fd;      /* ticks while it is ending */
	int64_t ending_ns; /* since when; 0: it is not */
	int is_killed;
};

int engine_link_pair(int *client, int *server, struct err *err)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		return err_set_errno(
			err, ERR_ENGINE, errno, NULL, "the engine's socket cannot be made");
	}
	if (fcntl(fd[0], F_SETFL, fcntl(fd[0], F_GETFL) | O_NONBLOCK) < 0) {
		int saved = errno;

		close(fd[0]);
		close(fd[1]);
		return err_set_errno(
			err, ERR_ENGINE, saved, NULL, "the engine's socket cannot be set up");
	}
	*client = fd[0];
	*server = fd[1];
	return 0;
}

static const struct child_program program = {
	.name = "carrel-engine",
	.what = "engine",
	.variable = "CARREL_ENGINE",
	.log = "CARREL_ENGINE_LOG",
	.folder = "engine",
	.code = ERR_ENGINE,
};

/*
 * What makes it a quiet child (parent death signal, no core dumps) it does itself, see main.c.
 */
static int process_start(
	struct engine_link **out, int *fd, const struct engine_config *config, struct err *err)
{
	char *const argv[] = {(char *)"carrel-engine", (char *)"--socket=3", NULL};
	char *path = child_find(&program, config->program, err);
	int client, server, result, timer_fd;
	pid_t pid;

	if (!path || engine_link_pair(&client, &server, err) < 0) {
		free(path);
		return -1;
	}
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	result = timer_fd < 0 ? err_set_errno(err, ERR_ENGINE, errno, NULL,
					"the engine's socket cannot be set up")
			      : child_spawn(&pid, &program, path, argv, server, err);
	close(server);
	free(path);
	if (result < 0) {
		close(client);
		if (timer_fd >= 0) {
			close(timer_fd);
		}
		return -1;
	}
	*out = mem_zero(1, sizeof(**out));
	(*out)->pid = pid;
	(*out)->grace_ns = (config->kv_folder ? GRACE_DISK_MS : GRACE_MS) * INT64_C(1000000);
	(*out)->timer_fd = timer_fd;
	*fd = client;
	return 0;
}

/* ---- its end ---- */

static void explain(int status, struct err *why)
{
	static const char again[] = "ask again: it restarts by itself";
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (signal == SIGBUS) {
		err_set(why, ERR_ENGINE, NULL,
			"look at the model file and its disk, then ask again",
			"the engine process died (signal %d, %s): the model file was changed or "
			"could not be read while it was in use",
			signal, strsignal(signal));
	} else if (signal == SIGKILL) {
		err_set(why, ERR_ENGINE, NULL, again,
			"the engine process died (signal %d, %s): perhaps the machine ran out of "
			"memory",
			signal, strsignal(signal));
	} else if (signal) {
		err_set(why, ERR_ENGINE, NULL, again, "the engine process died (signal %d, %s)",
			signal, strsignal(signal));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == SERVER_EXIT_MEMORY) {
		err_set(why, ERR_ENGINE, NULL,
			"load less, take a smaller context with -c, or close other programs",
			"the engine ran out of memory");
	} else if (WIFEXITED(status)) {
		err_set(why, ERR_ENGINE, NULL, again, "the engine process ended (exit status %d)",
			WEXITSTATUS(status));
	} else {
		err_set(why, ERR_ENGINE, NULL, again, "the engine process is gone");
	}
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Look again after so long, and then as often; 0: never. */
static void set_timer(struct engine_link *link, int64_t ns)
{
	struct itimerspec every = {.it_interval.tv_nsec = ns, .it_value.tv_nsec = ns};

	timerfd_settime(link->timer_fd, 0, &every, NULL);
}

/* Whether it is gone; one that takes too long is killed on the way. */
static int look(struct engine_link *link, struct err *why)
{
	int status = -1;
	pid_t result = child_wait(link->pid, &status, WNOHANG);

	if (result == 0) {
		if (!link->is_killed && now_ns() - link->ending_ns > link->grace_ns) {
			kill(link->pid, SIGKILL);
			link->is_killed = 1;
		}
		return 0;
	}
	/* Without a status (somebody ignores SIGCHLD) only its end is known. */
	explain(result == link->pid ? status : -1, why);
	close(link->timer_fd);
	free(link);
	return 1;
}

static int process_finish(struct engine_link *link, int wait_ms, struct err *why)
{
	struct timespec pause = {.tv_nsec = 200000};
	int64_t start_ns = now_ns();
	uint64_t ticks;

	if (!link->ending_ns) {
		link->ending_ns = start_ns;
		set_timer(link, LOOK_NS);
	}
	if (read(link->timer_fd, &ticks, sizeof(ticks)) < 0) {
		/* not yet: nothing to clear */
	}
	while (!look(link, why)) {
		if (wait_ms >= 0 && now_ns() - start_ns >= wait_ms * INT64_C(1000000)) {
			return 0;
		}
		nanosleep(&pause, NULL);
		pause.tv_nsec = pause.tv_nsec < LOOK_NS ? 2 * pause.tv_nsec : LOOK_NS;
	}
	return 1;
}

static int process_fd(const struct engine_link *link)
{
	return link->timer_fd;
}

const struct engine_link_ops engine_link_process = {process_start, process_finish, process_fd};
