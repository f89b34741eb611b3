/*
 * The input line, driven with the bytes that a terminal sends and without a terminal: what the app
 * does around it and the panes that it draws into are this file's.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tui/cells.h"
#include "tui/input.h"
#include "tui/input_layout.h"
#include "tui/keyboard.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 24, COLUMNS = 80, GRID_ROWS = 64, GRID_COLUMNS = 200 };

/* ---- the app around it ---- */

static struct app app;
static struct tui_config config;
static struct desk_state state;
static struct input *input;
static struct keyboard *keyboard;
static char folder[64], history[96];
static struct buf sent, said, source;
static char source_name[32];
static int (*program)(const char *path);

void app_touch(struct app *to)
{
	to->is_dirty = 1;
}

void app_say(struct app *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_clear(&said);
	buf_vprintf(&said, format, args);
	va_end(args);
}

void app_complain(struct app *to, const struct err *err)
{
	app_say(to, "%s", err->what);
}

void app_take_line(struct app *to, const char *line, size_t len)
{
	assert_int_equal(strlen(line), len);
	buf_printf(&sent, "[%s]", line);
}

int app_run_program(struct app *to, char *const *argv, struct err *err)
{
	size_t n = 0;

	while (argv[n]) {
		n++;
	}
	assert_string_equal(argv[0], "/bin/sh");
	return program(argv[n - 1]) < 0 ? err_set(err, ERR_FAILURE, NULL, NULL, "it failed") : 0;
}

int64_t desk_plan_text(struct desk *desk, const char *name, const char *text, size_t len)
{
	snprintf(source_name, sizeof(source_name), "%s", name);
	buf_clear(&source);
	buf_add(&source, text, len);
	return 1;
}

/* ---- the screen that it draws on ---- */

static char grid[GRID_ROWS][GRID_COLUMNS][CELLS_CLUSTER_BYTES + 1];
static enum element grid_element[GRID_ROWS][GRID_COLUMNS];
static int cursor_row, cursor_column;

struct pane pane_part(struct pane pane, int top, int left, int rows, int columns)
{
	struct pane part = {pane.top + top, pane.left + left, rows, columns};

	part.rows = top + rows > pane.rows ? pane.rows - top : rows;
	part.columns = left + columns > pane.columns ? pane.columns - left : columns;
	return part;
}

void pane_fill(struct pane pane, int row, int column, enum element element)
{
	for (int i = column; i < pane.columns; i++) {
		strcpy(grid[pane.top + row][pane.left + i], " ");
		grid_element[pane.top + row][pane.left + i] = element;
	}
}

void pane_clear(struct pane pane, enum element element)
{
	for (int i = 0; i < pane.rows; i++) {
		pane_fill(pane, i, 0, element);
	}
}

int pane_text(
	struct pane pane, int row, int column, enum element element, const char *text, size_t len)
{
	struct cell cell;

	for (size_t at = 0; at < len && text[at] != '\n'; at += cell.len) {
		cell_read(&cell, text, len, at, column);
		if (column + cell.width > pane.columns) {
			break;
		}
		strcpy(grid[pane.top + row][pane.left + column], cell.shown);
		for (int i = 1; i < cell.width; i++) {
			grid[pane.top + row][pane.left + column + i][0] = 0;
		}
		for (int i = 0; i < cell.width; i++) {
			grid_element[pane.top + row][pane.left + column + i] = element;
		}
		column += cell.width;
	}
	return column;
}

int pane_string(struct pane pane, int row, int column, enum element element, const char *text)
{
	return pane_text(pane, row, column, element, text, strlen(text));
}

void pane_cursor(struct pane pane, int row, int column)
{
	assert_in_range(row, 0, pane.rows - 1);
	assert_in_range(column, 0, pane.columns - 1);
	cursor_row = pane.top + row;
	cursor_column = pane.left + column;
}

/* ---- keys, as the app gives them to it ---- */

static void press(const char *bytes, size_t len, int is_late)
{
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, bytes, len);
	while (keyboard_next(keyboard, is_late, &key, &wait_ms)) {
		if (key.special == KEY_UNKNOWN) {
			continue;
		}
		if (key.special == KEY_NONE && key.cp == 3 && !input_wants(input, &key)) {
			input_clear(input);
		} else {
			input_key(input, &key);
		}
	}
}

static void type(const char *bytes)
{
	press(bytes, strlen(bytes), 1);
}

static int wants(const char *bytes)
{
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, bytes, strlen(bytes));
	assert_int_equal(keyboard_next(keyboard, 1, &key, &wait_ms), 1);
	return input_wants(input, &key);
}

static void assert_line(const char *text)
{
	size_t len;
	const char *line = input_text(input, &len);

	assert_string_equal(line, text);
	assert_int_equal(len, strlen(text));
}

