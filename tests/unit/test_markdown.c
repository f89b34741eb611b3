/* Markdown as styled text: what each thing becomes, and that it comes the same way piece by piece. */
#include "tests/unit/styled_text.h"
#include "tui/markdown.h"

#include "base/mem.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void assert_styled(const char *markdown, const char *expected)
{
	struct styled styled = {.n_run = 0};
	struct buf text = BUF_INIT;

	markdown_style(&styled, markdown, strlen(markdown), NULL, 0);
	styled_text(&text, &styled);
	assert_string_equal(buf_str(&text), expected);
	buf_finish(&text);
	styled_finish(&styled);
}

/* ---- what things become ---- */

static void paragraphs_keep_their_lines_and_emphasis(void **state)
{
	assert_styled("one *two*\n**three** `f(x)`\n\n# Head *it*\nnext",
		"|one {emphasis:two}\n{strong:three} {code:f(x)}\n"
		"|\n"
		"|{heading:Head it}\n"
		"|next\n");
}

static void lists_nest_and_hang(void **state)
{
	assert_styled("- one\n- two\n  - three\n  - [x] four\n\n    more of four\n- five",
		"0/2 |- one\n"
		"0/2 |- two\n"
		"2/4 |- three\n"
		"|\n"
		"2/4 |- [x] four\n"
		"|\n"
		"4/4 |more of four\n"
		"0/2 |- five\n");
	assert_styled("9. nine\n10. ten\n\n    under ten",
		"0/3 |9. nine\n0/4 |10. ten\n|\n4/4 |under ten\n");
}

static void numbers_go_on_over_pieces(void **state)
{
	assert_styled("1. a\n1. b\n\n1. c\n\nend\n\n4. d\n4. e",
		"0/3 |1. a\n0/3 |2. b\n|\n0/3 |3. c\n|\n|end\n|\n0/3 |4. d\n0/3 |5. e\n");
}

static void code_is_kept_exactly(void **state)
{
	assert_styled(
		"see:\n```c\nint  *a;\n\n\tb *= c;   \n```\nand\n\n    indented *x*\n\n- item\n\n"
		"  ~~~\n  in it\n  ~~~\n",
		"|see:\n"
		"2/2 cut code 1 |{code-block:int  *a;}\n"
		"2/2 cut code 1 |\n"
		"2/2 cut code 1 |{code-block:\tb *= c;   }\n"
		"|and\n"
		"|\n"
		"2/2 cut code 2 |{code-block:indented *x*}\n"
		"|\n"
		"0/2 |- item\n"
		"4/4 cut code 3 |{code-block:in it}\n");
}

static void a_block_of_code_that_never_ends_is_code(void **state)
{
	assert_styled("```\n# no heading\n`` `\n", "2/2 cut code 1 |{code-block:# no heading}\n"
						   "2/2 cut code 1 |{code-block:`` `}\n");
}

static void quotes_have_bars(void **state)
{
	assert_styled("> a\n>\n> > b\n\nc", "1 bars |a\n2 bars |b\n|\n|c\n");
	assert_styled("> a\n>\n> b", "1 bars |a\n1 bars |\n1 bars |b\n");
}

static void tables_stand_in_columns(void **state)
{
	assert_styled("| a | bcd |\n|:--|----:|\n| long cell | 1 |\n| *x* | |\n",
		"cut |{heading:a}          {heading:bcd}\n"
		"cut |{table:---------}  {table:---}\n"
		"cut |long cell    1\n"
		"cut |{emphasis:x}             \n");
}

static void a_wide_table_is_a_list_of_its_rows(void **state)
{
	assert_styled("| Name | What |\n|---|---|\n"
		      "| east | a sentence that is much longer than any column of a table that "
		      "still fits a screen of eighty |\n",
		"0/2 |{heading:Name}{table:: }east\n"
		"2/2 |{heading:What}{table:: }a sentence that is much longer than any column of a "
		"table that still fits a screen of eighty\n");
}

static void links_are_text_and_address(void **state)
{
	assert_styled("[a *b*](http://x.org/?a=1&amp;b=2 \"title\") <http://y.org> ![i](p.png)",
		"|{link:a b}{dim: (http://x.org/?a=1&b=2)} {link:http://y.org} [image: i]{dim: "
		"(p.png)}\n");
}

/* md4c leaves an image there that it never entered. */
static void spans_that_end_without_a_beginning_end_nothing(void **state)
{
	assert_styled("**b [f](g \"![i\") h](j) k** l",
		"|{strong:b }{link:f}{dim: (g)}{strong: h k} l\n");
}

