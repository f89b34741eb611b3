/*
 * Every operation that the engine computes, as plain data. A model family emits a flat list of
 * these once (a program); a backend executes the list for each batch. Nothing here holds a pointer:
 * operands are buffer handles, resolved by the backend, so the same list runs on every device.
 *
 * THE SUMMATION RULE (what makes cached equal uncached bit for bit on the CPU). Each output element
 * is accumulated in an order that depends on nothing but its own position:
 *  - a product adds its k-blocks in ascending order and is never split along k; so a row computed
 * alone (GEMV) equals the same row computed in a batch (GEMM);
 *  - activations are quantized per row and block, key and value scales are per (token, head), and a
 *    query's softmax numerators are scaled per (query, page);
 *  - attention is an online softmax, page by page in ascending order, within absolute spans of
 *    KV_SPAN_TOK tokens that are merged in ascending order;
 *  - what other rows are in the batch, how many threads there are, and how items are dealt to them
 *    changes nothing. Masked or absent tokens contribute exactly nothing.
 * It holds per instruction-set path: different paths may differ in the last bits.
 *
 * Shapes in comments are row-major, [rows][columns]; "row" is a token of the batch unless said
 * otherwise.
 */
#ifndef KERNELS_OPS_H
#define KERNELS_OPS_H

#include "kernels/dtype.h"
#include "kernels/kv.h"

#include <stdint.h>

/* A place in a backend's buffers. */
struct operand {
	uint32_t buffer; /* handle; OPERAND_NONE for an optional operand that is absent */
	uint64_t offset_bytes;
};
#define OPERAND_NONE UINT32_MAX

enum op_kind {
	OP_EMBED,
	OP_RMSNORM,
	OP_PACK_ACT,
	OP_MATMUL,
	OP_ROPE_TABLE,
	OP_ROPE,
	OP_KV_WRITE,
	OP_ATTENTION,
	OP_GLU,
	OP_SOFTCAP,
	OP_GATHER,
	OP_ADD_TABLE,
	OP_LAYERNORM,
	OP_GELU,
	OP_ATTENTION_BIDIR,
	OP_KIND_COUNT,
};

/* Which rows of the batch an op works on. */
enum op_rows {
	ROWS_ALL, /* every token: op_env.n_row */
	ROWS_OUT, /* the tokens whose logits are wanted: op_env.n_out */
};

/*
 * How activations are handed to a product: chosen by the weight's storage type (act_type_for()).
 * ACT_Q8: signed 8 bits with one float scale per 32 elements, scale = amax/127, round to nearest
 * even. ACT_BF16: rounded to bfloat16, products and sums in float.
 */
enum act_type { ACT_F32, ACT_BF16, ACT_Q8 };

enum act_type act_type_for(enum dtype weight);

/*
 * out f32 [row][n_embd] = table[ids[row]] * scale, table in its file layout [n_vocab][n_embd] of
 * `dtype`. scale is 1 but for families that say otherwise (Gemma: sqrt(n_embd)).
 */
struct op_embed {
	struct operand table, out;
	enum dtype dtype;
	int64_t n_embd;
	float scale;
};

/*
 * out f32 [row][n_group][n] = in * weight / sqrt(mean(in^2) + eps)   (Zhang & Sennrich 2019)
 * A row is n_group runs of n elements, each normalised alone with the same weight f32 [n]: one run
 * of a row's width, or one per head of queries or keys. out may be in. With `accumulate` the result
 * is added to out (a residual behind a norm).
 */
struct op_rmsnorm {
	struct operand in, weight, out;
	int64_t n;
	int64_t n_group;
	float eps;
	int32_t accumulate;
};

/* in f32 [row][k] -> out: activations in the backend's packed layout for `type`. */
struct op_pack_act {
	struct operand in, out;
	enum act_type type;
	int64_t k;
};

/*
 * Up to three products that share their input (Q, K and V; gate and up):
 *   out[part] f32 [row][m] (+)= act [row][k] x weight[part]^T, weight [m][k] packed.
 * With `accumulate` the finished product is added to out once (a residual). bias f32 [m] is optional.
 */
#define MATMUL_MAX_PARTS 3
struct matmul_part {
	struct operand weight, bias, out;
	enum dtype dtype;
	int64_t m;
};
struct op_matmul {
	struct operand act;
	enum act_type act_type;
	int64_t k;
	int32_t n_part;
	int32_t accumulate;
	struct matmul_part part[MATMUL_MAX_PARTS];
};

/*
 * out f32 [row][n_freq][2] = { cos, sin }(pos[row] * inv_freq[i]) * magnitude, the angle in double
 * so that it is exact to position 8M. inv_freq f64 [n_freq] is a constant of the program.
 */
struct op_rope_table {
	struct operand inv_freq, out;
	int64_t n_freq;
	float magnitude; /* YaRN's attention factor, else 1 */
};

/*
 * Rotary position embedding in place (Su et al. 2021), q f32 [row][n_head][head_dim], k f32
 * [row][n_kv_head][head_dim]; the first 2*n_freq elements of a head are rotated. Pairs are (2i,
 * 2i+1), or (i, i + n_freq) with `neox`.
 */
