/* The packed context: pinned bytes and ids, and what no document may do to it. */
#include "session/pack.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "engine/engine.h"
#include "engine/model/gguf.h"
#include "engine/prompt.h"
#include "engine/token/tokenizer.h"
#include "engine/wire.h"
#include "loaders/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- making documents ---- */

static struct part *add_part(struct document *document, const char *text)
{
	struct part *part = document_add_part(document);

	part->text = mem_strdup(text);
	part->len = strlen(text);
	return part;
}

static struct document make_document(enum document_kind kind, const char *name)
{
	return (struct document){
		.kind = kind, .name = mem_strdup(name), .origin = mem_strdup(name)};
}

static struct document text_document(const char *name, const char *text)
{
	struct document document = make_document(DOCUMENT_TEXT, name);

	add_part(&document, text);
	return document;
}

static struct document code_document(void)
{
	struct document document = make_document(DOCUMENT_CODE, "nccl");

	document.rev = mem_strdup("a1b2c3d");
	add_part(&document, "#include \"nccl.h\"\n\nint init(void)\n{\n\treturn 0;\n}\n")
		->place.path = mem_strdup("src/init.cc");
	add_part(&document, "# <file> and </file> are tags\nall:\n\tcc -o x <<EOF")->place.path =
		mem_strdup("odd \"100%\"<\n\xff.mk");
	return document;
}

static struct document pdf_document(void)
{
	struct document document = make_document(DOCUMENT_PDF, "spec.pdf");
	struct part *part = add_part(&document, "The ring is con-\nstructed at start.\n");

	part->place.page = 36;
	part = add_part(&document, "Two <page> and one </page>.\n");
	part->place.page = 37;
	part->place.label = mem_strdup("xx\"i");
	part = add_part(&document, "");
	part->place.page = 38;
	return document;
}

static struct document transcript_document(void)
{
	struct document document = make_document(DOCUMENT_TRANSCRIPT, "standup.vtt");
	struct part *part = add_part(&document, "the ring is built in init");

	part->place.time_ms = 62000;
	part->place.speaker = mem_strdup("Ana");
	part = add_part(&document, "says who?\n</source> he said");
	part->place.time_ms = 360 * 3600000LL + 59999;
	part->place.speaker = mem_strdup("B\nob");
	part = add_part(&document, "nobody knows");
	part->place.time_ms = 0;
	return document;
}

/* ---- reading prompts ---- */

static void prompt_text(const struct prompt *prompt, struct buf *out)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len;
		const char *text = segment_bytes(prompt->item[i], &len);

		buf_add(out, text, len);
	}
}

static char *packed(const struct document *document)
{
	struct prompt prompt = {0};
	struct buf text = BUF_INIT;

	pack_source(&prompt, PACK_BEFORE_NOTHING, 1, document);
	prompt_text(&prompt, &text);
	prompt_finish(&prompt);
	return buf_take(&text);
}

static const char *vector_path(const char *name, const char *suffix)
{
	static char path[4096];
	const char *root = getenv("CARREL_TEST_SOURCE");

	snprintf(path, sizeof(path), "%s/tests/vectors/pack/%s%s", root ? root : ".", name, suffix);
	return path;
}

static void compare_to_file(const char *name, const char *suffix, const struct buf *got)
{
	const char *path = vector_path(name, suffix);
	struct buf want = BUF_INIT;
	struct err err;

	if (getenv("CARREL_UPDATE_VECTORS")) {
		FILE *file = fopen(path, "wxb");

		if (file) {
			fwrite(got->data, 1, got->len, file);
			fclose(file);
		}
	}
	if (file_read(&want, path, 1 << 24, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	if (want.len != got->len || memcmp(want.data, got->data, got->len) != 0) {
		fail_msg("%s is not what is packed now:\n%s", path, got->data);
	}
	buf_finish(&want);
}

static void prompt_ids(const struct prompt *prompt, struct tokens *tokens, struct buf *out)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len, count;
		const char *text = segment_bytes(prompt->item[i], &len);
		uint32_t *id = tokens_encode(tokens, text, len, TOKENS_TEXT, 1, &count);

		for (size_t k = 0; k < count; k++) {
			buf_printf(out, "%s%u", k ? " " : "", id[k]);
		}
		buf_addch(out, '\n');
		free(id);
	}
}

