#include "cli/reading.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/session_json.h"
#include "cli/start.h"
#include "session/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a find, so that a terminal's line holds it: of its place, and of that with verdict and words. */
enum { PLACE_SHOWN = 28, FIND_SHOWN = 59 };

/* ---- what the options ask for ---- */

void reading_open(struct reading *reading, const struct options *options, enum session_over over)
{
	*reading = (struct reading){
		.how = {.over = over,
			.window_tok = options->window_tok,
			.select_tok = options->select_tok},
		.options = options,
	};
}

int reading_begin(struct reading *reading, struct err *err)
{
	const struct options *options = reading->options;
	struct engine_config config = {
		.backend = options->device,
		.n_thread = (int32_t)options->n_thread,
	};
	char *model;
	int status;

	if (reading->own || strcmp(options->embed, "self") == 0 ||
		strcmp(options->embed, "none") == 0) {
		return 0;
	}
	if (registry_find(options->embed, &model, err) < 0) {
		return -1;
	}
	config.model = model;
	status = engine_open(&reading->own, &config, err);
	free(model);
	return status;
}

static void tell_size(const char *option, int64_t asked_tok, int64_t context_tok)
{
	char asked[NUMBER_SIZE], holds[NUMBER_SIZE];

	if (asked_tok >= context_tok) {
		log_note("%s %s is more than the context window of %s: what that holds is read at "
			 "once",
			option, number_grouped(asked, asked_tok),
			number_grouped(holds, context_tok));
	}
}

/* What was asked for and cannot be. */
static void tell_sizes(struct reading *reading, const struct engine_info *info)
{
	if (!reading->is_size_told) {
		tell_size("--window", reading->how.window_tok, info->context_tok);
		tell_size("--select", reading->how.select_tok, info->context_tok);
	}
	reading->is_size_told = 1;
}

int reading_ready(struct reading *reading, struct engine *engine, struct err *err)
{
	struct engine *embedder;

	if (reading_begin(reading, err) < 0 ||
		(reading->own && start_wait(reading->own, err) < 0)) {
		return -1;
	}
	embedder = strcmp(reading->options->embed, "self") == 0 ? engine : reading->own;
	if (embedder && !engine_info(embedder)->can_embed) {
		return err_set(err, ERR_ENGINE, "--embed",
			"--embed none finds passages by their words alone",
			"%s makes no vectors of texts", engine_info(embedder)->model_name);
	}
	reading->how.embedder = embedder;
	tell_sizes(reading, engine_info(engine));
	return 0;
}

void reading_close(struct reading *reading)
{
	engine_close(reading->own);
	reading->own = NULL;
}

/* ---- while it goes on ---- */

/* What an ETA says; nothing while it is not known. */
static const char *eta_text(char out[NUMBER_SIZE + 8], double eta_s)
{
	char seconds[NUMBER_SIZE];

	out[0] = 0;
	if (eta_s >= 0) {
		snprintf(out, NUMBER_SIZE + 8, "  ETA %s", number_seconds(seconds, eta_s));
	}
	return out;
}

static double percent(const struct session_progress *progress)
{
	return progress->total > 0 ? 100.0 * (double)progress->done / (double)progress->total : 0;
}

static void draw_sweep(const struct reading_view *view, const struct session_progress *progress)
{
	char done[NUMBER_SIZE], total[NUMBER_SIZE], eta[NUMBER_SIZE + 8];

	log_progress("sweep %.0f%% %s of %s windows  %lld find%s%s", percent(progress),
		number_grouped(done, progress->done), number_grouped(total, progress->total),
		(long long)view->n_find, view->n_find == 1 ? "" : "s",
		eta_text(eta, progress->eta_s));
}