struct op_rope {
	struct operand table, q, k;
	int32_t n_head, n_kv_head, head_dim;
	int64_t n_freq;
	int32_t neox;
};

/* k, v f32 [row][n_kv_head][head_dim] -> the pages of each row's sequence, at the row's position.
 */
struct op_kv_write {
	struct operand k, v;
	int32_t layer;
};

/*
 * out f32 [row][n_head][head_dim] = softmax(scale * q K^T) V over positions 0 ... pos[row] of the
 * row's sequence; query head h reads KV head h / (n_head / n_kv_head). Online softmax (Milakov &
 * Gimelshein 2018; Dao et al. 2022) in the order that the summation rule gives.
 *
 * With window_tok W > 0 a row sees positions pos[row] - W + 1 ... pos[row] only (Beltagy et al.
 * 2020). Pages in no row's window are not read: op_sequence.page[] may hold anything there. With
 * softcap > 0 a score s becomes softcap * tanh(s / softcap), after `scale` (Gemma 2).
 */
struct op_attention {
	struct operand q, out;
	int32_t layer, n_head;
	float scale;
	int64_t window_tok; /* 0: everything */
	float softcap;      /* 0: none */
};

/* out f32 [row][n] = act(gate) * up   (Shazeer 2020); out may be gate or up. */
enum glu_act {
	GLU_SILU, /* x / (1 + exp(-x)) */
	GLU_GELU_TANH, /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))   (Hendrycks & Gimpel 2016) */
};
struct op_glu {
	struct operand gate, up, out;
	int64_t n;
	enum glu_act act;
};

/* out f32 [row][n] = cap * tanh(in / cap); out may be in. */
struct op_softcap {
	struct operand in, out;
	int64_t n;
	float cap;
};

/* out f32 [i][n] = in[out_row[i]][n], i < n_out: the rows whose logits are wanted. */
struct op_gather {
	struct operand in, out;
	int64_t n;
};

/* ---- of encoders: sequences are whole in one batch, and leave nothing behind ---- */

/* out f32 [row][n] += table[by_pos ? pos[row] : 0], table f32 [...][n]. */
struct op_add_table {
	struct operand table, out;
	int64_t n;
	int32_t by_pos;
};

/*
 * out f32 [row][n] = (in - mean(in)) / sqrt(mean((in - mean(in))^2) + eps) * weight + bias   (Ba et
 * al. 2016), weight and bias f32 [n]. out may be in.
 */
struct op_layernorm {
	struct operand in, weight, bias, out;
	int64_t n;
	float eps;
};

/* out f32 [row][n] = in/2 * (1 + erf(in / sqrt(2)))   (Hendrycks & Gimpel 2016); out may be in. */
struct op_gelu {
	struct operand in, out;
	int64_t n;
};

/*
 * out f32 [row][n_head][head_dim] = softmax(scale * q K^T) V over all rows of the row's sequence,
 * before it and behind it; q, k and v f32 [row][n_head][head_dim]. A query meets BIDIR_KEYS rows of
 * its sequence at a time, from the first, in an online softmax: what else is in the batch changes
 * nothing.
 */
#define BIDIR_KEYS 64
struct op_attention_bidir {
	struct operand q, k, v, out;
	int32_t n_head, head_dim;
	float scale;
};

struct op {
	enum op_kind kind;
	enum op_rows rows;
	union {
		struct op_embed embed;
		struct op_rmsnorm rmsnorm;
		struct op_pack_act pack_act;
		struct op_matmul matmul;
		struct op_rope_table rope_table;
		struct op_rope rope;
		struct op_kv_write kv_write;
		struct op_attention attention;
		struct op_glu glu;
		struct op_softcap softcap;
		struct op_gather gather;
		struct op_add_table add_table;
		struct op_layernorm layernorm;
		struct op_gelu gelu;
		struct op_attention_bidir attention_bidir;
	};
};

/* The rows of a batch that belong to one sequence: consecutive tokens at consecutive positions. */
struct op_sequence {
	int64_t first_row, n_row;
	int64_t first_pos;
	/* page[i] holds positions i*KV_PAGE_TOK ...; enough of them for the last row's position */
	uint8_t *const *page;
};

/* What changes from batch to batch. All of it belongs to the caller and outlives the call. */
struct op_env {
	uint8_t *const *buffer; /* by handle */
	int64_t n_row;
	int64_t n_out;
	const uint32_t *ids;    /* [n_row] */
	const int64_t *pos;     /* [n_row] */
	const int64_t *out_row; /* [n_out], ascending */
	const struct op_sequence *sequence;
	int64_t n_sequence;
	const struct kv_layout *kv;
};

/* The first position that a row at `pos` sees. */
static inline int64_t attention_first_pos(const struct op_attention *op, int64_t pos)
{
	return op->window_tok > 0 && op->window_tok <= pos ? pos - op->window_tok + 1 : 0;
}

static inline int64_t op_env_rows(const struct op_env *env, enum op_rows rows)
{
	return rows == ROWS_OUT ? env->n_out : env->n_row;
}

static inline void *op_env_at(const struct op_env *env, struct operand operand)
{
	return env->buffer[operand.buffer] + operand.offset_bytes;
}

#endif
