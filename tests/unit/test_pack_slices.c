/* Slices of documents as they are packed: pinned bytes, true words and line numbers, no false tags. */
#include "session/pack.h"

#include "base/file.h"
#include "base/rng.h"
#include "packed_slices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- documents ---- */

static struct document make(enum document_kind kind, const char *name)
{
	return (struct document){
		.kind = kind, .name = mem_strdup(name), .origin = mem_strdup(name)};
}

static struct part *add(struct document *document, const char *text)
{
	struct part *part = document_add_part(document);

	part->text = mem_strdup(text);
	part->len = strlen(text);
	return part;
}

/* From line `line` of a part up to the end of line `last`. */
static struct slice lines(const struct document *document, size_t part, int64_t line, int64_t last)
{
	const struct part *own = &document->part[part];
	struct slice slice = {.first = part, .last = part, .line = line};
	int64_t at_line = 1;

	for (size_t at = 0; at < own->len; at++) {
		if (at_line < line) {
			slice.at = at + 1;
		}
		if (at_line <= last) {
			slice.end = at + 1;
		}
		at_line += own->text[at] == '\n';
	}
	return slice;
}

/* ---- pinned ---- */

static void compare_to_file(const char *name, const struct buf *got)
{
	const char *root = getenv("CARREL_TEST_SOURCE");
	char *path = mem_printf("%s/tests/vectors/pack/%s", root ? root : ".", name);
	struct buf want = BUF_INIT;
	struct err err;

	if (getenv("CARREL_UPDATE_VECTORS")) {
		FILE *file = fopen(path, "wxb");

		if (file) {
			fwrite(got->data, 1, got->len, file);
			fclose(file);
		}
	}
	if (file_read(&want, path, 1 << 20, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	if (want.len != got->len || memcmp(want.data, got->data, got->len) != 0) {
		fail_msg("%s is not what is packed now:\n%s", path, got->data);
	}
	buf_finish(&want);
	free(path);
}

/* A bar between segments: they are part of the format. */
static void add_segments(struct buf *out, const struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len;
		const char *text = segment_bytes(prompt->item[i], &len);

		buf_add(out, text, len);
		buf_addstr(out, "\xc2\xa6");
	}
}

static void slices_of_every_kind_are_pinned(void **state)
{
	struct document text = make(DOCUMENT_TEXT, "notes.txt");
	struct document code = make(DOCUMENT_CODE, "nccl");
	struct document pdf = make(DOCUMENT_PDF, "spec.pdf");
	struct document talk = make(DOCUMENT_TRANSCRIPT, "standup.vtt");
	struct prompt prompt = {0};
	struct buf all = BUF_INIT;
	struct slice slice[4];

	(void)state;
	add(&text, "1\n2\n3\n4\n5\n6\n7\n8 eight\n9\n10\n11 </source>\n12\n13 <file>");
	slice[0] = lines(&text, 0, 2, 3);
	slice[1] = lines(&text, 0, 8, 11);
	slice[1].at += 2; /* within its line */
	slice[2] = lines(&text, 0, 13, 13);
	slice[2].end -= 1;
	slice[3] = (struct slice){0, slice[2].end, 0, slice[2].end + 1, 13};
	pack_slices(&prompt, PACK_BEFORE_OTHER, 7, &text, slice, 4);

	code.rev = mem_strdup("a1b2c3d");
	add(&code, "1\n2\n3\n4\n")->place.path = mem_strdup("src/a.c");
	add(&code, "one\n")->place.path = mem_strdup("src/b.c");
	add(&code, "1\n2\n3")->place.path = mem_strdup("src/c.c");
	slice[0] = lines(&code, 0, 1, 1);
	slice[1] = lines(&code, 0, 3, 4);
	slice[1].last = 1;
	slice[1].end = 4;
	slice[2] = lines(&code, 2, 2, 3);
	pack_slices(&prompt, PACK_BEFORE_SOURCE, 8, &code, slice, 3);

	add(&pdf, "first\nsecond\n")->place.page = 36;
	add(&pdf, "third\nfourth\n")->place.page = 37;
	pdf.part[1].place.label = mem_strdup("xxi");
	slice[0] = lines(&pdf, 0, 2, 2);
	slice[0].last = 1;
	slice[0].end = 6;
	pack_slices(&prompt, PACK_BEFORE_SOURCE, 9, &pdf, slice, 1);

	for (int i = 0; i < 4; i++) {
		struct part *part = add(&talk, i == 1 ? "says who?\nhe said" : "yes");

		part->place.time_ms = i * 61000;
		part->place.speaker = i == 2 ? NULL : mem_strdup("Ana");
	}
	slice[0] = (struct slice){0, 0, 1, 10, 1};
	slice[1] = (struct slice){1, 13, 1, 17, 2};
	slice[2] = (struct slice){3, 0, 3, 3, 1};
	pack_slices(&prompt, PACK_BEFORE_SOURCE, 10, &talk, slice, 3);

	add_segments(&all, &prompt);
	compare_to_file("slices.txt", &all);
	buf_finish(&all);
	prompt_finish(&prompt);
	document_finish(&text);
	document_finish(&code);
	document_finish(&pdf);
	document_finish(&talk);
}

/* ---- whatever the document and the slices ---- */

static uint64_t n_drawn;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(11, n_drawn++, word);
	return word[0] % below;
}

