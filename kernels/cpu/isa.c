/* What every architecture has: the names of the paths, and plain C. */
#include "kernels/cpu/kernels_internal.h"

const struct cpu_kernel cpu_kernels_portable[OP_KIND_COUNT] = {
	[OP_EMBED] = {rows_items, ref_embed},
	[OP_RMSNORM] = {rows_items, ref_rmsnorm},
	[OP_PACK_ACT] = {pack_act_items, ref_pack_act},
	[OP_MATMUL] = {matmul_items, ref_matmul},
	[OP_ROPE_TABLE] = {rows_items, ref_rope_table},
	[OP_ROPE] = {rows_items, ref_rope},
	[OP_KV_WRITE] = {rows_items, ref_kv_write},
	[OP_ATTENTION] = {ref_attention_items, ref_attention},
	[OP_GLU] = {rows_items, ref_glu},
	[OP_SOFTCAP] = {rows_items, ref_softcap},
	[OP_GATHER] = {gather_items, ref_gather},
	[OP_ADD_TABLE] = {rows_items, ref_add_table},
	[OP_LAYERNORM] = {rows_items, ref_layernorm},
	[OP_GELU] = {rows_items, ref_gelu},
	[OP_ATTENTION_BIDIR] = {bidir_items, ref_attention_bidir},
};

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
