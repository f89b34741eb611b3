#include "engine/model/digest.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/backend/pool.h"
#include "engine/model/digest_memo.h"
#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/model/model.h"
#include "engine/model/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_BYTES 4096
#define SAMPLE_COUNT 8

static void add_samples(struct sha256 *hash, const uint8_t *data, int64_t size)
{
	int64_t span = size - SAMPLE_BYTES;

	if (size <= SAMPLE_COUNT * SAMPLE_BYTES) {
		sha256_add(hash, data, (size_t)size);
		return;
	}
	for (int64_t i = 0; i < SAMPLE_COUNT; i++) {
		/* on page boundaries but for the last one, which ends with the tensor */
		int64_t at = span / (SAMPLE_COUNT - 1) * i / SAMPLE_BYTES * SAMPLE_BYTES;

		if (i == SAMPLE_COUNT - 1) {
			at = span;
		}
		sha256_add(hash, data + at, SAMPLE_BYTES);
	}
}

static void add_total(struct sha256 *hash, uint64_t total)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(total >> 8 * i);
	}
	sha256_add_field(hash, "bytes", bytes, sizeof(bytes));
}

/* The tensors as they are stored, not as weights are read: other rules would be another build. */
static void add_directory(struct sha256 *hash, const struct model *model)
{
	const struct safetensors *files = huggingface_files(model->directory);

	huggingface_digest(model->directory, hash);
	add_total(hash, safetensors_total_bytes(files));
	for (size_t i = 0; i < safetensors_tensor_count(files); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor_at(files, i);

		add_samples(hash, tensor->data, tensor->size_bytes);
	}
}

struct sha256_digest model_digest(const struct model *model)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	for (size_t i = 0; i < gguf_part_count(model->gguf); i++) {
		size_t size;
		const uint8_t *header = gguf_header(model->gguf, i, &size);

