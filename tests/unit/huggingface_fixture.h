/* Hugging Face directories for tests: made of the small models in tests/vectors/families. */
#ifndef TESTS_UNIT_HUGGINGFACE_FIXTURE_H
#define TESTS_UNIT_HUGGINGFACE_FIXTURE_H

#include "base/buf.h"
#include "base/file.h"
#include "engine/model/safetensors.h"
#include "engine/program.h"
#include "tests/unit/engine_fixture.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tensor on its way into a file. */
struct hf_tensor {
	char *name;
	const char *dtype;
	int n_dim;
	int64_t dim[2];
	uint8_t *bytes;
	size_t size;
};

struct hf_tensors {
	struct hf_tensor *tensor;
	size_t count, cap;
};

static inline void hf_tensors_finish(struct hf_tensors *tensors)
{
	for (size_t i = 0; i < tensors->count; i++) {
		free(tensors->tensor[i].name);
		free(tensors->tensor[i].bytes);
	}
	free(tensors->tensor);
	*tensors = (struct hf_tensors){0};
}

/* Takes the bytes. */
static inline struct hf_tensor *hf_tensors_add(struct hf_tensors *tensors, const char *name,
	const char *dtype, int n_dim, int64_t first, int64_t second, void *bytes, size_t size)
{
	mem_grow(tensors->tensor, tensors->count, tensors->cap);
	tensors->tensor[tensors->count] =
		(struct hf_tensor){mem_strdup(name), dtype, n_dim, {first, second}, bytes, size};
	return &tensors->tensor[tensors->count++];
}

static inline void hf_put(const char *folder, const char *name, const void *bytes, size_t size)
{
	char *path = mem_printf("%s/%s", folder, name);
	FILE *file;

	unlink(path); /* a file that is cut and written again waits for the disk */
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		fprintf(stderr, "%s: cannot be written\n", path);
		abort();
	}
	free(path);
}

static inline void hf_put_text(const char *folder, const char *name, const char *text)
{
	hf_put(folder, name, text, strlen(text));
}

/* Tensors first ... end-1 as one safetensors file. */
static inline void hf_put_tensors(const char *folder, const char *name,
	const struct hf_tensors *tensors, size_t first, size_t end)
{
	struct buf out = BUF_INIT, header = BUF_INIT;
	size_t at = 0;

	buf_addstr(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (size_t i = first; i < end; i++) {
		const struct hf_tensor *tensor = &tensors->tensor[i];

		buf_printf(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", tensor->name,
			tensor->dtype);
		for (int d = 0; d < tensor->n_dim; d++) {
			buf_printf(&header, "%s%lld", d ? "," : "", (long long)tensor->dim[d]);
		}
		buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + tensor->size);
		at += tensor->size;
	}
	buf_addch(&header, '}');
	for (int i = 0; i < 8; i++) {
		buf_addch(&out, (char)((uint64_t)header.len >> 8 * i));
	}
	buf_add(&out, header.data, header.len);
	for (size_t i = first; i < end; i++) {
		buf_add(&out, tensors->tensor[i].bytes, tensors->tensor[i].size);
	}
	hf_put(folder, name, out.data, out.len);
	buf_finish(&header);
	buf_finish(&out);
}

static inline char *hf_family_path(const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	return mem_printf("%s/tests/vectors/families/%s", source ? source : ".", name);
}

/* A text file of a family's directory; malloc'ed. */
static inline char *hf_family_text(const char *family, const char *name)
{
	char *folder = hf_family_path(family), *path = mem_printf("%s/%s", folder, name);
	struct buf text = BUF_INIT;
	struct err err;

	fixture_check(file_read(&text, path, (size_t)1 << 20, &err), &err);
	free(folder);
	free(path);
	return buf_take(&text);
}

