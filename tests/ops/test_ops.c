/*
 * The small ops on every instruction-set path that this machine runs, on random shapes: embedding,
 * RMSNorm, the rotary table and rotation, gated units, soft caps, gathering, each against double
 * precision and against plain C. (OP_KV_WRITE: test_attention.c.) Everything lies between NaN, which outputs are
 * too before an op runs.
 */
#include "base/rng.h"
#include "kernels/cpu/kernels.h"
#include "tests/ops/paths.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD  64 /* floats before and after an array */
#define SHAPES 60 /* random ones per op */

enum { IN, IN2, OUT, TABLE, N_BUFFER };

static uint64_t draws;

static int64_t pick(int64_t low, int64_t high)
{
	return low + (int64_t)(rng_uniform(8, draws++) * (double)(high - low + 1));
}

/* Often a multiple of what registers hold, and one beside it. */
static int64_t pick_width(int64_t high)
{
	int64_t n = pick(1, high);

	return pick(0, 2) ? n : n / 16 * 16 + pick(1, 2);
}

/* n floats of NaN between guards of NaN, which guards_hold() looks at and guarded_free() frees. */
static float *guarded(int64_t n)
{
	size_t bytes = (size_t)(n + 2 * GUARD) * sizeof(float);
	float *whole = malloc(bytes);

	if (!whole) {
		abort();
	}
	memset(whole, 0xff, bytes);
	return whole + GUARD;
}

static void guarded_free(void *x)
{
	if (x) {
		free((float *)x - GUARD);
	}
}

static int guards_hold(const float *x, int64_t n)
{
	int hold = 1;

	for (int64_t i = 0; i < GUARD; i++) {
		hold &= isnan(x[i - GUARD]) && isnan(x[n + i]);
	}
	return hold;
}

static float *normals(int64_t n, float size)
{
	float *x = guarded(n);

	for (int64_t i = 0; i < n; i++) {
		x[i] = (float)rng_normal(7, draws++) * size;
	}
	return x;
}

static double relative(double got, double expected)
{
	return got == expected ? 0 : fabs(got - expected) / fabs(expected);
}

static double worst_relative(const float *got, const float *expected, int64_t n)
{
	double worst = 0;

	for (int64_t i = 0; i < n; i++) {
		worst = tap_worse(worst, relative(got[i], expected[i]));
	}
	return worst;
}

static int same_bits(const float *a, const float *b, int64_t n)
{
	return memcmp(a, b, (size_t)n * sizeof(*a)) == 0;
}

/* A batch of rows over buffers of floats, all of them its own. */
struct fixture {
	struct op_env env;
	uint8_t *buffer[N_BUFFER];
	float *out, *want; /* [n_out]: the path's, plain C's */
	int64_t n_out;
};

static void fixture_init(struct fixture *f, int64_t n_row, void *in, void *in2, int64_t n_out)
{
	*f = (struct fixture){.env = {.n_row = n_row}, .n_out = n_out};
	f->env.buffer = f->buffer;
	f->buffer[IN] = in;
	f->buffer[IN2] = in2;
}

static float *run_whole(struct fixture *f, enum cpu_isa isa, const struct op *op, int *inside)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	float *out = guarded(f->n_out);

	f->buffer[OUT] = (uint8_t *)out;
	kernel->run(op, &f->env, 0, kernel->items(op, &f->env));
	*inside &= guards_hold(out, f->n_out);
	return out;
}

/* Runs op over all its items on plain C and on the path; 0 if something else was written. */
static int fixture_run(struct fixture *f, enum cpu_isa isa, const struct op *op)
{
	int inside = 1;

	f->want = run_whole(f, CPU_ISA_PORTABLE, op, &inside);
	f->out = run_whole(f, isa, op, &inside);
	return inside;
}

static void fixture_free(struct fixture *f)
{
	f->buffer[OUT] = NULL;
	for (int i = 0; i < N_BUFFER; i++) {
		guarded_free(f->buffer[i]);
	}
	guarded_free(f->out);
	guarded_free(f->want);
}

/* Whether every row computed alone gives the bytes that the whole batch gave. */
static int rows_alone_equal(struct fixture *f, enum cpu_isa isa, const struct op *op, int64_t width)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	float *out = guarded(f->n_out);
	int equal;

	f->buffer[OUT] = (uint8_t *)out;
	for (int64_t item = f->n_out / width - 1; item >= 0; item--) {
		kernel->run(op, &f->env, item, item + 1);
	}
	equal = guards_hold(out, f->n_out) && same_bits(out, f->out, f->n_out);
	guarded_free(out);
	return equal;
}

