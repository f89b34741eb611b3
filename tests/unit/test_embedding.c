/*
 * Embeddings: those of every model family against transformers' own, and bit for bit the same whatever
 * they were computed with; nothing stays of them; they end as every request does.
 */
#include "base/rng.h"
#include "engine/embedding.h"
#include "engine/engine_thread.h"
#include "engine/scheduler.h"
#include "tests/unit/engine_ask.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	MAX_REQUESTS = 40,
	MAX_EMBD = 256,
	FAKE_EMBD = 64,
	CONTEXT_TOK = 1024,
	GOLDEN_TOK = 160,
	PAGES = 400
};

struct outcome {
	float vector[MAX_EMBD];
	size_t n_vector;
	enum engine_event_type end; /* DONE or FAILED; LOAD while it runs */
	enum engine_stop stop;
	struct engine_usage usage;
	struct err err;
	size_t n_ids;
	int order;
};

static struct fixture fixture;
static struct scheduler *scheduler;
static struct outcome outcome[MAX_REQUESTS];
static int n_ended;

static void collect_event(void *arg, const struct engine_event *event)
{
	struct outcome *o = &outcome[event->request];

	assert_int_equal(ENGINE_LOAD, o->end);
	switch (event->type) {
	case ENGINE_EMBEDDING:
		assert_int_equal(0, o->n_vector);
		assert_in_range(event->n_embedding, 1, MAX_EMBD);
		o->n_vector = event->n_embedding;
		memcpy(o->vector, event->embedding, event->n_embedding * sizeof(float));
		break;
	case ENGINE_TEXT:
		o->n_ids += event->n_ids;
		break;
	case ENGINE_PREFILL:
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

static void start(int64_t batch_tok)
{
	struct scheduler_config config = {.context_tok = CONTEXT_TOK,
		.batch_tok = batch_tok,
		.out_rows = 16,
		.model = fixture.model->digest,
		.kv_budget_bytes = PAGES * backend_cpu.kv_layout(fixture.backend)->page_bytes};
	struct err err;

	scheduler_destroy(scheduler);
	memset(outcome, 0, sizeof(outcome));
	n_ended = 0;
	fixture_check(scheduler_create(&scheduler, fixture.model, fixture.backend, &config,
			      (struct scheduler_sink){collect_event, NULL}, &err),
		&err);
}

static void stop(void)
{
	scheduler_destroy(scheduler);
	scheduler = NULL;
}

static void run_all(void)
{
	while (scheduler_step(scheduler)) {
	}
}

static void submit_runs(int64_t id, const uint32_t *ids, int64_t n_ids,
	const struct embedding_run *run, size_t n_run)
{
	struct scheduler_request request = {.id = id,
		.ids = ids,
		.n_ids = (size_t)n_ids,
		.want_embedding = 1,
		.text = run,
		.n_text = n_run,
		.turn_mark = -1};

	scheduler_submit(scheduler, &request);
}

static void submit(int64_t id, const uint32_t *ids, int64_t n_ids)
{
	const struct embedding_run all = {0, n_ids};

	submit_runs(id, ids, n_ids, &all, 1);
}

static void submit_prior(
	int64_t id, const uint32_t *ids, int64_t n_ids, int64_t max_tok, int32_t priority)
{
	struct scheduler_request request = {.id = id,
		.ids = ids,
		.n_ids = (size_t)n_ids,
		.max_tok = max_tok,
		.priority = priority,
		.ignore_end = 1,
		.turn_mark = -1,
		.sampling = {.temperature = 1, .top_p = 1, .repeat_penalty = 1, .seed = 3}};

	scheduler_submit(scheduler, &request);
}

static void submit_answer(int64_t id, const uint32_t *ids, int64_t n_ids, int64_t max_tok)
{
	submit_prior(id, ids, n_ids, max_tok, 0);
}

static void fill(uint32_t *ids, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t random[4];

		rng_philox(seed, (uint64_t)i, random);
		ids[i] = random[0] % 700;
	}
}

static void open_llama(enum cpu_isa isa, int32_t n_thread, int64_t batch_tok)
{
	fixture_open(&fixture, "quant-Q8_0.gguf");
	fixture_backend(&fixture, isa, KV_Q8, n_thread, batch_tok);
}

static void close_all(void)
{
	stop();
	fixture_close(&fixture);
	fixture = (struct fixture){0};
}

/* ---- against transformers ---- */

#define FAMILIES "tests/vectors/families/"

static void source_path(char *out, size_t size, const char *name, const char *end)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/" FAMILIES "%s%s", source ? source : ".", name, end);
}

