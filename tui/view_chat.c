/* The conversation: questions, answers with their citations, what is being answered. */
#include "tui/view_chat.h"

#include "base/mem.h"
#include "tui/input.h"
#include "tui/view_chat_internal.h"

#include <stdlib.h>
#include <string.h>

enum { LEFT_STEP = 8, LEFT_MOST = 4096 };

static struct view *create(struct app *app, const char *argument)
{
	struct chat *chat = mem_zero(1, sizeof(*chat));

	(void)argument;
	chat->view.app = app;
	chat->state = desk_state_ref(app->state);
	chat->follows = 1;
	return &chat->view;
}

static void destroy(struct view *view)
{
	struct chat *chat = (struct chat *)view;

	chat_forget_turns(chat);
	while (chat->n_live) {
		chat_turn_destroy(chat->live[--chat->n_live]);
	}
	free(chat->turn);
	free(chat->live);
	text_needle_finish(&chat->needle);
	text_needle_finish(&chat->word);
	buf_finish(&chat->words);
	desk_state_unref(chat->state);
	free(chat);
}

void view_chat_asked(struct app *app, int64_t order, const char *question, size_t len)
{
	if (app->n_view && app->view[0]->ops == &view_chat) {
		chat_asked((struct chat *)app->view[0], order, question, len, 1);
	}
}

void view_chat_again(struct app *app, const char *how)
{
	const struct desk_turn *last = desk_state_turn(app->state, app->state->head);
	int64_t order = desk_ask_again(app->desk, how);

	if (last && app->n_view && app->view[0]->ops == &view_chat) {
		chat_asked(
			(struct chat *)app->view[0], order, last->question, last->question_len, 0);
	}
}

/* ---- what the cursor is on ---- */

static struct chat_turn *turn_here(struct chat *chat)
{
	chat_need_cursor(chat);
	return chat_turn_wrapped(chat, chat->cursor.turn);
}

/* The number of a citation on the cursor's row; 0 for none. */
static int link_on_row(const struct chat *chat, const struct chat_turn *turn)
{
	const struct chat_part *part = &turn->part[chat->cursor.part];
	const struct styled *styled = &part->stream.styled;
	const struct styled_row *row;

	if (!part->rows.n_row) {
		return 0;
	}
	row = &part->rows.row[styled_row_of(&part->rows, chat->cursor.at)];
	for (size_t i = styled_run_at(styled, row->at);
		i < styled->n_run && styled->run[i].at < row->at + row->len; i++) {
		if (styled->run[i].link) {
			return styled->run[i].link;
		}
	}
	return 0;
}

/* The citation that the cursor is on; of an answer's row where none was chosen: its first. */
static const struct citation *citation_here(struct chat *chat, int of_row)
{
	const struct chat_turn *turn = turn_here(chat);
	int link = chat->link;

	if (!turn || !turn->turn) {
		return NULL;
	}
	if (!link && (of_row || chat->cursor.part == CHAT_CITATIONS)) {
		link = link_on_row(chat, turn);
	}
	return link > 0 && (size_t)link <= turn->turn->n_citation ? &turn->turn->citation[link - 1]
								  : NULL;
}

static size_t code_here(const struct chat *chat, const struct chat_turn *turn)
{
	const struct chat_part *part = &turn->part[CHAT_ANSWER];

	if (chat->cursor.part != CHAT_ANSWER || !part->rows.n_row) {
		return 0;
	}
	return part->stream.styled
		.block[part->rows.row[styled_row_of(&part->rows, chat->cursor.at)].block]
		.code;
}

/* ---- copying ---- */

static void copy_code(const struct chat_turn *turn, size_t code, struct buf *out)
{
	const struct styled *styled = &turn->part[CHAT_ANSWER].stream.styled;

	for (size_t i = 0; i < styled->n_block; i++) {
		const struct styled_block *block = &styled->block[i];

		if (block->code == code) {
			buf_add(out, styled->text.data + block->at, block->len);
			buf_addch(out, '\n');
		}
	}
}

static void copy_part(const struct chat_turn *turn, int part, struct buf *out)
{
	const struct desk_turn *kept = turn->turn;

	if (part == CHAT_QUESTION) {
		buf_add(out, kept ? kept->question : turn->question,
			kept ? kept->question_len : turn->question_len);
	} else if (part == CHAT_THINKING) {
		buf_add(out, kept ? kept->thinking : buf_str(&turn->thinking),
			kept ? kept->thinking_len : turn->thinking.len);
	} else {
		buf_add(out, kept ? kept->answer : buf_str(&turn->answer),
			kept ? kept->answer_len : turn->answer.len);
	}
}

