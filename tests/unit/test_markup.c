/* The writer of Markdown-like text: what each thing becomes, white space, and depth without end. */
#include "loaders/format/markup.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct markup *m;

static void text(const char *words)
{
	markup_str(m, words);
}

static void item(const char *marker, const char *words)
{
	markup_item_begin(m, marker);
	text(words);
	markup_item_end(m);
}

static void cell(const char *words, int is_header, unsigned columns, unsigned rows)
{
	markup_cell_begin(m, &(struct markup_cell){is_header, columns, rows});
	text(words);
	markup_cell_end(m);
}

/* Ends the document, which must be `expected`; its headings are returned. */
static struct document finish(const char *expected)
{
	struct document document = {0};
	struct part part = {0};
	struct skip skip = {0};
	struct reader *reader;

	assert_int_equal(0, markup_reader(&reader, m, &skip));
	m = NULL;
	assert_int_equal(READ_PART, whole_reader_read(reader, &part, &skip));
	whole_reader_outline(reader, &document);
	whole_reader_close(reader);
	if (expected) {
		assert_string_equal(expected, part.text);
		assert_int_equal(strlen(expected), part.len);
	}
	for (size_t i = 0; i < document.n_heading; i++) {
		const char *line = part.text;

		/* Where the outline leads, the title stands. */
		for (int64_t n = 1; n < document.heading[i].line; n++) {
			line = strchr(line, '\n') + 1;
		}
		assert_non_null(strstr(line, document.heading[i].title));
		assert_true(strstr(line, document.heading[i].title) < strchr(line, '\n'));
	}
	part_finish(&part);
	return document;
}

static void check(const char *expected)
{
	struct document document = finish(expected);

	document_finish(&document);
}

static int begin(void **state)
{
	m = markup_create();
	return 0;
}

static int end(void **state)
{
	markup_destroy(m);
	m = NULL;
	return 0;
}

static void paragraphs_part_and_white_space_collapses(void **state)
{
	text("  one \n\t two");
	text("three ");
	markup_block(m);
	markup_block(m);
	text("four\xc2\xa0\xc2\xa0"
	     "five\r\n");
	markup_line_break(m);
	text("six");
	markup_line_break(m);
	markup_line_break(m);
	text("seven so\xc2\xad"
	     "ft");
	check("one twothree\n\nfour five\nsix\n\nseven soft\n");
}

static void line_breaks_between_chinese_characters_vanish(void **state)
{
	text("\xe6\x97\xa5\xe6\x9c\xac\n\xe8\xaa\x9e and\n\xe8\xaa\x9e \xe8\xaa\x9e\n\xed\x95\x9c\n"
	     "\xea\xb5\xad");
	check("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e and \xe8\xaa\x9e \xe8\xaa\x9e \xed\x95\x9c "
	      "\xea\xb5\xad\n");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	text("a\xff"
	     "b\xe6\x97");
	check("a\xef\xbf\xbd"
	      "b\xef\xbf\xbd\xef\xbf\xbd\n");
}

static void headings_know_their_lines(void **state)
{
	struct document document;

	text("before");
	markup_heading_begin(m, 2);
	text(" The\n first ");
	markup_line_break(m);
	text("one");
	markup_heading_end(m);
	text("between");
	markup_heading_begin(m, 3);
	markup_heading_end(m);
	markup_heading_begin(m, 9);
	text("deep");
	markup_heading_end(m);
	markup_title(m, "A  title");
	document = finish("# A title\n\nbefore\n\n## The first one\n\nbetween\n\n###### deep\n");
	assert_int_equal(3, document.n_heading);
	assert_string_equal("A title", document.heading[0].title);
	assert_int_equal(1, document.heading[0].level);
	assert_string_equal("The first one", document.heading[1].title);
	assert_int_equal(2, document.heading[1].level);
	assert_int_equal(5, document.heading[1].line);
	assert_int_equal(9, document.heading[2].level);
	assert_int_equal(9, document.heading[2].line);
	document_finish(&document);
}

static void a_title_that_a_heading_says_is_not_said_twice(void **state)
{
	markup_heading_begin(m, 1);
	text("The Title");
	markup_heading_end(m);
	markup_title(m, " The  Title\n");
	check("# The Title\n");
}

static void lists_nest(void **state)
{
	text("before");
	markup_list_begin(m);
	markup_item_begin(m, "1.");
	text("one");
	markup_block(m);
	text("more of one");
	markup_list_begin(m);
	item("-", "inner");
	item("-", "second");
	markup_list_end(m);
	markup_item_end(m);
	item("2.", "");
	markup_item_begin(m, "3.");
	markup_list_begin(m);
	markup_item_begin(m, "-");
	markup_quote_begin(m);
	text("quoted");
	markup_line_break(m);
	text("twice");
	markup_quote_end(m);
	markup_list_end(m);
	markup_list_end(m);
	text("behind");
	check("before\n\n1. one\n\n   more of one\n   - inner\n   - second\n3. - > quoted\n     > "
	      "twice\n\nbehind\n");
}

