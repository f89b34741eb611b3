/*
 * The fit of batch times: from exact samples it finds their costs, from noisy ones nearly, and what it
 * predicts is what such a machine would take.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/rate.h"
#include "tests/unit/folder_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A machine: seconds per batch, per token, per token and token of depth. */
struct machine {
	double cost[RATE_TERMS];
};

static const struct machine typical = {{2e-3, 4e-3, 2.5e-7}};

static double depths(int64_t first_pos, int64_t n_tok)
{
	return (double)n_tok * ((double)first_pos + (double)(first_pos + n_tok - 1)) / 2;
}

static double time_of(const struct machine *machine, int64_t first_pos, int64_t n_tok)
{
	return machine->cost[0] + (double)n_tok * machine->cost[1] +
	       depths(first_pos, n_tok) * machine->cost[2];
}

/* Batches as a session makes them: prompts in chunks, then single tokens; `noise` is relative. */
static void work(
	struct rate *rate, const struct machine *machine, int n_batch, double noise, uint64_t seed)
{
	static const int64_t size[] = {512, 512, 1, 1, 130, 1, 37, 512, 1, 64};
	int64_t pos = 0;

	for (int i = 0; i < n_batch; i++) {
		int64_t n = size[(size_t)i % ARRAY_LEN(size)];
		double factor = 1 + noise * (2 * rng_uniform(seed, (uint64_t)i) - 1);

		rate_add(rate, n, depths(pos, n), time_of(machine, pos, n) * factor);
		pos = (pos + n * 7) % 60000;
	}
}

static void expect_near(double want, double got, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * fabs(want))) {
		fail_msg("%g is not within %g %% of %g", got, 100 * tolerance, want);
	}
}

static void nothing_measured_predicts_nothing(void **state)
{
	struct rate rate = {0};

	assert_true(rate_predict(&rate, 0, 100, 512) < 0);
	rate_add(&rate, 0, 0, 1);   /* no tokens */
	rate_add(&rate, 5, 10, 0);  /* no time */
	rate_add(&rate, 5, 10, -1); /* a clock that went back */
	rate_add(&rate, 5, 10, NAN);
	assert_true(rate_predict(&rate, 0, 100, 512) < 0);
}

static void exact_times_give_their_costs_back(void **state)
{
	static const struct machine machines[] = {
		{{2e-3, 4e-3, 2.5e-7}}, {{1e-4, 1e-5, 1e-9}}, {{0.5, 0.1, 1e-4}}};

	for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
		struct rate rate = {0};

		work(&rate, &machines[m], 60, 0, 0);
		for (int i = 0; i < RATE_TERMS; i++) {
			expect_near(machines[m].cost[i], rate.many.cost[i], 1e-4);
		}
	}
}

/* Ten percent either way, and the past fades: some fifty samples are left to average. */
static void noisy_times_give_them_nearly(void **state)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct rate rate = {0};

		work(&rate, &typical, 400, 0.1, seed);
		expect_near(typical.cost[1], rate.many.cost[1], 0.1);
		expect_near(typical.cost[2], rate.many.cost[2], 0.3);
		/* A question behind 40,000 tokens, and the whole of them. */
		expect_near(time_of(&typical, 40000, 100), rate_predict(&rate, 40000, 40100, 512),
			0.05);
		expect_near(20 * time_of(&typical, 0, 512) +
				    typical.cost[2] * 512.0 * 512 * 190, /* depth of 20 chunks */
			rate_predict(&rate, 0, 20 * 512, 512), 0.05);
	}
}

static void a_prediction_is_the_sum_of_its_batches(void **state)
{
	struct rate rate = {0};
	double want = 0;

	work(&rate, &typical, 60, 0, 0);
	for (int64_t pos = 1000; pos < 3500; pos += 500) {
		want += time_of(&typical, pos, 500);
	}
	expect_near(want, rate_predict(&rate, 1000, 3500, 500), 1e-3);
	expect_near(want + time_of(&typical, 3500, 7), rate_predict(&rate, 1000, 3507, 500), 1e-3);
	assert_true(rate_predict(&rate, 3500, 3500, 500) == 0);
}

/* At first there are batches of one shape only: what cannot be told apart is not made up. */
static void few_samples_predict_their_like_and_no_cost_is_negative(void **state)
{
	struct rate rate = {0};

	for (int i = 0; i < 8; i++) {
		rate_add(&rate, 512, depths(0, 512), time_of(&typical, 0, 512));
		expect_near(time_of(&typical, 0, 512), rate_predict(&rate, 0, 512, 512), 1e-6);
		/* a question that is shorter is cheaper */
		expect_near(time_of(&typical, 0, 512) / 16, rate_predict(&rate, 0, 32, 512), 0.1);
	}
	/* Times that fall with depth, as no machine's do. */
	for (int64_t pos = 0; pos < 40000; pos += 1000) {
		rate_add(&rate, 64, depths(pos, 64), 1.0 - (double)pos * 1e-5);
		for (int i = 0; i < RATE_TERMS; i++) {
			assert_true(rate.many.cost[i] >= 0);
		}
	}
	assert_true(rate_predict(&rate, 0, 1000, 512) > 0);
}

