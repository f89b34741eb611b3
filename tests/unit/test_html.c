/* HTML as text: structure, what is left out, encodings, and pages that are made to hurt. */
#include "tests/unit/document_fixture.h"

#include <time.h>

static void check_html(const char *html, const char *expected)
{
	check_read("page.html", html, strlen(html), expected);
}

static void structure_becomes_markdown(void **state)
{
	check_html(
		"<!DOCTYPE html><title>The Page</title><body><nav><a href=next.html>Next</a></nav>"
		"<h1 id=a>One &amp;  two</h1><p>First<br>second <b>bo</b>ld <code>x</code>."
		"<p>Next<ul><li>a<li><p>b</p><ol start=3 type=i><li>c<li>d</ol></ul>"
		"<blockquote>said</blockquote><pre>\n  kept  &lt;\n\n    as is\n</pre><hr>"
		"<dl><dt>Term<dd>Meaning</dl><details><summary>More</summary>inside</details>"
		"<img alt='A cat' src=x><ruby>\xe6\xbc\xa2<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>"
		" <q>quoted</q> x<sup>2</sup>, 1<sup>st</sup>"
		" <a href='https://example.org/?a=1&amp;b=2'>there</a><footer>Foot</footer>",
		"# The Page\n\nNext\n\n# One & two\n\nFirst\nsecond bold x.\n\nNext\n\n- a\n- b\n  "
		"iii. c\n  iv. d\n\n> said\n\n```\n  kept  <\n\n    as is\n```\n\nTerm\n  "
		"Meaning\n\n"
		"More\n\ninside\n\n[A cat]\xe6\xbc\xa2(kan) \"quoted\" x^2, 1st there "
		"(https://example.org/?a=1&b=2)\n\nFoot\n");
}

static void tables_keep_their_rows(void **state)
{
	check_html(
		"<table><caption>Sums</caption><thead><tr><th>a<th>b</thead>\n<tr><td>1\n<td>2<tr>"
		"<td rowspan=2>3<td><p>x</p><p>y</p><tr><td>4</table>after",
		"Sums\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | x y |\n| | 4 |\n\nafter\n");
	check_html("<table><tr><td>menu<td><h2>Head</h2><table><tr><td>1<td>2</table></table>",
		"menu\n\n## Head\n\n| 1 | 2 |\n");
}

static void what_nobody_sees_is_left_out(void **state)
{
	check_html("a<script>if (1 < 2) no()</script><style>p{}</style><template>no</template>"
		   "<p hidden>no <b>no</b></p><div style='color: red; display : NONE'><p>no</div>"
		   "<!-- no --><![if !supportLists]>b<![endif]><!--[if gte mso 9]>no<![endif]-->"
		   "<o:p>c</o:p><math><mi>x</mi><annotation>no</annotation></math>d",
		"a\n\nbcxd\n");
	check_html("<div hidden <p>no</div><p>shown", "shown\n");
}

static void numbers_stay_what_they_are(void **state)
{
	check_html("10<sup>6</sup> Pa, mc<sup>2</sup>, 10<sup>\xe2\x88\x92"
		   "3</sup>, H<sub>2</sub>O, "
		   "10<sub>2</sub>, 1<sup>st</sup>, (<sup>a</sup>), said \"so\"<sup>3</sup> "
		   "<sup>4</sup>He<pre>2<sup>8</sup></pre>",
		"10^6 Pa, mc^2, 10^\xe2\x88\x92"
		"3, H2O, 10_2, 1st, (a), said \"so\"^3 4He\n\n"
		"```\n2^8\n```\n");
	check_html("<math><msup><mn>10</mn><mn>6</mn></msup><mo>+</mo><mfrac><mn>1</mn><mrow><mn>2"
		   "</mn></mrow></mfrac></math>",
		"10^6+1/2\n");
	/* as EPUB and pandoc refer to notes */
	check_html("1,200<sup><a epub:type='noteref' href='#n1'>1</a></sup> and "
		   "3<a href=#fn2 class='x footnote-ref' role=doc-noteref><sup>[2]</sup></a>, "
		   "4<a role='doc-noteref' href='n.html'> *</a>",
		"1,200[^1] and 3[^2], 4[^*]\n");
}

static void struck_and_deleted_text_is_marked(void **state)
{
	check_html("<p><del>old</del><ins>new</ins> was <s>five</s> <strike>s<b>i</b>x</strike>"
		   "<s> </s>and <s>gone</s><p><s>all</s><pre><s>no</s></pre><table><tr><td><s>1</s>"
		   "<td><s>2</s></table>",
		"~~old~~new was ~~five six~~ and ~~gone~~\n\n~~all~~\n\n```\n~~no~~\n```\n\n| "
		"~~1~~ | "
		"~~2~~ "
		"|\n");
}

static void bars_in_cells_part_no_cells(void **state)
{
	check_html("a | b<table><tr><td>x|y<td>||<tr><td colspan=2>1|2</table>",
		"a | b\n\n| x\\|y | \\|\\| |\n| 1\\|2 | |\n");
}

static void headings_are_the_outline(void **state)
{
	static const char html[] = "<title>T</title><p>x<h2>Two <a href=https://a.example>"
				   "words</a></h2>y<h3></h3><h6>six</h6>";
	struct read_back back = read_back("a.htm", html, strlen(html));

	assert_string_equal("# T\n\nx\n\n## Two words\n\ny\n\n###### six\n", back.text);
	assert_int_equal(3, back.outline.n_heading);
	assert_string_equal("Two words", back.outline.heading[1].title);
	assert_int_equal(5, back.outline.heading[1].line);
	assert_int_equal(6, back.outline.heading[2].level);
	read_back_finish(&back);
}

