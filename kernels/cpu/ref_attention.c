/*
 * Attention in plain C: the summation rule of ops.h spelled out, one query at a time.
 *
 * For a span of KV_SPAN_TOK tokens the state is (m, l, o[d]): the largest score so far, the sum of
 * exp(score - m), and the sum of exp(score - m) * value. For each page of it, in ascending order:
 *
 *   s[t]  = scale * q.k[t]                  tokens that the query does not see do not exist
 *   s_max = max s[t],  p[t] = exp(s[t] - s_max)
 *   m'    = max(m, s_max),  keep = exp(m - m'),  add = exp(s_max - m')
 *   l     = l * keep + add * sum p[t]
 *   o     = o * keep + add * sum p[t] * v[t]
 *
 * and spans are merged in ascending order by the same two factors. With q8 keys and values the
 * query is rounded to +-KV_QUERY_MAX with one scale per head, so q.k is an integer; v[t] = vs[t] *
 * v8[t], and p[t] * vs[t] is rounded to 0 ... KV_WEIGHT_MAX with a scale of this query and page, so
 * the page's sum is an integer for each d and meets the float state once.
 */
#include "kernels/cpu/kernels_internal.h"
#include "kernels/cpu/kv_block.h"

#include <float.h>
#include <math.h>

struct state {
	float m, l;
	float o[KV_HEAD_DIM_MAX];
};

/* A query as the key type wants it. */
struct query {
	const float *f32; /* [head_dim] */
	int16_t s16[KV_HEAD_DIM_MAX];
	float s16_scale;
};

static void state_init(struct state *state, int64_t n)
{
	state->m = -FLT_MAX; /* finite, so that no difference of two of them is NaN */
	state->l = 0;
	for (int64_t d = 0; d < n; d++) {
		state->o[d] = 0;
	}
}

/* state += add-on given as its own maximum, sum and numerators. */
static void state_merge(struct state *state, float m, float l, const float *o, int64_t n)
{
	float m_new = fmaxf(state->m, m);
	float keep = expf(state->m - m_new), add = expf(m - m_new);

	state->m = m_new;
	state->l = state->l * keep + l * add;
	for (int64_t d = 0; d < n; d++) {
		state->o[d] = state->o[d] * keep + o[d] * add;
	}
}

static void query_quantize(struct query *query, int64_t n)
{
	float amax = 0, inv;

	for (int64_t d = 0; d < n; d++) {
		amax = fmaxf(amax, fabsf(query->f32[d]));
	}
	inv = amax > 0 ? KV_QUERY_MAX / amax : 0;
	for (int64_t d = 0; d < n; d++) {
		float scaled = query->f32[d] * inv;

		/* written so that NaN and overflow stay in range too */
		query->s16[d] =
			(int16_t)(scaled > -KV_QUERY_MAX ? rintf(fminf(scaled, KV_QUERY_MAX))
							 : -KV_QUERY_MAX);
	}
	query->s16_scale = amax / KV_QUERY_MAX;
}

static float element(const struct kv_layout *kv, const uint8_t *values, int64_t index)
{
	if (kv->type == KV_F16) {
		return f16_to_f32(((const uint16_t *)(const void *)values)[index]);
	}
	return ((const float *)(const void *)values)[index];
}

/* s [t] for t in [begin, end) */
static void page_scores(const struct kv_layout *kv, const struct op_attention *op, uint8_t *keys,
	const struct query *query, int64_t begin, int64_t end, float *s)
{
	for (int64_t t = begin; t < end; t++) {
		if (kv->type == KV_Q8) {
			int32_t dot = 0;

			for (int64_t d = 0; d < kv->head_dim; d++) {
				dot += query->s16[d] * (keys[kv_key_index(kv, t, d)] - KV_KEY_ZERO);
			}
			s[t] = (float)dot * kv_block_scales(kv, keys)[t] *
			       (query->s16_scale * op->scale);
		} else {
			float dot = 0;

			for (int64_t d = 0; d < kv->head_dim; d++) {
				dot += query->f32[d] * element(kv, keys, kv_key_index(kv, t, d));
			}
			s[t] = dot * op->scale;
		}
		if (op->softcap > 0) {
			s[t] = op->softcap * tanhf(s[t] / op->softcap);
		}
	}
}

