/*
 * A model file, or a directory as Hugging Face publishes it, understood: what family it is, its
 * hyperparameters, its tensors by role-free name, its tokenizer and its digest. Reading one touches
 * only metadata; the weights stay mapped.
 */
#ifndef ENGINE_MODEL_MODEL_H
#define ENGINE_MODEL_MODEL_H

#include "base/err.h"
#include "base/sha256.h"
#include "kernels/dtype.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct gguf;
struct huggingface;
struct tokenizer;
struct chat_template;
struct family;
struct lora;

/* So many fit into a row of logits on its way to the caller (wire.h); no vocabulary comes near. */
#define MODEL_VOCAB_MAX ((int64_t)4000000)

/* Where rows come from that no file holds as `dtype` lays them out. */
struct weight_source {
	/* Rows first ... first+n_rows-1 of the source into `rows`; several threads at once. */
	void (*read)(
		const struct weight_source *source, int64_t first, int64_t n_rows, uint8_t *rows);
	/* Set where a stored code turned out to be no number (FP8's NaN); NULL: none can. */
	atomic_bool *has_nan;
};

/* A weight tensor. Its rows are read with weight_rows() and in no other way. */
struct weight {
	const char *name; /* terminated */
	enum dtype dtype;
	int64_t n_row, row_elems; /* [n_row][row_elems]; a vector has n_row 1 */
	int64_t size_bytes;       /* of all rows, as `dtype` stores them */

	const uint8_t *data; /* the rows, where a mapping holds them so; else NULL, and: */
	const struct weight_source *source;
	int64_t first_row; /* in the whole tensor: of a view more than 0 */

	const struct lora *lora; /* a low-rank update of the whole tensor (adapter.h), or NULL */
};

/*
 * Rows first ... first+n_rows-1 as `dtype` stores them: a pointer to where they lie, else they are
 * written to scratch (weight_scratch_bytes(weight, n_rows)) and that is returned. They need not be
 * aligned.
 */
const uint8_t *weight_rows(
	const struct weight *weight, int64_t first, int64_t n_rows, uint8_t *scratch);
/* What weight_rows() needs for so many rows: 0 where they lie in a mapping. */
int64_t weight_scratch_bytes(const struct weight *weight, int64_t n_rows);

/* Once its rows were read: whether they held a code that is no number, of this weight or of another
 * from the same files. Who reads all rows must ask, and refuse the model. */
int weight_has_nan(const struct weight *weight);

/*
 * A view of some rows, of the whole's name; as long as the whole (a program keeps copies of its
 * weights, so *out may be on the stack). -1 if the whole does not have them; says nothing.
 */
int weight_slice(struct weight *out, const struct weight *whole, int64_t first_row, int64_t n_rows);
/* Whether both are the same rows of the same tensor. */
int weight_equal(const struct weight *a, const struct weight *b);

struct model {
	char *path;
	char *name;         /* general.name, else the file's name */
	char *architecture; /* general.architecture */
	char *license;      /* general.license or "" */
	const struct family *family;

	int32_t n_layer, n_head, n_kv_head, head_dim;
	int64_t n_embd, n_ff, n_vocab;
	int64_t n_ctx_train; /* the window the model was made for, tokens */
	int64_t n_params;
	int64_t weight_bytes; /* of all tensors in the file */
	char storage[32];     /* the type that holds most bytes, e.g. "Q4_K" */

	const struct weight *weight; /* sorted by name */
	size_t n_weight;

	/* Nobody trained it (carrel.random in the metadata): its words are random. */
	int is_random;

	/*
	 * Which model this is, as far as samples tell: SHA-256 over the metadata and tensor table of
	 * each shard (of a directory: also config.json and tokenizer.json), the bytes of all shards
	 * together, and of each tensor (by name), as its file stores it, eight samples of
	 * 4 KiB: its first and last, and six between that begin on multiples of 4 KiB; a tensor of up
	 * to 32 KiB whole. NOT over all of the data, which would read the whole file at every start:
	 * two files that differ only in weights between the samples have one digest. Good enough to
	 * tell models apart, not for KV that outlives the process, nor against an adversary: that
	 * goes by every byte (model_digest_whole()).
	 */
	struct sha256_digest digest;

	/* What adapter_apply() made of adapters; all of it NULL and 0 without one. */
	struct lora *lora; /* [n_lora] */
	size_t n_lora;
	int64_t lora_bytes;
	char *adapters;         /* "style.gguf, notes:0.5" */
	char *adapter_identity; /* digests of all bytes, and scales: part of what a KV page is */

	/*
	 * The metadata, open as long as the model is; of a GGUF file also its mapping. Of a directory
	 * they are a translation into GGUF's keys that holds no tensors, nor a tokenizer
	 * (tokenizer_export_gguf() gives that in keys): with the table of weights above, read by
	 * weight_rows(), it is all that a GGUF file of this model would say.
	 */
	struct gguf *gguf;
	struct huggingface *directory; /* NULL: the model is a GGUF file */
	struct tokenizer *tokenizer;
	const struct chat_template *chat_template; /* NULL if none was recognised */
};

/*
 * template_name overrides recognition (--template); NULL to recognise. A file whose architecture, a
 * tensor's type, the tokenizer or a hyperparameter carrel cannot compute with is refused here, by
 * name.
 */
int model_open(struct model **out, const char *path, const char *template_name, struct err *err);
void model_close(struct model *model);

/* By name; NULL if absent. */
const struct weight *model_weight(const struct model *model, const char *name);

/*
 * The weight "blk.<layer>.<name>" (layer >= 0) or "<name>" (layer -1), checked to be
 * [n_row][row_elems]; a missing or misshapen one is an error that names the tensor and both shapes.
 */
int model_need_weight(const struct model *model, const struct weight **out, int32_t layer,
	const char *name, int64_t n_row, int64_t row_elems, struct err *err);

#endif
