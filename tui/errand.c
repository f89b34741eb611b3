#include "tui/errand.h"

#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RUNNING, DONE, LEFT };
struct errand {
	pthread_t thread;
	atomic_int is_stopped;
	atomic_int state; /* whoever comes second, of its thread and errand_leave(), frees */
	void (*drop)(void *arg);
	int (*work)(struct errand *errand, void *arg, struct err *err);
	void *arg;
	int status;
	struct err err;
};

static void *run(void *arg)
{
	struct errand *errand = arg;

	errand->status = errand->work(errand, errand->arg, &errand->err);
	if (atomic_exchange(&errand->state, DONE) == LEFT) {
		errand->drop(errand->arg);
		free(errand);
	}
	return NULL;
}

struct errand *errand_begin(
	int (*work)(struct errand *errand, void *arg, struct err *err), void *arg, struct err *err)
{
	struct errand *errand = mem_zero(1, sizeof(*errand));
	int failed;

	errand->work = work;
	errand->arg = arg;
	failed = thread_begin(&errand->thread, run, errand);
	if (failed) {
		err_set_errno(err, ERR_FAILURE, failed, NULL, "no thread can be started");
		free(errand);
		return NULL;
	}
	return errand;
}

int errand_is_stopped(const struct errand *errand)
{
	return atomic_load(&errand->is_stopped);
}

int errand_is_done(const struct errand *errand)
{
	return atomic_load(&errand->state) == DONE;
}

int errand_end(struct errand *errand, struct err *err)
{
	int status;

	pthread_join(errand->thread, NULL);
	status = errand->status;
	if (status < 0 && err) {
		*err = errand->err;
	}
	free(errand);
	return status;
}

void errand_leave(struct errand *errand, void (*drop)(void *arg))
{
	pthread_t thread;

	if (!errand) {
		return;
	}
	thread = errand->thread;
	errand->drop = drop;
	atomic_store(&errand->is_stopped, 1);
	if (atomic_exchange(&errand->state, LEFT) == DONE) {
		pthread_join(thread, NULL);
		drop(errand->arg);
		free(errand);
	} else {
		pthread_detach(thread);
	}
}
