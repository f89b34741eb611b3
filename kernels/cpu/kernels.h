/*
 * The CPU's kernels: for each kind of op, how many independent items it splits into for a batch,
 * and a function that computes a range of items. Items may run in any order, on any thread; an item
 * writes only its own outputs. Items of one op are of about equal cost.
 *
 * Each instruction-set path is the plain C table (ref.c, ref_matmul.c: the oracle) with overrides.
 */
#ifndef KERNELS_CPU_KERNELS_H
#define KERNELS_CPU_KERNELS_H

#include "kernels/ops.h"

struct cpu_kernel {
	int64_t (*items)(const struct op *op, const struct op_env *env);
	/* items first ... end-1 */
	void (*run)(const struct op *op, const struct op_env *env, int64_t first, int64_t end);
};

enum cpu_isa {
	CPU_ISA_PORTABLE, /* plain C */
	CPU_ISA_AVX2,     /* AVX2, FMA, F16C */
	CPU_ISA_AVX512,   /* AVX-512 F BW DQ VL VNNI BF16 */
	CPU_ISA_COUNT,
};

const char *cpu_isa_name(enum cpu_isa isa); /* "portable", "avx2", "avx512" */

/* Whether this CPU and operating system run it, and this build has it. */
int cpu_isa_supported(enum cpu_isa isa);
enum cpu_isa cpu_isa_best(void);

/* The table of a supported path: [OP_KIND_COUNT]. */
const struct cpu_kernel *cpu_kernels(enum cpu_isa isa);

/*
 * Packed layouts (described in pack.h) are the same for every path of this architecture.
 * weights: [m][k] of `dtype`, m any, k a multiple of the dtype's block and of 32.
 */
int64_t cpu_weight_bytes(enum dtype dtype, int64_t m, int64_t k);
/*
 * Pack row panels first_panel ... end_panel-1 (16 rows each, the last one zero-padded) from the
 * file's layout; panels are independent, so threads may share the work.
 */
int64_t cpu_weight_panels(int64_t m);
void cpu_weight_pack(enum dtype dtype, const void *file_rows, int64_t m, int64_t k,
	int64_t first_panel, int64_t end_panel, uint8_t *packed);
/* One row back as floats, for tests and for the reference. */
void cpu_weight_unpack_row(
	enum dtype dtype, const uint8_t *packed, int64_t m, int64_t k, int64_t row, float *out);

/* Bytes of packed activations for n_row rows of k elements. */
int64_t cpu_act_bytes(enum act_type type, int64_t n_row, int64_t k);

#endif
