/*
 * Every family with its weights in every storage type that rows of 32 elements can have: logits
 * against those of the same weights as float32, which test_families.c holds against transformers.
 * What differs is what the kernels do to activations, in fused tensors and scaled embeddings too.
 */
#include "engine/model/gguf_write.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_TOK = 160, N_PAGE = (N_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

static const char *const families[] = {
	"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "phi4-mini"};

/*
 * rms error over standard deviation that is allowed: of BF16, and of the types whose products take
 * activations of 8 bits. On the shared oracles, which are eight times as wide, the strongest peer
 * shows 0.009 and 0.030 to 0.032; the Phis here have scores so sharp that they feel any rounding
 * 1.4 times as much.
 */
#define BAR_BF16 0.014
#define BAR_Q8   0.055

static const enum dtype types[] = {DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0,
	DTYPE_Q5_1, DTYPE_IQ4_NL, DTYPE_MXFP4};

static const enum cpu_isa paths[] = {CPU_ISA_PORTABLE, CPU_ISA_AVX2, CPU_ISA_AVX512};

static char path_out[64];

static void path_of(char *out, size_t size, const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/tests/vectors/families/%s", source ? source : ".", name);
}

/* A matrix takes the type, or the float32 of what the type makes of it; a vector stays. */
static void write_tensor(
	struct gguf_writer *writer, const struct gguf_tensor *tensor, enum dtype type, int as_float)
{
	enum dtype own = dtype_from_gguf(tensor->type);
	int64_t n = tensor->dim[0] * tensor->dim[1];
	uint8_t *stored = mem_alloc((size_t)n * sizeof(float));
	float *values = mem_alloc((size_t)n * sizeof(*values));
	struct err err;

	if (tensor->n_dim == 1) {
		fixture_check(
			gguf_writer_data(writer, tensor->data, (size_t)tensor->size_bytes, &err),
			&err);
	} else {
		dtype_dequantize(own, tensor->data, values, n);
		dtype_quantize(type, values, stored, n);
		if (as_float) {
			dtype_dequantize(type, stored, values, n);
			memcpy(stored, values, (size_t)n * sizeof(*values));
			type = DTYPE_F32;
		}
		fixture_check(
			gguf_writer_data(writer, stored, (size_t)dtype_row_bytes(type, n), &err),
			&err);
	}
	free(stored);
	free(values);
}

static void write_as(const char *family, enum dtype type, int as_float)
{
	struct gguf_writer *writer;
	struct gguf *gguf;
	char path[512], name[64];
	struct err err;
	size_t size;

	snprintf(name, sizeof(name), "%s.gguf", family);
	path_of(path, sizeof(path), name);
	fixture_check(gguf_open(&gguf, path, &err), &err);
	fixture_check(gguf_writer_create(&writer, path_out, &err), &err);
	for (size_t i = 0; i < gguf_key_count(gguf); i++) {
		const uint8_t *pair = gguf_pair_at(gguf, i, &size);

		gguf_writer_add_pair(writer, pair, size);
	}
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);

		snprintf(name, sizeof(name), "%.*s", (int)tensor->name.len, tensor->name.text);
		gguf_writer_add_tensor(writer, name,
			tensor->n_dim == 1 ? dtype_from_gguf(tensor->type)
			: as_float         ? DTYPE_F32
					   : type,
			tensor->dim[1], tensor->dim[0]);
	}
	fixture_check(gguf_writer_begin(writer, &err), &err);
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		write_tensor(writer, gguf_tensor_at(gguf, i), type, as_float);
	}
	fixture_check(gguf_writer_finish(writer, &err), &err);
	gguf_writer_destroy(writer);
	gguf_close(gguf);
}

static void read_ids(uint32_t ids[N_TOK])
{
	char path[512];
	FILE *file;

	path_of(path, sizeof(path), "ids.txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TOK; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
}

/* A copy of the logits of the file at path_out. */
static struct golden run(enum cpu_isa isa)
{
	struct fixture fixture = {0};
	struct golden logits = {.n_row = N_TOK};
	uint32_t ids[N_TOK];
	uint8_t *page[N_PAGE];
	struct err err;
	size_t bytes;

	read_ids(ids);
	fixture_check(model_open(&fixture.model, path_out, NULL, &err), &err);
	fixture_check(program_create(&fixture.program, fixture.model, 0, &err), &err);
	fixture_backend(&fixture, isa, KV_F32, 2, N_TOK);
	for (int i = 0; i < N_PAGE; i++) {
		page[i] = fixture_page(&fixture);
	}
	logits.n_vocab = fixture.model->n_vocab;
	bytes = (size_t)(logits.n_row * logits.n_vocab) * sizeof(float);
	logits.logits = mem_alloc(bytes);
	memcpy(logits.logits, fixture_run(&fixture, ids, N_TOK, 0, page), bytes);
	fixture_close(&fixture);
	return logits;
}

/* By path; -1 for those that this processor or build does not have. */
static void errors_of(double rms[ARRAY_LEN(paths)], const char *family, enum dtype type)
{
	struct golden want[ARRAY_LEN(paths)];

	write_as(family, type, 1);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		want[i] = cpu_isa_supported(paths[i]) ? run(paths[i]) : (struct golden){0};
	}
	write_as(family, type, 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		rms[i] = -1;
		if (want[i].logits) {
			struct golden got = run(paths[i]);

			rms[i] = golden_compare(&want[i], got.logits).rms;
			golden_finish(&got);
			golden_finish(&want[i]);
		}
	}
}

static void every_path_computes_every_family_in_every_type(void **state)
{
	int passes = 1;

	printf("# rms error / standard deviation (bars: BF16 %.3f, others %.3f)\n", BAR_BF16,
		BAR_Q8);
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		for (size_t t = 0; t < ARRAY_LEN(types); t++) {
			double rms[ARRAY_LEN(paths)], bar = t ? BAR_Q8 : BAR_BF16;

			errors_of(rms, families[f], types[t]);
			printf("# %-10s %-7s", families[f], dtype_info(types[t])->name);
			for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
				if (rms[i] >= 0) {
					printf(" %s %.5f", cpu_isa_name(paths[i]), rms[i]);
				}
				passes &= rms[i] <= bar;
			}
			printf("\n");
		}
	}
	assert_true(passes);
}

/* In memory where there is such a folder: the writer waits for the disk. */
static int make_path(void **state)
{
	int fd;

	snprintf(path_out, sizeof(path_out), "%s/carrel-family-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	fd = mkstemp(path_out);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	return unlink(path_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_computes_every_family_in_every_type),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
