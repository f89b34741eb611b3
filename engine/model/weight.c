/* Rows of weights: in a mapping where they lie there as the kernels want them, else made. */
#include "engine/model/model.h"

#include <string.h>

int64_t weight_scratch_bytes(const struct weight *weight, int64_t n_rows)
{
	return weight->data ? 0 : n_rows * dtype_row_bytes(weight->dtype, weight->row_elems);
}

const uint8_t *weight_rows(
	const struct weight *weight, int64_t first, int64_t n_rows, uint8_t *scratch)
{
	if (weight->data) {
		return weight->data + first * dtype_row_bytes(weight->dtype, weight->row_elems);
	}
	weight->source->read(weight->source, weight->first_row + first, n_rows, scratch);
	return scratch;
}

int weight_has_nan(const struct weight *weight)
{
	return !weight->data && weight->source->has_nan && atomic_load(weight->source->has_nan);
}

int weight_slice(struct weight *out, const struct weight *whole, int64_t first_row, int64_t n_rows)
{
	int64_t row_bytes = dtype_row_bytes(whole->dtype, whole->row_elems);

	if (first_row < 0 || n_rows < 1 || first_row > whole->n_row ||
		n_rows > whole->n_row - first_row) {
		return -1;
	}
	*out = *whole;
	out->n_row = n_rows;
	out->size_bytes = n_rows * row_bytes;
	out->first_row = whole->first_row + first_row;
	if (whole->data) {
		out->data = whole->data + first_row * row_bytes;
	}
	return 0;
}

int weight_equal(const struct weight *a, const struct weight *b)
{
	return a->data == b->data && a->source == b->source && a->first_row == b->first_row &&
	       a->n_row == b->n_row && a->row_elems == b->row_elems && a->dtype == b->dtype;
}
