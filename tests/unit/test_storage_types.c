/*
 * Golden logits of the storage types: those that the shared oracles hold within the bars of the
 * strongest peer, and those that they lack, on the same model, its weights quantized here, against a
 * float64 forward pass over the dequantized weights.
 */
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_TOK = 96, N_PAGE = (N_TOK + KV_PAGE_TOK - 1) / KV_PAGE_TOK };

static uint32_t ids[N_TOK];

/* ---- an independent forward pass, in double precision throughout ---- */

/* The model "quant" of the oracles: see the README of tests/vectors/logits. */
enum { N_LAYER = 2, N_EMBD = 256, N_FF = 512, N_HEAD = 4, N_KV_HEAD = 2, DIM = 64, N_VOCAB = 1024 };

static const double rope_base = 500000, norm_epsilon = (double)1e-5f;

/* The dequantized weight "blk.<layer>.<name>.weight", or "<name>.weight" for layer -1. */
static float *weight_floats(const struct model *model, int layer, const char *name)
{
	const struct weight *weight;
	char full[64];
	float *out;

	if (layer >= 0) {
		snprintf(full, sizeof(full), "blk.%d.%s.weight", layer, name);
	} else {
		snprintf(full, sizeof(full), "%s.weight", name);
	}
	weight = model_weight(model, full);
	assert_non_null(weight);
	assert_non_null(weight->data);
	out = mem_alloc((size_t)(weight->n_row * weight->row_elems) * sizeof(*out));
	for (int64_t r = 0; r < weight->n_row; r++) {
		dtype_dequantize(weight->dtype,
			weight->data + r * dtype_row_bytes(weight->dtype, weight->row_elems),
			out + r * weight->row_elems, weight->row_elems);
	}
	return out;
}

/* out[t][m] = in[t][k] times weight[m][k] */
static void multiply(const struct model *model, int layer, const char *name, const double *in,
	int64_t k, int64_t m, double *out)
{
	float *weight = weight_floats(model, layer, name);

	for (int64_t t = 0; t < N_TOK; t++) {
		for (int64_t r = 0; r < m; r++) {
			double sum = 0;

			for (int64_t i = 0; i < k; i++) {
				sum += (double)weight[r * k + i] * in[t * k + i];
			}
			out[t * m + r] = sum;
		}
	}
	free(weight);
}

static void normalize(
	const struct model *model, int layer, const char *name, const double *in, double *out)
{
	float *weight = weight_floats(model, layer, name);

	for (int t = 0; t < N_TOK; t++, in += N_EMBD, out += N_EMBD) {
		double square = 0;

		for (int i = 0; i < N_EMBD; i++) {
			square += in[i] * in[i] / N_EMBD;
		}
		for (int i = 0; i < N_EMBD; i++) {
			out[i] = in[i] / sqrt(square + norm_epsilon) * (double)weight[i];
		}
	}
	free(weight);
}

/* x[t][n_head][DIM], neighbouring pairs. */
static void rotate(const struct model *model, double *x, int n_head)
{
	float *factor = weight_floats(model, -1, "rope_freqs");

	for (int t = 0; t < N_TOK; t++) {
		for (int i = 0; i < DIM / 2; i++) {
			double angle = t * pow(rope_base, -2.0 * i / DIM) / (double)factor[i];

			for (int h = 0; h < n_head; h++) {
				double *pair = x + (t * n_head + h) * DIM + 2 * i;
				double a = pair[0], b = pair[1];

				pair[0] = a * cos(angle) - b * sin(angle);
				pair[1] = a * sin(angle) + b * cos(angle);
			}
		}
	}
	free(factor);
}

static void attend(const double *q, const double *k, const double *v, double *out)
{
	for (int t = 0; t < N_TOK; t++) {
		for (int h = 0; h < N_HEAD; h++) {
			int kv = h / (N_HEAD / N_KV_HEAD);
			const double *query = q + (t * N_HEAD + h) * DIM;
			double p[N_TOK], max = -INFINITY, sum = 0;

			for (int s = 0; s <= t; s++) {
				const double *key = k + (s * N_KV_HEAD + kv) * DIM;

				p[s] = 0;
				for (int i = 0; i < DIM; i++) {
					p[s] += query[i] * key[i] / sqrt(DIM);
				}
				max = fmax(max, p[s]);
			}
			for (int s = 0; s <= t; s++) {
				p[s] = exp(p[s] - max);
				sum += p[s];
			}
			for (int i = 0; i < DIM; i++) {
				double value = 0;

				for (int s = 0; s <= t; s++) {
					value += p[s] / sum * v[(s * N_KV_HEAD + kv) * DIM + i];
				}
				out[(t * N_HEAD + h) * DIM + i] = value;
			}
		}
	}
}

static void add(double *x, const double *y)
{
	for (int i = 0; i < N_TOK * N_EMBD; i++) {
		x[i] += y[i];
	}
}

