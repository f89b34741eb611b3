/*
 * OP_PACK_ACT and OP_MATMUL on every instruction-set path that this machine has.
 *
 * Bounds on an element's distance from the double-precision product of the dequantized weights and
 * the float inputs, with u = 2^-24 and S = sum |w*x|:
 *   F32, F16   (k + 2) u S                             sums in float
 *   BF16, F8   2^-8 S + (k + 2) u S                    and activations of 8 significant bits
 *   integers   sum |w| a + (k/16 + 8) u sum(|w| + o) (|x| + a)
 *              and activations in steps of amax/127: a = amax(block)/254 * (1 + 2^-10); o, what a
 *              block's offset subtracts (Q4_K's minima), is bounded by 2 max |w| of the block
 * and from plain C: the integer types 0 (every path is bit-identical), the others twice the float part.
 */
#include "base/rng.h"
#include "kernels/cpu/kernels.h"
#include "tests/ops/paths.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BYTES 256
#define GUARD       0xa5

/* Handles of the test's buffers; weight, bias and out take one for each part. */
enum { AT_IN, AT_ACT, AT_WEIGHT, AT_BIAS = 5, AT_OUT = 8, BUFFERS = 11 };

/* A product and its data. */
struct product {
	int64_t k, n_row;
	int32_t n_part, accumulate, with_bias;
	enum dtype dtype[MATMUL_MAX_PARTS];
	int64_t m[MATMUL_MAX_PARTS];
	float *weight[MATMUL_MAX_PARTS];  /* dequantized [m][k] */
	float *initial[MATMUL_MAX_PARTS]; /* of out, with accumulate */
	uint8_t *buffer[BUFFERS];
	int64_t out_bytes[MATMUL_MAX_PARTS];
};

static uint64_t draws;

static float uniform(float low, float high)
{
	return low + (high - low) * (float)rng_uniform(2, draws++);
}

static int64_t pick(int64_t low, int64_t high)
{
	return low + (int64_t)(rng_uniform(3, draws++) * (double)(high - low + 1));
}

static void *must_alloc(int64_t bytes)
{
	void *memory = aligned_alloc(64, ((size_t)bytes + 127) / 64 * 64);

	if (!memory) {
		abort();
	}
	return memory;
}

/* Where the halves lie in a block that are its scales; -1: none. */
static const int halves_at[DTYPE_COUNT][2] = {
	[DTYPE_Q8_0] = {0, -1},
	[DTYPE_Q4_0] = {0, -1},
	[DTYPE_Q4_1] = {0, 2},
	[DTYPE_Q5_0] = {0, -1},
	[DTYPE_Q5_1] = {0, 2},
	[DTYPE_Q2_K] = {80, 82},
	[DTYPE_Q3_K] = {108, -1},
	[DTYPE_Q4_K] = {0, 2},
	[DTYPE_Q5_K] = {0, 2},
	[DTYPE_Q6_K] = {208, -1},
	[DTYPE_IQ4_NL] = {0, -1},
	[DTYPE_IQ4_XS] = {0, -1},
	[DTYPE_MXFP4] = {-1, -1},
	[DTYPE_F8_E4M3] = {-1, -1},
};

/* A block's scale: of either sign, now and then zero, or as small or large as a half can be. */
static float random_scale(void)
{
	static const float extreme[] = {65504, -0x1p-14f, 0x1p-24f};
	int64_t at = pick(0, 255);

	return at < 3 ? extreme[at] : at < 16 ? 0 : uniform(-0.01f, 0.01f);
}

