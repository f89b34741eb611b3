/* Which processors this process may run on, and which of them share a core. */
#ifndef ENGINE_BACKEND_CPUS_H
#define ENGINE_BACKEND_CPUS_H

#include <sched.h>
#include <stddef.h>

struct cpus {
	cpu_set_t *allowed; /* set_bytes of it: as many processors as the system has */
	size_t set_bytes;
	int *cpu; /* [n_cpu]: the allowed ones, one of each core before the others */
	int n_cpu, n_core;
};

/*
 * What the calling thread may use. Which processors are of one core is read below `root`, as Linux has
 * it in /sys/devices/system/cpu (NULL: there); a processor that is not described is a core of its own.
 */
void cpus_init(struct cpus *cpus, const char *root);
/* The same for a mask of the caller's. */
void cpus_init_mask(
	struct cpus *cpus, const cpu_set_t *allowed, size_t set_bytes, const char *root);
void cpus_finish(struct cpus *cpus);

#endif
