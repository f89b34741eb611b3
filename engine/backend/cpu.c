/*
 * The CPU backend: weights packed into memory of its own at load, ops executed one after the other
 * with their items dealt to a pool of threads.
 */
#include "engine/backend/backend.h"

#include "base/mem.h"
#include "engine/backend/pool.h"
#include "engine/model/model.h"
#include "engine/program.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/kv_block.h"
#include "kernels/cpu/pack.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES ((int64_t)2 << 20)
/* KV pages are taken from the system in slabs of about this size. */
#define SLAB_BYTES ((int64_t)16 << 20)
/* Progress of loading is told about this often. */
#define PROGRESS_BYTES ((int64_t)32 << 20)

struct slab {
	struct slab *next;
	uint8_t *data;
	int64_t size_bytes;
};

/* A page that nobody uses; lives in the page itself. */
struct free_page {
	struct free_page *next;
};

struct cpu_backend {
	struct backend base;
	const struct program *program;
	const struct cpu_kernel *kernel;
	struct pool *pool;
	struct kv_layout layout;
	int64_t max_batch_rows, max_out_rows;

	uint8_t **buffer; /* [program->n_buffer] */
	uint8_t *weights, *scratch;
	int64_t weights_bytes, scratch_bytes;

	struct slab *slab;
	struct free_page *free_page;

	char description[64], numerics[32];
};

static struct cpu_backend *cpu_of(const struct backend *backend)
{
	return (struct cpu_backend *)(uintptr_t)backend;
}

static int64_t round_up(int64_t bytes, int64_t to)
{
	return (bytes + to - 1) / to * to;
}

/* Zeroed memory on 2 MB boundaries, in huge pages where the system has them; NULL without memory. */
static uint8_t *huge_alloc(int64_t size_bytes)
{
	size_t size = (size_t)size_bytes, slack = (size_t)HUGE_BYTES;
	uint8_t *raw, *data;

	if (size_bytes < HUGE_BYTES) {
		raw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return raw == MAP_FAILED ? NULL : raw;
	}
	raw = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw == MAP_FAILED) {
		return NULL;
	}
	data = (uint8_t *)(((uintptr_t)raw + slack - 1) / slack * slack);
	if (data > raw) {
		munmap(raw, (size_t)(data - raw));
	}
	if (data + size < raw + size + slack) {
		munmap(data + size, (size_t)(raw + size + slack - (data + size)));
	}
	(void)madvise(data, size, MADV_HUGEPAGE);
	return data;
}

static void huge_free(uint8_t *data, int64_t size_bytes)
{
	if (data) {
		munmap(data, (size_t)size_bytes);
	}
}

/* Sizes are whole system pages, so that a mapping can be trimmed at its end. */
static int64_t mapping_bytes(int64_t bytes)
{
	return round_up(bytes > 0 ? bytes : 1, bytes >= HUGE_BYTES ? HUGE_BYTES : 4096);
}

/* ---- loading ---- */

static int choose_isa(enum cpu_isa *isa, struct err *err)
{
	const char *name = getenv("CARREL_ISA");

	*isa = cpu_isa_best();
	if (!name || !*name) {
		return 0;
	}
	for (int i = 0; i < CPU_ISA_COUNT; i++) {
		if (strcmp(name, cpu_isa_name((enum cpu_isa)i)) != 0) {
			continue;
		}
		if (!cpu_isa_supported((enum cpu_isa)i)) {
			return err_set(err, ERR_ENGINE, "CARREL_ISA", "unset it",
				"this processor or this build cannot run %s", name);
		}
		*isa = (enum cpu_isa)i;
		return 0;
	}
	return err_set(err, ERR_ENGINE, "CARREL_ISA", "use portable, avx2 or avx512",
		"there is no instruction-set path \"%.40s\"", name);
}

static int64_t buffer_bytes(const struct cpu_backend *cpu, const struct buffer_desc *desc)
{
	int64_t rows = desc->rows == ROWS_OUT ? cpu->max_out_rows : cpu->max_batch_rows;

	switch (desc->kind) {
	case BUFFER_PACKED:
		return cpu_weight_bytes(
			desc->weight->dtype, desc->weight->n_row, desc->weight->row_elems);
	case BUFFER_ROWS:
	case BUFFER_LOGITS:
		return rows * desc->row_bytes;
	case BUFFER_ACT:
		return cpu_act_bytes(desc->act_type, rows, desc->act_k);
	case BUFFER_FILE_WEIGHT:
		return weight_scratch_bytes(desc->weight, desc->weight->n_row);
	case BUFFER_CONSTANT:
		break;
	}
	return 0;
}

