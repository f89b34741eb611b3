/*
 * Qwen 2 and 2.5: Llama's block with biases on queries, keys and values, and rotary embedding on
 * the halves of a head. Qwen Team 2024, "Qwen2 Technical Report".
 */
#include "engine/families/decoder.h"

static int qwen2_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	(void)bind;
	decoder->is_neox = 1;
	decoder->n_rope = 1;
	return rope_read(&decoder->rope[0], decoder->model, decoder->n_rot, NULL, err);
}

static void qwen2_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	decoder_bind_attention(decoder, bind, layer);
	decoder_bind_ffn(decoder, bind, layer);
}

const struct decoder_family family_qwen2 = {
	.family = {"qwen2", decoder_read, decoder_emit},
	.describe = qwen2_describe,
	.bind_layer = qwen2_bind_layer,
};
