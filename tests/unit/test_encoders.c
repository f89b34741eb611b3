/*
 * Encoders (BERT, nomic): text to vector on every instruction-set path against transformers' vectors
 * (tests/vectors/encoders), alone and in company; what a file may not say of one.
 */
#include "base/file.h"
#include "engine/embedding_text.h"
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
#include <unistd.h>

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

/* ---- through the engine ---- */

static struct engine *open_engine(const char *name)
{
	char path[512];
	struct engine_config config = {.model = path, .n_thread = 2};
	struct engine *engine;
	struct err err;

	path_of(path, sizeof(path), name, ".gguf");
	unsetenv("CARREL_ISA");
	fixture_check(engine_open_thread(&engine, &config, &err), &err);
	fixture_check(engine_wait_ready(engine, &err), &err);
	return engine;
}

static int64_t submit(struct engine *engine, const char *text, size_t len, int is_question)
{
	struct prompt prompt = {0};
	const struct engine_request request = {.prompt = &prompt,
		.sampling = engine_sampling_default,
		.want_embedding = 1,
		.is_question = is_question};
	struct err err;
	int64_t id;

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN)); /* its place is the engine's to know */
	prompt_add(&prompt, segment_text(text, len));
	id = engine_submit(engine, &request, &err);
	assert_true(id > 0);
	prompt_finish(&prompt);
	return id;
}

/* The vector of a request that is under way; the caller frees it. */
static float *wait_vector(struct engine *engine, int64_t id, struct engine_usage *usage)
{
	struct engine_event event = {0};
	float *vector = NULL;

	while (event.request != id || (event.type != ENGINE_DONE && event.type != ENGINE_FAILED)) {
		assert_int_equal(1, engine_next(engine, 20000, &event));
		if (event.request == id && event.type == ENGINE_EMBEDDING) {
			vector = mem_alloc(event.n_embedding * sizeof(*vector));
			memcpy(vector, event.embedding, event.n_embedding * sizeof(*vector));
		}
	}
	assert_int_equal(ENGINE_DONE, event.type);
	assert_non_null(vector);
	*usage = event.usage;
	return vector;
}

static void the_engine_tells_that_it_only_embeds(void **state)
{
	struct engine *engine = open_engine("bert-cls");
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = 1};
	struct reply reply;
	struct err err;

	assert_true(engine_info(engine)->can_embed && engine_info(engine)->only_embeds);
	assert_int_equal(32, engine_info(engine)->n_embedding);
	assert_int_equal(96, engine_info(engine)->context_tok);
	assert_int_equal(0, engine_info(engine)->kv_bytes_per_tok);
	prompt_add(&prompt, segment_text("the", 3));
	reply = collect(engine, engine_submit(engine, &request, &err), 20000);
	assert_true(reply.has_failed);
	assert_non_null(strstr(reply.last.err.what, "which finds texts and writes none"));
	assert_non_null(strstr(reply.last.err.hint, "--embed"));
	reply_finish(&reply);
	prompt_finish(&prompt);
	engine_close(engine);
}

/* All of them under way together, whatever order they end in. */
static void requests_at_once_get_the_vectors_of_transformers(void **state)
{
	struct engine *engine = open_engine("bert-mean");
	struct engine_event event;
	struct golden want;
	int64_t id[N_TEXT];
	int n_end = 0, n_vector = 0;
	char path[512], line[LINE];
	FILE *file;

	path_of(path, sizeof(path), "bert-mean", ".npy");
	golden_read(&want, path);
	path_of(path, sizeof(path), "texts", ".txt");
	file = fopen(path, "r");
	assert_non_null(file);
	for (int i = 0; i < N_TEXT; i++) {
		assert_non_null(fgets(line, sizeof(line), file));
		id[i] = submit(engine, line, strcspn(line, "\n"), i % 2);
	}
	fclose(file);
	while (n_end < N_TEXT) {
		assert_int_equal(1, engine_next(engine, 20000, &event));
		assert_int_not_equal(ENGINE_FAILED, event.type);
		n_end += event.type == ENGINE_DONE;
		for (int i = 0; i < N_TEXT && event.type == ENGINE_EMBEDDING; i++) {
			for (int64_t k = 0; k < want.n_vocab && event.request == id[i]; k++) {
				float row = want.logits[i * want.n_vocab + k];

				assert_true(fabsf(event.embedding[k] - row) < 1e-5f);
				n_vector += k == 0;
			}
		}
	}
	assert_int_equal(N_TEXT, n_vector);
	golden_finish(&want);
	engine_close(engine);
}

