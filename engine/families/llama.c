/*
 * The llama family: everything that GGUF stores as "llama" (Llama 1, 2, 3, 3.x, Mistral and their
 * kin): pre-norm blocks of grouped-query attention with interleaved rotary embedding, and SwiGLU.
 * Touvron et al. 2023; Ainslie et al. 2023 (GQA); with a window: Jiang et al. 2023 (Mistral 7B).
 */
#include "engine/families/decoder.h"

static int llama_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	return decoder_read_rope(decoder, bind, err);
}

static void llama_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	layer->window_tok = decoder->window_tok;
	decoder_bind_attention(decoder, bind, layer);
	decoder_bind_ffn(decoder, bind, layer);
	/* Old converters stored the rotary frequencies, which follow from the metadata. */
	bind_ignore(bind, "attn_rot_embd.weight");
	bind_ignore(bind, "attn_rot_embd");
}

const struct decoder_family family_llama = {
	.family = {"llama", decoder_read, decoder_emit},
	.keys = (const char *const[]){"attention.sliding_window", NULL},
	.describe = llama_describe,
	.bind_layer = llama_bind_layer,
};