/* Whether the op gives the same bytes when `in`, which it reads from `from`, is also its output. */
static int in_place_equal(struct fixture *f, enum cpu_isa isa, const struct op *op,
	struct operand *in, const float *from)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	const struct operand before = *in;
	float *out = guarded(f->n_out);
	int equal;

	memcpy(out, from, (size_t)f->n_out * sizeof(*out));
	f->buffer[OUT] = (uint8_t *)out;
	in->buffer = OUT;
	kernel->run(op, &f->env, 0, kernel->items(op, &f->env));
	*in = before;
	equal = guards_hold(out, f->n_out) && same_bits(out, f->out, f->n_out);
	guarded_free(out);
	return equal;
}

/* Whether an RMSNorm that accumulates adds to what is there the bytes that it writes alone. */
static int rmsnorm_adds(struct fixture *f, enum cpu_isa isa, const struct op *op)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	float *out = normals(f->n_out, 1), *sum = guarded(f->n_out);
	struct op adding = *op;
	int equal;

	for (int64_t i = 0; i < f->n_out; i++) {
		sum[i] = out[i] + f->out[i];
	}
	adding.rmsnorm.accumulate = 1;
	f->buffer[OUT] = (uint8_t *)out;
	kernel->run(&adding, &f->env, 0, kernel->items(&adding, &f->env));
	equal = guards_hold(out, f->n_out) && same_bits(out, sum, f->n_out);
	guarded_free(out);
	guarded_free(sum);
	return equal;
}

static void test_rmsnorm(enum cpu_isa isa)
{
	double worst = 0, worst_want = 0;
	int inside = 1, equal = 1, in_place = 1, adds = 1;

	for (int i = 0; i < SHAPES; i++) {
		/* rows of one run, and rows of heads */
		const int64_t n = i == 0  ? 4097
				  : i % 3 ? pick_width(i % 4 ? 200 : 2100)
					  : 32 * pick(1, 8);
		const int64_t n_group = i % 3 ? 1 : pick(1, 9), n_row = pick(1, 6);
		const int64_t n_run = n_row * n_group;
		float *in = normals(n_run * n, i % 2 ? 30 : 0.01f), *weight = normals(n, 1);
		struct op op = {.kind = OP_RMSNORM,
			.rmsnorm = {{IN, 0}, {IN2, 0}, {OUT, 0}, n, n_group, 1e-5f, 0}};
		struct fixture f;

		fixture_init(&f, n_row, in, weight, n_run * n);
		inside &= fixture_run(&f, isa, &op);
		for (int64_t row = 0; row < n_run; row++) {
			double sum = 0;

			for (int64_t e = 0; e < n; e++) {
				sum += (double)in[row * n + e] * in[row * n + e];
			}
			for (int64_t e = 0; e < n; e++) {
				double expected = in[row * n + e] * (double)weight[e] /
						  sqrt(sum / (double)n + 1e-5f);

				worst = tap_worse(worst, relative(f.out[row * n + e], expected));
			}
		}
		worst_want = tap_worse(worst_want, worst_relative(f.out, f.want, f.n_out));
		equal &= rows_alone_equal(&f, isa, &op, n * n_group);
		in_place &= in_place_equal(&f, isa, &op, &op.rmsnorm.in, in);
		adds &= rmsnorm_adds(&f, isa, &op);
		fixture_free(&f);
	}
	tap_ok(worst < 5e-7 && worst_want < 7e-7,
		"%s: RMSNorm is within 5e-7 of double precision, 7e-7 of plain C",
		cpu_isa_name(isa));
	tap_note("worst relative error %.3g, from plain C %.3g", worst, worst_want);
	tap_ok(inside, "%s: RMSNorm writes its output only", cpu_isa_name(isa));
	tap_ok(equal, "%s: a row's RMSNorm depends on that row only", cpu_isa_name(isa));
	tap_ok(in_place, "%s: RMSNorm may write over its input", cpu_isa_name(isa));
	tap_ok(adds, "%s: RMSNorm adds to a residual what it would write", cpu_isa_name(isa));
}

