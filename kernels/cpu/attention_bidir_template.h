/*
 * Bidirectional attention of the vector paths, which include this once each and have defined before:
 *
 *   V, V_LANES            a vector of floats, and how many it holds
 *   V_QUERIES             queries of a tile: V_QUERIES * 4 sums and as many queries stay in registers
 *   v_load v_store v_set1 v_add v_mul v_max v_fma(a, b, c) = a * b + c
 *   v_exp2, v_hmax, v_hsum   2^x (0 for what is very small), the largest and the sum of the lanes
 *
 * A block of queries of one head meets BIDIR_KEYS keys at a time. Keys are turned, so that lanes are
 * keys where scores are computed; values lie as they are, so that lanes are dimensions where they are
 * summed. Every sum belongs to one query and one lane, in ascending order of d and of the key, and a
 * query's softmax is its own: what else is in its tile changes nothing.
 */
#ifndef KERNELS_CPU_ATTENTION_BIDIR_TEMPLATE_H
#define KERNELS_CPU_ATTENTION_BIDIR_TEMPLATE_H

#include "kernels/cpu/kernels_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
/* Vectors of a tile that lie beside each other. */
#define V_RUN 4

/* A head's keys and values, BIDIR_KEYS rows of them at a time, and the state of its queries. */
struct bidir_block {
	float key[KV_HEAD_DIM_MAX * BIDIR_KEYS] __attribute__((aligned(64)));   /* [d][row] */
	float value[BIDIR_KEYS * KV_HEAD_DIM_MAX] __attribute__((aligned(64))); /* [row][dim] */
	float p[V_QUERIES][BIDIR_KEYS] __attribute__((aligned(64)));
	/* [query][dim]; rounding up adds less than a vector to each query */
	float o[BIDIR_QUERY_ELEMS + BIDIR_QUERIES_MAX * V_LANES] __attribute__((aligned(64)));
	float m[BIDIR_QUERIES_MAX], l[BIDIR_QUERIES_MAX];
	int64_t dim; /* head_dim, rounded up to whole vectors */
	int64_t n_key;
};

/* Rows first ... of k and v, `stride` floats apart; zeros beyond head_dim and beyond n_key. */
static void take_keys(struct bidir_block *b, const float *k, const float *v, int64_t stride,
	int64_t head_dim, int64_t n_key)
{
	b->n_key = n_key;
	if (n_key < BIDIR_KEYS) {
		memset(b->key, 0, (size_t)(head_dim * BIDIR_KEYS) * sizeof(float));
	}
	for (int64_t t = 0; t < n_key; t++) {
		for (int64_t d = 0; d < head_dim; d++) {
			b->key[d * BIDIR_KEYS + t] = k[t * stride + d];
		}
		memcpy(b->value + t * b->dim, v + t * stride, (size_t)head_dim * sizeof(float));
	}
}

/* p[query][row] = q.k; queries beyond the last are the last again. */
static void scores(struct bidir_block *b, const float *const q[V_QUERIES], int64_t head_dim)
{
	for (int row = 0; row < BIDIR_KEYS; row += V_RUN * V_LANES) {
		V sum[V_QUERIES][V_RUN];

		UNROLL
		for (int i = 0; i < V_QUERIES; i++) {
			UNROLL
			for (int r = 0; r < V_RUN; r++) {
				sum[i][r] = v_set1(0);
			}
		}
		for (int64_t d = 0; d < head_dim; d++) {
			const float *key = b->key + d * BIDIR_KEYS + row;

			UNROLL
			for (int i = 0; i < V_QUERIES; i++) {
				V one = v_set1(q[i][d]);

				UNROLL
				for (int r = 0; r < V_RUN; r++) {
					sum[i][r] =
						v_fma(one, v_load(key + r * V_LANES), sum[i][r]);
				}
			}
		}
		UNROLL
		for (int i = 0; i < V_QUERIES; i++) {
			UNROLL
			for (int r = 0; r < V_RUN; r++) {
				v_store(&b->p[i][row + r * V_LANES], sum[i][r]);
			}
		}
	}
}

/* Scores to numerators of the softmax, and the query's state to its new maximum; `scale` makes them base-2. */
static void soften(struct bidir_block *b, float p[BIDIR_KEYS], int64_t query, float scale)
{
	V most = v_set1(-FLT_MAX), by = v_set1(scale), sum = v_set1(0), keep;
	float *o = b->o + query * b->dim, m;

	for (int t = 0; t < BIDIR_KEYS; t += V_LANES) {
		v_store(p + t, v_mul(v_load(p + t), by));
	}
	for (int64_t t = b->n_key; t < BIDIR_KEYS; t++) {
		p[t] = -FLT_MAX;
	}
	for (int t = 0; t < BIDIR_KEYS; t += V_LANES) {
		most = v_max(v_load(p + t), most);
	}
	m = fmaxf(b->m[query], v_hmax(most));
	for (int t = 0; t < BIDIR_KEYS; t += V_LANES) {
		V e = v_exp2(v_add(v_load(p + t), v_set1(-m)));

		v_store(p + t, e);
		sum = v_add(sum, e);
	}
	keep = v_exp2(v_set1(b->m[query] - m));
	for (int64_t d = 0; d < b->dim; d += V_LANES) {
		v_store(o + d, v_mul(v_load(o + d), keep));
	}
	b->l[query] = b->l[query] * v_hmax(keep) + v_hsum(sum);
	b->m[query] = m;
}

