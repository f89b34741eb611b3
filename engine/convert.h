/*
 * Which storage type each tensor of a model gets when it is written again, told apart from the
 * writing so that the rule can be read and tested by itself.
 */
#ifndef ENGINE_CONVERT_H
#define ENGINE_CONVERT_H

#include "base/buf.h"
#include "kernels/dtype.h"

#include <stdint.h>

struct model;
struct weight;

/* A type that matrices can be converted to, by GGUF's name in any case, Q4_K_M and Q5_K_M (the mixes
 * that Q4_K and Q5_K become here) included; DTYPE_COUNT if it is none. */
enum dtype convert_type_find(const char *name);
/* Appends "F32, F16, ..." for messages. */
void convert_type_list(struct buf *out);

/*
 * The type of one tensor where matrices are wanted as `wanted`. Vectors are F32. Below six bits a
 * weight, what the answer depends on most gets Q6_K: the output matrix (or the embedding where they
 * are tied), and under Q4_K and Q5_K the attention's values and the feed-forward's way back in the
 * first and last eighth of the layers and every third between, which is the mix that llama.cpp calls
 * Q4_K_M and Q5_K_M (but for fused matrices, which it treats apart). Rows that no block fits get
 * Q8_0 instead (a multiple of 32 elements, but not of 256), or F16.
 */
enum dtype convert_type_of(
	const struct model *model, const struct weight *weight, enum dtype wanted);

#endif
