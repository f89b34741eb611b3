/*
 * Hostile Hugging Face directories, one file after the other (see hostile.h): each opens or is
 * refused with one sentence, in memory that the file's size explains. And the sentences for what
 * config.json can say wrong.
 */
#include "tests/unit/hostile.h"
#include "tests/unit/huggingface_fixture.h"

static char folder[] = "/dev/shm/carrel-test-hf-hostile-XXXXXX";

static struct hostile begin(const char *name, const char *path)
{
	return hostile_begin(name, hostile_open_model, path, folder, folder);
}

/* What the seed takes is what all the others may take, and some more. */
static void expect_open(struct hostile *hostile, const struct buf *seed)
{
	hostile_expect_open(hostile, seed);
	hostile->base_bytes = 2 * hostile_allocated_bytes + ((size_t)1 << 20);
}

static void put_family(const char *family)
{
	struct hf_tensors tensors = {0};

	hf_clear(folder);
	hf_put_family_texts(folder, family);
	hf_family_tensors(&tensors, family);
	hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
	hf_tensors_finish(&tensors);
}

/* All that can happen to a JSON file of the directory, which is there. */
static void damage_json(const char *family, const char *file)
{
	char *path = mem_printf("%s/%s", folder, file), *name = mem_printf("%s: %s", family, file);
	struct hostile hostile = begin(name, path);
	struct buf seed = BUF_INIT;
	struct err err;

	fixture_check(file_read(&seed, path, (size_t)1 << 20, &err), &err);
	expect_open(&hostile, &seed);
	hostile_truncations(&hostile, &seed);
	hostile_bytes(&hostile, &seed, 0, seed.len);
	hostile_json_all(&hostile, &seed, 60, hostile_json_plain, NULL);
	hostile_end(&hostile);
	hf_put(folder, file, seed.data, seed.len);
	buf_finish(&seed);
	free(path);
	free(name);
}

static void damaged_configurations_open_or_are_refused_with_a_sentence(void **state)
{
	static const char *const families[] = {
		"llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi4-mini"};

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		put_family(families[i]);
		damage_json(families[i], "config.json");
	}
}

static void damaged_texts_beside_the_weights_open_or_are_refused_with_a_sentence(void **state)
{
	put_family("llama");
	hf_put_text(folder, "generation_config.json",
		"{\"eos_token_id\":[2,5],\"bos_token_id\":0,\"do_sample\":true}");
	damage_json("llama", "tokenizer_config.json");
	damage_json("llama", "generation_config.json");
	hf_put_text(folder, "chat_template.json",
		"{\"chat_template\":[{\"name\":\"default\",\"template\":\"{{ messages }}\"}]}");
	damage_json("llama", "chat_template.json");
}

/* Headers with the length that they have now, and with the one they had. */
static void put_header(struct hostile *hostile, const struct buf *text, void *rest)
{
	const struct buf *data = rest;

	for (size_t more = 0; more < 2; more++) {
		struct buf file = BUF_INIT;

		for (int i = 0; i < 8; i++) {
			buf_addch(&file, (char)((uint64_t)(text->len + more) >> 8 * i));
		}
		buf_add(&file, text->data, text->len);
		buf_add(&file, data->data, data->len);
		hostile_try_buf(hostile, &file);
	}
}

static void damaged_weights_open_or_are_refused_with_a_sentence(void **state)
{
	char *path = mem_printf("%s/model.safetensors", folder);
	struct buf seed = BUF_INIT, header = BUF_INIT, data = BUF_INIT;
	struct hostile hostile;
	struct err err;
	size_t len;

	put_family("gemma");
	fixture_check(file_read(&seed, path, (size_t)1 << 20, &err), &err);
	len = (uint8_t)seed.data[0] | (size_t)(uint8_t)seed.data[1] << 8;
	buf_add(&header, seed.data + 8, len);
	buf_add(&data, seed.data + 8 + len, seed.len - 8 - len);
	hostile = begin("gemma: model.safetensors", path);
	expect_open(&hostile, &seed);
	hostile_truncations(&hostile, &seed);
	hostile_bytes(&hostile, &seed, 0, 8 + len);
	hostile_json_all(&hostile, &header, 120, put_header, &data);
	hostile_end(&hostile);
	buf_finish(&seed);
	buf_finish(&header);
	buf_finish(&data);
	free(path);
}

