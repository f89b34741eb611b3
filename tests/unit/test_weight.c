/*
 * Weights whose rows no file holds as the kernels want them: made when they are read, and the
 * logits are those of the same rows in a mapping, bit for bit.
 */
#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_ROW = 20 };

/* Rows of another weight, copied. */
struct copy_source {
	struct weight_source base;
	struct weight of;
};

static void copy_rows(
	const struct weight_source *source, int64_t first, int64_t n_rows, uint8_t *rows)
{
	const struct copy_source *copy = (const struct copy_source *)(const void *)source;
	int64_t row_bytes = dtype_row_bytes(copy->of.dtype, copy->of.row_elems);

	assert_true(first >= 0 && n_rows > 0 && first + n_rows <= copy->of.n_row);
	memcpy(rows, copy->of.data + first * row_bytes, (size_t)(n_rows * row_bytes));
}

/* Every weight of the model is made from now on; the sources are the caller's. */
static struct copy_source *make_all(struct model *model)
{
	struct copy_source *source = mem_zero(model->n_weight, sizeof(*source));

	for (size_t i = 0; i < model->n_weight; i++) {
		struct weight *weight = (struct weight *)(uintptr_t)&model->weight[i];

		source[i] = (struct copy_source){.base.read = copy_rows, .of = *weight};
		weight->data = NULL;
		weight->source = &source[i].base;
	}
	return source;
}

/* The logits of 20 rows; malloc'ed. */
static float *logits_of(const char *name, int is_made, int64_t *n_vocab)
{
	struct fixture fixture = {0};
	struct copy_source *source = NULL;
	uint32_t ids[N_ROW];
	uint8_t *page;
	char path[512];
	struct err err;
	size_t bytes;
	float *copy;

	fixture_path(path, sizeof(path), name);
	fixture_check(model_open(&fixture.model, path, NULL, &err), &err);
	if (is_made) {
		source = make_all(fixture.model);
	}
	fixture_check(program_create(&fixture.program, fixture.model, 0, &err), &err);
	fixture_backend(&fixture, cpu_isa_best(), KV_F16, 2, N_ROW);
	for (uint32_t i = 0; i < N_ROW; i++) {
		ids[i] = 7 * i + 3;
	}
	page = fixture_page(&fixture);
	*n_vocab = fixture.model->n_vocab;
	bytes = N_ROW * (size_t)*n_vocab * sizeof(float);
	copy = mem_alloc(bytes);
	memcpy(copy, fixture_run(&fixture, ids, N_ROW, 0, &page), bytes);
	fixture_close(&fixture);
	free(source);
	return copy;
}

static void made_rows_give_the_logits_of_mapped_rows(void **state)
{
	static const char *const names[] = {
		"llama-f32.gguf", "rope-llama3.gguf", "bias.gguf", "quant-Q4_K_M.gguf"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t n_vocab;
		float *mapped = logits_of(names[i], 0, &n_vocab);
		float *made = logits_of(names[i], 1, &n_vocab);

		assert_memory_equal(mapped, made, N_ROW * (size_t)n_vocab * sizeof(float));
		free(mapped);
		free(made);
	}
}

static void a_slice_is_those_rows_mapped_or_made(void **state)
{
	static const float rows[5][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8, 9}};
	const struct weight mapped = {.name = "w",
		.dtype = DTYPE_F32,
		.n_row = 5,
		.row_elems = 2,
		.size_bytes = sizeof(rows),
		.data = (const uint8_t *)rows};
	const struct copy_source source = {.base.read = copy_rows, .of = mapped};
	struct weight made = mapped, view, inner;
	uint8_t scratch[2 * sizeof(rows[0])];

	made.data = NULL;
	made.source = &source.base;
	for (int i = 0; i < 2; i++) {
		const struct weight *whole = i ? &made : &mapped;

		assert_int_equal(0, weight_slice(&view, whole, 1, 4));
		assert_int_equal(0, weight_slice(&inner, &view, 1, 2));
		assert_int_equal(2, inner.n_row);
		assert_int_equal(sizeof(scratch), inner.size_bytes);
		assert_int_equal(i ? sizeof(scratch) : 0, weight_scratch_bytes(&inner, 2));
		assert_memory_equal(rows[2], weight_rows(&inner, 0, 2, scratch), sizeof(scratch));
		assert_memory_equal(rows[3], weight_rows(&inner, 1, 1, scratch), sizeof(rows[0]));
		assert_false(weight_equal(&view, &inner));
		assert_int_equal(-1, weight_slice(&view, whole, 4, 2));
		assert_int_equal(-1, weight_slice(&view, whole, -1, 2));
		assert_int_equal(-1, weight_slice(&view, whole, 2, 0));
		assert_int_equal(-1, weight_slice(&view, whole, 2, INT64_MAX));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_rows_give_the_logits_of_mapped_rows),
		cmocka_unit_test(a_slice_is_those_rows_mapped_or_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
