/*
 * What is made of a pdf's pages: notes by reason, running headers and footers, lines of bookmarks.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "loaders/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add_page(struct document *document, int64_t page, const char *text)
{
	struct part *part = document_add_part(document);

	part->place.page = page;
	part->text = mem_strdup(text);
	part->len = strlen(text);
}

static void check_text(const struct document *document, size_t part, const char *expected)
{
	const struct part *own = &document->part[part];

	if (own->len != strlen(expected) || memcmp(own->text, expected, own->len) != 0) {
		fail_msg("part %zu: <<%.*s>> instead of <<%s>>", part, (int)own->len, own->text,
			expected);
	}
}

/* ---- notes ---- */

static void notes_of_one_reason_become_one_with_ranges_of_pages(void **state)
{
	static const int64_t empty[] = {12, 3, 4, 5, 6, 9, 14, 4};
	struct document document = {.kind = DOCUMENT_PDF};
	struct page_notes notes = {0};
	struct skip skip = {0};

	add_page(&document, 1, "words\n");
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		page_notes_add(&notes, empty[i], SKIP_RULE, "is empty");
	}
	page_notes_add(&notes, 8, SKIP_UNREADABLE, "is damaged: no text could be read");
	page_notes_add(&notes, 2, SKIP_RULE, "has nothing but pictures");
	page_notes_add(&notes, 7, SKIP_RULE, "has nothing but pictures");
	assert_int_equal(0, pages_finish(&document, 0, &notes, &skip));
	assert_int_equal(3, notes.n);
	assert_string_equal("pages 2 and 7 have nothing but pictures", notes.note[0].reason);
	assert_string_equal("pages 3-6, 9, 12 and 14 are empty", notes.note[1].reason);
	assert_string_equal("page 8 is damaged: no text could be read", notes.note[2].reason);
	assert_int_equal(SKIP_RULE, notes.note[1].class);
	assert_int_equal(SKIP_UNREADABLE, notes.note[2].class);
	page_notes_finish(&notes);
	document_finish(&document);
}

static void a_document_without_text_says_why(void **state)
{
	struct document document = {.kind = DOCUMENT_PDF};
	struct page_notes notes = {0};
	struct skip skip = {0};

	page_notes_add(&notes, 1, SKIP_RULE, "is empty");
	assert_int_equal(-1, pages_finish(&document, 0, &notes, &skip));
	assert_int_equal(SKIP_UNREADABLE, skip.class);
	assert_string_equal("has no text: its only page is empty", skip.reason);
	page_notes_finish(&notes);

	for (int page = 12; page > 0; page--) {
		page_notes_add(&notes, page, SKIP_RULE, "has nothing but pictures");
	}
	assert_int_equal(-1, pages_finish(&document, 0, &notes, &skip));
	assert_string_equal("has no text: all 12 pages have nothing but pictures", skip.reason);
	page_notes_add(&notes, 13, SKIP_RULE, "is empty");
	assert_int_equal(-1, pages_finish(&document, 0, &notes, &skip));
	assert_string_equal(
		"has no text: pages 1-12 have nothing but pictures; page 13 is empty", skip.reason);
	page_notes_finish(&notes);

	assert_int_equal(-1, pages_finish(&document, 0, &notes, &skip));
	assert_string_equal("has no text", skip.reason);
	skip_finish(&skip);
}

/* ---- running lines ---- */

enum { N_PAGES = 24 };

/*
 * Left pages "12 PUMPS", right pages the chapter and "13"; a footer; every 8th page opens a
 * chapter.
 */
static void make_book(struct document *document, struct buf own[N_PAGES])
{
	for (int i = 0; i < N_PAGES; i++) {
		struct buf page = BUF_INIT;
		int number = i + 1;

		own[i] = BUF_INIT;
		buf_printf(&own[i], "%s only on sheet %c%c\n\n%d times around\n",
			i % 8 == 0 ? "A chapter" : "A paragraph", 'a' + i % 3, 'a' + i / 3,
			7 * i * i + 3);
		if (i % 8 != 0 && number % 2 == 0) {
			buf_printf(&page, "%d   PUMPS AND VALVES\n\n", number);
		} else if (i % 8 != 0) {
			buf_printf(&page, "Chapter %d: Of %s\n\n%d\n\n", i / 8 + 1,
				i < 8    ? "pumps"
				: i < 16 ? "valves"
					 : "steam",
				number);
		}
		buf_add(&page, own[i].data, own[i].len);
		buf_printf(&page, "\nPrinted by the station, edition 4, sheet %d of %d\n", number,
			N_PAGES);
		add_page(document, number, page.data);
		buf_finish(&page);
	}
}

