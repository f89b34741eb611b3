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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long an engine that lost its connection may take to end by itself. */
#define GRACE_MS 2000

#ifndef CARREL_LIBEXECDIR
#define CARREL_LIBEXECDIR "/usr/libexec/carrel"
#endif

extern char **environ;

struct engine_link {
	pid_t pid;
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
	int client, server, moved, result;
	pid_t pid;

	if (!program || engine_link_pair(&client, &server, err) < 0) {
		free(program);
		return -1;
	}
	/* Opening 0 to 2 in the child must not hit the socket: a parent may have them closed. */
	moved = fcntl(server, F_DUPFD_CLOEXEC, 3);
	close(server);
	result = moved < 0 ? err_set_errno(err, ERR_ENGINE, errno, NULL,
				     "the engine's socket cannot be set up")
			   : spawn(&pid, program, moved, err);
	if (moved >= 0) {
		close(moved);
	}
	free(program);
	if (result < 0) {
		close(client);
		return -1;
	}
	*out = mem_zero(1, sizeof(**out));
	(*out)->pid = pid;
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

static void process_finish(struct engine_link *link, struct err *why)
{
	struct timespec pause = {.tv_nsec = 200000};
	int status = -1;
	pid_t result = reap(link->pid, &status, WNOHANG);

	for (int64_t ns = 0; result == 0 && ns < GRACE_MS * INT64_C(1000000);) {
		nanosleep(&pause, NULL);
		ns += pause.tv_nsec;
		pause.tv_nsec = pause.tv_nsec < 10000000 ? 2 * pause.tv_nsec : 10000000;
		result = reap(link->pid, &status, WNOHANG);
	}
	if (result == 0) {
		kill(link->pid, SIGKILL);
		result = reap(link->pid, &status, 0);
	}
	/* Without a status (somebody ignores SIGCHLD) only its end is known. */
	explain(result == link->pid ? status : -1, why);
	free(link);
}

const struct engine_link_ops engine_link_process = {process_start, process_finish};
