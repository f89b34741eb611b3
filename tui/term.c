#include "tui/term.h"

#include "base/log.h"
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/screen.h"
#include "tui/tui.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#undef lines
#undef columns

enum {
	RESTORE_BYTES = 512,
	ALT_STACK_BYTES = 64 << 10,
	BARS_ROWS = 3 /* rule, input, hints */
};

static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";

/*
 * What a signal handler needs stands ready beforehand: it may call write(), read(), dup2() and
 * tcsetattr(), and nothing of curses.
 */
static struct {
	volatile sig_atomic_t is_taken; /* the screen is ours now */
	char restore[RESTORE_BYTES];
	size_t n_restore;
	struct termios before;
	int own_stderr;   /* a copy of what it was; -1: it was left alone */
	int stderr_in[2]; /* a pipe in its place */
} shared = {.own_stderr = -1, .stderr_in = {-1, -1}};

static SCREEN *screen;
static FILE *screen_in, *screen_out;
static int is_open, has_utf8;

/* ---- the way back ---- */

static int gather(int c)
{
	if (shared.n_restore < RESTORE_BYTES) {
		shared.restore[shared.n_restore++] = (char)c;
	}
	return c;
}

static void gather_cap(const char *name)
{
	const char *bytes = tigetstr(name);

	if (bytes && bytes != (const char *)-1) {
		tputs(bytes, 1, gather);
	}
}

/* Plain attributes, the scroll region, the cursor, pastes, the screen that was there before. */
static void prepare_restore(void)
{
	shared.n_restore = 0;
	gather_cap("sgr0");
	gather_cap("op");
	for (size_t i = 0; i < sizeof(paste_off) - 1; i++) {
		gather(paste_off[i]);
	}
	gather_cap("cnorm");
	gather_cap("rmcup");
	if (!tigetstr("rmcup") || tigetstr("rmcup") == (char *)-1) {
		gather('\r');
		gather('\n');
	}
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100);
		} else if (n == 0 || errno != EINTR) {
			return;
		}
	}
}

/* stderr is what it was; what was said meanwhile is said there, now that there is a place for it. */
static void release_stderr(int with_rest)
{
	char bytes[512];
	ssize_t n;

	if (shared.own_stderr < 0) {
		return;
	}
	dup2(shared.own_stderr, STDERR_FILENO);
	while (with_rest && (n = read(shared.stderr_in[0], bytes, sizeof(bytes))) > 0) {
		write_all(STDERR_FILENO, bytes, (size_t)n);
	}
}

/* Only what a signal handler may do. */
static void restore_now(int with_rest)
{
	if (shared.is_taken) {
		shared.is_taken = 0;
		write_all(STDOUT_FILENO, shared.restore, shared.n_restore);
		tcsetattr(STDIN_FILENO, TCSANOW, &shared.before);
	}
	release_stderr(with_rest);
}

static const int fatal_signals[] = {
	SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGQUIT, SIGXCPU, SIGXFSZ};
static struct sigaction fatal_before[ARRAY_LEN(fatal_signals)];

static void die(int signal_number)
{
	int error = errno;

	restore_now(1);
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
		if (fatal_signals[i] == signal_number) {
			sigaction(signal_number, &fatal_before[i], NULL);
		}
	}
	/* It comes again on return, and finds what was there before us. */
	raise(signal_number);
	errno = error;
}

static void catch_fatal_signals(void)
{
	static char stack[ALT_STACK_BYTES]; /* a stack that overflowed is none to run on */
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)}, there;
	struct sigaction action = {.sa_handler = die, .sa_flags = SA_ONSTACK};

	if (sigaltstack(NULL, &there) == 0 && (there.ss_flags & SS_DISABLE)) {
		sigaltstack(&alternate, NULL);
	}
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
		if (sigaction(fatal_signals[i], NULL, &fatal_before[i]) == 0 &&
			fatal_before[i].sa_handler != SIG_IGN) {
			sigaction(fatal_signals[i], &action, NULL);
		}
	}
}

