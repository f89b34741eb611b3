#include "tests/screens/terminal.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tests/screens/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

/* libvterm 0.1 writes a wide character's right half into a column that a narrower screen has not. */
enum { READ_BYTES = 1 << 16, DRAIN_MS = 30, VTERM_COLUMNS_LEAST = 2 };

struct terminal {
	int master, control; /* -1: closed */
	pid_t keeper, job;
	enum terminal_state state;
	int status;
	int rows, columns; /* what the program is told; libvterm may have more columns */
	VTerm *vt;
	VTermScreen *screen;
	int is_alternate, is_cursor_shown;
	struct buf bytes, replies;
	long last_ms;
	struct termios modes;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int take_property(VTermProp property, VTermValue *value, void *arg)
{
	struct terminal *terminal = arg;

	if (property == VTERM_PROP_ALTSCREEN) {
		terminal->is_alternate = value->boolean;
	} else if (property == VTERM_PROP_CURSORVISIBLE) {
		terminal->is_cursor_shown = value->boolean;
	}
	return 1;
}

/* What a terminal answers; a program that asks it anything has failed the whitelist by then. */
static void take_reply(const char *bytes, size_t len, void *arg)
{
	struct terminal *terminal = arg;

	buf_add(&terminal->replies, bytes, len);
}

static int vterm_columns(int columns)
{
	return columns < VTERM_COLUMNS_LEAST ? VTERM_COLUMNS_LEAST : columns;
}

static void make_screen(struct terminal *terminal)
{
	static const VTermScreenCallbacks callbacks = {.settermprop = take_property};

	terminal->vt = vterm_new(terminal->rows, vterm_columns(terminal->columns));
	vterm_set_utf8(terminal->vt, 1);
	vterm_output_set_callback(terminal->vt, take_reply, terminal);
	terminal->screen = vterm_obtain_screen(terminal->vt);
	vterm_screen_enable_altscreen(terminal->screen, 1);
	vterm_screen_set_callbacks(terminal->screen, &callbacks, terminal);
	vterm_screen_reset(terminal->screen, 1);
	terminal->is_cursor_shown = 1;
}

struct terminal *terminal_run(char *const *argv, char *const *env, const char *folder, int rows,
	int columns, struct buf *why)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	struct terminal *terminal = mem_zero(1, sizeof(*terminal));
	int control[2], here;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
		openpty(&terminal->master, &here, NULL, NULL, &size) < 0) {
		buf_printf(why, "there is no pseudo-terminal: %s", strerror(errno));
		free(terminal);
		return NULL;
	}
	fcntl(terminal->master, F_SETFD, FD_CLOEXEC);
	tcgetattr(here, &terminal->modes);
	terminal->rows = rows;
	terminal->columns = columns;
	make_screen(terminal);
	terminal->keeper = fork();
	if (terminal->keeper == 0) {
		close(control[0]);
		close(terminal->master); /* or it could not hang up */
		login_tty(here);
		if (chdir(folder) < 0) {
			perror(folder);
			_exit(127);
		}
		keeper_run(control[1], argv, env);
	}
	close(here);
	close(control[1]);
	terminal->control = control[0];
	fcntl(terminal->master, F_SETFL, O_NONBLOCK);
	terminal->last_ms = now_ms();
	while (!terminal->job && terminal->state != TERMINAL_ENDED) {
		terminal_pump(terminal, 100);
	}
	return terminal;
}

static void close_master(struct terminal *terminal)
{
	if (terminal->master >= 0) {
		close(terminal->master);
		terminal->master = -1;
	}
}

void terminal_destroy(struct terminal *terminal)
{
	char order = KEEPER_LEAVE;

	if (!terminal) {
		return;
	}
	if (terminal->control >= 0) {
		if (terminal->state != TERMINAL_ENDED && terminal->job > 0) {
			kill(-terminal->job, SIGKILL);
			kill(-terminal->job, SIGCONT);
		}
		if (write(terminal->control, &order, 1) != 1) {
			kill(terminal->keeper, SIGKILL);
		}
		close(terminal->control);
	}
	close_master(terminal);
	waitpid(terminal->keeper, NULL, 0);
	vterm_free(terminal->vt);
	buf_finish(&terminal->bytes);
	buf_finish(&terminal->replies);
	free(terminal);
}

