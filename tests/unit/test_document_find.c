/* Places of a document by what a reader calls them, and the words that a citation quotes. */
#include "tui/document_find.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static struct part *add(struct document *document, const char *text)
{
	struct part *part = document_add_part(document);

	part->text = mem_strdup(text);
	part->len = strlen(text);
	return part;
}

static struct document tree(void)
{
	struct document document = {.kind = DOCUMENT_CODE,
		.name = mem_strdup("nccl"),
		.origin = mem_strdup("/src/nccl")};

	add(&document, "first\n")->place.path = mem_strdup("README");
	add(&document, "a\nb\nc\nd\n")->place.path = mem_strdup("src/init.c");
	add(&document, "x\ny\n")->place.path = mem_strdup("src/ring/init.c");
	add(&document, "p\n")->place.path = mem_strdup("src/reinit.c");
	return document;
}

static struct document pages(void)
{
	struct document document = {.kind = DOCUMENT_PDF, .name = mem_strdup("spec.pdf")};

	for (int i = 1; i <= 5; i++) {
		struct part *part = add(&document, "text of\na page\n");

		part->place.page = i == 5 ? 7 : i; /* 5 and 6 have no text */
		part->place.label = i < 3 ? mem_strdup(i == 1 ? "i" : "ii") : NULL;
	}
	return document;
}

static struct document cues(void)
{
	struct document document = {.kind = DOCUMENT_TRANSCRIPT, .name = mem_strdup("standup.vtt")};

	for (int i = 0; i < 4; i++) {
		struct part *part =
			add(&document, i == 1 ? "The ring is built" : "in init, I think.");

		part->place.time_ms = 30000 * i + 500;
		part->place.speaker = mem_strdup(i % 2 ? "Ana" : "Ben");
	}
	return document;
}

/* Where `words` lead from the beginning of part `here`: "PART:BYTE", or "-". */
static void check_place(
	struct document document, size_t here, const char *words, const char *expected)
{
	struct document_lines lines;
	struct text_place place = {0};
	struct err err = {0};
	char got[32] = "-";

	document_lines_init(&lines, &document);
	if (document_find_place(&lines, (struct text_place){here, 0}, words, &place, &err) == 0) {
		snprintf(got, sizeof(got), "%zu:%zu", place.part, place.at);
	} else {
		assert_int_equal(ERR_USAGE, err.code);
		assert_non_null(strstr(err.what, words));
	}
	assert_string_equal(expected, got);
	document_lines_finish(&lines);
	document_finish(&document);
}

static void files_are_found_by_the_end_of_their_path_and_lines_in_them(void **state)
{
	check_place(tree(), 0, "src/init.c:3", "1:4");
	check_place(tree(), 0, "init.c", "1:0");
	check_place(tree(), 0, "ring/init.c:2", "2:2");
	check_place(tree(), 0, "reini", "3:0");
	check_place(tree(), 1, "2", "1:2");
	check_place(tree(), 1, ":2", "1:2");
	check_place(tree(), 1, "L4", "1:6");
	check_place(tree(), 1, "line 99", "1:6");
	check_place(tree(), 0, "nowhere.c", "-");
	check_place(tree(), 0, "50%", "1:4");
}

static void pages_are_found_by_number_and_by_label(void **state)
{
	check_place(pages(), 0, "3", "2:0");
	check_place(pages(), 0, "p3", "2:0");
	check_place(pages(), 0, "p. 3", "2:0");
	check_place(pages(), 0, "page 4", "3:0");
	check_place(pages(), 0, "6", "4:0");
	check_place(pages(), 0, "ii", "1:0");
	check_place(pages(), 0, "p.II", "1:0");
	check_place(pages(), 0, "line 2", "0:8");
	check_place(pages(), 0, "8", "-");
	check_place(pages(), 0, "xii", "-");
}

static void cues_are_found_by_time_and_by_number(void **state)
{
	check_place(cues(), 0, "0:31", "1:0");
	check_place(cues(), 0, "1:00", "1:0");
	check_place(cues(), 0, "1:01", "2:0");
	check_place(cues(), 0, "9:00:00", "3:0");
	check_place(cues(), 3, "0:00", "0:0");
	check_place(cues(), 0, "3", "2:0");
	check_place(cues(), 0, "5", "-");
	check_place(cues(), 0, "noon", "-");
}

