/* The verbs that do something: settings, keys, signals, the size of the window. */
#include "tests/screens/trial.h"

#include "base/mem.h"
#include "tests/screens/terminfo.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ESC_MS = 80, STORM_MS = 4 };

static int fail(struct trial *trial, const char *what, const char *argument)
{
	buf_printf(&trial->why, "%s: %s", argument, what);
	return -1;
}

static int play_size(struct trial *trial, const struct step *step)
{
	if (sscanf(step->argument, "%d %d", &trial->rows, &trial->columns) != 2) {
		return fail(trial, "a size is ROWS COLUMNS", step->argument);
	}
	return 0;
}

static int play_term(struct trial *trial, const struct step *step)
{
	free(trial->term);
	trial->term = mem_strdup(step->argument);
	return 0;
}

static int play_env(struct trial *trial, const struct step *step)
{
	struct buf setting = BUF_INIT;

	script_unescape(&setting, step->argument);
	trial_set_env(trial, buf_str(&setting));
	buf_finish(&setting);
	return 0;
}

static int play_limit(struct trial *trial, const struct step *step)
{
	int times = atoi(step->argument);

	if (times < 1) {
		return fail(trial, "a limit is how many times the usual", step->argument);
	}
	trial->limit_ms *= times;
	return 0;
}

static int play_must_fail(struct trial *trial, const struct step *step)
{
	trial->must_fail = mem_strdup(step->argument);
	trial->limit_ms = 700; /* it is going to come to it */
	return 0;
}

static int play_allow(struct trial *trial, const struct step *step)
{
	if (strcmp(step->argument, "clipboard") != 0) {
		return fail(trial, "only the clipboard is allowed", step->argument);
	}
	trial->has_clipboard = 1;
	return 0;
}

static int play_forbid(struct trial *trial, const struct step *step)
{
	struct buf bytes = BUF_INIT;

	script_unescape(&bytes, step->argument);
	buf_add(&trial->forbidden, &bytes.len, sizeof(bytes.len));
	buf_add(&trial->forbidden, buf_str(&bytes), bytes.len);
	buf_finish(&bytes);
	return 0;
}

/* Names are unescaped, too: a file may be called anything. */
static int write_file(struct trial *trial, const struct step *step, int is_escaped)
{
	struct buf path = BUF_INIT, text = BUF_INIT;
	FILE *file;
	int status = -1;

	buf_printf(&path, "%s/work/", trial->folder);
	script_unescape(&path, step->argument);
	for (char *slash = path.data + strlen(trial->folder) + 1; (slash = strchr(slash, '/'));
		slash++) {
		*slash = 0;
		mkdir(path.data, 0700);
		*slash = '/';
	}
	for (size_t i = 0; i < step->n_row; i++) {
		if (is_escaped) {
			script_unescape(&text, step->row[i] + 1);
		} else {
			buf_addstr(&text, step->row[i] + 1);
		}
		buf_addch(&text, '\n');
	}
	file = fopen(buf_str(&path), "w");
	if (file) {
		status = fwrite(buf_str(&text), 1, text.len, file) == text.len ? 0 : -1;
		status |= fclose(file);
	}
	if (status < 0) {
		fail(trial, strerror(errno), step->argument);
	}
	buf_finish(&path);
	buf_finish(&text);
	return status;
}

static int play_file(struct trial *trial, const struct step *step)
{
	return write_file(trial, step, 0);
}

static int play_bytes(struct trial *trial, const struct step *step)
{
	return write_file(trial, step, 1);
}

static int play_sh(struct trial *trial, const struct step *step)
{
	int status = trial_shell(trial, step->argument);

	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : fail(trial, "the command failed", step->argument);
}

