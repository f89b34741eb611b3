/*
 * carrel without a command: the line-mode chat. It only ever appends to the screen, so that it
 * serves screen readers, dumb terminals and pipes; from a pipe each line is a message.
 */
#include "cli/chat.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/workbench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRIPT_READ_BYTES = 65536 };

static void on_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	struct chat *chat = arg;

	if (!reading_is_under_way(&chat->view)) {
		start_show_prefill(chat->submit_s, done_tok, total_tok, cached_tok);
	}
}

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct chat *chat = arg;

	reading_show(&chat->view, progress);
	if (progress->step == SESSION_ANSWERING) {
		chat->submit_s = output_clock_s();
	}
}

/* Thoughts are folded to one line, dim where the terminal can do that. */
static void tell_thinking(struct chat *chat)
{
	int is_dim = !chat->options->plain && output_has_style();
	long long n_tok = (long long)chat->thinking.n_tok;

	if (!start_end_thinking(&chat->thinking)) {
		return;
	}
	log_progress_clear();
	if (!chat->interactive) {
		log_note("thought for %lld tokens", n_tok);
	} else if (!chat->options->quiet) {
		printf("%sthought for %lld tokens; /thinking shows it%s\n", is_dim ? "\033[2m" : "",
			n_tok, is_dim ? "\033[22m" : "");
		fflush(stdout);
	}
}