static void damaged_indexes_open_or_are_refused_with_a_sentence(void **state)
{
	struct hf_tensors tensors = {0};
	struct buf index = BUF_INIT;

	hf_clear(folder);
	hf_put_family_texts(folder, "llama");
	hf_family_tensors(&tensors, "llama");
	hf_put_tensors(folder, "a.safetensors", &tensors, 0, 9);
	hf_put_tensors(folder, "b.safetensors", &tensors, 9, tensors.count);
	for (size_t i = 0; i < tensors.count; i++) {
		buf_printf(&index, "%s\"%s\":\"%s.safetensors\"",
			i ? "," : "{\"metadata\":{\"total_size\":1},\"weight_map\":{",
			tensors.tensor[i].name, i < 9 ? "a" : "b");
	}
	buf_addstr(&index, "}}");
	hf_put(folder, "model.safetensors.index.json", index.data, index.len);
	damage_json("llama", "model.safetensors.index.json");
	buf_finish(&index);
	hf_tensors_finish(&tensors);
}

/* ---- sentences ---- */

struct wrong {
	const char *from, *to, *why;
};

static void refuse(const char *family, const struct wrong *wrong)
{
	char *config = hf_family_text(family, "config.json");
	char *changed = hf_replaced(config, wrong->from, wrong->to);
	struct err err = {0};

	hf_put_text(folder, "config.json", changed);
	if (hostile_open_model(folder, &err) == 0) {
		fail_msg("%s: accepted with %s, although: %s", family, wrong->to, wrong->why);
	}
	assert_int_equal(ERR_ENGINE, err.code);
	if (!strstr(err.what, wrong->why)) {
		fail_msg("%s: \"%s\" does not say \"%s\"", family, err.what, wrong->why);
	}
	free(config);
	free(changed);
}

