/*
 * The scheduler: requests end as they should whatever happens around them, and their tokens depend
 * on nothing but model, prompt and seed.
 */
#include "base/buf.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "engine/answer.h"
#include "engine/scheduler.h"
#include "engine/token/tokenizer.h"
#include "tests/unit/engine_fixture.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_REQUESTS = 64, BATCH_TOK = 64, OUT_ROWS = 32, CONTEXT_TOK = 1024 };

/* What came of one request. */
struct outcome {
	struct buf text;
	uint32_t ids[CONTEXT_TOK];
	size_t n_ids;
	enum engine_event_type end; /* DONE or FAILED; LOAD while it runs */
	enum engine_stop stop;
	struct engine_usage usage;
	struct err err;
	int64_t done_tok, n_rows, n_logprobs;
	double logprob_sum, from_logits;
	int order; /* of ending */
};

static struct fixture fixture;
static struct scheduler *scheduler;
static struct outcome outcome[MAX_REQUESTS];
static int n_ended;
static const uint32_t *row_ids; /* the prompt whose LOGITS come */
static int64_t n_row_ids;

static void add_logits(struct outcome *o, const struct engine_event *event)
{
	int64_t n_vocab = fixture.model->n_vocab;

	assert_int_equal(o->n_rows, event->first_row);
	for (int64_t i = 0; i < event->n_rows; i++, o->n_rows++) {
		if (o->n_rows + 1 < n_row_ids) {
			o->from_logits += sampler_logprob(
				event->logits + i * n_vocab, n_vocab, row_ids[o->n_rows + 1]);
		}
	}
}

static void collect(void *arg, const struct engine_event *event)
{
	struct outcome *o = &outcome[event->request];

	assert_int_equal(ENGINE_LOAD, o->end); /* nothing comes after the end */
	switch (event->type) {
	case ENGINE_TEXT:
		assert_true(utf8_valid(event->text, event->text_len));
		buf_add(&o->text, event->text, event->text_len);
		for (size_t i = 0; i < event->n_ids; i++) {
			o->ids[o->n_ids++] = event->ids[i];
		}
		break;
	case ENGINE_PREFILL:
		assert_true(event->done_tok >= o->done_tok && event->done_tok <= event->total_tok);
		o->done_tok = event->done_tok;
		break;
	case ENGINE_LOGITS:
		add_logits(o, event);
		break;
	case ENGINE_PROMPT_LOGPROBS:
		assert_int_equal(o->n_logprobs + 1, event->first_row);
		for (size_t i = 0; i < event->n_ids; i++) {
			o->logprob_sum += (double)event->logprobs[i];
		}
		o->n_logprobs += event->n_rows;
		break;
	case ENGINE_DONE:
	case ENGINE_FAILED:
		o->end = event->type;
		o->stop = event->stop;
		o->usage = event->usage;
		o->err = event->err;
		o->order = n_ended++;
		break;
	default:
		fail();
	}
}

static void forget_outcomes(void)
{
	for (int i = 0; i < MAX_REQUESTS; i++) {
		buf_finish(&outcome[i].text);
		outcome[i] = (struct outcome){.end = ENGINE_LOAD};
	}
	n_ended = 0;
}

/* A fresh scheduler, with a budget of so many pages (0: plenty). */
static void start_with(int64_t context_tok, int64_t budget_pages)
{
	int64_t page_bytes = backend_cpu.kv_layout(fixture.backend)->page_bytes;
	struct scheduler_config config = {.context_tok = context_tok,
		.batch_tok = BATCH_TOK,
		.out_rows = OUT_ROWS,
		.model = fixture.model->digest,
		.kv_budget_bytes = (budget_pages ? budget_pages : 500) * page_bytes};
	struct err err;

	scheduler_destroy(scheduler);
	forget_outcomes();
	fixture_check(scheduler_create(&scheduler, fixture.model, fixture.backend, &config,
			      (struct scheduler_sink){collect, NULL}, &err),
		&err);
}

static void start(void)
{
	start_with(CONTEXT_TOK, 0);
}

static void run_all(void)
{
	while (scheduler_step(scheduler)) {
	}
}

static void fill(uint32_t *ids, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t random[4];

		rng_philox(seed, (uint64_t)i, random);
		ids[i] = random[0] % 700;
	}
}