static void on_thinking(void *arg, const char *text, size_t len, int64_t n_tok)
{
	struct chat *chat = arg;

	start_show_thinking(&chat->thinking, text, len, n_tok);
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct chat *chat = arg;

	tell_thinking(chat);
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

int chat_stopped(void *arg)
{
	return interrupt_pending() || output_flush() < 0;
}

/* Ctrl-C at a terminal stops one answer; nobody is there to stop a script's next one. */
static void end_script(struct chat *chat)
{
	if (!chat->interactive) {
		chat->status = ERR_INTERRUPTED;
		chat->quit = 1;
	}
}

void chat_complain(struct chat *chat, const struct err *err)
{
	log_err(err);
	if (err->code == ERR_INTERRUPTED) {
		end_script(chat);
	} else if (!chat->status) {
		chat->status = err->code;
	}
}

static void keep_thinking(struct chat *chat, struct session_answer *answer)
{
	free(chat->last_thinking);
	chat->last_thinking = NULL;
	if (answer->thinking_len) {
		chat->last_thinking = answer->thinking;
		answer->thinking = NULL;
	}
}

void chat_unfork(struct chat *chat)
{
	struct err err;

	if (chat->before_fork >= 0 && session_switch(chat->session, chat->before_fork, &err) < 0) {
		log_err(&err);
	}
	chat->before_fork = -1;
}

/* What is known once it is on disk. */
static void tell_answer(struct chat *chat, struct session_answer *answer)
{
	keep_thinking(chat, answer);
	if (answer->stop == ENGINE_STOP_CANCELLED || answer->coverage.is_stopped) {
		end_script(chat);
	}
	if (chat->resume.name && answer->turn) {
		log_info("saved as turn %lld", (long long)answer->turn);
	}
	if (answer->is_thinking) {
		start_show_unanswered(answer, chat->options, engine_info(chat->engine));
	} else if (answer->stop == ENGINE_STOP_CANCELLED && answer->turn) {
		log_note("stopped; what came is kept");
	} else if (answer->coverage.is_stopped && !answer->turn && !answer->coverage.n_find) {
		log_note("nothing was found until then; the question is not kept");
	} else if (answer->stop == ENGINE_STOP_CANCELLED) {
		log_note("stopped before the first word; the question is not kept");
	}
	reading_tell(&chat->reading, answer, "/again sweep");
	start_show_citations(answer);
	start_show_usage(answer);
}

/* What failed can be sent again as it is, or better. */
static void keep_question(struct chat *chat, const char *question)
{
	if (chat->interactive) {
		line_set_draft(question);
	}
	session_set_draft(chat->session, question, NULL);
}

static void hint_context(const struct chat *chat, struct err *err)
{
	if (err->code != ERR_CONTEXT) {
		return;
	}
	if (chat->reading.how.over == SESSION_OVER_FAIL) {
		snprintf(err->hint, sizeof(err->hint), "/over auto reads it in parts%s",
			session_turn_count(chat->session)
				? "; /new begins another, /switch N goes back"
				: "");
	} else if (session_turn_count(chat->session)) {
		snprintf(err->hint, sizeof(err->hint), "/new begins another, /switch N goes back");
	}
}

int chat_ask(struct chat *chat, const char *question, const struct engine_sampling *sampling)
{
	struct session_watch watch = {.prefill = on_prefill,
		.text = on_text,
		.stopped = chat_stopped,
		.arg = chat,
		.thinking = on_thinking,
		.reading = on_reading};
	struct session_answer answer = {0};
	struct err err;
	int status;

	if (session_check_sources(chat->session, engine_info(chat->engine), &err) < 0) {
		snprintf(err.hint, sizeof(err.hint), "/load PATH");
		chat_complain(chat, &err);
		return -1;
	}
	chat->submit_s = output_clock_s();
	chat->any_text = 0;
	chat->thinking = (struct start_thinking){.n_tok = 0};
	chat->view = (struct reading_view){.is_terse = 0};
	status = chat->reading.how.over == SESSION_OVER_FAIL
			 ? 0
			 : reading_ready(&chat->reading, chat->engine, &err);
	if (status == 0) {
		status = session_ask_over(chat->session, chat->engine, &chat->reading.how, question,
			strlen(question), sampling, chat->options->max_tok, &watch, &answer, &err);
	}
	tell_thinking(chat);
	log_progress_clear();
	if (chat->any_text && !chat->ends_with_newline) {
		putchar('\n');
	}
	if (output_flush() < 0) {
		chat->quit = 1; /* the end of the command says why */
	}
	start_tell_trouble(chat->engine);
	if (status < 0) {
		hint_context(chat, &err);
		chat_complain(chat, &err);
		keep_question(chat, question);
	} else {
		tell_answer(chat, &answer);
		/* The sources' own counts, once; without them the answer is still an answer. */
		session_count(chat->session, chat->engine, &watch, NULL, NULL);
		chat->before_fork = answer.turn ? -1 : chat->before_fork;
		if (!answer.turn) {
			keep_question(chat, question);
		}
	}
	session_answer_finish(&answer);
	return status;
}

/* One message, `line` terminated. */
static void take_line(struct chat *chat, char *line, size_t len)
{
	if (memchr(line, 0, len)) {
		struct err err;

		err_set(&err, ERR_USAGE, NULL, "leave it out",
			"a message holds a NUL byte, which is no text");
		chat_complain(chat, &err);
		return;
	}
	while (len && strchr(" \t\r\n", line[len - 1])) {
		line[--len] = 0;
	}
	if (!len) {
		return;
	}
	if (line[0] == '/' && line[1] != '/') {
		chat_command(chat, line + 1);
	} else {
		chat_ask(chat, line[0] == '/' ? line + 1 : line, &chat->sampling);
	}
}

/* ---- where lines come from ---- */

/* Half a question is there again after a crash, too. */
static void keep_draft(void *arg, const char *line)
{
	struct chat *chat = arg;

	session_set_draft(chat->session, line, NULL);
}

/* A command that was kept while it was typed is done. */
static void forget_command(struct chat *chat)
{
	if (session_draft(chat->session)[0] == '/') {
		session_set_draft(chat->session, "", NULL);
	}
}

static void talk_on_terminal(struct chat *chat)
{
	struct line_config config = {
		.command = chat_command_name,
		.path_command = "load",
		.plain = chat->options->plain,
		.no_history = chat->options->no_store,
		.paused = keep_draft,
		.arg = chat,
	};

	line_open(&config);
	line_set_draft(session_draft(chat->session));
	log_note("%s: type a question, /help for commands, Ctrl-D to leave",
		engine_info(chat->engine)->model_name);
	while (!chat->quit) {
		char *line = line_read("> ");

		if (!line) {
			putchar('\n');
			break;
		}
		if (line_was_abandoned()) {
			chat_unfork(chat); /* the edit was let go */
		}
		line_remember(line);
		take_line(chat, line, strlen(line));
		forget_command(chat);
		free(line);
	}
	line_close();
}

/*
 * A script: each line is a message, and the exit status tells of the first failure. Lines are read
 * here and not by stdio, which would lose a Ctrl-C that comes just before it waits.
 */
static void talk_from_pipe(struct chat *chat)
{
	struct buf text = BUF_INIT;
	size_t scanned = 0;
	ssize_t n = 1;

	while (!chat->quit && (n > 0 || text.len)) {
		char *end = text.len > scanned
				    ? memchr(text.data + scanned, '\n', text.len - scanned)
				    : NULL;

		if (!end && n > 0) {
			scanned = text.len;
			buf_reserve(&text, SCRIPT_READ_BYTES);
			if (!interrupt_wait(STDIN_FILENO)) {
				chat->status = ERR_INTERRUPTED;
				break;
			}
			n = read(STDIN_FILENO, text.data + text.len, SCRIPT_READ_BYTES);
			text.len += n > 0 ? (size_t)n : 0;
			text.data[text.len] = 0;
			continue;
		}
		if (!end) {
			take_line(
				chat, text.data, text.len); /* the last one, without a line feed */
			break;
		}
		*end = 0;
		take_line(chat, text.data, (size_t)(end - text.data));
		text.len -= (size_t)(end + 1 - text.data);
		memmove(text.data, end + 1, text.len + 1);
		scanned = 0;
	}
	buf_finish(&text);
}

/* A list on standard input would be taken for messages, or they for it. */
static int check_lists(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < options->from_file.count; i++) {
		if (strcmp(options->from_file.item[i], "-") == 0) {
			return err_set(err, ERR_USAGE, "--from-file -", "write the list to a file",
				"standard input is where the messages come from");
		}
	}
	return 0;
}

