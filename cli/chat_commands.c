/* What a line that begins with a / does. */
#include "cli/chat.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/line.h"
#include "cli/output.h"
#include "session/command_table.h"
#include "session/command_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void slash_help(struct chat *chat, const char *argument);

/* At a prompt a ~ means what it means in a shell. */
static int load_typed(struct chat *chat, const char *argument, struct err *err)
{
	size_t n_path;
	char **path = command_paths(argument, chat->interactive, &n_path);
	int status = chat_load(chat, (const char *const *)path, n_path, 0, err);

	command_paths_free(path, n_path);
	return status;
}

static void slash_load(struct chat *chat, const char *argument)
{
	struct err err;
	int lends, status;

	if (!argument[0]) {
		err_set(&err, ERR_USAGE, "/load", "/load PATH",
			"needs the path of a file or a folder");
		chat_complain(chat, &err);
		return;
	}
	if (!chat->interactive && strcmp(argument, "-") == 0) {
		err_set(&err, ERR_USAGE, "/load -", "name a file",
			"standard input is where the messages come from");
		chat_complain(chat, &err);
		return;
	}
	lends = chat->interactive && strcmp(argument, "-") == 0;
	if (lends) {
		line_lend_terminal(1);
	}
	status = load_typed(chat, argument, &err);
	if (lends) {
		line_lend_terminal(0);
	}
	if (status < 0) {
		chat_complain(chat, &err);
	}
}

static void slash_quit(struct chat *chat, const char *argument)
{
	chat->quit = 1;
}

static void slash_sources(struct chat *chat, const char *argument)
{
	struct session_watch watch = {.stopped = chat_stopped, .arg = chat};
	struct err err;
	int64_t total_tok;

	if (session_count(chat->session, chat->engine, &watch, &total_tok, &err) < 0) {
		chat_complain(chat, &err);
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

static void slash_thinking(struct chat *chat, const char *argument)
{
	if (!chat->last_thinking) {
		output_line("the last answer came without thinking");
		return;
	}
	output_text(chat->last_thinking, strlen(chat->last_thinking));
	putchar('\n');
}

/* What each row of the table that has SLASH_LINE does. */
static void (*const actions[SLASH_COUNT])(struct chat *chat, const char *argument) = {
	[SLASH_AGAIN] = chat_again,
	[SLASH_DROP] = chat_drop,
	[SLASH_EDIT] = chat_edit,
	[SLASH_HELP] = slash_help,
	[SLASH_LOAD] = slash_load,
	[SLASH_NEW] = chat_new,
	[SLASH_OVER] = chat_over,
	[SLASH_PLAN] = chat_plan,
	[SLASH_PREFILL] = chat_prefill,
	[SLASH_QUIT] = slash_quit,
	[SLASH_REFRESH] = chat_refresh,
	[SLASH_RENAME] = chat_rename,
	[SLASH_REPACK] = chat_repack,
	[SLASH_SESSION] = chat_session,
	[SLASH_SOURCES] = slash_sources,
	[SLASH_SWITCH] = chat_switch,
	[SLASH_THINKING] = slash_thinking,
	[SLASH_TURNS] = chat_turns,
};

const char *chat_command_name(size_t n)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		if (slash_table[i].where & SLASH_LINE && n-- == 0) {
			return slash_table[i].name;
		}
	}
	return NULL;
}

static void slash_help(struct chat *chat, const char *argument)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		if (slash_table[i].where & SLASH_LINE) {
			output_line("/%-8s %-5s %s", slash_table[i].name, slash_table[i].argument,
				slash_table[i].help);
		}
	}
	output_line("Ctrl-C stops an answer and keeps what came. // begins a message with a /.");
}

void chat_command(struct chat *chat, const char *line)
{
	const char *argument;
	const struct slash_row *row = slash_find(line, SLASH_LINE, &argument);
	size_t len = strcspn(line, " ");
	struct err err;

	if (row) {
		actions[row->slash](chat, argument);
		fflush(stdout);
		return;
	}
	err_set(&err, ERR_USAGE, NULL, "/help lists the commands", "there is no command /%.*s",
		(int)(len < 64 ? len : 64), line);
	chat_complain(chat, &err);
}
