/*
 * Plain C of every op but the products (ref_matmul.c) and attention (ref_attention.c): the portable
 * path, and the oracle of the others. Written to be read; sums are in double so that an override's
 * error is its own.
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <math.h>
#include <string.h>

CPU_ITEMS(rows_items)
{
	return op_env_rows(env, op->rows);
}

CPU_RUN(ref_embed)
{
	const struct op_embed *o = &op->embed;
	const uint8_t *table = op_env_at(env, o->table);
	float *out = op_env_at(env, o->out);
	int64_t row_bytes = dtype_row_bytes(o->dtype, o->n_embd);

	for (int64_t row = first; row < end; row++) {
		const uint8_t *in = table + env->ids[row] * row_bytes;

		dtype_dequantize(o->dtype, in, out + row * o->n_embd, o->n_embd);
		for (int64_t i = 0; i < o->n_embd && o->scale != 1; i++) {
			out[row * o->n_embd + i] *= o->scale;
		}
	}
}

CPU_RUN(ref_rmsnorm)
{
	const struct op_rmsnorm *o = &op->rmsnorm;
	const float *weight = op_env_at(env, o->weight);

	for (int64_t run = first * o->n_group; run < end * o->n_group; run++) {
		const float *in = (float *)op_env_at(env, o->in) + run * o->n;
		float *out = (float *)op_env_at(env, o->out) + run * o->n;
		double sum = 0;
		float scale;

		for (int64_t i = 0; i < o->n; i++) {
			sum += (double)in[i] * in[i];
		}
		scale = (float)(1 / sqrt(sum / (double)o->n + o->eps));
		for (int64_t i = 0; i < o->n; i++) {
			float x = in[i] * scale * weight[i];

			out[i] = o->accumulate ? out[i] + x : x;
		}
	}
}

CPU_RUN(ref_rope_table)
{
	const struct op_rope_table *o = &op->rope_table;
	const double *inv_freq = op_env_at(env, o->inv_freq);

	for (int64_t row = first; row < end; row++) {
		float *out = (float *)op_env_at(env, o->out) + row * o->n_freq * 2;

		for (int64_t i = 0; i < o->n_freq; i++) {
			double angle = (double)env->pos[row] * inv_freq[i];

			out[2 * i] = (float)(cos(angle) * o->magnitude);
			out[2 * i + 1] = (float)(sin(angle) * o->magnitude);
		}
	}
}

void rope_rows(const struct op *op, const struct op_env *env, int64_t first, int64_t end,
	void (*rotate)(float *x, const float *angles, int64_t n_freq))
{
	const struct op_rope *o = &op->rope;
	const float *table = op_env_at(env, o->table);
	float *q = op_env_at(env, o->q), *k = op_env_at(env, o->k);

	for (int64_t row = first; row < end; row++) {
		const float *angles = table + row * o->n_freq * 2;

		for (int64_t h = 0; h < o->n_head; h++) {
			rotate(q + (row * o->n_head + h) * o->head_dim, angles, o->n_freq);
		}
		for (int64_t h = 0; h < o->n_kv_head; h++) {
			rotate(k + (row * o->n_kv_head + h) * o->head_dim, angles, o->n_freq);
		}
	}
}

/* *a and *b are a pair, angle { cos, sin }. */
static void rotate_pair(float *a, float *b, const float *angle)
{
	float c = angle[0], s = angle[1], x = *a, y = *b;

	*a = x * c - y * s;
	*b = x * s + y * c;
}

/* Pairs (2i, 2i+1). */
static void rotate_pairs(float *x, const float *angles, int64_t n_freq)
{
	for (int64_t i = 0; i < n_freq; i++) {
		rotate_pair(x + 2 * i, x + 2 * i + 1, angles + 2 * i);
	}
}

/* Pairs (i, i + n_freq). */
static void rotate_halves(float *x, const float *angles, int64_t n_freq)
{
	for (int64_t i = 0; i < n_freq; i++) {
		rotate_pair(x + i, x + n_freq + i, angles + 2 * i);
	}
}

CPU_RUN(ref_rope)
{
	rope_rows(op, env, first, end, op->rope.neox ? rotate_halves : rotate_pairs);
}

static float amax_of(const float *x, int64_t n)
{
	float amax = 0;

	for (int64_t i = 0; i < n; i++) {
		amax = fmaxf(amax, fabsf(x[i]));
	}
	return amax;
}

