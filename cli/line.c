#include "cli/line.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/recall.h"
#include "base/utf8.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_LINES = 1000, MATCHES_SHOWN = 200 };

static const struct line_config *config;
static char *history_path;

/* ---- the terminal ---- */

/*
 * From line_open() to line_close() the terminal echoes nothing by itself, since its echo would obey
 * what is pasted in mid-answer, and pastes are marked at all times. Between two lines keys wait
 * unread; Ctrl-C is a signal then.
 */
static struct termios modes_before, modes_between;
static volatile sig_atomic_t is_taken;
static int has_paste_marks;

static void send_terminal(const char *text, size_t len)
{
	if (write(STDOUT_FILENO, text, len) < 0) {
		return; /* the terminal is gone */
	}
}

/* Both are called by signal handlers: only system calls. */
static void take_terminal(void)
{
	static const char paste_on[] = "\033[?2004h";

	tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_between);
	is_taken = 1;
	if (has_paste_marks) {
		send_terminal(paste_on, sizeof(paste_on) - 1);
	}
}

static void restore_terminal(void)
{
	static const char paste_off[] = "\033[?2004l\r";

	if (!is_taken) {
		return;
	}
	is_taken = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &modes_before);
	if (has_paste_marks) {
		send_terminal(paste_off, sizeof(paste_off) - 1);
	}
}

static void on_fatal(int number)
{
	restore_terminal();
	raise(number); /* SA_RESETHAND: it ends the program when the handler returns */
}

/* Ctrl-Z in mid-answer. */
static void on_stop(int number)
{
	int saved = errno;

	restore_terminal();
	raise(SIGSTOP);
	take_terminal();
	errno = saved;
}

static void guard_terminal(void)
{
	static const int fatal[] = {SIGHUP, SIGQUIT, SIGTERM, SIGABRT, SIGBUS, SIGFPE, SIGILL,
		SIGSEGV, SIGALRM, SIGXCPU};

	struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, old_stop;

	tcgetattr(STDIN_FILENO, &modes_before);
	modes_between = modes_before;
	modes_between.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	modes_between.c_cc[VMIN] = 1;
	modes_between.c_cc[VTIME] = 0;
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
		struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND}, old;

		sigemptyset(&action.sa_mask);
		/* What is ignored (nohup) or already looked after stays so. */
		if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
			sigaction(fatal[i], &action, NULL);
		}
	}
	sigemptyset(&stop.sa_mask);
	if (sigaction(SIGTSTP, NULL, &old_stop) == 0 && old_stop.sa_handler == SIG_DFL) {
		sigaction(SIGTSTP, &stop, NULL);
	}
	mem_at_exhaustion(restore_terminal);
	interrupt_at_exit(restore_terminal);
}

/* ---- what is shown ---- */

/*
 * Append one character as the line shows it and return its length. C0 controls are left to readline,
 * which shows them itself and knows what a line feed and a tab need.
 */
static size_t show_character(struct buf *shown, const char *at, size_t len)
{
	uint32_t cp;
	size_t n;

	if ((unsigned char)at[0] < 0x80) {
		buf_addch(shown, at[0]);
		return 1;
	}
	n = utf8_decode(at, len, &cp);
	n = n ? n : 1;
	escape_add(shown, at, n, ESCAPE_LINE);
	return n;
}

static size_t shown_bytes; /* of the line when it was last drawn: at least its columns */

/* Readline draws an escaped copy; the line itself keeps its bytes. */
static void redisplay(void)
{
	char *line = rl_line_buffer;
	int end = rl_end, point = rl_point, mark = rl_mark;
	struct buf shown = BUF_INIT;

	buf_reserve(&shown, (size_t)end + 1);
	for (int i = 0; i < end;) {
		int next = i + (int)show_character(&shown, line + i, (size_t)(end - i));

		if (point > i && point <= next) {
			rl_point = (int)shown.len;
		}
		if (mark > i && mark <= next) {
			rl_mark = (int)shown.len;
		}
		i = next;
	}
	rl_line_buffer = shown.data;
	rl_line_buffer[shown.len] = 0;
	rl_end = (int)shown.len;
	rl_redisplay();
	shown_bytes = shown.len;
	rl_line_buffer = line;
	rl_end = end;
	rl_point = point;
	rl_mark = mark;
	buf_finish(&shown);
}

/* The last component of what Tab could make of the line. */
static const char *match_name(const char *match)
{
	size_t len = strlen(match);

	if (len && match[len - 1] == '/') {
		len--;
	}
	while (len && match[len - 1] != '/') {
		len--;
	}
	return match + len;
}