static void layer_forward(const struct model *model, int layer, double *x)
{
	double *norm = mem_alloc(sizeof(double) * N_TOK * (N_EMBD * 5 + 2 * N_FF));
	double *q = norm + N_TOK * N_EMBD, *k = q + N_TOK * N_EMBD, *v = k + N_TOK * N_EMBD;
	double *out = v + N_TOK * N_EMBD, *gate = out + N_TOK * N_EMBD, *up = gate + N_TOK * N_FF;

	normalize(model, layer, "attn_norm", x, norm);
	multiply(model, layer, "attn_q", norm, N_EMBD, N_HEAD * DIM, q);
	multiply(model, layer, "attn_k", norm, N_EMBD, N_KV_HEAD * DIM, k);
	multiply(model, layer, "attn_v", norm, N_EMBD, N_KV_HEAD * DIM, v);
	rotate(model, q, N_HEAD);
	rotate(model, k, N_KV_HEAD);
	attend(q, k, v, out);
	multiply(model, layer, "attn_output", out, N_HEAD * DIM, N_EMBD, norm);
	add(x, norm);
	normalize(model, layer, "ffn_norm", x, norm);
	multiply(model, layer, "ffn_gate", norm, N_EMBD, N_FF, gate);
	multiply(model, layer, "ffn_up", norm, N_EMBD, N_FF, up);
	for (int i = 0; i < N_TOK * N_FF; i++) {
		gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
	}
	multiply(model, layer, "ffn_down", gate, N_FF, N_EMBD, norm);
	add(x, norm);
	free(norm);
}

static void forward(const struct model *model, struct golden *golden)
{
	double *x = mem_alloc(sizeof(double) * N_TOK * (2 * N_EMBD + N_VOCAB));
	double *norm = x + N_TOK * N_EMBD, *logits = norm + N_TOK * N_EMBD;
	float *embedding = weight_floats(model, -1, "token_embd");

	for (int i = 0; i < N_TOK * N_EMBD; i++) {
		x[i] = (double)embedding[ids[i / N_EMBD] * N_EMBD + i % N_EMBD];
	}
	free(embedding);
	for (int layer = 0; layer < N_LAYER; layer++) {
		layer_forward(model, layer, x);
	}
	normalize(model, -1, "output_norm", x, norm);
	multiply(model, -1, "token_embd", norm, N_EMBD, N_VOCAB, logits);
	*golden = (struct golden){N_TOK, N_VOCAB, mem_alloc(sizeof(float) * N_TOK * N_VOCAB)};
	for (int i = 0; i < N_TOK * N_VOCAB; i++) {
		golden->logits[i] = (float)logits[i];
	}
	free(x);
}

/* ---- models ---- */

static void shared_path(char *out, size_t size, const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/../shared/oracles/%s", source ? source : ".", name);
}

static void open_model(struct fixture *fixture, const char *path)
{
	struct err err;

	*fixture = (struct fixture){0};
	fixture_check(model_open(&fixture->model, path, NULL, &err), &err);
}

/* Every matrix of the model in another type; *stored holds them. */
static void quantize_model(struct model *model, enum dtype dtype, uint8_t **stored)
{
	uint8_t *at = mem_alloc((size_t)model->n_params * 2);

	*stored = at;
	for (size_t i = 0; i < model->n_weight; i++) {
		/* nobody but this test has a model of its own to change */
		struct weight *weight = (struct weight *)(uintptr_t)&model->weight[i];
		int64_t k = weight->row_elems, m = weight->n_row;
		float *row = mem_alloc((size_t)k * sizeof(*row));
		uint8_t *first = at;

		for (int64_t r = 0; r < m && m > 1; r++, at += dtype_row_bytes(dtype, k)) {
			dtype_dequantize(weight->dtype,
				weight->data + r * dtype_row_bytes(weight->dtype, k), row, k);
			dtype_quantize(dtype, row, at, k);
		}
		if (m > 1) {
			weight->dtype = dtype;
			weight->data = first;
			weight->size_bytes = at - first;
		}
		free(row);
	}
}

/* The model's logits on one path, held to a bar; closes the backend. */
static int meets(struct fixture *fixture, enum cpu_isa isa, const char *name,
	const struct golden *golden, double rms, double kl)
{
	uint8_t *page[N_PAGE];
	struct golden_difference d;
	int passes;

	fixture_backend(fixture, isa, KV_F16, 2, N_TOK);
	for (int i = 0; i < N_PAGE; i++) {
		page[i] = fixture_page(fixture);
	}
	d = golden_compare(golden, fixture_run(fixture, ids, N_TOK, 0, page));
	passes = d.rms <= rms && d.kl <= kl;
	printf("# %-9s %-8s %9.6f /%9.6f %9.5f %10.3e /%10.3e %6.3f%s\n", cpu_isa_name(isa), name,
		d.rms, rms, d.max, d.kl, kl, d.top1, passes ? "" : "  OUTSIDE");
	return passes;
}

