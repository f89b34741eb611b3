/*
 * Promise 3: where the disk is full or fails, nothing is lost, it is said, the session can be read,
 * and it goes on when there is space again; after a failed sync only when it is opened again. By
 * the shim at each call in turn, on a file system that is really full, and at a limit of file sizes.
 */
#include "tests/faults/run.h"
#include "tests/faults/story.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER "The pump is started by hand."
enum { STEPS = 12 };

static struct run_home home;
static char *full, *session;

struct tally {
	int64_t n_try, n_failed, n_refused, n_again, n_wrong, n_unsaved;
};

static void wrong(struct tally *tally, const char *what, uint64_t at, const struct run *run,
	const struct err *err)
{
	if (tally->n_wrong++ < 10) {
		tap_note("%s, call %llu: status %d, signal %d: %s", what, (unsigned long long)at,
			run->status, run->signal, err ? err->what : "");
		tap_note("%s | %s", run_words(run->out), run_words(run->err));
	}
}

static int64_t count(const char *text, const char *what)
{
	int64_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) {
		n++;
	}
	return n;
}

static void note_damage(void *arg, const char *sentence)
{
	tap_note("verify: %s", sentence);
}

static int verifies(const char *folder, struct err *err)
{
	struct store_report report = {.damage = note_damage};

	return store_verify(folder, &report, err) == 0 && !report.n_damaged;
}

/* ---- the store ---- */

static int64_t step_of_session(struct err *err)
{
	struct store *store;
	int64_t step;

	if (store_open(&store, session, STORE_READ, err) < 0) {
		return -1;
	}
	step = story_read(store, err);
	store_close(store);
	return step < 0 || !verifies(session, err) ? -1 : step;
}

static void make_full(void)
{
	FILE *file = fopen(full, "w");

	if (!file || fclose(file) != 0) {
		run_bail_out("%s cannot be made", full);
	}
}

static void drive(struct run *run, int64_t n_step, struct run_plan plan)
{
	char steps[32];
	const char *argv[] = {run_env("FAULTS_STORE_DRIVER"), session, steps, "stubborn", NULL};

	snprintf(steps, sizeof(steps), "%lld", (long long)n_step);
	if (plan.action) {
		plan.program = "store_driver";
		plan.folder = home.data;
	}
	run_program(run, argv, &plan);
}

static uint64_t count_calls(const char *which)
{
	struct run run;
	uint64_t n;

	run_empty(home.data);
	drive(&run, STEPS, (struct run_plan){.action = "none", .which = which});
	n = run.status == 0 ? run.n_seen : 0;
	run_finish(&run);
	return n;
}

static void try_store(const char *action, const char *which, const char *while_file, uint64_t at,
	struct tally *tally)
{
	const struct run_plan plan = {
		.action = action, .which = which, .while_file = while_file, .at = at};
	struct err err = {0};
	struct run run;

	make_full();
	run_empty(home.data);
	drive(&run, STEPS, plan);
	tally->n_try++;
	tally->n_failed += strstr(run.out, "failed ") != NULL;
	tally->n_refused += strstr(run.out, "refused ") != NULL;
	tally->n_again += strstr(run.out, "again ") != NULL;
	if (run.status != 0 || run.n_done == 0 || strstr(run.out, "lost ")) {
		wrong(tally, action, at, &run, &err);
	} else if (step_of_session(&err) != STEPS) {
		wrong(tally, action, at, &run, &err);
	}
	run_finish(&run);
}

static void report(const char *what, const struct tally *tally)
{
	tap_ok(tally->n_try > 0 && tally->n_wrong == 0 && tally->n_failed > 0,
		"%s: nothing is lost, it is said, and it goes on", what);
	tap_note("faults: failing calls, %s: %lld tries, %lld told, %lld went on at once, %lld "
		 "refused until opened again, "
		 "%lld wrong",
		what, (long long)tally->n_try, (long long)tally->n_failed,
		(long long)tally->n_again, (long long)tally->n_refused, (long long)tally->n_wrong);
}