/* The mean of what the pieces' own vectors are, weighted by their tokens; nothing is left out. */
static void a_text_beyond_the_window_is_the_mean_of_its_pieces(void **state)
{
	struct engine *engine = open_engine("bert-mean");
	struct embedding_text pieces;
	struct engine_usage usage;
	struct fixture fixture;
	struct tokenizer_encoder *encoder;
	struct buf text = BUF_INIT;
	struct ids ids = {0};
	double want[64] = {0}, square = 0, n_text_tok = 0;
	float *got;
	struct err err;

	for (int i = 0; i < 150; i++) {
		buf_printf(&text, "%s the license of this copy, ", i % 7 ? "binary" : "source");
	}
	open_encoder(&fixture, "bert-mean");
	fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 2, MAX_TOK);
	encoder = tokenizer_encoder_create(fixture.model->tokenizer);
	tokenizer_encode_text(encoder, text.data, text.len, 1, &ids);
	fixture_check(embedding_text_make(&pieces, fixture.model->tokenizer, ids.id, ids.count, "",
			      MAX_TOK, &err),
		&err);
	assert_true(pieces.n_piece > 8);
	for (size_t i = 0; i < pieces.n_piece; i++) {
		struct ids piece = {pieces.ids.id + pieces.piece[i].first_tok,
			(size_t)pieces.piece[i].n_tok, 0};
		float *one;

		assert_in_range(piece.count, MAX_TOK / 2, MAX_TOK);
		one = embed(&fixture, &piece, 1);
		for (int k = 0; k < 64; k++) {
			want[k] += (double)piece.count * (double)one[k];
		}
		n_text_tok += (double)piece.count - 2;
		free(one);
	}
	assert_int_equal(ids.count, (size_t)n_text_tok);
	got = wait_vector(engine, submit(engine, text.data, text.len, 0), &usage);
	assert_int_equal(pieces.ids.count, usage.prefill_tok);
	for (int k = 0; k < 64; k++) {
		square += want[k] * want[k];
	}
	for (int k = 0; k < 64; k++) {
		assert_true(fabs((double)got[k] - want[k] / sqrt(square)) < 1e-6);
	}
	free(got);
	embedding_text_finish(&pieces);
	ids_finish(&ids);
	buf_finish(&text);
	tokenizer_encoder_destroy(encoder);
	fixture_close(&fixture);
	engine_close(engine);
}