/* Two runs of memory, weights and scratch, hold all buffers that are ours. */
static int allocate_buffers(struct cpu_backend *cpu, struct err *err)
{
	const struct program *program = cpu->program;
	int64_t weights = 0, scratch = 0;

	for (int place = 0; place < 2; place++) {
		weights = scratch = 0;
		for (size_t i = 0; i < program->n_buffer; i++) {
			const struct buffer_desc *desc = &program->buffer[i];
			int packed =
				desc->kind == BUFFER_PACKED || desc->kind == BUFFER_FILE_WEIGHT;
			int64_t bytes = round_up(buffer_bytes(cpu, desc), 64);

			if (desc->kind == BUFFER_FILE_WEIGHT && !bytes) {
				cpu->buffer[i] = (uint8_t *)(uintptr_t)desc->weight->data;
			} else if (desc->kind == BUFFER_CONSTANT) {
				cpu->buffer[i] = desc->constant;
			} else if (place) {
				cpu->buffer[i] =
					packed ? cpu->weights + weights : cpu->scratch + scratch;
			}
			*(packed ? &weights : &scratch) += bytes;
		}
		if (!place) {
			cpu->weights_bytes = mapping_bytes(weights);
			cpu->scratch_bytes = mapping_bytes(scratch);
			cpu->weights = huge_alloc(cpu->weights_bytes);
			cpu->scratch = huge_alloc(cpu->scratch_bytes);
		}
		if (!cpu->weights || !cpu->scratch) {
			return err_set(err, ERR_ENGINE, NULL, "use a smaller model",
				"there is no memory for %lld MB of weights and %lld MB of scratch",
				(long long)(cpu->weights_bytes >> 20),
				(long long)(cpu->scratch_bytes >> 20));
		}
	}
	return 0;
}

struct pack_job {
	const struct weight *weight;
	uint8_t *packed;
	int64_t first_panel;
	atomic_bool is_short_of_memory;
};

/* Panel by panel, so that rows which have to be made need room for one panel and no more. */
static void pack_panels(void *arg, int64_t first, int64_t end)
{
	struct pack_job *job = arg;
	const struct weight *weight = job->weight;
	int64_t panel_bytes = cpu_weight_bytes(weight->dtype, 1, weight->row_elems);
	int64_t panel_rows = PANEL_ROWS;
	uint8_t *scratch = malloc((size_t)weight_scratch_bytes(weight, panel_rows) + 1);

	if (!scratch) {
		atomic_store(&job->is_short_of_memory, 1);
		return;
	}
	for (int64_t p = job->first_panel + first; p < job->first_panel + end; p++) {
		int64_t row = p * panel_rows, left = weight->n_row - row;
		int64_t n_row = left < panel_rows ? left : panel_rows;

		cpu_weight_pack(weight->dtype, weight_rows(weight, row, n_row, scratch), n_row,
			weight->row_elems, 0, 1, job->packed + p * panel_bytes);
	}
	free(scratch);
}

static int check_rows(const struct weight *weight, struct err *err)
{
	return weight_has_nan(weight)
		       ? err_set(err, ERR_ENGINE, NULL, "download the model again",
				 "the weight \"%s\" holds codes that are no numbers (FP8's NaN)",
				 weight->name)
		       : 0;
}

static int pack_weights(
	struct cpu_backend *cpu, const struct backend_config *config, struct err *err)
{
	const struct program *program = cpu->program;
	int64_t total = 0, done = 0;

