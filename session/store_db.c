#include "session/store_db.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loaders/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MS = 5000, REREADS = 8 };

/* ---- failures in sentences ---- */

/* What the kernel said; SQLite keeps it with the file that it happened to. */
static int last_errno(const struct db *db)
{
	int number = sqlite3_system_errno(db->sql);
	sqlite3_file *log = NULL;

	if (!number) {
		sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
	}
	if (!number) {
		sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	}
	if (log && log->pMethods) {
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
	}
	return number;
}

static int is_sync(int rc)
{
	return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_CLOSE;
}

static int is_full(int rc, int number)
{
	return (rc & 0xff) == SQLITE_FULL ||
	       ((rc & 0xff) == SQLITE_IOERR &&
		       (number == ENOSPC || number == EDQUOT || number == EFBIG));
}

/*
 * What could not be written for want of space was not written; a failed sync is final, whatever the
 * reason.
 */
static int is_final(int rc, int number)
{
	switch (rc & 0xff) {
	case SQLITE_IOERR:
		return is_sync(rc) || !is_full(rc, number);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_PROTOCOL:
		return 1;
	}
	return 0;
}

/* "carrel sessions repair ID" */
static void repair_hint(const struct db *db, char out[64])
{
	const char *end = strrchr(db->path, '/'), *id = end;

	while (id > db->path && id[-1] != '/') {
		id--;
	}
	snprintf(out, 64, "carrel sessions repair %.*s saves what can be saved",
		(int)(end - id > 16 ? 16 : end - id), id);
}

int db_fail(struct db *db, const char *what, struct err *err)
{
	int rc = db->sql ? sqlite3_extended_errcode(db->sql) : SQLITE_NOMEM;
	int number = db->sql && (rc & 0xff) != SQLITE_NOMEM ? last_errno(db) : 0;
	char repair[64];

	repair_hint(db, repair);
	db->has_disk_failed |= is_final(rc, number);
	if (is_full(rc, number)) {
		return err_set(err, ERR_FAILURE, db->path, "free some space, then try again",
			"%s: the disk is full", what);
	}
	switch (rc & 0xff) {
	case SQLITE_IOERR:
		return number ? err_set_errno(err, ERR_FAILURE, number, db->path, "%s", what)
			      : err_set(err, ERR_FAILURE, db->path, "look at the disk",
					"%s: the disk failed", what);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return err_set(err, ERR_FAILURE, db->path, "make the file and its folder writable",
			"%s: it may not be written", what);
	case SQLITE_CANTOPEN:
		return number && number != ENOENT
			       ? err_set_errno(err, ERR_FAILURE, number, db->path, "%s", what)
			       : err_set(err, ERR_FAILURE, db->path, NULL,
					 "%s: it cannot be opened, or it is a symbolic link", what);
	case SQLITE_NOTADB:
		err_set(err, ERR_FAILURE, db->path, repair, "is damaged: no database");
		return DB_DAMAGED;
	case SQLITE_CORRUPT:
	case SQLITE_MISMATCH:
		err_set(err, ERR_FAILURE, db->path, repair, "is damaged");
		return DB_DAMAGED;
	case SQLITE_NOMEM:
		return err_set(
			err, ERR_FAILURE, db->path, "free some memory", "%s: memory ran out", what);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_FAILURE, db->path, "try again",
			"%s: another program has it open", what);
	}
	return err_set(err, ERR_FAILURE, db->path, NULL, "%s: %s", what, sqlite3_errmsg(db->sql));
}

/* ---- statements ---- */

int db_run(struct db *db, const char *sql, const char *what, struct err *err)
{
	int rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, what, err);
}

int db_prepare(
	struct db *db, sqlite3_stmt **out, const char *sql, const char *what, struct err *err)
{
	return sqlite3_prepare_v2(db->sql, sql, -1, out, NULL) == SQLITE_OK
		       ? 0
		       : db_fail(db, what, err);
}

