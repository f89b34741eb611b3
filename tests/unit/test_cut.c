/* Chunks and windows: where documents are cut, and what stays true wherever they are. */
#include "session/cut.h"

#include "base/mem.h"
#include "base/rng.h"
#include "session/cite.h"
#include "session/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a tokenizer of words: letters in a row, and every other byte ---- */

struct work {
	size_t n_bytes, n_text, n_call;
};

static int is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int count_words(void *arg, struct tokens_text *text, size_t n_text, struct err *err)
{
	struct work *work = arg;

	(void)err;
	work->n_call++;
	for (size_t i = 0; i < n_text; i++) {
		text[i].n_tok = 0;
		for (size_t k = 0; k < text[i].len; k++) {
			text[i].n_tok += !k || !is_letter(text[i].text[k]) ||
					 !is_letter(text[i].text[k - 1]);
		}
		work->n_bytes += text[i].len;
		work->n_text++;
	}
	return 0;
}

static int64_t words_of(const struct document *document, const struct slice *slice)
{
	struct work work = {0};
	struct prompt prompt = {0};
	int64_t tokens = 0;

	pack_slices_content(&prompt, document, slice, 1);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t len;
		struct tokens_text text = {.text = segment_bytes(prompt.item[i], &len)};

		text.len = len;
		count_words(&work, &text, 1, NULL);
		tokens += (int64_t)text.n_tok;
	}
	prompt_finish(&prompt);
	return tokens;
}

/* ---- documents ---- */

static struct part *add(struct document *document, const char *text, size_t len)
{
	struct part *part = document_add_part(document);

	part->text = len ? mem_strndup(text, len) : NULL;
	if (len) {
		memcpy(part->text, text, len); /* NULs, too */
	}
	part->len = len;
	return part;
}

static struct document empty(enum document_kind kind)
{
	return (struct document){.kind = kind, .name = mem_strdup("d"), .origin = mem_strdup("d")};
}

static struct document text_of(const char *text)
{
	struct document document = empty(DOCUMENT_TEXT);

	add(&document, text, strlen(text));
	return document;
}

static struct cut cut_words(
	const struct document *document, int64_t chunk_tok, int64_t window_tok, struct work *work)
{
	struct work own = {0};
	struct cut_rule rule = {chunk_tok, window_tok, count_words, work ? work : &own};
	struct cut cut;

	assert_int_equal(0, cut_make(&cut, document, &rule, NULL));
	return cut;
}

/* ---- what holds of every cut ---- */

struct position {
	size_t part, at;
	int64_t line;
};

static void skip_empty(const struct document *document, struct position *at)
{
	while (at->part < document->n_part && at->at == document->part[at->part].len) {
		*at = (struct position){.part = at->part + 1, .line = 1};
	}
}

static size_t bytes_of(const struct document *document, const struct slice *slice)
{
	size_t n = 0;

	for (size_t p = slice->first; p <= slice->last; p++) {
		n += (p == slice->last ? slice->end : document->part[p].len) -
		     (p == slice->first ? slice->at : 0);
	}
	return n;
}

/* The slice begins where the ones before it ended, with its line. */
static void walk(const struct document *document, struct position *at, const struct slice *slice)
{
	skip_empty(document, at);
	assert_int_equal(at->part, slice->first);
	assert_int_equal(at->at, slice->at);
	assert_int_equal(at->line, slice->line);
	assert_true(bytes_of(document, slice) > 0);
	while (at->part < slice->last || (at->part == slice->last && at->at < slice->end)) {
		if (at->at == document->part[at->part].len) {
			*at = (struct position){.part = at->part + 1, .line = 1};
		} else {
			at->line += document->part[at->part].text[at->at++] == '\n';
		}
	}
	assert_int_equal(slice->last, at->part);
	assert_int_equal(slice->end, at->at);
}

static int64_t tag_of(const struct document *document, size_t part)
{
	struct slice slice = {.first = part, .last = part, .line = 1};

	return words_of(document, &slice);
}

static void check_size(const struct document *document, const struct slice *slice, int64_t tokens,
	int64_t limit_tok)
{
	int64_t tag_tok = tag_of(document, slice->first);

	assert_int_equal(words_of(document, slice), tokens);
	if (2 * tag_tok <= limit_tok && bytes_of(document, slice) > 4) {
		assert_true(tokens <= limit_tok);
	}
}

