/* The sources view's frame: names at the left, figures at the right as far as there is room. */
#include "tui/view_sources.h"

#include "base/number.h"
#include "tui/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	COLUMN_BYTES = 64,
	NAME_LEAST = 24, /* columns that names keep */
	NAME_COLUMN = 4, /* behind the tag and the sign of what is folded */
	DEPTH_MOST = 16,
	GAP = 2, /* columns between two figures */
	PREVIEW_BESIDE = 100,
	PREVIEW_ROWS = 6, /* at least, below */
	PATIENCE_S = 1,   /* what takes less is not said */
};

/* ---- columns ---- */

struct column {
	const char *head;
	int least; /* columns that it takes, so that it does not move with what stands in it */
	void (*text)(
		const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES]);
	enum element (*element)(const struct sources_view *sources, struct source_row row);
};

static const struct desk_source *source_of(
	const struct sources_view *sources, struct source_row row)
{
	return &sources->view.app->state->source[row.source];
}

/* Of a file or page only its bytes are known: its part of the source's tokens by them. */
static void tokens_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	const struct source_node *node = source_tree_node(&sources->tree, row);
	const struct source_branch *branch = &sources->tree.branch[row.source];
	int64_t tokens = source_of(sources, row)->tokens;
	char number[NUMBER_SIZE];

	if (!node) {
		snprintf(out, COLUMN_BYTES, "%s",
			tokens < 0 ? "counting" : number_grouped(number, tokens));
	} else if (node->bytes > 0 && tokens >= 0 && branch->bytes > 0) {
		double part = (double)node->bytes / (double)branch->bytes;

		snprintf(out, COLUMN_BYTES, "about %s",
			number_grouped(number, (int64_t)(part * (double)tokens)));
	}
}

static void bytes_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	const struct source_node *node = source_tree_node(&sources->tree, row);
	int64_t bytes = node ? node->bytes : sources->tree.branch[row.source].bytes;
	char number[NUMBER_SIZE];

	if (bytes > 0) {
		snprintf(out, COLUMN_BYTES, "%s", number_bytes(number, bytes));
	}
}

static void share_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	const struct desk_state *state = sources->view.app->state;
	const struct desk_source *source = source_of(sources, row);

	if (row.node == SIZE_MAX && source->tokens >= 0 && state->sources_tok > 0) {
		snprintf(out, COLUMN_BYTES, "%.0f%%",
			100.0 * (double)source->tokens / (double)state->sources_tok);
	}
}

static void kv_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	char number[NUMBER_SIZE];

	if (row.node == SIZE_MAX && source_of(sources, row)->kv_bytes > 0) {
		snprintf(out, COLUMN_BYTES, "%s",
			number_bytes(number, source_of(sources, row)->kv_bytes));
	}
}

static void state_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	static const char *const name[] = {
		[DESK_KV_ABSENT] = "new",
		[DESK_KV_PARTLY] = "partly",
		[DESK_KV_DISK] = "on disk",
		[DESK_KV_MEMORY] = "cached",
	};
	const struct desk_source *source = source_of(sources, row);

	if (row.node == SIZE_MAX) {
		snprintf(out, COLUMN_BYTES, "%s",
			!source->is_in_context ? "elsewhere"
			: source->is_stale     ? "stale"
			: source->at_tok < 0   ? "unknown" /* until it is counted */
					       : name[source->kv]);
	}
}

static enum element state_element(const struct sources_view *sources, struct source_row row)
{
	static const enum element element[] = {
		[DESK_KV_ABSENT] = ELEMENT_KV_ABSENT,
		[DESK_KV_PARTLY] = ELEMENT_KV_DISK,
		[DESK_KV_DISK] = ELEMENT_KV_DISK,
		[DESK_KV_MEMORY] = ELEMENT_KV_MEMORY,
	};
	const struct desk_source *source = source_of(sources, row);

	return !source->is_in_context ? ELEMENT_DIM
	       : source->is_stale     ? ELEMENT_STALE
	       : source->at_tok < 0   ? ELEMENT_DIM
				      : element[source->kv];
}

/* What stands behind it is computed anew: that many tokens, and how long that took last time. */
static void drop_text(
	const struct sources_view *sources, struct source_row row, char out[COLUMN_BYTES])
{
	const struct desk_state *state = sources->view.app->state;
	const struct desk_source *source = source_of(sources, row);
	char number[NUMBER_SIZE], time[NUMBER_SIZE];
	double seconds;

	if (row.node != SIZE_MAX || source->at_tok < 0) {
		return;
	}
	seconds = state->prefill_tok_per_s > 0
			  ? (double)source->behind_tok / state->prefill_tok_per_s
			  : 0;
	if (seconds >= PATIENCE_S) {
		snprintf(out, COLUMN_BYTES, "%s tok, %s",
			number_grouped(number, source->behind_tok), number_seconds(time, seconds));
	} else {
		snprintf(out, COLUMN_BYTES, "%s tok", number_grouped(number, source->behind_tok));
	}
}