static void read_ids(uint32_t *ids)
{
	char path[512];
	FILE *file;

	source_path(path, sizeof(path), "ids", ".txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < GOLDEN_TOK; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
}

/* The length of the difference of two vectors of length 1. */
static double distance(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
	}
	return sqrt(sum);
}

static int check_family(const char *name, enum cpu_isa isa, enum kv_type kv, double bar)
{
	uint32_t ids[GOLDEN_TOK];
	struct golden want;
	char path[512];
	struct err err;
	double d;

	source_path(path, sizeof(path), name, "-embedding.npy");
	golden_read(&want, path);
	source_path(path, sizeof(path), name, ".gguf");
	read_ids(ids);
	fixture_check(model_open(&fixture.model, path, NULL, &err), &err);
	fixture_check(program_create(&fixture.program, fixture.model, 0, &err), &err);
	fixture_backend(&fixture, isa, kv, 2, 64);
	start(64);
	submit(1, ids, GOLDEN_TOK);
	run_all();
	assert_int_equal(ENGINE_DONE, outcome[1].end);
	assert_int_equal(want.n_vocab, outcome[1].n_vector);
	d = distance(want.logits, outcome[1].vector, outcome[1].n_vector);
	printf("# %-9s %-10s %-4s %9.2e / %.0e%s\n", cpu_isa_name(isa), name, kv_type_name(kv), d,
		bar, d <= bar ? "" : "  OUTSIDE");
	golden_finish(&want);
	close_all();
	return d <= bar;
}

static void every_family_on_every_path_meets_the_golden_embeddings(void **state)
{
	static const char *const name[] = {"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2",
		"gemma3", "phi3", "phi4-mini"};
	static const enum cpu_isa isa[] = {CPU_ISA_PORTABLE, CPU_ISA_AVX2, CPU_ISA_AVX512};
	int passes = 1;

	for (size_t i = 0; i < ARRAY_LEN(isa); i++) {
		for (size_t j = 0; j < ARRAY_LEN(name) && cpu_isa_supported(isa[i]); j++) {
			passes &= check_family(name[j], isa[i], KV_F32, 2e-6);
			passes &= check_family(name[j], isa[i], KV_Q8, 1e-2);
		}
	}
	assert_true(passes);
}

/* ---- the same bits ---- */

enum { TEXTS = 10, LONGEST_TOK = 300 };

static int64_t text_tok(int i)
{
	return i == 3 ? LONGEST_TOK : i == 4 ? 1 : 5 + 37 * i % 90;
}

/* Alone, in batches that hold it. */
static void embed_alone(
	enum cpu_isa isa, uint32_t ids[TEXTS][LONGEST_TOK], float want[TEXTS][MAX_EMBD])
{
	open_llama(isa, 1, CONTEXT_TOK);
	start(CONTEXT_TOK);
	for (int i = 0; i < TEXTS; i++) {
		submit(i, ids[i], text_tok(i));
		run_all();
		assert_int_equal(ENGINE_DONE, outcome[i].end);
		memcpy(want[i], outcome[i].vector, sizeof(want[i]));
	}
	for (int i = 1; i < TEXTS; i++) {
		assert_true(distance(want[0], want[i], outcome[0].n_vector) > 0.1);
	}
	close_all();
}

static void embed_together(enum cpu_isa isa, uint32_t ids[TEXTS][LONGEST_TOK],
	float want[TEXTS][MAX_EMBD], int32_t n_thread, int64_t batch_tok)
{
	open_llama(isa, n_thread, batch_tok);
	start(batch_tok);
	for (int i = 0; i < TEXTS; i++) {
		submit(i, ids[i], text_tok(i));
	}
	submit_answer(TEXTS, ids[2], 40, 12);
	submit_answer(TEXTS + 1, ids[3], 250, 5);
	run_all();
	for (int i = 0; i < TEXTS; i++) {
		assert_int_equal(ENGINE_DONE, outcome[i].end);
		assert_memory_equal(want[i], outcome[i].vector, sizeof(want[i]));
		assert_int_equal(text_tok(i), outcome[i].usage.prefill_tok);
		assert_int_equal(0, outcome[i].usage.cached_tok);
		assert_int_equal(0, outcome[i].usage.generated_tok);
	}
	assert_int_equal(12, outcome[TEXTS].n_ids);
	assert_int_equal(5, outcome[TEXTS + 1].n_ids);
	close_all();
}

