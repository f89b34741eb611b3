/* The text of what the cursor is on, beside the sources or below them. */
#include "tui/view_sources.h"

#include "tui/view_reader.h"

#include <stdlib.h>

void sources_preview_forget(struct sources_view *sources)
{
	if (!sources->shown_of) {
		return;
	}
	document_rows_finish(&sources->rows);
	document_lines_finish(&sources->lines);
	free(sources->document.part);
	sources->document = (struct document){0};
	desk_state_unref(sources->shown_of);
	sources->shown_of = NULL;
}

/* An older text in place of the newest. */
static void take_version(
	struct sources_view *sources, const struct desk_source *source, int version)
{
	if (version != READER_NEWEST && (size_t)version < source->n_text) {
		struct desk_source alone = *source;

		free(sources->document.part);
		alone.text += version;
		alone.n_text = 1;
		sources->document = reader_newest(&alone);
	}
}

static void prepare(struct sources_view *sources, struct source_row row)
{
	const struct desk_state *state = sources->view.app->state;
	const struct desk_source *source = &state->source[row.source];
	struct text_place place;
	int version;

	if (sources->shown_of && sources->shown.source == row.source &&
		sources->shown.node == row.node) {
		return;
	}
	sources_preview_forget(sources);
	if (source->n_text == 0) {
		return;
	}
	sources->shown = row;
	sources->shown_of = desk_state_ref(state);
	sources->document = reader_newest(source);
	place = sources_place(sources, row, &sources->document, &version);
	take_version(sources, source, version);
	document_lines_init(&sources->lines, &sources->document);
	document_rows_init(&sources->rows, &sources->lines);
	if (sources->document.n_part) {
		sources->top = document_rows_at(&sources->rows, place);
	}
}

static void draw_head(struct sources_view *sources, struct pane pane, int row, size_t part)
{
	struct buf name = BUF_INIT;

	document_part_name(&sources->document, part, &name);
	pane_text(pane, row, 1, ELEMENT_HEADING, buf_str(&name), name.len);
	buf_finish(&name);
}

void sources_preview_draw(struct sources_view *sources, struct pane pane)
{
	struct document_row row, next;
	struct source_row at;

	if (!sources_row(sources, &at)) {
		return;
	}
	prepare(sources, at);
	if (!sources->shown_of || sources->document.n_part == 0) {
		pane_string(pane, 0, 1, ELEMENT_DIM, "no text");
		return;
	}
	document_rows_set(&sources->rows, pane.columns - 1, 1, 0);
	row = document_rows_at(
		&sources->rows, (struct text_place){sources->top.part, sources->top.at});
	if (row.at == 0 && sources->rows.has_heads) {
		row = document_rows_go(&sources->rows, row, -1);
	}
	for (int i = 0; i < pane.rows; i++, row = next) {
		if (row.is_head) {
			draw_head(sources, pane, i, row.part);
		} else {
			document_rows_draw(&sources->rows, pane, i, 1, 0, row, NULL, 0);
		}
		next = document_rows_go(&sources->rows, row, 1);
		if (document_row_compare(next, row) == 0) {
			return;
		}
	}
}