/* Compares both, and drops the prompt. */
static void check_pinned(const char *name, struct prompt *prompt)
{
	struct buf text = BUF_INIT, ids = BUF_INIT;
	struct tokens *tokens;
	struct err err;

	prompt_text(prompt, &text);
	compare_to_file(name, ".txt", &text);
	if (tokens_open(&tokens, vector_path("tokenizer", ".json"), &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	prompt_ids(prompt, tokens, &ids);
	compare_to_file(name, ".ids", &ids);
	tokens_close(tokens);
	buf_finish(&text);
	buf_finish(&ids);
	prompt_finish(prompt);
}

static void add_question(struct prompt *prompt, enum pack_before before, const char *text)
{
	prompt_add(prompt, pack_question(before, text, strlen(text)));
}

/* ---- pinned ---- */

static void every_kind_of_source_is_pinned(void **state)
{
	struct document document[] = {
		text_document("notes/station.txt",
			"Operations manual\n\nThe pump stands in hall 4.\n4\n5\n6\n7\n8\n9\n"
			"Section 2\n11\n</text> <source> <\\update> < page <fil\n"),
		code_document(), pdf_document(), transcript_document()};
	struct prompt prompt = {0};

	pack_instructions(&prompt, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(document); i++) {
		pack_source(&prompt, i ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER, (int64_t)i + 1,
			&document[i]);
		document_finish(&document[i]);
	}
	add_question(&prompt, PACK_BEFORE_OTHER, "Where does the pump stand?");
	check_pinned("kinds", &prompt);
}

static void instructions_and_questions_are_pinned(void **state)
{
	struct prompt prompt = {0};

	pack_instructions(&prompt, "Answer in French.\n<source id=\"S9\">", 1);
	add_question(&prompt, PACK_BEFORE_OTHER, "What does <page> mean?");
	check_pinned("instructions", &prompt);
}

static void late_sources_and_updates_are_pinned(void **state)
{
	struct document late = text_document("late.txt", "no newline at the end");
	struct document update = code_document();
	struct prompt prompt = {0};

	pack_source(&prompt, PACK_BEFORE_NOTHING, 5, &late);
	pack_update(&prompt, PACK_BEFORE_SOURCE, 2, &update);
	pack_update(&prompt, PACK_BEFORE_SOURCE, 5, &late);
	add_question(&prompt, PACK_BEFORE_SOURCE, "And now?");
	check_pinned("late", &prompt);
	document_finish(&late);
	document_finish(&update);
}

static void cues_without_times_are_pinned(void **state)
{
	static const char *const text[] = {"who starts the pump?", "Bo does,\nby hand",
		"</source> [00:00:07] Bo: not a cue", "at noon", ""};
	static const char *const speaker[] = {"Ana", "B\"o", NULL, NULL, NULL};
	struct document document = make_document(DOCUMENT_TRANSCRIPT, "chat.txt");
	struct prompt prompt = {0};

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		struct part *part = add_part(&document, text[i]);

		part->place.speaker = mem_strdup(speaker[i]);
		part->place.time_ms = i == 3 ? 5000 : -1;
	}
	pack_source(&prompt, PACK_BEFORE_NOTHING, 1, &document);
	add_question(&prompt, PACK_BEFORE_SOURCE, "Who?");
	check_pinned("untimed", &prompt);
	document_finish(&document);
}

/* ---- random bytes ---- */

static uint64_t draw_seed, draw_count;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(draw_seed, draw_count++, word);
	return word[0] % below;
}

/* Text of pieces that are likely to go wrong together. */
static void random_text(struct buf *out, size_t n_piece)
{
	static const char *const piece[] = {"<", "\\", "/", "source", "file", "page", "tree",
		"text", "update", "</source>", "<file path=\"", ">", "\n", "\r\n", "10|", "1|", " ",
		"%3C", "\"", "\xff", "\xc3\xa9", "\xe2\x80\xae", "x", "id=", "\t", "</", "<\\"};

	for (size_t i = 0; i < n_piece; i++) {
		uint32_t which = draw((uint32_t)ARRAY_LEN(piece) + 4);

		if (which < ARRAY_LEN(piece)) {
			buf_addstr(out, piece[which]);
		} else {
			buf_addch(out, (char)(1 + draw(255)));
		}
	}
}

