/*
 * What a model needs in memory, and whether this machine has it, before anything is loaded.
 */
#ifndef ENGINE_PLANNER_H
#define ENGINE_PLANNER_H

#include "base/err.h"
#include "kernels/kv.h"

#include <stdint.h>

struct model;
struct program;

/* Rows of a batch, and of logits in one run, unless somebody measures better. */
#define PLANNER_BATCH_TOK 512
#define PLANNER_OUT_ROWS  64

/* Rows of a batch of this program (NULL: the fake's): an encoder's hold a whole text. */
int64_t planner_batch_tok(const struct program *program);

struct plan {
	int64_t weight_bytes; /* packed, in memory of our own, and adapters; the file is only mapped */
	int64_t scratch_bytes; /* of one batch */
	int64_t kv_bytes_per_tok;
	int64_t context_tok; /* of one sequence */
	int64_t kv_bytes;    /* of context_tok */
	int64_t available_bytes;
};

/*
 * Plan for `context_tok` tokens of context, or with 0 for as much of the model's window as fits in
 * half of the memory that weights and scratch leave. A model or a context that does not fit is an
 * error with both numbers, and so is a context beyond the model's window (ERR_USAGE); *plan then says
 * what it would take (with 0, the least of contexts).
 */
int planner_plan(struct plan *plan, const struct model *model, const struct program *program,
	enum kv_type kv_type, int64_t context_tok, struct err *err);

/*
 * Memory that this process could still take without harm: by the kernel's own estimate, and within the
 * limits of every control group that it is in.
 */
int64_t planner_available_bytes(void);
/* The same, of the /proc and /sys below another root, for tests. */
int64_t planner_available_below(const char *root);

#endif
