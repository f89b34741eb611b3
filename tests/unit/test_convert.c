/* Which storage type each tensor of a converted model gets, and how the file comes about. */
#include "engine/convert.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "engine/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define N_LAYER 16

/* In the order of their names, as a model has them. */
static const struct weight untied[] = {
	{.name = "blk.0.attn_norm.weight", .dtype = DTYPE_BF16, .n_row = 1, .row_elems = 512},
	{.name = "output.weight", .dtype = DTYPE_BF16, .n_row = 1000, .row_elems = 512},
	{.name = "token_embd.weight", .dtype = DTYPE_BF16, .n_row = 1000, .row_elems = 512},
};
static const struct weight tied[] = {
	{.name = "token_embd.weight", .dtype = DTYPE_BF16, .n_row = 1000, .row_elems = 512},
};

static enum dtype type_in(const struct weight *weight, size_t n_weight, const char *name,
	int64_t n_row, int64_t row_elems, enum dtype wanted)
{
	const struct model model = {.n_layer = N_LAYER, .weight = weight, .n_weight = n_weight};
	const struct weight asked = {
		.name = name, .dtype = DTYPE_BF16, .n_row = n_row, .row_elems = row_elems};

	return convert_type_of(&model, &asked, wanted);
}

static enum dtype type_of(const char *name, int64_t n_row, int64_t row_elems, enum dtype wanted)
{
	return type_in(untied, 3, name, n_row, row_elems, wanted);
}

static void vectors_stay_exact(void **state)
{
	(void)state;
	assert_int_equal(type_of("blk.0.attn_norm.weight", 1, 512, DTYPE_Q4_K), DTYPE_F32);
	assert_int_equal(type_of("blk.0.attn_q.bias", 1, 512, DTYPE_F16), DTYPE_F32);
}

static void the_output_keeps_six_bits(void **state)
{
	(void)state;
	assert_int_equal(type_of("output.weight", 1000, 512, DTYPE_Q4_K), DTYPE_Q6_K);
	assert_int_equal(type_of("token_embd.weight", 1000, 512, DTYPE_Q4_K), DTYPE_Q4_K);
	assert_int_equal(type_in(tied, 1, "token_embd.weight", 1000, 512, DTYPE_Q4_K), DTYPE_Q6_K);
	assert_int_equal(type_of("output.weight", 1000, 512, DTYPE_Q8_0), DTYPE_Q8_0);
	assert_int_equal(type_of("output.weight", 1000, 512, DTYPE_F16), DTYPE_F16);
}

/* llama.cpp's use_more_bits() for 16 layers, and for 28, where 7/8 of them is no whole number. */
static void a_mix_has_six_bits_in_some_layers(void **state)
{
	static const char sensitive[N_LAYER + 1] = "xx..x..x..x..xxx";

	static const char of_28[] = "xxx..x..x..x..x..x..x..xxxxx";

	(void)state;
	for (int i = 0; i < 28; i++) {
		const struct model model = {.n_layer = 28, .weight = untied, .n_weight = 3};
		char name[64];
		const struct weight asked = {
			.name = name, .dtype = DTYPE_BF16, .n_row = 128, .row_elems = 512};

		snprintf(name, sizeof(name), "blk.%d.attn_v.weight", i);
		assert_int_equal(convert_type_of(&model, &asked, DTYPE_Q5_K),
			of_28[i] == 'x' ? DTYPE_Q6_K : DTYPE_Q5_K);
	}
	for (int i = 0; i < N_LAYER; i++) {
		enum dtype in_mix = sensitive[i] == 'x' ? DTYPE_Q6_K : DTYPE_Q4_K;
		char name[64];

		snprintf(name, sizeof(name), "blk.%d.attn_v.weight", i);
		assert_int_equal(type_of(name, 128, 512, DTYPE_Q4_K), in_mix);
		assert_int_equal(type_of(name, 128, 512, DTYPE_Q4_0), DTYPE_Q4_0);
		snprintf(name, sizeof(name), "blk.%d.ffn_down.weight", i);
		assert_int_equal(type_of(name, 512, 1024, DTYPE_Q4_K), in_mix);
		snprintf(name, sizeof(name), "blk.%d.ffn_up.weight", i);
		assert_int_equal(type_of(name, 1024, 512, DTYPE_Q4_K), DTYPE_Q4_K);
	}
}

static void rows_that_no_block_fits_get_eight_bits(void **state)
{
	(void)state;
	assert_int_equal(type_of("blk.2.attn_q.weight", 96, 96, DTYPE_Q4_K), DTYPE_Q8_0);
	assert_int_equal(type_of("output.weight", 96, 96, DTYPE_Q4_0), DTYPE_Q8_0);
	assert_int_equal(type_of("blk.2.attn_q.weight", 96, 96, DTYPE_Q4_0), DTYPE_Q4_0);
	assert_int_equal(type_of("blk.2.attn_q.weight", 96, 100, DTYPE_Q8_0), DTYPE_F16);
	assert_int_equal(type_of("blk.2.attn_q.weight", 96, 100, DTYPE_Q4_K), DTYPE_F16);
	assert_int_equal(type_of("blk.2.attn_q.weight", 96, 100, DTYPE_F32), DTYPE_F32);
}

