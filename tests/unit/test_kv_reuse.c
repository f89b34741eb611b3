/*
 * KV is reused by what computes alike, and by nothing else: engine processes that share a folder, one
 * after the other and at once. Whatever is found there, an answer is what it is with an empty cache.
 */
#include "base/file.h"
#include "engine/model/gguf.h"
#include "kernels/cpu/kernels.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/kv_ask.h"

#include <string.h>

/* Three pages, and a tail. */
enum { N_PROMPT = 220, N_ANSWER = 4, CONTEXT = 512 };

static char folder[] = "/tmp/carrel-kv-reuse-XXXXXX";
static uint32_t ids[N_PROMPT];

static int enter(void **state)
{
	kv_set_engine();
	kv_fill_ids(ids, N_PROMPT, 1);
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

static void forget(void)
{
	assert_int_equal(0, system("rm -rf kv"));
}

/* A model file of our own, where a file may take another's place. */
static void put_model(const char *path, const char *from)
{
	char *source = kv_vector(from);
	struct buf bytes = BUF_INIT;
	struct err err;
	FILE *file;

	assert_int_equal(0, file_read(&bytes, source, (size_t)64 << 20, &err));
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(bytes.len, fwrite(bytes.data, 1, bytes.len, file));
	assert_int_equal(0, fclose(file));
	buf_finish(&bytes);
	free(source);
}

/* The lowest bits of so many bytes of a tensor that its samples (digest.h) do not cover. */
static void change_model(const char *path, int64_t n_byte)
{
	enum { BEHIND_A_SAMPLE = 5000 };
	const struct gguf_tensor *tensor;
	struct gguf *gguf;
	size_t size;
	struct err err;
	int64_t at;
	FILE *file;

	assert_int_equal(0, gguf_open(&gguf, path, &err));
	tensor = gguf_tensor_at(gguf, 0);
	for (size_t i = 0; i < gguf_tensor_count(gguf); i++) {
		if (gguf_tensor_at(gguf, i)->size_bytes > tensor->size_bytes) {
			tensor = gguf_tensor_at(gguf, i);
		}
	}
	assert_true(tensor->size_bytes > BEHIND_A_SAMPLE + n_byte);
	at = tensor->data - gguf_header(gguf, 0, &size) + BEHIND_A_SAMPLE;
	gguf_close(gguf);
	file = fopen(path, "r+b");
	assert_non_null(file);
	for (int64_t i = at; i < at + n_byte; i++) {
		int byte;

		assert_int_equal(0, fseek(file, i, SEEK_SET));
		byte = fgetc(file);
		assert_int_equal(0, fseek(file, i, SEEK_SET));
		assert_int_equal(byte ^ 1, fputc(byte ^ 1, file));
	}
	assert_int_equal(0, fclose(file));
}

/* All but the token whose logits are wanted comes from disk. */
static void expect_hit(const struct kv_setup *setup)
{
	struct kv_answer answer, afresh;

	kv_ask_afresh(&afresh, setup, ids, N_PROMPT, N_ANSWER);
	kv_ask(&answer, setup, ids, N_PROMPT, N_ANSWER);
	assert_int_equal(N_PROMPT - 1, answer.usage.cached_tok);
	assert_int_equal(N_PROMPT - 1, answer.usage.disk_tok);
	assert_true(kv_same(&afresh, &answer));
}

static void expect_miss(const struct kv_setup *setup)
{
	struct kv_answer answer, afresh;

	kv_ask_afresh(&afresh, setup, ids, N_PROMPT, N_ANSWER);
	kv_ask(&answer, setup, ids, N_PROMPT, N_ANSWER);
	assert_int_equal(0, answer.usage.cached_tok);
	assert_int_equal(0, answer.usage.disk_tok);
	assert_true(kv_same(&afresh, &answer));
}

/* What one leaves is nothing to the other, nor the other way round; and both find their own. */
static void expect_apart(const struct kv_setup *a, const struct kv_setup *b)
{
	forget();
	expect_miss(a);
	expect_miss(b);
	expect_hit(a);
	expect_hit(b);
}

static void expect_shared(const struct kv_setup *a, const struct kv_setup *b)
{
	forget();
	expect_miss(a);
	expect_hit(b);
	expect_hit(a);
}

static const struct kv_setup plain = {
	.model = "model.gguf", .folder = "kv", .context_tok = CONTEXT};

static void neither_threads_nor_the_window_part_what_computes_alike(void **state)
{
	struct kv_setup other = plain;

	put_model("model.gguf", "logits/llama-f32.gguf");
	other.n_thread = 1;
	expect_shared(&plain, &other);
	other.context_tok = 300;
	expect_shared(&plain, &other);
	/* The same bytes under another name are the same model. */
	put_model("other.gguf", "logits/llama-f32.gguf");
	other.model = "other.gguf";
	expect_shared(&plain, &other);
}

static void another_model_under_the_same_name_is_a_miss(void **state)
{
	struct kv_answer one, other;

	put_model("model.gguf", "logits/llama-f32.gguf");
	forget();
	expect_miss(&plain);
	expect_hit(&plain);
	put_model("new.gguf", "logits/llama-f32.gguf");
	change_model("new.gguf", 100000);
	assert_int_equal(0, rename("new.gguf", "model.gguf"));
	expect_miss(&plain);
	expect_hit(&plain);
	/* In place, by one bit of one weight, which samples do not see. */
	kv_ask(&one, &plain, ids, N_PROMPT, N_ANSWER);
	change_model("model.gguf", 1);
	expect_miss(&plain);
	expect_hit(&plain);
	kv_ask(&other, &plain, ids, N_PROMPT, N_ANSWER);
	assert_string_equal(one.model_digest, other.model_digest);
	/* And back: the first is found again. */
	change_model("model.gguf", 1);
	expect_hit(&plain);
}

static void other_rotary_settings_are_a_miss(void **state)
{
	static const char *const files[] = {
		"logits/rope-yarn.gguf", "logits/rope-linear.gguf", "logits/rope-llama3.gguf"};
	/* Of one file: LongRoPE goes by the window, 128 tokens in this one. */
	struct kv_setup wide = plain, narrow = plain;

	forget();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			put_model("model.gguf", files[i]);
			(round ? expect_hit : expect_miss)(&plain);
		}
	}
	put_model("model.gguf", "families/phi4-mini.gguf");
	narrow.context_tok = 128;
	forget();
	for (int round = 0; round < 2; round++) {
		struct kv_answer narrow_answer, wide_answer, afresh;
		int64_t cached = round ? 99 : 0;

		kv_ask_afresh(&afresh, &narrow, ids, 100, N_ANSWER);
		kv_ask(&narrow_answer, &narrow, ids, 100, N_ANSWER);
		assert_true(kv_same(&afresh, &narrow_answer));
		assert_int_equal(cached, narrow_answer.usage.disk_tok);
		kv_ask_afresh(&afresh, &wide, ids, 100, N_ANSWER);
		kv_ask(&wide_answer, &wide, ids, 100, N_ANSWER);
		assert_true(kv_same(&afresh, &wide_answer));
		assert_int_equal(cached, wide_answer.usage.disk_tok);
		assert_false(kv_same(&narrow_answer, &wide_answer));
	}
}

