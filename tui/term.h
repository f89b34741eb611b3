/*
 * The terminal: taken over and given back on every way out (return, exit(), fatal signals, SIGTSTP).
 * The one user of curses beside tui/pane.c.
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include "base/err.h"
#include "tui/theme.h"

struct term_size {
	int rows, columns;
};
/* Alternate screen, raw keys, bracketed paste; from here until term_close() stderr goes to the log. */
int term_open(struct err *err);
void term_close(void); /* may be called twice */
/* Give the terminal back for a while (a program, SIGTSTP), and take it again. */
void term_leave(void);
void term_return(void);
/* What the window has now; also tells curses. */
struct term_size term_resize(void);
void term_set_theme(const struct theme *theme);
/* An empty frame to draw, with panes; then show it: only what changed is written. */
void term_begin(void);
void term_show(void);
void term_redraw(void); /* and all of it at the next term_show() */
int term_has_utf8(void);
/* Where what goes to stderr can be read meanwhile (it never blocks); -1: it is no terminal, and stays. */
int term_stderr_fd(void);
/* A sequence past curses, made by us (OSC 52): never from content. */
void term_write(const char *bytes, size_t len);

#endif