static void models_get_the_words_that_they_were_trained_to_see(void **state)
{
	static const struct {
		const char *name, *architecture, *question, *passage;
	} known[] = {
		{"bge-small-en-v1.5", "bert",
			"Represent this sentence for searching relevant passages: ", ""},
		{"Bge Large En v1.5", "bert",
			"Represent this sentence for searching relevant passages: ", ""},
		{"bge-m3", "bert", "", ""},
		{"e5-small-v2", "bert", "query: ", "passage: "},
		{"Multilingual E5 Base", "bert", "query: ", "passage: "},
		{"nomic-embed-text-v1.5", "nomic-bert", "search_query: ", "search_document: "},
		{"model.gguf", "nomic-bert", "search_query: ", "search_document: "},
		{"All MiniLM L6 v2", "bert", "", ""},
		{"gte-small", "bert", "", ""},
		{"cambridge-e5", "bert", "query: ", "passage: "},
		{"plane5-x", "bert", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct embedding_prefix *prefix =
			embedding_prefix_of(known[i].name, known[i].architecture);

		assert_string_equal(known[i].question, prefix->question);
		assert_string_equal(known[i].passage, prefix->passage);
	}
}

static void a_question_is_read_behind_other_words_than_a_passage(void **state)
{
	static const char *const before[] = {"search_document: ", "search_query: "};
	struct engine *engine = open_engine("nomic"), *plain = open_engine("bert-mean");
	struct engine_usage usage;
	struct fixture fixture;

	open_encoder(&fixture, "nomic");
	fixture_backend(&fixture, cpu_isa_best(), KV_Q8, 2, MAX_TOK);
	for (int is_question = 0; is_question < 2; is_question++) {
		struct embedding_text text;
		float *got, *want;
		struct ids ids = {0};
		struct tokenizer_encoder *encoder =
			tokenizer_encoder_create(fixture.model->tokenizer);
		struct err err;

		tokenizer_encode_text(encoder, "the source", 10, 1, &ids);
		fixture_check(embedding_text_make(&text, fixture.model->tokenizer, ids.id,
				      ids.count, before[is_question], MAX_TOK, &err),
			&err);
		want = embed(&fixture, &text.ids, 1);
		got = wait_vector(engine, submit(engine, "the source", 10, is_question), &usage);
		assert_memory_equal(want, got, 64 * sizeof(*got));
		free(got);
		free(want);
		embedding_text_finish(&text);
		ids_finish(&ids);
		tokenizer_encoder_destroy(encoder);
	}
	free(wait_vector(plain, submit(plain, "the", 3, 1), &usage));
	assert_int_equal(3, usage.prefill_tok); /* [CLS] the [SEP] */
	free(wait_vector(plain, submit(plain, "\x01\xff\xe2\x80\x8b", 5, 1), &usage));
	assert_int_equal(2, usage.prefill_tok); /* nothing that the vocabulary knows */
	fixture_close(&fixture);
	engine_close(engine);
	engine_close(plain);
}

/* ---- what a file may not say ---- */

/* Opens bert-mean with one value of its metadata replaced; the error's text has to name something. */
static void refused(
	const char *model, const char *key, const void *value, size_t len, const char *named)
{
	char path[512], text[1024];
	char *damaged = mem_printf("/tmp/carrel-test-encoder-%d.gguf", (int)getpid());
	struct buf file = BUF_INIT;
	struct model_summary summary;
	struct err err;
	char *at;
	FILE *out;

	path_of(path, sizeof(path), model, ".gguf");
	fixture_check(file_read(&file, path, (size_t)16 << 20, &err), &err);
	at = memmem(file.data, file.len, key, strlen(key));
	assert_non_null(at);
	memcpy(at + strlen(key) + 4, value, len);
	out = fopen(damaged, "wb");
	assert_non_null(out);
	assert_int_equal(file.len, fwrite(file.data, 1, file.len, out));
	fclose(out);
	fixture_check(model_summary_read(&summary, damaged, &err), &err);
	snprintf(text, sizeof(text), "%s", summary.why_not ? summary.why_not : "it runs");
	if (summary.can_run || !strstr(text, named)) {
		fail_msg("%s: \"%s\" does not say \"%s\"", key, text, named);
	}
	unlink(damaged);
	free(damaged);
	buf_finish(&file);
	model_summary_finish(&summary);
}

static void what_an_encoder_cannot_be_is_refused_by_name(void **state)
{
	refused("bert-mean", "bert.pooling_type", "\4", 1, "ranks pairs of texts");
	refused("bert-mean", "bert.pooling_type", "\3", 1, "pooling type 3");
	refused("bert-mean", "tokenizer.ggml.model", "\4\0\0\0\0\0\0\0gpt2", 12,
		"with the tokenizer \"gpt2\"");
	refused("bert-mean", "bert.attention.causal", "\1", 1, "in one direction only");
	refused("bert-mean", "bert.attention.head_count", "\3", 1, "has 3 attention heads");
	refused("bert-mean", "bert.context_length", "\x61", 1, "position_embd.weight");
	refused("bert-mean", "bert.block_count", "\3", 1, "blk.2.attn_q.weight");
	refused("bert-mean", "bert.block_count", "\1", 1, "does not know");
	refused("bert-mean", "bert.feed_forward_length", "\x20", 1, "ffn_up.weight");
	refused("nomic", "nomic-bert.block_count", "\3", 1, "blk.2.attn_qkv.weight");
}

static void models_info_tells_what_an_encoder_is_for(void **state)
{
	struct model_summary summary;
	char path[512];
	struct err err;

	path_of(path, sizeof(path), "nomic", ".gguf");
	fixture_check(model_summary_read(&summary, path, &err), &err);
	assert_true(summary.can_run && summary.only_embeds);
	assert_int_equal(0, summary.kv_bytes_per_tok);
	assert_string_equal("the mean", summary.embed_pooling);
	assert_string_equal("search_query: ", summary.embed_question);
	model_summary_finish(&summary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_meets_the_vectors_of_transformers),
		cmocka_unit_test(a_text_has_the_same_bits_alone_and_in_company),
		cmocka_unit_test(the_engine_tells_that_it_only_embeds),
		cmocka_unit_test(requests_at_once_get_the_vectors_of_transformers),
		cmocka_unit_test(a_text_beyond_the_window_is_the_mean_of_its_pieces),
		cmocka_unit_test(models_get_the_words_that_they_were_trained_to_see),
		cmocka_unit_test(a_question_is_read_behind_other_words_than_a_passage),
		cmocka_unit_test(what_an_encoder_cannot_be_is_refused_by_name),
		cmocka_unit_test(models_info_tells_what_an_encoder_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