static int meets_on_every_path(struct fixture *fixture, const char *name,
	const struct golden *golden, double rms, double kl)
{
	int passes = 1;
	struct err err;

	fixture_check(program_create(&fixture->program, fixture->model, 0, &err), &err);
	for (int isa = 0; isa < CPU_ISA_COUNT; isa++) {
		if (cpu_isa_supported((enum cpu_isa)isa)) {
			passes &= meets(fixture, (enum cpu_isa)isa, name, golden, rms, kl);
		}
	}
	return passes;
}

static void print_head(void)
{
	printf("# path      type       rms/std   (bar)     max/std   mean KL     (bar)    top-1\n");
}

/* What the strongest peer (ik_llama.cpp, KV f16) shows on the same files. */
static void types_of_the_shared_oracles_meet_the_peers_bars(void **state)
{
	static const struct {
		const char *name;
		double rms, kl;
	} bars[] = {{"Q4_1", 0.0316, 5.01e-4}, {"Q5_0", 0.0304, 4.63e-4}, {"Q5_1", 0.0307, 4.72e-4},
		{"Q2_K", 0.0544, 1.49e-3}, {"Q3_K_M", 0.0422, 8.91e-4},
		{"Q5_K_M", 0.0309, 4.78e-4}};
	int passes = 1;

	print_head();
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		struct golden golden;
		struct fixture fixture;
		char path[512], name[64];

		snprintf(name, sizeof(name), "quant-%s.gguf", bars[i].name);
		shared_path(path, sizeof(path), name);
		if (access(path, R_OK) != 0) {
			printf("# the shared oracles are not on this machine\n");
			skip();
		}
		open_model(&fixture, path);
		memcpy(path + strlen(path) - 4, "npy", 4);
		golden_read(&golden, path);
		passes &= meets_on_every_path(
			&fixture, bars[i].name, &golden, bars[i].rms, bars[i].kl);
		golden_finish(&golden);
		fixture_close(&fixture);
	}
	assert_true(passes);
}

static void the_reference_equals_the_oracles_float64_logits(void **state)
{
	static const char *const names[] = {"quant-F16", "quant-Q4_0", "quant-Q6_K"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct golden oracle, ours;
		struct golden_difference d;
		struct fixture fixture;
		char path[512], name[64];

		snprintf(name, sizeof(name), "%s.gguf", names[i]);
		fixture_path(path, sizeof(path), name);
		open_model(&fixture, path);
		memcpy(path + strlen(path) - 4, "npy", 4);
		golden_read(&oracle, path);
		forward(fixture.model, &ours);
		d = golden_compare(&oracle, ours.logits);
		printf("# %-10s %.2e of the standard deviation apart, at most %.2e\n", names[i],
			d.rms, d.max);
		assert_true(d.rms < 1e-6 && d.max < 1e-5);
		golden_finish(&ours);
		golden_finish(&oracle);
		fixture_close(&fixture);
	}
}

/* The peer's figures for Q4_0 are the measure for other types of four bits, BF16's for FP8. */
static void types_that_the_oracles_lack_meet_the_bars_of_their_like(void **state)
{
	static const struct {
		enum dtype dtype;
		double rms, kl;
	} bars[] = {{DTYPE_IQ4_NL, 1.1 * 0.0301, 1.1 * 4.50e-4},
		{DTYPE_IQ4_XS, 1.1 * 0.0301, 1.1 * 4.50e-4},
		{DTYPE_MXFP4, 1.1 * 0.0301, 1.1 * 4.50e-4}, {DTYPE_F8_E4M3, 0.010, 1.1 * 3.82e-5}};
	int passes = 1;

	print_head();
	for (size_t i = 0; i < ARRAY_LEN(bars); i++) {
		struct golden golden;
		struct fixture fixture;
		uint8_t *stored;
		char path[512];

		fixture_path(path, sizeof(path), "quant-F16.gguf");
		open_model(&fixture, path);
		quantize_model(fixture.model, bars[i].dtype, &stored);
		forward(fixture.model, &golden);
		passes &= meets_on_every_path(&fixture, dtype_info(bars[i].dtype)->name, &golden,
			bars[i].rms, bars[i].kl);
		golden_finish(&golden);
		fixture_close(&fixture);
		free(stored);
	}
	assert_true(passes);
}

static int read_ids(void **state)
{
	char path[512];
	FILE *file;

	fixture_path(path, sizeof(path), "ids.txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TOK; i++) {
		assert_int_equal(1, fscanf(file, "%u", &ids[i]));
	}
	fclose(file);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_the_shared_oracles_meet_the_peers_bars),
		cmocka_unit_test(the_reference_equals_the_oracles_float64_logits),
		cmocka_unit_test(types_that_the_oracles_lack_meet_the_bars_of_their_like),
	};

	return cmocka_run_group_tests(tests, read_ids, NULL);
}
