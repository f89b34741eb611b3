/*
 * An index: FTS5 in a database in memory, and that database as a file in the session's folder. For
 * session/search* and session/retrieve*.
 *
 * The file: the kind's magic, the digest of what the index is of, the digest of the rest, and the rest:
 * the database's bytes. It is read only where both digests are right, so that SQLite never sees a
 * damaged one, and where it has the tables that this carrel makes, so that nothing in it would run. It
 * is replaced whole.
 */
#ifndef SESSION_INDEX_FILE_H
#define SESSION_INDEX_FILE_H

#include "base/file.h"
#include "base/sha256.h"
#include "session/fts5_words.h"

enum { INDEX_MAGIC_BYTES = 16 };

struct index_kind {
	const char *magic;  /* [INDEX_MAGIC_BYTES] */
	const char *file;   /* its name; while it is written, with ".new" behind it */
	const char *tables; /* the statements that make them */
	/* Teach a database words of its own, beside words_open()'s; NULL: it needs none. */
	int (*teach)(sqlite3 *db, struct words *words);
};

struct index_file {
	const struct index_kind *kind;
	sqlite3 *db;
	struct words *words;
	struct file_map map; /* what the database is read from; nothing where it can be written */
};

/* An empty one. */
int index_file_make(struct index_file *index, const struct index_kind *kind, struct err *err);
/* The one that `folder` has of what the digest says, for reading; 1 where there is none. */
int index_file_read(struct index_file *index, const struct index_kind *kind, const char *folder,
	const struct sha256_digest *of, struct err *err);
/* Make one that was read such that it can be written. */
int index_file_thaw(struct index_file *index, struct err *err);
/* Failures lose only the file. */
void index_file_write(
	const struct index_file *index, const char *folder, const struct sha256_digest *of);
void index_file_close(struct index_file *index); /* of a zeroed one, too */
void index_file_remove(const struct index_kind *kind, const char *folder);

/* What SQLite says went wrong. */
int index_file_fail(const struct index_file *index, struct err *err);
int index_file_run(const struct index_file *index, const char *sql, struct err *err);

#endif
