/*
 * Promises 1 to 3, 5 and 6 of KV on disk: whatever happens to its files or to who writes them, a page
 * that is found is the page that was written; the rest is a miss. What was closed in order is found.
 */
#include "tests/faults/cut.h"
#include "tests/faults/kv_story.h"
#include "tests/faults/run.h"
#include "tests/tap.h"

#include "base/mem.h"
#include "engine/engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KILL_CYCLES = 300, PAGES = 30 };

static char *here, *data;
static uint64_t dice;

/* Pages up to `last` that are found; -1 where one is wrong. */
static int64_t count_hits(const char *folder, int64_t last, int64_t *first_missed, struct err *err)
{
	struct kv_disk *disk;
	int64_t n = 0;

	if (kv_story_open(&disk, folder, err) < 0) {
		return -1;
	}
	*first_missed = last + 1;
	for (int64_t page = 0; n >= 0 && page <= last; page++) {
		int hit = kv_story_look(disk, page, err);

		n = hit < 0 ? -1 : n + hit;
		if (hit == 0 && page < *first_missed) {
			*first_missed = page;
		}
	}
	kv_disk_close(disk);
	return n;
}

/* ---- power cuts ---- */

static int check_cut(const char *folder, int64_t promised, struct err *err)
{
	int64_t missed, hits = count_hits(folder, PAGES, &missed, err);

	if (hits < 0) {
		return -1;
	}
	return !promised || missed > promised
		       ? 0
		       : err_set(err, ERR_FAILURE, NULL, NULL,
				 "page %lld is missed, up to %lld were synced", (long long)missed,
				 (long long)promised);
}

static void power_cuts(void)
{
	char last[16];

	snprintf(last, sizeof(last), "%d", PAGES);
	cut_test(here, data,
		&(struct cut_subject){
			.name = "KV",
			.program_variable = "FAULTS_KV_DRIVER",
			.program = "kv_driver",
			.argument = {data, "0", last},
			.n_torn = 3,
			.check = check_cut,
		});
}

/* ---- kills, failures ---- */

static void drive(struct run *run, int64_t first, int64_t last, struct run_plan plan)
{
	char from[32], to[32];
	const char *argv[] = {run_env("FAULTS_KV_DRIVER"), data, from, to, NULL};

	snprintf(from, sizeof(from), "%lld", (long long)first);
	snprintf(to, sizeof(to), "%lld", (long long)last);
	plan.program = "kv_driver";
	plan.folder = data;
	run_program(run, argv, &plan);
}

static uint64_t count_calls(int64_t last)
{
	struct run run;
	uint64_t n;

	run_empty(data);
	drive(&run, 0, last, (struct run_plan){0});
	n = run.status == 0 ? run.n_seen : 0;
	run_finish(&run);
	return n;
}

static void note_wrong(
	const char *what, int64_t cycle, const struct run *run, const struct err *err)
{
	tap_note("%s, %lld: status %d, signal %d: %s; %.200s", what, (long long)cycle, run->status,
		run->signal, err->what, run_words(run->out));
}

/* One folder for many writers, each of which is killed. */
static void kills(void)
{
	uint64_t n_call = count_calls(10);
	int64_t n_wrong = 0, n_hit = 0, n_killed = 0, missed, last = 0;
	double began = run_now_ms();

	run_empty(data);
	for (int i = 0; i < KILL_CYCLES; i++) {
		struct run_plan plan = {.action = i % 2 ? "kill-after" : "kill-before"};
		struct err err = {0};
		int64_t hits;
		struct run run;

		if (i % 30 == 0) {
			run_empty(data);
			last = 0;
		}
		plan.at = 1 + run_random(&dice, n_call + 2);
		drive(&run, last, last + 10, plan);
		n_killed += run.signal == SIGKILL;
		/* Each goes on where the one before it should have come to. */
		last = last + 10 < 60 ? last + 5 : 0;
		hits = count_hits(data, 70, &missed, &err);
		if (hits < 0 || (!run.signal && run.status)) {
			n_wrong++;
			note_wrong("killed", i, &run, &err);
		}
		n_hit += hits;
		run_finish(&run);
	}
	tap_ok(n_call > 20 && n_killed > KILL_CYCLES / 2 && n_wrong == 0 && n_hit > 0,
		"KV: after a kill at any call every page that is found is right");
	tap_note("faults: kills, KV: %d cycles, %lld killed at %llu calls, %lld hits, %lld wrong, "
		 "%.1f s",
		KILL_CYCLES, (long long)n_killed, (unsigned long long)n_call, (long long)n_hit,
		(long long)n_wrong, (run_now_ms() - began) / 1e3);
}

