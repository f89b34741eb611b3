#include "session/store_row.h"

#include <stdlib.h>
#include <string.h>

/* Each value as (type, length, bytes), numbers little-endian. */
static void hash_bytes(struct row *row, const char *type, const void *bytes, size_t len)
{
	sha256_add_field(row->db->hash, type, bytes, len);
}

static void hash_number(struct row *row, const char *type, uint64_t value)
{
	uint8_t byte[8];

	for (int i = 0; i < 8; i++) {
		byte[i] = (uint8_t)(value >> 8 * i);
	}
	hash_bytes(row, type, byte, sizeof(byte));
}

static void start(struct row *row, struct db *db, sqlite3_stmt *stmt, const char *table)
{
	*row = (struct row){.db = db, .stmt = stmt, .table = table};
	sha256_reset(db->hash);
	hash_bytes(row, "table", table, strlen(table));
}

static struct checksum finish(struct row *row)
{
	struct sha256_digest digest = sha256_finish(row->db->hash);
	struct checksum sum;

	memcpy(sum.byte, digest.byte, sizeof(sum.byte));
	return sum;
}

/* ---- to the database ---- */

enum { FIRST_COLUMN = 2 }; /* behind the id and the checksum */

void row_begin(struct row *row, struct db *db, sqlite3_stmt *stmt, const char *table, int64_t id)
{
	start(row, db, stmt, table);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	row->column = FIRST_COLUMN;
	hash_number(row, "int", (uint64_t)id);
	row->is_bad = sqlite3_bind_int64(stmt, 1, id) != SQLITE_OK;
}

void row_add_int(struct row *row, int64_t value)
{
	hash_number(row, "int", (uint64_t)value);
	row->is_bad |= sqlite3_bind_int64(row->stmt, ++row->column, value) != SQLITE_OK;
}

static uint64_t real_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void row_add_real(struct row *row, double value)
{
	/* SQLite knows no NaN, and no zero but one. */
	value = value == value ? value + 0.0 : 0;
	hash_number(row, "real", real_bits(value));
	row->is_bad |= sqlite3_bind_double(row->stmt, ++row->column, value) != SQLITE_OK;
}

void row_add_bytes(struct row *row, const void *bytes, size_t len)
{
	if (!bytes) {
		hash_bytes(row, "null", NULL, 0);
		row->is_bad |= sqlite3_bind_null(row->stmt, ++row->column) != SQLITE_OK;
		return;
	}
	hash_bytes(row, "bytes", bytes, len);
	row->is_bad |= sqlite3_bind_blob64(row->stmt, ++row->column, bytes, len, SQLITE_STATIC) !=
		       SQLITE_OK;
}

void row_add_text(struct row *row, const char *text)
{
	row_add_bytes(row, text, text ? strlen(text) : 0);
}

int row_store(struct row *row, struct checksum *sum, struct err *err)
{
	struct checksum own = finish(row);

	row->is_bad |= sqlite3_bind_blob(row->stmt, 2, own.byte, sizeof(own.byte), SQLITE_STATIC) !=
		       SQLITE_OK;
	if (row->is_bad || sqlite3_step(row->stmt) != SQLITE_DONE) {
		return db_fail(row->db, "cannot be saved", err);
	}
	if (sum) {
		*sum = own;
	}
	return 0;
}

/* ---- from it ---- */

int row_next(struct row *row, struct db *db, sqlite3_stmt *stmt, const char *table, int64_t *id,
	struct err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_DONE) {
		return 0;
	}
	if (rc != SQLITE_ROW) {
		return db_fail(db, "cannot be read", err);
	}
	start(row, db, stmt, table);
	*id = row_int(row);
	row->column = FIRST_COLUMN;
	return 1;
}

int64_t row_int(struct row *row)
{
	int column = row->column++;
	int64_t value = sqlite3_column_int64(row->stmt, column);

	row->is_bad |= sqlite3_column_type(row->stmt, column) != SQLITE_INTEGER;
	hash_number(row, "int", (uint64_t)value);
	return value;
}

int64_t row_int_in(struct row *row, int64_t low, int64_t high)
{
	int64_t value = row_int(row);

	if (value < low || value > high) {
		row->is_bad = 1;
		return low;
	}
	return value;
}

double row_real(struct row *row)
{
	int column = row->column++;
	double value = sqlite3_column_double(row->stmt, column);

	row->is_bad |= sqlite3_column_type(row->stmt, column) != SQLITE_FLOAT;
	hash_number(row, "real", real_bits(value));
	return value;
}

const void *row_bytes(struct row *row, size_t *len)
{
	int column = row->column++;
	int type = sqlite3_column_type(row->stmt, column);
	const void *bytes;

	*len = 0;
	if (type != SQLITE_BLOB) {
		row->is_bad |= type != SQLITE_NULL;
		hash_bytes(row, "null", NULL, 0);
		return NULL;
	}
	bytes = sqlite3_column_blob(row->stmt, column);
	*len = (size_t)sqlite3_column_bytes(row->stmt, column);
	if (!bytes && sqlite3_errcode(row->db->sql) == SQLITE_NOMEM) {
		row->is_bad = row->lacks_memory = 1;
		*len = 0;
	}
	bytes = bytes ? bytes : "";
	hash_bytes(row, "bytes", bytes, *len);
	return bytes;
}

char *row_copy(struct row *row, size_t *len)
{
	const void *bytes = row_bytes(row, len);
	char *copy = bytes ? malloc(*len + 1) : NULL;

	if (!copy) {
		row->lacks_memory |= !!bytes;
		row->is_bad = 1;
		*len = 0;
		return NULL;
	}
	memcpy(copy, bytes, *len);
	copy[*len] = 0;
	return copy;
}

char *row_text(struct row *row)
{
	size_t len;
	const void *bytes = row_bytes(row, &len);
	char *text;

	if (!bytes) {
		return NULL;
	}
	if (memchr(bytes, 0, len)) {
		row->is_bad = 1;
		return NULL;
	}
	text = malloc(len + 1);
	if (!text) {
		row->is_bad = row->lacks_memory = 1;
		return NULL;
	}
	memcpy(text, bytes, len);
	text[len] = 0;
	return text;
}

void row_digest(struct row *row, char out[65])
{
	size_t len;
	const void *bytes = row_bytes(row, &len);

	if (!bytes || len > 64 || memchr(bytes, 0, len)) {
		row->is_bad = 1;
		len = 0;
	} else {
		memcpy(out, bytes, len);
	}
	out[len] = 0;
}

int row_check(struct row *row, struct checksum *sum)
{
	struct checksum own = finish(row);
	const void *stored = sqlite3_column_blob(row->stmt, 1);

	if (sum) {
		*sum = own;
	}
	if (row->is_bad || row->column != sqlite3_column_count(row->stmt)) {
		return -1;
	}
	if (row->db->ignores_checksum) {
		return 0;
	}
	return stored && sqlite3_column_bytes(row->stmt, 1) == sizeof(own.byte) &&
			       memcmp(stored, own.byte, sizeof(own.byte)) == 0
		       ? 0
		       : -1;
}

void checksum_toggle(struct checksum *sum, const struct checksum *row)
{
	for (size_t i = 0; i < sizeof(sum->byte); i++) {
		sum->byte[i] ^= row->byte[i];
	}
}

int checksum_equal(const struct checksum *a, const struct checksum *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}
