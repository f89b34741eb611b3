/* tui/engine_rows.h: what is known of the engine is said, and what is not is unknown. */
#include "tui/engine_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char device[] = "cpu", over[] = "auto";
static const struct desk_turn first = {.id = 1,
				      .usage = {.prefill_tok = 300,
					      .prefill_ms = 3000,
					      .generated_tok = 91,
					      .decode_ms = 10000}},
			      second = {.id = 2,
				      .parent = 1,
				      .usage = {.prefill_tok = 5, /* too few for a rate */
					      .prefill_ms = 100,
					      .generated_tok = 41,
					      .decode_ms = 8000}};
static const struct desk_turn *turn[] = {&first, &second};
static int64_t path[] = {1, 2};

static struct desk_state usual(void)
{
	return (struct desk_state){.engine = DESK_ENGINE_READY,
		.info = {.model_name = "Reader One",
			.architecture = "llama",
			.storage = "Q8_0",
			.backend = "cpu",
			.template_name = "chatml",
			.tokenizer = "bpe",
			.kv_type = "q8",
			.license = "",
			.adapters = "",
			.n_params = 1234567890,
			.weight_bytes = INT64_C(1) << 30,
			.context_tok = 65536,
			.context_train_tok = 131072,
			.kv_bytes_per_tok = 16384,
			.n_thread = 2,
			.process_id = 77},
		.turn = turn,
		.n_turn = 2,
		.path = path,
		.n_path = 2,
		.head = 2,
		.device = device,
		.over = over,
		.sources_tok = 40000,
		.n_source = 1,
		.prompt_tok = 41210,
		.cached_tok = 41210,
		.disk_tok = 1210,
		.reserve_tok = 1024,
		.kv_disk_bytes = INT64_C(3) << 29,
		.kv_limit_bytes = INT64_C(6) << 30,
		.engine_rss_bytes = INT64_C(5) << 28};
}

static const struct engine_row *find(const struct engine_rows *rows, const char *label)
{
	for (size_t i = 0; i < rows->n_row; i++) {
		if (strcmp(rows->row[i].label, label) == 0) {
			return &rows->row[i];
		}
	}
	fail_msg("no row is called %s", label);
	return NULL;
}

static void test_model_device_and_tiers_are_said(void **state)
{
	struct desk_state desk = usual();
	struct desk_event progress = {0};
	struct engine_rows rows = {0};

	(void)state;
	engine_rows_make(&rows, &desk, &progress);
	assert_string_equal(find(&rows, "name")->text, "Reader One");
	assert_string_equal(find(&rows, "parameters")->text, "1,234,567,890");
	assert_string_equal(find(&rows, "weights")->text, "Q8_0 1.0 GiB");
	assert_string_equal(find(&rows, "license")->text, "unknown");
	assert_string_equal(find(&rows, "process")->text, "77, memory 1.2 GiB");
	assert_string_equal(find(&rows, "context")->text, "65,536 tok, trained for 131,072");
	assert_string_equal(find(&rows, "memory")->text,
		"40,000 tok of this prompt, 625.0 MiB; a full window takes 1.0 GiB");
	assert_string_equal(find(&rows, "disk, all of it")->text, "1.5 GiB of 6.0 GiB");
	engine_rows_finish(&rows);
}

static void test_rates_of_answers_and_of_what_is_under_way_are_a_history(void **state)
{
	struct desk_state desk = usual();
	struct desk_event progress = {.doing = DESK_ANSWERING, .rate = 7};
	struct engine_rows rows = {0};
	const struct engine_row *row;

	(void)state;
	engine_rows_make(&rows, &desk, &progress);
	row = find(&rows, "decode");
	assert_int_equal(row->n_value, 3);
	assert_true(row->value[0] == 9 && row->value[1] == 5 && row->value[2] == 7);
	assert_string_equal(row->text, "7.0 tok/s, mean 7.0");
	row = find(&rows, "prefill");
	assert_int_equal(row->n_value, 1);
	assert_string_equal(row->text, "100 tok/s, mean 100");
	engine_rows_finish(&rows);
}

static void test_without_an_engine_nothing_is_a_figure(void **state)
{
	struct desk_state desk = {.engine = DESK_ENGINE_FAILED,
		.sources_tok = -1,
		.prompt_tok = -1,
		.cached_tok = -1,
		.disk_tok = -1,
		.n_source = 1};
	struct desk_event progress = {0};
	struct engine_rows rows = {0};

	(void)state;
	err_set(&desk.engine_err, ERR_ENGINE, "model.gguf", NULL, "it died");
	engine_rows_make(&rows, &desk, &progress);
	assert_string_equal(find(&rows, "engine")->text, "model.gguf: it died");
	assert_int_equal(find(&rows, "engine")->element, ELEMENT_ERROR);
	for (size_t i = 0; i < rows.n_row; i++) {
		const struct engine_row *row = &rows.row[i];

		/* The marks of a meter and the tiers' names are no figures. */
		if (row->text && strcmp(row->label, "for the answer") != 0) {
			assert_null(strpbrk(row->text, "0123456789"));
		}
	}
	assert_string_equal(find(&rows, "sources")->text, "unknown");
	assert_string_equal(find(&rows, "memory")->text, "unknown");
	engine_rows_finish(&rows);
}

static void test_long_texts_go_on_in_the_next_row(void **state)
{
	struct desk_state desk = usual();
	struct desk_event progress = {.doing = DESK_ANSWERING, .rate = 7};
	struct engine_rows rows = {0};
	const struct engine_row *row;

	(void)state;
	engine_rows_make(&rows, &desk, &progress);
	engine_rows_wrap(&rows, 18);
	row = find(&rows, "memory");
	assert_string_equal(row[0].text, "40,000 tok of this");
	assert_string_equal(row[1].text, "prompt, 625.0 MiB;");
	assert_string_equal(row[1].label, "");
	assert_string_equal(row[2].text, "a full window");
	assert_int_equal(row[2].element, ELEMENT_KV_MEMORY);
	row = find(&rows, "decode"); /* its history stands behind its end */
	assert_int_equal(row[0].n_value, 0);
	assert_int_equal(row[1].n_value, 3);
	assert_null(find(&rows, "Speed")->text);
	engine_rows_finish(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_device_and_tiers_are_said),
		cmocka_unit_test(test_rates_of_answers_and_of_what_is_under_way_are_a_history),
		cmocka_unit_test(test_long_texts_go_on_in_the_next_row),
		cmocka_unit_test(test_without_an_engine_nothing_is_a_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
