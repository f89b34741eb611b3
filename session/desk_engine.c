/* The engine of the desk: loading, dying and coming back, and its figures. */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAIT_MS = 100,     /* how long a stop may go unnoticed */
	FIGURES_MS = 5000, /* between two looks at memory and disk */
	NOTICED_BYTES = 1 << 20,
};

/* ---- its life ---- */

static enum desk_engine life(const struct desk *desk)
{
	if (!desk->engine) {
		return desk->now.engine_err.code ? DESK_ENGINE_FAILED : DESK_ENGINE_NONE;
	}
	return engine_is_ready(desk->engine)     ? DESK_ENGINE_READY
	       : engine_is_running(desk->engine) ? DESK_ENGINE_LOADING
						 : DESK_ENGINE_FAILED;
}

void desk_tell_trouble(struct desk *desk)
{
	struct err note;

	while (desk->engine && engine_trouble(desk->engine, &note)) {
		note.code = ERR_NONE;
		desk_note(desk, &note);
	}
}

void desk_check_engine(struct desk *desk, const struct err *why)
{
	enum desk_engine is = life(desk);
	struct err *said = &desk->now.engine_err;
	int is_reason = is == DESK_ENGINE_FAILED && !said->code && why && why->code &&
			(why->code == ERR_ENGINE || why == &desk->load_err);

	if (is == desk->now.engine && !is_reason) {
		return;
	}
	if (is == DESK_ENGINE_LOADING && is != desk->now.engine) {
		desk->load_begun_ms = desk_clock_ms();
	}
	if (is_reason) {
		*said = *why;
	} else if (is != DESK_ENGINE_FAILED) {
		*said = (struct err){.code = ERR_NONE};
	}
	if (is == DESK_ENGINE_READY) {
		desk_state_names(desk);
		desk_take_old_rates(desk);
		desk_forget_costs(desk);
		desk_state_sources(desk);
	}
	desk->now.engine = is;
	desk_publish(desk);
	desk_tell_trouble(desk);
}

static void tell_load(struct desk *desk, double fraction)
{
	double seconds = (double)(desk_clock_ms() - desk->load_begun_ms) / 1000;
	struct desk_event event = {.type = DESK_PROGRESS,
		.doing = DESK_MODEL_LOADING,
		.done = (int64_t)(fraction * 100),
		.total = 100,
		.unit = "%",
		.eta_s = -1};

	if (fraction > 0 && seconds > 0.2) {
		event.rate = fraction * 100 / seconds;
		event.eta_s = seconds * (1 - fraction) / fraction;
	}
	desk_post(desk, &event);
}

/* Of the whole engine: it could not be loaded, or died while nothing was under way. */
static void fail(struct desk *desk, const struct err *why)
{
	desk->load_err = *why;
	desk_check_engine(desk, &desk->load_err);
	if (!desk->doings.order) { /* else the order ends with it */
		desk_note(desk, why);
	}
}

void desk_hear(struct desk *desk, const struct engine_event *event)
{
	if (event->request) {
		desk_preview_hear(desk, event);
		return;
	}
	switch (event->type) {
	case ENGINE_LOAD:
		desk_check_engine(desk, NULL);
		tell_load(desk, event->fraction);
		break;
	case ENGINE_READY: /* it may be another process than a moment ago */
		desk->now.engine = DESK_ENGINE_LOADING;
		desk_check_engine(desk, NULL);
		break;
	case ENGINE_FAILED:
		fail(desk, &event->err);
		break;
	default:
		break;
	}
}

void desk_hear_all(struct desk *desk)
{
	struct engine_event event;

	while (desk->engine && engine_next(desk->engine, 0, &event)) {
		desk_hear(desk, &event);
	}
	desk_check_engine(desk, &desk->load_err);
}

void desk_engine_close(struct desk *desk)
{
	desk_preview_forget(desk);
	engine_close(desk->engine);
	desk->engine = NULL;
	desk->costs.is_known = 0;
}

