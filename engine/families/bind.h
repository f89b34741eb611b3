/*
 * A model's weights by name, for families. A family asks for all that its program needs and looks
 * once at the end: the first tensor that is missing or misshapen is remembered, and what is asked
 * for after it is quiet. A tensor that nobody asked for would be left out of what is computed, so
 * bind_finish() refuses the file and names it.
 */
#ifndef ENGINE_FAMILIES_BIND_H
#define ENGINE_FAMILIES_BIND_H

#include "base/err.h"
#include "engine/model/model.h"

#include <stdint.h>

struct bind {
	const struct model *model;
	int32_t layer;    /* whose weights are asked for, "blk.<layer>."; -1: those of no layer */
	uint8_t *is_used; /* [model->n_weight] */
	int has_failed;
	struct err *err;
};

void bind_begin(struct bind *bind, const struct model *model, struct err *err);
/* -1 if anything that was asked for is not there, or anything is there that nobody asked for. */
int bind_finish(struct bind *bind);

/* [n_row][row_elems]; NULL after a failure. */
const struct weight *bind_tensor(
	struct bind *bind, const char *name, int64_t n_row, int64_t row_elems);
/* [n] */
const struct weight *bind_vector(struct bind *bind, const char *name, int64_t n);
/* The same, or NULL where the file has none; a misshapen one is a failure. */
const struct weight *bind_vector_if_any(struct bind *bind, const char *name, int64_t n);
/* One that changes nothing that is computed: it may be there. */
void bind_ignore(struct bind *bind, const char *name);

/* A product's weight. *out is empty after a failure. */
void bind_matrix(
	struct bind *bind, struct weight *out, const char *name, int64_t n_row, int64_t row_elems);
/* Several, which the file holds as one, below each other. */
struct bind_part {
	struct weight *out;
	int64_t n_row;
};
void bind_fused(struct bind *bind, const struct bind_part *part, int n_part, const char *name,
	int64_t row_elems);

#endif
