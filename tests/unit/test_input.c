/* The input line: editing, history, pastes, completion, prompts; see input_fixture.h. */
#include "tests/unit/input_fixture.h"

#include "base/rng.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t dice_of(uint64_t seed, uint64_t n)
{
	uint32_t out[4];

	rng_philox(seed, n, out);
	return (uint64_t)out[0] << 32 | out[1];
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
