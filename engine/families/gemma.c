/*
 * Gemma 1, 2 and 3 (text): embeddings scaled by sqrt(n_embd), a gate of GELU, rotary embedding on
 * the halves of a head; norms are stored as what multiplies (1 + w). Gemma Team 2024, "Gemma";
 * 2024, "Gemma 2": norms behind attention and feed-forward too, soft caps on scores and logits,
 * every second layer with a window; 2025, "Gemma 3": norms on heads in place of the soft caps,
 * five layers in six with a window and a rotary base of their own.
 */
#include "engine/families/decoder.h"

#include "engine/families/params.h"
#include "engine/model/gguf.h"

#include <math.h>

static const char window_pattern[] = "attention.sliding_window_pattern";

/* ---- what they share ---- */

static int describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	decoder->is_neox = 1;
	decoder->act = GLU_GELU_TANH;
	decoder->embed_scale = sqrtf((float)decoder->model->n_embd);
	return decoder_read_rope(decoder, bind, err);
}

/*
 * The largest model of a generation scales its scores by the width per head that a plain
 * transformer would have, not by the head's size. No key says so: it goes by its number of layers.
 */
static void scale_by_width(struct decoder *decoder, int32_t n_layer)
{
	const struct model *model = decoder->model;

	if (model->n_layer == n_layer && !param_exists(model, "attention.scale")) {
		decoder->attention_scale = 1 / sqrtf((float)(model->n_embd / model->n_head));
	}
}

/* Soft caps: 0 is none. */
static int read_cap(float *cap, const struct decoder *decoder, const char *name, double fallback,
	struct err *err)
{
	double value;

	if (param_float(decoder->model, name, fallback, 0, 1e6, &value, err) < 0) {
		return -1;
	}
	*cap = (float)value;
	return 0;
}

/* The file's own pattern of windows: the period, or for each layer whether it has one. */
static int check_pattern(const struct decoder *decoder, struct err *err)
{
	const struct model *model = decoder->model;
	struct gguf_array array;
	char key[PARAM_KEY_BYTES];
	int64_t period;

	if (gguf_get_array(model->gguf, param_key(key, model, window_pattern), &array, NULL) == 0) {
		return array.count == (uint64_t)model->n_layer
			       ? 0
			       : err_set(err, ERR_ENGINE, model->path, NULL,
					 "%s has %llu values for %d layers", key,
					 (unsigned long long)array.count, (int)model->n_layer);
	}
	return param_int(model, window_pattern, 1, 1, 4096, &period, err);
}

/* All but every `period`-th layer have a window, unless the file says otherwise. */
static int has_window(const struct decoder *decoder, int32_t layer, int64_t period)
{
	const struct model *model = decoder->model;
	struct gguf_array array;
	char key[PARAM_KEY_BYTES];

	if (decoder->window_tok == 0) {
		return 0;
	}
	if (gguf_get_array(model->gguf, param_key(key, model, window_pattern), &array, NULL) == 0) {
		return gguf_array_int(&array, (uint64_t)layer) != 0;
	}
	gguf_get_int(model->gguf, key, &period, NULL);
	return (layer + 1) % period != 0;
}

/* Both branches between two norms. */
static void bind_sandwich(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	int64_t n_embd = decoder->model->n_embd;

	decoder_bind_attention(decoder, bind, layer);
	layer->attn_post_norm = bind_vector(bind, "post_attention_norm.weight", n_embd);
	decoder_bind_ffn(decoder, bind, layer);
	layer->ffn_post_norm = bind_vector(bind, "post_ffw_norm.weight", n_embd);
}

/* ---- Gemma 1 ---- */

static int gemma_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	return describe(decoder, bind, err);
}

static void gemma_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	decoder_bind_attention(decoder, bind, layer);
	decoder_bind_ffn(decoder, bind, layer);
}

const struct decoder_family family_gemma = {
	.family = {"gemma", decoder_read, decoder_emit},
	.describe = gemma_describe,
	.bind_layer = gemma_bind_layer,
};

/* ---- Gemma 2 ---- */

static int gemma2_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	if (!param_exists(decoder->model, "attention.sliding_window")) {
		decoder->window_tok = 4096; /* files from before converters wrote it down */
	}
	scale_by_width(decoder, 46);
	return describe(decoder, bind, err) < 0 || check_pattern(decoder, err) < 0 ||
			       read_cap(&decoder->attention_softcap, decoder,
				       "attn_logit_softcapping", 50, err) < 0 ||
			       read_cap(&decoder->logit_softcap, decoder, "final_logit_softcapping",
				       30, err) < 0
		       ? -1
		       : 0;
}

static void gemma2_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	layer->window_tok = has_window(decoder, bind->layer, 2) ? decoder->window_tok : 0;
	bind_sandwich(decoder, bind, layer);
}

const struct decoder_family family_gemma2 = {
	.family = {"gemma2", decoder_read, decoder_emit},
	.keys = (const char *const[]){"attention.sliding_window", window_pattern,
		"attn_logit_softcapping", "final_logit_softcapping", NULL},
	.describe = gemma2_describe,
	.bind_layer = gemma2_bind_layer,
};

/* ---- Gemma 3 ---- */

enum { ROPE_GLOBAL, ROPE_LOCAL };

static int gemma3_describe(struct decoder *decoder, struct bind *bind, struct err *err)
{
	double local_base;

	scale_by_width(decoder, 62);
	if (describe(decoder, bind, err) < 0 || check_pattern(decoder, err) < 0 ||
		read_cap(&decoder->logit_softcap, decoder, "final_logit_softcapping", 0, err) < 0 ||
		param_float(decoder->model, "rope.freq_base_swa", 10000, 1.001, 1e15, &local_base,
			err) < 0) {
		return -1;
	}
	/* The scaling of positions is for the layers that look far. */
	rope_init(&decoder->rope[ROPE_LOCAL], local_base, decoder->n_rot);
	decoder->n_rope = 2;
	return 0;
}

static void gemma3_bind_layer(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer)
{
	if (has_window(decoder, bind->layer, 6)) {
		layer->window_tok = decoder->window_tok;
		layer->rope = ROPE_LOCAL;
	}
	bind_sandwich(decoder, bind, layer);
	decoder_bind_head_norms(decoder, bind, layer);
}

const struct decoder_family family_gemma3 = {
	.family = {"gemma3", decoder_read, decoder_emit},
	.keys = (const char *const[]){"attention.sliding_window", window_pattern,
		"final_logit_softcapping", "rope.freq_base_swa", NULL},
	.describe = gemma3_describe,
	.bind_layer = gemma3_bind_layer,
};
