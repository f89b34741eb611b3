/*
 * Hugging Face directories: the same model from a directory and from a GGUF file has the same
 * logits, bit for bit, in every plain storage type, however its files spell it.
 */
#include "engine/engine.h"
#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"
#include "tests/unit/huggingface_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char folder[] = "/tmp/carrel-test-hf-XXXXXX";

static const char *const families[] = {
	"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "phi4-mini"};

static struct model *open_model(const char *path)
{
	struct model *model;
	struct err err;

	fixture_check(model_open(&model, path, NULL, &err), &err);
	return model;
}

static void assert_same_logits(const char *left, const char *right)
{
	int64_t n_left, n_right;
	float *a = hf_logits(left, &n_left), *b = hf_logits(right, &n_right);
	size_t bytes = HF_N_TOK * (size_t)n_left * sizeof(float);

	assert_int_equal(n_left, n_right);
	if (memcmp(a, b, bytes) != 0) {
		fail_msg("%s and %s have different logits", left, right);
	}
	free(a);
	free(b);
}

/* A family's GGUF file with its matrices in a type, in the folder; malloc'ed path. */
static char *convert_gguf(const char *family, const char *type)
{
	char *name = mem_printf("%s.gguf", family), *from = hf_family_path(name);
	char *to = mem_printf("%s/%s-%s.gguf", folder, family, type);
	struct engine_conversion conversion = {from, to, type, 1, NULL};
	struct err err;

	unlink(to);
	fixture_check(
		engine_convert(&conversion, (struct engine_convert_watch){NULL, NULL}, &err), &err);
	free(name);
	free(from);
	return to;
}

static void weights_are_those_of_the_gguf_file(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		char *name = mem_printf("%s.gguf", families[i]);
		char *file = hf_family_path(name), *path = hf_family_path(families[i]);
		struct model *left = open_model(file), *right = open_model(path);

		assert_int_equal(left->n_weight, right->n_weight);
		assert_string_equal(left->architecture, right->architecture);
		assert_int_equal(left->n_params, right->n_params);
		assert_int_equal(left->n_ctx_train, right->n_ctx_train);
		for (size_t w = 0; w < left->n_weight; w++) {
			const struct weight *a = &left->weight[w], *b = &right->weight[w];
			size_t n = (size_t)a->row_elems;
			float *row = mem_alloc(2 * n * sizeof(*row));
			uint8_t *scratch = mem_alloc(n * sizeof(float));

			assert_string_equal(a->name, b->name);
			assert_int_equal(a->n_row, b->n_row);
			assert_int_equal(a->row_elems, b->row_elems);
			for (int64_t r = 0; r < a->n_row; r++) {
				dtype_dequantize(
					a->dtype, weight_rows(a, r, 1, scratch), row, a->row_elems);
				dtype_dequantize(b->dtype, weight_rows(b, r, 1, scratch), row + n,
					a->row_elems);
				assert_memory_equal(row, row + n, n * sizeof(*row));
			}
			free(row);
			free(scratch);
		}
		model_close(left);
		model_close(right);
		free(name);
		free(file);
		free(path);
	}
}

static void logits_are_those_of_the_gguf_file_in_f16(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		char *name = mem_printf("%s.gguf", families[i]);
		char *file = hf_family_path(name), *path = hf_family_path(families[i]);

		assert_same_logits(file, path);
		free(name);
		free(file);
		free(path);
	}
}

/* Matrices in another type; vectors as they are, which the GGUF file holds exactly too. */
static void put_family_as(const char *family, enum dtype dtype)
{
	struct hf_tensors tensors = {0};

	hf_clear(folder);
	hf_put_family_texts(folder, family);
	hf_family_tensors(&tensors, family);
	for (size_t i = 0; i < tensors.count; i++) {
		if (tensors.tensor[i].n_dim == 2) {
			hf_convert(&tensors.tensor[i], dtype);
		}
	}
	hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
	hf_tensors_finish(&tensors);
}

