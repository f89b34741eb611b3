#include "session/search_index.h"

#include "base/buf.h"
#include "session/retrieve_index.h"
#include "session/search.h"
#include "session/vectors_file.h"

/* 64 MB: what FTS5 gathers before it writes; the fewer pieces, the less to merge. */
const struct index_kind search_index_kind = {
	.magic = SEARCH_INDEX_MAGIC,
	.file = SEARCH_INDEX_FILE,
	.tables = "CREATE VIRTUAL TABLE passage USING fts5(text, content='', "
		  "tokenize='" WORDS_TOKENIZER "');"
		  "INSERT INTO passage(passage, rank) VALUES('hashsize', 67108864)",
};
_Static_assert(sizeof(SEARCH_INDEX_MAGIC) - 1 == INDEX_MAGIC_BYTES, "a magic of its size");

static int add_passages(struct index_file *index, const struct passages *passages, struct err *err)
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
	return rc == SQLITE_OK ? 0 : index_file_fail(index, err);
}

int search_index_make(struct index_file *index, const struct passages *passages, struct err *err)
{
	if (index_file_make(index, &search_index_kind, err) < 0) {
		return -1;
	}
	if (index_file_run(index, "BEGIN", err) < 0 || add_passages(index, passages, err) < 0 ||
		index_file_run(index, "COMMIT", err) < 0) {
		index_file_close(index);
		return -1;
	}
	return 0;
}

/* ---- what is removed ---- */

void search_forget(const char *folder)
{
	index_file_remove(&search_index_kind, folder);
	retrieve_forget(folder);
	vectors_forget(folder);
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

/* ---- looking ---- */

int search_index_find(struct index_file *index, const char *expression, size_t most,
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
		index_file_fail(index, err);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}
