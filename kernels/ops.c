#include "kernels/ops.h"

enum act_type act_type_for(enum dtype weight)
{
	switch (weight) {
	case DTYPE_F32:
	case DTYPE_F16:
		return ACT_F32;
	case DTYPE_BF16:
	case DTYPE_F8_E4M3:
		return ACT_BF16;
	default:
		return ACT_Q8;
	}
}
