/*
 * Promise 7: of two processes on one session the second is told that it is in use, and nothing is
 * lost. Promise 8: whatever the umask, files are 0600 and folders 0700. Promise 25: --no-store writes
 * nothing.
 */
#include "tests/faults/run.h"
#include "tests/faults/story.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER "The pump is started by hand."
/* Who finds the lock taken tries for a tenth of a second: so some of those that race come one after the
 * other, and several at once are let find it held. */
enum {
	DRIVER_ROUNDS = 900,
	CARREL_ROUNDS = 100,
	SESSION_ROUNDS = 50,
	HELD_ROUNDS = 26,
	WAITERS = 8
};

static struct run_home home;

struct tally {
	int64_t n_round, n_done, n_in_use, n_both, n_wrong;
};

static void wrong(struct tally *tally, const struct run run[2], const struct err *err)
{
	if (tally->n_wrong++ < 10) {
		tap_note("round %lld: %s; %d, %d; %s | %s | %s | %s", (long long)tally->n_round,
			err->what, run[0].status, run[1].status, run_words(run[0].out),
			run_words(run[0].err), run_words(run[1].out), run_words(run[1].err));
	}
}

/* Each did what it was to do, or was told; returns how many did. */
static int64_t outcome(struct tally *tally, const struct run run[2], int in_use_status)
{
	int64_t n_done = 0, n_in_use = 0;

	for (int i = 0; i < 2; i++) {
		n_done += run[i].status == 0;
		n_in_use += run[i].status == in_use_status &&
			    (strstr(run[i].out, "in use") || strstr(run[i].err, "in use"));
	}
	tally->n_round++;
	tally->n_done += n_done;
	tally->n_in_use += n_in_use;
	tally->n_both += n_done == 2;
	if (n_done + n_in_use != 2 || n_done == 0) {
		wrong(tally, run, &(struct err){.what = "neither done nor told"});
	}
	return n_done;
}

/* While somebody has it open all others are told, and may read. */
static void held(const char *what, const char *folder, const char *const *argv, int in_use_status,
	int n_round)
{
	int n_told = 0, n_wrong = 0;

	for (int i = 0; i < n_round; i++) {
		struct running *running[WAITERS];
		struct store_figures figures = {0};
		struct store *store = NULL;
		struct err err = {0};

		if (store_open(&store, folder, STORE_WRITE, &err) < 0) {
			run_bail_out("%s: %s", folder, err.what);
		}
		for (int j = 0; j < WAITERS; j++) {
			running[j] = run_begin(argv, &(struct run_plan){0});
		}
		for (int j = 0; j < WAITERS; j++) {
			struct run run;

			run_end(&run, running[j]);
			if (run.status == in_use_status &&
				(strstr(run.out, "in use") || strstr(run.err, "in use"))) {
				n_told++;
			} else if (n_wrong++ < 5) {
				tap_note("status %d: %s | %s", run.status, run_words(run.out),
					run_words(run.err));
			}
			run_finish(&run);
		}
		if (store_figures(&figures, folder, &err) < 0 || !figures.is_in_use) {
			n_wrong++;
		}
		store_figures_finish(&figures);
		store_close(store);
	}
	tap_ok(n_wrong == 0 && n_told == n_round * WAITERS,
		"%s: while a session is open all others are told that it is in use", what);
	tap_note("faults: held open, %s: %d told, %d wrong", what, n_told, n_wrong);
}

