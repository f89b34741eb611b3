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
	/* 1.02 times what ggml's reference quantizers show on this data; F8_E4M3: ours and a tenth */
	static const double bar[DTYPE_COUNT] = {
		[DTYPE_F32] = 0,
		[DTYPE_F16] = 0.00023,
		[DTYPE_BF16] = 0.0019,
		[DTYPE_F8_E4M3] = 0.0281,
		[DTYPE_Q8_0] = 1.02 * 0.00520,
		[DTYPE_Q4_0] = 1.02 * 0.08279,
		[DTYPE_Q4_1] = 1.02 * 0.07578,
		[DTYPE_Q5_0] = 1.02 * 0.04179,
		[DTYPE_Q5_1] = 1.02 * 0.03668,
		[DTYPE_Q2_K] = 1.02 * 0.29816,
		[DTYPE_Q3_K] = 1.02 * 0.14950,
		[DTYPE_Q4_K] = 1.02 * 0.07031,
		[DTYPE_Q5_K] = 1.02 * 0.03728,
		[DTYPE_Q6_K] = 1.02 * 0.01721,
		[DTYPE_IQ4_NL] = 1.02 * 0.07584,
		[DTYPE_IQ4_XS] = 1.02 * 0.07516,
		[DTYPE_MXFP4] = 1.02 * 0.11551,
	};

	for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
		double error = round_trip_error((enum dtype)dtype);

		tap_ok(error <= bar[dtype], "%s round trip error %.5f is at most %.5f",
			dtype_info((enum dtype)dtype)->name, error, bar[dtype]);
	}
}

