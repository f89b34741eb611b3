/*
 * Qwen 3 (dense): Llama's block with a norm on each head of queries and keys, and rotary embedding
 * on the halves of a head. Qwen Team 2025, "Qwen3 Technical Report".
 */
#include "engine/families/decoder.h"

static int qwen3_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	decoder->is_neox = 1;
	return decoder_read_rope(decoder, bind, err);
}

static void qwen3_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	decoder_bind_attention(decoder, bind, layer);
	decoder_bind_head_norms(decoder, bind, layer);
	decoder_bind_ffn(decoder, bind, layer);
}

const struct decoder_family family_qwen3 = {
	.family = {"qwen3", decoder_read, decoder_emit},
	.describe = qwen3_describe,
	.bind_layer = qwen3_bind_layer,
};