static void the_bits_depend_on_the_text_alone(void **state)
{
	static const enum cpu_isa isa[] = {CPU_ISA_PORTABLE, CPU_ISA_AVX2, CPU_ISA_AVX512};
	static const struct {
		int32_t n_thread;
		int64_t batch_tok;
	} run[] = {{1, 512}, {2, 64}, {3, 17}};
	static uint32_t ids[TEXTS][LONGEST_TOK];
	static float want[TEXTS][MAX_EMBD];

	for (int i = 0; i < TEXTS; i++) {
		fill(ids[i], LONGEST_TOK, (uint64_t)i + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(isa); i++) {
		if (cpu_isa_supported(isa[i])) {
			embed_alone(isa[i], ids, want);
			for (size_t j = 0; j < ARRAY_LEN(run); j++) {
				embed_together(
					isa[i], ids, want, run[j].n_thread, run[j].batch_tok);
			}
		}
	}
}

static void neighbours_change_no_answer(void **state)
{
	uint32_t ids[3][300];
	size_t n_alone;

	for (int i = 0; i < 3; i++) {
		fill(ids[i], 300, (uint64_t)i + 50);
	}
	open_llama(cpu_isa_best(), 2, 64);
	start(64);
	submit_answer(0, ids[0], 200, 40);
	run_all();
	n_alone = outcome[0].n_ids;
	start(64);
	submit_answer(0, ids[0], 200, 40);
	for (int i = 1; i < 12; i++) {
		submit(i, ids[i % 2 + 1], 300);
	}
	run_all();
	assert_int_equal(n_alone, outcome[0].n_ids);
	/* What was embedded is not there for who asks, what was answered is. */
	submit_answer(20, ids[1], 300, 1);
	submit_answer(21, ids[0], 200, 1);
	run_all();
	assert_int_equal(0, outcome[20].usage.cached_tok);
	assert_int_equal(199, outcome[21].usage.cached_tok);
	close_all();
}

/* ---- what counts ---- */

static void the_mean_is_of_the_text_without_marks(void **state)
{
	const struct embedding_run run[] = {{3, 10}, {20, 1}, {29, 100}};
	struct embedding_rule rule = {.n = 3, .pooling = POOLING_MEAN};
	float states[60][3];
	double sum[3] = {0}, length = 0;

	for (int row = 0; row < 60; row++) {
		int counts = (row >= 3 && row < 13) || row == 20 || row >= 29;

		for (int i = 0; i < 3; i++) {
			states[row][i] = (float)((row * 7 + i * 5) % 11) - 3;
			sum[i] += counts ? (double)states[row][i] : 0;
		}
	}
	length = sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
	for (int cut = 1; cut < 60; cut++) {
		struct embedding *embedding = embedding_create(&rule, run, 3, 60);
		const float *got;

		for (int at = 0; at < 60; at += cut) {
			embedding_add(embedding, states[at], at, at + cut < 60 ? cut : 60 - at);
		}
		got = embedding_vector(embedding);
		for (int i = 0; i < 3; i++) {
			assert_true(fabs((double)got[i] - sum[i] / length) < 1e-7);
		}
		embedding_destroy(embedding);
	}
}

static void an_encoder_counts_its_marks_or_its_first_position(void **state)
{
	const struct embedding_run run = {1, 1};
	const float states[3][2] = {{3, 0}, {5, 1}, {1, 8}};
	struct embedding_rule rule = {.n = 2, .pooling = POOLING_MEAN, .counts_marks = 1};
	struct embedding *embedding = embedding_create(&rule, &run, 1, 3);
	const float *got;

	embedding_add(embedding, states[0], 0, 3);
	got = embedding_vector(embedding);
	assert_true(got[0] == got[1] && fabsf(got[0] - (float)sqrt(0.5)) < 1e-7f);
	embedding_destroy(embedding);
	rule.pooling = POOLING_FIRST;
	embedding = embedding_create(&rule, &run, 1, 3);
	embedding_add(embedding, states[0], 0, 3);
	got = embedding_vector(embedding);
	assert_true(got[0] == 1 && got[1] == 0);
	embedding_destroy(embedding);
}

static void what_is_no_number_has_no_direction(void **state)
{
	const struct embedding_run run = {0, 2};
	const float states[3][2][2] = {{{1, NAN}, {1, 1}}, {{1, 2}, {-1, -2}}, {{INFINITY, 1}}};
	struct embedding_rule rule = {.n = 2, .pooling = POOLING_MEAN};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct embedding *embedding = embedding_create(&rule, &run, 1, 2);

		assert_null(embedding_vector(embedding));
		embedding_add(embedding, states[i][0], 0, 2);
		assert_null(embedding_vector(embedding));
		embedding_destroy(embedding);
	}
}