static void two_drivers(void)
{
	char *session = NULL;
	struct tally tally = {0};
	int64_t step = 0;

	for (int i = 0; i < run_rounds(DRIVER_ROUNDS); i++) {
		const char *argv[] = {run_env("FAULTS_STORE_DRIVER"), NULL, "2", NULL};
		struct store *store = NULL;
		struct running *running[2];
		struct run run[2];
		struct err err = {0};
		int64_t at;

		if (i % SESSION_ROUNDS == 0) {
			free(session);
			run_empty(home.data);
			session = mem_printf("%s/0123456789ab%04x", home.data, i / SESSION_ROUNDS);
			argv[1] = session;
			run_program(&run[0], argv, &(struct run_plan){0});
			run_finish(&run[0]);
			step = 2;
		}
		argv[1] = session;
		running[0] = run_begin(argv, &(struct run_plan){0});
		running[1] = run_begin(argv, &(struct run_plan){0});
		run_end(&run[0], running[0]);
		run_end(&run[1], running[1]);
		step += 2 * outcome(&tally, run, 3);
		at = store_open(&store, session, STORE_READ, &err) < 0 ? -1
								       : story_read(store, &err);
		store_close(store);
		if (at != step) {
			wrong(&tally, run, &err);
			step = at;
		}
		run_finish(&run[0]);
		run_finish(&run[1]);
	}
	tap_ok(tally.n_wrong == 0 && tally.n_done > 0,
		"two writers of one session: one after the other, or told, and nothing is lost");
	tap_note("faults: two processes, the driver: %lld rounds, %lld did their steps, %lld were "
		 "told \"in use\", in %lld both came "
		 "one after the other, %lld wrong",
		(long long)tally.n_round, (long long)tally.n_done, (long long)tally.n_in_use,
		(long long)tally.n_both, (long long)tally.n_wrong);
	held("the store's driver", session,
		(const char *[]){run_env("FAULTS_STORE_DRIVER"), session, "1", NULL}, 3,
		HELD_ROUNDS);
	free(session);
}

/* Turns of the session "work"; -1 where it does not open. */
static int64_t turns(struct err *err)
{
	struct store_contents contents = {0};
	struct store *store = NULL;
	char *folder = NULL;
	int64_t n = -1;

	if (catalogue_find("work", 0, &folder, err) == 0 &&
		store_open(&store, folder, STORE_READ, err) == 0 &&
		store_read(store, &contents, err) == 0) {
		n = (int64_t)contents.n_turn;
	}
	store_contents_finish(&contents);
	store_close(store);
	free(folder);
	return n;
}

static void two_carrels(void)
{
	const char *argv[] = {
		run_env("CARREL"), "ask", "-s", "work", "--device", "fake", "How?", NULL};
	struct tally tally = {0};
	char *folder = NULL;
	int64_t n_turn = 1;
	struct run run[2];

	run_empty(home.data);
	run_program(&run[0], argv, &(struct run_plan){0});
	run_finish(&run[0]);
	for (int i = 0; i < run_rounds(CARREL_ROUNDS); i++) {
		struct running *running[2];
		struct err err = {0};

		running[0] = run_begin(argv, &(struct run_plan){0});
		running[1] = run_begin(argv, &(struct run_plan){0});
		run_end(&run[0], running[0]);
		run_end(&run[1], running[1]);
		n_turn += outcome(&tally, run, 1);
		if (turns(&err) != n_turn) {
			wrong(&tally, run, &err);
			n_turn = turns(&err);
		}
		run_finish(&run[0]);
		run_finish(&run[1]);
	}
	tap_ok(tally.n_wrong == 0 && tally.n_done > 0,
		"two of carrel on one session: one after the other, or told, and no turn is lost");
	tap_note("faults: two processes, carrel: %lld rounds, %lld answered, %lld were told \"in "
		 "use\", in %lld both came one "
		 "after "
		 "the other, %lld wrong",
		(long long)tally.n_round, (long long)tally.n_done, (long long)tally.n_in_use,
		(long long)tally.n_both, (long long)tally.n_wrong);
	if (catalogue_find("work", 0, &folder, NULL) == 0) {
		held("carrel", folder, argv, 1, HELD_ROUNDS / 4);
	}
	free(folder);
}

/* ---- modes ---- */

static int64_t n_file, n_folder, n_open;

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	mode_t wanted = S_ISDIR(st->st_mode) ? 0700 : 0600;

	n_file += S_ISREG(st->st_mode);
	n_folder += S_ISDIR(st->st_mode);
	if ((st->st_mode & 07777) != wanted) {
		n_open++;
		tap_note("%s has mode %04o", path, (unsigned)st->st_mode & 07777);
	}
	return 0;
}

