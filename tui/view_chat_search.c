/* Searching all turns of the conversation, as they are shown. */
#include "tui/view_chat_internal.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* A character that matches another one has at most so many bytes more than it. */
enum { FOLD_BYTES = 4 };

static int is_word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The longest word of ASCII: markup may stand between words, but hardly in them. */
static void set_word(struct chat *chat)
{
	const char *words = buf_str(&chat->words), *longest = words;
	size_t most = 0;

	for (size_t at = 0; at < chat->words.len;) {
		size_t n = 0;

		while (is_word_byte(words[at + n])) {
			n++;
		}
		if (n > most) {
			most = n;
			longest = words + at;
		}
		at += n + 1;
	}
	text_needle_finish(&chat->word);
	chat->word = (struct text_needle){.len = 0};
	if (most) {
		text_needle_init(&chat->word, longest, most);
	}
}

static void set_words(struct chat *chat, const char *words, size_t len)
{
	buf_clear(&chat->words);
	buf_add(&chat->words, words, len);
	text_needle_finish(&chat->needle);
	chat->needle = (struct text_needle){.len = 0};
	chat->match_len = 0;
	if (len) {
		text_needle_init(&chat->needle, words, len);
	}
	set_word(chat);
}

static int has_word(const struct chat *chat, const char *text, size_t len)
{
	size_t match_len;

	return text && text_needle_find(&chat->word, text, len, 0, len, &match_len) != SIZE_MAX;
}

/* Whether a turn that is not laid out could have a match. */
static int may_match(const struct chat *chat, size_t index)
{
	const struct desk_turn *turn =
		index < chat->state->n_path ? desk_state_turn(chat->state, chat->state->path[index])
					    : NULL;

	if (!turn || !chat->word.len || has_word(chat, turn->question, turn->question_len) ||
		has_word(chat, turn->answer, turn->answer_len) ||
		(chat->shows_thinking && has_word(chat, turn->thinking, turn->thinking_len))) {
		return 1;
	}
	for (size_t i = 0; i < turn->n_citation; i++) {
		const char *path = turn->citation[i].path;

		if (path && has_word(chat, path, strlen(path))) {
			return 1;
		}
	}
	return 0;
}

/* The next match in one part, behind `from` or, backwards, in front of it. */
static int find_in_part(
	struct chat *chat, const struct chat_turn *turn, struct chat_place from, int is_back)
{
	const struct buf *text = &turn->part[from.part].stream.styled.text;
	size_t found;

	found = is_back ? text_needle_find_last(&chat->needle, buf_str(text), text->len, 0, from.at,
				  &chat->match_len)
			: text_needle_find(&chat->needle, buf_str(text), text->len, from.at,
				  text->len, &chat->match_len);
	if (found == SIZE_MAX) {
		chat->match_len = 0;
		return 0;
	}
	chat->match = from;
	chat->match.at = found;
	return 1;
}

static int find_in_turn(struct chat *chat, struct chat_place from, int is_back)
{
	const struct chat_turn *turn;

	if (!may_match(chat, from.turn)) {
		return 0;
	}
	chat->frame++; /* those that were looked into may be forgotten */
	turn = chat_turn_at(chat, from.turn);
	while (turn && from.part >= 0 && from.part < CHAT_NOTES) {
		if (find_in_part(chat, turn, from, is_back)) {
			return 1;
		}
		from.part += is_back ? -1 : 1;
		from.at = is_back ? SIZE_MAX : 0;
		if (is_back && from.part >= 0) {
			from.at = turn->part[from.part].stream.styled.text.len;
		}
	}
	return 0;
}

/* All turns from there on, and round. */
static int find_from(struct chat *chat, struct chat_place from, int is_back)
{
	size_t n = chat_count(chat);

	for (size_t i = 0; n && i <= n; i++) {
		size_t index = is_back ? (from.turn + n - i) % n : (from.turn + i) % n;
		struct chat_place place = {.turn = index};

		if (i == 0) {
			place = from;
		} else if (is_back) {
			place.part = CHAT_NOTES - 1;
			place.at = SIZE_MAX;
		}
		if (find_in_turn(chat, place, is_back)) {
			return 1;
		}
	}
	return 0;
}

static void show_match(struct chat *chat)
{
	chat->link = 0;
	chat_set_cursor(chat, chat_row_of(chat, chat->match));
	chat->cursor = chat->match;
}

int chat_search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct chat *chat = (struct chat *)view;
	int is_same = len == chat->words.len && memcmp(words, buf_str(&chat->words), len) == 0;
	int was_incremental = chat->is_incremental;
	struct chat_place from;

	app_touch(view->app);
	chat->is_incremental = !is_final;
	if (chat->columns < 1) {
		return 0;
	}
	if (is_final && was_incremental && is_same) {
		return chat->match_len > 0; /* found while it was typed */
	}
	chat_need_cursor(chat);
	if (!is_final && !was_incremental) {
		chat->origin = chat->cursor;
	}
	from = is_final ? chat->cursor : chat->origin;
	if (!is_same || !chat->needle.len) {
		set_words(chat, words, len);
	} else if (is_final && chat->match_len && !is_back) {
		from.at++; /* the next one */
	}
	if (!len && was_incremental) { /* given up: back to where it began */
		chat->link = 0;
		chat_set_cursor(chat, chat_row_of(chat, chat->origin));
	}
	if (!len || !find_from(chat, from, is_back)) {
		chat->match_len = 0;
		return 0;
	}
	show_match(chat);
	return 1;
}

size_t chat_marks(const struct chat *chat, const struct styled *styled,
	const struct styled_row *row, int is_current, struct styled_mark *mark, size_t most)
{
	size_t before = chat->needle.len * FOLD_BYTES, n = 0, len, end = row->at + row->len;
	size_t at = row->at > before ? row->at - before : 0;

	while (chat->needle.len && n < most && at < end) {
		at = text_needle_find(
			&chat->needle, buf_str(&styled->text), styled->text.len, at, end, &len);
		if (at == SIZE_MAX) {
			break;
		}
		mark[n++] = (struct styled_mark){.at = at,
			.len = len,
			.element = is_current && at == chat->match.at ? ELEMENT_FOUND_CURRENT
								      : ELEMENT_FOUND};
		at += len ? len : 1;
	}
	return n;
}
