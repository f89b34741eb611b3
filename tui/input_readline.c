/*
 * Readline without a terminal: it is fed with the bytes of whole keys (so that it never waits for
 * one), draws nothing (we look at its line when a frame is drawn), and is never told of a terminal's
 * capabilities, which curses owns.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/recall.h"
#include "base/utf8.h"
#include "tui/input_internal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_LINES = 1000, PROMPT_LINES = 100, KEY_ESCAPE = 27, MACRO_DEPTH = 8 };

static struct input *the_input;
static HISTORY_STATE *other_history; /* that of prompts; while one is shown, that of lines */

/* ---- bytes ---- */

static const char *fed;
static size_t n_fed, next_fed;

static int read_byte(FILE *stream)
{
	return next_fed < n_fed ? (unsigned char)fed[next_fed++] : EOF;
}

static int is_byte_there(void)
{
	return next_fed < n_fed;
}

static void on_line(char *line)
{
	if (!line) {
		the_input->is_eof = 1;
		return;
	}
	free(the_input->accepted);
	the_input->accepted = line;
}

/* ---- set up ---- */

static void leave_terminal_alone(void)
{
}

static void prepare_nothing(int meta)
{
}

/* What an inputrc may not change: the text is UTF-8, and nobody but us writes to the terminal. */
static void bind_variables(void)
{
	rl_variable_bind("bell-style", "none");
	rl_variable_bind("convert-meta", "off");
	rl_variable_bind("input-meta", "on");
	rl_variable_bind("output-meta", "on");
	rl_variable_bind("enable-bracketed-paste", "off"); /* tui/keyboard.c knows pastes */
	rl_variable_bind("blink-matching-paren", "off");   /* it would wait */
	rl_variable_bind("isearch-terminators", "\\e\\C-j");
}

/*
 * Readline takes the locale from the environment whenever a line begins; ours is UTF-8 whatever
 * stands there.
 */
static char *kept_locale;

static void keep_locale(void)
{
	const char *now = setlocale(LC_CTYPE, NULL);

	if (!kept_locale || !now || strcmp(now, kept_locale) != 0) {
		setlocale(LC_CTYPE, kept_locale);
	}
}

static void set_up(struct input *input)
{
	FILE *nothing = fopen("/dev/null", "r+e");

	kept_locale = mem_strdup(setlocale(LC_CTYPE, NULL));
	rl_readline_name = "carrel";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_instream = rl_outstream = nothing;
	rl_prep_term_function = prepare_nothing;
	rl_deprep_term_function = leave_terminal_alone;
	rl_getc_function = read_byte;
	rl_input_available_hook = is_byte_there;
	rl_redisplay_function = leave_terminal_alone; /* before it looks for a terminal's */
	input_functions_bind(input);
	rl_initialize();
	bind_variables();
	using_history();
	stifle_history(HISTORY_LINES);
}

static void recall(void *arg, const char *text, size_t len)
{
	add_history(text);
}

void input_readline_open(struct input *input)
{
	static int is_set_up;
	struct err err;

	the_input = input;
	if (!is_set_up) {
		set_up(input);
		is_set_up = 1;
	} else {
		input_functions_bind(input);
	}
	rl_clear_history();
	if (input->history && recall_read(input->history, recall, NULL, &err) < 0) {
		log_err(&err);
		free(input->history);
		input->history = NULL;
	}
	other_history = mem_zero(1, sizeof(*other_history));
	other_history->flags = HS_STIFLED;
	rl_callback_handler_install("", on_line);
	keep_locale();
}

void input_readline_close(struct input *input)
{
	struct err err;

	rl_callback_sigcleanup();
	input_set_line("", 0);
	rl_callback_handler_remove();
	rl_clear_history();
	input_swap_history();
	rl_clear_history();
	free(other_history->entries);
	free(other_history);
	other_history = NULL;
	keep_locale();
	if (input->history && recall_cut(input->history, HISTORY_LINES, &err) < 0) {
		log_err(&err);
	}
	the_input = NULL;
}

/* ---- keys ---- */

static int do_nothing(int count, int key)
{
	return 0;
}

/*
 * Readline 8.2 hands an accepted line over with the next key only where Enter followed a numeric
 * argument or ended a motion: here is that key, which does nothing.
 */
static void hand_over_line(void)
{
	static Keymap quiet;
	Keymap now = rl_get_keymap();

	if (!quiet) {
		quiet = rl_make_bare_keymap();
		rl_bind_key_in_map(' ', do_nothing, quiet);
	}
	rl_set_keymap(quiet);
	rl_execute_next(' ');
	rl_callback_read_char();
	if (rl_get_keymap() == quiet) {
		rl_set_keymap(now);
	}
}

void input_feed(struct input *input, const char *bytes, size_t len)
{
	fed = bytes;
	n_fed = len;
	next_fed = 0;
	while (next_fed < n_fed && !input->is_eof) {
		rl_callback_read_char();
		if (RL_ISSTATE(RL_STATE_DONE)) {
			hand_over_line();
		}
	}
	fed = NULL;
	n_fed = next_fed = 0;
	keep_locale();
	if (rl_last_func == rl_re_read_init_file) {
		bind_variables();
	}
}

