/* What the model reads: blocks in their places, turns, and the question. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- what stands in the context ---- */

struct view view_of(const struct session *session)
{
	return (struct view){
		.session = session, .place = session->place, .n_place = session->n_place};
}

static struct block *view_block(const struct view *view, int64_t id)
{
	for (size_t i = 0; i < view->n_added; i++) {
		if (view->added[i]->stored.id == id) {
			return view->added[i];
		}
	}
	return session_block(view->session, id);
}

struct standing_list {
	struct standing *item;
	size_t count, cap;
};

static int has_source(const struct standing_list *list, int64_t number)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct store_block *stored = &list->item[i].block->stored;

		if (stored->number == number && !stored->is_update) {
			return 1;
		}
	}
	return 0;
}

static void add_place(const struct view *view, int64_t turn, struct standing_list *list)
{
	enum pack_before before = turn == STORE_FRONT ? PACK_BEFORE_OTHER : PACK_BEFORE_NOTHING;

	for (size_t i = 0; i < view->n_place; i++) {
		struct block *block;

		if (view->place[i].turn != turn) {
			continue;
		}
		block = view_block(view, view->place[i].block);
		if (turn == STORE_WAITING && block->stored.is_update &&
			!has_source(list, block->stored.number)) {
			continue;
		}
		mem_grow(list->item, list->count, list->cap);
		list->item[list->count++] = (struct standing){block, turn, before};
		before = PACK_BEFORE_SOURCE;
	}
}

struct standing *view_standing(const struct view *view, size_t *count)
{
	struct standing_list list = {0};
	size_t n_turn;
	struct turn **turn = session_current(view->session, &n_turn);

	add_place(view, STORE_FRONT, &list);
	for (size_t i = 0; i < n_turn; i++) {
		add_place(view, turn[i]->stored.id, &list);
	}
	add_place(view, STORE_WAITING, &list);
	free(turn);
	*count = list.count;
	return list.item ? list.item : mem_alloc(1);
}

/* ---- prompts ---- */

/* A view with what it shows. */
struct context {
	const struct session *session;
	struct turn **turn;
	size_t n_turn;
	struct standing *standing;
	size_t n_standing;
};

static struct context context_of(const struct view *view)
{
	struct context context = {.session = view->session};

	context.turn = session_current(view->session, &context.n_turn);
	context.standing = view_standing(view, &context.n_standing);
	return context;
}

static void context_finish(struct context *context)
{
	free(context->turn);
	free(context->standing);
}

/* Returns whether there were any. */
static int add_blocks(
	const struct context *context, int64_t turn, enum pack_before before, struct prompt *out)
{
	int any = 0;

	for (size_t i = 0; i < context->n_standing; i++) {
		if (context->standing[i].turn == turn) {
			prompt_copy(out, block_packed(context->standing[i].block,
						 any ? PACK_BEFORE_SOURCE : before));
			any = 1;
		}
	}
	return any;
}

/* Returns whether the last of it is a block. */
static int add_front(const struct context *context, struct prompt *out)
{
	prompt_copy(out, &context->session->instructions);
	return add_blocks(context, STORE_FRONT, PACK_BEFORE_OTHER, out);
}

void session_front(const struct session *session, struct prompt *out)
{
	struct view view = view_of(session);
	struct context context = context_of(&view);

	add_front(&context, out);
	context_finish(&context);
}

static void add_mark(struct prompt *out, enum prompt_mark mark)
{
	prompt_add(out, segment_mark(mark));
}

struct segment *context_question(const char *question, size_t len, int is_behind)
{
	return pack_question(is_behind ? PACK_BEFORE_OTHER : PACK_BEFORE_NOTHING, question, len);
}

static void add_beginning(
	const struct context *context, const struct engine_info *info, struct prompt *out)
{
	add_mark(out, PROMPT_BEGIN);
	if (info->has_system) {
		add_mark(out, PROMPT_SYSTEM_OPEN);
		add_front(context, out);
		add_mark(out, PROMPT_SYSTEM_CLOSE);
	}
}

/*
 * A user's message up to its question: of the turn `index` on the way to the head, or of the next
 * one. Returns whether anything stands before the question.
 */
static int add_message_head(const struct context *context, const struct engine_info *info,
	size_t index, struct prompt *out)
{
	int64_t turn = index < context->n_turn ? context->turn[index]->stored.id : STORE_WAITING;
	enum pack_before before = PACK_BEFORE_NOTHING;
	int has_front = index == 0 && !info->has_system;

	add_mark(out, PROMPT_USER_OPEN);
	if (has_front) {
		before = add_front(context, out) ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER;
	}
	return add_blocks(context, turn, before, out) || has_front;
}

