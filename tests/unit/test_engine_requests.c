/*
 * Requests and prompts through the engine's API, over the fake model; once with the engine as a
 * process and once on a thread, so that sanitizers see both ends.
 */
#include "engine/engine.h"
#include "engine/engine_thread.h"
#include "tests/unit/engine_ask.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>

#include <cmocka.h>

enum { FAKE_TURN_OPEN_ID = 257, FAKE_TURN_CLOSE_ID = 258 };

static int (*const open_as[])(struct engine **, const struct engine_config *, struct err *) = {
	engine_open, engine_open_thread};
static size_t how; /* which of them this test uses */

static struct engine *open_fake(void)
{
	struct engine_config config = {.backend = "fake"};
	struct engine *engine;
	struct err err = {0};

	if (open_as[how](&engine, &config, &err) < 0 || engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return engine;
}

static int clean_environment(void **state)
{
	unsetenv("CARREL_FAKE_ANSWER");
	unsetenv("CARREL_FAKE_TOKEN_US");
	unsetenv("CARREL_FAKE_PREFILL_US");
	unsetenv("CARREL_FAKE_LOAD_MS");
	unsetenv("CARREL_FAKE_CONTEXT");
	unsetenv("CARREL_FAKE_FAULT");
	return 0;
}

static int as_process(void **state)
{
	how = 0;
	return clean_environment(state);
}

static int as_thread(void **state)
{
	how = 1;
	return clean_environment(state);
}

/* ---- answers ---- */

static void an_answer_streams_token_by_token_and_is_whole(void **state)
{
	static const char answer[] =
		"A na\xc3\xafve caf\xc3\xa9 \xe2\x82\xac 5, \xf0\x9f\x93\x96 \xe6\x9c\xac.";
	struct engine *engine;
	struct reply reply;

	setenv("CARREL_FAKE_ANSWER", answer, 1);
	engine = open_fake();
	reply = ask(engine, "What?", 1000);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	assert_int_equal(ENGINE_STOP_END, reply.last.stop);
	assert_string_equal(answer, buf_str(&reply.text));
	assert_int_equal(0, reply.n_split);
	assert_true(reply.n_event > 20);
	assert_int_equal(strlen(answer), reply.last.usage.generated_tok);
	assert_true(reply.last.usage.prompt_tok ==
		    reply.last.usage.cached_tok + reply.last.usage.prefill_tok);
	for (size_t i = 0; i < strlen(answer); i++) {
		assert_int_equal((uint8_t)answer[i], reply.ids[i]);
	}
	reply_finish(&reply);
	engine_close(engine);
}

static void many_requests_at_once_answer_as_each_alone(void **state)
{
	enum { N = 24 };
	struct engine *engine = open_fake();
	struct reply alone[N], together[N] = {0};
	struct engine_event event;
	int64_t id[N];
	char text[64];
	int n_open = N;

	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "question %d of many", i);
		alone[i] = ask(engine, text, 300);
	}
	engine_close(engine);
	engine = open_fake(); /* nothing cached */
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "question %d of many", i);
		id[i] = submit_chat(engine, text, 300, NULL);
		assert_true(id[i] > 0 && (i == 0 || id[i] > id[i - 1]));
	}
	while (n_open && engine_next(engine, 20000, &event)) {
		for (int i = 0; i < N; i++) {
			if (event.request == id[i]) {
				reply_take(&together[i], &event);
				n_open -= event.type == ENGINE_DONE;
			}
		}
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(1, together[i].n_end);
		assert_string_equal(buf_str(&alone[i].text), buf_str(&together[i].text));
		assert_true(alone[i].text.len > 10);
		assert_true(!i || strcmp(buf_str(&alone[i].text), buf_str(&alone[0].text)) != 0);
		reply_finish(&alone[i]);
		reply_finish(&together[i]);
	}
	engine_close(engine);
}