static void parts_are_called_as_citations_call_them(void **state)
{
	struct document page = pages(), cue = cues(), file = tree();
	struct buf name = BUF_INIT;

	document_part_name(&page, 1, &name);
	buf_addch(&name, '|');
	document_part_name(&cue, 3, &name);
	buf_addch(&name, '|');
	document_part_name(&file, 2, &name);
	assert_string_equal("page 2 (ii)|00:01:30 Ana|src/ring/init.c", buf_str(&name));
	buf_finish(&name);
	document_finish(&page);
	document_finish(&cue);
	document_finish(&file);
}

/* ---- quotes ---- */

static void check_quote(struct document document, struct citation citation,
	enum document_quote expected, const char *range)
{
	struct document_lines lines;
	struct text_range found = {0};
	char got[64];

	document_lines_init(&lines, &document);
	assert_int_equal(expected, document_find_quote(&lines, &citation, &found));
	snprintf(got, sizeof(got), "%zu:%zu-%zu:%zu", found.first.part, found.first.at,
		found.last.part, found.last.at);
	assert_string_equal(range, got);
	document_lines_finish(&lines);
	document_finish(&document);
}

static struct document manual(void)
{
	struct document document = {.kind = DOCUMENT_TEXT, .name = mem_strdup("manual.txt")};

	add(&document,
		"The pump may be opened by\n  hand; it is well-\nknown. Valve 5 stays shut.\n");
	return document;
}

static struct citation cited(const char *text, int64_t first, int64_t last)
{
	return (struct citation){
		.text = (char *)text,
		.time_ms = -1,
		.line_first = first,
		.line_last = last,
	};
}

static void words_are_found_as_citations_compare_them(void **state)
{
	check_quote(manual(), cited("opened by hand", 1, 2), DOCUMENT_QUOTE_WORDS, "0:16-0:32");
	check_quote(manual(), cited("it is well-known.", 2, 3), DOCUMENT_QUOTE_WORDS, "0:34-0:51");
	check_quote(manual(), cited("VALVE 5", 3, 3), DOCUMENT_QUOTE_WORDS, "0:53-0:60");
	check_quote(manual(), cited("1|The pump may be", 1, 1), DOCUMENT_QUOTE_WORDS, "0:0-0:15");
}

static void words_that_stand_otherwise_are_the_lines_of_the_citation(void **state)
{
	check_quote(manual(), cited("no such words", 2, 2), DOCUMENT_QUOTE_LINES, "0:26-0:45");
	check_quote(manual(), cited("Valve 5", 1, 1), DOCUMENT_QUOTE_LINES, "0:0-0:25");
}

static void a_quote_runs_over_cues_and_not_over_files(void **state)
{
	struct citation citation = cited("ring is built in init", 0, 0);

	citation.time_ms = 30500;
	citation.speaker = (char *)"Ana";
	check_quote(cues(), citation, DOCUMENT_QUOTE_WORDS, "1:4-2:7");
	citation = cited("c d x y", 3, 4);
	citation.path = (char *)"/src/nccl/src/init.c";
	check_quote(tree(), citation, DOCUMENT_QUOTE_LINES, "1:4-1:7");
}

static void a_file_or_page_that_is_not_there_is_nowhere(void **state)
{
	struct citation citation = cited("a b", 1, 2);

	citation.path = (char *)"/src/nccl/src/gone.c";
	check_quote(tree(), citation, DOCUMENT_QUOTE_NOWHERE, "0:0-0:0");
	citation.path = (char *)"/src/nccl/src/init.c";
	check_quote(tree(), citation, DOCUMENT_QUOTE_WORDS, "1:0-1:3");
	citation = cited("of a page", 1, 2);
	citation.page = 3;
	check_quote(pages(), citation, DOCUMENT_QUOTE_WORDS, "2:5-2:14");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_by_the_end_of_their_path_and_lines_in_them),
		cmocka_unit_test(pages_are_found_by_number_and_by_label),
		cmocka_unit_test(cues_are_found_by_time_and_by_number),
		cmocka_unit_test(parts_are_called_as_citations_call_them),
		cmocka_unit_test(words_are_found_as_citations_compare_them),
		cmocka_unit_test(words_that_stand_otherwise_are_the_lines_of_the_citation),
		cmocka_unit_test(a_quote_runs_over_cues_and_not_over_files),
		cmocka_unit_test(a_file_or_page_that_is_not_there_is_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
