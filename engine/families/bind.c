#include "engine/families/bind.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void bind_begin(struct bind *bind, const struct model *model, struct err *err)
{
	*bind = (struct bind){.model = model,
		.layer = -1,
		.is_used = mem_zero(model->n_weight + 1, 1),
		.err = err};
}

int bind_finish(struct bind *bind)
{
	const struct model *model = bind->model;

	for (size_t i = 0; i < model->n_weight && !bind->has_failed; i++) {
		if (!bind->is_used[i]) {
			bind->has_failed = 1;
			err_set(bind->err, ERR_ENGINE, model->path, NULL,
				"has a tensor \"%.100s\" that carrel's %s family does not know; "
				"without it every answer would be wrong",
				model->weight[i].name, model->architecture);
		}
	}
	free(bind->is_used);
	bind->is_used = NULL;
	return bind->has_failed ? -1 : 0;
}

/* The weight in the file, ticked off; NULL if there is none. */
static const struct weight *find(struct bind *bind, const char *name)
{
	const struct weight *weight;
	char full[128];

	if (bind->layer >= 0) {
		snprintf(full, sizeof(full), "blk.%d.%s", (int)bind->layer, name);
	} else {
		snprintf(full, sizeof(full), "%s", name);
	}
	weight = model_weight(bind->model, full);
	if (weight) {
		bind->is_used[weight - bind->model->weight] = 1;
	}
	return weight;
}

const struct weight *bind_tensor(
	struct bind *bind, const char *name, int64_t n_row, int64_t row_elems)
{
	const struct weight *weight = NULL;

	if (!bind->has_failed) {
		find(bind, name);
		bind->has_failed = model_need_weight(bind->model, &weight, bind->layer, name, n_row,
					   row_elems, bind->err) < 0;
	}
	return bind->has_failed ? NULL : weight;
}

const struct weight *bind_vector(struct bind *bind, const char *name, int64_t n)
{
	return bind_tensor(bind, name, 1, n);
}

const struct weight *bind_vector_if_any(struct bind *bind, const char *name, int64_t n)
{
	return find(bind, name) ? bind_vector(bind, name, n) : NULL;
}

void bind_ignore(struct bind *bind, const char *name)
{
	find(bind, name);
}

void bind_matrix(
	struct bind *bind, struct weight *out, const char *name, int64_t n_row, int64_t row_elems)
{
	bind_fused(bind, &(struct bind_part){out, n_row}, 1, name, row_elems);
}

void bind_fused(struct bind *bind, const struct bind_part *part, int n_part, const char *name,
	int64_t row_elems)
{
	const struct weight *whole;
	int64_t n_row = 0, first = 0;

	for (int i = 0; i < n_part; i++) {
		*part[i].out = (struct weight){0};
		n_row += part[i].n_row;
	}
	/* the kernels take k in multiples of 32 */
	if (row_elems % 32 && !bind->has_failed) {
		bind->has_failed = 1;
		err_set(bind->err, ERR_ENGINE, bind->model->path, NULL,
			"%s has rows of %lld elements; carrel computes multiples of 32", name,
			(long long)row_elems);
	}
	whole = bind_tensor(bind, name, n_row, row_elems);
	for (int i = 0; i < n_part && whole; i++) {
		weight_slice(part[i].out, whole, first, part[i].n_row); /* its rows add up */
		first += part[i].n_row;
	}
}
