/* Storage types against vectors of the gguf package and against the definition of a half. */
#include "kernels/dtype.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_ELEM 1024

static size_t read_vector(const char *name, const char *suffix, void *out, size_t size)
{
	const char *root = getenv("CARREL_TEST_SOURCE");
	char path[4096];
	FILE *file;
	size_t got = 0;

	snprintf(path, sizeof(path), "%s/tests/vectors/quants/%s.%s", root ? root : ".", name,
		suffix);
	file = fopen(path, "rb");
	if (file) {
		got = fread(out, 1, size, file);
		fclose(file);
	}
	return got;
}

static void dequantization_equals_the_vectors(enum dtype dtype)
{
	const char *name = dtype_info(dtype)->name;
	static uint8_t blocks[4 * N_ELEM];
	static float want[N_ELEM], got[N_ELEM];
	size_t size = (size_t)dtype_row_bytes(dtype, N_ELEM);
	int ok = read_vector(name, "blocks", blocks, sizeof(blocks)) == size &&
		 read_vector(name, "out", want, sizeof(want)) == sizeof(want);

	memset(got, 0xff, sizeof(got));
	dtype_dequantize(dtype, blocks, got, N_ELEM);
	for (int i = 0; i < N_ELEM && ok; i++) {
		ok = got[i] == want[i];
	}
	tap_ok(ok, "%s blocks dequantize to exactly the reference's floats", name);
}

static void quantization_equals_the_vectors(enum dtype dtype)
{
	const char *name = dtype_info(dtype)->name;
	static uint8_t want[4 * N_ELEM], got[4 * N_ELEM];
	static float in[N_ELEM];
	size_t size = (size_t)dtype_row_bytes(dtype, N_ELEM);
	int ok = read_vector(name, "blocks", want, sizeof(want)) == size &&
		 read_vector(name, "in", in, sizeof(in)) == sizeof(in);

	dtype_quantize(dtype, in, got, N_ELEM);
	tap_ok(ok && memcmp(got, want, size) == 0, "%s quantizes to exactly the reference's bytes",
		name);
}

/* Relative rms error of a round trip over normal data. */
static double round_trip_error(enum dtype dtype)
{
	static float in[4 * N_ELEM], out[4 * N_ELEM];
	static uint8_t blocks[16 * N_ELEM];
	double error = 0, energy = 0;
	uint64_t state = 88172645463325252u;

	for (int i = 0; i < 4 * N_ELEM; i++) {
		double sum = 0;

		for (int j = 0; j < 12; j++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			sum += (double)(state >> 11) * 0x1p-53;
		}
		in[i] = (float)(sum - 6);
	}
	dtype_quantize(dtype, in, blocks, 4 * N_ELEM);
	dtype_dequantize(dtype, blocks, out, 4 * N_ELEM);
	for (int i = 0; i < 4 * N_ELEM; i++) {
		error += ((double)out[i] - in[i]) * ((double)out[i] - in[i]);
		energy += (double)in[i] * in[i];
	}
	return sqrt(error / energy);
}

static void quantization_keeps_what_its_bits_allow(void)
{
	/* measured on this data, plus a tenth: a worse search shows */
	static const double bar[DTYPE_COUNT] = {
		[DTYPE_F32] = 0,
		[DTYPE_F16] = 0.00023,
		[DTYPE_BF16] = 0.0019,
		[DTYPE_Q8_0] = 0.0058,
		[DTYPE_Q4_0] = 0.092,
		[DTYPE_Q4_K] = 0.077,
		[DTYPE_Q6_K] = 0.0192,
	};

	for (int dtype = 0; dtype < DTYPE_Q4_1; dtype++) {
		double error = round_trip_error((enum dtype)dtype);

		tap_ok(error <= bar[dtype], "%s round trip error %.5f is at most %.5f",
			dtype_info((enum dtype)dtype)->name, error, bar[dtype]);
	}
}

static void extreme_blocks_stay_finite(void)
{
	static const float fill[] = {0, -0.0f, 1e-30f, 1e-8f, 1, -1, 60000};
	float in[256], out[256];
	uint8_t blocks[1024];
	int ok = 1;

	for (int dtype = 0; dtype < DTYPE_Q4_1; dtype++) {
		for (size_t f = 0; f < sizeof(fill) / sizeof(fill[0]); f++) {
			for (int i = 0; i < 256; i++) {
				in[i] = i % 32 == 5 && f > 3 ? -3 * fill[f] / 4 : fill[f];
			}
			dtype_quantize((enum dtype)dtype, in, blocks, 256);
			dtype_dequantize((enum dtype)dtype, blocks, out, 256);
			for (int i = 0; i < 256; i++) {
				double error = fabs((double)out[i] - in[i]);

				ok = ok && isfinite(out[i]) &&
				     error <= 0.13 * fabs((double)fill[f]) + 1e-6;
			}
		}
	}
	tap_ok(ok, "constant, tiny, huge and zero blocks survive every type");
}

