/*
 * From -s NAME to a session: opened or created, with what it remembers of earlier command lines taken
 * over into the options (flag > session > settings file > default), and what this one says remembered.
 */
#ifndef CLI_RESUME_H
#define CLI_RESUME_H

#include "cli/options.h"
#include "session/session.h"

struct resume {
	struct session *session;
	char *name;     /* NULL: a throw-away session */
	int is_new;     /* nobody had it before */
	int is_auto;    /* not named by the user: kept only if something is done in it */
	int is_used;    /* something was: set by whoever computes KV for it or changes it */
	char *previous; /* the folder of the directory's last session before it; or NULL */
};

/* The session that --session names, or a throw-away one without. */
int resume_open(struct resume *resume, struct options *options, struct err *err);
/* The one of --session; a usage error where there is none of that name, or no name. */
int resume_existing(struct resume *resume, struct options *options, struct err *err);
/*
 * What the workbench begins with where no name is given: with paths a new one called after the first
 * of them, else the last one of this directory, if that is free, or a new one called after the
 * directory. *was_last says which.
 */
int resume_default(struct resume *resume, struct options *options, const char *path, int *was_last,
	struct err *err);

int resume_throw_away(struct resume *resume, struct options *options, struct err *err);
/* Another name for it; ERR_USAGE where that is taken. */
int resume_rename(struct resume *resume, const char *name, struct err *err);
/* A new one that carrel names after `path` (NULL: the directory). */
int resume_new(struct resume *resume, struct options *options, const char *path, struct err *err);

/*
 * Close it. A new one in which nothing was loaded and nothing said goes again where the command
 * `failed`; so does one that carrel named, where nothing was asked and that is not `is_used`. What
 * there is of KV stays: it is a cache of texts, not of sessions.
 */
void resume_close(struct resume *resume, int failed);

/* Close it, where `next`, of the same directory, is open already and goes on. */
void resume_leave(struct resume *resume, struct resume *next);
/* The same, and it becomes `next`. */
void resume_replace(struct resume *resume, struct resume *next);

/* Settings of struct session_config, which a session keeps itself. */
int resume_is_configured(const struct option_row *row);
/* Have the session remember the value of an option that is none of those. */
int resume_remember(struct session *session, const struct options *options,
	const struct option_row *row, struct err *err);
/* The remembered options of a session, without opening it for writing. */
int resume_peek(struct options *options, struct err *err);

#endif
