#include "kernels/ops.h"

const char *op_name(enum op_kind kind)
{
	static const char *const names[OP_KIND_COUNT] = {
		[OP_EMBED] = "embed",
		[OP_RMSNORM] = "rmsnorm",
		[OP_PACK_ACT] = "pack_act",
		[OP_MATMUL] = "matmul",
		[OP_ROPE_TABLE] = "rope_table",
		[OP_ROPE] = "rope",
		[OP_KV_WRITE] = "kv_write",
		[OP_ATTENTION] = "attention",
		[OP_SWIGLU] = "swiglu",
		[OP_GATHER] = "gather",
	};
	return names[kind];
}

enum act_type act_type_for(enum dtype weight)
{
	switch (weight) {
	case DTYPE_BF16:
		return ACT_BF16;
	case DTYPE_Q8_0:
	case DTYPE_Q4_0:
	case DTYPE_Q4_K:
	case DTYPE_Q6_K:
		return ACT_Q8;
	default:
		return ACT_F32;
	}
}
