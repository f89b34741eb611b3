/*
 * The database of one session, private to session/: session.db as it is opened, and what SQLite says
 * in sentences for people.
 *
 * Nothing in the file is trusted: its schema is compared with ours, statement by statement, before
 * anything is read through it. Readers of a session that was closed in good order see it as an
 * immutable file: no side files, no locks, and where somebody begins to write meanwhile
 * db_has_changed() says so.
 */
#ifndef SESSION_STORE_DB_H
#define SESSION_STORE_DB_H

#include "base/err.h"
#include "base/sha256.h"

#include <sqlite3.h>
#include <stdint.h>
#include <time.h>

/* "carl" in the file's header. */
enum { DB_APPLICATION_ID = 0x6361726c, DB_PAGE_BYTES = 4096 };
#define DB_FILE "session.db"

struct db {
	sqlite3 *sql;
	char *path; /* of the file, for messages too */
	struct sha256 *hash;
	int version;          /* its user_version */
	int ignores_checksum; /* the fuzzer's: what is behind them is read too */
	int is_lenient;       /* repair's: whatever tables it has */
	int has_disk_failed;  /* what it holds is not sure any more */
	int is_immutable;
	struct timespec changed; /* the file when an immutable one was opened */
};

enum db_mode { DB_READ, DB_WRITE };

/*
 * Open `folder`/`file`. It must be ours and of no newer version; db_open() of an older one leaves it
 * as it is. `folder` is absolute and without symbolic links above its last component.
 */
int db_open(
	struct db *db, const char *folder, const char *file, enum db_mode mode, struct err *err);
/* A new empty database without a schema, in the file that is there and empty. */
int db_create(struct db *db, const char *folder, const char *file, struct err *err);
/* NULL-safe in all it holds; what the last connection closes has no log beside it. */
void db_close(struct db *db);
/* Whether somebody wrote to an immutable one since it was opened. */
int db_has_changed(const struct db *db);

/*
 * Call `read` with the session's database, again where another process wrote meanwhile: it must begin
 * at the beginning each time. Nothing is written.
 */
int db_read_session(const char *folder, int (*read)(struct db *db, void *arg, struct err *err),
	void *arg, struct err *err);

/* Returned instead of -1 where the file is not what it should be, as opposed to what failed. */
enum { DB_DAMAGED = -2 };
/* The last failure as a sentence; `what` ("cannot be read") where there is no better one. */
int db_fail(struct db *db, const char *what, struct err *err);
int db_run(struct db *db, const char *sql, const char *what, struct err *err);
int db_prepare(
	struct db *db, sqlite3_stmt **out, const char *sql, const char *what, struct err *err);
/* The one number that a statement gives. */
int db_number(struct db *db, int64_t *out, const char *sql, struct err *err);
/* Everything of the log into the file, and the log emptied; waits for readers. */
int db_checkpoint(struct db *db, struct err *err);
/* The same, as far as no reader is in the way. */
int db_checkpoint_now(struct db *db, struct err *err);

/* ---- the schema, store_schema.c ---- */

/* From one version to the next: run in one transaction, together with the new version's number. */
struct schema_step {
	const char *const *sql; /* statements, ended by NULL */
	/* After them; may be NULL. */
	int (*fill)(struct db *db, struct err *err);
};
extern const struct schema_step schema_steps[];
extern const int schema_newest;
/* Whether the database holds exactly what the steps up to its version made. */
int schema_check(struct db *db, struct err *err);
/* Take the steps from its version to `n_step`; each is taken whole or not at all. */
int schema_upgrade(struct db *db, const struct schema_step *step, int n_step, struct err *err);

#endif