static void logits_are_those_of_the_gguf_file_in_f32_and_bf16(void **state)
{
	static const enum dtype types[] = {DTYPE_F32, DTYPE_BF16};

	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		for (size_t i = 0; i < ARRAY_LEN(families); i++) {
			char *file;

			put_family_as(families[i], types[t]);
			file = convert_gguf(families[i], dtype_info(types[t])->name);
			assert_same_logits(file, folder);
			free(file);
		}
	}
}

static void shards_give_the_logits_of_one_file(void **state)
{
	char *whole = hf_family_path("qwen3"), *index_path;
	struct hf_tensors tensors = {0};
	struct buf index = BUF_INIT;

	hf_clear(folder);
	hf_put_family_texts(folder, "qwen3");
	hf_family_tensors(&tensors, "qwen3");
	hf_put_tensors(folder, "model-00001-of-00002.safetensors", &tensors, 0, 7);
	hf_put_tensors(folder, "model-00002-of-00002.safetensors", &tensors, 7, tensors.count);
	for (size_t i = 0; i < tensors.count; i++) {
		buf_printf(&index, "%s\"%s\":\"model-0000%d-of-00002.safetensors\"",
			i ? "," : "{\"metadata\":{},\"weight_map\":{", tensors.tensor[i].name,
			i < 7 ? 1 : 2);
	}
	buf_addstr(&index, "}}");
	hf_put_text(folder, "model.safetensors.index.json", buf_str(&index));
	assert_same_logits(whole, folder);
	index_path = mem_printf("%s/model.safetensors.index.json", folder);
	assert_same_logits(whole, index_path);
	free(index_path);
	index_path = mem_printf("%s/config.json", folder);
	assert_same_logits(whole, index_path);
	free(index_path);
	buf_finish(&index);
	hf_tensors_finish(&tensors);
	free(whole);
}

/* The family's directory with other texts and tensors' names has its logits. */
static void assert_same_with_config(const char *family, const char *config, const char *prefix)
{
	char *whole = hf_family_path(family);
	struct hf_tensors tensors = {0};

	hf_clear(folder);
	hf_put_family_texts(folder, family);
	hf_put_text(folder, "config.json", config);
	hf_family_tensors(&tensors, family);
	for (size_t i = 0; i < tensors.count; i++) {
		char *name = tensors.tensor[i].name;

		/* "model." becomes the prefix */
		tensors.tensor[i].name = mem_printf("%s%s", prefix, name + strlen("model."));
		free(name);
	}
	if (strcmp(prefix, "model.") != 0) {
		hf_tensors_add(
			&tensors, "vision_tower.encoder.weight", "I8", 1, 3, 1, mem_zero(3, 1), 3);
		hf_tensors_add(&tensors, "multi_modal_projector.weight", "BF16", 1, 1, 1,
			mem_zero(2, 1), 2);
	}
	hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
	assert_same_logits(whole, folder);
	hf_tensors_finish(&tensors);
	free(whole);
}

static void both_spellings_of_positions_are_one_model(void **state)
{
	char *config = hf_family_text("gemma3", "config.json"), *changed, *other;
	const char *from = strstr(config, "\"rope_local_base_freq\"");

	assert_non_null(from);
	changed =
		mem_printf("%.*s\"rope_parameters\":{\"sliding_attention\":{\"rope_type\":"
			   "\"default\",\"rope_theta\":10000.0},\"full_attention\":{\"rope_type\":"
			   "\"linear\",\"factor\":8.0,\"rope_theta\":1000000}},\"layer_types\":["
			   "\"sliding_attention\",\"sliding_attention\",\"sliding_attention\","
			   "\"sliding_attention\",\"sliding_attention\",\"full_attention\","
			   "\"sliding_attention\"]}",
			(int)(from - config), config);
	assert_same_with_config("gemma3", changed, "model.");
	free(changed);
	free(config);
	config = hf_family_text("qwen2", "config.json");
	changed = hf_replaced(config, "\"rope_scaling\"", "\"rope_parameters\"");
	other = hf_replaced(changed, "\"factor\"", "\"rope_theta\":10000.0,\"factor\"");
	assert_same_with_config("qwen2", other, "model.");
	free(config);
	free(changed);
	free(other);
}

