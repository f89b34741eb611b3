/*
 * The tables of a session, and the steps from each version of them to the next. A step is never
 * edited once it was published: tests/vectors/sessions holds a session of each version. Each step makes
 * or changes a table, so that a flipped bit of the version's number is not taken for a newer format.
 *
 * What refers to rows of another table counts and sums them (row checksums), so that one that is
 * missing is noticed: `state` the settings, blocks, turns and places, a block its parts and headings,
 * a turn its citations and, where it has one, its coverage.
 *
 * Ids of parts, headings and citations: the block's or turn's id << 32 | its place among them. Of
 * coverage: the turn's.
 */
#include "session/store_db.h"

#include <string.h>

static const char *const version_1[] = {
	"CREATE TABLE state(id INTEGER PRIMARY KEY, checksum BLOB, head INTEGER, made_s INTEGER, "
	"used_s INTEGER, draft BLOB, is_unclean INTEGER, n_setting INTEGER, setting_sum BLOB, "
	"n_block INTEGER, block_sum BLOB, n_turn INTEGER, turn_sum BLOB, n_place INTEGER, "
	"place_sum BLOB) STRICT",
	"CREATE TABLE setting(id INTEGER PRIMARY KEY, checksum BLOB, key BLOB, value BLOB) STRICT",
	"CREATE TABLE block(id INTEGER PRIMARY KEY, checksum BLOB, number INTEGER, "
	"is_update INTEGER, is_dropped INTEGER, kind INTEGER, name BLOB, origin BLOB, rev BLOB, "
	"n_pages INTEGER, running_lines INTEGER, running_pages INTEGER, running_dropped INTEGER, "
	"tokens INTEGER, loaded_s INTEGER, n_part INTEGER, part_sum BLOB, n_heading INTEGER, "
	"heading_sum BLOB) STRICT",
	"CREATE TABLE part(id INTEGER PRIMARY KEY, checksum BLOB, path BLOB, page INTEGER, "
	"label BLOB, time_ms INTEGER, speaker BLOB, text BLOB) STRICT",
	"CREATE TABLE heading(id INTEGER PRIMARY KEY, checksum BLOB, title BLOB, level INTEGER, "
	"part INTEGER, line INTEGER) STRICT",
	"CREATE TABLE turn(id INTEGER PRIMARY KEY, checksum BLOB, parent INTEGER, asked_s INTEGER, "
	"open INTEGER, stop INTEGER, prompt_tok INTEGER, cached_tok INTEGER, prefill_tok INTEGER, "
	"generated_tok INTEGER, disk_tok INTEGER, thinking_tok INTEGER, restore_ms REAL, "
	"prefill_ms REAL, first_token_ms REAL, decode_ms REAL, model_name BLOB, model_digest BLOB, "
	"tokenizer_digest BLOB, n_citation INTEGER, citation_sum BLOB, question BLOB, text BLOB, "
	"thinking BLOB, ids BLOB) STRICT",
	"CREATE TABLE citation(id INTEGER PRIMARY KEY, checksum BLOB, text BLOB, source BLOB, "
	"path BLOB, page INTEGER, label BLOB, time_ms INTEGER, speaker BLOB, line_first INTEGER, "
	"line_last INTEGER, verdict INTEGER, superseded INTEGER, answer_offset INTEGER) STRICT",
	"CREATE TABLE place(id INTEGER PRIMARY KEY, checksum BLOB, turn INTEGER, block INTEGER) "
	"STRICT",
	NULL,
};

/* How an answer was read where its sources were more than the window. */
static const char *const version_2[] = {
	"CREATE TABLE coverage(id INTEGER PRIMARY KEY, checksum BLOB, over INTEGER, "
	"n_window INTEGER, n_read INTEGER, n_chunk INTEGER, n_chunk_read INTEGER, "
	"total_tok INTEGER, read_tok INTEGER, n_find INTEGER, n_find_used INTEGER, "
	"n_turn INTEGER, n_turn_read INTEGER, is_stopped INTEGER, prompt_tok INTEGER, "
	"cached_tok INTEGER, prefill_tok INTEGER, generated_tok INTEGER, disk_tok INTEGER, "
	"thinking_tok INTEGER, restore_ms REAL, prefill_ms REAL, first_token_ms REAL, "
	"decode_ms REAL, reading_ms REAL) STRICT",
	NULL,
};

const struct schema_step schema_steps[] = {
	{version_1, NULL},
	{version_2, NULL},
};
const int schema_newest = sizeof(schema_steps) / sizeof(schema_steps[0]);

/* The name behind CREATE TABLE. */
static int creates(const char *sql, const char *name, size_t len)
{
	static const char create[] = "CREATE TABLE ";
	const char *own = sql + sizeof(create) - 1;

	return strncmp(sql, create, sizeof(create) - 1) == 0 && strncmp(own, name, len) == 0 &&
	       own[len] == '(';
}

static const char *find_table(int version, const char *name, size_t len)
{
	for (int i = 0; i < version; i++) {
		for (const char *const *sql = schema_steps[i].sql; *sql; sql++) {
			if (creates(*sql, name, len)) {
				return *sql;
			}
		}
	}
	return NULL;
}

static int64_t count_tables(int version)
{
	int64_t n = 0;

	for (int i = 0; i < version; i++) {
		for (const char *const *sql = schema_steps[i].sql; *sql; sql++) {
			n++;
		}
	}
	return n;
}

int schema_check(struct db *db, struct err *err)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;
	int rc, status;

	status = db_prepare(
		db, &stmt, "SELECT type, name, sql FROM sqlite_schema", "cannot be read", err);
	if (status < 0) {
		return status;
	}
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(stmt, 0);
		const char *name = (const char *)sqlite3_column_text(stmt, 1);
		const char *sql = (const char *)sqlite3_column_text(stmt, 2);
		const char *own = name ? find_table(db->version, name, strlen(name)) : NULL;

		n++;
		if (!type || !sql || !own || strcmp(type, "table") != 0 || strcmp(sql, own) != 0) {
			break;
		}
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		status = db_fail(db, "cannot be read", err);
	} else if (rc == SQLITE_ROW || n != count_tables(db->version)) {
		status = DB_DAMAGED;
		err_set(err, ERR_FAILURE, db->path,
			"carrel sessions repair saves what can be saved",
			"has not the tables of a session");
	}
	sqlite3_finalize(stmt);
	return status;
}

static int take_step(struct db *db, const struct schema_step *step, int version, struct err *err)
{
	static const char what[] = "cannot be brought up to date";
	char sql[64];

	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version=%d", version);
	for (const char *const *statement = step->sql; *statement; statement++) {
		if (db_run(db, *statement, what, err) < 0) {
			return -1;
		}
	}
	if (step->fill && step->fill(db, err) < 0) {
		return -1;
	}
	return db_run(db, sql, what, err);
}

int schema_upgrade(struct db *db, const struct schema_step *step, int n_step, struct err *err)
{
	static const char what[] = "cannot be brought up to date";

	while (db->version < n_step) {
		if (db_run(db, "BEGIN IMMEDIATE", what, err) < 0) {
			return -1;
		}
		if (take_step(db, &step[db->version], db->version + 1, err) < 0 ||
			db_run(db, "COMMIT", what, err) < 0) {
			sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
			return -1;
		}
		db->version++;
	}
	return 0;
}
