/*
 * The small ops on every instruction-set path that this machine runs, against double precision:
 * embedding, RMSNorm, the rotary table and rotation, SwiGLU, gathering. Outputs start as NaN.
 */
#include "base/rng.h"
#include "kernels/cpu/kernels.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64 /* floats before and after an output */

enum { IN, IN2, OUT, TABLE, N_BUFFER };

/* A batch of rows over four buffers of floats. */
struct fixture {
	struct op_env env;
	uint8_t *buffer[N_BUFFER];
	float *out; /* OUT's memory, GUARD before the first element */
	int64_t n_out;
};

static uint64_t draws;

static float normal(void)
{
	return (float)rng_normal(7, draws++);
}

static float *normals(int64_t n, float size)
{
	float *x = malloc((size_t)n * sizeof(*x));

	for (int64_t i = 0; i < n; i++) {
		x[i] = normal() * size;
	}
	return x;
}

static void fixture_init(struct fixture *f, int64_t n_row, float *in, float *in2, int64_t n_out)
{
	size_t bytes = (size_t)(n_out + 2 * GUARD) * sizeof(float);

	*f = (struct fixture){.env = {.n_row = n_row}, .out = malloc(bytes), .n_out = n_out};
	f->env.buffer = f->buffer;
	memset(f->out, 0xff, bytes);
	f->buffer[IN] = (uint8_t *)in;
	f->buffer[IN2] = (uint8_t *)in2;
	f->buffer[OUT] = (uint8_t *)(f->out + GUARD);
}

/* Runs op over all its items; 0 if something outside the output was written. */
static int fixture_run(struct fixture *f, enum cpu_isa isa, const struct op *op)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	int inside = 1;

	kernel->run(op, &f->env, 0, kernel->items(op, &f->env));
	for (int64_t i = 0; i < GUARD; i++) {
		inside &= isnan(f->out[i]) && isnan(f->out[GUARD + f->n_out + i]);
	}
	return inside;
}

static void fixture_free(struct fixture *f)
{
	for (int i = 0; i < N_BUFFER; i++) {
		if (i != OUT) {
			free(f->buffer[i]);
		}
	}
	free(f->out);
}

/* Whether every row computed alone gives the bytes that the whole batch gave; strides in floats. */
static int rows_alone_equal(struct fixture *f, enum cpu_isa isa, const struct op *op, int64_t width)
{
	const struct cpu_kernel *kernel = &cpu_kernels(isa)[op->kind];
	size_t bytes = (size_t)f->n_out * sizeof(float);
	float *whole = malloc(bytes), *out = f->out + GUARD;
	int equal;

	memcpy(whole, out, bytes);
	memset(out, 0xff, bytes);
	for (int64_t item = f->n_out / width - 1; item >= 0; item--) {
		kernel->run(op, &f->env, item, item + 1);
	}
	equal = memcmp(whole, out, bytes) == 0;
	free(whole);
	return equal;
}

static double relative(double got, double expected)
{
	return got == expected ? 0 : fabs(got - expected) / fabs(expected);
}

static void test_rmsnorm(enum cpu_isa isa)
{
	static const int64_t widths[] = {1, 16, 33, 64, 80, 127, 576, 2048, 4097};
	double worst = 0;
	int inside = 1, equal = 1;

	for (int i = 0; i < 9; i++) {
		const int64_t n = widths[i], n_row = 5;
		float *in = normals(n_row * n, i % 2 ? 30 : 0.01f), *weight = normals(n, 1);
		struct op op = {
			.kind = OP_RMSNORM, .rmsnorm = {{IN, 0}, {IN2, 0}, {OUT, 0}, n, 1e-5f}};
		struct fixture f;

		fixture_init(&f, n_row, in, weight, n_row * n);
		inside &= fixture_run(&f, isa, &op);
		for (int64_t row = 0; row < n_row; row++) {
			double sum = 0;

			for (int64_t e = 0; e < n; e++) {
				sum += (double)in[row * n + e] * in[row * n + e];
			}
			for (int64_t e = 0; e < n; e++) {
				double expected = in[row * n + e] * (double)weight[e] /
						  sqrt(sum / (double)n + 1e-5f);

				worst = fmax(worst, relative(f.out[GUARD + row * n + e], expected));
			}
		}
		equal &= rows_alone_equal(&f, isa, &op, n);
		fixture_free(&f);
	}
	tap_ok(worst < 5e-7, "%s: RMSNorm is within 5e-7 of double precision", cpu_isa_name(isa));
	tap_note("worst relative error %.3g", worst);
	tap_ok(inside && equal, "%s: a row's RMSNorm depends on that row only", cpu_isa_name(isa));
}

