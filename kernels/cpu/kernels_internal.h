/*
 * What the files of kernels/cpu share: the functions that the tables in isa_x86.c and isa_plain.c are
 * made of. A path's table is the plain C table with that path's overrides. A new kernel is one
 * function, one prototype here and one row in a table.
 */
#ifndef KERNELS_CPU_KERNELS_INTERNAL_H
#define KERNELS_CPU_KERNELS_INTERNAL_H

#include "kernels/cpu/kernels.h"

/* The signatures of struct cpu_kernel. */
#define CPU_ITEMS(name) int64_t name(const struct op *op, const struct op_env *env)
#define CPU_RUN(name)                                                                              \
	void name(const struct op *op, const struct op_env *env, int64_t first, int64_t end)

/* How an op splits: the same for every path. matmul.c */
CPU_ITEMS(pack_act_items);
CPU_ITEMS(matmul_items);

CPU_ITEMS(rows_items);          /* an item is a row; ref.c */
CPU_ITEMS(gather_items);        /* an item is a row of the output; ref.c */
CPU_ITEMS(ref_attention_items); /* an item is a (row, KV head); ref_attention.c */
CPU_ITEMS(attention_items);     /* an item is a tile of queries; attention_tile.c */
CPU_ITEMS(bidir_items);         /* an item is a head of a block of queries; ref_encoder.c */

/* Plain C: ref.c, ref_attention.c, ref_encoder.c, ref_matmul.c */
CPU_RUN(ref_embed);
CPU_RUN(ref_rmsnorm);
CPU_RUN(ref_rope_table);
CPU_RUN(ref_rope);
CPU_RUN(ref_kv_write);
CPU_RUN(ref_attention);
CPU_RUN(ref_glu);
CPU_RUN(ref_softcap);
CPU_RUN(ref_gather);
CPU_RUN(ref_add_table);
CPU_RUN(ref_layernorm);
CPU_RUN(ref_gelu);
CPU_RUN(ref_attention_bidir);
CPU_RUN(ref_pack_act);
CPU_RUN(ref_matmul);

/*
 * How bidirectional attention splits: an item is up to BIDIR_QUERY_ELEMS / head_dim and up to
 * BIDIR_QUERIES_MAX queries of one head of one sequence. ref_encoder.c
 */
#define BIDIR_QUERY_ELEMS 16384
#define BIDIR_QUERIES_MAX 1024
struct bidir_item {
	const struct op_sequence *sequence;
	int64_t first, n_query; /* rows of the sequence */
	int32_t head;
};
struct bidir_item bidir_item_at(const struct op *op, const struct op_env *env, int64_t item);

/* The plain C table, [OP_KIND_COUNT]. isa.c */
extern const struct cpu_kernel cpu_kernels_portable[];
/* OP_ROPE, given what rotates one head by angles { cos, sin } [n_freq]. ref.c */
void rope_rows(const struct op *op, const struct op_env *env, int64_t first, int64_t end,
	void (*rotate)(float *x, const float *angles, int64_t n_freq));
/* OP_KV_WRITE, given what writes one token of one head into its block (kv_block.h). ref.c */
void kv_write_rows(const struct op *op, const struct op_env *env, int64_t first, int64_t end,
	void (*write)(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
		const float *k, const float *v));

/* AVX2, FMA, F16C: avx2_attention.c, avx2_encoder.c, avx2_ops.c, avx2_matmul.c */
CPU_RUN(avx2_attention);
CPU_RUN(avx2_rmsnorm);
CPU_RUN(avx2_rope);
CPU_RUN(avx2_kv_write);
CPU_RUN(avx2_glu);
CPU_RUN(avx2_softcap);
CPU_RUN(avx2_pack_act);
CPU_RUN(avx2_matmul);
CPU_RUN(avx2_layernorm);
CPU_RUN(avx2_gelu);
CPU_RUN(avx2_attention_bidir);

/* AVX-512: avx512_attention.c, avx512_encoder.c, avx512_ops.c, avx512_matmul.c */
CPU_RUN(avx512_attention);
CPU_RUN(avx512_rmsnorm);
CPU_RUN(avx512_rope);
CPU_RUN(avx512_kv_write);
CPU_RUN(avx512_glu);
CPU_RUN(avx512_softcap);
CPU_RUN(avx512_pack_act);
CPU_RUN(avx512_matmul);
CPU_RUN(avx512_layernorm);
CPU_RUN(avx512_gelu);
CPU_RUN(avx512_attention_bidir);

/*
 * A path's best 8-bit multiply-add on registers, n rounds of it; returns the operations done (two
 * per multiply-add) and leaves something in *result. For probe.c.
 */
int64_t (*cpu_dot_probe(enum cpu_isa isa))(int64_t n, uint64_t *result);
int64_t ref_dot_probe(int64_t n, uint64_t *result);
int64_t avx2_dot_probe(int64_t n, uint64_t *result);
int64_t avx512_dot_probe(int64_t n, uint64_t *result);

#endif
