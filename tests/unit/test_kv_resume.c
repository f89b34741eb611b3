/*
 * What was computed before a restart is not computed after it, and nothing else changes: an engine
 * that goes on from disk answers what one that never stopped answers.
 */
#include "base/buf.h"
#include "base/rng.h"
#include "engine/scheduler.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/folder_fixture.h"

#include <dirent.h>
#include <fcntl.h>

enum { BATCH_TOK = 64, OUT_ROWS = 8, CONTEXT_TOK = 1024, MAX_IDS = 900, ANSWER_TOK = 16 };

static char folder[] = "/tmp/carrel-kv-resume-XXXXXX";
static struct fixture fixture;

/* A scheduler, as a process would have it, and what came of its last request. */
struct desk {
	struct scheduler *scheduler;
	struct engine_event end;
	uint32_t ids[MAX_IDS];
	size_t n_ids;
	float logits[4096]; /* of the last row that was told */
	int64_t disk_tok;   /* of the first PREFILL */
	int n_prefill;
};

static void take_event(void *arg, const struct engine_event *event)
{
	struct desk *desk = arg;

	if (event->type == ENGINE_PREFILL && desk->n_prefill++ == 0) {
		desk->disk_tok = event->disk_tok;
	}
	for (size_t i = 0; event->type == ENGINE_TEXT && i < event->n_ids; i++) {
		desk->ids[desk->n_ids++] = event->ids[i];
	}
	if (event->type == ENGINE_DONE || event->type == ENGINE_FAILED) {
		desk->end = *event;
	}
}

static void open_in(struct desk *desk, const char *kv_folder)
{
	struct scheduler_config config = {.context_tok = CONTEXT_TOK,
		.batch_tok = BATCH_TOK,
		.out_rows = OUT_ROWS,
		.kv_budget_bytes = 200 * backend_cpu.kv_layout(fixture.backend)->page_bytes,
		.model = fixture.model->digest,
		.kv_folder = kv_folder};
	struct err err;

	*desk = (struct desk){0};
	fixture_check(scheduler_create(&desk->scheduler, fixture.model, fixture.backend, &config,
			      (struct scheduler_sink){take_event, desk}, &err),
		&err);
}

static void close_desk(struct desk *desk)
{
	scheduler_destroy(desk->scheduler);
	desk->scheduler = NULL;
}

static struct scheduler_request ask(const uint32_t *ids, size_t n_ids, int64_t max_tok)
{
	return (struct scheduler_request){.id = 1,
		.ids = ids,
		.n_ids = n_ids,
		.max_tok = max_tok,
		.ignore_end = 1,
		.owner = "0123456789abcdef",
		.sampling = {.temperature = 0.8,
			.top_p = 0.95,
			.top_k = 40,
			.repeat_penalty = 1.1,
			.repeat_last = 64,
			.seed = 5}};
}

static void submit(struct desk *desk, const struct scheduler_request *request)
{
	desk->end = (struct engine_event){.type = ENGINE_LOAD};
	desk->n_ids = 0;
	desk->n_prefill = 0;
	scheduler_submit(desk->scheduler, request);
}

static const struct engine_usage *run(struct desk *desk, const struct scheduler_request *request)
{
	submit(desk, request);
	while (scheduler_step(desk->scheduler)) {
	}
	assert_int_equal(ENGINE_DONE, desk->end.type);
	return &desk->end.usage;
}

static void fill(uint32_t *ids, int64_t n, uint64_t seed)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t random[4];

		rng_philox(seed, (uint64_t)i, random);
		ids[i] = random[0] % 700;
	}
}

/* A folder of its own inside the test's, for every test. */
static const char *new_store(void)
{
	static char path[64];
	static int n;

	snprintf(path, sizeof(path), "%s/kv%d", folder, n++);
	return path;
}

static void a_turn_after_a_restart_costs_what_is_new(void **state)
{
	const uint32_t closing[2] = {690, 691};
	uint32_t ids[MAX_IDS];
	const char *store = new_store();
	struct desk whole, desk;
	size_t n = 130;

	open_in(&whole, NULL);
	fill(ids, MAX_IDS, 1);
	for (int turn = 0; turn < 5; turn++) {
		struct scheduler_request request = ask(ids, n, ANSWER_TOK);
		const struct engine_usage *usage;

		request.closing = closing;
		request.n_closing = 2;
		open_in(&desk, store);
		usage = run(&desk, &request);
		assert_int_equal(turn ? 17 : 130, usage->prefill_tok);
		assert_int_equal(turn ? n - 17 : 0, usage->cached_tok);
		assert_int_equal(usage->cached_tok, usage->disk_tok);
		assert_int_equal(usage->disk_tok, desk.disk_tok);
		assert_true((usage->restore_ms > 0) == (turn > 0));
		run(&whole, &request);
		assert_int_equal(ANSWER_TOK, desk.n_ids);
		assert_memory_equal(whole.ids, desk.ids, ANSWER_TOK * sizeof(*ids));
		memcpy(ids + n, desk.ids, ANSWER_TOK * sizeof(*ids));
		memcpy(ids + n + ANSWER_TOK, closing, sizeof(closing));
		n += ANSWER_TOK + 2 + 17;
		close_desk(&desk);
	}
	close_desk(&whole);
}