static void check_cut(const struct document *document, const struct cut *cut, int64_t chunk_tok,
	int64_t window_tok)
{
	struct position chunks = {.line = 1}, windows = {.line = 1};
	size_t n = 0;

	for (size_t i = 0; i < cut->n_chunk; i++) {
		walk(document, &chunks, &cut->chunk[i].slice);
		check_size(document, &cut->chunk[i].slice, cut->chunk[i].tokens, chunk_tok);
		assert_true(cut->chunk[i].heading <= document->n_heading);
	}
	for (size_t i = 0; i < cut->n_window; i++) {
		const struct window *window = &cut->window[i];

		assert_int_equal(n, window->chunk);
		assert_true(window->n_chunk > 0);
		for (size_t k = 0; k < window->n_chunk; k++) {
			assert_int_equal(i, cut->chunk[n + k].window);
		}
		n += window->n_chunk;
		walk(document, &windows, &window->slice);
		check_size(document, &window->slice, window->tokens, window_tok);
	}
	assert_int_equal(cut->n_chunk, n);
	skip_empty(document, &chunks);
	skip_empty(document, &windows);
	assert_int_equal(document->n_part, chunks.part);
	assert_int_equal(document->n_part, windows.part);
}

static void check_document(const struct document *document, int64_t chunk_tok, int64_t window_tok)
{
	struct cut cut = cut_words(document, chunk_tok, window_tok, NULL);

	check_cut(document, &cut, chunk_tok, window_tok);
	cut_finish(&cut);
}

/* ---- tests ---- */

/* The text of a chunk, for comparing. */
static char *text_at(const struct document *document, const struct slice *slice)
{
	struct buf text = BUF_INIT;

	for (size_t p = slice->first; p <= slice->last; p++) {
		size_t at = p == slice->first ? slice->at : 0;
		size_t end = p == slice->last ? slice->end : document->part[p].len;

		buf_add(&text, document->part[p].text + at, end - at);
	}
	return buf_take(&text);
}

static void check_chunks(struct document document, int64_t chunk_tok, const char *const *expected)
{
	struct cut cut = cut_words(&document, chunk_tok, 10 * chunk_tok, NULL);
	size_t n = 0;

	check_cut(&document, &cut, chunk_tok, 10 * chunk_tok);
	while (expected[n]) {
		n++;
	}
	for (size_t i = 0; i < n && i < cut.n_chunk; i++) {
		char *text = text_at(&document, &cut.chunk[i].slice);

		assert_string_equal(expected[i], text);
		free(text);
	}
	assert_int_equal(n, cut.n_chunk);
	cut_finish(&cut);
	document_finish(&document);
}

static void test_an_empty_line_goes_before_a_later_line(void **state)
{
	(void)state;
	/* "1|" and each line: at most 4 tokens; 22 hold six lines. */
	check_chunks(text_of("a b\nc d\ne f\ng h\n\ni j\nk l\nm n\n"), 22,
		(const char *const[]){"a b\nc d\ne f\ng h\n\n", "i j\nk l\nm n\n", NULL});
}

static void test_an_empty_line_before_the_last_third_ends_nothing(void **state)
{
	(void)state;
	check_chunks(text_of("a b\nc d\n\ne f\ng h\ni j\nk l\nm n\n"), 22,
		(const char *const[]){"a b\nc d\n\ne f\ng h\n", "i j\nk l\nm n\n", NULL});
}

static void test_a_heading_goes_before_an_empty_line(void **state)
{
	struct document document = text_of("a b\nc d\ne f g\nHead\n\ni j\nk l\nm n\n");

	(void)state;
	document_add_heading(&document, 1, "Head", 4, 0, 4);
	check_chunks(document, 22,
		(const char *const[]){"a b\nc d\ne f g\n", "Head\n\ni j\nk l\nm n\n", NULL});
}

static void test_a_chunk_of_a_tree_ends_where_a_file_does(void **state)
{
	struct document document = empty(DOCUMENT_CODE);

	(void)state;
	add(&document, "one\n", 4)->place.path = mem_strdup("a");
	add(&document, "two\nthree\n", 10)->place.path = mem_strdup("b");
	check_chunks(document, 1000, (const char *const[]){"one\n", "two\nthree\n", NULL});
}

static void test_pages_and_cues_share_a_chunk_and_end_it_where_they_do(void **state)
{
	struct document document = empty(DOCUMENT_PDF);

	(void)state;
	for (int i = 1; i <= 4; i++) {
		add(&document, "some few words\nand more\n", 24)->place.page = i;
	}
	add(&document, NULL, 0)->place.page = 5;
	check_chunks(document, 60,
		(const char *const[]){"some few words\nand more\nsome few words\nand more\n",
			"some few words\nand more\nsome few words\nand more\n", NULL});
}

static void test_a_line_is_cut_only_where_it_is_longer_than_a_chunk(void **state)
{
	(void)state;
	check_chunks(text_of("a b\nc d e f g h i\nj k l\n"), 16,
		(const char *const[]){"a b\n", "c d e f g h i\n", "j k l\n", NULL});
}

