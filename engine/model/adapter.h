/*
 * LoRA adapters (Hu et al. 2021): low-rank updates of a model's matrices,
 *
 *   W x  becomes  W x + scale * B (A x),   A [rank][k], B [m][rank]
 *
 * where the file's own scale is alpha / rank (rank-stabilised: alpha / sqrt(rank), Kalajdzievski
 * 2023) and the user's multiplies it. Read from a GGUF file (general.type "adapter", tensors
 * NAME.lora_a and NAME.lora_b) or from a folder as PEFT writes it (adapter_config.json and
 * adapter_model.safetensors).
 *
 * An adapter is as untrusted as a model: everything is checked against the base before anything is
 * computed with it, and a tensor that has no place in the base is refused, because an adapter that
 * applies in part gives wrong answers without a sign of it.
 */
#ifndef ENGINE_MODEL_ADAPTER_H
#define ENGINE_MODEL_ADAPTER_H

#include "base/err.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "engine/model/model.h"

#include <stddef.h>
#include <stdint.h>

/* Larger than anybody trains; what a file claims is bounded by its size as well. */
#define ADAPTER_RANK_MAX  4096
#define ADAPTER_BYTES_MAX ((int64_t)8 << 30)
/* Products take k in multiples of this, so ranks are padded with zeros. */
#define ADAPTER_RANK_STEP 32

/*
 * What weight->lora points to: all adapters' updates of one tensor, one below the other, their scales
 * folded into b (once, in float). Stored exactly: F16 where every value survives that, else F32.
 */
struct lora {
	struct weight a;  /* [rank][k], rank a multiple of ADAPTER_RANK_STEP */
	struct weight b;  /* [m][rank] */
	const char *path; /* of the adapter, or of the first of them */
};

/* The update of one tensor, as the file has it. */
struct adapter_update {
	char *target; /* "blk.0.attn_q.weight"; a folder's: "model.layers.0.self_attn.q_proj.weight" */
	struct adapter_matrix {
		enum dtype dtype;
		int64_t n_row, row_elems;
		const uint8_t *data; /* in the mapping */
	} a, b;
	double scale; /* the file's own */
};

struct adapter {
	char *path;
	char *name;         /* general.name, else the file's or folder's name */
	char *architecture; /* "" where the file does not say (a folder) */
	char *base;         /* the model it was made for, as far as it says; "" */
	int is_folder, is_rank_stabilised;
	double alpha;
	struct adapter_update *update; /* [n_update], sorted by target */
	size_t n_update;
	int64_t rank_min, rank_max, n_params, size_bytes;
	struct sha256_digest digest; /* of all bytes of all its files */

	void *source; /* the mapping, of whoever opened it */
	void (*close_source)(void *source);
};

/* Anything that is not a LoRA adapter which carrel computes exactly is refused by name. */
int adapter_open(struct adapter **out, const char *path, struct err *err);
void adapter_close(struct adapter *adapter); /* NULL-safe */
/* "attn_q, attn_v": the tensors that it changes, without their blocks; malloc'ed. */
char *adapter_targets(const struct adapter *adapter);

/*
 * Open the adapters and hang their updates into the weights of a model that was just opened, before
 * its program is made. All or nothing; the files are closed again. Sets model->adapters and
 * model->adapter_identity.
 */
int adapter_apply(struct model *model, const struct engine_adapter *adapter, size_t n_adapter,
	struct err *err);
/* Frees what adapter_apply() made; the model is as it was. */
void adapter_finish(struct model *model);

/* ---- for the readers of the two formats ---- */

/* The folder that the path, or one of PEFT's two files, stands for (malloc'ed); NULL for others. */
char *adapter_folder(const char *path);
int adapter_open_gguf(struct adapter *adapter, struct err *err);
int adapter_open_folder(struct adapter *adapter, struct err *err);
/* Checks shapes and types of a pair, computes its scale and takes it over; `target` is malloc'ed. */
int adapter_add(
	struct adapter *adapter, struct adapter_update *update, double alpha, struct err *err);
/*
 * The tensor of the base that a folder's name means, and (where the base stores its rows in another
 * order) the heads whose halves are interleaved there, else 0. NULL where the base has none.
 */
const struct weight *adapter_folder_target(
	const struct model *model, const char *target, int32_t *n_head);

#endif
