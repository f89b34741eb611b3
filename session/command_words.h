/* What stands behind a /command: paths, sources, turns. */
#ifndef SESSION_COMMAND_WORDS_H
#define SESSION_COMMAND_WORDS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The paths that are meant by what is typed behind /load: "in quotes" as it stands in them; else a
 * file of that name, with `has_tilde` one whose ~ means what it means in a shell; where there is none
 * those that match it as a pattern; else its words, where there is a file for each; or the one that
 * is not there. malloc'ed: command_paths_free().
 */
char **command_paths(const char *typed, int has_tilde, size_t *count);
void command_paths_free(char **path, size_t count);
/* ~ and ~name at the beginning; malloc'ed. Anything else stays as it is. */
char *command_path(const char *typed);

/* "S2", "2" or several parted by commas or spaces: adds them, each once, to the list, which the caller frees. */
int command_add_sources(int64_t **number, size_t *count, const char *typed, struct err *err);
/* "3" or "#3"; ERR_USAGE of `command` ("/edit"), where it is no turn's number. */
int command_turn(int64_t *turn, const char *command, const char *typed, struct err *err);

#endif