static void a_cancel_keeps_what_came_and_what_follows_is_unharmed(void **state)
{
	struct engine *engine;
	struct engine_event event;
	struct reply whole, part = {0};
	int64_t id;

	setenv("CARREL_FAKE_TOKEN_US", "3000", 1);
	engine = open_fake();
	whole = ask(engine, "A long story?", 400);
	id = submit_chat(engine, "A long story?", 400, NULL);
	while (engine_next(engine, 10000, &event)) {
		reply_take(&part, &event);
		if (part.text.len > 3 && part.last.type == ENGINE_TEXT) {
			engine_cancel(engine, id);
			break;
		}
	}
	while (!part.n_end && engine_next(engine, 10000, &event)) {
		reply_take(&part, &event);
	}
	assert_int_equal(ENGINE_STOP_CANCELLED, part.last.stop);
	assert_true(part.text.len < whole.text.len);
	assert_memory_equal(whole.text.data, part.text.data, part.text.len);
	engine_cancel(engine, id); /* no longer under way: ignored */
	engine_cancel(engine, 12345);
	reply_finish(&part);
	part = ask(engine, "A long story?", 400);
	assert_string_equal(buf_str(&whole.text), buf_str(&part.text));
	reply_finish(&part);
	reply_finish(&whole);
	engine_close(engine);
}

/* A batch of 512 tokens at 20 ms each would take 10 s. */
static void a_cancel_ends_the_batch_under_way(void **state)
{
	struct engine *engine;
	char text[2000];
	struct reply reply;
	double start;
	int64_t id;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	setenv("CARREL_FAKE_PREFILL_US", "20000", 1);
	engine = open_fake();
	id = submit_chat(engine, text, 10, NULL);
	poll(NULL, 0, 150);
	start = now_s();
	engine_cancel(engine, id);
	reply = collect(engine, id, 8000);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	assert_int_equal(ENGINE_STOP_CANCELLED, reply.last.stop);
	assert_true(now_s() - start < 2);
	reply_finish(&reply);
	start = now_s();
	engine_close(engine);
	assert_true(now_s() - start < 2);
}

static double process_cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Behind `[S1` the sources are indexed, which takes a second here: a quote may begin at each byte. */
static void a_cancel_does_not_wait_for_the_index_of_quotes(void **state)
{
	enum { N_BYTE = 2 << 20 };
	struct prompt prompt = chat_prompt("");
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 60};
	char *text = mem_alloc(N_BYTE);
	struct engine *engine;
	struct reply reply;
	double start, cpu;
	int64_t id;

	for (size_t i = 0; i < N_BYTE; i++) {
		text[i] = "=+#*~^<>"[(i * i * 2654435761u >> 16) % 8];
	}
	memcpy(text + N_BYTE - 16, " the end of this", 16);
	segment_unref(prompt.item[2]);
	prompt.item[2] = segment_source(text, N_BYTE, NULL, 0);
	setenv("CARREL_FAKE_ANSWER", "[S1 \"the end\"]", 1);
	setenv("CARREL_FAKE_CONTEXT", "4000000", 1);
	engine = open_fake();
	id = engine_submit(engine, &request, NULL);
	for (size_t len = 0; len < 3;) {
		struct engine_event event;

		assert_true(engine_next(engine, 60000, &event) > 0);
		len += event.type == ENGINE_TEXT ? event.text_len : 0;
	}
	start = now_s();
	cpu = process_cpu_s();
	engine_cancel(engine, id);
	reply = collect(engine, id, 8000);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	assert_int_equal(ENGINE_STOP_CANCELLED, reply.last.stop);
	assert_true(now_s() - start < 2);
	assert_true(process_cpu_s() - cpu < 0.05); /* of the engine too, where it is a thread */
	reply_finish(&reply);
	prompt_finish(&prompt);
	free(text);
	engine_close(engine);
}