/* A key as xterm sends it, which is what an inputrc is written for; with `plain` unmodified. */
static void key_bytes(struct buf *out, const struct key *key, int plain)
{
	static const char letter[KEY_UNKNOWN + 1] = {[KEY_CURSOR_UP] = 'A',
		[KEY_CURSOR_DOWN] = 'B',
		[KEY_CURSOR_RIGHT] = 'C',
		[KEY_CURSOR_LEFT] = 'D',
		[KEY_LINE_HOME] = 'H',
		[KEY_LINE_END] = 'F',
		[KEY_BACK_TAB] = 'Z'};
	static const char number[KEY_UNKNOWN + 1] = {[KEY_INSERT_CHAR] = 2,
		[KEY_DELETE_CHAR] = 3,
		[KEY_PAGE_UP] = 5,
		[KEY_PAGE_DOWN] = 6};
	int modifiers =
		plain || key->special == KEY_BACK_TAB
			? 1
			: 1 + (key->shift != 0) + 2 * (key->alt != 0) + 4 * (key->ctrl != 0);

	if (key->special == KEY_NONE) {
		char character[4];

		if (key->alt && !plain) {
			buf_addch(out, KEY_ESCAPE);
		}
		buf_add(out, character, utf8_encode(key->cp, character));
	} else if (letter[key->special] && modifiers > 1) {
		buf_printf(out, "\033[1;%d%c", modifiers, letter[key->special]);
	} else if (letter[key->special]) {
		buf_printf(out, "\033[%c", letter[key->special]);
	} else if (number[key->special] && modifiers > 1) {
		buf_printf(out, "\033[%d;%d~", number[key->special], modifiers);
	} else if (number[key->special]) {
		buf_printf(out, "\033[%d~", number[key->special]);
	}
}

static int type_of(const struct buf *keys)
{
	int type = ISFUNC;

	return keys->len && rl_function_of_keyseq_len(keys->data, keys->len, NULL, &type) ? type
											  : -1;
}

static int is_bound(const struct buf *keys)
{
	int type = type_of(keys);

	return type == ISFUNC || type == ISMACR;
}

static void feed_whole(struct input *input, const struct buf *key);

/*
 * A macro of an inputrc, character by character as if it were typed. Readline 8.2 runs the keys of its
 * own macros in one turn of a loop, and where one of them is bound to nothing it jumps out of it into
 * a function that has returned.
 */
static void feed_macro(struct input *input, const struct buf *keys)
{
	union {
		rl_command_func_t *function;
		const char *text; /* of a macro: rl_function_of_keyseq() */
	} bound = {rl_function_of_keyseq_len(keys->data, keys->len, NULL, NULL)};
	char *text = mem_strdup(bound.text); /* it may bind its own key anew */
	size_t len = strlen(text), at = 0;

	if (input->macro_depth < MACRO_DEPTH) {
		input->macro_depth++;
		while (at < len && !input->accepted && !input->is_eof) {
			uint32_t cp;
			size_t n = utf8_decode(text + at, len - at, &cp);
			struct buf key = BUF_INIT;

			buf_add(&key, text + at, n ? n : 1);
			feed_whole(input, &key);
			buf_finish(&key);
			at += n ? n : 1;
		}
		input->macro_depth--;
	}
	free(text);
}

/*
 * The next key of a sequence (^X ^E). One that makes it a sequence of nothing ends it, whole: readline
 * would take its first byte away and type the others.
 */
static void feed_next(struct input *input, const struct buf *key)
{
	struct buf keys = BUF_INIT;
	int type;

	buf_add(&keys, input->sequence.data, input->sequence.len);
	buf_add(&keys, key->data, key->len);
	type = type_of(&keys);
	if (type == ISKMAP || type == ISFUNC) {
		input_feed(input, key->data, key->len);
		buf_add(&input->sequence, key->data, key->len);
	} else {
		input_leave(input);
	}
	if (!RL_ISSTATE(RL_STATE_MULTIKEY)) {
		buf_clear(&input->sequence);
	}
	if (type == ISMACR) {
		feed_macro(input, &keys);
	}
	buf_finish(&keys);
}

static void feed_whole(struct input *input, const struct buf *key)
{
	static const char end_search = KEY_ESCAPE;

	/* A key of several bytes, or the first of several keys, ends a search; readline 8.2 goes on
	   with them in the same loop (see above). */
	if (RL_ISSTATE(RL_STATE_ISEARCH) && (unsigned char)key->data[0] < 0x80 &&
		(key->len > 1 || type_of(key) == ISKMAP)) {
		input_feed(input, &end_search, 1);
		if (key->len == 1 && key->data[0] == end_search) {
			return;
		}
	}
	if (RL_ISSTATE(RL_STATE_MULTIKEY)) {
		feed_next(input, key);
	} else if (type_of(key) == ISMACR && !input->is_quoting && !input_is_amid()) {
		feed_macro(input, key);
	} else {
		input_feed(input, key->data, key->len);
		buf_clear(&input->sequence);
		if (RL_ISSTATE(RL_STATE_MULTIKEY)) {
			buf_add(&input->sequence, key->data, key->len);
		}
	}
}