static int run(struct chat *chat, struct err *err)
{
	if (check_lists(chat->options, err) < 0 ||
		inputs_open(&chat->inputs, chat->options, 0, err) < 0 ||
		chat_open_session(chat, err) < 0) {
		return -1;
	}
	start_sampling(chat->options, &chat->sampling);
	reading_open(&chat->reading, chat->options, start_over(chat->options, SESSION_OVER_AUTO));
	if (start_engine(&chat->engine, chat->options, START_KV_DISK, err) < 0 ||
		(chat->reading.how.over != SESSION_OVER_FAIL &&
			reading_begin(&chat->reading, err) < 0)) {
		return -1;
	}
	if (chat->inputs.n_path &&
		chat_load(chat, chat->inputs.path, chat->inputs.n_path, 0, err) < 0) {
		return -1;
	}
	chat->resume.is_used = 0; /* the same command line begins another one like it */
	if (start_wait(chat->engine, err) < 0 ||
		start_check_no_think(chat->options, engine_info(chat->engine), err) < 0) {
		return -1;
	}
	chat_tell_over(chat);
	if (chat->interactive) {
		talk_on_terminal(chat);
		return 0;
	}
	talk_from_pipe(chat);
	return chat->status;
}

int command_chat(struct options *options, struct err *err)
{
	struct chat chat = {
		.options = options,
		.before_fork = -1,
		.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	int status;

	if (workbench_is_wanted(options)) {
		return workbench_run(options, err);
	}
	interrupt_install();
	status = run(&chat, err);
	if (chat.session) {
		chat_unfork(&chat);
	}
	reading_close(&chat.reading);
	engine_close(chat.engine);
	resume_close(&chat.resume, status < 0);
	inputs_close(&chat.inputs);
	free(chat.last_thinking);
	free(chat.model);
	return status;
}
