/* The reader's ops table: moving through a source, its title, what is copied. */
#include "tui/view_reader.h"

#include "base/mem.h"
#include "tui/input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SHIFT_COLUMNS = 8 };

struct reader *reader_find(struct app *app)
{
	for (size_t i = app->n_view; i > 0; i--) {
		if (app->view[i - 1]->ops == &view_reader) {
			return (struct reader *)app->view[i - 1];
		}
	}
	return NULL;
}

int reader_has_text(const struct reader *reader)
{
	return reader->number != 0 && reader->document.n_part > 0;
}

struct text_place reader_here(const struct reader *reader)
{
	return (struct text_place){reader->top.part, reader->top.at};
}

int reader_is_shown(struct reader *reader, struct text_place place)
{
	struct document_row row = document_rows_at(&reader->rows, place);
	struct document_row end = document_rows_go(&reader->rows, reader->top, reader->height - 1);

	return document_row_compare(row, reader->top) >= 0 && document_row_compare(row, end) <= 0;
}

void reader_show(struct reader *reader, struct text_place place)
{
	struct document_row row = document_rows_at(&reader->rows, place);

	if (!reader->wraps) {
		int column = document_rows_column(&reader->rows, row, place.at);

		if (column < reader->shift || column >= reader->shift + reader->columns) {
			reader->shift = column - reader->columns / 3;
			reader->shift = reader->shift > 0 ? reader->shift : 0;
		}
	}
	if (!reader_is_shown(reader, place)) {
		reader->top = document_rows_go(&reader->rows, row, -(long)(reader->height / 3));
	}
	app_touch(reader->view.app);
}

/* ---- moving ---- */

static void scroll(struct reader *reader, long rows)
{
	reader->top = document_rows_go(&reader->rows, reader->top, rows);
}

/* Where sections begin in a text without parts: at its headings. */
static int step_heading(struct reader *reader, int step)
{
	const struct document *document = &reader->document;
	struct text_place here = reader_here(reader), found = here;
	size_t work = SIZE_MAX;

	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];
		struct text_place place = {heading->part, 0};

		document_lines_find(&reader->lines, place.part, heading->line, &place.at, &work);
		if (step > 0 && text_place_compare(place, here) > 0) {
			found = place;
			break;
		}
		if (step < 0 && text_place_compare(place, here) < 0) {
			found = place;
		}
	}
	reader->top = document_rows_at(&reader->rows, found);
	return text_place_compare(here, found) != 0;
}

/* The next or previous file, page or cue; back goes to the beginning of this one first. */
static void step_part(struct reader *reader, int step)
{
	size_t part = reader->top.part;
	int is_inside = reader->top.at > 0 || (reader->rows.has_heads && !reader->top.is_head);

	if (reader->document.kind == DOCUMENT_TEXT) {
		if (!step_heading(reader, step)) {
			app_say(reader->view.app, "no heading %s",
				step > 0 ? "behind this" : "before this");
		}
		return;
	}
	if (step < 0 && !is_inside) {
		part -= part > 0;
	} else if (step > 0) {
		part += part + 1 < reader->document.n_part;
	}
	reader->top = document_rows_at(&reader->rows, (struct text_place){part, 0});
	if (reader->rows.has_heads) {
		reader->top = document_rows_go(&reader->rows, reader->top, -1);
	}
}

static void go_to_done(struct app *app, const char *text, size_t len)
{
	struct reader *reader = reader_find(app);
	struct text_place place;
	struct err err;

	if (!text || len == 0 || !reader || !reader_has_text(reader)) {
		return;
	}
	if (document_find_place(&reader->lines, reader_here(reader), text, &place, &err) < 0) {
		app_complain(app, &err);
		return;
	}
	reader->top = document_rows_at(&reader->rows, place);
	if (place.at == 0 && reader->rows.has_heads) {
		reader->top = document_rows_go(&reader->rows, reader->top, -1);
	}
	app_touch(app);
}

static void go_to(struct reader *reader)
{
	static const char *const label[] = {
		[DOCUMENT_TEXT] = "go to line: ",
		[DOCUMENT_CODE] = "go to line or FILE:LINE: ",
		[DOCUMENT_PDF] = "go to page: ",
		[DOCUMENT_TRANSCRIPT] = "go to time or cue: ",
	};
	struct input_prompt prompt = {.label = label[reader->document.kind], .done = go_to_done};

	input_ask(reader->view.app->input, &prompt);
}