/* ---- how it ends ---- */

static void a_cancel_ends_one_and_no_other(void **state)
{
	uint32_t ids[150];
	float want[MAX_EMBD];

	fill(ids, 150, 9);
	open_llama(cpu_isa_best(), 2, 64);
	start(64);
	submit(1, ids, 150);
	run_all();
	memcpy(want, outcome[1].vector, sizeof(want));
	start(64);
	for (int i = 0; i < 30; i++) { /* more than run at once */
		submit(i, ids, 150);
	}
	scheduler_step(scheduler);
	scheduler_cancel(scheduler, 0);  /* in the middle */
	scheduler_cancel(scheduler, 29); /* still waiting */
	run_all();
	for (int i = 0; i < 30; i++) {
		int is_cancelled = i == 0 || i == 29;

		assert_int_equal(ENGINE_DONE, outcome[i].end);
		assert_int_equal(is_cancelled, outcome[i].stop == ENGINE_STOP_CANCELLED);
		assert_int_equal(is_cancelled ? 0 : MAX_EMBD, outcome[i].n_vector);
		assert_true(is_cancelled || memcmp(want, outcome[i].vector, sizeof(want)) == 0);
	}
	close_all();
}

static void what_cannot_be_embedded_is_refused(void **state)
{
	uint32_t ids[CONTEXT_TOK + 1];

	fill(ids, CONTEXT_TOK + 1, 2);
	open_llama(cpu_isa_best(), 1, 64);
	start(64);
	submit_runs(1, ids, 5, NULL, 0);
	submit(2, ids, CONTEXT_TOK + 1);
	submit(3, ids, CONTEXT_TOK); /* needs no room for an answer */
	ids[3] = 5000;
	submit(4, ids, 10);
	run_all();
	assert_int_equal(ENGINE_FAILED, outcome[1].end);
	assert_int_equal(ERR_USAGE, outcome[1].err.code);
	assert_int_equal(ENGINE_FAILED, outcome[2].end);
	assert_int_equal(ERR_CONTEXT, outcome[2].err.code);
	assert_int_equal(ENGINE_DONE, outcome[3].end);
	assert_int_equal(MAX_EMBD, outcome[3].n_vector);
	assert_int_equal(ENGINE_FAILED, outcome[4].end);
	close_all();
}

static void an_embedding_waits_for_answers_and_gets_its_turn(void **state)
{
	uint32_t ids[200];

	fill(ids, 200, 4);
	open_llama(cpu_isa_best(), 1, 64);
	start(64);
	submit_answer(0, ids, 20, 10);
	scheduler_step(scheduler);
	submit(1, ids, 200);
	submit_answer(2, ids + 50, 100, 3);
	run_all();
	assert_int_equal(2, outcome[1].order);
	assert_int_equal(10, outcome[0].n_ids);
	assert_int_equal(MAX_EMBD, outcome[1].n_vector);
	assert_int_equal(3, outcome[2].n_ids);
	assert_true(scheduler_embed_tok_per_s(scheduler) > 0);
	close_all();
}

static void an_embedding_does_not_wait_for_work_in_passing(void **state)
{
	uint32_t ids[200];

	fill(ids, 200, 4);
	open_llama(cpu_isa_best(), 1, 64);
	start(64);
	submit_prior(0, ids, 20, 30, -1);
	scheduler_step(scheduler);
	submit_prior(1, ids + 50, 100, 30, -1);
	submit(2, ids, 200);
	run_all();
	assert_int_equal(0, outcome[2].order);
	assert_int_equal(30, outcome[0].n_ids);
	assert_int_equal(30, outcome[1].n_ids);
	close_all();
}

/* ---- through the API ---- */

