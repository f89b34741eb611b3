/*
 * pty_run SCRIPT COMMAND [ARGS]: runs a command on a pseudo-terminal of 80 x 24 and plays a script:
 *
 *	expect TEXT    wait until TEXT has been printed (after what was expected before)
 *	send TEXT      type TEXT (\n is Enter, \c Ctrl-C, \d Ctrl-D, \\ a backslash)
 *	kill NAME      kill -9 the child process called NAME of the command
 *	wait MS        do nothing for a while
 *
 * Everything the command printed goes to standard output, raw. The exit status is the command's,
 * 99 when the script does not play within 20 seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_OUTPUT = 1 << 20, LIMIT_MS = 20000 };

static char output[MAX_OUTPUT + 1];
static size_t n_output, n_expected;
static int terminal;
static pid_t child;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Take what has come; returns 0 when the command has closed its terminal. */
static int take(int timeout_ms)
{
	struct pollfd poll_fd = {terminal, POLLIN, 0};
	ssize_t n;

	if (poll(&poll_fd, 1, timeout_ms) <= 0) {
		return 1;
	}
	n = read(terminal, output + n_output, MAX_OUTPUT - n_output);
	if (n <= 0) {
		return n < 0 && errno == EINTR;
	}
	n_output += (size_t)n;
	return n_output < MAX_OUTPUT;
}

static void give_up(const char *why, const char *what)
{
	fwrite(output, 1, n_output, stdout);
	fflush(stdout);
	fprintf(stderr, "\npty_run: %s: %s\n", why, what);
	if (child > 0) { /* -1 would be everybody */
		kill(child, SIGKILL);
	}
	exit(99);
}

static void expect(const char *text)
{
	long until = now_ms() + LIMIT_MS;
	int open = 1;

	for (;;) {
		char *found =
			memmem(output + n_expected, n_output - n_expected, text, strlen(text));

		if (found) {
			n_expected = (size_t)(found - output) + strlen(text);
			return;
		}
		if (!open || now_ms() > until) {
			give_up("was not printed", text);
		}
		open = take(50);
	}
}

static void type(const char *text)
{
	for (; *text; text++) {
		char c = *text;

		if (c == '\\' && text[1]) {
			text++;
			c = *text == 'n' ? '\r' : *text == 'c' ? 3 : *text == 'd' ? 4 : *text;
		}
		if (write(terminal, &c, 1) != 1) {
			give_up("cannot be typed", text);
		}
	}
}

/* The process of this name whose parent is the command. */
static pid_t find_child(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		char path[300], comm[64];
		int pid, parent;
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = atoi(entry->d_name) ? fopen(path, "r") : NULL;
		if (stat && fscanf(stat, "%d (%63[^)]) %*c %d", &pid, comm, &parent) == 3 &&
			parent == child && strcmp(comm, name) == 0) {
			found = pid;
		}
		if (stat) {
			fclose(stat);
		}
	}
	if (proc) {
		closedir(proc);
	}
	return found;
}

static void play(char *line)
{
	char *argument = strchr(line, ' ');

	if (argument) {
		*argument++ = 0;
	}
	if (strcmp(line, "expect") == 0 && argument) {
		expect(argument);
	} else if (strcmp(line, "send") == 0 && argument) {
		type(argument);
	} else if (strcmp(line, "kill") == 0 && argument) {
		pid_t pid = find_child(argument);

		if (pid <= 0 || kill(pid, SIGKILL) < 0) {
			give_up("is not running", argument);
		}
	} else if (strcmp(line, "wait") == 0 && argument) {
		for (long until = now_ms() + atol(argument); now_ms() < until;) {
			take(20);
		}
	} else if (line[0]) {
		give_up("is not a line of a script", line);
	}
}

static int finish(void)
{
	long until = now_ms() + LIMIT_MS;
	int status;

	while (take(50)) {
		if (now_ms() > until) {
			give_up("does not end", "the command");
		}
	}
	waitpid(child, &status, 0);
	fwrite(output, 1, n_output, stdout);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	FILE *script = argc > 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];

	if (!script) {
		fprintf(stderr, "usage: pty_run SCRIPT COMMAND [ARGS]\n");
		return 2;
	}
	child = forkpty(&terminal, NULL, NULL, &size);
	if (child < 0) {
		perror("pty_run: there is no pseudo-terminal");
		return 99;
	}
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = 0;
		play(line);
	}
	fclose(script);
	return finish();
}
