/* The views that there are, and the end of those that stand: for tui/app.c. */
#ifndef TUI_VIEW_TABLE_H
#define TUI_VIEW_TABLE_H

#include "tui/view.h"

/* The one of that bit. */
const struct view_ops *view_ops_of(enum view_bit bit);
/* Destroy those that were closed; between two turns of the loop. */
void view_bury(struct app *app);
void view_close_all(struct app *app);

#endif
