/*
 * Preloaded into a program under test: lets its nth allocation fail, from main() on (what the dynamic
 * linker and constructors do before is not ours). Told by the environment as shim.c is (faults.h).
 */
#include "tests/faults/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The C library's own, which it exports under these names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct faults_state *state; /* NULL: nothing counts */
static uint64_t at;

static int fails(void)
{
	if (!state || atomic_fetch_add(&state->n_seen, 1) + 1 != at) {
		return 0;
	}
	atomic_fetch_add(&state->n_done, 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}

static int is_named(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ',')) {
			return 1;
		}
	}
	return 0;
}

static int (*real_main)(int argc, char **argv, char **env);

static int counted_main(int argc, char **argv, char **env)
{
	const char *number = getenv("FAULTS_AT"), *file = getenv("FAULTS_STATE");
	void *page = MAP_FAILED;
	int fd;

	if (file && is_named(getenv("FAULTS_PROGRAM"), program_invocation_short_name)) {
		fd = open(file, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			page = mmap(
				NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			close(fd);
		}
		if (page == MAP_FAILED) {
			abort(); /* a test that believes in faults that never come */
		}
		at = number ? strtoull(number, NULL, 10) : 0;
		state = page;
		atomic_fetch_add(&state->n_loaded, 1);
	}
	return real_main(argc, argv, env);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
	void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	__typeof__(&__libc_start_main) next;
	void *symbol = dlsym(RTLD_NEXT, "__libc_start_main");

	memcpy(&next, &symbol, sizeof(next));
	real_main = main;
	return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
