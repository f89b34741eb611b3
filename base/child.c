#include "base/child.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CARREL_LIBEXECDIR
#define CARREL_LIBEXECDIR "/usr/libexec/carrel"
#endif

extern char **environ;

/* Relative to the running program: installed in bin/ or libexec/, or in the build folder. */
static char *find_beside(const char *self, const struct child_program *program)
{
	static const char *const beside[] = {"", "../%s/", "../../%s/", "../libexec/carrel/"};

	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		struct buf path = BUF_INIT;
		const char *percent = strstr(beside[i], "%s");

		buf_addstr(&path, self);
		buf_add(&path, beside[i],
			percent ? (size_t)(percent - beside[i]) : strlen(beside[i]));
		if (percent) {
			buf_printf(&path, "%s/", program->folder);
		}
		buf_addstr(&path, program->name);
		if (access(path.data, X_OK) == 0) {
			return buf_take(&path);
		}
		buf_finish(&path);
	}
	return NULL;
}

char *child_find(const struct child_program *program, const char *given, struct err *err)
{
	char self[4096], *path;
	ssize_t len;

	given = given ? given : getenv(program->variable);
	if (given && given[0]) {
		return mem_strdup(given);
	}
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = 0;
		*(strrchr(self, '/') + 1) = 0;
		path = find_beside(self, program);
		if (path) {
			return path;
		}
	}
	path = mem_printf("%s/%s", CARREL_LIBEXECDIR, program->name);
	if (access(path, X_OK) == 0) {
		return path;
	}
	err_set(err, program->code, path, NULL, "the %s program is not there", program->what);
	if (err) {
		snprintf(err->hint, sizeof(err->hint), "install %s, or set %s to its path",
			program->name, program->variable);
	}
	free(path);
	return NULL;
}

static int spawn(pid_t *pid, const struct child_program *program, const char *path,
	char *const argv[], int fd)
{
	const char *log = getenv(program->log);
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
	error = posix_spawn(pid, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int child_spawn(pid_t *pid, const struct child_program *program, const char *path,
	char *const argv[], int fd, struct err *err)
{
	/*
	 * Opening 0 to 2 in the child must not hit the socket: a parent may have them closed. Above
	 * 3, since duplicating 3 onto itself would leave it close-on-exec.
	 */
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 4), error;

	if (moved < 0) {
		return err_set_errno(err, program->code, errno, NULL,
			"the %s's socket cannot be set up", program->what);
	}
	error = spawn(pid, program, path, argv, moved);
	close(moved);
	return error ? err_set_errno(err, program->code, error, path,
			       "the %s program cannot be started", program->what)
		     : 0;
}

int child_is_called(const char *first_argument)
{
	struct stat st;

	return strcmp(first_argument, "--socket=3") == 0 && fstat(CHILD_SOCKET_FD, &st) == 0 &&
	       S_ISSOCK(st.st_mode);
}

static void set_oom_score(int score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		dprintf(fd, "%d", score);
		close(fd);
	}
}

void child_settle(int oom_score)
{
	struct rlimit no_core = {0, 0};

	set_oom_score(oom_score);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	close_range(CHILD_SOCKET_FD + 1, ~0U, 0);
	fcntl(CHILD_SOCKET_FD, F_SETFD, FD_CLOEXEC);
	umask(077);
}

pid_t child_wait(pid_t pid, int *status, int options)
{
	pid_t result;

	do {
		result = waitpid(pid, status, options);
	} while (result < 0 && errno == EINTR);
	return result;
}
