/* What an engine is asked: how many tokens, what they would cost, to read ahead, and to answer. */
#include "session/session_internal.h"

#include "base/mem.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 100 }; /* how long a stop may go unnoticed while nothing happens */

static int is_stopped(const struct session_watch *watch)
{
	return watch && watch->stopped && watch->stopped(watch->arg);
}

static int interrupted(struct err *err)
{
	return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
}

/* ---- counting ---- */

/* Wait for the answer to a question about tokens. A stop is ERR_INTERRUPTED. */
static int wait_answer(struct engine *engine, int64_t request, const struct session_watch *watch,
	struct engine_event *event, struct err *err)
{
	for (;;) {
		if (is_stopped(watch)) {
			engine_cancel(engine, request);
			return interrupted(err);
		}
		if (!engine_next(engine, POLL_MS, event) || event->request != request) {
			continue;
		}
		if (event->type == ENGINE_FAILED) {
			if (err) {
				*err = event->err;
			}
			return -1;
		}
		if (event->type == ENGINE_TOKENS || event->type == ENGINE_CACHED) {
			return 0;
		}
	}
}

static int count_prompt(struct engine *engine, const struct prompt *prompt,
	const struct session_watch *watch, int64_t *total_tok, struct err *err)
{
	int64_t request = engine_tokenize(engine, prompt, 1, err);
	struct engine_event event;

	if (request < 0 || wait_answer(engine, request, watch, &event, err) < 0) {
		return -1;
	}
	*total_tok = event.total_tok;
	return 0;
}

/*
 * A source is counted behind the instructions, as it stands in a prompt: alone it would be the
 * first text, which some tokenizers prefix. Without a block, the instructions are counted.
 */
static int count_block(const struct session *session, struct engine *engine,
	const struct prompt *block, const struct session_watch *watch, int64_t *tokens,
	struct err *err)
{
	struct prompt prompt = {0};
	int status;

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(&prompt, segment_ref(session->instructions.item[0]));
	if (block) {
		prompt_copy(&prompt, block);
	}
	status = count_prompt(engine, &prompt, watch, tokens, err);
	prompt_finish(&prompt);
	return status;
}

/* What stands before each block, also of those that stand on other branches. */
static enum pack_before *find_before(const struct session *session)
{
	enum pack_before *before = mem_alloc((session->n_block + 1) * sizeof(*before));
	struct view view = view_of(session);
	size_t count;
	struct standing *standing = view_standing(&view, &count);

	for (size_t i = 0; i < session->n_block; i++) {
		before[i] = PACK_BEFORE_SOURCE;
	}
	for (size_t i = 0, k = 0; i < count; i++) { /* mostly in the same order */
		while (session->block[k] != standing[i].block) {
			k = (k + 1) % session->n_block;
		}
		before[k] = standing[i].before;
	}
	free(standing);
	return before;
}

/* Counts of another tokenizer are none. Returns whether there may be such in the store. */
static int forget_counts(struct session *session, const char *tokenizer_digest)
{
	const char *of = session_setting(session, STORE_TOKENIZER);

	if (!of || strcmp(of, tokenizer_digest) == 0) {
		return 0;
	}
	for (size_t i = 0; i < session->n_block; i++) {
		session->block[i]->stored.tokens = -1;
	}
	return 1;
}

/*
 * Counts are kept so that they need not be made again; nothing is lost where they cannot be, and
 * what the reader does next will say why.
 */
static void keep_counts(
	struct session *session, const struct store_block *row, size_t n_row, const char *digest)
{
	struct store_setting setting = {(char *)STORE_TOKENIZER, (char *)digest};
	struct store_change change = {
		.block = row, .n_block = n_row, .setting = &setting, .n_setting = 1};

	session_keep_setting(session, STORE_TOKENIZER, digest);
	store_commit(session->store, &change, NULL);
}