static void what_a_configuration_says_wrong_is_named(void **state)
{
	static const struct wrong llama[] = {
		{"\"LlamaForCausalLM\"", "\"GPTNeoXForCausalLM\"",
			"architecture \"GPTNeoXForCausalLM\", which carrel cannot compute"},
		{"\"architectures\"", "\"architecture\"", "does not say its architecture"},
		{"\"hidden_size\": 32", "\"hidden_sizes\": 32", "has no \"hidden_size\""},
		{"\"hidden_size\": 32", "\"hidden_size\": 64", "[272][32]"},
		{"\"hidden_size\": 32", "\"hidden_size\": \"32\"", "is not a whole number"},
		{"\"hidden_size\": 32", "\"hidden_size\": 32.0", "is not a whole number"},
		{"\"hidden_size\": 32", "\"hidden_size\": -32",
			"\"hidden_size\" is -32, outside of"},
		{"\"hidden_size\": 32", "\"hidden_size\": 9223372036854775807", "outside of"},
		{"\"hidden_size\": 32", "\"hidden_size\": 32, \"hidden_size\": 32",
			"duplicate object key"},
		{"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "blk.2."},
		{"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1",
			"has a tensor \"model.layers.1."},
		{"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 0", "outside of 1 to"},
		{"\"num_attention_heads\": 4", "\"num_attention_heads\": 3", "does not divide"},
		{"\"num_attention_heads\": 4", "\"num_attention_heads\": 8",
			"the model's metadata ask"},
		{"\"hidden_act\": \"silu\"", "\"hidden_act\": \"relu\"", "activation \"relu\""},
		{"\"hidden_act\": \"silu\"", "\"hidden_act\": 1", "is not a text"},
		{"\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 2", "outside of 0 to 1"},
		{"\"tie_word_embeddings\": false", "\"tie_word_embeddings\": 0",
			"is not true or false"},
		{"\"llama3\"", "\"dynamic\"",
			"scales positions by a rule that carrel cannot compute: \"dynamic\""},
		{"\"llama3\"", "\"longrope\"",
			"scales positions by a rule that carrel cannot compute: \"longrope\""},
		{"\"low_freq_factor\"", "\"low_freq_factors\"", "does not know: \"low_freq_fac"},
		{"\"low_freq_factor\": 1.0", "\"low_freq_factor\": 4.0", "not below its"},
		{"\"rope_scaling\": {", "\"rope_parameters\": {}, \"rope_scaling\": {",
			"\"rope_scaling\" and something else"},
		{"\"rope_scaling\": {", "\"rope_scaling\": [], \"other\": {", "no object as its"},
		{"\"rope_theta\": 10000.0", "\"rope_theta\": 0", "outside of 1.001"},
		{"\"rope_theta\": 10000.0",
			"\"rope_theta\": 10000.0, \"quantization_config\": {\"quant_method\": "
			"\"awq\"}",
			"quantized by \"awq\""},
		{"\"rope_theta\": 10000.0",
			"\"rope_theta\": 10000.0, \"quantization\": {\"group_size\": 64, "
			"\"bits\": 4}",
			"quantized by \"mlx\""},
		{"\"rope_theta\": 10000.0", "\"rope_theta\": 10000.0, \"quantization_config\": []",
			"quantized by \"something without a name\""},
		{"\"rope_theta\": 10000.0",
			"\"rope_theta\": 10000.0, \"use_bidirectional_attention\": true",
			"both directions"},
		{"\"attention_bias\": false", "\"attention_bias\": true",
			"says attention_bias, but the weights have no such biases"},
		{"\"mlp_bias\": false", "\"mlp_bias\": true",
			"says mlp_bias, but the weights have no such biases"},
		{"\"head_dim\": 16", "\"head_dim\": 7", "has 4 attention heads of 7 elements"},
		{"\"rope_theta\": 10000.0",
			"\"rope_theta\": 10000.0, \"partial_rotary_factor\": 0.5",
			"rotated in part (partial_rotary_factor 0.5)"},
		{"\"rope_theta\": 10000.0",
			"\"rope_theta\": 10000.0, \"quantization_config\": {\"quant_method\": "
			"\"compressed-tensors\", \"transform_config\": {\"config_groups\": {}}}",
			"\"transform_config\" of its quantization"},
	};
	static const struct wrong gemma3[] = {
		{"\"Gemma3ForCausalLM\"", "\"Gemma3ForConditionalGeneration\"",
			"has no \"text_config\" object"},
		{"\"sliding_window\": 40", "\"sliding_window\": 40, \"layer_types\": []",
			"one entry per layer"},
		{"\"sliding_window\": 40",
			"\"sliding_window\": 40, \"layer_types\": "
			"[\"full_attention\",\"linear_attention\",1,1,1,1,1]",
			"\"layer_types\" has \"linear_attention\""},
		{"\"sliding_window\": 40", "\"sliding_window\": 0", "outside of 1 to"},
		{"\"sliding_window\": 40", "\"sliding_window\": null", "no width of it"},
		{"\"query_pre_attn_scalar\": 16", "\"query_pre_attn_scalar\": 0", "outside of"},
		{"\"Gemma3ForCausalLM\"", "\"Qwen3ForCausalLM\"", "carrel computes silu for Qwen3"},
		{"\"hidden_activation\"", "\"hidden_act\": \"silu\", \"hidden_activation\"",
			"activation \"silu\""},
		{"\"rope_scaling\": {",
			"\"rope_parameters\": {\"sliding_attention\": {\"type\": \"linear\", "
			"\"factor\": 4}}, \"unused\": {",
			"positions of sliding layers by \"linear\""},
	};
	static const struct wrong qwen2[] = {
		{"\"use_sliding_window\": false,\n  \"sliding_window\": 4096,\n"
		 "  \"max_window_layers\": 2",
			"\"use_sliding_window\": true, \"max_window_layers\": 1",
			"asks for sliding windows"},
		{"\"hidden_size\"",
			"\"layer_types\": [\"full_attention\",\"sliding_attention\"], "
			"\"hidden_size\"",
			"asks for sliding windows"},
		{"\"factor\"", "\"truncate\": false, \"factor\"", "yarn without \"truncate\""},
		{"\"factor\": 4.0", "\"factor\": 0.5", "shrinks positions with \"yarn\""},
		{"\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false",
			"has no tensor \"lm_head.weight\""},
	};

	static const struct wrong mistral[] = {
		{"\"sliding_window\": 40",
			"\"sliding_window\": 40, \"layer_types\": "
			"[\"full_attention\",\"sliding_attention\"]",
			"a sliding window in 1 of its 2 layers"},
	};
	static const struct wrong phi4[] = {
		{"\"short_factor\": [", "\"short_factor\": [1, ", "not a list of 6 numbers"},
		{"\"short_factor\": [", "\"short_factor\": [0,1,1,1,1,1], \"finetuned\": [",
			"entry 0 of \"short_factor\" is not a usable divisor"},
		{"\"long_factor\": [", "\"long_factor\": [1,1,1,1,1,\"1\"], \"finetuned\": [",
			"entry 5 of \"long_factor\" is not a usable divisor"},
	};

	put_family("mistral");
	for (size_t i = 0; i < ARRAY_LEN(mistral); i++) {
		refuse("mistral", &mistral[i]);
	}
	put_family("phi4-mini");
	for (size_t i = 0; i < ARRAY_LEN(phi4); i++) {
		refuse("phi4-mini", &phi4[i]);
	}
	put_family("llama");
	for (size_t i = 0; i < ARRAY_LEN(llama); i++) {
		refuse("llama", &llama[i]);
	}
	put_family("gemma3");
	for (size_t i = 0; i < ARRAY_LEN(gemma3); i++) {
		refuse("gemma3", &gemma3[i]);
	}
	put_family("qwen2");
	for (size_t i = 0; i < ARRAY_LEN(qwen2); i++) {
		refuse("qwen2", &qwen2[i]);
	}
}

/* A text part that says to hold another one is read once; depth is a sentence. */
static void a_configuration_within_itself_is_refused(void **state)
{
	struct buf deep = BUF_INIT;
	struct err err = {0};

	put_family("gemma3");
	hf_put_text(folder, "config.json",
		"{\"architectures\":[\"Gemma3ForConditionalGeneration\"],\"text_config\":{"
		"\"text_config\":{\"text_config\":{}},\"architectures\":["
		"\"Gemma3ForConditionalGeneration\"]}}");
	assert_int_equal(-1, hostile_open_model(folder, &err));
	assert_non_null(strstr(err.what, "has no \"hidden_size\""));
	buf_addstr(&deep, "{\"architectures\":[\"Gemma3ForConditionalGeneration\"]");
	for (int i = 0; i < 5000; i++) {
		buf_addstr(&deep, ",\"text_config\":{\"a\":1");
	}
	for (int i = 0; i < 5001; i++) {
		buf_addch(&deep, '}');
	}
	hf_put(folder, "config.json", deep.data, deep.len);
	assert_int_equal(-1, hostile_open_model(folder, &err));
	assert_non_null(strstr(err.what, "depth"));
	buf_finish(&deep);
}

/* The file's name in the tensors, and what is wrong with it. */
static void a_tensor_that_nothing_would_use_is_named(void **state)
{
	static const struct {
		const char *name, *dtype, *why;
		int64_t n_row, n; /* n_row 0: a vector */
	} extra[] = {
		{"model.layers.0.self_attn.q_norm.weight", "F16", "does not know in Llama", 0, 16},
		{"model.layers.0.mlp.experts.0.up_proj.weight", "F16", "does not know", 2, 2},
		{"model.layers.00.mlp.up_proj.weight", "F16", "does not know", 2, 2},
		{"model.layers.+1.mlp.up_proj.weight", "F16", "does not know", 2, 2},
		{"model.layers.2.mlp.up_proj.weight", "F16", "does not know", 2, 2},
		{"model.layers.18446744073709551616.mlp.up_proj.weight", "F16", "does not know", 2,
			2},
		{"model.layers.0..weight", "F16", "does not know", 2, 2},
		{"model.layers.0.weight", "F16", "does not know", 2, 2},
		{"model.embed_tokens", "F16", "does not know", 2, 2},
		{"language_model.model.norm.weight", "F16", "does not know", 0, 2},
		{"vision_tower.a.weight", "F16", "does not know", 0, 2},
		{"model.layers.0.mlp.up_proj.qweight", "I32", "quantized by GPTQ or AWQ", 2, 2},
		{"model.layers.0.mlp.up_proj.bias", "I32", "as I32, which carrel cannot", 0, 2},
		{"model.layers.0.mlp.up_proj.bias", "F16", "blk.0.ffn_up.bias", 0, 2},
		{"model.layers.0.mlp.up_proj.bias", "F16", "neither a vector nor a matrix", 0, 0},
	};

	put_family("llama");
	for (size_t i = 0; i < ARRAY_LEN(extra); i++) {
		struct hf_tensors tensors = {0};
		int64_t n = (extra[i].n_row ? extra[i].n_row : 1) * extra[i].n;
		size_t size = (size_t)n * (extra[i].dtype[0] == 'I' ? 4 : 2);
		struct err err = {0};

		hf_family_tensors(&tensors, "llama");
		hf_tensors_add(&tensors, extra[i].name, extra[i].dtype, extra[i].n_row ? 2 : 1,
			extra[i].n_row ? extra[i].n_row : extra[i].n, extra[i].n,
			mem_zero(size + 1, 1), size);
		hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
		if (hostile_open_model(folder, &err) == 0 || !strstr(err.what, extra[i].why)) {
			fail_msg("%s: \"%s\" does not say \"%s\"", extra[i].name, err.what,
				extra[i].why);
		}
		hf_tensors_finish(&tensors);
	}
}

static void refuse_folder(const char *why)
{
	struct err err = {0};

	assert_int_equal(-1, hostile_open_model(folder, &err));
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
}

/* A feed-forward network 40 wide: its last product would have blocks of 32 and one of 8. */
static void widths_that_no_kernel_takes_are_refused(void **state)
{
	char *config = hf_family_text("llama", "config.json");
	char *narrow =
		hf_replaced(config, "\"intermediate_size\": 64", "\"intermediate_size\": 40");
	struct hf_tensors tensors = {0};

	put_family("llama");
	hf_put_text(folder, "config.json", narrow);
	hf_family_tensors(&tensors, "llama");
	for (size_t i = 0; i < tensors.count; i++) {
		struct hf_tensor *tensor = &tensors.tensor[i];

		if (strstr(tensor->name, ".mlp.")) {
			tensor->dim[strstr(tensor->name, "down_proj") != NULL] = 40;
			tensor->size = tensor->size / 64 * 40;
		}
	}
	hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
	refuse_folder("has rows of 40 elements; carrel computes multiples of 32");
	hf_tensors_finish(&tensors);
	free(narrow);
	free(config);
}

static int make_folder(void **state)
{
	hostile_limit_memory();
	if (mkdtemp(folder)) {
		return 0;
	}
	strcpy(folder, "/tmp/carrel-hf-hostile-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	hostile_print_totals();
	hf_clear(folder);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_configuration_says_wrong_is_named),
		cmocka_unit_test(a_configuration_within_itself_is_refused),
		cmocka_unit_test(a_tensor_that_nothing_would_use_is_named),
		cmocka_unit_test(widths_that_no_kernel_takes_are_refused),
		cmocka_unit_test(damaged_configurations_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(
			damaged_texts_beside_the_weights_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_weights_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_indexes_open_or_are_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