static void quotes_share_their_blank_lines(void **state)
{
	text("he said");
	markup_quote_begin(m);
	text("one");
	markup_block(m);
	text("two");
	markup_quote_end(m);
	text("behind");
	check("he said\n\n> one\n>\n> two\n\nbehind\n");
}

static void preformatted_text_is_kept(void **state)
{
	text("before");
	markup_pre_begin(m);
	text("\n\n  int main");
	text("(void)\r\n{\n\n\treturn 0;\n");
	text("}\n\n");
	markup_pre_end(m);
	markup_list_begin(m);
	markup_item_begin(m, "-");
	markup_pre_begin(m);
	text("in an item\nand on");
	markup_pre_end(m);
	markup_list_end(m);
	markup_pre_begin(m);
	text("\n \n");
	markup_pre_end(m);
	text("behind");
	check("before\n\n```\n  int main(void)\n{\n\n\treturn 0;\n}\n```\n\n- ```\n  in an item\n  "
	      "and on\n  ```\n\n```\n \n```\n\nbehind\n");
}

static void tables_are_lines_of_cells(void **state)
{
	markup_table_begin(m);
	markup_row_begin(m);
	text("\n  ");
	cell("Name", 1, 0, 0);
	text("\n  ");
	cell("Value", 1, 2, 0);
	markup_row_end(m);
	markup_row_begin(m);
	cell("long", 0, 1, 2);
	cell("1\n2", 0, 1, 1);
	cell("", 0, 1, 1);
	markup_row_end(m);
	markup_row_begin(m);
	cell("3", 0, 1, 1);
	markup_cell_begin(m, &(struct markup_cell){0});
	text("a");
	markup_block(m);
	text("b");
	markup_list_begin(m);
	item("-", "c");
	markup_table_end(m);
	text("behind");
	check("| Name | Value | |\n|---|---|---|\n| long | 1 2 | |\n| | 3 | a b - c |\n\nbehind\n");
}

static void tables_that_lay_out_a_page_are_blocks(void **state)
{
	markup_table_begin(m);
	markup_row_begin(m);
	cell("left", 0, 1, 1);
	markup_cell_begin(m, &(struct markup_cell){0});
	text("right");
	markup_heading_begin(m, 1);
	text("head");
	markup_heading_end(m);
	text("body");
	markup_table_begin(m);
	markup_row_begin(m);
	cell("1", 0, 1, 1);
	cell("2", 0, 1, 1);
	markup_row_end(m);
	markup_table_end(m);
	text("foot");
	markup_cell_end(m);
	cell("far", 0, 1, 1);
	markup_row_end(m);
	markup_row_begin(m);
	cell("3", 0, 1, 1);
	cell("4", 0, 1, 1);
	markup_row_end(m);
	markup_row_begin(m);
	cell("alone", 0, 1, 1);
	markup_table_end(m);
	check("left\n\nright\n\n# head\n\nbody\n\n| 1 | 2 |\n\nfoot\n\nfar\n\n| 3 | 4 |\nalone\n");
}

static void links_show_where_they_lead(void **state)
{
	markup_link_begin(m, " https://example.org/a ");
	text("here");
	markup_link_end(m);
	text(" ");
	markup_link_begin(m, "https://example.org/");
	text("https://example.org");
	markup_link_end(m);
	text(" ");
	markup_link_begin(m, "mailto:ana@example.org");
	text("ana@example.org");
	markup_link_end(m);
	text(", ");
	markup_link_begin(m, "#top");
	text("top");
	markup_link_end(m);
	text(" ");
	markup_link_begin(m, "JavaScript:alert(1)");
	text("no");
	markup_link_end(m);
	markup_block(m);
	markup_link_begin(m, "b.html?x#y");
	text("beside");
	markup_link_end(m);
	markup_link_begin(m, "data/b.zip");
	text(" block");
	markup_block(m);
	markup_link_end(m);
	text("behind");
	check("here (https://example.org/a) https://example.org ana@example.org, top no\n\nbeside "
	      "block (data/b.zip)\n\nbehind\n");
}

static void notes_stand_behind_their_block(void **state)
{
	text("word");
	markup_note_begin(m, "1");
	text(" a note");
	markup_block(m);
	text("of two");
	markup_note_end(m);
	text(" and on");
	markup_block(m);
	text("next");
	markup_note_begin(m, "2");
	text("last");
	markup_note_end(m);
	check("word[^1] and on\n\n[^1]: a note of two\n\nnext[^2]\n\n[^2]: last\n");
}

