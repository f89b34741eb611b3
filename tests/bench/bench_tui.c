/*
 * A terminal for tests/bench/tui: orders on standard input, a line each; to each a line of JSON. Times
 * are taken here, beside the terminal: from the last `run` or `send` until the screen shows it.
 *
 *	run ROWS COLUMNS COMMAND    a program on a new terminal of that size
 *	until MS TEXT               {"ms":,"bytes":,"frames":}; ms null: not within MS
 *	send RAW                    \n \t \e \\ \xHH
 *	pump MS                     {"frames":[bytes, ...]}: what was written meanwhile, parted by rests
 *	resize ROWS COLUMNS
 *	screen                      {"rows":["...", ...]}
 *	memory                      {"rss_kb":,"peak_kb":,"cpu_ms":} of the program
 *	end MS                      {"status":}, null where it does not end: it is killed then
 */
#include "base/buf.h"
#include "base/mem.h"
#include "tests/screens/script.h"
#include "tests/screens/terminal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	REST_MS = 2, /* between two frames nothing is written for so long */
	PRIORITY = -15,
};

static struct terminal *terminal;
static double began_ms;
static size_t began_bytes;

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void begin(void)
{
	began_ms = now_ms();
	began_bytes = terminal ? terminal_bytes(terminal)->len : 0;
}

static void play_run(char *argument, char *const *env)
{
	int rows, columns, at = 0;
	struct buf why = BUF_INIT;

	terminal_destroy(terminal);
	terminal = NULL;
	if (sscanf(argument, "%d %d %n", &rows, &columns, &at) == 2) {
		char shell[] = "/bin/sh", flag[] = "-c";
		char *const argv[] = {shell, flag, argument + at, NULL};

		begin();
		setpriority(PRIO_PROCESS, 0, 0); /* what runs has no more than it would have */
		terminal = terminal_run(argv, env, ".", rows, columns, &why);
		/* Times are those of the program, not of who looks at it; root may do that. */
		setpriority(PRIO_PROCESS, 0, PRIORITY);
	}
	printf(terminal ? "{}\n" : "null\n");
	buf_finish(&why);
}

static int is_seen(const char *text)
{
	struct buf row = BUF_INIT;
	int rows, columns, found = 0;

	terminal_size(terminal, &rows, &columns);
	for (int i = 0; i < rows && !found; i++) {
		terminal_row(terminal, i, &row, NULL);
		found = strstr(buf_str(&row), text) != NULL;
	}
	buf_finish(&row);
	return found;
}

static void play_until(const char *argument)
{
	char *text;
	double until = began_ms + strtod(argument, &text), seen_ms = -1, last = 0;
	long frames = 0;

	text += *text == ' ';
	do {
		double now;

		if (terminal_pump(terminal, 1)) {
			now = now_ms();
			frames += now - last > REST_MS;
			last = now;
			if (is_seen(text)) {
				seen_ms = now - began_ms;
			}
		} else if (!frames && is_seen(text)) {
			seen_ms = now_ms() - began_ms;
		}
	} while (seen_ms < 0 && now_ms() < until && terminal_state(terminal) != TERMINAL_ENDED);
	if (seen_ms < 0) {
		printf("{\"ms\":null");
	} else {
		printf("{\"ms\":%.3f", seen_ms);
	}
	printf(",\"bytes\":%zu,\"frames\":%ld}\n", terminal_bytes(terminal)->len - began_bytes,
		frames);
}

static void play_pump(const char *argument)
{
	double until = now_ms() + atof(argument), last = now_ms();
	size_t before = terminal_bytes(terminal)->len;
	int n = 0;

	printf("{\"frames\":[");
	do {
		size_t bytes = terminal_bytes(terminal)->len;

		if (terminal_pump(terminal, 1)) {
			last = now_ms();
		} else if (bytes > before && now_ms() - last > REST_MS) {
			printf("%s%zu", n++ ? "," : "", bytes - before);
			before = bytes;
		}
	} while (now_ms() < until);
	printf("]}\n");
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\') {
			putchar('\\');
		}
		putchar(*text);
	}
	putchar('"');
}

static void play_screen(void)
{
	struct buf row = BUF_INIT;
	int rows, columns;

	terminal_size(terminal, &rows, &columns);
	printf("{\"rows\":[");
	for (int i = 0; i < rows; i++) {
		terminal_row(terminal, i, &row, NULL);
		printf("%s", i ? "," : "");
		print_text(buf_str(&row));
	}
	printf("]}\n");
	buf_finish(&row);
}

/* A figure of /proc/PID/status, in kB; -1. */
static long status_kb(const char *name)
{
	char path[64], line[256];
	long kb = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)terminal_pid(terminal));
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) == 0) {
			kb = atol(line + strlen(name));
		}
	}
	if (file) {
		fclose(file);
	}
	return kb;
}

static double cpu_ms(void)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)terminal_pid(terminal));
	file = fopen(path, "r");
	if (!file ||
		fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &system) != 2) {
		user = system = 0;
	}
	if (file) {
		fclose(file);
	}
	return 1e3 * (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void play_end(const char *argument)
{
	double until = now_ms() + atof(argument);

	while (terminal && terminal_state(terminal) != TERMINAL_ENDED && now_ms() < until) {
		terminal_pump(terminal, 5);
	}
	if (terminal && terminal_state(terminal) == TERMINAL_ENDED) {
		printf("{\"status\":%d}\n", WEXITSTATUS(terminal_status(terminal)));
	} else {
		printf("{\"status\":null}\n");
	}
	terminal_destroy(terminal);
	terminal = NULL;
}

static void play(char *line, char *const *env)
{
	char *argument = line + strcspn(line, " ");
	int rows, columns;

	if (*argument) {
		*argument++ = 0;
	}
	if (strcmp(line, "run") == 0) {
		play_run(argument, env);
	} else if (strcmp(line, "end") == 0) {
		play_end(argument);
	} else if (!terminal) {
		printf("null\n");
	} else if (strcmp(line, "until") == 0) {
		play_until(argument);
	} else if (strcmp(line, "pump") == 0) {
		play_pump(argument);
	} else if (strcmp(line, "screen") == 0) {
		play_screen();
	} else if (strcmp(line, "memory") == 0) {
		printf("{\"rss_kb\":%ld,\"peak_kb\":%ld,\"cpu_ms\":%.0f}\n", status_kb("VmRSS:"),
			status_kb("VmHWM:"), cpu_ms());
	} else if (strcmp(line, "send") == 0) {
		struct buf bytes = BUF_INIT;

		script_unescape(&bytes, argument);
		begin();
		printf(terminal_send(terminal, buf_str(&bytes), bytes.len, 20000) < 0 ? "null\n"
										      : "{}\n");
		buf_finish(&bytes);
	} else if (strcmp(line, "resize") == 0 && sscanf(argument, "%d %d", &rows, &columns) == 2) {
		begin();
		terminal_resize(terminal, rows, columns);
		printf("{}\n");
	} else {
		printf("null\n");
	}
}

int main(int argc, char **argv, char **env)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	/* Where it may: what is measured is carrel, not how long its terminal waits for a processor. */
	sched_setscheduler(
		0, SCHED_RR | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1});
	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[strcspn(line, "\n")] = 0;
		play(line, env);
		fflush(stdout);
	}
	free(line);
	terminal_destroy(terminal);
	return 0;
}
