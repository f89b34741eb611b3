#include "tests/faults/cut.h"

#include "tests/faults/disk.h"
#include "tests/faults/run.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cutting {
	const struct cut_subject *subject;
	struct cut_result *result;
	struct disk *disk;
	char *after; /* the folder after a cut */
	int64_t promised;
};

static void try_state(struct cutting *cutting, enum disk_loss loss, uint64_t seed, size_t sector)
{
	struct cut_result *result = cutting->result;
	struct err err = {0};
	double began = run_now_ms();

	disk_write(cutting->disk, cutting->after, loss, seed, sector);
	result->n_state++;
	if (cutting->subject->check(cutting->after, cutting->promised, &err) < 0 &&
		result->n_broken++ < 10) {
		char text[1024];

		tap_note("%s: record %lld, loss %d, seed %llu, sectors of %zu, %lld promised: %s",
			cutting->subject->name, (long long)result->n_point, loss,
			(unsigned long long)seed, sector, (long long)cutting->promised,
			err_format(&err, text, sizeof(text)));
	}
	result->check_ms += run_now_ms() - began;
}

/* Behind one record. A write alone changes nothing of what only synced bytes make. */
static void cut_here(struct cutting *cutting, uint64_t point, int is_write)
{
	try_state(cutting, DISK_KEEP, 0, 512);
	if (!is_write) {
		try_state(cutting, DISK_DROP, 0, 512);
		try_state(cutting, DISK_DROP_DATA, 0, 512);
	}
	if (!is_write || point % 4 == 0) {
		try_state(cutting, DISK_DROP_NAMES, 0, 512);
	}
	for (uint64_t i = 0; i < (uint64_t)cutting->subject->n_torn && disk_unsynced(cutting->disk);
		i++) {
		try_state(cutting, DISK_TORN, point * 64 + i, 512);
		try_state(cutting, DISK_TORN, point * 64 + 32 + i, 4096);
	}
}

static void cut_everywhere(struct cutting *cutting, const struct disk_log *log)
{
	cutting->disk = disk_create();
	for (size_t i = 0; i < log->n_item; i++) {
		const struct faults_record *record = &log->item[i].record;

		cutting->result->n_point = (int64_t)i;
		if (disk_apply(cutting->disk, &log->item[i]) < 0) {
			tap_note("%s does what the shim cannot follow: %s", cutting->subject->name,
				log->item[i].name);
			cutting->result->n_broken++;
			break;
		}
		if (record->kind == FAULTS_ACK) {
			char *text = mem_strndup(log->item[i].data, record->data_len);

			cutting->promised = atoll(text);
			free(text);
		}
		cut_here(cutting, i,
			record->kind == FAULTS_WRITE || record->kind == FAULTS_TRUNCATE);
	}
	cutting->result->n_point++;
	disk_destroy(cutting->disk);
}

static int is_whole(const struct disk_log *log, const char *data, const char *after)
{
	struct disk *disk = disk_create();
	char difference[512];
	int same = 1;

	for (size_t i = 0; i < log->n_item; i++) {
		same &= disk_apply(disk, &log->item[i]) == 0;
	}
	disk_write(disk, after, DISK_KEEP, 0, 512);
	if (same && run_compare(data, after, difference, sizeof(difference)) < 0) {
		tap_note("the log does not tell of %s", difference);
		same = 0;
	}
	disk_destroy(disk);
	return same;
}

void cut_run(struct cut_result *result, const char *here, const char *data,
	const struct cut_subject *subject)
{
	char *log_path = mem_printf("%s/log", here);
	struct cutting cutting = {
		.subject = subject, .result = result, .after = mem_printf("%s/after", here)};
	const char *argv[6] = {run_env(subject->program_variable)};
	const struct run_plan plan = {.program = subject->program, .folder = data, .log = log_path};
	double began = run_now_ms();
	struct disk_log log;
	struct run run;

	*result = (struct cut_result){0};
	run_empty(data);
	unlink(log_path);
	for (int i = 0; i < 4; i++) {
		argv[i + 1] = subject->argument[i];
	}
	run_program(&run, argv, &plan);
	result->is_recorded = run.status == 0 && run.n_loaded == 1 && run.n_seen > 0;
	if (!result->is_recorded) {
		tap_note("status %d, %llu calls: %s%s", run.status, (unsigned long long)run.n_seen,
			run_words(run.out), run_words(run.err));
	}
	run_finish(&run);
	disk_log_read(&log, log_path);
	result->is_whole = is_whole(&log, data, cutting.after);
	cut_everywhere(&cutting, &log);
	result->seconds = (run_now_ms() - began) / 1e3;
	disk_log_finish(&log);
	free(cutting.after);
	free(log_path);
}
