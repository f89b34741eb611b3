/*
 * The decoder that most open models share: a residual stream through blocks of grouped-query
 * attention with rotary embedding, then a gated feed-forward network, each behind a norm. What a
 * family changes is data: its describe() fills in struct decoder, its bind_layer() struct
 * decoder_layer, out of the pieces below; a weight that stays empty leaves its op out. This reads
 * what they have in common and emits the program.
 */
#ifndef ENGINE_FAMILIES_DECODER_H
#define ENGINE_FAMILIES_DECODER_H

#include "engine/families/bind.h"
#include "engine/families/family.h"
#include "engine/families/rope.h"
#include "engine/model/model.h"
#include "kernels/ops.h"

#include <stdint.h>

#define DECODER_MAX_ROPES 2

struct decoder {
	const struct model *model;
	int64_t context_tok; /* that the program is for */

	/* Common hyperparameters, there before describe() is called. */
	float eps;
	float attention_scale; /* "attention.scale", else 1 / sqrt(head_dim) */
	int64_t n_rot;         /* elements of a head that are rotated, from its first */
	int64_t window_tok;    /* "attention.sliding_window"; 0: none */
	const struct weight *embd, *norm, *output; /* output is embd where they are tied */

	/* What describe() sets where it is not 0. */
	struct rope rope[DECODER_MAX_ROPES];
	int32_t n_rope;
	int32_t is_neox;         /* the rotated pairs are halves of a head, not neighbours */
	enum glu_act act;        /* of the gate */
	float embed_scale;       /* is 1 */
	float attention_softcap; /* 0: none */
	float logit_softcap;     /* 0: none */
};

/* Zero, or NULL: without it. */
struct decoder_layer {
	int64_t window_tok; /* sees so many tokens; 0: everything */
	int32_t rope;       /* index of decoder.rope[] */

	const struct weight *attn_norm, *ffn_norm;           /* [n_embd], of what goes in */
	const struct weight *attn_post_norm, *ffn_post_norm; /* [n_embd], of what comes out */
	const struct weight *q_norm, *k_norm;                /* [head_dim], of each head */
	struct weight q, k, v, attn_out;
	struct weight gate, up, down;
	const struct weight *q_bias, *k_bias, *v_bias, *attn_out_bias;
	const struct weight *gate_bias, *up_bias, *down_bias;
};

/* A row of family.c's table: .family is {architecture, decoder_read, decoder_emit}. */
struct decoder_family {
	struct family family;
	/* The metadata that it computes of those which change what is computed (see decoder.c);
	 * others refuse it. NULL at the end, or NULL. */
	const char *const *keys;
	int (*describe)(struct decoder *decoder, struct bind *bind, struct err *err);
	/* The weights of layer bind->layer, into a struct of zeros. */
	void (*bind_layer)(
		const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer);
};

extern const struct decoder_family family_gemma, family_gemma2, family_gemma3;
extern const struct decoder_family family_llama;
extern const struct decoder_family family_phi3;
extern const struct decoder_family family_qwen2, family_qwen3;

/* For a family's row. */
int decoder_read(struct model *model, struct err *err);
int decoder_emit(
	const struct model *model, int64_t context_tok, struct program *program, struct err *err);

/* For describe(): one rotation for all layers, with Llama 3.1's divisors where the file has them. */
int decoder_read_rope(struct decoder *decoder, struct bind *bind, struct err *err);
/* For bind_layer(): q, k, v with their biases if any, out, and the norm before them. */
void decoder_bind_attention(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer);
/* The same but for q, k and v. */
void decoder_bind_attention_ends(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer);
/* Norms of each head of queries and keys. */
void decoder_bind_head_norms(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer);
/* gate, up, down with their biases if any, and the norm before them. */
void decoder_bind_ffn(
	const struct decoder *decoder, struct bind *bind, struct decoder_layer *layer);

#endif
