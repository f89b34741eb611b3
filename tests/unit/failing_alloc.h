/*
 * Allocations that fail: the one counted `failing_at` (from 0; -1: none) of all threads. For programs
 * that are linked with --wrap for the allocator.
 */
#ifndef TESTS_UNIT_FAILING_ALLOC_H
#define TESTS_UNIT_FAILING_ALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_long failing_n_alloc, failing_at = -1;

void *__real_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static int failing_is_next(void)
{
	if (atomic_fetch_add(&failing_n_alloc, 1) == atomic_load(&failing_at)) {
		errno = ENOMEM;
		return 1;
	}
	return 0;
}

void *__wrap_malloc(size_t size)
{
	return failing_is_next() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return failing_is_next() ? NULL : __real_realloc(old, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return failing_is_next() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || failing_is_next()) {
		return NULL;
	}
	return __real_realloc(old, bytes);
}

#endif