/* Words of a source, white space folded, at most `most` characters of them. */
static void add_words(struct buf *out, const char *text, int most)
{
	static const char space[] = " \t\r\n";
	size_t len = strlen(text), at = strspn(text, space);

	buf_addch(out, '"');
	for (int n = 0; at < len && n < most; n++) {
		size_t n_space = strspn(text + at, space), size;
		uint32_t cp;

		if (n_space) {
			buf_addstr(out, at + n_space < len ? " " : "");
			at += n_space;
			continue;
		}
		size = utf8_decode(text + at, len - at, &cp);
		size = size ? size : 1;
		buf_add(out, text + at, size);
		at += size;
	}
	buf_addstr(out, at < len ? " ...\"" : "\"");
}

/* Where it stands; of a long path the end, from a folder on where one begins there. */
static void add_place_end(struct buf *out, const struct citation *find)
{
	struct buf place = BUF_INIT;
	const char *text, *folder;

	start_add_place(&place, find);
	text = buf_str(&place);
	if (place.len > PLACE_SHOWN) {
		text += place.len - PLACE_SHOWN;
		folder = strchr(text, '/');
		text = folder ? folder : text;
		while ((*text & 0xc0) == 0x80) { /* inside of a character */
			text++;
		}
		buf_addstr(out, "...");
	}
	buf_addstr(out, text);
	buf_finish(&place);
}

static void tell_finds(struct reading_view *view, const struct session_progress *progress)
{
	void (*tell)(const char *format, ...) = view->is_terse ? log_info : log_note;

	view->n_find++;
	for (size_t i = 0; i < progress->n_find; i++) {
		const struct citation *find = &progress->find[i];
		struct buf line = BUF_INIT;

		if (find->path) {
			add_place_end(&line, find);
			buf_printf(&line, " %s ", verdict_name(find->verdict));
		}
		add_words(&line, find->text, FIND_SHOWN - (int)line.len);
		tell("found %s", buf_str(&line));
		buf_finish(&line);
	}
}

static void tell_stopped(struct reading_view *view, const struct session_progress *progress)
{
	char done[NUMBER_SIZE], total[NUMBER_SIZE];

	view->was_stopped = 1;
	interrupt_clear();
	log_note("stopped at %s of %s windows: answering from what was read until now",
		number_grouped(done, progress->done), number_grouped(total, progress->total));
}

void reading_show(struct reading_view *view, const struct session_progress *progress)
{
	char done[NUMBER_SIZE], total[NUMBER_SIZE], eta[NUMBER_SIZE + 8];

	view->is_begun = 1;
	switch (progress->step) {
	case SESSION_INDEXING:
		log_progress("indexing the words %.0f%%%s", percent(progress),
			eta_text(eta, progress->eta_s));
		break;
	case SESSION_EMBEDDING:
		log_progress("vectors %.0f%% %s of %s passages%s", percent(progress),
			number_grouped(done, progress->done),
			number_grouped(total, progress->total), eta_text(eta, progress->eta_s));
		break;
	case SESSION_SELECTED:
		log_info("selected %s of %s passages", number_grouped(done, progress->done),
			number_grouped(total, progress->total));
		break;
	case SESSION_SWEEPING:
		if (view->is_answering) { /* only auto answers before it sweeps */
			log_note("the passages that were selected do not say: reading all of it");
			view->is_answering = 0;
		}
		draw_sweep(view, progress);
		break;
	case SESSION_FOUND:
		tell_finds(view, progress);
		break;
	case SESSION_STOPPED:
		tell_stopped(view, progress);
		break;
	case SESSION_ANSWERING:
		view->is_answering = 1;
		log_progress_clear();
		break;
	}
}

int reading_is_under_way(const struct reading_view *view)
{
	return view->is_begun && !view->is_answering;
}

struct indexing {
	struct reading_view view;
	int (*stopped)(void *arg);
	void *arg;
};

static void on_indexing(void *arg, const struct session_progress *progress)
{
	struct indexing *indexing = arg;

	reading_show(&indexing->view, progress);
}

static int is_indexing_stopped(void *arg)
{
	const struct indexing *indexing = arg;

	return indexing->stopped(indexing->arg);
}

