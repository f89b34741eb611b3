#include "engine/kv/mapping.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What the handler goes by: a list that only grows (a guard is used again, never freed), since a
 * handler may be walking it on any thread. `version` is odd while a guard changes.
 */
struct kv_guard {
	_Atomic(struct kv_guard *) next;
	atomic_uint version;
	atomic_uintptr_t begin, end;
	atomic_size_t slot_bytes;
	_Atomic(atomic_uint *) lost; /* a bit for each slot */
	atomic_uint n_fault;
	int is_free; /* under `lock` */
};

static _Atomic(struct kv_guard *) guards;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static size_t memory_page_bytes;

static int step_in(struct kv_guard *guard, uintptr_t at)
{
	unsigned version = atomic_load(&guard->version);
	uintptr_t begin = atomic_load(&guard->begin), end = atomic_load(&guard->end);
	size_t slot_bytes = atomic_load(&guard->slot_bytes);
	atomic_uint *lost = atomic_load(&guard->lost);
	uintptr_t page = at & ~(uintptr_t)(memory_page_bytes - 1);

	if (version % 2 || version != atomic_load(&guard->version) || at < begin || at >= end) {
		return 0;
	}
	atomic_fetch_or(
		&lost[(at - begin) / slot_bytes / 32], 1U << (at - begin) / slot_bytes % 32);
	atomic_fetch_add(&guard->n_fault, 1);
	/* mmap() is no more than its system call. */
	return mmap((void *)page, memory_page_bytes, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* For addresses that are not ours: as if there were no handler here. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	static _Thread_local int is_passing; /* who comes before may pass on to us */
	const struct sigaction *to = &before;

	if (!is_passing && to->sa_flags & SA_SIGINFO) {
		is_passing = 1;
		to->sa_sigaction(number, info, context);
		is_passing = 0;
	} else if (!is_passing && to->sa_handler != SIG_DFL && to->sa_handler != SIG_IGN) {
		is_passing = 1;
		to->sa_handler(number);
		is_passing = 0;
	} else {
		/* The instruction is run again, and the signal ends the process. */
		signal(SIGBUS, SIG_DFL);
		if (info->si_code <= 0) {
			raise(SIGBUS);
		}
	}
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	int saved = errno, is_ours = 0;

	/* Only where memory is behind it: not for a SIGBUS that somebody sent. */
	if (info->si_code > 0) {
		for (struct kv_guard *guard = atomic_load(&guards); guard && !is_ours;
			guard = atomic_load(&guard->next)) {
			is_ours = step_in(guard, (uintptr_t)info->si_addr);
		}
	}
	errno = saved;
	if (!is_ours) {
		pass_on(number, info, context);
	}
}

/* In front of whoever handles it now; that may be somebody who came after the last mapping. */
static void install(void)
{
	struct sigaction action, now;

	pthread_mutex_lock(&lock);
	memory_page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (sigaction(SIGBUS, NULL, &now) == 0 &&
		!(now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus)) {
		memset(&action, 0, sizeof(action));
		action.sa_sigaction = on_sigbus;
		action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
		sigemptyset(&action.sa_mask);
		before = now;
		sigaction(SIGBUS, &action, NULL);
	}
	pthread_mutex_unlock(&lock);
}

static struct kv_guard *guard_of(struct kv_mapping *mapping, size_t n_bytes)
{
	struct kv_guard *guard;
	size_t n_word = (size_t)(mapping->n_slot + 31) / 32;
	atomic_uint *lost = calloc(n_word, sizeof(*lost));

	if (!lost) {
		return NULL;
	}
	pthread_mutex_lock(&lock);
	for (guard = atomic_load(&guards); guard && !guard->is_free;
		guard = atomic_load(&guard->next)) {
	}
	if (!guard) {
		guard = mem_zero(1, sizeof(*guard));
		atomic_store(&guard->next, atomic_load(&guards));
		atomic_store(&guards, guard);
	}
	guard->is_free = 0;
	atomic_fetch_add(&guard->version, 1);
	atomic_store(&guard->begin, (uintptr_t)mapping->base);
	atomic_store(&guard->end, (uintptr_t)mapping->base + n_bytes);
	atomic_store(&guard->slot_bytes, (size_t)mapping->slot_bytes);
	atomic_store(&guard->lost, lost);
	atomic_store(&guard->n_fault, 0);
	atomic_fetch_add(&guard->version, 1);
	pthread_mutex_unlock(&lock);
	return guard;
}

int kv_mapping_open(
	struct kv_mapping *mapping, int fd, int64_t first_slot, int64_t n_slot, int64_t slot_bytes)
{
	size_t n_bytes = (size_t)(n_slot * slot_bytes);
	void *base;

	install();
	base = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, fd, first_slot * slot_bytes);
	if (base == MAP_FAILED) {
		return -1;
	}
	*mapping = (struct kv_mapping){
		.base = base,
		.first_slot = first_slot,
		.n_slot = n_slot,
		.slot_bytes = slot_bytes,
	};
	mapping->guard = guard_of(mapping, n_bytes);
	if (!mapping->guard) {
		munmap(base, n_bytes);
		errno = ENOMEM;
		return -1;
	}
	/* What a document's KV says about it is no business of a core dump's. */
	madvise(base, n_bytes, MADV_DONTDUMP);
	return 0;
}

void kv_mapping_close(struct kv_mapping *mapping)
{
	struct kv_guard *guard = mapping->guard;
	atomic_uint *lost;

	if (!mapping->base) {
		return;
	}
	munmap(mapping->base, (size_t)(mapping->n_slot * mapping->slot_bytes));
	pthread_mutex_lock(&lock);
	atomic_fetch_add(&guard->version, 1);
	atomic_store(&guard->begin, 0);
	atomic_store(&guard->end, 0);
	lost = atomic_load(&guard->lost);
	atomic_fetch_add(&guard->version, 1);
	guard->is_free = 1;
	pthread_mutex_unlock(&lock);
	free(lost);
	mapping->base = NULL;
}

void kv_mapping_lose(struct kv_mapping *mapping)
{
	atomic_uint *lost = atomic_load(&mapping->guard->lost);

	for (int64_t i = 0; i < mapping->n_slot; i++) {
		atomic_fetch_or(&lost[i / 32], 1U << i % 32);
	}
	atomic_fetch_add(&mapping->guard->n_fault, 1);
}

uint32_t kv_mapping_faults(const struct kv_mapping *mapping)
{
	return atomic_load(&mapping->guard->n_fault);
}

int kv_mapping_is_lost(const struct kv_mapping *mapping, int64_t slot)
{
	int64_t i = slot - mapping->first_slot;
	atomic_uint *lost = atomic_load(&mapping->guard->lost);

	return i >= 0 && i < mapping->n_slot && atomic_load(&lost[i / 32]) >> i % 32 & 1;
}
