/*
 * Attention of the vector paths: the order of ref_attention.c, in base 2, for tiles of queries. The
 * order stands here (attention_tile.c) and each path brings its passes over a page.
 *
 * How attention splits into items: an item is a KV head and a run of consecutive
 * queries of one sequence. A sequence's queries for a KV head are its rows times the group of heads
 * that read that KV head, numbered row * group + head in group; so the heads of several rows share
 * what is loaded of a page, and decoding is one small tile per KV head.
 */
#ifndef KERNELS_CPU_ATTENTION_TILE_H
#define KERNELS_CPU_ATTENTION_TILE_H

#include "kernels/cpu/kernels.h"

#define ATTN_MAX_QUERIES 48         /* of a tile */
#define ATTN_MAX_ELEMS   (48 * 128) /* of a tile's queries, padded: 24 KiB, half of L1 */

/*
 * What a tile carries from page to page, [query] of the tile and D = head_dim_pad. The span's state
 * and that of the spans before it are those of ref_attention.c, m in base-2 logits.
 */
struct attn_work {
	const struct kv_layout *kv;
	/*
	 * The head's block in the next page, to be fetched while this one is computed, and how far to
	 * go at a time: ATTN_FETCH_BYTES, or 0 where it has been fetched (then `ahead` is any address).
	 */
	const uint8_t *ahead;
	int64_t ahead_step;
	/* A query sees positions from ... pos; both ascend from query to query. */
	int64_t pos[ATTN_MAX_QUERIES];
	/* The queries [query][D] as the path reads them, zeros after head_dim. */
	union {
		int8_t s8[2 * ATTN_MAX_ELEMS]; /* two planes */
		int16_t s16[ATTN_MAX_ELEMS];
		float f32[ATTN_MAX_ELEMS];
	} q __attribute__((aligned(64)));
	int32_t bias[ATTN_MAX_QUERIES]; /* q8: takes the keys' +128 off their products with q */
	float scale[ATTN_MAX_QUERIES];  /* makes them base-2 logits, but for the keys' scales */
	float m[ATTN_MAX_QUERIES], m_total[ATTN_MAX_QUERIES];
	float l[ATTN_MAX_QUERIES][16] __attribute__((aligned(64))); /* in 16 partial sums */
	float l_total[ATTN_MAX_QUERIES];
	float o[ATTN_MAX_ELEMS] __attribute__((aligned(64))); /* [query][D] */
	float o_total[ATTN_MAX_ELEMS] __attribute__((aligned(64)));
	int64_t from[ATTN_MAX_QUERIES];
	float softcap; /* of base-2 logits; 0: none */
};

/*
 * A path's arithmetic. Every sum in it must belong to one query and one lane, so that a query's
 * result does not depend on what else is in its tile; and what a query does not see must leave its
 * state as it is, bit for bit but for the sign of a zero.
 */
struct attn_passes {
	int32_t step; /* the most queries that `page` takes */
	/* Take query i, f32 [head_dim]; `scale` makes q.k a base-2 logit. */
	void (*query)(struct attn_work *work, const float *q, int64_t i, float scale);
	/*
	 * Queries first ... first + n_query - 1, in ascending order of position, meet the page that
	 * begins at page_pos, which some of them see: into the span's state. Its tokens 0 ...
	 * n_tok - 1 have been written.
	 */
	void (*page)(struct attn_work *work, uint8_t *keys, uint8_t *values, int64_t page_pos,
		int64_t n_tok, int64_t first, int32_t n_query);
	/* Merge the span's state into the total. */
	void (*merge)(struct attn_work *work, int64_t n_query);
	/* out f32 [head_dim] = the total's quotient for query i; never -0. */
	void (*finish)(const struct attn_work *work, int64_t i, float *out);
};

/*
 * A little of the next block, between multiplications: asking for all of it at once fills the
 * core's queue of misses and costs a third of the reading speed. A q8 page takes 3/4 step per
 * dimension and 2 D + 8 lines; what is asked for beyond them does no harm.
 */
#define ATTN_FETCH_BYTES 192

static inline const uint8_t *attn_fetch(const uint8_t *at, int64_t step)
{
	__builtin_prefetch(at);
	__builtin_prefetch(at + 64);
	__builtin_prefetch(at + 128);
	return at + step;
}

/* All of the next block, for passes that do not fetch as they go. */
static inline void attn_fetch_all(const struct attn_work *work)
{
	if (work->ahead_step) {
		for (int64_t at = 0; at < work->kv->head_bytes; at += 64) {
			__builtin_prefetch(work->ahead + at);
		}
	}
}

/* One bit for each token of the page that a query sees. */
static inline uint64_t attn_seen(const struct attn_work *work, int64_t query, int64_t page_pos)
{
	int64_t n_end = work->pos[query] + 1 - page_pos, n_hidden = work->from[query] - page_pos;
	uint64_t end = n_end >= 64 ? UINT64_MAX : n_end <= 0 ? 0 : ((uint64_t)1 << n_end) - 1;
	uint64_t hidden = n_hidden >= 64  ? UINT64_MAX
			  : n_hidden <= 0 ? 0
					  : ((uint64_t)1 << n_hidden) - 1;

	return end & ~hidden;
}

/* Whether some of n_query queries do not see all of the page. */
static inline int attn_masked(
	const struct attn_work *work, int64_t first, int64_t n_query, int64_t page_pos)
{
	return work->pos[first] < page_pos + KV_PAGE_TOK - 1 ||
	       work->from[first + n_query - 1] > page_pos;
}

/* The run function of a path. */
void attn_run(const struct attn_passes *passes, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end);

#endif
