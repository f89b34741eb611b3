/*
 * Power cuts: what a program does to a folder is recorded, and the folder is made again as a disk may
 * hold it after a cut at every point.
 */
#ifndef TESTS_FAULTS_CUT_H
#define TESTS_FAULTS_CUT_H

#include "tests/tap.h"

#include "base/err.h"

#include <stdint.h>

/* A kind of folder: what writes it, and what must be true after a cut. */
struct cut_subject {
	const char *name;
	const char *program_variable, *program;
	const char *argument[4];
	int n_torn; /* of each sector size, at each point */
	/* `promised`: the last acknowledgement; 0: none. */
	int (*check)(const char *folder, int64_t promised, struct err *err);
};

struct cut_result {
	int is_recorded; /* the program ended well and was seen */
	int is_whole;    /* the log, played to its end, gives the folder that is there */
	int64_t n_point, n_state, n_broken;
	double check_ms, seconds;
};
/* `here` holds what is needed beside `data`, the folder. What is broken is noted. */
void cut_run(struct cut_result *result, const char *here, const char *data,
	const struct cut_subject *subject);

static inline void cut_test(const char *here, const char *data, const struct cut_subject *subject)
{
	struct cut_result result;

	cut_run(&result, here, data, subject);
	tap_ok(result.is_recorded, "%s: what is written is recorded", subject->name);
	tap_ok(result.is_whole, "%s: and nothing else was written", subject->name);
	tap_ok(result.n_broken == 0 && result.n_state > 0,
		"%s: whatever a power cut leaves, what was acknowledged is there", subject->name);
	tap_note("faults: power cuts, %s: %lld points, %lld states after a cut, %lld broken, %.2f "
		 "ms each, %.1f s",
		subject->name, (long long)result.n_point, (long long)result.n_state,
		(long long)result.n_broken,
		result.check_ms / (double)(result.n_state ? result.n_state : 1), result.seconds);
}

#endif