static void types_are_found_by_name(void **state)
{
	struct buf list = BUF_INIT;

	(void)state;
	assert_int_equal(convert_type_find("Q4_K"), DTYPE_Q4_K);
	assert_int_equal(convert_type_find("q8_0"), DTYPE_Q8_0);
	assert_int_equal(convert_type_find("Q4_K_M"), DTYPE_Q4_K);
	assert_int_equal(convert_type_find("q5_k_m"), DTYPE_Q5_K);
	assert_int_equal(convert_type_find("Q4_K_S"), DTYPE_COUNT);
	assert_int_equal(convert_type_find("Q6_K_M"), DTYPE_COUNT);
	assert_int_equal(convert_type_find("Q4"), DTYPE_COUNT);
	assert_int_equal(convert_type_find(""), DTYPE_COUNT);
	convert_type_list(&list);
	assert_non_null(strstr(buf_str(&list), "Q8_0, Q6_K"));
	buf_finish(&list);
}

/* ---- the file ---- */

static char folder[] = "/tmp/carrel-test-convert-XXXXXX";

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

/* The family's model to `to`, into the folder. */
static int convert(const char *to, struct engine_convert_watch watch, struct err *err)
{
	const char *source = getenv("CARREL_TEST_SOURCE");
	char *from = mem_printf("%s/tests/vectors/families/qwen3.gguf", source ? source : ".");
	char *path = path_of(to);
	const struct engine_conversion conversion = {from, path, "Q8_0", 1, NULL};
	int result = engine_convert(&conversion, watch, err);

	free(from);
	free(path);
	return result;
}

static void expect_nothing(const char *name)
{
	char *path = path_of(name);
	struct stat st;

	assert_int_equal(-1, lstat(path, &st));
	free(path);
}

static void put(const char *name, const char *text)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

/* The file holds just this text; it goes away. */
static void take(const char *name, const char *text)
{
	char *path = path_of(name), held[64];
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	assert_int_equal(strlen(text), fread(held, 1, sizeof(held), file));
	assert_memory_equal(text, held, strlen(text));
	fclose(file);
	unlink(path);
	free(path);
}

static int stop_at_the_third(void *context, int64_t done_bytes, int64_t total_bytes)
{
	int *looks = context;

	assert_true(done_bytes > 0 && done_bytes <= total_bytes);
	return ++*looks == 3;
}

static void an_interruption_leaves_nothing(void **state)
{
	struct err err;
	int looks = 0;

	(void)state;
	assert_int_equal(
		-1, convert("new", (struct engine_convert_watch){stop_at_the_third, &looks}, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(3, looks);
	expect_nothing("new");
	expect_nothing("new.part");
}

static int write_another(void *context, int64_t done_bytes, int64_t total_bytes)
{
	if (done_bytes == total_bytes) {
		put(context, "another's");
	}
	return 0;
}

static void a_file_that_came_meanwhile_is_not_written_over(void **state)
{
	char name[] = "new";
	struct err err;

	(void)state;
	assert_int_equal(
		-1, convert(name, (struct engine_convert_watch){write_another, name}, &err));
	assert_int_equal(ERR_FAILURE, err.code);
	take("new", "another's");
	expect_nothing("new.part");
}

static void a_file_of_the_temporary_name_is_not_touched(void **state)
{
	struct err err;
	char *path = path_of("new");
	struct stat st;

	(void)state;
	put("new.part", "another's");
	assert_int_equal(0, convert("new", (struct engine_convert_watch){NULL, NULL}, &err));
	take("new.part", "another's");
	expect_nothing("new.2.part");
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0, unlink(path));
	free(path);
}

static void a_place_where_something_stands_is_refused_at_once(void **state)
{
	char *link = path_of("link");
	struct err err;
	int looks = 0;

	(void)state;
	assert_int_equal(0, symlink("nowhere", link));
	assert_int_equal(-1,
		convert("link", (struct engine_convert_watch){stop_at_the_third, &looks}, &err));
	assert_non_null(strstr(err.what, "is there already"));
	assert_int_equal(
		-1, convert("", (struct engine_convert_watch){stop_at_the_third, &looks}, &err));
	assert_non_null(strstr(err.what, "is there already"));
	assert_int_equal(0, looks);
	assert_int_equal(0, unlink(link));
	free(link);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* and so: no test left a file behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_stay_exact),
		cmocka_unit_test(the_output_keeps_six_bits),
		cmocka_unit_test(a_mix_has_six_bits_in_some_layers),
		cmocka_unit_test(rows_that_no_block_fits_get_eight_bits),
		cmocka_unit_test(types_are_found_by_name),
		cmocka_unit_test(an_interruption_leaves_nothing),
		cmocka_unit_test(a_file_that_came_meanwhile_is_not_written_over),
		cmocka_unit_test(a_file_of_the_temporary_name_is_not_touched),
		cmocka_unit_test(a_place_where_something_stands_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
