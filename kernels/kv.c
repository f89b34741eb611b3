#include "kernels/kv.h"

#include "kernels/cpu/kv_block.h"

static const char *const type_names[] = {
	[KV_Q8] = "q8",
	[KV_F16] = "f16",
	[KV_F32] = "f32",
};

const char *kv_type_name(enum kv_type type)
{
	return type_names[type];
}

struct kv_layout kv_layout_of(
	enum kv_type type, int32_t n_layer, int32_t n_kv_head, int32_t head_dim)
{
	struct kv_layout layout = {
		.type = type,
		.n_layer = n_layer,
		.n_kv_head = n_kv_head,
		.head_dim = head_dim,
		.head_dim_pad =
			(head_dim + KV_DIM_MULTIPLE - 1) / KV_DIM_MULTIPLE * KV_DIM_MULTIPLE,
	};
	int64_t elems = (int64_t)KV_PAGE_TOK * layout.head_dim_pad;

	/* Every case is a multiple of 64 bytes, so that blocks stay aligned in an aligned page. */
	switch (type) {
	case KV_Q8:
		layout.key_bytes = elems + KV_PAGE_TOK * (int64_t)sizeof(float);
		break;
	case KV_F16:
		layout.key_bytes = elems * (int64_t)sizeof(uint16_t);
		break;
	case KV_F32:
		layout.key_bytes = elems * (int64_t)sizeof(float);
		break;
	}
	layout.value_bytes = layout.key_bytes;
	layout.head_bytes = layout.key_bytes + layout.value_bytes;
	layout.layer_bytes = layout.head_bytes * n_kv_head;
	layout.page_bytes = layout.layer_bytes * n_layer;
	return layout;
}