/* All that are not counted yet; of them, those that are now are marked. */
static int count_uncounted(struct session *session, struct engine *engine,
	const struct session_watch *watch, char *is_new, struct err *err)
{
	enum pack_before *before = find_before(session);
	int64_t front_tok = -1, tokens;
	int status = 0;

	for (size_t i = 0; i < session->n_block && status == 0; i++) {
		struct block *block = session->block[i];

		if (block->stored.tokens >= 0 || block->stored.is_dropped) {
			continue;
		}
		if (front_tok < 0) {
			status = count_block(session, engine, NULL, watch, &front_tok, err);
		}
		if (status == 0) {
			status = count_block(session, engine, block_packed(block, before[i]), watch,
				&tokens, err);
		}
		if (status == 0) {
			block->stored.tokens = tokens - front_tok;
			is_new[i] = 1;
		}
	}
	free(before);
	return status;
}

static int count_blocks(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	const char *digest = engine_info(engine)->tokenizer_digest;
	struct store_block *row = mem_alloc((session->n_block + 1) * sizeof(*row));
	char *is_new = mem_zero(session->n_block + 1, 1);
	int are_all_new = forget_counts(session, digest), any = 0;
	int status = count_uncounted(session, engine, watch, is_new, err);
	size_t n_row = 0;

	for (size_t i = 0; i < session->n_block; i++) {
		any |= is_new[i];
		if (!session->block[i]->stored.is_dropped && (is_new[i] || are_all_new)) {
			row[n_row++] = session->block[i]->stored;
		}
	}
	if (any) {
		keep_counts(session, row, n_row, digest);
	}
	free(is_new);
	free(row);
	return status;
}

int session_count(struct session *session, struct engine *engine, const struct session_watch *watch,
	int64_t *total_tok, struct err *err)
{
	struct view view = view_of(session);
	struct prompt prompt = {0};
	int status;

	if (engine_wait_ready(engine, err) < 0 || count_blocks(session, engine, watch, err) < 0) {
		return -1;
	}
	if (!total_tok) {
		return 0;
	}
	view_prompt(&view, engine_info(engine), &prompt);
	status = count_prompt(engine, &prompt, watch, total_tok, err);
	prompt_finish(&prompt);
	return status;
}

/* ---- cost ---- */

static int view_cost(const struct view *view, struct engine *engine,
	const struct session_watch *watch, struct session_cost *cost, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_event event;
	int64_t request;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	view_prompt(view, engine_info(engine), &prompt);
	request = engine_cached(engine, &prompt, err);
	prompt_finish(&prompt);
	if (request < 0 || wait_answer(engine, request, watch, &event, err) < 0) {
		return -1;
	}
	*cost = (struct session_cost){
		.total_tok = event.total_tok,
		.cached_tok = event.cached_tok,
		.disk_tok = event.disk_tok,
		.seconds = event.predicted_s,
	};
	return 0;
}

int session_cost(struct session *session, struct engine *engine, const struct session_watch *watch,
	struct session_cost *cost, struct err *err)
{
	struct view view = view_of(session);

	return view_cost(&view, engine, watch, cost, err);
}

int session_change_cost(const struct session_change *change, struct engine *engine,
	const struct session_watch *watch, struct session_cost *cost, struct err *err)
{
	struct view view = change_view(change);

	return view_cost(&view, engine, watch, cost, err);
}

/* ---- asking ---- */

void session_answer_finish(struct session_answer *answer)
{
	free(answer->text);
	free(answer->thinking);
	citations_free(answer->citation, answer->n_citation);
	*answer = (struct session_answer){0};
}

/* What comes of a request. */
struct reply {
	struct buf text, thinking;
	int64_t thinking_tok;
	int is_thinking; /* when it stopped */
	struct buf ids;
	enum engine_stop stop;
	struct engine_usage usage;
};

static void reply_finish(struct reply *reply)
{
	buf_finish(&reply->text);
	buf_finish(&reply->thinking);
	buf_finish(&reply->ids);
}