static void a_cancel_during_a_load_does_not_wait_for_it(void **state)
{
	struct engine_config config = {.backend = "fake"};
	struct engine *engine;
	struct reply reply;
	double start = now_s();
	int64_t id;

	setenv("CARREL_FAKE_LOAD_MS", "1500", 1);
	assert_int_equal(0, open_as[how](&engine, &config, NULL));
	id = submit_chat(engine, "too early", 10, NULL);
	engine_cancel(engine, id);
	reply = collect(engine, id, 1000);
	assert_int_equal(ENGINE_STOP_CANCELLED, reply.last.stop);
	assert_true(now_s() - start < 1);
	reply_finish(&reply);
	reply = ask(engine, "and now", 10); /* waits for READY in the engine */
	assert_int_equal(ENGINE_DONE, reply.last.type);
	assert_int_equal(10, reply.last.usage.generated_tok);
	reply_finish(&reply);
	engine_close(engine);
}

static void the_next_turn_starts_where_the_last_one_ended(void **state)
{
	struct engine *engine = open_fake();
	struct prompt prompt = chat_prompt("first question");
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 1000};
	struct reply first = collect(engine, engine_submit(engine, &request, NULL), 10000);
	struct reply second;
	int64_t had = first.last.usage.prompt_tok + (int64_t)first.n_ids;

	assert_int_equal(ENGINE_STOP_END, first.last.stop);
	prompt_add(&prompt, segment_text(first.text.data, first.text.len));
	prompt_add(&prompt, segment_mark(PROMPT_MODEL_CLOSE));
	prompt_add(&prompt, segment_mark(PROMPT_USER_OPEN));
	prompt_add(&prompt, segment_text("second question", 15));
	prompt_add(&prompt, segment_mark(PROMPT_USER_CLOSE));
	prompt_add(&prompt, segment_mark(PROMPT_MODEL_OPEN));
	second = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_int_equal(ENGINE_DONE, second.last.type);
	assert_true(second.last.usage.cached_tok >= had);
	reply_finish(&first);
	reply_finish(&second);
	prompt_finish(&prompt);
	engine_close(engine);
}

static void check_quoted(
	struct engine *engine, const struct engine_request *request, const char *want)
{
	struct reply reply = collect(engine, engine_submit(engine, request, NULL), 10000);

	assert_int_equal(ENGINE_DONE, reply.last.type);
	assert_memory_equal(want, buf_str(&reply.text), strlen(want));
	reply_finish(&reply);
}

/* What the model wants to say is neither in the source nor in the question, or only there. */
static void citations_can_only_quote_sources(void **state)
{
	static const char source[] = "alpha beta gamma delta\n", wish[] = "[S1 \"beta garlic\"]";
	struct prompt prompt = chat_prompt("is it garlic");
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 60};
	struct engine *engine;
	struct reply reply;
	size_t len;
	char *quote;

	setenv("CARREL_FAKE_ANSWER", wish, 1);
	engine = open_fake();
	check_quoted(engine, &request, wish); /* no source, no constraint */
	segment_unref(prompt.item[2]);
	prompt.item[2] = segment_source(source, strlen(source), NULL, 0);
	request.no_reuse = 1;
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_memory_equal("[S1 \"beta ga", reply.text.data, 12);
	quote = reply.text.data + 5;
	len = (size_t)(strstr(quote, "\"]") - quote);
	assert_non_null(memmem(source, strlen(source), quote, len));
	request.no_reuse = 0;
	for (int run = 0; run < 2; run++) { /* nothing cached, and all of it */
		check_quoted(engine, &request, buf_str(&reply.text));
	}
	reply_finish(&reply);
	request.free_quotes = 1;
	check_quoted(engine, &request, wish);
	prompt_finish(&prompt);
	engine_close(engine);
}

/* Each quote is held to the source, what stands between them to nothing. */
static void each_citation_of_an_answer_is_held_to_the_sources(void **state)
{
	static const char source[] = "alpha beta gamma delta\n";
	static const char *const stop[] = {"gamma ", NULL};
	struct prompt prompt = chat_prompt("");
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 200};
	struct engine *engine;
	struct reply reply;

	segment_unref(prompt.item[2]);
	prompt.item[2] = segment_source(source, strlen(source), NULL, 0);
	setenv("CARREL_FAKE_ANSWER",
		"[S1 \"alpha beta\"] \"garlic\" [S1 a:1 \"beta gamma\"] [S1 \"gamma garlic\"]", 1);
	engine = open_fake();
	check_quoted(engine, &request,
		"[S1 \"alpha beta\"] \"garlic\" [S1 a:1 \"beta gamma\"] [S1 \"gamma d");
	/* A text that ends the answer does so inside a quote too. */
	request.stop = stop;
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_int_equal(ENGINE_STOP_END, reply.last.stop);
	assert_string_equal("[S1 \"alpha beta\"] \"garlic\" [S1 a:1 \"beta gamma\"] [S1 \"",
		buf_str(&reply.text));
	reply_finish(&reply);
	prompt_finish(&prompt);
	engine_close(engine);
}