static void the_text_part_of_a_model_that_reads_pictures_is_that_model(void **state)
{
	static const char *const prefixes[] = {"language_model.model.", "model.language_model."};
	char *config = hf_family_text("gemma3", "config.json");
	char *whole = mem_printf("{\"architectures\":[\"Gemma3ForConditionalGeneration\"],"
				 "\"model_type\":\"gemma3\",\"vision_config\":{\"hidden_size\":8},"
				 "\"text_config\":%s}",
		config);

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		assert_same_with_config("gemma3", whole, prefixes[i]);
	}
	free(whole);
	free(config);
}

/*
 * Settings whose meaning depends on what else is there, as transformers reads them: the key of the
 * GGUF metadata that a configuration becomes, and its value.
 */
static void settings_become_what_transformers_means_by_them(void **state)
{
	const double yarn_4 = 0.1 * log(4) + 1; /* what yarn does to scores on its own */
	const struct {
		const char *family, *from[2], *to[2], *key;
		double value;
	} cases[] = {
		/* null is as many as there are heads; silence is the class's own number */
		{"qwen2", {"\"num_key_value_heads\": 2"}, {"\"num_key_value_heads\": null"},
			"qwen2.attention.head_count_kv", 4},
		{"mistral", {"\"num_key_value_heads\": 2", "\"num_attention_heads\": 4"},
			{"\"a\": 2", "\"num_attention_heads\": 16"},
			"llama.attention.head_count_kv", 8},
		/* the family's own guesses, by numbers of layers, are not for a file that speaks */
		{"gemma3", {"\"num_hidden_layers\": 7"}, {"\"num_hidden_layers\": 62"},
			"gemma3.attention.scale", 0.25},
		{"gemma2", {"\"num_hidden_layers\": 3", "\"query_pre_attn_scalar\": 16"},
			{"\"num_hidden_layers\": 46", "\"query_pre_attn_scalar\": 64"},
			"gemma2.attention.scale", 0.125},
		{"phi3", {"\"num_hidden_layers\": 2", "\"sliding_window\": 70"},
			{"\"num_hidden_layers\": 32", "\"sliding_window\": null"},
			"phi3.attention.sliding_window", 0},
		/* Phi-3 was trained on 4096 tokens where it does not say otherwise */
		{"phi4-mini",
			{"\"original_max_position_embeddings\": 128",
				"\"max_position_embeddings\": 4096"},
			{"\"a\": 1", "\"max_position_embeddings\": 8192"},
			"phi3.rope.scaling.original_context_length", 4096},
		{"phi4-mini", {"\"longrope\""}, {"\"yarn\""},
			"phi3.rope.scaling.original_context_length", 128},
		{"phi4-mini", {"\"longrope\""}, {"\"longrope\", \"attention_factor\": 1.5"},
			"phi3.rope.scaling.attn_factor", 1.5},
		{"phi4-mini", {"\"longrope\""}, {"\"longrope\", \"factor\": 2"},
			"phi3.rope.scaling.attn_factor", sqrt(1 + log(2) / log(128))},
		{"phi4-mini", {"\"longrope\""}, {"\"longrope\""}, "phi3.rope.scaling.attn_factor",
			sqrt(1 + log(32) / log(128))},
		{"phi4-mini", {"\"partial_rotary_factor\": 0.75", "\"longrope\""},
			{"\"a\": 1", "\"longrope\", \"partial_rotary_factor\": 0.75"},
			"phi3.rope.dimension_count", 12},
		/* yarn: GGUF's factor is on top of yarn's own */
		{"qwen2", {"\"factor\": 4.0"}, {"\"factor\": 4.0, \"attention_factor\": 1.5"},
			"qwen2.rope.scaling.attn_factor", 1.5 / yarn_4},
		{"qwen2", {"\"factor\": 4.0"},
			{"\"factor\": 4.0, \"mscale\": 1, \"mscale_all_dim\": 0.5"},
			"qwen2.rope.scaling.attn_factor", 1 / (0.05 * log(4) + 1)},
		{"qwen2", {"\"factor\": 4.0"}, {"\"factor\": 4.0, \"beta_fast\": 16"},
			"qwen2.rope.scaling.yarn_beta_fast", 16},
		{"qwen2", {"\"factor\": 4.0"}, {"\"factor\": 4.0, \"beta_slow\": 2"},
			"qwen2.rope.scaling.yarn_beta_slow", 2},
		{"qwen2", {"\"factor\": 4.0"}, {"\"factor\": null"}, "qwen2.rope.scaling.factor",
			4},
		{"qwen2", {"\"use_sliding_window\": false", "\"sliding_window\": 4096"},
			{"\"use_sliding_window\": true", "\"sliding_window\": null"},
			"qwen2.block_count", 2},
		{"gemma3", {"\"sliding_window_pattern\": 6"}, {"\"sliding_window_pattern\": 3"},
			"gemma3.attention.sliding_window_pattern", 3},
		{"gemma2", {"\"attn_logit_softcapping\": 4.0"},
			{"\"attn_logit_softcapping\": null"}, "gemma2.attn_logit_softcapping", 0},
		{"mistral", {"\"sliding_window\": 40"}, {"\"a\": 40"},
			"llama.attention.sliding_window", 4096},
		{"mistral", {"\"sliding_window\": 40"}, {"\"sliding_window\": null"},
			"llama.attention.sliding_window", 0},
		{"llama", {"\"rms_norm_eps\": 1e-05"}, {"\"rms_norm_eps\": 0.001"},
			"llama.attention.layer_norm_rms_epsilon", 0.001},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *config = hf_family_text(cases[i].family, "config.json"), *changed;
		struct huggingface *directory;
		const struct gguf *metadata;
		double value = -1;
		struct err err;

		put_family_as(cases[i].family, DTYPE_F16);
		for (int j = 0; j < 2 && cases[i].from[j]; j++) {
			changed = hf_replaced(config, cases[i].from[j], cases[i].to[j]);
			free(config);
			config = changed;
		}
		hf_put_text(folder, "config.json", config);
		fixture_check(huggingface_open(&directory, folder, &err), &err);
		fixture_check(huggingface_translate(directory, &metadata, &err), &err);
		if (gguf_get_float(metadata, cases[i].key, &value, NULL) != 0 ||
			(float)value != (float)cases[i].value) {
			fail_msg("%s: %s is %g, not %g", cases[i].family, cases[i].key, value,
				cases[i].value);
		}
		huggingface_close(directory);
		free(config);
	}
}