static void take_text(
	struct reply *reply, const struct engine_event *event, const struct session_watch *watch)
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
	struct reply *reply, struct err *err)
{
	struct engine_event event;
	int is_cancelled = 0;

	for (;;) {
		if (!is_cancelled && is_stopped(watch)) {
			engine_cancel(engine, request);
			is_cancelled = 1;
		}
		if (!engine_next(engine, POLL_MS, &event) || event.request != request) {
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

	if (count_prompt(engine, prompt, watch, &total_tok, err) < 0) {
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

static int request_reply(struct engine *engine, const struct engine_request *request,
	const char *what, const struct session_watch *watch, struct reply *reply, struct err *err)
{
	int64_t id;

	if (check_fits(engine, request->prompt, what, watch, err) < 0) {
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
	struct reply reply = {.stop = ENGINE_STOP_END};
	int status;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	view_prompt(&view, engine_info(engine), &prompt);
	status = request_reply(
		engine, &request, "the sources and what was said", watch, &reply, err);
	prompt_finish(&prompt);
	if (status == 0 && usage) {
		*usage = reply.usage;
	}
	if (status == 0 && reply.stop == ENGINE_STOP_CANCELLED) {
		status = interrupted(err);
	}
	reply_finish(&reply);
	return status;
}

/* Quotes are looked for in what the answer could read. */
static struct citation *check_citations(
	struct session *session, const struct reply *reply, size_t *count)
{
	struct view view = view_of(session);
	size_t n;
	struct standing *standing = view_standing(&view, &n);
	struct cite_source *source = mem_zero(n + 1, sizeof(*source));
	struct citation *citation;

	for (size_t i = 0; i < n; i++) {
		const struct block *block = standing[i].block;

		source[i] = (struct cite_source){
			block->stored.number, &block->stored.document, block->index};
	}
	citation = cite_check(buf_str(&reply->text), reply->text.len, source, n, count);
	for (size_t i = 0; i < n; i++) {
		standing[i].block->index = source[i].index;
	}
	free(source);
	free(standing);
	return citation;
}

static struct citation *copy_citations(const struct citation *from, size_t count)
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
	size_t question_len, const struct engine_info *info, const struct reply *reply)
{
	struct store_turn turn = {
		.id = session_next_turn(session),
		.parent = session->head,
		.question = mem_strndup(question, question_len),
		.question_len = question_len,
		.open = context_answer_mark(session, info),
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

/* Kept before it is shown as done. */
static int keep_answer(struct session *session, const struct engine_info *info,
	const char *question, size_t question_len, struct reply *reply,
	struct session_answer *answer, struct err *err)
{
	struct store_turn turn;

	answer->citation = check_citations(session, reply, &answer->n_citation);
	/* A question that was stopped before a word came may be asked again as if it never was. */
	if (reply->ids.len || reply->stop != ENGINE_STOP_CANCELLED) {
		turn = make_turn(session, question, question_len, info, reply);
		turn.citation = copy_citations(answer->citation, answer->n_citation);
		turn.n_citation = answer->n_citation;
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

/* What is being asked is the draft until it is answered. */
static int keep_question(
	struct session *session, const char *question, size_t question_len, struct err *err)
{
	char *draft = mem_strndup(question, question_len);
	int status = session_set_draft(session, draft, err);

	free(draft);
	return status;
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
	struct reply reply = {.stop = ENGINE_STOP_END};
	int status;

	*answer = (struct session_answer){0};
	if (keep_question(session, question, question_len, err) < 0 ||
		engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	session_prompt(session, question, question_len, engine_info(engine), &prompt);
	status =
		request_reply(engine, &request, "the sources and the question", watch, &reply, err);
	prompt_finish(&prompt);
	if (status == 0) {
		status = keep_answer(
			session, engine_info(engine), question, question_len, &reply, answer, err);
	}
	reply_finish(&reply);
	return status;
}
