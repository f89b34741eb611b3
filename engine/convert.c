/* `models convert`: a model written again as a GGUF file, its matrices in another storage type. */
#include "engine/convert.h"

#include "base/err.h"
#include "base/mem.h"
#include "engine/backend/pool.h"
#include "engine/engine.h"
#include "engine/model/gguf.h"
#include "engine/model/gguf_write.h"
#include "engine/model/model.h"
#include "engine/token/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Converted at a time, by all threads together, then written. */
#define CHUNK_BYTES ((int64_t)32 << 20)
/* Rows that one thread takes at a time, in elements. */
#define ITEM_ELEMS ((int64_t)1 << 18)

/* ---- which type ---- */

/* What matrices can be converted to, and llama.cpp's number for such a file (general.file_type). */
static const struct target_type {
	enum dtype dtype;
	int file_type;
	int is_small;  /* below six bits: the output gets Q6_K */
	int is_medium; /* a mix with Q6_K within the layers, too */
} target_types[] = {
	{DTYPE_F32, 0, 0, 0},
	{DTYPE_F16, 1, 0, 0},
	{DTYPE_BF16, 32, 0, 0},
	{DTYPE_Q8_0, 7, 0, 0},
	{DTYPE_Q6_K, 18, 0, 0},
	{DTYPE_Q5_K, 17, 1, 1},
	{DTYPE_Q4_K, 15, 1, 1},
	{DTYPE_Q4_0, 2, 1, 0},
	{DTYPE_Q4_1, 3, 1, 0},
	{DTYPE_Q5_0, 8, 1, 0},
	{DTYPE_Q5_1, 9, 1, 0},
	{DTYPE_IQ4_NL, 25, 1, 0},
	{DTYPE_IQ4_XS, 30, 1, 0},
};

static const struct target_type *target_of(enum dtype dtype)
{
	for (size_t i = 0; i < ARRAY_LEN(target_types); i++) {
		if (target_types[i].dtype == dtype) {
			return &target_types[i];
		}
	}
	return NULL;
}

enum dtype convert_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(target_types); i++) {
		const char *known = dtype_info(target_types[i].dtype)->name;
		size_t len = strlen(known);

		if (strncasecmp(known, name, len) == 0 &&
			(!name[len] ||
				(target_types[i].is_medium && !strcasecmp(name + len, "_M")))) {
			return target_types[i].dtype;
		}
	}
	return DTYPE_COUNT;
}

void convert_type_list(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(target_types); i++) {
		buf_additem(out, dtype_info(target_types[i].dtype)->name);
	}
}

/* In the first and last eighth of the layers, and in every third between; rounded as llama.cpp does. */
static int is_sensitive_layer(long layer, int32_t n_layer)
{
	long eighth = n_layer / 8, last = 7L * n_layer / 8;

	return layer < eighth || layer >= last || (layer - eighth) % 3 == 2;
}

static int is_output(const struct model *model, const char *name)
{
	return strcmp(name, model_weight(model, "output.weight") ? "output.weight"
								 : "token_embd.weight") == 0;
}

static int is_sensitive(const struct model *model, const char *name)
{
	char *rest;
	long layer;

	if (strncmp(name, "blk.", 4) != 0) {
		return 0;
	}
	layer = strtol(name + 4, &rest, 10);
	return (strcmp(rest, ".attn_v.weight") == 0 || strcmp(rest, ".ffn_down.weight") == 0) &&
	       is_sensitive_layer(layer, model->n_layer);
}

enum dtype convert_type_of(
	const struct model *model, const struct weight *weight, enum dtype wanted)
{
	const struct target_type *target = target_of(wanted);
	enum dtype dtype = wanted;

	if (weight->n_row == 1) {
		return DTYPE_F32;
	}
	if ((target->is_small && is_output(model, weight->name)) ||
		(target->is_medium && is_sensitive(model, weight->name))) {
		dtype = DTYPE_Q6_K;
	}
	if (weight->row_elems % dtype_info(dtype)->block_elems == 0) {
		return dtype;
	}
	return weight->row_elems % dtype_info(DTYPE_Q8_0)->block_elems ? DTYPE_F16 : DTYPE_Q8_0;
}

/* ---- metadata ---- */

static int has_prefix(struct gguf_string key, const char *prefix)
{
	size_t len = strlen(prefix);

	return key.len >= len && memcmp(key.text, prefix, len) == 0;
}

