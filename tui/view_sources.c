/* The sources view's ops table: what its keys do. */
#include "tui/view_sources.h"

#include "base/mem.h"
#include "tui/view_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

size_t sources_n_skipped_row(const struct sources_view *sources)
{
	long count = sources_skipped_count(sources);

	if (sources->tree.n_branch == 0) {
		return 0;
	}
	return 1 + (sources->is_skipped_open && count > 0 ? (size_t)count : 0);
}

int sources_row(const struct sources_view *sources, struct source_row *row)
{
	if (sources->list.cursor >= sources->tree.n_row) {
		return 0;
	}
	*row = sources->tree.row[sources->list.cursor];
	return 1;
}

static void resize(struct sources_view *sources)
{
	list_resize(&sources->list, sources->tree.n_row + sources_n_skipped_row(sources));
}

static void move_to(struct sources_view *sources, struct source_row row)
{
	resize(sources);
	sources->list.cursor = source_tree_index(&sources->tree, row);
}

static const struct desk_source *source_at(
	const struct sources_view *sources, struct source_row row)
{
	return &sources->view.app->state->source[row.source];
}

/* ---- folding ---- */

/* Below the tree: the head of what was left out, which is asked for when it is unfolded. */
static void fold_skipped(struct sources_view *sources, int is_open)
{
	if (is_open && !sources->skipped) {
		sources_skipped_ask(sources);
	}
	sources->is_skipped_open = is_open;
	if (!is_open) {
		sources->list.cursor = sources->tree.n_row;
	}
	resize(sources);
}

static void unfold(struct sources_view *sources)
{
	struct source_row row;

	if (!sources_row(sources, &row)) {
		fold_skipped(sources, 1);
	} else if (source_tree_open(&sources->tree, sources->view.app->state, row, 1)) {
		resize(sources);
	} else if (source_tree_is_open(&sources->tree, row)) {
		list_act(&sources->list, ACTION_DOWN);
	}
}

static void fold(struct sources_view *sources)
{
	struct source_row row;

	if (!sources_row(sources, &row)) {
		fold_skipped(sources, 0);
		return;
	}
	if (!source_tree_open(&sources->tree, sources->view.app->state, row, 0)) {
		row = source_tree_parent(&sources->tree, row);
	}
	move_to(sources, row);
}

/* ---- orders ---- */

static void tag(struct sources_view *sources)
{
	struct source_row row;

	if (sources_row(sources, &row)) {
		sources->tree.branch[row.source].is_tagged ^= 1;
		/* To the next source, so that several are tagged in a row. */
		move_to(sources,
			(struct source_row){row.source + 1 < sources->tree.n_branch ? row.source + 1
										    : row.source,
				SIZE_MAX});
	}
}

static void drop(struct sources_view *sources)
{
	const struct source_tree *tree = &sources->tree;
	int64_t *number = mem_alloc((tree->n_branch + 1) * sizeof(*number));
	struct source_row row;
	size_t n = 0;

	for (size_t i = 0; i < tree->n_branch; i++) {
		if (tree->branch[i].is_tagged) {
			number[n++] = tree->branch[i].number;
		}
	}
	if (n == 0 && sources_row(sources, &row)) {
		number[n++] = tree->branch[row.source].number;
	}
	if (n) {
		app_await_change(
			sources->view.app, desk_plan_drop(sources->view.app->desk, number, n));
	}
	free(number);
}

struct text_place sources_place(const struct sources_view *sources, struct source_row row,
	const struct document *document, int *version)
{
	const struct source_node *node = source_tree_node(&sources->tree, row);
	struct text_place place = {0, 0};
	struct document_lines lines;
	size_t work = SIZE_MAX;

	*version = READER_NEWEST;
	if (!node) {
		return place;
	}
	switch (node->kind) {
	case SOURCE_NODE_VERSION:
		*version = node->version;
		break;
	case SOURCE_NODE_PART:
		place.part = node->part;
		break;
	case SOURCE_NODE_FOLDER: /* its first file */
		for (; node->kind == SOURCE_NODE_FOLDER; node++) {
		}
		place.part = node->part;
		break;
	case SOURCE_NODE_HEADING:
		document_lines_init(&lines, document);
		place.part = document->heading[node->part].part;
		document_lines_find(
			&lines, place.part, document->heading[node->part].line, &place.at, &work);
		document_lines_finish(&lines);
		break;
	}
	return place;
}

static void open_row(struct sources_view *sources)
{
	struct app *app = sources->view.app;
	const struct desk_source *source;
	struct document document;
	struct text_place place;
	struct source_row row;
	int version;

	if (!sources_row(sources, &row)) {
		fold_skipped(sources, !sources->is_skipped_open);
		return;
	}
	source = source_at(sources, row);
	if (source->n_text == 0) {
		app_say(app, "The text of %s is not there yet.", source->id);
		return;
	}
	document = reader_newest(source);
	place = sources_place(sources, row, &document, &version);
	free(document.part);
	reader_open(app, source->number, version, place);
}

/* ---- searching ---- */

static int search_on(struct sources_view *sources, int is_inclusive, int is_back)
{
	const struct app *app = sources->view.app;
	struct source_row from = {0, SIZE_MAX}, found;

	sources_row(sources, &from);
	if (app->search.len == 0 ||
		!source_tree_find(&sources->tree, app->state, from, is_inclusive, app->search.data,
			app->search.len, is_back, &found)) {
		return 0;
	}
	move_to(sources, found);
	return 1;
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct sources_view *sources = (struct sources_view *)view;
	struct source_row found;

	if (sources->tree.n_branch == 0) {
		return 0;
	}
	if (!sources->is_incremental) {
		sources->search_from = (struct source_row){0, SIZE_MAX};
		sources_row(sources, &sources->search_from);
	}
	sources->is_incremental = !is_final;
	if (len == 0) {
		move_to(sources, sources->search_from);
		return 1;
	}
	if (!source_tree_find(&sources->tree, view->app->state, sources->search_from, !is_back,
		    words, len, is_back, &found)) {
		move_to(sources, sources->search_from);
		return 0;
	}
	move_to(sources, found);
	return 1;
}