/* Gates of every size, to +-2662. */
static float *gates(int64_t n)
{
	float *gate = normals(n, 4);

	for (int64_t i = 0; i < n; i++) {
		if (pick(0, 9) == 0) {
			gate[i] = exp2f((float)pick(-2, 11)) * (pick(0, 1) ? 1.3f : -1.3f);
		} else if (pick(0, 99) == 0) {
			gate[i] = pick(0, 1) ? 0 : -0.0f;
		}
	}
	return gate;
}

static double activation(enum glu_act act, double x)
{
	/* 1/2 + tanh(u)/2 = 1 / (1 + exp(-2u)) */
	double twice_u = act == GLU_SILU ? x : sqrt(8 / M_PI) * (x + 0.044715 * x * x * x);

	return x / (1 + exp(-twice_u));
}

static void test_glu(enum cpu_isa isa, enum glu_act act)
{
	/* beyond, the result is below 1e-27 and what is left of its digits does not matter */
	const char *name = act == GLU_SILU ? "SwiGLU" : "GeGLU";
	const double far = act == GLU_SILU ? -80 : -9;
	double worst = 0, worst_want = 0, worst_far = 0, worst_difference = 0;
	int inside = 1, equal = 1, in_place = 1;

	for (int s = 0; s < SHAPES; s++) {
		const int64_t n = pick_width(800), n_row = pick(1, 5);
		float *gate = gates(n_row * n), *up = normals(n_row * n, 1);
		struct op op = {.kind = OP_GLU, .glu = {{IN, 0}, {IN2, 0}, {OUT, 0}, n, act}};
		struct fixture f;

		gate[0] = 1e30f; /* whose square is infinite */
		gate[n_row * n - 1] = -1e30f;
		fixture_init(&f, n_row, gate, up, n_row * n);
		inside &= fixture_run(&f, isa, &op);
		for (int64_t i = 0; i < n_row * n; i++) {
			double expected = activation(act, gate[i]) * up[i];

			if (gate[i] > far) {
				worst = tap_worse(worst, relative(f.out[i], expected));
				worst_want = tap_worse(worst_want, relative(f.out[i], f.want[i]));
				worst_difference = tap_worse(worst_difference,
					fabs(f.out[i] - expected) / fmax(1, fabs(expected)));
			} else if (gate[i] > -1e4f) {
				worst_far = tap_worse(worst_far, fabs(f.out[i]));
			} else {
				inside &= !isnan(f.out[i]);
			}
		}
		equal &= rows_alone_equal(&f, isa, &op, n);
		in_place &= in_place_equal(&f, isa, &op, &op.glu.gate, gate);
		in_place &= in_place_equal(&f, isa, &op, &op.glu.up, up);
		fixture_free(&f);
	}
	/* far below zero, the rounding of the exponent before 2^x */
	tap_ok(worst < 1e-5 && worst_want < 1e-5 && worst_far < 1e-27,
		"%s: %s is within 1e-5 of double precision and of plain C, far from zero too",
		cpu_isa_name(isa), name);
	tap_note("worst relative error %.3g, from plain C %.3g, largest far below zero %.3g", worst,
		worst_want, worst_far);
	tap_ok(worst_difference < 8e-7, "%s: %s is within 8e-7 of the larger of 1 and its result",
		cpu_isa_name(isa), name);
	tap_note("worst %.3g", worst_difference);
	tap_ok(inside, "%s: %s writes its output only", cpu_isa_name(isa), name);
	tap_ok(equal, "%s: a row's %s depends on that row only", cpu_isa_name(isa), name);
	tap_ok(in_place, "%s: %s may write over its gate or its other half", cpu_isa_name(isa),
		name);
}

