#include "tests/screens/trial.h"

#include "base/mem.h"
#include "tests/screens/terminfo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* What of the environment reaches the program; everything else is the test's own. */
static const char *const passed_on[] = {"PATH", "CARREL", "CARREL_ENGINE_PROGRAM",
	"CARREL_BUILT_IN", "CARREL_RANDOM", "CARREL_SOURCE", "ASAN_OPTIONS", "UBSAN_OPTIONS",
	"LSAN_OPTIONS", "TMPDIR"};

void trial_set_env(struct trial *trial, const char *setting)
{
	size_t len = strcspn(setting, "=");
	size_t i = 0;

	while (i < trial->n_env &&
		!(strncmp(trial->env[i], setting, len) == 0 && trial->env[i][len] == '=')) {
		i++;
	}
	if (i < trial->n_env) {
		free(trial->env[i]);
		memmove(trial->env + i, trial->env + i + 1,
			(trial->n_env - i) * sizeof(*trial->env));
		trial->n_env--;
	}
	if (setting[len]) {
		trial->env = mem_resize(trial->env, trial->n_env + 2, sizeof(*trial->env));
		trial->env[trial->n_env++] = mem_strdup(setting);
		trial->env[trial->n_env] = NULL;
	}
}

static void set_folder(struct trial *trial, const char *name, const char *below)
{
	char *setting = mem_printf("%s=%s/%s", name, trial->folder, below);

	mkdir(strchr(setting, '=') + 1, 0700);
	trial_set_env(trial, setting);
	free(setting);
}

static int begin(struct trial *trial)
{
	const char *place = getenv("TMPDIR");

	trial->folder = mem_printf("%s/carrel-screen-XXXXXX", place ? place : "/tmp");
	if (!mkdtemp(trial->folder)) {
		buf_printf(&trial->why, "%s: %s", trial->folder, strerror(errno));
		return -1;
	}
	trial->env = mem_zero(1, sizeof(*trial->env));
	for (size_t i = 0; i < ARRAY_LEN(passed_on); i++) {
		const char *value = getenv(passed_on[i]);
		char *setting = value ? mem_printf("%s=%s", passed_on[i], value) : NULL;

		if (setting) {
			trial_set_env(trial, setting);
		}
		free(setting);
	}
	set_folder(trial, "HOME", "home");
	set_folder(trial, "XDG_CONFIG_HOME", "config");
	set_folder(trial, "XDG_DATA_HOME", "data");
	set_folder(trial, "XDG_STATE_HOME", "state");
	set_folder(trial, "XDG_CACHE_HOME", "cache");
	set_folder(trial, "WORK", "work");
	trial_set_env(trial, "LC_ALL=C.UTF-8");
	trial_set_env(trial, "TZ=UTC");
	trial_set_env(trial, "SHELL=/bin/sh");
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	if (kind == FTW_DP) {
		chmod(path, 0700);
	}
	remove(path);
	return 0;
}

void trial_finish(struct trial *trial)
{
	terminal_destroy(trial->terminal);
	if (trial->folder && !trial->keeps_folder) {
		nftw(trial->folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	}
	for (size_t i = 0; i < trial->n_env; i++) {
		free(trial->env[i]);
	}
	free(trial->env);
	free(trial->folder);
	free(trial->term);
	free(trial->must_fail);
	script_finish(&trial->script);
	buf_finish(&trial->forbidden);
	buf_finish(&trial->why);
}

int trial_shell(struct trial *trial, const char *command)
{
	char *work = mem_printf("%s/work", trial->folder);
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		int nothing = open("/dev/null", O_RDWR);
		char shell[] = "/bin/sh", flag[] = "-c";
		char *const argv[] = {shell, flag, (char *)command, NULL};

		dup2(nothing, 0);
		dup2(2, 1); /* standard output is TAP's */
		if (!trial->is_verbose) {
			dup2(nothing, 1);
			dup2(nothing, 2);
		}
		if (chdir(work) == 0) {
			execve(argv[0], argv, trial->env);
		}
		_exit(127);
	}
	free(work);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return status;
}

