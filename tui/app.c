/*
 * The loop: the keyboard, the desk, signals, what is said on stderr and timers, one poll for all of
 * them. Each turn takes what is there; then the screen is drawn, once.
 */
#include "base/log.h"
#include "base/mem.h"
#include "tui/app_internal.h"
#include "tui/input.h"
#include "tui/keyboard.h"
#include "tui/term.h"
#include "tui/view_table.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A frame every 16 ms at most; behind a key sooner, so that a frame just drawn does not delay it. */
enum { FRAME_MS = 16, KEY_FRAME_MS = 4, READ_BYTES = 16 << 10, EVENTS_MOST = 256 };
enum { SLICE_NS = 100000 };

struct loop {
	struct keyboard *keyboard;
	int signal_fd;
	sigset_t signals, before;
	double late_s;  /* when a lone Esc is one; 0: nothing waits */
	double drawn_s; /* the last frame */
	int is_keyed;   /* a key came since */
};

double app_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void app_touch(struct app *app)
{
	app->is_dirty = 1;
}

/* ---- timers ---- */

void app_after(struct app *app, int ms, void (*call)(struct app *app))
{
	double due_s = app_clock_s() + ms / 1e3;

	for (size_t i = 0; i < app->n_timer; i++) {
		if (app->timer[i].call == call) {
			app->timer[i].due_s = due_s;
			return;
		}
	}
	mem_grow(app->timer, app->n_timer, app->cap_timer);
	app->timer[app->n_timer++] = (struct app_timer){due_s, call};
}

static void run_timers(struct app *app)
{
	double now_s = app_clock_s();

	for (size_t i = 0; i < app->n_timer;) {
		struct app_timer timer = app->timer[i];

		if (timer.due_s > now_s) {
			i++;
			continue;
		}
		app->timer[i] = app->timer[--app->n_timer];
		timer.call(app);
	}
}

/* ---- what comes in ---- */

static void take_keys(struct app *app, struct loop *loop, int is_late)
{
	struct key key;
	int wait_ms = -1;

	while (!app->wants_quit && keyboard_next(loop->keyboard, is_late, &key, &wait_ms)) {
		app_key(app, &key);
		loop->is_keyed = 1;
		is_late = 0;
	}
	loop->late_s = wait_ms >= 0 ? app_clock_s() + wait_ms / 1e3 : 0;
}

static void read_keys(struct app *app, struct loop *loop)
{
	char bytes[READ_BYTES];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n > 0) {
		keyboard_feed(loop->keyboard, bytes, (size_t)n);
		take_keys(app, loop, 0);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		app->wants_quit = 1; /* the terminal is gone */
	}
}

static void read_desk(struct app *app)
{
	struct desk_event event;

	/* What comes faster than it is taken must not keep keys waiting. */
	for (int i = 0; i < EVENTS_MOST && desk_next(app->desk, &event); i++) {
		app_desk_event(app, &event);
	}
}

static void read_stderr(struct app *app)
{
	char bytes[4096];
	ssize_t n = read(term_stderr_fd(), bytes, sizeof(bytes));

	if (n > 0) {
		app_note_bytes(app, bytes, (size_t)n);
	}
}

static void resize(struct app *app)
{
	app->size = term_resize();
	app_touch(app);
}

static void read_signal(struct app *app, struct loop *loop)
{
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != sizeof(info)) {
		return;
	}
	switch (info.ssi_signo) {
	case SIGWINCH:
		resize(app);
		break;
	case SIGTSTP:
		app_suspend(app);
		break;
	case SIGCONT: /* whoever had the terminal meanwhile may have set it as it likes */
		term_return();
		resize(app);
		break;
	case SIGINT:
		app_action(app, ACTION_STOP);
		break;
	default: /* SIGTERM, SIGHUP */
		app->wants_quit = 1;
		break;
	}
}

/* ---- the terminal for others ---- */

