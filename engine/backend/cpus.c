#include "engine/backend/cpus.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More processors than any kernel is built for. */
enum { MAX_CPUS = 1 << 16 };

static int is_allowed(const struct cpus *cpus, long cpu)
{
	return cpu >= 0 && (size_t)cpu < 8 * cpus->set_bytes &&
	       CPU_ISSET_S((size_t)cpu, cpus->set_bytes, cpus->allowed);
}

/* The first allowed processor of a list such as "0-1,64"; -1 if there is none. */
static long first_allowed(const struct cpus *cpus, const char *list)
{
	char *end;

	for (; *list >= '0' && *list <= '9'; list = end + (*end == ',')) {
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-') {
			last = strtol(end + 1, &end, 10);
		}
		for (long cpu = first; cpu <= last && cpu < MAX_CPUS; cpu++) {
			if (is_allowed(cpus, cpu)) {
				return cpu;
			}
		}
	}
	return -1;
}

/* Whether this is the first of its core's processors that we may use. */
static int leads_its_core(const struct cpus *cpus, int cpu, const char *root)
{
	char *path = mem_printf("%s/cpu%d/topology/thread_siblings_list", root, cpu);
	FILE *file = fopen(path, "re");
	char list[1024];
	long first = -1;

	if (file) {
		if (fgets(list, sizeof(list), file)) {
			first = first_allowed(cpus, list);
		}
		fclose(file);
	}
	free(path);
	return first < 0 || first == cpu;
}

static void list_cpus(struct cpus *cpus, const char *root)
{
	int n_bit = (int)(8 * cpus->set_bytes), n_other = 0;
	int *other;

	cpus->cpu =
		mem_zero((size_t)CPU_COUNT_S(cpus->set_bytes, cpus->allowed), sizeof(*cpus->cpu));
	other = mem_zero((size_t)CPU_COUNT_S(cpus->set_bytes, cpus->allowed), sizeof(*other));
	for (int cpu = 0; cpu < n_bit; cpu++) {
		if (!is_allowed(cpus, cpu)) {
			continue;
		}
		if (leads_its_core(cpus, cpu, root)) {
			cpus->cpu[cpus->n_core++] = cpu;
		} else {
			other[n_other++] = cpu;
		}
	}
	memcpy(cpus->cpu + cpus->n_core, other, (size_t)n_other * sizeof(*other));
	cpus->n_cpu = cpus->n_core + n_other;
	free(other);
}

void cpus_init_mask(struct cpus *cpus, const cpu_set_t *allowed, size_t set_bytes, const char *root)
{
	*cpus = (struct cpus){.allowed = mem_alloc(set_bytes), .set_bytes = set_bytes};
	memcpy(cpus->allowed, allowed, set_bytes);
	list_cpus(cpus, root ? root : "/sys/devices/system/cpu");
}

void cpus_init(struct cpus *cpus, const char *root)
{
	/* The kernel refuses (EINVAL) a mask that is smaller than its own. */
	for (int n = CPU_SETSIZE; n <= MAX_CPUS; n *= 2) {
		cpu_set_t *allowed = mem_zero(1, CPU_ALLOC_SIZE((size_t)n));
		size_t set_bytes = CPU_ALLOC_SIZE((size_t)n);
		int failed = sched_getaffinity(0, set_bytes, allowed) != 0;
		int is_last = !failed || errno != EINVAL || n == MAX_CPUS;

		if (is_last) {
			if (failed || CPU_COUNT_S(set_bytes, allowed) == 0) {
				CPU_ZERO_S(set_bytes, allowed);
				CPU_SET_S(0, set_bytes, allowed);
			}
			cpus_init_mask(cpus, allowed, set_bytes, root);
			free(allowed);
			return;
		}
		free(allowed);
	}
}

void cpus_finish(struct cpus *cpus)
{
	free(cpus->allowed);
	free(cpus->cpu);
	*cpus = (struct cpus){0};
}
