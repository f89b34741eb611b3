#include "session/index_file.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct head {
	char magic[INDEX_MAGIC_BYTES];
	struct sha256_digest of, body;
};
_Static_assert(sizeof(struct head) == INDEX_MAGIC_BYTES + 64, "the head of an index has no holes");

int index_file_fail(const struct index_file *index, struct err *err)
{
	return err_set(err, ERR_FAILURE, NULL, NULL, "full-text search failed: %s",
		sqlite3_errmsg(index->db));
}

int index_file_run(const struct index_file *index, const char *sql, struct err *err)
{
	return sqlite3_exec(index->db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : index_file_fail(index, err);
}

/* A database of the kind, without its tables. */
static int open_empty(struct index_file *index, const struct index_kind *kind, struct err *err)
{
	struct file_map map = index->map;

	*index = (struct index_file){.kind = kind, .map = map};
	if (words_open(&index->db, &index->words, err) < 0) {
		return -1;
	}
	return kind->teach && kind->teach(index->db, index->words) != SQLITE_OK
		       ? index_file_fail(index, err)
		       : 0;
}

/*
 * A database whose bytes are in one piece, which SQLite can lend: one that was only opened in memory has
 * them page by page, and would have to copy all of them to show them.
 */
static int put_bytes(struct index_file *index, unsigned char *bytes, size_t len, struct err *err)
{
	unsigned flags = SQLITE_DESERIALIZE_RESIZEABLE | SQLITE_DESERIALIZE_FREEONCLOSE;

	return sqlite3_deserialize(index->db, "main", bytes, (sqlite3_int64)len, (sqlite3_int64)len,
		       flags) == SQLITE_OK &&
			       index_file_run(index, "PRAGMA journal_mode=OFF", err) == 0
		       ? 0
		       : index_file_fail(index, err);
}

int index_file_make(struct index_file *index, const struct index_kind *kind, struct err *err)
{
	*index = (struct index_file){0};
	if (open_empty(index, kind, err) < 0 || put_bytes(index, NULL, 0, err) < 0 ||
		index_file_run(index, kind->tables, err) < 0) {
		index_file_close(index);
		return -1;
	}
	return 0;
}

void index_file_close(struct index_file *index)
{
	sqlite3_close(index->db);
	file_map_close(&index->map);
	*index = (struct index_file){0};
}

/* ---- the file ---- */

static char *path_in(const char *folder, const char *name, const char *suffix)
{
	return mem_printf("%s/%s%s", folder, name, suffix);
}

void index_file_remove(const struct index_kind *kind, const char *folder)
{
	char *path = path_in(folder, kind->file, ""),
	     *new_path = path_in(folder, kind->file, ".new");

	unlink(path);
	unlink(new_path);
	free(path);
	free(new_path);
}

/* Whether the mapped file is a whole index of that. */
static int is_good(const struct file_map *map, const char *magic, const struct sha256_digest *of)
{
	struct head head;
	struct sha256_digest body;

	if (map->size_bytes <= sizeof(head)) {
		return 0;
	}
	memcpy(&head, map->data, sizeof(head));
	if (memcmp(head.magic, magic, INDEX_MAGIC_BYTES) != 0 || !sha256_equal(&head.of, of)) {
		return 0;
	}
	body = sha256_of(map->data + sizeof(head), map->size_bytes - sizeof(head));
	return sha256_equal(&head.body, &body);
}

/* The statements that made what is in a database, one behind the other. */
static int read_schema(sqlite3 *db, struct buf *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db,
		"SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema", -1,
		&stmt, NULL);

	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		buf_printf(out, "%s\n", (const char *)sqlite3_column_text(stmt, 0));
	}
	return sqlite3_finalize(stmt) == SQLITE_OK && rc == SQLITE_OK ? 0 : -1;
}

/*
 * Whether it has the tables that this SQLite makes of an index, and nothing that would run: its digest
 * says that it is whole, and not who wrote it.
 */
static int is_ours(const struct index_file *index)
{
	static const char settings[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON";
	struct index_file empty = {0};
	struct buf own = BUF_INIT, found = BUF_INIT;
	int is = sqlite3_db_config(index->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
		 index_file_run(index, settings, NULL) == 0 &&
		 read_schema(index->db, &found) == 0 &&
		 index_file_make(&empty, index->kind, NULL) == 0 &&
		 read_schema(empty.db, &own) == 0 && strcmp(buf_str(&own), buf_str(&found)) == 0;

	index_file_close(&empty);
	buf_finish(&own);
	buf_finish(&found);
	return is;
}

int index_file_read(struct index_file *index, const struct index_kind *kind, const char *folder,
	const struct sha256_digest *of, struct err *err)
{
	char *path = path_in(folder, kind->file, "");
	int status;
	sqlite3_int64 len;

	*index = (struct index_file){0};
	status = file_map_open(&index->map, path, ERR_FAILURE, NULL);
	free(path);
	if (status < 0 || !is_good(&index->map, kind->magic, of)) {
		index_file_close(index);
		return 1;
	}
	if (open_empty(index, kind, err) < 0) {
		index_file_close(index);
		return -1;
	}
	len = (sqlite3_int64)(index->map.size_bytes - sizeof(struct head));
	/* Read-only: the bytes stay the mapping's. */
	if (sqlite3_deserialize(index->db, "main",
		    (unsigned char *)index->map.data + sizeof(struct head), len, len,
		    SQLITE_DESERIALIZE_READONLY) != SQLITE_OK ||
		!is_ours(index)) {
		index_file_close(index);
		return 1;
	}
	return 0;
}

int index_file_thaw(struct index_file *index, struct err *err)
{
	size_t len = index->map.size_bytes - sizeof(struct head);
	unsigned char *bytes = sqlite3_malloc64(len);
	int status;

	if (!bytes) {
		return err_set(err, ERR_FAILURE, NULL, NULL,
			"there is no memory for an index of %zu MB", len >> 20);
	}
	memcpy(bytes, index->map.data + sizeof(struct head), len);
	status = put_bytes(index, bytes, len, err);
	file_map_close(&index->map);
	return status;
}

static int write_all(int fd, const void *bytes, size_t len)
{
	for (const char *at = bytes; len;) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR) {
			return -1;
		}
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Its digests say whether it is whole, so that nothing has to be synced. */
void index_file_write(
	const struct index_file *index, const char *folder, const struct sha256_digest *of)
{
	char *path = path_in(folder, index->kind->file, ""),
	     *new_path = path_in(folder, index->kind->file, ".new");
	sqlite3_int64 len = 0;
	const unsigned char *bytes =
		sqlite3_serialize(index->db, "main", &len, SQLITE_SERIALIZE_NOCOPY);
	struct head head = {.of = *of};
	int fd = -1;

	if (bytes) {
		memcpy(head.magic, index->kind->magic, INDEX_MAGIC_BYTES);
		head.body = sha256_of(bytes, (size_t)len);
		unlink(new_path); /* of a carrel that was killed */
		fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd >= 0) {
		int status = write_all(fd, &head, sizeof(head)) < 0 ||
			     write_all(fd, bytes, (size_t)len) < 0;

		if (close(fd) < 0 || status || rename(new_path, path) < 0) {
			unlink(new_path);
		}
	}
	free(path);
	free(new_path);
}