static void assert_sent(const char *text)
{
	assert_string_equal(buf_str(&sent), text);
	buf_clear(&sent);
}

/* ---- drawing ---- */

static int drawn_rows;

static void draw(int columns, int rows)
{
	drawn_rows = input_rows(input, columns, rows);
	cursor_row = cursor_column = -1;
	memset(grid, 0, sizeof(grid));
	input_draw(input, (struct pane){0, 0, drawn_rows, columns});
}

static void assert_row(int row, const char *text)
{
	struct buf shown = BUF_INIT;

	for (int i = 0; i < GRID_COLUMNS; i++) {
		buf_addstr(&shown, grid[row][i]);
	}
	while (shown.len && shown.data[shown.len - 1] == ' ') {
		shown.data[--shown.len] = 0;
	}
	assert_string_equal(buf_str(&shown), text);
	buf_finish(&shown);
}

static void assert_cursor(int row, int column)
{
	assert_int_equal(cursor_row, row);
	assert_int_equal(cursor_column, column);
}

static uint64_t dice_of(uint64_t seed, uint64_t n)
{
	uint32_t out[4];

	rng_philox(seed, n, out);
	return (uint64_t)out[0] << 32 | out[1];
}

/* ---- before and after ---- */

static char *name_of(void *arg, size_t n)
{
	const char *const *names = arg;

	return names[n] ? mem_strdup(names[n]) : NULL;
}

static const char *const names[] = {"anna", "annual report", "bert", NULL};

static void make_input(void)
{
	input = input_create(&app, history);
	app.input = input;
}

static int setup(void **unused)
{
	buf_clear(&sent);
	buf_clear(&said);
	buf_clear(&source);
	source_name[0] = 0;
	unlink(history);
	config = (struct tui_config){.history = history,
		.session_name = name_of,
		.model_name = name_of,
		.setting_name = name_of,
		.arg = (void *)names};
	state = (struct desk_state){0};
	app = (struct app){.config = &config, .state = &state, .is_typing = 1};
	keyboard = keyboard_create();
	make_input();
	return 0;
}

static int teardown(void **unused)
{
	input_destroy(input);
	keyboard_destroy(keyboard);
	return 0;
}

/* ---- layout ---- */

static void assert_place(const struct input_layout *layout, size_t at, size_t row, int column)
{
	size_t got_row;
	int got_column;

	input_layout_place(layout, at, &got_row, &got_column);
	assert_int_equal(got_row, row);
	assert_int_equal(got_column, column);
}

static void lay_out(struct input_layout *layout, const char *text, int columns)
{
	input_layout_make(layout, text, strlen(text), columns);
}

static void test_wide_characters_and_clusters_stand_where_they_are_drawn(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "", 10);
	assert_int_equal(layout.n_row, 1);
	assert_place(&layout, 0, 0, 0);
	/* Each ideograph is two columns; one that does not fit begins the next row. */
	lay_out(&layout, "a\u4e2d\u6587\u5b57x", 6);
	assert_int_equal(layout.n_row, 2);
	assert_place(&layout, 1, 0, 1);
	assert_place(&layout, 4, 0, 3);
	assert_place(&layout, 7, 1, 0);
	assert_place(&layout, 10, 1, 2);
	/* A mark stands on its letter: before it the cursor is on the letter. */
	lay_out(&layout, "e\u0301x", 10);
	assert_place(&layout, 1, 0, 0);
	assert_place(&layout, 3, 0, 1);
	assert_place(&layout, 4, 0, 2);
	/* A family of emoji is one cluster of two columns. */
	lay_out(&layout, "\U0001f469\u200d\U0001f467!", 10);
	assert_place(&layout, 11, 0, 2);
	assert_place(&layout, 12, 0, 3);
	/* A tab goes to the next multiple of eight, what would be obeyed is shown. */
	lay_out(&layout, "a\tb\033c", 20);
	assert_place(&layout, 2, 0, 8);
	assert_place(&layout, 4, 0, 11);
	input_layout_finish(&layout);
}

static void test_full_rows_leave_room_for_the_cursor(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "abcd", 4);
	assert_int_equal(layout.n_row, 2);
	assert_place(&layout, 4, 1, 0);
	lay_out(&layout, "abcd\nef\n", 4);
	assert_int_equal(layout.n_row, 3);
	assert_place(&layout, 4, 0, 3);
	assert_place(&layout, 5, 1, 0);
	assert_place(&layout, 8, 2, 0);
	/* Up and Down: a place in that row, whatever the column. */
	assert_int_equal(input_layout_at(&layout, 0, 9), 4);
	assert_int_equal(input_layout_at(&layout, 1, 9), 7);
	assert_int_equal(input_layout_at(&layout, 1, 1), 6);
	lay_out(&layout, "abcdef", 4);
	assert_int_equal(input_layout_at(&layout, 0, 9), 3);
	assert_int_equal(input_layout_width(&layout, 1), 2);
	input_layout_finish(&layout);
}