static void stopped_anywhere_it_goes_on_from_there_with_the_same_answer(void **state)
{
	enum { N = 150 };
	uint32_t ids[N];
	struct desk whole, desk;
	struct scheduler_request all = ask(ids, N, ANSWER_TOK);

	fill(ids, N, 2);
	open_in(&whole, NULL);
	run(&whole, &all);
	for (size_t split = 1; split < N; split++) {
		const char *store = new_store();
		struct scheduler_request first = ask(ids, split, 0);
		const struct engine_usage *usage;

		open_in(&desk, store);
		run(&desk, &first);
		close_desk(&desk);
		open_in(&desk, store);
		usage = run(&desk, &all);
		assert_int_equal(split, usage->disk_tok);
		assert_int_equal(N - split, usage->prefill_tok);
		assert_memory_equal(whole.ids, desk.ids, ANSWER_TOK * sizeof(*ids));
		close_desk(&desk);
	}
	close_desk(&whole);
}

/* As the engine process ends when its client goes away in mid-answer. */
static void abandoned_in_mid_answer_it_keeps_every_token(void **state)
{
	uint32_t ids[MAX_IDS];
	const char *store = new_store();
	struct scheduler_request request = ask(ids, 100, 100);
	static struct desk left; /* what a process that ends may leave behind */
	struct desk desk;

	fill(ids, MAX_IDS, 3);
	open_in(&left, store);
	submit(&left, &request);
	while (left.n_ids < 41) {
		assert_int_equal(1, scheduler_step(left.scheduler));
	}
	memcpy(ids + 100, left.ids, 41 * sizeof(*ids));
	scheduler_abandon(left.scheduler);
	open_in(&desk, store);
	request = ask(ids, 160, 1);
	/* the KV of the last id was still to be computed */
	assert_int_equal(140, run(&desk, &request)->disk_tok);
	close_desk(&desk);
}

static void what_another_process_computed_meanwhile_is_found(void **state)
{
	uint32_t ids[MAX_IDS];
	const char *store = new_store();
	struct desk one, two;
	struct scheduler_request request = ask(ids, 300, ANSWER_TOK);

	fill(ids, MAX_IDS, 4);
	open_in(&two, store);
	open_in(&one, store);
	run(&one, &request);
	assert_int_equal(299, scheduler_cached(two.scheduler, ids, 300, 0).disk_tok);
	assert_int_equal(299, run(&two, &request)->disk_tok);
	assert_memory_equal(one.ids, two.ids, ANSWER_TOK * sizeof(*ids));
	/* and by now it is in memory */
	assert_int_equal(299, scheduler_cached(two.scheduler, ids, 300, 300).cached_tok);
	assert_int_equal(0, scheduler_cached(two.scheduler, ids, 300, 300).disk_tok);
	close_desk(&one);
	close_desk(&two);
}

static void branches_share_what_stands_before_them(void **state)
{
	uint32_t ids[MAX_IDS], fork[MAX_IDS];
	const char *store = new_store();
	struct desk desk;
	struct scheduler_request request = ask(ids, 400, ANSWER_TOK);

	fill(ids, MAX_IDS, 5);
	memcpy(fork, ids, sizeof(ids));
	fill(fork + 333, 100, 6);
	open_in(&desk, store);
	run(&desk, &request);
	close_desk(&desk);
	open_in(&desk, store);
	request.ids = fork;
	assert_int_equal(333, run(&desk, &request)->disk_tok);
	close_desk(&desk);
}

/* Cut every file of pages short: what is mapped of them is gone. */
static int cut_pages(const char *store)
{
	struct buf command = BUF_INIT;
	int status;

	buf_printf(&command, "find %s -name '*.pages' -exec truncate -s 0 {} +", store);
	status = system(buf_str(&command));
	buf_finish(&command);
	return status;
}

