/* A question of more than the window holds: what is read for it, and the last pass. */
#include "session/read_internal.h"

#include "base/mem.h"
#include "base/number.h"
#include "session/places.h"
#include "session/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SELECT_MIN_TOK = 1024,
	SELECT_MAX_TOK = 16384,
	WINDOW_MIN_TOK = 256,
	SLACK_TOK = 256, /* tags of what is read, and what is short in a window's answer */
};

double read_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

void read_tell(const struct reading *reading, const struct session_progress *progress)
{
	if (reading->watch && reading->watch->reading) {
		reading->watch->reading(reading->watch->arg, progress);
	}
}

void read_tell_stopped(const struct reading *reading)
{
	read_tell(reading, &(struct session_progress){.step = SESSION_STOPPED,
				   .done = reading->coverage.n_read,
				   .total = reading->coverage.n_window,
				   .eta_s = -1});
}

void read_add_usage(struct engine_usage *sum, const struct engine_usage *usage)
{
	sum->prompt_tok += usage->prompt_tok;
	sum->cached_tok += usage->cached_tok;
	sum->prefill_tok += usage->prefill_tok;
	sum->generated_tok += usage->generated_tok;
	sum->disk_tok += usage->disk_tok;
	sum->restore_ms += usage->restore_ms;
	sum->thinking_tok += usage->thinking_tok;
	sum->prefill_ms += usage->prefill_ms;
	sum->first_token_ms += usage->first_token_ms;
	sum->decode_ms += usage->decode_ms;
}

/* ---- how much of what ---- */

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t session_select_tok(const struct engine_info *info, int64_t asked_tok)
{
	int64_t train_tok = info->context_train_tok ? info->context_train_tok : info->context_tok;

	if (asked_tok > 0) {
		return asked_tok;
	}
	return max_of(SELECT_MIN_TOK, min_of(train_tok / 4, SELECT_MAX_TOK));
}

/*
 * Of the context: what the instructions, the question and an answer leave. However long those are, half
 * of what they leave is read: read_open() saw to it that they leave some.
 */
int64_t read_room_tok(const struct reading *reading)
{
	int64_t context_tok = engine_info(reading->engine)->context_tok;
	int64_t left_tok = context_tok - reading->base_tok;

	return left_tok - min_of(reading->max_tok, min_of(context_tok / 4, left_tok / 2));
}

/* At least a passage, however little was asked for: an answer from nothing would say nothing. */
int64_t read_excerpts_tok(const struct reading *reading)
{
	int64_t select_tok =
		session_select_tok(engine_info(reading->engine), reading->how->select_tok);

	return min_of(read_room_tok(reading), max_of(select_tok, CUT_CHUNK_TOK));
}

int64_t read_packed_tok(const struct reading *reading)
{
	return min_of(read_room_tok(reading), read_excerpts_tok(reading) + SLACK_TOK);
}

int64_t read_turns_tok(const struct reading *reading)
{
	return max_of(0, read_room_tok(reading) - read_excerpts_tok(reading) - SLACK_TOK);
}

/* They are computed anew in every window: no more of them than costs a quarter of what it does. */
int64_t read_window_turns_tok(const struct reading *reading)
{
	int64_t window_tok = reading->library->window_tok;
	int64_t left_tok = engine_info(reading->engine)->context_tok - reading->base_tok -
			   window_tok - SLACK_TOK;

	return max_of(0, min_of(window_tok / 4, left_tok));
}

static int too_long(const struct reading *reading, struct err *err)
{
	int64_t reserved_tok = WINDOW_MIN_TOK + SLACK_TOK;
	char all[NUMBER_SIZE], more[NUMBER_SIZE], holds[NUMBER_SIZE], hint[64];

	/* A passage with its tags, and as much for an answer: less would do for some of them. */
	snprintf(hint, sizeof(hint), "-c %lld is enough; or a shorter question",
		(long long)(reading->base_tok + 2 * (CUT_CHUNK_TOK + SLACK_TOK)));
	return err_set(err, ERR_CONTEXT, NULL, hint,
		"the question and its instructions are %s tokens, and %s are reserved for what is "
		"read and an answer, which is more than the context window of %s",
		number_grouped(all, reading->base_tok), number_grouped(more, reserved_tok),
		number_grouped(holds, engine_info(reading->engine)->context_tok));
}