static void definitions_of_links_are_shown(void **state)
{
	assert_styled("see [it]\n\n[it]: http://x.org\n- [1]: http://y.org\n",
		"|see [it]\n|\n|[it]: http://x.org\n|- [1]: http://y.org\n");
}

static void html_is_text(void **state)
{
	assert_styled("<b>x</b> <!-- c -->\n\n<div>\n*y*\n</div>",
		"|<b>x</b> <!-- c -->\n|\n|<div>\n{emphasis:y}\n</div>\n");
}

static void entities_are_what_they_stand_for(void **state)
{
	assert_styled("&lt;&amp;&gt; &#65;&#x42; &nosuch; &#0; &#x110000; &mdash;",
		"|<&> AB &nosuch; &#0; &#x110000; \xe2\x80\x94\n");
}

static void nothing_becomes_an_escape(void **state)
{
	struct styled styled = {.n_run = 0};
	const char text[] = "a\x1b[31mb &#27; `\x1b` \x02 c\0d";

	/* They stay bytes of the text: tui/cells.h shows them. */
	markdown_style(&styled, text, sizeof(text) - 1, NULL, 0);
	assert_int_equal(styled.n_block, 1);
	assert_memory_equal(styled.text.data, "a\x1b[31mb \x1b \x1b \x02 c\0d", 17);
	styled_finish(&styled);
}

static void other_things(void **state)
{
	assert_styled("a ~~b~~ c\\*\n***\nx  \ny", "|a ~~b~~ c*\n|{dim:----------}\n|x\ny\n");
	assert_styled("", "");
	assert_styled("\n\n  \n", "");
	assert_styled("-", "|-\n");
}

/* ---- citations ---- */

static struct citation cited(
	const char *answer, const char *bracket, const char *words, enum verdict verdict)
{
	return (struct citation){.text = (char *)words,
		.verdict = verdict,
		.answer_offset = (size_t)(strstr(answer, bracket) - answer)};
}

static void assert_cited(
	const char *answer, struct citation *citation, size_t n, const char *expected)
{
	struct styled styled = {.n_run = 0};
	struct buf text = BUF_INIT;

	markdown_style(&styled, answer, strlen(answer), citation, n);
	styled_text(&text, &styled);
	assert_string_equal(buf_str(&text), expected);
	buf_finish(&text);
	styled_finish(&styled);
}

static void citations_are_words_and_a_coloured_number(void **state)
{
	const char *answer =
		"It *says* [S1 a.txt:3 \"two * stars_of_it\"] and \"this\" [S2 p.4], so "
		"[S3 b:1 \"x y\", \"z\"] it is [S4 c:9 \"old\"].";
	struct citation citation[] = {
		cited(answer, "[S1", "two * stars_of_it", VERDICT_VERIFIED),
		cited(answer, "[S2", "this", VERDICT_MOVED),
		cited(answer, "[S3", "x y", VERDICT_NOT_FOUND),
		cited(answer, "[S3", "z", VERDICT_AMBIGUOUS),
		cited(answer, "[S4", "old", VERDICT_VERIFIED),
	};

	citation[4].superseded = 1;
	assert_cited(answer, citation, 5,
		"|It {emphasis:says} \"two * stars_of_it\" {verified#1:[1]} and \"this\" "
		"{moved#2:[2]}, so \"x y\" {not-found#3:[3]} \"z\" {ambiguous#4:[4]} it is \"old\" "
		"{superseded#5:[5]}.\n");
}

static void a_citation_that_never_ends_hides_nothing(void **state)
{
	const char *answer = "so [S1 what follows\n\nis text";
	struct citation citation = cited(answer, "[S1", "", VERDICT_NOT_FOUND);

	assert_cited(answer, &citation, 1, "|so {not-found#1:[1]}[S1 what follows\n|\n|is text\n");
}

static void citations_in_code_stay_as_they_are(void **state)
{
	const char *answer = "```\nx = [S1 a:1 \"y\"];\n```\n";
	struct citation citation = cited(answer, "[S1", "y", VERDICT_VERIFIED);

	assert_cited(answer, &citation, 1,
		"2/2 cut code 1 |{code-block:x = }{code-block#1:[S1 a:1 \"y\"]}{code-block:;}\n");
}