/* What is told anew, or is about the files that were read and how they were quantized. */
static int is_left_out(struct gguf_string key)
{
	return has_prefix(key, "general.file_type") ||
	       has_prefix(key, "general.quantization_version") ||
	       has_prefix(key, "general.alignment") || has_prefix(key, "split.") ||
	       has_prefix(key, "quantize.");
}

static int add_metadata(
	struct gguf_writer *writer, const struct model *model, enum dtype wanted, struct err *err)
{
	for (size_t i = 0; i < gguf_key_count(model->gguf); i++) {
		size_t size_bytes;
		const uint8_t *pair = gguf_pair_at(model->gguf, i, &size_bytes);

		if (!is_left_out(gguf_key_at(model->gguf, i, NULL))) {
			gguf_writer_add_pair(writer, pair, size_bytes);
		}
	}
	gguf_writer_add_int(writer, "general.file_type", GGUF_UINT32, target_of(wanted)->file_type);
	gguf_writer_add_int(writer, "general.quantization_version", GGUF_UINT32, 2);
	return model->directory ? tokenizer_export_gguf(model->tokenizer, writer, err) : 0;
}

/* ---- weights ---- */

struct conversion {
	const struct model *model;
	struct gguf_writer *writer;
	struct pool *pool;
	uint8_t *chunk;                  /* CHUNK_BYTES, or one row where that is more */
	int64_t done_bytes, total_bytes; /* of the file being written */
	struct engine_convert_watch watch;
};

/* A run of rows that becomes bytes. */
struct rows_job {
	const struct weight *weight;
	enum dtype to;
	int64_t first_row, n_rows, item_rows;
	uint8_t *out;
};

static void convert_rows(void *arg, int64_t first_item, int64_t end_item)
{
	const struct rows_job *job = arg;
	const struct weight *weight = job->weight;
	int64_t from_bytes = dtype_row_bytes(weight->dtype, weight->row_elems);
	int64_t to_bytes = dtype_row_bytes(job->to, weight->row_elems);
	uint8_t *scratch = mem_alloc((size_t)weight_scratch_bytes(weight, job->item_rows) + 1);
	float *row = mem_alloc((size_t)weight->row_elems * sizeof(*row));

	for (int64_t item = first_item; item < end_item; item++) {
		int64_t first = item * job->item_rows;
		int64_t n =
			job->n_rows - first < job->item_rows ? job->n_rows - first : job->item_rows;
		const uint8_t *in = weight_rows(weight, job->first_row + first, n, scratch);

		for (int64_t i = 0; i < n; i++) {
			uint8_t *out = job->out + (first + i) * to_bytes;

			if (weight->dtype == job->to) {
				memcpy(out, in + i * from_bytes, (size_t)to_bytes);
			} else {
				dtype_dequantize(
					weight->dtype, in + i * from_bytes, row, weight->row_elems);
				dtype_quantize(job->to, row, out, weight->row_elems);
			}
		}
	}
	free(row);
	free(scratch);
}

static int convert_weight(
	struct conversion *conversion, const struct weight *weight, enum dtype to, struct err *err)
{
	int64_t row_bytes = dtype_row_bytes(to, weight->row_elems);
	int64_t step = CHUNK_BYTES / row_bytes > 1 ? CHUNK_BYTES / row_bytes : 1;
	struct rows_job job = {
		.weight = weight,
		.to = to,
		.item_rows =
			ITEM_ELEMS / weight->row_elems > 1 ? ITEM_ELEMS / weight->row_elems : 1,
		.out = conversion->chunk,
	};

	for (; job.first_row < weight->n_row; job.first_row += step) {
		const struct engine_convert_watch *watch = &conversion->watch;

		job.n_rows =
			weight->n_row - job.first_row < step ? weight->n_row - job.first_row : step;
		pool_run(conversion->pool, (job.n_rows + job.item_rows - 1) / job.item_rows,
			convert_rows, &job);
		if (gguf_writer_data(conversion->writer, job.out, (size_t)(job.n_rows * row_bytes),
			    err) < 0) {
			return -1;
		}
		conversion->done_bytes += job.n_rows * row_bytes;
		if (watch->look && watch->look(watch->context, conversion->done_bytes,
					   conversion->total_bytes)) {
			return err_set(err, ERR_INTERRUPTED, conversion->model->path, NULL,
				"the conversion was interrupted; nothing was written");
		}
	}
	if (weight_has_nan(weight)) {
		return err_set(err, ERR_ENGINE, conversion->model->path, "download the model again",
			"the weight \"%s\" holds codes that are no numbers (FP8's NaN)",
			weight->name);
	}
	return 0;
}

