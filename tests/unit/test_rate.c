/*
 * The fit of batch times: from exact samples it finds their costs, from noisy ones nearly, and what it
 * predicts is what such a machine would take.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "engine/rate.h"

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
			expect_near(machines[m].cost[i], rate.cost[i], 1e-4);
		}
	}
}

/* Ten percent either way, and the past fades: some fifty samples are left to average. */
static void noisy_times_give_them_nearly(void **state)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct rate rate = {0};

		work(&rate, &typical, 400, 0.1, seed);
		expect_near(typical.cost[1], rate.cost[1], 0.1);
		expect_near(typical.cost[2], rate.cost[2], 0.3);
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
	}
	/* Times that fall with depth, as no machine's do. */
	for (int64_t pos = 0; pos < 40000; pos += 1000) {
		rate_add(&rate, 64, depths(pos, 64), 1.0 - (double)pos * 1e-5);
		for (int i = 0; i < RATE_TERMS; i++) {
			assert_true(rate.cost[i] >= 0);
		}
	}
	assert_true(rate_predict(&rate, 0, 1000, 512) > 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_measured_predicts_nothing),
		cmocka_unit_test(exact_times_give_their_costs_back),
		cmocka_unit_test(noisy_times_give_them_nearly),
		cmocka_unit_test(a_prediction_is_the_sum_of_its_batches),
		cmocka_unit_test(few_samples_predict_their_like_and_no_cost_is_negative),
		cmocka_unit_test(the_past_fades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
