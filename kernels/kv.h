/*
 * The layout of a KV page: the keys and values of KV_PAGE_TOK consecutive tokens for every layer
 * and KV head, in one contiguous run of bytes that is never repacked: the attention kernels read it
 * as it lies, and the disk tier stores it as it lies.
 *
 *   page  = layer[n_layer]
 *   layer = head[n_kv_head]
 *   head  = keys, then values; each begins on a 64-byte boundary
 *
 * q8: keys and values are 8-bit integers with one float scale per (token, head). What stands where
 * within `keys` and `values` is described at the top of
 * kernels/cpu/kv_block.h.
 */
#ifndef KERNELS_KV_H
#define KERNELS_KV_H

#include <stdint.h>

#define KV_PAGE_TOK 64
/* Attention merges its online softmax over absolute runs of this many tokens (see ops.h). */
#define KV_SPAN_TOK 2048
/* The largest head that the attention kernels hold and are tested with; larger ones are refused. */
#define KV_HEAD_DIM_MAX 512

enum kv_type { KV_Q8, KV_F16, KV_F32 };

const char *kv_type_name(enum kv_type type);

struct kv_layout {
	enum kv_type type;
	int32_t n_layer;
	int32_t n_kv_head;
	int32_t head_dim;     /* elements per head, as the model has it */
	int32_t head_dim_pad; /* rounded up to a multiple of 16; the padding is zero */
	int64_t key_bytes;    /* of one head's keys in a page, scales included */
	int64_t value_bytes;
	int64_t head_bytes;  /* key_bytes + value_bytes */
	int64_t layer_bytes; /* n_kv_head * head_bytes */
	int64_t page_bytes;  /* n_layer * layer_bytes */
};

struct kv_layout kv_layout_of(
	enum kv_type type, int32_t n_layer, int32_t n_kv_head, int32_t head_dim);

#endif