static void test_one_column_holds_anything(void **unused)
{
	struct input_layout layout = {0};

	lay_out(&layout, "ab\u4e2d\t\nx", 1);
	for (size_t at = 0; at <= strlen("ab\u4e2d\t\nx"); at++) {
		size_t row;
		int column;

		input_layout_place(&layout, at, &row, &column);
		assert_true(row < layout.n_row);
		assert_int_equal(column, 0);
	}
	lay_out(&layout, "x", 0);
	assert_place(&layout, 1, 1, 0);
	input_layout_finish(&layout);
}

/* Measuring only what changed gives what measuring everything gives. */
static void test_rows_after_edits_are_those_of_the_whole_text(void **unused)
{
	static const char *const piece[] = {"a", " ", "\n", "\t", "\u4e2d", "\u0301", "\u200d",
		"\U0001f469", "\U0001f1e9", "\033", "\xff", "word and more words "};
	struct input_layout layout = {0}, whole = {0};
	struct buf text = BUF_INIT, next = BUF_INIT;
	uint64_t n = 0;

	for (int i = 0; i < 4000; i++) {
		size_t at = text.len ? dice_of(7, n++) % text.len : 0;
		size_t gone = dice_of(7, n++) % 4 == 0 ? dice_of(7, n++) % (text.len - at + 1) : 0;
		const char *add = piece[dice_of(7, n++) % ARRAY_LEN(piece)];

		gone = gone > 30 ? 30 : gone;
		buf_clear(&next);
		buf_add(&next, buf_str(&text), at);
		buf_addstr(&next, add);
		buf_add(&next, buf_str(&text) + at + gone, text.len - at - gone);
		buf_clear(&text);
		buf_add(&text, next.data, next.len);
		input_layout_make(&layout, text.data, text.len, 7);
		input_layout_finish(&whole);
		input_layout_make(&whole, text.data, text.len, 7);
		assert_int_equal(layout.n_row, whole.n_row);
		assert_memory_equal(layout.row, whole.row, whole.n_row * sizeof(struct input_row));
	}
	input_layout_finish(&layout);
	input_layout_finish(&whole);
	buf_finish(&text);
	buf_finish(&next);
}

/* ---- typing ---- */

static void test_a_line_is_edited_and_sent_as_it_is(void **unused)
{
	type("Wo ist dr Ring\u00fc?");
	assert_line("Wo ist dr Ring\u00fc?");
	type("\033[D\177"); /* left, backspace */
	type("\033b\033[C");
	assert_line("Wo ist dr Ring?");
	type("\033bX\037"); /* undo */
	assert_line("Wo ist dr Ring?");
	type("\001\033d\005\031"); /* kill the first word, yank it at the end */
	assert_line(" ist dr Ring?Wo");
	type("\r");
	assert_sent("[ ist dr Ring?Wo]");
	assert_true(input_is_empty(input));
}

static void test_alt_enter_and_ctrl_j_make_new_lines(void **unused)
{
	type("one\033\rtwo\nthree");
	assert_line("one\ntwo\nthree");
	draw(COLUMNS, ROWS);
	assert_int_equal(drawn_rows, 3);
	assert_row(0, " > one");
	assert_row(2, "   three");
	assert_cursor(2, 8);
	type("\r");
	assert_sent("[one\ntwo\nthree]");
}

static void test_up_and_down_move_in_the_text_and_then_through_history(void **unused)
{
	type("first\r");
	type("second\033\rline\r");
	assert_sent("[first][second\nline]");
	type("half typed");
	type("\033[A"); /* its last line */
	assert_line("second\nline");
	type("\033[A\033[DX"); /* its first, a column to the left */
	assert_line("secXond\nline");
	type("\037\033[A\033[A");
	assert_line("first");
	type("\033OB");
	assert_line("second\nline");
	type("\033[B");
	assert_line("half typed");
	/* Home and End are those of a line, then of all. */
	type("\033\rxy\033[Ha\033[Fb\033[H\033[Hc");
	assert_line("chalf typed\naxyb");
	type("\033[F\013"); /* ^K at the end of a line takes its line feed */
	assert_line("chalf typedaxyb");
}

static void test_a_long_line_has_rows_that_the_cursor_moves_in(void **unused)
{
	type("0123456789abcdefghij");
	draw(13, ROWS);
	assert_row(0, " > 0123456789");
	assert_row(1, "   abcdefghij");
	assert_cursor(2, 3);
	type("\033[A\033[AX");
	assert_line("X0123456789abcdefghij");
}

