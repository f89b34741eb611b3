/* Cells: what takes how many columns, and that nothing that a terminal obeys is ever drawn. */
#include "tui/cells.h"

#include "base/escape.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The cells of a text, as "shown|shown|" with their widths behind: "a|1". */
static void shows(const char *text, const char *expected)
{
	struct buf seen = BUF_INIT;
	struct cell cell;
	int column = 0;

	for (size_t at = 0; at < strlen(text); at += cell.len) {
		cell_read(&cell, text, strlen(text), at, column);
		assert_int_equal(cell.at, at);
		assert_true(cell.len > 0 && at + cell.len <= strlen(text));
		buf_printf(&seen, "%s%s:%d", at ? "|" : "", cell.shown, cell.width);
		column += cell.width;
	}
	assert_string_equal(buf_str(&seen), expected);
	buf_finish(&seen);
}

static void letters_marks_and_wide_characters_have_their_widths(void **state)
{
	shows("ab", "a:1|b:1");
	shows("\xc3\xa9", "\xc3\xa9:1");
	shows("e\xcc\x81x", "e\xcc\x81:1|x:1"); /* a combining acute */
	shows("\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2:2|\xe5\xad\x97:2");
	shows("\xea\xb0\x81", "\xea\xb0\x81:2");                         /* Hangul, composed */
	shows("\xe1\x84\x80\xe1\x85\xa1", "\xe1\x84\x80\xe1\x85\xa1:2"); /* and as jamo */
	shows("\xe0\xb8\x81\xe0\xb8\xb4", "\xe0\xb8\x81\xe0\xb8\xb4:1"); /* Thai */
}

