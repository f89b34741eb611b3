/*
 * Hostile models, tokenizers and adapters through the doors that users' files come through (promise
 * 20 and the rules from real vulnerabilities): see hostile.h. With a folder as its argument the
 * program writes the files it begins with there: seeds of tests/fuzz/corpus.
 */
#include "tests/unit/hostile_seeds.h"

#include "engine/engine.h"
#include "engine/model/adapter.h"
#include "engine/program.h"

/* In memory where there is such a place: every try is a file. */
static char folder[] = "/dev/shm/carrel-test-hostile-XXXXXX";

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

/* ---- doors ---- */

static int open_tokens(void *path, struct err *err)
{
	struct tokens *tokens;
	int result = tokens_open(&tokens, path, err);

	if (result == 0) {
		tokens_close(tokens);
	}
	return result;
}

/* An adapter, and all the way into its model. */
struct adapted {
	struct model *model;
	const char *path;
};

static int open_adapter(void *context, struct err *err)
{
	const struct adapted *adapted = context;
	const struct engine_adapter adapter = {adapted->path, 1};
	struct program *program;
	int result = adapter_apply(adapted->model, &adapter, 1, err);

	if (result == 0) {
		result = program_create(&program, adapted->model, 0, err);
		if (result == 0) {
			program_destroy(program);
		}
	}
	adapter_finish(adapted->model);
	return result;
}

/* ---- what every run of them shows ---- */

static struct hostile begin(const char *name, int (*open)(void *context, struct err *err),
	const char *path, void *context)
{
	return hostile_begin(name, open, path, context, path);
}

static void end(struct hostile *hostile)
{
	hostile_end(hostile);
	unlink(hostile->path);
}

/* What the seed takes is what all the others may take, and some more. */
static void expect_open(struct hostile *hostile, const struct buf *seed)
{
	hostile_expect_open(hostile, seed);
	hostile->base_bytes = hostile_allocated_bytes + ((size_t)256 << 10);
}

/* ---- models ---- */

static void damaged_models_open_or_are_refused_with_a_sentence(void **state)
{
	char *path = path_of("model.gguf");

	for (size_t i = 0; i < ARRAY_LEN(seed_families); i++) {
		const struct seed_family *family = &seed_families[i];
		struct buf seed = seed_model(family);
		char *name = mem_printf(
			"%s%s", family->architecture, family->every_type ? ", all types" : "");
		struct hostile hostile = begin(name, hostile_open_model, path, path);
		struct hostile_gguf gguf = hostile_gguf_read(&seed);

		hostile.bytes_per_byte = 8;
		expect_open(&hostile, &seed);
		if (family->template) { /* markers that are no tokens: an encoder looks at each */
			hostile.base_bytes += (size_t)32 << 20;
		}
		hostile_gguf_fields(&hostile, &seed, &gguf);
		hostile_gguf_entries(&hostile, &seed, &gguf);
		hostile_gguf_overlaps(&hostile, &seed, &gguf);
		if (i == 0) {
			hostile_bytes(&hostile, &seed, 0, gguf.header_end);
			hostile_truncations(&hostile, &seed);
		}
		end(&hostile);
		hostile_gguf_finish(&gguf);
		buf_finish(&seed);
		free(name);
	}
	free(path);
}

/* Every storage type, of GGUF and beyond, claimed of every tensor. */
static void tensors_of_any_type_open_or_are_refused_with_a_sentence(void **state)
{
	char *path = path_of("types.gguf");
	struct buf seed = seed_model(&seed_families[1]);
	struct hostile hostile = begin("types of tensors", hostile_open_model, path, path);
	struct hostile_gguf gguf = hostile_gguf_read(&seed);

	expect_open(&hostile, &seed);
	for (size_t i = 0; i < gguf.n_tensor; i++) {
		size_t at = gguf.tensor[i].at + gguf.tensor[i].bytes - 12;
		uint64_t was = hostile_number(&seed, at, 4);

		for (uint64_t type = 0; type < 64; type++) {
			hostile_put(seed.data + at, type, 4);
			hostile_try(&hostile, seed.data, seed.len);
		}
		hostile_put(seed.data + at, was, 4);
	}
	end(&hostile);
	hostile_gguf_finish(&gguf);
	buf_finish(&seed);
	free(path);
}

