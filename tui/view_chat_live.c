/* What the desk tells about questions: they come, are answered piece by piece, and are kept. */
#include "tui/input.h"
#include "tui/view_chat_internal.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { FIND_BYTES = 160 };

/* ---- turns that are kept ---- */

void chat_forget_turns(struct chat *chat)
{
	while (chat->n_turn) {
		chat_turn_destroy(chat->turn[--chat->n_turn]);
	}
	chat->bytes = 0;
}

void chat_rebuild(struct chat *chat)
{
	chat_forget_turns(chat);
	for (size_t i = 0; i < chat->n_live; i++) {
		chat_turn_build(chat, chat->live[i]);
	}
	chat->match_len = 0;
	app_touch(chat->view.app);
}

/* Those that the state has as another value, or not at all. */
static void forget_changed(struct chat *chat, const struct desk_state *state)
{
	size_t n = 0;

	for (size_t i = 0; i < chat->n_turn; i++) {
		struct chat_turn *turn = chat->turn[i];

		if (desk_state_turn(state, turn->turn->id) == turn->turn) {
			chat->turn[n++] = turn;
		} else {
			chat->bytes -= turn->bytes;
			chat_turn_destroy(turn);
		}
	}
	chat->n_turn = n;
}

/* ---- turns that are under way ---- */

static int64_t newest_turn(const struct desk_state *state)
{
	return state->n_turn ? state->turn[state->n_turn - 1]->id : 0;
}

static void drop_live(struct chat *chat, size_t index)
{
	struct chat_turn *turn = chat->live[index];

	chat->done_order = turn->order > chat->done_order ? turn->order : chat->done_order;
	chat_turn_destroy(turn);
	chat->n_live--;
	memmove(&chat->live[index], &chat->live[index + 1],
		(chat->n_live - index) * sizeof(chat->live[0]));
}

static struct chat_turn *add_live(
	struct chat *chat, int64_t order, const char *question, size_t len)
{
	struct chat_turn *turn = mem_zero(1, sizeof(*turn));

	/* One that ended without an answer has been seen. */
	for (size_t i = chat->n_live; i-- > 0;) {
		if (chat->live[i]->err.code) {
			drop_live(chat, i);
		}
	}
	turn->order = order;
	turn->question = mem_strndup(question, len);
	turn->question_len = len;
	turn->last_turn = newest_turn(chat->state);
	mem_grow(chat->live, chat->n_live, chat->cap_live);
	chat->live[chat->n_live++] = turn;
	chat_turn_build(chat, turn);
	app_touch(chat->view.app);
	return turn;
}

void chat_asked(struct chat *chat, int64_t order, const char *question, size_t len, int is_typed)
{
	for (size_t i = 0; i < chat->n_live; i++) {
		if (chat->live[i]->order == order) {
			return;
		}
	}
	add_live(chat, order, question, len)->is_typed = is_typed;
	chat->follows = 1;
	chat->has_cursor = 0;
}

static struct chat_turn *find_live(struct chat *chat, int64_t order)
{
	for (size_t i = 0; i < chat->n_live; i++) {
		if (chat->live[i]->order == order) {
			return chat->live[i];
		}
	}
	return NULL;
}

/* The turn of an order, which has begun; one that nobody told about is the last question again. */
static struct chat_turn *begin_live(struct chat *chat, const struct desk_event *event)
{
	struct chat_turn *turn = find_live(chat, event->order);
	const struct desk_turn *last = desk_state_turn(chat->state, chat->state->head);

	if (event->order <= chat->done_order) {
		return NULL;
	}
	if (!turn) {
		turn = add_live(chat, event->order, last ? last->question : "",
			last ? last->question_len : 0);
	}
	if (!turn->has_begun) {
		turn->has_begun = 1;
		turn->last_turn = newest_turn(chat->state);
		chat_turn_build_notes(chat, turn);
	}
	return turn;
}

/* ---- states ---- */

/* Those before that ended without an answer have been seen: a turn stands where they did. */
static void drop_failed(struct chat *chat, int64_t before)
{
	for (size_t i = chat->n_live; i-- > 0;) {
		if (chat->live[i]->err.code && chat->live[i]->order < before) {
			drop_live(chat, i);
		}
	}
}

/* One whose turn the state has is that one now. */
static void drop_kept(struct chat *chat)
{
	int64_t newest = newest_turn(chat->state), last_kept = 0;

	for (size_t i = chat->n_live; i-- > 0;) {
		const struct chat_turn *turn = chat->live[i];
		int is_there = turn->kept ? desk_state_turn(chat->state, turn->kept) != NULL
					  : turn->has_begun && newest > turn->last_turn;

		if (is_there && !turn->err.code) {
			last_kept = turn->order > last_kept ? turn->order : last_kept;
			drop_live(chat, i);
		}
	}
	drop_failed(chat, last_kept);
}

