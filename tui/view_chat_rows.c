/* Where things of the conversation stand: turns, rows, what is on the screen, the cursor. */
#include "tui/view_chat_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Turns that are kept laid out though nobody sees them. */
enum { TURNS_KEPT = 64, TURNS_KEPT_BYTES = 4 << 20 };

/* ---- turns ---- */

size_t chat_count(const struct chat *chat)
{
	return chat->state->n_path + chat->n_live;
}

/* Forget the one that was not used for longest, but none of this frame. */
static void forget_oldest(struct chat *chat)
{
	size_t oldest = 0;

	if (chat->n_turn <= TURNS_KEPT && chat->bytes <= TURNS_KEPT_BYTES) {
		return;
	}
	for (size_t i = 1; i < chat->n_turn; i++) {
		if (chat->turn[i]->used < chat->turn[oldest]->used) {
			oldest = i;
		}
	}
	if (chat->n_turn && chat->turn[oldest]->used < chat->frame) {
		chat->bytes -= chat->turn[oldest]->bytes;
		chat_turn_destroy(chat->turn[oldest]);
		chat->turn[oldest] = chat->turn[--chat->n_turn];
	}
}

static struct chat_turn *lay_out(struct chat *chat, const struct desk_turn *kept)
{
	struct chat_turn *turn = mem_zero(1, sizeof(*turn));

	turn->turn = kept;
	chat_turn_build(chat, turn);
	forget_oldest(chat);
	mem_grow(chat->turn, chat->n_turn, chat->cap_turn);
	chat->turn[chat->n_turn++] = turn;
	chat->bytes += turn->bytes;
	return turn;
}

struct chat_turn *chat_turn_at(struct chat *chat, size_t index)
{
	const struct desk_state *state = chat->state;
	const struct desk_turn *kept;
	struct chat_turn *turn = NULL;

	if (index >= state->n_path) {
		index -= state->n_path;
		return index < chat->n_live ? chat->live[index] : NULL;
	}
	kept = desk_state_turn(state, state->path[index]);
	for (size_t i = 0; kept && i < chat->n_turn && !turn; i++) {
		turn = chat->turn[i]->turn == kept ? chat->turn[i] : NULL;
	}
	if (kept && !turn) {
		turn = lay_out(chat, kept);
	}
	if (turn) {
		turn->used = chat->frame;
	}
	return turn;
}

struct chat_turn *chat_turn_wrapped(struct chat *chat, size_t index)
{
	struct chat_turn *turn = chat_turn_at(chat, index);

	if (turn) {
		chat_turn_wrap(turn, chat->columns);
	}
	return turn;
}

size_t chat_turn_rows(const struct chat_turn *turn)
{
	size_t n = 0;

	for (int i = 0; turn && i < CHAT_PARTS; i++) {
		n += turn->part[i].rows.n_row;
	}
	return n;
}

/* ---- rows and places ---- */

int chat_part_at(const struct chat_turn *turn, size_t *row)
{
	int part = 0;

	while (part < CHAT_PARTS - 1 && *row >= turn->part[part].rows.n_row) {
		*row -= turn->part[part++].rows.n_row;
	}
	return part;
}

struct chat_row chat_row_of(struct chat *chat, struct chat_place place)
{
	const struct chat_turn *turn = chat_turn_wrapped(chat, place.turn);
	struct chat_row row = {.turn = place.turn};
	size_t n = chat_turn_rows(turn);

	if (!turn) {
		return chat_last_row(chat);
	}
	for (int i = 0; i < place.part; i++) {
		row.row += turn->part[i].rows.n_row;
	}
	if (turn->part[place.part].rows.n_row) {
		row.row += styled_row_of(&turn->part[place.part].rows, place.at);
	}
	if (row.row >= n) {
		row.row = n ? n - 1 : 0;
	}
	return row;
}

struct chat_place chat_place_of(struct chat *chat, struct chat_row row)
{
	const struct chat_turn *turn = chat_turn_wrapped(chat, row.turn);
	struct chat_place place = {.turn = row.turn};
	const struct styled_rows *rows;

	if (!turn) {
		return place;
	}
	place.part = chat_part_at(turn, &row.row);
	rows = &turn->part[place.part].rows;
	place.at = row.row < rows->n_row ? rows->row[row.row].at : 0;
	return place;
}

