/*
 * The line-mode chat: chat.c talks, chat_commands.c has the table of /commands, chat_session.c,
 * chat_turns.c and chat_reading.c those that concern the session, its turns, and more than the window.
 */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "cli/inputs.h"
#include "cli/options.h"
#include "cli/reading.h"
#include "cli/resume.h"
#include "cli/start.h"
#include "session/session.h"

struct chat {
	struct options *options;
	struct inputs inputs;
	struct resume resume;
	struct session *session; /* of `resume` */
	int64_t before_fork; /* the head where /edit was typed and nothing asked since; else -1 */
	struct session_window window;
	char *model; /* whose tokenizer counts what is loaded */
	struct engine *engine;
	struct engine_sampling sampling;
	struct reading reading;
	struct reading_view view;
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

/*
 * Ask, show what comes, and say what is kept. A question that fails stays as the draft. Returns -1 where
 * there was no answer, which was said.
 */
int chat_ask(struct chat *chat, const char *question, const struct engine_sampling *sampling);
/* Undo an /edit that nothing came of. */
void chat_unfork(struct chat *chat);

/* Begin with the session that the command line asks for, or with a new one. */
int chat_open_session(struct chat *chat, struct err *err);
/* Load paths; with an engine that is ready their cost is told first. */
int chat_load(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err);

/* Say what a question would cost, where the sources are more than the window; a stop is no failure. */
void chat_tell_over(struct chat *chat);

/* The /commands; `argument` is what stands behind the name, "" for nothing. */
void chat_again(struct chat *chat, const char *argument);
void chat_drop(struct chat *chat, const char *argument);
void chat_edit(struct chat *chat, const char *argument);
void chat_new(struct chat *chat, const char *argument);
void chat_over(struct chat *chat, const char *argument);
void chat_plan(struct chat *chat, const char *argument);
void chat_prefill(struct chat *chat, const char *argument);
void chat_refresh(struct chat *chat, const char *argument);
void chat_rename(struct chat *chat, const char *argument);
void chat_repack(struct chat *chat, const char *argument);
void chat_session(struct chat *chat, const char *argument);
void chat_switch(struct chat *chat, const char *argument);
void chat_turns(struct chat *chat, const char *argument);

/* What stands behind the / of a message. */
void chat_command(struct chat *chat, const char *line);
/* The n-th command's name; NULL ends them. */
const char *chat_command_name(size_t n);

#endif