static void damaged_encoders_open_or_are_refused_with_a_sentence(void **state)
{
	static const char *const names[] = {"bert", "nomic-bert"};
	char *path = path_of("encoder.gguf");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *relative = mem_printf("tests/fuzz/corpus/model/%s", names[i]);
		struct buf seed = seed_file(relative);
		struct hostile hostile = begin(names[i], hostile_open_model, path, path);

		expect_open(&hostile, &seed);
		hostile_gguf_all(&hostile, &seed);
		end(&hostile);
		buf_finish(&seed);
		free(relative);
	}
	free(path);
}

/* ---- tokenizers ---- */

static void damaged_tokenizers_open_or_are_refused_with_a_sentence(void **state)
{
	static const char *const names[] = {"byte-level.gguf", "scores.gguf", "wordpiece.gguf"};
	char *path = path_of("tokenizer.gguf");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *relative = mem_printf("tests/fuzz/corpus/tokenizer/%s", names[i]);
		struct buf seed = seed_file(relative);
		struct hostile hostile = begin(names[i], open_tokens, path, path);

		expect_open(&hostile, &seed);
		hostile_gguf_all(&hostile, &seed);
		end(&hostile);
		buf_finish(&seed);
		free(relative);
	}
	free(path);
}

static int has_json(void)
{
	struct tokens *tokens;
	struct err err;
	char *path = mem_printf("%s/tests/fuzz/corpus/tokenizer/byte-level.json",
		getenv("CARREL_TEST_SOURCE") ? getenv("CARREL_TEST_SOURCE") : ".");
	int result = tokens_open(&tokens, path, &err);

	free(path);
	if (result == 0) {
		tokens_close(tokens);
	}
	return result == 0;
}

static void damaged_tokenizer_json_opens_or_is_refused_with_a_sentence(void **state)
{
	static const char *const names[] = {"byte-level.json", "byte-fallback.json"};
	char *path = path_of("tokenizer.json");

	if (!has_json()) {
		free(path);
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *relative = mem_printf("tests/fuzz/corpus/tokenizer/%s", names[i]);
		struct buf seed = seed_file(relative);
		struct hostile hostile = begin(names[i], open_tokens, path, path);

		expect_open(&hostile, &seed);
		hostile_truncations(&hostile, &seed);
		hostile_bytes(&hostile, &seed, 0, seed.len);
		hostile_json_all(&hostile, &seed, 120, hostile_json_plain, NULL);
		end(&hostile);
		buf_finish(&seed);
		free(relative);
	}
	free(path);
}

/* ---- adapters ---- */

static struct model *open_base(void)
{
	struct buf seed = seed_model(&seed_families[0]);
	char *path = path_of("base.gguf");
	FILE *file = fopen(path, "wb");
	struct model *model;
	struct err err;

	assert_non_null(file);
	assert_int_equal(seed.len, fwrite(seed.data, 1, seed.len, file));
	fclose(file);
	if (model_open(&model, path, NULL, &err) < 0) {
		fail_msg("%s", err.what);
	}
	unlink(path);
	free(path);
	buf_finish(&seed);
	return model;
}

static void damaged_adapters_open_or_are_refused_with_a_sentence(void **state)
{
	char *path = path_of("adapter.gguf");
	struct adapted adapted = {open_base(), path};
	struct buf seed = seed_adapter();
	struct hostile hostile = begin("adapter, GGUF", open_adapter, path, &adapted);

	expect_open(&hostile, &seed);
	hostile_gguf_all(&hostile, &seed);
	end(&hostile);
	model_close(adapted.model);
	buf_finish(&seed);
	free(path);
}

/* A damaged header with the length that it has now, and with the one it had. */
static void put_safetensors(struct hostile *hostile, const struct buf *text, void *rest)
{
	const struct buf *data = rest;
	struct buf file = seed_safetensors(text, data);

	hostile_try(hostile, file.data, file.len);
	hostile_put(file.data, text->len + 1, 8);
	hostile_try(hostile, file.data, file.len);
	buf_finish(&file);
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(len, fwrite(text, 1, len, file));
	fclose(file);
}

