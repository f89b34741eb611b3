#include "kernels/cpu/kernels.h"

const char *cpu_isa_name(enum cpu_isa isa)
{
	static const char *const names[CPU_ISA_COUNT] = {
		[CPU_ISA_PORTABLE] = "portable",
		[CPU_ISA_AVX2] = "avx2",
		[CPU_ISA_AVX512] = "avx512",
	};
	return names[isa];
}

enum cpu_isa cpu_isa_best(void)
{
	int isa = CPU_ISA_COUNT - 1;

	while (!cpu_isa_supported((enum cpu_isa)isa)) {
		isa--;
	}
	return (enum cpu_isa)isa;
}