int reading_make_index(const struct reading *reading, struct session *session,
	struct engine *engine, int (*stopped)(void *arg), void *arg, const char *resume,
	struct err *err)
{
	struct indexing indexing = {.stopped = stopped, .arg = arg};
	struct session_watch watch = {
		.reading = on_indexing, .stopped = is_indexing_stopped, .arg = &indexing};
	double began_s = output_clock_s();
	char took[NUMBER_SIZE];
	int status = session_make_index(session, engine, &reading->how, &watch, err);

	log_progress_clear();
	if (status < 0 && err->code == ERR_INTERRUPTED) {
		return err_set(
			err, ERR_INTERRUPTED, NULL, resume, "stopped; what was made is kept");
	}
	if (status == 0) {
		log_note("the index is there, after %s",
			number_seconds(took, output_clock_s() - began_s));
	}
	return status;
}

/* ---- afterwards ---- */

static void tell_places(const struct session_answer *answer)
{
	for (size_t i = 0; i < answer->n_place; i++) {
		const struct session_place *place = &answer->place[i];
		struct buf line = BUF_INIT;

		buf_printf(&line, "read %s %s", place->source, place->path);
		if (place->page) {
			buf_printf(&line, " p.%lld", (long long)place->page);
		}
		buf_printf(&line, ":%lld-%lld", (long long)place->line_first,
			(long long)place->line_last);
		if (place->time_ms >= 0) {
			buf_printf(&line, " at %.1f s", (double)place->time_ms / 1000);
		}
		log_info("%s", buf_str(&line));
		buf_finish(&line);
	}
}

/* After a selection: there is more than it read. */
static void add_hint(struct reading *reading, const struct session_coverage *coverage,
	const char *sweep, struct buf *line)
{
	if (coverage->over == SESSION_OVER_SELECT && !reading->is_sweep_told &&
		coverage->n_chunk_read < coverage->n_chunk) {
		buf_printf(line, " (%s reads all of it)", sweep);
		reading->is_sweep_told = 1;
	}
}

void reading_tell(struct reading *reading, const struct session_answer *answer, const char *sweep)
{
	const struct engine_usage *usage = &answer->reading;
	char prompt[NUMBER_SIZE], cached[NUMBER_SIZE], new[NUMBER_SIZE], took[NUMBER_SIZE];
	struct buf line = BUF_INIT;

	if (!session_coverage_is_partial(&answer->coverage)) {
		return;
	}
	tell_places(answer);
	session_coverage_text(&answer->coverage, &line);
	if (usage->prompt_tok) {
		buf_printf(&line, "; %s prompt tokens (%s cached, %s new) in %s",
			number_grouped(prompt, usage->prompt_tok),
			number_grouped(cached, usage->cached_tok),
			number_grouped(new, usage->prefill_tok),
			number_seconds(took, answer->reading_ms / 1000));
	}
	add_hint(reading, &answer->coverage, sweep, &line);
	log_note("%s", buf_str(&line));
	buf_finish(&line);
}

json_t *reading_json_places(const struct session_answer *answer)
{
	json_t *list;

	if (!session_coverage_is_partial(&answer->coverage)) {
		return json_null();
	}
	list = json_array();
	for (size_t i = 0; i < answer->n_place; i++) {
		const struct session_place *place = &answer->place[i];
		json_t *object = json_object();

		json_object_set_new(object, "source", output_json_string(place->source));
		json_object_set_new(object, "path", output_json_string(place->path));
		json_object_set_new(
			object, "page", place->page ? json_integer(place->page) : json_null());
		json_object_set_new(object, "line_first", json_integer(place->line_first));
		json_object_set_new(object, "line_last", json_integer(place->line_last));
		json_object_set_new(object, "time",
			place->time_ms >= 0 ? output_json_number((double)place->time_ms / 1000)
					    : json_null());
		json_array_append_new(list, object);
	}
	return list;
}

/* What the sources are together; -1 where they are not all counted. */
static int64_t count_sources(const struct session *session)
{
	int64_t total_tok = 0;

	for (size_t i = 0; i < session_source_count(session); i++) {
		struct session_source source = session_source_at(session, i);

		if (source.tokens < 0) {
			return -1;
		}
		total_tok += source.tokens;
	}
	return total_tok;
}