/* A call fails, and all later ones or only that. */
static void failures(void)
{
	static const char *const actions[] = {"enospc", "eio", "short"};
	uint64_t n_call = count_calls(10);
	char *full = mem_printf("%s/full", here);
	int64_t n_wrong = 0, n_told = 0, n_try = 0, n_hit = 0, missed;

	for (size_t a = 0; a < ARRAY_LEN(actions); a++) {
		for (uint64_t at = 1; at <= n_call; at += 1 + (a == 2)) {
			struct run_plan plan = {.action = actions[a],
				.at = at,
				.which = a == 2 ? "writes" : NULL,
				.while_file = a != 2 && at % 2 ? full : NULL};
			FILE *file = fopen(full, "w");
			struct err err = {0};
			int64_t hits;
			struct run run;

			if (file) {
				fclose(file);
			}
			run_empty(data);
			drive(&run, 0, 10, plan);
			hits = count_hits(data, 10, &missed, &err);
			n_try++;
			n_told += !!strstr(run.out, "trouble: ") || !!strstr(run.out, "failed: ");
			if (hits < 0 || run.signal ||
				(run.status && !strstr(run.out, "failed: "))) {
				n_wrong++;
				note_wrong(actions[a], (int64_t)at, &run, &err);
			}
			n_hit += hits;
			run_finish(&run);
		}
	}
	tap_ok(n_try > 50 && n_wrong == 0 && n_told > 20,
		"KV: a full disk or a failing one costs pages, is told, and never gives a wrong "
		"one");
	tap_note("faults: failing calls, KV: %lld tries, %lld told, %lld hits, %lld wrong",
		(long long)n_try, (long long)n_told, (long long)n_hit, (long long)n_wrong);
	free(full);
}

/* ---- damage ---- */

static char *paths[64];
static int n_path;

static void list_files(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);
		struct stat st;

		if (entry->d_name[0] != '.' && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			list_files(path);
		} else if (entry->d_name[0] != '.' && S_ISREG(st.st_mode) && st.st_size &&
			   n_path < 64) {
			paths[n_path++] = mem_strdup(path);
		}
		free(path);
	}
	if (dir) {
		closedir(dir);
	}
}

/* By `kv verify`. */
static int is_found(void)
{
	struct engine_kv_work work = {0};
	struct err err = {0};

	return engine_kv_verify(data, (struct engine_kv_watch){0}, &work, &err) < 0 ||
	       work.n_damaged > 0;
}

static void flips(void)
{
	char *pristine = mem_printf("%s/pristine", here);
	int64_t n_flip = 0, n_wrong = 0, n_hit = 0, n_cost = 0, n_found = 0, n_missed = 0, missed,
		all;
	struct err err = {0};

	count_calls(10);
	all = count_hits(data, 10, &missed, &err);
	tap_ok(all == 11 && !is_found(), "KV: what was written is found, and verify finds nothing");
	run_copy(data, pristine);
	n_path = 0;
	list_files(data);
	for (int i = 0; i < n_path; i++) {
		struct stat st;

		stat(paths[i], &st);
		for (int j = 0; j < 150; j++) {
			uint64_t bit = run_random(&dice, 8 * (uint64_t)st.st_size);
			int64_t hits;
			int found;

			run_flip(paths[i], bit);
			found = is_found();
			n_found += found;
			hits = count_hits(data, 10, &missed, &err);
			n_wrong += hits < 0;
			n_cost += hits >= 0 && hits < all;
			if (hits >= 0 && hits < all && !found && n_missed++ < 5) {
				tap_note("%s, byte %llu: %lld pages, and verify finds nothing",
					strrchr(paths[i], '/'), (unsigned long long)bit / 8,
					(long long)hits);
			}
			n_hit += hits;
			n_flip++;
			/* A page that was found bad may be told so on disk: begin anew. */
			run_empty(data);
			run_copy(pristine, data);
		}
		free(paths[i]);
	}
	tap_ok(n_path >= 3 && n_wrong == 0 && n_cost > 0 && n_hit > 0,
		"KV: a flipped bit costs pages at most");
	tap_ok(n_missed == 0 && n_found > 0, "KV: and verify finds it where it does");
	tap_note(
		"faults: flips, KV: %lld bits of %d files: %lld found, %lld cost pages, %lld wrong",
		(long long)n_flip, n_path, (long long)n_found, (long long)n_cost,
		(long long)n_wrong);
	free(pristine);
}

int main(void)
{
	here = run_folder();
	data = mem_printf("%s/kv", here);
	if (mkdir(data, 0700) < 0) {
		run_bail_out("%s cannot be made", data);
	}
	if (run_can_preload()) {
		power_cuts();
		kills();
		failures();
		flips();
	} else {
		tap_skip("KV: the shim", "nothing is preloaded into a program under a sanitizer");
	}
	free(data);
	run_folder_remove(here);
	return tap_done();
}
