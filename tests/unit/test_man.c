/* Manual pages become the text that man(1) prints, line by line, and their sections an outline. */
#include "format_read.h"

#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/vector_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct buf vector(const char *name)
{
	return vector_file("man", name);
}

/* The page, and behind it its outline, are what stands in NAME.txt. */
static void check_page(const char *name)
{
	struct buf page = vector(name), expected, found = BUF_INIT;
	char *text_name = mem_printf("%s.txt", name);
	struct format_read read = format_read(name, page.data, page.len);

	expected = vector(text_name);
	assert_int_equal(READ_END, read.status);
	assert_string_equal("man", read.loader);
	assert_int_equal(DOCUMENT_TEXT, read.document.kind);
	buf_add(&found, read.document.part[0].text, read.document.part[0].len);
	for (size_t i = 0; i < read.document.n_heading; i++) {
		const struct heading *heading = &read.document.heading[i];

		buf_printf(&found, "%d %lld %s\n", heading->level, (long long)heading->line,
			heading->title);
	}
	assert_string_equal(expected.data, found.data);
	buf_finish(&page);
	buf_finish(&expected);
	buf_finish(&found);
	format_read_finish(&read);
	free(text_name);
}

static void a_page_of_man_reads_as_printed(void **state)
{
	check_page("lamp.1");
}

static void a_page_of_mdoc_reads_as_printed(void **state)
{
	check_page("desk.8");
}

/* The body of a page, between its first and its last line. */
static void check_body(const char *body, const char *expected)
{
	char *page = mem_printf(".TH A 1\n%s", body);
	struct format_read read = format_read("a.1", page, strlen(page));
	struct buf found = BUF_INIT;
	const char *begin, *end;

	assert_int_equal(READ_END, read.status);
	buf_add(&found, read.document.part[0].text, read.document.part[0].len);
	begin = strchr(found.data, '\n') + 2;
	found.data[found.len - 1] = 0;
	end = strrchr(found.data, '\n');
	assert_int_equal(strlen(expected), end - begin);
	assert_memory_equal(expected, begin, strlen(expected));
	buf_finish(&found);
	format_read_finish(&read);
	free(page);
}

static void escapes_are_expanded(void **state)
{
	check_body("\\fBa\\fP\\f[CB]b\\fR \\s+2c\\s0\\s-1d\\s+1 \\m[red]e\\m[] \\(bu \\[u20AC] \\e "
		   "\\-x\n",
		"       ab cd e \xe2\x80\xa2 \xe2\x82\xac \\ -x\n");
	check_body(
		".ds x one \\*y\n.ds y two\n\\*x, \\*[y], \\*(zz.\n", "       one two, two, .\n");
	check_body(".nr n 3\n.nr n +4\n\\nn \\n[n]\n", "       7 7\n");
	check_body("joined\\c\n.B up\nand\\\nover\n", "       joinedup andover\n");
}

static void overstrikes_show_their_first(void **state)
{
	check_body("a \\o'\xc3\xa9/' b\n", "       a \xc3\xa9 b\n");
}

static void conditions_choose(void **state)
{
	check_body(".if n yes\n.if t no\n.if !t yes2\n.ie 1>2 no\n.el yes3\n",
		"       yes yes2 yes3\n");
	check_body(".ds q '\n.ie '\\*q'x' no\n.el \\{\\\nyes\n.B in\n.\\}\nafter\n",
		"       yes in after\n");
	check_body(
		".if \\n(.g .if \\n(.$ no\n.if d none no\n.nr r 1\n.if r r yes\n", "       yes\n");
	check_body(".if 0 \\{\\\n.if 1 \\{ no\n.\\}\nno\n.\\}\nyes\n", "       yes\n");
}

static void macros_of_the_page_are_called(void **state)
{
	check_body(".de M\n[\\\\$1|\\\\$2|\\\\n(.$]\n..\n.M a \"b c\" d\n", "       [a|b c|3]\n");
	check_body(".de I2 END\n.I \\\\$*\n.END\n.als J I2\n.J a b\n.rm J\n.J c\nd\n",
		"       a b d\n");
}

/* Each would take for ever, or all memory, if it were followed. */
static void what_calls_itself_ends(void **state)
{
	static const char *const pages[] = {
		".de M\n.M\n..\n.M\n",
		".de M\n.M\n.M\n.M\n.M\n..\n.M\n",
		".ds x \\*y\\*y\n.ds y \\*x\\*x\n\\*x\n",
		".de M\n.de M\n..\n.M\n..\n.M\n.M\n",
		".de M\n.M \\\\$* \\\\$* \\\\$*\n..\n.M a\n",
		".while 1 x\n.while 1 \\{ x\n",
		".if 1 .if 1 .if 1 .if 1 .if 1 .if 1 .if 1 .if 1\n",
		".so a.1\n",
		".RS 99999\n.RS 99999\n.in +99999\ntext\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		char *page = mem_printf(".TH A 1\n%s", pages[i]);
		struct format_read read = format_read("a.1", page, strlen(page));

		assert_int_equal(READ_END, read.status);
		assert_true(read.document.part[0].len < 8 << 20);
		format_read_finish(&read);
		free(page);
	}
}

