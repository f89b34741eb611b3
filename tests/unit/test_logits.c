/*
 * Golden logits: every storage type, KV type and instruction-set path against an independent
 * float64 forward pass (tests/vectors/logits), within the bars of the strongest peer.
 */
#include "tests/unit/engine_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_TOK = 96, N_VOCAB = 1024, N_PAGE = (N_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

/*
 * What is allowed: rms error over the standard deviation of the logits, and mean KL divergence
 * (0: not limited). The quantized ones are 1.1 times what the peer (ik_llama.cpp, KV f16; q8_0 for
 * the last two) shows on the same files.
 */
struct bar {
	const char *file;
	enum kv_type kv;
	double rms, kl;
};

static const struct bar bars[] = {
	{"llama-f32", KV_F32, 1e-4, 0},
	{"llama-mha-f32", KV_F32, 1e-4, 0},
	{"rope-linear", KV_F32, 1e-4, 0},
	{"rope-llama3", KV_F32, 1e-4, 0},
	{"rope-yarn", KV_F32, 1e-4, 0},
	{"bias", KV_F32, 1e-4, 0},
	{"mqa-untied", KV_F32, 1e-4, 0},
	{"llama-f32", KV_F16, 0.003, 0},
	{"llama-mha-f32", KV_F16, 0.003, 0},
	{"quant-F16", KV_F16, 0.003, 0},
	{"quant-BF16", KV_F16, 0.010, 0},
	{"quant-Q8_0", KV_F16, 1.1 * 0.0312, 1.1 * 4.91e-4},
	{"quant-Q4_0", KV_F16, 1.1 * 0.0301, 1.1 * 4.50e-4},
	{"quant-Q4_K_M", KV_F16, 1.1 * 0.0314, 1.1 * 5.00e-4},
	{"quant-Q6_K", KV_F16, 1.1 * 0.0413, 1.1 * 8.51e-4},
	{"llama-f32", KV_Q8, 1.1 * 0.0269, 1.1 * 3.6e-4},
	{"llama-mha-f32", KV_Q8, 1.1 * 0.0226, 1.1 * 2.6e-4},
};

struct difference {
	double rms, max, kl, top1;
};

static void read_ids(uint32_t ids[N_TOK])
{
	char path[512];
	FILE *file;

	fixture_path(path, sizeof(path), "ids.txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TOK; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
}

/* The array of a .npy file, version 1, known to be float32 [N_TOK][N_VOCAB] in C order. */
static float *read_reference(const char *name)
{
	size_t count = (size_t)N_TOK * N_VOCAB;
	float *values = mem_alloc(count * sizeof(*values));
	char path[512], file_name[64], head[10];
	FILE *file;

	snprintf(file_name, sizeof(file_name), "%s.npy", name);
	fixture_path(path, sizeof(path), file_name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(sizeof(head), fread(head, 1, sizeof(head), file));
	assert_memory_equal("\x93NUMPY\x01", head, 7);
	assert_int_equal(0, fseek(file, 10 + (uint8_t)head[8] + 256 * (uint8_t)head[9], SEEK_SET));
	assert_int_equal(count, fread(values, sizeof(*values), count, file));
	fclose(file);
	return values;
}

static double log_sum(const float *row)
{
	double max = -INFINITY, sum = 0;

	for (int i = 0; i < N_VOCAB; i++) {
		max = fmax(max, (double)row[i]);
	}
	for (int i = 0; i < N_VOCAB; i++) {
		sum += exp((double)row[i] - max);
	}
	return max + log(sum);
}

static int best_of(const float *row)
{
	int best = 0;

	for (int i = 1; i < N_VOCAB; i++) {
		best = row[i] > row[best] ? i : best;
	}
	return best;
}

static struct difference compare(const float *got, const float *want)
{
	struct difference d = {0};
	double mean = 0, square = 0, error = 0, n = (double)N_TOK * N_VOCAB, std;

	for (size_t i = 0; i < (size_t)N_TOK * N_VOCAB; i++) {
		double e = fabs((double)got[i] - (double)want[i]);

		assert_true(isfinite(got[i]));
		mean += (double)want[i] / n;
		square += (double)want[i] * (double)want[i] / n;
		error += e * e / n;
		d.max = fmax(d.max, e);
	}
	std = sqrt(square - mean * mean);
	d.rms = sqrt(error) / std;
	d.max /= std;
	for (int t = 0; t < N_TOK; t++, got += N_VOCAB, want += N_VOCAB) {
		double got_sum = log_sum(got), want_sum = log_sum(want);

		for (int i = 0; i < N_VOCAB; i++) {
			double p = (double)want[i] - want_sum;

			d.kl += exp(p) * (p - ((double)got[i] - got_sum)) / N_TOK;
		}
		d.top1 += (double)(best_of(got) == best_of(want)) / N_TOK;
	}
	return d;
}

static void check(enum cpu_isa isa, const struct bar *bar, const uint32_t *ids)
{
	float *want = read_reference(bar->file);
	uint8_t *page[N_PAGE];
	struct fixture fixture;
	struct difference d;
	char file[64];
	int passes;

	snprintf(file, sizeof(file), "%s.gguf", bar->file);
	fixture_open(&fixture, file);
	fixture_backend(&fixture, isa, bar->kv, 2, N_TOK);
	for (int i = 0; i < N_PAGE; i++) {
		page[i] = fixture_page(&fixture);
	}
	d = compare(fixture_run(&fixture, ids, N_TOK, 0, page), want);
	passes = d.rms <= bar->rms && (bar->kl <= 0 || d.kl <= bar->kl);
	printf("# %-9s %-14s %-4s %9.6f /%9.6f %9.5f %10.3e /%10.3e %6.3f%s\n", cpu_isa_name(isa),
		bar->file, kv_type_name(bar->kv), d.rms, bar->rms, d.max, d.kl, bar->kl, d.top1,
		passes ? "" : "  OUTSIDE");
	fixture_close(&fixture);
	free(want);
	assert_true(passes);
}

static void check_path(enum cpu_isa isa)
{
	uint32_t ids[N_TOK];

	if (!cpu_isa_supported(isa)) {
		printf("# this processor or build has no %s\n", cpu_isa_name(isa));
		skip();
	}
	read_ids(ids);
	printf("# path      model          KV     rms/std   (bar)     max/std   mean KL     (bar)  "
	       " "
	       "top-1\n");
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		check(isa, &bars[i], ids);
	}
}

static void plain_c_meets_the_golden_logits(void **state)
{
	check_path(CPU_ISA_PORTABLE);
}

static void avx2_meets_the_golden_logits(void **state)
{
	check_path(CPU_ISA_AVX2);
}

static void avx512_meets_the_golden_logits(void **state)
{
	check_path(CPU_ISA_AVX512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_c_meets_the_golden_logits),
		cmocka_unit_test(avx2_meets_the_golden_logits),
		cmocka_unit_test(avx512_meets_the_golden_logits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