static void test_softcap(enum cpu_isa isa)
{
	double worst = 0, worst_want = 0;
	int inside = 1, equal = 1, in_place = 1;

	for (int s = 0; s < SHAPES; s++) {
		const int64_t n = pick_width(800), n_row = pick(1, 5);
		float *in = gates(n_row * n);
		struct op op = {
			.kind = OP_SOFTCAP, .softcap = {{IN, 0}, {OUT, 0}, n, s % 3 ? 30 : 0.7f}};
		struct fixture f;

		in[0] = 1e38f;
		in[n_row * n - 1] = 1e-30f;
		fixture_init(&f, n_row, in, NULL, n_row * n);
		inside &= fixture_run(&f, isa, &op);
		for (int64_t i = 0; i < n_row * n; i++) {
			double cap = op.softcap.cap;

			worst = tap_worse(worst, relative(f.out[i], cap * tanh(in[i] / cap)));
			worst_want = tap_worse(worst_want, relative(f.out[i], f.want[i]));
		}
		equal &= rows_alone_equal(&f, isa, &op, n);
		in_place &= in_place_equal(&f, isa, &op, &op.softcap.in, in);
		fixture_free(&f);
	}
	tap_ok(worst < 5e-7 && worst_want < 5e-7,
		"%s: soft caps are within 5e-7 of double precision and of plain C",
		cpu_isa_name(isa));
	tap_note("worst relative error %.3g, from plain C %.3g", worst, worst_want);
	tap_ok(inside && in_place, "%s: soft caps write their output only, or over their input",
		cpu_isa_name(isa));
	tap_ok(equal, "%s: a row's soft caps depend on that row only", cpu_isa_name(isa));
}

/* Llama 3's frequencies, at positions up to 8M, against long double. */
static void test_rope_table(enum cpu_isa isa)
{
	static const int64_t ends[] = {0, 1, 63, 4095, 131071, 1048575, 5000000, 8388607, 8388608};
	enum { N_ENDS = sizeof(ends) / sizeof(ends[0]), N_ROW = N_ENDS + 40 };
	int64_t pos[N_ROW];
	double worst = 0;
	int inside = 1, equal = 1;

	for (int s = 0; s < 8; s++) {
		const int64_t n_freq = pick(1, 70);
		double *inv_freq = (void *)guarded(2 * n_freq);
		struct op op = {
			.kind = OP_ROPE_TABLE, .rope_table = {{TABLE, 0}, {OUT, 0}, n_freq, 1.25f}};
		struct fixture f;

		for (int64_t i = 0; i < n_freq; i++) {
			inv_freq[i] = pow(500000, -(double)i / (double)n_freq);
		}
		for (int row = 0; row < N_ROW; row++) {
			pos[row] = row < N_ENDS ? ends[row] : pick(0, 8388608);
		}
		fixture_init(&f, N_ROW, NULL, NULL, N_ROW * n_freq * 2);
		f.buffer[TABLE] = (uint8_t *)inv_freq;
		f.env.pos = pos;
		inside &= fixture_run(&f, isa, &op);
		for (int64_t i = 0; i < N_ROW * n_freq; i++) {
			long double angle =
				(long double)pos[i / n_freq] * (long double)inv_freq[i % n_freq];

			worst = tap_worse(worst, fabs(f.out[2 * i] - 1.25 * (double)cosl(angle)));
			worst = tap_worse(
				worst, fabs(f.out[2 * i + 1] - 1.25 * (double)sinl(angle)));
		}
		equal &= same_bits(f.out, f.want, f.n_out);
		fixture_free(&f);
	}
	/* half a unit in the last place of numbers up to 1.25, and the angle's own 1e-9 */
	tap_ok(worst < 6.2e-8 && inside, "%s: rotary angles are exact to position 8M",
		cpu_isa_name(isa));
	tap_note("largest difference %.3g", worst);
	tap_ok(equal, "%s: and the bits of plain C", cpu_isa_name(isa));
}

/* What OP_ROPE rotates in place: q [row][n_head][head_dim], k [row][n_kv_head][head_dim]. */
struct rope {
	int64_t n_row, nq, nk; /* elements of q and k */
	struct op op;
	float *table, *q, *k; /* q, k as they were */
};

/* Heads of real models, { head_dim, n_freq }: Llama, Phi-4-mini (3/4), Gemma, GPT-NeoX (1/4), ... */
static const int32_t rope_heads[][2] = {
	{64, 32}, {128, 48}, {256, 128}, {96, 36}, {96, 48}, {80, 10}, {112, 56}, {64, 8}};

