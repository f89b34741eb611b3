/* Models as the engine and `models info` see them: what is read, what is refused, and why. */
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *vector_path(const char *name)
{
	const char *root = getenv("CARREL_TEST_SOURCE");

	return mem_printf("%s/tests/vectors/logits/%s", root ? root : ".", name);
}

static void a_model_is_understood(void **state)
{
	char *path = vector_path("rope-yarn.gguf");
	struct model *model;
	struct err err;

	assert_int_equal(0, model_open(&model, path, NULL, &err));
	assert_string_equal("llama", model->architecture);
	assert_string_equal("rope-yarn", model->name);
	assert_string_equal("F32", model->storage);
	assert_int_equal(2, model->n_layer);
	assert_int_equal(4, model->n_head);
	assert_int_equal(2, model->n_kv_head);
	assert_int_equal(32, model->head_dim);
	assert_int_equal(64, model->n_embd);
	assert_int_equal(160, model->n_ff);
	assert_int_equal(1024, model->n_vocab);
	assert_int_equal(16384, model->n_ctx_train);
	assert_int_equal(0, model->is_random);
	/* embedding; per layer q and output, k and v, the three of the FFN, two norms; a norm */
	assert_int_equal(1024 * 64 + 2 * (2 * 128 * 64 + 2 * 64 * 64 + 3 * 160 * 64 + 2 * 64) + 64,
		model->n_params);
	assert_int_equal(4 * model->n_params, model->weight_bytes);
	model_close(model);
	free(path);
}

static void a_weight_is_asked_for_with_its_shape(void **state)
{
	char *path = vector_path("rope-yarn.gguf");
	const struct weight *weight;
	struct model *model;
	struct err err;

	assert_int_equal(0, model_open(&model, path, NULL, &err));
	assert_non_null(model_weight(model, "blk.1.ffn_down.weight"));
	assert_null(model_weight(model, "blk.2.ffn_down.weight"));
	assert_int_equal(0, model_need_weight(model, &weight, 1, "ffn_down.weight", 64, 160, &err));
	assert_string_equal("blk.1.ffn_down.weight", weight->name);
	assert_int_equal(
		-1, model_need_weight(model, &weight, 1, "ffn_down.weight", 160, 64, &err));
	assert_non_null(strstr(err.what, "[64][160]"));
	assert_non_null(strstr(err.what, "[160][64]"));
	assert_int_equal(-1, model_need_weight(model, &weight, -1, "output.weight", 1, 1, &err));
	assert_non_null(strstr(err.what, "no tensor \"output.weight\""));
	model_close(model);
	free(path);
}

/* ---- a copy of a file, changed ---- */

static char folder[] = "/tmp/carrel-test-model-XXXXXX";

struct image {
	char *bytes;
	size_t size;
	char *path; /* where it is written to be opened */
};

static void image_load(struct image *image, const char *name)
{
	char *path = vector_path(name);
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	assert_int_equal(0, fseek(file, 0, SEEK_END));
	image->size = (size_t)ftell(file);
	rewind(file);
	image->bytes = mem_alloc(image->size);
	assert_int_equal(image->size, fread(image->bytes, 1, image->size, file));
	image->path = mem_printf("%s/model.gguf", folder);
	fclose(file);
	free(path);
}

static void image_write(const struct image *image)
{
	FILE *file = fopen(image->path, "wb");

	assert_non_null(file);
	assert_int_equal(image->size, fwrite(image->bytes, 1, image->size, file));
	assert_int_equal(0, fclose(file));
}

static void image_finish(struct image *image)
{
	unlink(image->path);
	free(image->bytes);
	free(image->path);
}

/* What stands behind a key or a tensor's name, `skip` bytes on. */
static char *image_after(const struct image *image, const char *name, size_t skip)
{
	char *at = memmem(image->bytes, image->size, name, strlen(name));

	assert_non_null(at);
	return at + strlen(name) + skip;
}

static struct sha256_digest digest_of(const struct image *image)
{
	struct sha256_digest digest;
	struct model *model;
	struct err err;

	image_write(image);
	assert_int_equal(0, model_open(&model, image->path, NULL, &err));
	digest = model->digest;
	model_close(model);
	return digest;
}

/* A byte of a tensor in the image. */
static char *image_weight(const struct image *image, const char *name, int64_t at)
{
	const struct gguf_tensor *tensor;
	struct gguf *gguf;
	struct err err;
	char *byte;

	assert_int_equal(0, gguf_open_bytes(&gguf, image->bytes, image->size, "image", &err));
	tensor = gguf_tensor_find(gguf, name);
	assert_non_null(tensor);
	at += at < 0 ? tensor->size_bytes : 0;
	byte = image->bytes + ((const char *)tensor->data - image->bytes) + at;
	gguf_close(gguf);
	return byte;
}

static void the_digest_follows_metadata_and_sampled_weights(void **state)
{
	/* of a large tensor the ends are sampled, a small one is hashed whole */
	static const struct {
		const char *tensor;
		int64_t at; /* from its beginning; negative: from its end */
	} flips[] = {{"token_embd.weight", 0}, {"token_embd.weight", 4095},
		{"token_embd.weight", -1}, {"blk.0.attn_norm.weight", 100},
		{"blk.1.attn_k.weight", 9999}};
	struct sha256_digest first, second;
	struct image image;

	image_load(&image, "rope-yarn.gguf");
	first = digest_of(&image);
	second = digest_of(&image);
	assert_true(sha256_equal(&first, &second));
	for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
		char *byte = image_weight(&image, flips[i].tensor, flips[i].at);

		*byte ^= 1;
		second = digest_of(&image);
		assert_false(sha256_equal(&first, &second));
		*byte ^= 1;
	}
	*image_after(&image, "general.name", 4 + 8) ^= 1;
	second = digest_of(&image);
	assert_false(sha256_equal(&first, &second));
	image_finish(&image);
}

