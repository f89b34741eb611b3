/*
 * Weights in FP8 e4m3 with their scales: rows are read exactly, whatever has a scale of its own,
 * the logits are those of the same numbers in float, and what cannot be right is refused.
 */
#include "base/rng.h"
#include "engine/engine.h"
#include "engine/token/tokenizer.h"
#include "tests/unit/huggingface_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_EMBD = 256, N_FF = 384, N_VOCAB = 272, HEAD_DIM = 64, N_HEAD = 4, N_KV_HEAD = 2 };

static char folder[] = "/tmp/carrel-test-fp8-XXXXXX";

/* The same numbers in two folders' files: codes and scales, and floats. */
static struct hf_tensors coded, plain;

enum scales {
	PER_TENSOR,
	PER_TENSOR_SCALAR, /* shape [] */
	PER_ROW,
	PER_ROW_COLUMN, /* shape [m, 1] */
	PER_BLOCK,      /* 128 x 128 */
	PER_BLOCK_BF16,
	PER_RAGGED_BLOCK, /* 48 x 96, which divides neither rows nor columns nor blocks of 128 */
	SCALES_COUNT,
};

/* With the numbers of "weight_block_size", as text. */
static const char *block_size;
static const char config[] =
	"{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":256,\"intermediate_size\":384,"
	"\"num_hidden_layers\":1,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
	"\"head_dim\":64,\"max_position_embeddings\":512,\"rms_norm_eps\":1e-5,"
	"\"tie_word_embeddings\":true,\"quantization_config\":{\"quant_method\":\"fp8\","
	"\"weight_block_size\":%s}}";

static float f8_value(uint8_t code)
{
	uint8_t block[132] = {0};
	float one = 1, value[128];

	memcpy(block, &one, sizeof(one));
	block[4] = code;
	dtype_dequantize(DTYPE_F8_E4M3, block, value, 128);
	return value[0];
}

static void add_floats(struct hf_tensors *tensors, const char *name, int n_dim, int64_t first,
	int64_t second, const float *values)
{
	size_t size = (size_t)(n_dim == 2 ? first * second : first) * sizeof(float);
	float *copy = mem_alloc(size);

	memcpy(copy, values, size);
	hf_tensors_add(tensors, name, "F32", n_dim, first, second, copy, size);
}

/* A vector or matrix that stays in float. */
static void add_plain(
	uint64_t seed, const char *name, int n_dim, int64_t first, int64_t second, float bias)
{
	size_t n = (size_t)(n_dim == 2 ? first * second : first);
	float *values = mem_alloc(n * sizeof(*values));

	for (size_t i = 0; i < n; i++) {
		values[i] = bias + 0.3f * (float)(2 * rng_uniform(seed, i) - 1);
	}
	add_floats(&coded, name, n_dim, first, second, values);
	add_floats(&plain, name, n_dim, first, second, values);
	free(values);
}

static void add_scale(const char *name, enum scales scales, int64_t m, int64_t columns,
	const float *values, size_t count)
{
	static const int n_dim[] = {1, 0, 1, 2, 2, 2, 2};
	const char *end = scales >= PER_BLOCK ? "_scale_inv" : "_scale";
	char *full = mem_printf("%s%s", name, end);
	int64_t first = n_dim[scales] < 2 ? (int64_t)count : scales == PER_ROW_COLUMN ? m : -1;
	int64_t second = scales == PER_ROW_COLUMN ? 1 : columns;
	float *copy = mem_alloc(count * sizeof(*copy));
	struct hf_tensor *tensor;

	memcpy(copy, values, count * sizeof(*copy));
	first = first < 0 ? (int64_t)count / columns : first;
	tensor = hf_tensors_add(
		&coded, full, "F32", n_dim[scales], first, second, copy, count * sizeof(*copy));
	if (scales == PER_BLOCK_BF16) {
		hf_convert(tensor, DTYPE_BF16);
	}
	free(full);
}

