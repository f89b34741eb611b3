/*
 * Promise 4: whichever allocation of carrel fails, it ends well or with a sentence, never by a signal
 * and never by waiting, and the session holds together afterwards.
 */
#include "tests/faults/run.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 250 };

static struct run_home home;

struct command {
	const char *name;
	const char *argv[10];
	const char *input;
	int begins; /* it makes the session, each time */
};

struct tally {
	int64_t n_try, n_well, n_sentence, n_wrong, n_unverified;
};

static void note_damage(void *arg, const char *sentence)
{
	tap_note("verify: %s", sentence);
}

static int session_holds(int may_miss)
{
	struct store_report report = {.damage = note_damage};
	struct err err = {0};
	char *folder = NULL;
	int found = catalogue_find("work", may_miss, &folder, &err);
	int holds = found > 0 ||
		    (found == 0 && store_verify(folder, &report, &err) == 0 && !report.n_damaged);

	if (!holds) {
		tap_note("the session: %s", err.what);
	}
	free(folder);
	return holds;
}

static void try_one(const struct command *command, uint64_t at, struct tally *tally)
{
	const struct run_plan plan = {
		.program = "carrel",
		.shim = run_env("FAULTS_ALLOC_SHIM"),
		.folder = home.data,
		.at = at,
		.input = command->input,
		.timeout_s = 30,
	};
	struct run run;

	if (command->begins) {
		run_empty(home.data);
	}
	run_program(&run, command->argv, &plan);
	tally->n_try++;
	if (run.status == 0) {
		tally->n_well++;
	} else if (!run.signal && run.err_len + run.out_len > 0) {
		tally->n_sentence++;
	} else if (tally->n_wrong++ < 10) {
		tap_note("%s, allocation %llu: status %d, signal %d%s: %.200s", command->name,
			(unsigned long long)at, run.status, run.signal,
			run.is_late ? " (it hung)" : "", run_words(run.err));
	}
	if (run.n_done && run.n_seen < at) {
		run_bail_out("an allocation that failed was never asked for");
	}
	run_finish(&run);
	if (!session_holds(command->begins)) {
		tally->n_unverified++;
	}
}

static void try_all(const struct command *command)
{
	const struct run_plan plan = {.program = "carrel",
		.shim = run_env("FAULTS_ALLOC_SHIM"),
		.folder = home.data,
		.input = command->input};
	double began = run_now_ms();
	struct tally tally = {0};
	uint64_t n, step;
	struct run run;

	run_program(&run, command->argv, &plan);
	n = run.n_seen;
	if (!tap_ok(run.status == 0 && run.n_loaded == 1 && n > 100,
		    "%s works while allocations are counted", command->name)) {
		tap_note("status %d, %llu allocations: %s", run.status, (unsigned long long)n,
			run_words(run.err));
	}
	run_finish(&run);
	step = n / TRIES + 1;
	for (uint64_t at = 1; at <= n && tally.n_wrong < 20; at += step) {
		try_one(command, at, &tally);
	}
	tap_ok(tally.n_wrong == 0 && tally.n_sentence > 0,
		"%s: whichever allocation fails, it ends with a sentence", command->name);
	tap_ok(tally.n_unverified == 0, "%s: and the session holds together", command->name);
	tap_note("faults: allocations, %s: %llu, of which %lld failed: %lld ended well, %lld with "
		 "a sentence, "
		 "%lld otherwise; %.1f s",
		command->name, (unsigned long long)n, (long long)tally.n_try,
		(long long)tally.n_well, (long long)tally.n_sentence, (long long)tally.n_wrong,
		(run_now_ms() - began) / 1e3);
}

int main(void)
{
	char *source;
	const char *carrel = run_env("CARREL");

	if (!run_can_preload()) {
		tap_skip("failing allocations",
			"nothing is preloaded into a program under a sanitizer");
		return tap_done();
	}
	home = run_home();
	source = mem_printf("%s/source.txt", home.folder);
	setenv("CARREL_FAKE_ANSWER", "The pump is started by hand.", 1);
	run_write(source, "The pump is started by hand.\n");
	try_all(&(struct command){"load -s",
		{carrel, "load", "-s", "work", "--device", "fake", source, NULL}, NULL, 1});
	/* What the next ones go on with. */
	try_all(&(struct command){"load -s, where there is a session",
		{carrel, "load", "-s", "work", "--device", "fake", source, NULL}, NULL, 0});
	try_all(&(struct command){"ask -s",
		{carrel, "ask", "-s", "work", "--device", "fake", "How is it started?", NULL}, NULL,
		0});
	try_all(&(struct command){
		"a chat", {carrel, "-s", "work", "--device", "fake", NULL}, "How?\nWhen?\n", 0});
	try_all(&(struct command){"sessions ls", {carrel, "sessions", "ls", NULL}, NULL, 0});
	try_all(&(struct command){
		"sessions show", {carrel, "sessions", "show", "work", NULL}, NULL, 0});
	free(source);
	run_home_remove(&home);
	return tap_done();
}