int trial_check_bytes(struct trial *trial)
{
	const struct buf *bytes = trial->terminal ? terminal_bytes(trial->terminal) : NULL;
	struct whitelist *list;
	int is_clean = 1;

	if (!bytes) {
		return 1;
	}
	list = whitelist_create(trial->term);
	if (!list) {
		list = whitelist_create("xterm"); /* what everybody believes of it */
	}
	if (!list) {
		buf_addstr(&trial->why, "terminfo knows no terminal called xterm");
		return 0;
	}
	if (trial->has_clipboard) {
		whitelist_allow_clipboard(list);
	}
	is_clean = whitelist_check(list, buf_str(bytes), bytes->len, &trial->why);
	whitelist_destroy(list);
	for (size_t at = 0; is_clean && at < trial->forbidden.len;) {
		size_t len;

		memcpy(&len, trial->forbidden.data + at, sizeof(len));
		at += sizeof(len);
		if (bytes->len &&
			memmem(bytes->data, bytes->len, trial->forbidden.data + at, len)) {
			buf_printf(&trial->why, "what is forbidden was written");
			is_clean = 0;
		}
		at += len;
	}
	return is_clean;
}

void trial_show_screen(struct trial *trial, struct buf *out)
{
	struct buf text = BUF_INIT;
	int rows, columns, row, column;

	if (!trial->terminal) {
		buf_addstr(out, "nothing was run\n");
		return;
	}
	terminal_size(trial->terminal, &rows, &columns);
	for (int i = 0; i < rows; i++) {
		terminal_row(trial->terminal, i, &text, NULL);
		buf_printf(out, "|%s\n", buf_str(&text));
	}
	buf_printf(out, "%d x %d, the cursor is %s", rows, columns,
		terminal_cursor(trial->terminal, &row, &column) ? "at" : "hidden at");
	buf_printf(out, " %d %d\n", row + 1, column + 1);
	buf_finish(&text);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int trial_wait(struct trial *trial, const struct step *step,
	int (*holds)(struct trial *trial, const struct step *step, struct buf *why))
{
	long until = now_ms() + trial->limit_ms;
	int is_last;

	if (!trial->terminal) {
		buf_addstr(&trial->why, "nothing was run yet");
		return -1;
	}
	for (;;) {
		is_last = now_ms() > until || terminal_state(trial->terminal) == TERMINAL_ENDED;
		buf_clear(&trial->why);
		if (holds(trial, step, &trial->why)) {
			buf_clear(&trial->why);
			return 0;
		}
		if (is_last && !terminal_pump(trial->terminal, 0)) {
			break;
		}
		terminal_pump(trial->terminal, 20);
	}
	if (terminal_state(trial->terminal) == TERMINAL_ENDED) {
		int status = terminal_status(trial->terminal);

		buf_printf(&trial->why, " (the program ended: %s %d)",
			WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	return -1;
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *verb = verbs_doing; verb->name; verb++) {
		if (strcmp(verb->name, name) == 0) {
			return verb;
		}
	}
	for (const struct verb *verb = verbs_expecting; verb->name; verb++) {
		if (strcmp(verb->name, name) == 0) {
			return verb;
		}
	}
	return NULL;
}

/* Behind any other verb nobody would look at them. */
static int takes_rows(const char *verb)
{
	return strcmp(verb, "screen") == 0 || strcmp(verb, "file") == 0 ||
	       strcmp(verb, "bytes") == 0;
}

static int play_step(struct trial *trial, const struct step *step)
{
	const struct verb *verb = find_verb(step->verb);

	trial->line = step->line;
	if (!verb) {
		buf_printf(&trial->why, "there is no step called %s", step->verb);
		return -1;
	}
	if (step->n_row && !takes_rows(step->verb)) {
		buf_printf(&trial->why, "%s takes no rows: %s", step->verb, step->row[0]);
		return -1;
	}
	if (trial->is_verbose) {
		fprintf(stderr, "%s:%d: %s %s\n", trial->path, step->line, step->verb,
			step->argument);
	}
	return verb->play(trial, step);
}

static void play_all(struct trial *trial)
{
	if (script_read(&trial->script, trial->path, &trial->why) < 0 || begin(trial) < 0) {
		return;
	}
	for (size_t i = 0; i < trial->script.n_step; i++) {
		if (play_step(trial, &trial->script.step[i]) < 0) {
			return;
		}
	}
	if (!trial->terminal) {
		buf_addstr(&trial->why, "the test runs nothing");
	} else if (terminal_state(trial->terminal) != TERMINAL_ENDED) {
		buf_addstr(&trial->why, "the test ends while the program runs: end it by `exit`");
	} else {
		trial_check_bytes(trial);
	}
}

int trial_play(struct trial *trial)
{
	play_all(trial);
	if (trial->must_fail) {
		if (strstr(buf_str(&trial->why), trial->must_fail)) {
			buf_clear(&trial->why);
		} else {
			buf_printf(&trial->why, " (it must fail with: %s)", trial->must_fail);
		}
	} else if (trial->why.len) {
		buf_addch(&trial->why, '\n');
		trial_show_screen(trial, &trial->why);
	}
	return trial->why.len == 0;
}
