/* The sources view: what its files share. */
#ifndef TUI_VIEW_SOURCES_H
#define TUI_VIEW_SOURCES_H

#include "tui/document_rows.h"
#include "tui/list.h"
#include "tui/source_tree.h"
#include "tui/view.h"

#include <stddef.h>
#include <stdint.h>

struct skipped_list; /* what loads left out, as the desk copied it */

struct sources_view {
	struct view view;
	char *session; /* whose sources these are */
	struct source_tree tree;
	struct list list; /* the tree's rows, then those of what was left out */
	/* Searching. */
	int is_incremental;
	struct source_row search_from;
	/* The preview: of the text that `shown` says. */
	int has_preview;
	struct source_row shown;
	const struct desk_state *shown_of; /* held */
	struct document document;          /* its parts are the state's */
	struct document_lines lines;
	struct document_rows rows;
	struct document_row top;
	/* What loads left out: asked for when it is unfolded. */
	struct skipped_list *skipped; /* NULL: not asked for */
	int64_t skipped_order;        /* 0: it has answered */
	int is_skipped_open;
};

/* Rows behind the tree's: the head of what was left out, then each file. */
size_t sources_n_skipped_row(const struct sources_view *sources);
/* The row of the tree under the cursor; 0 where it is none. */
int sources_row(const struct sources_view *sources, struct source_row *row);

/* tui/view_sources_draw.c */
void sources_draw(struct view *view, struct pane pane, int is_focused);
void sources_title(struct view *view, struct buf *left, struct buf *right);

/* tui/view_sources_preview.c */
void sources_preview_draw(struct sources_view *sources, struct pane pane);
void sources_preview_forget(struct sources_view *sources);
/* The place of the newest text that a row is about; *version of those that are another text. */
struct text_place sources_place(const struct sources_view *sources, struct source_row row,
	const struct document *document, int *version);

/* tui/view_sources_skipped.c */
void sources_skipped_ask(struct sources_view *sources);
void sources_skipped_forget(struct sources_view *sources);
/* How many; -1: not known yet. */
long sources_skipped_count(const struct sources_view *sources);
/* "src/a.o: binary". */
void sources_skipped_text(const struct sources_view *sources, size_t index, struct buf *out);

#endif