/* The tensor table; the largest piece that is converted at a time. */
static int64_t add_tensors(struct conversion *conversion, enum dtype wanted)
{
	const struct model *model = conversion->model;
	int64_t chunk_bytes = CHUNK_BYTES;

	for (size_t i = 0; i < model->n_weight; i++) {
		const struct weight *weight = &model->weight[i];
		enum dtype to = convert_type_of(model, weight, wanted);
		int64_t row_bytes = dtype_row_bytes(to, weight->row_elems);

		gguf_writer_add_tensor(
			conversion->writer, weight->name, to, weight->n_row, weight->row_elems);
		conversion->total_bytes += weight->n_row * row_bytes;
		chunk_bytes = row_bytes > chunk_bytes ? row_bytes : chunk_bytes;
	}
	return chunk_bytes;
}

static int check_room(const struct conversion *conversion, const char *path, struct err *err)
{
	char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
	struct statvfs room;
	int status;

	if (slash) {
		slash[slash == folder] = 0;
	}
	status = statvfs(slash ? folder : ".", &room);
	free(folder);
	if (status == 0 && (uint64_t)conversion->total_bytes / room.f_frsize >= room.f_bavail) {
		return err_set(err, ERR_FAILURE, path, "free some space, or write elsewhere",
			"the file takes %lld MB, and the disk has room for %lld",
			(long long)(conversion->total_bytes >> 20),
			(long long)((uint64_t)room.f_bavail * room.f_frsize >> 20));
	}
	return 0;
}

static int write_model(
	struct conversion *conversion, const char *path, enum dtype wanted, struct err *err)
{
	const struct model *model = conversion->model;

	if (add_metadata(conversion->writer, model, wanted, err) < 0) {
		return -1;
	}
	conversion->chunk = mem_alloc((size_t)add_tensors(conversion, wanted));
	if (check_room(conversion, path, err) < 0 ||
		gguf_writer_begin(conversion->writer, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < model->n_weight; i++) {
		const struct weight *weight = &model->weight[i];

		if (convert_weight(
			    conversion, weight, convert_type_of(model, weight, wanted), err) < 0) {
			return -1;
		}
	}
	return gguf_writer_finish_new(conversion->writer, err);
}

static int64_t count_unfit(const struct model *model, enum dtype wanted)
{
	int64_t count = 0;

	for (size_t i = 0; i < model->n_weight; i++) {
		const struct weight *weight = &model->weight[i];

		count += weight->n_row > 1 &&
			 weight->row_elems % dtype_info(wanted)->block_elems != 0;
	}
	return count;
}

/* ---- the public door ---- */

static int check_type(const char *name, enum dtype *type, struct err *err)
{
	struct buf known = BUF_INIT;

	*type = convert_type_find(name);
	if (*type != DTYPE_COUNT) {
		return 0;
	}
	convert_type_list(&known);
	err_set(err, ERR_USAGE, "--type", NULL,
		"models cannot be converted to \"%.40s\"; carrel knows %s", name, buf_str(&known));
	buf_finish(&known);
	return -1;
}

/* Before hours of work: links that lead nowhere are there as well. */
static int check_place(const char *path, struct err *err)
{
	struct stat st;

	if (!path[0]) {
		return err_set(err, ERR_USAGE, NULL, NULL, "the file to write has no name");
	}
	if (lstat(path, &st) == 0) {
		return err_set(err, ERR_FAILURE, path, "remove it, or choose another name",
			"is there already, and is not written over");
	}
	return 0;
}

int engine_convert(
	const struct engine_conversion *request, struct engine_convert_watch watch, struct err *err)
{
	struct conversion conversion = {.watch = watch};
	struct model *model;
	enum dtype wanted;
	int status = -1;

	if (check_type(request->type, &wanted, err) < 0 || check_place(request->to, err) < 0 ||
		model_open(&model, request->from, NULL, err) < 0) {
		return -1;
	}
	conversion.model = model;
	if (request->n_unfit) {
		*request->n_unfit = count_unfit(model, wanted);
	}
	if (pool_create(&conversion.pool, request->n_thread, err) == 0 &&
		gguf_writer_create(&conversion.writer, request->to, err) == 0) {
		status = write_model(&conversion, request->to, wanted, err);
	}
	gguf_writer_destroy(conversion.writer);
	pool_destroy(conversion.pool);
	free(conversion.chunk);
	model_close(model);
	return status;
}
