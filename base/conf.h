/*
 * Where things are kept (XDG Base Directory Specification 0.8) and the reader of settings files
 * ("name = value" and [section], one each line; a line that begins with # is a comment; nothing
 * else has a meaning, so a value may hold any character but a line feed).
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/err.h"

/* The folder of carrel in each place; malloc'ed. NULL where neither the variable nor HOME is set. */
char *conf_config_dir(void); /* $XDG_CONFIG_HOME/carrel */
char *conf_data_dir(void);   /* $XDG_DATA_HOME/carrel */
char *conf_state_dir(void);  /* $XDG_STATE_HOME/carrel */
char *conf_cache_dir(void);  /* $XDG_CACHE_HOME/carrel */
/* The sessions' folder, in that of data. */
char *conf_sessions_dir(void);

/* Make a folder and those above it, 0700 under any umask, which outlive a power cut. */
int conf_make_dir(const char *path, struct err *err);

/*
 * Give each setting of the file to `set`, in order; `set` returns 0, or -1 with an error that has
 * no place yet: the file and the line are added. `section` is "" in front of the first [section].
 * Returns 0, 1 where there is no such file, or -1.
 */
int conf_read(const char *path,
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err),
	void *arg, struct err *err);
/*
 * The same, going on behind a mistake: `mistake` is given each of them, with its place, but the
 * last, which is *err.
 */
int conf_read_on(const char *path,
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err),
	void (*mistake)(const struct err *err), void *arg, struct err *err);

#endif
