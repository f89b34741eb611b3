/*
 * An index of passages: FTS5 in a database in memory, and that database as a file; private to
 * session/search*.c.
 *
 * The file: SEARCH_INDEX_MAGIC, the digest of what was indexed, the digest of the rest, and the rest: the
 * database's bytes. It is read only where both digests are right, so that SQLite never sees a damaged
 * one. It is replaced whole.
 */
#ifndef SESSION_SEARCH_INDEX_H
#define SESSION_SEARCH_INDEX_H

#include "base/file.h"
#include "session/search_passages.h"
#include "session/search_words.h"

#define SEARCH_INDEX_MAGIC "carrel search 1\n"
#define SEARCH_INDEX_FILE  "search.index"
#define SEARCH_INDEX_NEW   "search.index.new"

struct search_index {
	sqlite3 *db;
	struct words *words;
	struct file_map map; /* what the database is read from */
};

/* An index of these passages. */
int search_index_make(struct search_index *index, const struct passages *passages, struct err *err);
/* The one that `folder` has of what the digest says; 1 where there is none. */
int search_index_read(struct search_index *index, const char *folder,
	const struct sha256_digest *digest, struct err *err);
/* Failures lose only the file. */
void search_index_write(
	const struct search_index *index, const char *folder, const struct sha256_digest *digest);
void search_index_close(struct search_index *index);

/*
 * The best passages for an expression, the best first: `found` gets the index of each, and returns
 * whether it was what was looked for; `most` of these, and 0 ends it. *n_found counts all that FTS5
 * found.
 */
int search_index_find(struct search_index *index, const char *expression, size_t most,
	int (*found)(void *arg, size_t passage), void *arg, int64_t *n_found, struct err *err);

#endif