static void pages_are_known_without_a_name(void **state)
{
	static const char page[] = " <!-- x --><?xml version='1.0'?>\n<!DOCTYPE html><html><p>a";
	static const char note[] = "<html is the first tag> of a page\n";

	check_read("stdin", page, strlen(page), "a\n");
	check_read("notes.txt", "x <html><p>a", 12, "x <html><p>a");
	check_read("page.xhtml", note, strlen(note), "of a page\n");
}

static void encodings_are_believed_where_they_can_be(void **state)
{
	struct read_back back;

	/* by its declaration; what browsers take ISO-8859-1 for */
	check_html("<meta charset=iso-8859-1><p>caf\xe9 \x80", "caf\xc3\xa9 \xe2\x82\xac\n");
	check_html("<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>"
		   "<p>\x93\xfa\x96{",
		"\xe6\x97\xa5\xe6\x9c\xac\n");
	check_html(
		"<?xml version='1.0' encoding='koi8-r'?><html><p>\xc4\xc1", "\xd0\xb4\xd0\xb0\n");
	/* UTF-8 that says otherwise */
	check_html("<meta charset=latin1><p>caf\xc3\xa9", "caf\xc3\xa9\n");
	/* a mark, a stray byte */
	check_html("\xef\xbb\xbf<p>caf\xc3\xa9", "caf\xc3\xa9\n");
	check_html("<meta charset=utf-8><p>caf\xc3\xa9 \xff caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9",
		"caf\xc3\xa9 \xef\xbf\xbd caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9\n");
	check_read("u.html", "\xff\xfe<\0p\0>\0a\0", 10, "a\n");
	back = read_back("k.html", "<meta charset=koi8-r>\xc4", 22);
	assert_string_equal("KOI8-R", back.encoding);
	read_back_finish(&back);
}

static void entities_are_the_characters_they_name(void **state)
{
	check_html("&eacute;&#233;&#xE9;&nbsp;&nbsp;&hellip;&unknown; &lt;p&gt; AT&T",
		"\xc3\xa9\xc3\xa9\xc3\xa9 \xe2\x80\xa6&unknown; <p> AT&T\n");
	/* a bomb is text, and no file is opened */
	check_html("<!DOCTYPE html [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'><!ENTITY c SYSTEM "
		   "'file:///etc/passwd'>]><p>&b;&c;x",
		"<\n\n!ENTITY b '&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]>\n\n"
		"&b;&c;x\n");
}

static void a_page_without_text_is_named(void **state)
{
	check_refused("a.html", "<p> <script>x</script>", 22, SKIP_RULE, "holds no text");
	check_refused("a.html", "<p>\0\1\2\3\0\0", 9, SKIP_RULE, "is binary");
}

/* One word behind `n` times `piece`. */
static struct read_back read_repeated(const char *piece, size_t n, const char *end)
{
	struct buf html = BUF_INIT;
	struct read_back back;
	clock_t begun = clock();

	for (size_t i = 0; i < n; i++) {
		buf_addstr(&html, piece);
	}
	buf_addstr(&html, end);
	back = read_back("deep.html", html.data, html.len);
	buf_finish(&html);
	assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 60);
	return back;
}

static void depth_and_breadth_have_no_end(void **state)
{
	static const char *const pieces[] = {"<div>", "<b>", "<ul><li>", "<blockquote>",
		"<table><tr><td>", "<span hidden></span>", "<a href=x>", "<h1>", "<", "<!--x-->",
		"<pre>", "<p></b>", "<table><tr><td rowspan=99 colspan=99>", "<![if x]>", "&",
		"<dl><dd>"};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct read_back back = read_repeated(pieces[i], 100000, "<p>word");

		assert_non_null(back.text);
		assert_non_null(strstr(back.text, "word"));
		read_back_finish(&back);
	}
}

static void soup_of_attributes_is_thinned(void **state)
{
	struct read_back back = read_repeated("<p x=1 ", 1, "");
	struct buf html = BUF_INIT;

	read_back_finish(&back);
	buf_addstr(&html, "<p ");
	for (int i = 0; i < 300000; i++) {
		buf_printf(&html, "a%d='>' ", i);
	}
	buf_addstr(&html, ">word");
	back = read_back("soup.html", html.data, html.len);
	assert_non_null(strstr(back.text, "word"));
	read_back_finish(&back);
	buf_finish(&html);
}

static void work_without_bounds_is_refused(void **state)
{
	struct buf html = BUF_INIT;

	for (int i = 0; i < 200000; i++) {
		buf_addstr(&html, "<b>");
	}
	for (int i = 0; i < 200000; i++) {
		buf_addstr(&html, "</i>");
	}
	check_refused("deep.html", html.data, html.len, SKIP_UNREADABLE, "nests its elements");
	buf_finish(&html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_becomes_markdown),
		cmocka_unit_test(tables_keep_their_rows),
		cmocka_unit_test(what_nobody_sees_is_left_out),
		cmocka_unit_test(numbers_stay_what_they_are),
		cmocka_unit_test(struck_and_deleted_text_is_marked),
		cmocka_unit_test(bars_in_cells_part_no_cells),
		cmocka_unit_test(headings_are_the_outline),
		cmocka_unit_test(pages_are_known_without_a_name),
		cmocka_unit_test(encodings_are_believed_where_they_can_be),
		cmocka_unit_test(entities_are_the_characters_they_name),
		cmocka_unit_test(a_page_without_text_is_named),
		cmocka_unit_test(depth_and_breadth_have_no_end),
		cmocka_unit_test(soup_of_attributes_is_thinned),
		cmocka_unit_test(work_without_bounds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