static void damaged_folders_of_peft_open_or_are_refused_with_a_sentence(void **state)
{
	char *config = path_of("adapter_config.json"),
	     *tensors = path_of("adapter_model.safetensors");
	struct adapted adapted = {open_base(), folder};
	struct buf data = BUF_INIT, header = seed_peft_header(&data), text = BUF_INIT;
	struct buf file = seed_safetensors(&header, &data);
	struct hostile hostile;

	if (!has_json()) {
		print_message("this build reads no folders\n");
		goto finish;
	}
	buf_addstr(&text, seed_peft_config);
	write_file(tensors, file.data, file.len);
	hostile = begin("adapter, PEFT: its settings", open_adapter, config, &adapted);
	hostile.named = folder;
	expect_open(&hostile, &text);
	hostile_truncations(&hostile, &text);
	hostile_bytes(&hostile, &text, 0, text.len);
	hostile_json_all(&hostile, &text, 200, hostile_json_plain, NULL);
	end(&hostile);
	write_file(config, text.data, text.len);
	hostile = begin("adapter, PEFT: its tensors", open_adapter, tensors, &adapted);
	hostile.named = folder;
	expect_open(&hostile, &file);
	hostile_truncations(&hostile, &file);
	hostile_bytes(&hostile, &file, 0, 8 + header.len);
	hostile_json_all(&hostile, &header, 200, put_safetensors, &data);
	end(&hostile);
	unlink(config);
finish:
	model_close(adapted.model);
	buf_finish(&data);
	buf_finish(&header);
	buf_finish(&text);
	buf_finish(&file);
	free(config);
	free(tensors);
}

/* ---- directories of Hugging Face ---- */

static const char *const published[] = {
	"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"};

static void put_published(const char *family, const char *name, int is_there)
{
	char *relative = mem_printf("tests/vectors/families/%s/%s", family, name);
	char *path = path_of(name);
	struct buf file = BUF_INIT;

	if (is_there) {
		file = seed_file(relative);
		write_file(path, file.data, file.len);
	} else {
		unlink(path);
	}
	buf_finish(&file);
	free(path);
	free(relative);
}

/* The JSON before a safetensors file's data, and the data. */
static struct buf split_safetensors(const struct buf *file, struct buf *data)
{
	size_t len = (size_t)hostile_number(file, 0, 8);
	struct buf header = BUF_INIT;

	buf_add(&header, file->data + 8, len);
	buf_add(data, file->data + 8 + len, file->len - 8 - len);
	return header;
}

static void damage_published(const char *family, const char *name, size_t most)
{
	char *relative = mem_printf("tests/vectors/families/%s/%s", family, name);
	char *path = path_of(name), *shown = mem_printf("%s: %s", family, name);
	struct buf file = seed_file(relative), data = BUF_INIT, header;
	struct hostile hostile = begin(shown, hostile_open_model, path, folder);

	hostile.named = folder;
	expect_open(&hostile, &file);
	hostile_truncations(&hostile, &file);
	if (strcmp(name, "model.safetensors") == 0) {
		header = split_safetensors(&file, &data);
		hostile_bytes(&hostile, &file, 0, 8 + (header.len < 1500 ? header.len : 1500));
		hostile_json_all(&hostile, &header, most, put_safetensors, &data);
		buf_finish(&header);
		buf_finish(&data);
	} else {
		hostile_bytes(&hostile, &file, 0, file.len < 1500 ? file.len : 1500);
		hostile_json_all(&hostile, &file, most, hostile_json_plain, NULL);
	}
	end(&hostile);
	write_file(path, file.data, file.len);
	buf_finish(&file);
	free(relative);
	free(path);
	free(shown);
}

static void damaged_directories_open_or_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *family, *file;
		size_t most;
	} tries[] = {{"llama", "config.json", 60}, {"llama", "model.safetensors", 60},
		{"llama", "tokenizer.json", 40}, {"llama", "tokenizer_config.json", 20},
		{"qwen2", "config.json", 60}, {"gemma2", "config.json", 60},
		{"gemma3", "config.json", 60}, {"phi4-mini", "config.json", 60}};

	if (!has_json()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		for (size_t j = 0; j < ARRAY_LEN(published); j++) {
			put_published(tries[i].family, published[j], 1);
		}
		damage_published(tries[i].family, tries[i].file, tries[i].most);
	}
	for (size_t j = 0; j < ARRAY_LEN(published); j++) {
		put_published("llama", published[j], 0);
	}
}