/* Adds an output matrix that is not the embedding. */
static void add_output(struct hf_tensors *tensors)
{
	for (size_t i = 0; i < tensors->count; i++) {
		const struct hf_tensor *embd = &tensors->tensor[i];

		if (!strcmp(embd->name, "model.embed_tokens.weight")) {
			hf_tensors_add(tensors, "lm_head.weight", embd->dtype, 2, embd->dim[0],
				embd->dim[1], mem_zero(embd->size, 1), embd->size);
			return;
		}
	}
	abort();
}

/* Where config.json says so, or where it is silent and the architecture is known for it. */
static void a_tied_output_is_the_embedding_whatever_else_is_there(void **state)
{
	static const struct {
		const char *family, *to;
	} cases[] = {
		{"qwen2", "\"tie_word_embeddings\": true"},
		{"gemma", "\"tie_word_embeddings\": true"},
		{"gemma", "\"a\": true"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *whole = hf_family_path(cases[i].family);
		char *text = hf_family_text(cases[i].family, "config.json");
		char *config = hf_replaced(text, "\"tie_word_embeddings\": true", cases[i].to);
		struct hf_tensors tensors = {0};

		put_family_as(cases[i].family, DTYPE_F16);
		hf_put_text(folder, "config.json", config);
		hf_family_tensors(&tensors, cases[i].family);
		add_output(&tensors);
		hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
		assert_same_logits(whole, folder);
		hf_tensors_finish(&tensors);
		free(config);
		free(text);
		free(whole);
	}
}

/* Llama 3.1's rule in other families: the slowest frequency is divided, the fastest is not. */
static void llama3_positions_are_any_familys(void **state)
{
	static const char yarn[] = "\"rope_type\": \"yarn\"";
	char *config = hf_family_text("qwen2", "config.json"), *changed;
	struct program *program;
	struct model *model;
	struct err err;

	put_family_as("qwen2", DTYPE_F16);
	changed = hf_replaced(config, yarn,
		"\"rope_type\": \"llama3\", \"low_freq_factor\": 1, \"high_freq_factor\": 4");
	hf_put_text(folder, "config.json", changed);
	model = open_model(folder);
	fixture_check(program_create(&program, model, 0, &err), &err);
	for (size_t i = 0; i < program->n_op; i++) {
		const struct op_rope_table *table = &program->op[i].rope_table;

		if (program->op[i].kind == OP_ROPE_TABLE) {
			const double *freq = program->buffer[table->inv_freq.buffer].constant;

			assert_int_equal(8, table->n_freq);
			assert_true(freq[0] == 1);
			assert_true(freq[7] == pow(10000, -14.0 / 16) / 4);
		}
	}
	program_destroy(program);
	model_close(model);
	free(changed);
	free(config);
}

static void windows_and_text_parts_that_nothing_computes_are_refused(void **state)
{
	char *config = hf_family_text("qwen2", "config.json"), *layers, *used, *silent, *whole;
	struct model *model;
	struct err err;

	put_family_as("qwen2", DTYPE_F16);
	layers = hf_replaced(config, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 29");
	used = hf_replaced(layers, "\"use_sliding_window\": false", "\"use_sliding_window\": true");
	silent = hf_replaced(used, "\"max_window_layers\": 2", "\"a\": 2"); /* 28, then */
	hf_put_text(folder, "config.json", silent);
	assert_int_equal(-1, model_open(&model, folder, NULL, &err));
	assert_non_null(strstr(err.what, "asks for sliding windows"));
	whole = mem_printf("{\"architectures\":[\"Mistral3ForConditionalGeneration\"],"
			   "\"text_config\":%s}",
		config);
	hf_put_text(folder, "config.json", whole);
	assert_int_equal(-1, model_open(&model, folder, NULL, &err));
	assert_non_null(strstr(err.what, "a text part of the type \"qwen2\""));
	free(config);
	free(layers);
	free(used);
	free(silent);
	free(whole);
}

/* ---- texts beside the weights ---- */

static void name_licence_template_and_ends_come_from_their_files(void **state)
{
	static const char chatml[] =
		"{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
		"message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if "
		"add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
	struct model_summary summary;
	struct gguf_string text;
	struct model *model;
	struct err err;

	put_family_as("qwen3", DTYPE_F16);
	hf_put_text(folder, "README.md",
		"---\nlanguage: en\nlicense: \"apache-2.0\"\n---\nlicense: not this\n");
	hf_put_text(folder, "generation_config.json", "{\"eos_token_id\":[5,2,999999,-1,\"x\"]}");
	hf_put_text(folder, "chat_template.jinja", chatml);
	model = open_model(folder);
	assert_string_equal(strrchr(folder, '/') + 1, model->name);
	assert_string_equal("apache-2.0", model->license);
	assert_string_equal("qwen3", model->architecture);
	assert_string_equal("F16", model->storage);
	assert_int_equal(0, gguf_get_string(model->gguf, "tokenizer.chat_template", &text, NULL));
	assert_int_equal(strlen(chatml), text.len);
	assert_true(tokenizer_is_end(model->tokenizer, 5));
	assert_true(tokenizer_is_end(model->tokenizer, 2));
	assert_false(tokenizer_is_end(model->tokenizer, 6));
	assert_false(tokenizer_add_bos(model->tokenizer));
	model_close(model);
	hf_put_text(folder, "tokenizer_config.json",
		"{\"bos_token\":{\"content\":\"<|im_start|>\"},\"eos_token\":null,"
		"\"add_bos_token\":true}");
	model = open_model(folder);
	assert_true(tokenizer_add_bos(model->tokenizer));
	assert_int_equal(tokenizer_find(model->tokenizer, "<|im_start|>", 12),
		tokenizer_bos(model->tokenizer));
	model_close(model);
	assert_int_equal(0, model_summary_read(&summary, folder, &err));
	assert_true(summary.can_run);
	assert_string_equal("Qwen3ForCausalLM", summary.architecture);
	assert_string_equal("F16 safetensors, 1 file", summary.storage);
	assert_string_equal("apache-2.0", summary.license);
	assert_int_equal(0, summary.gguf_version);
	assert_int_equal(272, summary.n_vocab);
	assert_int_equal(4096, summary.context_train_tok);
	model_summary_finish(&summary);
}

/* Of more bytes than any tokenizer has, none of which is on the disk. */
static void a_tokenizer_longer_than_any_is_refused_unread(void **state)
{
	char *path = mem_printf("%s/tokenizer.json", folder);
	struct model *model;
	struct err err;

	put_family_as("llama", DTYPE_F16);
	assert_int_equal(0, truncate(path, ((off_t)1 << 30) + 1));
	assert_int_equal(-1, model_open(&model, folder, NULL, &err));
	assert_non_null(strstr(err.what, "is larger than any tokenizer"));
	free(path);
}

static struct sha256_digest digest_now(void)
{
	struct model *model = open_model(folder);
	struct sha256_digest digest = model->digest;

	model_close(model);
	return digest;
}

static void the_digest_covers_weights_config_and_tokenizer(void **state)
{
	static const char *const names[] = {"config.json", "tokenizer.json"};
	struct sha256_digest first, changed;
	struct hf_tensors tensors = {0};

	put_family_as("llama", DTYPE_F16);
	first = digest_now();
	changed = digest_now();
	assert_true(sha256_equal(&first, &changed));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *text = hf_family_text("llama", names[i]), *spaced = mem_printf(" %s", text);

		hf_put_text(folder, names[i], spaced);
		changed = digest_now();
		assert_false(sha256_equal(&first, &changed));
		hf_put_text(folder, names[i], text);
		free(text);
		free(spaced);
	}
	hf_family_tensors(&tensors, "llama");
	tensors.tensor[0].bytes[100] ^= 1;
	hf_put_tensors(folder, "model.safetensors", &tensors, 0, tensors.count);
	changed = digest_now();
	assert_false(sha256_equal(&first, &changed));
	hf_tensors_finish(&tensors);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	hf_clear(folder);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_are_those_of_the_gguf_file),
		cmocka_unit_test(logits_are_those_of_the_gguf_file_in_f16),
		cmocka_unit_test(logits_are_those_of_the_gguf_file_in_f32_and_bf16),
		cmocka_unit_test(shards_give_the_logits_of_one_file),
		cmocka_unit_test(both_spellings_of_positions_are_one_model),
		cmocka_unit_test(the_text_part_of_a_model_that_reads_pictures_is_that_model),
		cmocka_unit_test(settings_become_what_transformers_means_by_them),
		cmocka_unit_test(a_tied_output_is_the_embedding_whatever_else_is_there),
		cmocka_unit_test(llama3_positions_are_any_familys),
		cmocka_unit_test(windows_and_text_parts_that_nothing_computes_are_refused),
		cmocka_unit_test(name_licence_template_and_ends_come_from_their_files),
		cmocka_unit_test(a_tokenizer_longer_than_any_is_refused_unread),
		cmocka_unit_test(the_digest_covers_weights_config_and_tokenizer),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
