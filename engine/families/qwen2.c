/*
 * Qwen 2 and 2.5: Llama's block with biases on queries, keys and values, and rotary embedding on
 * the halves of a head. Qwen Team 2024, "Qwen2 Technical Report".
 */
#include "engine/families/decoder.h"

static int qwen2_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	decoder->is_neox = 1;
	return decoder_read_rope(decoder, bind, err);
}

static void qwen2_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	const struct model *m = decoder->model;
	int64_t q_elems = (int64_t)m->n_head * m->head_dim;
	int64_t kv_elems = (int64_t)m->n_kv_head * m->head_dim;

	decoder_bind_attention(decoder, bind, layer);
	/* not "if any": a file without them is not whole */
	layer->q_bias = bind_vector(bind, "attn_q.bias", q_elems);
	layer->k_bias = bind_vector(bind, "attn_k.bias", kv_elems);
	layer->v_bias = bind_vector(bind, "attn_v.bias", kv_elems);
	decoder_bind_ffn(decoder, bind, layer);
}

const struct decoder_family family_qwen2 = {
	.family = {"qwen2", decoder_read, decoder_emit},
	.describe = qwen2_describe,
	.bind_layer = qwen2_bind_layer,
};
