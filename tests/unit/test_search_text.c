/* Searching a document: the matches of a naive search, in any direction, in pieces, counted. */
#include "tui/search_text.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"

#include <utf8proc.h>

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

	rng_philox(2, (*counter)++, word);
	return word[0];
}

static size_t find(const char *words, const char *text, size_t *len)
{
	struct text_needle needle;
	size_t at;

	text_needle_init(&needle, words, strlen(words));
	at = text_needle_find(&needle, text, strlen(text), 0, SIZE_MAX, len);
	text_needle_finish(&needle);
	return at;
}

static void check_found(const char *words, const char *text, size_t at, size_t len)
{
	size_t found_len = 0;

	assert_int_equal(at, find(words, text, &found_len));
	assert_int_equal(len, found_len);
}

static void check_missing(const char *words, const char *text)
{
	size_t len;

	assert_int_equal(SIZE_MAX, find(words, text, &len));
}

static void words_without_a_capital_are_found_in_any_case(void **state)
{
	check_found("ring", "The RING is built", 4, 4);
	check_found("ring", "The ring", 4, 4);
	check_found("\xc3\xa4rger", "kein \xc3\x84RGER", 5, 6);
	check_found("\xd0\xbf\xd1\x80\xd0\xb8", "x \xd0\x9f\xd0\xa0\xd0\x98", 2, 6);
	check_found("\xc8\xba" /* Ⱥ is two bytes, ⱥ three */, "a\xc8\xba", 1, 2);
	check_found("\xe2\xb1\xa5", "a\xc8\xba", 1, 2);
}

static void words_with_a_capital_are_found_as_they_stand(void **state)
{
	check_found("Ring", "ring RING Ring", 10, 4);
	check_missing("rinG", "ring RING Ring");
	check_missing("\xc3\x84", "\xc3\xa4");
	check_found("MPI_\xe4\xb8\xad", "mpi_\xe4\xb8\xad MPI_\xe4\xb8\xad", 8, 7);
}

static void letters_of_ascii_are_found_by_themselves_alone(void **state)
{
	check_missing("k", "\xe2\x84\xaa"); /* the Kelvin sign */
	check_missing("i", "\xc4\xb0");     /* I with a dot */
	check_missing("@", "`");
	check_missing("[", "{");
	check_found("{", "[{", 1, 1);
}

static void no_words_are_nowhere_and_ends_are_safe(void **state)
{
	check_missing("", "text");
	check_missing("text", "");
	check_missing("text", "tex");
	check_found("text", "text", 0, 4);
	check_missing("\xd0\xbf\xd1\x80", "\xd0\xbf");
}

/* ---- against a naive search ---- */

/* A second definition of the same words: whole strings folded, compared place by place. */
static uint32_t folded(const char *text, size_t len, size_t at, size_t *n, int is_exact)
{
	uint32_t cp;

	*n = utf8_decode(text + at, len - at, &cp);
	if (!*n) {
		*n = 1;
		return 0x110000u + (unsigned char)text[at];
	}
	if (!is_exact && (cp < 0x80 || utf8proc_tolower((int32_t)cp) >= 0x80)) {
		return (uint32_t)utf8proc_tolower((int32_t)cp);
	}
	return cp;
}

static size_t naive_match(
	const char *words, size_t words_len, int is_exact, const char *text, size_t len, size_t at)
{
	size_t i = 0, end = at, n, m;

	while (i < words_len) {
		if (end >= len || folded(words, words_len, i, &n, is_exact) !=
					  folded(text, len, end, &m, is_exact)) {
			return 0;
		}
		i += n;
		end += m;
	}
	return end - at;
}

