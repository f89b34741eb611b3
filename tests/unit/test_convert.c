/* Which storage type each tensor of a converted model gets. */
#include "engine/convert.h"

#include "engine/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* llama.cpp's use_more_bits() for 16 layers. */
static void a_mix_has_six_bits_in_some_layers(void **state)
{
	static const char sensitive[N_LAYER + 1] = "xx..x..x..x..xxx";

	(void)state;
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
}

static void types_are_found_by_name(void **state)
{
	struct buf list = BUF_INIT;

	(void)state;
	assert_int_equal(convert_type_find("Q4_K"), DTYPE_Q4_K);
	assert_int_equal(convert_type_find("q8_0"), DTYPE_Q8_0);
	assert_int_equal(convert_type_find("Q4_K_M"), DTYPE_COUNT);
	assert_int_equal(convert_type_find(""), DTYPE_COUNT);
	convert_type_list(&list);
	assert_non_null(strstr(buf_str(&list), "Q8_0, Q6_K"));
	buf_finish(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_stay_exact),
		cmocka_unit_test(the_output_keeps_six_bits),
		cmocka_unit_test(a_mix_has_six_bits_in_some_layers),
		cmocka_unit_test(rows_that_no_block_fits_get_eight_bits),
		cmocka_unit_test(types_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