int db_number(struct db *db, int64_t *out, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt;
	int status = 0;

	if (db_prepare(db, &stmt, sql, "cannot be read", err) < 0) {
		return -1;
	}
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		*out = sqlite3_column_int64(stmt, 0);
	} else {
		status = db_fail(db, "cannot be read", err);
	}
	sqlite3_finalize(stmt);
	return status;
}

int db_checkpoint(struct db *db, struct err *err)
{
	return sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
			       SQLITE_OK
		       ? 0
		       : db_fail(db, "cannot be written", err);
}

int db_checkpoint_now(struct db *db, struct err *err)
{
	int status;

	sqlite3_busy_timeout(db->sql, 0);
	status = db_checkpoint(db, err);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	return status;
}

/* ---- opening ---- */

/* The path as a URI; whatever bytes it has. */
static char *uri_of(const char *path, const char *query)
{
	struct buf uri = BUF_INIT;

	buf_addstr(&uri, "file:");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < 0x80 && c != '%' && c != '?' && c != '#') {
			buf_addch(&uri, (char)c);
		} else {
			buf_printf(&uri, "%%%02x", c);
		}
	}
	buf_addstr(&uri, query);
	return buf_take(&uri);
}

/*
 * secure_delete: what is dropped leaves nothing in free pages. temp_store: SQLite's temporary files
 * would hold text, in a folder that is not ours. trusted_schema, defensive and the limits: the file
 * may be anybody's.
 */
static const char settings[] = "PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON;"
			       "PRAGMA mmap_size=0;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA secure_delete=ON;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA fullfsync=ON;"
			       "PRAGMA checkpoint_fullfsync=ON;"
			       "PRAGMA wal_autocheckpoint=0;"
			       "PRAGMA journal_size_limit=4194304;";

static int configure(struct db *db, struct err *err)
{
	static const struct {
		int id, value;
	} limit[] = {
		/* A row: the largest text, and the rest of it. */
		{SQLITE_LIMIT_LENGTH, LOAD_MAX_BYTES + (16 << 20)},
		{SQLITE_LIMIT_SQL_LENGTH, 65536},
		{SQLITE_LIMIT_COLUMN, 64},
		{SQLITE_LIMIT_EXPR_DEPTH, 32},
		{SQLITE_LIMIT_COMPOUND_SELECT, 8},
		{SQLITE_LIMIT_VARIABLE_NUMBER, 64},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(limit); i++) {
		sqlite3_limit(db->sql, limit[i].id, limit[i].value);
	}
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	if (sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
		sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL) !=
			SQLITE_OK ||
		sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK ||
		sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) != SQLITE_OK) {
		return db_fail(db, "cannot be opened", err);
	}
	return db_run(db, settings, "cannot be opened", err);
}

/* Without following a symbolic link; never opened by ourselves, whose close would drop its locks. */
static int look_at(struct db *db, struct stat *st, struct err *err)
{
	char repair[64];

	if (lstat(db->path, st) < 0) {
		repair_hint(db, repair);
		return err_set_errno(err, ERR_FAILURE, errno, db->path, "cannot be opened");
	}
	return S_ISREG(st->st_mode) ? 0
				    : err_set(err, ERR_FAILURE, db->path, NULL,
					      "is not a regular file, as a session's is");
}

static int64_t size_beside(const struct db *db, const char *suffix)
{
	char *path = mem_printf("%s%s", db->path, suffix);
	struct stat st;
	int64_t size = lstat(path, &st) == 0 ? (int64_t)st.st_size : -1;

	free(path);
	return size;
}

/* Whether somebody may be writing to it, or was stopped before all of it was in the file. */
static int has_writer(const struct db *db)
{
	int64_t log_bytes = size_beside(db, "-wal");

	return log_bytes > 0 || (log_bytes == 0 && size_beside(db, "-shm") >= 0);
}

int db_has_changed(const struct db *db)
{
	struct stat st;

	return db->is_immutable &&
	       (lstat(db->path, &st) < 0 || st.st_mtim.tv_sec != db->changed.tv_sec ||
		       st.st_mtim.tv_nsec != db->changed.tv_nsec || has_writer(db));
}

