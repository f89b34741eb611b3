#include "session/session.h"

#include "base/mem.h"
#include "base/number.h"
#include "session/once.h"
#include "session/pack.h"
#include "session/room.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 100 }; /* how long a stop may go unnoticed while nothing happens */

struct source {
	char id[24];
	struct document *document;
	struct prompt block;
	int64_t tokens;
};

/* A message of the user's and its answer. */
struct turn {
	struct prompt late;             /* sources and updates at its head */
	struct segment *alone, *behind; /* the question as its message, or with text before it */
	enum prompt_mark open;          /* how the answer was begun */
	struct segment *ids;            /* the answer as it was sampled, thoughts included */
	struct segment *text;           /* and for an engine with another tokenizer */
	char tokenizer_digest[65];
};

struct session {
	char *system;
	int no_cite, free_quotes, no_think;
	struct prompt front; /* instructions, and sources from before the first turn */
	struct source *source;
	size_t n_source, cap_source;
	struct document **update; /* owned; the sources own theirs */
	size_t n_update, cap_update;
	struct cite_source *cite; /* sources and updates, in the order in which they came */
	size_t n_cite, cap_cite;
	struct turn *turn;
	size_t n_turn, cap_turn;
	struct prompt late;           /* for the next turn */
	struct session_window window; /* window_tok 0: any load fits */
	struct skipped *skipped;
	size_t n_skipped, cap_skipped;
};

/* ---- sources ---- */

struct session *session_create(const struct session_config *config)
{
	struct session *session = mem_zero(1, sizeof(*session));

	session->system = mem_strdup(config->system);
	session->no_cite = config->no_cite;
	session->free_quotes = config->free_quotes;
	session->no_think = config->no_think;
	pack_instructions(&session->front, session->system, session->no_cite);
	return session;
}

static void turn_finish(struct turn *turn)
{
	prompt_finish(&turn->late);
	segment_unref(turn->alone);
	segment_unref(turn->behind);
	segment_unref(turn->ids);
	segment_unref(turn->text);
}

void session_destroy(struct session *session)
{
	if (!session) {
		return;
	}
	for (size_t i = 0; i < session->n_cite; i++) {
		cite_source_finish(&session->cite[i]);
	}
	for (size_t i = 0; i < session->n_source; i++) {
		document_finish(session->source[i].document);
		free(session->source[i].document);
		prompt_finish(&session->source[i].block);
	}
	for (size_t i = 0; i < session->n_update; i++) {
		document_finish(session->update[i]);
		free(session->update[i]);
	}
	for (size_t i = 0; i < session->n_turn; i++) {
		turn_finish(&session->turn[i]);
	}
	prompt_finish(&session->front);
	prompt_finish(&session->late);
	free(session->system);
	free(session->source);
	free(session->update);
	for (size_t i = 0; i < session->n_skipped; i++) {
		free(session->skipped[i].path);
		free(session->skipped[i].reason);
	}
	free(session->skipped);
	free(session->cite);
	free(session->turn);
	free(session);
}

static struct document *take_document(struct document *document)
{
	struct document *own = mem_alloc(sizeof(*own));

	*own = *document;
	*document = (struct document){0};
	return own;
}

/* Where the next block goes, and what stands before it there. */
static struct prompt *next_place(struct session *session, enum pack_before *before)
{
	if (session->n_turn) {
		*before = session->late.count ? PACK_BEFORE_SOURCE : PACK_BEFORE_NOTHING;
		return &session->late;
	}
	*before = session->n_source ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER;
	return &session->front;
}

static void add_cite(struct session *session, size_t index, const struct document *document)
{
	mem_grow(session->cite, session->n_cite, session->cap_cite);
	session->cite[session->n_cite++] =
		(struct cite_source){.number = (int64_t)index + 1, .document = document};
}

size_t session_add_sources(struct session *session, struct load_result *loaded)
{
	size_t count = loaded->n_document;

	for (size_t i = 0; i < count; i++) {
		size_t index = session->n_source;
		struct source source = {.tokens = -1};
		enum pack_before before;
		struct prompt *place = next_place(session, &before);
		struct buf id = BUF_INIT;

		source.document = take_document(&loaded->document[i]);
		buf_printf(&id, "S%zu", index + 1);
		memcpy(source.id, id.data, id.len + 1);
		buf_finish(&id);
		pack_source(&source.block, before, (int64_t)index + 1, source.document);
		prompt_copy(place, &source.block);
		add_cite(session, index, source.document);
		mem_grow(session->source, session->n_source, session->cap_source);
		session->source[session->n_source++] = source;
	}
	loaded->n_document = 0;
	return count;
}

