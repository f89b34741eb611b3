/* tui/meter_lines.h: what the lines of figures say at every width, and what they say of the unknown. */
#include "tui/cells.h"
#include "tui/meter_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As on the screen of the design. */
static const struct desk_turn first = {.id = 13}, second = {.id = 14, .parent = 13};
static const struct desk_turn *turns[] = {&first, &second};
static int64_t path[] = {13, 14};
/* What a state and a plan own is not constant. */
static char session_id[] = "0123456789abcdef", session_name[] = "nccl-review",
	    device[] = "cpu 2 threads", over_auto[] = "auto", over_fail[] = "fail",
	    dropped[] = "without S2 spec.pdf", file_name[] = "src/init.cc",
	    new_source[] = "S1 a: new", odd_file[] = "\xe6\xbc\xa2\xe5\xad\x97\x1b[31m",
	    odd_name[] = "\xe6\xbc\xa2\xe5\xad\x97 \x1b]52;c;x\a name";
static struct desk_source source;
static const struct desk_event idle;

static struct desk_state usual(void)
{
	return (struct desk_state){.session_id = session_id,
		.session_name = session_name,
		.is_kept = 1,
		.source = &source,
		.n_source = 1,
		.turn = turns,
		.n_turn = 2,
		.path = path,
		.n_path = 2,
		.head = 14,
		.engine = DESK_ENGINE_READY,
		.info = {.model_name = "Reader One",
			.storage = "Q8_0",
			.backend = "cpu",
			.kv_type = "q8",
			.n_params = 1000000000,
			.context_tok = 65536,
			.kv_bytes_per_tok = 17408,
			.n_thread = 2},
		.device = device,
		.over = over_auto,
		.sources_tok = 1204331,
		.prompt_tok = 41210,
		.cached_tok = 41210,
		.reserve_tok = 1024};
}

static char *at(struct figures *figures, int columns)
{
	struct buf out = BUF_INIT;

	figures_text(figures, columns, &out);
	figures_finish(figures);
	return buf_take(&out);
}

#define assert_line(figures, columns, text)                                                        \
	do {                                                                                       \
		char *line_ = at(figures, columns);                                                \
		assert_string_equal(line_, text);                                                  \
		free(line_);                                                                       \
	} while (0)

/* Whether `part` stands in the line (`is`), or does not. */
static void check_part(struct figures *figures, int columns, const char *part, int is)
{
	char *line = at(figures, columns);

	if (!!strstr(line, part) != is) {
		fail_msg("\"%s\" %s \"%s\"", line, is ? "lacks" : "has", part);
	}
	free(line);
}

static void test_the_name_line_is_as_designed(void **state)
{
	struct desk_state desk = usual();
	struct figures figures = {0};

	(void)state;
	meter_name_line(&figures, &desk);
	assert_line(&figures, 78,
		"nccl-review >main            Reader One 1B Q8_0 64K   cpu 2t   KV q8 17 KB/tok");
	meter_name_line(&figures, &desk);
	assert_line(
		&figures, 65, "nccl-review >main          1B Q8_0 64K   cpu 2t   KV q8 17 KB/tok");
	meter_name_line(&figures, &desk);
	assert_line(&figures, 44, "nccl-review >main       1B Q8_0 64K   cpu 2t");
	meter_name_line(&figures, &desk);
	assert_line(&figures, 20, "nccl-review >main");
	meter_name_line(&figures, &desk);
	assert_line(&figures, 11, "nccl-review");
}

static void test_an_engine_that_is_not_there_is_said_and_has_no_figures(void **state)
{
	struct desk_state desk = usual();
	struct figures figures = {0};
	struct desk_preview preview = {0};

	(void)state;
	desk.info = (struct engine_info){0};
	desk.engine = DESK_ENGINE_LOADING;
	meter_name_line(&figures, &desk);
	assert_line(&figures, 60, "nccl-review >main                       the model is loading");
	desk.engine = DESK_ENGINE_FAILED;
	meter_name_line(&figures, &desk);
	assert_line(&figures, 60, "nccl-review >main                      the engine has failed");
	desk.engine = DESK_ENGINE_NONE;
	desk.sources_tok = desk.prompt_tok = desk.cached_tok = -1;
	meter_name_line(&figures, &desk);
	assert_line(&figures, 60, "nccl-review >main                                   no model");
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 60, "sources unknown/5,000,000   window unknown");
}

