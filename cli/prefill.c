#include "cli/prefill.h"

#include "base/log.h"
#include "base/number.h"
#include "cli/output.h"
#include "cli/start.h"

struct progress {
	double began_s;
	int (*stopped)(void *arg);
	void *arg;
};

static void on_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	const struct progress *progress = arg;

	start_show_prefill(progress->began_s, done_tok, total_tok, cached_tok);
}

static int on_stopped(void *arg)
{
	const struct progress *progress = arg;

	return progress->stopped(progress->arg);
}

/* The first batch may take seconds; what it costs is no reason to fail. */
static void show_first(
	struct session *session, struct engine *engine, const struct session_watch *watch)
{
	char done[NUMBER_SIZE], total[NUMBER_SIZE];
	struct session_cost cost;

	if (session_cost(session, engine, watch, &cost, NULL) < 0) {
		return;
	}
	number_grouped(done, cost.cached_tok);
	number_grouped(total, cost.total_tok);
	if (cost.seconds >= 0) {
		log_progress("prefill %s of %s tok  about %.0f s", done, total, cost.seconds);
	} else {
		log_progress("prefill %s of %s tok", done, total);
	}
}

/* What the engine has of it now is what is kept: a batch that was stopped is not. */
static int tell_stopped(
	struct session *session, struct engine *engine, const char *resume, struct err *err)
{
	char kept[NUMBER_SIZE], total[NUMBER_SIZE];
	struct session_cost cost;

	if (session_cost(session, engine, NULL, &cost, NULL) < 0) {
		return err_set(err, ERR_INTERRUPTED, NULL, resume, "stopped");
	}
	number_grouped(total, cost.total_tok);
	if (!cost.cached_tok) {
		return err_set(err, ERR_INTERRUPTED, NULL, NULL,
			"stopped at 0 of %s tokens: nothing was complete yet", total);
	}
	return err_set(err, ERR_INTERRUPTED, NULL, resume,
		"stopped at %s of %s tokens, which are kept", number_grouped(kept, cost.cached_tok),
		total);
}

int prefill_run(struct session *session, struct engine *engine, int (*stopped)(void *arg),
	void *arg, const char *resume, struct engine_usage *usage, struct err *err)
{
	struct progress progress = {output_clock_s(), stopped, arg};
	struct session_watch watch = {
		.prefill = on_prefill, .stopped = on_stopped, .arg = &progress};
	int status;

	show_first(session, engine, &watch);
	status = session_prefill(session, engine, &watch, usage, err);
	log_progress_clear();
	if (status < 0) {
		return err->code == ERR_INTERRUPTED ? tell_stopped(session, engine, resume, err)
						    : -1;
	}
	start_show_ready(usage);
	return 0;
}
