/* Sampling: the right distribution, the same token for the same seed and position, each filter. */
#include "engine/sampler.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sampling plain = {
	.temperature = 1, .top_p = 1, .repeat_penalty = 1, .repeat_last = 64, .seed = 11};

static uint32_t pick(struct sampler *sampler, const struct sampling *sampling, const float *logits,
	int64_t position)
{
	return sampler_pick(sampler, sampling, logits, NULL, 0, position, NULL, NULL);
}

static void greedy_takes_the_best_and_the_lowest_of_equals(void **state)
{
	const float logits[5] = {1, 3, -2, 3, 2};
	struct sampling sampling = plain;
	struct sampler *sampler = sampler_create(5);
	double logprob, sum = 0;

	sampling.temperature = 0;
	assert_int_equal(1, sampler_pick(sampler, &sampling, logits, NULL, 0, 9, NULL, &logprob));
	for (int i = 0; i < 5; i++) {
		sum += exp((double)logits[i]);
	}
	assert_true(fabs(logprob - (3 - log(sum))) < 1e-6);
	sampler_destroy(sampler);
}

static void samples_follow_the_softmax(void **state)
{
	enum { N = 8, DRAWS = 200000 };
	struct sampler *sampler = sampler_create(N);
	struct sampling sampling = plain;
	float logits[N];
	double p[N], sum = 0, chi2 = 0;
	int count[N] = {0};

	sampling.temperature = 0.7;
	for (int i = 0; i < N; i++) {
		logits[i] = (float)sin(i * 2.1) * 2;
		sum += p[i] = exp((double)logits[i] / 0.7);
	}
	for (int64_t i = 0; i < DRAWS; i++) {
		count[pick(sampler, &sampling, logits, i)]++;
	}
	for (int i = 0; i < N; i++) {
		double want = DRAWS * p[i] / sum;

		chi2 += (count[i] - want) * (count[i] - want) / want;
	}
	assert_true(chi2 < 24.3); /* 7 degrees of freedom, 1 in 1000; the draws are fixed */
	sampler_destroy(sampler);
}

static void a_token_depends_on_seed_and_position_only(void **state)
{
	enum { N = 1000 };
	struct sampler *a = sampler_create(N), *b = sampler_create(N);
	struct sampling sampling = plain, other = plain;
	float logits[N];
	int differs_by_seed = 0, differs_by_position = 0;

	for (int i = 0; i < N; i++) {
		logits[i] = (float)rng_normal(3, (uint64_t)i) * 2;
	}
	other.seed++;
	for (int64_t i = 0; i < 50; i++) {
		uint32_t id = pick(a, &sampling, logits, i);

		pick(b, &other, logits, i + 7); /* what ran before changes nothing */
		assert_int_equal(id, pick(b, &sampling, logits, i));
		differs_by_seed += id != pick(a, &other, logits, i);
		differs_by_position += id != pick(a, &sampling, logits, i + 1);
	}
	assert_true(differs_by_seed > 25);
	assert_true(differs_by_position > 25);
	sampler_destroy(a);
	sampler_destroy(b);
}

/* Which ids come up in many draws. */
static int64_t draw_many(const struct sampling *sampling, const float *logits, int64_t n,
	uint8_t *came, int64_t draws)
{
	struct sampler *sampler = sampler_create(n);
	int64_t distinct = 0;

	memset(came, 0, (size_t)n);
	for (int64_t i = 0; i < draws; i++) {
		uint32_t id = pick(sampler, sampling, logits, i);

		assert_true(id < n);
		distinct += !came[id];
		came[id] = 1;
	}
	sampler_destroy(sampler);
	return distinct;
}

static void top_k_keeps_the_k_best(void **state)
{
	float logits[300];
	struct sampling sampling = plain;
	uint8_t came[300];

	for (int i = 0; i < 300; i++) {
		logits[i] = (float)((i * 37) % 300) * 0.001f; /* nearly flat: all would come */
	}
	for (int32_t k = 1; k <= 256; k *= 4) {
		sampling.top_k = k;
		assert_int_equal(k, draw_many(&sampling, logits, 300, came, 40 * k + 200));
		for (int i = 0; i < 300; i++) {
			assert_true(!came[i] || (i * 37) % 300 >= 300 - k);
		}
	}
}

static void top_k_of_equals_keeps_the_lowest_ids(void **state)
{
	float logits[100] = {0};
	struct sampling sampling = plain;
	uint8_t came[100];

	sampling.top_k = 5;
	assert_int_equal(5, draw_many(&sampling, logits, 100, came, 400));
	assert_int_equal(1, came[0] && came[1] && came[2] && came[3] && came[4]);
}

