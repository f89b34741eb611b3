/*
 * Promise 2: what was acknowledged survives a power cut. What a program does to a folder is recorded,
 * and the folder is made again as a disk may hold it after a cut at every point: what was not synced
 * is there, or is not, or is torn (512 and 4,096 bytes). Then everything that was acknowledged before
 * the cut has to be there, and what is there has to be right.
 */
#include "tests/faults/catalogue_story.h"
#include "tests/faults/cut.h"
#include "tests/faults/run.h"
#include "tests/faults/story.h"
#include "tests/tap.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SESSION "0123456789abcdef"

static char *here, *data;

/* ---- a session ---- */

static void note_damage(void *arg, const char *sentence)
{
	struct err *err = arg;

	if (!err->what[0]) {
		err_set(err, ERR_FAILURE, "verify", NULL, "%s", sentence);
	}
}

static int64_t step_of(const char *folder, enum store_mode mode, struct err *err)
{
	struct store *store;
	int64_t step;

	if (store_open(&store, folder, mode, err) < 0) {
		return -1;
	}
	step = story_read(store, err);
	if (step >= 0 && mode == STORE_WRITE && story_step(store, step + 1, err) < 0) {
		step = -1; /* and it goes on */
	}
	store_close(store);
	return step;
}

static int check_session(const char *folder, int64_t promised, struct err *err)
{
	char *path = mem_printf("%s/" SESSION, folder);
	struct err damage = {0};
	struct store_report report = {.damage = note_damage, .arg = &damage};
	int64_t step, again;

	if (access(path, F_OK) < 0) {
		free(path);
		return promised ? err_set(err, ERR_FAILURE, NULL, NULL, "the session is gone") : 0;
	}
	step = step_of(path, STORE_READ, err);
	if (step >= 0 && (store_verify(path, &report, err) < 0 || report.n_damaged)) {
		*err = damage.what[0] ? damage : *err;
		step = -1;
	}
	again = step < 0 ? -1 : step_of(path, STORE_WRITE, err);
	free(path);
	if (step < 0 || again < 0) {
		return -1;
	}
	return step >= promised && again == step
		       ? 0
		       : err_set(err, ERR_FAILURE, NULL, NULL, "it stands at step %lld, then %lld",
				 (long long)step, (long long)again);
}

/* ---- the catalogue ---- */

/* Also the operation that was under way may have been done. */
static int check_catalogue(const char *folder, int64_t promised, struct err *err)
{
	setenv("XDG_DATA_HOME", folder, 1);
	return catalogue_story_check(promised, err) == 0 ||
			       catalogue_story_check(promised + 1, NULL) == 0
		       ? 0
		       : -1;
}

int main(void)
{
	char *session;

	if (!run_can_preload()) {
		tap_skip("power cuts", "nothing is preloaded into a program under a sanitizer");
		return tap_done();
	}
	here = run_folder();
	data = mem_printf("%s/data", here);
	session = mem_printf("%s/" SESSION, data);
	if (mkdir(data, 0700) < 0) {
		run_bail_out("%s cannot be made", data);
	}
	setenv("XDG_DATA_HOME", data, 1);
	cut_test(here, data,
		&(struct cut_subject){
			.name = "a session",
			.program_variable = "FAULTS_STORE_DRIVER",
			.program = "store_driver",
			.argument = {session, "22"},
			.n_torn = 2,
			.check = check_session,
		});
	cut_test(here, data,
		&(struct cut_subject){
			.name = "the catalogue",
			.program_variable = "FAULTS_CATALOGUE_DRIVER",
			.program = "catalogue_driver",
			.argument = {"1", "10"},
			.n_torn = 1,
			.check = check_catalogue,
		});
	free(session);
	free(data);
	run_folder_remove(here);
	return tap_done();
}
