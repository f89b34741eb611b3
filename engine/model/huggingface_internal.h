/* What the files huggingface*.c share; nobody else includes it. */
#ifndef ENGINE_MODEL_HUGGINGFACE_INTERNAL_H
#define ENGINE_MODEL_HUGGINGFACE_INTERNAL_H

#include "base/buf.h"
#include "engine/model/gguf.h"
#include "engine/model/gguf_write.h"
#include "engine/model/huggingface.h"
#include "engine/model/safetensors.h"

#include <jansson.h>
#include <stdatomic.h>

/* Far more than any model has; what is computed from numbers within cannot overflow. */
#define HF_MAX_INT   ((int64_t)1 << 40)
#define HF_MAX_LAYER 4096
#define HF_MAX_FREQ  512

/* Which model this is, and how its files differ from GGUF's. */
struct hf_architecture {
	const char *name; /* in config.json's "architectures" */
	const char *gguf; /* general.architecture */
	const char *act;  /* the only activation that the family computes */
	const char *text; /* the only "model_type" of its "text_config", where is_conditional */
	/* Queries and keys are stored in halves, and GGUF's llama rotates neighbours. */
	int permutes_qk;
	int norms_add_one;  /* norms multiply by 1 + w */
	int has_post_norms; /* norms behind attention and feed-forward, too */
	int has_qk_norms, has_fused_qkv;
	int computes_window;
	int rotates_part;   /* heads may be rotated in part */
	int is_tied;        /* where config.json does not say it */
	int is_conditional; /* reads pictures, too: text_config, and towers beside the text */
	/* What transformers assumes where config.json is silent, or HF_NONE. */
	int64_t n_head, n_kv_head, head_dim, n_ctx, window, window_period;
	int64_t original_ctx; /* before LongRoPE, which others do not compute */
	double rms_eps, rope_theta, score_width, attn_softcap, logit_softcap;
};
#define HF_NONE INT64_MIN

/* A vector of floats that GGUF files hold as a tensor and config.json as numbers. */
struct hf_vector {
	const char *name;
	float *value;
	int64_t n;
};

struct huggingface {
	char *path;   /* as it was opened */
	char *folder; /* without a slash at its end */
	char *config_path;
	char *title, *license, *chat_template; /* the last may be NULL */
	struct buf config_bytes;
	json_t *config;                               /* config.json */
	json_t *text;                                 /* of it the part that is about text */
	json_t *tokenizer_config, *generation_config; /* or NULL */
	const struct hf_architecture *architecture;   /* NULL: not one that we know */
	struct safetensors *files;
	struct sha256_digest tokenizer_digest; /* of tokenizer.json, once it was read */

	/* After translation. */
	struct buf metadata_bytes;
	struct gguf *metadata;
	struct hf_vector vector[2];
	size_t n_vector;
	int64_t n_layer, n_head, n_kv_head, head_dim, n_rot;
	int says_tied, says_untied; /* config.json, of the output matrix and the embedding */
	int is_tied;                /* once the tensors are known, too */

	struct hf_source *source; /* [n_source], each the rows of one weight */
	char **name;              /* [n_source] */
	size_t n_source;
	atomic_bool has_nan; /* was found when rows in FP8 were read */
};

/* ---- huggingface_missing.c: what a directory holds instead ---- */

/* Whether there is a config.json; says what is there else. */
int hf_check_config(const struct huggingface *directory, struct err *err);
/* -1 and a sentence, where there is neither model.safetensors nor an index. */
int hf_refuse_without_weights(const struct huggingface *directory, struct err *err);

/* ---- huggingface_config.c: config.json becomes keys ---- */

const struct hf_architecture *hf_architecture_find(const char *name);
/* Fills *writer; sets what the weights need to know. */
int hf_config_translate(struct huggingface *directory, struct gguf_writer *writer, struct err *err);

/* A key of the architecture: "llama.block_count". */
void hf_add_int(const struct huggingface *directory, struct gguf_writer *writer, const char *key,
	int64_t value);
void hf_add_float(const struct huggingface *directory, struct gguf_writer *writer, const char *key,
	double value);

/*
 * A number of an object of config.json. 0 and the value; 1 where it is absent or null; -1 for
 * anything that is no such number within the bounds.
 */
int hf_get_int(const struct huggingface *directory, const json_t *object, const char *key,
	int64_t min, int64_t max, int64_t *value, struct err *err);
int hf_get_float(const struct huggingface *directory, const json_t *object, const char *key,
	double min, double max, double *value, struct err *err);
int hf_get_bool(const struct huggingface *directory, const json_t *object, const char *key,
	int *value, struct err *err);
/* NULL where it is absent or null; *failed where it is not a string. */
const char *hf_get_string(const struct huggingface *directory, const json_t *object,
	const char *key, int *failed, struct err *err);

/* ---- huggingface_rope.c ---- */

/* The rotary embedding: keys, and the vectors of factors. n_ctx is the model's window. */
int hf_rope_translate(
	struct huggingface *directory, struct gguf_writer *writer, int64_t n_ctx, struct err *err);

/* ---- huggingface_weights.c, huggingface_rows.c ---- */

/* How the rows of a weight are made from a tensor. */
struct hf_source {
	struct weight_source base;
	const struct safetensors_tensor *tensor;
	enum dtype stored; /* DTYPE_F8_E4M3: single codes, the scales apart */
	enum dtype dtype;  /* of the rows that are made */
	int64_t n_row, row_elems;
	int64_t half; /* rows (of a vector: elements) of half a head that change places; 0: none */
	int adds_one;

	/* FP8: the scale of element (row, k) is scale[row / scale_rows][k / scale_elems]. */
	const struct safetensors_tensor *scale;
	int64_t scale_rows, scale_elems, scale_columns;
};

/* Reads a row as the source says; weight_source's read(). */
void hf_rows_read(const struct weight_source *source, int64_t first, int64_t n_rows, uint8_t *rows);
/* A scale, or any other element of a plain tensor. */
float hf_element(const struct safetensors_tensor *tensor, int64_t index);

#endif
