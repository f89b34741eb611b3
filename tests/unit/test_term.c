/*
 * The terminal is as it was on every way out, what is shown is only what changed, and nothing that
 * content says is obeyed. Each test runs a child on a pseudo-terminal and reads what it wrote.
 */
#include "tui/term.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tests/unit/sanitized.h"
#include "tui/pane.h"
#include "tui/tui.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

/* What stands between two frames in what the child wrote: curses never writes it. */
static const char frame_end[] = "\033]frame\007";

struct run { /* of a child */
	int master, slave, status;
	struct termios before, after;
	struct buf written;
};

static void open_terminal(struct run *run, int rows, int columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	assert_int_equal(openpty(&run->master, &run->slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(run->slave, &run->before), 0);
}

static void become_child(const struct run *run)
{
	setsid();
	ioctl(run->slave, TIOCSCTTY, 0);
	for (int fd = 0; fd < 3; fd++) {
		dup2(run->slave, fd);
	}
	close(run->master);
	for (int number = 1; number < SIGSYS + 1; number++) {
		signal(number, SIG_DFL); /* cmocka has its own for some */
	}
	alarm(60);
}

/* Until it has ended and all of it is read. */
static void read_written(struct run *run, pid_t pid)
{
	char bytes[4096];
	int is_over = 0;

	for (;;) {
		struct pollfd fd = {.fd = run->master, .events = POLLIN};

		if (poll(&fd, 1, 20) > 0) {
			ssize_t n = read(run->master, bytes, sizeof(bytes));

			if (n > 0) {
				buf_add(&run->written, bytes, (size_t)n);
				continue;
			}
		}
		if (is_over) {
			return;
		}
		is_over = waitpid(pid, &run->status, WNOHANG) == pid;
	}
}

/* Run it in a child on a terminal of that size. */
static struct run run_child(int rows, int columns, void (*call)(void *arg), void *arg)
{
	struct run run = {0};
	pid_t pid;

	open_terminal(&run, rows, columns);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		become_child(&run);
		call(arg);
		_exit(0);
	}
	read_written(&run, pid);
	assert_int_equal(tcgetattr(run.slave, &run.after), 0);
	return run;
}

static void run_finish(struct run *run)
{
	close(run->master);
	close(run->slave);
	buf_finish(&run->written);
}

static void is_restored(const struct run *run)
{
	const char *written = buf_str(&run->written);
	const char *entered = strstr(written, "\033[?1049h"),
		   *left = strstr(written, "\033[?1049l");

	assert_memory_equal(&run->before.c_iflag, &run->after.c_iflag, sizeof(run->before.c_iflag));
	assert_int_equal(run->before.c_lflag, run->after.c_lflag);
	assert_int_equal(run->before.c_oflag, run->after.c_oflag);
	assert_non_null(entered);
	assert_non_null(left);
	assert_non_null(strstr(written, "\033[?2004h"));
	assert_non_null(strstr(written, "\033[?2004l"));
	/* The last word about the screen is that it is the old one. */
	assert_null(strstr(left, "\033[?1049h"));
	assert_null(strstr(left, "\033[?2004h"));
}

/* ---- ways out ---- */

static void open_and_draw(void)
{
	struct theme theme = {0};

	if (term_open(NULL) < 0 || theme_load(&theme, "default", NULL, NULL) < 0) {
		_exit(99);
	}
	term_set_theme(&theme);
	theme_finish(&theme);
	term_begin();
	pane_string((struct pane){0, 0, 24, 80}, 3, 2, ELEMENT_TEXT, "something");
	pane_cursor((struct pane){0, 0, 24, 80}, 3, 0);
	term_show();
}

static void leave_by_return(void *arg)
{
	open_and_draw();
	term_close();
	term_close();
}

static void leave_by_exit(void *arg)
{
	open_and_draw();
	exit(0);
}