int desk_engine_open(struct desk *desk, const char *model, struct err *err)
{
	struct engine *engine = NULL;

	if (desk->host.open_engine(desk->host.arg, model, &engine, err) < 0) {
		if (!desk->engine) {
			desk->now.engine = DESK_ENGINE_NONE;
			desk->now.engine_err = *err;
			desk_check_engine(desk, err);
		}
		return -1;
	}
	desk_engine_close(desk);
	desk->engine = engine;
	desk->now.engine_err = (struct err){.code = ERR_NONE};
	desk_state_names(desk);
	desk->now.engine = DESK_ENGINE_NONE;
	desk_check_engine(desk, NULL);
	return 0;
}

/* Where it died: begin to load it again. */
static int restart(struct desk *desk, struct err *err)
{
	struct engine_event event;
	int status;

	while ((status = engine_restart(desk->engine, err)) > 0) {
		if (desk_serve(desk)) {
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		if (engine_next(desk->engine, WAIT_MS, &event)) {
			desk_hear(desk, &event);
		}
	}
	/* How the one before ended may only have been noticed here: it is not how this one does. */
	while (engine_next(desk->engine, 0, &event)) {
		desk_hear(desk, &event);
	}
	if (engine_is_running(desk->engine)) {
		desk->load_err = (struct err){.code = ERR_NONE};
	}
	desk_check_engine(desk, err);
	return status;
}

int desk_need_engine(struct desk *desk, struct err *err)
{
	struct engine_event event;

	if (!desk->engine && desk_engine_open(desk, NULL, err) < 0) {
		return -1;
	}
	desk_hear_all(desk);
	if (!engine_is_ready(desk->engine) && restart(desk, err) < 0) {
		return -1;
	}
	while (!engine_is_ready(desk->engine)) {
		if (desk_serve(desk)) {
			return err_set(err, ERR_INTERRUPTED, NULL, NULL,
				"interrupted while the model was loading; it goes on loading");
		}
		if (engine_next(desk->engine, WAIT_MS, &event)) {
			desk_hear(desk, &event);
		}
		if (desk->load_err.code && engine_is_running(desk->engine)) {
			/* Told late, of the process in whose place this one is loading. */
			desk->load_err = (struct err){.code = ERR_NONE};
			desk_check_engine(desk, NULL);
		}
		if (desk->load_err.code) {
			*err = desk->load_err;
			return -1;
		}
	}
	desk_hear_all(desk); /* READY itself */
	return 0;
}

/* ---- figures ---- */

static int64_t rss_bytes(int32_t process_id)
{
	char path[64];
	long long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", process_id);
	file = process_id > 0 ? fopen(path, "re") : NULL;
	if (!file) {
		return 0;
	}
	if (fscanf(file, "%*s %lld", &pages) != 1) {
		pages = 0;
	}
	fclose(file);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int is_noticed(int64_t was, int64_t is)
{
	return was - is >= NOTICED_BYTES || is - was >= NOTICED_BYTES || (!was != !is);
}

/* Returns whether that changed. */
static int look_at_memory(struct desk *desk)
{
	int64_t was = desk->now.engine_rss_bytes, rss = 0;

	if (desk->engine && engine_is_running(desk->engine)) {
		rss = rss_bytes(engine_info(desk->engine)->process_id);
	}
	desk->memory_ms = desk_clock_ms();
	if (!is_noticed(was, rss)) {
		return 0;
	}
	desk->now.engine_rss_bytes = rss;
	return 1;
}

int desk_look_at_memory(struct desk *desk)
{
	return desk->engine && desk_clock_ms() - desk->memory_ms >= FIGURES_MS &&
	       look_at_memory(desk);
}

int desk_look_at_figures(struct desk *desk, int at_once)
{
	int64_t now_ms = desk_clock_ms(), disk = 0, limit = 0;
	int changed;

	if (!desk->engine || (!at_once && now_ms - desk->figures_ms < FIGURES_MS)) {
		return 0;
	}
	desk->figures_ms = now_ms;
	changed = look_at_memory(desk);
	engine_kv_usage(desk->engine, &disk, &limit);
	if (is_noticed(desk->now.kv_disk_bytes, disk) ||
		is_noticed(desk->now.kv_limit_bytes, limit)) {
		desk->now.kv_disk_bytes = disk;
		desk->now.kv_limit_bytes = limit;
		changed = 1;
	}
	return changed;
}

/* ---- what the context costs ---- */

/* Nobody waits for it: any order goes before it. */
static int costs_stopped(void *arg)
{
	struct desk *desk = arg;

	return desk_serve(desk) || desk_has_orders(desk);
}

/* What a question has around it, where desk_preview() asks about it. */
static int count_marks(struct desk *desk, const struct session_watch *watch, struct err *err)
{
	struct prompt prompt = {0};
	int status;

	if (desk_is_over(desk)) {
		desk_preview_alone("", 0, &prompt);
	} else {
		session_prompt(desk->at.session, "", 0, engine_info(desk->engine), &prompt);
	}
	status = session_count_prompt(desk->engine, &prompt, watch, &desk->costs.marks_tok, err);
	prompt_finish(&prompt);
	return status;
}

/* Of more than the window the sources stand in no one prompt. */
static int look_in_prompt(struct desk *desk, const struct session_watch *watch, struct err *err)
{
	struct desk_costs *costs = &desk->costs;

	if (count_marks(desk, watch, err) < 0) {
		return -1;
	}
	return desk_is_over(desk) || !engine_is_ready(desk->engine)
		       ? 0
		       : session_find_sources(desk->at.session, desk->engine, watch, &costs->where,
				 &costs->n_where, err);
}

void desk_forget_costs(struct desk *desk)
{
	free(desk->costs.where);
	desk->costs = (struct desk_costs){.marks_tok = -1};
	desk->now.prompt_tok = desk->now.cached_tok = desk->now.disk_tok = -1;
	desk->wants_costs = 1;
}

static void look_at_costs(struct desk *desk, int64_t order, const struct session_watch *watch)
{
	struct desk_costs *costs = &desk->costs;
	struct err err;

	if (!desk->engine || !desk->at.session || !engine_is_ready(desk->engine)) {
		return; /* becoming ready asks again */
	}
	desk_begin(desk, order, DESK_COUNTING);
	desk_forget_costs(desk);
	if (session_count(desk->at.session, desk->engine, watch, NULL, &err) == 0 &&
		engine_is_ready(desk->engine) &&
		session_cost(desk->at.session, desk->engine, watch, &costs->all, &err) == 0) {
		costs->is_known = 1;
		desk->now.prompt_tok = costs->all.total_tok;
		desk->now.cached_tok = costs->all.cached_tok;
		desk->now.disk_tok = costs->all.disk_tok;
		desk->wants_costs =
			look_in_prompt(desk, watch, &err) < 0 && err.code == ERR_INTERRUPTED;
	} else {
		desk->wants_costs = err.code == ERR_INTERRUPTED;
	}
	desk_begin(desk, 0, DESK_NOTHING);
	desk_state_sources(desk);
	desk_look_at_figures(desk, 1);
	desk_publish(desk);
	desk_check_engine(desk, &err);
}

void desk_look_at_costs(struct desk *desk)
{
	struct session_watch watch = desk_session_watch(desk);

	watch.stopped = costs_stopped;
	look_at_costs(desk, 0, &watch);
}

void desk_count_before(struct desk *desk, int64_t order)
{
	const struct session_watch watch = desk_session_watch(desk);

	if (desk->now.prompt_tok < 0) {
		look_at_costs(desk, order, &watch);
	}
}