static void show_matches(char **match, int count, int longest)
{
	int n = count < MATCHES_SHOWN ? count : MATCHES_SHOWN, widest = 0;
	char **name = mem_zero((size_t)n + 2, sizeof(*name));

	name[0] = mem_strdup("");
	for (int i = 1; i <= n; i++) {
		struct buf shown = BUF_INIT;
		const char *text = match_name(match[i]);

		escape_add(&shown, text, strlen(text), ESCAPE_LINE);
		widest = (int)shown.len > widest ? (int)shown.len : widest;
		name[i] = buf_take(&shown);
	}
	rl_display_match_list(name, n, widest);
	if (n < count) {
		fprintf(rl_outstream, "and %d more\n", count - n);
	}
	for (int i = 0; i <= n; i++) {
		free(name[i]);
	}
	free(name);
	rl_forced_update_display();
}

/* ---- completion ---- */

static char *next_command(const char *text, int state)
{
	static size_t next;
	const char *name;

	next = state ? next : 0;
	while ((name = config->command(next++))) {
		if (strncmp(name, text + 1, strlen(text + 1)) == 0) {
			return mem_printf("/%s", name);
		}
	}
	return NULL;
}

static size_t path_offset; /* where the path begins in the line */

static char *next_path(const char *text, int state)
{
	char *name = rl_filename_completion_function(text + path_offset, state), *match, *path;
	struct stat st;

	if (!name) {
		return NULL;
	}
	path = tilde_expand(name);
	match = mem_printf("%.*s%s%s", (int)path_offset, text, name,
		path && stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "/" : "");
	free(path);
	free(name);
	return match;
}

/* The word is the whole line up to the cursor: paths may hold blanks. */
static char **complete(const char *text, int start, int end)
{
	size_t word = strcspn(text, " ");
	char **match = NULL;

	rl_attempted_completion_over = 1;
	rl_completion_append_character = ' ';
	if (text[0] != '/') {
		return NULL;
	}
	if (!text[word]) {
		return rl_completion_matches(text, next_command);
	}
	if (strncmp(text + 1, config->path_command, word - 1) == 0 &&
		!config->path_command[word - 1]) {
		path_offset = word + strspn(text + word, " ");
		match = rl_completion_matches(text, next_path);
		rl_completion_suppress_append = 1;
		rl_filename_completion_desired =
			0; /* or readline would look for the line as a file */
	}
	return match;
}

/* ---- keys ---- */

static int is_pasting, is_abandoned;
static int interrupt_key = -1; /* while a line is typed */

static int abandon(int count, int key)
{
	is_abandoned = 1;
	return 0;
}

/*
 * Ctrl-C is a key among others while a line is typed: as a signal it would overtake and flush the
 * keys before it, perhaps between the wait for one and its read.
 */
static void prepare_terminal(int meta)
{
	struct termios modes;

	rl_prep_terminal(meta);
	rl_tty_set_echoing(1); /* readline echoes, whether the terminal did or not */
	if (tcgetattr(STDIN_FILENO, &modes) < 0 || modes.c_cc[VINTR] == _POSIX_VDISABLE) {
		return;
	}
	interrupt_key = modes.c_cc[VINTR];
	modes.c_cc[VINTR] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	rl_bind_key_in_map(interrupt_key, abandon, emacs_standard_keymap);
	rl_bind_key_in_map(interrupt_key, abandon, vi_insertion_keymap);
	rl_bind_key_in_map(interrupt_key, abandon, vi_movement_keymap);
}

/* One byte; EOF at the end of input, and where Ctrl-C ends a paste whose own end does not come. */
static int read_byte(FILE *stream)
{
	for (;;) {
		unsigned char byte;
		ssize_t n;

		if (is_pasting && !interrupt_wait(fileno(stream))) {
			return EOF;
		}
		n = read(fileno(stream), &byte, 1);
		if (n == 1) {
			is_abandoned = is_pasting && byte == interrupt_key;
			return is_abandoned ? EOF : byte;
		}
		if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
			return EOF;
		}
		if (errno == EAGAIN) {
			interrupt_wait(fileno(stream));
		}
	}
}

/*
 * What is searched for stands in a prompt that readline draws by itself: characters that could not
 * be shown there are dropped. In a line they are kept, see redisplay().
 */