static void test_swiglu(enum cpu_isa isa)
{
	const int64_t n = 777, n_row = 4;
	float *gate = normals(n_row * n, 4), *up = normals(n_row * n, 1);
	struct op op = {.kind = OP_SWIGLU, .swiglu = {{IN, 0}, {IN2, 0}, {OUT, 0}, n}};
	double worst = 0, worst_far = 0;
	struct fixture f;
	int inside;

	gate[0] = 0;
	gate[1] = -0.0f;
	for (int i = 2; i < 12; i++) {
		gate[i] = (i % 2 ? -1.0f : 1.0f) * exp2f((float)i) * 1.3f; /* to +-2662 */
	}
	fixture_init(&f, n_row, gate, up, n_row * n);
	inside = fixture_run(&f, isa, &op);
	for (int64_t i = 0; i < n_row * n; i++) {
		double expected = gate[i] / (1 + exp(-(double)gate[i])) * up[i];
		double got = f.out[GUARD + i];

		/* beyond, the result is below 1e-34 and single precision ends */
		if (gate[i] > -80) {
			worst = fmax(worst, relative(got, expected));
		} else {
			worst_far = fmax(worst_far, isnan(got) ? INFINITY : fabs(got));
		}
	}
	/* at -80, the rounding of gate / ln 2 before 2^x */
	tap_ok(worst < 1e-5 && worst_far < 1e-30 && inside,
		"%s: SwiGLU is within 1e-5 of double precision, far from zero too",
		cpu_isa_name(isa));
	tap_note("worst relative error %.3g, largest far below zero %.3g", worst, worst_far);
	tap_ok(rows_alone_equal(&f, isa, &op, n), "%s: a row's SwiGLU depends on that row only",
		cpu_isa_name(isa));
	fixture_free(&f);
}

/* Llama 3's frequencies, at positions up to 8M, against long double. */
static void test_rope_table(enum cpu_isa isa)
{
	static const int64_t pos[] = {0, 1, 63, 4095, 131071, 1048575, 5000000, 8388607, 8388608};
	const int64_t n_freq = 32, n_row = 9;
	double *inv_freq = malloc((size_t)n_freq * sizeof(*inv_freq)), worst = 0;
	struct op op = {.kind = OP_ROPE_TABLE, .rope_table = {{TABLE, 0}, {OUT, 0}, n_freq, 1.25f}};
	struct fixture f;
	int inside;

	for (int64_t i = 0; i < n_freq; i++) {
		inv_freq[i] = pow(500000, -(double)i / (double)n_freq);
	}
	fixture_init(&f, n_row, NULL, NULL, n_row * n_freq * 2);
	f.buffer[TABLE] = (uint8_t *)inv_freq;
	f.env.pos = pos;
	inside = fixture_run(&f, isa, &op);
	for (int64_t row = 0; row < n_row; row++) {
		for (int64_t i = 0; i < n_freq; i++) {
			long double angle = (long double)pos[row] * (long double)inv_freq[i];
			const float *got = f.out + GUARD + (row * n_freq + i) * 2;

			worst = fmax(worst, fabs(got[0] - 1.25 * (double)cosl(angle)));
			worst = fmax(worst, fabs(got[1] - 1.25 * (double)sinl(angle)));
		}
	}
	/* half a unit in the last place of numbers up to 1.25, and the angle's own 1e-9 */
	tap_ok(worst < 6.2e-8 && inside, "%s: rotary angles are exact to position 8M",
		cpu_isa_name(isa));
	tap_note("largest difference %.3g", worst);
	fixture_free(&f);
}

struct rope_shape {
	int32_t head_dim;
	int64_t n_freq;
	int32_t neox;
};