static int move(struct reader *reader, enum action action)
{
	int page = reader->height > 2 ? reader->height - 1 : 1;

	switch (action) {
	case ACTION_UP:
		scroll(reader, -1);
		return 1;
	case ACTION_DOWN:
		scroll(reader, 1);
		return 1;
	case ACTION_HALF_UP:
		scroll(reader, -(page + 1) / 2);
		return 1;
	case ACTION_HALF_DOWN:
		scroll(reader, (page + 1) / 2);
		return 1;
	case ACTION_PAGE_UP:
		scroll(reader, -page);
		return 1;
	case ACTION_PAGE_DOWN:
	case ACTION_SPACE_DOWN:
		scroll(reader, page);
		return 1;
	case ACTION_FIRST:
		reader->top = document_rows_first(&reader->rows);
		return 1;
	case ACTION_LAST:
		reader->top = document_rows_last(&reader->rows);
		return 1;
	case ACTION_LEFT:
		reader->shift -= reader->shift < SHIFT_COLUMNS ? reader->shift : SHIFT_COLUMNS;
		return 1;
	case ACTION_RIGHT:
		reader->shift +=
			reader->wraps || reader->shift > 2 * STRETCH_BYTES ? 0 : SHIFT_COLUMNS;
		return 1;
	default:
		return 0;
	}
}

/* What was looked for stays in sight: in a line of megabytes it would else be far from the top. */
static void wrap(struct reader *reader)
{
	struct text_search *search = &reader->search;
	int keeps =
		search->state == TEXT_SEARCH_FOUND && reader_is_shown(reader, search->match.place);

	reader->wraps = !reader->wraps;
	reader->shift = 0;
	document_rows_set(&reader->rows, reader->columns, reader->wraps, reader->is_raw);
	if (!reader->top.is_head) {
		reader->top = document_rows_at(&reader->rows, reader_here(reader));
	}
	if (keeps) {
		reader_show(reader, search->match.place);
	}
}

static int reader_act(struct view *view, enum action action)
{
	struct reader *reader = (struct reader *)view;

	if (!reader_has_text(reader)) {
		return 0;
	}
	if (reader->is_outline) {
		return reader_outline_act(reader, action);
	}
	switch (action) {
	case ACTION_NEXT_TURN:
	case ACTION_PREVIOUS_TURN:
		step_part(reader, action == ACTION_NEXT_TURN ? 1 : -1);
		break;
	case ACTION_NEXT_CITATION:
	case ACTION_PREVIOUS_CITATION:
		reader_step_citation(reader, action == ACTION_NEXT_CITATION ? 1 : -1);
		break;
	case ACTION_SEARCH_NEXT:
	case ACTION_SEARCH_PREVIOUS:
		reader_search_step(
			reader, (action == ACTION_SEARCH_PREVIOUS) != view->app->search_is_back);
		break;
	case ACTION_GO_TO:
		go_to(reader);
		break;
	case ACTION_OUTLINE:
		reader_outline_open(reader);
		break;
	case ACTION_WRAP:
		wrap(reader);
		break;
	case ACTION_RAW:
		reader->is_raw = !reader->is_raw;
		break;
	default:
		if (!move(reader, action)) {
			return 0;
		}
	}
	app_touch(view->app);
	return 1;
}

/* ---- title, copying ---- */

