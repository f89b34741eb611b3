/* The index of chunks as a file: kept, added to, made again, removed, and never trusted. */
#include "base/buf.h"
#include "base/file.h"
#include "base/sha256.h"
#include "session/retrieve.h"
#include "session/retrieve_index.h"
#include "session/search.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/library_by_hand.h"

#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Bytes that were indexed, and when to stop. */
struct seen {
	int64_t total, most;
	int stop;
};

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct seen *seen = arg;

	assert_int_equal(SESSION_INDEXING, progress->step);
	assert_true(progress->done <= progress->total);
	seen->total = progress->total;
	seen->most = progress->done;
}

static int on_stopped(void *arg)
{
	return ((struct seen *)arg)->stop;
}

/* Returns how many bytes were indexed for it, and how many chunks are found. */
static int64_t open_and_count(const struct by_hand *hand, const char *question, size_t *count)
{
	struct seen seen = {0};
	struct session_watch watch = {.reading = on_reading, .stopped = on_stopped, .arg = &seen};
	struct retrieve *retrieve;
	struct ranked *ranked;
	struct err err;

	if (retrieve_open(&retrieve, &hand->library, ".", &watch, &err) < 0 ||
		retrieve_rank(retrieve, question, strlen(question), 100, &ranked, count, &err) <
			0) {
		fail_msg("%s", err.what);
	}
	for (size_t i = 0; i < *count; i++) {
		assert_true(ranked[i].chunk < hand->library.n_chunk);
		assert_true(isfinite(ranked[i].score));
	}
	free(ranked);
	retrieve_close(retrieve);
	return seen.total;
}

static int64_t open_and_ask(const struct by_hand *hand, const char *question, size_t expected)
{
	size_t count;
	int64_t indexed = open_and_count(hand, question, &count);

	assert_int_equal(expected, count);
	return indexed;
}

static void an_index_is_kept_and_read_again(void **state)
{
	struct by_hand hand = {0};
	struct stat st;

	by_hand_text(&hand, "t", "the pump\nthe valve\n");
	assert_int_equal(19, open_and_ask(&hand, "valve", 1));
	assert_int_equal(0, stat(RETRIEVE_INDEX_FILE, &st));
	assert_int_equal(0600, st.st_mode & 0777);
	assert_int_equal(0, open_and_ask(&hand, "valve", 1));
	assert_int_equal(0, open_and_ask(&hand, "pump", 1));
	search_forget(".");
	assert_int_equal(-1, access(RETRIEVE_INDEX_FILE, F_OK));
	by_hand_finish(&hand);
}

static void a_library_that_grows_is_indexed_where_it_grew(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "the pump\nthe valve\n");
	by_hand_text(&hand, "empty", "");
	assert_int_equal(19, open_and_ask(&hand, "valve", 1));
	by_hand_text(&hand, "u", "another valve\n");
	assert_int_equal(14, open_and_ask(&hand, "valve", 2));
	by_hand_text(&hand, "u", "another valve\n"); /* the same again: it is found where it was */
	assert_int_equal(0, open_and_ask(&hand, "valve", 2));
	search_forget(".");
	by_hand_finish(&hand);
}

/* As when one goes to another branch of the conversation, and comes back. */
static void what_is_not_in_the_library_is_not_found(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "the pump\nthe valve\nthe hall\n");
	by_hand_text(&hand, "u", "another valve\n");
	open_and_ask(&hand, "valve", 2);
	hand.library.n_source = 1;
	hand.library.n_chunk = 3;
	assert_int_equal(0, open_and_ask(&hand, "valve", 1));
	hand.library.n_source = 2;
	hand.library.n_chunk = 4;
	assert_int_equal(0, open_and_ask(&hand, "valve", 2));
	search_forget(".");
	by_hand_finish(&hand);
}