static void release_fatal_signals(void)
{
	for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++) {
		sigaction(fatal_signals[i], &fatal_before[i], NULL);
	}
}

static void restore_at_exhaustion(void)
{
	restore_now(1);
}

/* ---- taking it ---- */

static void take_stderr(void)
{
	if (shared.own_stderr < 0) {
		return;
	}
	fflush(stderr);
	dup2(shared.stderr_in[1], STDERR_FILENO);
}

static void open_stderr(void)
{
	if (!isatty(STDERR_FILENO) || pipe2(shared.stderr_in, O_CLOEXEC | O_NONBLOCK) < 0) {
		return; /* it goes elsewhere: nothing of it comes to the screen */
	}
	shared.own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	take_stderr();
}

static void close_stderr(void)
{
	release_stderr(1);
	for (int i = 0; i < 2; i++) {
		if (shared.stderr_in[i] >= 0) {
			close(shared.stderr_in[i]);
		}
		shared.stderr_in[i] = -1;
	}
	if (shared.own_stderr >= 0) {
		close(shared.own_stderr);
	}
	shared.own_stderr = -1;
}

int term_stderr_fd(void)
{
	return shared.stderr_in[0];
}

static void set_locale(void)
{
	setlocale(LC_CTYPE, "");
	has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!has_utf8) {
		setlocale(LC_CTYPE, "C.UTF-8"); /* characters are still counted as such */
	}
	cells_set_ascii(!has_utf8);
}

static void set_modes(void)
{
	raw();
	noecho();
	nonl();
	typeahead(-1);
	leaveok(stdscr, FALSE);
	idlok(stdscr, TRUE); /* a screen that scrolls by a row is not written anew */
}

static int no_color(void)
{
	const char *value = getenv("NO_COLOR");

	return value && value[0];
}

/*
 * curses writes 24-bit colours where the terminal's description is one of a direct terminal. Where
 * COLORTERM says that it is one and such a description is there (ncurses-term has them), that is it.
 */
static char *direct_name(const char *name)
{
	static const char suffix[] = "-256color";
	const char *depth = getenv("COLORTERM");
	size_t len = name ? strlen(name) : 0;
	char *direct;
	int result = 0, is_known, is_direct;

	if (!depth || no_color() ||
		(strcmp(depth, "truecolor") != 0 && strcmp(depth, "24bit") != 0) ||
		len <= sizeof(suffix) - 1 ||
		strcmp(name + len - (sizeof(suffix) - 1), suffix) != 0) {
		return NULL;
	}
	direct = mem_printf("%.*s-direct", (int)(len - (sizeof(suffix) - 1)), name);
	is_known = setupterm(direct, STDOUT_FILENO, &result) == OK;
	is_direct = is_known && tigetflag("RGB") > 0;
	if (is_known) {
		del_curterm(cur_term);
	}
	if (!is_direct) {
		free(direct);
		direct = NULL;
	}
	return direct;
}

static int open_screen(struct err *err)
{
	const char *name = getenv("TERM");
	char *direct = direct_name(name);

	/* The size is the window's, now and later: what a shell once exported is stale. */
	unsetenv("LINES");
	unsetenv("COLUMNS");
	screen_in = fdopen(dup(STDIN_FILENO), "r");
	screen_out = fdopen(dup(STDOUT_FILENO), "w");
	screen = screen_in && screen_out ? newterm(direct, screen_out, screen_in) : NULL;
	free(direct);
	if (!screen) {
		return err_set(err, ERR_FAILURE, name ? name : "TERM", "set TERM, or say --plain",
			"this terminal is not known");
	}
	set_term(screen);
	set_modes();
	if (!no_color() && has_colors() && start_color() == OK) {
		use_default_colors();
	}
	return 0;
}

