/*
 * The commands, in one alphabetical table. A command returns its exit status (0 or an err_code), or
 * -1 with the error, which main() reports: a sentence on standard error and, under --json, an
 * object on standard output. A command that works in a session takes over what that remembers of its
 * options.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/options.h"

struct command {
	const char *name; /* "" for the chat, which has none */
	enum command_bit bit;
	const char *arguments;   /* as the synopsis shows them */
	const char *subcommands; /* parted by spaces; NULL for none */
	const char *help;
	int (*run)(struct options *options, struct err *err);
};

extern const struct command command_table[];
size_t command_count(void);
/* NULL for a name that is not a command. */
const struct command *command_find(const char *name);

int command_ask(struct options *options, struct err *err);
int command_bench(struct options *options, struct err *err);
int command_chat(struct options *options, struct err *err);
int command_config(struct options *options, struct err *err);
int command_count_tokens(struct options *options, struct err *err);
int command_eval(struct options *options, struct err *err);
int command_kv(struct options *options, struct err *err);
int command_load(struct options *options, struct err *err);
int command_models(struct options *options, struct err *err);
int command_sessions(struct options *options, struct err *err);
int command_tokenize(struct options *options, struct err *err);

/* help.c: from the tables. */
void help_print(const struct command *command);
/*
 * The generated half of the documentation: "bash", "zsh", "fish" completions, or in scdoc's form the
 * parts of cli/manual.h: "synopsis", "man" (commands and options), "settings", "keys", "commands";
 * and what completions ask for: "model-names", "session-names", "theme-names", one on each line.
 * Returns -1 for any other name.
 */
int help_generate(const char *form);

#endif
