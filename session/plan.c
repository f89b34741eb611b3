/* What reading more than the window would cost now. */
#include "session/plan.h"
#include "session/library_count.h"
#include "session/read_internal.h"
#include "session/retrieve_index.h"
#include "session/vectors.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum {
	CURVE_POINTS = 12,
	ANSWER_TOK = 32, /* of a window: a quote, or that the sources do not say */
	SAMPLE_BYTES = 256 << 10,
};

/* Seconds to compute a prompt of which nothing is cached, by its tokens: straight between points. */
struct curve {
	const struct engine_info *info;
	int64_t step_tok;
	double seconds[CURVE_POINTS + 1]; /* of 0, step, 2 * step ... */
	double batch_s;                   /* of as many tokens as windows are asked at one time */
	int is_known;
};

/* What a window's prompt takes. */
struct window_cost {
	int64_t total_tok, cached_tok, disk_tok;
	double predicted_s;
};

struct planning {
	struct reading reading;
	struct session_plan *plan;
	struct window_cost *window; /* [n_window] */
	int64_t front_tok;          /* of what stands before the excerpts, about */
	int64_t behind_tok; /* of a window's prompt: what stands behind the window, which is its own */
	struct curve curve;
};

/* ---- what the engine is asked ---- */

static void make_window(void *arg, size_t i, struct prompt *out)
{
	const struct planning *planning = arg;
	const struct reading *reading = &planning->reading;
	const struct window *window;
	struct excerpt excerpt = {.source = library_window(reading->library, i, &window)};
	struct library_prompt what = {
		.excerpt = &excerpt,
		.n_excerpt = 1,
		.alone = 1,
		.is_brief = 1,
		.turns_tok = read_window_turns_tok(reading),
		.question = reading->question,
		.question_len = reading->question_len,
	};

	excerpt.slice = window->slice;
	library_prompt(reading->session, reading->engine, &what, out, NULL, NULL);
}

static void take_window(void *arg, size_t i, const struct engine_event *event)
{
	struct planning *planning = arg;

	planning->window[i] = (struct window_cost){
		event->total_tok, event->cached_tok, event->disk_tok, event->predicted_s};
}

/* The first window's prompt up to what it has of its own; without windows, the instructions. */
static void make_front(void *arg, size_t i, struct prompt *out)
{
	const struct planning *planning = arg;
	struct library_prompt what = {.question = ""};
	struct prompt whole = {0};
	size_t n;

	if (i) {
		make_window(arg, 0, &whole);
	} else {
		library_prompt(planning->reading.session, planning->reading.engine, &what, &whole,
			NULL, NULL);
	}
	n = library_prompt_front(&whole);
	for (size_t k = 0; k < n; k++) {
		prompt_add(out, segment_ref(whole.item[k]));
	}
	prompt_finish(&whole);
}

static void take_front(void *arg, size_t i, const struct engine_event *event)
{
	struct planning *planning = arg;

	if (i) {
		planning->behind_tok = planning->window[0].total_tok - event->total_tok;
	} else {
		planning->front_tok = event->total_tok;
	}
}

/* Ids in no order that anybody would have asked about: nothing of them is cached. */
static void make_point(void *arg, size_t i, struct prompt *out)
{
	const struct curve *curve = arg;
	size_t n = i < CURVE_POINTS ? (i + 1) * (size_t)curve->step_tok : ENGINE_UNDER_WAY_BEST;
	uint32_t *ids = mem_alloc(n * sizeof(*ids)), word[4];

	for (size_t k = 0; k < n; k++) {
		rng_philox(n, k, word);
		ids[k] = word[0] % (uint32_t)curve->info->n_vocab;
	}
	prompt_add(out, segment_ids(ids, n));
	free(ids);
}

static void take_point(void *arg, size_t i, const struct engine_event *event)
{
	struct curve *curve = arg;

	if (i < CURVE_POINTS) {
		curve->seconds[i + 1] = event->predicted_s;
	} else {
		curve->batch_s = event->predicted_s;
	}
	curve->is_known &= event->predicted_s >= 0;
}

static int ask_curve(struct planning *planning, int64_t most_tok, struct err *err)
{
	struct engine *engine = planning->reading.engine;
	struct library_asking asking = {
		LIBRARY_CACHED, CURVE_POINTS + 1, make_point, take_point, &planning->curve};

	planning->curve = (struct curve){.info = engine_info(engine),
		.step_tok = (most_tok + CURVE_POINTS - 1) / CURVE_POINTS,
		.is_known = 1};
	return library_ask(engine, &asking, planning->reading.watch, err);
}

