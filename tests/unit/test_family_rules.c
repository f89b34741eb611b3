/*
 * What the families make of metadata: which layers have windows, which rotary table and scale they
 * use, when LongRoPE's factors change; and what a family refuses because it would compute it wrong.
 * The files are those of tests/vectors/families with some keys and tensors changed.
 */
#include "base/file.h"
#include "engine/load.h"
#include "engine/model/gguf_write.h"
#include "tests/unit/engine_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct change {
	const char *key;
	enum gguf_value_type type; /* GGUF_ARRAY: of bools, from `text`'s 0 and 1 */
	double number;
	const char *text;
};

/* A file made from another one. */
struct variant {
	const char *family;
	struct change change[4]; /* added, or in place of the file's own; up to a NULL key */
	const char *without;     /* a tensor that is left out */
	const char *without_key; /* and a key */
	const char *renamed[2];  /* a tensor that is called otherwise */
	int64_t n_layer;         /* so many, the file's own over and over; 0: as they are */
};

static char variant_path[] = "/tmp/carrel-family-XXXXXX";

static int is_text(struct gguf_string string, const char *text)
{
	return string.len == strlen(text) && !memcmp(string.text, text, string.len);
}

static int is_replaced(const struct variant *variant, struct gguf_string key)
{
	for (size_t i = 0; i < ARRAY_LEN(variant->change) && variant->change[i].key; i++) {
		if (is_text(key, variant->change[i].key)) {
			return 1;
		}
	}
	return variant->without_key && is_text(key, variant->without_key);
}

static void add_change(struct gguf_writer *writer, const struct change *change)
{
	uint8_t bools[64] = {0};

	switch (change->type) {
	case GGUF_FLOAT32:
		gguf_writer_add_float(writer, change->key, (float)change->number);
		break;
	case GGUF_STRING:
		gguf_writer_add_string(writer, change->key, change->text);
		break;
	case GGUF_ARRAY:
		for (size_t i = 0; change->text[i]; i++) {
			bools[i] = change->text[i] == '1';
		}
		gguf_writer_add_array(writer, change->key, GGUF_BOOL, bools, strlen(change->text));
		break;
	default:
		gguf_writer_add_int(writer, change->key, change->type, (int64_t)change->number);
	}
}

static void add_metadata(
	struct gguf_writer *writer, const struct gguf *gguf, const struct variant *variant)
{
	char block_count[64];

	snprintf(block_count, sizeof(block_count), "%s.block_count", variant->family);
	for (size_t i = 0; i < gguf_key_count(gguf); i++) {
		enum gguf_value_type type;
		struct gguf_string key = gguf_key_at(gguf, i, &type);
		size_t size;
		const uint8_t *pair = gguf_pair_at(gguf, i, &size);

		if (variant->n_layer && is_text(key, block_count)) {
			gguf_writer_add_int(writer, block_count, GGUF_UINT32, variant->n_layer);
		} else if (!is_replaced(variant, key)) {
			gguf_writer_add_pair(writer, pair, size);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(variant->change) && variant->change[i].key; i++) {
		add_change(writer, &variant->change[i]);
	}
}

/* A tensor of the file to be written, and where its data comes from. */
struct tensor {
	char name[128];
	const struct gguf_tensor *source;
};

static void add_tensor(struct tensor *list, size_t *count, const struct variant *variant,
	const char *name, const struct gguf_tensor *source)
{
	if (variant->without && !strcmp(name, variant->without)) {
		return;
	}
	if (variant->renamed[0] && !strcmp(name, variant->renamed[0])) {
		name = variant->renamed[1];
	}
	snprintf(list[*count].name, sizeof(list->name), "%s", name);
	list[(*count)++].source = source;
}

static size_t list_tensors(
	struct tensor *list, const struct gguf *gguf, const struct variant *variant)
{
	int n_own = 0, layer;
	size_t count = 0;
	char name[96];

	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_string text = gguf_tensor_at(gguf, i)->name;