/* Where most of what it has is of no use, it is made anew: what was there leaves no word behind. */
static void an_index_of_other_texts_is_made_again(void **state)
{
	struct by_hand hand = {0}, other = {0};
	struct buf file = BUF_INIT;

	by_hand_text(&hand, "t", "the pump\nthe xylophone\nthe hall\n");
	open_and_ask(&hand, "xylophone", 1);
	by_hand_text(&other, "t", "the crane\n");
	assert_int_equal(10, open_and_ask(&other, "crane", 1));
	assert_int_equal(10, open_and_ask(&other, "xylophone", 0) + 10);
	assert_int_equal(0, file_read(&file, RETRIEVE_INDEX_FILE, 1 << 20, NULL));
	assert_null(memmem(file.data, file.len, "xylophone", 9));
	assert_non_null(memmem(file.data, file.len, "crane", 5));
	buf_finish(&file);
	search_forget(".");
	by_hand_finish(&hand);
	by_hand_finish(&other);
}

/* The same text, cut otherwise, named otherwise or under other headings, is another source. */
static void another_cut_is_another_index(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "the pump\nthe valve\nthe hall\n");
	assert_int_equal(28, open_and_ask(&hand, "valve", 1));
	by_hand_cut(&hand, 0, 2);
	assert_int_equal(28, open_and_ask(&hand, "valve", 1));
	document_add_heading(&hand.document[0], 1, "pump", 4, 0, 1);
	assert_int_equal(28, open_and_ask(&hand, "valve", 1));
	search_forget(".");
	by_hand_finish(&hand);
}