static void test_it_grows_to_a_third_of_the_screen_and_scrolls_inside(void **unused)
{
	for (int i = 0; i < 20; i++) {
		char line[16];

		snprintf(line, sizeof(line), "line %d\n", i);
		type(line);
	}
	draw(COLUMNS, ROWS);
	assert_int_equal(drawn_rows, ROWS / 3);
	assert_row(0, "   line 13");
	assert_cursor(7, 3);
	for (int i = 0; i < 20; i++) {
		type("\033[A");
	}
	draw(COLUMNS, ROWS);
	assert_row(0, " > line 0");
	assert_cursor(0, 3);
	/* And on a screen of nothing it is a row. */
	draw(1, 1);
	assert_int_equal(drawn_rows, 1);
	assert_cursor(0, 0);
	for (int columns = 1; columns < 40; columns++) {
		draw(columns, 9);
		assert_in_range(cursor_row, 0, drawn_rows - 1);
	}
}

static void test_what_would_be_obeyed_is_shown_and_sent_as_it_is(void **unused)
{
	static const char paste[] = "\033[200~\033]0;evil\a\u202e\xff\0\033[201~";

	type("\026\033\026\001x");
	press(paste, sizeof(paste) - 1, 1);
	draw(COLUMNS, ROWS);
	assert_row(0, " > ^[^Ax^[]0;evil^G<U+202E>\xef\xbf\xbd\xef\xbf\xbd");
	type("\r");
	assert_sent("[\033\001x\033]0;evil\a\u202e\xef\xbf\xbd\xef\xbf\xbd]");
}

static void test_keys_that_nothing_is_bound_to_do_nothing(void **unused)
{
	type("x\033[24;5~\033[99~\033[1;2A\033[5~\033[57399u");
	assert_false(input_is_waiting(input));
	type("\026");
	assert_true(input_is_waiting(input));
	input_clear(input); /* leaves no more than that */
	assert_false(input_is_waiting(input));
	type("y");
	assert_line("xy");
	type("\030"); /* ^X begins a sequence */
	assert_true(input_is_waiting(input));
	assert_true(wants("\033"));
	type("\a");
	assert_false(input_is_waiting(input));
	type("\030\u4e2d\030\033[A"); /* what makes it a sequence of nothing is no text */
	assert_false(input_is_waiting(input));
	assert_line("xy");
}

static void test_enter_behind_an_argument_sends_at_once(void **unused)
{
	type("one\0335\r");
	assert_sent("[one]");
	type("two\r");
	assert_sent("[two]");
}

static void test_ctrl_c_clears_and_what_went_can_be_recalled(void **unused)
{
	type("a question\003");
	assert_line("");
	type("\003");
	assert_int_equal(input_clear(input), 0);
	type("\033[A");
	assert_line("a question");
	type("\003\031");
	assert_line("a question");
}

static void test_ctrl_d_leaves_an_empty_line_only(void **unused)
{
	type("ab\002\004");
	assert_line("a");
	assert_false(app.wants_quit);
	type("\177\004");
	assert_true(app.wants_quit);
}

/* ---- an inputrc ---- */

static const char inputrc[] = "$if carrel\n"
			      "\"\\C-xm\": \"from a macro\"\n"
			      "\"\\C-xq\": \"\\C-x\\C-q\\C-xmx\\C-xq\"\n"
			      "\"\\C-xz\": carrel-new-line\n"
			      "\"\\C-xv\": vi-editing-mode\n"
			      "\"\\C-n\": backward-char\n"
			      "\"\\e[5;5~\": beginning-of-line\n"
			      "$endif\n"
			      "set bell-style audible\n"
			      "set convert-meta on\n";

static void test_an_inputrc_is_honoured(void **unused)
{
	type("\030m\030zx");
	assert_line("from a macro\nx");
	type("\003\030q"); /* a macro with a key of nothing, and itself */
	assert_line("from a macroxfrom a macroxfrom a macroxfrom a macroxfrom a macroxfrom a "
		    "macroxfrom a macroxx");
	type("\003\030m\030zx");
	type("\016y"); /* ^N is not ours any more */
	assert_line("from a macro\nyx");
	type("\033[5;5~z");
	assert_line("zfrom a macro\nyx");
	type("\030\022\u00fc"); /* the file read again does not make UTF-8 bytes of Alt keys */
	assert_line("z\u00fcfrom a macro\nyx");
}

static void test_vi_mode_has_escape_first_and_browsing_after(void **unused)
{
	assert_false(wants("\033"));
	type("\030v"); /* see the inputrc */
	assert_true(wants("\033"));
	type("one two");
	type("\033");
	assert_false(wants("\033")); /* nothing is pending: the app may browse */
	type("d");
	assert_true(wants("\033"));
	type("b");
	assert_line("one o");
	type("u");
	assert_line("one two");
	type("A\033\rlower");
	type("\033");
	type("kx");
	assert_line("one wo\nlower");
	type("jx");
	input_resume(input);
	assert_true(wants("\033"));
	type("!\r");
	assert_sent("[one wo\nlow!e]");
	type("\033");
	type("\005"); /* emacs-editing-mode */
	assert_false(wants("\033"));
}

