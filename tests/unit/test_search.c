/* Full-text search: what is found, where it is said to stand, and an index that is never wrong. */
#include "session/search.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "session/search_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCKS_MAX = 4 };

/* A session of a few sources and turns. */
struct fixture {
	struct store_block block[BLOCKS_MAX];
	struct store_turn turn[2];
	struct store_contents contents;
};

static struct document *add_document(struct fixture *fixture, enum document_kind kind)
{
	struct store_block *block = &fixture->block[fixture->contents.n_block++];

	*block = (struct store_block){.id = (int64_t)fixture->contents.n_block,
		.number = (int64_t)fixture->contents.n_block,
		.document = {.kind = kind, .name = mem_strdup("name")}};
	fixture->contents.block = fixture->block;
	return &block->document;
}

static struct part *add_part(struct document *document, const char *text, size_t len)
{
	struct part *part = document_add_part(document);

	part->text = mem_strndup(text, len);
	part->len = len;
	return part;
}

static void add_text(struct fixture *fixture, const char *text)
{
	add_part(add_document(fixture, DOCUMENT_TEXT), text, strlen(text));
}

static void finish(struct fixture *fixture)
{
	for (size_t i = 0; i < fixture->contents.n_block; i++) {
		document_finish(&fixture->block[i].document);
	}
}

static struct search_result find_in(
	const struct fixture *fixture, const char *words, const char *folder, size_t most)
{
	struct search_result result = {0};
	struct search *search;
	struct err err;

	if (search_create(&search, words, &err) < 0 ||
		search_session(search, &fixture->contents, folder, most, &result, &err) < 0) {
		fail_msg("%s: %s", words, err.what);
	}
	search_destroy(search);
	return result;
}

static size_t count_hits(const struct fixture *fixture, const char *words)
{
	struct search_result result = find_in(fixture, words, NULL, 100);
	size_t count = result.n_hit;

	search_result_finish(&result);
	return count;
}

static void words_are_found_whatever_their_case_and_accents(void **state)
{
	struct fixture fixture = {0};

	add_text(&fixture,
		"The Pump of Caf\xc3\xa9 M\xc3\xbcller\nstands in hall-4; see x->next.\n");
	assert_int_equal(1, count_hits(&fixture, "pump"));
	assert_int_equal(1, count_hits(&fixture, "CAFE muller"));
	assert_int_equal(1, count_hits(&fixture, "caf\xc3\xa9"));
	assert_int_equal(1, count_hits(&fixture, "hall-4"));
	assert_int_equal(1, count_hits(&fixture, "x->next"));
	assert_int_equal(1, count_hits(&fixture, "\"pump of\""));
	assert_int_equal(1, count_hits(&fixture, "pu* muller"));
	assert_int_equal(1, count_hits(&fixture, "\"of ca\"*"));
	assert_int_equal(0, count_hits(&fixture, "\"of pump\""));
	assert_int_equal(1, count_hits(&fixture, "\"hall pump")); /* nothing ends the quote */
	assert_int_equal(0, count_hits(&fixture, "\"hall pump\""));
	assert_int_equal(0, count_hits(&fixture, "pum"));
	assert_int_equal(0, count_hits(&fixture, "pump valve"));
	finish(&fixture);
}