static void pages_lost_under_an_answer_cost_time_and_no_token(void **state)
{
	uint32_t ids[MAX_IDS];
	struct desk whole, desk;
	struct scheduler_request request = ask(ids, 300, 60);

	fill(ids, MAX_IDS, 7);
	open_in(&whole, NULL);
	run(&whole, &request);
	/* at several moments: while the prompt is read, and in the answer */
	for (size_t moment = 0; moment < 60; moment += 7) {
		const char *store = new_store();
		struct scheduler_request front = ask(ids, 200, 0);

		open_in(&desk, store);
		run(&desk, &front);
		close_desk(&desk);
		open_in(&desk, store);
		submit(&desk, &request);
		do {
			assert_int_equal(1, scheduler_step(desk.scheduler));
		} while (desk.n_ids < moment);
		assert_int_equal(200, desk.disk_tok);
		assert_int_equal(0, cut_pages(store));
		while (scheduler_step(desk.scheduler)) {
		}
		assert_int_equal(ENGINE_DONE, desk.end.type);
		assert_int_equal(60, desk.n_ids);
		assert_memory_equal(whole.ids, desk.ids, 60 * sizeof(*ids));
		assert_int_equal(300, desk.end.usage.cached_tok + desk.end.usage.prefill_tok);
		assert_int_equal(0, desk.end.usage.cached_tok); /* from the first page on */
		assert_int_equal(0, desk.end.usage.disk_tok);
		close_desk(&desk);
	}
	close_desk(&whole);
}

static void a_folder_that_cannot_be_used_is_said_once_and_done_without(void **state)
{
	uint32_t ids[100];
	struct desk desk;
	struct scheduler_request request = ask(ids, 100, 4);
	struct err trouble;
	char path[96];

	snprintf(path, sizeof(path), "%s/file", folder);
	folder_write(path, "x");
	fill(ids, 100, 8);
	open_in(&desk, path);
	assert_int_equal(1, scheduler_trouble(desk.scheduler, &trouble));
	assert_int_equal(ERR_ENGINE, trouble.code);
	assert_non_null(strstr(trouble.where, path));
	assert_int_equal(0, scheduler_trouble(desk.scheduler, &trouble));
	assert_int_equal(100, run(&desk, &request)->prefill_tok);
	assert_int_equal(0, scheduler_trouble(desk.scheduler, &trouble));
	close_desk(&desk);
}

static void rates_survive_a_restart(void **state)
{
	uint32_t ids[MAX_IDS];
	const char *store = new_store();
	struct desk desk;
	struct scheduler_request request = ask(ids, 300, ANSWER_TOK);

	fill(ids, MAX_IDS, 9);
	open_in(&desk, store);
	assert_true(scheduler_cached(desk.scheduler, ids, 300, 0).predicted_s < 0);
	run(&desk, &request);
	close_desk(&desk);
	open_in(&desk, store);
	fill(ids, MAX_IDS, 10);
	assert_true(scheduler_cached(desk.scheduler, ids, 300, 0).predicted_s > 0);
	close_desk(&desk);
}

/* What a tail does not hold is nothing of another prompt: of no token a byte is left. */
static void a_page_that_is_cleared_holds_nothing(void **state)
{
	static const enum kv_type types[] = {KV_F32, KV_F16, KV_Q8};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const struct backend_ops *ops = &backend_cpu;
		size_t n_set[KV_PAGE_TOK + 1], page_bytes;
		uint8_t *page;

		fixture_backend(&fixture, cpu_isa_best(), types[i], 2, BATCH_TOK);
		page_bytes = (size_t)ops->kv_layout(fixture.backend)->page_bytes;
		for (int32_t from = 0; from <= KV_PAGE_TOK; from++) {
			page = fixture_page(&fixture);
			ops->page_clear(fixture.backend, page, from);
			n_set[from] = 0;
			for (size_t at = 0; at < page_bytes; at++) {
				n_set[from] += page[at] != 0;
			}
			ops->page_free(fixture.backend, page);
		}
		/* each token has as many bytes as the next, and no other stays */
		for (size_t from = 0; from <= KV_PAGE_TOK; from++) {
			assert_int_equal(page_bytes / KV_PAGE_TOK * from, n_set[from]);
		}
	}
}

static int set_up(void **state)
{
	fixture_open(&fixture, "llama-mha-f32.gguf");
	fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 2, BATCH_TOK);
	return folder_enter(folder);
}

static int tear_down(void **state)
{
	fixture_close(&fixture);
	return folder_leave(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: cmocka takes SIGBUS back at the end of every test */
		cmocka_unit_test(pages_lost_under_an_answer_cost_time_and_no_token),
		cmocka_unit_test(a_turn_after_a_restart_costs_what_is_new),
		cmocka_unit_test(stopped_anywhere_it_goes_on_from_there_with_the_same_answer),
		cmocka_unit_test(abandoned_in_mid_answer_it_keeps_every_token),
		cmocka_unit_test(what_another_process_computed_meanwhile_is_found),
		cmocka_unit_test(branches_share_what_stands_before_them),
		cmocka_unit_test(a_folder_that_cannot_be_used_is_said_once_and_done_without),
		cmocka_unit_test(rates_survive_a_restart),
		cmocka_unit_test(a_page_that_is_cleared_holds_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