/* x * inv rounded to nearest even and kept within +-127, NaN and overflow included. */
static int quantize(float x, float inv)
{
	float scaled = x * inv;

	if (!(scaled > -127)) {
		return -127;
	}
	return (int)rintf(scaled < 127 ? scaled : 127);
}

static uint16_t f16_saturate(float x)
{
	return f32_to_f16(x > 65504 ? 65504 : x < -65504 ? -65504 : x);
}

static void write_q8(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	float k_max = amax_of(k, kv->head_dim), v_max = amax_of(v, kv->head_dim);
	float k_inv = k_max > 0 ? 127 / k_max : 0, v_inv = v_max > 0 ? 127 / v_max : 0;

	kv_block_scales(kv, keys)[tok] = k_max / 127;
	kv_block_scales(kv, values)[tok] = v_max / 127;
	for (int64_t d = 0; d < kv->head_dim_pad; d++) {
		int key = d < kv->head_dim ? quantize(k[d], k_inv) : 0;
		int value = d < kv->head_dim ? quantize(v[d], v_inv) : 0;

		keys[kv_key_index(kv, tok, d)] = (uint8_t)(key + KV_KEY_ZERO);
		values[kv_value_index(kv, tok, d)] = (uint8_t)(int8_t)value;
	}
}

static void write_float(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
	const float *k, const float *v)
{
	for (int64_t d = 0; d < kv->head_dim_pad; d++) {
		int64_t at_key = kv_key_index(kv, tok, d), at_value = kv_value_index(kv, tok, d);
		float key = d < kv->head_dim ? k[d] : 0, value = d < kv->head_dim ? v[d] : 0;

		if (kv->type == KV_F16) {
			((uint16_t *)(void *)keys)[at_key] = f16_saturate(key);
			((uint16_t *)(void *)values)[at_value] = f16_saturate(value);
		} else {
			((float *)(void *)keys)[at_key] = key;
			((float *)(void *)values)[at_value] = value;
		}
	}
}

void kv_write_rows(const struct op *op, const struct op_env *env, int64_t first, int64_t end,
	void (*write)(const struct kv_layout *kv, uint8_t *keys, uint8_t *values, int64_t tok,
		const float *k, const float *v))
{
	const struct op_kv_write *o = &op->kv_write;
	const struct kv_layout *kv = env->kv;
	const float *k = op_env_at(env, o->k), *v = op_env_at(env, o->v);

	for (int64_t row = first; row < end; row++) {
		const struct op_sequence *sequence = kv_sequence_of_row(env, row);
		int64_t pos = sequence->first_pos + row - sequence->first_row;
		uint8_t *page = sequence->page[pos / KV_PAGE_TOK];

		for (int32_t h = 0; h < kv->n_kv_head; h++) {
			int64_t at = (row * kv->n_kv_head + h) * kv->head_dim;

			write(kv, kv_block_keys(kv, page, o->layer, h),
				kv_block_values(kv, page, o->layer, h), pos % KV_PAGE_TOK, k + at,
				v + at);
		}
	}
}

CPU_RUN(ref_kv_write)
{
	kv_write_rows(op, env, first, end, env->kv->type == KV_Q8 ? write_q8 : write_float);
}

static float silu(float x)
{
	return x / (1 + expf(-x));
}

/* (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)), which does not cancel where u is negative */
static float gelu_tanh(float x)
{
	const double two_sqrt_2_over_pi = 1.5957691216057308;
	double twice_u = two_sqrt_2_over_pi * (x + 0.044715 * x * x * x);

	return (float)(x / (1 + exp(-twice_u)));
}

CPU_RUN(ref_glu)
{
	const struct op_glu *o = &op->glu;
	const float *gate = op_env_at(env, o->gate), *up = op_env_at(env, o->up);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first * o->n; i < end * o->n; i++) {
		out[i] = (o->act == GLU_SILU ? silu(gate[i]) : gelu_tanh(gate[i])) * up[i];
	}
}

CPU_RUN(ref_softcap)
{
	const struct op_softcap *o = &op->softcap;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first * o->n; i < end * o->n; i++) {
		out[i] = o->cap * tanhf(in[i] / o->cap);
	}
}

CPU_ITEMS(gather_items)
{
	(void)op;
	return env->n_out;
}

CPU_RUN(ref_gather)
{
	const struct op_gather *o = &op->gather;
	const float *in = op_env_at(env, o->in);
	float *out = op_env_at(env, o->out);

	for (int64_t i = first; i < end; i++) {
		memcpy(out + i * o->n, in + env->out_row[i] * o->n, (size_t)o->n * sizeof(*out));
	}
}
