/*
 * The turns of a session as rows of a tree: one turn a row, parents before children. A chain of
 * turns stays in its column; of turns that are beside each other the one on the way to the head (else
 * the newest) goes on in the column of their parent, behind the others, each of which begins a column
 * of its own:
 *
 *     *   #1 Where is the ring built?
 *     |-o #2 And the channels?
 *     | o #3 How many?
 *     *   #4 And the trees?
 */
#ifndef TUI_TURN_TREE_H
#define TUI_TURN_TREE_H

#include "base/buf.h"
#include "session/desk.h"

#include <stddef.h>
#include <stdint.h>

enum { TURN_TREE_DEPTH = 16 }; /* columns that are drawn; what is deeper stands in the last */

struct turn_row {
	const struct desk_turn *turn; /* the state's */
	int depth;                    /* column, from 0 */
	int begins;                   /* the first row of its column */
	int is_current;               /* on the way to the head */
	int is_head;
};
struct turn_tree { /* zero-initialise */
	struct turn_row *row;
	size_t n_row;
};
/* Of the turns that the state has; it must last as long as the rows are looked at. */
void turn_tree_make(struct turn_tree *tree, const struct desk_state *state);
void turn_tree_finish(struct turn_tree *tree);
/* The row of a turn; n_row where there is none. */
size_t turn_tree_find(const struct turn_tree *tree, int64_t id);
/* What stands in front of the turn: "| |-o ". */
void turn_tree_lanes(struct buf *out, const struct turn_row *row, int has_utf8);

#endif