static int start(struct trial *trial, const char *command)
{
	char shell[] = "/bin/sh", flag[] = "-c";
	char *const argv[] = {shell, flag, (char *)command, NULL};
	char *work = mem_printf("%s/work", trial->folder);
	char *setting = mem_printf("TERM=%s", trial->term);

	if (trial->terminal) {
		if (terminal_state(trial->terminal) != TERMINAL_ENDED) {
			fail(trial, "something runs already", command);
		} else {
			trial_check_bytes(trial);
		}
		terminal_destroy(trial->terminal);
		trial->terminal = NULL;
	}
	trial_set_env(trial, setting);
	if (!trial->why.len) {
		trial->was_killed = 0;
		trial->mark = 0;
		if (terminfo_open(trial->term) < 0) {
			terminfo_open("xterm"); /* for the keys */
		}
		trial->terminal = terminal_run(
			argv, trial->env, work, trial->rows, trial->columns, &trial->why);
	}
	free(work);
	free(setting);
	return trial->why.len ? -1 : 0;
}

static int play_run(struct trial *trial, const struct step *step)
{
	char *command = mem_printf("exec \"$CARREL\" %s", step->argument);
	int status = start(trial, command);

	free(command);
	return status;
}

static int play_exec(struct trial *trial, const struct step *step)
{
	return start(trial, step->argument);
}

static int send_bytes(struct trial *trial, const char *bytes, size_t len)
{
	if (!trial->terminal) {
		return fail(trial, "nothing was run yet", "");
	}
	if (terminal_send(trial->terminal, bytes, len, trial->limit_ms) < 0) {
		return fail(trial, "the program does not read what is typed", "");
	}
	return 0;
}

static void pump_for(struct trial *trial, int ms)
{
	struct timespec now;
	long until;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
	do {
		terminal_pump(trial->terminal, 2);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < until);
}

/* "j", "F5", "12*Down". */
static int press(struct trial *trial, const char *word)
{
	char *end;
	long times = strtol(word, &end, 10);
	struct buf bytes = BUF_INIT;
	int status = 0;

	if (end == word || *end != '*' || !end[1]) {
		times = 1;
		end = (char *)word - 1;
	}
	if (script_key(&bytes, end + 1) < 0) {
		status = fail(trial, "there is no such key", word);
	}
	for (long i = 0; i < times && status == 0; i++) {
		status = send_bytes(trial, bytes.data, bytes.len);
	}
	if (status == 0 && strcmp(end + 1, "Esc") == 0) {
		pump_for(trial, ESC_MS); /* or it would be the Alt of what follows */
	}
	buf_finish(&bytes);
	return status;
}

static int play_keys(struct trial *trial, const struct step *step)
{
	char *words = mem_strdup(step->argument), *rest = words, *word;
	int status = 0;

	while (status == 0 && (word = strsep(&rest, " "))) {
		status = *word ? press(trial, word) : 0;
	}
	free(words);
	return status;
}

static int play_type(struct trial *trial, const struct step *step)
{
	return send_bytes(trial, step->argument, strlen(step->argument));
}

static int play_send(struct trial *trial, const struct step *step)
{
	struct buf bytes = BUF_INIT;
	int status;

	script_unescape(&bytes, step->argument);
	status = send_bytes(trial, buf_str(&bytes), bytes.len);
	buf_finish(&bytes);
	return status;
}

static int paste(struct trial *trial, const char *bytes, size_t len)
{
	return send_bytes(trial, "\033[200~", 6) < 0 || send_bytes(trial, bytes, len) < 0 ||
			       send_bytes(trial, "\033[201~", 6) < 0
		       ? -1
		       : 0;
}

static int play_paste(struct trial *trial, const struct step *step)
{
	struct buf bytes = BUF_INIT;
	int status;

	script_unescape(&bytes, step->argument);
	status = paste(trial, buf_str(&bytes), bytes.len);
	buf_finish(&bytes);
	return status;
}

static int play_paste_file(struct trial *trial, const struct step *step)
{
	char *path = mem_printf("%s/work/%s", trial->folder, step->argument);
	FILE *file = fopen(path, "r");
	struct buf bytes = BUF_INIT;
	char part[4096];
	size_t n;
	int status = -1;

	if (file) {
		while ((n = fread(part, 1, sizeof(part), file)) > 0) {
			buf_add(&bytes, part, n);
		}
		fclose(file);
		status = paste(trial, buf_str(&bytes), bytes.len);
	} else {
		fail(trial, strerror(errno), path);
	}
	buf_finish(&bytes);
	free(path);
	return status;
}