static void running_lines_of_left_and_right_pages_are_found_and_dropped(void **state)
{
	struct document document = {.kind = DOCUMENT_PDF}, kept = {.kind = DOCUMENT_PDF};
	struct buf own[N_PAGES], again[N_PAGES];

	make_book(&document, own);
	make_book(&kept, again);
	pages_find_running(&kept, 0);
	pages_find_running(&document, 1);
	assert_int_equal(document.running.n_lines, kept.running.n_lines);
	assert_int_equal(N_PAGES, kept.running.n_pages);
	assert_int_equal(0, kept.running.are_dropped);
	assert_int_equal(1, document.running.are_dropped);
	/* 24 footers, 12 left headers, 3 of three right pages' two lines in each chapter. */
	assert_int_equal(24 + 12 + 3 * 3 * 2, document.running.n_lines);
	for (int i = 0; i < N_PAGES; i++) {
		assert_true(kept.part[i].len > own[i].len);
		check_text(&document, (size_t)i, own[i].data);
		buf_finish(&own[i]);
		buf_finish(&again[i]);
	}
	document_finish(&document);
	document_finish(&kept);
}

struct rng {
	uint64_t seed, counter;
};

static uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_uniform(rng->seed, rng->counter++) * n);
}

/* A line made of a few words, so that some come again, as in any text. */
static void add_random_line(struct buf *page, struct rng *rng)
{
	static const char *const word[] = {
		"pump", "valve", "3", "17", "the", "}", "Table", "x = 1;", "---", "iv", "Open"};
	int n = 1 + (int)rng_below(rng, 3);

	for (int i = 0; i < n; i++) {
		buf_printf(page, "%s%s", i ? " " : "", word[rng_below(rng, ARRAY_LEN(word))]);
	}
	buf_addch(page, '\n');
}

/* The words of a line, its numbers apart. */
static char *shape(const char *line, size_t len)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		if (line[i] >= '0' && line[i] <= '9') {
			if (!out.len || out.data[out.len - 1] != '#') {
				buf_addch(&out, '#');
			}
		} else {
			buf_addch(&out, line[i]);
		}
	}
	return buf_take(&out);
}

static int is_roman(const char *line)
{
	return line[0] && strspn(line, "ivxlc") == strlen(line);
}

/* Whether a page within `gap` has a line of this shape. */
static int comes_again(const struct document *document, size_t page, const char *line, size_t gap)
{
	char *own = shape(line, strlen(line));
	int found = 0;

	for (size_t i = page > gap ? page - gap : 0; i <= page + gap && i < document->n_part; i++) {
		const char *text = document->part[i].text, *end = text + document->part[i].len;

		while (i != page && text < end) {
			const char *stop = memchr(text, '\n', (size_t)(end - text));
			size_t len = (size_t)((stop ? stop : end) - text);
			char *other = shape(text, len);
			char *copy = mem_strndup(text, len);

			found |= strcmp(own, other) == 0 || (is_roman(line) && is_roman(copy));
			free(other);
			free(copy);
			text += len + 1;
		}
	}
	free(own);
	return found;
}

/* Checks one page: what is gone came again; what remains is in its order. Returns lines gone. */
static int check_dropped(const struct document *before, const struct document *after, size_t page)
{
	const char *text = before->part[page].text, *end = text + before->part[page].len;
	const char *rest = after->part[page].text, *rest_end = rest + after->part[page].len;
	int n_gone = 0;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop ? stop : end) - text);
		char *line = mem_strndup(text, len);

		if ((size_t)(rest_end - rest) >= len && memcmp(rest, text, len) == 0 &&
			(rest + len == rest_end || rest[len] == '\n')) {
			rest += len + (rest + len < rest_end);
		} else if (len) {
			n_gone++;
			if (!comes_again(before, page, line, 4)) {
				fail_msg("page %zu lost \"%s\"", page + 1, line);
			}
		}
		free(line);
		text += len + 1;
	}
	assert_ptr_equal(rest, rest_end);
	return n_gone;
}

static void what_does_not_come_again_is_never_dropped(void **state)
{
	int64_t n_dropped = 0, n_checked = 0;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct document before = {.kind = DOCUMENT_PDF}, after = {.kind = DOCUMENT_PDF};
		struct rng rng = {seed, 0};
		int n_page;

		n_page = 1 + (int)rng_below(&rng, 30);
		for (int page = 1; page <= n_page; page++) {
			struct buf text = BUF_INIT;
			int n_line = (int)rng_below(&rng, 9);

			for (int i = 0; i < n_line; i++) {
				add_random_line(&text, &rng);
			}
			if (seed % 2) {
				buf_printf(&text, "Running %d\n", page);
			}
			add_page(&before, page, buf_str(&text));
			add_page(&after, page, buf_str(&text));
			buf_finish(&text);
		}
		pages_find_running(&after, 1);
		for (size_t i = 0; i < after.n_part; i++) {
			n_checked += check_dropped(&before, &after, i);
		}
		n_dropped += after.running.n_lines;
		document_finish(&before);
		document_finish(&after);
	}
	/* The property is about something: lines were dropped. */
	assert_true(n_dropped > 2000);
	assert_true(n_checked > 0);
}