static int count_base(struct reading *reading, struct err *err)
{
	struct library_prompt what = {
		.question = reading->question, .question_len = reading->question_len};
	struct prompt prompt = {0};
	int status;

	status = library_prompt(reading->session, reading->engine, &what, &prompt, NULL, err);
	if (status == 0) {
		status = session_count_prompt(
			reading->engine, &prompt, reading->watch, &reading->base_tok, err);
	}
	prompt_finish(&prompt);
	return status;
}

int read_open(struct reading *reading, struct err *err)
{
	const struct engine_info *info = engine_info(reading->engine);
	int64_t window_tok = reading->how->window_tok, most_tok;

	if (count_base(reading, err) < 0) {
		return -1;
	}
	most_tok = info->context_tok - reading->base_tok - SLACK_TOK;
	if (most_tok < WINDOW_MIN_TOK) {
		return too_long(reading, err);
	}
	window_tok = window_tok > 0 ? window_tok : cut_window_tok(info->context_train_tok);
	while (window_tok > most_tok) {
		window_tok /= 2;
	}
	window_tok = max_of(window_tok, WINDOW_MIN_TOK);
	return session_library(reading->session, reading->engine, window_tok, reading->watch,
		&reading->library, err);
}

/* How many turns of the conversation a prompt has. */
static int64_t count_turns(const struct reading *reading, int64_t turns_tok)
{
	struct library_prompt what = {.turns_tok = turns_tok};
	struct prompt prompt = {0};
	size_t n_turn = 0;

	library_prompt(reading->session, reading->engine, &what, &prompt, &n_turn, NULL);
	prompt_finish(&prompt);
	return (int64_t)n_turn;
}

/* ---- coverage ---- */

static int is_before(size_t part, size_t at, size_t other_part, size_t other_at)
{
	return part < other_part || (part == other_part && at < other_at);
}

static int overlaps(const struct slice *a, const struct slice *b)
{
	return is_before(a->first, a->at, b->last, b->end) &&
	       is_before(b->first, b->at, a->last, a->end);
}

static int is_read(const struct library_source *source, const struct slice *slice,
	const struct excerpt *excerpt, size_t n_excerpt)
{
	for (size_t i = 0; i < n_excerpt; i++) {
		if (excerpt[i].source == source && overlaps(slice, &excerpt[i].slice)) {
			return 1;
		}
	}
	return 0;
}

/*
 * What an answer from excerpts alone rests on. A window has fewer tokens than its chunks, which all
 * repeat what they stand under: it is read by as much of it as its chunks are of all of them.
 */
static void cover_excerpts(struct reading *reading, const struct excerpt *excerpt, size_t n_excerpt)
{
	const struct library *library = reading->library;
	struct session_coverage *coverage = &reading->coverage;

	coverage->n_read = coverage->n_chunk_read = coverage->read_tok = 0;
	for (size_t i = 0; i < library->n_window; i++) {
		const struct window *window;
		const struct library_source *source = library_window(library, i, &window);
		int64_t all_tok = 0, read_tok = 0, n_read = 0;

		for (size_t k = 0; k < window->n_chunk; k++) {
			const struct chunk *chunk = &source->cut.chunk[window->chunk + k];

			all_tok += chunk->tokens;
			if (is_read(source, &chunk->slice, excerpt, n_excerpt)) {
				read_tok += chunk->tokens;
				n_read++;
			}
		}
		coverage->n_chunk_read += n_read;
		coverage->n_read += n_read > 0;
		coverage->read_tok += all_tok ? window->tokens * read_tok / all_tok : 0;
	}
}