		snprintf(name, sizeof(name), "%.*s", (int)text.len, text.text);
		if (sscanf(name, "blk.%d.", &layer) == 1) {
			n_own = layer >= n_own ? layer + 1 : n_own;
		}
	}
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		const struct gguf_tensor *tensor = gguf_tensor_at(gguf, i);
		int rest = 0;

		snprintf(name, sizeof(name), "%.*s", (int)tensor->name.len, tensor->name.text);
		if (!variant->n_layer || sscanf(name, "blk.%d.%n", &layer, &rest) != 1) {
			add_tensor(list, &count, variant, name, tensor);
			continue;
		}
		for (int64_t copy = layer; copy < variant->n_layer; copy += n_own) {
			char other[128];

			snprintf(other, sizeof(other), "blk.%d.%s", (int)copy, name + rest);
			add_tensor(list, &count, variant, other, tensor);
		}
	}
	return count;
}

static void write_variant(const struct variant *variant)
{
	const char *source = getenv("CARREL_TEST_SOURCE");
	struct tensor *list = mem_alloc(4096 * sizeof(*list));
	struct gguf_writer *writer;
	struct gguf *gguf;
	char path[512];
	struct err err;
	size_t count;

	snprintf(path, sizeof(path), "%s/tests/vectors/families/%s.gguf", source ? source : ".",
		!strcmp(variant->family, "phi3") ? "phi4-mini" : variant->family);
	fixture_check(gguf_open(&gguf, path, &err), &err);
	fixture_check(gguf_writer_create(&writer, variant_path, &err), &err);
	add_metadata(writer, gguf, variant);
	count = list_tensors(list, gguf, variant);
	for (size_t i = 0; i < count; i++) {
		const struct gguf_tensor *tensor = list[i].source;

		gguf_writer_add_tensor(writer, list[i].name, dtype_from_gguf(tensor->type),
			tensor->dim[1], tensor->dim[0]);
	}
	fixture_check(gguf_writer_begin(writer, &err), &err);
	for (size_t i = 0; i < count; i++) {
		fixture_check(gguf_writer_data(writer, list[i].source->data,
				      (size_t)list[i].source->size_bytes, &err),
			&err);
	}
	fixture_check(gguf_writer_finish(writer, &err), &err);
	gguf_writer_destroy(writer);
	gguf_close(gguf);
	free(list);
}

static void open_variant(
	struct fixture *fixture, const struct variant *variant, int64_t context_tok)
{
	struct err err;

	*fixture = (struct fixture){0};
	write_variant(variant);
	fixture_check(model_open(&fixture->model, variant_path, NULL, &err), &err);
	fixture_check(program_create(&fixture->program, fixture->model, context_tok, &err), &err);
}

/* The n-th op of a kind. */
static const struct op *op_of(const struct program *program, enum op_kind kind, int64_t n)
{
	for (size_t i = 0; i < program->n_op; i++) {
		if (program->op[i].kind == kind && n-- == 0) {
			return &program->op[i];
		}
	}
	fail_msg("the program has no op of kind %d that often", (int)kind);
	return NULL;
}

/* Which layers have windows of so many tokens ('1'), and the others none; and, for Gemma 3, that the
 * former use the second rotary table. */
static void expect_windows(
	const struct variant *variant, const char *pattern, int64_t window_tok, int has_two_ropes)
{
	struct fixture fixture;

	open_variant(&fixture, variant, 0);
	assert_int_equal(strlen(pattern), fixture.program->n_layer);
	for (int i = 0; pattern[i]; i++) {
		const struct op *attention = op_of(fixture.program, OP_ATTENTION, i);
		const struct op *rope = op_of(fixture.program, OP_ROPE, i);
		const struct op *table =
			op_of(fixture.program, OP_ROPE_TABLE, has_two_ropes && pattern[i] == '1');

		assert_int_equal(
			pattern[i] == '1' ? window_tok : 0, attention->attention.window_tok);
		assert_int_equal(table->rope_table.out.buffer, rope->rope.table.buffer);
	}
	fixture_close(&fixture);
}