/* A matrix of codes [m][k] with scales, and what it is in float. */
static void add_coded(uint64_t seed, const char *name, int64_t m, int64_t k, enum scales scales)
{
	int64_t rows = scales <= PER_TENSOR_SCALAR  ? m
		       : scales <= PER_ROW_COLUMN   ? 1
		       : scales == PER_RAGGED_BLOCK ? 48
						    : 128;
	int64_t elems = scales <= PER_ROW_COLUMN ? k : scales == PER_RAGGED_BLOCK ? 96 : 128;
	int64_t columns = (k + elems - 1) / elems, n_scale = (m + rows - 1) / rows * columns;
	uint8_t *codes = mem_alloc((size_t)(m * k));
	float *values = mem_alloc((size_t)(m * k) * sizeof(*values));
	float *scale = mem_alloc((size_t)n_scale * sizeof(*scale));

	for (int64_t i = 0; i < n_scale; i++) {
		scale[i] = bf16_to_f32(
			f32_to_bf16(0.0002f + 0.0003f * (float)rng_uniform(seed, (uint64_t)i)));
	}
	for (int64_t i = 0; i < m * k; i++) {
		uint8_t code = (uint8_t)(256 * rng_uniform(seed + 1, (uint64_t)i));

		codes[i] = (code & 0x7f) == 0x7f ? 0 : code;
		values[i] = scale[i / k / rows * columns + i % k / elems] * f8_value(codes[i]);
	}
	hf_tensors_add(&coded, name, "F8_E4M3", 2, m, k, codes, (size_t)(m * k));
	add_scale(name, scales, m, columns, scale, (size_t)n_scale);
	add_floats(&plain, name, 2, m, k, values);
	free(values);
	free(scale);
}

static void make_model(enum scales scales)
{
	static const struct {
		const char *name;
		int64_t m, k;
	} matrices[] = {
		{"model.layers.0.self_attn.q_proj.weight", N_HEAD * HEAD_DIM, N_EMBD},
		{"model.layers.0.self_attn.k_proj.weight", N_KV_HEAD * HEAD_DIM, N_EMBD},
		{"model.layers.0.self_attn.v_proj.weight", N_KV_HEAD * HEAD_DIM, N_EMBD},
		{"model.layers.0.self_attn.o_proj.weight", N_EMBD, N_HEAD * HEAD_DIM},
		{"model.layers.0.mlp.gate_proj.weight", N_FF, N_EMBD},
		{"model.layers.0.mlp.up_proj.weight", N_FF, N_EMBD},
		{"model.layers.0.mlp.down_proj.weight", N_EMBD, N_FF},
	};
	uint64_t seed = 100 * (uint64_t)scales;

	block_size = scales == PER_RAGGED_BLOCK ? "[48,96]" : "[128,128]";
	hf_tensors_finish(&coded);
	hf_tensors_finish(&plain);
	add_plain(seed += 2, "model.embed_tokens.weight", 2, N_VOCAB, N_EMBD, 0);
	add_plain(seed += 2, "model.norm.weight", 1, N_EMBD, 1, 1);
	add_plain(seed += 2, "model.layers.0.input_layernorm.weight", 1, N_EMBD, 1, 1);
	add_plain(seed += 2, "model.layers.0.post_attention_layernorm.weight", 1, N_EMBD, 1, 1);
	for (size_t i = 0; i < ARRAY_LEN(matrices); i++) {
		add_coded(seed += 2, matrices[i].name, matrices[i].m, matrices[i].k, scales);
	}
	/* scales of activations are for computing with eight bits, which we do not */
	hf_tensors_add(&coded, "model.layers.0.mlp.up_proj.input_scale", "F32", 0, 1, 1,
		mem_zero(4, 1), 4);
}

static void put_model(const struct hf_tensors *tensors)
{
	char *text = hf_family_text("llama", "tokenizer.json");
	char *sized = mem_printf(config, block_size);

	hf_clear(folder);
	hf_put_text(folder, "config.json", sized);
	free(sized);
	hf_put_text(folder, "tokenizer.json", text);
	hf_put_tensors(folder, "model.safetensors", tensors, 0, tensors->count);
	free(text);
}