/* They leave *loaded. Returns the last one that is unreadable; NULL where none is. */
static const struct skipped *take_skipped(struct session *session, struct load_result *loaded)
{
	const struct skipped *unreadable = NULL;

	for (size_t i = 0; i < loaded->n_skipped; i++) {
		mem_grow(session->skipped, session->n_skipped, session->cap_skipped);
		session->skipped[session->n_skipped++] = loaded->skipped[i];
	}
	for (size_t i = 0; i < loaded->n_skipped; i++) {
		const struct skipped *own = &session->skipped[session->n_skipped - 1 - i];

		if (own->is_unreadable && !unreadable) {
			unreadable = own;
		}
	}
	loaded->n_skipped = 0;
	return unreadable;
}

/* Reasons that say so themselves are not repeated. */
char *session_unreadable_text(const struct skipped *skipped)
{
	static const char *const said[] = {"cannot be read", "could not be read"};

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		if (strstr(skipped->reason, said[i])) { /* "page 2 could not be read" */
			return mem_strdup(skipped->reason);
		}
	}
	return mem_printf("cannot be read: %s", skipped->reason);
}

static int is_same_text(const struct document *a, const struct document *b)
{
	if (a->kind != b->kind || a->n_part != b->n_part || strcmp(a->name, b->name) != 0) {
		return 0;
	}
	for (size_t i = 0; i < a->n_part; i++) {
		const struct part *one = &a->part[i], *other = &b->part[i];

		if (one->len != other->len ||
			(one->len && memcmp(one->text, other->text, one->len) != 0)) {
			return 0;
		}
	}
	return 1;
}

/* What is a source already, unchanged, leaves *loaded and is listed. */
static void drop_known(struct session *session, struct load_result *loaded)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < loaded->n_document; i++) {
		struct document *document = &loaded->document[i];
		size_t same = 0;

		while (same < session->n_source &&
			(!document->origin || !session->source[same].document->origin ||
				strcmp(document->origin, session->source[same].document->origin) !=
					0 ||
				!is_same_text(document, session->source[same].document))) {
			same++;
		}
		if (same == session->n_source) {
			loaded->document[n_kept++] = *document;
			continue;
		}
		mem_grow(session->skipped, session->n_skipped, session->cap_skipped);
		session->skipped[session->n_skipped++] = (struct skipped){
			.path = mem_strdup(document->origin),
			.reason = mem_printf(
				"is %s already, unchanged: loaded once", session->source[same].id),
		};
		document_finish(document);
	}
	loaded->n_document = n_kept;
}

void session_set_window(struct session *session, const struct session_window *window)
{
	session->window = window ? *window : (struct session_window){0};
}

static int load_once(struct room *room, const char *const *path, size_t n_path, struct err *err)
{
	struct load_sink into = room_sink(room), sink;
	struct once once = {.to = &into};
	int status;

	sink = once_sink(&once);
	status = load_each(path, n_path, room->options, &sink, err);
	once_finish(&once);
	status = room_end(room, status, err);
	if (status < 0) {
		load_result_finish(room->kept);
	}
	return status;
}

/* Of what was loaded; what was known already is not in it any more. */
static int check_window(const struct room *room, struct err *err)
{
	const struct session_window *window = room->window;
	char all[NUMBER_SIZE], holds[NUMBER_SIZE];

	if (!room->is_over) {
		return 0;
	}
	return err_set(err, ERR_CONTEXT, NULL,
		window->is_whole ? "load less: this is the model's own window"
				 : "load less, or give a larger --context",
		"%s %s tokens, and the context window holds %s, the answer included",
		window->used_tok < 0 ? "the sources and the instructions are"
				     : "with what is there already it would be",
		number_grouped(all, room->total_tok), number_grouped(holds, window->window_tok));
}

