/* A model on the CPU backend, below the scheduler: for tests that look at logits. */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "base/err.h"
#include "base/mem.h"
#include "engine/backend/backend.h"
#include "engine/model/model.h"
#include "engine/program.h"
#include "kernels/cpu/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct model *model;
	struct program *program;
	struct backend *backend;
};

static inline void fixture_path(char *out, size_t size, const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/tests/vectors/logits/%s", source ? source : ".", name);
}

static inline void fixture_check(int result, const struct err *err)
{
	char text[1024];

	if (result < 0) {
		fprintf(stderr, "%s\n", err_format(err, text, sizeof(text)));
		abort();
	}
}

static inline void fixture_open(struct fixture *fixture, const char *name)
{
	char path[512];
	struct err err;

	*fixture = (struct fixture){0};
	fixture_path(path, sizeof(path), name);
	fixture_check(model_open(&fixture->model, path, NULL, &err), &err);
	fixture_check(program_create(&fixture->program, fixture->model, 0, &err), &err);
}

/* A backend on one instruction-set path; a former one is closed. */
static inline void fixture_backend(
	struct fixture *fixture, enum cpu_isa isa, enum kv_type kv, int32_t n_thread, int64_t rows)
{
	struct backend_config config = {
		.kv_type = kv, .n_thread = n_thread, .max_batch_rows = rows, .max_out_rows = rows};
	struct err err;

	if (fixture->backend) {
		backend_cpu.destroy(fixture->backend);
	}
	setenv("CARREL_ISA", cpu_isa_name(isa), 1);
	fixture_check(backend_cpu.create(
			      &fixture->backend, fixture->model, fixture->program, &config, &err),
		&err);
}

static inline void fixture_close(struct fixture *fixture)
{
	if (fixture->backend) {
		backend_cpu.destroy(fixture->backend);
	}
	program_destroy(fixture->program);
	model_close(fixture->model);
}

/* Rows of one sequence at first_pos ..., all of their logits. */
static inline const float *fixture_run(struct fixture *fixture, const uint32_t *ids, int64_t n_row,
	int64_t first_pos, uint8_t *const *pages)
{
	int64_t *pos = mem_alloc(2 * (size_t)n_row * sizeof(*pos)), *out = pos + n_row;
	struct op_sequence sequence = {.n_row = n_row, .first_pos = first_pos, .page = pages};
	struct batch batch = {.n_row = n_row,
		.n_out = n_row,
		.ids = ids,
		.pos = pos,
		.out_row = out,
		.sequence = &sequence,
		.n_sequence = 1};
	const float *logits = NULL;
	struct err err;

	for (int64_t i = 0; i < n_row; i++) {
		pos[i] = first_pos + i;
		out[i] = i;
	}
	fixture_check(backend_cpu.run(fixture->backend, &batch, NULL, &logits, &err), &err);
	free(pos);
	return logits;
}

/* A page full of NaN (as f32, f16 and scales): what is not written must never count. */
static inline uint8_t *fixture_page(struct fixture *fixture)
{
	uint8_t *page = backend_cpu.page_alloc(fixture->backend);

	memset(page, 0xff, (size_t)backend_cpu.kv_layout(fixture->backend)->page_bytes);
	return page;
}

#endif