static int color_count(void)
{
	if (no_color() || !has_colors()) {
		return 0;
	}
	return COLORS >= 1 << 24 ? 1 << 24 : COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : 8;
}

/* Past curses, which holds back what it began to write (within a sequence, too) until a refresh. */
static void begin(void)
{
	shared.is_taken = 1;
	refresh();
	write_all(STDOUT_FILENO, paste_on, sizeof(paste_on) - 1);
}

int term_open(struct err *err)
{
	static int is_registered;

	if (tcgetattr(STDIN_FILENO, &shared.before) < 0 || !isatty(STDOUT_FILENO)) {
		return err_set(err, ERR_FAILURE, NULL, "use it in one, or say --plain",
			"the workbench needs a terminal");
	}
	set_locale();
	if (open_screen(err) < 0) {
		return -1;
	}
	prepare_restore();
	open_stderr();
	catch_fatal_signals();
	if (!is_registered) {
		is_registered = 1;
		atexit(term_close);
		mem_at_exhaustion(restore_at_exhaustion);
	}
	is_open = 1;
	begin();
	term_resize();
	return 0;
}

/*
 * Without a screen of its own ours stays on the terminal, and the shell goes on in its last row: the
 * bars go, which are nobody's any more.
 */
static void clear_bars(void)
{
	const char *own = tigetstr("rmcup");

	if (!own || own == (const char *)-1) {
		bkgdset(' ');
		attrset(A_NORMAL);
		move(LINES > BARS_ROWS ? LINES - BARS_ROWS : 0, 0);
		clrtobot();
		refresh();
	}
}

void term_leave(void)
{
	if (!is_open || !shared.is_taken) {
		return;
	}
	write_all(STDOUT_FILENO, paste_off, sizeof(paste_off) - 1);
	clear_bars();
	endwin();
	shared.is_taken = 0;
	release_stderr(0);
}

void term_return(void)
{
	if (!is_open) {
		return;
	}
	take_stderr();
	reset_prog_mode();
	begin();
	term_resize();
	term_redraw();
}

void term_close(void)
{
	if (!is_open) {
		return;
	}
	term_leave();
	is_open = 0;
	release_fatal_signals();
	close_stderr();
	delscreen(screen);
	screen = NULL;
	fclose(screen_in);
	fclose(screen_out);
}

struct term_size term_resize(void)
{
	struct winsize window;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row && window.ws_col &&
		(window.ws_row != LINES || window.ws_col != COLS)) {
		resizeterm(window.ws_row, window.ws_col);
	}
	return (struct term_size){LINES, COLS};
}

void term_set_theme(const struct theme *theme)
{
	screen_set_theme(theme, color_count());
}

void term_begin(void)
{
	screen_begin();
}

void term_show(void)
{
	static int was_shown = -1;
	int row, column, is_shown = screen_cursor(&row, &column);

	if (is_shown != was_shown) {
		curs_set(is_shown);
		was_shown = is_shown;
	}
	if (is_shown) {
		move(row, column);
	}
	refresh();
}

void term_redraw(void)
{
	clearok(curscr, TRUE);
}

int term_has_utf8(void)
{
	return has_utf8;
}

void term_write(const char *bytes, size_t len)
{
	if (shared.is_taken) {
		write_all(STDOUT_FILENO, bytes, len);
	}
}

int tui_can_run(const char **why)
{
	const char *name = getenv("TERM");
	int result = 0;

	if (!name || !name[0] || strcmp(name, "dumb") == 0) {
		*why = "TERM says that it cannot move its cursor";
		return 0;
	}
	if (setupterm(NULL, STDOUT_FILENO, &result) == ERR) {
		*why = "TERM names a terminal that is not known here";
		return 0;
	}
	result = tigetstr("cup") && tigetstr("cup") != (char *)-1;
	if (!result) {
		*why = "it cannot move its cursor";
	}
	del_curterm(cur_term);
	return result;
}
