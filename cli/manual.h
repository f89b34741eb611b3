/*
 * The generated parts of the manual pages, in scdoc's form on standard output: of carrel(1) the
 * synopsis, the commands and the options; of carrel-config(5) the settings; of carrel-keys(7) the keys
 * of each view and the /commands.
 */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "cli/commands.h"

void manual_synopsis(void);
void manual_options(void);
void manual_settings(void);
void manual_keys(void);
void manual_commands(void);
/* "chat" is carrel without a command. */
const char *manual_command_name(const struct command *command);

#endif