	for (size_t i = 0; i < program->n_buffer; i++) {
		if (program->buffer[i].kind == BUFFER_PACKED) {
			total += program->buffer[i].weight->size_bytes;
		}
	}
	for (size_t i = 0; i < program->n_buffer; i++) {
		struct pack_job job = {program->buffer[i].weight, cpu->buffer[i], 0, 0};
		int64_t n_panel, step;

		if (program->buffer[i].kind == BUFFER_FILE_WEIGHT) {
			weight_rows(job.weight, 0, job.weight->n_row, cpu->buffer[i]);
			if (check_rows(job.weight, err) < 0) {
				return -1;
			}
		}
		if (program->buffer[i].kind != BUFFER_PACKED) {
			continue;
		}
		n_panel = cpu_weight_panels(job.weight->n_row);
		step = n_panel / (job.weight->size_bytes / PROGRESS_BYTES + 1) + 1;
		for (; job.first_panel < n_panel; job.first_panel += step) {
			int64_t n =
				n_panel - job.first_panel < step ? n_panel - job.first_panel : step;

			pool_run(cpu->pool, n, pack_panels, &job);
			if (config->progress) {
				double part = (double)(job.first_panel + n) / (double)n_panel;

				config->progress(config->progress_arg,
					((double)done + part * (double)job.weight->size_bytes) /
						(double)total);
			}
		}
		if (job.is_short_of_memory) {
			return err_set(err, ERR_ENGINE, NULL, "use a smaller model",
				"there is no memory to read the weight \"%s\"", job.weight->name);
		}
		if (check_rows(job.weight, err) < 0) {
			return -1;
		}
		done += job.weight->size_bytes;
	}
	return 0;
}

static void cpu_destroy(struct backend *backend)
{
	struct cpu_backend *cpu = cpu_of(backend);

	if (!cpu) {
		return;
	}
	pool_destroy(cpu->pool);
	huge_free(cpu->weights, cpu->weights_bytes);
	huge_free(cpu->scratch, cpu->scratch_bytes);
	while (cpu->slab) {
		struct slab *next = cpu->slab->next;

		huge_free(cpu->slab->data, cpu->slab->size_bytes);
		free(cpu->slab);
		cpu->slab = next;
	}
	free(cpu->buffer);
	free(cpu);
}

static int cpu_create(struct backend **out, const struct model *model,
	const struct program *program, const struct backend_config *config, struct err *err)
{
	struct cpu_backend *cpu = mem_zero(1, sizeof(*cpu));
	enum cpu_isa isa;
	int result;

	*out = NULL;
	cpu->base.ops = &backend_cpu;
	cpu->program = program;
	cpu->max_batch_rows = config->max_batch_rows > 0 ? config->max_batch_rows : 1;
	cpu->max_out_rows = config->max_out_rows > 0 ? config->max_out_rows : 1;
	cpu->layout = kv_layout_of(
		config->kv_type, program->n_layer, program->n_kv_head, program->head_dim);
	cpu->buffer = mem_zero(program->n_buffer, sizeof(*cpu->buffer));
	if (choose_isa(&isa, err) < 0 || pool_create(&cpu->pool, config->n_thread, err) < 0 ||
		allocate_buffers(cpu, err) < 0) {
		cpu_destroy(&cpu->base);
		return -1;
	}
	cpu->kernel = cpu_kernels(isa);
	snprintf(cpu->numerics, sizeof(cpu->numerics), "cpu-%s", cpu_isa_name(isa));
	snprintf(cpu->description, sizeof(cpu->description), "%s %d thread%s", cpu_isa_name(isa),
		(int)pool_threads(cpu->pool), pool_threads(cpu->pool) == 1 ? "" : "s");
	pool_begin(cpu->pool);
	result = pack_weights(cpu, config, err);
	pool_end(cpu->pool);
	if (result < 0) {
		cpu_destroy(&cpu->base);
		return -1;
	}
	*out = &cpu->base;
	return 0;
}

/* ---- running ---- */

struct op_job {
	const struct op *op;
	const struct op_env *env;
	const struct cpu_kernel *kernel;
};

static void run_items(void *arg, int64_t first, int64_t end)
{
	const struct op_job *job = arg;

	job->kernel->run(job->op, job->env, first, end);
}

