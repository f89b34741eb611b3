/*
 * Loads: files are read on a thread of their own, so that questions are answered meanwhile; what comes
 * of it is looked at on the desk's thread. One at a time.
 */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void tell_load(void *arg, const struct load_progress *progress)
{
	struct desk_reader *reader = arg;

	desk_progress(reader->desk, &reader->doings, DESK_LOADING, progress->n_bytes,
		progress->total_bytes, "B", progress->path);
}

static int load_stopped(void *arg)
{
	struct desk_reader *reader = arg;
	int is_stopped;

	pthread_mutex_lock(&reader->desk->lock);
	is_stopped = reader->is_stopped || reader->desk->quits;
	pthread_mutex_unlock(&reader->desk->lock);
	return is_stopped;
}

static void *work(void *arg)
{
	struct desk_reader *reader = arg;

	session_load_read(reader->loading);
	pthread_mutex_lock(&reader->desk->lock);
	reader->is_done = 1;
	desk_wake(reader->desk);
	pthread_mutex_unlock(&reader->desk->lock);
	return NULL;
}

int desk_reader_begin(
	struct desk *desk, struct order *order, const struct load_options *options, struct err *err)
{
	struct desk_reader *reader = mem_zero(1, sizeof(*reader));
	struct load_options own = *options;
	int error;

	reader->desk = desk;
	reader->order = order;
	reader->doings = desk->doings;
	own.watch = (struct load_watch){tell_load, load_stopped, reader};
	session_skipped(desk->at.session, &reader->first_skipped);
	reader->loading = session_load_begin(
		desk->at.session, (const char *const *)order->path, order->n_path, &own, 1);
	pthread_mutex_lock(&desk->lock);
	desk->reader = reader;
	pthread_mutex_unlock(&desk->lock);
	error = thread_begin(&reader->thread, work, reader);
	if (!error) {
		return 0;
	}
	pthread_mutex_lock(&desk->lock);
	desk->reader = NULL;
	pthread_mutex_unlock(&desk->lock);
	session_load_end(reader->loading, NULL, NULL);
	free(reader);
	return err_set_errno(
		err, ERR_FAILURE, error, NULL, "the thread that reads files cannot be started");
}

/* Wait for its thread. Returns the order. */
static struct order *let_go(struct desk *desk, struct session_change **change, struct err *err)
{
	struct desk_reader *reader = desk->reader;
	struct order *order = reader->order;

	pthread_join(reader->thread, NULL);
	if (session_load_end(reader->loading, change, err) < 0) {
		*change = NULL;
	}
	pthread_mutex_lock(&desk->lock);
	desk->reader = NULL;
	pthread_mutex_unlock(&desk->lock);
	free(reader);
	return order;
}

struct order *desk_reader_end(
	struct desk *desk, struct session_change **change, size_t *first_skipped, struct err *err)
{
	struct desk_reader *reader = desk->reader;
	int is_done;

	pthread_mutex_lock(&desk->lock);
	is_done = reader && reader->is_done;
	pthread_mutex_unlock(&desk->lock);
	if (!is_done) {
		return NULL;
	}
	*first_skipped = reader->first_skipped;
	return let_go(desk, change, err);
}

struct order *desk_reader_stop(struct desk *desk)
{
	if (!desk->reader) {
		return NULL;
	}
	pthread_mutex_lock(&desk->lock);
	desk->reader->is_stopped = 1;
	pthread_mutex_unlock(&desk->lock);
	return let_go(desk, NULL, NULL);
}
