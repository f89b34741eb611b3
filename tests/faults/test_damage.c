/*
 * Promise 5: a flipped bit in a session is found, or it changes nothing; and no damage crashes carrel
 * or makes it say what is not so. Promise 9: a session of a newer carrel is refused and not touched.
 */
#include "tests/faults/run.h"
#include "tests/faults/story.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER "The pump is started by hand, at noon, every day of the week."
enum { STEPS = 25, FLIPS = 600, LOGS = 6, LOG_FLIPS = FLIPS / LOGS, CARREL_FLIPS = 40 };

static struct run_home home;
static uint64_t dice;

struct tally {
	int64_t n_flip, n_found, n_nothing, n_unsaved, n_wrong;
};

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void copy_again(const char *from, const char *to)
{
	run_empty(to);
	run_copy(from, to);
}

static void ignore_damage(void *arg, const char *sentence)
{
}

/* Whether `sessions verify` would say so. */
static int is_found(const char *folder)
{
	struct store_report report = {.damage = ignore_damage};
	struct err err = {0};
	int status = store_verify(folder, &report, &err);

	return report.n_damaged > 0 || (status < 0 && err.what[0]);
}

/*
 * 1: it holds what it should; 0: it cannot be read, and that is said; 2: it holds all of an earlier step,
 * but all that was acknowledged; -1: it holds something else.
 */
static int reads(const char *folder, int64_t step, int64_t acknowledged, struct err *err)
{
	struct store_contents contents = {0};
	struct store *store;
	int result = 0;

	if (store_open(&store, folder, STORE_READ, err) < 0) {
		return err->what[0] ? 0 : -1;
	}
	if (store_read(store, &contents, err) == 0) {
		int64_t at = story_check(&contents, err);

		result = at == step ? 1 : at < acknowledged ? -1 : 2;
		if (at >= 0 && at != step) {
			err_set(err, ERR_FAILURE, NULL, NULL, "it stands at step %lld",
				(long long)at);
		}
	} else if (!err->what[0]) {
		result = -1;
	}
	store_contents_finish(&contents);
	store_close(store);
	return result;
}

/* SQLite reads its log up to the first bad frame: what nobody was told of may be lost with it. */
static void flip_in(const char *pristine, const char *folder, const char *name, int64_t step,
	int64_t acknowledged, int n_flip, struct tally *tally)
{
	char *path = mem_printf("%s/%s", folder, name);
	int64_t size;

	copy_again(pristine, folder);
	size = size_of(path);
	for (int i = 0; size && i < n_flip; i++) {
		uint64_t bit = i < n_flip / 6 ? (uint64_t)i * 8 + run_random(&dice, 8)
					      : run_random(&dice, 8 * (uint64_t)size);
		struct err err = {0};
		int found, result;

		run_flip(path, bit);
		found = is_found(folder);
		result = reads(folder, step, acknowledged, &err);
		tally->n_flip++;
		tally->n_found += found;
		tally->n_nothing += !found && result == 1;
		tally->n_unsaved += !found && result == 2;
		if (result < 0 || (!found && result == 0)) {
			if (tally->n_wrong++ < 10) {
				tap_note("%s, byte %llu of %lld: %sfound, %s", name,
					(unsigned long long)bit / 8, (long long)size,
					found ? "" : "not ", err.what);
			}
		}
		copy_again(pristine, folder);
	}
	free(path);
}

static void report(const char *what, const struct tally *tally)
{
	tap_ok(tally->n_flip > 0 && tally->n_wrong == 0 && tally->n_found + tally->n_unsaved > 0,
		"%s: a flipped bit is found, or nothing that was acknowledged is lost", what);
	tap_note("faults: flips, %s: %lld bits: %lld found, %lld changed nothing, %lld cost a "
		 "change "
		 "that nobody was told of, %lld otherwise",
		what, (long long)tally->n_flip, (long long)tally->n_found,
		(long long)tally->n_nothing, (long long)tally->n_unsaved,
		(long long)tally->n_wrong);
}

