/*
 * Goes on with the story of a session, in a process that may be killed at any moment.
 * usage: store_driver FOLDER N       N steps; "ack S" on standard output when step S is there to stay
 *        store_driver FOLDER N stubborn   a step that fails is tried again: at once when the file of
 *                                    FAULTS_WHILE is gone (it removes it), then after opening again
 * Ends with 0, 3 where the session is in use, 4 where it does not hold what it should, 1 else; with
 * a sentence.
 */
#include "tests/faults/disk.h"
#include "tests/faults/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Straight to the descriptor: what was told before a kill is in the pipe. */
static void tell(const char *what, int64_t step, const char *sentence)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s %lld%s%s\n", what, (long long)step,
		sentence ? ": " : "", sentence ? sentence : "");

	if (write(STDOUT_FILENO, line, (size_t)n) != n) {
		exit(1);
	}
}

static void acknowledge(int64_t step)
{
	const char *log = getenv("FAULTS_LOG");
	char text[32];

	if (log) {
		snprintf(text, sizeof(text), "%lld", (long long)step);
		disk_log_ack(log, text);
	}
	tell("ack", step, NULL);
}

static int open_session(struct store **store, const char *folder, struct err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/session.db", folder);
	return access(path, F_OK) == 0 ? store_open(store, folder, STORE_WRITE, err)
				       : store_create(store, folder, err);
}

/* Nothing that was there is lost by a failure, and it can be read while nothing can be written. */
static int still_there(struct store *store, int64_t step)
{
	struct err err = {0};
	int64_t at = story_read(store, &err);

	if (at != step) {
		tell("lost", at, err.what);
	}
	return at == step;
}

/* After a failure at `step`. */
static int try_again(struct store **store, const char *folder, int64_t step)
{
	const char *full = getenv("FAULTS_WHILE");
	struct err err = {0};

	if (!still_there(*store, step - 1)) {
		return -1;
	}
	if (full) {
		unlink(full);
	}
	if (story_step(*store, step, &err) == 0) {
		tell("again", step, NULL);
		return 0;
	}
	tell("refused", step, err.what);
	if (!still_there(*store, step - 1)) {
		return -1;
	}
	store_close(*store);
	*store = NULL;
	if (open_session(store, folder, &err) < 0 || !still_there(*store, step - 1) ||
		story_step(*store, step, &err) < 0) {
		tell("lost", step, err.what);
		return -1;
	}
	tell("reopened", step, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct store *store = NULL;
	struct err err = {0};
	int64_t step;
	int is_stubborn = argc == 4 && !strcmp(argv[3], "stubborn");

	if (argc < 3) {
		return 2;
	}
	for (int tries = 0; open_session(&store, argv[1], &err) < 0; tries++) {
		const char *full = getenv("FAULTS_WHILE");

		tell("failed", 0, err.what);
		if (!is_stubborn || tries == 2) {
			return strstr(err.what, "in use") ? 3 : 1;
		}
		if (full) {
			unlink(full);
		}
		err = (struct err){0};
	}
	step = story_read(store, &err);
	if (step < 0) {
		tell("lost", 0, err.what);
		return 4;
	}
	for (int64_t last = step + atoll(argv[2]); step < last;) {
		if (story_step(store, ++step, &err) < 0) {
			tell("failed", step, err.what);
			if (!is_stubborn || try_again(&store, argv[1], step) < 0) {
				store_close(store);
				return is_stubborn ? 4 : 1;
			}
		}
		acknowledge(step);
	}
	store_close(store);
	return 0;
}
