#include "engine/backend/pool.h"

#include "base/mem.h"
#include "engine/backend/cpus.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * `state` is (job << 32 | chunks not yet dealt). A thread takes a chunk by compare-and-swap, which
 * fails if the job is another one by then; so a chunk in hand means that the job's description is
 * stable until the chunk is counted in `pending`.
 */
#define CHUNKS_MASK UINT64_C(0xffffffff)

/* Chunks per thread: few enough that neighbours share cache, enough to even out. */
enum { CHUNKS_PER_THREAD = 16 };

/* Rounds of spinning before a thread sleeps (some 100 us) or the caller yields. */
enum { SPIN_ROUNDS = 4000 };

struct job {
	void (*fn)(void *arg, int64_t first, int64_t end);
	void *arg;
	int64_t n_item, n_chunk;
};

struct worker {
	struct pool *pool;
	pthread_t thread;
	int cpu;
};

struct pool {
	_Alignas(64) atomic_uint_fast64_t state;
	_Alignas(64) atomic_int_fast64_t pending; /* chunks not yet finished */
	_Alignas(64) struct job job;

	atomic_int in_batch, n_sleeping;
	atomic_uint batch; /* counts batches, so that a sleeper sees that one has begun */
	int stop;          /* under lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;

	int32_t n_thread, n_worker; /* n_worker are running */
	int spin_rounds;
	struct worker *worker;
	struct cpus cpus;
	int is_pinned;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Items of chunk c: as even as they come, in ascending order. */
static int64_t chunk_start(const struct job *job, int64_t c)
{
	return job->n_item / job->n_chunk * c + job->n_item % job->n_chunk * c / job->n_chunk;
}

/* Compute chunks until none are left to take. */
static void work(struct pool *pool)
{
	uint64_t state = atomic_load(&pool->state);

	while (state & CHUNKS_MASK) {
		int64_t left = (int64_t)(state & CHUNKS_MASK), c;

		if (!atomic_compare_exchange_weak(&pool->state, &state, state - 1)) {
			continue;
		}
		c = pool->job.n_chunk - left;
		pool->job.fn(
			pool->job.arg, chunk_start(&pool->job, c), chunk_start(&pool->job, c + 1));
		atomic_fetch_sub(&pool->pending, 1);
		state = atomic_load(&pool->state);
	}
}

static int has_work(struct pool *pool)
{
	return (atomic_load(&pool->state) & CHUNKS_MASK) != 0;
}

/* Sleep until there is work, a batch begins or the pool ends; returns 0 in the last case. */
static int wait_for_work(struct pool *pool, unsigned seen_batch)
{
	int stop;

	pthread_mutex_lock(&pool->lock);
	atomic_fetch_add(&pool->n_sleeping, 1);
	while (!pool->stop && !has_work(pool) && atomic_load(&pool->batch) == seen_batch) {
		pthread_cond_wait(&pool->wake, &pool->lock);
	}
	atomic_fetch_sub(&pool->n_sleeping, 1);
	stop = pool->stop;
	pthread_mutex_unlock(&pool->lock);
	return !stop;
}

/*
 * Only a pool that fills the cores is pinned: a smaller one cannot know which of them another engine
 * on this machine has taken. A refusal costs speed only.
 */
static void pin_to(struct pool *pool, int cpu)
{
	size_t bytes = pool->cpus.set_bytes;
	cpu_set_t *set;

	if (!pool->is_pinned) {
		return;
	}
	set = mem_zero(1, bytes);
	CPU_SET_S((size_t)cpu, bytes, set);
	(void)pthread_setaffinity_np(pthread_self(), bytes, set);
	free(set);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct pool *pool = worker->pool;
	struct sched_param param = {0};
	unsigned batch;

	pin_to(pool, worker->cpu);
	(void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);
	do {
		int idle = 0;

		batch = atomic_load(&pool->batch);
		work(pool);
		while (atomic_load(&pool->in_batch) && idle < pool->spin_rounds) {
			if (has_work(pool)) {
				work(pool);
				idle = 0;
			}
			relax();
			idle++;
		}
	} while (wait_for_work(pool, batch));
	return NULL;
}

static void wake_all(struct pool *pool)
{
	if (atomic_load(&pool->n_sleeping)) {
		pthread_mutex_lock(&pool->lock);
		pthread_cond_broadcast(&pool->wake);
		pthread_mutex_unlock(&pool->lock);
	}
}

int pool_create(struct pool **out, int32_t n_thread, struct err *err)
{
	struct pool *pool = aligned_alloc(64, (sizeof(*pool) + 63) / 64 * 64);

	*out = NULL;
	if (!pool) {
		return err_set(err, ERR_ENGINE, NULL, NULL, "there is no memory for threads");
	}
	memset(pool, 0, sizeof(*pool));
	cpus_init(&pool->cpus, NULL);
	pool->n_thread = n_thread > 0 ? n_thread : pool->cpus.n_core;
	pool->spin_rounds = pool->n_thread <= pool->cpus.n_cpu ? SPIN_ROUNDS : 0;
	pool->is_pinned = pool->n_thread >= pool->cpus.n_core;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->worker = mem_zero((size_t)pool->n_thread, sizeof(*pool->worker));
	for (int32_t i = 0; i + 1 < pool->n_thread; i++) {
		struct worker *worker = &pool->worker[i];
		int failed;

		worker->pool = pool;
		worker->cpu = pool->cpus.cpu[(i + 1) % pool->cpus.n_cpu];
		failed = pthread_create(&worker->thread, NULL, worker_main, worker);
		if (failed) {
			int n = (int)pool->n_thread;

			pool_destroy(pool);
			return err_set_errno(err, ERR_ENGINE, failed, NULL,
				"cannot start thread %d of %d", (int)i + 2, n);
		}
		pool->n_worker++;
	}
	*out = pool;
	return 0;
}

void pool_destroy(struct pool *pool)
{
	if (!pool) {
		return;
	}
	pthread_mutex_lock(&pool->lock);
	pool->stop = 1;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (int32_t i = 0; i < pool->n_worker; i++) {
		pthread_join(pool->worker[i].thread, NULL);
	}
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	cpus_finish(&pool->cpus);
	free(pool->worker);
	free(pool);
}

int32_t pool_threads(const struct pool *pool)
{
	return pool->n_thread;
}

void pool_begin(struct pool *pool)
{
	if (pool->n_worker == 0) {
		return;
	}
	pin_to(pool, pool->cpus.cpu[0]);
	atomic_store(&pool->in_batch, 1);
	atomic_fetch_add(&pool->batch, 1);
	wake_all(pool);
}

void pool_end(struct pool *pool)
{
	if (pool->n_worker == 0) {
		return;
	}
	atomic_store(&pool->in_batch, 0);
	if (pool->is_pinned) {
		(void)pthread_setaffinity_np(
			pthread_self(), pool->cpus.set_bytes, pool->cpus.allowed);
	}
}

void pool_run(struct pool *pool, int64_t n_item, void (*fn)(void *arg, int64_t first, int64_t end),
	void *arg)
{
	int64_t n_chunk = (int64_t)pool->n_thread * CHUNKS_PER_THREAD;
	uint64_t job = (atomic_load(&pool->state) >> 32) + 1;
	int idle = 0;

	if (n_item <= 0) {
		return;
	}
	n_chunk = n_chunk < n_item ? n_chunk : n_item;
	if (pool->n_worker == 0 || n_chunk == 1) {
		fn(arg, 0, n_item);
		return;
	}
	/* Nobody holds a chunk of the job before, so nobody reads this while it is written. */
	pool->job = (struct job){.fn = fn, .arg = arg, .n_item = n_item, .n_chunk = n_chunk};
	atomic_store(&pool->pending, n_chunk);
	atomic_store(&pool->state, job << 32 | (uint64_t)n_chunk);
	wake_all(pool);
	work(pool);
	while (atomic_load(&pool->pending) > 0) {
		relax();
		if (++idle > pool->spin_rounds) {
			sched_yield();
		}
	}
}
