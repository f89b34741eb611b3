/* Rates and times to the end of what grows dearer as it goes on. */
#include "session/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TOTAL = 6000, CACHED = 640, BATCH = 256 };

/* Of a prefill whose n-th token costs 5 ms and n/500 ms more: from 200 to 59 tokens per second. */
static double ms_at(double n)
{
	return 5 * n + n * n / 1000;
}

static void test_the_end_does_not_move_away_as_tokens_grow_dearer(void **state)
{
	struct pace pace = {.n_sample = 0};
	double before_s = 1e9, eta_s, left_s;

	(void)state;
	pace_add(&pace, CACHED, 0);
	assert_true(pace_rate(&pace, TOTAL, &eta_s) == 0);
	assert_true(eta_s < 0);
	for (int64_t n = CACHED + BATCH; n <= TOTAL; n += BATCH) {
		pace_add(&pace, n, (int64_t)(ms_at((double)n) - ms_at(CACHED)));
		pace_rate(&pace, TOTAL, &eta_s);
		left_s = (ms_at(TOTAL) - ms_at((double)n)) / 1e3;
		if (n >= CACHED + 2 * BATCH) {
			assert_true(eta_s > left_s * 0.9 - 0.1 && eta_s < left_s * 1.1 + 0.1);
			assert_true(eta_s < before_s);
			before_s = eta_s;
		}
	}
}

static void test_the_rate_is_of_late(void **state)
{
	struct pace pace = {.n_sample = 0};
	double eta_s, rate;

	(void)state;
	for (int i = 0; i <= 100; i++) {
		pace_add(&pace, i * 100, i * 100);
	}
	for (int i = 1; i <= 100; i++) {
		pace_add(&pace, 10000 + i * 100, 10000 + i * 1000);
	}
	rate = pace_rate(&pace, 30000, &eta_s);
	assert_true(rate > 90 && rate < 130);
}

static void test_many_steps_of_one_are_as_good_as_few(void **state)
{
	struct pace pace = {.n_sample = 0};
	double eta_s, rate;

	(void)state;
	for (int i = 0; i <= 100000; i++) {
		pace_add(&pace, i, i * 10);
		pace_add(&pace, i, i * 10 + 5); /* nothing was done */
	}
	rate = pace_rate(&pace, 100100, &eta_s);
	assert_true(rate > 99 && rate < 101);
	assert_true(eta_s > 0.98 && eta_s < 1.02);
	pace_rate(&pace, -1, &eta_s);
	assert_true(eta_s < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_does_not_move_away_as_tokens_grow_dearer),
		cmocka_unit_test(test_the_rate_is_of_late),
		cmocka_unit_test(test_many_steps_of_one_are_as_good_as_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
