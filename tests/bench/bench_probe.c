/* bench_probe [THREADS]: what the machine can do at this moment, as one JSON object. */
#include "kernels/cpu/probe.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int n_thread = argc > 1 ? atoi(argv[1]) : 2;
	enum cpu_isa isa = cpu_isa_best();

	if (n_thread < 1 || n_thread > 1024) {
		fprintf(stderr, "usage: bench_probe [THREADS]\n");
		return 2;
	}
	printf("{\"isa\": \"%s\", \"threads\": %d, \"read_gbs\": %.2f, \"dot_gops\": %.1f}\n",
		cpu_isa_name(isa), n_thread, probe_read_gbs(n_thread, (int64_t)1 << 29),
		probe_dot_gops(isa, n_thread, 0.3));
	return 0;
}
