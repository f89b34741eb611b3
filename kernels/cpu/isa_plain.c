/* The tables of an architecture for which there is plain C only. */
#include "kernels/cpu/kernels_internal.h"

#include <stddef.h>

static const struct cpu_kernel portable[OP_KIND_COUNT] = {{NULL, NULL}};

int cpu_isa_supported(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE;
}

const struct cpu_kernel *cpu_kernels(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE ? portable : NULL;
}