static void drive(struct run *run, const char *folder, int n_step, struct run_plan plan)
{
	char steps[16];
	const char *argv[] = {run_env("FAULTS_STORE_DRIVER"), folder, steps, NULL};

	snprintf(steps, sizeof(steps), "%d", n_step);
	run_program(run, argv, &plan);
}

static void bits_of_sessions(void)
{
	char *folder = mem_printf("%s/0123456789abcdef", home.data);
	char *pristine = mem_printf("%s/pristine", home.folder);
	struct tally tally = {0};
	struct run run;

	drive(&run, folder, STEPS, (struct run_plan){0});
	tap_ok(run.status == 0, "a session is made");
	run_finish(&run);
	mkdir(pristine, 0700);
	copy_again(folder, pristine);
	flip_in(pristine, folder, "session.db", STEPS, STEPS, FLIPS, &tally);
	report("session.db", &tally);
	free(folder);
	free(pristine);
}

static int64_t last_acknowledged(const struct run *run)
{
	const char *at = run->out;
	int64_t step = 0;

	while ((at = strstr(at, "ack "))) {
		step = atoll(at += 4);
	}
	return step;
}

/* Killed at each moment, from the end on, at which what the log of SQLite holds stays. */
static void bits_of_logs(void)
{
	char *folder = mem_printf("%s/0123456789abcde0", home.data);
	char *pristine = mem_printf("%s/pristine", home.folder),
	     *log = mem_printf("%s/session.db-wal", folder);
	struct tally tally = {0};
	struct run run;
	uint64_t n_call;
	int n_log = 0;

	drive(&run, folder, STEPS,
		(struct run_plan){.program = "store_driver", .folder = home.data});
	n_call = run.n_seen;
	run_finish(&run);
	for (uint64_t at = n_call; at > n_call / 2 && n_log < LOGS; at -= 3) {
		int64_t acknowledged, step;
		struct err err = {0};

		run_empty(folder);
		rmdir(folder);
		drive(&run, folder, STEPS,
			(struct run_plan){.program = "store_driver",
				.folder = home.data,
				.action = "kill-before",
				.at = at});
		acknowledged = last_acknowledged(&run);
		run_finish(&run);
		if (!size_of(log)) {
			continue;
		}
		n_log++;
		copy_again(folder, pristine);
		for (step = STEPS; step > 0 && reads(folder, step, step, &err) != 1; step--) {
			err = (struct err){0};
		}
		copy_again(pristine, folder);
		tap_note("a log of %lld bytes: step %lld was acknowledged, the session stands at "
			 "step %lld",
			(long long)size_of(log), (long long)acknowledged, (long long)step);
		flip_in(pristine, folder, "session.db-wal", step, acknowledged, LOG_FLIPS, &tally);
	}
	report("session.db-wal", &tally);
	free(folder);
	free(pristine);
	free(log);
}

/* ---- carrel ---- */

static const char *const ask_argv[] = {
	NULL, "ask", "-s", "work", "--device", "fake", "--json", "How?", NULL};
static const char *const verify_argv[] = {NULL, "sessions", "verify", "work", NULL};
static const char *const list_argv[] = {NULL, "sessions", "ls", NULL};
static const char *const show_argv[] = {NULL, "sessions", "show", "work", NULL};

static void run_carrel(struct run *run, const char *const *command)
{
	const char *argv[10] = {run_env("CARREL")};

	for (int i = 1; command[i]; i++) {
		argv[i] = command[i];
	}
	run_program(run, argv, &(struct run_plan){.timeout_s = 30});
}

/* Each ends well or with a sentence. */
static int is_orderly(const struct run *run)
{
	return !run->signal && !run->is_late &&
	       (run->status == 0 || run->err_len + run->out_len > 0);
}

