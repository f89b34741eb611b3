/*
 * Storage types of weights, with GGUF's names, numbers and block layouts (ggml's `docs/gguf.md` and
 * the block structs that it refers to): `block_elems` consecutive elements of a row are stored in
 * `block_bytes` bytes.
 */
#ifndef KERNELS_DTYPE_H
#define KERNELS_DTYPE_H

#include <stdint.h>

enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_Q8_0,
	DTYPE_Q4_0,
	DTYPE_Q4_K,
	DTYPE_Q6_K,
	DTYPE_COUNT,
};

struct dtype_info {
	const char *name;
	uint32_t gguf_type; /* ggml_type in the file */
	int64_t block_elems;
	int64_t block_bytes;
};

const struct dtype_info *dtype_info(enum dtype dtype);

/* The storage type for a number in a GGUF file; DTYPE_COUNT where carrel has none. */
enum dtype dtype_from_gguf(uint32_t gguf_type);
/* GGUF's name for any number that it defines, supported or not ("Q5_1"), or NULL. For messages. */
const char *dtype_gguf_name(uint32_t gguf_type);
/*
 * The block of any number that GGUF defines, supported or not: lets a reader place tensors that it
 * cannot compute with. Returns 0, or -1 if we do not know the type.
 */
int dtype_gguf_block(uint32_t gguf_type, int64_t *block_elems, int64_t *block_bytes);

/* Bytes of a row of n elements; n must be a multiple of block_elems. */
int64_t dtype_row_bytes(enum dtype dtype, int64_t n);

/*
 * The exact meaning of stored weights, in plain C: n elements (a multiple of block_elems) of a row
 * to float. Everything else that reads weights is tested against this.
 */
void dtype_dequantize(enum dtype dtype, const void *row, float *out, int64_t n);

/*
 * The other direction, as the reference quantizers do it (round to nearest, per-block amax; the K
 * types without importance weights): makes test models. out holds dtype_row_bytes(dtype, n) bytes.
 */
void dtype_quantize(enum dtype dtype, const float *in, void *out, int64_t n);

float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value); /* round to nearest even, overflow to infinity */
float bf16_to_f32(uint16_t brain);
uint16_t f32_to_bf16(float value); /* round to nearest even */

#endif
