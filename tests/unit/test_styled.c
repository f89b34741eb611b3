/* Styled text falls into rows of any width, and nothing of it is lost on the way. */
#include "tests/unit/styled_text.h"
#include "tui/cells.h"
#include "tui/markdown.h"
#include "tui/styled.h"

#include "base/mem.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { WIDTHS = 200 };

static const char *const texts[] = {
	"words of some length, one-two-three, and averyverylongwordthatdoesnotfitanyrowatall end  ",
	("- item\n  - nested item that is longer than a row of few columns\n\n> quoted\n> > "
	 "twice\n\n"
	 "```\ncode that is not wrapped, whatever the width of the screen may be\n\n```\n"),
	("\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa\xe4\xba\xa4\xe3\x81\x98\xe3\x82\x8a, "
	 "e\xcc\x81"
	 "e\xcc\x81 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 "
	 "emoji"),
	("bidi \xe2\x80\xae"
	 "evil\xe2\x80\xac \x1b[31m esc\ttab\tta \xff\xfe bytes \x01\x02"),
	"| a | b |\n|---|---|\n| 1 | 2 |\n\nhard  \nbreak\\\nthere\n",
	"      lots     of      spaces      ",
};

/* Rows are the text of their block, in order, with nothing but line feeds between them. */
static void assert_tiled(const struct styled *styled, const struct styled_rows *rows)
{
	size_t row = 0;

	for (size_t i = 0; i < styled->n_block; i++) {
		const struct styled_block *block = &styled->block[i];
		size_t at = block->at;

		assert_true(row < rows->n_row && rows->row[row].block == i);
		for (; row < rows->n_row && rows->row[row].block == i; row++) {
			if (at < rows->row[row].at) {
				assert_int_equal(styled->text.data[at++], '\n');
			}
			assert_int_equal(rows->row[row].at, at);
			at += rows->row[row].len;
			assert_null(memchr(
				styled->text.data + rows->row[row].at, '\n', rows->row[row].len));
		}
		assert_int_equal(at, block->at + block->len);
	}
	assert_int_equal(row, rows->n_row);
}

/* Without the spaces at its end, a row is no wider than the screen, unless it is one cell. */
static void assert_fits(const struct styled *styled, const struct styled_rows *rows)
{
	for (size_t i = 0; i < rows->n_row; i++) {
		const struct styled_row *row = &rows->row[i];
		const char *text = styled->text.data + row->at;
		size_t len = row->len;
		struct cell cell;

		while (len && text[len - 1] == ' ') {
			len--;
		}
		if (len == 0 || styled->block[row->block].no_wrap) {
			continue;
		}
		cell_read(&cell, text, len, 0, row->indent);
		assert_true(row->indent <= rows->columns / 2);
		if (cell.len < len && !memchr(text, '\t', len)) {
			assert_true(row->indent + cells_width(text, len) <= rows->columns);
		}
	}
}

static void no_width_loses_a_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct styled styled = {.n_run = 0};
		struct styled_rows rows = {.n_row = 0};

		markdown_style(&styled, texts[i], strlen(texts[i]), NULL, 0);
		for (int columns = 1; columns <= WIDTHS; columns++) {
			styled_wrap(&rows, &styled, columns);
			assert_tiled(&styled, &rows);
			assert_fits(&styled, &rows);
		}
		styled_rows_finish(&rows);
		styled_finish(&styled);
	}
}

static void assert_rows(const char *text, int indent, int hang, int columns, const char *expected)
{
	struct styled styled = {.n_run = 0};
	struct styled_rows rows = {.n_row = 0};
	struct buf shown = BUF_INIT;

	styled_add(&styled, ELEMENT_TEXT, text, strlen(text));
	styled_end_block(&styled, indent, hang, 0);
	styled_wrap(&rows, &styled, columns);
	for (size_t i = 0; i < rows.n_row; i++) {
		buf_printf(&shown, "%d:%.*s\n", rows.row[i].indent, (int)rows.row[i].len,
			styled.text.data + rows.row[i].at);
	}
	assert_string_equal(buf_str(&shown), expected);
	buf_finish(&shown);
	styled_rows_finish(&rows);
	styled_finish(&styled);
}

static void rows_break_at_words(void **state)
{
	assert_rows("one two three", 0, 0, 8, "0:one two \n0:three\n");
	assert_rows("one two three", 0, 2, 7, "0:one two \n2:three\n");
	assert_rows("abcdefghij kl", 0, 0, 4, "0:abcd\n0:efgh\n0:ij \n0:kl\n");
	assert_rows("well-known", 0, 0, 6, "0:well-\n0:known\n");
	assert_rows("a\n\nb", 0, 2, 9, "0:a\n2:\n2:b\n");
	assert_rows("", 3, 3, 9, "3:\n");
	/* Ideographs may be parted anywhere, and take two columns. */
	assert_rows("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", 0, 0, 5,
		"0:\xe6\xbc\xa2\xe5\xad\x97\n0:\xe6\xbc\xa2\n");
	/* A deep indent leaves half of the screen. */
	assert_rows("ab cd", 40, 50, 6, "3:ab \n3:cd\n");
}

