/*
 * Cached equals uncached, bit for bit: a token's logits are the same whether it was computed alone
 * or in a batch of 512, resumed at any split point or not, by 1, 2 or 3 threads, for every KV type
 * on every instruction-set path (the summation rule of kernels/ops.h), with sliding windows and soft
 * caps too.
 */
#include "base/rng.h"
#include "engine/kv/cache.h"
#include "engine/kv/chain.h"
#include "engine/kv/sequence.h"
#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Three page boundaries and some more. */
enum { N_TOK = 200, MAX_ROWS = 512, MAX_TOK = KV_SPAN_TOK + 128 };

/* Rows compared after each split; all of the rest on the best path with q8 and two threads. */
enum { FEW_ROWS = 3 };

struct subject {
	struct fixture fixture;
	struct kv_cache *cache;
	uint32_t ids[MAX_TOK];
	float *want; /* [MAX_TOK][n_vocab]: computed without interruption, in batches of 512 */
	size_t row_bytes;
};

static void new_cache(struct subject *subject)
{
	struct kv_cache_config config = {.max_pages = 4096};

	kv_cache_destroy(subject->cache);
	subject->cache = kv_cache_create(subject->fixture.backend, &config);
}

static const float *run(struct subject *subject, struct kv_sequence *sequence, int64_t n_row)
{
	struct err err;

	fixture_check(kv_sequence_reserve(sequence, sequence->n_tok + n_row, &err), &err);
	return fixture_run(&subject->fixture, subject->ids + sequence->n_tok, n_row,
		sequence->n_tok, sequence->data);
}

/* Rows computed next must be those that were computed without interruption. */
static void expect_rows(struct subject *subject, struct kv_sequence *sequence, int64_t n_row)
{
	const float *got = run(subject, sequence, n_row);
	size_t n_vocab = subject->row_bytes / sizeof(float);

	for (int64_t i = 0; i < n_row; i++) {
		const float *want = subject->want + (size_t)(sequence->n_tok + i) * n_vocab;

		if (memcmp(got + (size_t)i * n_vocab, want, subject->row_bytes) != 0) {
			fail_msg("position %lld differs", (long long)(sequence->n_tok + i));
		}
	}
	kv_sequence_commit(sequence, subject->ids + sequence->n_tok, n_row);
}

/* What the attention of a layer sees, [N_LAYER] of the models here. */
enum { N_LAYER = 3 };
struct view {
	int64_t window_tok;
	float softcap;
};

/* Windows that begin inside of a page, hold one token, span everything. */
static const struct view narrow[N_LAYER] = {{70, 0}, {0, 4}, {1, 0}};
/* Longer than a span; inside of one; half a page. */
static const struct view wide[N_LAYER] = {{KV_SPAN_TOK + 37, 0}, {1000, 2}, {32, 0}};

/* Layers of the model attend to `views` instead of to everything; NULL: as they are. */
static void set_views(struct program *program, const struct view *views)
{
	int n_layer = 0;

	for (size_t i = 0; i < program->n_op && views; i++) {
		struct op_attention *attention = &program->op[i].attention;

		if (program->op[i].kind == OP_ATTENTION) {
			assert_in_range(attention->layer, 0, N_LAYER - 1);
			attention->window_tok = views[attention->layer].window_tok;
			attention->softcap = views[attention->layer].softcap;
			n_layer++;
		}
	}
	assert_int_equal(views ? N_LAYER : 0, n_layer);
}

static void subject_backend(
	struct subject *subject, enum cpu_isa isa, enum kv_type kv, int32_t n_thread)
{
	kv_cache_destroy(subject->cache);
	subject->cache = NULL;
	fixture_backend(&subject->fixture, isa, kv, n_thread, MAX_ROWS);
	new_cache(subject);
}

static void subject_open(struct subject *subject, const char *name, const struct view *views,
	enum cpu_isa isa, enum kv_type kv, int64_t n_tok)
{
	struct kv_sequence sequence;
	size_t n_vocab;

	*subject = (struct subject){0};
	fixture_open(&subject->fixture, name);
	set_views(subject->fixture.program, views);
	subject_backend(subject, isa, kv, 2);
	n_vocab = (size_t)subject->fixture.model->n_vocab;
	subject->row_bytes = n_vocab * sizeof(float);
	subject->want = mem_alloc(MAX_TOK * subject->row_bytes);
	for (int i = 0; i < MAX_TOK; i++) {
		uint32_t random[4];

		rng_philox(7, (uint64_t)i, random);
		subject->ids[i] = random[0] % (uint32_t)n_vocab;
	}
	kv_sequence_init(&sequence, subject->cache, 0);
	while (sequence.n_tok < n_tok) {
		int64_t n = n_tok - sequence.n_tok < MAX_ROWS ? n_tok - sequence.n_tok : MAX_ROWS;
		const float *logits = run(subject, &sequence, n);

		memcpy(subject->want + (size_t)sequence.n_tok * n_vocab, logits,
			(size_t)n * subject->row_bytes);
		kv_sequence_commit(&sequence, subject->ids + sequence.n_tok, n);
	}
	kv_sequence_finish(&sequence);
}