static int read_key(FILE *stream)
{
	static char character[4];
	static size_t n, next;

	if (next < n) {
		return (unsigned char)character[next++];
	}
	for (;;) {
		int byte = read_byte(stream);
		uint32_t cp;

		if (byte < 0x80 || !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH)) {
			return byte;
		}
		character[0] = (char)byte;
		n = 1;
		while (utf8_incomplete_tail(character, n) == n && n < sizeof(character)) {
			if ((byte = read_byte(stream)) == EOF) {
				break;
			}
			character[n++] = (char)byte;
		}
		if (utf8_decode(character, n, &cp) == n && !escape_needed(cp)) {
			next = 1;
			return (unsigned char)character[0];
		}
		n = next = 0;
	}
}

/*
 * What stands between the marks of a paste goes into the line at once, its line ends as newlines.
 * (readline 8.2's own function inserts a text without an end where a paste has none.)
 */
static int paste(int count, int key)
{
	static const char end[] = "\033[201~";
	const size_t end_len = sizeof(end) - 1;
	struct buf text = BUF_INIT;
	int c;

	is_pasting = 1;
	RL_SETSTATE(RL_STATE_MOREINPUT);
	while ((c = rl_read_key()) >= 0) {
		if (c) { /* a line of readline's has no NUL */
			buf_addch(&text, c == '\r' ? '\n' : (char)c);
		}
		if (text.len >= end_len &&
			memcmp(text.data + text.len - end_len, end, end_len) == 0) {
			text.len -= end_len;
			text.data[text.len] = 0;
			rl_insert_text(text.data);
			break;
		}
	}
	RL_UNSETSTATE(RL_STATE_MOREINPUT);
	is_pasting = 0;
	buf_finish(&text);
	return 0;
}

static void open_readline(void)
{
	const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");

	has_paste_marks = terminal && terminal[0] && strcmp(terminal, "dumb") != 0;
	rl_readline_name = "carrel";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_prep_term_function = prepare_terminal;
	rl_getc_function = read_key;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_matches;
	rl_completer_word_break_characters = "";
	rl_initialize();
	/* Not before: readline asks nothing of a terminal that others draw on. */
	rl_redisplay_function = redisplay;
	rl_variable_bind("enable-bracketed-paste", "off"); /* see take_terminal() */
	if (config->plain) {
		rl_variable_bind("enable-active-region", "off");
	}
	if (config->plain || (no_color && no_color[0])) {
		rl_variable_bind("colored-stats", "off");
		rl_variable_bind("colored-completion-prefix", "off");
	}
	rl_bind_keyseq_in_map("\033[200~", paste, emacs_standard_keymap);
	rl_bind_keyseq_in_map("\033[200~", paste, vi_insertion_keymap);
}

/* ---- signals while a line is typed ---- */

static volatile sig_atomic_t wants_stop, was_continued, was_resized;

static void on_signal(int number)
{
	if (number == SIGTSTP) {
		wants_stop = 1;
	} else if (number == SIGCONT) {
		was_continued = 1;
	} else {
		was_resized = 1;
	}
}

static const int watched[] = {SIGTSTP, SIGCONT, SIGWINCH};

struct signals {
	struct sigaction old[ARRAY_LEN(watched)];
	sigset_t mask; /* of before: what a wait for a key lets through */
};

/* From here on signals come only while a key is waited for. */
static void signals_hold(struct signals *signals)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaddset(&held, watched[i]);
	}
	sigprocmask(SIG_BLOCK, &held, &signals->mask);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaction(watched[i], NULL, &signals->old[i]);
		if (signals->old[i].sa_handler != SIG_IGN) {
			sigaction(watched[i], &action, NULL);
		}
	}
}

static void signals_release(const struct signals *signals)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaction(watched[i], &signals->old[i], NULL);
	}
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* ---- lines ---- */

static struct {
	const char *prompt;
	char *line, *draft;
	char *told; /* what paused() was called with, or has from before */
	int is_done, was_abandoned, is_question;
} reading;

static void on_line(char *line)
{
	rl_callback_handler_remove();
	reading.line = line;
	reading.is_done = 1;
}

static void begin_line(void)
{
	rl_callback_handler_install(reading.prompt, on_line);
}

/*
 * Ctrl-C: what was typed stays on the screen, and a new line begins, as in a shell; a question is not
 * asked again.
 */
static void abandon_line(void)
{
	reading.was_abandoned = 1;
	rl_callback_sigcleanup();
	rl_point = rl_end;
	rl_redisplay_function();
	rl_crlf();
	rl_free_line_state();
	rl_callback_handler_remove();
	if (reading.is_question) {
		reading.is_done = 1;
		return;
	}
	begin_line();
}

/*
 * Where the line begins on the screen is known only while it is one row, before and after: a longer
 * one is drawn again below, so that nothing of anybody else's is erased.
 */