static void windows_follow_the_family_or_the_file(void **state)
{
	const char *pattern = "gemma3.attention.sliding_window_pattern";
	struct variant v = {.family = "gemma3"};

	expect_windows(&v, "1111101", 40, 1);
	v.change[0] = (struct change){pattern, GGUF_UINT32, 3, NULL};
	expect_windows(&v, "1101101", 40, 1);
	v.change[0] = (struct change){pattern, GGUF_UINT32, 1, NULL};
	expect_windows(&v, "0000000", 40, 1);
	v.change[0] = (struct change){pattern, GGUF_ARRAY, 0, "0110100"};
	expect_windows(&v, "0110100", 40, 1);
	/* wider than the text can be, the layers still have their own rotary base */
	v = (struct variant){.family = "gemma3",
		.change = {{"gemma3.attention.sliding_window", GGUF_UINT32, 9999, NULL}}};
	expect_windows(&v, "1111101", 9999, 1);
	v.change[0].number = 0;
	expect_windows(&v, "0000000", 0, 1);

	v = (struct variant){.family = "gemma2"};
	expect_windows(&v, "101", 24, 0);
	/* files from before converters wrote the width down */
	v.without_key = "gemma2.attention.sliding_window";
	expect_windows(&v, "101", 4096, 0);
	v = (struct variant){.family = "phi3", .n_layer = 32};
	expect_windows(&v, "00000000000000000000000000000000", 0, 0);
	v.without_key = "phi3.attention.sliding_window";
	expect_windows(&v, "11111111111111111111111111111111", 2047, 0);
	v.change[0] = (struct change){"phi3.context_length", GGUF_UINT32, 8192, NULL};
	expect_windows(&v, "00000000000000000000000000000000", 0, 0);
	v = (struct variant){.family = "llama",
		.change = {{"llama.attention.sliding_window", GGUF_UINT32, 31, NULL}}};
	expect_windows(&v, "11", 31, 0);
}

static float scale_of(const struct variant *variant)
{
	struct fixture fixture;
	float scale;

	open_variant(&fixture, variant, 0);
	scale = op_of(fixture.program, OP_ATTENTION, 0)->attention.scale;
	fixture_close(&fixture);
	return scale;
}

/* Heads of 16, but 32 / 4 is 8: query_pre_attn_scalar of the two 27B models is of that kind. */
static void the_largest_gemmas_scale_scores_by_width(void **state)
{
	assert_true(scale_of(&(struct variant){.family = "gemma2"}) == 0.25f);
	assert_true(scale_of(&(struct variant){.family = "gemma2", .n_layer = 46}) == 1 / sqrtf(8));
	assert_true(scale_of(&(struct variant){.family = "gemma3"}) == 0.25f);
	assert_true(scale_of(&(struct variant){.family = "gemma3", .n_layer = 46}) == 0.25f);
	assert_true(scale_of(&(struct variant){.family = "gemma3", .n_layer = 62}) == 1 / sqrtf(8));
	/* a file that says it is believed */
	assert_true(
		scale_of(&(struct variant){.family = "gemma3",
			.n_layer = 62,
			.change = {{"gemma3.attention.scale", GGUF_FLOAT32, 0.5, NULL}}}) == 0.5f);
}

static struct sha256_digest digest_for(const struct variant *variant, int64_t context_tok)
{
	struct sha256_digest digest;
	struct fixture fixture;

	open_variant(&fixture, variant, context_tok);
	digest = program_digest(fixture.program);
	fixture_close(&fixture);
	return digest;
}

static void expect_digest_as_loaded(const struct sha256_digest *want, int64_t context_tok)
{
	struct engine_config config = {
		.model = variant_path, .context_tok = context_tok, .n_thread = 1};
	struct loaded loaded;
	struct sha256_digest got;
	struct err err;

	fixture_check(load_engine(&loaded, &config, (struct load_progress){0},
			      (struct scheduler_sink){0}, &err),
		&err);
	got = program_digest(loaded.program);
	assert_true(sha256_equal(want, &got));
	load_finish(&loaded);
}

