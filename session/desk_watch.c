/* While an order is under way: what it tells goes to the screen, and what cannot wait is served. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_MS = 40 }; /* no more often: nobody reads faster */

static const char *const doing_name[] = {
	[DESK_NOTHING] = "",
	[DESK_OPENING] = "open",
	[DESK_MODEL_LOADING] = "load model",
	[DESK_LOADING] = "load",
	[DESK_COUNTING] = "count",
	[DESK_PREFILLING] = "prefill",
	[DESK_THINKING] = "think",
	[DESK_ANSWERING] = "answer",
	[DESK_INDEXING] = "index",
	[DESK_SWEEPING] = "sweep",
	[DESK_WORKING] = "work",
};

const char *desk_doing_name(enum desk_doing doing)
{
	return doing_name[doing];
}

int64_t desk_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void desk_begin(struct desk *desk, int64_t order, enum desk_doing doing)
{
	desk->doings = (struct desk_doings){
		.order = order, .doing = doing, .begun_ms = desk_clock_ms(), .first_done = -1};
}

/* ---- progress ---- */

static void post_progress(
	struct desk *desk, struct desk_doings *doings, struct desk_event *event, int64_t now_ms)
{
	doings->told_ms = now_ms;
	event->type = DESK_PROGRESS;
	event->order = doings->order;
	event->doing = doings->doing;
	desk_post(desk, event);
}

/* Another step of the order begins; `first` is what of it was done before. */
static int enter(struct desk_doings *doings, enum desk_doing doing, int64_t first, int64_t now_ms)
{
	if (doings->doing == doing && doings->first_done >= 0 && first >= doings->last_done) {
		doings->last_done = first;
		return 0;
	}
	doings->doing = doing;
	doings->begun_ms = now_ms;
	doings->first_done = doings->last_done = first;
	doings->pace = (struct pace){.n_sample = 0};
	return 1;
}

static void tell(struct desk *desk, struct desk_doings *doings, enum desk_doing doing,
	struct desk_event *event)
{
	int64_t now_ms = desk_clock_ms();
	int is_new = enter(doings, doing, event->done, now_ms);

	if (is_new && event->cached_tok > event->done) {
		pace_add(&doings->pace, event->cached_tok, now_ms); /* that came at once */
	}
	pace_add(&doings->pace, event->done, now_ms);
	if (!is_new && now_ms - doings->told_ms < PROGRESS_MS && event->done < event->total) {
		return;
	}
	if (event->eta_s <= 0 || event->rate <= 0) {
		double eta_s = event->eta_s;

		event->rate = pace_rate(&doings->pace, event->total, &event->eta_s);
		event->eta_s = eta_s > 0 ? eta_s : event->eta_s;
	}
	post_progress(desk, doings, event, now_ms);
}

void desk_progress(struct desk *desk, struct desk_doings *doings, enum desk_doing doing,
	int64_t done, int64_t total, const char *unit, const char *text)
{
	struct desk_event event = {.done = done, .total = total, .unit = unit};

	if (text) {
		event.text = mem_strdup(text);
		event.text_len = strlen(text);
	}
	tell(desk, doings, doing, &event);
	free(event.text); /* where it was not told */
}

static void tell_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	struct desk *desk = arg;
	struct desk_event event = {
		.done = done_tok, .total = total_tok, .cached_tok = cached_tok, .unit = "tok"};

	if (!desk->doings.is_sweeping) {
		tell(desk, &desk->doings, DESK_PREFILLING, &event);
	}
}

/* ---- an answer ---- */

static void post_text(struct desk *desk, enum desk_event_type type, const char *text, size_t len)
{
	struct desk_event event = {.type = type,
		.order = desk->doings.order,
		.doing = type == DESK_TEXT ? DESK_ANSWERING : DESK_THINKING,
		.text = mem_strndup(text, len),
		.text_len = len};

	desk_post(desk, &event);
}

static void tell_text(void *arg, const char *text, size_t len)
{
	post_text(arg, DESK_TEXT, text, len);
}

static void tell_thinking(void *arg, const char *text, size_t len, int64_t n_tok)
{
	post_text(arg, DESK_THOUGHT, text, len);
}