/* Stop as if we had never caught it, with all of our job, and go on from here. */
static void stop_here(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL}, before;
	sigset_t stop, blocked;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigaction(SIGTSTP, &action, &before);
	kill(0, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(SIGTSTP, &before, NULL);
}

void app_suspend(struct app *app)
{
	app_keep_draft(app);
	term_leave();
	stop_here();
	term_return();
	resize(app);
}

static int spawn(pid_t *pid, char *const *argv)
{
	extern char **environ;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawnp(pid, argv[0], NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* Until it ends; where it is stopped (^Z in an editor), we are, too. */
static int wait_for(pid_t pid)
{
	int status = 0;

	for (;;) {
		if (waitpid(pid, &status, WUNTRACED) < 0) {
			if (errno == EINTR) {
				continue;
			}
			return -1;
		}
		if (!WIFSTOPPED(status)) {
			return status;
		}
		stop_here();
		kill(pid, SIGCONT);
	}
}

/* What was sent meanwhile was meant for the program: a signal that waits goes when it is ignored. */
static void forget_signal(int number)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	sigaction(number, &ignore, &before);
	sigaction(number, &before, NULL);
}

int app_run_program(struct app *app, char *const *argv, struct err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, quit;
	pid_t pid = 0;
	int error, status = 0;

	term_leave();
	sigaction(SIGQUIT, &ignore, &quit);
	error = spawn(&pid, argv);
	if (!error) {
		status = wait_for(pid);
	}
	sigaction(SIGQUIT, &quit, NULL);
	forget_signal(SIGINT);
	forget_signal(SIGTSTP);
	term_return();
	resize(app);
	if (error) {
		return err_set_errno(err, ERR_FAILURE, error, argv[0], "it could not be started");
	}
	return status == 0
		       ? 0
		       : err_set(err, ERR_FAILURE, argv[0], NULL, "it ended with status %d",
				 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* ---- the loop ---- */

static int open_signals(struct loop *loop, struct err *err)
{
	static const int taken[] = {SIGWINCH, SIGTSTP, SIGCONT, SIGINT, SIGTERM, SIGHUP};

	sigemptyset(&loop->signals);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		sigaddset(&loop->signals, taken[i]);
	}
	/* Before any thread is there: all of them leave these to us. */
	pthread_sigmask(SIG_BLOCK, &loop->signals, &loop->before);
	loop->signal_fd = signalfd(-1, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return loop->signal_fd < 0
		       ? err_set_errno(err, ERR_FAILURE, errno, NULL, "signals cannot be read")
		       : 0;
}

static void close_signals(struct loop *loop)
{
	if (loop->signal_fd >= 0) {
		close(loop->signal_fd);
	}
	pthread_sigmask(SIG_SETMASK, &loop->before, NULL);
}

static double frame_due_s(const struct loop *loop)
{
	return loop->drawn_s + (loop->is_keyed ? KEY_FRAME_MS : FRAME_MS) / 1e3;
}

static void draw_if_due(struct app *app, struct loop *loop)
{
	double now_s = app_clock_s();

	if (app->is_dirty && now_s >= frame_due_s(loop)) {
		app->is_dirty = 0;
		loop->is_keyed = 0;
		app_draw(app);
		loop->drawn_s = now_s;
	}
}

static int timeout_ms(const struct app *app, const struct loop *loop)
{
	double due_s = loop->late_s ? loop->late_s : 1e30, left_ms;

	for (size_t i = 0; i < app->n_timer; i++) {
		due_s = app->timer[i].due_s < due_s ? app->timer[i].due_s : due_s;
	}
	if (app->is_dirty && frame_due_s(loop) < due_s) {
		due_s = frame_due_s(loop);
	}
	if (due_s >= 1e30) {
		return -1;
	}
	left_ms = (due_s - app_clock_s()) * 1e3;
	return left_ms <= 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms + 1;
}

static void turn(struct app *app, struct loop *loop)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = desk_fd(app->desk), .events = POLLIN},
		{.fd = loop->signal_fd, .events = POLLIN},
		{.fd = term_stderr_fd(), .events = POLLIN},
	};

	if (poll(fds, ARRAY_LEN(fds), timeout_ms(app, loop)) < 0) {
		return;
	}
	if (fds[2].revents) {
		read_signal(app, loop);
	}
	if (fds[0].revents) {
		read_keys(app, loop);
	} else if (loop->late_s && app_clock_s() >= loop->late_s) {
		take_keys(app, loop, 1);
	}
	if (fds[1].revents) {
		read_desk(app);
	}
	if (fds[3].revents) {
		read_stderr(app);
	}
	run_timers(app);
	view_bury(app);
	draw_if_due(app, loop);
}