static void leave_by_signal(void *arg)
{
	open_and_draw();
	raise(*(int *)arg);
	_exit(98); /* it should not have come back */
}

static void leave_without_memory(void *arg)
{
	open_and_draw();
	mem_exhausted();
}

static int64_t deep(int64_t depth)
{
	volatile char frame[4096];

	frame[depth % 4096] = (char)depth;
	return depth > 0 ? deep(depth - 1) + frame[depth % 4096] : 0;
}

static void leave_by_overflow(void *arg)
{
	open_and_draw();
	_exit((int)(deep(*(int64_t *)arg) & 1));
}

static void return_and_exit_restore_it(void **state)
{
	struct run run = run_child(24, 80, leave_by_return, NULL);

	is_restored(&run);
	run_finish(&run);
	run = run_child(24, 80, leave_by_exit, NULL);
	is_restored(&run);
	run_finish(&run);
}

static void fatal_signals_restore_it_and_still_kill(void **state)
{
	int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGQUIT};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct run run = run_child(24, 80, leave_by_signal, &numbers[i]);

		is_restored(&run);
		/* Under a sanitizer some of them end in its report instead. */
		if (!IS_SANITIZED) {
			assert_true(WIFSIGNALED(run.status));
			assert_int_equal(WTERMSIG(run.status), numbers[i]);
		}
		run_finish(&run);
	}
}

static void a_stack_that_overflows_restores_it(void **state)
{
	struct run run;
	int64_t depth = INT64_C(1) << 40; /* 4 KB each */

	if (IS_SANITIZED) {
		skip(); /* it looks at the stack itself */
	}
	run = run_child(24, 80, leave_by_overflow, &depth);
	is_restored(&run);
	assert_true(WIFSIGNALED(run.status));
	run_finish(&run);
}

static void memory_that_runs_out_restores_it_before_the_sentence(void **state)
{
	struct run run = run_child(24, 80, leave_without_memory, NULL);

	is_restored(&run);
	assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 1);
	assert_non_null(strstr(strstr(buf_str(&run.written), "\033[?1049l"), "memory"));
	run_finish(&run);
}

static void complain_and_die(void *arg)
{
	open_and_draw();
	fprintf(stderr, "last words\n");
	raise(SIGABRT);
}

static void what_goes_to_stderr_waits_until_there_is_a_place_for_it(void **state)
{
	struct run run = run_child(24, 80, complain_and_die, NULL);
	const char *words = strstr(buf_str(&run.written), "last words");

	is_restored(&run);
	assert_non_null(words);
	assert_true(words > strstr(buf_str(&run.written), "\033[?1049l"));
	run_finish(&run);
}

static void leave_and_return(void *arg)
{
	char mode[2];
	struct termios there;

	open_and_draw();
	term_leave();
	tcgetattr(0, &there);
	mode[0] = there.c_lflag & ICANON ? 'C' : 'R';
	term_return();
	tcgetattr(0, &there);
	mode[1] = there.c_lflag & ICANON ? 'C' : 'R';
	term_show();
	term_close();
	printf("modes %.2s\n", mode);
	fflush(stdout);
}

static void a_program_in_between_has_the_terminal_as_it_was(void **state)
{
	struct run run = run_child(24, 80, leave_and_return, NULL);
	const char *again;

	assert_non_null(strstr(buf_str(&run.written), "modes CR"));
	again = strstr(strstr(buf_str(&run.written), "\033[?1049l"), "\033[?1049h");
	assert_non_null(again);
	assert_non_null(strstr(again, "\033[?1049l"));
	assert_memory_equal(&run.before.c_lflag, &run.after.c_lflag, sizeof(run.before.c_lflag));
	run_finish(&run);
}

/* ---- frames ---- */