/* The window of the first training is 128 tokens. */
static void longrope_goes_by_the_context_that_the_engine_runs_with(void **state)
{
	const struct variant phi = {.family = "phi3"}, llama = {.family = "llama"};
	struct sha256_digest at_64 = digest_for(&phi, 64), at_128 = digest_for(&phi, 128);
	struct sha256_digest at_129 = digest_for(&phi, 129), at_4096 = digest_for(&phi, 4096);
	struct sha256_digest own = digest_for(&phi, 0);
	struct sha256_digest llama_64, llama_4096;

	assert_true(sha256_equal(&at_64, &at_128));
	assert_false(sha256_equal(&at_128, &at_129));
	assert_true(sha256_equal(&at_129, &at_4096));
	assert_true(sha256_equal(&at_4096, &own));
	expect_digest_as_loaded(&at_128, 128);
	expect_digest_as_loaded(&at_129, 129);
	expect_digest_as_loaded(&own, 0);
	llama_64 = digest_for(&llama, 64);
	llama_4096 = digest_for(&llama, 4096);
	assert_true(sha256_equal(&llama_64, &llama_4096));
}

/* One number of the metadata at a time, each of which changes keys, values or who reads them. */
static void whatever_is_computed_otherwise_has_another_digest(void **state)
{
	static const struct variant variants[] = {
		{.family = "gemma2"},
		{.family = "gemma2",
			.change = {{"gemma2.attention.sliding_window", GGUF_UINT32, 25, NULL}}},
		{.family = "gemma2",
			.change = {{"gemma2.attention.sliding_window_pattern", GGUF_ARRAY, 0,
				"011"}}},
		{.family = "gemma2",
			.change = {{"gemma2.attn_logit_softcapping", GGUF_FLOAT32, 5, NULL}}},
		{.family = "gemma2",
			.change = {{"gemma2.final_logit_softcapping", GGUF_FLOAT32, 5, NULL}}},
		{.family = "gemma2",
			.change = {{"gemma2.attention.scale", GGUF_FLOAT32, 0.5, NULL}}},
		{.family = "gemma2",
			.change = {{"gemma2.attention.layer_norm_rms_epsilon", GGUF_FLOAT32, 1e-4,
				NULL}}},
		{.family = "gemma2",
			.change = {{"gemma2.rope.freq_base", GGUF_FLOAT32, 5000, NULL}}},
		{.family = "gemma3"},
		{.family = "gemma3",
			.change = {{"gemma3.attention.sliding_window_pattern", GGUF_UINT32, 3,
				NULL}}},
		{.family = "gemma3",
			.change = {{"gemma3.rope.freq_base_swa", GGUF_FLOAT32, 5000, NULL}}},
	};
	struct sha256_digest digest[ARRAY_LEN(variants)], again;

	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		digest[i] = digest_for(&variants[i], 0);
		for (size_t j = 0; j < i; j++) {
			if (sha256_equal(&digest[i], &digest[j])) {
				fail_msg("variants %zu and %zu have one digest", i, j);
			}
		}
	}
	again = digest_for(&variants[0], 0);
	assert_true(sha256_equal(&digest[0], &again));
}

static float magnitude_of(const struct variant *variant)
{
	struct fixture fixture;
	float magnitude;

	open_variant(&fixture, variant, 0);
	magnitude = op_of(fixture.program, OP_ROPE_TABLE, 0)->rope_table.magnitude;
	fixture_close(&fixture);
	return magnitude;
}