static struct model *open_model(void)
{
	struct model *model;
	struct err err;

	fixture_check(model_open(&model, folder, NULL, &err), &err);
	return model;
}

/* All rows of all weights as floats, one after the other; malloc'ed. */
static float *all_rows(const struct model *model, size_t *count)
{
	float *out = mem_alloc((size_t)model->n_params * sizeof(*out)), *at = out;

	for (size_t i = 0; i < model->n_weight; i++) {
		const struct weight *weight = &model->weight[i];
		uint8_t *scratch = mem_alloc((size_t)weight_scratch_bytes(weight, 3) + 1);

		for (int64_t row = 0; row < weight->n_row; row += 3) {
			int64_t left = weight->n_row - row, n = left < 3 ? left : 3;
			int64_t row_bytes = dtype_row_bytes(weight->dtype, weight->row_elems);
			const uint8_t *rows = weight_rows(weight, row, n, scratch);

			for (int64_t r = 0; r < n; r++, at += weight->row_elems) {
				dtype_dequantize(
					weight->dtype, rows + r * row_bytes, at, weight->row_elems);
			}
		}
		free(scratch);
	}
	*count = (size_t)(at - out);
	return out;
}

static void rows_are_scale_times_code_exactly(void **state)
{
	for (enum scales scales = 0; scales < SCALES_COUNT; scales++) {
		struct model *model;
		float *got, *want;
		size_t n_got, n_want;

		make_model(scales);
		put_model(&coded);
		model = open_model();
		assert_int_equal(scales == PER_RAGGED_BLOCK ? DTYPE_F32 : DTYPE_F8_E4M3,
			model_weight(model, "blk.0.attn_q.weight")->dtype);
		assert_string_equal(scales == PER_RAGGED_BLOCK ? "F32" : "F8_E4M3", model->storage);
		got = all_rows(model, &n_got);
		assert_false(weight_has_nan(model_weight(model, "blk.0.attn_q.weight")));
		model_close(model);
		put_model(&plain);
		model = open_model();
		want = all_rows(model, &n_want);
		model_close(model);
		assert_int_equal(n_want, n_got);
		assert_memory_equal(want, got, n_got * sizeof(*got));
		free(got);
		free(want);
	}
}

/* rms of the difference over the standard deviation of what is wanted */
static double distance(const float *got, const float *want, size_t n)
{
	double mean = 0, square = 0, error = 0;

	for (size_t i = 0; i < n; i++) {
		double e = (double)got[i] - (double)want[i];

		assert_true(isfinite(got[i]));
		mean += (double)want[i] / (double)n;
		square += (double)want[i] * (double)want[i] / (double)n;
		error += e * e / (double)n;
	}
	return sqrt(error / (square - mean * mean));
}

static void logits_are_those_of_the_numbers_in_float(void **state)
{
	for (enum scales scales = 0; scales < SCALES_COUNT; scales++) {
		int64_t n_vocab;
		float *got, *want;
		double rms;

		make_model(scales);
		put_model(&coded);
		got = hf_logits(folder, &n_vocab);
		put_model(&plain);
		want = hf_logits(folder, &n_vocab);
		rms = distance(got, want, HF_N_TOK * (size_t)n_vocab);
		printf("# scales %d: rms/std %.2e (bar of BF16: 0.010)\n", (int)scales, rms);
		assert_true(rms <= 0.010);
		free(got);
		free(want);
	}
}