int session_load(struct session *session, const char *const *path, size_t n_path,
	const struct load_options *options, int partial, struct err *err)
{
	static const struct load_options defaults;
	const struct skipped *unreadable;
	struct load_result loaded = {0};
	struct room room = {
		.kept = &loaded,
		.window = session->window.window_tok ? &session->window : NULL,
		.options = options ? options : &defaults,
		.front = &session->front,
	};
	int status = 0;

	if (load_once(&room, path, n_path, err) < 0) {
		return -1;
	}
	unreadable = take_skipped(session, &loaded);
	if (unreadable && !partial) {
		char *text = session_unreadable_text(unreadable);

		status = err_set(err, ERR_INPUTS, unreadable->path, NULL, "%s", text);
		free(text);
	} else if (loaded.n_document) {
		drop_known(session, &loaded);
		room.is_over = room.is_over && loaded.n_document;
		status = room_check_memory(&loaded, err);
	}
	status = status == 0 ? check_window(&room, err) : status;
	if (status == 0) {
		session_add_sources(session, &loaded);
	}
	load_result_finish(&loaded);
	return status;
}

const struct skipped *session_skipped(const struct session *session, size_t *count)
{
	*count = session->n_skipped;
	return session->skipped;
}

int session_update_source(
	struct session *session, size_t index, struct document *document, struct err *err)
{
	enum pack_before before;
	struct prompt *place = next_place(session, &before);
	struct document *own;

	if (index >= session->n_source) {
		return err_set(err, ERR_USAGE, NULL, NULL, "there is no source S%zu", index + 1);
	}
	if (document->kind != session->source[index].document->kind) {
		return err_set(err, ERR_INPUTS, document->origin, "load it as a new source",
			"S%zu was of kind %s, and is now of kind %s", index + 1,
			document_kind_name(session->source[index].document->kind),
			document_kind_name(document->kind));
	}
	own = take_document(document);
	pack_update(place, before, (int64_t)index + 1, own);
	add_cite(session, index, own);
	mem_grow(session->update, session->n_update, session->cap_update);
	session->update[session->n_update++] = own;
	return 0;
}

size_t session_source_count(const struct session *session)
{
	return session->n_source;
}

struct session_source session_source_at(const struct session *session, size_t index)
{
	const struct source *source = &session->source[index];

	return (struct session_source){
		.id = source->id,
		.kind = document_kind_name(source->document->kind),
		.path = source->document->origin,
		.name = source->document->name,
		.tokens = source->tokens,
	};
}

/* ---- prompts ---- */

static void add_mark(struct prompt *out, enum prompt_mark mark)
{
	prompt_add(out, segment_mark(mark));
}

static struct segment *question_segment(const char *question, size_t len, int is_behind)
{
	return pack_question(is_behind ? PACK_BEFORE_OTHER : PACK_BEFORE_NOTHING, question, len);
}

static void add_beginning(
	const struct session *session, const struct engine_info *info, struct prompt *out)
{
	add_mark(out, PROMPT_BEGIN);
	if (info->has_system) {
		add_mark(out, PROMPT_SYSTEM_OPEN);
		prompt_copy(out, &session->front);
		add_mark(out, PROMPT_SYSTEM_CLOSE);
	}
}

/* A user's message up to its question; returns whether anything stands before that. */
static int add_message_head(const struct session *session, const struct engine_info *info,
	size_t index, const struct prompt *late, struct prompt *out)
{
	int has_front = index == 0 && !info->has_system;

	add_mark(out, PROMPT_USER_OPEN);
	if (has_front) {
		prompt_copy(out, &session->front);
	}
	prompt_copy(out, late);
	return has_front || late->count > 0;
}

/* A model that cannot be kept from thinking begins as it always does, in its thoughts. */
static enum prompt_mark answer_mark(const struct session *session, const struct engine_info *info)
{
	return session->no_think && info->can_skip_thinking ? PROMPT_MODEL_OPEN_NO_THINK
							    : PROMPT_MODEL_OPEN;
}

/*
 * The conversation before the next question. Answers stand there as they were sampled, their thoughts
 * too; as text, for another tokenizer, they have none.
 */
