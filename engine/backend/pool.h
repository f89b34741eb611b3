/*
 * A pool of threads that computes items of independent work. The calling thread computes
 * too; it is the only one that calls anything here.
 *
 * Work is dealt in chunks by an atomic counter, and a job is over when all of its chunks are: a
 * thread that the system has put aside delays nobody unless it holds a chunk. Threads spin while a
 * batch is under way (between pool_begin and pool_end) and sleep otherwise.
 */
#ifndef ENGINE_BACKEND_POOL_H
#define ENGINE_BACKEND_POOL_H

#include "base/err.h"

#include <stdint.h>

struct pool;

/*
 * n_thread threads, the caller included; 0: one per core that this process may run on. More threads
 * than cores is slow and correct. Where they fill the cores, each thread is pinned to one.
 */
int pool_create(struct pool **out, int32_t n_thread, struct err *err);
void pool_destroy(struct pool *pool); /* NULL-safe */
int32_t pool_threads(const struct pool *pool);

/* A batch of jobs follows closely: wakes the threads, and pins the caller with them until pool_end(). */
void pool_begin(struct pool *pool);
void pool_end(struct pool *pool);

/* fn over 0 ... n_item-1 in ranges; returns when all of it is done. Outside of a batch too. */
void pool_run(struct pool *pool, int64_t n_item, void (*fn)(void *arg, int64_t first, int64_t end),
	void *arg);

#endif