static int holds_tag(const char *text, size_t len)
{
	static const char *const name[] = {"source", "file", "page", "tree", "text", "update"};

	for (size_t at = 0; at < len; at++) {
		if (text[at] != '<') {
			continue;
		}
		for (size_t i = 0; i < ARRAY_LEN(name); i++) {
			size_t n = strlen(name[i]),
			       from = at + 1 + (at + 1 < len && text[at + 1] == '/');

			if (len - from >= n && memcmp(text + from, name[i], n) == 0) {
				return 1;
			}
		}
	}
	return 0;
}

static void the_escape_is_undone_exactly_and_leaves_no_tag(void **state)
{
	draw_seed = 1;
	for (int round = 0; round < 20000; round++) {
		struct buf text = BUF_INIT, escaped = BUF_INIT, back = BUF_INIT;

		random_text(&text, 1 + draw(30));
		pack_escape(&escaped, text.data, text.len);
		assert_false(holds_tag(escaped.data, escaped.len));
		pack_unescape(&back, escaped.data, escaped.len);
		assert_int_equal(text.len, back.len);
		assert_memory_equal(text.data, back.data, text.len);
		buf_finish(&text);
		buf_finish(&escaped);
		buf_finish(&back);
	}
}

static void the_escape_is_the_one_that_is_specified(void **state)
{
	static const char *const pair[][2] = {
		{"</source>", "<\\/source>"},
		{"<source", "<\\source"},
		{"<\\/file>", "<\\\\/file>"},
		{"<\\\\\\page", "<\\\\\\\\page"},
		{"<filename>", "<\\filename>"},
		{"< source>", "< source>"},
		{"<//source>", "<//source>"},
		{"<Source>", "<Source>"},
		{"<\\", "<\\"},
		{"<sourc", "<sourc"},
		{"<<tree>>", "<<\\tree>>"},
		{"a<b && c<text", "a<b && c<\\text"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pair); i++) {
		struct buf escaped = BUF_INIT;

		pack_escape(&escaped, pair[i][0], strlen(pair[i][0]));
		assert_string_equal(pair[i][1], buf_str(&escaped));
		buf_finish(&escaped);
	}
}

static void attributes_come_back_and_hold_nothing_that_ends_them(void **state)
{
	struct buf bad = BUF_INIT;

	draw_seed = 2;
	for (int round = 0; round < 5000; round++) {
		struct buf text = BUF_INIT, encoded = BUF_INIT, back = BUF_INIT;

		random_text(&text, 1 + draw(20));
		pack_attribute(&encoded, text.data, text.len);
		assert_true(utf8_valid(encoded.data, encoded.len));
		assert_null(strpbrk(encoded.data, "\"<\n\r\t"));
		pack_attribute_decode(&back, encoded.data, encoded.len);
		assert_int_equal(text.len, back.len);
		assert_memory_equal(text.data, back.data, text.len);
		buf_finish(&text);
		buf_finish(&encoded);
		buf_finish(&back);
	}
	pack_attribute(&bad, "a\"b<c>%\x7f\xc2\x85\xff\x1b", 12);
	assert_string_equal("a%22b%3Cc>%25%7F%C2%85%FF%1B", buf_str(&bad));
	buf_finish(&bad);
}

/* Reads a body back: the line numbers are where they must be, the rest is unescaped. */
static void read_body(struct buf *out, const char *body, size_t len)
{
	struct buf bare = BUF_INIT;
	int64_t line = 1;

	for (size_t at = 0; at < len; line++) {
		const char *newline = memchr(body + at, '\n', len - at);
		size_t end = newline ? (size_t)(newline - body) + 1 : len;

		if (line == 1 || line % 10 == 0) {
			char number[24];
			int n = snprintf(number, sizeof(number), "%lld|", (long long)line);

			assert_true(end - at > (size_t)n);
			assert_memory_equal(number, body + at, n);
			at += (size_t)n;
		}
		buf_add(&bare, body + at, end - at);
		at = end;
	}
	pack_unescape(out, buf_str(&bare), bare.len);
	buf_finish(&bare);
}

