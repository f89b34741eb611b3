#include "kernels/cpu/attention_tile.h"

#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <float.h>
#include <string.h>

struct tile {
	const struct op_sequence *sequence;
	int64_t kv_head;
	int64_t first_query;
	int64_t n_query;
	int64_t group; /* query heads of a KV head */
};

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
static struct tile tile_at(const struct op *op, const struct op_env *env, int64_t item)
{
	struct tile tile = {.group = op->attention.n_head / env->kv->n_kv_head};
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
	tile.n_query = left < per_tile ? left : per_tile;
	return tile;
}

static int64_t tile_pos(const struct tile *tile, int64_t query)
{
	return tile->sequence->first_pos + (tile->first_query + query) / tile->group;
}

/* Where a query's head begins among the elements of q and out. */
static int64_t tile_elem(const struct tile *tile, int64_t query, const struct op_attention *op,
	const struct kv_layout *kv)
{
	int64_t at = tile->first_query + query;
	int64_t row = tile->sequence->first_row + at / tile->group;
	int64_t head = tile->kv_head * tile->group + at % tile->group;

	return (row * op->n_head + head) * kv->head_dim;
}

static void span_begin(struct attn_work *work, int64_t n_query)
{
	for (int64_t i = 0; i < n_query; i++) {
		work->m[i] = -FLT_MAX; /* finite, so that no difference of two of them is NaN */
	}
	memset(work->l, 0, (size_t)n_query * sizeof(*work->l));
	memset(work->o, 0, (size_t)(n_query * work->kv->head_dim_pad) * sizeof(*work->o));
}

/* One page, while the next one is fetched. */
static void tile_page(const struct attn_passes *passes, struct attn_work *work,
	const struct tile *tile, const struct op_attention *op, int64_t p, int64_t last)
{
	const struct kv_layout *kv = work->kv;
	uint8_t *const *page = tile->sequence->page;
	uint8_t *keys = kv_block_keys(kv, page[p], op->layer, tile->kv_head);
	int64_t page_pos = p * KV_PAGE_TOK, left = last + 1 - page_pos;
	int64_t n_step = (tile->n_query + passes->step - 1) / passes->step;
	int has_next = p < last / KV_PAGE_TOK;

	work->ahead = has_next ? kv_block_keys(kv, page[p + 1], op->layer, tile->kv_head) : keys;
	work->ahead_step = has_next ? ATTN_FETCH_BYTES : 0;
	for (int64_t s = 0; s < n_step; s++) {
		int64_t first = s * passes->step, n = tile->n_query - first;

		n = n < passes->step ? n : passes->step;
		if (work->pos[first + n - 1] >= page_pos &&
			work->from[first] < page_pos + KV_PAGE_TOK) {
			passes->page(work, keys, keys + kv->key_bytes, page_pos,
				left < KV_PAGE_TOK ? left : KV_PAGE_TOK, first, (int32_t)n);
			work->ahead_step = 0;
		}
	}
}

void attn_run(const struct attn_passes *passes, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end)
{
	const struct op_attention *o = &op->attention;
	const float log2e = 1.44269504f;
	struct attn_work work;

	work.kv = env->kv;
	work.softcap = o->softcap * log2e;
	for (int64_t item = first; item < end; item++) {
		struct tile tile = tile_at(op, env, item);
		int64_t last = tile_pos(&tile, tile.n_query - 1), begin;

		for (int64_t i = 0; i < tile.n_query; i++) {
			const float *q =
				(float *)op_env_at(env, o->q) + tile_elem(&tile, i, o, env->kv);

			passes->query(&work, q, i, o->scale * log2e);
			work.pos[i] = tile_pos(&tile, i);
			work.from[i] = attention_first_pos(o, work.pos[i]);
			work.m_total[i] = -FLT_MAX;
			work.l_total[i] = 0;
		}
		memset(work.o_total, 0,
			(size_t)(tile.n_query * env->kv->head_dim_pad) * sizeof(*work.o_total));
		/* from the first page that a query sees: what is before it would change nothing */
		begin = work.from[0] / KV_PAGE_TOK;
		span_begin(&work, tile.n_query);
		for (int64_t p = begin; p <= last / KV_PAGE_TOK; p++) {
			if (p > begin && p * KV_PAGE_TOK % KV_SPAN_TOK == 0) {
				passes->merge(&work, tile.n_query);
				span_begin(&work, tile.n_query);
			}
			tile_page(passes, &work, &tile, o, p, last);
		}
		passes->merge(&work, tile.n_query);
		for (int64_t i = 0; i < tile.n_query; i++) {
			passes->finish(&work, i,
				(float *)op_env_at(env, o->out) + tile_elem(&tile, i, o, env->kv));
		}
	}
}