static void longrope_has_an_attention_factor_said_or_not(void **state)
{
	const char *said = "phi3.rope.scaling.attn_factor";
	/* 4096 tokens of 128: sqrt(1 + ln 32 / ln 128) */
	float computed = (float)sqrt(1 + log(32) / log(128));
	struct variant v = {.family = "phi3"};

	assert_true(fabsf(magnitude_of(&v) - computed) < 1e-6f);
	v.change[0] = (struct change){said, GGUF_FLOAT32, 1.5, NULL};
	assert_true(magnitude_of(&v) == 1.5f);
	v.without_key = said;
	v.change[0] = (struct change){"phi3.rope.scaling.type", GGUF_STRING, 0, "longrope"};
	assert_true(fabsf(magnitude_of(&v) - computed) < 1e-6f);
}

/* Both of the file's factors are on top of yarn's own, 1 + 0.1 ln 4. */
static void yarn_has_the_attention_factors_of_the_file(void **state)
{
	struct variant v = {.family = "qwen2"};
	float own = (float)(1 + 0.1 * log(4));

	assert_true(fabsf(magnitude_of(&v) - own) < 1e-6f);
	v.change[0] =
		(struct change){"qwen2.rope.scaling.yarn_attn_factor", GGUF_FLOAT32, 1.5, NULL};
	assert_true(fabsf(magnitude_of(&v) - 1.5f * own) < 1e-6f);
	v.change[1] = (struct change){"qwen2.rope.scaling.attn_factor", GGUF_FLOAT32, 0.5, NULL};
	assert_true(fabsf(magnitude_of(&v) - 0.75f * own) < 1e-6f);
}