/* The way of a tree with these parents: [0] is none, [i] that of turn i; -1 ends them. */
static void check_way(int64_t head, const char *way, const int64_t *parent)
{
	struct desk_turn turn[16];
	const struct desk_turn *list[16];
	int64_t ids[16];
	struct desk_state desk = usual();
	struct buf out = BUF_INIT;
	size_t n = 0;

	for (int64_t i = 1; parent[i] >= 0; i++) {
		turn[n] = (struct desk_turn){.id = i, .parent = parent[i]};
		list[n] = &turn[n];
		n++;
	}
	desk.turn = list;
	desk.n_turn = n;
	desk.path = ids;
	desk.n_path = 0;
	desk.head = head;
	for (int64_t id = head; id; id = parent[id]) {
		memmove(ids + 1, ids, desk.n_path++ * sizeof(*ids));
		ids[0] = id;
	}
	meter_branch(&out, &desk);
	assert_string_equal(buf_str(&out), way);
	buf_finish(&out);
}

#define assert_way(head, way, ...) check_way(head, way, (const int64_t[]){0, __VA_ARGS__, -1})

static void test_a_way_is_called_by_the_turn_that_left_an_older_one(void **state)
{
	(void)state;
	assert_way(3, "main", 0, 1, 2);
	assert_way(4, "#4", 0, 1, 2, 1);
	assert_way(5, "#4", 0, 1, 2, 1, 4);
	assert_way(3, "main", 0, 1, 2, 1, 4);
	assert_way(7, "#7", 0, 1, 2, 1, 4, 5, 5);
	assert_way(2, "#2", 0, 0);
	assert_way(2, "behind #2", 0, 1, 2);
	assert_way(0, "new", 0, 1);
}

static void test_the_scales_are_as_designed(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {0};
	struct figures figures = {0};

	(void)state;
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 80,
		"sources 1,204,331/5,000,000 [##......] 24%   window 41,210/65,536 [#####..~] 62%");
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 60, "sources 1,204,331/5,000,000 24%   window 41,210/65,536 62%");
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 52, "sources 1,204,331/5,000,000   window 41,210/65,536");
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 24, "window 41,210/65,536");
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 21, "window 41,210/65,536");
}

static void test_the_window_shows_tiers_the_question_and_the_reserve(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {.serial = 1, .question_tok = 200};
	struct figures figures = {0};
	struct figure *bar;
	char shown[21] = "";

	(void)state;
	desk.info.context_tok = 2000;
	desk.prompt_tok = 600;
	desk.cached_tok = 400;
	desk.disk_tok = 100;
	desk.reserve_tok = 500;
	meter_scale_line(&figures, &desk, &preview, &idle);
	bar = &figures.figure[4];
	assert_null(bar->text);
	bar->columns = 22;
	for (int i = 0; i < 20; i++) {
		shown[i] = figures_bar_at(bar, i).shown;
	}
	assert_string_equal(shown, "###=--++.......~~~~~");
	figures_finish(&figures);
	meter_scale_line(&figures, &desk, &preview,
		&(struct desk_event){.doing = DESK_PREFILLING, .done = 550, .total = 800});
	bar = &figures.figure[4];
	bar->columns = 22;
	for (int i = 0; i < 20; i++) {
		shown[i] = figures_bar_at(bar, i).shown;
	}
	assert_string_equal(shown, "#####=++.......~~~~~");
	figures_finish(&figures);
	meter_scale_line(&figures, &desk, &preview, &idle);
	bar = &figures.figure[4];
	bar->columns = 22;
	assert_int_equal(figures_bar_at(bar, 0).element, ELEMENT_KV_MEMORY);
	assert_int_equal(figures_bar_at(bar, 3).element, ELEMENT_KV_DISK);
	assert_int_equal(figures_bar_at(bar, 4).element, ELEMENT_KV_ABSENT);
	assert_int_equal(figures_bar_at(bar, 6).element, ELEMENT_METER_USED);
	figures_finish(&figures);

	desk.sources_tok = 250;
	meter_scale_line(&figures, &desk, &preview, &idle);
	assert_line(&figures, 160,
		"sources 250/5,000,000 [#...................] <1%   "
		"window 800/2,000 [###=--++........~~~~~] 40%  turns 350  "
		"question 200  answer up to 500  on disk 100  new 200");
}