static double seconds_of(const struct curve *curve, int64_t n_tok)
{
	int64_t i = n_tok / curve->step_tok;
	double part;

	if (i >= CURVE_POINTS) {
		return curve->seconds[CURVE_POINTS] * (double)n_tok /
		       (double)(CURVE_POINTS * curve->step_tok);
	}
	part = (double)(n_tok - i * curve->step_tok) / (double)curve->step_tok;
	return curve->seconds[i] + part * (curve->seconds[i + 1] - curve->seconds[i]);
}

/* ---- sums ---- */

/* To read it from where it is kept: what the engine expects beyond computing the rest. */
static double restore_s(const struct curve *curve, const struct window_cost *window)
{
	double compute_s =
		seconds_of(curve, window->total_tok) - seconds_of(curve, window->cached_tok);
	double seconds = window->disk_tok ? window->predicted_s - compute_s : 0;

	return seconds > 0 ? seconds : 0;
}

/*
 * An answer behind so many tokens, one of as many as are asked at a time: a token of each is a batch,
 * and looks back as far as one that is read there.
 */
static double answer_s(const struct curve *curve, int64_t behind_tok)
{
	double here_s = seconds_of(curve, behind_tok + ANSWER_TOK) - seconds_of(curve, behind_tok);
	double first_s = seconds_of(curve, ANSWER_TOK);

	return ANSWER_TOK * curve->batch_s / ENGINE_UNDER_WAY_BEST +
	       (here_s > first_s ? here_s - first_s : 0);
}

/* Windows are asked many at a time, in full batches: each takes its share of a long prompt. */
static void sum_seconds(struct planning *planning)
{
	const struct curve *curve = &planning->curve;
	struct session_plan *plan = planning->plan;
	size_t first_unstored = read_first_unstored(&planning->reading);
	double disk_s = 0;

	plan->sweep_s = plan->sweep_cold_s = plan->sweep_warm_s = plan->select_s = -1;
	if (!curve->is_known) {
		return;
	}
	plan->sweep_s = plan->sweep_cold_s = plan->sweep_warm_s = 0;
	for (int64_t i = 0; i < plan->n_window; i++) {
		disk_s += restore_s(curve, &planning->window[i]);
	}
	/* By what is on disk now; where nothing is, reading it is not known, and small. */
	disk_s /= plan->sweep_disk_tok ? (double)plan->sweep_disk_tok : 1;
	for (int64_t i = 0; i < plan->n_window; i++) {
		const struct window_cost *window = &planning->window[i];
		int64_t kept_tok = window->total_tok - planning->behind_tok;
		double cold_s =
			seconds_of(curve, window->total_tok) + answer_s(curve, window->total_tok);

		plan->sweep_cold_s += cold_s;
		plan->sweep_s += cold_s - seconds_of(curve, window->cached_tok) +
				 disk_s * (double)window->disk_tok;
		plan->sweep_warm_s +=
			(size_t)i < first_unstored
				? cold_s - seconds_of(curve, kept_tok) + disk_s * (double)kept_tok
				: cold_s;
	}
	/* A sweep's last pass reads as much as select does. */
	plan->select_s = seconds_of(curve, planning->reading.base_tok + plan->select_tok);
	plan->sweep_cold_s += plan->select_s;
	plan->sweep_s += plan->select_s;
	plan->sweep_warm_s += plan->select_s;
}