static void words_over_lines_and_paragraphs_are_one_line(void **state)
{
	const char *answer = "- [S1 a:1 \"one\ntwo\n\nthree\"] end\n- next";
	struct citation citation = cited(answer, "[S1", "one\ntwo\n\nthree", VERDICT_VERIFIED);

	assert_cited(answer, &citation, 1,
		"0/2 |- \"one two three\" {verified#1:[1]} end\n0/2 |- next\n");
}

static void places_that_are_none_are_passed_over(void **state)
{
	const char *answer = "short";
	struct citation citation[] = {{.text = (char *)"x", .answer_offset = 4},
		{.text = (char *)"y", .answer_offset = 2},
		{.text = (char *)"z", .answer_offset = 400}};
	struct styled styled = {.n_run = 0};

	markdown_style(&styled, answer, 5, citation, 3);
	assert_int_equal(styled.n_block, 1);
	styled_finish(&styled);
}

/* ---- piece by piece ---- */

static const char *const answers[] = {
	"# A\n\ntext *em\nphasis* on\n\n- a\n- b\n\n  c\n  - d\n-\n- e\n\n1. x\n2. y\n   ```\n   "
	"q\n   "
	"```\n3. z\n",
	"```c\nint a;\n``` not yet\n```\nafter\n~~~~\n~~~\n~~~~\n1986. A year\n5) five\n6) six\n",
	"| a | b |\n|---|---|\n| 1 | 2 |\n- after\n+ other\n* third\n\n> q\n> r\n\n    code\n\n  "
	"in\n",
	"Title\n---\nx\n===\n* * *\n- - -\n-x\n1.x\n12345678901. no\n[l]: http://a\n[m]:\n[l]\n",
	"\r\n\r\na\r\nb\r\n\r\n- c\r\n- d\r\n```\r\ne\r\n```\r\n",
	"\xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x8e\x89 e\xcc\x81 **\xe6\xbc\xa2**\n\n\xff\xfe broken "
	"\xe6\n",
	"para\n- list\n  more\n2. two\n1. one\n-\n  x\n   ```\n   y\n```\nz\n```",
	"\t- tab\n\n \n   - three\n- x\n\n\n\n\ty\n",
};

static void assert_same(const struct styled *a, const struct styled *b, const char *what, size_t at)
{
	struct buf left = BUF_INIT, right = BUF_INIT;

	styled_text(&left, a);
	styled_text(&right, b);
	if (strcmp(buf_str(&left), buf_str(&right)) != 0) {
		print_error("split at %zu of:\n%s\n", at, what);
	}
	assert_string_equal(buf_str(&left), buf_str(&right));
	assert_int_equal(a->n_run, b->n_run);
	assert_int_equal(a->text.len, b->text.len);
	buf_finish(&left);
	buf_finish(&right);
}

static void a_stream_is_the_whole_at_every_split(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		size_t len = strlen(answers[i]);
		struct styled whole = {.n_run = 0};

		markdown_style(&whole, answers[i], len, NULL, 0);
		for (size_t at = 0; at <= len; at++) {
			struct markdown_stream stream = {.settled = 0};

			markdown_append(&stream, answers[i], at);
			markdown_append(&stream, answers[i] + at, len - at);
			assert_same(&stream.styled, &whole, answers[i], at);
			markdown_stream_finish(&stream);
		}
		styled_finish(&whole);
	}
}

static void each_beginning_of_a_stream_is_that_text(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct markdown_stream stream = {.settled = 0};

		for (size_t at = 0; answers[i][at]; at++) {
			struct styled whole = {.n_run = 0};

			markdown_append(&stream, answers[i] + at, 1);
			if ((answers[i][at] & 0x80) == 0 && strcmp(answers[i], answers[5]) != 0) {
				markdown_style(&whole, answers[i], at + 1, NULL, 0);
				assert_same(&stream.styled, &whole, answers[i], at);
			}
			styled_finish(&whole);
		}
		markdown_stream_finish(&stream);
	}
}

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void repeat(struct buf *out, const char *what, size_t bytes)
{
	while (out->len < bytes) {
		buf_addstr(out, what);
	}
}

