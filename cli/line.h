/*
 * One line typed on a terminal: readline behind its callback interface, so that signals are looked
 * at between two keys and never inside of it.
 *
 * The line holds exactly what was typed, pasted, completed or recalled; what a terminal would obey
 * in it is shown escaped (base/escape.h). The terminal is restored on every way out: the end of a
 * line, a signal that ends the program, exhausted memory.
 */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include <stddef.h>

struct line_config {
	/* The n-th word that Tab completes after a / at the beginning; NULL ends them. */
	const char *(*command)(size_t n);
	/* The one of them that a path follows. */
	const char *path_command;
	int plain;      /* nothing but text: no highlighted paste */
	int no_history; /* neither read nor written */
	/* When typing pauses: the line as it stands, where it changed; NULL: nobody wants to know. */
	void (*paused)(void *arg, const char *line);
	void *arg;
};

/* Once, on a terminal, before line_read(). `config` is kept. Recalls the lines of earlier days. */
void line_open(const struct line_config *config);
/* Malloc'ed, without its line feed; NULL at the end of input. Ctrl-C begins a new line. */
char *line_read(const char *prompt);
/* The answer to a question, malloc'ed; NULL at the end of input and at Ctrl-C. */
char *line_ask(const char *question);
/* Whether Ctrl-C threw away what the last line began with. */
int line_was_abandoned(void);
/* What the next line begins with. */
void line_set_draft(const char *text);
/* For line_read() to recall, today and later. */
void line_remember(const char *line);
/* Give the terminal to who reads standard input as it is, and take it back. */
void line_lend_terminal(int lend);
void line_close(void);

#endif
