/*
 * LoRA adapters: the logits are those of a model with the updates merged into its weights
 * (tests/vectors/adapters, made with PEFT and transformers in float64), on every instruction-set
 * path; cached still equals uncached; and what does not fit the model is refused by name.
 */
#include "base/buf.h"
#include "base/file.h"
#include "engine/model/adapter.h"
#include "engine/model/gguf_write.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_TOK = 24, MAX_ADAPTERS = 2 };

static char *vector_path(const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	return mem_printf("%s/tests/vectors/adapters/%s", source ? source : ".", name);
}

static int has_folders(void)
{
	struct adapter *adapter;
	char *path = vector_path("all");
	int result = adapter_open(&adapter, path, NULL);

	free(path);
	adapter_close(adapter);
	return result == 0;
}

/* Names of adapters as the vectors have them, with a scale each, onto a base. */
struct wanted {
	const char *base;
	struct engine_adapter adapter[MAX_ADAPTERS];
};

/* context_tok 0: the model's own. */
static int open_with(
	struct fixture *fixture, const struct wanted *wanted, int64_t context_tok, struct err *err)
{
	struct engine_adapter adapter[MAX_ADAPTERS];
	size_t count = 0;
	char path[512];
	int result;

	*fixture = (struct fixture){0};
	for (; count < MAX_ADAPTERS && wanted->adapter[count].path; count++) {
		const char *name = wanted->adapter[count].path;

		adapter[count].path = name[0] == '/' ? mem_strdup(name) : vector_path(name);
		adapter[count].scale = wanted->adapter[count].scale;
	}
	fixture_path(path, sizeof(path), wanted->base);
	fixture_check(model_open(&fixture->model, path, NULL, err), err);
	result = adapter_apply(fixture->model, adapter, count, err);
	if (result == 0) {
		result = program_create(&fixture->program, fixture->model, context_tok, err);
	}
	for (size_t i = 0; i < count; i++) {
		free((char *)adapter[i].path);
	}
	return result;
}