static struct scheduler_request ask(int64_t id, const uint32_t *ids, size_t n_ids, int64_t max_tok)
{
	return (struct scheduler_request){.id = id,
		.ids = ids,
		.n_ids = n_ids,
		.max_tok = max_tok,
		.ignore_end = 1,
		.sampling = {.temperature = 0.8,
			.top_p = 0.95,
			.top_k = 40,
			.repeat_penalty = 1.1,
			.repeat_last = 64,
			.seed = 5}};
}

static void the_next_turn_starts_where_this_one_ended(void **state)
{
	const uint32_t closing[2] = {777, 778};
	uint32_t ids[600];
	struct scheduler_request request = ask(1, ids, 130, 21);
	size_t n = 130;

	start();
	fill(ids, 600, 1);
	request.closing = closing;
	request.n_closing = 2;
	scheduler_submit(scheduler, &request);
	run_all();
	for (int64_t turn = 1; turn < 6; turn++) {
		const struct outcome *o = &outcome[turn];

		assert_int_equal(ENGINE_DONE, o->end);
		assert_int_equal(ENGINE_STOP_LENGTH, o->stop);
		assert_int_equal(21, o->n_ids);
		assert_int_equal(21, o->usage.generated_tok);
		assert_int_equal(n, o->usage.prompt_tok);
		assert_int_equal(n, o->usage.cached_tok + o->usage.prefill_tok);
		assert_int_equal(turn == 1 ? 130 : 17, o->usage.prefill_tok);
		assert_int_equal(n, o->done_tok);
		memcpy(ids + n, o->ids, 21 * sizeof(*ids));
		memcpy(ids + n + 21, closing, sizeof(closing));
		n += 21 + 2 + 17;
		request.id = turn + 1;
		request.n_ids = n;
		scheduler_submit(scheduler, &request);
		run_all();
	}
}

/* The answers of eight requests with common beginnings, asked one by one without a cache. */
enum { HISTORIES = 8, ANSWER_TOK = 12 };

static uint32_t history_ids[HISTORIES][400];

static struct scheduler_request history(int i)
{
	struct scheduler_request request =
		ask(i, history_ids[i], (size_t)(90 + 33 * i), ANSWER_TOK);

	fill(history_ids[i], 400, 1000);
	fill(history_ids[i] + 60 + 10 * (i % 4), 100, (uint64_t)i);
	request.sampling.seed = (uint64_t)i;
	return request;
}

static void expect_same_tokens(uint32_t want[HISTORIES][ANSWER_TOK])
{
	for (int i = 0; i < HISTORIES; i++) {
		assert_int_equal(ENGINE_DONE, outcome[i].end);
		assert_int_equal(ANSWER_TOK, outcome[i].n_ids);
		assert_memory_equal(want[i], outcome[i].ids, sizeof(want[i]));
	}
}

static void undisturbed(uint32_t want[HISTORIES][ANSWER_TOK])
{
	start();
	for (int i = 0; i < HISTORIES; i++) {
		struct scheduler_request request = history(i);

		request.no_reuse = 1;
		scheduler_submit(scheduler, &request);
		run_all();
		assert_int_equal(ANSWER_TOK, outcome[i].n_ids);
		memcpy(want[i], outcome[i].ids, sizeof(want[i]));
	}
}

static void shuffled_histories_give_the_same_tokens(void **state)
{
	uint32_t want[HISTORIES][ANSWER_TOK];

	undisturbed(want);
	for (uint64_t round = 0; round < 12; round++) {
		int order[HISTORIES];

		/* Some with so few pages that requests wait and the cache forgets. */
		start_with(CONTEXT_TOK, round % 3 ? 0 : 8);
		for (int i = 0; i < HISTORIES; i++) {
			uint32_t random[4];
			int j;

			rng_philox(round, (uint64_t)i, random);
			j = (int)(random[0] % (uint32_t)(i + 1));
			order[i] = order[j];
			order[j] = i;
		}
		for (int i = 0; i < HISTORIES; i++) {
			struct scheduler_request request = history(order[i]);

			/* Some of them in passing, some with an end that is not kept. */
			request.priority = order[i] * (int)round % 3 - 1;
			request.keep_tok =
				(uint64_t)order[i] % 4 == round % 4 ? request.n_ids - 20 : 0;
			scheduler_submit(scheduler, &request);
			for (uint64_t steps = round % 5; steps > 0; steps--) {
				scheduler_step(scheduler);
			}
		}
		run_all();
		expect_same_tokens(want);
	}
}

