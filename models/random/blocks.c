#include "models/random/blocks.h"

#include <math.h>
#include <string.h>

void blocks_init(struct blocks *blocks, enum dtype dtype, float scale, uint64_t seed)
{
	*blocks = (struct blocks){dtype, scale, 0x853c49e6748fea9b ^ seed << 32};
}

/* SplitMix64 (Steele, Lea & Flood 2014): not for statistics, for speed. */
static uint64_t next(struct blocks *blocks)
{
	uint64_t z = blocks->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void fill_bytes(struct blocks *blocks, uint8_t *out, int n)
{
	for (int i = 0; i < n; i += 8) {
		uint64_t random = next(blocks);

		memcpy(out + i, &random, n - i < 8 ? (size_t)(n - i) : 8);
	}
}

static void put_half(uint8_t *out, float value)
{
	uint16_t half = f32_to_f16(value);

	out[0] = (uint8_t)half;
	out[1] = (uint8_t)(half >> 8);
}

/* A block's scale: the wanted one times 0.75 to 1.25. */
static float vary(struct blocks *blocks, float scale)
{
	return scale * (0.75f + 0.5f * (float)(next(blocks) >> 40) * 0x1p-24f);
}

/* Uniform bytes have the standard deviation 73.9. */
static void fill_q8_0(struct blocks *blocks, uint8_t *out, int64_t n)
{
	for (; n > 0; n -= 32, out += 34) {
		put_half(out, vary(blocks, blocks->scale / 73.9f));
		fill_bytes(blocks, out + 2, 32);
		for (int i = 2; i < 34; i++) { /* the format's quantizer never writes -128 */
			out[i] = out[i] == 0x80 ? 0x81 : out[i];
		}
	}
}

/*
 * Types whose codes and small scales may be any bits: where the half is that scales them, and, if
 * any, that of the offset; the standard deviation of uniform codes (times that of signed six-bit
 * scales, 18.5), and the offset that makes the mean 0.
 */
static const struct {
	int d, offset;
	float deviation, middle;
} uniform[DTYPE_COUNT] = {
	[DTYPE_Q4_0] = {0, -1, 4.61f, 0},
	[DTYPE_Q4_1] = {0, 2, 4.61f, -7.5f},
	[DTYPE_Q5_0] = {0, -1, 9.23f, 0},
	[DTYPE_Q5_1] = {0, 2, 9.23f, -15.5f},
	[DTYPE_Q3_K] = {108, -1, 2.35f * 18.5f, 0},
	[DTYPE_IQ4_NL] = {0, -1, 67.4f, 0},
	[DTYPE_IQ4_XS] = {0, -1, 67.4f * 18.5f, 0},
};

static void fill_uniform(struct blocks *blocks, uint8_t *out, int64_t n)
{
	const struct dtype_info *info = dtype_info(blocks->dtype);

	for (; n > 0; n -= info->block_elems, out += info->block_bytes) {
		float d = vary(blocks, blocks->scale / uniform[blocks->dtype].deviation);

		fill_bytes(blocks, out, (int)info->block_bytes);
		put_half(out + uniform[blocks->dtype].d, d);
		if (uniform[blocks->dtype].offset >= 0) {
			put_half(out + uniform[blocks->dtype].offset,
				uniform[blocks->dtype].middle * d);
		}
	}
}

/* Uniform codes have the standard deviation 5.85. The scale is the power of two below. */
static void fill_mxfp4(struct blocks *blocks, uint8_t *out, int64_t n)
{
	for (; n > 0; n -= 32, out += 17) {
		int exponent;

		(void)frexpf(vary(blocks, blocks->scale / 5.85f), &exponent);
		fill_bytes(blocks, out, 17);
		out[0] = (uint8_t)(exponent - 1 + 128);
	}
}

/* Four-bit scales of mean 11.5; each minimum is its scale, and dmin 1.5 d, so that the mean is 0. */
static void fill_q2_k(struct blocks *blocks, uint8_t *out, int64_t n)
{
	for (; n > 0; n -= 256, out += 84) {
		float d = vary(blocks, blocks->scale / (1.12f * 11.7f));

		fill_bytes(blocks, out, 84);
		for (int i = 0; i < 16; i++) {
			out[i] = (uint8_t)(17 * (8 + (out[i] & 7)));
		}
		put_half(out + 80, d);
		put_half(out + 82, 1.5f * d);
	}
}

/*
 * Q4_K and Q5_K: six-bit scales of mean 47; each minimum is its scale, and dmin 7.5 or 15.5 d, so
 * that the mean is 0.
 */
static void fill_q45_k(struct blocks *blocks, uint8_t *out, int64_t n)
{
	int bytes = (int)dtype_info(blocks->dtype)->block_bytes;
	int is_q4 = blocks->dtype == DTYPE_Q4_K;

	for (; n > 0; n -= 256, out += bytes) {
		float d = vary(blocks, blocks->scale / ((is_q4 ? 4.61f : 9.23f) * 47.5f));
		uint64_t random = next(blocks);

		put_half(out, d);
		put_half(out + 2, (is_q4 ? 7.5f : 15.5f) * d);
		for (int i = 0; i < 4; i++) {
			uint8_t first = (uint8_t)(32 + (random >> 5 * i & 31));
			uint8_t second = (uint8_t)(32 + (random >> (20 + 5 * i) & 31));

			out[4 + i] = (uint8_t)(first | second >> 4 << 6);
			out[8 + i] = out[4 + i];
			out[12 + i] = (uint8_t)((second & 15) * 17);
		}
		fill_bytes(blocks, out + 16, bytes - 16);
	}
}

/* Uniform six bits have the standard deviation 18.5; signed scales of magnitude 64 to 127. */
static void fill_q6_k(struct blocks *blocks, uint8_t *out, int64_t n)
{
	for (; n > 0; n -= 256, out += 210) {
		fill_bytes(blocks, out, 208);
		for (int i = 192; i < 208; i++) {
			int magnitude = 64 + (out[i] & 63);

			out[i] = (uint8_t)(out[i] & 0x80 ? -magnitude : magnitude);
		}
		put_half(out + 208, vary(blocks, blocks->scale / (18.5f * 97)));
	}
}

/* Floats of two bytes: the sum of four uniform numbers, near enough to normal. */
static void fill_half(struct blocks *blocks, uint8_t *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint64_t r = next(blocks);
		int sum = (int)(r & 0xffff) + (int)(r >> 16 & 0xffff) + (int)(r >> 32 & 0xffff) +
			  (int)(r >> 48);
		/* four of standard deviation 65536 / sqrt(12) */
		float value = blocks->scale * (float)(sum - 131070) / 37837.0f;
		uint16_t stored =
			blocks->dtype == DTYPE_F16 ? f32_to_f16(value) : f32_to_bf16(value);

		out[2 * i] = (uint8_t)stored;
		out[2 * i + 1] = (uint8_t)(stored >> 8);
	}
}

void blocks_fill(struct blocks *blocks, uint8_t *out, int64_t n)
{
	switch (blocks->dtype) {
	case DTYPE_Q8_0:
		fill_q8_0(blocks, out, n);
		return;
	case DTYPE_MXFP4:
		fill_mxfp4(blocks, out, n);
		return;
	case DTYPE_Q2_K:
		fill_q2_k(blocks, out, n);
		return;
	case DTYPE_Q4_K:
	case DTYPE_Q5_K:
		fill_q45_k(blocks, out, n);
		return;
	case DTYPE_Q6_K:
		fill_q6_k(blocks, out, n);
		return;
	case DTYPE_F16:
	case DTYPE_BF16:
		fill_half(blocks, out, n);
		return;
	default:
		fill_uniform(blocks, out, n);
		return;
	}
}
