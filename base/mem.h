/*
 * Small allocations. These never return NULL: a process that cannot get a few bytes prints one
 * sentence and exits with status 1 (mem_at_exhaustion() lets the screen restore the terminal
 * first). Anything whose size comes from a file, a model or a document uses malloc and reports an
 * error instead.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);             /* uninitialised */
void *mem_zero(size_t count, size_t size); /* zeroed, overflow checked */
void *mem_resize(void *old, size_t count, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Called once before the process gives up; must not allocate. */
void mem_at_exhaustion(void (*restore)(void));
/* Give up: the sentence, and status 1. */
_Noreturn void mem_exhausted(void);

/*
 * Room for one more element in a growing array: doubles *cap when count has reached it. `array` is
 * the array's lvalue.
 */
#define mem_grow(array, count, cap)                                                                \
	do {                                                                                       \
		if ((count) >= (cap)) {                                                            \
			(cap) = (cap) ? 2 * (cap) : 16;                                            \
			(array) = mem_resize((array), (cap), sizeof(*(array)));                    \
		}                                                                                  \
	} while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
