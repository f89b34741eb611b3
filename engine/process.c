/* The engine as a child process: found, started, and its end explained. */
#include "engine/link.h"

#include "base/mem.h"
#include "engine/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long an engine that lost its connection may take to end by itself. */
#define GRACE_MS 2000
/* How often we look whether it has. */
#define LOOK_NS (INT64_C(5) * 1000000)

#ifndef CARREL_LIBEXECDIR
#define CARREL_LIBEXECDIR "/usr/libexec/carrel"
#endif

extern char **environ;

struct engine_link {
	pid_t pid;
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

/* ---- finding the program ---- */

/* Relative to the running program: installed in bin/ or libexec/, or in the build folder. */
static const char *const beside[] = {
	"carrel-engine",
	"../engine/carrel-engine",
	"../../engine/carrel-engine",
	"../libexec/carrel/carrel-engine",
};

static char *find_program(const struct engine_config *config, struct err *err)
{
	const char *given = config->program ? config->program : getenv("CARREL_ENGINE");
	char self[4096];
	ssize_t len;
	char *path;

	if (given && given[0]) {
		return mem_strdup(given);
	}
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = 0;
		*(strrchr(self, '/') + 1) = 0;
		for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
			path = mem_printf("%s%s", self, beside[i]);
			if (access(path, X_OK) == 0) {
				return path;
			}
			free(path);
		}
	}
	path = mem_strdup(CARREL_LIBEXECDIR "/carrel-engine");
	if (access(path, X_OK) == 0) {
		return path;
	}
	err_set(err, ERR_ENGINE, path, "install carrel-engine, or set CARREL_ENGINE to its path",
		"the engine program is not there");
	free(path);
	return NULL;
}

/* ---- starting ---- */

/*
 * The child sees its socket as descriptor 3 and as its only one beside 0 to 2: the rest of what makes
 * it a quiet child (parent death signal, no core dumps) it does itself, see main.c.
 */
static int spawn(pid_t *pid, const char *program, int fd, struct err *err)
{
	const char *log = getenv("CARREL_ENGINE_LOG");
	char *const argv[] = {(char *)"carrel-engine", (char *)"--socket=3", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, fd, 3);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, log && log[0] ? log : "/dev/null",
		O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0600);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	error = posix_spawn(pid, program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error ? err_set_errno(err, ERR_ENGINE, error, program,
			       "the engine program cannot be started")
		     : 0;
}

static int process_start(
	struct engine_link **out, int *fd, const struct engine_config *config, struct err *err)
{
	char *program = find_program(config, err);
	int client, server, moved, result, timer_fd;
	pid_t pid;

	if (!program || engine_link_pair(&client, &server, err) < 0) {
		free(program);
		return -1;
	}
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	/* Opening 0 to 2 in the child must not hit the socket: a parent may have them closed. */
	moved = fcntl(server, F_DUPFD_CLOEXEC, 3);
	close(server);
	result = moved < 0 || timer_fd < 0 ? err_set_errno(err, ERR_ENGINE, errno, NULL,
						     "the engine's socket cannot be set up")
					   : spawn(&pid, program, moved, err);
	if (moved >= 0) {
		close(moved);
	}
	free(program);
	if (result < 0) {
		close(client);
		if (timer_fd >= 0) {
			close(timer_fd);
		}
		return -1;
	}
	*out = mem_zero(1, sizeof(**out));
	(*out)->pid = pid;
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

static pid_t reap(pid_t pid, int *status, int options)
{
	pid_t result;

	do {
		result = waitpid(pid, status, options);
	} while (result < 0 && errno == EINTR);
	return result;
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
	pid_t result = reap(link->pid, &status, WNOHANG);

	if (result == 0) {
		if (!link->is_killed && now_ns() - link->ending_ns > GRACE_MS * INT64_C(1000000)) {
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