static void add_turns(
	const struct session *session, const struct engine_info *info, struct prompt *out)
{
	for (size_t i = 0; i < session->n_turn; i++) {
		const struct turn *turn = &session->turn[i];
		int is_behind = add_message_head(session, info, i, &turn->late, out);
		int same = strcmp(turn->tokenizer_digest, info->tokenizer_digest) == 0;

		prompt_add(out, segment_ref(is_behind ? turn->behind : turn->alone));
		add_mark(out, PROMPT_USER_CLOSE);
		add_mark(out, same ? turn->open : PROMPT_MODEL_OPEN_NO_THINK);
		prompt_add(out, segment_ref(same ? turn->ids : turn->text));
		add_mark(out, PROMPT_MODEL_CLOSE);
	}
}

void session_prompt(const struct session *session, const char *question, size_t question_len,
	const struct engine_info *info, struct prompt *out)
{
	int is_behind;

	add_beginning(session, info, out);
	add_turns(session, info, out);
	is_behind = add_message_head(session, info, session->n_turn, &session->late, out);
	prompt_add(out, question_segment(question, question_len, is_behind));
	add_mark(out, PROMPT_USER_CLOSE);
	add_mark(out, answer_mark(session, info));
}

static void add_texts(struct buf *out, const struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len;
		const char *text = segment_bytes(prompt->item[i], &len);

		buf_add(out, text, len);
	}
}

/* The text of a segment behind an empty line. */
static void add_message_text(struct buf *out, const struct segment *segment)
{
	size_t len;
	const char *text = segment_bytes(segment, &len);

	buf_addstr(out, "\n\n");
	buf_add(out, text, len);
}

/*
 * With and without a system message the text is the same: an empty line parts the sources from the
 * first question either way.
 */
void session_context_text(
	const struct session *session, const char *question, size_t question_len, struct buf *out)
{
	add_texts(out, &session->front);
	for (size_t i = 0; i < session->n_turn; i++) {
		const struct turn *turn = &session->turn[i];

		if (turn->late.count) {
			buf_addstr(out, "\n\n");
			add_texts(out, &turn->late);
		}
		add_message_text(out, turn->alone);
		add_message_text(out, turn->text);
	}
	if (session->late.count) {
		buf_addstr(out, "\n\n");
		add_texts(out, &session->late);
	}
	if (question) {
		struct segment *segment = question_segment(question, question_len, 0);

		add_message_text(out, segment);
		segment_unref(segment);
	}
}

void session_sources_text(const struct session *session, struct buf *out)
{
	for (size_t i = 0; i < session->n_source; i++) {
		struct prompt block = {0};

		pack_source(&block, i ? PACK_BEFORE_SOURCE : PACK_BEFORE_NOTHING, (int64_t)i + 1,
			session->source[i].document);
		add_texts(out, &block);
		prompt_finish(&block);
	}
}

/* ---- counting ---- */

