/*
 * How the vector paths split attention into items: an item is a KV head and a run of consecutive
 * queries of one sequence. A sequence's queries for a KV head are its rows times the group of heads
 * that read that KV head, numbered row * group + head in group; so the heads of several rows share
 * what is loaded of a page, and decoding is one small tile per KV head.
 */
#ifndef KERNELS_CPU_ATTENTION_TILE_H
#define KERNELS_CPU_ATTENTION_TILE_H

#include "kernels/cpu/kernels.h"

#define ATTN_MAX_QUERIES 48         /* of a tile */
#define ATTN_MAX_ELEMS   (48 * 128) /* of a tile's queries, padded: 24 KiB, half of L1 */

struct attn_tile {
	const struct op_sequence *sequence;
	int64_t kv_head;
	int64_t first_query;
	int32_t n_query;
	int32_t group; /* query heads of a KV head */
};

/* Item `item` of attention_items() (kernels_internal.h). */
struct attn_tile attn_tile_at(const struct op *op, const struct op_env *env, int64_t item);

/* The position of a tile's query, and where its head stands among q's and out's elements. */
static inline int64_t attn_tile_pos(const struct attn_tile *tile, int64_t query)
{
	return tile->sequence->first_pos + (tile->first_query + query) / tile->group;
}

static inline int64_t attn_tile_elem(
	const struct attn_tile *tile, int64_t query, int64_t n_head, int64_t head_dim)
{
	int64_t at = tile->first_query + query;
	int64_t row = tile->sequence->first_row + at / tile->group;
	int64_t head = tile->kv_head * tile->group + at % tile->group;

	return (row * n_head + head) * head_dim;
}

#endif