/* o [head_dim] = sum of p[t] * v[t] for t in [begin, end) */
static void page_values(const struct kv_layout *kv, uint8_t *values, const float *p, int64_t begin,
	int64_t end, float *o)
{
	const float *v_scale = kv_block_scales(kv, values);
	float w_max = 0, inv;
	int32_t w[KV_PAGE_TOK];

	if (kv->type != KV_Q8) {
		for (int64_t d = 0; d < kv->head_dim; d++) {
			o[d] = 0;
			for (int64_t t = begin; t < end; t++) {
				o[d] += p[t] * element(kv, values, kv_value_index(kv, t, d));
			}
		}
		return;
	}
	for (int64_t t = begin; t < end; t++) {
		w_max = fmaxf(w_max, p[t] * v_scale[t]);
	}
	inv = w_max > 0 ? KV_WEIGHT_MAX / w_max : 0;
	for (int64_t t = begin; t < end; t++) {
		float scaled = p[t] * v_scale[t] * inv;

		w[t] = (int32_t)(scaled > 0 ? rintf(fminf(scaled, KV_WEIGHT_MAX)) : 0);
	}
	for (int64_t d = 0; d < kv->head_dim; d++) {
		int32_t sum = 0;

		for (int64_t t = begin; t < end; t++) {
			sum += w[t] * (int8_t)values[kv_value_index(kv, t, d)];
		}
		o[d] = (float)sum * (w_max / KV_WEIGHT_MAX);
	}
}

static void attend(const struct kv_layout *kv, const struct op_attention *op,
	const struct op_sequence *sequence, int64_t kv_head, int64_t pos, const float *q,
	float *out)
{
	struct state total, span;
	struct query query = {.f32 = q};
	float s[KV_PAGE_TOK], o[KV_HEAD_DIM_MAX];
	int64_t from = attention_first_pos(op, pos);

	if (kv->type == KV_Q8) {
		query_quantize(&query, kv->head_dim);
	}
	state_init(&total, kv->head_dim);
	state_init(&span, kv->head_dim);
	for (int64_t first = from / KV_PAGE_TOK * KV_PAGE_TOK; first <= pos; first += KV_PAGE_TOK) {
		int64_t begin = from > first ? from - first : 0;
		int64_t end = pos + 1 - first < KV_PAGE_TOK ? pos + 1 - first : KV_PAGE_TOK;
		uint8_t *page = sequence->page[first / KV_PAGE_TOK];
		float s_max = -FLT_MAX, sum = 0;

		if (first % KV_SPAN_TOK == 0) {
			state_merge(&total, span.m, span.l, span.o, kv->head_dim);
			state_init(&span, kv->head_dim);
		}
		page_scores(
			kv, op, kv_block_keys(kv, page, op->layer, kv_head), &query, begin, end, s);
		for (int64_t t = begin; t < end; t++) {
			s_max = fmaxf(s_max, s[t]);
		}
		for (int64_t t = begin; t < end; t++) {
			s[t] = expf(s[t] - s_max);
			sum += s[t];
		}
		page_values(kv, kv_block_values(kv, page, op->layer, kv_head), s, begin, end, o);
		state_merge(&span, s_max, sum, o, kv->head_dim);
	}
	state_merge(&total, span.m, span.l, span.o, kv->head_dim);
	for (int64_t d = 0; d < kv->head_dim; d++) {
		out[d] = total.o[d] / total.l;
	}
}

CPU_ITEMS(ref_attention_items)
{
	(void)op;
	return env->n_row * env->kv->n_kv_head;
}

/* An item is a (row, KV head): the query heads that share it. */
CPU_RUN(ref_attention)
{
	const struct op_attention *o = &op->attention;
	const struct kv_layout *kv = env->kv;
	int64_t group = o->n_head / kv->n_kv_head;

	for (int64_t item = first; item < end; item++) {
		int64_t row = item / kv->n_kv_head, kv_head = item % kv->n_kv_head;
		const struct op_sequence *sequence = kv_sequence_of_row(env, row);
		int64_t pos = sequence->first_pos + row - sequence->first_row;

		for (int64_t g = 0; g < group; g++) {
			int64_t at = (row * o->n_head + kv_head * group + g) * kv->head_dim;

			attend(kv, o, sequence, kv_head, pos, (float *)op_env_at(env, o->q) + at,
				(float *)op_env_at(env, o->out) + at);
		}
	}
}