static void reader_title(struct view *view, struct buf *left, struct buf *right)
{
	struct reader *reader = (struct reader *)view;
	struct text_place here = reader_here(reader);
	size_t bytes = reader->number ? document_lines_bytes(&reader->lines) : 0;

	if (!reader_has_text(reader)) {
		buf_addstr(left, "reader");
		return;
	}
	buf_printf(left, "S%" PRId64 " %s", reader->number, reader->name);
	if (reader->document.kind != DOCUMENT_TEXT &&
		!(reader->document.kind == DOCUMENT_CODE && reader->document.n_part == 1)) {
		buf_addstr(left, "  ");
		document_part_name(&reader->document, here.part, left);
	}
	if (reader->version == 0 && reader->n_text > 1) {
		buf_addstr(left, "  as it was loaded");
	} else if (reader->version > 0) {
		buf_printf(left, "  update %d of %d", reader->version, reader->n_text - 1);
	}
	if (reader->is_dropped) {
		buf_addstr(left, "  (dropped since)");
	} else if (reader->is_older) {
		buf_addstr(left, "  (a newer text is there)");
	}
	if (text_search_is_on(&reader->search)) {
		const struct text_search *search = &reader->search;
		int64_t at = search->state == TEXT_SEARCH_FOUND
				     ? text_search_ordinal(search, search->match.place)
				     : 0;

		if (search->state == TEXT_SEARCH_NOWHERE) {
			buf_addstr(right, "not found  ");
		} else if (at) {
			buf_printf(right, "%" PRId64 "/%" PRId64 "%s  ", at, search->n_match,
				search->is_counted ? "" : "+");
		} else {
			buf_addstr(right, "...  ");
		}
	}
	buf_printf(right, "%zu%%",
		bytes ? document_lines_offset(&reader->lines, reader->bottom) * 100 / bytes : 100);
}

static int copy_range(const struct reader *reader, struct text_range range, struct buf *out)
{
	size_t begin = out->len;

	for (size_t i = range.first.part; i <= range.last.part && i < reader->document.n_part;
		i++) {
		const struct part *part = &reader->document.part[i];
		size_t from = i == range.first.part ? range.first.at : 0;
		size_t to = i == range.last.part ? range.last.at : part->len;

		if (i > range.first.part) {
			buf_addch(out, '\n');
		}
		buf_add(out, part->text + from, to - from);
	}
	return out->len > begin;
}

/* The quote; else the line of the match; else the top one: the first of these that is on the screen. */
static int reader_copy(struct view *view, struct buf *out)
{
	struct reader *reader = (struct reader *)view;
	struct text_place place = reader_here(reader);
	struct text_range range;
	const struct part *part;

	if (!reader_has_text(reader)) {
		return 0;
	}
	if (reader->quote != DOCUMENT_QUOTE_NOWHERE &&
		reader_is_shown(reader, reader->quoted.first)) {
		return copy_range(reader, reader->quoted, out);
	}
	if (text_search_is_on(&reader->search) && reader->search.state == TEXT_SEARCH_FOUND &&
		reader_is_shown(reader, reader->search.match.place)) {
		place = reader->search.match.place;
	}
	part = &reader->document.part[place.part];
	range.first = (struct text_place){place.part, text_line_begin(part->text, place.at)};
	range.last =
		(struct text_place){place.part, text_line_end(part->text, part->len, place.at)};
	return copy_range(reader, range, out);
}

/* ---- its life ---- */

static struct view *reader_create(struct app *app, const char *argument)
{
	struct reader *reader = mem_zero(1, sizeof(*reader));

	reader->view = (struct view){.ops = &view_reader, .app = app};
	reader->wraps = 1;
	reader->height = 1;
	reader->columns = 80;
	reader->search.state = TEXT_SEARCH_NOWHERE;
	reader->wanted = mem_strdup(argument ? argument : "");
	reader_open_wanted(reader);
	return &reader->view;
}

static void reader_destroy(struct view *view)
{
	struct reader *reader = (struct reader *)view;

	reader_close_text(reader);
	free(reader->wanted);
	free(reader);
}

static void reader_update(struct view *view)
{
	struct reader *reader = (struct reader *)view;
	const struct desk_state *state = view->app->state;
	const struct desk_source *source;

	if (reader->number && strcmp(reader->session, state->session_id) != 0) {
		reader_close_text(reader);
	}
	if (!reader->number) {
		reader_open_wanted(reader);
		return;
	}
	source = reader_source(reader);
	reader->is_dropped = !source;
	reader->is_older = source && reader->version == READER_NEWEST &&
			   source->n_text > (size_t)reader->n_text;
}

const struct view_ops view_reader = {
	.name = "reader",
	.bit = VIEW_READER,
	.create = reader_create,
	.destroy = reader_destroy,
	.update = reader_update,
	.draw = reader_draw,
	.act = reader_act,
	.search = reader_search,
	.title = reader_title,
	.copy = reader_copy,
};
