/* The paths of x86-64, and which of them this machine can run. */
#include "kernels/cpu/kernels_internal.h"

#include <cpuid.h>
#include <stddef.h>

static const struct cpu_kernel tables[CPU_ISA_COUNT][OP_KIND_COUNT] =
	{
		[CPU_ISA_AVX2] =
			{
				[OP_EMBED] = {rows_items, ref_embed},
				[OP_RMSNORM] = {rows_items, avx2_rmsnorm},
				[OP_PACK_ACT] = {pack_act_items, avx2_pack_act},
				[OP_MATMUL] = {matmul_items, avx2_matmul},
				[OP_ROPE_TABLE] = {rows_items, ref_rope_table},
				[OP_ROPE] = {rows_items, avx2_rope},
				[OP_KV_WRITE] = {rows_items, avx2_kv_write},
				[OP_ATTENTION] = {attention_items, avx2_attention},
				[OP_GLU] = {rows_items, avx2_glu},
				[OP_SOFTCAP] = {rows_items, avx2_softcap},
				[OP_GATHER] = {gather_items, ref_gather},
				[OP_ADD_TABLE] = {rows_items, ref_add_table},
				[OP_LAYERNORM] = {rows_items, avx2_layernorm},
				[OP_GELU] = {rows_items, avx2_gelu},
				[OP_ATTENTION_BIDIR] = {bidir_items, avx2_attention_bidir},
			},
		[CPU_ISA_AVX512] =
			{
				[OP_EMBED] = {rows_items, ref_embed},
				[OP_RMSNORM] = {rows_items, avx512_rmsnorm},
				[OP_PACK_ACT] = {pack_act_items, avx512_pack_act},
				[OP_MATMUL] = {matmul_items, avx512_matmul},
				[OP_ROPE_TABLE] = {rows_items, ref_rope_table},
				[OP_ROPE] = {rows_items, avx512_rope},
				[OP_KV_WRITE] = {rows_items, avx512_kv_write},
				[OP_ATTENTION] = {attention_items, avx512_attention},
				[OP_GLU] = {rows_items, avx512_glu},
				[OP_SOFTCAP] = {rows_items, avx512_softcap},
				[OP_GATHER] = {gather_items, ref_gather},
				[OP_ADD_TABLE] = {rows_items, ref_add_table},
				[OP_LAYERNORM] = {rows_items, avx512_layernorm},
				[OP_GELU] = {rows_items, avx512_gelu},
				[OP_ATTENTION_BIDIR] = {bidir_items, avx512_attention_bidir},
			},
};

/* clang 14's __builtin_cpu_supports() does not know the name. */
static int has_f16c(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

/* __builtin_cpu_supports() also asks the operating system whether it saves the registers. */
int cpu_isa_supported(enum cpu_isa isa)
{
	switch (isa) {
	case CPU_ISA_PORTABLE:
		return 1;
	case CPU_ISA_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		       has_f16c();
	case CPU_ISA_AVX512:
		return cpu_isa_supported(CPU_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
		       __builtin_cpu_supports("avx512bf16");
	default:
		return 0;
	}
}

const struct cpu_kernel *cpu_kernels(enum cpu_isa isa)
{
	if (isa == CPU_ISA_PORTABLE) {
		return cpu_kernels_portable;
	}
	return cpu_isa_supported(isa) ? tables[isa] : NULL;
}

int64_t (*cpu_dot_probe(enum cpu_isa isa))(int64_t n, uint64_t *result)
{
	switch (isa) {
	case CPU_ISA_AVX2:
		return avx2_dot_probe;
	case CPU_ISA_AVX512:
		return avx512_dot_probe;
	default:
		return ref_dot_probe;
	}
}
