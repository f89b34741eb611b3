/* Where everything stands on a screen of some size, 1x1 to 500x200. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include "tui/pane.h"

enum { LAYOUT_SIDE_BY_SIDE = 141 }; /* columns from which two views stand beside each other */

struct layout_wants {
	int rows, columns; /* of the screen */
	int head_rows, input_rows, menu_rows;
	int message_rows; /* of the progress line, where it is more than one */
	int cost_columns; /* 0: nothing is to be said */
	int n_view;       /* 1, or 2 where a view stands on the chat */
};
struct layout { /* a pane without rows or columns is not shown */
	struct pane head;
	struct pane title[2], view[2]; /* [0] the chat, [1] the view on top */
	struct pane border;            /* between them, where both are shown */
	struct pane progress, rule, input, cost, menu, hints;
};
void layout_make(struct layout *layout, const struct layout_wants *wants);

#endif