/* Rows that are no multiple of 128 are widened: the same floats, so the same logits. */
static void narrow_rows_become_floats_with_the_same_logits(void **state)
{
	static const char *const family[] = {"llama", "qwen2", "phi3", "gemma2"};

	for (size_t f = 0; f < ARRAY_LEN(family); f++) {
		float *got, *want;
		int64_t n_vocab;

		hf_tensors_finish(&coded);
		hf_tensors_finish(&plain);
		hf_family_tensors(&plain, family[f]);
		for (size_t i = 0; i < plain.count; i++) {
			struct hf_tensor *tensor = &plain.tensor[i];
			const float scale = 0.0025f;
			uint8_t *codes;
			float *values;

			if (tensor->n_dim != 2 || strstr(tensor->name, "embed_tokens")) {
				uint8_t *copy = mem_alloc(tensor->size);

				memcpy(copy, tensor->bytes, tensor->size);
				hf_tensors_add(&coded, tensor->name, tensor->dtype, tensor->n_dim,
					tensor->dim[0], tensor->dim[1], copy, tensor->size);
				continue;
			}
			hf_convert(tensor, DTYPE_F32);
			codes = mem_alloc(tensor->size / 4);
			values = (float *)(void *)tensor->bytes;
			for (size_t e = 0; e < tensor->size / 4; e++) {
				codes[e] = (uint8_t)(e * 37 % 251 % 127 + (e * 11 % 2) * 128);
				values[e] = scale * f8_value(codes[e]);
			}
			hf_tensors_add(&coded, tensor->name, "F8_E4M3", 2, tensor->dim[0],
				tensor->dim[1], codes, tensor->size / 4);
			add_scale(tensor->name, PER_TENSOR, 1, 1, &scale, 1);
		}
		hf_clear(folder);
		hf_put_family_texts(folder, family[f]);
		hf_put_tensors(folder, "model.safetensors", &plain, 0, plain.count);
		want = hf_logits(folder, &n_vocab);
		hf_put_tensors(folder, "model.safetensors", &coded, 0, coded.count);
		got = hf_logits(folder, &n_vocab);
		assert_memory_equal(want, got, HF_N_TOK * (size_t)n_vocab * sizeof(*got));
		free(got);
		free(want);
	}
}

/* ---- what cannot be right ---- */

static struct hf_tensor *coded_tensor(const char *name)
{
	for (size_t i = 0; i < coded.count; i++) {
		if (!strcmp(coded.tensor[i].name, name)) {
			return &coded.tensor[i];
		}
	}
	abort();
}

static void refused(const char *why)
{
	struct model *model = NULL;
	struct err err = {0};

	put_model(&coded);
	if (model_open(&model, folder, NULL, &err) == 0) {
		fail_msg("accepted, although: %s", why);
	}
	assert_int_equal(ERR_ENGINE, err.code);
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
}

#define UP "model.layers.0.mlp.up_proj.weight"

static void scales_that_do_not_fit_are_refused(void **state)
{
	static const uint32_t bad[] = {0x7f800000, 0xff800000, 0x7fc00000};
	static const char *const sizes[] = {"[]", "[128]", "128", "[128,0]", "[-1,128]",
		"[128,\"128\"]", "[128,128,128]", "[128,9223372036854775807]",
		"[9223372036854775807,128]"};

	make_model(PER_ROW);
	coded_tensor(UP "_scale")->dim[0] = N_FF - 1;
	coded_tensor(UP "_scale")->size -= 4;
	refused("neither one scale, nor one for each row or block");
	make_model(PER_BLOCK);
	coded_tensor(UP "_scale_inv")->dim[0] = 2;
	coded_tensor(UP "_scale_inv")->dim[1] = 3;
	refused("neither one scale, nor one for each row or block");
	make_model(PER_BLOCK);
	coded_tensor(UP "_scale_inv")->dim[1] = 1; /* as many rows of blocks, too few columns */
	coded_tensor(UP "_scale_inv")->size /= 2;
	refused("neither one scale, nor one for each row or block");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		make_model(PER_BLOCK);
		block_size = sizes[i];
		refused("\"weight_block_size\" is not two numbers");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		make_model(PER_BLOCK);
		memcpy(coded_tensor(UP "_scale_inv")->bytes + 8, &bad[i], sizeof(bad[i]));
		refused("not a finite number");
	}
	make_model(PER_TENSOR);
	coded_tensor(UP "_scale")->dtype = "I32";
	refused("has no scale of its own");
	make_model(PER_TENSOR);
	/* becomes one that has nothing to do with weights */
	strcpy(strstr(coded_tensor(UP "_scale")->name, "weight_scale"), "k_scale");
	refused("has no scale of its own");
	make_model(PER_TENSOR);
	hf_tensors_add(&coded, UP "_scale_inv", "F32", 1, 1, 1, mem_zero(4, 1), 4);
	refused("has no scale of its own");
	make_model(PER_TENSOR);
	coded_tensor("model.norm.weight")->dtype = "F8_E4M3";
	coded_tensor("model.norm.weight")->size = N_EMBD;
	refused("is a vector in FP8");
	make_model(PER_TENSOR);
	coded_tensor(UP)->dtype = "F8_E5M2";
	refused("\" as F8_E5M2, which carrel cannot compute with");
}