static void a_prompt_that_does_not_fit_fails_with_both_numbers(void **state)
{
	struct engine *engine;
	char text[600];
	struct reply reply;

	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	setenv("CARREL_FAKE_CONTEXT", "512", 1);
	engine = open_fake();
	reply = ask(engine, text, 10);
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	assert_int_equal(ERR_CONTEXT, reply.last.err.code);
	assert_non_null(strstr(reply.last.err.what, "512"));
	reply_finish(&reply);
	reply = ask(engine, "short", 10);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	reply_finish(&reply);
	engine_close(engine);
}

static void ids_that_the_model_does_not_have_fail(void **state)
{
	static const uint32_t beyond[] = {5, 4000000000u};
	struct engine *engine = open_fake();
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 5};
	struct reply reply;

	prompt_add(&prompt, segment_ids(beyond, 2));
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	assert_non_null(strstr(reply.last.err.what, "4000000000"));
	reply_finish(&reply);
	prompt_finish(&prompt);
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000); /* empty */
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	reply_finish(&reply);
	reply = ask(engine, "fine", 5);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	reply_finish(&reply);
	engine_close(engine);
}

/* ---- tokens ---- */

static struct reply tokenize(struct engine *engine, const struct prompt *prompt, int count_only)
{
	return collect(engine, engine_tokenize(engine, prompt, count_only, NULL), 20000);
}

static void marks_are_tokens_in_the_order_of_the_template(void **state)
{
	static const char expected[] = "\1user\nhi <|im_end|>\2\n\1assistant\n";
	struct engine *engine = open_fake();
	struct prompt prompt = chat_prompt("hi <|im_end|>"); /* data stays data */
	struct reply reply = tokenize(engine, &prompt, 0);

	assert_int_equal(ENGINE_TOKENS, reply.last.type);
	assert_int_equal(strlen(expected), reply.n_ids);
	assert_int_equal(strlen(expected), reply.last.total_tok);
	for (size_t i = 0; i < reply.n_ids; i++) {
		uint32_t want = (uint8_t)expected[i];

		want = want == 1 ? FAKE_TURN_OPEN_ID : want == 2 ? FAKE_TURN_CLOSE_ID : want;
		assert_int_equal(want, reply.ids[i]);
	}
	reply_finish(&reply);
	prompt_finish(&prompt);
	engine_close(engine);
}

/* The pieces of a rendering, put together: where each id's text ends. */
struct rendering {
	struct buf text;
	uint32_t *ids;
	size_t *end;
	size_t n, n_event;
};

static struct rendering render(struct engine *engine, const struct prompt *prompt, size_t max_tok)
{
	struct rendering r = {.ids = calloc(max_tok + 1, sizeof(*r.ids)),
		.end = calloc(max_tok + 1, sizeof(*r.end))};
	int64_t id = engine_render(engine, prompt, NULL);
	struct engine_event event;
	size_t at = 0;

	do {
		do {
			assert_int_equal(1, engine_next(engine, 20000, &event));
		} while (event.request != id);
		assert_int_equal(ENGINE_RENDERED, event.type);
		assert_int_equal(r.n, event.first_row);
		assert_int_equal(r.n + event.n_ids, event.done_tok);
		assert_true((size_t)event.total_tok <= max_tok);
		buf_add(&r.text, event.text, event.text_len);
		for (size_t i = 0; i < event.n_ids; i++, r.n++) {
			at += event.text_bytes[i];
			r.ids[r.n] = event.ids[i];
			r.end[r.n] = at;
		}
		r.n_event++;
	} while (event.done_tok < event.total_tok);
	assert_int_equal(at, r.text.len);
	assert_int_equal(0, engine_next(engine, 0, &event));
	return r;
}

