/*
 * The input line: readline (inputrc honoured, emacs and vi, history, Ctrl-R) behind its callback
 * interface, drawn by us. It grows to a third of the screen. A bracketed paste is inserted at once,
 * piece by piece as it comes; where it is very long it becomes a source. Alt-Enter and Ctrl-J make a
 * new line, Enter sends, Tab completes /commands, what stands behind them, and paths; Ctrl-X Ctrl-E
 * opens $EDITOR. The one user of readline in tui/.
 */
#ifndef TUI_INPUT_H
#define TUI_INPUT_H

#include "tui/app.h"
#include "tui/keys.h"
#include "tui/pane.h"

#include <stddef.h>

enum { INPUT_PASTE_SOURCE_BYTES = 64 << 10 }; /* what is pasted beyond it becomes a source */

struct input *input_create(struct app *app, const char *history);
void input_destroy(struct input *input); /* writes the history; NULL-safe */
/* A key that no action took. */
void input_key(struct input *input, const struct key *key);
/* The line is in the middle of something (^X of ^X^E, a search, a menu): it wants the next key. */
int input_is_waiting(const struct input *input);
/*
 * Whether a key is the line's own before the key table is asked: the next one of what it is in the
 * middle of, Esc of a prompt, Esc of vi's insertion mode. While typing, ask this first.
 */
int input_wants(const struct input *input, const struct key *key);
/* Typing begins again (vi mode: inserting). */
void input_resume(struct input *input);
/*
 * Ctrl-C: leave a search, a menu or a prompt, else take the text away (Up and ^Y bring it back). 1
 * where there was something; 0: the line is empty, Ctrl-C means what is under way.
 */
int input_clear(struct input *input);

const char *input_text(const struct input *input, size_t *len);
void input_set(struct input *input, const char *text); /* the cursor goes to its end */
void input_insert(struct input *input, const char *text, size_t len);
int input_is_empty(const struct input *input);

/*
 * Use it for something else: a search, a name, a yes or no. `changed` at every key, `done` at Enter
 * with the text and at Esc or Ctrl-C with NULL; the line that was being typed comes back afterwards.
 */
struct input_prompt {
	const char *label; /* "/", "rename to: " */
	const char *text;  /* to begin with; NULL: nothing */
	void (*changed)(struct app *app, const char *text, size_t len);
	void (*done)(struct app *app, const char *text, size_t len);
};
void input_ask(struct input *input, const struct input_prompt *prompt);
int input_is_asking(const struct input *input);

/* Rows that it wants of a screen of so many, and drawing into as many; its menu is drawn above. */
int input_rows(const struct input *input, int columns, int screen_rows);
void input_draw(struct input *input, struct pane pane);
/* The menu of completions: rows wanted (0: none), drawn above the input. */
int input_menu_rows(const struct input *input, int most);
void input_draw_menu(struct input *input, struct pane pane);

#endif
