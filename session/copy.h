/* New sessions from what another one holds: forks, and what was imported. */
#ifndef SESSION_COPY_H
#define SESSION_COPY_H

#include "base/err.h"
#include "session/store.h"

#include <stdint.h>

/*
 * Leave what was said up to `turn` (0: up to the head), and the sources that stand there; those that
 * wait for the next question stay only where nothing was cut off. Ids stay, so that a turn is called
 * the same in both; when it was begun goes. ERR_USAGE where there is no such turn.
 */
int copy_cut(struct store_contents *contents, int64_t turn, struct err *err);

/*
 * A session of that name with all of *contents, whole or not at all; it is open for writing. Its
 * directory is the one given, and its sources lead to the files that they led to from the directory in
 * the contents; it is pinned by nobody, and it was used now; it was begun when the contents were (made_s 0: now).
 */
int copy_create(struct store **out, const struct store_contents *contents, const char *name,
	const char *directory, struct err *err);

#endif