enum prompt_mark context_answer_mark(const struct session *session, const struct engine_info *info)
{
	return session->no_think && info->can_skip_thinking ? PROMPT_MODEL_OPEN_NO_THINK
							    : PROMPT_MODEL_OPEN;
}

/* A question, its message being open, and its answer. */
static void add_exchange(
	const struct turn *turn, int is_behind, const struct engine_info *info, struct prompt *out)
{
	int same = strcmp(turn->stored.tokenizer_digest, info->tokenizer_digest) == 0;

	prompt_add(out, segment_ref(is_behind ? turn->behind : turn->alone));
	add_mark(out, PROMPT_USER_CLOSE);
	add_mark(out, same ? turn->stored.open : PROMPT_MODEL_OPEN_NO_THINK);
	prompt_add(out, segment_ref(same ? turn->ids : turn->text));
	add_mark(out, PROMPT_MODEL_CLOSE);
}

void context_add_turn(
	const struct turn *turn, int is_behind, const struct engine_info *info, struct prompt *out)
{
	if (!is_behind) {
		add_mark(out, PROMPT_USER_OPEN);
	}
	add_exchange(turn, is_behind, info, out);
}

/*
 * The conversation before the next question. Answers stand there as they were sampled, their thoughts
 * too; as text, for another tokenizer, they have none.
 */
static void add_turns(
	const struct context *context, const struct engine_info *info, struct prompt *out)
{
	for (size_t i = 0; i < context->n_turn; i++) {
		int is_behind = add_message_head(context, info, i, out);

		add_exchange(context->turn[i], is_behind, info, out);
	}
}

void view_prompt(const struct view *view, const struct engine_info *info, struct prompt *out)
{
	struct context context = context_of(view);

	if (info->has_template) {
		add_beginning(&context, info, out);
		add_turns(&context, info, out);
		add_message_head(&context, info, context.n_turn, out);
	} else {
		add_mark(out, PROMPT_BEGIN);
		add_front(&context, out);
	}
	context_finish(&context);
}

void session_prompt(const struct session *session, const char *question, size_t question_len,
	const struct engine_info *info, struct prompt *out)
{
	struct view view = view_of(session);
	struct context context = context_of(&view);
	int is_behind;

	add_beginning(&context, info, out);
	add_turns(&context, info, out);
	is_behind = add_message_head(&context, info, context.n_turn, out);
	prompt_add(out, context_question(question, question_len, is_behind));
	add_mark(out, PROMPT_USER_CLOSE);
	add_mark(out, context_answer_mark(session, info));
	context_finish(&context);
}

/* ---- texts ---- */

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

void session_prompt_text(const struct prompt *prompt, struct buf *out)
{
	int is_new = 0; /* a message began that has no text yet */

	for (size_t i = 0; i < prompt->count; i++) {
		const struct segment *segment = prompt->item[i];
		const char *text;
		size_t len;

		if (segment_kind(segment) == SEGMENT_MARK) {
			is_new = 1;
			continue;
		}
		text = segment_bytes(segment, &len);
		buf_addstr(out, is_new && out->len && len ? "\n\n" : "");
		buf_add(out, text, len);
		is_new &= len == 0;
	}
}

static void add_late_texts(const struct context *context, int64_t turn, struct buf *out)
{
	struct prompt late = {0};

	if (add_blocks(context, turn, PACK_BEFORE_NOTHING, &late)) {
		buf_addstr(out, "\n\n");
		add_texts(out, &late);
	}
	prompt_finish(&late);
}

/*
 * With and without a system message the text is the same: an empty line parts the sources from the
 * first question either way.
 */
void session_context_text(
	const struct session *session, const char *question, size_t question_len, struct buf *out)
{
	struct view view = view_of(session);
	struct context context = context_of(&view);
	struct prompt front = {0};

	add_front(&context, &front);
	add_texts(out, &front);
	prompt_finish(&front);
	for (size_t i = 0; i < context.n_turn; i++) {
		const struct turn *turn = context.turn[i];

		add_late_texts(&context, turn->stored.id, out);
		add_message_text(out, turn->alone);
		add_message_text(out, turn->text);
	}
	add_late_texts(&context, STORE_WAITING, out);
	if (question) {
		struct segment *segment = context_question(question, question_len, 0);

		add_message_text(out, segment);
		segment_unref(segment);
	}
	context_finish(&context);
}

void session_sources_text(const struct session *session, struct buf *out)
{
	struct view view = view_of(session);
	size_t count;
	struct standing *standing = view_standing(&view, &count);

	for (size_t i = 0; i < count; i++) {
		add_texts(out, block_packed(standing[i].block,
				       i ? PACK_BEFORE_SOURCE : PACK_BEFORE_NOTHING));
	}
	free(standing);
}
