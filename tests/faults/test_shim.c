/*
 * The tools of the tests of faults find what they are for: a shim that injects nothing, or a disk
 * that loses nothing, would make every promise look kept.
 */
#include "tests/faults/disk.h"
#include "tests/faults/run.h"
#include "tests/tap.h"

#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the careful victim does for each line: it opens, writes, syncs, renames, syncs the folder. */
enum { CALLS_A_LINE = 5, CALLS_BEFORE = 2, LINES = 4 };

static char *here, *data, *other;

static void victim(struct run *run, const char *how, struct run_plan plan)
{
	char lines[16];
	const char *argv[] = {run_env("FAULTS_VICTIM"), how, data, lines, NULL};

	snprintf(lines, sizeof(lines), "%d", LINES);
	run_empty(data);
	plan.program = plan.program ? plan.program : "faults_victim";
	plan.folder = data;
	run_program(run, argv, &plan);
}

/* How many lines the list has that are as they should be; -1: it is there and is something else. */
static int lines_kept(const char *folder)
{
	char *path = mem_printf("%s/kept/list", folder), text[256], wanted[256] = "";
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	int result = file ? -1 : 0;

	text[n] = '\0';
	for (int i = 1; file && i <= LINES; i++) {
		snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%d\n", i);
		if (!strcmp(text, wanted)) {
			result = i;
		}
	}
	if (file) {
		fclose(file);
	}
	free(path);
	return result;
}

static void kills(void)
{
	uint64_t n = CALLS_BEFORE + LINES * CALLS_A_LINE;
	int wrong = 0;
	struct run run;

	victim(&run, "careful", (struct run_plan){0});
	tap_ok(run.status == 0 && run.n_loaded == 1 && run.n_seen == n && run.n_done == 0,
		"the shim counts each change of a folder once");
	tap_note(
		"%llu calls, %llu expected", (unsigned long long)run.n_seen, (unsigned long long)n);
	run_finish(&run);
	for (uint64_t at = 1; at <= n; at++) {
		for (int is_after = 0; is_after < 2; is_after++) {
			/* The file has its new line from the rename on. */
			uint64_t done = at - !is_after;
			int lines = done < CALLS_BEFORE
					    ? 0
					    : (int)((done - CALLS_BEFORE + 1) / CALLS_A_LINE);

			victim(&run, "careful",
				(struct run_plan){.at = at,
					.action = is_after ? "kill-after" : "kill-before"});
			wrong += run.signal != SIGKILL || run.n_done != 1 || run.n_seen != at ||
				 lines_kept(data) != lines;
			run_finish(&run);
		}
	}
	tap_ok(!wrong, "it kills before and after each of them, and nothing else was done");
	victim(&run, "careful", (struct run_plan){.at = n + 1, .action = "kill-after"});
	tap_ok(run.status == 0 && run.n_done == 0, "a call that never comes is no fault");
	run_finish(&run);
	victim(&run, "careful",
		(struct run_plan){.program = "other", .at = 1, .action = "kill-after"});
	tap_ok(run.status == 0 && run.n_loaded == 0 && run.n_seen == 0,
		"a program that is not named is left alone, and that shows");
	run_finish(&run);
}

static void failures(void)
{
	char *while_file = mem_printf("%s/full", here);
	struct run run;
	FILE *file;

	victim(&run, "careful", (struct run_plan){.at = 4, .action = "enospc"});
	tap_ok(run.status == 1 && strstr(run.out, "1: No space left"), "a full disk is told");
	run_finish(&run);
	victim(&run, "careful", (struct run_plan){.which = "syncs", .at = 2, .action = "eio"});
	tap_ok(run.status == 1 && strstr(run.out, "1: Input/output error"),
		"a failed sync is told");
	run_finish(&run);
	victim(&run, "careful", (struct run_plan){.which = "writes", .at = 2, .action = "short"});
	tap_ok(run.status == 0 && run.n_done == 1 && run.n_seen == LINES + 1 &&
			lines_kept(data) == LINES,
		"a short write is finished by who looks at the result");
	run_finish(&run);
	file = fopen(while_file, "w");
	if (file) {
		fclose(file);
	}
	victim(&run, "careful",
		(struct run_plan){.at = 8, .action = "enospc", .while_file = while_file});
	tap_ok(run.status == 1 && run.n_done >= 1 && strstr(run.out, "2: No space left"),
		"a disk is full for as long as a file says so");
	run_finish(&run);
	unlink(while_file);
	victim(&run, "careful",
		(struct run_plan){.at = 8, .action = "enospc", .while_file = while_file});
	tap_ok(run.status == 0 && run.n_done == 0, "and no longer");
	run_finish(&run);
	free(while_file);
}