static void begin_session(struct chat *chat)
{
	/* What was asked while it was being opened is asked of it. */
	for (size_t i = chat->n_live; i-- > 0;) {
		if (chat->live[i]->has_begun) {
			drop_live(chat, i);
		} else {
			chat->live[i]->last_turn = newest_turn(chat->state);
		}
	}
	chat_forget_turns(chat);
	chat->follows = 1;
	chat->has_cursor = chat->link = chat->left = 0;
	chat->match_len = 0;
}

void chat_update(struct view *view)
{
	struct chat *chat = (struct chat *)view;
	const struct desk_state *state = view->app->state, *before = chat->state;
	int is_another = strcmp(before->session_id, state->session_id) != 0;

	if (state == before) {
		return;
	}
	if (!is_another) {
		forget_changed(chat, state); /* while the turns before are still there to compare */
	}
	chat->state = desk_state_ref(state);
	if (is_another) {
		begin_session(chat);
	}
	drop_kept(chat);
	desk_state_unref(before);
}

/* ---- events ---- */

static void add_finds(struct chat *chat, struct chat_turn *turn, const struct desk_event *event)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < event->n_find; i++) {
		const struct citation *find = &event->find[i];
		size_t len = strcspn(find->text, "\r\n");
		struct buf line = BUF_INIT;

		len = utf8_cut(find->text, len, FIND_BYTES);
		buf_addstr(&line, "found \"");
		buf_add(&line, find->text, len);
		buf_addstr(&line, find->text[len] ? "...\" " : "\" ");
		chat_citation_text(&line, find);
		buf_printf(&text, "%s\n", buf_str(&line));
		buf_finish(&line);
	}
	chat_turn_append(chat, turn, CHAT_FINDS, buf_str(&text), text.len);
	buf_finish(&text);
}

/*
 * What is stopped at once is before whoever stopped it again; what fails later does not come between
 * the words of another question.
 */
static void give_back(struct chat *chat, const struct chat_turn *turn)
{
	struct app *app = chat->view.app;
	int is_back = turn->is_typed && turn->err.code == ERR_INTERRUPTED &&
		      !input_is_asking(app->input) && input_is_empty(app->input);

	app_edit_ended(app, turn->order, is_back);
	if (is_back) {
		input_set(app->input, turn->question);
	} else if (turn->is_typed) {
		app_say_more(app, "Up brings it back");
	}
}

static void end_live(struct chat *chat, const struct desk_event *event)
{
	struct chat_turn *turn = find_live(chat, event->order);

	if (!turn) {
		return;
	}
	turn->kept = event->turn;
	if (event->turn) {
		drop_kept(chat);
		return;
	}
	turn->err = event->err;
	if (!turn->err.code) {
		err_set(&turn->err, ERR_INTERRUPTED, NULL, NULL, "stopped; nothing was kept");
	}
	give_back(chat, turn);
	if (!turn->answer.len && !turn->thinking.len && !turn->finds.len) {
		for (size_t i = chat->n_live; i-- > 0;) {
			if (chat->live[i] == turn) { /* why is said, and in the log */
				drop_live(chat, i);
				break;
			}
		}
		app_touch(chat->view.app);
	} else {
		chat_turn_build_notes(chat, turn);
	}
}

void chat_event(struct view *view, const struct desk_event *event)
{
	struct chat *chat = (struct chat *)view;
	struct chat_turn *turn;

	switch (event->type) {
	case DESK_TEXT:
	case DESK_THOUGHT:
		turn = begin_live(chat, event);
		if (turn) {
			chat_turn_append(chat, turn,
				event->type == DESK_TEXT ? CHAT_ANSWER : CHAT_THINKING, event->text,
				event->text_len);
		}
		break;
	case DESK_FOUND:
		turn = begin_live(chat, event);
		if (turn) {
			add_finds(chat, turn, event);
		}
		break;
	case DESK_PROGRESS:
		turn = find_live(chat, event->order);
		if (turn && begin_live(chat, event) && event->doing == DESK_THINKING &&
			event->done > turn->thought_tok) {
			turn->thought_tok = event->done;
			if (turn->thinking.len && !chat->shows_thinking) {
				chat_turn_build_thinking(chat, turn);
			}
		}
		break;
	case DESK_ENDED:
		end_live(chat, event);
		break;
	default:
		break;
	}
}