/* The last answer, where nobody browses. */
static int copy(struct view *view, struct buf *out)
{
	struct chat *chat = (struct chat *)view;
	const struct citation *citation;
	const struct chat_turn *turn;
	size_t code, begin = out->len;

	if (!chat_count(chat)) {
		return 0;
	}
	if (view->app->is_typing && !chat->has_cursor) {
		turn = chat_turn_at(chat, chat_count(chat) - 1);
		copy_part(turn, CHAT_ANSWER, out);
		return out->len > begin;
	}
	turn = turn_here(chat);
	if (!turn) {
		return 0;
	}
	citation = citation_here(chat, 0);
	code = code_here(chat, turn);
	if (citation) {
		buf_printf(out, "\"%s\" ", citation->text);
		chat_citation_text(out, citation);
	} else if (code) {
		copy_code(turn, code, out);
	} else {
		copy_part(turn, chat->cursor.part, out);
	}
	return out->len > begin;
}

/* ---- moving ---- */

static int move_rows(struct chat *chat, long rows)
{
	struct chat_row cursor;

	chat_need_cursor(chat);
	cursor = chat_row_of(chat, chat->cursor);
	chat->link = 0;
	chat_row_move(chat, &cursor, rows);
	chat_set_cursor(chat, cursor);
	return 1;
}

/* While a question is being typed the screen moves, else the cursor does, and takes it along. */
static int page(struct chat *chat, long rows)
{
	if (chat->view.app->is_typing) {
		chat_scroll(chat, rows);
		app_touch(chat->view.app);
		return 1;
	}
	return move_rows(chat, rows);
}

static int move_turn(struct chat *chat, int is_back)
{
	struct chat_row cursor, last = {0}, top = {0};

	chat_need_cursor(chat);
	cursor = chat_row_of(chat, chat->cursor);
	if (!is_back) {
		last.turn = chat_count(chat) ? chat_count(chat) - 1 : 0;
		cursor.turn = cursor.turn < last.turn ? cursor.turn + 1 : last.turn;
	} else if (cursor.row == 0 && cursor.turn > 0) {
		cursor.turn--;
	}
	cursor.row = 0;
	chat->link = 0;
	/* Its beginning comes to the top, where that does not leave the screen empty. */
	top = cursor;
	chat->follows = 0;
	chat->top = chat_place_of(chat, top);
	chat_set_cursor(chat, cursor);
	return 1;
}

/* The place of a citation of the cursor's turn: in the answer, else in the list under it. */
static int find_link(struct chat_turn *turn, int link, struct chat_place *place)
{
	for (int part = CHAT_ANSWER; part <= CHAT_CITATIONS; part++) {
		const struct styled *styled = &turn->part[part].stream.styled;

		for (size_t i = 0; i < styled->n_run; i++) {
			if (styled->run[i].link == link) {
				place->part = part;
				place->at = styled->run[i].at;
				return 1;
			}
		}
	}
	return 0;
}

/* The first citation of the answer that stands at the cursor or behind it (or the last before it). */
static int link_near(const struct chat *chat, const struct chat_turn *turn, int is_back)
{
	const struct styled *styled = &turn->part[CHAT_ANSWER].stream.styled;
	int before = 0;

	if (chat->link) {
		return chat->link + (is_back ? -1 : 1);
	}
	if (chat->cursor.part != CHAT_ANSWER) {
		int is_above = chat->cursor.part < CHAT_ANSWER;

		return is_back ? (is_above ? 0 : (int)turn->turn->n_citation)
			       : (is_above ? 1 : INT32_MAX);
	}
	for (size_t i = 0; i < styled->n_run; i++) {
		const struct styled_run *run = &styled->run[i];

		if (run->link && run->at >= chat->cursor.at) {
			return is_back ? before : run->link;
		}
		before = run->link ? run->link : before;
	}
	return is_back ? before : INT32_MAX;
}

static int move_citation(struct chat *chat, int is_back)
{
	struct chat_turn *turn = turn_here(chat);
	struct chat_place place = chat->cursor;
	size_t n = chat_count(chat);
	int link = turn && turn->turn ? link_near(chat, turn, is_back) : 0;

	while (turn && turn->turn && (link < 1 || (size_t)link > turn->turn->n_citation)) {
		if (is_back ? place.turn == 0 : place.turn + 1 >= n) {
			app_say(chat->view.app, "There is no citation %s.",
				is_back ? "before this one" : "behind this one");
			return 1;
		}
		place.turn += is_back ? (size_t)-1 : 1;
		turn = chat_turn_wrapped(chat, place.turn);
		link = is_back && turn && turn->turn ? (int)turn->turn->n_citation : 1;
	}
	if (turn && turn->turn && find_link(turn, link, &place)) {
		chat_set_cursor(chat, chat_row_of(chat, place));
		chat->cursor = place;
		chat->link = link;
	}
	return 1;
}

/* ---- acting on a turn ---- */

