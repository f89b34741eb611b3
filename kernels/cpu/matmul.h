/*
 * What the paths of OP_PACK_ACT and OP_MATMUL share: how the work is split and walked. A path
 * supplies the inner functions, one per type.
 */
#ifndef KERNELS_CPU_MATMUL_H
#define KERNELS_CPU_MATMUL_H

#include "kernels/cpu/pack.h"

struct matmul_path {
	/*
	 * A panel of weights times a panel of activations, over all k: sum[column][row].
	 * width is 1, 2, 4, 8 or 16. The summation rule lives here: k ascending, one accumulator.
	 */
	void (*tile[DTYPE_COUNT])(const uint8_t *weight, const uint8_t *act, int64_t k,
		int32_t width, float sum[ACT_COLS][PANEL_ROWS]);
	/*
	 * One panel of activations from n_row rows of k floats; columns n_row ... width-1 are zero.
	 */
	void (*pack[3])(const float *in, int64_t k, int32_t n_row, int32_t width, uint8_t *panel);
};

/* The tiles of a file that has one for every storage type: tile_q8_0() ... */
#define MATMUL_TILES                                                                               \
	{                                                                                          \
		[DTYPE_F32] = tile_f32, [DTYPE_F16] = tile_f16, [DTYPE_BF16] = tile_bf16,          \
		[DTYPE_Q8_0] = tile_q8_0, [DTYPE_Q4_0] = tile_q4_0, [DTYPE_Q4_K] = tile_q4_k,      \
		[DTYPE_Q6_K] = tile_q6_k,                                                          \
	}

void matmul_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end);
void pack_act_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end);

/* Plain C, for paths that have nothing better. ref_matmul.c */
extern const struct matmul_path matmul_ref;

#endif