/* ---- begin and end ---- */

static void open_theme(struct app *app)
{
	struct err err = {0};
	const char *name = app->config->theme ? app->config->theme : "default";

	if (theme_load(&app->theme, name, app->config->theme_dir, &err) < 0) {
		app_complain(app, &err);
		theme_load(&app->theme, "default", NULL, NULL);
	}
	term_set_theme(&app->theme);
}

/* Each is in the log, and the first is said at once. */
static void take_mistake(void *arg, enum log_level level, const char *text)
{
	struct app *app = arg;

	app_log(app, level == LOG_ERROR, "%s", text);
	if (!app->message) {
		app->message = mem_strdup(text);
		app->message_is_error = level == LOG_ERROR;
	}
}

static void open_keys(struct app *app)
{
	struct err err = {0};

	app->keys = keys_create();
	log_set_sink(take_mistake, app); /* later it is the desk's */
	if (app->config->settings && keys_read(app->keys, app->config->settings, &err) < 0) {
		app_complain(app, &err);
	}
	log_set_sink(NULL, NULL);
}

/*
 * A key is answered before an engine that computes on all cores has used up its turn: a short slice, as
 * sched_setattr(2) has it, is an early deadline (Linux 6.12; older ones ignore it). Threads that exist
 * already keep theirs.
 */
static void ask_for_short_slices(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attr = {.size = sizeof(attr), .policy = SCHED_OTHER, .runtime_ns = SLICE_NS};

	attr.nice = getpriority(PRIO_PROCESS, 0);
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

static int app_open(struct app *app, struct err *err)
{
	open_theme(app);
	open_keys(app);
	app->size = term_resize();
	if (desk_open(&app->desk, app->config->host, err) < 0) {
		return -1;
	}
	ask_for_short_slices();
	app->state = desk_state(app->desk);
	app->input = input_create(app, app->config->history);
	view_open(app, view_ops_of(VIEW_CHAT) ? view_ops_of(VIEW_CHAT) : &view_log, NULL);
	app_load_first(app);
	app_preview_later(app);
	return 0;
}

/* The terminal goes back before the desk closes: that may take a while where KV is being written. */
static void app_close(struct app *app)
{
	app_keep_draft(app);
	view_close_all(app);
	input_destroy(app->input);
	term_close();
	app_desk_finish(app);
	desk_close(app->desk);
	keys_destroy(app->keys);
	theme_finish(&app->theme);
	app_note_finish(app);
	buf_finish(&app->search);
	free(app->draft);
	free(app->timer);
}

int tui_run(const struct tui_config *config, struct err *err)
{
	struct app app = {.config = config};
	struct loop loop = {.signal_fd = -1};
	int failed;

	if (open_signals(&loop, err) < 0) {
		return -1;
	}
	failed = term_open(err) < 0;
	if (!failed) {
		loop.keyboard = keyboard_create();
		failed = app_open(&app, err) < 0;
	}
	while (!failed && !app.wants_quit) {
		turn(&app, &loop);
	}
	app_close(&app);
	keyboard_destroy(loop.keyboard);
	close_signals(&loop);
	return failed ? -1 : 0;
}