static inline void hf_family_tensors(struct hf_tensors *tensors, const char *family)
{
	char *folder = hf_family_path(family), *path = mem_printf("%s/model.safetensors", folder);
	struct safetensors *file;
	struct err err;

	fixture_check(safetensors_open(&file, path, &err), &err);
	for (size_t i = 0; i < safetensors_tensor_count(file); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor_at(file, i);
		uint8_t *copy = mem_alloc((size_t)tensor->size_bytes);

		memcpy(copy, tensor->data, (size_t)tensor->size_bytes);
		hf_tensors_add(tensors, tensor->name, tensor->dtype, tensor->n_dim, tensor->dim[0],
			tensor->dim[1], copy, (size_t)tensor->size_bytes);
		/* the dtype's name is a constant of the reader */
	}
	safetensors_close(file);
	free(path);
	free(folder);
}

/* The texts of a family in a folder: all but the weights. */
static inline void hf_put_family_texts(const char *folder, const char *family)
{
	static const char *const names[] = {
		"config.json", "tokenizer.json", "tokenizer_config.json"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *text = hf_family_text(family, names[i]);

		hf_put_text(folder, names[i], text);
		free(text);
	}
}

static inline void hf_clear(const char *folder)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		unlink(path);
		free(path);
	}
	if (stream) {
		closedir(stream);
	}
}

/* The text with one occurrence of `from` replaced; malloc'ed. Aborts where there is none. */
static inline char *hf_replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at) {
		fprintf(stderr, "\"%s\" is not in the text\n", from);
		abort();
	}
	return mem_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* ---- elements ---- */

/* Elements of F32, F16 and BF16 as floats. */
static inline float *hf_floats(const struct hf_tensor *tensor)
{
	enum dtype dtype = !strcmp(tensor->dtype, "F32")   ? DTYPE_F32
			   : !strcmp(tensor->dtype, "F16") ? DTYPE_F16
							   : DTYPE_BF16;
	int64_t n = (int64_t)tensor->size / dtype_row_bytes(dtype, 1);
	float *out = mem_alloc((size_t)n * sizeof(*out));

	dtype_dequantize(dtype, tensor->bytes, out, n);
	return out;
}

/* The tensor in another type. */
static inline void hf_convert(struct hf_tensor *tensor, enum dtype to)
{
	float *values = hf_floats(tensor);
	int64_t n = tensor->n_dim == 2 ? tensor->dim[0] * tensor->dim[1] : tensor->dim[0];

	tensor->size = (size_t)dtype_row_bytes(to, n);
	tensor->bytes = mem_resize(tensor->bytes, tensor->size, 1);
	dtype_quantize(to, values, tensor->bytes, n);
	tensor->dtype = dtype_info(to)->name;
	free(values);
}

/* ---- logits ---- */

enum { HF_N_TOK = 160, HF_N_PAGE = (HF_N_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

/* Of 160 tokens, on the best path with KV in float; malloc'ed. */
static inline float *hf_logits(const char *path, int64_t *n_vocab)
{
	struct fixture fixture = {0};
	uint32_t ids[HF_N_TOK];
	uint8_t *page[HF_N_PAGE];
	struct err err;
	size_t bytes;
	float *copy;

	fixture_check(model_open(&fixture.model, path, NULL, &err), &err);
	fixture_check(program_create(&fixture.program, fixture.model, 0, &err), &err);
	fixture_backend(&fixture, cpu_isa_best(), KV_F32, 2, HF_N_TOK);
	*n_vocab = fixture.model->n_vocab;
	for (uint32_t i = 0; i < HF_N_TOK; i++) {
		ids[i] = (i * 37 + i / 7) % (uint32_t)*n_vocab;
	}
	for (int i = 0; i < HF_N_PAGE; i++) {
		page[i] = fixture_page(&fixture);
	}
	bytes = HF_N_TOK * (size_t)*n_vocab * sizeof(float);
	copy = mem_alloc(bytes);
	memcpy(copy, fixture_run(&fixture, ids, HF_N_TOK, 0, page), bytes);
	fixture_close(&fixture);
	return copy;
}

#endif
