/* What a line that begins with a / does. */
#include "cli/chat.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/line.h"
#include "cli/output.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/tilde.h>

static void slash_help(struct chat *chat, const char *argument);

/*
 * What is typed behind /load: "in quotes" as it stands in them, else at a prompt a ~ means what it
 * means in a shell. Malloc'ed.
 */
static char *typed_path(const struct chat *chat, const char *argument, int *is_quoted)
{
	size_t len = strlen(argument);

	*is_quoted = len > 1 && (argument[0] == '"' || argument[0] == '\'') &&
		     argument[len - 1] == argument[0] && access(argument, F_OK) < 0;
	if (*is_quoted) {
		return mem_strndup(argument + 1, len - 2);
	}
	return chat->interactive ? tilde_expand(argument) : mem_strdup(argument);
}

/* One path or, where there is no such file, those that match it as a pattern. */
static int load_typed(struct chat *chat, const char *argument, struct err *err)
{
	glob_t found = {0};
	int is_quoted, is_pattern, status;
	char *path = typed_path(chat, argument, &is_quoted);

	is_pattern = !is_quoted && access(path, F_OK) < 0 && glob(path, 0, NULL, &found) == 0;
	status = is_pattern ? chat_load(chat, (const char *const *)found.gl_pathv, found.gl_pathc,
				      0, err)
			    : chat_load(chat, (const char *const *)&path, 1, 0, err);
	globfree(&found);
	free(path);
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

static const struct slash {
	const char *name, *argument, *help;
	void (*run)(struct chat *chat, const char *argument);
} slash_table[] = {
	{"again", "HOW",
		"ask the last question again, beside its answer: at a temperature (0.7), or by "
		"sweep or select",
		chat_again},
	{"drop", "S2", "take a source out of the session, its text for good", chat_drop},
	{"edit", "N", "ask in place of turn N, beside what was said there", chat_edit},
	{"help", "", "show these commands", slash_help},
	{"load", "PATH", "add a file or a folder to the sources", slash_load},
	{"new", "", "begin another session", chat_new},
	{"over", "MODE", "read what the window does not hold by sweep, select or auto, or fail",
		chat_over},
	{"plan", "", "show what it would cost to read it all, and what select would read",
		chat_plan},
	{"prefill", "", "compute now what stands in front of the next question", chat_prefill},
	{"quit", "", "leave (so does Ctrl-D)", slash_quit},
	{"refresh", "", "read the sources again: what changed follows as an update", chat_refresh},
	{"rename", "NAME", "call the session something else", chat_rename},
	{"repack", "", "gather late sources and updates in front again", chat_repack},
	{"session", "", "show what the session holds and what is cached of it", chat_session},
	{"sources", "", "show the sources and what they cost", slash_sources},
	{"switch", "N", "go on behind turn N", chat_switch},
	{"thinking", "", "show what the model thought before its last answer", slash_thinking},
	{"turns", "N", "show the turns, and which way led here; with N that turn whole",
		chat_turns},
};

const char *chat_command_name(size_t n)
{
	return n < ARRAY_LEN(slash_table) ? slash_table[n].name : NULL;
}

static void slash_help(struct chat *chat, const char *argument)
{
	for (size_t i = 0; i < ARRAY_LEN(slash_table); i++) {
		output_line("/%-8s %-5s %s", slash_table[i].name, slash_table[i].argument,
			slash_table[i].help);
	}
	output_line("Ctrl-C stops an answer and keeps what came. // begins a message with a /.");
}

void chat_command(struct chat *chat, const char *line)
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
	chat_complain(chat, &err);
}