static char *random_text(uint64_t *rng, size_t max_pieces, int has_capitals)
{
	static const char *const piece[] = {"a", "b", "e", "\n", " ", "\xc3\xa4", "\xd0\xbf",
		"\xe4\xb8\xad", "\x80", "\xce\xa9", "\xcf\x89", "A", "E", "\xc3\x84", "\xd0\x9f",
		"\xe2\x84\xa6"};
	size_t n = 1 + random_next(rng) % max_pieces;
	struct buf text = BUF_INIT;
	size_t n_kind = has_capitals ? ARRAY_LEN(piece) : 8;

	n_kind = random_next(rng) % 2 ? 2 : n_kind; /* few letters: many matches */
	for (size_t i = 0; i < n; i++) {
		buf_addstr(&text, piece[random_next(rng) % n_kind]);
	}
	return buf_take(&text);
}

static int is_exact(const char *words)
{
	size_t len = strlen(words), n;

	for (size_t at = 0; at < len; at += n) {
		if (folded(words, len, at, &n, 0) != folded(words, len, at, &n, 1)) {
			return 1;
		}
	}
	return 0;
}

static void matches_are_those_of_a_naive_search(void **state)
{
	uint64_t rng = 1;

	for (int round = 0; round < 20000; round++) {
		char *text = random_text(&rng, 300, 1);
		char *words = random_text(&rng, 1 + random_next(&rng) % 5, round % 4 == 0);
		size_t len = strlen(text), words_len = strlen(words);
		size_t from = random_next(&rng) % (len + 1), to = random_next(&rng) % (len + 9);
		size_t first = SIZE_MAX, last = SIZE_MAX, first_len = 0, last_len = 0, got_len = 0;
		struct text_needle needle;

		for (size_t at = from; at < to && at < len; at++) {
			size_t n = naive_match(words, words_len, is_exact(words), text, len, at);

			if (n && first == SIZE_MAX) {
				first = at;
				first_len = n;
			}
			if (n) {
				last = at;
				last_len = n;
			}
		}
		text_needle_init(&needle, words, words_len);
		assert_int_equal(first, text_needle_find(&needle, text, len, from, to, &got_len));
		assert_true(first == SIZE_MAX || first_len == got_len);
		assert_int_equal(
			last, text_needle_find_last(&needle, text, len, from, to, &got_len));
		assert_true(last == SIZE_MAX || last_len == got_len);
		text_needle_finish(&needle);
		free(text);
		free(words);
	}
}

static void exact_words_are_found_where_memmem_finds_them(void **state)
{
	uint64_t rng = 5;

	for (int round = 0; round < 300; round++) {
		char *text = random_text(&rng, 40000, 1);
		size_t len = strlen(text), at = random_next(&rng) % len, len_match = 0;
		size_t n = 1 + random_next(&rng) % 12;
		const char *hit;
		struct text_needle needle;

		n = n < len - at ? n : len - at;
		text_needle_init(&needle, text + at, n);
		if (needle.is_exact) {
			hit = memmem(text, len, text + at, n);
			assert_int_equal(hit - text,
				text_needle_find(&needle, text, len, 0, len, &len_match));
			assert_int_equal(n, len_match);
		}
		text_needle_finish(&needle);
		free(text);
	}
}

/* ---- a document, in pieces ---- */

struct places {
	struct text_place *place;
	size_t n, cap;
};

static struct places naive_places(const struct document *document, const char *words)
{
	struct places places = {0};

	for (size_t i = 0; i < document->n_part; i++) {
		const struct part *part = &document->part[i];

		for (size_t at = 0; at < part->len; at++) {
			if (naive_match(words, strlen(words), is_exact(words), part->text,
				    part->len, at)) {
				mem_grow(places.place, places.n, places.cap);
				places.place[places.n++] = (struct text_place){i, at};
			}
		}
	}
	return places;
}

static struct text_place look(
	struct text_search *search, struct text_place from, int is_back, size_t piece)
{
	size_t work = piece;

	text_search_seek(search, from, is_back);
	while (text_search_go(search, &work) == TEXT_SEARCH_GOING) {
		work = piece;
	}
	return search->state == TEXT_SEARCH_FOUND ? search->match.place
						  : (struct text_place){SIZE_MAX, 0};
}

