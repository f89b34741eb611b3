/* What arrives from the engine: frames become events, and the description of the model. */
#include "engine/client_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* So many sentences wait to be told. */
#define NOTES_MAX 16

/* ---- events made here ---- */

void client_queue_failed(struct engine *engine, int64_t request, const struct err *err)
{
	event_queue_add(&engine->events,
		&(struct engine_event){.type = ENGINE_FAILED, .request = request, .err = *err},
		NULL);
}

/* ---- requests under way ---- */

struct pending *client_find_pending(struct engine *engine, int64_t id)
{
	for (size_t i = 0; i < engine->n_pending; i++) {
		if (engine->pending[i].id == id) {
			return &engine->pending[i];
		}
	}
	return NULL;
}

void client_remove_pending(struct engine *engine, struct pending *pending)
{
	size_t behind = (size_t)(engine->pending + --engine->n_pending - pending);

	free(pending->ids);
	memmove(pending, pending + 1, behind * sizeof(*pending));
}

/* ---- what arrives ---- */

/* Texts of the description live as long as the handle, so the same text is kept once. */
static const char *keep_string(struct engine *engine, const char *text)
{
	for (size_t i = 0; i < engine->n_string; i++) {
		if (strcmp(engine->string[i], text) == 0) {
			return engine->string[i];
		}
	}
	mem_grow(engine->string, engine->n_string, engine->cap_string);
	return engine->string[engine->n_string++] = mem_strdup(text);
}

void client_keep_strings(struct engine *engine, struct engine_info *info)
{
	const char **const text[] = {&info->model_name, &info->architecture, &info->storage,
		&info->backend, &info->template_name, &info->tokenizer, &info->kv_type,
		&info->license, &info->adapters};

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		*text[i] = keep_string(engine, *text[i] ? *text[i] : "");
	}
}

static int handle_info(struct engine *engine, const struct wire_frame *frame, struct err *err)
{
	struct engine_info info;
	int result = wire_get_info(&info, frame, err);

	if (result == 0) {
		engine->info = info;
		client_keep_strings(engine, &engine->info);
		engine->has_info = 1;
	}
	wire_info_finish(&info);
	return result;
}

/* Pieces of TOKENS become one event. Takes the block over. */
static int join_tokens(struct engine *engine, struct pending *pending, struct engine_event *event,
	int more, void *block, struct err *err)
{
	size_t count = pending->n_ids + event->n_ids;
	uint32_t *ids;

	if (!event->ids) {
		event->n_ids = 0;
		count = pending->n_ids;
	}
	if (!more && !pending->n_ids) {
		event_queue_add(&engine->events, event, block);
		return 0;
	}
	ids = reallocarray(pending->ids, count ? count : 1, sizeof(*ids));
	if (!ids) {
		free(block);
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"there is no memory for the %zu tokens of the prompt", count);
	}
	if (event->n_ids) {
		memcpy(ids + pending->n_ids, event->ids, event->n_ids * sizeof(*ids));
	}
	free(block);
	pending->ids = ids;
	pending->n_ids = count;
	if (!more) {
		event->ids = ids;
		event->n_ids = count;
		pending->ids = NULL;
		event_queue_add(&engine->events, event, ids);
	}
	return 0;
}

/* Which events the answer to each kind of request consists of. */
static int is_expected(enum wire_type kind, enum engine_event_type type)
{
	switch (type) {
	case ENGINE_FAILED:
		return 1;
	case ENGINE_TOKENS:
		return kind == WIRE_TOKENIZE;
	case ENGINE_CACHED:
		return kind == WIRE_CACHED;
	case ENGINE_RENDERED:
		return kind == WIRE_RENDER;
	case ENGINE_LOAD:
	case ENGINE_READY:
		return 0;
	default:
		return kind == WIRE_SUBMIT;
	}
}