static void resize(void)
{
	size_t needed = strlen(reading.prompt) + shown_bytes + 1;
	struct winsize now = {0};
	int rows, columns;

	rl_get_screen_size(&rows, &columns);
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &now) == 0 && needed <= now.ws_col &&
		needed <= (size_t)columns) {
		rl_clear_visible_line();
	} else {
		rl_crlf();
		rl_on_new_line();
	}
	rl_resize_terminal();
}

static void obey_signals(void)
{
	if (is_abandoned || interrupt_pending()) {
		is_abandoned = 0;
		interrupt_clear();
		abandon_line();
	}
	if (wants_stop) {
		wants_stop = 0;
		rl_deprep_terminal();
		restore_terminal();
		raise(SIGSTOP); /* goes on here after SIGCONT */
		was_continued = 1;
	}
	if (was_continued) {
		/* Others have used the terminal meanwhile. */
		was_continued = 0;
		was_resized = 1;
		rl_deprep_terminal();
		take_terminal();
		prepare_terminal(1);
		rl_on_new_line();
		rl_redisplay_function();
	}
	if (was_resized) {
		was_resized = 0;
		resize();
	}
}

static void tell_paused(void)
{
	free(reading.told);
	reading.told = mem_strdup(rl_line_buffer);
	config->paused(config->arg, reading.told);
}

/* 1: a key is there. */
static int wait_for_key(const sigset_t *mask)
{
	static const struct timespec pause = {.tv_nsec = 500 * 1000000};
	struct pollfd key = {STDIN_FILENO, POLLIN, 0};
	int is_new = config->paused && !reading.is_question &&
		     strcmp(rl_line_buffer, reading.told ? reading.told : "") != 0;
	int n = ppoll(&key, 1, is_new ? &pause : NULL, mask);

	if (n == 0) {
		tell_paused();
	}
	return n > 0;
}

static char *read_line(const char *prompt, int is_question)
{
	struct signals signals;

	reading.prompt = prompt;
	reading.line = NULL;
	reading.is_done = reading.was_abandoned = 0;
	reading.is_question = is_question;
	interrupt_clear();
	signals_hold(&signals);
	begin_line();
	if (reading.draft && !is_question) {
		rl_insert_text(reading.draft);
		rl_redisplay_function();
		free(reading.told);
		reading.told = reading.draft;
		reading.draft = NULL;
	}
	while (!reading.is_done) {
		if (wait_for_key(&signals.mask)) {
			rl_callback_read_char();
		}
		if (!reading.is_done) {
			obey_signals();
		}
	}
	interrupt_clear();
	signals_release(&signals);
	return reading.line;
}

char *line_read(const char *prompt)
{
	return read_line(prompt, 0);
}

char *line_ask(const char *question)
{
	return read_line(question, 1);
}

int line_was_abandoned(void)
{
	return reading.was_abandoned;
}

void line_set_draft(const char *text)
{
	free(reading.draft);
	reading.draft = text[0] ? mem_strdup(text) : NULL;
}

/* ---- history ---- */

static void recall(void *arg, const char *text, size_t len)
{
	add_history(text);
}

static void history_open(void)
{
	char *folder = conf_state_dir();
	struct err err;

	if (!folder || conf_make_dir(folder, &err) < 0) {
		free(folder);
		return;
	}
	history_path = mem_printf("%s/history", folder);
	free(folder);
	using_history();
	stifle_history(HISTORY_LINES);
	if (recall_read(history_path, recall, NULL, &err) < 0) {
		log_info("%s: %s", err.where, err.what);
		free(history_path);
		history_path = NULL;
	}
}

void line_remember(const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
	struct err err;

	if (!line[0] || (last && strcmp(last->line, line) == 0)) {
		return;
	}
	add_history(line);
	if (history_path && recall_add(history_path, line, strlen(line), &err) < 0) {
		log_info("%s: %s", err.where, err.what);
	}
}

void line_open(const struct line_config *line_config)
{
	config = line_config;
	guard_terminal();
	open_readline();
	if (!config->no_history) {
		history_open();
	}
	take_terminal();
}

void line_lend_terminal(int lend)
{
	if (lend) {
		restore_terminal();
	} else {
		take_terminal();
	}
}

void line_close(void)
{
	struct err err;

	restore_terminal();
	line_set_draft("");
	free(reading.told);
	reading.told = NULL;
	if (history_path && recall_cut(history_path, HISTORY_LINES, &err) < 0) {
		log_info("%s: %s", err.where, err.what);
	}
	free(history_path);
	history_path = NULL;
}