static void rope_init(struct rope *r, int index)
{
	const int n_fixed = sizeof(rope_heads) / sizeof(rope_heads[0]);
	struct op_rope *o = &r->op.rope;

	*r = (struct rope){.n_row = pick(1, 4), .op = {.kind = OP_ROPE}};
	o->table.buffer = TABLE;
	o->q.buffer = IN;
	o->k.buffer = IN2;
	o->n_head = (int32_t)pick(1, 6);
	o->n_kv_head = (int32_t)pick(1, 3);
	o->head_dim = (int32_t)(2 * pick(1, 70));
	o->n_freq = pick(0, 2) ? o->head_dim / 2 : pick(1, o->head_dim / 2);
	o->neox = index % 2;
	if (index / 2 < n_fixed) {
		o->head_dim = rope_heads[index / 2][0];
		o->n_freq = rope_heads[index / 2][1];
	}
	r->nq = r->n_row * o->n_head * o->head_dim;
	r->nk = r->n_row * o->n_kv_head * o->head_dim;
	r->q = normals(r->nq, 1);
	r->k = normals(r->nk, 1);
	r->table = guarded(r->n_row * o->n_freq * 2);
	for (int64_t i = 0; i < r->n_row * o->n_freq; i++) {
		double angle = rng_uniform(9, draws++) * 6;

		r->table[2 * i] = (float)cos(angle);
		r->table[2 * i + 1] = (float)sin(angle);
	}
}

static void rope_free(struct rope *r)
{
	guarded_free(r->table);
	guarded_free(r->q);
	guarded_free(r->k);
}

/* Rotates a copy, all items at once or each alone; 0 if something else was written. */
static int rope_run(const struct rope *r, enum cpu_isa isa, int alone, float **q, float **k)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[OP_ROPE];
	struct op_env env = {.n_row = r->n_row};
	uint8_t *buffer[N_BUFFER];
	int64_t n = kernel->items(&r->op, &env), step = alone ? 1 : n;

	*q = guarded(r->nq);
	*k = guarded(r->nk);
	memcpy(*q, r->q, (size_t)r->nq * sizeof(float));
	memcpy(*k, r->k, (size_t)r->nk * sizeof(float));
	env.buffer = buffer;
	buffer[TABLE] = (uint8_t *)r->table;
	buffer[IN] = (uint8_t *)*q;
	buffer[IN2] = (uint8_t *)*k;
	for (int64_t item = n - step; item >= 0; item -= step) {
		kernel->run(&r->op, &env, item, item + step);
	}
	return guards_hold(*q, r->nq) && guards_hold(*k, r->nk);
}

/* The largest difference of rotated heads from double precision; *kept: the rest is as it was. */
static double rope_worst(
	const struct rope *r, const float *before, const float *after, int64_t n_head, int *kept)
{
	const struct op_rope *o = &r->op.rope;
	double worst = 0;

	for (int64_t h = 0; h < r->n_row * n_head; h++) {
		const float *x = before + h * o->head_dim, *y = after + h * o->head_dim;
		const float *angles = r->table + h / n_head * o->n_freq * 2;

		for (int64_t p = 0; p < o->n_freq; p++) {
			int64_t a = o->neox ? p : 2 * p, b = o->neox ? p + o->n_freq : 2 * p + 1;
			double c = angles[2 * p], s = angles[2 * p + 1];

			worst = tap_worse(worst, fabs(y[a] - (x[a] * c - x[b] * s)));
			worst = tap_worse(worst, fabs(y[b] - (x[a] * s + x[b] * c)));
		}
		for (int64_t d = 2 * o->n_freq; d < o->head_dim; d++) {
			*kept &= x[d] == y[d];
		}
	}
	return worst;
}

static double worst_absolute(const float *a, const float *b, int64_t n)
{
	double worst = 0;

	for (int64_t i = 0; i < n; i++) {
		worst = tap_worse(worst, fabs((double)a[i] - b[i]));
	}
	return worst;
}

static void test_rope(enum cpu_isa isa)
{
	double worst = 0, worst_want = 0;
	int kept = 1, inside = 1, equal = 1;

	for (int i = 0; i < 2 * SHAPES; i++) {
		float *q, *k, *q_want, *k_want, *q_alone, *k_alone;
		struct rope r;

		rope_init(&r, i);
		inside &= rope_run(&r, CPU_ISA_PORTABLE, 0, &q_want, &k_want);
		inside &= rope_run(&r, isa, 0, &q, &k);
		inside &= rope_run(&r, isa, 1, &q_alone, &k_alone);
		worst = tap_worse(worst, rope_worst(&r, r.q, q, r.op.rope.n_head, &kept));
		worst = tap_worse(worst, rope_worst(&r, r.k, k, r.op.rope.n_kv_head, &kept));
		worst_want = tap_worse(worst_want, worst_absolute(q, q_want, r.nq));
		worst_want = tap_worse(worst_want, worst_absolute(k, k_want, r.nk));
		equal &= same_bits(q, q_alone, r.nq) && same_bits(k, k_alone, r.nk);
		guarded_free(q);
		guarded_free(k);
		guarded_free(q_want);
		guarded_free(k_want);
		guarded_free(q_alone);
		guarded_free(k_alone);
		rope_free(&r);
	}
	tap_ok(worst < 6e-7 && worst_want < 6e-7,
		"%s: both kinds of pairs are rotated within 6e-7, all of a head or a part",
		cpu_isa_name(isa));
	tap_note("largest difference %.3g, from plain C %.3g", worst, worst_want);
	tap_ok(kept && inside, "%s: what is not rotated stays as it was", cpu_isa_name(isa));
	tap_ok(equal, "%s: a row's rotation depends on that row only", cpu_isa_name(isa));
}