static void set_count(json_t *object, const char *name, int64_t count)
{
	json_object_set_new(object, name, count < 0 ? json_null() : json_integer(count));
}

json_t *reading_json_coverage(
	const struct session_coverage *coverage, const struct session *session)
{
	struct session_coverage all = *coverage;
	json_t *object = json_object();

	if (!session_coverage_is_partial(coverage)) { /* of a stored turn no more is known */
		all.n_window = all.n_read = 1;
		all.n_chunk = all.n_chunk_read = coverage->n_chunk ? coverage->n_chunk : -1;
		all.total_tok = all.read_tok = session ? count_sources(session) : -1;
		coverage = &all;
	}
	json_object_set_new(object, "over", json_string(session_over_name(coverage->over)));
	set_count(object, "windows", coverage->n_window);
	set_count(object, "read", coverage->n_read);
	set_count(object, "chunks", coverage->n_chunk);
	set_count(object, "chunks_read", coverage->n_chunk_read);
	set_count(object, "tokens", coverage->total_tok);
	set_count(object, "tokens_read", coverage->read_tok);
	set_count(object, "finds", coverage->n_find);
	set_count(object, "finds_used", coverage->n_find_used);
	set_count(object, "turns", coverage->n_turn);
	set_count(object, "turns_read", coverage->n_turn_read);
	json_object_set_new(object, "stopped", json_boolean(coverage->is_stopped));
	return object;
}

json_t *reading_json_usage(
	const struct session_coverage *coverage, const struct engine_usage *usage)
{
	return session_coverage_is_partial(coverage) ? session_json_usage(usage) : json_null();
}

/* ---- before ---- */

void reading_tell_plan(const struct session_plan *plan, void (*line)(const char *format, ...))
{
	struct buf text = BUF_INIT;
	char *next;

	plan_text(plan, &text);
	for (char *at = text.data; *at; at = next) {
		char *end = strchr(at, '\n');

		*end = 0;
		next = end + 1;
		line("%s", at);
	}
	buf_finish(&text);
}

static json_t *seconds_json(double seconds)
{
	return seconds < 0 ? json_null() : output_json_number(seconds);
}

json_t *reading_json_plan(const struct session_plan *plan)
{
	json_t *object = json_object(), *sweep = json_object(), *select = json_object();

	json_object_set_new(sweep, "windows", json_integer(plan->n_window));
	json_object_set_new(sweep, "window_tokens", json_integer(plan->window_tok));
	json_object_set_new(sweep, "tokens", json_integer(plan->sweep_tok));
	json_object_set_new(sweep, "cached_tokens", json_integer(plan->sweep_cached_tok));
	json_object_set_new(sweep, "disk_tokens", json_integer(plan->sweep_disk_tok));
	json_object_set_new(sweep, "seconds", seconds_json(plan->sweep_s));
	json_object_set_new(sweep, "cold_seconds", seconds_json(plan->sweep_cold_s));
	json_object_set_new(sweep, "warm_seconds", seconds_json(plan->sweep_warm_s));
	json_object_set_new(select, "chunks", json_integer(plan->n_chunk));
	json_object_set_new(select, "tokens", json_integer(plan->select_tok));
	json_object_set_new(select, "seconds", seconds_json(plan->select_s));
	json_object_set_new(select, "index_seconds", seconds_json(plan->index_s));
	json_object_set_new(select, "missing_vectors", json_integer(plan->missing_vectors));
	json_object_set_new(select, "vectors_seconds", seconds_json(plan->vectors_s));
	json_object_set_new(object, "fits", json_boolean(plan->fits));
	json_object_set_new(object, "context_tokens", json_integer(plan->context_tok));
	json_object_set_new(object, "total_tokens", json_integer(plan->total_tok));
	json_object_set_new(object, "sweep", sweep);
	json_object_set_new(object, "select", select);
	return object;
}