		sha256_add_field(hash, "header", header, size);
	}
	if (model->directory) {
		add_directory(hash, model);
	} else {
		add_total(hash, gguf_total_bytes(model->gguf));
		for (size_t i = 0; i < model->n_weight; i++) {
			add_samples(hash, model->weight[i].data, model->weight[i].size_bytes);
		}
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

/* ---- every byte ---- */

/* Leaves of the tree: large enough to be read from a disk at full speed. */
#define CHUNK_BYTES ((size_t)4 << 20)
/* Progress is told about this often. */
#define ROUND_CHUNKS 16

struct weight_file {
	const char *path;
	const uint8_t *data;
	size_t size_bytes;
	size_t first_chunk; /* of all files' */
};

struct weight_files {
	struct weight_file *file; /* [n_file] */
	struct file_stamp *stamp; /* [n_file] */
	size_t n_file, n_chunk;
	int is_in_memory; /* there are no files, only bytes */
};

static void weight_files_init(struct weight_files *files, const struct model *model)
{
	const struct safetensors *parts =
		model->directory ? huggingface_files(model->directory) : NULL;

	*files = (struct weight_files){0};
	files->n_file = parts ? safetensors_file_count(parts) : gguf_part_count(model->gguf);
	files->file = mem_zero(files->n_file + 1, sizeof(*files->file));
	files->stamp = mem_zero(files->n_file + 1, sizeof(*files->stamp));
	for (size_t i = 0; i < files->n_file; i++) {
		struct weight_file *file = &files->file[i];
		const struct file_stamp *stamp =
			parts ? safetensors_file_stamp(parts, i) : gguf_part_stamp(model->gguf, i);

		if (parts) {
			file->path = safetensors_file_path(parts, i);
			file->data = safetensors_file_data(parts, i);
			file->size_bytes = safetensors_file_bytes(parts, i);
		} else {
			file->path = gguf_part_path(model->gguf, i);
			file->data = gguf_part_bytes(model->gguf, i, &file->size_bytes);
		}
		if (stamp) {
			files->stamp[i] = *stamp;
		} else {
			files->is_in_memory = 1;
		}
		file->first_chunk = files->n_chunk;
		files->n_chunk += (file->size_bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
	}
}

static void weight_files_finish(struct weight_files *files)
{
	free(files->file);
	free(files->stamp);
}

struct chunk_job {
	const struct weight_files *files;
	struct sha256_digest *leaf; /* [n_chunk] */
	int64_t first_chunk;
};

static void hash_chunks(void *arg, int64_t first, int64_t end)
{
	struct chunk_job *job = arg;
	size_t at = (size_t)(job->first_chunk + first), stop = (size_t)(job->first_chunk + end);
	const struct weight_file *file = job->files->file;

	for (; at < stop; at++) {
		size_t from, left;

		while (at - file->first_chunk >=
			(file->size_bytes + CHUNK_BYTES - 1) / CHUNK_BYTES) {
			file++;
		}
		from = (at - file->first_chunk) * CHUNK_BYTES;
		left = file->size_bytes - from;
		job->leaf[at] =
			sha256_of(file->data + from, left < CHUNK_BYTES ? left : CHUNK_BYTES);
	}
}

static struct sha256_digest hash_tree(
	const struct weight_files *files, const struct sha256_digest *leaf)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	add_total(hash, CHUNK_BYTES);
	for (size_t i = 0; i < files->n_file; i++) {
		const struct weight_file *file = &files->file[i];
		size_t n_chunk = (file->size_bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;

		add_total(hash, file->size_bytes);
		sha256_add_field(hash, "chunks", leaf + file->first_chunk, n_chunk * sizeof(*leaf));
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

static int hash_files(struct sha256_digest *digest, const struct weight_files *files,
	const struct model_digest_config *config, struct err *err)
{
	struct chunk_job job = {.files = files};
	int64_t n_chunk = (int64_t)files->n_chunk;
	struct pool *pool;

	if (pool_create(&pool, config->n_thread, err) < 0) {
		return -1;
	}
	job.leaf = mem_zero(files->n_chunk + 1, sizeof(*job.leaf));
	pool_begin(pool);
	for (; job.first_chunk < n_chunk; job.first_chunk += ROUND_CHUNKS) {
		int64_t left = n_chunk - job.first_chunk;

		pool_run(pool, left < ROUND_CHUNKS ? left : ROUND_CHUNKS, hash_chunks, &job);
		if (config->progress) {
			int64_t done =
				left < ROUND_CHUNKS ? n_chunk : job.first_chunk + ROUND_CHUNKS;

			config->progress(config->progress_arg, (double)done / (double)n_chunk);
		}
	}
	pool_end(pool);
	pool_destroy(pool);
	*digest = hash_tree(files, job.leaf);
	free(job.leaf);
	return 0;
}

/* Of the weight files: remembered, or hashed and then remembered if every change to come would show. */
static int digest_files(struct sha256_digest *digest, const struct weight_files *files,
	const struct model_digest_config *config, struct err *err)
{
	int can_remember = config->folder && files->n_file && !files->is_in_memory;
	struct timespec start;

	if (can_remember && digest_memo_get(digest, config->folder, files->stamp, files->n_file)) {
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &start);
	if (hash_files(digest, files, config, err) < 0) {
		return -1;
	}
	for (size_t i = 0; can_remember && i < files->n_file; i++) {
		struct file_stamp now;

		can_remember = file_stamp(&now, files->file[i].path) == 0 &&
			       file_stamp_equal(&now, &files->stamp[i]) &&
			       file_stamp_is_settled(&now, &start);
	}
	if (can_remember) {
		digest_memo_put(config->folder, files->stamp, files->n_file, digest);
	}
	return 0;
}

int model_digest_whole(struct sha256_digest *digest, const struct model *model,
	const struct model_digest_config *config, struct err *err)
{
	struct weight_files files;
	struct sha256_digest bytes;
	struct sha256 *hash;
	int result;

	weight_files_init(&files, model);
	result = digest_files(&bytes, &files, config, err);
	weight_files_finish(&files);
	if (result < 0) {
		return -1;
	}
	hash = sha256_create();
	sha256_add_field(hash, "every byte", bytes.byte, sizeof(bytes.byte));
	if (model->directory) {
		huggingface_digest(model->directory, hash);
	}
	*digest = sha256_finish(hash);
	sha256_destroy(hash);
	return model_check_unchanged(model, err);
}

int model_check_unchanged(const struct model *model, struct err *err)
{
	struct weight_files files;
	int result = 0;

	weight_files_init(&files, model);
	for (size_t i = 0; i < files.n_file && !files.is_in_memory && result == 0; i++) {
		const struct file_stamp *then = &files.stamp[i];
		struct file_stamp now;

		/* Not ctime: a link or a new mode changes nothing of what is read. */
		if (file_stamp(&now, files.file[i].path) == 0 && now.device == then->device &&
			now.inode == then->inode &&
			(now.size_bytes != then->size_bytes || now.mtime_s != then->mtime_s ||
				now.mtime_ns != then->mtime_ns)) {
			result = err_set(err, ERR_ENGINE, files.file[i].path,
				"start again once it is whole",
				"was written to while it was being read");
		}
	}
	weight_files_finish(&files);
	return result;
}
