/* The thread pool computes every item once, with any number of threads, in and out of batches. */
#include "engine/backend/pool.h"

#include "base/mem.h"
#include "engine/backend/cpus.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Two engines of few threads on a big machine must not meet on its first cores. */
static void only_a_pool_that_fills_the_cores_is_pinned(void **state)
{
	cpu_set_t before, within;
	struct cpus cpus;

	assert_int_equal(0, sched_getaffinity(0, sizeof(before), &before));
	cpus_init(&cpus, NULL);
	assert_int_equal(CPU_COUNT(&before), cpus.n_cpu);
	for (int n_thread = 2; n_thread <= 6; n_thread++) {
		struct pool *pool;

		assert_int_equal(0, pool_create(&pool, n_thread, NULL));
		pool_begin(pool);
		assert_int_equal(0, sched_getaffinity(0, sizeof(within), &within));
		assert_int_equal(n_thread < cpus.n_core ? cpus.n_cpu : 1, CPU_COUNT(&within));
		pool_end(pool);
		pool_destroy(pool);
	}
	cpus_finish(&cpus);
}

static char root[64]; /* a made-up /sys/devices/system/cpu */

static void describe_cpu(int cpu, const char *siblings)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cpu%d", root, cpu);
	assert_int_equal(0, mkdir(path, 0700));
	strcat(path, "/topology");
	assert_int_equal(0, mkdir(path, 0700));
	strcat(path, "/thread_siblings_list");
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", siblings);
	fclose(file);
}

static void expect_cpus(const int *allowed, size_t n_allowed, const int *want, int n_core)
{
	size_t bytes = CPU_ALLOC_SIZE(4096);
	cpu_set_t *set = mem_zero(1, bytes);
	struct cpus cpus;

	for (size_t i = 0; i < n_allowed; i++) {
		CPU_SET_S((size_t)allowed[i], bytes, set);
	}
	cpus_init_mask(&cpus, set, bytes, root);
	assert_int_equal(n_allowed, cpus.n_cpu);
	assert_int_equal(n_core, cpus.n_core);
	assert_memory_equal(want, cpus.cpu, n_allowed * sizeof(*want));
	cpus_finish(&cpus);
	free(set);
}

static void one_processor_of_each_core_comes_first(void **state)
{
	static const int all[] = {0, 1, 2, 3, 2000}, all_want[] = {0, 1, 2000, 2, 3};
	/* A core's first processor is not ours: its second leads. */
	static const int some[] = {1, 2, 3}, some_want[] = {1, 2, 3};
	static const int high[] = {2000, 2001}, high_want[] = {2000, 2001};
	char command[96];

	strcpy(root, "/tmp/carrel-cpus-XXXXXX");
	assert_non_null(mkdtemp(root));
	describe_cpu(0, "0,2");
	describe_cpu(1, "1,3");
	describe_cpu(2, "0,2");
	describe_cpu(3, "1,3");
	describe_cpu(2000, "2000-2001");
	expect_cpus(all, ARRAY_LEN(all), all_want, 3);
	expect_cpus(some, ARRAY_LEN(some), some_want, 2);
	expect_cpus(high, ARRAY_LEN(high), high_want, 2); /* 2001 is not described */
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(0, system(command));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_is_computed_once),
		cmocka_unit_test(jobs_in_succession_do_not_meet),
		cmocka_unit_test(only_a_pool_that_fills_the_cores_is_pinned),
		cmocka_unit_test(one_processor_of_each_core_comes_first),
		cmocka_unit_test(the_callers_affinity_is_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