static void extreme_blocks_stay_finite(void)
{
	static const float fill[] = {0, -0.0f, 1e-44f, 1e-30f, 1e-8f, 1, -1, 60000};
	/* the largest error, of the largest magnitude: half of a step between codes, and the scales' */
	static const double step[DTYPE_COUNT] = {
		[DTYPE_F16] = 0.001,
		[DTYPE_BF16] = 0.004,
		[DTYPE_F8_E4M3] = 0.0625,
		[DTYPE_Q8_0] = 0.005,
		[DTYPE_Q4_0] = 0.13,
		[DTYPE_Q4_1] = 0.04,
		[DTYPE_Q5_0] = 0.07,
		[DTYPE_Q5_1] = 0.02,
		[DTYPE_Q2_K] = 0.3,
		[DTYPE_Q3_K] = 0.25,
		[DTYPE_Q4_K] = 0.13,
		[DTYPE_Q5_K] = 0.07,
		[DTYPE_Q6_K] = 0.05,
		[DTYPE_IQ4_NL] = 0.1,
		[DTYPE_IQ4_XS] = 0.1,
		[DTYPE_MXFP4] = 0.26,
	};
	float in[256], out[256];
	uint8_t blocks[1024];
	int ok = 1;

	for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
		for (size_t f = 0; f < sizeof(fill) / sizeof(fill[0]); f++) {
			for (int i = 0; i < 256; i++) {
				in[i] = i % 32 == 5 && f > 4 ? -3 * fill[f] / 4 : fill[f];
			}
			dtype_quantize((enum dtype)dtype, in, blocks, 256);
			dtype_dequantize((enum dtype)dtype, blocks, out, 256);
			for (int i = 0; i < 256; i++) {
				double error = fabs((double)out[i] - in[i]);
				int bad = !isfinite(out[i]) ||
					  error > step[dtype] * fabs((double)fill[f]) + 1e-6;

				if (bad && ok) {
					tap_note("%s: %g became %g among %g",
						dtype_info((enum dtype)dtype)->name, in[i], out[i],
						fill[f]);
				}
				ok = ok && !bad;
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
		float got = f16_to_f32((uint16_t)half), row;

		dtype_dequantize(DTYPE_F16, &(uint16_t){(uint16_t)half}, &row, 1);
		read_ok = read_ok && (memcmp(&row, &got, 4) == 0 || (isnan(got) && isnan(row)));
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

/* OCP's E4M3: 16 exponents with the bias 7, no infinity, S.1111.111 NaN. */
static double e4m3_by_definition(int code)
{
	int exponent = code >> 3 & 15, mantissa = code & 7;
	double value = exponent ? ldexp(8 + mantissa, exponent - 10) : ldexp(mantissa, -9);

	if ((code & 0x7f) == 0x7f) {
		value = NAN;
	}
	return code & 0x80 ? -value : value;
}

static void e4m3_is_what_ocp_says(void)
{
	int read_ok = 1, back_ok = 1, between_ok = 1;

	for (int code = 0; code < 256; code++) {
		double want = e4m3_by_definition(code);
		float got = e4m3_to_f32((uint8_t)code);

		read_ok = read_ok && (isnan(want) ? isnan(got) : got == want) &&
			  (isnan(want) || !signbit(got) == !(code & 0x80));
		back_ok = back_ok && (isnan(want) ? (f32_to_e4m3(got) & 0x7f) == 0x7f
						  : f32_to_e4m3(got) == code);
		if ((code & 0x7f) < 0x7e) { /* rounding between it and the next one */
			float next = e4m3_to_f32((uint8_t)(code + 1)), middle = (got + next) / 2;

			between_ok = between_ok &&
				     f32_to_e4m3(middle) == (code & 1 ? code + 1 : code) &&
				     f32_to_e4m3(nextafterf(middle, got)) == code &&
				     f32_to_e4m3(nextafterf(middle, next)) == code + 1;
		}
	}
	tap_ok(read_ok && back_ok, "all 256 codes of E4M3 read as their definition, and come back");
	tap_ok(between_ok && f32_to_e4m3(1e30f) == 0x7e && f32_to_e4m3(-INFINITY) == 0xfe &&
			f32_to_e4m3(1e-30f) == 0,
		"floats between two of E4M3 round to nearest, ties to even, and stop at 448");
}

/* Whatever bytes a file holds, reading them is defined: sanitizers would say otherwise. */
static void any_bytes_dequantize(void)
{
	uint8_t row[4 * 256];
	float out[256];
	uint32_t state = 1;

	for (int round = 0; round < 64 * DTYPE_COUNT; round++) {
		enum dtype dtype = (enum dtype)(round % DTYPE_COUNT);

		for (size_t i = 0; i < sizeof(row); i++) {
			state = state * 1664525 + 1013904223;
			row[i] = round < 2 * DTYPE_COUNT ? (round < DTYPE_COUNT ? 0 : 0xff)
							 : (uint8_t)(state >> 24);
		}
		dtype_dequantize(dtype, row, out, 256);
		/* what is not finite is quantized to something, too */
		dtype_quantize(dtype, out, row, 256);
	}
	tap_ok(1, "any bytes dequantize, and what they give quantizes");
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
	ok = ok && dtype_info(DTYPE_F8_E4M3)->gguf_type == UINT32_MAX &&
	     dtype_row_bytes(DTYPE_F8_E4M3, 256) == 264;
	ok = ok && dtype_from_gguf(255) == DTYPE_COUNT && dtype_from_gguf(4) == DTYPE_COUNT &&
	     dtype_from_gguf(UINT32_MAX) == DTYPE_COUNT && !dtype_gguf_name(5) &&
	     !dtype_gguf_name(UINT32_MAX) && dtype_gguf_block(4, &elems, &bytes) == -1 &&
	     dtype_row_bytes(DTYPE_Q6_K, 512) == 420;
	tap_ok(ok, "numbers, names and sizes of types agree with each other");
}

int main(void)
{
	static const enum dtype with_quantizer[] = {DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0,
		DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_MXFP4};

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
	e4m3_is_what_ocp_says();
	any_bytes_dequantize();
	the_table_is_consistent();
	return tap_done();
}