static void test_the_question_counts_as_it_is_typed(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {.serial = 3, .question_tok = 28, .total_tok = 41245};
	struct figures figures = {0};

	(void)state;
	meter_scale_line(&figures, &desk, &preview, &idle);
	check_part(&figures, 60, "window 41,238/65,536", 1);
}

static void test_more_than_the_window_is_told_as_such(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {0};
	struct figures figures = {0};
	struct figure *bar;

	(void)state;
	desk.prompt_tok = 90000;
	meter_scale_line(&figures, &desk, &preview, &idle);
	check_part(&figures, 80, "window 90,000/65,536 [########] 137%", 1);
	desk.prompt_tok = 5000000;
	meter_scale_line(&figures, &desk, &preview, &idle);
	bar = &figures.figure[4];
	bar->columns = 22;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(figures_bar_at(bar, i).shown, '#');
		assert_int_equal(figures_bar_at(bar, i).element, ELEMENT_METER_FULL);
	}
	check_part(&figures, 80, ">999%", 1);
}

static void test_the_rate_of_a_short_answer_has_two_digits(void **state)
{
	struct desk_turn turn = {.id = 1,
		.usage = {
			.prompt_tok = 50, .cached_tok = 50, .generated_tok = 42, .decode_ms = 12}};
	const struct desk_turn *all[] = {&turn};
	struct desk_state desk = usual();
	struct figures figures = {0};

	(void)state;
	desk.turn = all;
	desk.n_turn = 1;
	desk.head = 1;
	meter_last_line(&figures, &desk);
	assert_line(&figures, 100, "#1: 50 cached, 42 answered at 3,400 tok/s");
	turn.usage.decode_ms = 900;
	meter_last_line(&figures, &desk);
	check_part(&figures, 100, "at 46 tok/s", 1);
	turn.usage.decode_ms = 9000;
	meter_last_line(&figures, &desk);
	check_part(&figures, 100, "at 4.6 tok/s", 1);
	turn.usage.generated_tok = 400;
	turn.usage.decode_ms = 123;
	meter_last_line(&figures, &desk);
	check_part(&figures, 100, "at 3,244 tok/s", 1);
}

static void test_progress_has_rate_eta_how_to_stop_and_what_waits(void **state)
{
	struct desk_state desk = usual();
	struct desk_event progress = {.doing = DESK_PREFILLING,
		.done = 182,
		.total = 300,
		.unit = "tok",
		.rate = 96.04,
		.eta_s = 1.2};
	struct figures figures = {0};

	(void)state;
	desk.decode_tok_per_s = 9.1;
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	assert_line(&figures, 80,
		"> prefill 60% 182/300 tok  96.0 tok/s  ETA 1.2 s  decode 9.1 tok/s  Ctrl-C stops");
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	assert_line(&figures, 24, "> prefill 60%  ETA 1.2 s");
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	assert_line(&figures, 9, "> prefill");
	desk.n_waiting = 1;
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	check_part(&figures, 100, "waiting: 1", 1);
	progress.doing = DESK_LOADING;
	progress.unit = "B";
	progress.done = 1 << 20;
	progress.total = -1;
	progress.rate = 1 << 19;
	progress.eta_s = -1;
	progress.text = file_name;
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	check_part(&figures, 100, "1.0 MiB  512.0 KiB/s  2.0 s", 1);
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	check_part(&figures, 100, "src/init.cc", 1);
	meter_progress_line(&figures, &progress, &desk, 2, "^C");
	check_part(&figures, 100, "ETA", 0);
	progress = (struct desk_event){
		.doing = DESK_MODEL_LOADING, .done = 43, .total = 100, .unit = "%", .eta_s = -1};
	meter_progress_line(&figures, &progress, &desk, 0, "^C");
	check_part(&figures, 100, " 43%  Ctrl-C", 1);
}