static void each_call_of_the_store(void)
{
	uint64_t n_call = count_calls(NULL), n_write = count_calls("writes"),
		 n_sync = count_calls("syncs");
	struct tally tally = {0};

	tap_ok(n_call > 50 && n_write > 20 && n_sync > STEPS, "the store's calls are counted");
	tap_note("%llu calls, %llu writes, %llu syncs", (unsigned long long)n_call,
		(unsigned long long)n_write, (unsigned long long)n_sync);
	for (uint64_t at = 1; at <= n_call; at++) {
		try_store("enospc", NULL, full, at, &tally);
	}
	report("a full disk at each call", &tally);
	tally = (struct tally){0};
	for (uint64_t at = 1; at <= n_call; at += 2) {
		try_store("eio", NULL, at % 4 == 1 ? full : NULL, at, &tally);
	}
	report("an input/output error at each second call", &tally);
	tally = (struct tally){0};
	for (uint64_t at = 1; at <= n_write; at += 2) {
		try_store("short", "writes", NULL, at, &tally);
	}
	tap_ok(tally.n_wrong == 0 && tally.n_try > 0, "writes that do half: nothing is lost");
	tally = (struct tally){0};
	for (uint64_t at = 1; at <= n_sync; at++) {
		try_store("eio", "syncs", NULL, at, &tally);
	}
	report("a failed sync", &tally);
	tap_ok(tally.n_refused > 0 && tally.n_again == 0,
		"after a failed sync nothing is written until the session is opened again");
}

/* Only reading fails. */
static void unreadable(void)
{
	uint64_t n_read = count_calls("reads");
	struct tally tally = {0};

	for (uint64_t at = 1; at <= n_read; at += 1 + n_read / 60) {
		struct err err = {0};
		struct run run;

		run_empty(home.data);
		drive(&run, STEPS, (struct run_plan){.action = "eio", .which = "reads", .at = at});
		tally.n_try++;
		/* A failure to read may end it (with a sentence), but costs nothing that was there. */
		if (run.signal || run.n_done != 1 ||
			(access(session, F_OK) == 0 &&
				step_of_session(&err) < count(run.out, "ack "))) {
			wrong(&tally, "eio while reading", at, &run, &err);
		}
		run_finish(&run);
	}
	tap_ok(tally.n_try > 5 && tally.n_wrong == 0, "errors of reading: nothing is lost");
	tap_note("%lld tries of %llu reads", (long long)tally.n_try, (unsigned long long)n_read);
}

static void limit_files(void *arg)
{
	const struct rlimit limit = {200 << 10, 200 << 10};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void limit_of_file_sizes(void)
{
	struct err err = {0};
	struct run run;
	int64_t acked, step;

	run_empty(home.data);
	drive(&run, 200, (struct run_plan){.prepare = limit_files});
	acked = count(run.out, "ack ");
	step = step_of_session(&err);
	tap_ok(run.status == 4 && strstr(run.out, "failed ") && acked > 3 && step == acked,
		"a file that may not grow: what was acknowledged is there, and it is said");
	tap_note("status %d, %lld acknowledged, step %lld %s", run.status, (long long)acked,
		(long long)step, err.what);
	run_finish(&run);
	drive(&run, 5, (struct run_plan){0});
	tap_ok(run.status == 0 && step_of_session(&err) == acked + 5, "and it goes on without it");
	run_finish(&run);
}

/* A file system of its own; the ballast makes it full, and taking it away is space that returns. */
static void really_full(void)
{
	const char *name = "on a file system that is full";
	char *ballast = mem_printf("%s/ballast", home.data), *gone;
	const char *env[] = {NULL, NULL};
	struct err err = {0};
	struct run run;
	int fd;

	run_empty(home.data);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", home.data, "tmpfs", 0, "size=700k") < 0) {
		tap_skip(name, "only root can mount a small file system, not in every container");
		free(ballast);
		return;
	}
	fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 620 << 10) != 0) {
		run_bail_out("%s cannot be made", ballast);
	}
	close(fd);
	gone = mem_printf("FAULTS_WHILE=%s", ballast);
	env[0] = gone;
	drive(&run, STEPS, (struct run_plan){.env = env});
	tap_ok(run.status == 0 && strstr(run.out, "failed ") && !strstr(run.out, "lost ") &&
			step_of_session(&err) == STEPS,
		"%s: nothing is lost, it is said, and it goes on when there is space", name);
	tap_note("status %d: %s %s", run.status,
		run_words(strstr(run.out, "failed ") ? strstr(run.out, "failed ") : run.out),
		err.what);
	run_finish(&run);
	umount2(home.data, MNT_DETACH);
	free(ballast);
	free(gone);
}

/* ---- carrel ---- */

static void ask(struct run *run, const char *lines, struct run_plan plan)
{
	const char *argv[] = {run_env("CARREL"), "-s", "work", "--device", "fake", "-v", NULL};

	plan.input = lines;
	run_program(run, argv, &plan);
}