static int ask_windows(struct planning *planning, struct err *err)
{
	struct reading *reading = &planning->reading;
	struct session_plan *plan = planning->plan;
	size_t n = reading->library->n_window;
	struct library_asking windows = {LIBRARY_CACHED, n, make_window, take_window, planning};
	struct library_asking fronts = {
		LIBRARY_TOKENS, n ? 2 : 1, make_front, take_front, planning};
	int64_t most_tok = reading->base_tok + plan->select_tok;

	planning->window = mem_zero(n + 1, sizeof(*planning->window));
	if (library_ask(reading->engine, &windows, reading->watch, err) < 0 ||
		library_ask(reading->engine, &fronts, reading->watch, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		plan->sweep_tok += planning->window[i].total_tok;
		plan->sweep_cached_tok += planning->window[i].cached_tok;
		plan->sweep_disk_tok += planning->window[i].disk_tok;
		if (planning->window[i].total_tok + ANSWER_TOK > most_tok) {
			most_tok = planning->window[i].total_tok + ANSWER_TOK;
		}
	}
	if (ask_curve(planning, most_tok, err) < 0) {
		return -1;
	}
	sum_seconds(planning);
	return 0;
}

/* ---- indices ---- */

/* How fast this machine indexes words: some of the library, in memory. */
static double index_rate(const struct library *library)
{
	const struct library_source *largest = NULL;
	struct library_source source;
	struct library sample = {.source = &source, .n_source = 1};
	struct retrieve *index;
	int64_t bytes = 0;
	double begun_ms;

	for (size_t i = 0; i < library->n_source; i++) {
		if (!largest || library->source[i].cut.n_chunk > largest->cut.n_chunk) {
			largest = &library->source[i];
		}
	}
	if (!largest || !largest->cut.n_chunk) {
		return 0;
	}
	source = *largest;
	source.window = source.chunk = 0;
	for (source.cut.n_chunk = 0;
		bytes < SAMPLE_BYTES && source.cut.n_chunk < largest->cut.n_chunk;) {
		const struct slice *slice = &source.cut.chunk[source.cut.n_chunk++].slice;

		for (size_t p = slice->first; p <= slice->last; p++) {
			bytes += (int64_t)(p == slice->last ? slice->end
							    : source.document->part[p].len) -
				 (int64_t)(p == slice->first ? slice->at : 0);
		}
	}
	sample.n_chunk = source.cut.n_chunk;
	begun_ms = read_now_ms();
	if (retrieve_open(&index, &sample, NULL, NULL, NULL) < 0) {
		return 0;
	}
	retrieve_close(index);
	return (double)bytes / (read_now_ms() - begun_ms) * 1e3;
}

static int plan_indices(struct planning *planning, struct err *err)
{
	struct reading *reading = &planning->reading;
	struct session_plan *plan = planning->plan;
	const char *folder = read_folder(reading->session);
	int64_t missing_bytes = retrieve_index_missing(reading->library, folder);
	double rate = missing_bytes ? index_rate(reading->library) : 0;
	struct vectors *vectors;

	plan->index_s = missing_bytes ? (rate > 0 ? (double)missing_bytes / rate : -1) : 0;
	if (!reading->how->embedder) {
		return 0;
	}
	if (vectors_open(&vectors, reading->library, folder, reading->how->embedder, err) < 0) {
		return -1;
	}
	plan->missing_vectors = (int64_t)vectors_missing(vectors, &plan->vectors_s);
	vectors_close(vectors);
	return 0;
}

/* ---- the plan ---- */

/* Sources, instructions and the conversation. */
static int64_t context_tokens(const struct planning *planning)
{
	const struct session *session = planning->reading.session;
	const struct library *library = planning->reading.library;
	int64_t tokens = planning->front_tok;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct block *block = session->block[i];

		tokens += block->is_in_context ? block->stored.tokens : 0;
	}
	for (size_t i = 0; i < library->n_turn; i++) {
		tokens += library->turn_tok[i];
	}
	return tokens;
}

static int make_plan(struct planning *planning, struct err *err)
{
	struct reading *reading = &planning->reading;
	struct session_plan *plan = planning->plan;
	int64_t select_tok;

	plan->fits = read_fits(reading, err);
	if (plan->fits < 0 || read_open(reading, err) < 0) {
		return -1;
	}
	plan->context_tok = engine_info(reading->engine)->context_tok;
	plan->n_window = (int64_t)reading->library->n_window;
	plan->n_chunk = (int64_t)reading->library->n_chunk;
	plan->window_tok = reading->library->window_tok;
	select_tok = read_excerpts_tok(reading);
	plan->select_tok =
		select_tok < reading->library->tokens ? select_tok : reading->library->tokens;
	if (ask_windows(planning, err) < 0 || plan_indices(planning, err) < 0) {
		return -1;
	}
	plan->total_tok = context_tokens(planning);
	return 0;
}

int session_plan_reading(struct session *session, struct engine *engine,
	const struct session_reading *how, const struct session_watch *watch,
	struct session_plan *plan, struct err *err)
{
	struct planning planning = {
		.reading =
			{
				.session = session,
				.engine = engine,
				.how = how,
				.question = PLAN_QUESTION,
				.question_len = strlen(PLAN_QUESTION),
				.max_tok = PLAN_ANSWER_TOK,
				.watch = watch,
			},
		.plan = plan,
	};
	int status;

	*plan = (struct session_plan){0};
	status = engine_wait_ready(engine, err) < 0 ? -1 : make_plan(&planning, err);
	free(planning.window);
	return status;
}