static void take_news(struct terminal *terminal)
{
	struct keeper_message message;

	if (read(terminal->control, &message, sizeof(message)) != (ssize_t)sizeof(message)) {
		terminal->state = TERMINAL_ENDED; /* the keeper is gone */
		terminal->status = -1;
		close(terminal->control);
		terminal->control = -1;
		return;
	}
	terminal->job = message.pid;
	terminal->status = message.status;
	terminal->state = message.news == KEEPER_ENDED     ? TERMINAL_ENDED
			  : message.news == KEEPER_STOPPED ? TERMINAL_STOPPED
							   : TERMINAL_RUNNING;
}

static int take_bytes(struct terminal *terminal)
{
	char bytes[READ_BYTES];
	ssize_t n = read(terminal->master, bytes, sizeof(bytes));

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close_master(terminal);
		}
		return 0;
	}
	buf_add(&terminal->bytes, bytes, (size_t)n);
	vterm_input_write(terminal->vt, bytes, (size_t)n);
	terminal->last_ms = now_ms();
	if (terminal->replies.len && terminal->master >= 0) {
		/* Lost where the program does not read: so would a terminal's be. */
		n = write(terminal->master, terminal->replies.data, terminal->replies.len);
		buf_clear(&terminal->replies);
	}
	return 1;
}

int terminal_pump(struct terminal *terminal, int ms)
{
	struct pollfd fds[] = {{terminal->master, POLLIN, 0}, {terminal->control, POLLIN, 0}};
	int came = 0;

	if (poll(fds, ARRAY_LEN(fds), ms) <= 0) {
		return 0;
	}
	if (fds[0].revents) {
		came = take_bytes(terminal);
	}
	if (fds[1].revents) {
		take_news(terminal);
		if (terminal->state != TERMINAL_RUNNING) {
			/* What it wrote last may still be on its way through the driver. */
			while (terminal->master >= 0 && terminal_pump(terminal, DRAIN_MS)) {
			}
		}
		came = 1;
	}
	return came;
}

long terminal_quiet_ms(const struct terminal *terminal)
{
	return now_ms() - terminal->last_ms;
}

int terminal_send(struct terminal *terminal, const char *bytes, size_t len, int limit_ms)
{
	long until = now_ms() + limit_ms;

	while (len && terminal->master >= 0 && now_ms() < until) {
		ssize_t n = write(terminal->master, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else {
			struct pollfd fd = {terminal->master, POLLOUT, 0};

			poll(&fd, 1, 5);
		}
		terminal_pump(terminal, 0);
	}
	return len ? -1 : 0;
}

void terminal_resize(struct terminal *terminal, int rows, int columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	terminal->rows = rows;
	terminal->columns = columns;
	vterm_set_size(terminal->vt, rows, vterm_columns(columns));
	ioctl(terminal->master, TIOCSWINSZ, &size);
}

void terminal_hang_up(struct terminal *terminal)
{
	close_master(terminal);
}

void terminal_continue(struct terminal *terminal)
{
	char order = KEEPER_CONTINUE;

	terminal->state = TERMINAL_RUNNING;
	if (write(terminal->control, &order, 1) != 1) {
		terminal->state = TERMINAL_ENDED;
	}
}

enum terminal_state terminal_state(const struct terminal *terminal)
{
	return terminal->state;
}

int terminal_status(const struct terminal *terminal)
{
	return terminal->status;
}

pid_t terminal_pid(const struct terminal *terminal)
{
	return terminal->job;
}

/* Name and parent of a process; 0 where it is gone. */
static int read_process(int pid, char name[64], int *parent)
{
	char path[64];
	FILE *stat;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	if (!stat) {
		return 0;
	}
	n = fscanf(stat, "%*d (%63[^)]) %*c %d", name, parent);
	fclose(stat);
	return n == 2;
}

static int descends(int pid, pid_t from)
{
	char name[64];

	for (int depth = 0; depth < 8 && pid > 1; depth++) {
		if (!read_process(pid, name, &pid)) {
			return 0;
		}
		if (pid == from) {
			return 1;
		}
	}
	return 0;
}

pid_t terminal_find_child(const struct terminal *terminal, const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name), parent;
		char comm[64];

		if (pid > 0 && read_process(pid, comm, &parent) && strcmp(comm, name) == 0 &&
			descends(pid, terminal->job)) {
			found = pid;
		}
	}
	if (proc) {
		closedir(proc);
	}
	return found;
}

void terminal_size(const struct terminal *terminal, int *rows, int *columns)
{
	*rows = terminal->rows;
	*columns = terminal->columns;
}