static int play_pause(struct trial *trial, const struct step *step)
{
	if (!trial->terminal) {
		return fail(trial, "nothing was run yet", "pause");
	}
	pump_for(trial, atoi(step->argument));
	return 0;
}

static int play_resize(struct trial *trial, const struct step *step)
{
	int rows, columns;

	if (!trial->terminal || sscanf(step->argument, "%d %d", &rows, &columns) != 2 || rows < 1 ||
		columns < 1) {
		return fail(trial, "a size is ROWS COLUMNS", step->argument);
	}
	terminal_resize(trial->terminal, rows, columns);
	return 0;
}

/* So many sizes one after the other, always the same ones, and back to the first. */
static int play_storm(struct trial *trial, const struct step *step)
{
	unsigned seed = 12345;

	for (int i = atoi(step->argument); i > 0 && trial->terminal; i--) {
		int rows, columns;

		seed = seed * 1103515245 + 12345;
		rows = 1 + (int)(seed >> 16) % 60;
		seed = seed * 1103515245 + 12345;
		columns = 1 + (int)(seed >> 16) % 200;
		terminal_resize(trial->terminal, rows, columns);
		pump_for(trial, STORM_MS);
	}
	terminal_resize(trial->terminal, trial->rows, trial->columns);
	return 0;
}

static int signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {{"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}, {"QUIT", SIGQUIT},
		{"KILL", SIGKILL}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP},
		{"SEGV", SIGSEGV}, {"ABRT", SIGABRT}, {"BUS", SIGBUS}, {"FPE", SIGFPE},
		{"ILL", SIGILL}, {"PIPE", SIGPIPE}, {"WINCH", SIGWINCH}, {"USR1", SIGUSR1}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].name, name) == 0) {
			return known[i].number;
		}
	}
	return -1;
}

static int play_signal(struct trial *trial, const struct step *step)
{
	int number = signal_number(step->argument);

	if (!trial->terminal || number < 0 || kill(terminal_pid(trial->terminal), number) < 0) {
		return fail(trial, "cannot be sent", step->argument);
	}
	trial->was_killed |= number == SIGKILL;
	return 0;
}

/* To the engine, which may not have been started yet. */
static int play_engine(struct trial *trial, const struct step *step)
{
	int number = signal_number(step->argument);

	for (int left = trial->limit_ms / 20; number > 0 && trial->terminal && left > 0; left--) {
		pid_t pid = terminal_find_child(trial->terminal, "carrel-engine");

		if (pid > 0 && kill(pid, number) == 0) {
			return 0;
		}
		terminal_pump(trial->terminal, 20);
	}
	return fail(trial, "cannot be sent to the engine", step->argument);
}

static int play_hang_up(struct trial *trial, const struct step *step)
{
	if (!trial->terminal) {
		return fail(trial, "nothing was run yet", "hang-up");
	}
	terminal_hang_up(trial->terminal);
	return 0;
}

static int play_continue(struct trial *trial, const struct step *step)
{
	if (!trial->terminal || terminal_state(trial->terminal) != TERMINAL_STOPPED) {
		return fail(trial, "nothing is stopped", "continue");
	}
	terminal_continue(trial->terminal);
	return 0;
}

static int play_mark(struct trial *trial, const struct step *step)
{
	trial->mark = trial->terminal ? terminal_bytes(trial->terminal)->len : 0;
	return 0;
}

const struct verb verbs_doing[] = {
	{"size", play_size},
	{"term", play_term},
	{"env", play_env},
	{"limit", play_limit},
	{"must-fail", play_must_fail},
	{"allow", play_allow},
	{"forbid", play_forbid},
	{"file", play_file},
	{"bytes", play_bytes},
	{"sh", play_sh},
	{"run", play_run},
	{"exec", play_exec},
	{"keys", play_keys},
	{"type", play_type},
	{"send", play_send},
	{"paste", play_paste},
	{"paste-file", play_paste_file},
	{"pause", play_pause},
	{"resize", play_resize},
	{"storm", play_storm},
	{"signal", play_signal},
	{"engine", play_engine},
	{"hang-up", play_hang_up},
	{"continue", play_continue},
	{"mark", play_mark},
	{NULL, NULL},
};
