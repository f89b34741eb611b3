/*
 * Plain C of the ops that only encoders have: tables that are added, LayerNorm, GELU, attention in
 * both directions. The oracle of the other paths; sums are in double.
 */
#include "kernels/cpu/kernels_internal.h"

#include <math.h>

CPU_RUN(ref_add_table)
{
	const struct op_add_table *o = &op->add_table;
	const float *table = op_env_at(env, o->table);
	float *out = op_env_at(env, o->out);

	for (int64_t row = first; row < end; row++) {
		const float *in = table + (o->by_pos ? env->pos[row] : 0) * o->n;

		for (int64_t i = 0; i < o->n; i++) {
			out[row * o->n + i] += in[i];
		}
	}
}

CPU_RUN(ref_layernorm)
{
	const struct op_layernorm *o = &op->layernorm;
	const float *weight = op_env_at(env, o->weight), *bias = op_env_at(env, o->bias);

	for (int64_t row = first; row < end; row++) {
		const float *in = (float *)op_env_at(env, o->in) + row * o->n;
		float *out = (float *)op_env_at(env, o->out) + row * o->n;
		double mean = 0, square = 0, scale;

		for (int64_t i = 0; i < o->n; i++) {
			mean += in[i];
		}
		mean /= (double)o->n;
		for (int64_t i = 0; i < o->n; i++) {
			square += (in[i] - mean) * (in[i] - mean);
		}
		scale = 1 / sqrt(square / (double)o->n + o->eps);
		for (int64_t i = 0; i < o->n; i++) {
			out[i] = (float)((in[i] - mean) * scale) * weight[i] + bias[i];
		}
	}
}

/* erfc keeps its precision where x is negative, 1 + erf does not. */
CPU_RUN(ref_gelu)
{
	const struct op_gelu *o = &op->gelu;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first * o->n; i < end * o->n; i++) {
		out[i] = (float)(in[i] * erfc(-in[i] * M_SQRT1_2) / 2);
	}
}

/* ---- attention ---- */

static int64_t queries_of_item(const struct op_attention_bidir *op)
{
	int64_t n = BIDIR_QUERY_ELEMS / op->head_dim;

	return n < BIDIR_QUERIES_MAX ? n : BIDIR_QUERIES_MAX;
}

static int64_t blocks_of(const struct op_sequence *sequence, int64_t n_query)
{
	return (sequence->n_row + n_query - 1) / n_query;
}

CPU_ITEMS(bidir_items)
{
	int64_t n_query = queries_of_item(&op->attention_bidir), n = 0;

	for (int64_t i = 0; i < env->n_sequence; i++) {
		n += blocks_of(&env->sequence[i], n_query);
	}
	return n * op->attention_bidir.n_head;
}

struct bidir_item bidir_item_at(const struct op *op, const struct op_env *env, int64_t item)
{
	const struct op_attention_bidir *o = &op->attention_bidir;
	const struct op_sequence *sequence = env->sequence;
	int64_t n_query = queries_of_item(o), block = item / o->n_head, left;

	while (block >= blocks_of(sequence, n_query)) {
		block -= blocks_of(sequence, n_query);
		sequence++;
	}
	left = sequence->n_row - block * n_query;
	return (struct bidir_item){.sequence = sequence,
		.first = block * n_query,
		.n_query = left < n_query ? left : n_query,
		.head = (int32_t)(item % o->n_head)};
}

static double dot(const float *a, const float *b, int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++) {
		sum += (double)a[i] * b[i];
	}
	return sum;
}

/* One query of one head; k and v are those of the sequence's first row, `stride` floats apart. */
static void attend(const struct op_attention_bidir *o, const float *q, const float *k,
	const float *v, int64_t n_row, int64_t stride, float *out)
{
	double max = -INFINITY, sum = 0, total[KV_HEAD_DIM_MAX] = {0};

	for (int64_t t = 0; t < n_row; t++) {
		max = fmax(max, o->scale * dot(q, k + t * stride, o->head_dim));
	}
	for (int64_t t = 0; t < n_row; t++) {
		double p = exp(o->scale * dot(q, k + t * stride, o->head_dim) - max);

		sum += p;
		for (int32_t d = 0; d < o->head_dim; d++) {
			total[d] += p * v[t * stride + d];
		}
	}
	for (int32_t d = 0; d < o->head_dim; d++) {
		out[d] = (float)(total[d] / sum);
	}
}

CPU_RUN(ref_attention_bidir)
{
	const struct op_attention_bidir *o = &op->attention_bidir;
	int64_t stride = (int64_t)o->n_head * o->head_dim;

	for (int64_t i = first; i < end; i++) {
		struct bidir_item item = bidir_item_at(op, env, i);
		int64_t at = item.sequence->first_row * stride + item.head * o->head_dim;

		for (int64_t n = item.first; n < item.first + item.n_query; n++) {
			attend(o, (float *)op_env_at(env, o->q) + at + n * stride,
				(float *)op_env_at(env, o->k) + at,
				(float *)op_env_at(env, o->v) + at, item.sequence->n_row, stride,
				(float *)op_env_at(env, o->out) + at + n * stride);
		}
	}
}