/* FTS5 would read these as its operators, columns and strings. */
static void no_character_is_an_error_of_syntax(void **state)
{
	static const char *const odd[] = {"pump AND", "NOT pump", "pump OR", "text:pump", "(pump",
		"pump)", "\"pump", "pump\"", "pump\"\"", "^pump", "pump + hall", "NEAR(pump, 3)",
		"{pump}", "-pump", "pump * hall", "'pump", "pump;--", "pump\\", "*pump", "pump**",
		"\377pump", "pump \xe2\x80\xae", "\"\" pump", "pump,hall"};
	static const char *const none[] = {
		"", "  ", "->", "\"", "\"\"", "***", "\xff", "(", "- * -"};
	struct fixture fixture = {0};

	add_text(&fixture, "the pump in the hall\n");
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		count_hits(&fixture, odd[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct search *search;
		struct err err;

		assert_int_equal(-1, search_create(&search, none[i], &err));
		assert_int_equal(ERR_USAGE, err.code);
	}
	for (int c = 1; c < 256; c++) {
		char words[] = {'p', 'u', 'm', 'p', ' ', (char)c, 0};

		count_hits(&fixture, words);
	}
	finish(&fixture);
}

static void chinese_and_japanese_words_are_found_inside_of_lines(void **state)
{
	struct fixture fixture = {0};

	add_text(&fixture, "会議室は二階にある。UTF-8への変換\n");
	assert_int_equal(1, count_hits(&fixture, "会議室"));
	assert_int_equal(1, count_hits(&fixture, "議室は"));
	assert_int_equal(1, count_hits(&fixture, "変換"));
	assert_int_equal(1, count_hits(&fixture, "utf"));
	assert_int_equal(0, count_hits(&fixture, "室議"));
	finish(&fixture);
}

/* Wherever it stands, at the seams of the pieces too, and in which line. */
static void a_phrase_is_found_once_wherever_it_stands(void **state)
{
	for (size_t at = 3900; at < 4400; at += 7) {
		struct fixture fixture = {0};
		struct buf text = BUF_INIT;
		struct search_result result;
		int64_t line = 1;

		while (text.len < 20000) {
			if (text.len >= at && line > 0) {
				buf_addstr(&text, "needle in\nhay ");
				line = -line;
			}
			buf_printf(&text, "word%zu%c", text.len, text.len % 5 ? ' ' : '\n');
			line += line > 0 && text.data[text.len - 1] == '\n';
		}
		add_text(&fixture, buf_str(&text));
		result = find_in(&fixture, "\"needle in hay\"", NULL, 10);
		assert_int_equal(1, result.n_hit);
		assert_int_equal(-line, result.hit[0].line);
		assert_int_equal(1, result.hit[0].n_mark);
		assert_int_equal(0, memcmp(result.hit[0].text + result.hit[0].mark[0].at,
					    "needle in\nhay", 13));
		search_result_finish(&result);
		buf_finish(&text);
		finish(&fixture);
	}
}

static void hits_say_where_they_stand(void **state)
{
	struct fixture fixture = {0};
	struct document *document = add_document(&fixture, DOCUMENT_PDF);
	struct search_result result;

	add_part(document, "first page\n", 11)->place.page = 1;
	add_part(document, "one\ntwo\nthe valve\n", 18)->place.page = 2;
	document = add_document(&fixture, DOCUMENT_TRANSCRIPT);
	add_part(document, "good morning", 12)->place.time_ms = 0;
	add_part(document, "close the valve", 15)->place.time_ms = 5000;
	add_part(document, "yes", 3)->place.time_ms = 6000;
	fixture.turn[0] = (struct store_turn){.id = 3,
		.question = (char *)"which valve?",
		.question_len = 12,
		.text = (char *)"None.\nNo valve.",
		.text_len = 15};
	fixture.contents.turn = fixture.turn;
	fixture.contents.n_turn = 1;
	result = find_in(&fixture, "valve", NULL, 10);
	assert_int_equal(4, result.n_hit);
	assert_int_equal(4, result.n_found);
	for (size_t i = 0; i < result.n_hit; i++) {
		const struct search_hit *hit = &result.hit[i];

		assert_int_equal(i < 2 ? 3 : 0, hit->turn);
		if (hit->turn) {
			assert_int_equal(hit->is_answer ? 2 : 1, hit->line);
		} else if (hit->block == 0) {
			assert_int_equal(1, hit->part);
			assert_int_equal(3, hit->line);
		} else {
			assert_int_equal(1, hit->block);
			assert_int_equal(1, hit->part);
			assert_int_equal(1, hit->line);
			assert_int_equal(15, hit->text_len);
		}
		assert_int_equal(0, memcmp(hit->text + hit->mark[0].at, "valve", 5));
	}
	search_result_finish(&result);
	result = find_in(&fixture, "valve", NULL, 1);
	assert_int_equal(2, result.n_hit);
	assert_int_equal(4, result.n_found);
	search_result_finish(&result);
	finish(&fixture);
}

static void text_that_is_not_utf8_is_searched(void **state)
{
	static const char text[] = "caf\xe9 latin\n\xff\xfe\0null pump\xc3";
	struct fixture fixture = {0};

	add_part(add_document(&fixture, DOCUMENT_TEXT), text, sizeof(text) - 1);
	assert_int_equal(1, count_hits(&fixture, "latin"));
	assert_int_equal(1, count_hits(&fixture, "null"));
	finish(&fixture);
}

static void a_line_of_any_length_is_shown_in_part_and_between_characters(void **state)
{
	struct fixture fixture = {0};
	struct buf text = BUF_INIT;
	struct search_result result;

	for (int i = 0; i < 30000; i++) {
		buf_addstr(&text, i == 17001 ? " needle " : "\xc3\xa9");
	}
	add_text(&fixture, buf_str(&text));
	result = find_in(&fixture, "needle", NULL, 10);
	assert_int_equal(1, result.n_hit);
	assert_true(result.hit[0].text_len < 1000);
	assert_int_equal(1, result.hit[0].n_mark);
	assert_int_equal((char)0xc3, result.hit[0].text[0]);
	assert_int_equal((char)0xa9, result.hit[0].text[result.hit[0].text_len - 1]);
	search_result_finish(&result);
	buf_finish(&text);
	finish(&fixture);
}

/* ---- the index ---- */

static void flip(const char *path, long at)
{
	FILE *file = fopen(path, "r+b");
	int c;

	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	c = fgetc(file);
	fseek(file, at, SEEK_SET);
	fputc(c ^ 4, file);
	fclose(file);
}

static void an_index_is_kept_and_never_wrong(void **state)
{
	char folder[] = "/tmp/carrel-search-XXXXXX";
	struct fixture fixture = {0};
	struct search_result result;
	struct stat st;
	struct buf file = BUF_INIT;
	char *path;

	assert_non_null(mkdtemp(folder));
	path = mem_printf("%s/search.index", folder);
	add_text(&fixture, "the pump\nand the valve\n");
	for (int round = 0; round < 3; round++) {
		result = find_in(&fixture, "valve", folder, 10);
		assert_int_equal(1, result.n_hit);
		assert_int_equal(2, result.hit[0].line);
		search_result_finish(&result);
		assert_int_equal(0, stat(path, &st));
		assert_int_equal(0600, st.st_mode & 0777);
	}
	for (long at = 0; at < (long)st.st_size; at += 97) {
		flip(path, at);
		result = find_in(&fixture, "valve", folder, 10);
		assert_int_equal(1, result.n_hit);
		search_result_finish(&result);
	}
	assert_int_equal(0, truncate(path, 100));
	result = find_in(&fixture, "valve", folder, 10);
	assert_int_equal(1, result.n_hit);
	search_result_finish(&result);

	/* Another text has another index. */
	memcpy(fixture.block[0].document.part[0].text + 17, "crane", 5);
	result = find_in(&fixture, "valve", folder, 10);
	assert_int_equal(0, result.n_hit);
	search_result_finish(&result);
	result = find_in(&fixture, "crane", folder, 10);
	assert_int_equal(1, result.n_hit);
	search_result_finish(&result);
	assert_int_equal(0, file_read(&file, path, 1 << 20, NULL));
	assert_null(memmem(file.data, file.len, "valve", 5));
	buf_finish(&file);

	search_forget(folder);
	assert_int_equal(0, rmdir(folder));
	free(path);
	finish(&fixture);
}

/* An index as anybody can write one: both digests are right. */
static void write_index(const char *path, const char *sql)
{
	struct sha256_digest body;
	struct buf file = BUF_INIT;
	unsigned char *bytes;
	sqlite3_int64 len;
	sqlite3 *db;
	FILE *out;

	assert_int_equal(SQLITE_OK, sqlite3_open(":memory:", &db));
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fail_msg("%s", sqlite3_errmsg(db));
	}
	bytes = sqlite3_serialize(db, "main", &len, 0);
	assert_non_null(bytes);
	body = sha256_of(bytes, (size_t)len);
	assert_int_equal(0, file_read(&file, path, 1 << 20, NULL));
	out = fopen(path, "wb");
	assert_non_null(out);
	/* The mark of an index and the digest of what it is of stay. */
	assert_int_equal(1, fwrite(file.data, sizeof(SEARCH_INDEX_MAGIC) - 1 + 32, 1, out));
	assert_int_equal(1, fwrite(&body, sizeof(body), 1, out));
	assert_int_equal(1, fwrite(bytes, (size_t)len, 1, out));
	assert_int_equal(0, fclose(out));
	buf_finish(&file);
	sqlite3_free(bytes);
	sqlite3_close(db);
}