static void unique_pages_lose_no_byte(void **state)
{
	struct document document = {.kind = DOCUMENT_PDF}, copy = {.kind = DOCUMENT_PDF};

	for (int page = 1; page <= 200; page++) {
		char text[256];
		unsigned hash = (unsigned)page * 2654435761u;

		snprintf(text, sizeof(text),
			"\n\nHeading %c%c%c\nBody of it.\n\n  Last %u of %d\n\n", 'a' + page % 26,
			'a' + page / 26, 'x', hash, page * page);
		add_page(&document, page, text);
		add_page(&copy, page, text);
	}
	pages_find_running(&document, 1);
	assert_int_equal(0, document.running.n_lines);
	for (size_t i = 0; i < copy.n_part; i++) {
		assert_int_equal(copy.part[i].len, document.part[i].len);
		assert_memory_equal(copy.part[i].text, document.part[i].text, copy.part[i].len);
	}
	document_finish(&document);
	document_finish(&copy);
}

static void tables_that_go_on_over_pages_keep_their_rows(void **state)
{
	struct document document = {.kind = DOCUMENT_PDF};

	for (int page = 1; page <= 6; page++) {
		char text[128];

		snprintf(text, sizeof(text), "alpha %d\n0\n}\n%d\nomega %d\n}\n0\n", page * 37 % 11,
			page * 5 % 7, page * 29 % 13);
		add_page(&document, page, text);
	}
	pages_find_running(&document, 1);
	assert_int_equal(0, document.running.n_lines);
	document_finish(&document);
}

/* ---- bookmarks ---- */

/* Also what is alike in Chinese is words. */
static void drawn_lines_are_no_running_headers_and_words_of_any_script_are(void **state)
{
	struct document drawn = {.kind = DOCUMENT_PDF}, headed = {.kind = DOCUMENT_PDF};

	for (int number = 1; number <= 4; number++) {
		char own[128];

		snprintf(own, sizeof(own), "│   │\n├── file%c\n", 'a' + number * 3 % 5);
		add_page(&drawn, number, own);
		snprintf(own, sizeof(own), "第一章 水泵\n%s", drawn.part[number - 1].text);
		add_page(&headed, number, own);
	}
	pages_find_running(&drawn, 1);
	assert_int_equal(0, drawn.running.n_lines);
	check_text(&drawn, 0, "│   │\n├── filed\n");
	pages_find_running(&headed, 1);
	assert_int_equal(4, headed.running.n_lines);
	check_text(&headed, 0, "│   │\n├── filed\n");
	document_finish(&drawn);
	document_finish(&headed);
}

static void bookmarks_find_their_lines_and_pages_that_were_left_out(void **state)
{
	static const struct {
		const char *title;
		int level;
		size_t part;
		int64_t line;
	} expected[] = {{"The base package", 1, 0, 3}, {"Missing from its page", 2, 0, 1},
		{"Of left-out page", 1, 1, 1}, {"Wrapped title of two lines", 1, 1, 3},
		{"Behind the end", 1, 1, 1}};
	struct document document = {.kind = DOCUMENT_PDF};
	struct page_notes notes = {0};
	struct skip skip = {0};

	add_page(&document, 2, "Chapter 1\n\nTHE base\t package\ntext\n");
	add_page(&document, 5, "text\ntext\nWrapped title of\ntwo lines\n");
	document_add_heading(&document, 1, "Behind the end", 14, 9, 1);
	document_add_heading(&document, 1, "The base package", 16, 1, 1);
	document_add_heading(&document, 2, "Missing from its page", 21, 1, 1);
	document_add_heading(&document, 1, "Of left-out page", 16, 3, 1);
	document_add_heading(&document, 1, "Wrapped title of two lines", 26, 4, 1);
	assert_int_equal(0, pages_finish(&document, 0, &notes, &skip));
	assert_int_equal(5, document.n_heading);
	for (size_t i = 0; i < 5; i++) {
		size_t found = 0;

		for (size_t j = 0; j < 5; j++) {
			if (strcmp(expected[i].title, document.heading[j].title) == 0) {
				found = j;
				assert_int_equal(expected[i].part, document.heading[j].part);
				assert_int_equal(expected[i].line, document.heading[j].line);
				assert_int_equal(expected[i].level, document.heading[j].level);
			}
		}
		assert_string_equal(expected[i].title, document.heading[found].title);
	}
	for (size_t i = 1; i < 5; i++) {
		assert_true(document.heading[i - 1].part <= document.heading[i].part);
	}
	document_finish(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_of_one_reason_become_one_with_ranges_of_pages),
		cmocka_unit_test(a_document_without_text_says_why),
		cmocka_unit_test(running_lines_of_left_and_right_pages_are_found_and_dropped),
		cmocka_unit_test(what_does_not_come_again_is_never_dropped),
		cmocka_unit_test(unique_pages_lose_no_byte),
		cmocka_unit_test(tables_that_go_on_over_pages_keep_their_rows),
		cmocka_unit_test(drawn_lines_are_no_running_headers_and_words_of_any_script_are),
		cmocka_unit_test(bookmarks_find_their_lines_and_pages_that_were_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
