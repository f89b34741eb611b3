/*
 * A program on a terminal that we can look at: a pseudo-terminal, the program behind a keeper that
 * does for it what a shell does (its own process group in the foreground, stopped and continued), and
 * libvterm as the terminal that shows what it writes. Every byte of that is kept.
 */
#ifndef TESTS_SCREENS_TERMINAL_H
#define TESTS_SCREENS_TERMINAL_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/types.h>
#include <vterm.h>

enum terminal_state { TERMINAL_RUNNING, TERMINAL_STOPPED, TERMINAL_ENDED };

struct terminal;
/* Runs argv[0] with the environment `env` in `folder`; NULL with a sentence in *why. */
struct terminal *terminal_run(char *const *argv, char *const *env, const char *folder, int rows,
	int columns, struct buf *why);
/* Kills what still runs. NULL-safe. */
void terminal_destroy(struct terminal *terminal);

/* Take what comes for so long, or until something came; returns whether something did. */
int terminal_pump(struct terminal *terminal, int ms);
/* Milliseconds since something was written. */
long terminal_quiet_ms(const struct terminal *terminal);
/* Type these bytes, taking what comes meanwhile; -1 where nobody reads them within the limit. */
int terminal_send(struct terminal *terminal, const char *bytes, size_t len, int limit_ms);
void terminal_resize(struct terminal *terminal, int rows, int columns);
/* The other end goes away, as when a window is closed. */
void terminal_hang_up(struct terminal *terminal);
/* What fg does. */
void terminal_continue(struct terminal *terminal);

enum terminal_state terminal_state(const struct terminal *terminal);
int terminal_status(const struct terminal *terminal); /* as waitpid() says */
pid_t terminal_pid(const struct terminal *terminal);
/* A descendant of the program that is called `name`; 0 where there is none. */
pid_t terminal_find_child(const struct terminal *terminal, const char *name);

void terminal_size(const struct terminal *terminal, int *rows, int *columns);
/* A row's text, blanks at its end left out; the column of each byte where `column` is not NULL. */
void terminal_row(const struct terminal *terminal, int row, struct buf *text, int **column);
int terminal_cell(const struct terminal *terminal, int row, int column, VTermScreenCell *cell);
/* Returns whether it is shown. */
int terminal_cursor(const struct terminal *terminal, int *row, int *column);
/* All that was written since terminal_run(). */
const struct buf *terminal_bytes(const struct terminal *terminal);
/* The terminal as it was before; else what is not, in *why. */
int terminal_is_restored(const struct terminal *terminal, struct buf *why);

#endif