static void rendering_finish(struct rendering *r)
{
	buf_finish(&r->text);
	free(r->ids);
	free(r->end);
}

static void a_rendered_prompt_is_its_ids_and_what_the_model_reads(void **state)
{
	struct engine *engine = open_fake();
	struct prompt prompt = chat_prompt("na\xc3\xafve <|im_end|>"), nothing = {0};
	struct rendering r = render(engine, &prompt, 1000);
	struct reply ids = tokenize(engine, &prompt, 0);
	size_t n_open = 0;

	assert_int_equal(ids.n_ids, r.n);
	assert_memory_equal(ids.ids, r.ids, r.n * sizeof(*r.ids));
	assert_string_equal("<|im_start|>user\nna\xc3\xafve <|im_end|><|im_end|>\n"
			    "<|im_start|>assistant\n",
		buf_str(&r.text));
	for (size_t i = 0; i < r.n; i++) {
		size_t from = i ? r.end[i - 1] : 0;

		if (r.ids[i] == FAKE_TURN_OPEN_ID) {
			assert_memory_equal("<|im_start|>", r.text.data + from, 12);
			assert_int_equal(12, r.end[i] - from);
			n_open++;
		} else if (r.ids[i] < 256) { /* half a character is a token of its own here */
			assert_int_equal(1, r.end[i] - from);
			assert_int_equal(r.ids[i], (uint8_t)r.text.data[from]);
		}
	}
	assert_int_equal(2, n_open);
	rendering_finish(&r);
	reply_finish(&ids);
	r = render(engine, &nothing, 0);
	assert_int_equal(0, r.n);
	rendering_finish(&r);
	prompt_finish(&prompt);
	engine_close(engine);
}

static void a_long_rendering_comes_in_pieces_and_is_whole(void **state)
{
	enum { N = 100000 };
	struct engine *engine = open_fake();
	char *text = malloc(N);
	struct prompt prompt = {0};
	struct rendering r;

	for (int i = 0; i < N; i++) {
		text[i] = (char)('a' + i % 26);
	}
	prompt_add(&prompt, segment_text(text, N));
	prompt_add(&prompt, segment_mark(PROMPT_USER_OPEN));
	r = render(engine, &prompt, N + 100);
	assert_true(r.n_event > 3);
	assert_memory_equal(text, r.text.data, N);
	assert_string_equal("<|im_start|>user\n", r.text.data + N);
	rendering_finish(&r);
	prompt_finish(&prompt);
	free(text);
	engine_close(engine);
}

static void ids_that_no_token_has_are_rendered_as_nothing(void **state)
{
	static const uint32_t ids[] = {'a', 4000000000u, 'b'};
	struct engine *engine = open_fake();
	struct prompt prompt = {0};
	struct rendering r;

	prompt_add(&prompt, segment_ids(ids, ARRAY_LEN(ids)));
	r = render(engine, &prompt, ARRAY_LEN(ids));
	assert_string_equal("ab", buf_str(&r.text));
	assert_memory_equal(ids, r.ids, sizeof(ids));
	rendering_finish(&r);
	prompt_finish(&prompt);
	engine_close(engine);
}

static void the_count_of_a_prompt_is_the_sum_of_its_segments(void **state)
{
	static const char *const text[] = {"", "one", " two\n", "\xff\xfe", "na\xc3\xafve", "   "};
	static const uint32_t ids[] = {1, 2, 258, 3};
	struct engine *engine = open_fake();
	struct prompt all = {0};
	int64_t sum = 0;
	struct reply reply;

	for (size_t i = 0; i < ARRAY_LEN(text) + 1; i++) {
		struct prompt one = {0};

		prompt_add(&one, i < ARRAY_LEN(text) ? segment_text(text[i], strlen(text[i]))
						     : segment_ids(ids, 4));
		reply = tokenize(engine, &one, 1);
		assert_int_equal(0, reply.n_ids);
		assert_int_equal(i < ARRAY_LEN(text) ? strlen(text[i]) : 4, reply.last.total_tok);
		sum += reply.last.total_tok;
		reply_finish(&reply);
		prompt_copy(&all, &one);
		prompt_finish(&one);
	}
	reply = tokenize(engine, &all, 0);
	assert_int_equal(sum, reply.last.total_tok);
	assert_int_equal(sum, reply.n_ids);
	reply_finish(&reply);
	prompt_finish(&all);
	engine_close(engine);
}