static void test_a_line_longer_than_a_chunk_is_cut_at_spaces(void **state)
{
	struct document document = text_of(
		"aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm nnnn oooo\n");
	struct cut cut = cut_words(&document, 12, 100, NULL);

	(void)state;
	check_cut(&document, &cut, 12, 100);
	assert_true(cut.n_chunk > 2);
	for (size_t i = 1; i < cut.n_chunk; i++) {
		assert_int_equal(' ', document.part[0].text[cut.chunk[i].slice.at - 1]);
		assert_int_equal(1, cut.chunk[i].slice.line);
	}
	cut_finish(&cut);
	document_finish(&document);
}

static void test_a_window_ends_at_the_best_boundary_in_its_last_quarter(void **state)
{
	struct document document = empty(DOCUMENT_CODE);
	struct cut cut;

	(void)state;
	for (int i = 0; i < 12; i++) {
		add(&document, "a b c d\ne f g h\n\na b c d\ne f g h\n", 33)->place.path =
			mem_strdup("f");
	}
	cut = cut_words(&document, 32, 200, NULL);
	check_cut(&document, &cut, 32, 200);
	assert_true(cut.n_window > 1);
	for (size_t i = 0; i < cut.n_window; i++) {
		assert_int_equal(0, cut.window[i].slice.at);
	}
	cut_finish(&cut);
	document_finish(&document);
}

static void test_what_is_empty_has_neither_chunks_nor_windows(void **state)
{
	struct document none = empty(DOCUMENT_TEXT), pages = empty(DOCUMENT_PDF);
	struct cut cut;

	(void)state;
	add(&pages, NULL, 0);
	add(&pages, NULL, 0);
	cut = cut_words(&none, 10, 10, NULL);
	assert_int_equal(0, cut.n_chunk + cut.n_window);
	cut_finish(&cut);
	cut = cut_words(&pages, 10, 10, NULL);
	assert_int_equal(0, cut.n_chunk + cut.n_window);
	cut_finish(&cut);
	document_finish(&none);
	document_finish(&pages);
}

static void test_pages_without_text_do_not_make_a_chunk_too_large(void **state)
{
	struct document document = empty(DOCUMENT_PDF);

	(void)state;
	for (int i = 0; i < 300; i++) {
		add(&document, i % 100 ? NULL : "x", i % 100 ? 0 : 1);
	}
	check_document(&document, 40, 100);
	document_finish(&document);
}

static void test_odd_bytes_are_all_in_one_chunk_and_one_window(void **state)
{
	static const char bytes[] = "a\r\nb\r\n\0\0\n\xff\xfe\x80 \xe2\x82\n\xf0\x9f\x98\x80\n"
				    "\n\n\n</source>\n<file>";
	struct document document = empty(DOCUMENT_TEXT);

	(void)state;
	add(&document, bytes, sizeof(bytes) - 1);
	for (int64_t size = 1; size < 40; size++) {
		check_document(&document, size, 3 * size);
	}
	document_finish(&document);
}

static void test_a_path_longer_than_a_chunk_still_leaves_room(void **state)
{
	struct document document = empty(DOCUMENT_CODE);
	struct cut cut;
	char path[4000];
	struct buf text = BUF_INIT;

	(void)state;
	memset(path, '"', sizeof(path));
	for (int i = 0; i < 2000; i++) {
		buf_addstr(&text, "some words of it\n");
	}
	add(&document, buf_str(&text), text.len)->place.path = mem_strndup(path, sizeof(path));
	cut = cut_words(&document, 100, 400, NULL);
	check_cut(&document, &cut, 100, 400);
	assert_in_range(cut.n_chunk, 2000 * 8 / 100, 2 * 2000 * 9 / 50);
	cut_finish(&cut);
	buf_finish(&text);
	document_finish(&document);
}

static uint32_t draw(uint64_t *drawn)
{
	uint32_t word[4];

	rng_philox(7, (*drawn)++, word);
	return word[0];
}

/* Any text of any kind. */
static struct document random_document(uint64_t *rng)
{
	static const char *const word[] = {"word", " ", "\n", "\n\n", "\t", ".", "\r\n", "\xc3\xa9",
		"\xff", "<file", "lines of it", "x"};
	struct document document = empty((enum document_kind)(draw(rng) % 4));
	size_t n_part = document.kind == DOCUMENT_TEXT ? 1 : draw(rng) % 12;

