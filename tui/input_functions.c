/*
 * Functions that libreadline has none of, under names that an inputrc can bind: a line of several
 * lines, the menu of completions, $EDITOR. They are bound before the inputrc is read, so that what
 * stands in it holds.
 */
#include "base/mem.h"
#include "tui/input_internal.h"

#include <stdio.h>
#include <string.h>

#include <readline/readline.h>

static struct input *the_input;

/* ---- several lines ---- */

static int new_line(int count, int key)
{
	while (count-- > 0) {
		rl_insert_text("\n");
	}
	return 0;
}

static int line_up(int count, int key);
static int line_down(int count, int key);

/* In vi's command mode the cursor stands on a character, never behind the last. */
static void mind_vi(void)
{
	if (rl_editing_mode == 0 && rl_get_keymap() == vi_movement_keymap && rl_point == rl_end &&
		rl_point > 0 && rl_line_buffer[rl_point - 1] != '\n') {
		rl_backward_char(1, 0);
	}
}

/* As shown, so that a long line is several. 0: there is no row there. */
static int move_row(int rows)
{
	struct input_layout *layout = &the_input->layout;
	size_t row;
	int column;

	input_lay_out(the_input, layout->columns);
	input_layout_place(layout, (size_t)rl_point, &row, &column);
	if (rows < 0 ? row == 0 : row + 1 >= layout->n_row) {
		return 0;
	}
	if (the_input->goal < 0 || (rl_last_func != line_up && rl_last_func != line_down)) {
		the_input->goal = column;
	}
	rl_point = (int)input_layout_at(layout, rows < 0 ? row - 1 : row + 1, the_input->goal);
	mind_vi();
	return 1;
}

static int line_up(int count, int key)
{
	if (count < 0) {
		return line_down(-count, key);
	}
	while (count > 0 && move_row(-1)) {
		count--;
	}
	if (count == 0) {
		return 0;
	}
	the_input->goal = -1; /* in another text, from where the cursor comes to be */
	return rl_get_previous_history(count, key);
}

static int line_down(int count, int key)
{
	if (count < 0) {
		return line_up(-count, key);
	}
	while (count > 0 && move_row(1)) {
		count--;
	}
	if (count == 0) {
		return 0;
	}
	the_input->goal = -1;
	return rl_get_next_history(count, key);
}

static int line_begin(int count, int key)
{
	int at = rl_point;

	while (at > 0 && rl_line_buffer[at - 1] != '\n') {
		at--;
	}
	rl_point = at == rl_point ? 0 : at; /* again: of all of it */
	return 0;
}

static int line_end(int count, int key)
{
	int at = rl_point;

	while (at < rl_end && rl_line_buffer[at] != '\n') {
		at++;
	}
	rl_point = at == rl_point ? rl_end : at;
	mind_vi();
	return 0;
}

static int kill_to_line_end(int count, int key)
{
	int end = rl_point;

	if (count < 0) {
		return rl_backward_kill_line(1, key);
	}
	while (end < rl_end && rl_line_buffer[end] != '\n') {
		end++;
	}
	if (end == rl_point && end < rl_end) {
		end++; /* the line feed itself */
	}
	rl_kill_text(rl_point, end);
	return 0;
}

/* ---- what is done when readline has returned ---- */

static int complete(int count, int key)
{
	the_input->wants_menu = 1;
	return 0;
}

static int edit(int count, int key)
{
	the_input->wants_editor = 1;
	return 0;
}

/* Keyboard macros: input_readline.c says why macros are not readline's to run. */
static int no_macro(int count, int key)
{
	return 0;
}

/* ---- names and keys ---- */

static const struct {
	const char *name; /* as in an inputrc */
	rl_command_func_t *function;
	const char *typing, *emacs, *vi_command; /* keys, parted by blanks; "" for none */
} functions[] = {
	{"carrel-new-line", new_line, "\\C-j \\e\\C-m \\e\\C-j", "", ""},
	{"carrel-line-up", line_up, "\\e[A \\eOA \\C-p", "", "k \\e[A \\eOA"},
	{"carrel-line-down", line_down, "\\e[B \\eOB \\C-n", "", "j \\e[B \\eOB"},
	{"carrel-line-begin", line_begin, "\\e[H \\eOH \\e[1~", "\\C-a", "\\e[H \\eOH \\e[1~"},
	{"carrel-line-end", line_end, "\\e[F \\eOF \\e[4~", "\\C-e", "\\e[F \\eOF \\e[4~"},
	{"carrel-kill-line", kill_to_line_end, "", "\\C-k", ""},
	{"carrel-complete", complete, "\\C-i", "", ""},
	{"carrel-edit", edit, "\\C-x\\C-e", "", "v"},
	{"start-kbd-macro", no_macro, "", "\\C-x(", ""},
	{"end-kbd-macro", no_macro, "", "\\C-x)", ""},
	{"call-last-kbd-macro", no_macro, "", "\\C-xe", ""},
	{"delete-char", rl_delete, "\\e[3~", "", "\\e[3~"},
	{"forward-word", rl_forward_word, "\\e[1;5C \\e[1;3C", "", ""},
	{"backward-word", rl_backward_word, "\\e[1;5D \\e[1;3D", "", ""},
	{"kill-word", rl_kill_word, "\\e[3;5~", "", ""},
};

static void bind_keys(const char *keys, rl_command_func_t *function, Keymap map)
{
	while (*keys) {
		size_t len = strcspn(keys, " ");
		char sequence[24];

		snprintf(sequence, sizeof(sequence), "%.*s", (int)len, keys);
		rl_bind_keyseq_in_map(sequence, function, map);
		keys += len + strspn(keys + len, " ");
	}
}

void input_functions_bind(struct input *input)
{
	static int is_done;

	the_input = input;
	if (is_done) {
		return;
	}
	is_done = 1;
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		/* The first of a name is the one that an inputrc means. */
		rl_add_defun(functions[i].name, functions[i].function, -1);
		bind_keys(functions[i].typing, functions[i].function, emacs_standard_keymap);
		bind_keys(functions[i].emacs, functions[i].function, emacs_standard_keymap);
		bind_keys(functions[i].typing, functions[i].function, vi_insertion_keymap);
		bind_keys(functions[i].vi_command, functions[i].function, vi_movement_keymap);
	}
}