static void read_ids(uint32_t ids[N_TOK], const struct model *model)
{
	char *path = mem_strdup(model->path), *slash = strrchr(path, '/'), *name;
	FILE *file;

	*slash = 0;
	name = mem_printf("%s/ids.txt", path);
	file = fopen(name, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TOK; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
	free(name);
	free(path);
}

static size_t logits_bytes(const struct fixture *fixture)
{
	return N_TOK * (size_t)fixture->model->n_vocab * sizeof(float);
}

/* [N_TOK][n_vocab], n_row tokens at a time; malloc'ed. */
static float *logits_of(struct fixture *fixture, enum cpu_isa isa, int64_t n_row)
{
	int64_t n_vocab = fixture->model->n_vocab;
	float *logits = mem_alloc(logits_bytes(fixture));
	uint32_t ids[N_TOK];
	uint8_t *page;

	read_ids(ids, fixture->model);
	fixture_backend(fixture, isa, KV_F32, n_row == 1 ? 1 : 2, N_TOK);
	page = fixture_page(fixture);
	for (int64_t i = 0; i < N_TOK; i += n_row) {
		memcpy(logits + i * n_vocab, fixture_run(fixture, ids + i, n_row, i, &page),
			(size_t)(n_row * n_vocab) * sizeof(float));
	}
	return logits;
}

/* ---- the reference ---- */

#define FAMILIES "../families/"

static const struct {
	const char *reference;
	struct wanted wanted;
	int is_folder;
	int64_t context_tok;
} golden[] = {
	{"all", {"mqa-untied.gguf", {{"all", 1}}}, 1, 0},
	{"stabilised", {"bias.gguf", {{"stabilised", 1}}}, 1, 0},
	{"half", {"rope-llama3.gguf", {{"half.gguf", 0.75}}}, 0, 0},
	{"two", {"mqa-untied.gguf", {{"all", 0.5}, {"extra.gguf", -1.25}}}, 1, 0},
	{"mistral", {FAMILIES "mistral.gguf", {{"mistral", 1}}}, 1, 0},
	{"qwen2", {FAMILIES "qwen2.gguf", {{"qwen2", 1}}}, 1, 0},
	{"qwen3", {FAMILIES "qwen3.gguf", {{"qwen3", 1}}}, 1, 0},
	/* a directory as the base: rows in the order that a GGUF file has them */
	{"mistral", {FAMILIES "mistral", {{"mistral", 1}}}, 1, 0},
	{"phi3", {FAMILIES "phi3", {{"phi3", 1}}}, 1, 0},
	{"gemma3", {FAMILIES "gemma3.gguf", {{"gemma3", 1}}}, 1, 0},
	{"phi3", {FAMILIES "phi3.gguf", {{"phi3", 1}}}, 1, 0},
	{"phi4-mini", {FAMILIES "phi4-mini.gguf", {{"phi4-mini", 1}}}, 1, 128},
};

static void check_golden(enum cpu_isa isa, size_t i)
{
	const struct wanted bare = {.base = golden[i].wanted.base};
	char *file = mem_printf("%s.npy", golden[i].reference), *path = vector_path(file);
	struct fixture fixture, plain;
	struct golden want;
	struct err err;
	float *got, *base;
	double rms, change;

	fixture_check(open_with(&fixture, &golden[i].wanted, golden[i].context_tok, &err), &err);
	fixture_check(open_with(&plain, &bare, golden[i].context_tok, &err), &err);
	golden_read(&want, path);
	assert_int_equal(N_TOK, want.n_row);
	assert_int_equal(fixture.model->n_vocab, want.n_vocab);
	got = logits_of(&fixture, isa, N_TOK);
	base = logits_of(&plain, isa, N_TOK);
	rms = golden_compare(&want, got).rms;
	change = golden_compare(&want, base).rms;
	printf("# %-9s %-10s on %-24s rms/std %.2e (without the adapter %.2f)\n", cpu_isa_name(isa),
		golden[i].reference, golden[i].wanted.base, rms, change);
	assert_true(rms < 1e-4);
	assert_true(change > 0.1); /* and so the adapter matters */
	golden_finish(&want);
	fixture_close(&fixture);
	fixture_close(&plain);
	free(got);
	free(base);
	free(path);
	free(file);
}

static void check_path(enum cpu_isa isa)
{
	if (!cpu_isa_supported(isa)) {
		printf("# this processor or build has no %s\n", cpu_isa_name(isa));
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		if (!golden[i].is_folder || has_folders()) {
			check_golden(isa, i);
		} else {
			printf("# this build reads no PEFT folders\n");
		}
	}
}

static void plain_c_computes_merged_weights(void **state)
{
	check_path(CPU_ISA_PORTABLE);
}

static void avx2_computes_merged_weights(void **state)
{
	check_path(CPU_ISA_AVX2);
}

static void avx512_computes_merged_weights(void **state)
{
	check_path(CPU_ISA_AVX512);
}

static void a_token_alone_equals_the_token_in_a_batch(void **state)
{
	static const struct wanted wanted[] = {{"rope-llama3.gguf", {{"half.gguf", 0.75}}},
		{"mqa-untied.gguf", {{"extra.gguf", 2}}}, {FAMILIES "phi3.gguf", {{"phi3", 1}}}};
	size_t count = ARRAY_LEN(wanted) - !has_folders();

	for (int isa = 0; isa < CPU_ISA_COUNT; isa++) {
		for (size_t i = 0; i < count && cpu_isa_supported((enum cpu_isa)isa); i++) {
			struct fixture fixture;
			struct err err;
			float *together, *apart, *alone;
			size_t bytes;

			fixture_check(open_with(&fixture, &wanted[i], 0, &err), &err);
			bytes = logits_bytes(&fixture);
			together = logits_of(&fixture, (enum cpu_isa)isa, N_TOK);
			apart = logits_of(&fixture, (enum cpu_isa)isa, 8);
			alone = logits_of(&fixture, (enum cpu_isa)isa, 1);
			assert_memory_equal(together, apart, bytes);
			assert_memory_equal(together, alone, bytes);
			free(together);
			free(apart);
			free(alone);
			fixture_close(&fixture);
		}
	}
}

static void a_scale_of_0_changes_no_bit(void **state)
{
	static const struct wanted with = {"mqa-untied.gguf", {{"extra.gguf", 0}}};
	static const struct wanted without = {"mqa-untied.gguf", {{NULL, 0}}};
	struct fixture fixture[2];
	float *logits[2];
	struct err err;

	for (int i = 0; i < 2; i++) {
		fixture_check(open_with(&fixture[i], i ? &with : &without, 0, &err), &err);
		logits[i] = logits_of(&fixture[i], cpu_isa_best(), N_TOK);
	}
	assert_memory_equal(logits[0], logits[1], logits_bytes(&fixture[0]));
	assert_non_null(fixture[1].model->adapter_identity);
	for (int i = 0; i < 2; i++) {
		free(logits[i]);
		fixture_close(&fixture[i]);
	}
}

/* Every byte of an adapter counts, and so does how much of it is asked for. */
static void the_identity_tells_adapters_scales_and_their_order_apart(void **state)
{
	static const struct wanted wanted[] = {{"mqa-untied.gguf", {{"extra.gguf", 1}}},
		{"mqa-untied.gguf", {{"extra.gguf", 0.5}}},
		{"mqa-untied.gguf", {{"extra.gguf", 1}, {"extra.gguf", 0.5}}},
		{"mqa-untied.gguf", {{"extra.gguf", 0.5}, {"extra.gguf", 1}}}};
	char *identity[ARRAY_LEN(wanted)];

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		struct fixture fixture;
		struct err err;

		fixture_check(open_with(&fixture, &wanted[i], 0, &err), &err);
		identity[i] = mem_strdup(fixture.model->adapter_identity);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(identity[i], identity[j]);
		}
		if (i == 2) {
			assert_string_equal("extra.gguf, extra.gguf:0.5", fixture.model->adapters);
		}
		fixture_close(&fixture);
	}
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		free(identity[i]);
	}
}