static int convert_to_f32(struct err *err)
{
	char *to = mem_printf("%s/out.gguf", folder);
	struct engine_conversion conversion = {folder, to, "F32", 1, NULL};
	int result = engine_convert(&conversion, (struct engine_convert_watch){NULL, NULL}, err);

	assert_int_equal(result, access(to, F_OK));
	free(to);
	return result;
}

static void a_directory_in_fp8_is_converted_exactly(void **state)
{
	char *file = mem_printf("%s/out.gguf", folder);
	struct model *model, *other;
	float *got, *want;
	size_t n_got, n_want;
	struct err err;

	make_model(PER_BLOCK);
	put_model(&coded);
	assert_int_equal(0, convert_to_f32(&err));
	model = open_model();
	fixture_check(model_open(&other, file, NULL, &err), &err);
	want = all_rows(model, &n_want);
	got = all_rows(other, &n_got);
	assert_int_equal(n_want, n_got);
	assert_memory_equal(want, got, n_got * sizeof(*got));
	assert_int_equal(
		tokenizer_vocab_count(model->tokenizer), tokenizer_vocab_count(other->tokenizer));
	model_close(model);
	model_close(other);
	free(got);
	free(want);
	free(file);
}

/* Found while the weights are packed: nobody reads gigabytes only to look for it. */
static void a_code_that_is_no_number_is_refused_when_weights_are_loaded(void **state)
{
	static const uint8_t codes[] = {0x7f, 0xff};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct backend_config backend = {
			.kv_type = KV_Q8, .n_thread = 2, .max_batch_rows = 4, .max_out_rows = 1};
		struct fixture fixture = {0};
		struct err err = {0};

		make_model(PER_ROW);
		coded_tensor(UP)->bytes[N_EMBD * N_FF - 1] = codes[i];
		put_model(&coded);
		fixture.model = open_model();
		fixture_check(program_create(&fixture.program, fixture.model, 0, &err), &err);
		assert_int_equal(-1, backend_cpu.create(&fixture.backend, fixture.model,
					     fixture.program, &backend, &err));
		assert_int_equal(ERR_ENGINE, err.code);
		assert_non_null(strstr(err.what, "blk.0.ffn_up.weight"));
		assert_non_null(strstr(err.what, "no numbers"));
		fixture.backend = NULL;
		fixture_close(&fixture);
		assert_int_equal(-1, convert_to_f32(&err));
		assert_non_null(strstr(err.what, "blk.0.ffn_up.weight"));
		assert_non_null(strstr(err.what, "no numbers"));
	}
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	hf_tensors_finish(&coded);
	hf_tensors_finish(&plain);
	hf_clear(folder);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_scale_times_code_exactly),
		cmocka_unit_test(logits_are_those_of_the_numbers_in_float),
		cmocka_unit_test(narrow_rows_become_floats_with_the_same_logits),
		cmocka_unit_test(a_directory_in_fp8_is_converted_exactly),
		cmocka_unit_test(scales_that_do_not_fit_are_refused),
		cmocka_unit_test(a_code_that_is_no_number_is_refused_when_weights_are_loaded),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