/* Turns of the session; -1 where it does not hold together. */
static int64_t turns(struct err *err)
{
	struct store_contents contents = {0};
	struct store *store = NULL;
	char *folder = NULL;
	int64_t n = -1;
	int found = catalogue_find("work", 1, &folder, err);

	if (found > 0) {
		return 0;
	}
	if (found == 0 && store_open(&store, folder, STORE_READ, err) == 0 &&
		store_read(store, &contents, err) == 0) {
		n = (int64_t)contents.n_turn;
	}
	store_contents_finish(&contents);
	store_close(store);
	n = n >= 0 && verifies(folder, err) ? n : -1;
	free(folder);
	return n;
}

static void carrel_on_a_full_disk(int is_for_good)
{
	static const char lines[] = "question 1\nquestion 2\nquestion 3\n";
	struct tally tally = {0};
	struct run run;
	uint64_t n_call;

	run_empty(home.data);
	ask(&run, lines, (struct run_plan){.program = "carrel", .folder = home.data});
	n_call = run.n_seen;
	run_finish(&run);
	make_full();
	for (uint64_t at = 1; at <= n_call; at += 1 + n_call / 80) {
		struct err err = {0};
		int64_t acked, n;

		run_empty(home.data);
		ask(&run, lines,
			(struct run_plan){.program = "carrel",
				.folder = home.data,
				.action = at % 3 ? "enospc" : "eio",
				.at = at,
				.while_file = is_for_good ? full : NULL});
		acked = count(run.err, "saved as turn ");
		n = turns(&err);
		tally.n_try++;
		tally.n_unsaved += acked < 3;
		if (run.signal || n < acked || (acked < 3 && !run.err_len)) {
			wrong(&tally, "carrel", at, &run, &err);
		}
		run_finish(&run);
		ask(&run, "question 4\n", (struct run_plan){0});
		if (run.status != 0 || turns(&err) != n + 1) {
			wrong(&tally, "carrel goes on", at, &run, &err);
		}
		run_finish(&run);
	}
	tap_ok(tally.n_try > 20 && tally.n_wrong == 0 && tally.n_unsaved > 0,
		"carrel, where %s: nothing is lost, and the next one goes on",
		is_for_good ? "the disk stays full" : "one call fails");
	tap_note("faults: failing calls, carrel: %lld of %llu calls, %lld times something was not "
		 "saved and it was said, %lld "
		 "wrong",
		(long long)tally.n_try, (unsigned long long)n_call, (long long)tally.n_unsaved,
		(long long)tally.n_wrong);
}

/* The KV store is full: the answer comes all the same, and one line says so. */
static void kv_is_full(const char *cache)
{
	const char *argv[] = {
		run_env("CARREL"), "ask", "--device", "fake", "How is the pump started?", NULL};
	uint64_t n_call;
	struct tally tally = {0};
	int64_t n_said = 0;
	struct run run;

	mkdir(cache, 0700);
	run_empty(cache);
	run_program(&run, argv, &(struct run_plan){.program = "carrel-engine", .folder = cache});
	n_call = run.n_seen;
	tap_ok(run.status == 0 && n_call > 2, "the engine keeps KV on disk");
	run_finish(&run);
	make_full();
	for (uint64_t at = 1; at <= n_call; at++) {
		run_empty(cache);
		run_program(&run, argv,
			&(struct run_plan){.program = "carrel-engine",
				.folder = cache,
				.action = "enospc",
				.at = at,
				.while_file = full});
		tally.n_try++;
		n_said += strstr(run.err, "KV") != NULL;
		if (run.status != 0 || strncmp(run.out, ANSWER, strlen(ANSWER)) ||
			count(run.err, "KV") > 1) {
			wrong(&tally, "the KV store", at, &run, NULL);
		}
		run_finish(&run);
	}
	tap_ok(tally.n_wrong == 0 && n_said > 0,
		"a full KV store: the answer comes, and a line says so");
	tap_note("faults: failing calls, the KV store: %lld calls of the engine, %lld times it was "
		 "said",
		(long long)tally.n_try, (long long)n_said);
}

int main(void)
{
	home = run_home();
	full = mem_printf("%s/full", home.folder);
	session = mem_printf("%s/0123456789abcdef", home.data);
	setenv("CARREL_FAKE_ANSWER", ANSWER, 1);
	if (run_can_preload()) {
		each_call_of_the_store();
		unreadable();
		carrel_on_a_full_disk(0);
		carrel_on_a_full_disk(1);
		kv_is_full(home.cache);
	} else {
		tap_skip(
			"calls that fail", "nothing is preloaded into a program under a sanitizer");
	}
	limit_of_file_sizes();
	really_full();
	free(session);
	free(full);
	run_home_remove(&home);
	return tap_done();
}
