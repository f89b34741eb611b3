/* The reader's frame: heads, margins with line numbers or cues, text with the quote and matches. */
#include "tui/view_reader.h"

#include "tui/cells.h"

#include <inttypes.h>

enum {
	MARGIN_LEAST = 5,       /* "1234 " */
	MARGIN_MOST = 9,        /* "12345678 " */
	MARGIN_CUE = 22,        /* "00:01:02 Ana Example " */
	COLUMNS_LEAST = 40,     /* with a margin */
	NUMBER_BYTES = 4 << 20, /* looked through for line numbers in one frame */
	MARKS_MOST = 256,
};

static int margin_columns(const struct reader *reader, int columns)
{
	size_t longest = 0;
	int margin = MARGIN_LEAST;

	if (columns < COLUMNS_LEAST) {
		return 0;
	}
	if (reader->document.kind == DOCUMENT_TRANSCRIPT) {
		return MARGIN_CUE;
	}
	for (size_t i = 0; i < reader->document.n_part; i++) {
		longest = reader->document.part[i].len > longest ? reader->document.part[i].len
								 : longest;
	}
	/* By lines of some ten bytes: a number that is longer takes the column beside it. */
	for (longest /= 100000; longest && margin < MARGIN_MOST; longest /= 10) {
		margin++;
	}
	return margin;
}

static void draw_head(const struct reader *reader, struct pane pane, int row, size_t part)
{
	struct buf name = BUF_INIT;
	int column;

	document_part_name(&reader->document, part, &name);
	column = pane_string(pane, row, 0, ELEMENT_BORDER, "-- ");
	column = pane_text(pane, row, column, ELEMENT_HEADING, buf_str(&name), name.len);
	column = pane_string(pane, row, column, ELEMENT_BORDER, " ");
	for (; column < pane.columns && column < COLUMNS_LEAST; column++) {
		pane_string(pane, row, column, ELEMENT_BORDER, "-");
	}
	buf_finish(&name);
}

static void draw_margin(const struct reader *reader, struct pane pane, int row,
	struct document_row shown, int64_t number, int columns)
{
	struct pane margin = pane_part(pane, 0, 0, pane.rows, columns - 1);
	struct buf name = BUF_INIT;

	if (columns == 0 || !shown.begins_line) {
		return;
	}
	if (reader->document.kind == DOCUMENT_TRANSCRIPT) {
		if (shown.at == 0) {
			document_part_name(&reader->document, shown.part, &name);
			pane_text(margin, row, 0, ELEMENT_LINE_NUMBER, buf_str(&name), name.len);
		}
	} else if (number) {
		pane_format(margin, row, 0, ELEMENT_LINE_NUMBER, "%*" PRId64, columns - 1, number);
	}
	buf_finish(&name);
}

/* What of the row is quoted. */
static size_t quote_mark(
	const struct reader *reader, struct document_row row, struct document_mark *mark)
{
	const struct text_range *quoted = &reader->quoted;

	if (reader->quote == DOCUMENT_QUOTE_NOWHERE || row.part < quoted->first.part ||
		row.part > quoted->last.part) {
		return 0;
	}
	*mark = (struct document_mark){
		.part = row.part,
		.at = row.part == quoted->first.part ? quoted->first.at : 0,
		.end = row.part == quoted->last.part ? quoted->last.at : SIZE_MAX,
		.element = ELEMENT_QUOTED,
	};
	return 1;
}

static void draw_text_row(struct reader *reader, struct pane pane, int screen_row,
	struct document_row row, int64_t number, int margin)
{
	struct document_mark mark[MARKS_MOST];
	size_t n = quote_mark(reader, row, mark);

	n += text_search_is_on(&reader->search)
		     ? reader_found_marks(reader, row, mark + n, MARKS_MOST - n)
		     : 0;
	draw_margin(reader, pane, screen_row, row, number, margin);
	document_rows_draw(&reader->rows, pane, screen_row, margin, reader->shift, row, mark, n);
}

/* The number of the line in which a row stands; 0 where it is not known yet: the next frame has it. */
static int64_t number_of(struct reader *reader, struct document_row row)
{
	size_t work = NUMBER_BYTES;
	int64_t number;

	if (reader->document.kind == DOCUMENT_TRANSCRIPT) {
		return 0;
	}
	number =
		document_lines_number(&reader->lines, (struct text_place){row.part, row.at}, &work);
	if (!number) {
		app_after(reader->view.app, 0, app_touch);
	}
	return number;
}

/* Where the rest of the text does not fill the pane, the last page. */
static void settle_top(struct reader *reader)
{
	struct document_row last = document_rows_last(&reader->rows);
	struct document_row end = document_rows_go(&reader->rows, reader->top, reader->height - 1);

	if (document_row_compare(end, last) >= 0) {
		reader->top = document_rows_go(&reader->rows, last, 1 - (long)reader->height);
	}
}

static void lay_out(struct reader *reader, struct pane pane, int margin)
{
	int columns = pane.columns - margin > 1 ? pane.columns - margin : 1;

	document_rows_set(&reader->rows, columns, reader->wraps, reader->is_raw);
	reader->height = pane.rows > 0 ? pane.rows : 1;
	reader->columns = columns;
	if (!reader->top.is_head) {
		reader->top = document_rows_at(&reader->rows, reader_here(reader));
	}
	if (reader->brings_quote) { /* a third from the top: with what leads to it */
		reader->top =
			document_rows_go(&reader->rows, reader->top, -(long)(reader->height / 3));
		reader->brings_quote = 0;
	}
	settle_top(reader);
}

static void draw_text(struct reader *reader, struct pane pane, int margin)
{
	struct document_row row = reader->top;
	int64_t number = row.is_head ? 0 : number_of(reader, row);

	for (int i = 0; i < pane.rows; i++) {
		struct document_row next = document_rows_go(&reader->rows, row, 1);

		if (row.is_head) {
			draw_head(reader, pane, i, row.part);
			number = 1;
		} else {
			draw_text_row(reader, pane, i, row, number, margin);
		}
		reader->bottom = (struct text_place){row.part, row.end};
		if (document_row_compare(next, row) == 0) {
			reader->bottom.at = reader->document.part[row.part].len;
			break;
		}
		if (next.part != row.part) {
			number = 1;
		} else if (number && next.begins_line && !row.is_head) {
			number++;
		}
		row = next;
	}
}

void reader_draw(struct view *view, struct pane pane, int is_focused)
{
	struct reader *reader = (struct reader *)view;
	int margin;

	if (!reader_has_text(reader)) {
		if (reader->number) {
			pane_string(pane, 0, 1, ELEMENT_DIM, "This source has no text.");
		} else if (reader->wanted && reader->wanted[0]) {
			pane_format(pane, 0, 1, ELEMENT_DIM,
				"%s is not there. It is opened when it comes.", reader->wanted);
		} else {
			pane_string(pane, 0, 1, ELEMENT_DIM, "No source is open.");
		}
		return;
	}
	margin = margin_columns(reader, pane.columns);
	lay_out(reader, pane, margin);
	if (reader->is_outline) {
		reader_outline_draw(reader, pane, is_focused);
	} else {
		draw_text(reader, pane, margin);
	}
}
