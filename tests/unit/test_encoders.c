/*
 * Encoders (BERT, nomic): text to vector on every instruction-set path against transformers' vectors
 * (tests/vectors/encoders), alone and in company; what a file may not say of one.
 */
#include "engine/embedding.h"
#include "engine/engine_thread.h"
#include "engine/token/tokenizer.h"
#include "tests/unit/engine_ask.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/golden_logits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ENCODERS "tests/vectors/encoders"

enum { N_TEXT = 8, MAX_TOK = 96, LINE = 4096 };

/* Bars: rms of the difference over that of the vectors, and 1 - cosine. */
static const struct subject {
	const char *name;
	double rms, turned;
} subjects[] = {
	{"bert-mean", 2e-6, 1e-11},
	{"bert-cls", 2e-6, 1e-11},
	{"bert-q8", 0.02, 3e-4},
	{"nomic", 2e-6, 1e-11},
};

static void path_of(char *out, size_t size, const char *name, const char *suffix)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	snprintf(out, size, "%s/" ENCODERS "/%s%s", source ? source : ".", name, suffix);
}

static void open_encoder(struct fixture *fixture, const char *name)
{
	char path[512];
	struct err err;

	*fixture = (struct fixture){0};
	path_of(path, sizeof(path), name, ".gguf");
	fixture_check(model_open(&fixture->model, path, NULL, &err), &err);
	fixture_check(program_create(&fixture->program, fixture->model, 0, &err), &err);
}

/* The texts as the model reads them: [CLS] text [SEP]. */
static void read_texts(struct ids text[N_TEXT], const struct model *model)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(model->tokenizer);
	char path[512], line[LINE];
	FILE *file;

	path_of(path, sizeof(path), "texts", ".txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TEXT; i++) {
		assert_non_null(fgets(line, sizeof(line), file));
		text[i] = (struct ids){0};
		ids_add(&text[i], tokenizer_bos(model->tokenizer));
		tokenizer_encode_text(encoder, line, strcspn(line, "\n"), 1, &text[i]);
		ids_add(&text[i], tokenizer_eos(model->tokenizer));
		assert_in_range(text[i].count, 3, MAX_TOK);
	}
	fclose(file);
	tokenizer_encoder_destroy(encoder);
}

static void free_texts(struct ids text[N_TEXT])
{
	for (int i = 0; i < N_TEXT; i++) {
		ids_finish(&text[i]);
	}
}

/* Vectors [n_text][n] of texts that stand in one batch. */
static float *embed(const struct fixture *fixture, const struct ids *text, int n_text)
{
	const struct embedding_rule *rule = backend_cpu.embedding(fixture->backend);
	uint32_t ids[N_TEXT * MAX_TOK];
	int64_t pos[N_TEXT * MAX_TOK];
	struct op_sequence sequence[N_TEXT];
	struct batch batch = {.ids = ids,
		.pos = pos,
		.sequence = sequence,
		.n_sequence = n_text,
		.is_embedding = 1};
	float *out = mem_alloc((size_t)(n_text * rule->n) * sizeof(*out));
	const float *states = NULL;
	struct err err;

	for (int i = 0; i < n_text; i++) {
		sequence[i] = (struct op_sequence){
			.first_row = batch.n_row, .n_row = (int64_t)text[i].count};
		for (size_t k = 0; k < text[i].count; k++) {
			ids[batch.n_row] = text[i].id[k];
			pos[batch.n_row++] = (int64_t)k;
		}
	}
	fixture_check(backend_cpu.run(fixture->backend, &batch, NULL, &states, &err), &err);
	for (int i = 0; i < n_text; i++) {
		const struct embedding_run whole = {0, sequence[i].n_row};
		struct embedding *embedding = embedding_create(rule, &whole, 1, whole.n_tok);

		embedding_add(embedding, states + sequence[i].first_row * rule->n, 0, whole.n_tok);
		memcpy(out + i * rule->n, embedding_vector(embedding),
			(size_t)rule->n * sizeof(*out));
		embedding_destroy(embedding);
	}
	return out;
}

static int check_subject(enum cpu_isa isa, const struct subject *subject)
{
	struct ids text[N_TEXT];
	struct fixture fixture;
	struct golden want;
	double error = 0, turned = 0;
	char path[512];
	float *got;
	int passes;

	open_encoder(&fixture, subject->name);
	path_of(path, sizeof(path), subject->name, ".npy");
	golden_read(&want, path);
	assert_int_equal(N_TEXT, want.n_row);
	assert_int_equal(fixture.model->n_embd, want.n_vocab);
	fixture_backend(&fixture, isa, KV_Q8, 2, N_TEXT * MAX_TOK);
	read_texts(text, fixture.model);
	got = embed(&fixture, text, N_TEXT);
	for (int i = 0; i < N_TEXT; i++) {
		double dot = 0, a = 0, b = 0;

		for (int64_t k = i * want.n_vocab; k < (i + 1) * want.n_vocab; k++) {
			double e = (double)got[k] - (double)want.logits[k];

			dot += (double)got[k] * (double)want.logits[k];
			a += (double)got[k] * (double)got[k];
			b += (double)want.logits[k] * (double)want.logits[k];
			error += e * e / N_TEXT;
		}
		turned = fmax(turned, isnan(dot) ? INFINITY : 1 - dot / sqrt(a * b));
	}
	passes = sqrt(error) <= subject->rms && turned <= subject->turned;
	printf("# %-9s %-10s rms %.3e /%.1e  1 - cosine %.3e /%.1e%s\n", cpu_isa_name(isa),
		subject->name, sqrt(error), subject->rms, turned, subject->turned,
		passes ? "" : "  OUTSIDE");
	free(got);
	free_texts(text);
	golden_finish(&want);
	fixture_close(&fixture);
	return passes;
}

static void every_path_meets_the_vectors_of_transformers(void **state)
{
	static const enum cpu_isa isa[] = {CPU_ISA_PORTABLE, CPU_ISA_AVX2, CPU_ISA_AVX512};
	int passes = 1;

	for (size_t i = 0; i < ARRAY_LEN(isa); i++) {
		for (size_t s = 0; s < ARRAY_LEN(subjects) && cpu_isa_supported(isa[i]); s++) {
			passes &= check_subject(isa[i], &subjects[s]);
		}
	}
	assert_true(passes);
}

static void a_text_has_the_same_bits_alone_and_in_company(void **state)
{
	for (size_t s = 0; s < ARRAY_LEN(subjects); s++) {
		struct ids text[N_TEXT];
		struct fixture fixture;
		float *together;

		open_encoder(&fixture, subjects[s].name);
		fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 2, N_TEXT * MAX_TOK);
		read_texts(text, fixture.model);
		together = embed(&fixture, text, N_TEXT);
		fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 1, MAX_TOK);
		for (int i = 0; i < N_TEXT; i++) {
			float *alone = embed(&fixture, &text[i], 1);
			int64_t n = fixture.model->n_embd;

			assert_memory_equal(alone, together + i * n, (size_t)n * sizeof(*alone));
			free(alone);
		}
		free(together);
		free_texts(text);
		fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_meets_the_vectors_of_transformers),
		cmocka_unit_test(a_text_has_the_same_bits_alone_and_in_company),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