/* Random blocks in the file's layout: every bit pattern of the codes, scales of both signs. */
static void random_row(enum dtype dtype, uint8_t *row, int64_t k)
{
	int64_t bytes = dtype_row_bytes(dtype, k), block = dtype_info(dtype)->block_bytes;
	static const int extreme[] = {0x00, 0x80, 0xff};

	if (dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16) {
		for (int64_t i = 0; i < k; i++) {
			float w = uniform(-1, 1);

			dtype_quantize(dtype, &w, row + i * block, 1);
		}
		return;
	}
	for (int64_t i = 0; i < bytes; i++) {
		row[i] = (uint8_t)pick(0, 255);
	}
	for (int64_t b = 0; b < bytes; b += block) {
		if (pick(0, 7) == 0) {
			/* The ends of the range: -128 in Q8_0, 0 and 15, 0 and 63. */
			memset(row + b, extreme[pick(0, 2)], (size_t)block);
		}
		for (int i = 0; i < 2 && halves_at[dtype][i] >= 0; i++) {
			uint16_t half = f32_to_f16(random_scale());

			memcpy(row + b + halves_at[dtype][i], &half, 2);
		}
		if (dtype == DTYPE_MXFP4) {
			row[b] = (uint8_t)(pick(0, 31) == 0 ? pick(0, 3) : pick(100, 140));
		} else if (dtype == DTYPE_F8_E4M3) {
			float scale = random_scale();

			memcpy(row + b, &scale, 4);
			for (int64_t i = 4; i < block; i++) { /* no NaN */
				row[b + i] ^= (row[b + i] & 0x7f) == 0x7f;
			}
		}
	}
}

static struct op pack_op(const struct product *p)
{
	struct op op = {.kind = OP_PACK_ACT};

	op.pack_act.in.buffer = AT_IN;
	op.pack_act.out.buffer = AT_ACT;
	op.pack_act.type = act_type_for(p->dtype[0]);
	op.pack_act.k = p->k;
	return op;
}

static struct op matmul_op(const struct product *p)
{
	struct op op = {.kind = OP_MATMUL};

	op.matmul.act.buffer = AT_ACT;
	op.matmul.act_type = act_type_for(p->dtype[0]);
	op.matmul.k = p->k;
	op.matmul.n_part = p->n_part;
	op.matmul.accumulate = p->accumulate;
	for (int32_t i = 0; i < p->n_part; i++) {
		struct matmul_part *part = &op.matmul.part[i];

		part->weight.buffer = (uint32_t)(AT_WEIGHT + i);
		part->bias.buffer = p->with_bias ? (uint32_t)(AT_BIAS + i) : OPERAND_NONE;
		part->out.buffer = (uint32_t)(AT_OUT + i);
		part->dtype = p->dtype[i];
		part->m = p->m[i];
	}
	return op;
}

static void product_part(struct product *p, int32_t i)
{
	int64_t m = p->m[i], k = p->k, row_bytes = dtype_row_bytes(p->dtype[i], k);
	uint8_t *file = must_alloc(m * row_bytes);
	float *bias = must_alloc(m * 4);

	p->weight[i] = must_alloc(m * k * 4);
	p->initial[i] = must_alloc(m * p->n_row * 4);
	p->buffer[AT_WEIGHT + i] = must_alloc(cpu_weight_bytes(p->dtype[i], m, k));
	p->buffer[AT_BIAS + i] = (uint8_t *)bias;
	p->out_bytes[i] = m * p->n_row * 4;
	p->buffer[AT_OUT + i] = must_alloc(p->out_bytes[i] + GUARD_BYTES);
	for (int64_t r = 0; r < m; r++) {
		random_row(p->dtype[i], file + r * row_bytes, k);
		dtype_dequantize(p->dtype[i], file + r * row_bytes, p->weight[i] + r * k, k);
		bias[r] = uniform(-1, 1);
	}
	for (int64_t e = 0; e < m * p->n_row; e++) {
		p->initial[i][e] = uniform(-1, 1);
	}
	cpu_weight_pack(p->dtype[i], file, m, k, 0, cpu_weight_panels(m), p->buffer[AT_WEIGHT + i]);
	free(file);
}