static void put_u64(char *at, uint64_t value)
{
	for (int i = 0; i < 8; i++) {
		at[i] = (char)(value >> 8 * i);
	}
}

/* The token embedding, moved behind everything and made so long; the file is one hole there. */
static void a_vocabulary_beyond_a_row_of_logits_is_refused(void **state)
{
	const uint64_t n_vocab = 4000001;
	struct image image;
	uint64_t end;
	struct model *model;
	struct err err;
	char *at;

	image_load(&image, "rope-yarn.gguf");
	at = image_after(&image, "token_embd.weight", 0);
	assert_int_equal(2, *at); /* dimensions, then the type and the offset in the data */
	assert_int_equal(0, at[4 + 16]);
	end = (image.size + 31) / 32 * 32;
	put_u64(at + 4 + 8, n_vocab);
	put_u64(at + 4 + 16 + 4, end);
	image_write(&image);
	/* The data begins somewhere before 1 MiB. */
	assert_int_equal(
		0, truncate(image.path, (off_t)(end + n_vocab * 64 * sizeof(float) + (1 << 20))));
	assert_int_equal(-1, model_open(&model, image.path, NULL, &err));
	assert_null(model);
	assert_int_equal(ERR_ENGINE, err.code);
	if (!strstr(err.what, "know 4000001 tokens") || !strstr(err.what, "4000000 at most")) {
		fail_msg("%s", err.what);
	}
	image_finish(&image);
}

/* `models info` names the reason, and the engine refuses the file too. */
static void cannot_run(const struct image *image, const char *why)
{
	struct model_summary summary;
	struct model *model;
	struct err err;

	image_write(image);
	assert_int_equal(0, model_summary_read(&summary, image->path, &err));
	assert_int_equal(0, summary.can_run);
	if (!strstr(summary.why_not, why)) {
		fail_msg("\"%s\" does not say \"%s\"", summary.why_not, why);
	}
	assert_true(summary.n_params > 0 && summary.file_bytes == (int64_t)image->size);
	assert_int_equal(-1, model_open(&model, image->path, NULL, &err));
	assert_null(model);
	assert_int_equal(ERR_ENGINE, err.code);
	model_summary_finish(&summary);
}

static void what_cannot_run_is_refused_by_name(void **state)
{
	/* IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ3_S IQ2_S IQ1_M TQ1_0 TQ2_0 */
	static const uint8_t refused[] = {16, 17, 18, 19, 21, 22, 29, 34, 35};
	struct image image;
	char *at;

	image_load(&image, "quant-Q8_0.gguf");
	at = image_after(&image, "general.architecture", 4 + 8);
	memcpy(at, "zebra", 5);
	cannot_run(&image, "\"zebra\", which carrel cannot compute");
	memcpy(at, "flux2", 5);
	cannot_run(&image, "\"flux2\", a model that makes pictures, which carrel cannot compute");
	memcpy(at, "llama", 5);

	at = image_after(&image, "blk.0.attn_q.weight", 4 + 16);
	assert_int_equal(8, *at);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		*at = (char)refused[i]; /* smaller blocks, so it still lies within the file */
		cannot_run(&image, dtype_gguf_name(refused[i]));
	}
	*at = 77;
	cannot_run(&image, "type 77");
	*at = 8;

	at = image_after(&image, "tokenizer.ggml.model", 4 + 8);
	memcpy(at, "xert", 4);
	cannot_run(&image, "xert");
	memcpy(at, "gpt2", 4);

	at = image_after(&image, "blk.1.ffn_norm", 0) - 2;
	memcpy(at, "xx", 2);
	cannot_run(&image, "blk.1.ffn_norm.weight");
	image_finish(&image);
}

static void what_can_run_is_summarised(void **state)
{
	char *path = vector_path("quant-Q4_K_M.gguf");
	struct model_summary summary;
	struct err err;

	assert_int_equal(0, model_summary_read(&summary, path, &err));
	assert_int_equal(1, summary.can_run);
	assert_null(summary.why_not);
	assert_string_equal("Q4_K", summary.storage);
	assert_int_equal(3, summary.gguf_version);
	assert_int_equal(131072, summary.context_train_tok);
	/* q8: a byte per element and a float per head, for keys and values of 2 layers, 2 heads */
	assert_int_equal(2 * 2 * 2 * (64 + 4), summary.kv_bytes_per_tok);
	model_summary_finish(&summary);
	assert_int_equal(-1, model_summary_read(&summary, "/nowhere/at.all", &err));
	assert_int_equal(ERR_ENGINE, err.code);
	model_summary_finish(&summary);
	free(path);
}

static void a_template_that_does_not_exist_is_a_usage_error(void **state)
{
	char *path = vector_path("llama-f32.gguf");
	struct model *model;
	struct err err;

	assert_int_equal(-1, model_open(&model, path, "nonsense", &err));
	assert_int_equal(ERR_USAGE, err.code);
	assert_non_null(strstr(err.what, "llama3"));
	free(path);
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
		cmocka_unit_test(a_model_is_understood),
		cmocka_unit_test(a_weight_is_asked_for_with_its_shape),
		cmocka_unit_test(the_digest_follows_metadata_and_sampled_weights),
		cmocka_unit_test(a_vocabulary_beyond_a_row_of_logits_is_refused),
		cmocka_unit_test(what_cannot_run_is_refused_by_name),
		cmocka_unit_test(what_can_run_is_summarised),
		cmocka_unit_test(a_template_that_does_not_exist_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