/* Tokens as they come, also those whose text is held back. */
static void count_tokens(struct desk *desk, const struct engine_event *from)
{
	enum desk_doing doing = from->is_thinking ? DESK_THINKING : DESK_ANSWERING;
	struct desk_event event = {.total = -1, .unit = "tok"};

	if (desk->doings.is_sweeping) {
		return;
	}
	desk->doings.n_tok += (int64_t)from->n_ids;
	event.done = desk->doings.n_tok;
	tell(desk, &desk->doings, doing, &event);
}

/* ---- more than the window ---- */

static void post_find(struct desk *desk, const struct session_progress *progress)
{
	struct desk_event event = {
		.type = DESK_FOUND, .order = desk->doings.order, .doing = DESK_SWEEPING};

	event.find = session_copy_citations(progress->find, progress->n_find);
	event.n_find = progress->n_find;
	desk_post(desk, &event);
}

/* The first stop ends the reading; the answer from what was read follows, and can be stopped, too. */
static void take_stop(struct desk *desk)
{
	pthread_mutex_lock(&desk->lock);
	desk->is_stopped = 0;
	pthread_mutex_unlock(&desk->lock);
}

static void tell_reading(void *arg, const struct session_progress *progress)
{
	struct desk *desk = arg;
	struct desk_event event = {.done = progress->done,
		.total = progress->total,
		.eta_s = progress->eta_s,
		.cached_tok = progress->cached_tok};

	desk->doings.is_sweeping = progress->step != SESSION_ANSWERING;
	switch (progress->step) {
	case SESSION_INDEXING:
		event.unit = "B";
		tell(desk, &desk->doings, DESK_INDEXING, &event);
		break;
	case SESSION_EMBEDDING:
		event.unit = "passages";
		tell(desk, &desk->doings, DESK_INDEXING, &event);
		break;
	case SESSION_SWEEPING:
		event.unit = "windows";
		tell(desk, &desk->doings, DESK_SWEEPING, &event);
		break;
	case SESSION_FOUND:
		post_find(desk, progress);
		break;
	case SESSION_STOPPED:
		take_stop(desk);
		break;
	case SESSION_SELECTED:
	case SESSION_ANSWERING:
		desk->doings.n_tok = 0;
		break;
	}
}

/* ---- what cannot wait ---- */

static void hear(void *arg, struct engine *engine, const struct engine_event *event)
{
	struct desk *desk = arg;

	if (engine != desk->engine) {
		return; /* an embedder of its own */
	}
	if (event->type == ENGINE_TEXT) {
		count_tokens(desk, event);
	}
	desk_hear(desk, event);
}

int desk_serve(struct desk *desk)
{
	int is_stopped, has_changed;

	pthread_mutex_lock(&desk->lock);
	is_stopped = desk->is_stopped || desk->quits;
	has_changed = desk->n_waiting != desk->now.n_waiting;
	pthread_mutex_unlock(&desk->lock);
	desk_preview_serve(desk);
	if (desk_look_at_memory(desk) || has_changed) {
		desk_publish(desk);
	}
	return is_stopped;
}

static int session_stopped(void *arg)
{
	return desk_serve(arg);
}

struct session_watch desk_session_watch(struct desk *desk)
{
	return (struct session_watch){
		.prefill = tell_prefill,
		.text = tell_text,
		.stopped = session_stopped,
		.arg = desk,
		.thinking = tell_thinking,
		.reading = tell_reading,
		.heard = hear,
	};
}

/* ---- what is read again ---- */

static void tell_load(void *arg, const struct load_progress *progress)
{
	struct desk *desk = arg;

	desk_progress(desk, &desk->doings, DESK_LOADING, progress->n_bytes, progress->total_bytes,
		"B", progress->path);
}

/* Nobody else listens to the engine while files are read. */
static int load_stopped(void *arg)
{
	struct desk *desk = arg;

	desk_hear_all(desk);
	return desk_serve(desk);
}

struct load_watch desk_load_watch(struct desk *desk)
{
	return (struct load_watch){tell_load, load_stopped, desk};
}