static double half_by_definition(int half)
{
	int exponent = half >> 10 & 31, mantissa = half & 0x3ff;
	double value = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);

	if (exponent == 31) {
		value = mantissa ? NAN : INFINITY;
	}
	return half & 0x8000 ? -value : value;
}

static void halves_are_what_ieee_754_says(void)
{
	int read_ok = 1, back_ok = 1, between_ok = 1;

	for (int half = 0; half < 65536; half++) {
		double want = half_by_definition(half);
		float got = f16_to_f32((uint16_t)half);

		read_ok = read_ok && (isnan(want) ? isnan(got) : got == want) &&
			  !signbit(got) == !(half & 0x8000);
		back_ok = back_ok && (isnan(want) ? isnan(f16_to_f32(f32_to_f16(got)))
						  : f32_to_f16(got) == half);
		if ((half & 0x7fff) < 0x7bff) { /* rounding between it and the next one */
			float next = f16_to_f32((uint16_t)(half + 1)), middle = (got + next) / 2;
			int even = half & 1 ? half + 1 : half;

			between_ok = between_ok && f32_to_f16(middle) == even &&
				     f32_to_f16(nextafterf(middle, got)) == half &&
				     f32_to_f16(nextafterf(middle, next)) == half + 1;
		}
	}
	tap_ok(read_ok, "all 65,536 halves read as their definition");
	tap_ok(back_ok, "all 65,536 halves survive the way through float");
	tap_ok(between_ok, "floats between two halves round to nearest, ties to even");
	tap_ok(f32_to_f16(65519.996f) == 0x7bff && f32_to_f16(65520) == 0x7c00 &&
			f32_to_f16(-1e30f) == 0xfc00 && f32_to_f16(1e-30f) == 0,
		"floats beyond the largest half become infinity");
}

static void bf16_rounds_to_nearest_even(void)
{
	int ok = 1;

	for (int brain = 0; brain < 0x7f7f; brain++) {
		float low = bf16_to_f32((uint16_t)brain), high = bf16_to_f32((uint16_t)(brain + 1));
		float middle = low + (high - low) / 2;

		ok = ok && f32_to_bf16(low) == brain &&
		     f32_to_bf16(middle) == (brain & 1 ? brain + 1 : brain) &&
		     f32_to_bf16(nextafterf(middle, low)) == brain &&
		     f32_to_bf16(nextafterf(middle, high)) == brain + 1 &&
		     f32_to_bf16(-low) == (brain | 0x8000);
	}
	tap_ok(ok && isnan(bf16_to_f32(f32_to_bf16(NAN))),
		"bfloat16 rounds to nearest, ties to even");
}

static void the_table_is_consistent(void)
{
	int64_t elems, bytes;
	int ok = 1;

	for (int i = 0; i < DTYPE_F8_E4M3; i++) {
		const struct dtype_info *info = dtype_info((enum dtype)i);

		ok = ok && dtype_from_gguf(info->gguf_type) == (enum dtype)i &&
		     strcmp(dtype_gguf_name(info->gguf_type), info->name) == 0 &&
		     dtype_gguf_block(info->gguf_type, &elems, &bytes) == 0 &&
		     elems == info->block_elems && bytes == info->block_bytes;
	}
	ok = ok && dtype_from_gguf(4) == DTYPE_COUNT &&
	     dtype_from_gguf(UINT32_MAX) == DTYPE_COUNT && !dtype_gguf_name(5) &&
	     !dtype_gguf_name(UINT32_MAX) && dtype_gguf_block(4, &elems, &bytes) == -1 &&
	     dtype_row_bytes(DTYPE_Q6_K, 512) == 420;
	tap_ok(ok, "numbers, names and sizes of types agree with each other");
}

int main(void)
{
	static const enum dtype with_quantizer[] = {DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0};

	for (int dtype = DTYPE_F16; dtype < DTYPE_COUNT; dtype++) {
		dequantization_equals_the_vectors((enum dtype)dtype);
	}
	for (size_t i = 0; i < sizeof(with_quantizer) / sizeof(*with_quantizer); i++) {
		quantization_equals_the_vectors(with_quantizer[i]);
	}
	quantization_keeps_what_its_bits_allow();
	extreme_blocks_stay_finite();
	halves_are_what_ieee_754_says();
	bf16_rounds_to_nearest_even();
	the_table_is_consistent();
	return tap_done();
}
