/* What tui/term.c and tui/pane.c know of each other: the screen behind the panes. */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include "tui/pane.h"
#include "tui/term.h"
#include "tui/theme.h"

/* Elements look like this now, on a terminal of so many colours. */
void screen_set_theme(const struct theme *theme, int n_color);
/* An empty screen without a cursor: a frame begins. */
void screen_begin(void);
void screen_hide_cursor(void);
/* Where pane_cursor() put the cursor in this frame; 0: nowhere. */
int screen_cursor(int *row, int *column);

#endif