int chat_row_compare(struct chat_row a, struct chat_row b)
{
	return a.turn != b.turn ? (a.turn < b.turn ? -1 : 1)
	       : a.row != b.row ? (a.row < b.row ? -1 : 1)
				: 0;
}

struct chat_row chat_last_row(struct chat *chat)
{
	size_t n = chat_count(chat), rows;

	if (!n) {
		return (struct chat_row){0};
	}
	rows = chat_turn_rows(chat_turn_wrapped(chat, n - 1));
	return (struct chat_row){.turn = n - 1, .row = rows ? rows - 1 : 0};
}

static int move_back(struct chat *chat, struct chat_row *row, size_t n)
{
	while (n > row->row) {
		n -= row->row;
		row->row = 0;
		if (row->turn == 0) {
			return 0;
		}
		row->turn--;
		row->row = chat_turn_rows(chat_turn_wrapped(chat, row->turn));
	}
	row->row -= n;
	return 1;
}

static int move_on(struct chat *chat, struct chat_row *row, size_t n)
{
	size_t count = chat_count(chat);

	while (row->turn < count) {
		size_t rows = chat_turn_rows(chat_turn_wrapped(chat, row->turn));

		if (row->row + n < rows) {
			row->row += n;
			return 1;
		}
		n -= rows > row->row ? rows - row->row : 0;
		if (row->turn + 1 == count) {
			row->row = rows ? rows - 1 : 0;
			return 0;
		}
		row->turn++;
		row->row = 0;
	}
	return 0;
}

int chat_row_move(struct chat *chat, struct chat_row *row, long n)
{
	return n < 0 ? move_back(chat, row, (size_t)-n) : move_on(chat, row, (size_t)n);
}

/* ---- what is on the screen ---- */

/* The first row of the pane when its last one is the conversation's. */
static struct chat_row end_top(struct chat *chat)
{
	struct chat_row row = chat_last_row(chat);

	chat_row_move(chat, &row, 1 - (chat->rows > 0 ? chat->rows : 1));
	return row;
}

struct chat_row chat_top(struct chat *chat)
{
	struct chat_row end = end_top(chat), top;

	if (chat->follows) {
		return end;
	}
	top = chat_row_of(chat, chat->top);
	return chat_row_compare(top, end) > 0 ? end : top;
}

int chat_shows_end(struct chat *chat)
{
	return chat_row_compare(chat_top(chat), end_top(chat)) == 0;
}

static void set_top(struct chat *chat, struct chat_row top)
{
	chat->follows = chat_row_compare(top, end_top(chat)) >= 0;
	chat->top = chat_place_of(chat, top);
}

void chat_scroll(struct chat *chat, long rows)
{
	struct chat_row top = chat_top(chat);

	chat_row_move(chat, &top, rows);
	set_top(chat, top);
}

void chat_show_cursor(struct chat *chat)
{
	struct chat_row cursor = chat_row_of(chat, chat->cursor), top = chat_top(chat), last = top;

	chat_row_move(chat, &last, chat->rows > 0 ? chat->rows - 1 : 0);
	if (chat_row_compare(cursor, top) < 0) {
		set_top(chat, cursor);
	} else if (chat_row_compare(cursor, last) > 0) {
		chat_row_move(chat, &cursor, 1 - (long)(chat->rows > 0 ? chat->rows : 1));
		set_top(chat, cursor);
	}
}

void chat_set_cursor(struct chat *chat, struct chat_row row)
{
	/* What comes while somebody reads does not move what is read. */
	if (chat->follows) {
		chat->top = chat_place_of(chat, chat_top(chat));
		chat->follows = 0;
	}
	chat->has_cursor = 1;
	chat->cursor = chat_place_of(chat, row);
	chat_show_cursor(chat);
	if (chat_row_compare(chat_row_of(chat, chat->cursor), chat_last_row(chat)) == 0) {
		chat->follows = 1;
	}
	app_touch(chat->view.app);
}

void chat_need_cursor(struct chat *chat)
{
	struct chat_row top, begin = {0};

	if (chat->has_cursor) {
		return;
	}
	top = chat_top(chat);
	begin.turn = chat_count(chat) ? chat_count(chat) - 1 : 0;
	chat->has_cursor = 1;
	chat->link = 0;
	chat->cursor = chat_place_of(chat, chat_row_compare(begin, top) < 0 ? top : begin);
}