static void a_prompt_costs_what_engine_cached_says(void **state)
{
	struct engine *engine = open_fake();
	struct prompt prompt = chat_prompt("what will this cost, and what of it is there already?");
	struct reply reply = collect(engine, engine_cached(engine, &prompt, NULL), 10000);
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 5};
	int64_t total = reply.last.total_tok, cached;

	assert_int_equal(ENGINE_CACHED, reply.last.type);
	assert_int_equal(0, reply.last.cached_tok);
	reply_finish(&reply);
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_int_equal(total, reply.last.usage.prompt_tok);
	reply_finish(&reply);
	reply = collect(engine, engine_cached(engine, &prompt, NULL), 10000);
	cached = reply.last.cached_tok;
	assert_true(cached > 0 && cached <= total);
	reply_finish(&reply);
	reply = collect(engine, engine_submit(engine, &request, NULL), 10000);
	assert_int_equal(cached, reply.last.usage.cached_tok);
	reply_finish(&reply);
	prompt_finish(&prompt);
	engine_close(engine);
}

/* ---- much of everything ---- */

/*
 * Rows of logits for 16,000 positions (16 MB) that nobody reads yet, while 20 MB of text go the other
 * way: whoever waits for the other here waits for ever.
 */
static void big_uploads_and_big_answers_pass_each_other(void **state)
{
	enum { N_ROW = 16000, N_TEXT = 20000000, N_VOCAB = 261 };
	struct engine *engine = open_fake();
	char *text = malloc(N_TEXT);
	struct prompt rows = {0}, upload = {0};
	struct engine_request request = {
		.prompt = &rows, .sampling = engine_sampling_default, .want_logits = 1};
	struct engine_event event;
	int64_t id, count_id, n_row = 0, count = 0;
	double start;
	int n_end = 0;

	memset(text, 'z', N_TEXT);
	prompt_add(&rows, segment_text(text, N_ROW));
	prompt_add(&upload, segment_text(text, N_TEXT));
	id = engine_submit(engine, &request, NULL);
	poll(NULL, 0, 100); /* the engine's side of the socket fills up */
	start = now_s();
	count_id = engine_tokenize(engine, &upload, 1, NULL);
	assert_true(now_s() - start < 1); /* queued, not waited for */
	while (n_end < 2 && engine_next(engine, 20000, &event)) {
		if (event.request == id && event.type == ENGINE_LOGITS) {
			assert_int_equal(n_row, event.first_row);
			assert_true(event.logits[event.n_rows * N_VOCAB - 1] >= 0);
			n_row += event.n_rows;
		}
		if (event.request == count_id) {
			count = event.total_tok;
		}
		n_end += event.type == ENGINE_DONE || event.type == ENGINE_TOKENS;
	}
	assert_int_equal(N_ROW, n_row);
	assert_int_equal(N_TEXT, count);
	print_message("# 20 MB of text and 16 MB of logits in %.2f s\n", now_s() - start);
	prompt_finish(&rows);
	prompt_finish(&upload);
	free(text);
	engine_close(engine);
}

