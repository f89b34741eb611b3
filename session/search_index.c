#include "session/search_index.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC_BYTES = sizeof(SEARCH_INDEX_MAGIC) - 1, HASH_BYTES = 64 << 20 };

struct head {
	char magic[MAGIC_BYTES];
	struct sha256_digest of, body;
};
_Static_assert(sizeof(struct head) == MAGIC_BYTES + 64, "the head of an index has no holes");

static int fail(struct search_index *index, struct err *err)
{
	return err_set(err, ERR_FAILURE, NULL, NULL, "full-text search failed: %s",
		sqlite3_errmsg(index->db));
}

static int run(struct search_index *index, const char *sql, struct err *err)
{
	return sqlite3_exec(index->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(index, err);
}

/* The size of what FTS5 gathers before it writes: the fewer pieces, the less to merge. */
static int make_table(struct search_index *index, struct err *err)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT INTO passage(passage, rank) VALUES('hashsize', %d)",
		HASH_BYTES);
	if (run(index, "PRAGMA journal_mode=OFF", err) < 0 ||
		run(index,
			"CREATE VIRTUAL TABLE passage USING fts5(text, content='', "
			"tokenize='" SEARCH_TOKENIZER "')",
			err) < 0) {
		return -1;
	}
	return run(index, sql, err);
}

static int add_passages(
	struct search_index *index, const struct passages *passages, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	struct buf made = BUF_INIT;
	int rc = sqlite3_prepare_v2(
		index->db, "INSERT INTO passage(rowid, text) VALUES(?1, ?2)", -1, &stmt, NULL);

	for (size_t i = 0; i < passages->count && rc == SQLITE_OK; i++) {
		size_t len;
		const char *text = passage_text(passages, i, &made, &len);

		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)i);
		sqlite3_bind_text(stmt, 2, text, (int)len, SQLITE_STATIC);
		rc = sqlite3_step(stmt) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
	buf_finish(&made);
	return rc == SQLITE_OK ? 0 : fail(index, err);
}

int search_index_make(struct search_index *index, const struct passages *passages, struct err *err)
{
	*index = (struct search_index){0};
	if (words_open(&index->db, &index->words, err) < 0) {
		return -1;
	}
	if (make_table(index, err) < 0 || run(index, "BEGIN", err) < 0 ||
		add_passages(index, passages, err) < 0 || run(index, "COMMIT", err) < 0) {
		search_index_close(index);
		return -1;
	}
	return 0;
}

void search_index_close(struct search_index *index)
{
	sqlite3_close(index->db);
	file_map_close(&index->map);
	*index = (struct search_index){0};
}

/* ---- the file ---- */

static char *path_in(const char *folder, const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

void search_forget(const char *folder)
{
	char *path = path_in(folder, SEARCH_INDEX_FILE),
	     *new_path = path_in(folder, SEARCH_INDEX_NEW);

	unlink(path);
	unlink(new_path);
	free(path);
	free(new_path);
}

void search_forget_dropped(const char *folder, const struct store_contents *contents)
{
	struct store_figures now;
	int64_t n_dropped = 0;

	for (size_t i = 0; i < contents->n_block; i++) {
		n_dropped += contents->block[i].is_dropped;
	}
	if (store_figures(&now, folder, NULL) < 0) {
		search_forget(folder);
		return;
	}
	if (now.n_dropped != n_dropped) {
		search_forget(folder);
	}
	store_figures_finish(&now);
}

/* Whether the mapped file is a whole index of that. */
static int is_good(const struct file_map *map, const struct sha256_digest *digest)
{
	struct head head;
	struct sha256_digest body;

	if (map->size_bytes <= sizeof(head)) {
		return 0;
	}
	memcpy(&head, map->data, sizeof(head));
	if (memcmp(head.magic, SEARCH_INDEX_MAGIC, MAGIC_BYTES) != 0 ||
		!sha256_equal(&head.of, digest)) {
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
static int is_ours(struct search_index *index)
{
	static const char settings[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON";
	struct search_index empty = {0};
	struct buf own = BUF_INIT, found = BUF_INIT;
	int is = sqlite3_db_config(index->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
		 run(index, settings, NULL) == 0 && read_schema(index->db, &found) == 0 &&
		 words_open(&empty.db, &empty.words, NULL) == 0 && make_table(&empty, NULL) == 0 &&
		 read_schema(empty.db, &own) == 0 && strcmp(buf_str(&own), buf_str(&found)) == 0;

	search_index_close(&empty);
	buf_finish(&own);
	buf_finish(&found);
	return is;
}

int search_index_read(struct search_index *index, const char *folder,
	const struct sha256_digest *digest, struct err *err)
{
	char *path = path_in(folder, SEARCH_INDEX_FILE);
	int status;

	*index = (struct search_index){0};
	status = file_map_open(&index->map, path, ERR_FAILURE, NULL);
	free(path);
	if (status < 0 || !is_good(&index->map, digest)) {
		search_index_close(index);
		return 1;
	}
	if (words_open(&index->db, &index->words, err) < 0) {
		search_index_close(index);
		return -1;
	}
	/* Read-only: the bytes stay the mapping's. */
	if (sqlite3_deserialize(index->db, "main",
		    (unsigned char *)index->map.data + sizeof(struct head),
		    (sqlite3_int64)(index->map.size_bytes - sizeof(struct head)),
		    (sqlite3_int64)(index->map.size_bytes - sizeof(struct head)),
		    SQLITE_DESERIALIZE_READONLY) != SQLITE_OK ||
		!is_ours(index)) {
		search_index_close(index);
		return 1;
	}
	return 0;
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
void search_index_write(
	const struct search_index *index, const char *folder, const struct sha256_digest *digest)
{
	char *path = path_in(folder, SEARCH_INDEX_FILE),
	     *new_path = path_in(folder, SEARCH_INDEX_NEW);
	sqlite3_int64 len = 0;
	unsigned char *bytes = sqlite3_serialize(index->db, "main", &len, 0);
	struct head head = {.of = *digest};
	int fd = -1;

	if (bytes) {
		memcpy(head.magic, SEARCH_INDEX_MAGIC, MAGIC_BYTES);
		head.body = sha256_of(bytes, (size_t)len);
		unlink(new_path); /* of a search that was killed */
		fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd >= 0) {
		int status = write_all(fd, &head, sizeof(head)) < 0 ||
			     write_all(fd, bytes, (size_t)len) < 0;

		if (close(fd) < 0 || status || rename(new_path, path) < 0) {
			unlink(new_path);
		}
	}
	sqlite3_free(bytes);
	free(path);
	free(new_path);
}

/* ---- looking ---- */

int search_index_find(struct search_index *index, const char *expression, size_t most,
	int (*found)(void *arg, size_t passage), void *arg, int64_t *n_found, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(index->db,
		"SELECT rowid FROM passage WHERE passage MATCH ?1 ORDER BY rank", -1, &stmt, NULL);
	size_t n = 0;

	if (rc == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, expression, -1, SQLITE_STATIC);
		while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			++*n_found;
			n += n < most && found(arg, (size_t)sqlite3_column_int64(stmt, 0));
		}
	}
	if (rc != SQLITE_DONE) {
		fail(index, err);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}