static void rows_of_settled_blocks_stay(void **state)
{
	struct styled styled = {.n_run = 0};
	struct styled_rows rows = {.n_row = 0};
	size_t text_len;

	styled_add(&styled, ELEMENT_TEXT, "first block", 11);
	styled_end_block(&styled, 0, 0, 0);
	styled.n_settled = 1;
	text_len = styled.text.len;
	styled_add(&styled, ELEMENT_STRONG, "growing", 7);
	styled_end_block(&styled, 0, 0, 0);
	styled_wrap(&rows, &styled, 6);
	assert_int_equal(rows.n_row, 4);
	assert_int_equal(rows.n_block, 1);
	rows.row[0].indent = 77; /* would be made anew as 0 */
	styled_cut(&styled, text_len, 0, 1);
	styled_add(&styled, ELEMENT_TEXT, "grown", 5);
	styled_end_block(&styled, 0, 0, 0);
	styled_wrap(&rows, &styled, 6);
	assert_int_equal(rows.n_row, 3);
	assert_int_equal(rows.row[0].indent, 77);
	assert_int_equal(rows.row[2].at, text_len);
	styled_wrap(&rows, &styled, 7);
	assert_int_equal(rows.row[0].indent, 0);
	styled_wrap(&rows, &styled, 0);
	assert_int_equal(rows.n_row, 0);
	styled_rows_finish(&rows);
	styled_finish(&styled);
}

static void runs_are_merged_and_cut(void **state)
{
	struct styled styled = {.n_run = 0};

	styled_add(&styled, ELEMENT_CODE, "ab", 2);
	styled_add(&styled, ELEMENT_CODE, "cd", 2);
	styled_add_link(&styled, ELEMENT_CODE, 3, "ef", 2);
	styled_add(&styled, ELEMENT_TEXT, "gh", 2);
	assert_int_equal(styled.n_run, 2);
	assert_int_equal(styled.run[0].len, 4);
	assert_int_equal(styled.run[1].link, 3);
	assert_int_equal(styled_run_at(&styled, 3), 0);
	assert_int_equal(styled_run_at(&styled, 4), 1);
	assert_int_equal(styled_run_at(&styled, 6), 2);
	styled_cut(&styled, 3, 1, 0);
	assert_int_equal(styled.run[0].len, 3);
	assert_string_equal(buf_str(&styled.text), "abc");
	styled_finish(&styled);
}

static void rows_are_found_by_byte(void **state)
{
	struct styled styled = {.n_run = 0};
	struct styled_rows rows = {.n_row = 0};

	assert_int_equal(styled_row_of(&rows, 5), 0);
	styled_add(&styled, ELEMENT_TEXT, "one two three", 13);
	styled_end_block(&styled, 0, 0, 0);
	styled_end_block(&styled, 0, 0, 0);
	styled_wrap(&rows, &styled, 4);
	assert_int_equal(styled_row_of(&rows, 0), 0);
	assert_int_equal(styled_row_of(&rows, 3), 0);
	assert_int_equal(styled_row_of(&rows, 4), 1);
	assert_int_equal(styled_row_of(&rows, 14), rows.n_row - 1);
	assert_int_equal(styled_row_of(&rows, 999), rows.n_row - 1);
	styled_rows_finish(&rows);
	styled_finish(&styled);
}

/* A line of a megabyte without a place to break takes linear time. */
static void a_huge_line_wraps_in_linear_time(void **state)
{
	struct styled styled = {.n_run = 0};
	struct styled_rows rows = {.n_row = 0};
	clock_t begun;

	for (int i = 0; i < 1 << 20; i++) {
		buf_addch(&styled.text, i % 1000 ? 'x' : ' ');
	}
	styled_end_block(&styled, 0, 0, 0);
	begun = clock();
	styled_wrap(&rows, &styled, 80);
	print_message("# wrapped a line of 1 MiB in %.1f ms\n",
		(double)(clock() - begun) * 1000 / CLOCKS_PER_SEC);
	assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 3);
	assert_tiled(&styled, &rows);
	styled_rows_finish(&rows);
	styled_finish(&styled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_width_loses_a_byte),
		cmocka_unit_test(rows_break_at_words),
		cmocka_unit_test(rows_of_settled_blocks_stay),
		cmocka_unit_test(runs_are_merged_and_cut),
		cmocka_unit_test(rows_are_found_by_byte),
		cmocka_unit_test(a_huge_line_wraps_in_linear_time),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