static void flips_under_carrel(void)
{
	char *pristine = mem_printf("%s/pristine", home.folder), *folder = NULL, *path;
	int64_t n_wrong = 0, n_found = 0, n_refused = 0, size;
	struct err err = {0};
	struct run run;

	run_empty(home.data);
	for (int i = 0; i < 3; i++) {
		run_carrel(&run, ask_argv);
		run_finish(&run);
	}
	if (!tap_ok(catalogue_find("work", 0, &folder, &err) == 0, "carrel makes a session")) {
		tap_note("%s", err.what);
		free(pristine);
		return;
	}
	run_carrel(&run, verify_argv);
	tap_ok(run.status == 0, "sessions verify finds nothing where there is nothing");
	run_finish(&run);
	copy_again(folder, pristine);
	path = mem_printf("%s/session.db", folder);
	size = size_of(path);
	for (int i = 0; i < CARREL_FLIPS; i++) {
		const char *const *command[] = {verify_argv, list_argv, show_argv, ask_argv};
		uint64_t bit = run_random(&dice, 8 * (uint64_t)size);
		int found, status[4];

		run_flip(path, bit);
		found = is_found(folder);
		for (size_t j = 0; j < ARRAY_LEN(command); j++) {
			run_carrel(&run, command[j]);
			status[j] = run.status;
			if (!is_orderly(&run) || (j == 0 && (run.status != 0) != found)) {
				n_wrong++;
				tap_note("byte %llu, %s %s: status %d, signal %d: %s",
					(unsigned long long)bit / 8, command[j][1], command[j][2],
					run.status, run.signal, run_words(run.err));
			}
			run_finish(&run);
		}
		n_found += found;
		n_refused += status[3] != 0;
		copy_again(pristine, folder);
	}
	tap_ok(n_wrong == 0 && n_found > 0,
		"carrel: no flipped bit crashes it, and sessions verify says what is damaged");
	tap_note("faults: flips, under carrel: %d bits, %lld found, ask refused %lld, %lld wrong",
		CARREL_FLIPS, (long long)n_found, (long long)n_refused, (long long)n_wrong);
	free(path);
	free(folder);
	free(pristine);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		run_bail_out("%s cannot be written: %s", path, sqlite3_errmsg(db));
	}
	sqlite3_close(db);
}

static void newer_format(void)
{
	char *before = mem_printf("%s/pristine", home.folder), *folder = NULL, *path,
	     difference[512] = "";
	struct run run;
	int is_refused, is_same;

	if (catalogue_find("work", 0, &folder, NULL) != 0) {
		run_bail_out("the session is gone");
	}
	path = mem_printf("%s/session.db", folder);
	run_sql(path, "CREATE TABLE of_then(id INTEGER PRIMARY KEY) STRICT;"
		      "PRAGMA user_version=9999");
	copy_again(folder, before);
	run_carrel(&run, ask_argv);
	is_refused = run.status == 1 && strstr(run.out, "newer");
	if (!is_refused) {
		tap_note("status %d: %s | %s", run.status, run_words(run.out), run_words(run.err));
	}
	run_finish(&run);
	run_carrel(&run, show_argv);
	is_refused &= run.status == 1 && strstr(run.err, "newer");
	run_finish(&run);
	run_carrel(&run, verify_argv);
	run_finish(&run);
	/* The lock may have been taken to find out. */
	path = (free(path), mem_printf("%s/lock", folder));
	unlink(path);
	free(path);
	path = mem_printf("%s/lock", before);
	unlink(path);
	is_same = run_compare(folder, before, difference, sizeof(difference)) == 0;
	tap_ok(is_refused && is_same, "a session of a newer carrel is refused and not touched");
	if (!is_same) {
		tap_note("it differs: %s", difference);
	}
	free(path);
	free(folder);
	free(before);
}

int main(void)
{
	home = run_home();
	setenv("CARREL_FAKE_ANSWER", ANSWER, 1);
	bits_of_sessions();
	if (run_can_preload()) {
		bits_of_logs();
	} else {
		tap_skip("session.db-wal", "nothing is preloaded into a program under a sanitizer");
	}
	flips_under_carrel();
	newer_format();
	run_home_remove(&home);
	return tap_done();
}
