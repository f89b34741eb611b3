/* The thread pool computes every item once, with any number of threads, in and out of batches. */
#include "engine/backend/pool.h"

#include "base/mem.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_ITEMS = 5000 };

struct work {
	uint8_t times[MAX_ITEMS]; /* not atomic: items are dealt once and joined at the end */
	atomic_int calls;
	int64_t n_item;
};

static void count(void *arg, int64_t first, int64_t end)
{
	struct work *work = arg;

	assert_true(0 <= first && first < end && end <= work->n_item);
	for (int64_t i = first; i < end; i++) {
		work->times[i]++;
	}
	atomic_fetch_add(&work->calls, 1);
}

static void check_run(struct pool *pool, struct work *work, int64_t n_item)
{
	*work = (struct work){.n_item = n_item};
	pool_run(pool, n_item, count, work);
	for (int64_t i = 0; i < MAX_ITEMS; i++) {
		assert_int_equal(i < n_item, work->times[i]);
	}
}

static void every_item_is_computed_once(void **state)
{
	static const int64_t sizes[] = {0, 1, 2, 3, 31, 32, 33, 100, 1023, MAX_ITEMS};
	struct work *work = mem_alloc(sizeof(*work));

	for (int32_t n_thread = 1; n_thread <= 9; n_thread++) {
		struct pool *pool;

		assert_int_equal(0, pool_create(&pool, n_thread, NULL));
		assert_int_equal(n_thread, pool_threads(pool));
		for (int round = 0; round < 6; round++) {
			if (round % 2) {
				pool_begin(pool);
			}
			for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
				check_run(pool, work, sizes[i]);
			}
			if (round % 2) {
				pool_end(pool);
			}
			if (round == 3) {
				usleep(2000); /* the threads are asleep by now */
			}
		}
		pool_destroy(pool);
	}
	free(work);
}

static void sum_one(void *arg, int64_t first, int64_t end)
{
	atomic_fetch_add((atomic_long *)arg, (long)(end - first));
}

/* Small jobs in quick succession are where a late thread could meet the next job. */
static void jobs_in_succession_do_not_meet(void **state)
{
	struct pool *pool;
	atomic_long sum = 0;

	assert_int_equal(0, pool_create(&pool, 3, NULL));
	pool_begin(pool);
	for (int i = 0; i < 20000; i++) {
		pool_run(pool, 2 + i % 7, sum_one, &sum);
	}
	pool_end(pool);
	pool_destroy(pool);
	assert_int_equal(20000 / 7 * (2 + 3 + 4 + 5 + 6 + 7 + 8) + 2, sum);
}

static void the_callers_affinity_is_as_it_was(void **state)
{
	cpu_set_t before, after;
	struct pool *pool;

	assert_int_equal(0, sched_getaffinity(0, sizeof(before), &before));
	assert_int_equal(0, pool_create(&pool, 0, NULL));
	assert_true(pool_threads(pool) >= 1 && pool_threads(pool) <= CPU_COUNT(&before));
	pool_begin(pool);
	pool_end(pool);
	pool_destroy(pool);
	assert_int_equal(0, sched_getaffinity(0, sizeof(after), &after));
	assert_true(CPU_EQUAL(&before, &after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_is_computed_once),
		cmocka_unit_test(jobs_in_succession_do_not_meet),
		cmocka_unit_test(the_callers_affinity_is_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