/* An index that names itself, files elsewhere, what is no file, or one file twice. */
static void damaged_indices_open_or_are_refused_with_a_sentence(void **state)
{
	char *whole = path_of("model.safetensors"), *part = path_of("a.safetensors");
	char *index = path_of("model.safetensors.index.json");
	struct buf text = BUF_INIT,
		   file = seed_file("tests/vectors/families/llama/model.safetensors");
	struct buf data = BUF_INIT, header = split_safetensors(&file, &data);
	struct hostile_json json = {0};
	struct hostile hostile;

	if (!has_json()) {
		skip();
	}
	for (size_t j = 0; j + 1 < ARRAY_LEN(published); j++) {
		put_published("llama", published[j], 1);
	}
	write_file(part, file.data, file.len);
	hostile_json_value(&json, &header, 0);
	buf_addstr(&text, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
	for (size_t i = 0, n = 0; i < json.n_member; i++) {
		const char *member = header.data + json.member[i].at;
		size_t len = hostile_json_string(&header, json.member[i].at) - json.member[i].at;

		if (len > 7 && memcmp(member + len - 8, ".weight\"", 8) == 0) {
			buf_printf(&text, "%s%.*s:\"a.safetensors\"", n++ ? "," : "", (int)len,
				member);
		}
	}
	buf_addstr(&text, "}}");
	hostile = begin("llama: model.safetensors.index.json", hostile_open_model, index, folder);
	hostile.named = folder;
	expect_open(&hostile, &text);
	hostile_truncations(&hostile, &text);
	hostile_bytes(&hostile, &text, 0, text.len);
	hostile_json_all(&hostile, &text, 60, hostile_json_plain, NULL);
	for (size_t i = 0; i < 4; i++) {
		static const char *const name[] = {
			"model.safetensors.index.json", "../a.safetensors", ".", "b/a.safetensors"};
		struct hostile_field value = {
			(size_t)(strstr(buf_str(&text), "a.safetensors") - buf_str(&text)), 13};

		hostile_json_replace(&hostile, &text, &value, name[i], hostile_json_plain, NULL);
	}
	end(&hostile);
	for (size_t j = 0; j < ARRAY_LEN(published); j++) {
		put_published("llama", published[j], 0);
	}
	unlink(part);
	free(json.value);
	free(json.member);
	buf_finish(&text);
	buf_finish(&file);
	buf_finish(&data);
	buf_finish(&header);
	free(whole);
	free(part);
	free(index);
}

static int make_folder(void **state)
{
	hostile_limit_memory();
	if (mkdtemp(folder)) {
		return 0;
	}
	strcpy(folder, "/tmp/carrel-hostile-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	hostile_print_totals();
	return rmdir(folder);
}

static void write_seed(const char *to, const char *name, struct buf *seed)
{
	char *path = mem_printf("%s/%s", to, name);

	write_file(path, seed->data, seed->len);
	buf_finish(seed);
	free(path);
}

/* model/ARCHITECTURE, adapter/gguf and adapter/peft: what fuzz_model and fuzz_adapter begin with. */
static int write_seeds(const char *to)
{
	struct buf data = BUF_INIT, header = seed_peft_header(&data), seed, tensors;

	for (size_t i = 0; i < ARRAY_LEN(seed_families); i++) {
		char *name = mem_printf("model/%s%s", seed_families[i].architecture,
			seed_families[i].every_type ? "-types" : "");

		seed = seed_model(&seed_families[i]);
		write_seed(to, name, &seed);
		free(name);
	}
	seed = seed_adapter();
	write_seed(to, "adapter/gguf", &seed);
	tensors = seed_safetensors(&header, &data);
	buf_add(&seed, seed_peft_config, sizeof(seed_peft_config)); /* a NUL parts them */
	buf_add(&seed, tensors.data, tensors.len);
	write_seed(to, "adapter/peft", &seed);
	buf_finish(&tensors);
	buf_finish(&data);
	buf_finish(&header);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_models_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(tensors_of_any_type_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_encoders_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_tokenizers_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_tokenizer_json_opens_or_is_refused_with_a_sentence),
		cmocka_unit_test(damaged_adapters_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_folders_of_peft_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_directories_open_or_are_refused_with_a_sentence),
		cmocka_unit_test(damaged_indices_open_or_are_refused_with_a_sentence),
	};

	return argc > 1 ? write_seeds(argv[1])
			: cmocka_run_group_tests(tests, make_folder, remove_folder);
}