/* ---- adapters that do not fit ---- */

static char folder[] = "/tmp/carrel-test-adapter-XXXXXX";

struct tensor_spec {
	const char *name;
	int64_t n_row, row_elems;
};

struct file_spec {
	const char *kind, *type, *architecture; /* NULL: the key is left out */
	float alpha;                            /* 0: left out */
	struct tensor_spec tensor[4];
	float value;
};

/* An activated LoRA: one that begins in the middle of a prompt. */
static int is_activated;

/* What extra.gguf is like, but for what a test changes. */
static const struct file_spec right = {"adapter", "lora", "llama", 8,
	{{"blk.0.attn_v.weight.lora_a", 4, 64}, {"blk.0.attn_v.weight.lora_b", 32, 4}}, 0.5f};

static void write_adapter(const char *path, const struct file_spec *spec)
{
	struct gguf_writer *writer;
	struct err err;

	fixture_check(gguf_writer_create(&writer, path, &err), &err);
	if (spec->kind) {
		gguf_writer_add_string(writer, "general.type", spec->kind);
	}
	if (spec->type) {
		gguf_writer_add_string(writer, "adapter.type", spec->type);
	}
	if (spec->architecture) {
		gguf_writer_add_string(writer, "general.architecture", spec->architecture);
	}
	if (is_activated) {
		gguf_writer_add_int(writer, "adapter.alora.invocation_tokens", GGUF_UINT32, 1);
	}
	if (spec->alpha != 0) {
		gguf_writer_add_float(writer, "adapter.lora.alpha", spec->alpha);
	}
	for (size_t i = 0; i < ARRAY_LEN(spec->tensor) && spec->tensor[i].name; i++) {
		gguf_writer_add_tensor(writer, spec->tensor[i].name, DTYPE_F32,
			spec->tensor[i].n_row, spec->tensor[i].row_elems);
	}
	fixture_check(gguf_writer_begin(writer, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(spec->tensor) && spec->tensor[i].name; i++) {
		for (int64_t j = 0; j < spec->tensor[i].n_row * spec->tensor[i].row_elems; j++) {
			fixture_check(
				gguf_writer_data(writer, &spec->value, sizeof(float), &err), &err);
		}
	}
	fixture_check(gguf_writer_finish(writer, &err), &err);
	gguf_writer_destroy(writer);
}

/* Refused on mqa-untied.gguf, which is not changed by it; why NULL: it is taken. */
static void try_file(const struct file_spec *spec, const char *why)
{
	char *path = mem_printf("%s/adapter.gguf", folder);
	const struct wanted wanted = {"mqa-untied.gguf", {{path, 1}}};
	struct fixture fixture;
	struct err err = {0};
	int result;

	write_adapter(path, spec);
	result = open_with(&fixture, &wanted, 0, &err);
	if (result != (why ? -1 : 0)) {
		fail_msg("%s: \"%s\"", why ? "not refused" : "refused", err.what);
	}
	if (why && !strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
	if (why) {
		assert_int_equal(ERR_ENGINE, err.code);
		assert_non_null(strstr(err.where, "adapter.gguf"));
	}
	fixture_close(&fixture);
	unlink(path);
	free(path);
}

static void what_does_not_fit_the_model_is_refused_by_name(void **state)
{
	struct file_spec spec = right;

	try_file(&spec, NULL);
	spec.architecture = "qwen2";
	try_file(&spec, "is made for the architecture \"qwen2\", but the model is of \"llama\"");
	spec = right;
	spec.tensor[0].name = "blk.7.attn_v.weight.lora_a";
	spec.tensor[1].name = "blk.7.attn_v.weight.lora_b";
	try_file(&spec, "changes \"blk.7.attn_v.weight\", which the model does not have");
	spec = right;
	spec.tensor[0].row_elems = 96;
	try_file(&spec, "as if it were [32][96], but the model's is [32][64]");
	spec = right;
	spec.tensor[1].n_row = 64;
	try_file(&spec, "as if it were [64][64]");
	spec = right;
	spec.tensor[0] = (struct tensor_spec){"token_embd.weight.lora_a", 4, 64};
	spec.tensor[1] = (struct tensor_spec){"token_embd.weight.lora_b", 1024, 4};
	try_file(&spec, "changes the embeddings");
	spec.tensor[0] = (struct tensor_spec){"blk.1.attn_norm.weight.lora_a", 4, 64};
	spec.tensor[1] = (struct tensor_spec){"blk.1.attn_norm.weight.lora_b", 1, 4};
	try_file(&spec, "\"blk.1.attn_norm.weight\", which carrel does not compute a product with");
}

static void a_scale_beyond_reason_is_a_mistake_of_whoever_asks(void **state)
{
	static const double scales[] = {10001, -10001, INFINITY, NAN};

	for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
		struct wanted wanted = {"mqa-untied.gguf", {{"extra.gguf", scales[i]}}};
		struct fixture fixture;
		struct err err = {0};

		assert_int_equal(-1, open_with(&fixture, &wanted, 0, &err));
		assert_int_equal(ERR_USAGE, err.code);
		assert_non_null(strstr(err.what, "not within 10000 of 0"));
		assert_null(fixture.model->adapters);
		fixture_close(&fixture);
	}
}

static void what_is_no_low_rank_update_is_refused_by_name(void **state)
{
	struct file_spec spec = right;

	spec.tensor[2] = (struct tensor_spec){"blk.0.attn_norm.weight", 1, 64};
	try_file(&spec, "holds the tensor \"blk.0.attn_norm.weight\", which is no part");
	spec = right;
	spec.tensor[1].name = NULL;
	try_file(&spec, "\"blk.0.attn_v.weight.lora_a\" without its other half");
	spec = right;
	spec.tensor[0] = spec.tensor[1];
	spec.tensor[1].name = NULL;
	try_file(&spec, "\"blk.0.attn_v.weight.lora_b\" without its other half");
	spec = right;
	spec.tensor[1].row_elems = 8;
	try_file(&spec, "do not fit together: [4][64] and [32][8]");
	spec = right;
	spec.tensor[0].n_row = spec.tensor[1].row_elems = ADAPTER_RANK_MAX + 1;
	try_file(&spec, "has rank 4097; carrel computes 1 to 4096");
	spec = right;
	spec.tensor[0].name = NULL;
	try_file(&spec, "is an adapter without a tensor");
	spec = right;
	spec.alpha = 0;
	try_file(&spec, "adapter.lora.alpha is missing");
	spec.alpha = -1;
	try_file(&spec, "has an alpha of -1, not a number above 0");
	spec = right;
	spec.value = NAN;
	try_file(&spec, "holds a value that is not a finite number");
	spec = right;
	spec.type = "control\nvector";
	try_file(&spec, "is an adapter of the type \"control?vector\"");
	spec.type = NULL;
	try_file(&spec, "is an adapter of the type \"\"");
	spec = right;
	is_activated = 1;
	try_file(&spec, "is an activated LoRA (adapter.alora.invocation_tokens)");
	is_activated = 0;
	spec.kind = "model";
	try_file(&spec, "is not an adapter");
	spec.kind = NULL;
	try_file(&spec, "is not an adapter");
	spec = right;
	spec.architecture = NULL;
	try_file(&spec, "does not say its architecture");
}

static void models_and_adapters_are_not_taken_for_each_other(void **state)
{
	char *path = vector_path("extra.gguf");
	struct model *model;
	struct fixture fixture;
	struct err err = {0};
	char base[512];

	assert_int_equal(-1, model_open(&model, path, NULL, &err));
	assert_non_null(strstr(err.what, "is a LoRA adapter, not a model"));
	assert_non_null(strstr(err.hint, "--adapter"));
	if (has_folders()) {
		char *peft = vector_path("all");

		assert_int_equal(-1, model_open(&model, peft, NULL, &err));
		assert_non_null(strstr(err.what, "is a LoRA adapter, not a model"));
		free(peft);
	}
	fixture_path(base, sizeof(base), "bias.gguf");
	assert_int_equal(
		-1, open_with(&fixture, &(struct wanted){"bias.gguf", {{base, 1}}}, 0, &err));
	assert_non_null(strstr(err.what, "is not an adapter"));
	assert_non_null(strstr(err.hint, "-m"));
	fixture_close(&fixture);
	assert_true(adapter_is_at(path));
	assert_false(adapter_is_at(base));
	free(path);
}

/* Not only samples, as of a model: a flipped bit anywhere gives another one. */
static void every_byte_of_an_adapter_is_part_of_its_identity(void **state)
{
	char *path = vector_path("extra.gguf"), *copy = mem_printf("%s/copy.gguf", folder);
	const struct wanted wanted = {"mqa-untied.gguf", {{copy, 1}}};
	struct fixture fixture;
	struct buf file = BUF_INIT;
	struct err err;
	char *first = NULL;

	fixture_check(file_read(&file, path, 1 << 20, &err), &err);
	for (int i = 0; i < 3; i++) {
		FILE *out = fopen(copy, "wb");
		size_t at = i == 1 ? file.len - 1 : file.len - 2;

		assert_non_null(out);
		file.data[at] = (char)(file.data[at] ^ (i ? 1 : 0));
		assert_int_equal(file.len, fwrite(file.data, 1, file.len, out));
		fclose(out);
		fixture_check(open_with(&fixture, &wanted, 0, &err), &err);
		if (i) {
			assert_string_not_equal(first, fixture.model->adapter_identity);
		}
		free(first);
		first = mem_strdup(fixture.model->adapter_identity);
		fixture_close(&fixture);
	}
	free(first);
	unlink(copy);
	buf_finish(&file);
	free(copy);
	free(path);
}

static void the_plan_counts_an_adapter(void **state)
{
	char *path = vector_path("half.gguf"), base[512];
	struct engine_config config = {.model = base, .context_tok = 64};
	struct engine_plan plain, adapted;
	struct err err;

	fixture_path(base, sizeof(base), "rope-llama3.gguf");
	fixture_check(engine_plan(&plain, &config, &err), &err);
	config.adapter[0] = (struct engine_adapter){path, 1};
	config.n_adapter = 1;
	fixture_check(engine_plan(&adapted, &config, &err), &err);
	/* at least the file's 87,000 numbers of two bytes, twice: as they are and packed */
	assert_true(adapted.packed_bytes - plain.packed_bytes > 2 * 2 * 80000);
	assert_true(adapted.needed_bytes > plain.needed_bytes);
	free(path);
}

/* ---- PEFT's settings ---- */

/* adapter_config.json of "stabilised" with one text replaced, beside its tensors. */
static void try_config(const char *from, const char *to, const char *why)
{
	char *source = vector_path("stabilised/adapter_config.json");
	char *tensors = vector_path("stabilised/adapter_model.safetensors");
	char *config = mem_printf("%s/adapter_config.json", folder);
	char *link = mem_printf("%s/adapter_model.safetensors", folder);
	struct adapter *adapter;
	struct buf text = BUF_INIT, changed = BUF_INIT;
	struct err err = {0};
	const char *at;
	FILE *file;
	int result;

	fixture_check(file_read(&text, source, 1 << 20, &err), &err);
	at = strstr(buf_str(&text), from);
	assert_non_null(at);
	buf_add(&changed, text.data, (size_t)(at - text.data));
	buf_addstr(&changed, to);
	buf_addstr(&changed, at + strlen(from));
	file = fopen(config, "w");
	assert_non_null(file);
	assert_int_equal(changed.len, fwrite(changed.data, 1, changed.len, file));
	fclose(file);
	assert_int_equal(0, symlink(tensors, link));
	result = adapter_open(&adapter, folder, &err);
	if (result != (why ? -1 : 0)) {
		fail_msg("%s: \"%s\"", why ? "not refused" : "refused", err.what);
	}
	if (why && !strstr(err.what, why)) {
		fail_msg("\"%s\" does not say \"%s\"", err.what, why);
	}
	adapter_close(adapter);
	unlink(config);
	unlink(link);
	buf_finish(&text);
	buf_finish(&changed);
	free(source);
	free(tensors);
	free(config);
	free(link);
}

static void settings_that_change_the_computation_are_refused_by_name(void **state)
{
	if (!has_folders()) {
		skip();
	}
	try_config("\"r\": 3", "\"r\": 3", NULL);
	try_config("\"use_dora\": false", "\"use_dora\": true", "asks for use_dora");
	try_config("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out");
	try_config("\"bias\": \"none\"", "\"bias\": \"all\"", "changes biases, too");
	try_config("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]",
		"asks for modules_to_save, which carrel does not compute: it replaces");
	try_config("\"ensure_weight_tying\": false", "\"ensure_weight_tying\": true",
		"asks for ensure_weight_tying");
	try_config("\"lora_bias\": false", "\"lora_bias\": true", "it adds biases");
	try_config("\"use_dora\": false", "\"use_next\": 7, \"use_dora\": false",
		"asks for \"use_next\", which carrel does not know");
	try_config("\"init_lora_weights\": false", "\"init_lora_weights\": \"pissa\"",
		"was begun with \"pissa\"");
	try_config("\"peft_type\": \"LORA\"", "\"peft_type\": \"LOHA\"", "of the type \"LOHA\"");
	try_config("\"rank_pattern\": {}", "\"rank_pattern\": {\".*proj\": 4}",
		"holds the expression \".*proj\"");
	try_config("\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 4}",
		"has rank 3, but the configuration says 4");
	try_config(
		"\"alpha_pattern\": {}", "\"alpha_pattern\": {\"q_proj\": \"4\"}", "not a number");
	try_config("\"r\": 3", "\"r\": 4", "has rank 3, but the configuration says 4");
	try_config("\"r\": 3", "\"r\": 3, \"r\": 3", "is not a JSON object");
	try_config("\"r\": 3,", "", "does not say the adapter's rank");
	try_config("\"lora_alpha\": 2", "\"lora_alpha\": -2", "has an alpha of -2");
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_c_computes_merged_weights),
		cmocka_unit_test(avx2_computes_merged_weights),
		cmocka_unit_test(avx512_computes_merged_weights),
		cmocka_unit_test(a_token_alone_equals_the_token_in_a_batch),
		cmocka_unit_test(a_scale_of_0_changes_no_bit),
		cmocka_unit_test(the_identity_tells_adapters_scales_and_their_order_apart),
		cmocka_unit_test(what_does_not_fit_the_model_is_refused_by_name),
		cmocka_unit_test(a_scale_beyond_reason_is_a_mistake_of_whoever_asks),
		cmocka_unit_test(what_is_no_low_rank_update_is_refused_by_name),
		cmocka_unit_test(models_and_adapters_are_not_taken_for_each_other),
		cmocka_unit_test(every_byte_of_an_adapter_is_part_of_its_identity),
		cmocka_unit_test(the_plan_counts_an_adapter),
		cmocka_unit_test(settings_that_change_the_computation_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
