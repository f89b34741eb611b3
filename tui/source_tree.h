/*
 * Sources as a tree: source, folders and files (of PDFs pages, of transcripts cues, of texts headings),
 * then its older texts. What stands below a source is made when it is first unfolded. Of all nodes
 * those whose parents are unfolded are rows. Nothing here holds a state: labels are copied.
 */
#ifndef TUI_SOURCE_TREE_H
#define TUI_SOURCE_TREE_H

#include "session/desk.h"

#include <stddef.h>
#include <stdint.h>

enum source_node_kind {
	SOURCE_NODE_FOLDER,
	SOURCE_NODE_PART,    /* a file, page or cue */
	SOURCE_NODE_HEADING, /* `part` is its index in the document's headings */
	SOURCE_NODE_VERSION, /* an older text, or an update alone */
};
struct source_node {
	enum source_node_kind kind;
	char *label;           /* of a folder and a file without the folders in front */
	char *path;            /* of a folder and a file with them; else NULL */
	size_t parent;         /* SIZE_MAX: the source itself */
	int depth;             /* from 1 */
	size_t n_below;        /* nodes below it, which follow it */
	size_t part;           /* of the newest text (tui/view_reader.h) */
	int version;           /* of SOURCE_NODE_VERSION */
	int64_t bytes, n_part; /* of all that stands below */
	int is_open;
};
struct source_branch {
	int64_t number;
	const struct desk_text *text; /* its last one, to be compared only: what it was made of */
	size_t n_text;
	int is_open, is_made, is_tagged;
	int64_t bytes; /* of its newest text; -1: not made yet */
	struct source_node *node;
	size_t n_node, cap_node;
};
struct source_row {
	size_t source; /* index of branch[], and of the state's source[] */
	size_t node;   /* SIZE_MAX: the source */
};
struct source_tree { /* zero-initialise */
	struct source_branch *branch;
	size_t n_branch;
	struct source_row *row;
	size_t n_row, cap_row;
};

/* The sources are these now: what was unfolded and tagged stays so, as long as it is there. */
void source_tree_update(struct source_tree *tree, const struct desk_state *state);
void source_tree_finish(struct source_tree *tree);
/* Fold or unfold; returns whether that changed anything. */
int source_tree_open(struct source_tree *tree, const struct desk_state *state,
	struct source_row row, int is_open);
int source_tree_is_open(const struct source_tree *tree, struct source_row row);
/* Whether something stands below; of a source that was not unfolded yet it is not known: it may. */
int source_tree_may_open(const struct source_tree *tree, struct source_row row);
/* The row of the node or source that a row stands below; the row itself for a source. */
struct source_row source_tree_parent(const struct source_tree *tree, struct source_row row);
/* The index of a row; of the first unfolded parent where it is folded away. */
size_t source_tree_index(const struct source_tree *tree, struct source_row row);
/* NULL for a source. */
const struct source_node *source_tree_node(const struct source_tree *tree, struct source_row row);
/*
 * The next node (backward the one before) whose label, or source whose path has the words
 * (tui/search_text.h: smart case), going round. What it stands below is unfolded. 0: there is none.
 */
int source_tree_find(struct source_tree *tree, const struct desk_state *state,
	struct source_row from, int is_inclusive, const char *words, size_t len, int is_back,
	struct source_row *found);

#endif
