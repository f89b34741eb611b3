/*
 * pty_run SCRIPT COMMAND [ARGS]: runs a command on a pseudo-terminal of 80 x 24 and plays a script:
 *
 *	expect TEXT    wait until TEXT has been printed (after what was expected before)
 *	absent TEXT    TEXT has not been printed (after what was expected before)
 *	send TEXT      type TEXT
 *	kill NAME      kill -9 the child process called NAME of the command
 *	freeze NAME    stop it, as kill -STOP does
 *	signal NAME    send the command INT, TERM, HUP, QUIT, KILL, STOP or CONT
 *	resize R C     make the terminal R rows high and C columns wide
 *	wait MS        do nothing for a while
 *
 * In TEXT, \n is Enter, \c Ctrl-C, \d Ctrl-D, \t Tab, \e Escape, \xHH any byte, \\ a backslash.
 *
 * Everything the command printed goes to standard output, raw. The exit status is the command's
 * (128 + N when signal N ended it), 99 when the script does not play within 20 seconds, and 98 when
 * the terminal is not left as it was found: its modes, and bracketed paste off.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

enum { MAX_OUTPUT = 1 << 20, LIMIT_MS = 20000 };

static char output[MAX_OUTPUT + 1];
static size_t n_output, n_expected;
static int terminal;
static pid_t child;
static struct termios modes_before;

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

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The bytes that a TEXT stands for, in place; returns how many. */
static size_t unescape(char *text)
{
	size_t n = 0;

	for (const char *at = text; *at; at++) {
		if (*at != '\\' || !at[1]) {
			text[n++] = *at;
			continue;
		}
		at++;
		if (*at == 'x' && isxdigit((unsigned char)at[1]) &&
			isxdigit((unsigned char)at[2])) {
			text[n++] = (char)(hex(at[1]) << 4 | hex(at[2]));
			at += 2;
			continue;
		}
		switch (*at) {
		case 'n':
			text[n++] = '\r';
			break;
		case 'c':
			text[n++] = 3;
			break;
		case 'd':
			text[n++] = 4;
			break;
		case 't':
			text[n++] = '\t';
			break;
		case 'e':
			text[n++] = 27;
			break;
		default:
			text[n++] = *at;
		}
	}
	return n;
}

static char *find_output(const char *text, size_t len)
{
	return memmem(output + n_expected, n_output - n_expected, text, len);
}

static void expect(char *text)
{
	long until = now_ms() + LIMIT_MS;
	size_t len = unescape(text);
	int open = 1;

	for (;;) {
		char *found = find_output(text, len);

		if (found) {
			n_expected = (size_t)(found - output) + len;
			return;
		}
		if (!open || now_ms() > until) {
			give_up("was not printed", text);
		}
		open = take(50);
	}
}

static void absent(char *text)
{
	size_t len = unescape(text);

	if (find_output(text, len)) {
		give_up("was printed", text);
	}
}

static void type(char *text)
{
	size_t len = unescape(text);

	for (size_t i = 0; i < len; i++) {
		if (write(terminal, text + i, 1) != 1) {
			give_up("cannot be typed", text);
		}
	}
}

static void send_signal(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {{"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"QUIT", SIGQUIT},
		{"KILL", SIGKILL}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0) {
			kill(child, known[i].number);
			return;
		}
	}
	give_up("is not a signal of a script", name);
}

static void resize(const char *size)
{
	struct winsize new = {0};

	if (sscanf(size, "%hu %hu", &new.ws_row, &new.ws_col) != 2 ||
		ioctl(terminal, TIOCSWINSZ, &new) < 0) {
		give_up("is not a size", size);
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
	} else if (strcmp(line, "absent") == 0 && argument) {
		absent(argument);
	} else if (strcmp(line, "signal") == 0 && argument) {
		send_signal(argument);
	} else if (strcmp(line, "resize") == 0 && argument) {
		resize(argument);
	} else if (strcmp(line, "send") == 0 && argument) {
		type(argument);
	} else if ((strcmp(line, "kill") == 0 || strcmp(line, "freeze") == 0) && argument) {
		pid_t pid = find_child(argument);

		if (pid <= 0 || kill(pid, line[0] == 'k' ? SIGKILL : SIGSTOP) < 0) {
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

/* Where the last one of these bytes stands in the output, from 1; 0 if nowhere. */
static size_t last_printed(const char *text)
{
	size_t at = 0;
	char *found;

	while ((found = memmem(output + at, n_output - at, text, strlen(text)))) {
		at = (size_t)(found - output) + 1;
	}
	return at;
}

/* The modes that the master sees are those of the command's end. */
static int terminal_is_restored(void)
{
	struct termios modes;

	if (tcgetattr(terminal, &modes) < 0) {
		perror("pty_run: the modes of the terminal");
		return 0;
	}
	if (modes.c_iflag != modes_before.c_iflag || modes.c_oflag != modes_before.c_oflag ||
		modes.c_cflag != modes_before.c_cflag || modes.c_lflag != modes_before.c_lflag ||
		memcmp(modes.c_cc, modes_before.c_cc, sizeof(modes.c_cc)) != 0) {
		fprintf(stderr, "pty_run: the modes of the terminal were not restored\n");
		return 0;
	}
	if (last_printed("\033[?2004h") > last_printed("\033[?2004l")) {
		fprintf(stderr, "pty_run: bracketed paste was left on\n");
		return 0;
	}
	return 1;
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
	if (!terminal_is_restored()) {
		return 98;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	FILE *script = argc > 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];
	int inner;

	if (!script) {
		fprintf(stderr, "usage: pty_run SCRIPT COMMAND [ARGS]\n");
		return 2;
	}
	/* The modes are looked at before anybody can change them. */
	if (openpty(&terminal, &inner, NULL, NULL, &size) < 0 ||
		tcgetattr(inner, &modes_before) < 0 || (child = fork()) < 0) {
		perror("pty_run: there is no pseudo-terminal");
		return 99;
	}
	if (child == 0) {
		close(terminal);
		login_tty(inner);
		/* A shell starts what ends in & with the first two ignored, nohup the third. */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	close(inner);
	while (fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = 0;
		play(line);
	}
	fclose(script);
	return finish();
}