/* ---- searching ---- */

static void test_ctrl_r_finds_characters_of_several_bytes(void **unused)
{
	type("\u4e2d\u6587\rWo wird gepr\u00fcft?\rWhere is it?\r");
	assert_sent("[\u4e2d\u6587][Wo wird gepr\u00fcft?][Where is it?]");
	type("draft\022");
	assert_true(input_is_waiting(input));
	type("\u00fc");
	draw(COLUMNS, ROWS);
	assert_row(0, " (reverse-i-search)`\u00fc': Wo wird gepr\u00fcft?");
	assert_cursor(0, 24 + 12);
	type("f");
	assert_line("Wo wird gepr\u00fcft?");
	type("\177\177\u4e2d");
	assert_line("\u4e2d\u6587");
	type("\007"); /* as it was */
	assert_line("draft");
	assert_false(input_is_waiting(input));
	type("\022it\005!\r");
	assert_sent("[Where is it?!]");
	type("\022gep\003");
	assert_line("");
	assert_false(input_is_waiting(input));
	type("\022Wo\r");
	assert_sent("[Wo wird gepr\u00fcft?]");
	type("\022\033[200~gepr\xc3");
	type("\xbc");
	type("ft\nmore\033[201~");
	assert_line("Wo wird gepr\u00fcft?");
	type("\033");
	assert_false(input_is_waiting(input));
	draw(30, ROWS);
	assert_row(0, " > Wo wird gepr\u00fcft?");
}

/* ---- pastes ---- */

/* Between the pieces, seconds pass on a slow line: what came is there, and is drawn. */
static void test_a_paste_in_pieces_is_shown_piece_by_piece(void **unused)
{
	type("<>\033[D");
	press("\033[200~Stra\xc3", 11, 0);
	assert_line("<Stra>");
	draw(COLUMNS, ROWS);
	assert_row(0, " > <Stra>");
	assert_cursor(0, 8);
	press("\x9f"
	      "e\r",
		3, 0);
	press("\nzwei\rdrei \xe4\xb8", 13, 0);
	assert_line("<Stra\u00dfe\nzwei\ndrei >");
	draw(COLUMNS, ROWS);
	assert_int_equal(drawn_rows, 3);
	press("\xad\033[201~!", 8, 0);
	assert_line("<Stra\u00dfe\nzwei\ndrei \u4e2d!>");
	assert_sent("");
	type("\037\037"); /* undo takes all of it */
	assert_line("<>");
}

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Returns the CPU time that it took, drawn after each read of the terminal. */
static double paste(size_t bytes)
{
	static const char line[] = "a line of a text that somebody pastes \u4e2d\r";
	struct buf text = BUF_INIT;
	double before;

	while (text.len < bytes) {
		buf_addstr(&text, line);
	}
	text.len = bytes;
	before = cpu_s();
	type("\033[200~");
	for (size_t at = 0; at < bytes; at += 4096) {
		press(text.data + at, bytes - at < 4096 ? bytes - at : 4096, 0);
		draw(COLUMNS, ROWS);
	}
	type("\033[201~");
	buf_finish(&text);
	return cpu_s() - before;
}

static void test_a_very_long_paste_becomes_a_source_in_linear_time(void **unused)
{
	char path[] = "paste-1";
	struct desk_source have = {.path = path};
	double once, four_times;

	type("before after\033b");
	once = paste(1 << 20);
	assert_line("before after");
	assert_string_equal(source_name, "paste-1");
	assert_string_equal(buf_str(&said),
		"1,048,576 bytes were pasted: too long for a question, they become the source "
		"paste-1");
	assert_memory_equal(source.data, "a line of", 9);
	assert_null(memchr(source.data, '\r', source.len));
	state.source = &have;
	state.n_source = 1;
	four_times = paste(4 << 20);
	assert_string_equal(source_name, "paste-2");
	if (four_times > 12 * once + 0.05) {
		fail_msg("1 MB took %.3f s, 4 MB %.3f s", once, four_times);
	}
	/* What is shorter is a question. */
	paste(INPUT_PASTE_SOURCE_BYTES - 100);
	assert_string_equal(source_name, "paste-2");
	type("\003");
}

static void test_a_question_of_many_rows_is_typed_in_linear_time(void **unused)
{
	double before, once, last;
	size_t len;

	paste(INPUT_PASTE_SOURCE_BYTES - 4096);
	before = cpu_s();
	for (int i = 0; i < 200; i++) {
		type("x");
		draw(COLUMNS, ROWS);
	}
	once = cpu_s() - before;
	type("\033[H\033[H");
	before = cpu_s();
	for (int i = 0; i < 20; i++) {
		type("x"); /* at the beginning, everything behind it is measured again */
		draw(COLUMNS, ROWS);
	}
	last = cpu_s() - before;
	assert_memory_equal(input_text(input, &len), "xxxxxxxxxxxxxxxxxxxxa line", 26);
	if (once / 200 > 0.010 || last / 20 > 0.050) {
		fail_msg("a key took %.1f ms at the end, %.1f ms at the beginning",
			once / 200 * 1e3, last / 20 * 1e3);
	}
}