/* The next turn computes nothing of this one: its answer and closing ids are there too. */
static void expect_kept(const struct scheduler_request *request, const struct outcome *o)
{
	size_t n = request->n_ids;
	uint32_t ids[CONTEXT_TOK];

	memcpy(ids, request->ids, n * sizeof(*ids));
	memcpy(ids + n, o->ids, o->n_ids * sizeof(*ids));
	n += o->n_ids;
	memcpy(ids + n, request->closing, request->n_closing * sizeof(*ids));
	n += request->n_closing;
	ids[n] = 1;
	assert_int_equal(n, scheduler_cached(scheduler, ids, n + 1, 0).cached_tok);
}

static void a_cancel_at_any_moment_ends_only_its_request(void **state)
{
	uint32_t want[HISTORIES][ANSWER_TOK];

	undisturbed(want);
	for (int moment = 0; moment < 30; moment++) {
		struct scheduler_request victim = history(7);
		struct outcome *o = &outcome[20];

		start();
		victim.id = 20;
		victim.closing = history_ids[0];
		victim.n_closing = 3;
		scheduler_submit(scheduler, &victim);
		for (int i = 0; i < HISTORIES; i++) {
			struct scheduler_request request = history(i);

			scheduler_submit(scheduler, &request);
		}
		for (int i = 0; i < moment; i++) {
			scheduler_step(scheduler);
		}
		scheduler_cancel(scheduler, 20);
		scheduler_cancel(scheduler, 999);
		run_all();
		assert_int_equal(ENGINE_DONE, o->end);
		assert_true(o->stop == ENGINE_STOP_CANCELLED || o->n_ids == ANSWER_TOK);
		assert_int_equal(o->n_ids, o->usage.generated_tok);
		assert_memory_equal(want[7], o->ids, o->n_ids * sizeof(*o->ids));
		if (o->n_ids) {
			expect_kept(&victim, o);
		}
		expect_same_tokens(want);
	}
}

static void *interrupt_often(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		atomic_store(scheduler_interrupt(scheduler), 1);
		usleep(3000);
	}
	return NULL;
}