static int handle_request_event(
	struct engine *engine, struct engine_event *event, int more, void *block, struct err *err)
{
	struct pending *pending = client_find_pending(engine, event->request);
	int is_last = event->type == ENGINE_DONE || event->type == ENGINE_FAILED ||
		      event->type == ENGINE_CACHED || (event->type == ENGINE_TOKENS && !more) ||
		      (event->type == ENGINE_RENDERED && event->done_tok == event->total_tok);

	if (!pending) { /* cancelled before the engine was ready */
		free(block);
		return 0;
	}
	if (!is_expected(pending->kind, event->type) ||
		(event->type == ENGINE_EMBEDDING &&
			event->n_embedding != (size_t)engine->info.n_embedding)) {
		free(block);
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"the engine answered a request with what it did not ask for (event %d)",
			event->type);
	}
	if (event->type == ENGINE_EMBEDDING) {
		engine->info.embed_tok_per_s = event->embed_tok_per_s;
	}
	if (event->type == ENGINE_TOKENS) {
		if (join_tokens(engine, pending, event, more, block, err) < 0) {
			return -1;
		}
	} else {
		event_queue_add(&engine->events, event, block);
	}
	if (is_last) {
		client_remove_pending(engine, pending);
	}
	return 0;
}

static int handle_engine_event(
	struct engine *engine, const struct engine_event *event, void *block, struct err *err)
{
	switch (event->type) {
	case ENGINE_LOAD:
		break;
	case ENGINE_READY:
		if (!engine->has_info) {
			free(block);
			return err_set(err, ERR_ENGINE, NULL, NULL,
				"the engine is ready without having said what it is");
		}
		engine->is_ready = 1;
		engine->n_early_death = 0;
		break;
	case ENGINE_FAILED:
		engine->has_failed = 1;
		engine->error = event->err;
		break;
	default:
		free(block);
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"the engine sent an event of no request (event %d)", event->type);
	}
	event_queue_add(&engine->events, event, block);
	return 0;
}

static int handle_event(struct engine *engine, const struct wire_frame *frame, struct err *err)
{
	struct wire_frame copy = *frame;
	struct engine_event event;
	void *block = malloc(frame->size_bytes ? frame->size_bytes : 1);
	int more;

	if (!block) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"there is no memory for an event of %zu bytes", frame->size_bytes);
	}
	memcpy(block, frame->payload, frame->size_bytes);
	copy.payload = block;
	if (wire_get_event(&event, &more, &copy, engine->info.n_vocab, err) < 0) {
		free(block);
		return -1;
	}
	return event.request ? handle_request_event(engine, &event, more, block, err)
			     : handle_engine_event(engine, &event, block, err);
}

/* An engine whose every page fails says so once; one that says more is not listened to. */
static int handle_note(struct engine *engine, const struct wire_frame *frame, struct err *err)
{
	struct err note;

	if (wire_get_note(&note, frame, err) < 0) {
		return -1;
	}
	if (engine->n_note < NOTES_MAX) {
		mem_grow(engine->note, engine->n_note, engine->cap_note);
		engine->note[engine->n_note++] = note;
	}
	return 0;
}

static int handle_frame(struct engine *engine, const struct wire_frame *frame, struct err *err)
{
	switch (frame->type) {
	case WIRE_HELLO:
		return wire_check_hello(frame, "carrel-engine", err);
	case WIRE_INFO:
		return handle_info(engine, frame, err);
	case WIRE_NOTE:
		return handle_note(engine, frame, err);
	default:
		return handle_event(engine, frame, err);
	}
}

int client_take_input(struct engine *engine, struct err *err)
{
	struct wire_frame frame;
	size_t at = 0;
	int result;

	while ((result = wire_parse(&frame, engine->in.data + at, engine->in.len - at, err)) > 0) {
		if (handle_frame(engine, &frame, err) < 0) {
			return -1;
		}
		at += WIRE_HEADER_BYTES + frame.size_bytes;
	}
	if (at) {
		engine->in.len -= at;
		memmove(engine->in.data, engine->in.data + at, engine->in.len);
	}
	if (!engine->in.len && engine->in.cap > CLIENT_KEEP_BYTES) {
		buf_finish(&engine->in);
	}
	return result;
}