/* Fills in what the caller left out of p. */
static void product_create(struct product *p)
{
	enum act_type type = act_type_for(p->dtype[0]);
	float *in = must_alloc(p->n_row * p->k * 4);

	for (int64_t e = 0; e < p->n_row * p->k; e++) {
		/* Blocks of very different size, some of them zero, some +-127 throughout. */
		int64_t block = e / 32 % 7;

		in[e] = uniform(-1, 1) * ldexpf(1, (int)block * 2 - 8);
		if (block == 6) {
			in[e] = 0;
		} else if (block == 5) {
			in[e] = e / 224 % 3 == 0 ? -1 : e / 224 % 3 == 1 ? 1 : in[e];
		}
	}
	p->buffer[AT_IN] = (uint8_t *)in;
	p->buffer[AT_ACT] = must_alloc(cpu_act_bytes(type, p->n_row, p->k) + GUARD_BYTES);
	for (int32_t i = 0; i < p->n_part; i++) {
		product_part(p, i);
	}
}

static void product_destroy(struct product *p)
{
	for (int i = 0; i < BUFFERS; i++) {
		free(p->buffer[i]);
	}
	for (int i = 0; i < p->n_part; i++) {
		free(p->weight[i]);
		free(p->initial[i]);
	}
}

static int guard_holds(const uint8_t *guard)
{
	int holds = 1;

	for (int i = 0; i < GUARD_BYTES; i++) {
		holds &= guard[i] == GUARD;
	}
	return holds;
}

/* Runs an op's items in one go, or one at a time in a random order. */
static void run_op(const struct cpu_kernel *kernel, const struct op *op, const struct op_env *env,
	int shuffled)
{
	int64_t n = kernel->items(op, env);
	int64_t *order = must_alloc(n * 8);

	for (int64_t i = 0; i < n; i++) {
		int64_t j = pick(0, i);

		order[i] = j < i ? order[j] : i;
		order[j] = i;
	}
	if (!shuffled) {
		kernel->run(op, env, 0, n);
	}
	for (int64_t i = 0; shuffled && i < n; i++) {
		kernel->run(op, env, order[i], order[i] + 1);
	}
	free(order);
}

/*
 * Packs rows first ... first+n-1 alone and multiplies them; outputs land where they would in the
 * whole batch. All else in act and out is NaN and guard bytes. Returns whether the guards held.
 */
static int product_run(struct product *p, enum cpu_isa isa, int64_t first, int64_t n, int shuffled)
{
	const struct cpu_kernel *kernels = cpu_kernels(isa);
	struct op pack = pack_op(p), matmul = matmul_op(p);
	struct op_env env = {.n_row = n};
	uint8_t *buffer[BUFFERS];
	int64_t act_bytes = cpu_act_bytes(pack.pack_act.type, n, p->k);
	int holds;

	memcpy(buffer, p->buffer, sizeof(buffer));
	env.buffer = buffer;
	buffer[AT_IN] += first * p->k * 4;
	memset(buffer[AT_ACT], 0xff, (size_t)act_bytes);
	memset(buffer[AT_ACT] + act_bytes, GUARD, GUARD_BYTES);
	for (int32_t i = 0; i < p->n_part; i++) {
		int64_t skip = first * p->m[i] * 4, bytes = n * p->m[i] * 4;

		memset(buffer[AT_OUT + i], 0xff, (size_t)p->out_bytes[i]);
		buffer[AT_OUT + i] += skip;
		memset(buffer[AT_OUT + i] + bytes, GUARD, GUARD_BYTES);
		if (p->accumulate) {
			memcpy(buffer[AT_OUT + i], (uint8_t *)p->initial[i] + skip, (size_t)bytes);
		}
	}
	run_op(&kernels[OP_PACK_ACT], &pack, &env, shuffled);
	run_op(&kernels[OP_MATMUL], &matmul, &env, shuffled);
	holds = guard_holds(buffer[AT_ACT] + act_bytes);
	for (int32_t i = 0; i < p->n_part; i++) {
		holds &= guard_holds(buffer[AT_OUT + i] + n * p->m[i] * 4);
	}
	return holds;
}