static void test_a_plan_says_what_yes_costs(void **state)
{
	char *text[] = {dropped};
	struct desk_state desk = usual();
	struct desk_plan plan = {.verb = "drop",
		.text = text,
		.n_text = 1,
		.before = {.total_tok = 50000, .cached_tok = 49900, .seconds = 0.5},
		.after = {.total_tok = 41400, .cached_tok = 90, .seconds = 7.5}};
	struct figures figures = {0};

	(void)state;
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	assert_line(&figures, 140,
		"without S2 spec.pdf: 41,210 tokens behind it are computed again, about 7.0 s. "
		"y drops, n does not");
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	assert_line(&figures, 78,
		"without S2 spec.pdf: 41,210 tokens computed again, about 7.0 s. y drops");
	plan.after.cached_tok = 41390;
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 140, "spec.pdf: nothing is computed again. y drops", 1);
	plan.after.cached_tok = 90;
	plan.after.seconds = -1;
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 140, "about", 0);
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	assert_line(&figures, 16, "without S2 s>. y");
	plan.after = (struct session_cost){-1, -1, -1, -1};
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 140, "without S2 spec.pdf: what it costs is unknown. y drops", 1);
	plan.verb = "refresh";
	plan.before = (struct session_cost){.total_tok = 1000, .cached_tok = 1000, .seconds = 0};
	plan.after = (struct session_cost){.total_tok = 1500, .cached_tok = 1100, .seconds = 4};
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 140, ": 500 tokens, 400 to compute, about 4.0 s. y refreshes,", 1);
	plan.after.cached_tok = 1500;
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 140, ": 500 tokens, none to compute. y refreshes,", 1);
	plan.verb = "load";
	plan.after = (struct session_cost){.total_tok = 900000, .seconds = -1};
	meter_plan_line(&figures, &plan, &desk, METER_PLAN_NEXT);
	check_part(&figures, 200, "does not fit: auto reads it in parts", 1);
}

static void test_the_cost_stands_before_enter(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {.serial = 1,
		.new_tok = 28,
		.cached_tok = 41210,
		.seconds = 0.6,
		.decode_tok_per_s = 9.1,
		.fits = 1};
	struct figures figures = {0};

	(void)state;
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 72,
		"next: 28 new, 41,210 cached, first word in about 0.6 s, then 9.1 tok/s");
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 60, "next: 28 new, 41,210 cached, first word in about 0.6 s");
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 50, "28 new, 41,210 cached, first word in about 0.6 s");
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 6, "28 new");
	preview.seconds = 0.01;
	meter_cost_line(&figures, &preview, &desk);
	check_part(&figures, 60, "first word in under 0.1 s", 1);
	preview.seconds = -1;
	preview.decode_tok_per_s = 0;
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 80, "next: 28 new, 41,210 cached, first word: unknown");
	desk.engine = DESK_ENGINE_FAILED;
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 80, "");
	desk.engine = DESK_ENGINE_READY;
	preview = (struct desk_preview){0};
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 80, "");
}

static void test_what_does_not_fit_is_said_with_what_is_done(void **state)
{
	struct desk_state desk = usual();
	struct desk_preview preview = {.serial = 1, .new_tok = 900000, .total_tok = 900000};
	struct figures figures = {0};

	(void)state;
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 60, "does not fit: auto reads it in parts");
	desk.over = over_fail;
	meter_cost_line(&figures, &preview, &desk);
	assert_line(&figures, 60, "does not fit: /over auto would read it in parts");
}