int terminal_cell(const struct terminal *terminal, int row, int column, VTermScreenCell *cell)
{
	return vterm_screen_get_cell(terminal->screen, (VTermPos){.row = row, .col = column}, cell);
}

static void add_cell(struct buf *text, int **columns, int column, const VTermScreenCell *cell)
{
	size_t before = text->len;

	if (cell->chars[0] == UINT32_MAX) { /* the right half of a wide one */
		return;
	}
	if (!cell->chars[0]) {
		buf_addch(text, ' ');
	}
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++) {
		char bytes[4];

		buf_add(text, bytes, utf8_encode(cell->chars[i], bytes));
	}
	if (columns) {
		*columns = mem_resize(*columns, text->len, sizeof(**columns));
		for (size_t i = before; i < text->len; i++) {
			(*columns)[i] = column;
		}
	}
}

void terminal_row(const struct terminal *terminal, int row, struct buf *text, int **columns)
{
	int rows, n_column;
	VTermScreenCell cell;

	buf_clear(text);
	terminal_size(terminal, &rows, &n_column);
	for (int column = 0; column < n_column; column++) {
		if (terminal_cell(terminal, row, column, &cell)) {
			add_cell(text, columns, column, &cell);
		}
	}
	while (text->len && text->data[text->len - 1] == ' ') {
		text->data[--text->len] = 0;
	}
}

int terminal_cursor(const struct terminal *terminal, int *row, int *column)
{
	VTermPos at;

	vterm_state_get_cursorpos(vterm_obtain_state(terminal->vt), &at);
	*row = at.row;
	*column = at.col;
	return terminal->is_cursor_shown;
}

const struct buf *terminal_bytes(const struct terminal *terminal)
{
	return &terminal->bytes;
}

/* Where the last one of these bytes stands, from 1; 0: nowhere. */
static size_t last_written(const struct terminal *terminal, const char *text)
{
	size_t at = 0;
	const char *found;

	while (at < terminal->bytes.len &&
		(found = memmem(terminal->bytes.data + at, terminal->bytes.len - at, text,
			 strlen(text)))) {
		at = (size_t)(found - terminal->bytes.data) + 1;
	}
	return at;
}

static int modes_are_equal(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

/* Attributes that are left on. */
static int has_pen(const struct terminal *terminal)
{
	static const VTermAttr attributes[] = {VTERM_ATTR_BOLD, VTERM_ATTR_UNDERLINE,
		VTERM_ATTR_ITALIC, VTERM_ATTR_BLINK, VTERM_ATTR_REVERSE};
	VTermState *state = vterm_obtain_state(terminal->vt);
	VTermValue value;

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (vterm_state_get_penattr(state, attributes[i], &value) && value.number) {
			return 1;
		}
	}
	vterm_state_get_penattr(state, VTERM_ATTR_FOREGROUND, &value);
	if (!VTERM_COLOR_IS_DEFAULT_FG(&value.color)) {
		return 1;
	}
	vterm_state_get_penattr(state, VTERM_ATTR_BACKGROUND, &value);
	return !VTERM_COLOR_IS_DEFAULT_BG(&value.color);
}

int terminal_is_restored(const struct terminal *terminal, struct buf *why)
{
	struct termios modes;

	if (terminal->master < 0) {
		return 1; /* nobody sees it any more */
	}
	if (tcgetattr(terminal->master, &modes) < 0 || !modes_are_equal(&modes, &terminal->modes)) {
		buf_addstr(why, "the modes of the terminal are not as before");
	} else if (last_written(terminal, "\033[?2004h") > last_written(terminal, "\033[?2004l")) {
		buf_addstr(why, "bracketed paste is left on");
	} else if (last_written(terminal, "\033[?1h") > last_written(terminal, "\033[?1l") ||
		   last_written(terminal, "\033=") > last_written(terminal, "\033>")) {
		buf_addstr(why, "the keypad is left in application mode");
	} else if (terminal->is_alternate) {
		buf_addstr(why, "the alternate screen is left on");
	} else if (!terminal->is_cursor_shown ||
		   last_written(terminal, "\033[?25l") > last_written(terminal, "\033[?25h")) {
		/* The bytes, too: libvterm shows it when the alternate screen is left, xterm does not. */
		buf_addstr(why, "the cursor is left hidden");
	} else if (has_pen(terminal)) {
		buf_addstr(why, "an attribute or a colour is left on");
	} else {
		return 1;
	}
	return 0;
}
