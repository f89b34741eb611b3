/*
 * A session's file may be anybody's: it is read, or refused with a sentence, and where it is damaged
 * repaired, without a crash and in memory that its size bounds. The first byte says how: a whole file,
 * or (where mutations of a file would only meet SQLite's own checks and the checksums) a good one
 * whose columns are set to anything, checksums not looked at.
 */
#include "session/store.h"
#include "session/store_sqlite.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void leave(void)
{
	folder_remove(folder, NULL);
}

static void enter(void)
{
	if (folder[0]) {
		return;
	}
	snprintf(folder, sizeof(folder), "%s/carrel-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder)) {
		abort();
	}
	atexit(leave);
}

static void check_said(const struct err *err)
{
	if (!err->what[0]) {
		abort();
	}
}

/* What is read can be walked without a look at what it says. */
static size_t walk(const struct store_contents *contents)
{
	size_t sum = strlen(contents->draft);

	for (size_t i = 0; i < contents->n_block; i++) {
		const struct document *document = &contents->block[i].document;

		sum += strlen(document_kind_name(document->kind));
		for (size_t j = 0; j < document->n_part; j++) {
			sum += document->part[j].text[document->part[j].len];
		}
		for (size_t j = 0; j < document->n_heading; j++) {
			sum += document->part[document->heading[j].part].len +
			       strlen(document->heading[j].title);
		}
	}
	for (size_t i = 0; i < contents->n_turn; i++) {
		const struct store_turn *turn = &contents->turn[i];

		if (turn->parent >= turn->id) {
			abort();
		}
		sum += turn->question[turn->question_len] + strlen(turn->tokenizer_digest);
		for (size_t j = 0; j < turn->n_citation; j++) {
			sum += strlen(verdict_name(turn->citation[j].verdict));
		}
	}
	return sum;
}

static void ignore(void *arg, const char *sentence)
{
	*(size_t *)arg += strlen(sentence);
}

/* ---- a file ---- */

static void put(const uint8_t *data, size_t size)
{
	char *path = mem_printf("%s/session.db", folder);
	FILE *file;

	leave();
	if (mkdir(folder, 0700) < 0 || !(file = fopen(path, "w")) ||
		fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		abort();
	}
	free(path);
}

static void write_to_it(void)
{
	char draft[] = "a line";
	struct store_change change = {.draft = draft};
	struct store *store;
	struct err err = {0};

	if (store_open(&store, folder, STORE_WRITE, &err) < 0) {
		check_said(&err);
		return;
	}
	if (store_commit(store, &change, &err) < 0) {
		check_said(&err);
	}
	store_close(store);
}

static void try_file(const uint8_t *data, size_t size)
{
	struct store_contents contents;
	struct store_report report = {.damage = ignore};
	struct store_figures figures;
	struct store *store;
	struct err err = {0};
	size_t sum = 0;

	put(data, size);
	report.arg = &sum;
	if (store_open(&store, folder, STORE_READ, &err) == 0) {
		if (store_read(store, &contents, &err) == 0) {
			sum += walk(&contents);
			store_contents_finish(&contents);
		} else {
			check_said(&err);
		}
		store_close(store);
	} else {
		check_said(&err);
	}
	if (store_figures(&figures, folder, NULL) == 0) {
		store_figures_finish(&figures);
	}
	store_verify(folder, &report, &err);
	write_to_it();
	if (store_repair(folder, &report, &err) == 0 &&
		(store_verify(folder, &report, &err) < 0 || report.n_damaged)) {
		abort(); /* what was repaired holds together */
	}
}

/* ---- its columns ---- */

static struct buf good;

static void open_good(struct db *db)
{
	unsigned char *copy;

	if (!good.data) {
		if (file_read(&good, CARREL_SOURCE "/tests/vectors/sessions/v1/session.db",
			    SIZE_MAX, NULL) < 0) {
			abort();
		}
		good.data[18] = good.data[19] = 1; /* a database in memory has no log */
	}
	*db = (struct db){.path = mem_strdup("/folder/session.db"),
		.hash = sha256_create(),
		.ignores_checksum = 1};
	copy = sqlite3_malloc64(good.len);
	memcpy(copy, good.data, good.len);
	if (sqlite3_open(":memory:", &db->sql) != SQLITE_OK ||
		sqlite3_deserialize(db->sql, "main", copy, (sqlite3_int64)good.len,
			(sqlite3_int64)good.len,
			SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) !=
			SQLITE_OK) {
		abort();
	}
}

/* What one column of some rows is from now on: table, column, row, type, and up to 8 bytes of value. */
static void set_column(struct db *db, const uint8_t *data)
{
	char sql[256];
	sqlite3_stmt *stmt;
	int64_t value;
	int column;

	memcpy(&value, data + 4, sizeof(value));
	sqlite3_snprintf(sizeof(sql), sql, "SELECT * FROM %s", table_name(data[0] % N_TABLE));
	if (sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL) != SQLITE_OK) {
		return;
	}
	column = data[1] % sqlite3_column_count(stmt);
	sqlite3_snprintf(sizeof(sql), sql,
		data[3] & 0x80 ? "DELETE FROM %s WHERE (%s, ?1) NOT NULL AND id %% 7 = %d"
			       : "UPDATE OR REPLACE %s SET %s = ?1 WHERE id %% 7 = %d",
		table_name(data[0] % N_TABLE), sqlite3_column_name(stmt, column), data[2] % 7);
	sqlite3_finalize(stmt);
	if (sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL) != SQLITE_OK) {
		return;
	}
	switch (data[3] % 4) {
	case 0:
		sqlite3_bind_int64(stmt, 1, value);
		break;
	case 1:
		sqlite3_bind_int64(stmt, 1, (int8_t)data[4]);
		break;
	case 2:
		sqlite3_bind_blob(stmt, 1, data + 4, data[2] % 9, SQLITE_TRANSIENT);
		break;
	case 3:
		sqlite3_bind_double(stmt, 1, (double)value);
		break;
	}
	sqlite3_step(stmt);
	sqlite3_finalize(stmt);
}

static void try_columns(const uint8_t *data, size_t size)
{
	enum { ONE = 12, MOST = 64 };
	struct store_report report = {.damage = ignore};
	struct store_contents contents;
	struct err err = {0};
	size_t sum = 0;
	struct db db;

	open_good(&db);
	for (int i = 0; i < MOST && size >= ONE; i++, data += ONE, size -= ONE) {
		set_column(&db, data);
	}
	if (contents_read(&db, &contents, NULL, &err) == 0) {
		sum += walk(&contents);
		store_contents_finish(&contents);
	} else {
		check_said(&err);
	}
	report.arg = &sum;
	if (contents_read(&db, &contents, &report, &err) == 0) {
		sum += walk(&contents);
		store_contents_finish(&contents);
	} else {
		check_said(&err);
	}
	db_close(&db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	enter();
	if (data[0] == 'S') { /* as SQLite's files begin */
		try_file(data, size);
	} else {
		try_columns(data + 1, size - 1);
	}
	return 0;
}