static void an_index_that_somebody_else_made_up_is_made_again(void **state)
{
	static const char *const made_up[] = {"CREATE TABLE passage(text)",
		"CREATE VIEW passage AS SELECT 1 AS passage, 1 AS rank",
		"CREATE VIRTUAL TABLE passage USING fts5(text)", "CREATE TABLE other(text)"};
	char folder[] = "/tmp/carrel-search-XXXXXX";
	struct fixture fixture = {0};
	char *path;

	assert_non_null(mkdtemp(folder));
	path = mem_printf("%s/search.index", folder);
	add_text(&fixture, "the pump\nand the valve\n");
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
		struct search_result result = find_in(&fixture, "valve", folder, 10);

		search_result_finish(&result);
		write_index(path, made_up[i]);
		result = find_in(&fixture, "valve", folder, 10);
		assert_int_equal(1, result.n_hit);
		search_result_finish(&result);
	}
	search_forget(folder);
	assert_int_equal(0, rmdir(folder));
	free(path);
	finish(&fixture);
}

static void a_folder_that_cannot_be_written_is_searched_all_the_same(void **state)
{
	struct fixture fixture = {0};
	struct search_result result;

	add_text(&fixture, "the pump\n");
	result = find_in(&fixture, "pump", "/nonexistent/folder", 10);
	assert_int_equal(1, result.n_hit);
	search_result_finish(&result);
	finish(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_found_whatever_their_case_and_accents),
		cmocka_unit_test(no_character_is_an_error_of_syntax),
		cmocka_unit_test(chinese_and_japanese_words_are_found_inside_of_lines),
		cmocka_unit_test(a_phrase_is_found_once_wherever_it_stands),
		cmocka_unit_test(hits_say_where_they_stand),
		cmocka_unit_test(text_that_is_not_utf8_is_searched),
		cmocka_unit_test(a_line_of_any_length_is_shown_in_part_and_between_characters),
		cmocka_unit_test(an_index_is_kept_and_never_wrong),
		cmocka_unit_test(an_index_that_somebody_else_made_up_is_made_again),
		cmocka_unit_test(a_folder_that_cannot_be_written_is_searched_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
