/*
 * Phi-3, 3.5, 4 and 4-mini: Llama's block with queries, keys and values in one tensor, and gate and
 * up in another; rotary embedding on the halves of the rotated part of a head (all of it, or three
 * quarters in Phi-4-mini), and in the long-context models LongRoPE. Abdin et al. 2024, "Phi-3
 * Technical Report"; Ding et al. 2024, "LongRoPE".
 *
 * LongRoPE has two lists of factors: one for what fits into the window of the first training, one
 * for more. Hugging Face's code changes lists in the middle of a text that grows past that window,
 * and every key cached until then is wrong from there on. Cached must equal uncached, so here the
 * list follows from the context that the engine runs with, as in llama.cpp; the KV fingerprint
 * covers the frequencies.
 */
#include "engine/families/decoder.h"

#include "engine/families/params.h"

static int choose_factors(const struct weight **factors, const struct decoder *decoder,
	struct bind *bind, struct err *err)
{
	const struct model *model = decoder->model;
	const struct weight *shorter =
		bind_vector_if_any(bind, "rope_factors_short.weight", decoder->n_rot / 2);
	const struct weight *longer =
		bind_vector_if_any(bind, "rope_factors_long.weight", decoder->n_rot / 2);
	int64_t original_tok;

	if (!shorter != !longer && !bind->has_failed) {
		return err_set(err, ERR_ENGINE, model->path, "download it again",
			"has only one of rope_factors_short.weight and rope_factors_long.weight");
	}
	if (param_int(model, "rope.scaling.original_context_length", model->n_ctx_train, 2,
		    PARAM_MAX_CONTEXT, &original_tok, err) < 0) {
		return -1;
	}
	*factors = decoder->context_tok > original_tok ? longer : shorter;
	return 0;
}

/* Files from before converters wrote the window down, of the models that were made with one. */
static int64_t window_of_old_files(const struct model *model)
{
	return model->n_ctx_train == 4096 && (model->n_layer == 32 || model->n_layer == 40) ? 2047
											    : 0;
}

static int phi3_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	const struct model *model = decoder->model;
	const struct weight *factors = NULL;

	if (choose_factors(&factors, decoder, bind, err) < 0) {
		return -1;
	}
	if (!param_exists(model, "attention.sliding_window")) {
		decoder->window_tok = window_of_old_files(model);
	}
	decoder->is_neox = 1;
	decoder->n_rope = 1;
	return rope_read(&decoder->rope[0], model, decoder->n_rot, factors, err);
}

static void phi3_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	const struct model *m = decoder->model;
	int64_t kv_elems = (int64_t)m->n_kv_head * m->head_dim;
	const struct bind_part qkv[] = {
		{&layer->q, (int64_t)m->n_head * m->head_dim},
		{&layer->k, kv_elems},
		{&layer->v, kv_elems},
	};
	const struct bind_part gate_up[] = {{&layer->gate, m->n_ff}, {&layer->up, m->n_ff}};

	layer->window_tok = decoder->window_tok;
	decoder_bind_attention_ends(decoder, bind, layer);
	bind_fused(bind, qkv, 3, "attn_qkv.weight", m->n_embd);
	layer->ffn_norm = bind_vector(bind, "ffn_norm.weight", m->n_embd);
	bind_fused(bind, gate_up, 2, "ffn_up.weight", m->n_embd);
	bind_matrix(bind, &layer->down, "ffn_down.weight", m->n_embd, m->n_ff);
}

const struct decoder_family family_phi3 = {
	.family = {"phi3", decoder_read, decoder_emit},
	.keys = (const char *const[]){"attention.sliding_window", NULL},
	.describe = phi3_describe,
	.bind_layer = phi3_bind_layer,
};
