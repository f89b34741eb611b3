/* A cursor and a window over n lines: what every view that is a list moves and draws with. */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include "tui/keys.h"

#include <stddef.h>

struct list { /* zero-initialise */
	size_t n, cursor, top;
	int rows; /* of the pane, as it was drawn last */
};
/* There are n lines now; the cursor stays where it can. */
void list_resize(struct list *list, size_t n);
/* Up, down, pages, first, last: 1 where the action was one of these. */
int list_act(struct list *list, enum action action);
/* So many rows are there; `top` follows the cursor. */
void list_layout(struct list *list, int rows);

#endif