/* ---- keys ---- */

static int act_on_sources(struct sources_view *sources, enum action action)
{
	struct desk *desk = sources->view.app->desk;

	switch (action) {
	case ACTION_TAG:
		tag(sources);
		return 1;
	case ACTION_DROP:
		drop(sources);
		return 1;
	case ACTION_REFRESH:
		app_await_change(sources->view.app, desk_plan_refresh(desk));
		return 1;
	case ACTION_REPACK:
		app_await_change(sources->view.app, desk_plan_repack(desk));
		return 1;
	case ACTION_PREVIEW:
		sources->has_preview = !sources->has_preview;
		return 1;
	default:
		return 0;
	}
}

static int act(struct view *view, enum action action)
{
	struct sources_view *sources = (struct sources_view *)view;

	if (sources->tree.n_branch == 0) { /* they may be under way: the desk knows when */
		return (action == ACTION_REFRESH || action == ACTION_REPACK) &&
		       act_on_sources(sources, action);
	}
	switch (action) {
	case ACTION_OPEN:
		open_row(sources);
		break;
	case ACTION_RIGHT:
		unfold(sources);
		break;
	case ACTION_LEFT:
		fold(sources);
		break;
	case ACTION_SEARCH_NEXT:
	case ACTION_SEARCH_PREVIOUS:
		if (!search_on(sources, 0,
			    (action == ACTION_SEARCH_PREVIOUS) != view->app->search_is_back)) {
			app_say(view->app, view->app->search.len ? "\"%s\" is not found" : "%s",
				view->app->search.len ? buf_str(&view->app->search)
						      : "Nothing was searched for yet.");
		}
		break;
	default:
		if (!act_on_sources(sources, action) && !list_act(&sources->list, action)) {
			return 0;
		}
	}
	app_touch(view->app);
	return 1;
}

/* A path as it can be opened; of what has none its name. */
static int copy(struct view *view, struct buf *out)
{
	struct sources_view *sources = (struct sources_view *)view;
	const struct source_node *node;
	const struct desk_source *source;
	struct source_row row;

	if (!sources_row(sources, &row)) {
		if (sources->list.cursor > sources->tree.n_row) {
			sources_skipped_text(
				sources, sources->list.cursor - sources->tree.n_row - 1, out);
		}
		return out->len > 0;
	}
	node = source_tree_node(&sources->tree, row);
	source = source_at(sources, row);
	if (!node) {
		buf_addstr(out, source->path);
	} else if (node->path) {
		size_t len = strlen(source->path);

		if (strcmp(node->path, source->name) == 0) { /* a file that was given by itself */
			buf_addstr(out, source->path);
		} else {
			buf_printf(out, "%s%s%s", source->path,
				len && source->path[len - 1] == '/' ? "" : "/", node->path);
		}
	} else {
		buf_addstr(out, node->label);
	}
	return 1;
}

/* ---- its life ---- */

static void update(struct view *view)
{
	struct sources_view *sources = (struct sources_view *)view;
	const struct desk_state *state = view->app->state;
	struct source_row at = {0, SIZE_MAX};
	int64_t number = 0;
	int is_another = !sources->session || strcmp(sources->session, state->session_id) != 0;

	if (sources_row(sources, &at)) {
		number = sources->tree.branch[at.source].number;
	}
	sources_preview_forget(sources);
	if (is_another || sources->tree.n_branch != state->n_source) {
		sources_skipped_forget(sources); /* a load may have left out more */
	}
	if (is_another) {
		source_tree_finish(&sources->tree);
		free(sources->session);
		sources->session = mem_strdup(state->session_id);
	}
	source_tree_update(&sources->tree, state);
	resize(sources);
	for (size_t i = 0; i < sources->tree.n_branch && number; i++) {
		if (sources->tree.branch[i].number == number) {
			at.source = i;
			if (at.node != SIZE_MAX && at.node >= sources->tree.branch[i].n_node) {
				at.node = SIZE_MAX;
			}
			move_to(sources, at);
		}
	}
	/* Words that are being typed go on from here: where they began may be gone. */
	sources->search_from = (struct source_row){0, SIZE_MAX};
	sources_row(sources, &sources->search_from);
}

static void event(struct view *view, const struct desk_event *event)
{
	struct sources_view *sources = (struct sources_view *)view;

	if (event->type == DESK_ENDED && event->order == sources->skipped_order) {
		sources->skipped_order = 0;
		resize(sources);
		app_touch(view->app);
	}
}

static struct view *create(struct app *app, const char *argument)
{
	struct sources_view *sources = mem_zero(1, sizeof(*sources));

	sources->view = (struct view){.ops = &view_sources, .app = app};
	update(&sources->view);
	return &sources->view;
}

static void destroy(struct view *view)
{
	struct sources_view *sources = (struct sources_view *)view;

	sources_preview_forget(sources);
	sources_skipped_forget(sources);
	source_tree_finish(&sources->tree);
	free(sources->session);
	free(sources);
}

const struct view_ops view_sources = {
	.name = "sources",
	.bit = VIEW_SOURCES,
	.create = create,
	.destroy = destroy,
	.update = update,
	.event = event,
	.draw = sources_draw,
	.act = act,
	.search = search,
	.title = sources_title,
	.copy = copy,
};