/* ---- completion ---- */

static void menu_rows(int rows, const char *first, const char *last)
{
	assert_int_equal(input_menu_rows(input, 20), rows);
	memset(grid, 0, sizeof(grid));
	input_draw_menu(input, (struct pane){0, 0, rows, 40});
	if (rows) {
		assert_row(0, first);
		assert_row(rows - 1, last);
	}
}

static void test_tab_completes_commands_and_shows_what_there_is(void **unused)
{
	type("/rena\t");
	assert_line("/rename ");
	menu_rows(0, NULL, NULL);
	type("\003:re\t");
	assert_line(":re");
	assert_int_equal(input_menu_rows(input, 20), 3);
	assert_int_equal(input_menu_rows(input, 2), 2);
	type("\t");
	assert_line(":refresh");
	memset(grid, 0, sizeof(grid));
	input_draw_menu(input, (struct pane){0, 0, 3, 40});
	assert_int_equal(grid_element[0][1], ELEMENT_MENU_CURSOR);
	assert_int_equal(grid_element[1][1], ELEMENT_MENU);
	type("\033[B\033[B");
	assert_line(":repack");
	type("\033[B"); /* round: what was typed */
	assert_line(":re");
	type("\033[Z\033[Z");
	assert_line(":rename ");
	assert_true(wants("\033"));
	type("\033");
	assert_line(":re");
	menu_rows(0, NULL, NULL);
	type("\t\t\r"); /* accepts, and sends nothing */
	assert_line(":refresh");
	assert_sent("");
	type("\r");
	assert_sent("[:refresh]");
	type("/\t\t");
	assert_int_equal(input_menu_rows(input, 20), 10);
	type("x"); /* going on accepts */
	assert_line("/again x");
	menu_rows(0, NULL, NULL);
}

static void test_tab_completes_what_stands_behind_commands(void **unused)
{
	char id[][4] = {"S1", "S2", "S21"}, path[][8] = {"one.pdf", "nccl", "x"};
	struct desk_source have[] = {{.id = id[0], .path = path[0]}, {.id = id[1], .path = path[1]},
		{.id = id[2], .path = path[2]}};
	char question[] = "Where is it?\nThere", other[] = "And?";
	const struct desk_turn turn[] = {
		{.id = 1, .question = question}, {.id = 14, .question = other}};
	const struct desk_turn *turns[] = {&turn[0], &turn[1]};

	state.source = have;
	state.n_source = ARRAY_LEN(have);
	state.turn = turns;
	state.n_turn = ARRAY_LEN(turn);
	type("/drop S1 S2\t");
	menu_rows(2, " S2   nccl", " S21  x");
	type("\t\t");
	assert_line("/drop S1 S21");
	type("\003\003/fork 1\t");
	menu_rows(2, " 14  And?", " 1   Where is it?");
	type("\003\003/session an\t");
	assert_line("/session ann");
	menu_rows(2, " anna", " annual report");
	type("\t\t\r");
	assert_line("/session annual report");
	type("\003\003/model b\t");
	assert_line("/model bert");
	type("\003\003/set b\t x b\t");
	assert_line("/set bert x b");
	type("\003\003/theme def\t");
	assert_line("/theme default");
	type("\003\003/over sw\t");
	assert_line("/over sweep");
	type("\003\003/expo\tm\t");
	assert_line("/export md");
	type("\003\003a question\t");
	assert_line("a question");
	menu_rows(0, NULL, NULL);
}

