#include "session/pace.h"

/* Every other one goes, so that those that stay reach over all of it. */
static void thin_out(struct pace *pace)
{
	size_t n = 0;

	for (size_t i = 0; i < pace->n_sample; i += 2) {
		pace->sample[n++] = pace->sample[i];
	}
	pace->n_sample = n;
}

void pace_add(struct pace *pace, int64_t done, int64_t now_ms)
{
	const struct pace_sample *last = pace->n_sample ? &pace->sample[pace->n_sample - 1] : NULL;
	int64_t span = last ? last->done - pace->sample[0].done : 0;

	if (last && done <= pace->newest.done) {
		return;
	}
	pace->newest = (struct pace_sample){done, now_ms};
	/* Tokens of an answer come one by one: not each of them is worth keeping. */
	if (last && done - last->done < span / PACE_SAMPLES) {
		return;
	}
	if (pace->n_sample == PACE_SAMPLES) {
		thin_out(pace);
	}
	pace->sample[pace->n_sample++] = pace->newest;
}

static double ms_each(const struct pace_sample *from, const struct pace_sample *to)
{
	return to->done > from->done ? (double)(to->ms - from->ms) / (double)(to->done - from->done)
				     : 0;
}

static double depth(const struct pace_sample *from, const struct pace_sample *to)
{
	return ((double)from->done + (double)to->done) / 2;
}

/* The sample in the middle of what was done. */
static const struct pace_sample *middle(const struct pace *pace)
{
	int64_t at = pace->sample[0].done + (pace->newest.done - pace->sample[0].done) / 2;
	size_t i = 0;

	while (i + 1 < pace->n_sample && pace->sample[i + 1].done <= at) {
		i++;
	}
	return &pace->sample[i];
}

double pace_rate(const struct pace *pace, int64_t total, double *eta_s)
{
	const struct pace_sample *first = &pace->sample[0], *half, *newest = &pace->newest;
	double late_ms, more_ms = 0;

	*eta_s = -1;
	if (!pace->n_sample || newest->done <= first->done || newest->ms <= first->ms) {
		return 0;
	}
	half = middle(pace);
	late_ms = ms_each(half, newest);
	if (half != first) {
		more_ms = (late_ms - ms_each(first, half)) /
			  (depth(half, newest) - depth(first, half));
	}
	if (late_ms <= 0) {
		return 0;
	}
	if (total >= newest->done) {
		struct pace_sample end = {.done = total};
		double deeper = depth(newest, &end) - depth(half, newest);
		double each_ms = late_ms + (more_ms > 0 ? more_ms * deeper : 0);

		*eta_s = (double)(total - newest->done) * each_ms / 1e3;
	}
	return 1e3 / late_ms;
}