static struct document random_document(void)
{
	static const char *const piece[] = {"<", "\\", "/", "source", "file", "page", "</source>",
		"...\n", ">", "\n", "\r\n", "10|", " ", "\xff", "\xc3\xa9", "word", "</file>\n"};
	struct document document = make((enum document_kind)draw(4), "d");
	size_t n_part = document.kind == DOCUMENT_TEXT ? 1 : 1 + draw(4);

	for (size_t i = 0; i < n_part; i++) {
		struct buf text = BUF_INIT;
		struct part *part;

		for (uint32_t n = 1 + draw(60); n; n--) {
			buf_addstr(&text, piece[draw(ARRAY_LEN(piece))]);
		}
		part = add(&document, buf_str(&text));
		part->place.path = mem_printf("f%zu", i);
		part->place.page = (int64_t)i + 1;
		part->place.time_ms = (int64_t)i * 1000;
		buf_finish(&text);
	}
	return document;
}

static int64_t line_of(const struct part *part, size_t at)
{
	int64_t line = 1;

	for (size_t i = 0; i < at; i++) {
		line += part->text[i] == '\n';
	}
	return line;
}

/* Up to three slices in their order and apart, each of a byte at least. */
static size_t random_slices(const struct document *document, struct slice slice[3])
{
	size_t part = 0, at = 0, n = 0;

	while (n < 3) {
		struct slice one;

		at += draw(20);
		while (part < document->n_part && at >= document->part[part].len) {
			part++;
			at = draw(2) * draw(10);
		}
		if (part == document->n_part) {
			break;
		}
		one = (struct slice){
			.first = part, .at = at, .line = line_of(&document->part[part], at)};
		part += draw(2) && part + 1 < document->n_part;
		one.last = part;
		at = part == one.first ? one.at : 0;
		at += 1 + draw((uint32_t)(document->part[part].len - at));
		one.end = at;
		slice[n++] = one;
		at++;
	}
	return n;
}

/*
 * Each line number that was written is that of the words behind it: the words before it, walked in
 * the document from where their slice begins.
 */
static void check_numbers(const struct document *document, const struct slice *slice,
	size_t n_slice, const struct prompt *prompt)
{
	size_t i_slice = 0, part = slice[0].first, at = slice[0].at;

	for (size_t i = 0; i < prompt->count; i++) {
		size_t len, n_aside, k = 0;
		const char *text = segment_bytes(prompt->item[i], &len);
		const struct segment_aside *aside = segment_asides(prompt->item[i], &n_aside);

		for (size_t b = 0; b < len;) {
			if (k == n_aside || b < aside[k].at) {
				assert_int_equal(document->part[part].text[at], text[b]);
				at++;
				b++;
				continue;
			}
			while (i_slice < n_slice && part == slice[i_slice].last &&
				at == slice[i_slice].end) {
				i_slice++;
				part = i_slice < n_slice ? slice[i_slice].first : part;
				at = i_slice < n_slice ? slice[i_slice].at : at;
			}
			if (i_slice < n_slice && part < slice[i_slice].last &&
				at == document->part[part].len) {
				part++;
				at = 0;
			}
			if (aside[k].kind == SEGMENT_ASIDE_MARK) {
				assert_int_equal(line_of(&document->part[part], at),
					strtoll(text + b, NULL, 10));
			}
			b += aside[k++].len;
		}
	}
}

