/*
 * One *.test file being played: its folder, its environment, its terminal, and what went wrong first.
 */
#ifndef TESTS_SCREENS_TRIAL_H
#define TESTS_SCREENS_TRIAL_H

#include "base/buf.h"
#include "tests/screens/script.h"
#include "tests/screens/terminal.h"
#include "tests/screens/whitelist.h"

#include <stddef.h>

struct trial {
	const char *path;
	struct script script;
	char *folder;
	char **env; /* "NAME=VALUE", NULL behind the last */
	size_t n_env;
	char *term;
	int rows, columns;
	int limit_ms, has_clipboard;
	struct terminal *terminal; /* NULL: nothing was run yet */
	int was_killed;            /* no program can restore its terminal then */
	size_t mark;               /* bytes that had been written at `mark` */
	struct buf forbidden;      /* what must not be written, each with its length in front */
	char *must_fail;           /* it proves the harness: a failure that says so is wanted */
	struct buf why;            /* empty while nothing went wrong */
	int line;                  /* of the step that did */
	int is_verbose, keeps_folder;
};

/* Plays it; returns whether it passed, else with the report in trial->why. */
int trial_play(struct trial *trial);
void trial_finish(struct trial *trial);

/* "NAME=VALUE", instead of what was there; without = it goes. */
void trial_set_env(struct trial *trial, const char *setting);
/* /bin/sh -c COMMAND in its folder and environment; the status as waitpid() says. */
int trial_shell(struct trial *trial, const char *command);
/* What was written since the terminal began is checked. 0: something was smuggled, in trial->why. */
int trial_check_bytes(struct trial *trial);
/* The screen as rows that a `screen` block could have. */
void trial_show_screen(struct trial *trial, struct buf *out);

/* One verb. Returns 0; -1 with why in trial->why. */
struct verb {
	const char *name;
	int (*play)(struct trial *trial, const struct step *step);
};
extern const struct verb verbs_doing[], verbs_expecting[]; /* by a name of NULL ended */

/* Pump until it holds. 0; -1 with what() of the failure, where it does not within the limit. */
int trial_wait(struct trial *trial, const struct step *step,
	int (*holds)(struct trial *trial, const struct step *step, struct buf *why));

#endif