/* In the order in which they stand; where there is no room the last ones go first. */
static const struct column columns[] = {
	{"tokens", 8, tokens_text, NULL},
	{"state", 7, state_text, state_element},
	{"share", 0, share_text, NULL},
	{"KV", 7, kv_text, NULL},
	{"a drop costs", 0, drop_text, NULL},
	{"bytes", 8, bytes_text, NULL},
};
enum { N_COLUMN = sizeof(columns) / sizeof(columns[0]) };

/* The columns of a frame: as wide as what stands in them. */
struct columns {
	int n, width[N_COLUMN];
};

/* ---- rows ---- */

static void row_name(const struct sources_view *sources, struct source_row row, struct buf *out)
{
	const struct source_node *node = source_tree_node(&sources->tree, row);
	const struct desk_source *source = source_of(sources, row);

	if (!node) {
		buf_printf(out, "%s %s", source->id, source->path);
		if (source->n_text > 1) {
			buf_printf(out, "  (%zu update%s)", source->n_text - 1,
				source->n_text > 2 ? "s" : "");
		}
		return;
	}
	buf_addstr(out, node->label);
	if (node->kind == SOURCE_NODE_FOLDER) {
		buf_printf(
			out, "/  %" PRId64 " file%s", node->n_part, node->n_part == 1 ? "" : "s");
	}
}

static size_t shown_rows(const struct sources_view *sources, int rows)
{
	size_t n = sources->tree.n_row, top = sources->list.top;

	return top >= n ? 0 : n - top < (size_t)rows ? n - top : (size_t)rows;
}

static int indent_of(const struct sources_view *sources, struct source_row row)
{
	const struct source_node *node = source_tree_node(&sources->tree, row);

	return NAME_COLUMN + 2 * (!node ? 0 : node->depth < DEPTH_MOST ? node->depth : DEPTH_MOST);
}

static void measure_row(const struct sources_view *sources, struct source_row row,
	struct columns *shown, int *name_width)
{
	struct buf name = BUF_INIT;
	int width;

	row_name(sources, row, &name);
	width = indent_of(sources, row) + cells_width(buf_str(&name), name.len);
	*name_width = width > *name_width ? width : *name_width;
	buf_finish(&name);
	for (int i = 0; i < N_COLUMN; i++) {
		char text[COLUMN_BYTES] = "";

		columns[i].text(sources, row, text);
		width = (int)strlen(text);
		shown->width[i] = width > shown->width[i] ? width : shown->width[i];
	}
}

/* Names take what they need, but not all; figures what is left, as many as go in. */
static struct columns lay_out(const struct sources_view *sources, struct pane pane)
{
	struct columns shown = {0};
	int name_width = NAME_LEAST, left;

	for (size_t i = 0; i < shown_rows(sources, pane.rows); i++) {
		measure_row(sources, sources->tree.row[sources->list.top + i], &shown, &name_width);
	}
	left = pane.columns * 3 / 5 > NAME_LEAST ? pane.columns * 3 / 5 : NAME_LEAST;
	left = pane.columns - 1 - (name_width < left ? name_width : left);
	for (; shown.n < N_COLUMN; shown.n++) {
		int *width = &shown.width[shown.n], head = (int)strlen(columns[shown.n].head);

		/* Also an empty one: columns that come and go move what is read. */
		*width = *width > head ? *width : head;
		*width = (*width > columns[shown.n].least ? *width : columns[shown.n].least) + GAP;
		if (*width > left) {
			break;
		}
		left -= *width;
	}
	return shown;
}

static void draw_right(struct pane pane, int row, int end, enum element element, const char *text)
{
	pane_string(pane, row, end - (int)strlen(text), element, text);
}

static void draw_heads(struct pane pane, const struct columns *shown)
{
	int end = pane.columns - 1;

	for (int i = shown->n; i > 0; i--) {
		if (shown->width[i - 1]) {
			draw_right(pane, 0, end, ELEMENT_DIM, columns[i - 1].head);
			end -= shown->width[i - 1];
		}
	}
	pane_string(pane, 0, NAME_COLUMN, ELEMENT_DIM, "source");
}

static void draw_row(const struct sources_view *sources, struct pane pane, int screen_row,
	struct source_row row, const struct columns *shown)
{
	const struct source_node *node = source_tree_node(&sources->tree, row);
	int indent = indent_of(sources, row), end = pane.columns - 1;
	int is_tagged = !node && sources->tree.branch[row.source].is_tagged;
	enum element element = is_tagged ? ELEMENT_TAGGED : node ? ELEMENT_TEXT : ELEMENT_HEADING;
	struct buf name = BUF_INIT;

	for (int i = shown->n; i > 0; i--) {
		const struct column *column = &columns[i - 1];
		char text[COLUMN_BYTES] = "";

		column->text(sources, row, text);
		draw_right(pane, screen_row, end,
			column->element ? column->element(sources, row) : ELEMENT_TEXT, text);
		end -= shown->width[i - 1];
	}
	row_name(sources, row, &name);
	if (is_tagged) {
		pane_string(pane, screen_row, 0, ELEMENT_TAGGED, "*");
	}
	if (source_tree_may_open(&sources->tree, row)) {
		pane_string(pane, screen_row, indent - 2, ELEMENT_DIM,
			source_tree_is_open(&sources->tree, row) ? "-" : "+");
	}
	pane_string_end(
		pane_part(pane, 0, 0, pane.rows, end), screen_row, indent, element, buf_str(&name));
	buf_finish(&name);
}