static float *out_of(const struct product *p, int32_t part)
{
	return (float *)p->buffer[AT_OUT + part];
}

/* The element in double precision, and its two bounds (see the top). */
static double exact(const struct product *p, int32_t part, int64_t row, int64_t m, double *whole,
	double *floats)
{
	const float *w = p->weight[part] + m * p->k;
	const float *x = (const float *)p->buffer[AT_IN] + row * p->k;
	enum act_type type = act_type_for(p->dtype[part]);
	double sum = 0, u = ldexp(1, -24), s = 0, steps = 0, after = 0;

	for (int64_t b = 0; b < p->k; b += 32) {
		double amax = 0, wmax = 0, a;

		for (int64_t i = b; i < b + 32; i++) {
			amax = fmax(amax, fabsf(x[i]));
			wmax = fmax(wmax, fabsf(w[i]));
		}
		a = amax / 254 * (1 + ldexp(1, -10));
		for (int64_t i = b; i < b + 32; i++) {
			double size = fabs((double)w[i]);

			sum += (double)w[i] * x[i];
			if (type == ACT_Q8) {
				steps += size * a;
				s += (size + 2 * wmax) * (fabs((double)x[i]) + a);
			} else {
				s += size * fabs((double)x[i]);
			}
		}
	}
	if (p->with_bias) {
		sum += ((const float *)p->buffer[AT_BIAS + part])[m];
		after += 2;
	}
	if (p->accumulate) {
		sum += p->initial[part][row * p->m[part] + m];
		after += 2;
	}
	*floats = (type == ACT_Q8 ? (double)p->k / 16 + 8 : (double)p->k + 2) * u * s +
		  after * u * (2 + s);
	*whole = *floats + steps + (type == ACT_BF16 ? ldexp(s, -8) : 0);
	return sum;
}

static const char *shape(const struct product *p)
{
	static char text[200];

	snprintf(text, sizeof(text), "n %lld, k %lld, m %lld, parts %d%s%s", (long long)p->n_row,
		(long long)p->k, (long long)p->m[0], p->n_part, p->accumulate ? ", added" : "",
		p->with_bias ? ", bias" : "");
	return text;
}

/* Elements of out that are off, against the exact product and against plain C's `want`. */
static int64_t count_bad(const struct product *p, float *const want[], double *worst)
{
	int64_t bad = 0;

	for (int32_t i = 0; i < p->n_part; i++) {
		for (int64_t e = 0; e < p->n_row * p->m[i]; e++) {
			double whole, floats, got = out_of(p, i)[e];
			double sum = exact(p, i, e / p->m[i], e % p->m[i], &whole, &floats);
			double limit = act_type_for(p->dtype[i]) == ACT_Q8 ? 0 : 2 * floats;
			int ok = fabs(got - sum) <= whole && fabs(got - want[i][e]) <= limit;

			if (!ok && bad++ == 0) {
				tap_note("%s: part %d element %lld: %.9g, exact %.9g +- %.3g, "
					 "plain C %.9g",
					shape(p), i, (long long)e, got, sum, whole,
					(double)want[i][e]);
			}
			*worst = fmax(*worst, fabs(got - sum) / whole);
		}
	}
	return bad;
}

/* Each row alone, and pieces of the batch, give the bits of the whole batch. */
static int rows_are_independent(struct product *p, enum cpu_isa isa, float *const whole[])
{
	int same = 1;

	for (int64_t first = 0, n; first < p->n_row; first += n) {
		n = p->n_row <= 40 && isa != CPU_ISA_PORTABLE ? 1 : pick(1, 41);
		n = n < p->n_row - first ? n : p->n_row - first;
		same &= product_run(p, isa, first, n, 1);
		for (int32_t i = 0; i < p->n_part; i++) {
			same &= memcmp(out_of(p, i) + first * p->m[i], whole[i] + first * p->m[i],
					(size_t)(n * p->m[i] * 4)) == 0;
		}
	}
	return same;
}

