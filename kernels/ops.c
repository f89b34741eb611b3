#include "kernels/ops.h"

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
