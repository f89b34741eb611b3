#include "tests/screens/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t job;

/* A shell whose terminal goes away tells its jobs. */
static void pass_on(int number)
{
	if (job > 0) {
		kill(-job, number);
		kill(-job, SIGCONT);
	}
}

static _Noreturn void start(char *const *argv, char *const *env)
{
	setpgid(0, 0);
	tcsetpgrp(0, getpid());
	signal(SIGTTOU, SIG_DFL);
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execve(argv[0], argv, env);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void tell(int control, enum keeper_news news, int status)
{
	struct keeper_message message = {news, job, status};

	if (write(control, &message, sizeof(message)) != (ssize_t)sizeof(message)) {
		kill(-job, SIGKILL);
		_exit(1);
	}
}

/* The test's next order; it is gone: so is the job. */
static void wait_for_order(int control, char order)
{
	char got = 0;
	ssize_t n;

	do {
		n = read(control, &got, 1);
	} while ((n < 0 && errno == EINTR) || (n == 1 && got != order && got != KEEPER_LEAVE));
	if (n != 1 || got == KEEPER_LEAVE) {
		kill(-job, SIGKILL);
		_exit(0);
	}
}

_Noreturn void keeper_run(int control, char *const *argv, char *const *env)
{
	struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
	int status;

	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	job = fork();
	if (job == 0) {
		start(argv, env);
	}
	sigaction(SIGHUP, &action, NULL);
	setpgid(job, job);
	tcsetpgrp(0, job);
	tell(control, KEEPER_STARTED, 0);
	for (;;) {
		if (waitpid(job, &status, WUNTRACED) < 0) {
			if (errno == EINTR) {
				continue;
			}
			_exit(1);
		}
		tcsetpgrp(0, getpgrp());
		if (!WIFSTOPPED(status)) {
			break;
		}
		tell(control, KEEPER_STOPPED, status);
		wait_for_order(control, KEEPER_CONTINUE);
		tcsetpgrp(0, job);
		kill(-job, SIGCONT);
	}
	tell(control, KEEPER_ENDED, status);
	wait_for_order(control, KEEPER_LEAVE); /* until then the terminal stays open */
	_exit(0);
}