static void test_embed(enum cpu_isa isa)
{
	const int64_t n_vocab = 100;
	int equal = 1;

	for (int i = 0; i < 4 * DTYPE_COUNT; i++) {
		enum dtype dtype = (enum dtype)(i % DTYPE_COUNT);
		int64_t n = dtype_info(dtype)->block_elems * pick(1, 3), n_row = pick(1, 9);
		int64_t row_bytes = dtype_row_bytes(dtype, n);
		const float scale = i % 3 ? 1 : 33.941125f;
		float *weights = normals(n_vocab * n, 1), *expected = guarded(n);
		uint8_t *table = (uint8_t *)guarded((n_vocab * row_bytes + 3) / 4);
		struct op op = {.kind = OP_EMBED, .embed = {{TABLE, 0}, {OUT, 0}, dtype, n, scale}};
		uint32_t ids[9];
		struct fixture f;

		for (int64_t row = 0; row < n_vocab; row++) {
			dtype_quantize(dtype, weights + row * n, table + row * row_bytes, n);
		}
		for (int row = 0; row < 9; row++) {
			ids[row] = row == 0 ? 99 : row == 1 ? 0 : (uint32_t)pick(0, 99);
		}
		fixture_init(&f, n_row, weights, NULL, n_row * n);
		f.buffer[TABLE] = table;
		f.env.ids = ids;
		equal &= fixture_run(&f, isa, &op);
		for (int64_t row = 0; row < n_row; row++) {
			dtype_dequantize(dtype, table + ids[row] * row_bytes, expected, n);
			for (int64_t e = 0; e < n; e++) {
				expected[e] *= scale;
			}
			equal &= same_bits(expected, f.out + row * n, n);
		}
		equal &= same_bits(f.want, f.out, f.n_out);
		guarded_free(expected);
		fixture_free(&f);
	}
	tap_ok(equal, "%s: embeddings of every storage type are the table's rows times the scale",
		cpu_isa_name(isa));
}

static void test_gather(enum cpu_isa isa)
{
	int equal = 1;

	for (int i = 0; i < SHAPES; i++) {
		const int64_t n = pick_width(200), n_row = pick(1, 12);
		float *in = normals(n_row * n, 1);
		struct op op = {.kind = OP_GATHER, .gather = {{IN, 0}, {OUT, 0}, n}};
		int64_t out_row[12], n_out = 0;
		struct fixture f;

		for (int64_t row = 0; row < n_row; row++) {
			if (pick(0, 1) || row == n_row - 1) {
				out_row[n_out++] = row;
			}
		}
		fixture_init(&f, n_row, in, NULL, n_out * n);
		f.env.n_out = n_out;
		f.env.out_row = out_row;
		equal &= fixture_run(&f, isa, &op);
		for (int64_t o = 0; o < n_out; o++) {
			equal &= same_bits(f.out + o * n, in + out_row[o] * n, n);
		}
		equal &= same_bits(f.want, f.out, f.n_out);
		fixture_free(&f);
	}
	tap_ok(equal, "%s: the rows asked for are gathered", cpu_isa_name(isa));
}

static void test_path(enum cpu_isa isa)
{
	test_embed(isa);
	test_rmsnorm(isa);
	test_rope_table(isa);
	test_rope(isa);
	test_glu(isa, GLU_SILU);
	test_glu(isa, GLU_GELU_TANH);
	test_softcap(isa);
	test_gather(isa);
}

int main(void)
{
	paths_each(test_path);
	return tap_done();
}