static void feed_character(struct input *input, const struct key *key)
{
	struct buf bytes = BUF_INIT;
	int is_quote;

	key_bytes(&bytes, key, 0);
	is_quote = !input->is_quoting && !input_is_amid() && bytes.len == 1 &&
		   rl_function_of_keyseq_len(bytes.data, 1, NULL, NULL) == rl_quoted_insert;
	if (key->cp) { /* a line of readline's has no NUL */
		feed_whole(input, &bytes);
		input->is_quoting = is_quote && rl_last_func == rl_quoted_insert;
	}
	buf_finish(&bytes);
}

void input_feed_key(struct input *input, const struct key *key)
{
	struct buf bytes = BUF_INIT;

	if (key->special == KEY_NONE) {
		feed_character(input, key);
		return;
	}
	/* As it came, where an inputrc says what that is; else as xterm would have sent it. */
	buf_add(&bytes, key->bytes, key->len);
	for (int plain = 0; plain < 2 && !is_bound(&bytes); plain++) {
		buf_clear(&bytes);
		key_bytes(&bytes, key, plain);
	}
	if (is_bound(&bytes) || (bytes.len && RL_ISSTATE(RL_STATE_MULTIKEY))) {
		feed_whole(input, &bytes);
	}
	buf_finish(&bytes);
}

/* ---- the line ---- */

const char *input_line(size_t *len, size_t *point)
{
	*len = (size_t)rl_end;
	if (point) {
		*point = (size_t)rl_point;
	}
	return rl_line_buffer;
}

void input_begin_change(void)
{
	rl_begin_undo_group();
}

void input_end_change(void)
{
	rl_end_undo_group();
}

void input_replace(size_t at, size_t len, const char *text, size_t text_len)
{
	char *copy = mem_strndup(text, text_len);

	if (len) {
		rl_delete_text((int)at, (int)(at + len));
	}
	rl_point = (int)at;
	rl_insert_text(copy);
	free(copy);
}

void input_set_point(size_t point)
{
	rl_point = (int)point;
}

void input_set_line(const char *text, size_t point)
{
	rl_end_of_history(1, 0); /* what was changed of a recalled line stays with that */
	rl_replace_line(text, 1);
	rl_point = rl_end;
	if (point < (size_t)rl_end) {
		rl_point = (int)point;
	}
	rl_mark = 0;
}

static int is_newest(const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	return last && strcmp(last->line, line) == 0;
}

void input_kill_line(void)
{
	char *text = mem_strndup(rl_line_buffer, (size_t)rl_end);

	rl_kill_text(0, rl_end);
	input_set_line("", 0);
	if (!is_newest(text)) {
		add_history(text);
	}
	using_history();
	free(text);
}

void input_remember(struct input *input, const char *line)
{
	struct err err;

	if (!line[0] || is_newest(line)) {
		return;
	}
	add_history(line);
	using_history();
	if (!input->is_asking && input->history &&
		recall_add(input->history, line, strlen(line), &err) < 0) {
		log_err(&err);
	}
}

void input_swap_history(void)
{
	HISTORY_STATE *now = history_get_history_state();

	now->flags |= HS_STIFLED;
	history_set_history_state(other_history);
	free(other_history);
	other_history = now;
	using_history();
}

/* ---- what it is in the middle of ---- */

int input_is_searching(void)
{
	return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH) != 0;
}

int input_is_amid(void)
{
	return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_NUMERICARG |
			  RL_STATE_VIMOTION | RL_STATE_MULTIKEY | RL_STATE_CHARSEARCH |
			  RL_STATE_METANEXT) != 0;
}

/* rl_callback_sigcleanup() forgets memory of the functions that wait for a character: give them one. */
static void end_waiting(struct input *input)
{
	static const char abort_key = 7, nowhere = 1; /* ^G, ^A */

	if (RL_ISSTATE(RL_STATE_ISEARCH)) {
		input_feed(input, &abort_key, 1); /* the line of before comes back */
	} else if (RL_ISSTATE(RL_STATE_CHARSEARCH)) {
		input_feed(input, &nowhere, 1);
	} else if (input->is_quoting) {
		int end = rl_end;

		rl_begin_undo_group();
		input_feed(input, &nowhere, 1);
		rl_end_undo_group();
		if (rl_end != end) {
			rl_do_undo();
		}
	}
}

void input_leave(struct input *input)
{
	end_waiting(input);
	rl_callback_sigcleanup();
	rl_clear_message();
	buf_clear(&input->sequence);
	input->is_quoting = 0;
}

int input_is_inserting_vi(void)
{
	return rl_editing_mode == 0 && rl_get_keymap() == vi_insertion_keymap;
}

void input_insert_vi(void)
{
	if (rl_editing_mode == 0) {
		rl_vi_insertion_mode(1, 0);
	}
}

const char *input_message(void)
{
	return rl_display_prompt && rl_display_prompt != rl_prompt && rl_display_prompt[0]
		       ? rl_display_prompt
		       : NULL;
}
