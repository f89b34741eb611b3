/* Lines of a document for a screen: stretches from anywhere, line numbers, work in pieces. */
#include "tui/document_lines.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"

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

	rng_philox(1, (*counter)++, word);
	return word[0];
}

/* Lines of many lengths, among them very long ones, empty ones and such with CR. */
static char *random_text(uint64_t *rng, size_t len)
{
	static const char *const piece[] = {
		"a", "b ", "\t", "\xc3\xa9", "\xe4\xb8\xad", "\x80", "\xf0\x9f\x98\x80", "\r"};
	struct buf text = BUF_INIT;
	uint32_t rate = 1; /* of line feeds, among 4096 */

	while (text.len < len) {
		if (random_next(rng) % 4096 < rate) {
			buf_addstr(&text, random_next(rng) % 8 ? "\n" : "\r\n");
			rate = 1u << random_next(rng) % 13;
		} else {
			buf_addstr(&text, piece[random_next(rng) % ARRAY_LEN(piece)]);
		}
	}
	return buf_take(&text);
}

static void stretches_tile_a_text_and_are_the_same_from_anywhere(void **state)
{
	uint64_t rng = 1;

	for (int round = 0; round < 60; round++) {
		char *text = random_text(&rng, 1 + random_next(&rng) % 60000);
		size_t len = strlen(text), at = 0;
		size_t last = 0;

		while (at < len) {
			struct text_stretch stretch = text_stretch_at(text, len, at);
			size_t step = 1 + random_next(&rng) % 97;

			assert_int_equal(at, stretch.at);
			assert_true(stretch.next > at && stretch.next <= len);
			assert_true(stretch.end <= stretch.next);
			assert_true(stretch.next - at <= 2 * STRETCH_BYTES + 4);
			assert_int_equal(stretch.begins_line, at == 0 || text[at - 1] == '\n');
			assert_int_equal(stretch.has_line_end, text[stretch.next - 1] == '\n');
			assert_null(memchr(text + at, '\n', stretch.end - at));
			if (at > 0) {
				assert_int_equal(last, text_stretch_before(text, len, at).at);
			}
			for (size_t in = at; in < stretch.next; in += step) {
				assert_int_equal(at, text_stretch_at(text, len, in).at);
			}
			assert_int_equal(at, text_stretch_at(text, len, stretch.next - 1).at);
			last = at;
			at = stretch.next;
		}
		assert_int_equal(last, text_stretch_at(text, len, len).at);
		free(text);
	}
}

static void a_line_is_broken_between_characters_only_and_only_where_it_is_long(void **state)
{
	struct buf text = BUF_INIT;
	size_t n = 0;

	for (int i = 0; i < 20000; i++) {
		buf_addstr(&text, "\xe4\xb8\xad"); /* three bytes: breaks would cut them */
	}
	for (size_t at = 0; at < text.len; n++) {
		struct text_stretch stretch = text_stretch_at(text.data, text.len, at);

		assert_true(utf8_valid(text.data + at, stretch.end - at));
		at = stretch.next;
	}
	assert_in_range(n, text.len / STRETCH_BYTES - 1, text.len / STRETCH_BYTES + 1);
	buf_clear(&text);
	for (int i = 0; i < 1000; i++) {
		buf_printf(&text, "%0*d\n", STRETCH_BYTES - 1 - i % 7, i);
	}
	n = 0;
	for (size_t at = 0; at < text.len; n++) {
		at = text_stretch_at(text.data, text.len, at).next;
	}
	assert_int_equal(1000, n);
	buf_finish(&text);
}

static void an_empty_text_has_one_empty_stretch(void **state)
{
	struct text_stretch stretch = text_stretch_at("", 0, 0);

	assert_int_equal(0, stretch.next);
	assert_true(stretch.begins_line);
	assert_false(stretch.has_line_end);
}

static void newlines_are_counted_as_one_by_one(void **state)
{
	uint64_t rng = 7;

	for (size_t len = 0; len < 700; len++) {
		char text[700];
		size_t expected = 0;

		for (size_t i = 0; i < len; i++) {
			text[i] = random_next(&rng) % 3 ? 'x' : '\n';
			expected += text[i] == '\n';
		}
		assert_int_equal(expected, text_count_newlines(text, len));
	}
}