static void no_umask(void *arg)
{
	umask(0);
}

static void modes(const char *source)
{
	const char *carrel = run_env("CARREL");
	const char *ask[] = {carrel, "ask", "-s", "mode", "--device", "fake", "How?", source, NULL};
	const char *load[] = {carrel, "load", "-s", "loaded", "--device", "fake", source, NULL};
	const char *chat[] = {carrel, "-s", "chat", "--device", "fake", NULL};
	const char *list[] = {carrel, "sessions", "ls", NULL};
	const char *rename[] = {carrel, "sessions", "rename", "mode", "other", NULL};
	const char *fork[] = {carrel, "sessions", "fork", "other", "branch", NULL};
	const char *repair[] = {carrel, "sessions", "repair", "other", NULL};
	const char *kv[] = {carrel, "kv", "ls", NULL};
	const char *const *all[] = {ask, load, chat, list, rename, fork, repair, kv};
	struct run_plan plan = {.prepare = no_umask};
	int n_failed = 0;

	run_empty(home.data);
	run_empty(home.cache);
	rmdir(home.cache);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct run run;

		plan.input = all[i] == chat ? "How?\nWhen?\n" : NULL;
		run_program(&run, all[i], &plan);
		if (run.status != 0) {
			n_failed++;
			tap_note("%s %s: status %d: %s", all[i][1], all[i][2], run.status,
				run_words(run.err));
		}
		run_finish(&run);
	}
	if (run_can_preload()) {
		/* What stands there in the middle of it: the log and its index. */
		for (uint64_t at = 5; at <= 25; at += 5) {
			struct run run;

			plan.program = "carrel";
			plan.folder = home.data;
			plan.action = "kill-after";
			plan.at = at;
			plan.input = "How?\nWhen?\n";
			run_program(&run, chat, &plan);
			run_finish(&run);
		}
	}
	nftw(home.data, look, 16, FTW_PHYS);
	nftw(home.cache, look, 16, FTW_PHYS);
	tap_ok(n_failed == 0 && n_open == 0 && n_file > 5 && n_folder > 5,
		"under umask 000 files are 0600 and folders 0700");
	tap_note("%lld files, %lld folders", (long long)n_file, (long long)n_folder);
}

static void nothing_is_written(const char *source)
{
	const char *carrel = run_env("CARREL");
	const char *ask[] = {carrel, "ask", "--no-store", "--device", "fake", "How?", source, NULL};
	const char *chat[] = {carrel, "--no-store", "--device", "fake", source, NULL};
	const char *const *all[] = {ask, chat};
	int n_failed = 0;

	run_empty(home.data);
	run_empty(home.cache);
	rmdir(home.cache);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct run run;

		run_program(&run, all[i],
			&(struct run_plan){.input = all[i] == chat ? "How?\n" : NULL});
		n_failed += run.status != 0 || !strstr(run.out, ANSWER);
		run_finish(&run);
	}
	n_file = n_folder = 0;
	nftw(home.data, look, 16, FTW_PHYS);
	nftw(home.cache, look, 16, FTW_PHYS);
	nftw(home.config, look, 16, FTW_PHYS);
	tap_ok(n_failed == 0 && n_file == 0 && n_folder == 1, "--no-store writes nothing");
	tap_note("%d failed, %lld files, %lld folders (one was there)", n_failed, (long long)n_file,
		(long long)n_folder);
}

int main(void)
{
	char *source;

	home = run_home();
	source = mem_printf("%s/source.txt", home.folder);
	run_write(source, "The pump is started by hand.\n");
	setenv("CARREL_FAKE_ANSWER", ANSWER, 1);
	two_drivers();
	two_carrels();
	modes(source);
	nothing_is_written(source);
	free(source);
	run_home_remove(&home);
	return tap_done();
}