static void test_rope(enum cpu_isa isa)
{
	static const struct rope_shape shapes[] = {{64, 32, 0}, {64, 32, 1}, {128, 64, 0},
		{80, 40, 1}, {100, 50, 0}, {96, 20, 1}, {96, 20, 0}};
	double worst = 0;
	int kept = 1;

	for (int i = 0; i < 7; i++) {
		const struct rope_shape *s = &shapes[i];
		const int64_t n_row = 3, n_head = 5, n_kv_head = 2;
		int64_t nq = n_row * n_head * s->head_dim, nk = n_row * n_kv_head * s->head_dim;
		float *before = normals(nq + nk, 1),
		      *after = malloc((size_t)(nq + nk) * sizeof(float));
		float *table = malloc((size_t)(n_row * s->n_freq * 2) * sizeof(float));
		struct op op = {.kind = OP_ROPE,
			.rope = {{TABLE, 0}, {IN, 0}, {IN, (uint64_t)nq * sizeof(float)},
				(int32_t)n_head, (int32_t)n_kv_head, s->head_dim, s->n_freq,
				s->neox}};
		struct fixture f;

		for (int64_t e = 0; e < n_row * s->n_freq; e++) {
			double angle = rng_uniform(9, draws++) * 6;

			table[2 * e] = (float)cos(angle);
			table[2 * e + 1] = (float)sin(angle);
		}
		memcpy(after, before, (size_t)(nq + nk) * sizeof(float));
		fixture_init(&f, n_row, after, NULL, 0);
		f.buffer[TABLE] = (uint8_t *)table;
		fixture_run(&f, isa, &op);
		for (int64_t h = 0; h < n_row * (n_head + n_kv_head); h++) {
			int64_t row =
				h < n_row * n_head ? h / n_head : (h - n_row * n_head) / n_kv_head;
			const float *x = before + h * s->head_dim, *y = after + h * s->head_dim;

			for (int64_t p = 0; p < s->n_freq; p++) {
				int64_t a = s->neox ? p : 2 * p,
					b = s->neox ? p + s->n_freq : 2 * p + 1;
				double c = table[(row * s->n_freq + p) * 2];
				double sn = table[(row * s->n_freq + p) * 2 + 1];

				worst = fmax(worst, fabs(y[a] - (x[a] * c - x[b] * sn)));
				worst = fmax(worst, fabs(y[b] - (x[a] * sn + x[b] * c)));
			}
			for (int64_t d = 2 * s->n_freq; d < s->head_dim; d++) {
				kept &= x[d] == y[d];
			}
		}
		free(before);
		fixture_free(&f);
	}
	tap_ok(worst < 6e-7, "%s: both kinds of pairs are rotated within 6e-7", cpu_isa_name(isa));
	tap_note("largest difference %.3g", worst);
	tap_ok(kept, "%s: what is not rotated stays as it was", cpu_isa_name(isa));
}

static void test_embed(enum cpu_isa isa)
{
	static const uint32_t ids[] = {0, 99, 7, 7, 41};
	const int64_t n = 512, n_row = 5, n_vocab = 100;
	int equal = 1;

	for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
		float *weights = normals(n_vocab * n, 1),
		      *expected = malloc((size_t)n * sizeof(float));
		int64_t row_bytes = dtype_row_bytes((enum dtype)dtype, n);
		uint8_t *table = malloc((size_t)(n_vocab * row_bytes));
		struct op op = {
			.kind = OP_EMBED, .embed = {{TABLE, 0}, {OUT, 0}, (enum dtype)dtype, n}};
		struct fixture f;

		for (int64_t row = 0; row < n_vocab; row++) {
			dtype_quantize(
				(enum dtype)dtype, weights + row * n, table + row * row_bytes, n);
		}
		fixture_init(&f, n_row, weights, NULL, n_row * n);
		f.buffer[TABLE] = table;
		f.env.ids = ids;
		equal &= fixture_run(&f, isa, &op);
		for (int64_t row = 0; row < n_row; row++) {
			dtype_dequantize(
				(enum dtype)dtype, table + ids[row] * row_bytes, expected, n);
			equal &= memcmp(expected, f.out + GUARD + row * n,
					 (size_t)n * sizeof(float)) == 0;
		}
		free(expected);
		fixture_free(&f);
	}
	tap_ok(equal, "%s: embeddings of every storage type are the table's rows",
		cpu_isa_name(isa));
}

static void test_gather(enum cpu_isa isa)
{
	static const int64_t out_row[] = {1, 4, 5};
	const int64_t n = 33;
	float *in = normals(6 * n, 1);
	struct op op = {.kind = OP_GATHER, .gather = {{IN, 0}, {OUT, 0}, n}};
	struct fixture f;
	int equal;

	fixture_init(&f, 6, in, NULL, 3 * n);
	f.env.n_out = 3;
	f.env.out_row = out_row;
	equal = fixture_run(&f, isa, &op);
	for (int i = 0; i < 3; i++) {
		equal &= memcmp(f.out + GUARD + i * n, in + out_row[i] * n,
				 (size_t)n * sizeof(*in)) == 0;
	}
	tap_ok(equal, "%s: the rows asked for are gathered", cpu_isa_name(isa));
	fixture_free(&f);
}

int main(void)
{
	for (int i = 0; i < CPU_ISA_COUNT; i++) {
		enum cpu_isa isa = (enum cpu_isa)i;

		if (!cpu_isa_supported(isa)) {
			tap_skip(cpu_isa_name(isa), "this machine does not run it");
			continue;
		}
		test_embed(isa);
		test_rmsnorm(isa);
		test_rope_table(isa);
		test_rope(isa);
		test_swiglu(isa);
		test_gather(isa);
	}
	return tap_done();
}
