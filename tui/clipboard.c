#include "tui/clipboard.h"

#include "base/base64.h"
#include "base/mem.h"
#include "tui/term.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct clipboard_tool tools[] = {
	{"WAYLAND_DISPLAY", {"wl-copy"}, "wl-copy", "terminal, wl-copy"},
	{"DISPLAY", {"xclip", "-selection", "clipboard"}, "xclip", "terminal, xclip"},
	{"DISPLAY", {"xsel", "--clipboard", "--input"}, "xsel", "terminal, xsel"},
	{"TMUX", {"tmux", "load-buffer", "-"}, "tmux", "terminal, tmux"},
	{NULL, {"pbcopy"}, "pbcopy", "terminal, pbcopy"},
};

/* ---- the terminal ---- */

int clipboard_osc52(struct buf *out, const char *text, size_t len, int is_tmux)
{
	if ((len + 2) / 3 * 4 > CLIPBOARD_OSC52_BYTES) {
		return -1;
	}
	/* What tmux is to pass on has its escapes twice (tmux(1), allow-passthrough). */
	buf_addstr(out, is_tmux ? "\033Ptmux;\033\033]52;c;" : "\033]52;c;");
	base64_add(out, text, len);
	buf_addstr(out, is_tmux ? "\a\033\\" : "\a");
	return 0;
}

static int copy_to_terminal(const char *text, size_t len)
{
	const char *tmux = getenv("TMUX");
	struct buf sequence = BUF_INIT;
	int status = clipboard_osc52(&sequence, text, len, tmux && tmux[0]);

	if (status == 0) {
		term_write(sequence.data, sequence.len);
	}
	buf_finish(&sequence);
	return status;
}

/* ---- a tool ---- */

/* The file of a program, malloc'ed; NULL where PATH has none. Only folders that are named whole. */
static char *find_program(const char *name)
{
	const char *folder = getenv("PATH");

	while (folder && *folder) {
		size_t n = strcspn(folder, ":");
		char *path = mem_printf("%.*s/%s", (int)n, folder, name);

		if (folder[0] == '/' && access(path, X_OK) == 0) {
			return path;
		}
		free(path);
		folder += n + (folder[n] == ':');
	}
	return NULL;
}

/* The text as a file without a name, at its beginning; -1 where that cannot be had. */
static int open_text(const char *text, size_t len)
{
	int fd = memfd_create("clipboard", MFD_CLOEXEC);

	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0) {
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

/* In a child, between fork() and exec(): only what is safe there. */
static _Noreturn void become(const char *path, char *const *argv, int text_fd, int null_fd)
{
	sigset_t none;

	setsid(); /* the terminal's signals are not for it */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(text_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(null_fd, STDERR_FILENO);
	execv(path, argv);
	_exit(127);
}

/* Run it as nobody's child, so that nobody waits for it: some of these stay for as long as the text
   may be pasted. */
static int run_apart(const char *path, char *const *argv, int text_fd)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() == 0) {
			become(path, argv, text_fd, null_fd);
		}
		_exit(0);
	}
	if (null_fd >= 0) {
		close(null_fd);
	}
	if (pid < 0) {
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return 0;
}

static int run_tool(const struct clipboard_tool *tool, const char *text, size_t len)
{
	const char *there = tool->needs ? getenv(tool->needs) : "yes";
	char *argv[ARRAY_LEN(tool->argv)], *path;
	int fd, status = -1;

	path = there && there[0] ? find_program(tool->argv[0]) : NULL;
	fd = path ? open_text(text, len) : -1;
	if (fd >= 0) {
		memcpy(argv, tool->argv, sizeof(argv)); /* exec() changes none of them */
		status = run_apart(path, argv, fd);
		close(fd);
	}
	free(path);
	return status;
}

const struct clipboard_tool *clipboard_run_tool(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		if (run_tool(&tools[i], text, len) == 0) {
			return &tools[i];
		}
	}
	return NULL;
}

int clipboard_copy(const char *text, size_t len, const char **how, struct err *err)
{
	const struct clipboard_tool *tool = clipboard_run_tool(text, len);
	int is_sent = copy_to_terminal(text, len) == 0;

	if (!tool && !is_sent) {
		return err_set(err, ERR_FAILURE, NULL,
			"install wl-copy, xclip or xsel, or /export FILE",
			"%zu bytes are more than terminals take to copy", len);
	}
	*how = !tool ? "terminal" : is_sent ? tool->with_terminal : tool->alone;
	return 0;
}
