/* The parts of the store that keeps sessions in SQLite, private to session/. */
#ifndef SESSION_STORE_SQLITE_H
#define SESSION_STORE_SQLITE_H

#include "session/store_impl.h"
#include "session/store_tables.h"

struct store_sqlite {
	struct store base;
	enum store_mode mode;
	struct db db; /* of a writer; a reader opens it for each call */
	int lock_fd;
	struct err stopped; /* with a code: nothing can be written any more, and why */
};

/* ---- the folder and its lock, store_folder.c ---- */

/* Without symbolic links above its last component, malloc'ed; NULL with *err. */
char *folder_resolve(const char *folder, enum err_code code, struct err *err);
/*
 * Take the session's lock: *fd, to be closed with the session. 1 where another process has it, whose
 * *pid it is (0: not known).
 */
int folder_lock(const char *folder, int *fd, int64_t *pid, struct err *err);
/* The same, and who has it is told: "session NAME is in use ...". */
int store_lock(const char *folder, int *fd, struct err *err);
/* Whether somebody has it. */
int folder_is_locked(const char *folder);
/* An empty file, 0600 under any umask. */
int folder_make_file(const char *folder, const char *file, struct err *err);
int folder_make(const char *folder, struct err *err); /* 0700 under any umask */
/* What its files hold, in bytes. */
int64_t folder_bytes(const char *folder);
/* What repairs left beside session.db: the damaged ones that were kept. */
int folder_remove_repaired(const char *folder, struct err *err);
/* With everything in it, following no link; what is not there is removed. */
int folder_remove(const char *folder, struct err *err);
/* Make what was renamed, made or removed in it last. */
int folder_sync(const char *folder, struct err *err);

/* Go on with a repair that was cut short when all was saved that could be. Needs the lock. */
int repair_end(const char *folder, struct err *err);

/* ---- reading and writing ---- */

/*
 * Zero-initialises *out; its arrays are owned. With a report, damage is told and what is damaged left
 * out; without one, the first is DB_DAMAGED.
 */
int contents_read(
	struct db *db, struct store_contents *out, struct store_report *report, struct err *err);
/* One transaction; the log is not yet written to the file. */
int contents_write(struct db *db, const struct store_change *change, struct err *err);
/* Everything into an empty database, in one transaction. */
int contents_write_all(struct db *db, const struct store_contents *contents, struct err *err);
/* What SQLite says of its pages, to the report. */
int pages_check(struct db *db, struct store_report *report, struct err *err);
/* Leave nothing of what was dropped in its folder, where that is still to be done. */
int contents_clean(struct db *db, const char *folder, struct err *err);

#endif