static void five_million_ids_come_back_whole(void **state)
{
	enum { N = 5000000 };
	struct engine *engine = open_fake();
	uint32_t *ids = malloc(N * sizeof(*ids));
	struct prompt prompt = {0};
	struct reply reply;
	double start = now_s(), again;

	for (uint32_t i = 0; i < N; i++) {
		ids[i] = i * 2654435761u >> 24;
	}
	prompt_add(&prompt, segment_ids(ids, N));
	reply = tokenize(engine, &prompt, 0);
	if (reply.has_failed) {
		fail_msg("%s", reply.last.err.what);
	}
	assert_int_equal(N, reply.n_ids);
	assert_memory_equal(ids, reply.ids, N * sizeof(*ids));
	reply_finish(&reply);
	/* A key press: only what is new travels. */
	prompt_add(&prompt, segment_text("k", 1));
	again = now_s();
	reply = tokenize(engine, &prompt, 1);
	assert_int_equal(N + 1, reply.last.total_tok);
	print_message("# 20 MB up and down in %.2f s, one more byte in %.2f ms\n", again - start,
		(now_s() - again) * 1e3);
	reply_finish(&reply);
	prompt_finish(&prompt);
	free(ids);
	engine_close(engine);
}

/* ---- waiting ---- */

static int is_readable(struct engine *engine)
{
	struct pollfd poll_fd = {.fd = engine_fd(engine), .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void the_descriptor_is_readable_exactly_while_events_wait(void **state)
{
	struct engine *engine = open_fake(); /* LOAD and READY are queued in user space */
	int fd = engine_fd(engine), n_event = 0;
	struct engine_event event;
	struct reply reply;

	assert_true(is_readable(engine));
	while (engine_next(engine, 0, &event)) {
		n_event++;
	}
	assert_true(n_event >= 2);
	assert_false(is_readable(engine));
	submit_chat(engine, "hello", 3, NULL);
	while (!is_readable(engine)) {
		poll(NULL, 0, 1);
	}
	assert_int_equal(fd, engine_fd(engine));
	reply = collect(engine, 1, 5000);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	reply_finish(&reply);
	engine_close(engine);
}

static void do_nothing(int signal_number)
{
}

static void a_signal_ends_a_wait(void **state)
{
	struct engine *engine = open_fake();
	struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	struct engine_event event;
	double start;

	while (engine_next(engine, 0, &event)) {
	}
	signal(SIGALRM, do_nothing);
	setitimer(ITIMER_REAL, &soon, NULL);
	start = now_s();
	assert_int_equal(0, engine_next(engine, 10000, &event));
	assert_true(now_s() - start < 5);
	start = now_s();
	assert_int_equal(0, engine_next(engine, 50, &event));
	assert_true(now_s() - start >= 0.045);
	signal(SIGALRM, SIG_DFL);
	engine_close(engine);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup(test, as_process),                                                  \
	{                                                                                          \
#test "_on_a_thread", test, as_thread, NULL, NULL                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(an_answer_streams_token_by_token_and_is_whole),
		BOTH(many_requests_at_once_answer_as_each_alone),
		BOTH(a_cancel_keeps_what_came_and_what_follows_is_unharmed),
		BOTH(a_cancel_ends_the_batch_under_way),
		BOTH(a_cancel_does_not_wait_for_the_index_of_quotes),
		BOTH(a_cancel_during_a_load_does_not_wait_for_it),
		BOTH(the_next_turn_starts_where_the_last_one_ended),
		BOTH(citations_can_only_quote_sources),
		BOTH(each_citation_of_an_answer_is_held_to_the_sources),
		BOTH(a_prompt_that_does_not_fit_fails_with_both_numbers),
		BOTH(ids_that_the_model_does_not_have_fail),
		BOTH(marks_are_tokens_in_the_order_of_the_template),
		BOTH(a_rendered_prompt_is_its_ids_and_what_the_model_reads),
		BOTH(a_long_rendering_comes_in_pieces_and_is_whole),
		BOTH(ids_that_no_token_has_are_rendered_as_nothing),
		BOTH(the_count_of_a_prompt_is_the_sum_of_its_segments),
		BOTH(a_prompt_costs_what_engine_cached_says),
		BOTH(big_uploads_and_big_answers_pass_each_other),
		BOTH(five_million_ids_come_back_whole),
		BOTH(the_descriptor_is_readable_exactly_while_events_wait),
		BOTH(a_signal_ends_a_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
