/* Searching in the reader: as words are typed, and on from match to match. */
#include "tui/view_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
	FRAME_BYTES = 24 << 20, /* looked at before something is drawn: some milliseconds */
	COUNT_BYTES = 8 << 20,  /* counted between two frames */
	MARGIN_BYTES = 4096,    /* in front of a row, where a match that reaches into it begins */
};

static void go_on(struct reader *reader, size_t work_bytes)
{
	struct text_search *search = &reader->search;

	if (search->state == TEXT_SEARCH_GOING &&
		text_search_go(search, &work_bytes) == TEXT_SEARCH_FOUND) {
		reader_show(reader, search->match.place);
	}
	if (search->state == TEXT_SEARCH_GOING || !search->is_counted) {
		app_after(reader->view.app, 0, reader_tick);
	}
}

void reader_tick(struct app *app)
{
	struct reader *reader = reader_find(app);
	size_t work = COUNT_BYTES;

	if (!reader || !reader_has_text(reader) || !text_search_is_on(&reader->search)) {
		return;
	}
	if (reader->search.state != TEXT_SEARCH_GOING) {
		text_search_count(&reader->search, &work);
	}
	go_on(reader, COUNT_BYTES);
	app_touch(app);
}

static void seek(struct reader *reader, struct text_place from, int is_back)
{
	text_search_seek(&reader->search, from, is_back);
	go_on(reader, FRAME_BYTES);
	if (reader->search.state == TEXT_SEARCH_FOUND && reader->search.has_wrapped &&
		!reader->is_incremental) {
		app_say(reader->view.app,
			is_back ? "from the end again" : "from the beginning again");
	}
}

static int has_words(const struct reader *reader, const char *words, size_t len)
{
	const struct text_needle *needle = &reader->search.needle;

	return needle->len == len && memcmp(needle->words, words, len) == 0;
}

/*
 * Words that are typed are searched from where the search began; no words, as when Esc ends it, go
 * back there. Words that were searched already go on to the next match.
 */
int reader_search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct reader *reader = (struct reader *)view;

	if (!reader_has_text(reader)) {
		return 0;
	}
	if (reader->is_outline) {
		return len && reader_outline_search(reader, words, len, is_back);
	}
	if (!reader->is_incremental) {
		if (is_final && len && has_words(reader, words, len)) {
			reader_search_step(reader, is_back);
			return reader->search.state != TEXT_SEARCH_NOWHERE;
		}
		reader->search_from = reader->top;
	}
	reader->is_incremental = !is_final;
	if (len == 0) {
		text_search_finish(&reader->search);
		reader->top = reader->search_from;
	} else if (!has_words(reader, words, len)) {
		reader->top = reader->search_from;
		text_search_begin(&reader->search, &reader->lines, words, len);
		seek(reader, reader_here(reader), is_back);
	}
	app_touch(view->app);
	return len == 0 || reader->search.state != TEXT_SEARCH_NOWHERE;
}

void reader_search_step(struct reader *reader, int is_back)
{
	struct text_search *search = &reader->search;
	struct app *app = reader->view.app;
	struct text_place from = reader_here(reader);

	if (!text_search_is_on(search) && app->search.len) {
		text_search_begin(search, &reader->lines, app->search.data, app->search.len);
	}
	if (!text_search_is_on(search)) {
		app_say(app, "Nothing was searched for yet.");
		return;
	}
	/* From the match; who has gone elsewhere since goes on from there. */
	if (search->state == TEXT_SEARCH_FOUND && reader_is_shown(reader, search->match.place)) {
		from = search->match.place;
		from.at += is_back ? 0 : 1;
	}
	seek(reader, from, is_back);
	if (search->state == TEXT_SEARCH_NOWHERE) {
		app_say(app, "\"%s\" is not found", search->needle.words);
	}
}

size_t reader_found_marks(const struct reader *reader, struct document_row row,
	struct document_mark *mark, size_t most)
{
	const struct text_search *search = &reader->search;
	const struct part *part = &reader->document.part[row.part];
	size_t from = row.at > MARGIN_BYTES ? row.at - MARGIN_BYTES : 0, n = 0, len;

	/* Words of n characters have 4 n bytes at most, whatever their case. */
	if (row.at - from > 4 * search->needle.len) {
		from = row.at - 4 * search->needle.len;
	}
	while (n < most) {
		size_t at = text_needle_find(
			&search->needle, part->text, part->len, from, row.end, &len);

		if (at == SIZE_MAX) {
			break;
		}
		mark[n++] = (struct document_mark){row.part, at, at + len, ELEMENT_FOUND};
		from = at + 1;
	}
	if (n < most && search->state == TEXT_SEARCH_FOUND &&
		search->match.place.part == row.part) {
		mark[n++] = (struct document_mark){row.part, search->match.place.at,
			search->match.place.at + search->match.len,
			ELEMENT_FOUND_CURRENT}; /* over its neighbours */
	}
	return n;
}