static int connect(
	struct db *db, const char *folder, const char *file, enum db_mode mode, struct err *err)
{
	int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE |
		    (mode == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	struct stat st;
	char *uri;
	int rc;

	*db = (struct db){.path = mem_printf("%s/%s", folder, file)};
	if (look_at(db, &st, err) < 0) {
		return -1;
	}
	db->hash = sha256_create();
	db->changed = st.st_mtim;
	db->is_immutable = mode == DB_READ && !has_writer(db);
	uri = uri_of(db->path, db->is_immutable ? "?immutable=1" : "");
	rc = sqlite3_open_v2(uri, &db->sql, flags, NULL);
	free(uri);
	return rc == SQLITE_OK ? configure(db, err) : db_fail(db, "cannot be opened", err);
}

/* Every format has tables of its own: with those of ours, a number that is too large is a flipped bit. */
static int refuse_newer(struct db *db, int64_t version, const char *repair, struct err *err)
{
	db->version = schema_newest;
	if (schema_check(db, NULL) == 0) {
		err_set(err, ERR_FAILURE, db->path, repair,
			"is damaged: it says that it has format %lld, and has the tables of %d",
			(long long)version, schema_newest);
		return DB_DAMAGED;
	}
	return err_set(err, ERR_FAILURE, db->path, "open it with that carrel",
		"was written by a newer carrel (format %lld, this one knows %d)",
		(long long)version, schema_newest);
}

static int check_version(struct db *db, struct err *err)
{
	int64_t application = 0, version = 0;
	char repair[64];
	int status = db_number(db, &application, "PRAGMA application_id", err);

	if (status == 0) {
		status = db_number(db, &version, "PRAGMA user_version", err);
	}
	if (status < 0) {
		return status;
	}
	repair_hint(db, repair);
	if (application != DB_APPLICATION_ID || version < 1) {
		err_set(err, ERR_FAILURE, db->path, repair, "is not a session of carrel");
		return DB_DAMAGED;
	}
	if (version > schema_newest) {
		return refuse_newer(db, version, repair, err);
	}
	db->version = (int)version;
	return schema_check(db, err);
}

int db_open(struct db *db, const char *folder, const char *file, enum db_mode mode, struct err *err)
{
	int status = connect(db, folder, file, mode, err);

	if (status == 0) {
		status = check_version(db, err);
	}
	if (status < 0) {
		db_close(db);
	}
	return status;
}

int db_create(struct db *db, const char *folder, const char *file, struct err *err)
{
	char sql[96];

	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA page_size=%d; PRAGMA application_id=%d",
		DB_PAGE_BYTES, DB_APPLICATION_ID);
	if (connect(db, folder, file, DB_WRITE, err) < 0 ||
		db_run(db, sql, "cannot be made", err) < 0 ||
		db_run(db, "PRAGMA journal_mode=WAL", "cannot be made", err) < 0) {
		db_close(db);
		return -1;
	}
	return 0;
}

void db_close(struct db *db)
{
	if (db->sql) {
		sqlite3_close_v2(db->sql);
	}
	sha256_destroy(db->hash);
	free(db->path);
	*db = (struct db){0};
}

int db_read_session(const char *folder, int (*read)(struct db *db, void *arg, struct err *err),
	void *arg, struct err *err)
{
	static const struct timespec moment = {.tv_nsec = 5000000};

	for (int i = 0;; i++) {
		struct db db;
		int status = db_open(&db, folder, DB_FILE, DB_READ, err), has_changed;

		if (status == DB_DAMAGED && i < 2) {
			nanosleep(&moment, NULL); /* it may be written to at this moment */
			continue;
		}
		if (status < 0) {
			return status;
		}
		status = read(&db, arg, err);
		has_changed = db_has_changed(&db);
		db_close(&db);
		if (!has_changed || i == REREADS) {
			return status;
		}
	}
}
