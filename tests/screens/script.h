/*
 * A *.test file: a line for each step, VERB ARGUMENT, and behind some of them a block of lines that
 * begin with | (as it is), ~ (a regular expression) or * (any number of rows). # begins a comment.
 * README.md beside this file lists the verbs.
 */
#ifndef TESTS_SCREENS_SCRIPT_H
#define TESTS_SCREENS_SCRIPT_H

#include "base/buf.h"

#include <stddef.h>

struct step {
	int line;
	char *verb, *argument; /* argument: "" for none */
	char **row;            /* the block, markers kept */
	size_t n_row, cap_row;
};
struct script {
	struct step *step;
	size_t n_step, cap_step;
};
/* -1 with a sentence in *why. */
int script_read(struct script *script, const char *path, struct buf *why);
void script_finish(struct script *script);

/* \n \t \e \\ \xHH as bytes. */
void script_unescape(struct buf *out, const char *text);

/*
 * What a word of `keys` sends on the terminal of the last terminfo_open(): "a", "Enter", "^C", "M-x",
 * "F5", "PgUp". -1: there is no such key.
 */
int script_key(struct buf *out, const char *name);

#endif
