/* How fast something goes on, and when it ends, where each step may cost more than the one before. */
#ifndef SESSION_PACE_H
#define SESSION_PACE_H

#include <stddef.h>
#include <stdint.h>

enum { PACE_SAMPLES = 32 };

/* Zeroed: nothing is known. */
struct pace {
	struct pace_sample {
		int64_t done, ms;
	} sample[PACE_SAMPLES]; /* evenly over what was done, oldest first */
	size_t n_sample;
	struct pace_sample newest;
};

/* So much is done now; what was there before anything was done is the first sample. */
void pace_add(struct pace *pace, int64_t done, int64_t now_ms);
/*
 * Per second of late, 0 where that is not known; *eta_s until `total` is done, negative where not. A
 * token costs the more, the deeper it stands: the rest is reckoned at the depth where it stands.
 */
double pace_rate(const struct pace *pace, int64_t total, double *eta_s);

#endif