/* Power cuts at every point; how many of the states broke a promise. -1: the log is no good. */
static int cut_everywhere(const char *log_path, int *n_state)
{
	static const enum disk_loss losses[] = {DISK_KEEP, DISK_DROP, DISK_DROP_DATA,
		DISK_DROP_NAMES, DISK_TORN, DISK_TORN, DISK_TORN, DISK_TORN};
	struct disk *disk = disk_create();
	struct disk_log log;
	int promised = 0, broken = 0;

	disk_log_read(&log, log_path);
	*n_state = 0;
	for (size_t i = 0; i < log.n_item && broken >= 0; i++) {
		if (disk_apply(disk, &log.item[i]) < 0) {
			broken = -1;
			break;
		}
		if (log.item[i].record.kind == FAULTS_ACK) {
			char text[16] = "";

			memcpy(text, log.item[i].data, log.item[i].record.data_len);
			promised = atoi(text);
		}
		for (size_t j = 0; j < ARRAY_LEN(losses); j++) {
			int lines;

			disk_write(disk, other, losses[j], i * 16 + j, j % 2 ? 512 : 4096);
			lines = lines_kept(other);
			broken += lines < promised;
			++*n_state;
		}
	}
	disk_destroy(disk);
	disk_log_finish(&log);
	return broken;
}

static int recorded(const char *how, int *n_state)
{
	char *log = mem_printf("%s/log", here), difference[512] = "";
	struct run run;
	int broken;

	unlink(log);
	victim(&run, how, (struct run_plan){.log = log});
	if (run.status != 0) {
		run_bail_out("victim %s: status %d: %s", how, run.status, run_words(run.out));
	}
	run_finish(&run);
	broken = cut_everywhere(log, n_state);
	if (broken >= 0) {
		struct disk *disk = disk_create();
		struct disk_log items;

		disk_log_read(&items, log);
		for (size_t i = 0; i < items.n_item; i++) {
			disk_apply(disk, &items.item[i]);
		}
		disk_write(disk, other, DISK_KEEP, 0, 512);
		tap_ok(run_compare(data, other, difference, sizeof(difference)) == 0,
			"the log of a %s program is all that it did", how);
		disk_destroy(disk);
		disk_log_finish(&items);
	}
	free(log);
	return broken;
}

static void power_cuts(void)
{
	int n_state, broken;

	broken = recorded("careful", &n_state);
	tap_ok(broken == 0, "who syncs a file, renames it and syncs the folder loses nothing");
	tap_note("%d states after a cut, %d broken", n_state, broken);
	broken = recorded("careless-data", &n_state);
	tap_ok(broken > 0, "who does not sync a file is found out");
	tap_note("%d states after a cut, %d broken", n_state, broken);
	broken = recorded("careless-folder", &n_state);
	tap_ok(broken > 0, "who does not sync a folder is found out");
	tap_note("%d states after a cut, %d broken", n_state, broken);
	broken = recorded("in-place", &n_state);
	tap_ok(broken > 0, "who writes over what he keeps is found out");
	tap_note("%d states after a cut, %d broken", n_state, broken);
	tap_ok(recorded("unseen", &n_state) < 0, "what the shim cannot follow is noticed");
}

int main(void)
{
	if (!run_can_preload()) {
		tap_skip("the shim", "nothing is preloaded into a program under a sanitizer");
		return tap_done();
	}
	here = run_folder();
	data = mem_printf("%s/data", here);
	other = mem_printf("%s/other", here);
	if (mkdir(data, 0700) < 0) {
		run_bail_out("%s cannot be made", data);
	}
	kills();
	failures();
	power_cuts();
	free(data);
	free(other);
	run_folder_remove(here);
	return tap_done();
}