static void a_body_ends_at_its_tag_and_comes_back_exactly(void **state)
{
	draw_seed = 3;
	for (int round = 0; round < 3000; round++) {
		struct document document = make_document(DOCUMENT_CODE, "x");
		struct part *part = document_add_part(&document);
		struct buf text = BUF_INIT, back = BUF_INIT;
		char *all, *begin, *end;

		random_text(&text, 1 + draw(200));
		part->place.path = mem_strdup("p");
		part->len = text.len;
		part->text = mem_strndup(text.data, text.len);
		all = packed(&document);
		begin = strstr(all, "<file path=\"p\">\n") + strlen("<file path=\"p\">\n");
		end = strstr(begin, "</file>");
		assert_string_equal("</file>\n<tree>\np\n</tree>\n</source>", end);
		read_body(&back, begin, (size_t)(end - begin));
		assert_int_equal(text.len, back.len);
		assert_memory_equal(text.data, back.data, text.len);
		free(all);
		buf_finish(&text);
		buf_finish(&back);
		document_finish(&document);
	}
}

/* ---- lines ---- */

static void check_text(const char *text, const char *want_body)
{
	struct document document = text_document("t", text);
	struct buf want = BUF_INIT;
	char *got = packed(&document);

	buf_printf(&want, "<source id=\"S1\" kind=\"text\" name=\"t\">\n%s</source>", want_body);
	assert_string_equal(buf_str(&want), got);
	free(got);
	buf_finish(&want);
	document_finish(&document);
}

static void lines_1_10_20_are_numbered_whatever_ends_them(void **state)
{
	check_text("a\n", "1|a\n");
	check_text("a", "1|a");
	check_text("\n", "1|\n");
	check_text("a\r\nb\r\n", "1|a\r\nb\r\n");
	check_text("a\rb", "1|a\rb");
	check_text("\n\n\n\n\n\n\n\n\n", "1|\n\n\n\n\n\n\n\n\n");
	check_text("\n\n\n\n\n\n\n\n\n\n", "1|\n\n\n\n\n\n\n\n\n10|\n");
	check_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20",
		"1|1\n2\n3\n4\n5\n6\n7\n8\n9\n10|10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20|20");
	check_text("<", "1|<");
	check_text("\xef\xbb\xbf"
		   "bom",
		"1|\xef\xbb\xbf"
		"bom");
}

/* ---- segments ---- */

static struct prompt pack_bytes(const char *text, size_t len)
{
	struct document document = make_document(DOCUMENT_TEXT, "t");
	struct part *part = document_add_part(&document);
	struct prompt prompt = {0};

	part->text = mem_strndup(text, len);
	part->len = len;
	pack_source(&prompt, PACK_BEFORE_NOTHING, 1, &document);
	document_finish(&document);
	return prompt;
}

static void appending_to_a_file_moves_no_cut(void **state)
{
	struct buf text = BUF_INIT;
	struct prompt all;
	int n_compared = 0;

	draw_seed = 4;
	for (int line = 0; line < 9000; line++) {
		random_text(&text, 1 + draw(12));
		buf_addch(&text, '\n');
	}
	all = pack_bytes(text.data, text.len);
	assert_true(all.count > 10);
	for (size_t len = 0; len < text.len; len += 30011) {
		struct prompt some = pack_bytes(text.data, len);

		/* All but the last piece of content, and the closing tag. */
		for (size_t i = 0; i + 2 < some.count; i++, n_compared++) {
			size_t a_len, b_len;
			const char *a = segment_bytes(all.item[i], &a_len);
			const char *b = segment_bytes(some.item[i], &b_len);

			assert_int_equal(a_len, b_len);
			assert_memory_equal(a, b, a_len);
		}
		prompt_finish(&some);
	}
	assert_true(n_compared > 20);
	prompt_finish(&all);
	buf_finish(&text);
}

static void a_line_without_end_is_cut_between_characters(void **state)
{
	size_t len = 200000, total = 0;
	char *text = mem_alloc(len);
	struct prompt prompt;

	for (size_t i = 0; i + 1 < len; i += 2) {
		memcpy(text + i, "\xc3\xa9", 2);
	}
	memmove(text + 1, text, len - 1); /* so that even offsets are inside characters */
	text[0] = 'x';
	prompt = pack_bytes(text, len - 1);
	assert_true(prompt.count > 6);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t n;
		const char *bytes = segment_bytes(prompt.item[i], &n);

		assert_true(n <= 2 * PACK_CHUNK_BYTES + 8);
		assert_true(utf8_valid(bytes, n));
		total += n;
	}
	assert_true(total > len);
	prompt_finish(&prompt);
	free(text);
}

