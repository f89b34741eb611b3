/*
 * The block of one (layer, KV head) in a KV page (kernels/kv.h): the keys and then the values of
 * KV_PAGE_TOK tokens, D = head_dim_pad elements each, in the order in which the attention kernels
 * read them. All numbers are little-endian.
 *
 *   keys    q8   u8  [tok/16][D/4][16 tok][4 d]   k = round(x / scale) + 128, 1 ... 255
 *                f32 [tok]                        scale = max |x| / 127
 *           f16, f32 [tok/16][D][16 tok]
 *   values  q8   s8  [tok/4][D][4 tok]            v = round(x / scale), -127 ... 127
 *                f32 [tok]                        scale = max |x| / 127
 *           f16, f32 [tok][D]
 *
 * q8 keys: 64 consecutive bytes are 16 tokens x 4 dimensions, so that one `vpdpbusd` against four
 * broadcast bytes of a query advances 16 tokens' scores; being unsigned they carry +128, which adds
 * 128 * sum(query) to every score of a query and is taken off once. q8 values: 64 consecutive bytes
 * are 16 dimensions x 4 tokens, one `vpdpbusd` against four broadcast softmax numerators. In f16
 * and f32, a vector holds 16 tokens of one key dimension, or 16 dimensions of one value.
 *
 * Elements head_dim ... D-1 are zero. A token's elements touch no byte of another token, so a page
 * is filled token by token; what stands at tokens not yet written is undefined, scales included,
 * and attention never lets it into a sum. f16 saturates at +-65504.
 */
#ifndef KERNELS_CPU_KV_BLOCK_H
#define KERNELS_CPU_KV_BLOCK_H

#include "kernels/ops.h"

#include <stddef.h>
#include <string.h>

#define KV_DIM_MULTIPLE 16
#define KV_KEY_ZERO     128 /* what a zero is as a q8 key */

/*
 * How attention rounds what meets q8 keys and values, so that the page's sums are integers: a query
 * to +-KV_QUERY_MAX (two bytes: 8 bits alone cost as much accuracy as the keys' own rounding), and
 * softmax numerators to 0 ... KV_WEIGHT_MAX, or to 255 on the AVX-512 path. Sums of KV_HEAD_DIM_MAX
 * and KV_PAGE_TOK products stay within 31 bits.
 */
#define KV_QUERY_MAX  8128 /* 127 * 64: a high part of +-127 and a low part of -32 ... 31 */
#define KV_WEIGHT_MAX 16384

/* The index of an element among a block's keys (or values); times 1, 2 or 4 bytes. */
static inline int64_t kv_key_index(const struct kv_layout *kv, int64_t tok, int64_t d)
{
	int64_t group = tok / 16 * (16 * kv->head_dim_pad);

	if (kv->type == KV_Q8) {
		return group + d / 4 * 64 + tok % 16 * 4 + d % 4;
	}
	return group + d * 16 + tok % 16;
}

static inline int64_t kv_value_index(const struct kv_layout *kv, int64_t tok, int64_t d)
{
	if (kv->type == KV_Q8) {
		return tok / 4 * (4 * kv->head_dim_pad) + d * 4 + tok % 4;
	}
	return tok * kv->head_dim_pad + d;
}

static inline uint8_t *kv_block_keys(
	const struct kv_layout *kv, uint8_t *page, int64_t layer, int64_t kv_head)
{
	return page + layer * kv->layer_bytes + kv_head * kv->head_bytes;
}

static inline uint8_t *kv_block_values(
	const struct kv_layout *kv, uint8_t *page, int64_t layer, int64_t kv_head)
{
	return kv_block_keys(kv, page, layer, kv_head) + kv->key_bytes;
}

/* The f32 [KV_PAGE_TOK] scales that end a block's q8 keys (or values). */
static inline float *kv_block_scales(const struct kv_layout *kv, uint8_t *keys_or_values)
{
	return (float *)(void *)(keys_or_values + (int64_t)KV_PAGE_TOK * kv->head_dim_pad);
}

/* Zero the elements and scales of one token in a block's keys, or its values. */
static inline void kv_block_clear(const struct kv_layout *kv, uint8_t *keys_or_values, int64_t tok,
	int64_t (*index)(const struct kv_layout *kv, int64_t tok, int64_t d))
{
	int64_t elem_bytes = kv->type == KV_Q8 ? 1 : kv->type == KV_F16 ? 2 : 4;

	for (int64_t d = 0; d < kv->head_dim_pad; d++) {
		memset(keys_or_values + index(kv, tok, d) * elem_bytes, 0, (size_t)elem_bytes);
	}
	if (kv->type == KV_Q8) {
		kv_block_scales(kv, keys_or_values)[tok] = 0;
	}
}

/* The sequence that a row of the batch belongs to, or NULL. */
static inline const struct op_sequence *kv_sequence_of_row(const struct op_env *env, int64_t row)
{
	for (int64_t i = 0; i < env->n_sequence; i++) {
		const struct op_sequence *sequence = &env->sequence[i];

		if (row >= sequence->first_row && row < sequence->first_row + sequence->n_row) {
			return sequence;
		}
	}
	return NULL;
}

#endif
