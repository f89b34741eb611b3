/* Text of any kind stays as it is; the headings of markup lead to the lines of the file. */
#include "format_read.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The outline as "level line title", one a line. */
static void check_outline(const char *path, const char *text, const char *outline)
{
	struct format_read read = format_read(path, text, strlen(text));
	struct buf found = BUF_INIT;

	assert_int_equal(READ_END, read.status);
	assert_string_equal("text", read.loader);
	assert_int_equal(1, read.document.n_part);
	assert_int_equal(strlen(text), read.document.part[0].len);
	assert_memory_equal(text, read.document.part[0].text, strlen(text));
	for (size_t i = 0; i < read.document.n_heading; i++) {
		const struct heading *heading = &read.document.heading[i];

		assert_int_equal(0, heading->part);
		buf_printf(&found, "%d %lld %s\n", heading->level, (long long)heading->line,
			heading->title);
	}
	assert_string_equal(outline, buf_str(&found));
	buf_finish(&found);
	format_read_finish(&read);
}

static void markdown_has_headings_outside_of_fences(void **state)
{
	check_outline("a.md",
		"\xef\xbb\xbf# One #\n\ntext\n\n```sh\n# no\n~~~\n# nor this\n```\n"
		"Setext\n------\n##not\n   ### Three\n    # code\n- item\n---\n> quote\n===\n"
		"####### seven\n#\n# C# and #hash\r\n~~~\n# in an open fence\n",
		"1 1 One\n2 10 Setext\n3 13 Three\n1 21 C# and #hash\n");
	check_outline("a.markdown", "---\ntitle: x\n# no\n---\n# yes\n", "1 5 yes\n");
	check_outline("README", "# a comment, perhaps\n", "");
}

static void restructured_text_has_levels_in_order_of_appearance(void **state)
{
	check_outline("a.rst",
		"=====\nTitle\n=====\n\nPart\n====\n\nSub\n---\n\n  x\n\n----\n\nOther\n=====\n\n"
		"too long a line\n===\n\n=== ===\na   b\n=== ===\n",
		"1 2 Title\n2 5 Part\n3 8 Sub\n2 15 Other\n");
}

static void latex_has_sections_and_no_comments(void **state)
{
	check_outline("a.tex",
		"\\documentclass{article}\n% \\section{no}\n\\section{One}\n  \\subsection*{Two\n"
		"  lines {\\em a}}\n\\begin{verbatim}\n\\section{no}\n\\end{verbatim}\n"
		"\\section[short]{Long}\n\\section{open\n",
		"1 3 One\n2 4 Two lines {\\em a}\n1 9 Long\n");
	check_outline("b.tex", "\\chapter{A}\n\\section{B}\n", "1 1 A\n2 2 B\n");
}

static void org_and_asciidoc_have_headings(void **state)
{
	check_outline(
		"a.org", "* One :work:\n** TODO Two\n*bold*\n * no\n", "1 1 One\n2 2 TODO Two\n");
	check_outline("a.adoc", "= Title\n\n== Part\n----\n== no\n----\n=== Sub\n",
		"1 1 Title\n2 3 Part\n3 7 Sub\n");
}

static void nothing_is_a_heading_in_plain_text(void **state)
{
	check_outline("a.txt", "# a\nTitle\n=====\n", "");
	check_outline("a.csv", "a,b\n1,2\n", "");
}

static void carriage_returns_alone_end_lines(void **state)
{
	static const char old[] = "# One\r\r10 Pa\r## Two\r", mixed[] = "# One\ra\n";
	struct format_read read = format_read("a.md", old, strlen(old));

	assert_int_equal(strlen(old), read.document.part[0].len);
	assert_memory_equal("# One\n\n10 Pa\n## Two\n", read.document.part[0].text, strlen(old));
	assert_int_equal(2, read.document.n_heading);
	assert_int_equal(4, read.document.heading[1].line);
	format_read_finish(&read);
	read = format_read("a.md", mixed, strlen(mixed));
	assert_memory_equal(mixed, read.document.part[0].text, strlen(mixed));
	format_read_finish(&read);
}

static void white_space_alone_is_text(void **state)
{
	check_outline("blank.txt", " \n\t\r\n\n", "");
	check_outline("blank.md", "\n", "");
}

/* One line of 8 MB, and 2 million lines that each look like the beginning of something. */
static void long_texts_take_no_longer_than_their_length(void **state)
{
	static const char *const pieces[] = {
		"#", "=", "```\n", "\\section{", "\\section{\n", "* ", "====\n", "a\n="};
	static const char *const names[] = {"a.md", "a.rst", "a.tex", "a.org", "a.adoc", "a.1"};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct buf text = BUF_INIT;

		while (text.len < 8 << 20) {
			buf_addstr(&text, pieces[i]);
		}
		for (size_t j = 0; j < ARRAY_LEN(names); j++) {
			struct format_read read = format_read(names[j], text.data, text.len);

			assert_int_equal(READ_END, read.status);
			assert_int_equal(text.len, read.document.part[0].len);
			format_read_finish(&read);
		}
		buf_finish(&text);
	}
}

static void source_code_is_known_by_name_whatever_its_encoding(void **state)
{
	struct format_read read = format_read("a.c", "i\0n\0t\0 \0a\0;\0\n\0", 14);

	assert_int_equal(READ_END, read.status);
	assert_int_equal(DOCUMENT_CODE, read.document.kind);
	assert_string_equal("UTF-16LE", read.encoding);
	assert_int_equal(7, read.document.part[0].len);
	assert_memory_equal("int a;\n", read.document.part[0].text, 7);
	format_read_finish(&read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_has_headings_outside_of_fences),
		cmocka_unit_test(restructured_text_has_levels_in_order_of_appearance),
		cmocka_unit_test(latex_has_sections_and_no_comments),
		cmocka_unit_test(org_and_asciidoc_have_headings),
		cmocka_unit_test(nothing_is_a_heading_in_plain_text),
		cmocka_unit_test(carriage_returns_alone_end_lines),
		cmocka_unit_test(white_space_alone_is_text),
		cmocka_unit_test(long_texts_take_no_longer_than_their_length),
		cmocka_unit_test(source_code_is_known_by_name_whatever_its_encoding),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