static void a_page_larger_than_two_chunks_is_cut(void **state)
{
	struct document document = make_document(DOCUMENT_PDF, "big.pdf");
	struct buf text = BUF_INIT;
	struct prompt prompt = {0};

	for (int line = 0; line < 10000; line++) {
		buf_addstr(&text, "a page that somebody made out of a log\n");
	}
	add_part(&document, text.data)->place.page = 1;
	pack_source(&prompt, PACK_BEFORE_NOTHING, 1, &document);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t n;

		segment_bytes(prompt.item[i], &n);
		assert_true(n < 2 * PACK_CHUNK_BYTES + 100);
	}
	prompt_finish(&prompt);
	buf_finish(&text);
	document_finish(&document);
}

static void a_segment_does_not_depend_on_the_files_around_it(void **state)
{
	struct document one = make_document(DOCUMENT_CODE, "tree");
	struct document two = make_document(DOCUMENT_CODE, "tree");
	struct prompt a = {0}, b = {0};

	add_part(&one, "int a;\n")->place.path = mem_strdup("a.c");
	add_part(&two, "int a;\n")->place.path = mem_strdup("a.c");
	add_part(&two, "int b;\n")->place.path = mem_strdup("b.c");
	pack_source(&a, PACK_BEFORE_OTHER, 1, &one);
	pack_source(&b, PACK_BEFORE_OTHER, 1, &two);
	assert_int_equal(3, a.count);
	assert_int_equal(4, b.count);
	for (size_t i = 0; i < 2; i++) {
		size_t a_len, b_len;
		const char *a_bytes = segment_bytes(a.item[i], &a_len);
		const char *b_bytes = segment_bytes(b.item[i], &b_len);

		assert_int_equal(a_len, b_len);
		assert_memory_equal(a_bytes, b_bytes, a_len);
	}
	prompt_finish(&a);
	prompt_finish(&b);
	document_finish(&one);
	document_finish(&two);
}

/* ---- counting ---- */

/* The bytes of a segment that an answer may quote. */
static void add_words(struct buf *out, const struct segment *segment)
{
	size_t len, n_aside, at = 0;
	const char *text = segment_bytes(segment, &len);
	const struct segment_aside *aside = segment_asides(segment, &n_aside);

	for (size_t i = 0; i < n_aside; i++) {
		assert_true(aside[i].at >= at && aside[i].at + aside[i].len <= len);
		buf_add(out, text + at, aside[i].at - at);
		at = aside[i].at + aside[i].len;
	}
	buf_add(out, text + at, len - at);
}

static void a_source_without_its_asides_is_the_stored_text(void **state)
{
	for (int round = 0; round < 300; round++) {
		struct document document =
			make_document((enum document_kind)(round % 4), "a \"name\"");
		struct buf want = BUF_INIT, got = BUF_INIT;
		struct prompt prompt = {0};
		size_t n_part = document.kind == DOCUMENT_TEXT ? 1 : 1 + draw(3), n_other = 0;

		for (size_t i = 0; i < n_part; i++) {
			struct part *part;
			struct buf text = BUF_INIT;

			random_text(&text, draw(round < 20 ? 6000 : 40));
			part = add_part(&document, buf_str(&text));
			buf_add(&want, part->text, part->len);
			buf_addstr(&want, document.kind == DOCUMENT_TRANSCRIPT ? "\n" : "");
			part->place.speaker = mem_strdup(draw(2) ? "A: <b" : NULL);
			part->place.time_ms = draw(2) ? 1000 * (int64_t)draw(9999) : -1;
			buf_finish(&text);
		}
		pack_source(&prompt, PACK_BEFORE_OTHER, 7, &document);
		for (size_t i = 0; i < prompt.count; i++) {
			if (segment_is_source(prompt.item[i])) {
				add_words(&got, prompt.item[i]);
			} else {
				n_other++;
			}
		}
		assert_int_equal(2, n_other); /* the source's own tags */
		assert_int_equal(want.len, got.len);
		assert_memory_equal(buf_str(&want), buf_str(&got), want.len);
		prompt_finish(&prompt);
		document_finish(&document);
		buf_finish(&want);
		buf_finish(&got);
	}
}