static void another_adapter_or_another_share_of_it_is_a_miss(void **state)
{
	struct kv_setup setup[4] = {plain, plain, plain, plain};

	put_model("model.gguf", "logits/mqa-untied.gguf");
	put_model("adapter.gguf", "adapters/extra.gguf");
	put_model("other.gguf", "adapters/extra.gguf");
	change_model("other.gguf", 1);
	setup[1].adapter = setup[2].adapter = "adapter.gguf";
	setup[3].adapter = "other.gguf";
	setup[1].scale = setup[3].scale = 1;
	setup[2].scale = 0.5;
	forget();
	for (size_t i = 0; i < ARRAY_LEN(setup); i++) {
		expect_miss(&setup[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(setup); i++) {
		expect_hit(&setup[i]);
	}
	/* Another one under its name. */
	assert_int_equal(0, rename("other.gguf", "adapter.gguf"));
	setup[1].scale = 2;
	expect_miss(&setup[1]);
	setup[1].scale = 1;
	expect_hit(&setup[1]); /* of what was called other.gguf */
}

static void another_kv_type_is_a_miss(void **state)
{
	struct kv_setup f16 = plain, f32 = plain;

	put_model("model.gguf", "logits/llama-f32.gguf");
	f16.kv_type = "f16";
	f32.kv_type = "f32";
	expect_apart(&plain, &f16);
	expect_miss(&f32);
	expect_hit(&f32);
	expect_hit(&plain);
}

static void another_instruction_set_path_is_a_miss(void **state)
{
	struct kv_setup setup = plain;

	put_model("model.gguf", "logits/llama-f32.gguf");
	forget();
	for (int round = 0; round < 2; round++) {
		for (int isa = 0; isa < CPU_ISA_COUNT; isa++) {
			setup.isa = cpu_isa_name((enum cpu_isa)isa);
			if (cpu_isa_supported((enum cpu_isa)isa)) {
				(round ? expect_hit : expect_miss)(&setup);
			}
		}
	}
	/* The best is what is taken where none is named. */
	expect_hit(&plain);
}

/* Each computes what the other has not written yet; both may write the same page. */
static void two_that_write_at_once_are_both_right(void **state)
{
	enum { N_ROUND = 6 };
	struct kv_answer afresh[2], answer;
	uint32_t mine[2][N_PROMPT];
	struct engine *engine[2];

	put_model("model.gguf", "logits/llama-f32.gguf");
	forget();
	engine[0] = kv_open(&plain);
	engine[1] = kv_open(&plain);
	for (int round = 0; round < N_ROUND; round++) {
		int64_t request[2];

		for (int i = 0; i < 2; i++) {
			/* the same prompt, or the same beginning */
			kv_fill_ids(mine[i], N_PROMPT, 100 + (uint64_t)round);
			if (round % 2) {
				kv_fill_ids(mine[i] + 100, N_PROMPT - 100, 200 + (uint64_t)i);
			}
			kv_ask_afresh(&afresh[i], &plain, mine[i], N_PROMPT, N_ANSWER);
		}
		for (int i = 0; i < 2; i++) {
			request[i] = kv_submit(engine[i], mine[i], N_PROMPT, N_ANSWER, 0);
		}
		for (int i = 0; i < 2; i++) {
			kv_collect(&answer, engine[i], request[i]);
			assert_true(kv_same(&afresh[i], &answer));
		}
		/* What the other computed is a share from now on, where reading it is faster. */
		kv_ask_open(&answer, engine[0], mine[1], N_PROMPT, N_ANSWER, 0);
		assert_true(kv_same(&afresh[1], &answer));
	}
	engine_close(engine[0]);
	engine_close(engine[1]);
	for (int i = 0; i < 2; i++) {
		kv_ask(&answer, &plain, mine[i], N_PROMPT, N_ANSWER);
		assert_true(kv_same(&afresh[i], &answer));
		assert_int_equal(N_PROMPT - 1, answer.usage.disk_tok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neither_threads_nor_the_window_part_what_computes_alike),
		cmocka_unit_test(another_model_under_the_same_name_is_a_miss),
		cmocka_unit_test(other_rotary_settings_are_a_miss),
		cmocka_unit_test(another_adapter_or_another_share_of_it_is_a_miss),
		cmocka_unit_test(another_kv_type_is_a_miss),
		cmocka_unit_test(another_instruction_set_path_is_a_miss),
		cmocka_unit_test(two_that_write_at_once_are_both_right),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
