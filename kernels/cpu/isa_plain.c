/* The tables of an architecture for which there is plain C only. */
#include "kernels/cpu/kernels_internal.h"

#include <stddef.h>

static const struct cpu_kernel portable[OP_KIND_COUNT] = {
	[OP_EMBED] = {rows_items, ref_embed},
	[OP_RMSNORM] = {rows_items, ref_rmsnorm},
	[OP_PACK_ACT] = {pack_act_items, ref_pack_act},
	[OP_MATMUL] = {matmul_items, ref_matmul},
	[OP_ROPE_TABLE] = {rows_items, ref_rope_table},
	[OP_ROPE] = {rows_items, ref_rope},
	[OP_KV_WRITE] = {rows_items, ref_kv_write},
	[OP_ATTENTION] = {ref_attention_items, ref_attention},
	[OP_SWIGLU] = {rows_items, ref_swiglu},
	[OP_GATHER] = {gather_items, ref_gather},
};

int cpu_isa_supported(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE;
}

const struct cpu_kernel *cpu_kernels(enum cpu_isa isa)
{
	return isa == CPU_ISA_PORTABLE ? portable : NULL;
}

int64_t (*cpu_dot_probe(enum cpu_isa isa))(int64_t n, uint64_t *result)
{
	return ref_dot_probe;
}