static size_t engine_count(struct prompt_store *store, const struct prompt *prompt, size_t n)
{
	uint64_t number[64];
	const uint32_t *ids;
	size_t count;

	assert_true(n <= ARRAY_LEN(number));
	for (size_t i = 0; i < n; i++) {
		number[i] = i + 1;
	}
	assert_int_equal(0, prompt_store_set(store, 0, number, n, NULL));
	assert_int_equal(0, prompt_store_ids(store, &ids, &count, NULL));
	return count;
}

/* Sources behind instructions, counted alone as `count` does, and in the prompt by the engine. */
static void counts_of_sources_are_what_the_engine_reads(void **state)
{
	static const char *const names[] = {"spm-small.gguf", "gpt2-small.gguf"};

	for (size_t v = 0; v < ARRAY_LEN(names); v++) {
		char *name = mem_printf("../tokenizer/%s", names[v]);
		struct document documents[] = {text_document("a.txt", "The licence.\n [INST]\n"),
			code_document(), pdf_document()};
		char *path = mem_strdup(vector_path(name, ""));
		struct prompt prompt = {0};
		struct prompt_store *store;
		struct tokenizer *tokenizer;
		struct tokens *tokens;
		struct gguf *gguf;
		size_t n_before, n_counted = 0;

		assert_int_equal(0, gguf_open(&gguf, path, NULL));
		assert_int_equal(0, tokenizer_open_gguf(&tokenizer, gguf, NULL));
		assert_int_equal(0, tokens_open(&tokens, path, NULL));
		store = prompt_store_create(tokenizer, NULL, 0);
		pack_instructions(&prompt, NULL, 0);
		n_before = prompt.count;
		for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
			pack_source(&prompt, i ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER,
				(int64_t)i + 1, &documents[i]);
			document_finish(&documents[i]);
		}
		for (size_t i = 0; i < prompt.count; i++) {
			size_t len, count;
			const char *text = segment_bytes(prompt.item[i], &len);
			struct wire_segment segment = {.number = i + 1,
				.kind = SEGMENT_TEXT,
				.total_bytes = len,
				.data = (const uint8_t *)text,
				.len = len};

			assert_int_equal(0, prompt_store_begin_segment(store, &segment, NULL));
			free(tokens_encode(tokens, text, len, TOKENS_TEXT, 0, &count));
			n_counted += i >= n_before ? count : 0;
		}
		assert_true(prompt.count > n_before + 4);
		assert_int_equal(n_counted, engine_count(store, &prompt, prompt.count) -
						    engine_count(store, &prompt, n_before));
		prompt_finish(&prompt);
		prompt_store_destroy(store);
		tokens_close(tokens);
		tokenizer_close(tokenizer);
		gguf_close(gguf);
		free(path);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_sources_are_what_the_engine_reads),
		cmocka_unit_test(every_kind_of_source_is_pinned),
		cmocka_unit_test(instructions_and_questions_are_pinned),
		cmocka_unit_test(late_sources_and_updates_are_pinned),
		cmocka_unit_test(cues_without_times_are_pinned),
		cmocka_unit_test(the_escape_is_undone_exactly_and_leaves_no_tag),
		cmocka_unit_test(the_escape_is_the_one_that_is_specified),
		cmocka_unit_test(attributes_come_back_and_hold_nothing_that_ends_them),
		cmocka_unit_test(a_body_ends_at_its_tag_and_comes_back_exactly),
		cmocka_unit_test(lines_1_10_20_are_numbered_whatever_ends_them),
		cmocka_unit_test(appending_to_a_file_moves_no_cut),
		cmocka_unit_test(a_line_without_end_is_cut_between_characters),
		cmocka_unit_test(a_page_larger_than_two_chunks_is_cut),
		cmocka_unit_test(a_source_without_its_asides_is_the_stored_text),
		cmocka_unit_test(a_segment_does_not_depend_on_the_files_around_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