static void draw_frames(void *arg)
{
	struct pane screen = {0, 0, 24, 80};
	const char *const *text = arg;

	open_and_draw();
	for (; *text; text++) {
		term_write(frame_end, sizeof(frame_end) - 1);
		term_begin();
		pane_string(screen, 5, 10, ELEMENT_TEXT, *text);
		pane_cursor(screen, 3, 0);
		term_show();
	}
	term_write(frame_end, sizeof(frame_end) - 1);
	term_close();
}

/* The bytes of a frame: what was written between two marks. */
static struct buf frame_of(const struct run *run, int n)
{
	const char *at = buf_str(&run->written), *end;
	struct buf frame = BUF_INIT;

	for (int i = 0; i <= n; i++) {
		at = strstr(at, frame_end);
		assert_non_null(at);
		at += sizeof(frame_end) - 1;
	}
	end = strstr(at, frame_end);
	assert_non_null(end);
	buf_add(&frame, at, (size_t)(end - at));
	return frame;
}

static void a_frame_writes_only_what_changed(void **state)
{
	const char *text[] = {"The answer is 41.", "The answer is 41.", "The answer is 42.", NULL};
	struct run run = run_child(24, 80, draw_frames, text);
	struct buf same = frame_of(&run, 1), other = frame_of(&run, 2);

	assert_int_equal(same.len, 0);
	assert_non_null(strstr(buf_str(&other), "2"));
	assert_null(strstr(buf_str(&other), "answer"));
	assert_true(other.len < 32);
	buf_finish(&same);
	buf_finish(&other);
	run_finish(&run);
}

static void what_is_cut_ends_with_a_mark_and_spaces_may_hang_over(void **state)
{
	const char *text[] = {
		"1234567890123456789012345678901234567890123456789012345678901234567890  ",
		"12345678901234567890123456789012345678901234567890123456789012345678901", NULL};
	struct run run = run_child(24, 80, draw_frames, text);
	struct buf spaces = frame_of(&run, 0), cut = frame_of(&run, 1);

	assert_non_null(strstr(buf_str(&spaces), "67890"));
	assert_null(strchr(buf_str(&spaces), '>'));
	assert_non_null(strchr(buf_str(&cut), '>'));
	buf_finish(&spaces);
	buf_finish(&cut);
	run_finish(&run);
}

static void what_content_says_is_shown_and_not_obeyed(void **state)
{
	const char *text[] = {"\033]0;title\007 \033[2J \xc2\x9b"
			      "2J \xe2\x80\xae \xe2\x80\x8b \rX",
		NULL};
	struct run run = run_child(24, 80, draw_frames, text);
	struct buf frame = frame_of(&run, 0);

	assert_null(strstr(buf_str(&frame), "\033]"));
	assert_null(strstr(buf_str(&frame), "\033[2J"));
	assert_null(strstr(buf_str(&frame), "\xc2\x9b"));
	assert_null(strstr(buf_str(&frame), "\xe2\x80"));
	assert_null(strchr(buf_str(&frame), '\007'));
	assert_non_null(strstr(buf_str(&frame), "<U+202E>"));
	assert_non_null(strstr(buf_str(&frame), "^M"));
	buf_finish(&frame);
	run_finish(&run);
}

static void draw_everywhere(void *arg)
{
	static const int sizes[][2] = {{1, 1}, {1, 2}, {2, 1}, {200, 500}, {3, 3}, {24, 80}};

	open_and_draw();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct winsize window = {.ws_row = (unsigned short)sizes[i][0],
			.ws_col = (unsigned short)sizes[i][1]};
		struct term_size size;
		struct pane pane;

		ioctl(1, TIOCSWINSZ, &window);
		size = term_resize();
		if (size.rows != sizes[i][0] || size.columns != sizes[i][1]) {
			_exit(97);
		}
		pane = (struct pane){0, 0, size.rows, size.columns};
		term_begin();
		for (int row = -2; row < size.rows + 2; row++) {
			pane_string(pane, row, -3, ELEMENT_STRONG,
				"\xe6\xbc\xa2\xe5\xad\x97\t\033 e\xcc\x81 long enough to be cut");
			pane_string(pane, row, size.columns - 1, ELEMENT_CODE, "\xe6\xbc\xa2");
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
		pane_meter(pane, 0, 0, size.columns, 0.5, 0.7);
		pane_sparkline(pane, 0, 0, size.columns, (const double[]){1, 2, 0}, 3);
		pane_line_right(pane, ELEMENT_BORDER);
		pane_line_below(pane, ELEMENT_BORDER);
		pane_cursor(pane, size.rows, size.columns + 5);
		term_show();
	}
	term_close();
}

