#include "kernels/cpu/matmul.h"

#include "kernels/cpu/kernels_internal.h"

#include <string.h>

/*
 * A product is cut into items of (block of columns) x (run of row panels), over the panels of all
 * its parts. Blocks of columns go slowest, so that a block's activations stay in cache while the
 * weights stream past once per block. They are wide because the weights come from memory: at
 * k = 8192 blocks of 512 columns, whose activations need the third cache, are a quarter faster
 * than blocks of 48 that fit the second.
 */
#define BLOCK_PANELS_MAX 32
/* Runs are as long as possible, but there are about this many, for threads to share evenly. */
#define RUNS_WANTED    32
#define RUN_PANELS_MAX 32
/* Column panels from which on weights are prefetched. */
#define PREFETCH_PANELS_MIN 4

struct plan {
	int64_t n_row;
	int64_t act_panels;   /* column panels */
	int64_t block_panels; /* column panels per block */
	int64_t panels;       /* row panels of all parts */
	int64_t run_panels;   /* row panels per item */
	int64_t runs;
	int64_t items;
};

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static struct plan plan_of(const struct op *op, const struct op_env *env)
{
	const struct op_matmul *mm = &op->matmul;
	struct plan plan = {.n_row = op_env_rows(env, op->rows)};
	int64_t blocks;

	plan.act_panels = act_panels(plan.n_row);
	blocks = (plan.act_panels + BLOCK_PANELS_MAX - 1) / BLOCK_PANELS_MAX;
	plan.block_panels = blocks ? (plan.act_panels + blocks - 1) / blocks : 0;
	for (int i = 0; i < mm->n_part; i++) {
		plan.panels += cpu_weight_panels(mm->part[i].m);
	}
	plan.run_panels = clamp(plan.panels / RUNS_WANTED, 1, RUN_PANELS_MAX);
	plan.runs = (plan.panels + plan.run_panels - 1) / plan.run_panels;
	plan.items = plan.runs * blocks;
	return plan;
}

int64_t matmul_items(const struct op *op, const struct op_env *env)
{
	return plan_of(op, env).items;
}

/* Where a tile's sums go. */
struct target {
	float *out; /* the tile's first element; the next column is `stride` floats on */
	int64_t stride;
	const float *bias; /* of the tile's first row, or NULL */
	int accumulate;
	int32_t columns;
	int lanes; /* rows; PANEL_ROWS but for the last panel */
};

/* The lines of the output arrive while the tile is computed: they lie a row of the output apart. */
static void target_prefetch(const struct target *target)
{
	for (int32_t c = 0; c < target->columns; c++) {
		__builtin_prefetch(target->out + c * target->stride, 1);
	}
}

/* Everything about an element that comes after its sum: once, and the same on every path. */
static inline __attribute__((always_inline)) void finish_column(
	const struct target *target, float *out, const float *sum, int lanes)
{
	float value[PANEL_ROWS];

	for (int i = 0; i < lanes; i++) {
		value[i] = target->bias ? sum[i] + target->bias[i] : sum[i];
	}
	if (target->accumulate) {
		for (int i = 0; i < lanes; i++) {
			value[i] = out[i] + value[i];
		}
	}
	memcpy(out, value, (size_t)lanes * sizeof(*out));
}

static void target_finish(const struct target *target, float sum[ACT_COLS][PANEL_ROWS])
{
	for (int32_t c = 0; c < target->columns; c++) {
		float *out = target->out + c * target->stride;

		if (target->lanes == PANEL_ROWS) {
			finish_column(target, out, sum[c], PANEL_ROWS);
		} else {
			finish_column(target, out, sum[c], target->lanes);
		}
	}
}

/*
 * Fetches slice `index` of `count` of the weights that come next, so that they are in the second
 * cache when this panel's tiles are done: weights come from memory, one panel once per block of
 * columns. With few columns the processor's own prefetching is ahead of the work already.
 */
static void weights_prefetch(const uint8_t *next, int64_t bytes, int64_t index, int64_t count)
{
	int64_t end = bytes * (index + 1) / count;

	for (int64_t at = bytes * index / count / 64 * 64; at < end; at += 64) {
		__builtin_prefetch(next + at, 0, 2);
	}
}

static void run_panel(const struct matmul_path *path, const struct op_matmul *mm,
	const struct op_env *env, const struct plan *plan, const struct matmul_part *part,
	int64_t panel, int64_t first_act, int64_t end_act)
{
	const uint8_t *weight = (const uint8_t *)op_env_at(env, part->weight) +
				panel * weight_panel_bytes(part->dtype, mm->k);
	const uint8_t *act = op_env_at(env, mm->act);
	int64_t row = panel * PANEL_ROWS, bytes = weight_panel_bytes(part->dtype, mm->k);
	int prefetch = row + PANEL_ROWS < part->m && end_act - first_act >= PREFETCH_PANELS_MIN;
	_Alignas(64) float sum[ACT_COLS][PANEL_ROWS];
	struct target target = {
		.stride = part->m,
		.accumulate = mm->accumulate,
		.lanes = (int)clamp(part->m - row, 0, PANEL_ROWS),
	};

	if (part->bias.buffer != OPERAND_NONE) {
		target.bias = (const float *)op_env_at(env, part->bias) + row;
	}
	for (int64_t a = first_act; a < end_act; a++) {
		target.columns = act_panel_rows(plan->n_row, a);
		target.out = (float *)op_env_at(env, part->out) + a * ACT_COLS * part->m + row;
		target_prefetch(&target);
		if (prefetch) {
			weights_prefetch(weight + bytes, bytes, a - first_act, end_act - first_act);
		}
		path->tile[part->dtype](weight, act + act_panel_offset(mm->act_type, mm->k, a),
			mm->k, act_panel_width(plan->n_row, a), sum);
		target_finish(&target, sum);
	}
}

void matmul_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end)
{
	const struct op_matmul *mm = &op->matmul;
	struct plan plan = plan_of(op, env);

	for (int64_t item = first; item < end; item++) {
		int64_t panel = item % plan.runs * plan.run_panels;
		int64_t end_panel = clamp(panel + plan.run_panels, 0, plan.panels);
		int64_t act = item / plan.runs * plan.block_panels;
		int64_t end_act = clamp(act + plan.block_panels, 0, plan.act_panels);

		for (; panel < end_panel; panel++) {
			const struct matmul_part *part = mm->part;
			int64_t local = panel;

			while (local >= cpu_weight_panels(part->m)) {
				local -= cpu_weight_panels(part->m);
				part++;
			}
			run_panel(path, mm, env, &plan, part, local, act, end_act);
		}
	}
}

/* One item per column panel. */
int64_t pack_act_items(const struct op *op, const struct op_env *env)
{
	return act_panels(op_env_rows(env, op->rows));
}

void pack_act_run(const struct matmul_path *path, const struct op *op, const struct op_env *env,
	int64_t first, int64_t end)
{
	const struct op_pack_act *pack = &op->pack_act;
	int64_t n_row = op_env_rows(env, op->rows);
	const float *in = op_env_at(env, pack->in);
	uint8_t *out = op_env_at(env, pack->out);

	for (int64_t p = first; p < end; p++) {
		path->pack[pack->type](in + p * ACT_COLS * pack->k, pack->k,
			act_panel_rows(n_row, p), act_panel_width(n_row, p),
			out + act_panel_offset(pack->type, pack->k, p));
	}
}
