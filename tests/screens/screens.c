/*
 * screens [-v] [-k] FILE.test|FOLDER...: plays screen tests (README.md) and prints TAP, a result for
 * each file. -v tells each step, -k keeps the folders and says where they are.
 */
#include "base/mem.h"
#include "tests/screens/trial.h"
#include "tests/tap.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int is_verbose, keeps_folder;

/* an_answer_is_stopped.test: "an answer is stopped". */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = mem_strdup(slash ? slash + 1 : path);

	name[strcspn(name, ".")] = 0;
	for (char *at = name; *at; at++) {
		*at = *at == '_' ? ' ' : *at;
	}
	return name;
}

static void report(const struct trial *trial)
{
	char *text = mem_strdup(buf_str(&trial->why)), *rest = text, *line;

	tap_note("%s:%d:", trial->path, trial->line);
	while ((line = strsep(&rest, "\n"))) {
		tap_note("%s", line);
	}
	free(text);
}

static void play(const char *path)
{
	const char *limit = getenv("CARREL_SCREENS_LIMIT_MS");
	struct trial trial = {
		.path = path,
		.term = mem_strdup("xterm-256color"),
		.rows = 24,
		.columns = 80,
		.limit_ms = limit ? atoi(limit) : 20000,
		.is_verbose = is_verbose,
		.keeps_folder = keeps_folder,
	};
	struct timespec began, ended;
	char *name = name_of(path);

	clock_gettime(CLOCK_MONOTONIC, &began);
	if (!tap_ok(trial_play(&trial), "%s", name)) {
		report(&trial);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	if (is_verbose || keeps_folder) {
		tap_note("%.1f s, in %s",
			(double)(ended.tv_sec - began.tv_sec) +
				(double)(ended.tv_nsec - began.tv_nsec) / 1e9,
			trial.folder ? trial.folder : "no folder");
	}
	trial_finish(&trial);
	free(name);
}

static int is_test(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && strcmp(entry->d_name + len - 5, ".test") == 0;
}

static void play_folder(const char *folder)
{
	struct dirent **entry;
	int n = scandir(folder, &entry, is_test, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = mem_printf("%s/%s", folder, entry[i]->d_name);

		play(path);
		free(path);
		free(entry[i]);
	}
	if (n >= 0) {
		free(entry);
	}
	if (n <= 0) {
		tap_ok(0, "%s has no tests", folder);
	}
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "vk")) != -1) {
		is_verbose |= option == 'v';
		keeps_folder |= option == 'k';
	}
	signal(SIGPIPE, SIG_IGN);
	if (!getenv("CARREL")) {
		fprintf(stderr, "screens: CARREL must name the program\n");
		return 2;
	}
	for (int i = optind; i < argc; i++) {
		struct stat status;

		if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
			play_folder(argv[i]);
		} else {
			play(argv[i]);
		}
	}
	return tap_done();
}
