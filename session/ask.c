/* What an engine is asked: to read ahead, and to answer. */
#include "session/session_internal.h"

#include "base/mem.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void session_answer_finish(struct session_answer *answer)
{
	free(answer->text);
	free(answer->thinking);
	citations_free(answer->citation, answer->n_citation);
	session_places_free(answer->place, answer->n_place);
	*answer = (struct session_answer){0};
}

void session_reply_finish(struct session_reply *reply)
{
	buf_finish(&reply->text);
	buf_finish(&reply->thinking);
	buf_finish(&reply->ids);
}

static void take_text(struct session_reply *reply, const struct engine_event *event,
	const struct session_watch *watch)
{
	buf_add(&reply->ids, event->ids, event->n_ids * sizeof(*event->ids));
	if (event->is_thinking) {
		reply->thinking_tok += (int64_t)event->n_ids;
		buf_add(&reply->thinking, event->text, event->text_len);
		if (watch && watch->thinking) {
			watch->thinking(
				watch->arg, event->text, event->text_len, reply->thinking_tok);
		}
		return;
	}
	buf_add(&reply->text, event->text, event->text_len);
	if (event->text_len && watch && watch->text) {
		watch->text(watch->arg, event->text, event->text_len);
	}
}

/* Listen until the request ends. */
static int collect(struct engine *engine, int64_t request, const struct session_watch *watch,
	struct session_reply *reply, struct err *err)
{
	struct engine_event event;
	int is_cancelled = 0;

	for (;;) {
		if (!is_cancelled && session_is_stopped(watch)) {
			engine_cancel(engine, request);
			is_cancelled = 1;
		}
		if (!session_next(engine, watch, &event) || event.request != request) {
			continue;
		}
		switch (event.type) {
		case ENGINE_PREFILL:
			if (watch && watch->prefill) {
				watch->prefill(watch->arg, event.done_tok, event.total_tok,
					event.cached_tok);
			}
			break;
		case ENGINE_TEXT:
			take_text(reply, &event, watch);
			break;
		case ENGINE_DONE:
			reply->stop = event.stop;
			reply->usage = event.usage;
			reply->is_thinking = event.is_thinking;
			return 0;
		case ENGINE_FAILED:
			if (err) {
				*err = event.err;
			}
			return -1;
		default:
			break;
		}
	}
}

static int check_fits(struct engine *engine, const struct prompt *prompt, const char *what,
	const struct session_watch *watch, struct err *err)
{
	const struct engine_info *info = engine_info(engine);
	int64_t context_tok = info->context_tok, total_tok = 0;
	int is_whole = info->context_train_tok && context_tok >= info->context_train_tok;

	if (session_count_prompt(engine, prompt, watch, &total_tok, err) < 0) {
		return -1;
	}
	if (total_tok >= context_tok) {
		char all[NUMBER_SIZE], holds[NUMBER_SIZE];

		return err_set(err, ERR_CONTEXT, NULL,
			is_whole ? "load less: this is the model's own window"
				 : "load less, or give a larger --context",
			"%s are %s tokens, and the context window holds %s, the answer included",
			what, number_grouped(all, total_tok), number_grouped(holds, context_tok));
	}
	return 0;
}

int session_request(struct engine *engine, const struct engine_request *request, const char *what,
	const struct session_watch *watch, struct session_reply *reply, struct err *err)
{
	int64_t id;

	if (what && check_fits(engine, request->prompt, what, watch, err) < 0) {
		return -1;
	}
	id = engine_submit(engine, request, err);
	return id < 0 ? -1 : collect(engine, id, watch, reply, err);
}

int session_prefill(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct engine_usage *usage, struct err *err)
{
	struct view view = view_of(session);
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.owner = session_owner(session),
	};
	struct session_reply reply = {.stop = ENGINE_STOP_END};
	int status;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	view_prompt(&view, engine_info(engine), &prompt);
	status = session_request(
		engine, &request, "the sources and what was said", watch, &reply, err);
	prompt_finish(&prompt);
	if (status == 0 && usage) {
		*usage = reply.usage;
	}
	if (status == 0 && reply.stop == ENGINE_STOP_CANCELLED) {
		status = session_interrupted(err);
	}
	session_reply_finish(&reply);
	return status;
}

/* Quotes are looked for in what the answer could read. */
static struct citation *check_citations(
	struct session *session, const struct session_reply *reply, size_t *count)
{
	struct view view = view_of(session);
	size_t n;
	struct standing *standing = view_standing(&view, &n);
	struct cite_source *source = mem_zero(n + 1, sizeof(*source));
	struct citation *citation;

	for (size_t i = 0; i < n; i++) {
		const struct block *block = standing[i].block;

		source[i] = (struct cite_source){
			.number = block->stored.number,
			.document = &block->stored.document,
			.index = block->index,
		};
	}
	citation = cite_check(buf_str(&reply->text), reply->text.len, source, n, count);
	for (size_t i = 0; i < n; i++) {
		standing[i].block->index = source[i].index;
	}
	free(source);
	free(standing);
	return citation;
}

struct citation *session_copy_citations(const struct citation *from, size_t count)
{
	struct citation *copy = mem_alloc((count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i] = from[i];
		copy[i].text = mem_strdup(from[i].text);
		copy[i].source = mem_strdup(from[i].source);
		copy[i].path = mem_strdup(from[i].path);
		copy[i].label = mem_strdup(from[i].label);
		copy[i].speaker = mem_strdup(from[i].speaker);
	}
	return copy;
}