static void subject_close(struct subject *subject)
{
	kv_cache_destroy(subject->cache);
	fixture_close(&subject->fixture);
	free(subject->want);
}

/*
 * One token at a time through the cache: at every split the cache holds exactly the tokens before
 * it, the last page by a tail that is copied. The rows after the split are compared.
 */
static void check_splits(struct subject *subject, int64_t few_rows)
{
	new_cache(subject);
	for (int64_t split = 1; split < N_TOK; split++) {
		int64_t n_row = N_TOK - split < few_rows ? N_TOK - split : few_rows;
		struct kv_sequence sequence;

		kv_sequence_init(&sequence, subject->cache, 1);
		kv_sequence_match(&sequence, subject->ids, split);
		assert_int_equal(split - 1, sequence.n_tok);
		expect_rows(subject, &sequence, 1);
		kv_sequence_finish(&sequence);

		kv_sequence_init(&sequence, subject->cache, 1);
		kv_sequence_match(&sequence, subject->ids, N_TOK);
		assert_int_equal(split, sequence.n_tok);
		sequence.reuse = 0; /* the cache is to hold the split, no more */
		expect_rows(subject, &sequence, n_row);
		kv_sequence_finish(&sequence);
	}
}

static void check_chunks(struct subject *subject, const int64_t *chunk, size_t n_chunk)
{
	for (size_t i = 0; i < n_chunk; i++) {
		struct kv_sequence sequence;

		kv_sequence_init(&sequence, subject->cache, 0);
		while (sequence.n_tok < N_TOK) {
			int64_t left = N_TOK - sequence.n_tok;

			expect_rows(subject, &sequence, left < chunk[i] ? left : chunk[i]);
		}
		kv_sequence_finish(&sequence);
	}
}

/* The last rows of the prompt among 512 rows of three sequences. */
static void check_crowd(struct subject *subject)
{
	enum { OURS = 5, FIRST = 250, LAST = MAX_ROWS - FIRST - OURS };
	struct kv_sequence own, other[2];
	struct op_sequence sequence[3];
	uint32_t ids[MAX_ROWS];
	int64_t pos[MAX_ROWS], out[OURS];
	const struct batch batch = {.n_row = MAX_ROWS,
		.n_out = OURS,
		.ids = ids,
		.pos = pos,
		.out_row = out,
		.sequence = sequence,
		.n_sequence = 3};
	const float *logits;
	struct err err;

	kv_sequence_init(&own, subject->cache, 0);
	expect_rows(subject, &own, N_TOK - OURS);
	fixture_check(kv_sequence_reserve(&own, N_TOK, &err), &err);
	for (int i = 0; i < 2; i++) {
		kv_sequence_init(&other[i], subject->cache, 0);
		fixture_check(kv_sequence_reserve(&other[i], i ? LAST : FIRST, &err), &err);
	}
	for (int i = 0; i < MAX_ROWS; i++) {
		int is_own = i >= FIRST && i < FIRST + OURS;

		pos[i] = i < FIRST ? i : is_own ? N_TOK - OURS + i - FIRST : i - FIRST - OURS;
		ids[i] = is_own ? subject->ids[pos[i]] : (uint32_t)(i * 31 % 700);
	}
	for (int i = 0; i < OURS; i++) {
		out[i] = FIRST + i;
	}
	sequence[0] = (struct op_sequence){0, FIRST, 0, other[0].data};
	sequence[1] = (struct op_sequence){FIRST, OURS, N_TOK - OURS, own.data};
	sequence[2] = (struct op_sequence){FIRST + OURS, LAST, 0, other[1].data};
	fixture_check(backend_cpu.run(subject->fixture.backend, &batch, NULL, &logits, &err), &err);
	assert_memory_equal(logits,
		(const char *)subject->want + (N_TOK - OURS) * subject->row_bytes,
		OURS * subject->row_bytes);
	kv_sequence_finish(&own);
	kv_sequence_finish(&other[0]);
	kv_sequence_finish(&other[1]);
}

