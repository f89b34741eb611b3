/* The instruction-set paths that an op test runs on. */
#ifndef TESTS_OPS_PATHS_H
#define TESTS_OPS_PATHS_H

#include "kernels/cpu/kernels.h"
#include "tests/tap.h"

/* Each path of this build; those that the machine does not run are skips. */
static inline void paths_each(void (*test)(enum cpu_isa isa))
{
	for (int i = 0; i < CPU_ISA_COUNT; i++) {
		if (cpu_isa_supported((enum cpu_isa)i)) {
			test((enum cpu_isa)i);
		} else {
			tap_skip(cpu_isa_name((enum cpu_isa)i), "this machine does not run it");
		}
	}
}

#endif
