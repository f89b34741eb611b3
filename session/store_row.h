/*
 * Rows on their way to the database and back, private to session/. Every table's first column is its
 * id and its second the checksum: the first 16 bytes of SHA-256 over the table's name and every
 * other column, each with its type and length. Text is stored as bytes (BLOB), exactly.
 */
#ifndef SESSION_STORE_ROW_H
#define SESSION_STORE_ROW_H

#include "session/store_db.h"

#include <stddef.h>
#include <stdint.h>

struct checksum {
	uint8_t byte[16];
};

struct row {
	struct db *db;
	sqlite3_stmt *stmt;
	const char *table;
	int column;
	int is_bad;       /* a column was not what it has to be */
	int lacks_memory; /* for what it is: nothing is known of the row */
};

/* ---- to the database: INSERT INTO table VALUES(?, ?, ...) ---- */

void row_begin(struct row *row, struct db *db, sqlite3_stmt *stmt, const char *table, int64_t id);
void row_add_int(struct row *row, int64_t value);
void row_add_real(struct row *row, double value);
/* NULL stays NULL. The bytes are borrowed until row_store() returns. */
void row_add_bytes(struct row *row, const void *bytes, size_t len);
void row_add_text(struct row *row, const char *text);
/* Run the statement; *sum may be NULL. */
int row_store(struct row *row, struct checksum *sum, struct err *err);

/* ---- from it: SELECT * ---- */

/* Whether there is a row: 1, or 0, or -1. */
int row_next(struct row *row, struct db *db, sqlite3_stmt *stmt, const char *table, int64_t *id,
	struct err *err);
int64_t row_int(struct row *row);
/* The same; bad where it is not in [low, high]. */
int64_t row_int_in(struct row *row, int64_t low, int64_t high);
double row_real(struct row *row);
/* Borrowed until the next row; NULL where it is NULL. */
const void *row_bytes(struct row *row, size_t *len);
/* malloc'ed, and ended by a NUL that does not count; bad where it is NULL or memory ran out. */
char *row_copy(struct row *row, size_t *len);
/* malloc'ed; NULL where it is NULL; bad where it holds a NUL. */
char *row_text(struct row *row);
void row_digest(struct row *row, char out[65]);
/* 0 where the row holds together: every column was read, was right, and the checksum is theirs. */
int row_check(struct row *row, struct checksum *sum);

/* An order-free sum of the rows of a table: adding one twice takes it out again. */
void checksum_toggle(struct checksum *sum, const struct checksum *row);
int checksum_equal(const struct checksum *a, const struct checksum *b);

#endif
