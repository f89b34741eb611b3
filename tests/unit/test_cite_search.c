/* Citations: every stretch of a source is found in it, and in time. */
#include "session/cite.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "loaders/document.h"
#include "session/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct document make_text(void)
{
	return (struct document){
		.kind = DOCUMENT_TEXT, .name = mem_strdup("t"), .origin = mem_strdup("t")};
}

static struct part *add_part(struct document *document, const char *text)
{
	struct part *part = document_add_part(document);

	part->text = mem_strdup(text);
	part->len = strlen(text);
	return part;
}

/* ---- random ---- */

static uint64_t draw_count;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(7, draw_count++, word);
	return word[0] % below;
}

static void random_words(struct buf *out, int n)
{
	static const char *const piece[] = {"ring", "the", "a-b", "non-\n", "turn", " ", "  ", "\n",
		" ", " ", "\xef\xac\x81sh", "\xc2\xa0", "caf\xc3\xa9", ".", "\"", "-", "\xff", "\t",
		"x", "\xe2\x80\x8b", "\xc2\xad", "Word", "\xe4\xbc\x9a", "\xe4\xbc\x9a\n", ", "};

	while (n-- > 0) {
		buf_addstr(out, piece[draw(ARRAY_LEN(piece))]);
	}
}

static int is_behind_hyphen(const char *text, size_t at)
{
	while (at > 0 && !(text[at - 1] > ' ')) { /* white space and what is not ASCII */
		at--;
	}
	return at > 0 && text[at - 1] == '-';
}

/* Every stretch of whole words is found where it stands, whatever is in it. */
static void a_stretch_of_the_source_is_always_verified(void **state)
{
	int n_checked = 0;

	for (int round = 0; round < 300; round++) {
		struct document own = make_text();
		struct cite_source one = {.number = 1, .document = &own};
		struct buf text = BUF_INIT;
		struct part *part;

		random_words(&text, 2000);
		part = add_part(&own, text.data);
		for (int k = 0; k < 10; k++) {
			size_t from = draw((uint32_t)text.len - 300), to = from + 20 + draw(200);
			struct fold_needle needle;
			struct fold_search search;
			struct fold_hit hit;
			int found = 0;

			while (from > 0 && part->text[from - 1] != ' ') {
				from--;
			}
			while (to < part->len && part->text[to] != ' ') {
				to++;
			}
			if (is_behind_hyphen(part->text, from) ||
				is_behind_hyphen(part->text, to)) {
				continue; /* the hyphen joins what stands on both sides */
			}
			one.index = one.index ? one.index : cite_index_create(&own);
			fold_needle_init(&needle, part->text + from, to - from);
			fold_search_init(&search, one.index, &needle);
			while (fold_search_next(&search, &hit)) {
				found |= hit.first.at >= from && hit.last.at < to &&
					 hit.grade == FOLD_SAME;
			}
			if (needle.len > 4 && !found) {
				fail_msg("round %d: %.*s", round, (int)(to - from),
					part->text + from);
			}
			n_checked += needle.len > 4;
			fold_needle_finish(&needle);
		}
		cite_source_finish(&one);
		document_finish(&own);
		buf_finish(&text);
	}
	assert_true(n_checked > 2000);
}

/* ---- time ---- */

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The least of three: what else runs on the machine only adds. */
static double check_s(const struct buf *text, const struct buf *answer, size_t want)
{
	double least = 1e9;

	for (int i = 0; i < 3; i++) {
		struct document own = make_text();
		struct cite_source one = {.number = 1, .document = &own};
		double began;
		struct citation *got;
		size_t count;

		add_part(&own, buf_str(text));
		began = cpu_s();
		got = cite_check(buf_str(answer), answer->len, &one, 1, &count);
		began = cpu_s() - began;
		least = began < least ? began : least;
		assert_int_equal(want, count);
		citations_free(got, count);
		cite_source_finish(&one);
		document_finish(&own);
	}
	return least;
}

static void repeat(struct buf *out, const char *text, int n)
{
	buf_clear(out);
	while (n-- > 0) {
		buf_addstr(out, text);
	}
}

/* Four times as much takes about four times as long, not sixteen. */
static void check_grows(double small_s, double large_s, const char *what)
{
	if (large_s > 8 * small_s + 0.02) {
		fail_msg("%s: %.3f s, four times as much: %.3f s", what, small_s, large_s);
	}
}

static void time_grows_with_the_text_and_with_the_quotes(void **state)
{
	/* What defeats a search that starts over at each hit: one letter, over and over. */
	static const char letters[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char quote[] = "[S1 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"] ";
	/* Hits at every word, none of them good: the marks are another line's. */
	static const char line[] = "same words here. ";
	static const char marked[] = "[S1 \"7|same words here.\"] ";
	static const char unclosed[] = "[S1 a.txt:3 and ";
	struct buf text = BUF_INIT, more = BUF_INIT, answer = BUF_INIT;

	repeat(&text, letters, 10000);
	repeat(&more, letters, 40000);
	repeat(&answer, quote, 10);
	check_grows(check_s(&text, &answer, 10), check_s(&more, &answer, 10), "text");
	repeat(&text, line, 5000);
	repeat(&more, line, 20000);
	repeat(&answer, marked, 4);
	check_grows(check_s(&text, &answer, 4), check_s(&more, &answer, 4), "marks");
	repeat(&text, letters, 2000);
	repeat(&answer, quote, 20);
	repeat(&more, quote, 80);
	check_grows(check_s(&text, &answer, 20), check_s(&text, &more, 80), "quotes");
	repeat(&answer, unclosed, 5000);
	repeat(&more, unclosed, 20000);
	check_grows(check_s(&text, &answer, 5000), check_s(&text, &more, 20000), "brackets");
	buf_finish(&text);
	buf_finish(&more);
	buf_finish(&answer);
}

/* As they are counted from the beginning, behind any marks of the index. */
static void lines_are_found_by_their_numbers_and_numbered_by_their_places(void **state)
{
	struct buf text = BUF_INIT;
	struct document document = make_text();
	struct cite_index *index;

	(void)state;
	for (int i = 0; i < 3; i++) { /* one of many lines, one of few, one that begins with some */
		buf_addstr(&text, i == 2 ? "\n\n" : "");
		random_words(&text, i == 1 ? 3 : 4000);
		add_part(&document, buf_str(&text));
		text.len = 0;
	}
	index = cite_index_create(&document);
	for (size_t part = 0; part < document.n_part; part++) {
		const struct part *in = &document.part[part];
		int64_t line = 1;

		assert_int_equal(0, cite_index_line_begin(index, part, 1));
		for (size_t at = 0; at < in->len; at++) {
			assert_int_equal(
				line, cite_index_line(index, (struct fold_place){part, at}));
			if (in->text[at] == '\n') {
				assert_int_equal(
					at + 1, cite_index_line_begin(index, part, ++line));
			}
		}
		assert_int_equal(in->len, cite_index_line_begin(index, part, line + 1));
		assert_int_equal(in->len, cite_index_line_begin(index, part, INT64_MAX));
	}
	cite_index_destroy(index);
	buf_finish(&text);
	document_finish(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stretch_of_the_source_is_always_verified),
		cmocka_unit_test(lines_are_found_by_their_numbers_and_numbered_by_their_places),
		cmocka_unit_test(time_grows_with_the_text_and_with_the_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
