/* What was read, told as lines of files. */
#include "session/places.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add_file(struct document *document, const char *path, const char *text)
{
	struct part *part = document_add_part(document);

	part->place.path = mem_strdup(path);
	part->text = mem_strdup(text);
	part->len = strlen(text);
}

static void excerpts_are_told_as_lines_of_each_file(void **state)
{
	struct document document = {
		.kind = DOCUMENT_CODE, .name = mem_strdup("tree"), .origin = mem_strdup("/o/tree")};
	struct library_source source = {.number = 3, .document = &document};
	struct session_place *place;
	size_t count;

	add_file(&document, "a.c", "one\ntwo\nthree\nfour\n");
	add_file(&document, "empty.c", "");
	add_file(&document, "b.c", "five\nsix\nseven\n");
	{
		/* Lines 2 and 3 of a.c; from its line 4, with its end, into the second line of b.c. */
		const struct excerpt excerpt[] = {
			{&source, {.first = 0, .at = 4, .last = 0, .end = 14, .line = 2}},
			{&source, {.first = 0, .at = 14, .last = 2, .end = 7, .line = 4}},
		};

		place = places_make(excerpt, 2, &count);
	}
	assert_int_equal(count, 3);
	assert_string_equal(place[0].source, "S3");
	assert_string_equal(place[0].path, "/o/tree/a.c");
	assert_int_equal(place[0].line_first, 2);
	assert_int_equal(place[0].line_last, 3);
	assert_string_equal(place[1].path, "/o/tree/a.c");
	assert_int_equal(place[1].line_first, 4);
	assert_int_equal(place[1].line_last, 4);
	assert_string_equal(place[2].path, "/o/tree/b.c");
	assert_int_equal(place[2].line_first, 1);
	assert_int_equal(place[2].line_last, 2);
	session_places_free(place, count);
	document_finish(&document);
}

static void nothing_is_no_place(void **state)
{
	size_t count = 7;

	assert_null(places_make(NULL, 0, &count));
	assert_int_equal(count, 0);
	session_places_free(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excerpts_are_told_as_lines_of_each_file),
		cmocka_unit_test(nothing_is_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