/* `run` vectors of o[query] from d on += p * value; o[i] of queries beyond the last is nobody's. */
INLINE void add_values(struct bidir_block *b, float *const o[V_QUERIES], int64_t d, int run)
{
	V sum[V_QUERIES][V_RUN];

	UNROLL
	for (int i = 0; i < V_QUERIES; i++) {
		UNROLL
		for (int r = 0; r < run; r++) {
			sum[i][r] = v_load(o[i] + d + r * V_LANES);
		}
	}
	for (int64_t t = 0; t < b->n_key; t++) {
		const float *value = b->value + t * b->dim + d;

		UNROLL
		for (int i = 0; i < V_QUERIES; i++) {
			V one = v_set1(b->p[i][t]);

			UNROLL
			for (int r = 0; r < run; r++) {
				sum[i][r] = v_fma(one, v_load(value + r * V_LANES), sum[i][r]);
			}
		}
	}
	UNROLL
	for (int i = 0; i < V_QUERIES; i++) {
		UNROLL
		for (int r = 0; r < run; r++) {
			v_store(o[i] + d + r * V_LANES, sum[i][r]);
		}
	}
}

static void sum_values(struct bidir_block *b, int64_t query, int64_t n_query)
{
	float nobody[KV_HEAD_DIM_MAX] __attribute__((aligned(64)));
	float *o[V_QUERIES];

	memset(nobody, 0, (size_t)b->dim * sizeof(float));
	for (int64_t i = 0; i < V_QUERIES; i++) {
		o[i] = i < n_query ? b->o + (query + i) * b->dim : nobody;
	}
	for (int64_t d = 0; d < b->dim; d += V_RUN * V_LANES) {
		switch ((b->dim - d) / V_LANES) {
		case 1:
			add_values(b, o, d, 1);
			break;
		case 2:
			add_values(b, o, d, 2);
			break;
		case 3:
			add_values(b, o, d, 3);
			break;
		default:
			add_values(b, o, d, V_RUN);
			break;
		}
	}
}

static void begin_block(struct bidir_block *b, int64_t head_dim, int64_t n_query)
{
	b->dim = (head_dim + V_LANES - 1) / V_LANES * V_LANES;
	memset(b->o, 0, (size_t)(n_query * b->dim) * sizeof(float));
	memset(b->value, 0, (size_t)(BIDIR_KEYS * b->dim) * sizeof(float));
	for (int64_t i = 0; i < n_query; i++) {
		b->m[i] = -FLT_MAX;
		b->l[i] = 0;
	}
}

static void run_item(
	struct bidir_block *b, const struct op *op, const struct op_env *env, int64_t index)
{
	const struct op_attention_bidir *a = &op->attention_bidir;
	struct bidir_item item = bidir_item_at(op, env, index);
	int64_t stride = (int64_t)a->n_head * a->head_dim, n_row = item.sequence->n_row;
	int64_t at = item.sequence->first_row * stride + item.head * a->head_dim;
	const float *q = (float *)op_env_at(env, a->q) + at + item.first * stride;
	const float *k = (float *)op_env_at(env, a->k) + at;
	const float *v = (float *)op_env_at(env, a->v) + at;
	float *out = (float *)op_env_at(env, a->out) + at + item.first * stride;

	begin_block(b, a->head_dim, item.n_query);
	for (int64_t t = 0; t < n_row; t += BIDIR_KEYS) {
		int64_t n_key = n_row - t < BIDIR_KEYS ? n_row - t : BIDIR_KEYS;

		take_keys(b, k + t * stride, v + t * stride, stride, a->head_dim, n_key);
		for (int64_t first = 0; first < item.n_query; first += V_QUERIES) {
			int64_t n =
				item.n_query - first < V_QUERIES ? item.n_query - first : V_QUERIES;
			const float *tile[V_QUERIES];

			for (int64_t i = 0; i < V_QUERIES; i++) {
				tile[i] = q + (first + (i < n ? i : n - 1)) * stride;
			}
			scores(b, tile, a->head_dim);
			for (int64_t i = 0; i < n; i++) {
				soften(b, b->p[i], first + i, a->scale * (float)M_LOG2E);
			}
			sum_values(b, first, n);
		}
	}
	for (int64_t i = 0; i < item.n_query; i++) {
		for (int32_t d = 0; d < a->head_dim; d++) {
			out[i * stride + d] = b->o[i * b->dim + d] / b->l[i];
		}
	}
}

INLINE void run_items(const struct op *op, const struct op_env *env, int64_t first, int64_t end)
{
	struct bidir_block block;

	for (int64_t i = first; i < end; i++) {
		run_item(&block, op, env, i);
	}
}

#endif