/* Too many to be meant; what they govern is shown. */
static void conditions_in_conditions_lose_no_words(void **state)
{
	struct buf page = BUF_INIT;
	struct format_read read;

	buf_addstr(&page, ".TH A 1\n.SH A\n");
	for (int i = 0; i < 20000; i++) {
		buf_addstr(&page, ".if 1 \\{\\\n");
	}
	buf_addstr(&page, "words\n");
	read = format_read("a.1", page.data, page.len);
	assert_int_equal(READ_END, read.status);
	assert_non_null(strstr(read.document.part[0].text, "words"));
	format_read_finish(&read);
	buf_finish(&page);
}

/* The reader says so where a macro was not followed to its end. */
static void what_is_cut_is_named(void **state)
{
	static const char page[] = ".TH A 1\n.de M\n.M\n..\n.M\nwords\n";
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct input input = {"a.1", page, sizeof(page) - 1, -1, &options};
	const struct loader *loader = loader_find(&input);
	struct reader *reader;
	struct skip skip = {0};
	struct part part = {.place = {.time_ms = -1}};

	assert_int_equal(0, loader->open(&reader, &input, &skip));
	assert_int_equal(READ_PART, loader->read(reader, &part, &skip));
	assert_int_equal(READ_SKIPPED, loader->read(reader, &part, &skip));
	assert_non_null(strstr(skip.reason, "without end"));
	loader->close(reader);
	part_finish(&part);
	skip_finish(&skip);
}

static void a_long_page_takes_no_longer_than_its_length(void **state)
{
	static const char *const pieces[] = {".TP\n.B x\ny\n", ".RS\n", "\\fBx\\fP ", "\\",
		".ie 1 a\n", ".if 0 \\{\n", ".de m\n", ".TS\n", "T{\n", "x", ".SH a\n",
		".if 1 \\{\\\n", ".ie 0 x .el ", "\\*[", ".nr a 1\n", ".B \"", "\\w'",
		".Bl -tag\n.It a\n", ".Op Op Op Op Op\n", ".Oo\n"};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		for (size_t mdoc = 0; mdoc < 2; mdoc++) {
			struct buf page = BUF_INIT;
			struct format_read read;

			buf_addstr(&page, mdoc ? ".Dd x\n.Sh A\n" : ".TH A 1\n.SH A\n");
			while (page.len < 1 << 20) {
				buf_addstr(&page, pieces[i]);
			}
			read = format_read("a.1", page.data, page.len);
			assert_int_equal(READ_END, read.status);
			format_read_finish(&read);
			buf_finish(&page);
		}
	}
}

static void only_pages_are_pages(void **state)
{
	static const struct {
		const char *path, *bytes, *loader;
	} cases[] = {
		{"ls.1", ".TH LS 1\n", "man"},
		{"open.3p", ".\\\" c\n.TH OPEN 3\n", "man"},
		{"a.mdoc", ".Dd May\n", "man"},
		{"alias.1", ".so man1/ls.1\n", "man"},
		{"notes.1", "The 1st note.\n", "text"},
		{"release-1.2", ".TH LS 1\n", "man"},
		{"libz.so.1", "text\n", "text"},
		{"ls.txt", ".TH LS 1\n", "text"},
		{"log.20240101", ".TH\n", "text"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct format_read read =
			format_read(cases[i].path, cases[i].bytes, strlen(cases[i].bytes));

		assert_string_equal(cases[i].loader, read.loader);
		format_read_finish(&read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_man_reads_as_printed),
		cmocka_unit_test(a_page_of_mdoc_reads_as_printed),
		cmocka_unit_test(escapes_are_expanded),
		cmocka_unit_test(overstrikes_show_their_first),
		cmocka_unit_test(conditions_choose),
		cmocka_unit_test(macros_of_the_page_are_called),
		cmocka_unit_test(what_calls_itself_ends),
		cmocka_unit_test(conditions_in_conditions_lose_no_words),
		cmocka_unit_test(what_is_cut_is_named),
		cmocka_unit_test(a_long_page_takes_no_longer_than_its_length),
		cmocka_unit_test(only_pages_are_pages),
	};

	return cmocka_run_group_tests_name("man", tests, NULL, NULL);
}
