/*
 * carrel without a command: the line-mode chat. It only ever appends to the screen, so that it
 * serves screen readers, dumb terminals and pipes; from a pipe each line is a message.
 */
#include "cli/commands.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"
#include "loaders/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_LINES = 1000 };

struct chat {
	const struct options *options;
	struct session *session;
	struct engine *engine;
	struct engine_sampling sampling;
	double submit_s;
	int interactive, ends_with_newline, any_text, quit;
	int status; /* of a script: the code of the first thing that failed */
	char *history_path;
};

static const char prompt_text[] = "> ";

static void on_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	struct chat *chat = arg;

	start_show_prefill(chat->submit_s, done_tok, total_tok, cached_tok);
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct chat *chat = arg;

	if (!chat->any_text) {
		log_progress_clear();
	}
	if (len) {
		chat->any_text = 1;
		output_text(text, len);
		fflush(stdout);
		chat->ends_with_newline = text[len - 1] == '\n';
	}
}

static int on_stopped(void *arg)
{
	return interrupt_pending();
}

/* Say what failed; the chat goes on. */
static void complain(struct chat *chat, const struct err *err)
{
	log_err(err);
	if (!chat->status) {
		chat->status = err->code;
	}
}

static void ask(struct chat *chat, const char *question)
{
	struct session_watch watch = {on_prefill, on_text, on_stopped, chat};
	struct session_answer answer = {0};
	struct err err;
	int status;

	interrupt_clear();
	chat->submit_s = output_clock_s();
	chat->any_text = 0;
	status = session_ask(chat->session, chat->engine, question, &chat->sampling,
		chat->options->max_tok, &watch, &answer, &err);
	log_progress_clear();
	if (chat->any_text && !chat->ends_with_newline) {
		putchar('\n');
	}
	fflush(stdout);
	if (status < 0) {
		complain(chat, &err);
	} else {
		if (answer.stop == ENGINE_STOP_CANCELLED) {
			log_note("stopped; what came is kept");
		}
		start_show_citations(&answer);
		start_show_usage(&answer);
	}
	session_answer_finish(&answer);
	interrupt_clear();
}

static int load(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err)
{
	struct load_result loaded = {0};
	size_t unreadable;
	int status = start_load(&loaded, path, n_path, partial, &unreadable, err);

	if (status == 0) {
		size_t first = session_source_count(chat->session);

		session_add_sources(chat->session, &loaded);
		for (size_t i = first; i < session_source_count(chat->session); i++) {
			struct session_source source = session_source_at(chat->session, i);

			log_note("%s %s %s", source.id, source.kind, source.path);
		}
	}
	load_result_finish(&loaded);
	return status;
}

/* ---- /commands ---- */

static void slash_help(struct chat *chat, const char *argument);

static void slash_load(struct chat *chat, const char *argument)
{
	struct err err;

	if (!argument[0]) {
		err_set(&err, ERR_USAGE, "/load", "/load PATH", "needs the path of a file");
		complain(chat, &err);
	} else if (load(chat, &argument, 1, 0, &err) < 0) {
		complain(chat, &err);
	}
}

static void slash_quit(struct chat *chat, const char *argument)
{
	chat->quit = 1;
}

static void slash_sources(struct chat *chat, const char *argument)
{
	struct err err;
	int64_t total_tok;

	if (session_count(chat->session, chat->engine, &total_tok, &err) < 0) {
		complain(chat, &err);
		return;
	}
	for (size_t i = 0; i < session_source_count(chat->session); i++) {
		struct session_source source = session_source_at(chat->session, i);

		output_line("%-4s %10lld tok  %-10s %s", source.id, (long long)source.tokens,
			source.kind, source.path);
	}
	output_line("context %lld of %lld tokens", (long long)total_tok,
		(long long)engine_info(chat->engine)->context_tok);
}

static const struct slash {
	const char *name, *argument, *help;
	void (*run)(struct chat *chat, const char *argument);
} slash_table[] = {
	{"help", "", "show these commands", slash_help},
	{"load", "PATH", "add a file or a directory to the sources", slash_load},
	{"quit", "", "leave (so does Ctrl-D)", slash_quit},
	{"sources", "", "show the sources and what they cost", slash_sources},
};

static void slash_help(struct chat *chat, const char *argument)
{
	for (size_t i = 0; i < ARRAY_LEN(slash_table); i++) {
		output_line("/%-8s %-5s %s", slash_table[i].name, slash_table[i].argument,
			slash_table[i].help);
	}
	output_line("Ctrl-C stops an answer and keeps what came. // begins a message with a /.");
}

