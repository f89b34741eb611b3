/* What loads and refreshes share: reading, and what of it is a source already. */
#ifndef SESSION_RELOAD_H
#define SESSION_RELOAD_H

#include "session/room.h"
#include "session/session_internal.h"

/* Read into the room, each file once; nothing is kept on failure. */
int reload_read(struct room *room, const char *const *path, size_t n_path, struct err *err);
/* Lists it; ERR_INPUTS where something cannot be read and `partial` does not allow that. */
int reload_take_skipped(
	struct session *session, struct load_result *loaded, int partial, struct err *err);
/* ERR_CONTEXT where what the change adds does not fit the session's window. */
int reload_check_added(const struct session_change *change, struct err *err);

/* The sources of a session, to be found by what they were read from. */
struct known {
	const struct session *session;
	struct standing *standing;
	size_t n_standing, n_source;
	char **path; /* of each source, from here */
	struct known_key {
		char *key;
		size_t source;
	} * key; /* in their order */
};
void known_make(struct known *known, const struct session *session);
void known_finish(struct known *known);
/* The source that a document was read for before, and its path; NULL where it is new. */
struct block *known_find(
	const struct known *known, const struct document *document, const char **path);

enum reload_result { RELOAD_SAME, RELOAD_CHANGED };
/* A source that was read again: what changed becomes an update. */
enum reload_result reload_known(struct session_change *change, const struct known *known,
	struct block *source, const char *path, struct document *document);
/* A new source, and how it was read. */
void reload_add(struct session_change *change, struct document *document, const char *options_text);

#endif