static void begin_coverage(struct reading *reading, enum session_over over)
{
	int64_t turns_tok = read_turns_tok(reading);
	size_t n_turn;

	free(session_current(reading->session, &n_turn));
	if (over == SESSION_OVER_SWEEP) {
		turns_tok = min_of(turns_tok, read_window_turns_tok(reading));
	}
	reading->coverage = (struct session_coverage){
		.over = over,
		.n_window = (int64_t)reading->library->n_window,
		.n_chunk = (int64_t)reading->library->n_chunk,
		.total_tok = reading->library->tokens,
		.n_turn = (int64_t)n_turn,
		.n_turn_read = count_turns(reading, turns_tok),
	};
}

/* ---- the last pass ---- */

/* An answer from excerpts, with its citations and places; what it was asked lasts as long. */
static int answer_from(struct reading *reading, const struct library_prompt *what,
	const struct session_watch *watch, struct session_reply *reply,
	struct session_answer *answer, struct err *err)
{
	struct session *session = reading->session;
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = reading->sampling,
		.max_tok = reading->max_tok,
		.free_quotes = session->free_quotes,
		.owner = session_owner(session),
	};
	int status = library_prompt(session, reading->engine, what, &prompt, NULL, err);

	if (status == 0) {
		status = session_request(reading->engine, &request, NULL, watch, reply, err);
	}
	prompt_finish(&prompt);
	if (status == 0) {
		answer->citation = library_cite(
			what, buf_str(&reply->text), reply->text.len, &answer->n_citation);
		answer->place = places_make(what->excerpt, what->n_excerpt, &answer->n_place);
	}
	return status;
}

static struct library_prompt prompt_about(
	const struct reading *reading, const struct excerpt *excerpt, size_t n_excerpt)
{
	return (struct library_prompt){
		.excerpt = excerpt,
		.n_excerpt = n_excerpt,
		.turns_tok = read_turns_tok(reading),
		.question = reading->question,
		.question_len = reading->question_len,
	};
}

static int keep(struct reading *reading, struct session_reply *reply, struct session_answer *answer,
	struct err *err)
{
	answer->coverage = reading->coverage;
	answer->reading = reading->usage;
	return session_keep_answer(reading->session, engine_info(reading->engine),
		reading->question, reading->question_len, reply, answer, err);
}

/* The sentence as a model would have said it, so that what is asked next has it. */
static int tokenize_refusal(struct reading *reading, struct buf *ids, struct err *err)
{
	static const enum prompt_mark mark[] = {
		PROMPT_BEGIN, PROMPT_USER_OPEN, PROMPT_USER_CLOSE, PROMPT_MODEL_OPEN_NO_THINK};
	struct session_watch watch = reading->watch ? *reading->watch : (struct session_watch){0};
	struct prompt prompt = {0};
	struct engine_event event;
	int64_t before_tok, request;
	int status;

	watch.stopped = NULL; /* it takes no time, and an answer is due */
	for (size_t i = 0; i < ARRAY_LEN(mark); i++) {
		prompt_add(&prompt, segment_mark(mark[i]));
	}
	status = session_count_prompt(reading->engine, &prompt, &watch, &before_tok, err);
	prompt_add(&prompt, segment_text(REFUSAL_TEXT, strlen(REFUSAL_TEXT)));
	if (status == 0) {
		request = engine_tokenize(reading->engine, &prompt, 0, err);
		status = request < 0 ? -1
				     : session_await(reading->engine, request, &watch, &event, err);
	}
	if (status == 0 && event.n_ids > (size_t)before_tok) {
		buf_add(ids, event.ids + before_tok,
			(event.n_ids - (size_t)before_tok) * sizeof(*event.ids));
	}
	prompt_finish(&prompt);
	return status;
}

/*
 * No window had anything to say, so no model is asked again: the answer is carrel's. Where not all of
 * them were read there is none.
 */
static int answer_nothing(struct reading *reading, struct session_answer *answer, struct err *err)
{
	struct session_reply reply = {.stop = ENGINE_STOP_CANCELLED, .is_ours = 1};
	int status = 0;

	answer->reading_ms = read_now_ms() - reading->begun_ms;
	if (!reading->coverage.is_stopped) {
		reply.stop = ENGINE_STOP_END;
		buf_addstr(&reply.text, REFUSAL_TEXT);
		status = tokenize_refusal(reading, &reply.ids, err);
	}
	if (status == 0 && reply.text.len && reading->watch && reading->watch->text) {
		reading->watch->text(reading->watch->arg, reply.text.data, reply.text.len);
	}
	if (status == 0) {
		status = keep(reading, &reply, answer, err);
	}
	session_reply_finish(&reply);
	return status;
}

