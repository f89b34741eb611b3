#include "kernels/cpu/attention_tile.h"

#include "kernels/cpu/kernels_internal.h"

static int64_t tile_queries(const struct kv_layout *kv)
{
	int64_t n = ATTN_MAX_ELEMS / kv->head_dim_pad;

	return n < ATTN_MAX_QUERIES ? n / 6 * 6 : ATTN_MAX_QUERIES;
}

CPU_ITEMS(attention_items)
{
	int64_t group = op->attention.n_head / env->kv->n_kv_head;
	int64_t per_tile = tile_queries(env->kv), count = 0;

	for (int64_t i = 0; i < env->n_sequence; i++) {
		count += (env->sequence[i].n_row * group + per_tile - 1) / per_tile;
	}
	return count * env->kv->n_kv_head;
}

/* Tiles of a KV head follow one another, so that threads read the same pages at the same time. */
struct attn_tile attn_tile_at(const struct op *op, const struct op_env *env, int64_t item)
{
	struct attn_tile tile = {.group = op->attention.n_head / env->kv->n_kv_head};
	int64_t per_tile = tile_queries(env->kv);
	int64_t n_query, n_tile, left;

	tile.sequence = env->sequence;
	for (;; tile.sequence++) {
		n_query = tile.sequence->n_row * tile.group;
		n_tile = (n_query + per_tile - 1) / per_tile;
		if (item < n_tile * env->kv->n_kv_head) {
			break;
		}
		item -= n_tile * env->kv->n_kv_head;
	}
	tile.kv_head = item / n_tile;
	tile.first_query = item % n_tile * per_tile;
	left = n_query - tile.first_query;
	tile.n_query = (int32_t)(left < per_tile ? left : per_tile);
	return tile;
}
