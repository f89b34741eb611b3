/*
 * For tests of KV that outlives its engine: ask an engine process that is started for the question,
 * and look at what it sampled, how sure it was, to the bit, and where its KV came from.
 */
#ifndef TESTS_UNIT_KV_ASK_H
#define TESTS_UNIT_KV_ASK_H

#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { KV_ANSWER_MAX = 256 };

struct kv_setup {
	const char *model;
	const char *folder; /* NULL: nothing is kept, nothing reused */
	const char *kv_type, *adapter, *isa;
	double scale;
	int64_t context_tok;
	int32_t n_thread;
};

struct kv_answer {
	uint32_t ids[KV_ANSWER_MAX];
	float logprob[KV_ANSWER_MAX]; /* of each, given everything before: depends on every logit */
	size_t n;
	struct engine_usage usage;
	char model_digest[65]; /* by samples */
};

/*
 * What an engine remembers of its speed goes, so that it has no reason to compute what it could read:
 * of a model as small as ours, reading is not always the faster way.
 */
static inline void kv_forget_rates(const char *kv_folder)
{
	char *pattern = mem_printf("%s/*/rate-*", kv_folder);
	glob_t found = {0};

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			assert_int_equal(0, unlink(found.gl_pathv[i]));
		}
	}
	globfree(&found);
	free(pattern);
}

static inline struct engine *kv_open(const struct kv_setup *setup)
{
	struct engine_config config = {.model = setup->model,
		.backend = "cpu",
		.kv_folder = setup->folder,
		.kv_type = setup->kv_type,
		.context_tok = setup->context_tok,
		.n_thread = setup->n_thread ? setup->n_thread : 2,
		.adapter = {{setup->adapter, setup->scale}},
		.n_adapter = setup->adapter ? 1 : 0};
	struct engine *engine;
	struct err err = {0};

	if (setup->folder) {
		kv_forget_rates(setup->folder);
	}
	if (setup->isa) {
		setenv("CARREL_ISA", setup->isa, 1);
	} else {
		unsetenv("CARREL_ISA");
	}
	if (engine_open(&engine, &config, &err) < 0 || engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return engine;
}

/* The same ids for everybody, of a vocabulary of at least 256. */
static inline void kv_fill_ids(uint32_t *ids, size_t n_ids, uint64_t seed)
{
	for (size_t i = 0; i < n_ids; i++) {
		ids[i] = (uint32_t)(rng_uniform(seed, i) * 256);
	}
}

static inline int64_t kv_submit(
	struct engine *engine, const uint32_t *ids, size_t n_ids, int64_t max_tok, int no_reuse)
{
	struct prompt prompt = {0};
	struct engine_request request = {.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = max_tok,
		.ignore_end = 1,
		.want_logprobs = 1,
		.no_reuse = no_reuse};
	struct err err = {0};
	int64_t id;

	request.sampling.temperature = 1;
	request.sampling.seed = 42;
	prompt_add(&prompt, segment_ids(ids, n_ids));
	id = engine_submit(engine, &request, &err);
	prompt_finish(&prompt);
	if (id < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return id;
}

/* Events of other requests are passed over. */
static inline void kv_collect(struct kv_answer *answer, struct engine *engine, int64_t id)
{
	struct engine_event event = {0};

	*answer = (struct kv_answer){0};
	snprintf(answer->model_digest, sizeof(answer->model_digest), "%s",
		engine_info(engine)->model_digest);
	while (event.type != ENGINE_DONE || event.request != id) {
		if (!engine_next(engine, 20000, &event)) {
			fail_msg("nothing came of the request");
		}
		if (event.type == ENGINE_FAILED) {
			fail_msg("%s: %s", event.err.where, event.err.what);
		}
		for (size_t i = 0; event.request == id && event.type == ENGINE_TEXT &&
				   i < event.n_ids && answer->n < KV_ANSWER_MAX;
			i++) {
			answer->ids[answer->n] = event.ids[i];
			answer->logprob[answer->n++] = event.logprobs[i];
		}
	}
	answer->usage = event.usage;
}

static inline void kv_ask_open(struct kv_answer *answer, struct engine *engine, const uint32_t *ids,
	size_t n_ids, int64_t max_tok, int no_reuse)
{
	kv_collect(answer, engine, kv_submit(engine, ids, n_ids, max_tok, no_reuse));
}

/* By a process of its own. */
static inline void kv_ask(struct kv_answer *answer, const struct kv_setup *setup,
	const uint32_t *ids, size_t n_ids, int64_t max_tok)
{
	struct engine *engine = kv_open(setup);

	kv_ask_open(answer, engine, ids, n_ids, max_tok, 0);
	engine_close(engine);
}

/* What the answer is when nothing at all is reused. */
static inline void kv_ask_afresh(struct kv_answer *answer, const struct kv_setup *setup,
	const uint32_t *ids, size_t n_ids, int64_t max_tok)
{
	struct kv_setup alone = *setup;
	struct engine *engine;

	alone.folder = NULL;
	engine = kv_open(&alone);
	kv_ask_open(answer, engine, ids, n_ids, max_tok, 1);
	engine_close(engine);
	assert_int_equal(0, answer->usage.cached_tok);
	assert_int_equal(max_tok, answer->n);
}

static inline int kv_same(const struct kv_answer *a, const struct kv_answer *b)
{
	return a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof(a->ids[0])) == 0 &&
	       memcmp(a->logprob, b->logprob, a->n * sizeof(a->logprob[0])) == 0;
}

static inline char *kv_vector(const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");

	return mem_printf("%s/tests/vectors/%s", source ? source : ".", name);
}

static inline void kv_set_engine(void)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *path = mem_printf("%s/engine/carrel-engine", build ? build : ".");

	setenv("CARREL_ENGINE", path, 0);
	free(path);
}

#endif