struct verdict {
	int64_t bad;
	int guards, order, alone;
	double worst;
};

static void try_product(struct product *p, enum cpu_isa isa, struct verdict *verdict)
{
	float *want[MATMUL_MAX_PARTS], *got[MATMUL_MAX_PARTS];

	product_create(p);
	verdict->guards &= product_run(p, CPU_ISA_PORTABLE, 0, p->n_row, 0);
	for (int32_t i = 0; i < p->n_part; i++) {
		want[i] = must_alloc(p->out_bytes[i]);
		got[i] = must_alloc(p->out_bytes[i]);
		memcpy(want[i], out_of(p, i), (size_t)p->out_bytes[i]);
	}
	verdict->guards &= product_run(p, isa, 0, p->n_row, 0);
	verdict->bad += count_bad(p, want, &verdict->worst);
	for (int32_t i = 0; i < p->n_part; i++) {
		memcpy(got[i], out_of(p, i), (size_t)p->out_bytes[i]);
	}
	verdict->guards &= product_run(p, isa, 0, p->n_row, 1);
	for (int32_t i = 0; i < p->n_part; i++) {
		verdict->order &= memcmp(got[i], out_of(p, i), (size_t)p->out_bytes[i]) == 0;
	}
	verdict->alone &= rows_are_independent(p, isa, got);
	for (int32_t i = 0; i < p->n_part; i++) {
		free(want[i]);
		free(got[i]);
	}
	product_destroy(p);
}

static int64_t pick_k(enum dtype dtype)
{
	int64_t unit = dtype_info(dtype)->block_elems;

	unit = unit < 32 ? 32 : unit;
	return unit * pick(1, 1280 / unit);
}

/* Rows of the batch, and what sets a large product apart; 0: random and small. */
struct shape_case {
	int64_t n_row, k_units, m;
	int32_t n_part;
};

static void product_shape(struct product *p, const struct shape_case *c, enum dtype dtype)
{
	int64_t unit = dtype_info(dtype)->block_elems;

	p->n_row = c->n_row;
	p->n_part = c->n_part ? c->n_part : (int32_t)pick(1, MATMUL_MAX_PARTS);
	p->k = c->k_units ? c->k_units * (unit < 32 ? 32 : unit) : pick_k(dtype);
	p->with_bias = (int32_t)pick(0, 1);
	p->accumulate = (int32_t)pick(0, 1);
	for (int32_t part = 0; part < p->n_part; part++) {
		p->dtype[part] = dtype;
		p->m[part] = c->m ? c->m + pick(0, 40) : pick(1, 70);
	}
	/* As a model has it: V in Q6_K beside Q and K in Q4_K. */
	if (p->n_part == 3 && dtype == DTYPE_Q4_K) {
		p->dtype[2] = DTYPE_Q6_K;
	}
}

/*
 * Items are runs of several panels from 64 panels (m = 1024, all parts together) on, and there are
 * several blocks of columns from 513 rows on: see plan_of() in matmul.c.
 */