/* From these, whatever comes of it. */
static int answer_excerpts(struct reading *reading, const struct excerpt *excerpt, size_t n_excerpt,
	struct session_answer *answer, struct err *err)
{
	struct library_prompt what = prompt_about(reading, excerpt, n_excerpt);
	struct session_reply reply = {.stop = ENGINE_STOP_END};
	int status;

	answer->reading_ms = read_now_ms() - reading->begun_ms;
	read_tell(reading, &(struct session_progress){.step = SESSION_ANSWERING, .eta_s = -1});
	status = answer_from(reading, &what, reading->watch, &reply, answer, err);
	if (status == 0) {
		status = keep(reading, &reply, answer, err);
	}
	session_reply_finish(&reply);
	return status;
}

/* That the sources do not say would not be true. */
static int none_fits(const struct reading *reading, size_t n_find, struct err *err)
{
	char count[NUMBER_SIZE], room[NUMBER_SIZE];

	return err_set(err, ERR_CONTEXT, NULL, "ask a shorter question, or give a larger --context",
		"%s quotes were found, but their lines are longer than the %s tokens that the last "
		"pass can read",
		number_grouped(count, (int64_t)n_find),
		number_grouped(room, read_excerpts_tok(reading)));
}

/* ---- the courses ---- */

static int sweep(struct reading *reading, struct session_answer *answer, struct err *err)
{
	struct finds finds = {0};
	struct excerpt *excerpt = NULL;
	size_t n_excerpt = 0;
	int status;

	begin_coverage(reading, SESSION_OVER_SWEEP);
	status = read_sweep(reading, &finds, err);
	if (status == 0 && finds.count) {
		finds_rank(&finds, reading);
		status = finds_choose(&finds, reading, &excerpt, &n_excerpt, err);
		if (status == 0 && !n_excerpt) {
			status = none_fits(reading, finds.count, err);
		}
	}
	reading->coverage.n_find = (int64_t)finds_count_windows(&finds, 0);
	reading->coverage.n_find_used = (int64_t)finds_count_windows(&finds, 1);
	finds_finish(&finds);
	if (status == 0) {
		status = n_excerpt ? answer_excerpts(reading, excerpt, n_excerpt, answer, err)
				   : answer_nothing(reading, answer, err);
	}
	free(excerpt);
	return status;
}

/* What select will read. */
static int choose(
	struct reading *reading, struct excerpt **excerpt, size_t *n_excerpt, struct err *err)
{
	begin_coverage(reading, SESSION_OVER_SELECT);
	if (read_select(reading, excerpt, n_excerpt, err) < 0) {
		return -1;
	}
	cover_excerpts(reading, *excerpt, *n_excerpt);
	read_tell(reading, &(struct session_progress){.step = SESSION_SELECTED,
				   .done = reading->coverage.n_chunk_read,
				   .total = reading->coverage.n_chunk,
				   .eta_s = -1});
	return 0;
}

/* Nobody who read nothing can say that the sources do not say. */
static int nothing_selected(struct err *err)
{
	return err_set(err, ERR_USAGE, NULL, "ask in other words, or sweep, which reads all of it",
		"no passage has a word of the question: nothing was read");
}

static int select_passages(struct reading *reading, struct session_answer *answer, struct err *err)
{
	struct excerpt *excerpt = NULL;
	size_t n_excerpt = 0;
	int status = choose(reading, &excerpt, &n_excerpt, err);

	if (status == 0) {
		status = n_excerpt ? answer_excerpts(reading, excerpt, n_excerpt, answer, err)
				   : nothing_selected(err);
	}
	free(excerpt);
	return status;
}

/* ---- auto ---- */

