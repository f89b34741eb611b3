/*
 * Golden logits of every model family: carrel's, on every instruction-set path and KV type, against
 * those of Hugging Face transformers (tests/vectors/families; every rule of a family moves them by
 * far more than the bars), and against a float64 forward pass of Qwen 3.
 */
#include "engine/program.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_TOK = 160, N_PAGE = (MAX_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

/* The bars: rms error over standard deviation. Of f16 and q8 it is 1.1 times what the strongest peer
 * shows with such KV on the dense models of the shared oracles; first the one that it is worst at,
 * then Qwen 3. */
#define BAR_F32       1e-4
#define BAR_F16       (1.1 * 0.0023)
#define BAR_Q8        (1.1 * 0.0269)
#define BAR_QWEN3_F16 (1.1 * 0.0015)
#define BAR_QWEN3_Q8  (1.1 * 0.0123)

struct subject {
	const char *model, *logits;
	int64_t n_tok, step; /* golden rows are of every step-th token */
	int64_t context_tok; /* 0: the model's own */
	const char *folder;
	double f16, q8;
};

#define FAMILIES "tests/vectors/families"

static const struct subject subjects[] = {
	{"llama", "llama", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"mistral", "mistral", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"qwen2", "qwen2", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"qwen3", "qwen3", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"gemma", "gemma", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"gemma2", "gemma2", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"gemma3", "gemma3", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"phi3", "phi3", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"phi4-mini", "phi4-mini", 160, 5, 0, FAMILIES, BAR_F16, BAR_Q8},
	{"phi4-mini", "phi4-mini-short", 128, 5, 128, FAMILIES, BAR_F16, BAR_Q8},
};

static const struct subject oracle = {
	"qwen3-f32", "qwen3-f32", 96, 1, 0, "../shared/oracles", BAR_QWEN3_F16, BAR_QWEN3_Q8};

static void path_of(char *out, size_t size, const struct subject *subject, const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/%s/%s", source ? source : ".", subject->folder, name);
}

static void read_ids(uint32_t *ids, const struct subject *subject)
{
	char path[512];
	FILE *file;

	path_of(path, sizeof(path), subject, "ids.txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int64_t i = 0; i < subject->n_tok; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
}

static void open_subject(struct fixture *fixture, const struct subject *subject)
{
	char path[512], name[64];
	struct err err;

	*fixture = (struct fixture){0};
	snprintf(name, sizeof(name), "%s.gguf", subject->model);
	path_of(path, sizeof(path), subject, name);
	fixture_check(model_open(&fixture->model, path, NULL, &err), &err);
	fixture_check(program_create(&fixture->program, fixture->model, subject->context_tok, &err),
		&err);
}

/* The rows that the golden ones are of. */
static float *every_step(const float *logits, const struct golden *want, int64_t step)
{
	size_t row_bytes = (size_t)want->n_vocab * sizeof(float);
	float *rows = mem_alloc((size_t)want->n_row * row_bytes);

	for (int64_t i = 0; i < want->n_row; i++) {
		memcpy(rows + i * want->n_vocab, logits + ((i + 1) * step - 1) * want->n_vocab,
			row_bytes);
	}
	return rows;
}

static int check(
	struct fixture *fixture, enum cpu_isa isa, enum kv_type kv, const struct subject *subject)
{
	double bar = kv == KV_F32 ? BAR_F32 : kv == KV_F16 ? subject->f16 : subject->q8;
	struct golden_difference d;
	struct golden want;
	uint32_t ids[MAX_TOK];
	uint8_t *page[N_PAGE];
	char path[512], name[64];
	float *got;

	snprintf(name, sizeof(name), "%s.npy", subject->logits);
	path_of(path, sizeof(path), subject, name);
	golden_read(&want, path);
	assert_int_equal(subject->n_tok / subject->step, want.n_row);
	assert_int_equal(fixture->model->n_vocab, want.n_vocab);
	read_ids(ids, subject);
	fixture_backend(fixture, isa, kv, 2, MAX_TOK);
	for (int i = 0; i < N_PAGE; i++) {
		page[i] = fixture_page(fixture);
	}
	got = every_step(fixture_run(fixture, ids, subject->n_tok, 0, page), &want, subject->step);
	d = golden_compare(&want, got);
	printf("# %-9s %-16s %-4s %9.7f /%9.6f %9.5f %10.3e %6.3f%s\n", cpu_isa_name(isa),
		subject->logits, kv_type_name(kv), d.rms, bar, d.max, d.kl, d.top1,
		d.rms <= bar ? "" : "  OUTSIDE");
	free(got);
	golden_finish(&want);
	return d.rms <= bar;
}

static int check_subject(enum cpu_isa isa, const struct subject *subject)
{
	static const enum kv_type kv[] = {KV_F32, KV_F16, KV_Q8};
	struct fixture fixture;
	int passes = 1;

	open_subject(&fixture, subject);
	for (size_t i = 0; i < ARRAY_LEN(kv); i++) {
		passes &= check(&fixture, isa, kv[i], subject);
	}
	fixture_close(&fixture);
	return passes;
}

static void print_head(void)
{
	printf("# path      logits           KV     rms/std   (bar)     max/std    mean KL  "
	       "top-1\n");
}

static void check_path(enum cpu_isa isa)
{
	int passes = 1;

	if (!cpu_isa_supported(isa)) {
		printf("# this processor or build has no %s\n", cpu_isa_name(isa));
		skip();
	}
	print_head();
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		passes &= check_subject(isa, &subjects[i]);
	}
	assert_true(passes);
}

static void plain_c_meets_the_golden_logits_of_every_family(void **state)
{
	check_path(CPU_ISA_PORTABLE);
}

static void avx2_meets_the_golden_logits_of_every_family(void **state)
{
	check_path(CPU_ISA_AVX2);
}

static void avx512_meets_the_golden_logits_of_every_family(void **state)
{
	check_path(CPU_ISA_AVX512);
}

static void every_path_meets_the_float64_logits_of_qwen3(void **state)
{
	static const enum cpu_isa isa[] = {CPU_ISA_PORTABLE, CPU_ISA_AVX2, CPU_ISA_AVX512};
	char path[512];
	int passes = 1;

	path_of(path, sizeof(path), &oracle, "qwen3-f32.gguf");
	if (access(path, R_OK) != 0) {
		printf("# the shared oracles are not on this machine\n");
		skip();
	}
	print_head();
	for (size_t i = 0; i < ARRAY_LEN(isa); i++) {
		passes &= !cpu_isa_supported(isa[i]) || check_subject(isa[i], &oracle);
	}
	assert_true(passes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_c_meets_the_golden_logits_of_every_family),
		cmocka_unit_test(avx2_meets_the_golden_logits_of_every_family),
		cmocka_unit_test(avx512_meets_the_golden_logits_of_every_family),
		cmocka_unit_test(every_path_meets_the_float64_logits_of_qwen3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