static void interrupted_batches_change_nothing(void **state)
{
	uint32_t want[HISTORIES][ANSWER_TOK];
	atomic_bool stop = 0;
	pthread_t thread;

	undisturbed(want);
	start();
	assert_int_equal(0, pthread_create(&thread, NULL, interrupt_often, &stop));
	for (int i = 0; i < HISTORIES; i++) {
		struct scheduler_request request = history(i);

		scheduler_submit(scheduler, &request);
	}
	for (int i = 0; i < 40; i++) {
		scheduler_step(scheduler);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	run_all();
	expect_same_tokens(want);
}

static void a_higher_priority_goes_first(void **state)
{
	uint32_t ids[900];
	struct scheduler_request low = ask(1, ids, 800, 4), high = ask(2, ids + 50, 100, 4);

	start();
	fill(ids, 900, 2);
	high.priority = 1;
	scheduler_submit(scheduler, &low);
	scheduler_step(scheduler);
	scheduler_step(scheduler);
	scheduler_submit(scheduler, &high);
	run_all();
	assert_int_equal(0, outcome[2].order);
	assert_int_equal(1, outcome[1].order);
}

/* Steps until a request has ended. */
static int steps_to_end(int id)
{
	int n = 0;

	while (outcome[id].end == ENGINE_LOAD) {
		scheduler_step(scheduler);
		n++;
	}
	return n;
}

static void work_in_passing_makes_full_batches(void **state)
{
	uint32_t ids[1000];
	struct scheduler_request answering = ask(1, ids, 40, 200), reading = ask(2, ids, 640, 1);
	int n_step;

	fill(ids, 1000, 4);
	for (int is_passing = 0; is_passing < 2; is_passing++) {
		start();
		answering.no_reuse = reading.no_reuse = 1;
		answering.priority = reading.priority = is_passing ? -1 : 0;
		scheduler_submit(scheduler, &answering);
		scheduler_step(scheduler);
		assert_int_equal(1, outcome[1].n_ids);
		scheduler_submit(scheduler, &reading);
		n_step = steps_to_end(2);
		/* A batch has 64 rows; beside an answer that somebody waits for 16 are others'. */
		assert_int_equal(is_passing ? 11 : 40, n_step);
		run_all();
		assert_int_equal(200, outcome[1].n_ids);
	}
}

/* However much is done in passing, an answer that somebody waits for gets a token with every step. */
static void an_answer_flows_beside_work_in_passing(void **state)
{
	static uint32_t ids[MAX_REQUESTS][300];
	struct scheduler_request watched = ask(0, ids[0], 100, 60);
	size_t n_before = 0;

	start();
	fill(ids[0], 300, 70);
	for (int i = 1; i < 50; i++) {
		struct scheduler_request request = ask(i, ids[i], 200, 40);

		fill(ids[i], 300, 70 + (uint64_t)i);
		request.priority = -1;
		scheduler_submit(scheduler, &request);
	}
	for (int i = 0; i < 20; i++) {
		scheduler_step(scheduler);
	}
	scheduler_submit(scheduler, &watched);
	scheduler_step(scheduler);
	scheduler_step(scheduler);
	scheduler_step(scheduler);
	n_before = outcome[0].n_ids;
	assert_true(n_before > 0); /* there was a place for it, and its prompt went first */
	while (outcome[0].end == ENGINE_LOAD) {
		scheduler_step(scheduler);
		assert_true(outcome[0].n_ids == n_before + 1 || outcome[0].end == ENGINE_DONE);
		n_before = outcome[0].n_ids;
	}
	assert_int_equal(60, outcome[0].n_ids);
	run_all();
	for (int i = 1; i < 50; i++) {
		assert_int_equal(ENGINE_DONE, outcome[i].end);
		assert_int_equal(40, outcome[i].n_ids);
	}
}

enum { WINDOWS = 44, WINDOW_TOK = 130, QUESTION_TOK = 9 };

static uint32_t windows[WINDOWS][WINDOW_TOK + QUESTION_TOK];

/* Windows that begin alike, so many under way at a time, each with the question `seed`. */
static void ask_windows(uint64_t seed, int most)
{
	for (int i = 0; i < WINDOWS; i++) {
		struct scheduler_request request =
			ask(i, windows[i], WINDOW_TOK + QUESTION_TOK, ANSWER_TOK);

		fill(windows[i], WINDOW_TOK, 600);
		fill(windows[i] + 70, WINDOW_TOK - 70, 601 + (uint64_t)i);
		fill(windows[i] + WINDOW_TOK, QUESTION_TOK, seed);
		request.priority = -1;
		request.keep_tok = WINDOW_TOK;
		scheduler_submit(scheduler, &request);
		while (i + 1 - n_ended >= most) {
			scheduler_step(scheduler);
		}
	}
	run_all();
}

static void answers_do_not_depend_on_how_many_are_asked_at_once(void **state)
{
	static uint32_t want[WINDOWS][ANSWER_TOK];

	for (int many = 0; many < 3; many++) {
		start();
		if (many == 2) { /* other questions were asked before */
			ask_windows(800, 5);
			forget_outcomes();
		}
		ask_windows(700, many ? WINDOWS + 1 : 1);
		for (int i = 0; i < WINDOWS; i++) {
			assert_int_equal(ENGINE_DONE, outcome[i].end);
			assert_int_equal(ANSWER_TOK, outcome[i].n_ids);
			if (many == 2) {
				assert_int_equal(WINDOW_TOK, outcome[i].usage.cached_tok);
			}
			if (many) {
				assert_memory_equal(want[i], outcome[i].ids, sizeof(want[i]));
			} else {
				memcpy(want[i], outcome[i].ids, sizeof(want[i]));
			}
		}
	}
}

static void what_stands_behind_what_is_kept_is_forgotten(void **state)
{
	const uint32_t closing[2] = {777, 778};
	uint32_t ids[CONTEXT_TOK], other[CONTEXT_TOK];
	struct scheduler_request request = ask(1, ids, 300, 30);

	for (int64_t keep_tok = 150; keep_tok <= 192; keep_tok += 42) {
		fill(ids, CONTEXT_TOK, 8);
		fill(other, CONTEXT_TOK, 9);
		start();
		request.closing = closing;
		request.n_closing = 2;
		request.keep_tok = keep_tok;
		scheduler_submit(scheduler, &request);
		run_all();
		assert_int_equal(30, outcome[1].n_ids);
		memcpy(ids + 300, outcome[1].ids, 30 * sizeof(*ids));
		assert_int_equal(keep_tok, scheduler_cached(scheduler, ids, 400, 0).cached_tok);
		memcpy(other, ids, (size_t)keep_tok * sizeof(*ids));
		assert_int_equal(keep_tok, scheduler_cached(scheduler, other, 400, 0).cached_tok);
		/* Another question: found up to there, and nothing of it is kept either. */
		request.id = 2;
		request.ids = other;
		scheduler_submit(scheduler, &request);
		run_all();
		assert_int_equal(keep_tok, outcome[2].usage.cached_tok);
		assert_int_equal(keep_tok, scheduler_cached(scheduler, other, 400, 0).cached_tok);
		request.id = 1;
		request.ids = ids;
	}
}

static void an_answer_ends_before_its_stop_text(void **state)
{
	uint32_t ids[100];
	struct scheduler_request request = ask(1, ids, 100, 60);
	char *text;
	int tried = 0;

	start();
	fill(ids, 100, 3);
	scheduler_submit(scheduler, &request);
	run_all();
	text = buf_take(&outcome[1].text);
	assert_true(strlen(text) > 60);
	/* Every place in the answer, stop texts of 1 to 9 bytes: they begin and end within tokens. */
	for (size_t at = 0; at + 9 < 60; at++) {
		char stop[16];
		const char *const stops[] = {"", "never said", stop, NULL};
		char *first;

		snprintf(stop, sizeof(stop), "%.*s", (int)(1 + at % 9), text + at);
		if (!utf8_valid(stop, strlen(stop)) || strstr(stop, "\xef\xbf\xbd")) {
			continue; /* bytes that are no characters are told as U+FFFD */
		}
		start();
		request.stop = stops;
		scheduler_submit(scheduler, &request);
		run_all();
		tried++;
		first = strstr(text, stop);
		assert_int_equal(ENGINE_DONE, outcome[1].end);
		assert_int_equal(ENGINE_STOP_END, outcome[1].stop);
		assert_int_equal(first - text, outcome[1].text.len);
		assert_memory_equal(text, buf_str(&outcome[1].text), outcome[1].text.len);
	}
	assert_true(tried > 20);
	free(text);
}

static void text_is_held_back_only_as_long_as_it_may_stop(void **state)
{
	const char *const stop[] = {"abcab", "xyz", NULL};
	struct answer answer;

	answer_init(&answer, stop);
	assert_int_equal(0, answer_add(&answer, "1abca", 5));
	assert_string_equal("1", buf_str(&answer.ready));
	assert_int_equal(0, answer_add(&answer, "c", 1)); /* abcac: no stop, and no beginning */
	assert_string_equal("1abcac", buf_str(&answer.ready));
	assert_int_equal(0, answer_add(&answer, "\xc3", 1));
	assert_string_equal("1abcac", buf_str(&answer.ready));
	assert_int_equal(0, answer_add(&answer, "\xa4xy", 3));
	assert_string_equal("1abcac\xc3\xa4", buf_str(&answer.ready));
	assert_int_equal(1, answer_add(&answer, "z more", 6));
	answer_flush(&answer);
	assert_string_equal("1abcac\xc3\xa4", buf_str(&answer.ready));
	answer_finish(&answer);
	answer_init(&answer, NULL);
	assert_int_equal(0, answer_add(&answer, "a\xff\xe2\x82", 4));
	assert_string_equal("a\xef\xbf\xbd", buf_str(&answer.ready));
	answer_flush(&answer);
	assert_string_equal("a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", buf_str(&answer.ready));
	answer_finish(&answer);
}

static void an_end_token_ends_and_is_not_part_of_the_answer(void **state)
{
	uint32_t ids[100], end = UINT32_MAX;
	struct scheduler_request request = ask(1, ids, 100, 400);
	size_t ended = 0;

	for (uint32_t id = 0; id < 1024 && end == UINT32_MAX; id++) {
		end = tokenizer_is_end(fixture.model->tokenizer, id) ? id : end;
	}
	assert_true(end != UINT32_MAX);
	start();
	request.sampling.temperature = 3;
	request.sampling.top_k = 0;
	request.sampling.top_p = 1;
	/* The first seed whose answer meets an end token. */
	for (uint64_t seed = 0; !ended && seed < 60; seed++) {
		start();
		fill(ids, 100, 4);
		request.sampling.seed = seed;
		request.ignore_end = 1;
		scheduler_submit(scheduler, &request);
		run_all();
		for (size_t i = 0; i < outcome[1].n_ids && !ended; i++) {
			ended = tokenizer_is_end(fixture.model->tokenizer, outcome[1].ids[i]) ? i
											      : 0;
		}
	}
	assert_true(ended > 0);
	request.ignore_end = 0;
	request.id = 2;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(ENGINE_STOP_END, outcome[2].stop);
	assert_int_equal(ended, outcome[2].n_ids);
	assert_memory_equal(outcome[1].ids, outcome[2].ids, ended * sizeof(*outcome[2].ids));
}

static void a_prompt_that_does_not_fit_names_both_numbers(void **state)
{
	uint32_t ids[301];
	struct scheduler_request request = ask(1, ids, 301, 5);

	start_with(300, 0);
	fill(ids, 301, 5);
	scheduler_submit(scheduler, &request);
	assert_int_equal(ENGINE_FAILED, outcome[1].end);
	assert_int_equal(ERR_CONTEXT, outcome[1].err.code);
	assert_non_null(strstr(outcome[1].err.what, "301"));
	assert_non_null(strstr(outcome[1].err.what, "300"));
	request.id = 2;
	request.n_ids = 300;
	scheduler_submit(scheduler, &request);
	assert_int_equal(ERR_CONTEXT, outcome[2].err.code);
	request.id = 3;
	request.n_ids = 10;
	ids[7] = 5000;
	scheduler_submit(scheduler, &request);
	assert_int_equal(ENGINE_FAILED, outcome[3].end);
	assert_int_equal(ERR_ENGINE, outcome[3].err.code);
	request.id = 4;
	request.n_ids = 0;
	scheduler_submit(scheduler, &request);
	assert_int_equal(ENGINE_FAILED, outcome[4].end);
	assert_int_equal(0, scheduler_step(scheduler));
}

static void a_full_window_ends_the_answer(void **state)
{
	uint32_t ids[300];
	struct scheduler_request request = ask(1, ids, 290, 1000);

	start_with(300, 0);
	fill(ids, 300, 6);
	request.closing = ids;
	request.n_closing = 4;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(ENGINE_DONE, outcome[1].end);
	assert_int_equal(ENGINE_STOP_LENGTH, outcome[1].stop);
	assert_int_equal(10, outcome[1].n_ids);
}

static void without_memory_for_its_pages_a_request_fails_with_a_sentence(void **state)
{
	uint32_t ids[300];
	struct scheduler_request request = ask(1, ids, 290, 100);

	start_with(CONTEXT_TOK, 4);
	fill(ids, 300, 6);
	scheduler_submit(scheduler, &request);
	request.id = 2;
	request.n_ids = 100;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(ENGINE_FAILED, outcome[1].end);
	assert_int_equal(ERR_CONTEXT, outcome[1].err.code);
	assert_int_equal(ENGINE_DONE, outcome[2].end);
}

static void more_requests_than_run_at_once_all_end(void **state)
{
	static uint32_t ids[MAX_REQUESTS][80];

	start_with(CONTEXT_TOK, 12);
	for (int i = 0; i < MAX_REQUESTS; i++) {
		struct scheduler_request request = ask(i, ids[i], (size_t)(10 + i), 6);

		fill(ids[i], 80, (uint64_t)i);
		scheduler_submit(scheduler, &request);
	}
	run_all();
	for (int i = 0; i < MAX_REQUESTS; i++) {
		assert_int_equal(ENGINE_DONE, outcome[i].end);
		assert_int_equal(6, outcome[i].n_ids);
	}
}

static void every_row_of_a_prompt_can_be_had(void **state)
{
	uint32_t ids[150];
	struct scheduler_request request = ask(1, ids, 150, 0);

	start();
	fill(ids, 150, 7);
	row_ids = ids;
	n_row_ids = 150;
	for (int64_t id = 1; id <= 2; id++) { /* the second time from a warm cache */
		request.id = id;
		request.want_logits = 1;
		request.want_prompt_logprobs = 1;
		scheduler_submit(scheduler, &request);
		run_all();
		assert_int_equal(ENGINE_DONE, outcome[id].end);
		assert_int_equal(150, outcome[id].n_rows);
		assert_int_equal(149, outcome[id].n_logprobs);
		assert_true(fabs(outcome[id].logprob_sum - outcome[id].from_logits) < 1e-3);
	}
	assert_true(outcome[1].logprob_sum == outcome[2].logprob_sum);
	n_row_ids = 0;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* Eight prompts in one batch: what they took together is the time of the batch, not eight of it. */
static void a_batch_is_charged_to_its_requests_by_their_rows(void **state)
{
	enum { N = 8, PROMPT_TOK = 8 };
	uint32_t ids[N][PROMPT_TOK];
	double start, sum = 0;

	start_with(CONTEXT_TOK, 0);
	for (int i = 0; i < N; i++) {
		struct scheduler_request request = {
			.id = i, .ids = ids[i], .n_ids = PROMPT_TOK, .no_reuse = 1};

		fill(ids[i], PROMPT_TOK, 900 + (uint64_t)i);
		scheduler_submit(scheduler, &request);
	}
	start = now_ms();
	assert_int_equal(0, scheduler_step(scheduler)); /* one batch was all */
	start = now_ms() - start;
	for (int i = 0; i < N; i++) {
		assert_int_equal(PROMPT_TOK, outcome[i].usage.prefill_tok);
		assert_true(outcome[i].usage.prefill_ms > 0);
		sum += outcome[i].usage.prefill_ms;
	}
	assert_true(sum <= start);
}

static void a_prompt_computed_ahead_costs_nothing_later(void **state)
{
	uint32_t ids[500];
	struct scheduler_request request = ask(1, ids, 450, 0);
	struct scheduler_forecast forecast;

	start();
	fill(ids, 500, 8);
	forecast = scheduler_cached(scheduler, ids, 450, 0);
	assert_int_equal(0, forecast.cached_tok);
	assert_true(forecast.predicted_s < 0);
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(450, outcome[1].usage.prefill_tok);
	forecast = scheduler_cached(scheduler, ids, 480, 450);
	assert_int_equal(450, forecast.cached_tok);
	assert_int_equal(0, forecast.disk_tok);
	assert_true(forecast.predicted_s > 0 && forecast.predicted_s < 10);
	request.id = 2;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(450, outcome[2].usage.cached_tok);
	assert_int_equal(0, outcome[2].usage.prefill_tok);
	/* An answer needs the last row again, and no more. */
	request.id = 3;
	request.max_tok = 2;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(449, outcome[3].usage.cached_tok);
	assert_int_equal(1, outcome[3].usage.prefill_tok);
	request.id = 4;
	request.no_reuse = 1;
	scheduler_submit(scheduler, &request);
	run_all();
	assert_int_equal(0, outcome[4].usage.cached_tok);
	assert_memory_equal(outcome[3].ids, outcome[4].ids, 2 * sizeof(uint32_t));
}

static int set_up(void **state)
{
	fixture_open(&fixture, "llama-mha-f32.gguf");
	fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 2, BATCH_TOK);
	return 0;
}

static int tear_down(void **state)
{
	scheduler_destroy(scheduler);
	forget_outcomes();
	fixture_close(&fixture);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_turn_starts_where_this_one_ended),
		cmocka_unit_test(shuffled_histories_give_the_same_tokens),
		cmocka_unit_test(a_cancel_at_any_moment_ends_only_its_request),
		cmocka_unit_test(interrupted_batches_change_nothing),
		cmocka_unit_test(a_higher_priority_goes_first),
		cmocka_unit_test(work_in_passing_makes_full_batches),
		cmocka_unit_test(an_answer_flows_beside_work_in_passing),
		cmocka_unit_test(answers_do_not_depend_on_how_many_are_asked_at_once),
		cmocka_unit_test(what_stands_behind_what_is_kept_is_forgotten),
		cmocka_unit_test(an_answer_ends_before_its_stop_text),
		cmocka_unit_test(text_is_held_back_only_as_long_as_it_may_stop),
		cmocka_unit_test(an_end_token_ends_and_is_not_part_of_the_answer),
		cmocka_unit_test(a_prompt_that_does_not_fit_names_both_numbers),
		cmocka_unit_test(a_full_window_ends_the_answer),
		cmocka_unit_test(without_memory_for_its_pages_a_request_fails_with_a_sentence),
		cmocka_unit_test(more_requests_than_run_at_once_all_end),
		cmocka_unit_test(every_row_of_a_prompt_can_be_had),
		cmocka_unit_test(a_batch_is_charged_to_its_requests_by_their_rows),
		cmocka_unit_test(a_prompt_computed_ahead_costs_nothing_later),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
