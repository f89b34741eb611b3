/*
 * Which sessions there are: $XDG_DATA_HOME/carrel/sessions/ID, one directory each, and a catalogue
 * of their names and of the last one of each working directory. The catalogue is a text file that is
 * replaced whole; where it is missing, damaged or behind, it is made again from the sessions
 * themselves.
 */
#ifndef SESSION_CATALOGUE_H
#define SESSION_CATALOGUE_H

#include "base/err.h"
#include "session/store.h"

#include <stddef.h>
#include <stdint.h>

struct catalogue_session {
	char *id;   /* 16 hex digits */
	char *name; /* "" while it has none */
	char *folder;
};
struct catalogue {
	struct catalogue_session *session; /* used last first */
	size_t n_session, cap_session;
};

/* Every session that is there. */
int catalogue_read(struct catalogue *catalogue, struct err *err);
void catalogue_finish(struct catalogue *catalogue);

/*
 * The session of a name, or of an id or its first digits (4 at least) where no name is the same;
 * *folder is malloc'ed. ERR_USAGE with the nearest names where there is none, returns 1 instead of
 * that with `may_miss`.
 */
int catalogue_find(const char *name, int may_miss, char **folder, struct err *err);
/* The session that was last used in a directory; *folder is NULL where there is none. */
int catalogue_last(const char *directory, char **folder, struct err *err);

/* A name: 1 to 64 characters, no control characters, none of / and no leading - or dot. */
int catalogue_check_name(const char *name, struct err *err);
/*
 * A new session, empty, locked for writing, of that name (NULL: none yet) and working directory. A
 * name that is taken is ERR_USAGE.
 */
int catalogue_create(struct store **out, const char *name, const char *directory, struct err *err);
/* The same, with what *first says in it from when it appears on; its name and directory are not those. */
int catalogue_create_with(struct store **out, const char *name, const char *directory,
	const struct store_change *first, struct err *err);
/*
 * Open it for writing, by its name or its whole id, or create it; *is_new says which. What `-s NAME`
 * does.
 */
int catalogue_open(
	struct store **out, const char *name, const char *directory, int *is_new, struct err *err);
/* It is the last one of its working directory now. Failures lose only that. */
void catalogue_touch(const struct store *store, const char *directory);

/* ERR_USAGE where the new name is taken; "in use" where another process has the session open. */
int catalogue_rename(const char *name, const char *new_name, struct err *err);
/* The same of one that this process has open for writing. */
int catalogue_rename_store(struct store *store, const char *new_name, struct err *err);
/* The directory with everything in it, and its lines here. Its KV is engine_kv_remove()'s. */
int catalogue_remove(const char *name, struct err *err);

#endif