/* Appended token by token, the second half of an answer costs what the first did. */
static void a_long_answer_costs_each_token_the_same(void **state)
{
	static const char *const kinds[] = {
		"A paragraph of some words that goes on for a line or two, and then it ends.\n\n",
		"- an item of a list that never ends\n", "1. an item with a number\n",
		"```\ncode that is code\n```\n", "```\n"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct markdown_stream stream = {.settled = 0};
		struct buf text = BUF_INIT;
		double begun = cpu_s(), half = 0, first, second;

		buf_addstr(&text, kinds[i]);
		repeat(&text, i + 1 == ARRAY_LEN(kinds) ? "a line of code\n" : kinds[i], 100 << 10);
		for (size_t at = 0; at + 4 <= text.len; at += 4) {
			if (at <= text.len / 2) {
				half = cpu_s();
			}
			markdown_append(&stream, text.data + at, 4);
			assert_true(stream.text.len - stream.settled < 256);
		}
		first = half - begun;
		second = cpu_s() - half;
		print_message("# 100 KB of %.12s...: %.2f us a token, then %.2f us\n", kinds[i],
			1e6 * first / ((double)text.len / 8),
			1e6 * second / ((double)text.len / 8));
		assert_true(second < 3 * first + 0.05);
		markdown_stream_finish(&stream);
		buf_finish(&text);
	}
}

/* What parsers are known to take quadratic time for. */
static void hostile_text_takes_linear_time(void **state)
{
	static const char *const kinds[] = {"[", "](", "[a](", "*a ", "**a _b ", "`a`` ", "<a ",
		"> ", "- ", " - ", "|", "|-", "a|b\n", "[a]: b\n", "&#", "\\", "![", "~~", "~a~ ",
		"http://a.b ", "*_*_ ", "1) ", "x\n- ", "\t", "a\n\n\n", "```\n", "[S1 \"", "\xff",
		"_ a_", "**x* "};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct styled styled = {.n_run = 0};
		struct buf text = BUF_INIT;
		double begun;

		repeat(&text, kinds[i], 256 << 10);
		begun = cpu_s();
		markdown_style(&styled, text.data, text.len, NULL, 0);
		if (cpu_s() - begun > 0.5) {
			print_message("# 256 KB of %s: %.2f s\n", kinds[i], cpu_s() - begun);
		}
		assert_true(cpu_s() - begun < 5);
		assert_true(styled.text.len < 64 * text.len);
		styled_finish(&styled);
		buf_finish(&text);
	}
}

/* A head of many columns and many short rows: cells that are not there cost nothing much. */
static void a_table_of_empty_cells_is_shown_as_it_is(void **state)
{
	struct styled styled = {.n_run = 0};
	struct buf text = BUF_INIT;
	double begun = cpu_s();

	repeat(&text, "|a", 4000);
	buf_addstr(&text, "|\n");
	repeat(&text, "|-", 8000);
	buf_addstr(&text, "|\n");
	repeat(&text, "|\n", 16000);
	markdown_style(&styled, text.data, text.len, NULL, 0);
	assert_true(cpu_s() - begun < 2);
	assert_true(styled.text.len < 64 * text.len);
	assert_non_null(memmem(styled.text.data, styled.text.len, "|a|a", 4));
	styled_finish(&styled);
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paragraphs_keep_their_lines_and_emphasis),
		cmocka_unit_test(lists_nest_and_hang),
		cmocka_unit_test(numbers_go_on_over_pieces),
		cmocka_unit_test(code_is_kept_exactly),
		cmocka_unit_test(a_block_of_code_that_never_ends_is_code),
		cmocka_unit_test(quotes_have_bars),
		cmocka_unit_test(tables_stand_in_columns),
		cmocka_unit_test(a_wide_table_is_a_list_of_its_rows),
		cmocka_unit_test(links_are_text_and_address),
		cmocka_unit_test(spans_that_end_without_a_beginning_end_nothing),
		cmocka_unit_test(definitions_of_links_are_shown),
		cmocka_unit_test(html_is_text),
		cmocka_unit_test(entities_are_what_they_stand_for),
		cmocka_unit_test(nothing_becomes_an_escape),
		cmocka_unit_test(other_things),
		cmocka_unit_test(citations_are_words_and_a_coloured_number),
		cmocka_unit_test(a_citation_that_never_ends_hides_nothing),
		cmocka_unit_test(citations_in_code_stay_as_they_are),
		cmocka_unit_test(words_over_lines_and_paragraphs_are_one_line),
		cmocka_unit_test(places_that_are_none_are_passed_over),
		cmocka_unit_test(a_stream_is_the_whole_at_every_split),
		cmocka_unit_test(each_beginning_of_a_stream_is_that_text),
		cmocka_unit_test(a_long_answer_costs_each_token_the_same),
		cmocka_unit_test(hostile_text_takes_linear_time),
		cmocka_unit_test(a_table_of_empty_cells_is_shown_as_it_is),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
