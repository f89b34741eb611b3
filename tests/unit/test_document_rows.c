/* Rows of a document: the same ones forward, backward and from any place, none wider than the screen. */
#include "tui/document_rows.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tui/cells.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static uint32_t random_next(uint64_t *counter)
{
	uint32_t word[4];

	rng_philox(3, (*counter)++, word);
	return word[0];
}

static void add_random_part(struct document *document, uint64_t *rng, size_t len)
{
	static const char *const piece[] = {"word", "a", " ", "  ", "\t", "\xc3\xa9",
		"\xe4\xb8\xad", "\x80", "\xf0\x9f\x98\x80", "\x1b[31m", "e\xcc\x81", "-"};
	struct buf text = BUF_INIT;
	uint32_t rate = 1u << random_next(rng) % 10;
	struct part *part = document_add_part(document);

	while (text.len < len) {
		buf_addstr(&text, random_next(rng) % 1024 < rate
					  ? "\n"
					  : piece[random_next(rng) % ARRAY_LEN(piece)]);
	}
	part->len = text.len;
	part->text = buf_take(&text);
}

struct all {
	struct document_row *row;
	size_t n, cap;
};

static struct all all_rows(struct document_rows *rows)
{
	struct all all = {0};
	struct document_row row = document_rows_first(rows), next = row;

	for (;;) {
		mem_grow(all.row, all.n, all.cap);
		all.row[all.n++] = row;
		next = document_rows_go(rows, row, 1);
		if (document_row_compare(next, row) == 0) {
			return all;
		}
		assert_true(document_row_compare(next, row) > 0);
		row = next;
	}
}

static int is_same(struct document_row a, struct document_row b)
{
	return a.part == b.part && a.at == b.at && a.end == b.end && a.is_head == b.is_head &&
	       a.begins_line == b.begins_line && a.ends_stretch == b.ends_stretch;
}

static void check_rows(const struct document *document, struct document_rows *rows, uint64_t *rng)
{
	struct all all = all_rows(rows);

	assert_true(is_same(all.row[all.n - 1], document_rows_last(rows)));
	assert_true(is_same(all.row[0], document_rows_go(rows, all.row[all.n - 1], -(long)all.n)));
	for (int i = 0; i < 300; i++) {
		size_t from = random_next(rng) % all.n, step = random_next(rng) % 300;
		size_t to = i % 2 && from >= step ? from - step
			    : from + step < all.n ? from + step
						  : all.n - 1;
		struct document_row row = all.row[from];

		assert_true(
			is_same(all.row[to], document_rows_go(rows, row, (long)to - (long)from)));
		if (row.is_head) {
			continue;
		}
		for (size_t at = row.at; at < row.end; at += 1 + random_next(rng) % 7) {
			struct text_place place = {row.part, at};

			assert_true(is_same(row, document_rows_at(rows, place)));
		}
	}
	for (size_t i = 0; i < all.n; i++) {
		const char *text = document->part[all.row[i].part].text;
		size_t end = all.row[i].end;

		while (end > all.row[i].at && (text[end - 1] == ' ' || text[end - 1] == '\t')) {
			end--;
		}
		if (rows->wraps && rows->columns >= 8 && !rows->is_raw) {
			assert_true(cells_width(text + all.row[i].at, end - all.row[i].at) <=
				    rows->columns);
		}
	}
	free(all.row);
}

static void rows_are_the_same_whichever_way_they_are_reached(void **state)
{
	uint64_t rng = 1;

	for (int round = 0; round < 60; round++) {
		struct document document = {
			.kind = round % 2 ? DOCUMENT_CODE : DOCUMENT_TRANSCRIPT};
		struct document_lines lines;
		struct document_rows rows;

		for (size_t n = 1 + random_next(&rng) % 5; n > 0; n--) {
			add_random_part(&document, &rng, random_next(&rng) % 20000);
		}
		document_lines_init(&lines, &document);
		document_rows_init(&rows, &lines);
		document_rows_set(
			&rows, 1 + (int)(random_next(&rng) % 120), round % 3 != 0, round % 5 == 0);
		check_rows(&document, &rows, &rng);
		document_rows_finish(&rows);
		document_lines_finish(&lines);
		document_finish(&document);
	}
}

static void check_wrapped(int columns, const char *text, const char *expected)
{
	struct document document = {.kind = DOCUMENT_TEXT};
	struct part *part = document_add_part(&document);
	struct buf got = BUF_INIT;
	struct document_lines lines;
	struct document_rows rows;
	struct all all;

	part->text = mem_strdup(text);
	part->len = strlen(text);
	document_lines_init(&lines, &document);
	document_rows_init(&rows, &lines);
	document_rows_set(&rows, columns, 1, 0);
	all = all_rows(&rows);
	for (size_t i = 0; i < all.n; i++) {
		buf_add(&got, text + all.row[i].at, all.row[i].end - all.row[i].at);
		buf_addch(&got, '|');
	}
	assert_string_equal(expected, buf_str(&got));
	free(all.row);
	buf_finish(&got);
	document_rows_finish(&rows);
	document_lines_finish(&lines);
	document_finish(&document);
}

static void lines_are_wrapped_at_spaces_and_where_there_are_none_anywhere(void **state)
{
	check_wrapped(10, "one two three four", "one two |three four|");
	check_wrapped(10, "one two    three", "one two    |three|");
	check_wrapped(10, "abcdefghijklmno", "abcdefghij|klmno|");
	check_wrapped(10, "0123456789\nx\n\ny", "0123456789|x||y|");
	check_wrapped(3, "\xe4\xb8\xad\xe4\xb8\xad", "\xe4\xb8\xad|\xe4\xb8\xad|");
	check_wrapped(1, "\xe4\xb8\xad", "\xe4\xb8\xad|");
	check_wrapped(10, "", "|");
	check_wrapped(10, "a\r\nb\r\n", "a|b|");
}

static void a_line_of_five_megabytes_is_reached_anywhere_at_once(void **state)
{
	enum { LEN = 5 << 20 };
	struct document document = {.kind = DOCUMENT_TEXT};
	struct part *part = document_add_part(&document);
	struct document_lines lines;
	struct document_rows rows;
	struct document_row row;

	part->text = mem_alloc(LEN);
	part->len = LEN;
	memset(part->text, 'x', LEN);
	document_lines_init(&lines, &document);
	document_rows_init(&rows, &lines);
	document_rows_set(&rows, 80, 1, 0);
	/* Ten thousand jumps: seconds each, were a line walked from its beginning. */
	for (size_t i = 0; i < 10000; i++) {
		row = document_rows_at(&rows, (struct text_place){0, (i * 7919) % LEN});
		assert_true(row.end - row.at <= 80);
		assert_true(document_row_compare(document_rows_go(&rows, row, -1), row) <= 0);
	}
	assert_true(rows.cap_begin <= 1024);
	document_rows_finish(&rows);
	document_lines_finish(&lines);
	document_finish(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_same_whichever_way_they_are_reached),
		cmocka_unit_test(lines_are_wrapped_at_spaces_and_where_there_are_none_anywhere),
		cmocka_unit_test(a_line_of_five_megabytes_is_reached_anywhere_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
