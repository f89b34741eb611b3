/* Sessions with engines on a thread, and what their prompts are. */
#ifndef TESTS_UNIT_SESSION_FIXTURE_H
#define TESTS_UNIT_SESSION_FIXTURE_H

#include "base/mem.h"
#include "engine/engine_thread.h"
#include "loaders/load.h"
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct engine *open_engine(const struct engine_config *config)
{
	struct engine *engine;
	struct err err;

	if (engine_open_thread(&engine, config, &err) < 0 || engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return engine;
}

static inline struct engine *open_fake(int64_t context_tok)
{
	return open_engine(&(struct engine_config){
		.model = "fake", .backend = "fake", .context_tok = context_tok});
}

/* The model that the build makes: random weights, but a learned vocabulary that merges. */
static inline struct engine *open_random(void)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *path = mem_printf("%s/models/random.gguf", build ? build : ".");
	struct engine *engine = open_engine(
		&(struct engine_config){.model = path, .backend = "cpu", .n_thread = 1});

	free(path);
	return engine;
}

static inline void must(int status, const struct err *err)
{
	if (status < 0) {
		fail_msg("%s: %s", err->where, err->what);
	}
}

static inline struct document text_document(const char *name, const char *text)
{
	struct document document = {
		.kind = DOCUMENT_TEXT, .name = mem_strdup(name), .origin = mem_strdup(name)};
	struct part *part = document_add_part(&document);

	part->text = mem_strdup(text);
	part->len = strlen(text);
	return document;
}

static inline void add_text(struct session *session, const char *name, const char *text)
{
	struct load_result loaded = {0};

	mem_grow(loaded.document, loaded.n_document, loaded.cap_document);
	loaded.document[loaded.n_document++] = text_document(name, text);
	assert_int_equal(1, session_add_sources(session, &loaded));
	load_result_finish(&loaded);
}

static inline void update_text(struct session *session, size_t index, const char *text)
{
	struct document document = text_document("t", text);

	assert_int_equal(0, session_update_source(session, index, &document, NULL));
	document_finish(&document);
}

static inline void ask(struct session *session, struct engine *engine, const char *question,
	int64_t max_tok, const struct session_watch *watch, struct session_answer *answer)
{
	struct err err;

	must(session_ask(session, engine, question, strlen(question), NULL, max_tok, watch, answer,
		     &err),
		&err);
}

/* Ask, and forget the answer; its turn. */
static inline int64_t say(
	struct session *session, struct engine *engine, const char *question, int64_t max_tok)
{
	struct session_answer answer;
	int64_t turn;

	ask(session, engine, question, max_tok, NULL, &answer);
	turn = answer.turn;
	session_answer_finish(&answer);
	return turn;
}

static inline char *context(const struct session *session, const char *question)
{
	struct buf text = BUF_INIT;

	session_context_text(session, question, question ? strlen(question) : 0, &text);
	return buf_take(&text);
}

static inline uint32_t *ids_of(struct engine *engine, const struct prompt *prompt, size_t *count)
{
	struct engine_event event;
	int64_t request = engine_tokenize(engine, prompt, 0, NULL);
	uint32_t *ids;

	do {
		assert_int_equal(1, engine_next(engine, 10000, &event));
	} while (event.request != request);
	assert_int_equal(ENGINE_TOKENS, event.type);
	ids = mem_alloc((event.n_ids + 1) * sizeof(*ids));
	if (event.n_ids) {
		memcpy(ids, event.ids, event.n_ids * sizeof(*ids));
	}
	*count = event.n_ids;
	return ids;
}

/* Of the prompt of the next question. */
static inline uint32_t *prompt_ids(
	const struct session *session, struct engine *engine, const char *question, size_t *count)
{
	struct prompt prompt = {0};
	uint32_t *ids;

	session_prompt(session, question, strlen(question), engine_info(engine), &prompt);
	ids = ids_of(engine, &prompt, count);
	prompt_finish(&prompt);
	return ids;
}

/* Tokens of the next prompt up to where the user's new message begins. */
static inline int64_t count_said(const struct session *session, struct engine *engine)
{
	struct prompt prompt = {0}, said = {0};
	size_t n_said = 0, count;

	session_prompt(session, "Q?", 2, engine_info(engine), &prompt);
	for (size_t i = 0; i < prompt.count; i++) {
		if (segment_kind(prompt.item[i]) == SEGMENT_MARK &&
			segment_get_mark(prompt.item[i]) == PROMPT_USER_OPEN) {
			n_said = i;
		}
	}
	for (size_t i = 0; i < n_said; i++) {
		prompt_add(&said, segment_ref(prompt.item[i]));
	}
	free(ids_of(engine, &said, &count));
	prompt_finish(&prompt);
	prompt_finish(&said);
	return (int64_t)count;
}

static inline void assert_same_context(const struct session *a, const struct session *b)
{
	char *one = context(a, "Q?"), *other = context(b, "Q?");

	assert_string_equal(one, other);
	free(one);
	free(other);
}

#endif