static void a_document_without_words_is_skipped(void **state)
{
	struct reader *reader;
	struct skip skip = {0};

	markup_list_begin(m);
	item("-", " ");
	markup_pre_begin(m);
	text("\n");
	assert_int_equal(-1, markup_reader(&reader, m, &skip));
	assert_string_equal("holds no text", skip.reason);
	skip_finish(&skip);
	m = NULL;
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* A million of each, one in another: neither the stack nor the time gives out. */
static void depth_costs_no_more_than_its_length(void **state)
{
	enum { N = 1000000 };
	double begun = cpu_seconds();

	for (int i = 0; i < N; i++) {
		markup_list_begin(m);
		markup_item_begin(m, "-");
		markup_quote_begin(m);
		markup_table_begin(m);
		markup_row_begin(m);
		markup_cell_begin(m, &(struct markup_cell){0, 3, 1 << 30});
	}
	for (int i = 0; i < N; i++) {
		text("x ");
		markup_block(m);
		markup_cell_end(m);
	}
	check(NULL);
	assert_true(cpu_seconds() - begun < 20);
}

/* Whatever is begun and ended in whatever order, each word comes once and in order. */
static void every_word_comes_once_and_in_order(void **state)
{
	unsigned long seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct reader *reader;
		struct skip skip = {0};
		struct part part = {0};
		struct markup_cell shape = {0};
		int n_word = 0, is_text;

		markup_destroy(m);
		m = markup_create();
		for (int step = 0; step < 60; step++) {
			char word[32];

			seed = seed * 6364136223846793005ul + 1442695040888963407ul;
			shape = (struct markup_cell){
				seed >> 60 & 1, seed >> 58 & 3, seed >> 56 & 3};
			switch (seed >> 33 & 31) {
			case 0:
				markup_heading_begin(m, 1 + (int)(seed >> 50 & 3));
				break;
			case 1:
				markup_heading_end(m);
				break;
			case 2:
				markup_pre_begin(m);
				break;
			case 3:
				markup_pre_end(m);
				break;
			case 4:
				markup_quote_begin(m);
				break;
			case 5:
				markup_quote_end(m);
				break;
			case 6:
				markup_list_begin(m);
				break;
			case 7:
				markup_list_end(m);
				break;
			case 8:
				markup_item_begin(m, "*");
				break;
			case 9:
				markup_item_end(m);
				break;
			case 10:
				markup_table_begin(m);
				break;
			case 11:
				markup_table_end(m);
				break;
			case 12:
				markup_row_begin(m);
				break;
			case 13:
				markup_row_end(m);
				break;
			case 14:
			case 15:
				markup_cell_begin(m, &shape);
				break;
			case 16:
				markup_cell_end(m);
				break;
			case 17:
				markup_indent_begin(m);
				break;
			case 18:
				markup_indent_end(m);
				break;
			case 19:
				markup_block(m);
				break;
			case 20:
				markup_line_break(m);
				break;
			default:
				snprintf(word, sizeof(word), " <%d> ", n_word++);
				text(word);
			}
		}
		is_text = markup_reader(&reader, m, &skip) == 0;
		m = NULL;
		if (is_text) {
			const char *at;

			whole_reader_read(reader, &part, &skip);
			at = part.text;
			for (int i = 0; i < n_word; i++) {
				char *after;

				at = strchr(at, '<');
				assert_non_null(at);
				assert_int_equal(i, strtol(at + 1, &after, 10));
				assert_int_equal('>', *after);
				at = after;
			}
			assert_null(strchr(at, '<'));
			whole_reader_close(reader);
			part_finish(&part);
		} else {
			assert_int_equal(0, n_word);
			skip_finish(&skip);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(paragraphs_part_and_white_space_collapses),
		TEST(line_breaks_between_chinese_characters_vanish),
		TEST(bytes_that_are_no_utf8_are_replaced),
		TEST(headings_know_their_lines),
		TEST(a_title_that_a_heading_says_is_not_said_twice),
		TEST(lists_nest),
		TEST(quotes_share_their_blank_lines),
		TEST(preformatted_text_is_kept),
		TEST(tables_are_lines_of_cells),
		TEST(tables_that_lay_out_a_page_are_blocks),
		TEST(links_show_where_they_lead),
		TEST(notes_stand_behind_their_block),
		TEST(a_document_without_words_is_skipped),
		TEST(depth_costs_no_more_than_its_length),
		TEST(every_word_comes_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
