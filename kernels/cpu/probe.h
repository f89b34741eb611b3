/*
 * What this machine can do at this moment: the yardsticks that benchmarks print beside their
 * figures. Both are rates over all threads together, of loops that do nothing else.
 */
#ifndef KERNELS_CPU_PROBE_H
#define KERNELS_CPU_PROBE_H

#include "kernels/cpu/kernels.h"

/* Up to 1024 threads. */

/* Memory read once from one end to the other, bytes shared among the threads; 0 without memory. */
double probe_read_gbs(int n_thread, int64_t bytes);

/*
 * 8-bit multiply-adds of a path's best instruction, two operations each, on registers, for about
 * so many seconds.
 */
double probe_dot_gops(enum cpu_isa isa, int n_thread, double seconds);

#endif