/* Wait for the answer to a question about tokens. A stop is ERR_INTERRUPTED. */
static int wait_count(struct engine *engine, int64_t request, const struct session_watch *watch,
	int64_t *total_tok, struct err *err)
{
	struct engine_event event;

	for (;;) {
		if (watch && watch->stopped && watch->stopped(watch->arg)) {
			engine_cancel(engine, request);
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		if (!engine_next(engine, POLL_MS, &event) || event.request != request) {
			continue;
		}
		if (event.type == ENGINE_FAILED) {
			if (err) {
				*err = event.err;
			}
			return -1;
		}
		if (event.type == ENGINE_TOKENS) {
			*total_tok = event.total_tok;
			return 0;
		}
	}
}

static int count_prompt(struct engine *engine, const struct prompt *prompt,
	const struct session_watch *watch, int64_t *total_tok, struct err *err)
{
	int64_t request = engine_tokenize(engine, prompt, 1, err);

	return request < 0 ? -1 : wait_count(engine, request, watch, total_tok, err);
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

	add_mark(&prompt, PROMPT_BEGIN);
	prompt_add(&prompt, segment_ref(session->front.item[0]));
	if (block) {
		prompt_copy(&prompt, block);
	}
	status = count_prompt(engine, &prompt, watch, tokens, err);
	prompt_finish(&prompt);
	return status;
}

static int count_sources(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	int64_t front_tok = -1, tokens;

	for (size_t i = 0; i < session->n_source; i++) {
		struct source *source = &session->source[i];

		if (source->tokens >= 0) {
			continue;
		}
		if (front_tok < 0 &&
			count_block(session, engine, NULL, watch, &front_tok, err) < 0) {
			return -1;
		}
		if (count_block(session, engine, &source->block, watch, &tokens, err) < 0) {
			return -1;
		}
		source->tokens = tokens - front_tok;
	}
	return 0;
}

int session_count(struct session *session, struct engine *engine, const struct session_watch *watch,
	int64_t *total_tok, struct err *err)
{
	const struct engine_info *info;
	struct prompt prompt = {0};
	int status;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	info = engine_info(engine);
	if (count_sources(session, engine, watch, err) < 0) {
		return -1;
	}
	if (!total_tok) {
		return 0;
	}
	if (info->has_template) {
		add_beginning(session, info, &prompt);
		add_turns(session, info, &prompt);
		add_message_head(session, info, session->n_turn, &session->late, &prompt);
	} else {
		add_mark(&prompt, PROMPT_BEGIN);
		prompt_copy(&prompt, &session->front);
	}
	status = count_prompt(engine, &prompt, watch, total_tok, err);
	prompt_finish(&prompt);
	return status;
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
		if (!is_cancelled && watch && watch->stopped && watch->stopped(watch->arg)) {
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

static int check_fits(struct engine *engine, const struct prompt *prompt,
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
			"the sources and the question are %s tokens, and the context window "
			"holds %s, the answer included",
			number_grouped(all, total_tok), number_grouped(holds, context_tok));
	}
	return 0;
}

static void append_turn(struct session *session, const char *question, size_t question_len,
	const struct engine_info *info, const struct reply *reply)
{
	struct turn turn = {
		.late = session->late,
		.open = answer_mark(session, info),
		.alone = question_segment(question, question_len, 0),
		.behind = question_segment(question, question_len, 1),
		.ids = segment_ids((const uint32_t *)(const void *)reply->ids.data,
			reply->ids.len / sizeof(uint32_t)),
		.text = segment_text(buf_str(&reply->text), reply->text.len),
	};

	memcpy(turn.tokenizer_digest, info->tokenizer_digest, sizeof(turn.tokenizer_digest));
	session->late = (struct prompt){0};
	mem_grow(session->turn, session->n_turn, session->cap_turn);
	session->turn[session->n_turn++] = turn;
}

static int request_answer(struct session *session, struct engine *engine, const char *question,
	size_t question_len, const struct engine_request *request,
	const struct session_watch *watch, struct reply *reply, struct err *err)
{
	int64_t id;

	if (check_fits(engine, request->prompt, watch, err) < 0) {
		return -1;
	}
	id = engine_submit(engine, request, err);
	if (id < 0 || collect(engine, id, watch, reply, err) < 0) {
		return -1;
	}
	/* A question that was stopped before a word came may be asked again as if it never was. */
	if (reply->ids.len || reply->stop != ENGINE_STOP_CANCELLED) {
		append_turn(session, question, question_len, engine_info(engine), reply);
	}
	return 0;
}

int session_ask(struct session *session, struct engine *engine, const char *question,
	size_t question_len, const struct engine_sampling *sampling, int64_t max_tok,
	const struct session_watch *watch, struct session_answer *answer, struct err *err)
{
	struct engine_request request = {
		.sampling = sampling ? *sampling : engine_sampling_default,
		.max_tok = max_tok,
		.free_quotes = session->free_quotes,
	};
	struct prompt prompt = {0};
	struct reply reply = {.stop = ENGINE_STOP_END};
	int status;

	*answer = (struct session_answer){0};
	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	session_prompt(session, question, question_len, engine_info(engine), &prompt);
	request.prompt = &prompt;
	status = request_answer(
		session, engine, question, question_len, &request, watch, &reply, err);
	prompt_finish(&prompt);
	buf_finish(&reply.ids);
	if (status < 0) {
		buf_finish(&reply.text);
		buf_finish(&reply.thinking);
		return -1;
	}
	answer->stop = reply.stop;
	answer->is_thinking = reply.is_thinking;
	answer->thinking_len = reply.thinking.len;
	answer->thinking = buf_take(&reply.thinking);
	answer->usage = reply.usage;
	answer->ready_ms = engine_info(engine)->load_ms;
	answer->text_len = reply.text.len;
	answer->text = buf_take(&reply.text);
	answer->citation = cite_check(answer->text, answer->text_len, session->cite,
		session->n_cite, &answer->n_citation);
	return 0;
}