/* An answer that is held back until one of its quotes was found: a refusal never is shown. */
struct gate {
	const struct session_watch *watch;
	const struct library_prompt *what;
	struct buf held;
	int is_open;
};

static int has_found(const struct citation *citation, size_t count)
{
	size_t i = 0;

	while (i < count && citation[i].verdict == VERDICT_NOT_FOUND) {
		i++;
	}
	return i < count;
}

static void open_gate(struct gate *gate)
{
	if (!gate->is_open && gate->held.len && gate->watch && gate->watch->text) {
		gate->watch->text(gate->watch->arg, gate->held.data, gate->held.len);
	}
	gate->is_open = 1;
}

static void gate_text(void *arg, const char *text, size_t len)
{
	struct gate *gate = arg;
	struct citation *citation;
	size_t count;

	if (gate->is_open) {
		gate->watch->text(gate->watch->arg, text, len);
		return;
	}
	buf_add(&gate->held, text, len);
	if (memchr(text, ']', len)) {
		citation = library_cite(gate->what, gate->held.data, gate->held.len, &count);
		if (has_found(citation, count)) {
			open_gate(gate);
		}
		citations_free(citation, count);
	}
}

static void gate_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	const struct gate *gate = arg;

	if (gate->watch->prefill) {
		gate->watch->prefill(gate->watch->arg, done_tok, total_tok, cached_tok);
	}
}

static int gate_stopped(void *arg)
{
	const struct gate *gate = arg;

	return session_is_stopped(gate->watch);
}

static void gate_thinking(void *arg, const char *text, size_t len, int64_t n_tok)
{
	const struct gate *gate = arg;

	if (gate->watch->thinking) {
		gate->watch->thinking(gate->watch->arg, text, len, n_tok);
	}
}

static void gate_heard(void *arg, struct engine *engine, const struct engine_event *event)
{
	const struct gate *gate = arg;

	if (gate->watch->heard) {
		gate->watch->heard(gate->watch->arg, engine, event);
	}
}

static struct session_watch watch_through(struct gate *gate)
{
	struct session_watch watch = {.arg = gate};

	if (gate->watch) {
		watch.prefill = gate_prefill;
		watch.text = gate->watch->text ? gate_text : NULL;
		watch.stopped = gate_stopped;
		watch.thinking = gate_thinking;
		watch.heard = gate_heard;
	}
	return watch;
}

/* An answer from the passages, kept where it says something or was stopped; else *is_kept is 0. */
static int try_passages(struct reading *reading, const struct library_prompt *what,
	struct session_answer *answer, int *is_kept, struct err *err)
{
	struct session_reply reply = {.stop = ENGINE_STOP_END};
	struct gate gate = {.watch = reading->watch, .what = what};
	struct session_watch watch = watch_through(&gate);
	int status;

	answer->reading_ms = read_now_ms() - reading->begun_ms;
	read_tell(reading, &(struct session_progress){.step = SESSION_ANSWERING, .eta_s = -1});
	status = answer_from(reading, what, &watch, &reply, answer, err);
	*is_kept =
		status == 0 && (reply.stop == ENGINE_STOP_CANCELLED ||
				       ((reading->session->no_cite ||
						has_found(answer->citation, answer->n_citation)) &&
					       !refusal_is(buf_str(&reply.text), reply.text.len)));
	if (*is_kept) {
		open_gate(&gate);
		status = keep(reading, &reply, answer, err);
	} else {
		read_add_usage(&reading->usage, &reply.usage);
		session_answer_finish(answer);
	}
	buf_finish(&gate.held);
	session_reply_finish(&reply);
	return status;
}

static int select_or_sweep(struct reading *reading, struct session_answer *answer, struct err *err)
{
	struct excerpt *excerpt = NULL;
	size_t n_excerpt = 0;
	int is_kept = 0, status = choose(reading, &excerpt, &n_excerpt, err);

	if (status == 0 && n_excerpt) {
		struct library_prompt what = prompt_about(reading, excerpt, n_excerpt);

		status = try_passages(reading, &what, answer, &is_kept, err);
	}
	free(excerpt);
	return status < 0 || is_kept ? status : sweep(reading, answer, err);
}

