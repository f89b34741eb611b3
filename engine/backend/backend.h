/*
 * A backend executes programs on a device and owns what lives there: packed weights, scratch, KV
 * pages. Implementations: cpu.c, fake.c (deterministic, no weights; for tests of screens and of the
 * process).
 */
#ifndef ENGINE_BACKEND_BACKEND_H
#define ENGINE_BACKEND_BACKEND_H

#include "base/err.h"
#include "kernels/kv.h"
#include "kernels/ops.h"

#include <stdatomic.h>
#include <stdint.h>

struct backend;
struct embedding_rule;
struct model;
struct program;

struct backend_config {
	enum kv_type kv_type;
	int32_t n_thread;       /* 0: one per core this process may use */
	int64_t max_batch_rows; /* most tokens in one run */
	int64_t max_out_rows;   /* most rows of logits in one run */
	/* Progress of loading (packing) the weights, 0 to 1; may be NULL. */
	void (*progress)(void *arg, double fraction);
	void *progress_arg;
};

/* One step: rows of one or more sequences. Everything belongs to the caller. */
struct batch {
	int64_t n_row, n_out;
	const uint32_t *ids;
	const int64_t *pos;
	const int64_t *out_row;
	const struct op_sequence *sequence;
	int64_t n_sequence;
	/* Only the part of the program that makes the states of an embedding; n_out is 0. */
	int is_embedding;
};

struct backend_ops {
	const char *name; /* "cpu", "fake" */

	int (*create)(struct backend **out, const struct model *model,
		const struct program *program, const struct backend_config *config,
		struct err *err);
	void (*destroy)(struct backend *backend);

	/*
	 * Run the program; *out is the logits f32 [n_out][n_vocab], or of an embedding the states f32
	 * [n_row][embedding's n], valid until the next run. Returns 1 if `interrupted` became true on
	 * the way: the KV of this batch's rows is then undefined.
	 */
	int (*run)(struct backend *backend, const struct batch *batch,
		const atomic_bool *interrupted, const float **out, struct err *err);
	const struct embedding_rule *(*embedding)(const struct backend *backend);

	/* KV pages, uninitialised. NULL when memory is exhausted. */
	uint8_t *(*page_alloc)(struct backend *backend);
	void (*page_free)(struct backend *backend, uint8_t *page);
	/*
	 * Zero what a page holds of tokens from_tok ... KV_PAGE_TOK-1, before it is written where
	 * others find it: nothing of another prompt goes along.
	 */
	void (*page_clear)(struct backend *backend, uint8_t *page, int32_t from_tok);
	const struct kv_layout *(*kv_layout)(const struct backend *backend);

	/* e.g. "avx512 2 threads"; part of the KV fingerprint is numerics_class: "cpu-avx512". */
	const char *(*describe)(const struct backend *backend);
	const char *(*numerics_class)(const struct backend *backend);
	int32_t (*n_thread)(const struct backend *backend); /* that compute */
};

/* Embedded first in every implementation's struct. */
struct backend {
	const struct backend_ops *ops;
};

extern const struct backend_ops backend_cpu;
extern const struct backend_ops backend_fake;

#endif