static int open_here(struct chat *chat)
{
	const struct citation *citation = citation_here(chat, 1);

	if (citation && citation->source) {
		app_open_citation(chat->view.app, citation);
	} else if (citation) {
		app_say(chat->view.app, "These words stand in no source.");
	} else if (chat->cursor.part == CHAT_THINKING) {
		chat->shows_thinking = !chat->shows_thinking;
		chat_rebuild(chat);
	}
	return 1;
}

/* The kept turn under the cursor; NULL and a sentence where it is not kept yet. */
static const struct desk_turn *kept_here(struct chat *chat)
{
	const struct chat_turn *turn = turn_here(chat);

	if (!turn || !turn->turn) {
		app_say(chat->view.app, "This turn is not answered yet.");
		return NULL;
	}
	return turn->turn;
}

static int edit(struct chat *chat)
{
	const struct desk_turn *turn = kept_here(chat);
	struct app *app = chat->view.app;

	if (turn) {
		app_edit(app, turn);
		chat->follows = 1;
	}
	return 1;
}

static int fork_here(struct chat *chat)
{
	const struct desk_turn *turn = kept_here(chat);
	struct app *app = chat->view.app;

	if (turn) {
		app_say(app, "The next question follows #%lld; /switch %lld goes back",
			(long long)turn->id, (long long)chat->state->head);
		app->is_typing = 1;
		input_resume(app->input);
		chat->follows = 1;
		desk_switch(app->desk, turn->id);
	}
	return 1;
}

static int move_left(struct chat *chat, int columns)
{
	chat->left += columns;
	chat->left = chat->left < 0 ? 0 : chat->left > LEFT_MOST ? LEFT_MOST : chat->left;
	app_touch(chat->view.app);
	return 1;
}

static int act_on_turn(struct chat *chat, enum action action)
{
	switch (action) {
	case ACTION_OPEN:
		return open_here(chat);
	case ACTION_EDIT:
		return edit(chat);
	case ACTION_FORK:
		return fork_here(chat);
	case ACTION_AGAIN:
		view_chat_again(chat->view.app, "");
		return 1;
	case ACTION_RAW:
		chat->is_raw = !chat->is_raw;
		chat_rebuild(chat);
		return 1;
	case ACTION_THINKING:
		chat->shows_thinking = !chat->shows_thinking;
		chat_rebuild(chat);
		return 1;
	case ACTION_BROWSE: /* once more: what was found is marked no longer */
		if (!chat->view.app->is_typing) {
			chat_search(&chat->view, "", 0, 0, 1);
		}
		return 0;
	default:
		return 0;
	}
}

static int act(struct view *view, enum action action)
{
	struct chat *chat = (struct chat *)view;
	long rows = chat->rows > 2 ? chat->rows - 1 : 1;

	switch (action) {
	case ACTION_UP:
		return move_rows(chat, -1);
	case ACTION_DOWN:
		return move_rows(chat, 1);
	case ACTION_PAGE_UP:
		return page(chat, -rows);
	case ACTION_PAGE_DOWN:
	case ACTION_SPACE_DOWN:
		return page(chat, rows);
	case ACTION_HALF_UP:
		return move_rows(chat, -rows / 2);
	case ACTION_HALF_DOWN:
		return move_rows(chat, rows / 2);
	case ACTION_FIRST:
		chat_set_cursor(chat, (struct chat_row){0});
		return 1;
	case ACTION_LAST:
		chat_set_cursor(chat, chat_last_row(chat));
		return 1;
	case ACTION_LEFT:
		return move_left(chat, -LEFT_STEP);
	case ACTION_RIGHT:
		return move_left(chat, LEFT_STEP);
	case ACTION_NEXT_TURN:
	case ACTION_PREVIOUS_TURN:
		return move_turn(chat, action == ACTION_PREVIOUS_TURN);
	case ACTION_NEXT_CITATION:
	case ACTION_PREVIOUS_CITATION:
		return move_citation(chat, action == ACTION_PREVIOUS_CITATION);
	default:
		return act_on_turn(chat, action);
	}
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	struct chat *chat = (struct chat *)view;
	size_t n = chat_count(chat), at;
	int is_end;

	buf_addstr(left, "conversation");
	if (chat->is_raw) {
		buf_addstr(left, ", as it is written");
	}
	if (n && chat->columns > 0) {
		is_end = chat_shows_end(chat);
		at = chat->has_cursor ? chat->cursor.turn + 1
		     : is_end         ? n
				      : chat_top(chat).turn + 1;
		buf_printf(right, "%s%zu/%zu", is_end ? "" : "more below  ", at, n);
	}
}

const struct view_ops view_chat = {
	.name = "chat",
	.bit = VIEW_CHAT,
	.create = create,
	.destroy = destroy,
	.update = chat_update,
	.event = chat_event,
	.draw = chat_draw,
	.act = act,
	.search = chat_search,
	.title = title,
	.copy = copy,
};