static void add_part(struct document *document, char *text)
{
	struct part *part = document_add_part(document);

	part->text = text;
	part->len = strlen(text);
}

static void line_numbers_and_lines_agree_with_counting(void **state)
{
	uint64_t rng = 3;
	struct document document = {.kind = DOCUMENT_CODE};
	struct document_lines lines;

	for (int i = 0; i < 6; i++) {
		add_part(&document, random_text(&rng, 1 + random_next(&rng) % 400000));
	}
	add_part(&document, mem_strdup(""));
	document_lines_init(&lines, &document);
	for (int round = 0; round < 4000; round++) {
		struct text_place place = {.part = random_next(&rng) % document.n_part};
		const struct part *part = &document.part[place.part];
		size_t work = SIZE_MAX, at;
		int64_t number;

		place.at = random_next(&rng) % (part->len + 1);
		number = 1 + (int64_t)text_count_newlines(part->text, place.at);
		assert_int_equal(number, document_lines_number(&lines, place, &work));
		assert_int_equal(1, document_lines_find(&lines, place.part, number, &at, &work));
		if (place.at < part->len) {
			assert_int_equal(text_line_begin(part->text, place.at), at);
		}
		assert_true(text_place_compare(
				    place, document_lines_place(&lines,
						   document_lines_offset(&lines, place))) == 0 ||
			    place.at == part->len);
	}
	document_lines_finish(&lines);
	document_finish(&document);
}

static void a_line_that_is_not_there_is_the_last_one(void **state)
{
	struct document document = {.kind = DOCUMENT_TEXT};
	struct document_lines lines;
	size_t work = SIZE_MAX, at = 99;

	add_part(&document, mem_strdup("one\ntwo\nthree\n"));
	add_part(&document, mem_strdup("one\ntwo"));
	add_part(&document, mem_strdup(""));
	document_lines_init(&lines, &document);
	assert_int_equal(1, document_lines_find(&lines, 0, 9, &at, &work));
	assert_int_equal(8, at);
	assert_int_equal(1, document_lines_find(&lines, 1, 9, &at, &work));
	assert_int_equal(4, at);
	assert_int_equal(1, document_lines_find(&lines, 2, 9, &at, &work));
	assert_int_equal(0, at);
	assert_int_equal(1, document_lines_find(&lines, 0, 0, &at, &work));
	assert_int_equal(0, at);
	document_lines_finish(&lines);
	document_finish(&document);
}

static void numbers_come_in_pieces_of_work_and_what_was_done_is_kept(void **state)
{
	enum { LEN = 3000000 };
	struct document document = {.kind = DOCUMENT_TEXT};
	struct document_lines lines;
	struct text_place end = {0, LEN - 1};
	char *text = mem_alloc(LEN + 1);
	size_t work, n = 0, at;
	int64_t number;

	memset(text, 'x', LEN);
	for (size_t i = 9; i < LEN; i += 10) {
		text[i] = '\n';
	}
	text[LEN] = 0;
	add_part(&document, text);
	document_lines_init(&lines, &document);
	do {
		work = 100000;
		number = document_lines_number(&lines, end, &work);
		n++;
	} while (!number);
	assert_int_equal(LEN / 10, number);
	assert_in_range(n, 20, 32);
	work = 0; /* none is needed any more */
	assert_int_equal(LEN / 20 + 1,
		document_lines_number(&lines, (struct text_place){0, LEN / 2}, &work));
	assert_int_equal(1, document_lines_find(&lines, 0, LEN / 10, &at, &work));
	assert_int_equal(LEN - 10, at);
	document_lines_finish(&lines);
	document_lines_init(&lines, &document);
	assert_int_equal(0, document_lines_find(&lines, 0, LEN / 10, &at, &work));
	document_lines_finish(&lines);
	document_finish(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stretches_tile_a_text_and_are_the_same_from_anywhere),
		cmocka_unit_test(
			a_line_is_broken_between_characters_only_and_only_where_it_is_long),
		cmocka_unit_test(an_empty_text_has_one_empty_stretch),
		cmocka_unit_test(newlines_are_counted_as_one_by_one),
		cmocka_unit_test(line_numbers_and_lines_agree_with_counting),
		cmocka_unit_test(a_line_that_is_not_there_is_the_last_one),
		cmocka_unit_test(numbers_come_in_pieces_of_work_and_what_was_done_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