static int64_t submit_text(struct engine *engine, const char *text, int in_turn, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .want_embedding = 1};
	int64_t id;

	if (in_turn) {
		prompt = chat_prompt(text);
	} else {
		prompt_add(&prompt, segment_text(text, strlen(text)));
	}
	id = engine_submit(engine, &request, err);
	prompt_finish(&prompt);
	return id;
}

static double similarity(const float *a, const float *b, size_t n)
{
	double d = distance(a, b, n);

	return 1 - d * d / 2;
}

static void wait_vector(struct engine *engine, int64_t id, float vector[FAKE_EMBD])
{
	struct engine_event event;
	int n = 0;

	do {
		assert_int_equal(1, engine_next(engine, 20000, &event));
		if (event.request == id && event.type == ENGINE_EMBEDDING) {
			assert_int_equal(FAKE_EMBD, event.n_embedding);
			assert_true(event.embed_tok_per_s > 0);
			memcpy(vector, event.embedding, FAKE_EMBD * sizeof(float));
			n++;
		}
	} while (event.request != id || event.type != ENGINE_DONE);
	assert_int_equal(1, n);
}

static void the_api_gives_vectors_that_mean_something(void **state)
{
	const struct engine_config config = {.backend = "fake"};
	float ring[FAKE_EMBD], rings[FAKE_EMBD], turn[FAKE_EMBD], bread[FAKE_EMBD];
	const struct engine_info *info;
	struct engine *engine;
	struct err err;

	fixture_check(engine_open_thread(&engine, &config, &err), &err);
	fixture_check(engine_wait_ready(engine, &err), &err);
	info = engine_info(engine);
	assert_true(info->can_embed && !info->only_embeds);
	assert_int_equal(FAKE_EMBD, info->n_embedding);
	assert_true(info->embed_tok_per_s == 0);
	wait_vector(engine, submit_text(engine, "Where are rings built?", 0, &err), ring);
	assert_true(info->embed_tok_per_s > 0);
	wait_vector(engine, submit_text(engine, "the ring is being built here", 0, &err), rings);
	wait_vector(engine, submit_text(engine, "Where are rings built?", 1, &err), turn);
	wait_vector(engine, submit_text(engine, "oven, flour, yeast", 0, &err), bread);
	assert_memory_equal(ring, turn, sizeof(ring)); /* marks do not count */
	assert_true(similarity(ring, rings, FAKE_EMBD) > similarity(ring, bread, FAKE_EMBD) + 0.2);
	engine_close(engine);
}

static void the_api_refuses_what_is_more_than_an_embedding(void **state)
{
	const struct engine_config config = {.backend = "fake"};
	struct prompt prompt = {0};
	struct engine_request request = {.prompt = &prompt,
		.sampling = engine_sampling_default,
		.want_embedding = 1,
		.max_tok = 1};
	struct engine *engine;
	struct reply reply;
	struct err err;

	fixture_check(engine_open_thread(&engine, &config, &err), &err);
	prompt_add(&prompt, segment_text("x", 1));
	assert_int_equal(-1, engine_submit(engine, &request, &err));
	assert_int_equal(ERR_USAGE, err.code);
	request.max_tok = 0;
	request.want_logits = 1;
	assert_int_equal(-1, engine_submit(engine, &request, &err));
	prompt_finish(&prompt);
	prompt_add(&prompt, segment_mark(PROMPT_USER_OPEN));
	request.want_logits = 0;
	reply = collect(engine, engine_submit(engine, &request, &err), 20000);
	assert_true(reply.has_failed);
	assert_int_equal(ERR_USAGE, reply.last.err.code);
	reply_finish(&reply);
	prompt_finish(&prompt);
	engine_close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_on_every_path_meets_the_golden_embeddings),
		cmocka_unit_test(the_bits_depend_on_the_text_alone),
		cmocka_unit_test(neighbours_change_no_answer),
		cmocka_unit_test(the_mean_is_of_the_text_without_marks),
		cmocka_unit_test(an_encoder_counts_its_marks_or_its_first_position),
		cmocka_unit_test(what_is_no_number_has_no_direction),
		cmocka_unit_test(a_cancel_ends_one_and_no_other),
		cmocka_unit_test(what_cannot_be_embedded_is_refused),
		cmocka_unit_test(an_embedding_waits_for_answers_and_gets_its_turn),
		cmocka_unit_test(an_embedding_does_not_wait_for_work_in_passing),
		cmocka_unit_test(the_api_gives_vectors_that_mean_something),
		cmocka_unit_test(the_api_refuses_what_is_more_than_an_embedding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
