/* For tests of the engine's API: ask, and collect everything that comes of it. */
#ifndef TESTS_UNIT_ENGINE_ASK_H
#define TESTS_UNIT_ENGINE_ASK_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reply {
	struct buf text;
	uint32_t *ids;
	size_t n_ids, cap_ids;
	int n_event, n_split, n_end; /* n_split: TEXT events that end inside a character */
	int has_failed;
	struct engine_event last; /* its pointers are not kept */
};

static inline void reply_finish(struct reply *reply)
{
	buf_finish(&reply->text);
	free(reply->ids);
	*reply = (struct reply){0};
}

static inline double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* [BEGIN USER_OPEN text USER_CLOSE MODEL_OPEN] */
static inline struct prompt chat_prompt(const char *text)
{
	struct prompt prompt = {0};

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(&prompt, segment_mark(PROMPT_USER_OPEN));
	prompt_add(&prompt, segment_text(text, strlen(text)));
	prompt_add(&prompt, segment_mark(PROMPT_USER_CLOSE));
	prompt_add(&prompt, segment_mark(PROMPT_MODEL_OPEN));
	return prompt;
}

static inline void reply_take(struct reply *reply, const struct engine_event *event)
{
	reply->n_event++;
	reply->last = *event;
	if (event->type == ENGINE_TEXT || event->type == ENGINE_TOKENS ||
		event->type == ENGINE_RENDERED) {
		buf_add(&reply->text, event->text, event->text_len);
		reply->n_split += utf8_incomplete_tail(event->text, event->text_len) != 0;
		for (size_t i = 0; i < event->n_ids; i++) {
			mem_grow(reply->ids, reply->n_ids, reply->cap_ids);
			reply->ids[reply->n_ids++] = event->ids[i];
		}
	}
	reply->has_failed |= event->type == ENGINE_FAILED;
	reply->n_end += event->type == ENGINE_DONE || event->type == ENGINE_FAILED ||
			event->type == ENGINE_TOKENS || event->type == ENGINE_CACHED ||
			(event->type == ENGINE_RENDERED && event->done_tok == event->total_tok);
}

/* Until the request has ended or `timeout_ms` have passed. */
static inline struct reply collect(struct engine *engine, int64_t id, int timeout_ms)
{
	double until = now_s() + timeout_ms * 1e-3;
	struct reply reply = {0};
	struct engine_event event;

	while (!reply.n_end && now_s() < until) {
		if (engine_next(engine, 100, &event) && event.request == id) {
			reply_take(&reply, &event);
		}
	}
	return reply;
}

static inline int64_t submit_chat(
	struct engine *engine, const char *text, int64_t max_tok, struct err *err)
{
	struct prompt prompt = chat_prompt(text);
	struct engine_request request = {
		.prompt = &prompt, .sampling = engine_sampling_default, .max_tok = max_tok};
	int64_t id = engine_submit(engine, &request, err);

	prompt_finish(&prompt);
	return id;
}

static inline struct reply ask(struct engine *engine, const char *text, int64_t max_tok)
{
	return collect(engine, submit_chat(engine, text, max_tok, NULL), 20000);
}

#endif