static void every_size_can_be_drawn_on(void **state)
{
	struct run run = run_child(24, 80, draw_everywhere, NULL);

	assert_true(WIFEXITED(run.status));
	assert_int_equal(WEXITSTATUS(run.status), 0);
	is_restored(&run);
	run_finish(&run);
}

/* ---- colours ---- */

static void draw_error(void *arg)
{
	const char *const *env = arg;

	for (; *env; env += 2) {
		setenv(env[0], env[1], 1);
	}
	open_and_draw();
	term_begin();
	pane_string((struct pane){0, 0, 24, 80}, 5, 0, ELEMENT_ERROR, "wrong");
	term_show();
	term_close();
}

static void colours_are_the_terminals_own_and_none_under_no_color(void **state)
{
	const char *colour[] = {"NO_COLOR", "", NULL}, *none[] = {"NO_COLOR", "1", NULL},
		   *mono[] = {"TERM", "vt100", NULL};
	struct run run = run_child(24, 80, draw_error, colour);

	assert_non_null(strstr(buf_str(&run.written), "\033[31m"));
	run_finish(&run);
	run = run_child(24, 80, draw_error, none);
	assert_null(strstr(buf_str(&run.written), "\033[31"));
	assert_non_null(strstr(buf_str(&run.written), "wrong"));
	run_finish(&run);
	run = run_child(24, 80, draw_error, mono);
	assert_null(strstr(buf_str(&run.written), "\033[31"));
	assert_non_null(strstr(buf_str(&run.written), "wrong"));
	run_finish(&run);
}

static void every_common_terminal_can_run_it_and_a_dumb_one_cannot(void **state)
{
	static const char *const names[] = {"xterm", "xterm-256color", "linux", "vt100", "screen",
		"tmux-256color", "rxvt-unicode", "ansi"};
	const char *why = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		setenv("TERM", names[i], 1);
		assert_true(tui_can_run(&why));
	}
	setenv("TERM", "dumb", 1);
	assert_false(tui_can_run(&why));
	assert_non_null(why);
	setenv("TERM", "no-such-terminal", 1);
	assert_false(tui_can_run(&why));
	unsetenv("TERM");
	assert_false(tui_can_run(&why));
	setenv("TERM", "xterm-256color", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(return_and_exit_restore_it),
		cmocka_unit_test(fatal_signals_restore_it_and_still_kill),
		cmocka_unit_test(a_stack_that_overflows_restores_it),
		cmocka_unit_test(memory_that_runs_out_restores_it_before_the_sentence),
		cmocka_unit_test(what_goes_to_stderr_waits_until_there_is_a_place_for_it),
		cmocka_unit_test(a_program_in_between_has_the_terminal_as_it_was),
		cmocka_unit_test(a_frame_writes_only_what_changed),
		cmocka_unit_test(what_is_cut_ends_with_a_mark_and_spaces_may_hang_over),
		cmocka_unit_test(what_content_says_is_shown_and_not_obeyed),
		cmocka_unit_test(every_size_can_be_drawn_on),
		cmocka_unit_test(colours_are_the_terminals_own_and_none_under_no_color),
		cmocka_unit_test(every_common_terminal_can_run_it_and_a_dumb_one_cannot),
	};

	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("NO_COLOR");
	unsetenv("COLORTERM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