/* ---- what is asked ---- */

int read_fits(const struct reading *reading, struct err *err)
{
	struct session *session = reading->session;
	const struct engine_info *info = engine_info(reading->engine);
	struct prompt prompt = {0};
	int64_t sources_tok = 0, total_tok;
	int status;

	/* What its sources alone exceed need not be sent to be counted. */
	if (session_count(session, reading->engine, reading->watch, NULL, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < session->n_block; i++) {
		const struct block *block = session->block[i];

		sources_tok += block->is_in_context ? block->stored.tokens : 0;
	}
	if (sources_tok >= info->context_tok) {
		return 0;
	}
	session_prompt(session, reading->question, reading->question_len, info, &prompt);
	status = session_count_prompt(reading->engine, &prompt, reading->watch, &total_tok, err);
	prompt_finish(&prompt);
	return status < 0 ? -1 : total_tok < info->context_tok;
}

static int read_over(struct reading *reading, struct session_answer *answer, struct err *err)
{
	if (read_open(reading, err) < 0) {
		return -1;
	}
	switch (reading->how->over) {
	case SESSION_OVER_SWEEP:
		return sweep(reading, answer, err);
	case SESSION_OVER_SELECT:
		return select_passages(reading, answer, err);
	default:
		return select_or_sweep(reading, answer, err);
	}
}

int session_ask_over(struct session *session, struct engine *engine,
	const struct session_reading *how, const char *question, size_t question_len,
	const struct engine_sampling *sampling, int64_t max_tok, const struct session_watch *watch,
	struct session_answer *answer, struct err *err)
{
	struct reading reading = {
		.session = session,
		.engine = engine,
		.how = how,
		.question = question,
		.question_len = question_len,
		.sampling = sampling ? *sampling : engine_sampling_default,
		.max_tok = max_tok,
		.watch = watch,
		.begun_ms = read_now_ms(),
	};
	int status = 1;

	*answer = (struct session_answer){0};
	if (session_keep_question(session, question, question_len, err) < 0 ||
		engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	if (how->over != SESSION_OVER_FAIL) {
		status = read_fits(&reading, err);
	}
	if (status > 0) {
		return session_ask(session, engine, question, question_len, sampling, max_tok,
			watch, answer, err);
	}
	status = status < 0 ? -1 : read_over(&reading, answer, err);
	if (status < 0) {
		session_answer_finish(answer);
	}
	return status;
}

static int prompt_over(struct reading *reading, struct prompt *out, struct err *err)
{
	struct excerpt *excerpt = NULL;
	size_t n_excerpt = 0;
	int status;

	if (reading->how->over == SESSION_OVER_SWEEP) {
		return err_set(err, ERR_USAGE, NULL, "--over select shows what a selection reads",
			"a sweep asks its windows one by one: there is no one text to show");
	}
	if (read_open(reading, err) < 0 || choose(reading, &excerpt, &n_excerpt, err) < 0) {
		return -1;
	}
	if (n_excerpt) {
		struct library_prompt what = prompt_about(reading, excerpt, n_excerpt);

		status = library_prompt(reading->session, reading->engine, &what, out, NULL, err);
	} else {
		status = nothing_selected(err);
	}
	free(excerpt);
	return status;
}

int session_prompt_over(struct session *session, struct engine *engine,
	const struct session_reading *how, const char *question, size_t question_len,
	int64_t max_tok, const struct session_watch *watch, struct prompt *out, struct err *err)
{
	struct reading reading = {
		.session = session,
		.engine = engine,
		.how = how,
		.question = question,
		.question_len = question_len,
		.max_tok = max_tok,
		.watch = watch,
	};
	int fits = 1;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	if (how->over != SESSION_OVER_FAIL) {
		fits = read_fits(&reading, err);
	}
	if (fits > 0) {
		session_prompt(session, question, question_len, engine_info(engine), out);
	}
	return fits < 0 ? -1 : fits ? 0 : prompt_over(&reading, out, err);
}