static void *copy_bytes(const struct buf *buf)
{
	return mem_strndup(buf_str(buf), buf->len);
}

static struct store_turn make_turn(const struct session *session, const char *question,
	size_t question_len, const struct engine_info *info, const struct session_reply *reply)
{
	struct store_turn turn = {
		.id = session_next_turn(session),
		.parent = session->head,
		.question = mem_strndup(question, question_len),
		.question_len = question_len,
		.open = reply->is_ours ? PROMPT_MODEL_OPEN_NO_THINK
				       : context_answer_mark(session, info),
		.ids = copy_bytes(&reply->ids),
		.n_ids = reply->ids.len / sizeof(uint32_t),
		.text = copy_bytes(&reply->text),
		.text_len = reply->text.len,
		.thinking = copy_bytes(&reply->thinking),
		.thinking_len = reply->thinking.len,
		.stop = reply->stop,
		.usage = reply->usage,
		.model_name = mem_strdup(info->model_name),
		.asked_s = time(NULL),
	};

	memcpy(turn.tokenizer_digest, info->tokenizer_digest, sizeof(turn.tokenizer_digest));
	memcpy(turn.model_digest, info->model_digest, sizeof(turn.model_digest));
	return turn;
}

/* The turn, the places of what waited for it, and the draft that it was. */
static int append_turn(struct session *session, struct store_turn *turn, struct err *err)
{
	size_t n_place;
	struct store_place *place = session_places_asked(session, turn->id, &n_place);
	struct store_change change = {
		.turn = turn,
		.n_turn = 1,
		.place = place,
		.n_place = n_place,
		.has_places = 1,
		.head = turn->id,
		.has_head = 1,
		.draft = "",
	};

	if (store_commit(session->store, &change, err) < 0) {
		free(place);
		return -1;
	}
	mem_grow(session->turn, session->n_turn, session->cap_turn);
	session->turn[session->n_turn++] = turn_adopt(turn, 0);
	free(session->place);
	session->place = place;
	session->n_place = n_place;
	session->head = change.head;
	session->draft[0] = 0;
	session->revision++;
	session_index(session);
	return 0;
}

int session_keep_answer(struct session *session, const struct engine_info *info,
	const char *question, size_t question_len, struct session_reply *reply,
	struct session_answer *answer, struct err *err)
{
	struct store_turn turn;

	/* A question that was stopped before a word came may be asked again as if it never was. */
	if (reply->ids.len || reply->stop != ENGINE_STOP_CANCELLED) {
		turn = make_turn(session, question, question_len, info, reply);
		turn.citation = session_copy_citations(answer->citation, answer->n_citation);
		turn.n_citation = answer->n_citation;
		turn.reading = (struct reading_record){
			answer->coverage, answer->reading, answer->reading_ms};
		if (append_turn(session, &turn, err) < 0) {
			store_turn_finish(&turn);
			session_answer_finish(answer);
			return -1;
		}
		answer->turn = session->head;
	}
	answer->stop = reply->stop;
	answer->is_thinking = reply->is_thinking;
	answer->thinking_len = reply->thinking.len;
	answer->thinking = buf_take(&reply->thinking);
	answer->usage = reply->usage;
	answer->ready_ms = info->load_ms;
	answer->text_len = reply->text.len;
	answer->text = buf_take(&reply->text);
	return 0;
}

int session_keep_question(
	struct session *session, const char *question, size_t question_len, struct err *err)
{
	char *draft = mem_strndup(question, question_len);
	int status = session_set_draft(session, draft, err);

	free(draft);
	return status;
}

/* All of it is in the window. */
static struct session_coverage cover_all(const struct session *session)
{
	struct session_coverage coverage = {.over = SESSION_OVER_FAIL,
		.n_window = 1,
		.n_read = 1,
		.n_chunk = 1,
		.n_chunk_read = 1};
	size_t n_turn;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct block *block = session->block[i];

		if (block->is_in_context && block->stored.tokens > 0) {
			coverage.total_tok += block->stored.tokens;
		}
	}
	free(session_current(session, &n_turn));
	coverage.read_tok = coverage.total_tok;
	coverage.n_turn = coverage.n_turn_read = (int64_t)n_turn;
	return coverage;
}

int session_ask(struct session *session, struct engine *engine, const char *question,
	size_t question_len, const struct engine_sampling *sampling, int64_t max_tok,
	const struct session_watch *watch, struct session_answer *answer, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = sampling ? *sampling : engine_sampling_default,
		.max_tok = max_tok,
		.free_quotes = session->free_quotes,
		.owner = session_owner(session),
	};
	struct session_reply reply = {.stop = ENGINE_STOP_END};
	int status;

	*answer = (struct session_answer){0};
	if (session_keep_question(session, question, question_len, err) < 0 ||
		engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	session_prompt(session, question, question_len, engine_info(engine), &prompt);
	status = session_request(
		engine, &request, "the sources and the question", watch, &reply, err);
	prompt_finish(&prompt);
	if (status == 0) {
		answer->citation = check_citations(session, &reply, &answer->n_citation);
		answer->coverage = cover_all(session);
		status = session_keep_answer(
			session, engine_info(engine), question, question_len, &reply, answer, err);
	}
	session_reply_finish(&reply);
	return status;
}

int session_check_sources(
	const struct session *session, const struct engine_info *info, struct err *err)
{
	if (session_source_count(session) || strcmp(info->model_name, "carrel reader") != 0) {
		return 0;
	}
	return err_set(err, ERR_USAGE, NULL, "name a file, or another model with -m",
		"there are no sources, and the built-in model only answers from sources");
}