static void top_p_keeps_the_smallest_set_that_holds_p(void **state)
{
	enum { N = 5000 };
	float *logits = mem_alloc(N * sizeof(*logits));
	struct sampling sampling = plain;
	uint8_t *came = mem_alloc(N);

	/* 0.5, 0.25, 0.125 ... in the middle of many with next to nothing. */
	for (int i = 0; i < N; i++) {
		logits[i] = -30;
	}
	for (int i = 0; i < 10; i++) {
		logits[2500 - i] = (float)(-i * log(2));
	}
	sampling.top_p = 0.74;
	assert_int_equal(2, draw_many(&sampling, logits, N, came, 400));
	sampling.top_p = 0.76;
	assert_int_equal(3, draw_many(&sampling, logits, N, came, 400));
	assert_true(came[2500] && came[2499] && came[2498]);
	sampling.top_p = 0;
	assert_int_equal(1, draw_many(&sampling, logits, N, came, 50));
	/* A flat distribution needs half of its tokens: more than the first selection takes. */
	memset(logits, 0, N * sizeof(*logits));
	sampling.top_p = 0.1;
	assert_int_equal(500, draw_many(&sampling, logits, N, came, 8000));
	for (int i = 500; i < N; i++) {
		assert_false(came[i]);
	}
	free(logits);
	free(came);
}

static void min_p_keeps_what_is_near_the_best(void **state)
{
	float logits[4] = {0, (float)log(0.5), (float)log(0.11), (float)log(0.09)};
	struct sampling sampling = plain;
	uint8_t came[4];

	sampling.min_p = 0.1;
	assert_int_equal(3, draw_many(&sampling, logits, 4, came, 3000));
	assert_false(came[3]);
}

static void the_penalty_reaches_only_the_last_tokens_and_both_signs(void **state)
{
	const float logits[4] = {2.0f, 1.9f, -1.0f, -1.1f};
	const uint32_t history[] = {1, 0, 3, 3, 3};
	struct sampling sampling = plain;
	struct sampler *sampler = sampler_create(4);
	const float negative[2] = {-1.0f, -1.5f};
	const uint32_t zero = 0;

	sampling.temperature = 0;
	sampling.repeat_penalty = 1.2;
	sampling.repeat_last = 4;
	assert_int_equal(1, sampler_pick(sampler, &sampling, logits, history, 5, 5, NULL, NULL));
	sampling.repeat_last = 5;
	assert_int_equal(0, sampler_pick(sampler, &sampling, logits, history, 5, 5, NULL, NULL));
	sampling.repeat_last = 3;
	assert_int_equal(0, sampler_pick(sampler, &sampling, logits, history, 5, 5, NULL, NULL));
	sampler_destroy(sampler);
	sampler = sampler_create(2);
	sampling.repeat_penalty = 1.6;
	assert_int_equal(1, sampler_pick(sampler, &sampling, negative, &zero, 1, 1, NULL, NULL));
	sampler_destroy(sampler);
}

static void a_mask_leaves_only_its_tokens_and_no_log_probability_changes(void **state)
{
	const float logits[70] = {[0] = 9, [1] = 8, [2] = 7, [66] = 7.5f, [67] = -90};
	const uint64_t mask[2] = {1 << 2, 1 << (66 - 64)}, far[2] = {0, 1 << (67 - 64)};
	struct sampling sampling = plain;
	struct sampler *sampler = sampler_create(70);
	double logprob;
	int n_best = 0;

	sampling.temperature = 0;
	assert_int_equal(66, sampler_pick(sampler, &sampling, logits, NULL, 0, 0, mask, &logprob));
	assert_true(logprob == sampler_logprob(logits, 70, 66));
	sampling.temperature = 1;
	sampling.top_k = 2; /* of those that the mask leaves */
	for (int64_t i = 0; i < 2000; i++) {
		uint32_t id = sampler_pick(sampler, &sampling, logits, NULL, 0, i, mask, NULL);

		assert_true(id == 2 || id == 66);
		n_best += id == 66;
	}
	assert_in_range(n_best, 1150, 1350); /* e^.5 to 1: 1245 */
	/* However unlikely it is. */
	assert_int_equal(67, sampler_pick(sampler, &sampling, logits, NULL, 0, 0, far, NULL));
	sampler_destroy(sampler);
}

static void numbers_that_are_none_are_an_error(void **state)
{
	struct sampler *sampler = sampler_create(3);
	struct sampling sampling = plain;
	float logits[3] = {1, NAN, 2};

	for (int greedy = 0; greedy < 2; greedy++) {
		sampling.temperature = greedy ? 0 : 1;
		logits[1] = NAN;
		assert_int_equal(UINT32_MAX, pick(sampler, &sampling, logits, 0));
		logits[1] = INFINITY;
		assert_int_equal(UINT32_MAX, pick(sampler, &sampling, logits, 0));
		logits[1] = -INFINITY; /* a masked token is none of them */
		assert_true(pick(sampler, &sampling, logits, 0) != 1);
	}
	sampler_destroy(sampler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greedy_takes_the_best_and_the_lowest_of_equals),
		cmocka_unit_test(samples_follow_the_softmax),
		cmocka_unit_test(a_token_depends_on_seed_and_position_only),
		cmocka_unit_test(top_k_keeps_the_k_best),
		cmocka_unit_test(top_k_of_equals_keeps_the_lowest_ids),
		cmocka_unit_test(top_p_keeps_the_smallest_set_that_holds_p),
		cmocka_unit_test(min_p_keeps_what_is_near_the_best),
		cmocka_unit_test(the_penalty_reaches_only_the_last_tokens_and_both_signs),
		cmocka_unit_test(a_mask_leaves_only_its_tokens_and_no_log_probability_changes),
		cmocka_unit_test(numbers_that_are_none_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