static void products_are_right(enum cpu_isa isa, enum dtype dtype)
{
	static const int64_t small[] = {1, 1, 2, 3, 4, 5, 8, 11, 16, 17, 24, 31, 33, 40};
	static const struct shape_case large[] = {{1, 1, 1030, 1}, {3, 2, 1650, 1},
		{18, 1, 2080, 1}, {2, 1, 400, 3}, {9, 1, 700, 2}, {513, 1, 37, 1}, {1041, 1, 20, 1},
		{530, 1, 12, 3}};
	const size_t n_small = sizeof(small) / sizeof(*small);
	struct verdict verdict = {.guards = 1, .order = 1, .alone = 1};
	const char *path = cpu_isa_name(isa), *type = dtype_info(dtype)->name;

	for (size_t i = 0; i < n_small + sizeof(large) / sizeof(*large); i++) {
		struct shape_case one = {i < n_small ? small[i] : 0, 0, 0, 0};
		struct product p = {0};

		/* Plain C is slow, and blocks of columns are dealt out the same on every path. */
		if (isa == CPU_ISA_PORTABLE && i >= n_small && large[i - n_small].n_row > 500) {
			continue;
		}
		product_shape(&p, i < n_small ? &one : &large[i - n_small], dtype);
		try_product(&p, isa, &verdict);
	}
	tap_ok(verdict.bad == 0, "%s %s: every element is within its bounds (worst %.2f of it)",
		path, type, verdict.worst);
	tap_ok(verdict.guards, "%s %s: nothing is written past the outputs", path, type);
	tap_ok(verdict.order, "%s %s: the order of items changes no bit", path, type);
	tap_ok(verdict.alone, "%s %s: a row alone has the bits it has in a batch", path, type);
}

static void packing_loses_nothing(enum dtype dtype)
{
	int same = 1;

	for (int round = 0; round < 6; round++) {
		struct product p = {.n_row = 1, .k = pick_k(dtype), .n_part = 1};
		float *row = must_alloc(p.k * 4);

		p.dtype[0] = dtype;
		p.m[0] = pick(1, 50);
		product_create(&p);
		for (int64_t r = 0; r < p.m[0]; r++) {
			memset(row, 0xff, (size_t)p.k * 4);
			cpu_weight_unpack_row(dtype, p.buffer[AT_WEIGHT], p.m[0], p.k, r, row);
			same &= memcmp(row, p.weight[0] + r * p.k, (size_t)p.k * 4) == 0;
		}
		free(row);
		product_destroy(&p);
	}
	tap_ok(same, "%s: unpacked weights are exactly the file's", dtype_info(dtype)->name);
}

/* The packed bytes of any path are those of plain C: infinite, NaN, tiny and huge inputs too. */
static void activations_are_the_same_bytes(enum cpu_isa isa)
{
	static const float special[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-31f, 1e-30f, 1e-38f,
		1e-45f, 3e38f, -3e38f, 0.5f, -1};
	static const enum dtype dtypes[] = {DTYPE_Q8_0, DTYPE_BF16, DTYPE_F32};
	int same = 1;

	for (int round = 0; round < 60; round++) {
		struct product p = {.n_row = pick(1, 40), .k = 32 * pick(1, 9), .n_part = 1};
		int64_t bytes;
		uint8_t *want;
		float *in;

		p.dtype[0] = dtypes[round % 3];
		p.m[0] = 1;
		product_create(&p);
		in = (float *)p.buffer[AT_IN];
		for (int64_t e = 0; e < p.n_row * p.k; e++) {
			int64_t at = pick(0, 600);

			if (at < (int64_t)(sizeof(special) / sizeof(*special))) {
				in[e] = special[at];
			}
		}
		bytes = cpu_act_bytes(act_type_for(p.dtype[0]), p.n_row, p.k);
		want = must_alloc(bytes);
		product_run(&p, CPU_ISA_PORTABLE, 0, p.n_row, 0);
		memcpy(want, p.buffer[AT_ACT], (size_t)bytes);
		same &= product_run(&p, isa, 0, p.n_row, 1);
		same &= memcmp(want, p.buffer[AT_ACT], (size_t)bytes) == 0;
		free(want);
		product_destroy(&p);
	}
	tap_ok(same, "%s: packed activations are plain C's, byte for byte", cpu_isa_name(isa));
}

static void test_path(enum cpu_isa isa)
{
	activations_are_the_same_bytes(isa);
	for (int d = 0; d < DTYPE_COUNT; d++) {
		products_are_right(isa, (enum dtype)d);
	}
}

int main(void)
{
	for (int d = 0; d < DTYPE_COUNT; d++) {
		packing_loses_nothing((enum dtype)d);
	}
	paths_each(test_path);
	return tap_done();
}