static void refused(const struct variant *variant, const char *why)
{
	struct model *model = NULL;
	struct err err = {0};

	write_variant(variant);
	if (model_open(&model, variant_path, NULL, &err) == 0) {
		fail_msg("accepted, although: %s", why);
	}
	assert_null(model);
	assert_int_equal(ERR_ENGINE, err.code);
	if (!strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
}

static void what_a_family_does_not_compute_is_refused(void **state)
{
	static const struct {
		const char *why;
		struct variant variant;
	} cases[] = {
		{"rope.dimension_sections", {.family = "qwen3",
						    .change = {{"qwen3.rope.dimension_sections",
							    GGUF_ARRAY, 0, "1100"}}}},
		{"yarn_log_multiplier",
			{.family = "qwen2",
				.change = {{"qwen2.rope.scaling.yarn_log_multiplier", GGUF_FLOAT32,
					0.1, NULL}}}},
		{"attention.clamp_kqv = 8",
			{.family = "llama",
				.change = {{"llama.attention.clamp_kqv", GGUF_FLOAT32, 8, NULL}}}},
		{"both directions",
			{.family = "gemma3",
				.change = {{"gemma3.attention.causal", GGUF_BOOL, 0, NULL}}}},
		{"blk.1.attn_q_norm.weight",
			{.family = "qwen3", .without = "blk.1.attn_q_norm.weight"}},
		{"blk.0.post_ffw_norm.weight",
			{.family = "gemma3", .without = "blk.0.post_ffw_norm.weight"}},
		{"blk.1.attn_qkv.weight", {.family = "phi3", .without = "blk.1.attn_qkv.weight"}},
		{"only one of", {.family = "phi3", .without = "rope_factors_long.weight"}},
		{"only one of", {.family = "phi3", .without = "rope_factors_short.weight"}},
		{"blk.0.attn_q_norm.weight",
			{.family = "llama",
				.renamed = {"rope_freqs.weight", "blk.0.attn_q_norm.weight"}}},
		{"rope_freqs.weight",
			{.family = "phi3",
				.renamed = {"rope_factors_long.weight", "rope_freqs.weight"},
				.without = "rope_factors_short.weight"}},
		{"[1][64], but",
			{.family = "qwen2", .renamed = {"blk.0.attn_q.bias", "rope_freqs.weight"}}},
		{"has no tensor \"blk.1.attn_k.bias\"",
			{.family = "qwen2", .without = "blk.1.attn_k.bias"}},
		{"qwen2.attention.sliding_window = 40",
			{.family = "qwen2",
				.change = {{"qwen2.attention.sliding_window", GGUF_UINT32, 40,
					NULL}}}},
		{"gemma3.attn_logit_softcapping = 50",
			{.family = "gemma3",
				.change = {{"gemma3.attn_logit_softcapping", GGUF_FLOAT32, 50,
					NULL}}}},
		{"gemma2.rope.freq_base_swa", {.family = "gemma2",
						      .change = {{"gemma2.rope.freq_base_swa",
							      GGUF_FLOAT32, 1e4, NULL}}}},
		{"6 values for 7 layers",
			{.family = "gemma3",
				.change = {{"gemma3.attention.sliding_window_pattern", GGUF_ARRAY,
					0, "111110"}}}},
		{"sliding_window_pattern is 0",
			{.family = "gemma3",
				.change = {{"gemma3.attention.sliding_window_pattern", GGUF_UINT32,
					0, NULL}}}},
		{"longrope", {.family = "qwen2",
				     .change = {{"qwen2.rope.scaling.type", GGUF_STRING, 0,
					     "longrope"}}}},
		{"original_context_length",
			{.family = "phi3",
				.change = {{"phi3.rope.scaling.original_context_length",
					GGUF_UINT32, 1, NULL}}}},
		{"mixture of 8 experts",
			{.family = "qwen3",
				.change = {{"qwen3.expert_count", GGUF_UINT32, 8, NULL}}}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		refused(&cases[i].variant, cases[i].why);
	}
}

/* Whatever the key, and whatever the family that would leave it out. */
static void every_setting_that_changes_an_answer_is_refused(void **state)
{
	static const char *const names[] = {"attention.clamp_kqv", "attention.max_alibi_bias",
		"attention.output_scale", "attention.temperature_scale", "attention.value_scale",
		"attn_logit_softcapping", "embedding_scale", "final_logit_softcapping",
		"logit_scale", "residual_scale", "rope.freq_base_swa",
		"attention.sliding_window_pattern"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char key[64];

		snprintf(key, sizeof(key), "qwen3.%s", names[i]);
		refused(&(struct variant){.family = "qwen3",
				.change = {{key, GGUF_FLOAT32, 2.5, NULL}}},
			key);
	}
}

/* The file's bytes per token of KV are those of all layers, windows or not: pages hold them all. */
static void a_summary_is_right_for_every_family(void **state)
{
	static const struct {
		const char *family;
		int64_t n_layer, n_kv_head;
	} expected[] = {{"llama", 2, 2}, {"qwen2", 2, 2}, {"qwen3", 2, 1}, {"gemma", 2, 1},
		{"gemma2", 3, 2}, {"gemma3", 7, 2}, {"phi3", 2, 1}};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct model_summary summary;
		struct err err;

		write_variant(&(struct variant){.family = expected[i].family});
		fixture_check(model_summary_read(&summary, variant_path, &err), &err);
		assert_string_equal(expected[i].family, summary.architecture);
		assert_true(summary.can_run);
		assert_int_equal(4096, summary.context_train_tok);
		assert_int_equal(expected[i].n_layer, summary.n_layer);
		/* keys and values of 16 bytes with a scale of 4 bytes each */
		assert_int_equal(expected[i].n_layer * expected[i].n_kv_head * 2 * (16 + 4),
			summary.kv_bytes_per_tok);
		model_summary_finish(&summary);
	}
}

static int make_path(void **state)
{
	int fd = mkstemp(variant_path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	return unlink(variant_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_follow_the_family_or_the_file),
		cmocka_unit_test(the_largest_gemmas_scale_scores_by_width),
		cmocka_unit_test(longrope_goes_by_the_context_that_the_engine_runs_with),
		cmocka_unit_test(whatever_is_computed_otherwise_has_another_digest),
		cmocka_unit_test(longrope_has_an_attention_factor_said_or_not),
		cmocka_unit_test(yarn_has_the_attention_factors_of_the_file),
		cmocka_unit_test(what_a_family_does_not_compute_is_refused),
		cmocka_unit_test(every_setting_that_changes_an_answer_is_refused),
		cmocka_unit_test(a_summary_is_right_for_every_family),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