static void draw_skipped(
	const struct sources_view *sources, struct pane pane, int screen_row, size_t index)
{
	long count = sources_skipped_count(sources);
	struct buf text = BUF_INIT;

	if (index > 0) {
		sources_skipped_text(sources, index - 1, &text);
		pane_text(pane, screen_row, 6, ELEMENT_DIM, buf_str(&text), text.len);
	} else {
		pane_string(pane, screen_row, 2, ELEMENT_DIM, sources->is_skipped_open ? "-" : "+");
		if (!sources->is_skipped_open || count < 0) {
			buf_addstr(&text, sources->skipped_order ? "left out by loads: asking ..."
								 : "left out by loads");
		} else {
			buf_printf(&text, "left out by loads: %ld file%s", count,
				count == 1 ? "" : "s");
		}
		pane_text(pane, screen_row, 4, ELEMENT_DIM, buf_str(&text), text.len);
	}
	buf_finish(&text);
}

static void draw_list(struct sources_view *sources, struct pane pane, int is_focused)
{
	struct list *list = &sources->list;
	struct pane heads = pane;
	struct columns shown;

	pane = pane_part(pane, 1, 0, pane.rows - 1, pane.columns);
	list_layout(list, pane.rows);
	shown = lay_out(sources, pane);
	draw_heads(heads, &shown);
	for (int i = 0; i < pane.rows && list->top + (size_t)i < list->n; i++) {
		size_t at = list->top + (size_t)i;

		if (at < sources->tree.n_row) {
			draw_row(sources, pane, i, sources->tree.row[at], &shown);
		} else {
			draw_skipped(sources, pane, i, at - sources->tree.n_row);
		}
		if (at == list->cursor) {
			pane_mark_row(pane, i, is_focused ? ELEMENT_CURSOR : ELEMENT_MENU);
		}
	}
}

void sources_draw(struct view *view, struct pane pane, int is_focused)
{
	struct sources_view *sources = (struct sources_view *)view;
	struct pane list = pane, preview;

	if (sources->tree.n_branch == 0) {
		pane_string(pane, 0, 1, ELEMENT_DIM,
			"No sources yet: /load PATH reads a file, a folder or an archive.");
		return;
	}
	if (!sources->has_preview) {
		draw_list(sources, pane, is_focused);
		return;
	}
	if (pane.columns >= PREVIEW_BESIDE) {
		list = pane_part(pane, 0, 0, pane.rows, pane.columns / 2);
		preview = pane_part(
			pane, 0, list.columns + 1, pane.rows, pane.columns - list.columns - 1);
		pane_line_right(pane_part(pane, 0, list.columns, pane.rows, 1), ELEMENT_BORDER);
	} else {
		int rows = pane.rows / 2 > PREVIEW_ROWS ? pane.rows / 2 : pane.rows - PREVIEW_ROWS;

		rows = rows > 2 ? rows : 2;
		list = pane_part(pane, 0, 0, rows, pane.columns);
		preview = pane_part(pane, rows + 1, 0, pane.rows - rows - 1, pane.columns);
		pane_line_below(pane_part(pane, rows, 0, 1, pane.columns), ELEMENT_BORDER);
	}
	draw_list(sources, list, is_focused);
	if (preview.rows > 0 && preview.columns > 2) {
		sources_preview_draw(sources, preview);
	}
}

/* ---- the title ---- */

void sources_title(struct view *view, struct buf *left, struct buf *right)
{
	const struct sources_view *sources = (const struct sources_view *)view;
	const struct desk_state *state = view->app->state;
	int64_t kv_bytes = 0, tagged_tok = 0;
	size_t n_tagged = 0;
	char number[NUMBER_SIZE];

	buf_addstr(left, "sources");
	if (state->session_name && state->session_name[0]) {
		buf_printf(left, " of %s", state->session_name);
	}
	for (size_t i = 0; i < state->n_source && i < sources->tree.n_branch; i++) {
		kv_bytes += state->source[i].kv_bytes;
		if (sources->tree.branch[i].is_tagged) {
			n_tagged++;
			tagged_tok += state->source[i].tokens > 0 ? state->source[i].tokens : 0;
		}
	}
	if (n_tagged) {
		buf_printf(right, "%zu tagged: %s tokens  ", n_tagged,
			number_grouped(number, tagged_tok));
	}
	buf_printf(right, "%zu source%s", state->n_source, state->n_source == 1 ? "" : "s");
	if (state->sources_tok >= 0) {
		buf_printf(right, "  %s tokens", number_grouped(number, state->sources_tok));
	}
	if (kv_bytes) {
		buf_printf(right, "  KV %s", number_bytes(number, kv_bytes));
	}
}
