/* The chat that chat.c holds and whose /commands stand in chat_commands.c. */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "cli/inputs.h"
#include "cli/options.h"
#include "cli/start.h"
#include "session/session.h"

struct chat {
	const struct options *options;
	struct inputs inputs;
	struct session *session;
	struct session_window window;
	char *model; /* whose tokenizer counts what is loaded */
	struct engine *engine;
	struct engine_sampling sampling;
	double submit_s;
	struct start_thinking thinking;
	char *last_thinking; /* of the last answer; NULL: none */
	int interactive, ends_with_newline, any_text, quit;
	int status; /* of a script: the code of the first thing that failed */
};

/* Say what failed; the chat goes on. */
void chat_complain(struct chat *chat, const struct err *err);
/* Ctrl-C, for a session_watch. */
int chat_stopped(void *arg);

/* Load paths and say what became of them. */
int chat_load(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err);
/* What stands behind the / of a message. */
void chat_command(struct chat *chat, const char *line);
/* The n-th command's name; NULL ends them. */
const char *chat_command_name(size_t n);

#endif
