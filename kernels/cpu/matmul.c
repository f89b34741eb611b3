#include "kernels/cpu/matmul.h"

#include "kernels/cpu/kernels_internal.h"

/*
 * A product is cut into items of (block of columns) x (run of row panels), over the panels of all
 * its parts. Blocks of columns go slowest, so that a block's activations stay in the core's second
 * cache while the weights stream past; a block's activations are at most COLUMN_BLOCK_BYTES.
 */
#define COLUMN_BLOCK_BYTES (768 * 1024)
#define COLUMN_BLOCK_MIN   128
#define COLUMN_BLOCK_MAX   512
/* Runs are as long as possible, but there are about this many, for threads to share evenly. */
#define RUNS_WANTED    32
#define RUN_PANELS_MAX 32

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
	int64_t columns = COLUMN_BLOCK_BYTES / act_column_bytes(mm->act_type, mm->k);

	plan.act_panels = act_panels(plan.n_row);
	plan.block_panels = clamp(columns, COLUMN_BLOCK_MIN, COLUMN_BLOCK_MAX) / ACT_COLS;
	for (int i = 0; i < mm->n_part; i++) {
		plan.panels += cpu_weight_panels(mm->part[i].m);
	}
	plan.run_panels = clamp(plan.panels / RUNS_WANTED, 1, RUN_PANELS_MAX);
	plan.runs = (plan.panels + plan.run_panels - 1) / plan.run_panels;
	plan.items = plan.runs * ((plan.act_panels + plan.block_panels - 1) / plan.block_panels);
	return plan;
}

int64_t matmul_items(const struct op *op, const struct op_env *env)
{
	return plan_of(op, env).items;
}

/* Everything about an element that comes after its sum: once, and the same on every path. */
static void finish(const struct matmul_part *part, const struct op_env *env, int accumulate,
	int64_t panel, int64_t first_row, int32_t n_row, float sum[ACT_COLS][PANEL_ROWS])
{
	int64_t m0 = panel * PANEL_ROWS;
	int lanes = (int)clamp(part->m - m0, 0, PANEL_ROWS);
	float *out = (float *)op_env_at(env, part->out) + first_row * part->m + m0;

	for (int32_t c = 0; c < n_row; c++, out += part->m) {
		if (part->bias.buffer != OPERAND_NONE) {
			const float *bias = (const float *)op_env_at(env, part->bias) + m0;

			for (int i = 0; i < lanes; i++) {
				sum[c][i] += bias[i];
			}
		}
		for (int i = 0; i < lanes; i++) {
			out[i] = accumulate ? out[i] + sum[c][i] : sum[c][i];
		}
	}
}

static void run_panel(const struct matmul_path *path, const struct op_matmul *mm,
	const struct op_env *env, const struct plan *plan, const struct matmul_part *part,
	int64_t panel, int64_t first_act, int64_t end_act)
{
	const uint8_t *weight = (const uint8_t *)op_env_at(env, part->weight) +
				panel * weight_panel_bytes(part->dtype, mm->k);
	const uint8_t *act = op_env_at(env, mm->act);
	_Alignas(64) float sum[ACT_COLS][PANEL_ROWS];

	for (int64_t a = first_act; a < end_act; a++) {
		path->tile[part->dtype](weight, act + act_panel_offset(mm->act_type, mm->k, a),
			mm->k, act_panel_width(plan->n_row, a), sum);
		finish(part, env, mm->accumulate, panel, a * ACT_COLS,
			act_panel_rows(plan->n_row, a), sum);
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
