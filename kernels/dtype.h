/*
 * Storage types of weights, with GGUF's names, numbers and block layouts (ggml's `docs/gguf.md` and
 * the block structs that it refers to): `block_elems` consecutive elements of a row are stored in
 * `block_bytes` bytes.
 *
 * F8_E4M3 is ours, for models published in FP8, and in no GGUF file: blocks of 128 elements
 * { float scale; uint8 q[128] }, element = scale * q, where q is OCP's 8-bit floating point E4M3
 * ("OFP8 Formats for Deep Learning", 2023; its "FN" variant, without infinities). Who opens a model
 * refuses its NaN codes 0x7f and 0xff: what products make of them is not defined.
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
	DTYPE_Q4_1,
	DTYPE_Q5_0,
	DTYPE_Q5_1,
	DTYPE_Q2_K,
	DTYPE_Q3_K,
	DTYPE_Q5_K,
	DTYPE_IQ4_NL,
	DTYPE_IQ4_XS,
	DTYPE_MXFP4,
	DTYPE_F8_E4M3,
	DTYPE_COUNT,
};

struct dtype_info {
	const char *name;
	uint32_t gguf_type; /* ggml_type in the file; UINT32_MAX for a type of ours */
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
 * The other direction, as the reference quantizers do it (round to nearest; the K types and IQ4
 * search each block's scales by least squares, without importance weights). out holds
 * dtype_row_bytes(dtype, n) bytes. The result is the same on every machine. in is finite: what is
 * stored for other numbers, and for those that a half cannot scale, is not specified.
 */
void dtype_quantize(enum dtype dtype, const float *in, void *out, int64_t n);

float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value); /* round to nearest even, overflow to infinity */
float bf16_to_f32(uint16_t brain);
uint16_t f32_to_bf16(float value); /* round to nearest even */
float e4m3_to_f32(uint8_t code);
uint8_t f32_to_e4m3(float value); /* round to nearest even; beyond +-448 to +-448 */

/* What the four-bit codes of IQ4_NL and IQ4_XS, and of MXFP4 (E2M1, doubled), stand for. */
extern const int8_t dtype_iq4_values[16];
extern const int8_t dtype_mxfp4_values[16];
/* MXFP4's block scale, halved to make up for the doubled values: 2^(code - 128). */
float mxfp4_scale(uint8_t code);

#endif
