/*
 * Golden logits: every storage type, KV type and instruction-set path against an independent
 * float64 forward pass (tests/vectors/logits), within the bars of the strongest peer.
 */
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_TOK = 96, N_PAGE = (N_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

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

static void check(enum cpu_isa isa, const struct bar *bar, const uint32_t *ids)
{
	uint8_t *page[N_PAGE];
	struct fixture fixture;
	struct golden_difference d;
	struct golden want;
	char file[64], path[512];
	int passes;

	snprintf(file, sizeof(file), "%s.npy", bar->file);
	fixture_path(path, sizeof(path), file);
	golden_read(&want, path);
	assert_int_equal(N_TOK, want.n_row);
	snprintf(file, sizeof(file), "%s.gguf", bar->file);
	fixture_open(&fixture, file);
	fixture_backend(&fixture, isa, bar->kv, 2, N_TOK);
	for (int i = 0; i < N_PAGE; i++) {
		page[i] = fixture_page(&fixture);
	}
	assert_int_equal(fixture.model->n_vocab, want.n_vocab);
	d = golden_compare(&want, fixture_run(&fixture, ids, N_TOK, 0, page));
	passes = d.rms <= bar->rms && (bar->kl <= 0 || d.kl <= bar->kl);
	printf("# %-9s %-14s %-4s %9.6f /%9.6f %9.5f %10.3e /%10.3e %6.3f%s\n", cpu_isa_name(isa),
		bar->file, kv_type_name(bar->kv), d.rms, bar->rms, d.max, d.kl, bar->kl, d.top1,
		passes ? "" : "  OUTSIDE");
	fixture_close(&fixture);
	golden_finish(&want);
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
