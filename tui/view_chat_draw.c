#include "tui/view_chat_internal.h"

#include <string.h>

/* Below so many columns there is no room for heads. */
enum { HEAD_COLUMNS = 12, HEADS_FROM = 40, NARROW_COLUMNS = 2, MARKS = 64 };

static int gutter_columns(const struct chat *chat, int columns)
{
	size_t n = chat->state->n_turn;
	int64_t id = n ? chat->state->turn[n - 1]->id : 0;
	int digits = 1;

	if (columns < HEADS_FROM) {
		return columns > NARROW_COLUMNS ? NARROW_COLUMNS : 0;
	}
	while (id >= 10) {
		id /= 10;
		digits++;
	}
	return digits > 2 ? HEAD_COLUMNS + digits - 2 : HEAD_COLUMNS;
}

/* The part that the model's words begin with. */
static int first_said(const struct chat_turn *turn)
{
	for (int i = CHAT_QUESTION + 1; i < CHAT_NOTES; i++) {
		if (turn->part[i].rows.n_row) {
			return i;
		}
	}
	return CHAT_NOTES;
}

static void draw_head(
	const struct chat *chat, struct pane pane, int at, const struct chat_turn *turn, int part)
{
	int is_user = part == CHAT_QUESTION;
	enum element element = is_user ? ELEMENT_USER : ELEMENT_MODEL;

	if (chat->gutter <= NARROW_COLUMNS) {
		pane_string(
			pane_part(pane, at, 0, 1, chat->gutter), 0, 0, element, is_user ? ">" : "");
		return;
	}
	pane = pane_part(pane, at, 0, 1, chat->gutter - 1);
	pane_string(pane, 0, 1, element, is_user ? "You" : "Model");
	if (turn->turn) {
		pane_format(pane, 0, 7, ELEMENT_DIM, "#%lld", (long long)turn->turn->id);
	}
}

static void draw_row(
	struct chat *chat, struct pane pane, int at, struct chat_row where, int is_under_cursor)
{
	const struct chat_turn *turn = chat_turn_wrapped(chat, where.turn);
	struct styled_mark mark[MARKS];
	size_t row = where.row;
	int part = chat_part_at(turn, &row), is_current;
	const struct chat_part *it = &turn->part[part];
	struct styled_look look = {.left = chat->left, .mark = mark};
	struct pane text = pane_part(pane, at, chat->gutter, 1, chat->columns);

	if (row >= it->rows.n_row) {
		return;
	}
	if (row == 0 && (part == CHAT_QUESTION || part == first_said(turn))) {
		draw_head(chat, pane, at, turn, part);
	}
	look.link = where.turn == chat->cursor.turn ? chat->link : 0;
	is_current = chat->match_len && chat->match.turn == where.turn && chat->match.part == part;
	look.n_mark =
		chat_marks(chat, &it->stream.styled, &it->rows.row[row], is_current, mark, MARKS);
	styled_draw_row(text, 0, &it->stream.styled, &it->rows, row, &look);
	if (is_under_cursor) {
		if (!chat->link) { /* which shows by itself, here and in the list */
			pane_mark_row(pane, at, ELEMENT_CURSOR);
		}
		pane_cursor(pane, at, 0);
	}
}

static void draw_greeting(const struct chat *chat, struct pane pane)
{
	struct styled text = {.n_run = 0};
	struct styled_rows rows = {.n_row = 0};
	struct styled_look look = {.left = 0};

	chat_greeting(chat, &text);
	pane = pane_part(pane, 0, pane.columns >= HEADS_FROM, pane.rows, pane.columns - 2);
	styled_wrap(&rows, &text, pane.columns);
	for (size_t i = 0; i < rows.n_row && (int)i < pane.rows; i++) {
		styled_draw_row(pane, (int)i, &text, &rows, i, &look);
	}
	styled_rows_finish(&rows);
	styled_finish(&text);
}

void chat_draw(struct view *view, struct pane pane, int is_focused)
{
	struct chat *chat = (struct chat *)view;
	int is_browsing = is_focused && !view->app->is_typing, row = 0;
	struct chat_row at, cursor = {0};

	chat->frame++;
	chat->rows = pane.rows;
	chat->gutter = gutter_columns(chat, pane.columns);
	chat->columns = pane.columns - chat->gutter - (pane.columns > HEADS_FROM);
	if (chat->columns < 1 || pane.rows < 1) {
		return;
	}
	if (!chat_count(chat)) {
		draw_greeting(chat, pane);
		return;
	}
	if (is_browsing) {
		chat_need_cursor(chat);
		cursor = chat_row_of(chat, chat->cursor);
		/* Who stands at the end goes with it while an answer comes. */
		if (chat->follows && chat_row_compare(cursor, chat_top(chat)) < 0) {
			cursor = chat_last_row(chat);
			chat->cursor = chat_place_of(chat, cursor);
			chat->link = 0;
		}
	} else if (!chat->match_len) {
		chat->has_cursor = chat->link = 0;
	}
	at = chat_top(chat);
	do {
		if (chat_turn_wrapped(chat, at.turn)) {
			draw_row(chat, pane, row, at,
				is_browsing && chat_row_compare(at, cursor) == 0);
		}
	} while (++row < pane.rows && chat_row_move(chat, &at, 1));
}