static int cpu_run(struct backend *backend, const struct batch *batch,
	const atomic_bool *interrupted, const float **out, struct err *err)
{
	struct cpu_backend *cpu = cpu_of(backend);
	const struct program *program = cpu->program;
	const size_t n_op = batch->is_embedding ? program->embedding.n_op : program->n_op;
	const struct op_env env = {
		.buffer = cpu->buffer,
		.n_row = batch->n_row,
		.n_out = batch->n_out,
		.ids = batch->ids,
		.pos = batch->pos,
		.out_row = batch->out_row,
		.sequence = batch->sequence,
		.n_sequence = batch->n_sequence,
		.kv = &cpu->layout,
	};
	int stopped = 0;

	if (batch->n_row > cpu->max_batch_rows || batch->n_out > cpu->max_out_rows) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"a batch of %lld rows and %lld outputs exceeds %lld and %lld",
			(long long)batch->n_row, (long long)batch->n_out,
			(long long)cpu->max_batch_rows, (long long)cpu->max_out_rows);
	}
	pool_begin(cpu->pool);
	for (size_t i = 0; i < n_op && !stopped; i++) {
		const struct op *op = &program->op[i];
		struct op_job job = {op, &env, &cpu->kernel[op->kind]};

		if (op_env_rows(&env, op->rows) > 0) {
			pool_run(cpu->pool, job.kernel->items(op, &env), run_items, &job);
		}
		stopped = interrupted && atomic_load_explicit(interrupted, memory_order_relaxed);
	}
	pool_end(cpu->pool);
	if (out) {
		*out = (const float *)(const void *)
			       cpu->buffer[batch->is_embedding ? program->embedding.buffer
							       : program->logits];
	}
	return stopped;
}

static const struct embedding_rule *cpu_embedding(const struct backend *backend)
{
	return &cpu_of(backend)->program->embedding;
}

/* ---- KV pages ---- */

static uint8_t *cpu_page_alloc(struct backend *backend)
{
	struct cpu_backend *cpu = cpu_of(backend);
	int64_t page_bytes = round_up(cpu->layout.page_bytes, 64);
	struct free_page *page = cpu->free_page;
	struct slab *slab;
	int64_t n_page = SLAB_BYTES / page_bytes;

	if (page) {
		cpu->free_page = page->next;
		return (uint8_t *)page;
	}
	n_page = n_page > 0 ? n_page : 1;
	slab = mem_zero(1, sizeof(*slab));
	slab->size_bytes = mapping_bytes(n_page * page_bytes);
	slab->data = huge_alloc(slab->size_bytes);
	if (!slab->data) {
		free(slab);
		return NULL;
	}
	slab->next = cpu->slab;
	cpu->slab = slab;
	for (int64_t i = n_page - 1; i > 0; i--) {
		page = (struct free_page *)(void *)(slab->data + i * page_bytes);
		page->next = cpu->free_page;
		cpu->free_page = page;
	}
	return slab->data;
}

static void cpu_page_free(struct backend *backend, uint8_t *data)
{
	struct cpu_backend *cpu = cpu_of(backend);
	struct free_page *page = (struct free_page *)(void *)data;

	if (page) {
		page->next = cpu->free_page;
		cpu->free_page = page;
	}
}

static void cpu_page_clear(struct backend *backend, uint8_t *page, int32_t from_tok)
{
	const struct kv_layout *kv = &cpu_of(backend)->layout;

	for (int64_t i = 0; i < (int64_t)kv->n_layer * kv->n_kv_head; i++) {
		uint8_t *keys = kv_block_keys(kv, page, i / kv->n_kv_head, i % kv->n_kv_head);

		for (int64_t tok = from_tok; tok < KV_PAGE_TOK; tok++) {
			kv_block_clear(kv, keys, tok, kv_key_index);
			kv_block_clear(kv, keys + kv->key_bytes, tok, kv_value_index);
		}
	}
}

static const struct kv_layout *cpu_kv_layout(const struct backend *backend)
{
	return &cpu_of(backend)->layout;
}

static const char *cpu_describe(const struct backend *backend)
{
	return cpu_of(backend)->description;
}

static const char *cpu_numerics_class(const struct backend *backend)
{
	return cpu_of(backend)->numerics;
}

static int32_t cpu_n_thread(const struct backend *backend)
{
	return pool_threads(cpu_of(backend)->pool);
}

const struct backend_ops backend_cpu = {
	.name = "cpu",
	.create = cpu_create,
	.destroy = cpu_destroy,
	.run = cpu_run,
	.embedding = cpu_embedding,
	.page_alloc = cpu_page_alloc,
	.page_free = cpu_page_free,
	.page_clear = cpu_page_clear,
	.kv_layout = cpu_kv_layout,
	.describe = cpu_describe,
	.numerics_class = cpu_numerics_class,
	.n_thread = cpu_n_thread,
};
