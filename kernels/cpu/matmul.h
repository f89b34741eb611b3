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

/* The tiles of a path, one for every storage type: ref_tile_q8_0() ... */
#define MATMUL_TILE(path, type)                                                                    \
	void path##_tile_##type(const uint8_t *weight, const uint8_t *act, int64_t k,              \
		int32_t width, float sum[ACT_COLS][PANEL_ROWS])
#define MATMUL_TILES_DECLARE(path)                                                                 \
	MATMUL_TILE(path, f32);                                                                    \
	MATMUL_TILE(path, f16);                                                                    \
	MATMUL_TILE(path, bf16);                                                                   \
	MATMUL_TILE(path, f8_e4m3);                                                                \
	MATMUL_TILE(path, q8_0);                                                                   \
	MATMUL_TILE(path, q4_0);                                                                   \
	MATMUL_TILE(path, q4_1);                                                                   \
	MATMUL_TILE(path, q5_0);                                                                   \
	MATMUL_TILE(path, q5_1);                                                                   \
	MATMUL_TILE(path, q2_k);                                                                   \
	MATMUL_TILE(path, q3_k);                                                                   \
	MATMUL_TILE(path, q4_k);                                                                   \
	MATMUL_TILE(path, q5_k);                                                                   \
	MATMUL_TILE(path, q6_k);                                                                   \
	MATMUL_TILE(path, iq4_nl);                                                                 \
	MATMUL_TILE(path, iq4_xs);                                                                 \
	MATMUL_TILE(path, mxfp4)
#define MATMUL_TILES(path)                                                                         \
	{                                                                                          \
		[DTYPE_F32] = path##_tile_f32, [DTYPE_F16] = path##_tile_f16,                      \
		[DTYPE_BF16] = path##_tile_bf16, [DTYPE_F8_E4M3] = path##_tile_f8_e4m3,            \
		[DTYPE_Q8_0] = path##_tile_q8_0, [DTYPE_Q4_0] = path##_tile_q4_0,                  \
		[DTYPE_Q4_1] = path##_tile_q4_1, [DTYPE_Q5_0] = path##_tile_q5_0,                  \
		[DTYPE_Q5_1] = path##_tile_q5_1, [DTYPE_Q2_K] = path##_tile_q2_k,                  \
		[DTYPE_Q3_K] = path##_tile_q3_k, [DTYPE_Q4_K] = path##_tile_q4_k,                  \
		[DTYPE_Q5_K] = path##_tile_q5_k, [DTYPE_Q6_K] = path##_tile_q6_k,                  \
		[DTYPE_IQ4_NL] = path##_tile_iq4_nl, [DTYPE_IQ4_XS] = path##_tile_iq4_xs,          \
		[DTYPE_MXFP4] = path##_tile_mxfp4,                                                 \
	}

MATMUL_TILES_DECLARE(ref);
MATMUL_TILES_DECLARE(avx2);
MATMUL_TILES_DECLARE(avx512);

void matmul_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end);
void pack_act_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end);

/* Plain C, for paths that have nothing better. ref_matmul.c */
extern const struct matmul_path matmul_ref;

#endif
