/* The reader's outline: the texts of a source, and its files, pages, headings or cues, to jump to. */
#include "tui/view_reader.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_BYTES = 200 }; /* of a page or cue, beside its name */

static struct reader_stop *add_stop(struct reader *reader, char *title, int depth)
{
	struct reader_stop *stop;

	mem_grow(reader->stop, reader->n_stop, reader->cap_stop);
	stop = &reader->stop[reader->n_stop++];
	*stop = (struct reader_stop){.title = title, .depth = depth};
	return stop;
}

static void add_text(struct reader *reader, int version, char *title)
{
	struct reader_stop *stop = add_stop(reader, title, 0);

	stop->is_text = 1;
	stop->version = version;
}

static void add_texts(struct reader *reader)
{
	if (reader->n_text < 2) {
		return;
	}
	add_text(reader, READER_NEWEST, mem_strdup("the newest text"));
	for (int i = reader->n_text - 1; i > 0; i--) {
		add_text(reader, i, mem_printf("update %d of %d", i, reader->n_text - 1));
	}
	add_text(reader, 0, mem_strdup("as it was loaded"));
}

static void add_headings(struct reader *reader)
{
	const struct document *document = &reader->document;
	size_t work = SIZE_MAX;

	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];
		struct reader_stop *stop = add_stop(reader, mem_strdup(heading->title),
			heading->level > 0 ? heading->level - 1 : 0);

		stop->place.part = heading->part;
		document_lines_find(
			&reader->lines, heading->part, heading->line, &stop->place.at, &work);
	}
}

/* Files, and pages that no heading tells; of a transcript each cue with its first words. */
static void add_parts(struct reader *reader)
{
	const struct document *document = &reader->document;

	for (size_t i = 0; i < document->n_part && document->n_part > 1; i++) {
		const struct part *part = &document->part[i];
		struct buf title = BUF_INIT;

		document_part_name(document, i, &title);
		if (document->kind != DOCUMENT_CODE) {
			size_t end = text_line_end(part->text, part->len, 0);

			buf_addstr(&title, "  ");
			buf_add(&title, part->text, utf8_cut(part->text, end, WORDS_BYTES));
		}
		add_stop(reader, buf_take(&title), 0)->place.part = i;
	}
}

/* The last stop at or before the top row. */
static size_t stop_here(const struct reader *reader)
{
	size_t found = 0;

	for (size_t i = 0; i < reader->n_stop; i++) {
		if (!reader->stop[i].is_text &&
			text_place_compare(reader->stop[i].place, reader_here(reader)) <= 0) {
			found = i;
		}
	}
	return found;
}

void reader_outline_open(struct reader *reader)
{
	reader_outline_close(reader);
	add_texts(reader);
	if (reader->document.n_heading) {
		add_headings(reader);
	} else {
		add_parts(reader);
	}
	if (reader->n_stop == 0) {
		app_say(reader->view.app, "this text has no headings");
		return;
	}
	reader->is_outline = 1;
	list_resize(&reader->stops, reader->n_stop);
	reader->stops.cursor = stop_here(reader);
}

void reader_outline_close(struct reader *reader)
{
	for (size_t i = 0; i < reader->n_stop; i++) {
		free(reader->stop[i].title);
	}
	free(reader->stop);
	reader->stop = NULL;
	reader->n_stop = reader->cap_stop = 0;
	reader->stops = (struct list){0};
	reader->is_outline = 0;
}

static void jump(struct reader *reader)
{
	struct reader_stop stop = reader->stop[reader->stops.cursor];
	const struct desk_source *source = reader_source(reader);

	reader_outline_close(reader);
	if (stop.is_text) {
		if (source) {
			reader_set_version(reader, source, stop.version);
		}
		return;
	}
	reader->top = document_rows_at(&reader->rows, stop.place);
	if (stop.place.at == 0 && reader->rows.has_heads) {
		reader->top = document_rows_go(&reader->rows, reader->top, -1);
	}
}

/* What else the reader can do does not happen behind the outline. */
int reader_outline_act(struct reader *reader, enum action action)
{
	struct app *app = reader->view.app;

	switch (action) {
	case ACTION_OPEN:
		jump(reader);
		break;
	case ACTION_CLOSE:
	case ACTION_OUTLINE:
		reader_outline_close(reader);
		break;
	case ACTION_SEARCH_NEXT:
	case ACTION_SEARCH_PREVIOUS:
		if (app->search.len == 0 ||
			!reader_outline_search(reader, app->search.data, app->search.len,
				(action == ACTION_SEARCH_PREVIOUS) != app->search_is_back)) {
			app_say(app, "not found");
		}
		break;
	default:
		if (!list_act(&reader->stops, action)) {
			return 0;
		}
	}
	app_touch(app);
	return 1;
}

int reader_outline_search(struct reader *reader, const char *words, size_t len, int is_back)
{
	size_t n = reader->n_stop, found_len;
	struct text_needle needle;
	int found = 0;

	text_needle_init(&needle, words, len);
	for (size_t i = 1; i <= n && !found; i++) {
		size_t at = (reader->stops.cursor + (is_back ? n - i : i)) % n;
		const char *title = reader->stop[at].title;
		size_t title_len = strlen(title);

		if (text_needle_find(&needle, title, title_len, 0, title_len, &found_len) !=
			SIZE_MAX) {
			reader->stops.cursor = at;
			found = 1;
		}
	}
	text_needle_finish(&needle);
	return found;
}

void reader_outline_draw(struct reader *reader, struct pane pane, int is_focused)
{
	list_layout(&reader->stops, pane.rows);
	for (int row = 0; row < pane.rows && reader->stops.top + (size_t)row < reader->n_stop;
		row++) {
		size_t at = reader->stops.top + (size_t)row;
		const struct reader_stop *stop = &reader->stop[at];
		int is_open = stop->is_text && stop->version == reader->version;

		pane_string(pane, row, 1 + 2 * (stop->depth < 12 ? stop->depth : 12),
			stop->is_text ? ELEMENT_HEADING : ELEMENT_TEXT, stop->title);
		if (is_open) {
			pane_string(pane, row, 0, ELEMENT_HEADING, "*");
		}
		if (at == reader->stops.cursor) {
			pane_mark_row(pane, row, is_focused ? ELEMENT_CURSOR : ELEMENT_MENU);
		}
	}
}
