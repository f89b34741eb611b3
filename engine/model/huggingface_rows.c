/* Rows of safetensors as GGUF files hold them: other places, 1 + w, FP8 with its scales. */
#include "engine/model/huggingface_internal.h"

#include <math.h>
#include <string.h>

enum { F8_BLOCK = 128, F8_BLOCK_BYTES = 132 };

static const struct hf_source *source_of(const struct weight_source *source)
{
	return (const struct hf_source *)(const void *)source;
}

float hf_element(const struct safetensors_tensor *tensor, int64_t index)
{
	enum dtype dtype = safetensors_dtype(tensor);
	float value;

	dtype_dequantize(dtype, tensor->data + index * dtype_row_bytes(dtype, 1), &value, 1);
	return value;
}

/*
 * Where the row (of a vector: the element) stands in the tensor that is `row` in GGUF: there the
 * two numbers that rotate together are neighbours, in a Hugging Face file they are half a head
 * apart.
 */
static int64_t place_of(const struct hf_source *source, int64_t row)
{
	int64_t head = 2 * source->half, in_head;

	if (!head) {
		return row;
	}
	in_head = row % head;
	return row - in_head + in_head % 2 * source->half + in_head / 2;
}

static float scale_at(const struct hf_source *source, int64_t row, int64_t k)
{
	return hf_element(source->scale,
		row / source->scale_rows * source->scale_columns + k / source->scale_elems);
}

/* A code that is no number; what reads it has to say so. */
static int is_nan(uint8_t code)
{
	return (code & 0x7f) == 0x7f;
}

static void note_nan(const struct hf_source *source, const uint8_t *codes, int64_t n)
{
	int found = 0;

	for (int64_t i = 0; i < n; i++) {
		found |= is_nan(codes[i]);
	}
	if (found) {
		atomic_store_explicit(source->base.has_nan, 1, memory_order_relaxed);
	}
}

/* As blocks of 128 codes, each behind its scale. */
static void read_f8(
	const struct hf_source *source, int64_t place, const uint8_t *codes, uint8_t *row)
{
	for (int64_t k = 0; k < source->row_elems; k += F8_BLOCK, row += F8_BLOCK_BYTES) {
		float scale = scale_at(source, place, k);

		memcpy(row, &scale, sizeof(scale));
		memcpy(row + sizeof(scale), codes + k, F8_BLOCK);
	}
}

/* As floats, where the row is no multiple of 128, or scales change within the blocks. */
static void widen_f8(
	const struct hf_source *source, int64_t place, const uint8_t *codes, uint8_t *row)
{
	uint8_t block[F8_BLOCK_BYTES] = {0};
	float one = 1, value[F8_BLOCK];

	memcpy(block, &one, sizeof(one));
	for (int64_t k = 0; k < source->row_elems; k += F8_BLOCK) {
		int64_t left = source->row_elems - k, n = left < F8_BLOCK ? left : F8_BLOCK;

		memcpy(block + sizeof(one), codes + k, (size_t)n);
		dtype_dequantize(DTYPE_F8_E4M3, block, value, F8_BLOCK);
		for (int64_t i = 0; i < n; i++) {
			value[i] *= scale_at(source, place, k + i);
		}
		memcpy(row + (size_t)k * sizeof(float), value, (size_t)n * sizeof(float));
	}
}

/* A vector as floats: its elements in their places, 1 + w where norms are stored so. */
static void read_vector(const struct hf_source *source, uint8_t *row)
{
	for (int64_t i = 0; i < source->row_elems; i++) {
		float value = hf_element(source->tensor, place_of(source, i));

		value = source->adds_one ? 1 + value : value;
		memcpy(row + (size_t)i * sizeof(value), &value, sizeof(value));
	}
}

void hf_rows_read(const struct weight_source *base, int64_t first, int64_t n_rows, uint8_t *rows)
{
	const struct hf_source *source = source_of(base);
	int64_t stored_bytes = source->stored == DTYPE_F8_E4M3
				       ? source->row_elems
				       : dtype_row_bytes(source->stored, source->row_elems);
	int64_t row_bytes = dtype_row_bytes(source->dtype, source->row_elems);

	if (source->n_row == 1) {
		read_vector(source, rows);
		return;
	}
	for (int64_t i = 0; i < n_rows; i++, rows += row_bytes) {
		int64_t place = place_of(source, first + i);
		const uint8_t *stored = source->tensor->data + place * stored_bytes;

		if (source->stored != DTYPE_F8_E4M3) {
			memcpy(rows, stored, (size_t)row_bytes);
			continue;
		}
		note_nan(source, stored, source->row_elems);
		if (source->dtype == DTYPE_F8_E4M3) {
			read_f8(source, place, stored, rows);
		} else {
			widen_f8(source, place, stored, rows);
		}
	}
}