static void a_stop_leaves_what_was_there(void **state)
{
	struct seen seen = {.stop = 1};
	struct session_watch watch = {.reading = on_reading, .stopped = on_stopped, .arg = &seen};
	struct by_hand hand = {0};
	struct retrieve *retrieve;
	struct err err;

	by_hand_text(&hand, "t", "the pump\n");
	open_and_ask(&hand, "pump", 1);
	by_hand_text(&hand, "u", "the valve\n");
	assert_int_equal(-1, retrieve_open(&retrieve, &hand.library, ".", &watch, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(10, open_and_ask(&hand, "valve", 1));
	search_forget(".");
	by_hand_finish(&hand);
}

static void a_damaged_index_is_made_again(void **state)
{
	struct by_hand hand = {0};
	struct buf file = BUF_INIT;

	by_hand_text(&hand, "t", "the pump\nthe valve\n");
	open_and_ask(&hand, "valve", 1);
	assert_int_equal(0, file_read(&file, RETRIEVE_INDEX_FILE, 1 << 20, NULL));
	for (size_t at = 0; at < file.len; at += 211) {
		FILE *out = fopen(RETRIEVE_INDEX_FILE, "wb");

		file.data[at] ^= 4;
		assert_non_null(out);
		assert_int_equal(1, fwrite(file.data, file.len, 1, out));
		assert_int_equal(0, fclose(out));
		file.data[at] ^= 4;
		assert_int_equal(19, open_and_ask(&hand, "valve", 1));
	}
	for (off_t len = 0; len < (off_t)file.len; len += 1999) {
		assert_int_equal(0, truncate(RETRIEVE_INDEX_FILE, len));
		assert_int_equal(19, open_and_ask(&hand, "valve", 1));
	}
	buf_finish(&file);
	search_forget(".");
	by_hand_finish(&hand);
}

/* An index as anybody can write one: changed by `sql`, with both digests right. */
static void rewrite(const char *sql)
{
	size_t head = INDEX_MAGIC_BYTES + 32;
	struct buf file = BUF_INIT;
	struct sha256_digest body;
	sqlite3_int64 len;
	unsigned char *bytes, *copy;
	sqlite3 *db;
	FILE *out;

	assert_int_equal(0, file_read(&file, RETRIEVE_INDEX_FILE, 1 << 20, NULL));
	assert_int_equal(SQLITE_OK, sqlite3_open(":memory:", &db));
	len = (sqlite3_int64)(file.len - head - 32);
	copy = sqlite3_malloc64((sqlite3_uint64)len);
	memcpy(copy, file.data + head + 32, (size_t)len);
	assert_int_equal(
		SQLITE_OK, sqlite3_deserialize(db, "main", copy, len, len,
				   SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	}
	bytes = sqlite3_serialize(db, "main", &len, 0);
	body = sha256_of(bytes, (size_t)len);
	out = fopen(RETRIEVE_INDEX_FILE, "wb");
	assert_non_null(out);
	assert_int_equal(1, fwrite(file.data, head, 1, out));
	assert_int_equal(1, fwrite(&body, sizeof(body), 1, out));
	assert_int_equal(1, fwrite(bytes, (size_t)len, 1, out));
	assert_int_equal(0, fclose(out));
	sqlite3_free(bytes);
	sqlite3_close(db);
	buf_finish(&file);
}

/*
 * Its digests say that it is whole, not who wrote it. What can be seen to be no index is made again; what
 * cannot may hide something from who let others write there, and does nothing else.
 */
static void an_index_that_somebody_else_made_up_does_no_harm(void **state)
{
	static const struct {
		const char *sql;
		int is_seen;
	} made_up[] = {
		{"CREATE VIEW extra AS SELECT 1", 1},
		{"CREATE TRIGGER t AFTER INSERT ON source BEGIN DELETE FROM source; END", 1},
		{"UPDATE source SET n_chunk = -1", 1},
		{"UPDATE source SET n_chunk = 9223372036854775807", 1},
		{"UPDATE source SET first = 7", 1},
		{"UPDATE source SET digest = 'x'", 1},
		{"INSERT INTO source VALUES(-5, zeroblob(32), 3)", 1},
		{"DELETE FROM source", 1},
		{"UPDATE chunk_data SET block = zeroblob(40)", 0},
		{"DELETE FROM chunk_data", 1},
		{"DELETE FROM chunk_docsize", 1},
		{"DELETE FROM chunk_config", 1},
		{"UPDATE chunk_docsize SET sz = x'ffffffffffffffffffffffff'", 1},
	};
	struct by_hand hand = {0};
	size_t count;

	by_hand_text(&hand, "t", "the pump\nthe valve\n");
	for (size_t i = 0; i < ARRAY_LEN(made_up); i++) {
		search_forget(".");
		open_and_ask(&hand, "valve", 1);
		rewrite(made_up[i].sql);
		open_and_count(&hand, "valve", &count);
		if (made_up[i].is_seen ? count != 1 : count > 1) {
			fail_msg("%s: %zu", made_up[i].sql, count);
		}
	}
	search_forget(".");
	by_hand_finish(&hand);
}

static void a_folder_that_cannot_be_written_is_asked_all_the_same(void **state)
{
	struct by_hand hand = {0};
	struct retrieve *retrieve;
	struct ranked *ranked;
	size_t count;
	struct err err;

	by_hand_text(&hand, "t", "the pump\n");
	assert_int_equal(
		0, retrieve_open(&retrieve, &hand.library, "/nonexistent/folder", NULL, &err));
	assert_int_equal(0, retrieve_rank(retrieve, "pump", 4, 10, &ranked, &count, &err));
	assert_int_equal(1, count);
	free(ranked);
	retrieve_close(retrieve);
	by_hand_finish(&hand);
}

static char folder[] = "/tmp/carrel-retrieve-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_is_kept_and_read_again),
		cmocka_unit_test(a_library_that_grows_is_indexed_where_it_grew),
		cmocka_unit_test(what_is_not_in_the_library_is_not_found),
		cmocka_unit_test(an_index_of_other_texts_is_made_again),
		cmocka_unit_test(another_cut_is_another_index),
		cmocka_unit_test(a_stop_leaves_what_was_there),
		cmocka_unit_test(a_damaged_index_is_made_again),
		cmocka_unit_test(an_index_that_somebody_else_made_up_does_no_harm),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_asked_all_the_same),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
