/*
 * What tui/input*.c share. Readline has one line, and so there is one input at a time:
 *
 *     input.c           keys in, lines out; prompts for something else
 *     input_readline.c  readline: set up, fed with bytes, asked for its line
 *     input_functions.c our own functions, by the names that an inputrc binds
 *     input_paste.c     pastes, in pieces
 *     input_menu.c      what Tab could make of the line, chosen from
 *     input_complete.c  and where that comes from
 *     input_editor.c    $EDITOR
 *     input_draw.c      its rows, with input_layout.c
 */
#ifndef TUI_INPUT_INTERNAL_H
#define TUI_INPUT_INTERNAL_H

#include "base/buf.h"
#include "tui/input.h"
#include "tui/input_layout.h"

#include <stddef.h>

struct input_match {
	char *text;  /* stands in the line in place of what was typed */
	char *note;  /* beside it in the menu; NULL */
	size_t from; /* of the text: what the menu shows of it */
	int is_open; /* more follows at once: a folder, a command's argument */
};
struct input_matches {
	struct input_match *match;
	size_t n, cap;
	size_t at; /* in the line: where they begin; they end at the cursor */
};
struct input_menu {
	struct input_matches matches;
	int is_open;
	size_t len;    /* of what stands in the line now, from matches.at on */
	size_t cursor; /* 1 + the match that was chosen; 0: none yet */
	size_t top;
	struct buf typed; /* what stood there before */
};
struct input_paste {
	int is_on, is_long;
	size_t at, len;  /* in the line: what it put there */
	struct buf text; /* where it is long: all of it */
	struct buf rest; /* a character that was cut */
	int was_return;  /* the last byte was a carriage return */
	int is_cut;      /* more than we hold came */
};
struct input {
	struct app *app;
	char *history; /* NULL: none is kept */
	struct input_layout layout;
	size_t top;          /* the first row shown */
	int goal;            /* the column that Up and Down keep to; -1: none yet */
	struct buf sequence; /* keys of one that is not at its end (^X of ^X ^E) */
	int macro_depth;
	int is_quoting; /* ^V: the next key stands for itself */
	struct input_menu menu;
	struct input_paste paste;
	/* What readline's functions ask for; done when it is out of them. */
	char *accepted;
	int is_eof, wants_editor, wants_menu;
	/* A prompt for something else, and the line meanwhile. */
	int is_asking;
	struct input_prompt ask;
	char *label, *told, *kept_text;
	size_t kept_point;
};

/* ---- input_readline.c ---- */

/* Set up (once), and recall the lines of earlier days. */
void input_readline_open(struct input *input);
void input_readline_close(struct input *input);
/* Readline reads these bytes; whole keys only. */
void input_feed(struct input *input, const char *bytes, size_t len);
/* The same for a key; what nothing is bound to is left alone, whole. */
void input_feed_key(struct input *input, const struct key *key);
/* The line: its text, its cursor, and changes that undo knows. */
const char *input_line(size_t *len, size_t *point);
void input_replace(size_t at, size_t len, const char *text, size_t text_len);
void input_begin_change(void);
void input_end_change(void);
void input_set_point(size_t point);
/* Another text, without undo; the history is at its end. */
void input_set_line(const char *text, size_t point);
/* Take it away, to be recalled with Up and ^Y. */
void input_kill_line(void);
/* Whether readline is in the middle of a key sequence, a search, an argument; leave that. */
int input_is_amid(void);
int input_is_searching(void);
void input_leave(struct input *input);
int input_is_inserting_vi(void);
void input_insert_vi(void);
/* What it shows in place of the prompt ("(reverse-i-search)`x': "), or NULL. */
const char *input_message(void);
void input_remember(struct input *input, const char *line);
/* Prompts recall what was typed at prompts. */
void input_swap_history(void);

/* ---- input_functions.c ---- */

/* Name our functions and bind them where an inputrc has not been heard yet. */
void input_functions_bind(struct input *input);

/* ---- input_paste.c ---- */

void input_paste_key(struct input *input, const struct key *key);
void input_paste_end(struct input *input);

/* ---- input_menu.c ---- */

void input_menu_open(struct input *input);
void input_menu_close(struct input *input);
/* Whether the menu has a meaning for the key, and doing that. */
int input_menu_wants(const struct input *input, const struct key *key);
void input_menu_key(struct input *input, const struct key *key);

/* ---- input_complete.c ---- */

/* What the line could go on with at its cursor. */
void input_complete(struct input_matches *matches, struct app *app, const char *line, size_t point);
void input_matches_finish(struct input_matches *matches);

/* ---- input_editor.c ---- */

void input_edit(struct input *input);

/* ---- input_draw.c ---- */

/* Columns of the prompt in front of each row, on a screen of so many. */
int input_prompt_columns(const struct input *input, int columns);
/* The layout as the line is now; of the columns that it was drawn in last. */
void input_lay_out(struct input *input, int columns);

/* ---- input.c ---- */

void input_changed(struct input *input);

#endif