static void check_model(
	const char *name, const struct view *views, enum cpu_isa isa, enum kv_type kv)
{
	static const int64_t chunk[] = {65, 1, 7, 64};
	struct subject subject;

	subject_open(&subject, name, views, isa, kv, N_TOK);
	check_splits(&subject, isa == cpu_isa_best() && kv == KV_Q8 ? N_TOK : FEW_ROWS);
	check_chunks(&subject, chunk, ARRAY_LEN(chunk));
	check_crowd(&subject);
	for (int32_t n_thread = 1; n_thread <= 3; n_thread += 2) {
		subject_backend(&subject, isa, kv, n_thread);
		if (kv != KV_F32) { /* which is for tests */
			check_splits(&subject, FEW_ROWS);
		}
		check_chunks(&subject, chunk, 1);
		check_crowd(&subject);
	}
	subject_close(&subject);
}

/* What other families compute in another way than llama. */
static void check_family(const char *name, enum cpu_isa isa)
{
	static const int64_t chunk[] = {65, 7, 1};
	struct subject subject;

	subject_open(&subject, name, NULL, isa, KV_Q8, N_TOK);
	check_chunks(&subject, chunk, ARRAY_LEN(chunk));
	check_crowd(&subject);
	subject_close(&subject);
}

static void check_path(enum cpu_isa isa)
{
	static const enum kv_type kv[] = {KV_Q8, KV_F16, KV_F32};
	static const int64_t alone = 1;
	/* norms of heads; and windows that begin inside of pages */
	static const char *const family[] = {"../families/qwen3.gguf", "../families/gemma3.gguf"};
	static const char *const storage[] = {"quant-Q8_0.gguf", "quant-Q4_K_M.gguf",
		"quant-Q6_K.gguf", "quant-Q4_0.gguf", "quant-BF16.gguf", "quant-F16.gguf"};

	if (!cpu_isa_supported(isa)) {
		printf("# this processor or build has no %s\n", cpu_isa_name(isa));
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(kv); i++) {
		check_model("llama-f32.gguf", NULL, isa, kv[i]);
		check_model("llama-f32.gguf", narrow, isa, kv[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(family); i++) {
		check_family(family[i], isa);
	}
	for (size_t i = 0; i < ARRAY_LEN(storage); i++) {
		struct subject subject;

		subject_open(&subject, storage[i], NULL, isa, KV_Q8, N_TOK);
		check_chunks(&subject, &alone, 1);
		check_crowd(&subject);
		subject_close(&subject);
	}
}

static void plain_c_is_the_same_at_every_split(void **state)
{
	check_path(CPU_ISA_PORTABLE);
}

static void avx2_is_the_same_at_every_split(void **state)
{
	check_path(CPU_ISA_AVX2);
}

static void avx512_is_the_same_at_every_split(void **state)
{
	check_path(CPU_ISA_AVX512);
}

/* Attention merges spans of KV_SPAN_TOK tokens: resume before, at and after such a boundary. */
static void check_span(const struct view *views)
{
	static const int64_t split[] = {
		KV_SPAN_TOK - 1, KV_SPAN_TOK, KV_SPAN_TOK + 1, KV_SPAN_TOK + 65};
	struct subject subject;

	subject_open(&subject, "llama-f32.gguf", views, cpu_isa_best(), KV_Q8, MAX_TOK);
	for (size_t i = 0; i < ARRAY_LEN(split); i++) {
		struct kv_sequence sequence;

		kv_sequence_init(&sequence, subject.cache, 1);
		kv_sequence_match(&sequence, subject.ids, split[i]);
		while (sequence.n_tok < split[i]) {
			int64_t left = split[i] - sequence.n_tok;

			expect_rows(&subject, &sequence, left < 500 ? left : 500);
		}
		kv_sequence_finish(&sequence);
		kv_sequence_init(&sequence, subject.cache, 1);
		kv_sequence_match(&sequence, subject.ids, MAX_TOK);
		assert_int_equal(split[i], sequence.n_tok);
		sequence.reuse = 0;
		expect_rows(&subject, &sequence, 3);
		expect_rows(&subject, &sequence, 20);
		kv_sequence_finish(&sequence);
	}
	subject_close(&subject);
}

static void the_best_path_is_the_same_across_a_span(void **state)
{
	check_span(NULL);
	check_span(narrow);
	check_span(wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_c_is_the_same_at_every_split),
		cmocka_unit_test(avx2_is_the_same_at_every_split),
		cmocka_unit_test(avx512_is_the_same_at_every_split),
		cmocka_unit_test(the_best_path_is_the_same_across_a_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