static void touch(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

static void test_tab_completes_paths(void **unused)
{
	char path[400], line[400], want[400];

	snprintf(path, sizeof(path), "%s/sub dir", folder);
	mkdir(path, 0700);
	touch("sub dir/in\u00fcnen.txt");
	touch("sub.txt");
	touch(".hidden");
	touch("odd\033\n");
	snprintf(line, sizeof(line), "/load %s/su\t", folder);
	type(line);
	snprintf(want, sizeof(want), "/load %s/sub", folder);
	assert_line(want);
	menu_rows(2, " sub dir/", " sub.txt");
	type("\t\r"); /* what is in the folder is the next question, and there is one */
	snprintf(want, sizeof(want), "/load %s/sub dir/in\u00fcnen.txt", folder);
	assert_line(want);
	snprintf(line, sizeof(line), "\003Compare %s/odd\t", folder);
	type(line);
	snprintf(want, sizeof(want), "Compare %s/odd\033\n", folder);
	assert_line(want);
	snprintf(line, sizeof(line), "\003\003/export md %s/sub d\t", folder);
	type(line);
	snprintf(want, sizeof(want), "/export md %s/sub dir/", folder);
	assert_line(want);
	setenv("HOME", folder, 1);
	type("\003/load ~/sub.\t");
	assert_line("/load ~/sub.txt");
	snprintf(line, sizeof(line), "\003/load %s/no-such/x\t", folder);
	type(line);
	menu_rows(0, NULL, NULL);
	snprintf(path, sizeof(path), "rm -rf '%s/sub dir' '%s/sub.txt' %s/.hidden %s/odd*", folder,
		folder, folder, folder);
	assert_int_equal(system(path), 0);
}

/* ---- prompts ---- */

static struct buf asked;

static void prompt_changed(struct app *to, const char *text, size_t len)
{
	buf_printf(&asked, "(%.*s)", (int)len, text);
}

static void prompt_done(struct app *to, const char *text, size_t len)
{
	buf_printf(&asked, "[%s]", text ? text : "none");
}

static void prompt_again(struct app *to, const char *text, size_t len)
{
	const struct input_prompt next = {.label = "sure? ", .done = prompt_done};

	assert_line("kept");
	input_ask(to->input, &next);
}

static void assert_asked(const char *text)
{
	assert_string_equal(buf_str(&asked), text);
	buf_clear(&asked);
}

static void test_a_prompt_borrows_the_line_and_gives_it_back(void **unused)
{
	const struct input_prompt prompt = {"/", "old", prompt_changed, prompt_done};
	const struct input_prompt first = {.label = "name\033: ", .done = prompt_again};

	type("earlier\rkept\002");
	assert_sent("[earlier]");
	input_ask(input, &prompt);
	assert_true(input_is_asking(input));
	type("\025\u00fcb\033[D\177");
	draw(COLUMNS, ROWS);
	assert_row(0, " /b");
	assert_cursor(0, 2);
	type("\r");
	assert_asked("()(\u00fc)(\u00fcb)(b)[b]");
	assert_line("kept");
	draw(COLUMNS, ROWS);
	assert_cursor(0, 6);
	/* Their history is their own. */
	input_ask(input, &prompt);
	type("\033[A\033[A");
	assert_line("b");
	type("\033[200~x\ny\033[201~");
	assert_line("bx");
	assert_true(wants("\033"));
	type("\033");
	assert_asked("(b)(bx)[none]");
	assert_line("kept");
	input_ask(input, &prompt);
	type("\003");
	input_ask(input, &prompt);
	input_ask(input, &prompt);
	type("\004\025\004"); /* ^D on nothing leaves as Esc does */
	assert_asked("[none][none]()[none]");
	input_ask(input, &first);
	draw(COLUMNS, ROWS);
	assert_row(0, " name^[:");
	type("x\ry\r");
	assert_asked("[y]");
	assert_line("kept");
	type("\033[A");
	assert_line("earlier");
	buf_finish(&asked);
}

/* ---- the editor ---- */

static char edited[400];

static int edit_well(const char *path)
{
	struct stat st;
	char text[64] = "";
	FILE *file = fopen(path, "r+");

	snprintf(edited, sizeof(edited), "%s", path);
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	assert_string_equal(text, "two\nlines\n");
	rewind(file);
	fputs("as it was edited: \u00fc\xff\n\n", file);
	assert_int_equal(fclose(file), 0);
	/* What editors leave beside it goes as well. */
	assert_int_equal(rename(path, strcat(strcpy(text, path), "~")), 0);
	file = fopen(path, "w");
	fputs("as it was edited: \u00fc\xff\n\n", file);
	return fclose(file);
}

static int edit_badly(const char *path)
{
	return -1;
}

static void test_the_editor_has_a_private_file_that_goes(void **unused)
{
	struct stat st;
	char *slash;

	type("two\nlines");
	program = edit_well;
	type("\030\005");
	assert_line("as it was edited: \u00fc\xef\xbf\xbd\n");
	slash = strrchr(edited, '/');
	*slash = 0;
	assert_int_equal(stat(edited, &st), -1);
	type("\037");
	assert_line("two\nlines");
	program = edit_badly;
	type("\030\005");
	assert_line("two\nlines");
	assert_string_equal(buf_str(&said), "it failed");
	assert_sent("");
}

/* ---- history ---- */

static void test_history_is_kept_and_shared(void **unused)
{
	struct stat st;
	FILE *file;

	type("one\033\rtwo\rthree\rthree\r");
	assert_int_equal(stat(history, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	file = fopen(history, "a"); /* the line-mode chat, meanwhile */
	fputs("elsewhere\n", file);
	fclose(file);
	input_destroy(input);
	make_input();
	type("\033[A");
	assert_line("elsewhere");
	type("\033[A\033[A");
	assert_line("one\ntwo");
	type("\003");
	input_destroy(input);
	unlink(history);
	input = input_create(&app, NULL);
	type("not kept\r");
	assert_int_equal(stat(history, &st), -1);
	type("\033[A");
	assert_line("not kept");
}

/* ---- anything at all ---- */

static void test_any_keys_leave_a_line_that_can_be_drawn(void **unused)
{
	static const char *const piece[] = {"\033[A", "\033[B", "\033[D", "\033[1~", "\t", "\033[Z",
		"\r", "\n", "\003", "\022", "\023", "\007", "\030", "\030\030", "\026", "\033",
		"\0335", "\033[200~", "\033[201~", "\u4e2d", "\u0301", "\xff", "\xe4", "/lo",
		"/drop ", "a", "b ", "\177", "\027", "\013", "\025", "\031", "\033y", "\037",
		"\020", "\016", "\024", "\033t", "\033c", "\0330", "\033r", "\033.", "\035a",
		"\030(", "\030)", "\030e", "\030m", "\030q", "\033#", "\033\\", "\033*",
		"\030\022"};
	const struct input_prompt prompt = {"/", NULL, prompt_changed, prompt_done};
	uint64_t n = 0;

	program = edit_badly;
	alarm(120); /* nor a loop without end */
	for (int i = 0; i < 30000; i++) {
		uint64_t dice = dice_of(11, n++);

		type(piece[dice % ARRAY_LEN(piece)]);
		if ((dice >> 32) % 64 == 0) {
			input_ask(input, &prompt);
		} else if ((dice >> 32) % 64 == 1) {
			input_set(input, "two\nlines");
		} else if ((dice >> 32) % 64 == 2) {
			input_insert(input, "x\ny", 3);
		} else if ((dice >> 32) % 64 == 3) {
			input_clear(input);
		}
		draw(1 + (int)((dice >> 48) % 60), 1 + (int)((dice >> 56) % 40));
		assert_true(cursor_row >= 0);
		buf_clear(&asked);
		buf_clear(&sent);
		if (strlen(input_text(input, &(size_t){0})) > 4096) {
			input_set(input, "");
		}
	}
	alarm(0);
	buf_finish(&asked);
}

static int open_folder(void **unused)
{
	char path[96];
	FILE *file;

	/* The environment's locale is none of ours: text is UTF-8. */
	setenv("LC_ALL", "C", 1);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	strcpy(folder, "/tmp/test-input-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(history, sizeof(history), "%s/history", folder);
	snprintf(path, sizeof(path), "%s/inputrc", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(inputrc, file);
	fclose(file);
	setenv("INPUTRC", path, 1);
	setenv("TMPDIR", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	return 0;
}

static int close_folder(void **unused)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/inputrc", folder);
	unlink(path);
	unlink(history);
	buf_finish(&sent);
	buf_finish(&said);
	buf_finish(&source);
	return rmdir(folder); /* nothing else was left there */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide_characters_and_clusters_stand_where_they_are_drawn),
		cmocka_unit_test(test_full_rows_leave_room_for_the_cursor),
		cmocka_unit_test(test_one_column_holds_anything),
		cmocka_unit_test(test_rows_after_edits_are_those_of_the_whole_text),
		TEST(test_a_line_is_edited_and_sent_as_it_is),
		TEST(test_alt_enter_and_ctrl_j_make_new_lines),
		TEST(test_up_and_down_move_in_the_text_and_then_through_history),
		TEST(test_a_long_line_has_rows_that_the_cursor_moves_in),
		TEST(test_it_grows_to_a_third_of_the_screen_and_scrolls_inside),
		TEST(test_what_would_be_obeyed_is_shown_and_sent_as_it_is),
		TEST(test_keys_that_nothing_is_bound_to_do_nothing),
		TEST(test_enter_behind_an_argument_sends_at_once),
		TEST(test_ctrl_c_clears_and_what_went_can_be_recalled),
		TEST(test_ctrl_d_leaves_an_empty_line_only),
		TEST(test_an_inputrc_is_honoured),
		TEST(test_vi_mode_has_escape_first_and_browsing_after),
		TEST(test_ctrl_r_finds_characters_of_several_bytes),
		TEST(test_a_paste_in_pieces_is_shown_piece_by_piece),
		TEST(test_a_very_long_paste_becomes_a_source_in_linear_time),
		TEST(test_a_question_of_many_rows_is_typed_in_linear_time),
		TEST(test_tab_completes_commands_and_shows_what_there_is),
		TEST(test_tab_completes_what_stands_behind_commands),
		TEST(test_tab_completes_paths),
		TEST(test_a_prompt_borrows_the_line_and_gives_it_back),
		TEST(test_the_editor_has_a_private_file_that_goes),
		TEST(test_history_is_kept_and_shared),
		TEST(test_any_keys_leave_a_line_that_can_be_drawn),
	};

	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