static void words_are_those_of_the_document_and_nothing_closes_a_tag(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct document document = random_document();
		struct prompt prompt = {0};
		struct slice slice[3];
		size_t n = random_slices(&document, slice), n_tag;
		struct buf want = BUF_INIT, got = BUF_INIT, left_out = BUF_INIT, all = BUF_INIT;

		pack_slices_content(&prompt, &document, slice, n);
		slices_text(&want, &document, slice, n);
		packed_words(&got, &left_out, &prompt);
		assert_int_equal(want.len, got.len);
		assert_memory_equal(buf_str(&want), buf_str(&got), want.len);
		if (n && document.kind <= DOCUMENT_CODE) {
			check_numbers(&document, slice, n, &prompt);
		}
		prompt_finish(&prompt);
		prompt = (struct prompt){0};
		pack_slices(&prompt, PACK_BEFORE_NOTHING, 1, &document, slice, n);
		for (size_t i = 0; i < prompt.count; i++) {
			size_t len;
			const char *text = segment_bytes(prompt.item[i], &len);

			buf_add(&all, text, len);
		}
		/* Tags stand on what is left out of the words, and nowhere else. */
		assert_int_equal(1, count_in(&all, "<source"));
		assert_int_equal(1, count_in(&all, "</source>"));
		n_tag = count_in(&left_out, "<file path=");
		assert_int_equal(n_tag, count_in(&all, "<file"));
		assert_int_equal(n_tag, count_in(&all, "</file>"));
		n_tag = count_in(&left_out, "<page n=");
		assert_int_equal(n_tag, count_in(&all, "<page"));
		assert_int_equal(n_tag, count_in(&all, "</page>"));
		prompt_finish(&prompt);
		buf_finish(&want);
		buf_finish(&got);
		buf_finish(&left_out);
		buf_finish(&all);
		document_finish(&document);
	}
}

static void a_slice_that_is_all_is_packed_like_the_source(void **state)
{
	(void)state;
	for (int round = 0; round < 500; round++) {
		struct document document = random_document();
		struct slice all = {.last = document.n_part - 1,
			.end = document.part[document.n_part - 1].len,
			.line = 1};
		struct prompt source = {0}, slices = {0};
		size_t n_tree;

		pack_source(&source, PACK_BEFORE_OTHER, 3, &document);
		pack_slices(&slices, PACK_BEFORE_OTHER, 3, &document, &all, 1);
		assert_int_equal(source.count, slices.count);
		n_tree = document.kind == DOCUMENT_CODE; /* stands before what closes it */
		for (size_t i = 0; i + n_tree < source.count; i++) {
			size_t a, b;
			const char *x = segment_bytes(source.item[i], &a);
			const char *y = segment_bytes(slices.item[i], &b);

			assert_int_equal(a, b);
			assert_memory_equal(x, y, a);
		}
		prompt_finish(&source);
		prompt_finish(&slices);
		document_finish(&document);
	}
}

/* What is quoted stands in one piece of the text. */
static void no_quote_runs_over_what_was_left_out(void **state)
{
	struct document document = make(DOCUMENT_TRANSCRIPT, "t");
	struct slice slice[2] = {{0, 0, 0, 3, 1}, {2, 0, 2, 3, 1}};
	struct prompt prompt = {0};
	size_t n_barrier = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&document, "one");
	}
	pack_slices_content(&prompt, &document, slice, 2);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t n_aside;
		const struct segment_aside *aside = segment_asides(prompt.item[i], &n_aside);

		for (size_t k = 0; k < n_aside; k++) {
			n_barrier += aside[k].kind == SEGMENT_ASIDE_BARRIER;
		}
	}
	assert_int_equal(1, n_barrier);
	prompt_finish(&prompt);
	document_finish(&document);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_of_every_kind_are_pinned),
		cmocka_unit_test(words_are_those_of_the_document_and_nothing_closes_a_tag),
		cmocka_unit_test(a_slice_that_is_all_is_packed_like_the_source),
		cmocka_unit_test(no_quote_runs_over_what_was_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