	for (size_t i = 0; i < n_part; i++) {
		struct buf text = BUF_INIT;
		struct part *part;

		for (size_t n = draw(rng) % 3 ? draw(rng) % 400 : draw(rng) % 3; n; n--) {
			buf_addstr(&text, word[draw(rng) % ARRAY_LEN(word)]);
		}
		part = add(&document, buf_str(&text), text.len);
		part->place.path = mem_printf("dir/file%zu", i);
		part->place.page = (int64_t)i;
		part->place.time_ms = (int64_t)i * 1000;
		buf_finish(&text);
	}
	for (size_t i = 0; i < 20 && n_part; i++) {
		document_add_heading(
			&document, 1, "h", 1, draw(rng) % n_part, 1 + (int64_t)(draw(rng) % 60));
	}
	return document;
}

static void test_any_document_of_any_size_is_cut_whole(void **state)
{
	uint64_t rng = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct document document = random_document(&rng);
		int64_t chunk_tok = 1 + (int64_t)(draw(&rng) % 120);
		int64_t window_tok = 1 + (int64_t)(draw(&rng) % 600);

		check_document(
			&document, chunk_tok < window_tok ? chunk_tok : window_tok, window_tok);
		document_finish(&document);
	}
}

/* Of lines, of one line, and of nothing but characters: twice as much is twice the work. */
static void test_time_is_linear(void **state)
{
	static const char *const unit[] = {
		"a line of some words\n", "words ", "\xe4\xb8\xad", "                "};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(unit); k++) {
		struct work work[2] = {{0}};

		for (int twice = 0; twice < 2; twice++) {
			struct document document = empty(DOCUMENT_TEXT);
			struct buf text = BUF_INIT;
			struct cut cut;

			for (int i = 0; i < 20000 << twice; i++) {
				buf_addstr(&text, unit[k]);
			}
			add(&document, buf_str(&text), text.len);
			cut = cut_words(&document, 96, 2000, &work[twice]);
			assert_true(cut.n_window > 1);
			cut_finish(&cut);
			buf_finish(&text);
			document_finish(&document);
		}
		assert_in_range(
			work[1].n_bytes, 19 * work[0].n_bytes / 10, 21 * work[0].n_bytes / 10);
		assert_in_range(work[1].n_text, 19 * work[0].n_text / 10, 21 * work[0].n_text / 10);
		assert_true(work[1].n_call <= work[0].n_call + 12);
	}
}

static int refuse(void *arg, struct tokens_text *text, size_t n_text, struct err *err)
{
	int *left = arg;

	if (*left == 0) {
		return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
	}
	--*left;
	for (size_t i = 0; i < n_text; i++) {
		text[i].n_tok = text[i].len;
	}
	return 0;
}

static void test_a_counter_that_fails_leaves_nothing(void **state)
{
	struct document document = text_of("one\ntwo three four five six seven eight nine ten\n");

	(void)state;
	for (int n = 0;; n++) {
		int left = n;
		struct cut_rule rule = {10, 30, refuse, &left};
		struct err err;
		struct cut cut;
		int status = cut_make(&cut, &document, &rule, &err);

		if (status == 0) {
			assert_true(n > 2);
			cut_finish(&cut);
			break;
		}
		assert_int_equal(ERR_INTERRUPTED, err.code);
		assert_null(cut.chunk);
		assert_null(cut.window);
	}
	document_finish(&document);
}

static void test_windows_follow_the_model(void **state)
{
	(void)state;
	assert_int_equal(1024, cut_window_tok(0));
	assert_int_equal(2048, cut_window_tok(8192));
	assert_int_equal(8192, cut_window_tok(131072));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_line_goes_before_a_later_line),
		cmocka_unit_test(test_an_empty_line_before_the_last_third_ends_nothing),
		cmocka_unit_test(test_a_heading_goes_before_an_empty_line),
		cmocka_unit_test(test_a_chunk_of_a_tree_ends_where_a_file_does),
		cmocka_unit_test(test_pages_and_cues_share_a_chunk_and_end_it_where_they_do),
		cmocka_unit_test(test_a_line_is_cut_only_where_it_is_longer_than_a_chunk),
		cmocka_unit_test(test_a_line_longer_than_a_chunk_is_cut_at_spaces),
		cmocka_unit_test(test_a_window_ends_at_the_best_boundary_in_its_last_quarter),
		cmocka_unit_test(test_what_is_empty_has_neither_chunks_nor_windows),
		cmocka_unit_test(test_pages_without_text_do_not_make_a_chunk_too_large),
		cmocka_unit_test(test_odd_bytes_are_all_in_one_chunk_and_one_window),
		cmocka_unit_test(test_a_path_longer_than_a_chunk_still_leaves_room),
		cmocka_unit_test(test_any_document_of_any_size_is_cut_whole),
		cmocka_unit_test(test_time_is_linear),
		cmocka_unit_test(test_a_counter_that_fails_leaves_nothing),
		cmocka_unit_test(test_windows_follow_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
