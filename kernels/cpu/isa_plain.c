/* The paths of an architecture for which there is plain C only. */
#include "kernels/cpu/kernels_internal.h"

#include <stddef.h>

int cpu_isa_supported(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE;
}

const struct cpu_kernel *cpu_kernels(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE ? cpu_kernels_portable : NULL;
}

int64_t (*cpu_dot_probe(enum cpu_isa isa))(int64_t n, uint64_t *result)
{
	return ref_dot_probe;
}
