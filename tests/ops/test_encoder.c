/*
 * The ops of encoders on every instruction-set path that this machine runs, on random shapes, against
 * double precision: tables that are added, LayerNorm, GELU, bidirectional attention over several
 * sequences. Outputs are NaN before an op runs, and everything lies between NaN.
 */
#include "base/rng.h"
#include "kernels/cpu/kernels.h"
#include "tests/ops/paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD  64 /* floats before and after an array */
#define SHAPES 40 /* random ones per op */

enum { A, B, C, OUT, N_BUFFER };

static uint64_t draws;

static int64_t pick(int64_t low, int64_t high)
{
	return low + (int64_t)(rng_uniform(18, draws++) * (double)(high - low + 1));
}

static int64_t pick_width(int64_t high)
{
	int64_t n = pick(1, high);

	return pick(0, 2) ? n : n / 16 * 16 + pick(1, 2);
}

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

static float *normals(int64_t n, float size)
{
	float *x = guarded(n);

	for (int64_t i = 0; i < n; i++) {
		x[i] = (float)rng_normal(17, draws++) * size;
	}
	return x;
}

static void release(float *x)
{
	if (x) {
		free(x - GUARD);
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

/* Runs op over its items in one call, or in two of any size; 0 if it wrote beside its output. */
static int run(enum cpu_isa isa, const struct op *op, struct op_env *env, float *buffer[N_BUFFER],
	int64_t n_out, int in_two)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	int64_t items = kernel->items(op, env), cut = in_two ? pick(0, items) : items;

	env->buffer = (uint8_t *const *)(void *)buffer;
	kernel->run(op, env, cut, items);
	kernel->run(op, env, 0, cut);
	return guards_hold(buffer[OUT], n_out);
}

static void test_add_table(enum cpu_isa isa)
{
	double worst = 0;
	int inside = 1;

	for (int i = 0; i < SHAPES; i++) {
		int64_t n = pick_width(200), n_row = pick(1, 9), pos[9];
		float *table = normals(20 * n, 1), *out = normals(n_row * n, 1);
		float *buffer[N_BUFFER] = {table, NULL, NULL, out};
		float *before = normals(n_row * n, 1);
		struct op op = {
			.kind = OP_ADD_TABLE, .add_table = {{A, 0}, {OUT, 0}, n, .by_pos = i % 2}};
		struct op_env env = {.n_row = n_row, .pos = pos};

		for (int64_t row = 0; row < n_row; row++) {
			pos[row] = pick(0, 19);
		}
		memcpy(before, out, (size_t)(n_row * n) * sizeof(*out));
		inside &= run(isa, &op, &env, buffer, n_row * n, 1);
		for (int64_t k = 0; k < n_row * n; k++) {
			int64_t entry = i % 2 ? pos[k / n] : 0;

			worst = tap_worse(
				worst, fabsf(before[k] + table[entry * n + k % n] - out[k]));
		}
		release(table);
		release(out);
		release(before);
	}
	tap_ok(inside && worst == 0, "%s: each row gets its position's entry, or the first",
		cpu_isa_name(isa));
}

/* Far from zero on purpose: the mean must go before anything is squared. */
static void test_layernorm(enum cpu_isa isa)
{
	double worst = 0;
	int inside = 1;

	for (int i = 0; i < SHAPES; i++) {
		int64_t n = 1 + pick_width(1100), n_row = pick(1, 5);
		float *in = normals(n_row * n, 1), *weight = normals(n, 1), *bias = normals(n, 1);
		float *out = i % 3 ? guarded(n_row * n) : in, shift = i % 2 ? 30 : 0;
		float *buffer[N_BUFFER] = {in, weight, bias, out};
		double *want = malloc((size_t)(n_row * n) * sizeof(*want));
		struct op op = {.kind = OP_LAYERNORM,
			.layernorm = {{A, 0}, {B, 0}, {C, 0}, {OUT, 0}, n, 1e-12f}};
		struct op_env env = {.n_row = n_row};

		for (int64_t row = 0; row < n_row && want; row++) {
			double mean = 0, square = 0;

			for (int64_t k = row * n; k < row * n + n; k++) {
				mean += (in[k] += shift) / (double)n;
			}
			for (int64_t k = row * n; k < row * n + n; k++) {
				square += (in[k] - mean) * (in[k] - mean) / (double)n;
			}
			for (int64_t k = 0; k < n; k++) {
				want[row * n + k] = (in[row * n + k] - mean) /
							    sqrt(square + 1e-12) * weight[k] +
						    bias[k];
			}
		}
		inside &= run(isa, &op, &env, buffer, n_row * n, 1);
		for (int64_t k = 0; k < n_row * n && want; k++) {
			worst = tap_worse(worst, fabs(out[k] - want[k]) / (1 + fabs(want[k])));
		}
		if (out != in) {
			release(out);
		}
		release(in);
		release(weight);
		release(bias);
		free(want);
	}
	tap_note("%s: LayerNorm, worst error %.2e", cpu_isa_name(isa), worst);
	tap_ok(inside && worst < 2e-5, "%s: LayerNorm takes the mean off before it squares",
		cpu_isa_name(isa));
}

static void test_gelu(enum cpu_isa isa)
{
	double worst = 0, tail = 0;
	int inside = 1;

	for (int i = 0; i < SHAPES; i++) {
		int64_t n = pick_width(300), n_row = pick(1, 4);
		float *in = normals(n_row * n, i % 2 ? 1 : 6), *out = guarded(n_row * n);
		float *buffer[N_BUFFER] = {in, NULL, NULL, out};
		struct op op = {.kind = OP_GELU, .gelu = {{A, 0}, {OUT, 0}, n}};
		struct op_env env = {.n_row = n_row};

		in[0] = i == 0 ? 0 : i == 1 ? 300 : i == 2 ? -300 : in[0];
		inside &= run(isa, &op, &env, buffer, n_row * n, 1);
		for (int64_t k = 0; k < n_row * n; k++) {
			double x = in[k], want = x / 2 * erfc(-x / sqrt(2));

			worst = tap_worse(worst, fabs(out[k] - want));
			tail = x < -1 ? tap_worse(tail, fabs(out[k] - want) / -x) : tail;
		}
		release(in);
		release(out);
	}
	tap_note("%s: GELU, worst error %.2e, of the tail %.2e times |x|", cpu_isa_name(isa), worst,
		tail);
	tap_ok(inside && worst < 2e-6 && tail < 2e-7, "%s: GELU is that of erf, not of tanh",
		cpu_isa_name(isa));
}

/* ---- attention ---- */

struct crowd {
	struct op_sequence sequence[5];
	int64_t n_sequence, n_row, n_head, head_dim;
	float *buffer[N_BUFFER];
};

static void crowd_init(struct crowd *c, int index)
{
	static const int64_t heads[] = {32, 64, 96, 16, 128, 2, 40, 72, 256, 512};
	int64_t n;

	*c = (struct crowd){.n_sequence = pick(1, 5), .n_head = pick(1, 3)};
	c->head_dim = heads[index % 10];
	for (int64_t i = 0; i < c->n_sequence; i++) {
		int64_t n_row = i == 0 && index % 4 == 0 ? pick(520, 700) : pick(1, 140);

		c->sequence[i] = (struct op_sequence){.first_row = c->n_row, .n_row = n_row};
		c->n_row += n_row;
	}
	n = c->n_row * c->n_head * c->head_dim;
	c->buffer[A] = normals(n, 2);
	c->buffer[B] = normals(n, 2);
	c->buffer[C] = normals(n, 1);
	c->buffer[OUT] = guarded(n);
}

static void crowd_free(struct crowd *c)
{
	for (int i = 0; i < N_BUFFER; i++) {
		release(c->buffer[i]);
	}
}

static struct op crowd_op(const struct crowd *c)
{
	return (struct op){.kind = OP_ATTENTION_BIDIR,
		.attention_bidir = {{A, 0}, {B, 0}, {C, 0}, {OUT, 0}, (int32_t)c->n_head,
			(int32_t)c->head_dim, 1 / sqrtf((float)c->head_dim)}};
}

/* The worst error of some queries of a sequence, in double precision and in two passes. */
static double crowd_error(const struct crowd *c, const struct op_sequence *s)
{
	int64_t width = c->n_head * c->head_dim;
	double worst = 0, *p = malloc((size_t)s->n_row * sizeof(*p));

	for (int64_t step = 0; step < 12 && p; step++) {
		int64_t row = s->first_row + pick(0, s->n_row - 1);
		int64_t at = pick(0, c->n_head - 1) * c->head_dim;
		double sum = 0, max = -INFINITY;

		for (int64_t t = 0; t < s->n_row; t++) {
			p[t] = 0;
			for (int64_t d = 0; d < c->head_dim; d++) {
				p[t] += (double)c->buffer[A][row * width + at + d] *
					c->buffer[B][(s->first_row + t) * width + at + d];
			}
			p[t] /= sqrt((double)c->head_dim);
			max = fmax(max, p[t]);
		}
		for (int64_t t = 0; t < s->n_row; t++) {
			sum += p[t] = exp(p[t] - max);
		}
		for (int64_t d = 0; d < c->head_dim; d++) {
			double want = 0;

			for (int64_t t = 0; t < s->n_row; t++) {
				want += p[t] / sum *
					c->buffer[C][(s->first_row + t) * width + at + d];
			}
			worst = tap_worse(worst, fabs(c->buffer[OUT][row * width + at + d] - want));
		}
	}
	free(p);
	return worst;
}

static void test_attention(enum cpu_isa isa)
{
	double worst = 0;
	int inside = 1;

	for (int i = 0; i < SHAPES; i++) {
		struct crowd c;
		struct op op;
		struct op_env env;

		crowd_init(&c, i);
		op = crowd_op(&c);
		env = (struct op_env){
			.n_row = c.n_row, .sequence = c.sequence, .n_sequence = c.n_sequence};
		inside &= run(isa, &op, &env, c.buffer, c.n_row * c.n_head * c.head_dim, 1);
		for (int64_t s = 0; s < c.n_sequence; s++) {
			worst = tap_worse(worst, crowd_error(&c, &c.sequence[s]));
		}
		crowd_free(&c);
	}
	tap_note("%s: attention, worst error %.2e", cpu_isa_name(isa), worst);
	tap_ok(inside && worst < 2e-5,
		"%s: every row sees all of its own sequence and nothing of the others",
		cpu_isa_name(isa));
}

/* The last sequence alone has the bits that it has in company. */
static void test_company(enum cpu_isa isa)
{
	int equal = 1;

	for (int i = 0; i < 10; i++) {
		struct crowd c;
		struct op_sequence alone;
		float *together, *last[N_BUFFER];
		struct op_env env;
		struct op op;
		int64_t width;

		crowd_init(&c, i);
		width = c.n_head * c.head_dim;
		op = crowd_op(&c);
		env = (struct op_env){
			.n_row = c.n_row, .sequence = c.sequence, .n_sequence = c.n_sequence};
		run(isa, &op, &env, c.buffer, c.n_row * width, 0);
		alone = c.sequence[c.n_sequence - 1];
		together = c.buffer[OUT] + alone.first_row * width;
		for (int b = 0; b < N_BUFFER; b++) {
			last[b] = c.buffer[b] + alone.first_row * width;
		}
		last[OUT] = guarded(alone.n_row * width);
		alone.first_row = 0;
		env = (struct op_env){.n_row = alone.n_row, .sequence = &alone, .n_sequence = 1};
		run(isa, &op, &env, last, alone.n_row * width, 1);
		equal &= memcmp(last[OUT], together,
				 (size_t)(alone.n_row * width) * sizeof(float)) == 0;
		release(last[OUT]);
		crowd_free(&c);
	}
	tap_ok(equal, "%s: a sequence's attention is the same bits alone and in company",
		cpu_isa_name(isa));
}

static void test_path(enum cpu_isa isa)
{
	test_add_table(isa);
	test_layernorm(isa);
	test_gelu(isa);
	test_attention(isa);
	test_company(isa);
}

int main(void)
{
	paths_each(test_path);
	return tap_done();
}