/* Every line at every width, with figures beyond all measure and names of every kind. */
static void test_no_line_is_wider_than_it_may_be(void **state)
{
	char *text[] = {new_source, new_source, new_source};
	struct desk_state desk = usual();
	struct desk_preview preview = {.serial = 1,
		.new_tok = INT64_MAX,
		.cached_tok = INT64_MAX,
		.question_tok = INT64_MAX / 4,
		.total_tok = INT64_MAX / 2,
		.seconds = 1e300,
		.decode_tok_per_s = 1e300,
		.fits = 1};
	struct desk_event progress = {.doing = DESK_SWEEPING,
		.done = INT64_MAX,
		.total = INT64_MAX,
		.unit = "windows",
		.rate = 1e18,
		.eta_s = 1e300,
		.text = odd_file};
	struct desk_plan plan = {.verb = "load",
		.text = text,
		.n_text = 3,
		.n_skipped = 7,
		.after = {.total_tok = INT64_MAX / 2, .seconds = 1e300}};

	(void)state;
	desk.session_name = odd_name;
	desk.sources_tok = desk.prompt_tok = desk.disk_tok = INT64_MAX / 4;
	desk.cached_tok = INT64_MAX / 3;
	desk.reserve_tok = INT64_MAX / 2;
	for (int columns = 1; columns <= 500; columns++) {
		struct figures line[6] = {{{{0}}, 0}};

		meter_name_line(&line[0], &desk);
		meter_scale_line(&line[1], &desk, &preview, &idle);
		meter_one_line(&line[2], &desk, &preview);
		meter_progress_line(&line[3], &progress, &desk, 1e300, "^C");
		meter_plan_line(&line[4], &plan, &desk, METER_PLAN_NEXT);
		meter_cost_line(&line[5], &preview, &desk);
		for (size_t i = 0; i < 6; i++) {
			struct buf out = BUF_INIT;
			int only_what_stays = 1;

			figures_text(&line[i], columns, &out);
			for (size_t f = 0; f < line[i].n_figure; f++) {
				only_what_stays &= line[i].figure[f].rank == 0;
			}
			assert_true(
				only_what_stays || cells_width(buf_str(&out), out.len) <= columns);
			buf_finish(&out);
			figures_finish(&line[i]);
		}
	}
}

static void test_more_fields_than_there_is_room_for_are_no_more(void **state)
{
	struct figures figures = {0};

	(void)state;
	for (int i = 0; i < 2 * FIGURES_MAX; i++) {
		figures_add(&figures, 1, 1, ELEMENT_TEXT, "%d", i);
	}
	assert_int_equal(figures.n_figure, FIGURES_MAX);
	figures_finish(&figures);
}

static void test_keys_are_named_as_people_say_them(void **state)
{
	static const char *const row[][2] = {
		{"^C", "Ctrl-C"}, {"M-x y", "Alt-x"}, {"F10 q", "F10"}, {"", ""}, {"^", "^"}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct buf out = BUF_INIT;

		meter_key(&out, row[i][0]);
		assert_string_equal(buf_str(&out), row[i][1]);
		buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_name_line_is_as_designed),
		cmocka_unit_test(test_an_engine_that_is_not_there_is_said_and_has_no_figures),
		cmocka_unit_test(test_a_way_is_called_by_the_turn_that_left_an_older_one),
		cmocka_unit_test(test_the_scales_are_as_designed),
		cmocka_unit_test(test_the_window_shows_tiers_the_question_and_the_reserve),
		cmocka_unit_test(test_the_question_counts_as_it_is_typed),
		cmocka_unit_test(test_more_than_the_window_is_told_as_such),
		cmocka_unit_test(test_the_rate_of_a_short_answer_has_two_digits),
		cmocka_unit_test(test_progress_has_rate_eta_how_to_stop_and_what_waits),
		cmocka_unit_test(test_a_plan_says_what_yes_costs),
		cmocka_unit_test(test_the_cost_stands_before_enter),
		cmocka_unit_test(test_what_does_not_fit_is_said_with_what_is_done),
		cmocka_unit_test(test_no_line_is_wider_than_it_may_be),
		cmocka_unit_test(test_more_fields_than_there_is_room_for_are_no_more),
		cmocka_unit_test(test_keys_are_named_as_people_say_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