static void check_document(const struct document *document, const char *words, uint64_t *rng)
{
	struct places places = naive_places(document, words);
	size_t piece = random_next(rng) % 2 ? 1 : 1 << random_next(rng) % 24, work = piece;
	struct text_search search = {0};
	struct document_lines lines;

	document_lines_init(&lines, document);
	text_search_begin(&search, &lines, words, strlen(words));
	for (int i = 0; i < 10; i++) {
		struct text_place from = {.part = random_next(rng) % document->n_part};
		size_t next = 0, previous, n = places.n;

		from.at = random_next(rng) % (document->part[from.part].len + 1);
		while (next < n && text_place_compare(places.place[next], from) < 0) {
			next++;
		}
		if (n == 0) {
			assert_true(look(&search, from, i % 2, piece).part == SIZE_MAX);
			continue;
		}
		previous = (next + n - 1) % n;
		assert_int_equal(0,
			text_place_compare(places.place[next % n], look(&search, from, 0, piece)));
		assert_int_equal(next == n, search.has_wrapped);
		assert_int_equal(0,
			text_place_compare(places.place[previous], look(&search, from, 1, piece)));
		assert_int_equal(next == 0, search.has_wrapped);
	}
	while (!text_search_count(&search, &work)) {
		work = piece;
	}
	assert_int_equal(places.n, search.n_match);
	for (size_t i = 0; i < places.n; i += 1 + places.n / 50) {
		assert_int_equal(i + 1, text_search_ordinal(&search, places.place[i]));
	}
	text_search_finish(&search);
	document_lines_finish(&lines);
	free(places.place);
}

static void a_document_is_searched_in_pieces_both_ways_and_counted(void **state)
{
	uint64_t rng = 9;

	for (int round = 0; round < 400; round++) {
		struct document document = {.kind = DOCUMENT_CODE};
		size_t n_part = 1 + random_next(&rng) % 6;
		char *words = random_text(&rng, 1 + random_next(&rng) % 4, 0);

		for (size_t i = 0; i < n_part; i++) {
			struct part *part = document_add_part(&document);

			part->text = random_text(&rng, round % 20 ? 200 : 40000, 1);
			part->len = random_next(&rng) % 5 ? strlen(part->text) : 0;
		}
		check_document(&document, words, &rng);
		document_finish(&document);
		free(words);
	}
}

static void the_ordinal_of_what_is_not_counted_yet_is_none(void **state)
{
	struct document document = {.kind = DOCUMENT_TEXT};
	struct text_search search = {0};
	struct document_lines lines;
	struct part *part = document_add_part(&document);
	size_t work = 100000;

	part->len = 1 << 20;
	part->text = mem_alloc(part->len);
	memset(part->text, '.', part->len);
	part->text[10] = part->text[900000] = 'x';
	document_lines_init(&lines, &document);
	text_search_begin(&search, &lines, "x", 1);
	assert_int_equal(0, text_search_count(&search, &work));
	assert_int_equal(1, text_search_ordinal(&search, (struct text_place){0, 10}));
	assert_int_equal(0, text_search_ordinal(&search, (struct text_place){0, 900000}));
	work = SIZE_MAX;
	assert_int_equal(1, text_search_count(&search, &work));
	assert_int_equal(2, text_search_ordinal(&search, (struct text_place){0, 900000}));
	text_search_finish(&search);
	document_lines_finish(&lines);
	document_finish(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_without_a_capital_are_found_in_any_case),
		cmocka_unit_test(words_with_a_capital_are_found_as_they_stand),
		cmocka_unit_test(letters_of_ascii_are_found_by_themselves_alone),
		cmocka_unit_test(no_words_are_nowhere_and_ends_are_safe),
		cmocka_unit_test(matches_are_those_of_a_naive_search),
		cmocka_unit_test(exact_words_are_found_where_memmem_finds_them),
		cmocka_unit_test(a_document_is_searched_in_pieces_both_ways_and_counted),
		cmocka_unit_test(the_ordinal_of_what_is_not_counted_yet_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