/* A few short questions do not know how attention grows with depth, nor what a full batch takes. */
static void what_is_far_from_all_that_was_measured_is_not_known(void **state)
{
	struct rate rate = {0};

	rate_add(&rate, 150, depths(0, 150), time_of(&typical, 0, 150));
	rate_add(&rate, 12, depths(170, 12), time_of(&typical, 170, 12));
	assert_true(rate_predict(&rate, 0, 7000, 512) < 0);
	assert_true(rate_predict(&rate, 6990, 7000, 512) < 0);
	assert_true(rate_predict(&rate, 0, 600, 512) > 0);
	assert_true(rate_predict(&rate, 182, 200, 512) > 0);
	for (int64_t pos = 182; pos < 6000; pos += 512) {
		rate_add(&rate, 512, depths(pos, 512), time_of(&typical, pos, 512));
	}
	expect_near(time_of(&typical, 90000, 512), rate_predict(&rate, 90000, 90512, 512), 0.05);
}

static void the_past_fades(void **state)
{
	struct machine slower = typical;
	struct rate rate = {0};

	for (int i = 0; i < RATE_TERMS; i++) {
		slower.cost[i] *= 3; /* somebody else came */
	}
	work(&rate, &typical, 2000, 0.02, 1);
	work(&rate, &slower, 300, 0.02, 2);
	expect_near(time_of(&slower, 20000, 512), rate_predict(&rate, 20000, 20512, 512), 0.05);
}

/* A long answer is nothing but batches of one token, which wait for memory where others compute. */
static void a_long_answer_changes_no_forecast_of_reading(void **state)
{
	const struct machine reads = {{2e-3, 4e-3, 2.5e-7}}, writes = {{3e-2, 0, 2e-6}};
	struct rate rate = {0};

	for (int64_t pos = 0; pos < 20 * 512; pos += 512) {
		rate_add(&rate, 512, depths(pos, 512), time_of(&reads, pos, 512));
	}
	rate_add(&rate, 20, depths(20 * 512, 20), time_of(&reads, 20 * 512, 20));
	for (int64_t pos = 20 * 512; pos < 20 * 512 + 2000; pos++) {
		rate_add(&rate, 1, (double)pos, time_of(&writes, pos, 1));
	}
	expect_near(time_of(&reads, 9000, 300), rate_predict(&rate, 9000, 9300, 512), 1e-3);
	expect_near(time_of(&writes, 11000, 1), rate_predict(&rate, 11000, 11001, 512), 1e-3);
}

/* ---- from run to run ---- */

static char folder[] = "/tmp/carrel-rate-XXXXXX";

static struct rate measured(void)
{
	struct rate rate = {.memory_bytes_per_s = 9.5e9, .disk_bytes_per_s = 1.25e9 / 3};

	work(&rate, &typical, 60, 0.1, 7);
	rate_add_embedding(&rate, 512, 1.0 / 3);
	return rate;
}

static void what_was_measured_survives_digit_for_digit(void **state)
{
	struct rate rate = measured(), again;

	assert_int_equal(-1, rate_load(&again, "rates"));
	assert_int_equal(0, rate_save(&rate, "rates"));
	assert_int_equal(0, rate_load(&again, "rates"));
	assert_true(rate_predict(&rate, 100, 900, 512) == rate_predict(&again, 100, 900, 512));
	assert_true(rate_predict(&rate, 100, 101, 512) == rate_predict(&again, 100, 101, 512));
	assert_true(again.memory_bytes_per_s == 9.5e9 && again.disk_bytes_per_s == 1.25e9 / 3);
	rate_add(&rate, 512, 512 * 256, 1);
	rate_add(&again, 512, 512 * 256, 1);
	assert_memory_equal(&rate, &again, sizeof(rate));
	assert_true(rate_embed_tok_per_s(&again) == 1536);
	assert_int_equal(0, system("test \"$(ls)\" = rates")); /* nothing else is left */
}

static void damaged_in_any_byte_it_is_as_good_as_none(void **state)
{
	const struct rate none = {0};
	struct rate rate = measured(), got;
	struct buf text = BUF_INIT;

	assert_int_equal(0, rate_save(&rate, "rates"));
	assert_int_equal(0, file_read(&text, "rates", 4096, NULL));
	for (size_t i = 0; i < text.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			text.data[i] = (char)(text.data[i] ^ 1 << bit);
			assert_int_equal(-1, rate_parse(&got, text.data, text.len));
			assert_memory_equal(&none, &got, sizeof(got));
			text.data[i] = (char)(text.data[i] ^ 1 << bit);
		}
		assert_int_equal(-1, rate_parse(&got, text.data, i));
	}
	buf_addstr(&text, "x");
	assert_int_equal(-1, rate_parse(&got, text.data, text.len));
	assert_int_equal(0, rate_parse(&got, text.data, text.len - 1));
	buf_finish(&text);
}

static int set_up(void **state)
{
	return folder_enter(folder);
}

static int tear_down(void **state)
{
	return folder_leave(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_measured_predicts_nothing),
		cmocka_unit_test(exact_times_give_their_costs_back),
		cmocka_unit_test(noisy_times_give_them_nearly),
		cmocka_unit_test(a_prediction_is_the_sum_of_its_batches),
		cmocka_unit_test(few_samples_predict_their_like_and_no_cost_is_negative),
		cmocka_unit_test(what_is_far_from_all_that_was_measured_is_not_known),
		cmocka_unit_test(the_past_fades),
		cmocka_unit_test(a_long_answer_changes_no_forecast_of_reading),
		cmocka_unit_test(what_was_measured_survives_digit_for_digit),
		cmocka_unit_test(damaged_in_any_byte_it_is_as_good_as_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