static void slash(struct chat *chat, const char *line)
{
	size_t len = strcspn(line, " ");
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(slash_table); i++) {
		if (strlen(slash_table[i].name) == len &&
			strncmp(slash_table[i].name, line, len) == 0) {
			slash_table[i].run(chat, line + len + strspn(line + len, " "));
			fflush(stdout);
			return;
		}
	}
	err_set(&err, ERR_USAGE, NULL, "/help lists the commands", "there is no command /%.*s",
		(int)(len < 64 ? len : 64), line);
	complain(chat, &err);
}

static void take_line(struct chat *chat, char *line)
{
	size_t len = strlen(line);

	while (len && strchr(" \t\r\n", line[len - 1])) {
		line[--len] = 0;
	}
	if (!len) {
		return;
	}
	if (line[0] == '/' && line[1] != '/') {
		slash(chat, line + 1);
	} else {
		ask(chat, line[0] == '/' ? line + 1 : line);
	}
}

/* ---- the terminal ---- */

/* Ctrl-C while a line is being typed: begin a new one, as a shell does. */
static int on_readline_signal(void)
{
	if (interrupt_pending()) {
		interrupt_clear();
		rl_replace_line("", 0);
		rl_crlf();
		rl_on_new_line();
		rl_redisplay();
	}
	return 0;
}

/* The history is private: made 0600 under any umask. */
static void history_open(struct chat *chat)
{
	char *folder = conf_state_dir();
	struct err err;
	int fd;

	if (!folder || conf_make_dir(folder, &err) < 0) {
		free(folder);
		return;
	}
	chat->history_path = mem_printf("%s/history", folder);
	free(folder);
	fd = open(chat->history_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_info("%s cannot be opened: %s", chat->history_path, strerror(errno));
		free(chat->history_path);
		chat->history_path = NULL;
		return;
	}
	close(fd);
	using_history();
	stifle_history(HISTORY_LINES);
	read_history(chat->history_path);
}

static void history_remember(struct chat *chat, const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	if (!line[0] || (last && strcmp(last->line, line) == 0)) {
		return;
	}
	add_history(line);
	if (chat->history_path && append_history(1, chat->history_path) != 0) {
		log_info("%s cannot be written", chat->history_path);
	}
}

static void talk_on_terminal(struct chat *chat)
{
	rl_readline_name = "carrel";
	rl_catch_signals = 0;
	rl_signal_event_hook = on_readline_signal;
	rl_variable_bind("enable-bracketed-paste", "on");
	history_open(chat);
	log_note("%s: type a question, /help for commands, Ctrl-D to leave",
		engine_info(chat->engine)->model_name);
	while (!chat->quit) {
		char *line = readline(prompt_text);

		if (!line) {
			putchar('\n');
			break;
		}
		history_remember(chat, line);
		take_line(chat, line);
		free(line);
	}
	if (chat->history_path) {
		history_truncate_file(chat->history_path, HISTORY_LINES);
	}
	free(chat->history_path);
}

/* A script: each line is a message, and the exit status tells of the first failure. */
static void talk_from_pipe(struct chat *chat)
{
	char *line = NULL;
	size_t cap = 0;

	while (!chat->quit && getline(&line, &cap, stdin) >= 0) {
		take_line(chat, line);
	}
	free(line);
}

static int run(struct chat *chat, const char *system, struct err *err)
{
	struct session_config config = {.system = system, .no_cite = chat->options->no_cite};

	if (start_engine(&chat->engine, chat->options, err) < 0) {
		return -1;
	}
	chat->session = session_create(&config);
	if (chat->options->n_argument &&
		load(chat, chat->options->argument, chat->options->n_argument, 0, err) < 0) {
		return -1;
	}
	if (start_wait(chat->engine, err) < 0) {
		return -1;
	}
	if (chat->interactive) {
		talk_on_terminal(chat);
		return 0;
	}
	talk_from_pipe(chat);
	return chat->status;
}

int command_chat(const struct options *options, struct err *err)
{
	struct chat chat = {
		.options = options,
		.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	char *system;
	int status;

	interrupt_install();
	start_sampling(options, &chat.sampling);
	if (start_system_text(options, &system, err) < 0) {
		return -1;
	}
	status = run(&chat, system, err);
	session_destroy(chat.session);
	engine_close(chat.engine);
	free(system);
	return status;
}