static void an_emoji_sequence_is_its_first_emoji(void **state)
{
	/* Scientist: woman, joiner, microscope. */
	shows("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac!", "\xf0\x9f\x91\xa9:2|!:1");
	/* Thumbs up with a skin tone. */
	shows("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "\xf0\x9f\x91\x8d:2");
	/* A heart and the selector that makes it red. */
	shows("\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4:1");
	/* The flag of Scotland, a sequence of tags. */
	shows("\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xb3\xf3\xa0\x81\xa3"
	      "\xf3\xa0\x81\xb4\xf3\xa0\x81\xbf",
		"\xf0\x9f\x8f\xb4:2");
	/* A flag is two letters of one column each: both are drawn. */
	shows("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa:2");
	/* A keycap. */
	shows("1\xef\xb8\x8f\xe2\x83\xa3", "1\xe2\x83\xa3:1");
}

static void what_is_invisible_is_shown_wherever_it_makes_no_emoji(void **state)
{
	shows("a\xe2\x80\x8d"
	      "b",
		"a:1|<U+200D>:8|b:1");
	shows("a\xef\xb8\x8f", "a:1|<U+FE0F>:8");
	shows("\xe2\x80\xae", "<U+202E>:8");
	shows("\xf0\x9f\x91\xa9\xe2\x80\x8dx", "\xf0\x9f\x91\xa9:2|<U+200D>:8|x:1");
	shows("a\xf3\xa0\x81\xa7", "a:1|<U+E0067>:9");
	shows("\xc2\xad", "<U+00AD>:8");
}

static void controls_and_stray_bytes_are_shown(void **state)
{
	shows("\033[2J", "^[:2|[:1|2:1|J:1");
	shows("\r\n", "^M:2|:0");
	shows("\xff\xc3", "<FF>:4|<C3>:4");
	shows("\xc2\x9b", "<U+009B>:8");
	shows("\x7f", "^?:2");
}

static void a_mark_that_stands_on_nothing_is_shown_as_what_it_is(void **state)
{
	shows("\xcc\x81x", "<U+0301>:8|x:1");
	shows("\n\xcc\x81", ":0|<U+0301>:8");
}

static void a_tab_goes_to_the_next_multiple_of_eight(void **state)
{
	shows("a\tb", "a:1|       :7|b:1");
	shows("\t\t", "        :8|        :8");
	assert_int_equal(cells_width("1234567\tx", 9), 9);
	assert_int_equal(cells_width("12345678\tx", 10), 17);
}

static void a_pile_of_marks_is_cut_and_none_is_lost(void **state)
{
	char text[1 + 2 * 300 + 1] = "a";
	struct cell cell;
	size_t n_cell = 0;

	for (int i = 0; i < 300; i++) {
		memcpy(text + 1 + 2 * i, "\xcc\x81", 3);
	}
	for (size_t at = 0; at < 601; at += cell.len) {
		cell_read(&cell, text, 601, at, 0);
		assert_true(cell.len <= CELLS_CLUSTER_BYTES);
		assert_true(strlen(cell.shown) <= CELLS_CLUSTER_BYTES);
		assert_int_equal(cell.is_escaped, at > 0);
		n_cell++;
	}
	assert_int_equal(n_cell, 1 + 300 - 4);
}

static void a_line_fits_up_to_the_cell_that_would_be_cut(void **state)
{
	assert_int_equal(cells_fit("a\xe6\xbc\xa2z", 5, 2), 1);
	assert_int_equal(cells_fit("a\xe6\xbc\xa2z", 5, 3), 4);
	assert_int_equal(cells_fit("a\xe6\xbc\xa2z", 5, 100), 5);
	assert_int_equal(cells_fit("abc", 3, 0), 0);
}

static void lines_may_be_broken_behind_spaces_hyphens_and_ideographs(void **state)
{
	struct cell cell;

	cell_read(&cell, "a b", 3, 1, 0);
	assert_true(cell.is_space);
	cell_read(&cell, "a-b", 3, 1, 0);
	assert_true(cell.may_break);
	cell_read(&cell, "\xe6\xbc\xa2", 3, 0, 0);
	assert_true(cell.may_break);
	cell_read(&cell, "ab", 2, 0, 0);
	assert_false(cell.may_break || cell.is_space);
	cell_read(&cell, "\xc2\xa0", 2, 0, 0); /* no-break space */
	assert_false(cell.may_break || cell.is_space);
}

static void without_utf8_everything_is_ascii(void **state)
{
	cells_set_ascii(1);
	shows("a\xc3\xa9\xe6\xbc\xa2", "a:1|<U+00E9>:8|<U+6F22>:8");
	shows("e\xcc\x81", "e:1|<U+0301>:8");
	cells_set_ascii(0);
}

/* Pieces that clusters are made of, in any order. */
static size_t random_text(uint64_t seed, char *text, size_t most)
{
	static const char *const piece[] = {"a", " ", "\t", "\n", "\033", "\xcc\x81",
		"\xe2\x80\x8d", "\xef\xb8\x8f", "\xf0\x9f\x91\xa9", "\xf0\x9f\x8f\xbd",
		"\xf0\x9f\x87\xa9", "\xe6\xbc\xa2", "\xff", "\xe2\x80", "\xe1\x84\x80",
		"\xe1\x85\xa1", "\xe0\xa4\x95", "\xe0\xa4\xbe", "\xe2\x80\xae", "1"};
	uint64_t counter = 0;
	size_t len = 0;

	while (len + 4 < most) {
		size_t at = (size_t)(rng_uniform(seed, counter++) * (double)ARRAY_LEN(piece));
		const char *next = piece[at];

		memcpy(text + len, next, strlen(next));
		len += strlen(next);
	}
	return len;
}

static void nothing_that_escape_would_show_is_ever_drawn_and_no_byte_is_skipped(void **state)
{
	char text[200];

	for (int round = 0; round < 2000; round++) {
		size_t len = random_text((uint64_t)round, text, sizeof(text));
		struct cell cell;

		for (size_t at = 0; at < len; at += cell.len) {
			size_t n;

			cell_read(&cell, text, len, at, 0);
			assert_true(cell.len > 0 && cell.len <= len - at);
			assert_true(cell.width > 0 || text[at] == '\n');
			for (size_t i = 0; i < strlen(cell.shown); i += n) {
				uint32_t cp = 0;

				n = utf8_decode(cell.shown + i, strlen(cell.shown) - i, &cp);
				assert_true(n > 0 && !escape_needed(cp));
			}
		}
	}
}

static void backwards_the_cells_are_the_same(void **state)
{
	char text[120];

	for (int round = 0; round < 1000; round++) {
		size_t len = random_text((uint64_t)round, text, sizeof(text)), begin[120], n = 0;
		struct cell cell;

		for (size_t at = 0; at < len; at += cell.len) {
			cell_read(&cell, text, len, at, 0);
			begin[n++] = at;
		}
		for (size_t at = len; at > 0; at = cell.at) {
			cell_read_before(&cell, text, len, at);
			assert_int_equal(cell.at + cell.len, at);
			assert_int_equal(cell.at, begin[--n]);
		}
		assert_int_equal(n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_marks_and_wide_characters_have_their_widths),
		cmocka_unit_test(an_emoji_sequence_is_its_first_emoji),
		cmocka_unit_test(what_is_invisible_is_shown_wherever_it_makes_no_emoji),
		cmocka_unit_test(controls_and_stray_bytes_are_shown),
		cmocka_unit_test(a_mark_that_stands_on_nothing_is_shown_as_what_it_is),
		cmocka_unit_test(a_tab_goes_to_the_next_multiple_of_eight),
		cmocka_unit_test(a_pile_of_marks_is_cut_and_none_is_lost),
		cmocka_unit_test(a_line_fits_up_to_the_cell_that_would_be_cut),
		cmocka_unit_test(lines_may_be_broken_behind_spaces_hyphens_and_ideographs),
		cmocka_unit_test(without_utf8_everything_is_ascii),
		cmocka_unit_test(
			nothing_that_escape_would_show_is_ever_drawn_and_no_byte_is_skipped),
		cmocka_unit_test(backwards_the_cells_are_the_same),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
