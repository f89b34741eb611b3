/* DOCX, ODT and EPUB: what they say (tests/vectors/documents), and archives that are made to hurt. */
#include "tests/unit/document_fixture.h"
#include "tests/unit/vector_file.h"

#include "loaders/format/zip.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>

static struct buf file_bytes(const char *name)
{
	return vector_file("documents", name);
}

static const char *const documents[] = {
	"manual.docx", "manual.odt", "manual.fodt", "book3.epub", "book2.epub"};

static void documents_say_what_is_in_them(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		char *expected_name = mem_printf("%s.txt", documents[i]);
		struct buf bytes = file_bytes(documents[i]), expected = file_bytes(expected_name);

		check_read(documents[i], bytes.data, bytes.len, buf_str(&expected));
		/* by their content alone */
		check_read("stdin", bytes.data, bytes.len, buf_str(&expected));
		buf_finish(&bytes);
		buf_finish(&expected);
		free(expected_name);
	}
}

static void headings_are_the_outline(void **state)
{
	struct buf bytes = file_bytes("manual.docx");
	struct read_back back = read_back("manual.docx", bytes.data, bytes.len);

	assert_int_equal(3, back.outline.n_heading);
	assert_string_equal("Second", back.outline.heading[2].title);
	assert_int_equal(2, back.outline.heading[2].level);
	assert_int_equal(17, back.outline.heading[2].line);
	read_back_finish(&back);
	buf_finish(&bytes);
}

static void damaged_files_never_half_load(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		struct buf bytes = file_bytes(documents[i]);

		for (size_t len = bytes.len * 9 / 10; len > 600; len = len * 9 / 10) {
			struct read_back back = read_back(documents[i], bytes.data, len);

			assert_null(back.text);
			assert_int_equal(SKIP_UNREADABLE, back.class);
			if (!strstr(back.reason, "is damaged") &&
				!strstr(back.reason, "is a damaged")) {
				fail_msg("%s, %zu bytes: %s", documents[i], len, back.reason);
			}
			read_back_finish(&back);
		}
		/* each byte changed in turn: read or refused, never worse */
		for (size_t at = 0; at < bytes.len; at += 3) {
			struct read_back back;

			bytes.data[at] ^= 0x55;
			back = read_back(documents[i], bytes.data, bytes.len);
			read_back_finish(&back);
			bytes.data[at] ^= 0x55;
		}
		buf_finish(&bytes);
	}
}

/* ---- archives of our own ---- */

struct entry {
	const char *name;
	const char *text;
	size_t repeat; /* how many times the text stands there; 0 is 1 */
};

static struct buf packed(const struct entry *entry, size_t n)
{
	struct archive *archive = archive_write_new();
	struct buf bytes = BUF_INIT;
	size_t used, size = 1 << 20;

	for (size_t i = 0; i < n; i++) {
		size += 300 + strlen(entry[i].text) * (entry[i].repeat ? entry[i].repeat : 1) / 100;
	}
	buf_reserve(&bytes, size);
	archive_write_set_format_zip(archive);
	assert_int_equal(ARCHIVE_OK, archive_write_open_memory(archive, bytes.data, size, &used));
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *header = archive_entry_new();
		size_t len = strlen(entry[i].text), repeat = entry[i].repeat ? entry[i].repeat : 1;

		archive_entry_set_pathname(header, entry[i].name);
		archive_entry_set_filetype(header, AE_IFREG);
		archive_entry_set_perm(header, 0644);
		archive_entry_set_size(header, (la_int64_t)(len * repeat));
		assert_int_equal(ARCHIVE_OK, archive_write_header(archive, header));
		for (size_t k = 0; k < repeat; k++) {
			archive_write_data(archive, entry[i].text, len);
		}
		archive_entry_free(header);
	}
	archive_write_close(archive);
	archive_write_free(archive);
	bytes.len = used;
	return bytes;
}

static void check_packed(const char *name, const struct entry *entry, size_t n, const char *reason)
{
	struct buf bytes = packed(entry, n);

	check_refused(name, bytes.data, bytes.len, SKIP_UNREADABLE, reason);
	buf_finish(&bytes);
}

#define DOCUMENT "word/document.xml"
#define BEGIN    "<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"

static void bombs_are_refused(void **state)
{
	char *zeros = mem_zero(1, (1 << 20) + 1);
	struct entry docx[] = {{DOCUMENT, zeros, 300}};
	struct entry epub[] = {{"META-INF/container.xml", "<a/>", 1}, {"x.xhtml", zeros, 300}};

	memset(zeros, ' ', 1 << 20);
	check_packed("bomb.docx", docx, 1, "unpacks to more than the limit");
	check_packed("bomb.epub", epub, 2, "unpacks to more than the limit");
	free(zeros);
}

#define CONTAINER "<c><rootfile full-path='a.opf'/></c>"

/* What is small by itself and referred to without end. */
static void what_is_repeated_is_counted(void **state)
{
	enum { REFERENCES = 400 };
	char *blank = mem_zero(1, (1 << 20) + 1);
	struct buf spine = BUF_INIT, body = BUF_INIT, note = BUF_INIT;
	struct entry epub[] = {
		{"META-INF/container.xml", CONTAINER, 1}, {"a.opf", NULL, 1}, {"a.html", blank, 1}};
	struct entry docx[] = {{DOCUMENT, NULL, 1}, {"word/footnotes.xml", NULL, 1}};

	memset(blank, ' ', 1 << 20);
	buf_addstr(&spine, "<package><item id='a' href='a.html'/>");
	buf_addstr(&body, BEGIN "<w:p><w:r>");
	for (int i = 0; i < REFERENCES; i++) {
		buf_addstr(&spine, "<itemref idref='a'/>");
		buf_addstr(&body, "<w:footnoteReference w:id='1'/>");
	}
	buf_addstr(&spine, "</package>");
	buf_addstr(&body, "</w:r></w:p></w:document>");
	memset(blank, 'x', 1 << 20);
	buf_addstr(&note,
		"<w:f xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"
		"<w:footnote w:id='1'><w:p><w:t>");
	buf_add(&note, blank, 1 << 20);
	buf_addstr(&note, "</w:t></w:p></w:footnote></w:f>");
	memset(blank, ' ', 1 << 20);
	epub[1].text = spine.data;
	docx[0].text = body.data;
	docx[1].text = note.data;
	check_packed("repeats.epub", epub, 3, "holds more text than the limit");
	check_packed("repeats.docx", docx, 2, "holds more text than the limit");
	buf_finish(&spine);
	buf_finish(&body);
	buf_finish(&note);
	free(blank);
}

static void chapters_that_are_left_out_are_named(void **state)
{
	static const struct entry book[] = {{"META-INF/container.xml", CONTAINER, 1},
		{"a.opf",
			"<package><item id='a' href='a.html'/><item id='b' href='b.html'/>"
			"<item id='p' href='cover.png'/><itemref idref='p'/><itemref idref='a'/>"
			"<itemref idref='b'/><itemref idref='gone'/></package>",
			1},
		{"a.html", "<p>words", 1}, {"b.html", "\1\2\3\4\5\6\1\2\3\4\5\6", 9}};
	struct buf bytes = packed(book, 4);
	struct read_back back = read_back("a.epub", bytes.data, bytes.len);

	assert_string_equal("words\n", back.text);
	assert_string_equal("has 1 chapter of a picture, without text: cover.png\n"
			    "has 2 damaged chapters (missing, or no text): b.html, gone\n",
		buf_str(&back.left_out));
	read_back_finish(&back);
	buf_finish(&bytes);
}

#define ITEM(number, text)                                                                         \
	"<w:p><w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='" number                          \
	"'/></w:numPr></w:pPr><w:r><w:t>" text "</w:t></w:r></w:p>"

static void lists_begin_anew_where_the_document_says(void **state)
{
	static const struct entry docx[] = {
		{DOCUMENT,
			BEGIN ITEM("1", "a") ITEM("1", "b") ITEM("2", "c") ITEM("2", "d")
				ITEM("1", "e") "</w:document>",
			1},
		{"word/numbering.xml",
			"<w:numbering xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/"
			"2006/main'><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:start "
			"w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.'/></w:lvl>"
			"</w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num>"
			"<w:num w:numId='2'><w:abstractNumId w:val='0'/><w:lvlOverride w:ilvl='0'>"
			"<w:startOverride w:val='7'/></w:lvlOverride></w:num></w:numbering>",
			1}};
	struct buf bytes = packed(docx, 2);

	check_read("a.docx", bytes.data, bytes.len, "1. a\n2. b\n7. c\n8. d\n9. e\n");
	buf_finish(&bytes);
}

#define OPEN(name)                                                                                 \
	"<office:" name " xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "        \
	"xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0' "                             \
	"xmlns:style='urn:oasis:names:tc:opendocument:xmlns:style:1.0'>"

static void named_list_styles_number_their_items(void **state)
{
	static const struct entry odt[] = {
		{"mimetype", "application/vnd.oasis.opendocument.text", 1},
		{"content.xml",
			OPEN("document-content") "<office:body><office:text><text:list "
						 "text:style-name='Numbers'>"
						 "<text:list-item><text:p>a</text:p></"
						 "text:list-item>"
						 "<text:list-item><text:p>b</text:p></"
						 "text:list-item>"
						 "</text:list></office:text></office:body>"
						 "</office:document-content>",
			1},
		{"styles.xml",
			OPEN("document-styles") "<office:styles><text:list-style "
						"style:name='Numbers'><text:list-level-style-"
						"number "
						"text:level='1' style:num-format='a' "
						"style:num-suffix=')'/></text:list-style>"
						"</office:styles></office:document-styles>",
			1}};
	struct buf bytes = packed(odt, 3);

	check_read("a.odt", bytes.data, bytes.len, "a) a\nb) b\n");
	buf_finish(&bytes);
}

#define HEADING(level, more, text)                                                                 \
	"<text:h text:outline-level='" level "'" more ">" text "</text:h>"

static void numbered_headings_keep_their_numbers(void **state)
{
	static const struct entry odt[] = {
		{"mimetype", "application/vnd.oasis.opendocument.text", 1},
		{"content.xml",
			OPEN("document-content") "<office:body><office:text>" HEADING("1", "",
				"A") HEADING("2", "", "B") HEADING("2", "", "C") HEADING("1",
				" text:is-list-header='true'",
				"D") HEADING("1", "", "E") HEADING("2", "", "F") HEADING("3", "",
				"G") "</office:text></office:body></office:document-content>",
			1},
		{"styles.xml",
			OPEN("document-styles") "<office:styles><text:outline-style>"
						"<text:outline-level-style text:level='1' "
						"style:num-format='1' "
						"style:num-suffix='.12345\xc3\xa9'/>"
						"<text:outline-level-style text:level='2' "
						"style:num-format='a' text:display-levels='2'/>"
						"<text:outline-level-style text:level='3' "
						"style:num-format=''/></text:outline-style>"
						"</office:styles></office:document-styles>",
			1}};
	struct buf bytes = packed(odt, 3);
	struct read_back back = read_back("a.odt", bytes.data, bytes.len);

	assert_string_equal(
		"# 1.12345 A\n\n## 1.a B\n\n## 1.b C\n\n# D\n\n# 2.12345 E\n\n## 2.a F\n\n### G\n",
		back.text);
	assert_string_equal("1.b C", back.outline.heading[2].title);
	read_back_finish(&back);
	buf_finish(&bytes);
}

static void entities_and_other_files_are_nothing(void **state)
{
	static const struct entry laughs[] = {{DOCUMENT,
		"<!DOCTYPE w [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;'>]>" BEGIN
		"<w:p><w:r><w:t>x&d;</w:t></w:r></w:p></w:document>",
		1}};
	static const struct entry file[] = {{DOCUMENT,
		"<!DOCTYPE w [<!ENTITY e SYSTEM 'file:///etc/passwd'>"
		"<!ENTITY % p SYSTEM 'http://127.0.0.1/x.dtd'>%p;]>" BEGIN
		"<w:p><w:r><w:t>x&e;</w:t></w:r></w:p></w:document>",
		1}};
	const struct entry *const all[] = {laughs, file};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct buf bytes = packed(all[i], 1);
		struct read_back back = read_back("x.docx", bytes.data, bytes.len);

		/* Refused as an entity that is not declared, or left out. */
		assert_true(!back.text || strcmp(back.text, "x\n") == 0);
		read_back_finish(&back);
		buf_finish(&bytes);
	}
}

static void depth_has_an_end(void **state)
{
	static const struct entry deep[] = {{DOCUMENT, "<a>", 1000000}};

	check_packed("deep.docx", deep, 1, "is damaged: word/document.xml");
	check_packed(
		"deep.odt", (struct entry[]){{"content.xml", "<a>", 1000000}}, 1, "is damaged");
}

#define RUN(properties, text) "<w:r><w:rPr>" properties "</w:rPr><w:t>" text "</w:t></w:r>"
#define RAISED                "<w:vertAlign w:val='superscript'/>"

static void docx_numbers_and_struck_text_stay_what_they_are(void **state)
{
	static const struct entry docx[] = {
		{DOCUMENT,
			BEGIN "<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>" RUN("", "10") RUN(
				RAISED, "1") RUN(RAISED, "2") RUN("",
				" Pa, mc") RUN("<w:rStyle w:val='up'/>", "2") RUN("",
				", H") RUN("<w:vertAlign w:val='subscript'/>", "2") RUN("", "O, ")
				RUN("<w:strike/>", "old ") RUN("<w:strike/><w:b/>", "price") RUN(
					"<w:strike w:val='0'/>", " new") RUN("<w:vanish/>",
					"unseen") RUN("<w:rStyle w:val='no'/>",
					"unseen") RUN("<w:rPrChange><w:rPr><w:vanish/>"
						      "</w:rPr></w:rPrChange>",
					".") "<w:r><w:footnoteReference w:id='1'/></w:r></w:p>"
					     "<w:p "
					     "xmlns:m='http://schemas.openxmlformats.org/"
					     "officeDocument/2006/math'>"
					     "<m:oMath><m:sSup><m:e><m:r><m:t>10</m:t></m:r></"
					     "m:e><m:sup><m:r><m:t>6</m:t></m:r>"
					     "</m:sup></m:sSup><m:f><m:num><m:r><m:t>1</m:t></"
					     "m:r></m:num><m:den><m:r><m:t>2</m:t>"
					     "</m:r></m:den></m:f></m:oMath></w:p></w:document>",
			1},
		{"word/styles.xml",
			BEGIN
			"<w:style w:styleId='raised'><w:rPr>" RAISED
			"</w:rPr></w:style><w:style w:styleId='up'><w:basedOn "
			"w:val='raised'/></w:style>"
			"<w:style w:styleId='no'><w:rPr><w:vanish/></w:rPr></w:style></w:document>",
			1},
		{"word/footnotes.xml",
			BEGIN "<w:footnote w:id='1'><w:p>" RUN("", "2") RUN(RAISED, "10")
				RUN("<w:vanish/>", "unseen") "</w:p></w:footnote></w:document>",
			1}};
	struct buf bytes = packed(docx, 3);
	struct read_back back = read_back("a.docx", bytes.data, bytes.len);

	assert_string_equal("10^12 Pa, mc^2, H2O, ~~old price~~ new.[^1]\n\n[^1]: 2^10\n\n"
			    "10^6(1)/(2)\n",
		back.text);
	assert_string_equal(
		"holds 18 bytes of hidden text, which was left out\n", buf_str(&back.left_out));
	read_back_finish(&back);
	buf_finish(&bytes);
}

#define ODT_NAMESPACES                                                                             \
	"xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "                         \
	"xmlns:style='urn:oasis:names:tc:opendocument:xmlns:style:1.0' "                           \
	"xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0' "                             \
	"xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0' "                          \
	"xmlns:xlink='http://www.w3.org/1999/xlink'"
#define SPAN(style, text) "<text:span text:style-name='" style "'>" text "</text:span>"
#define STYLE(name, parent, properties)                                                            \
	"<style:style style:family='text' style:name='" name "' style:parent-style-name='" parent  \
	"'><style:text-properties " properties "/></style:style>"

static void odt_numbers_formulas_and_struck_text_stay_what_they_are(void **state)
{
	static const struct entry odt[] = {
		{"mimetype", "application/vnd.oasis.opendocument.text", 1},
		{"content.xml",
			"<office:document " ODT_NAMESPACES ">" STYLE("T1", "",
				"style:text-position='33% 58%'") STYLE("T2", "Up", "") STYLE("T3",
				"", "style:text-line-through-style='solid'") STYLE("T4", "",
				"style:text-position='sub 58%'") "<office:body><text:p>10" SPAN("T"
												"1",
				"1") SPAN("T1", "2") " Pa, mc" SPAN("T2", "2") ", H" SPAN("T4",
				"2") "O, " SPAN("T3", "old " SPAN("T1", "2")) SPAN("T3",
				" price") " new: <draw:frame><draw:object xlink:href='./Object "
					  "1'/></draw:frame>, <draw:frame>"
					  "<draw:object xlink:href='./Object "
					  "2'/></draw:frame></text:p></office:body>"
					  "</office:document>",
			1},
		{"Object 1/content.xml",
			"<math "
			"xmlns='http://www.w3.org/1998/Math/MathML'><semantics><mrow><mn>10</mn></"
			"mrow>"
			"<annotation encoding='StarMath 5.0'>E = "
			"mc^2</annotation></semantics></math>",
			1},
		{"Object 2/content.xml",
			"<math "
			"xmlns='http://www.w3.org/1998/Math/MathML'><msup><mn>10</mn><mn>6</mn></"
			"msup>"
			"</math>",
			1},
		{"styles.xml",
			"<office:document-styles " ODT_NAMESPACES
			">" STYLE("Up", "", "style:text-position='super 58%'") STYLE("T1", "",
				"style:text-position='0% 100%'") "<office:master-styles><text:p>"
								 "Foot 10" SPAN("T1",
									 "6") "</text:p><text:p>"
									      "<text:page-number>1<"
									      "/text:page-number></"
									      "text:p></"
									      "office:master-"
									      "styles>"
									      "</"
									      "office:document-"
									      "styles>",
			1}};
	struct buf bytes = packed(odt, ARRAY_LEN(odt));

	check_read("a.odt", bytes.data, bytes.len,
		"10^12 Pa, mc^2, H2O, ~~old 2 price~~ new: E = mc^2, [formula]\n\nFoot 106\n");
	buf_finish(&bytes);
}

static void names_that_climb_are_found_by_nobody(void **state)
{
	static const struct entry climbing[] = {
		{"../word/document.xml", "<a/>", 1}, {"/word/document.xml", "<a/>", 1}};
	static const struct entry book[] = {
		{"META-INF/container.xml", "<c><rootfile full-path='../../etc/passwd'/></c>", 1},
		{"../../etc/passwd.xml", "<a/>", 1}};

	check_packed("x.docx", climbing, 2, "word/document.xml is missing");
	check_packed("x.epub", book, 2, "its package file is missing");
}

static void ten_thousand_entries_are_read(void **state)
{
	enum { N = 10000 };
	struct entry *entry = mem_zero(N, sizeof(*entry));
	struct buf bytes;

	for (int i = 0; i < N - 1; i++) {
		entry[i] = (struct entry){mem_printf("word/x%d.xml", i), "<a/>", 1};
	}
	entry[N - 1] = (struct entry){
		DOCUMENT, BEGIN "<w:p><w:r><w:t>last</w:t></w:r></w:p></w:document>", 1};
	bytes = packed(entry, N);
	check_read("many.docx", bytes.data, bytes.len, "last\n");
	for (int i = 0; i < N - 1; i++) {
		free((char *)entry[i].name);
	}
	free(entry);
	buf_finish(&bytes);
}

static void protection_is_named(void **state)
{
	static const struct entry drm[] = {{"mimetype", "application/epub+zip", 1},
		{"META-INF/container.xml", "<c><rootfile full-path='a.opf'/></c>", 1},
		{"META-INF/encryption.xml",
			"<e><EncryptionMethod "
			"Algorithm='http://www.w3.org/2001/04/xmlenc#aes128-cbc'/>"
			"</e>",
			1},
		{"a.opf", "<package/>", 1}};
	static const struct entry odt[] = {
		{"mimetype", "application/vnd.oasis.opendocument.text", 1},
		{"META-INF/manifest.xml", "<m><encryption-data/></m>", 1}, {"content.xml", "?", 1}};
	char ole[1024] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

	check_packed("drm.epub", drm, 4, "is encrypted (DRM)");
	check_packed("secret.odt", odt, 3, "is encrypted: give a copy without a password");
	check_refused("old.doc", ole, sizeof(ole), SKIP_UNREADABLE, "old Office");
	for (int i = 0; i < 16; i++) {
		ole[600 + 2 * i] = "EncryptedPackage"[i];
	}
	check_refused("new.docx", ole, sizeof(ole), SKIP_UNREADABLE, "is encrypted");
	/* an entry with bit 0 of its flags set, in both headers */
	{
		struct buf bytes = file_bytes("manual.docx");

		for (size_t i = 0; i + 12 < bytes.len; i++) {
			if (memcmp(bytes.data + i, "PK\3\4", 4) == 0) {
				bytes.data[i + 6] |= 1;
			} else if (memcmp(bytes.data + i, "PK\1\2", 4) == 0) {
				bytes.data[i + 8] |= 1;
			}
		}
		check_refused(
			"locked.docx", bytes.data, bytes.len, SKIP_UNREADABLE, "is encrypted");
		buf_finish(&bytes);
	}
}

static void spreadsheets_and_slides_are_told_what_to_do(void **state)
{
	static const struct entry sheet[] = {{"xl/workbook.xml", "<a/>", 1}};
	static const struct entry slides[] = {{"ppt/presentation.xml", "<a/>", 1}};

	static const char rtf[] = "{\\rtf1\\ansi 10{\\super 6} Pa}";
	static const char postscript[] = "%!PS-Adobe-3.0\n(10) show\n";

	check_refused("a.rtf", rtf, strlen(rtf), SKIP_UNREADABLE, "is RTF: save it as");
	check_refused("stdin", postscript, strlen(postscript), SKIP_UNREADABLE, "ps2pdf");
	check_packed("a.xlsx", sheet, 1, "save its sheets as CSV");
	check_packed("a.pptx", slides, 1, "save it as PDF");
}

/* ---- every word, once and in order ---- */

/* What a document is made of: where a word may stand, and what may lie within. */
static const struct shape {
	const char *begin, *end;
} docx_shapes[] =
	{
		{"<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"},
		{"<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:tcPr><w:gridSpan "
		 "w:val='2'/></w:tcPr>",
			"</w:tc></w:tr></w:tbl>"},
		{"<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"},
		{"<w:p><w:r><w:txbxContent>", "</w:txbxContent></w:r></w:p>"},
},
  odt_shapes[] = {
	  {"<table:table><table:table-row><table:table-cell>",
		  "</table:table-cell></table:table-row></table:table>"},
	  {"<text:list><text:list-item>", "</text:list-item></text:list>"},
	  {"<text:section>", "</text:section>"},
	  {"<text:p><draw:frame><draw:text-box>", "</draw:text-box></draw:frame></text:p>"},
};
static const char *const docx_words[] = {
	"<w:p><w:r><w:t>[%d]</w:t></w:r></w:p>",
	"<w:p><w:pPr><w:outlineLvl w:val='1'/></w:pPr><w:r><w:t>[%d]</w:t></w:r></w:p>",
	"<w:p><w:pPr><w:numPr><w:ilvl w:val='3'/><w:numId "
	"w:val='1'/></w:numPr></w:pPr><w:r><w:t>[%d]"
	"</w:t></w:r></w:p>",
	"<w:p><w:del><w:r><w:delText>no</w:delText></w:r></w:del><w:ins><w:r><w:tab/><w:t>[%d]</"
	"w:t>"
	"</w:r></w:ins></w:p>",
};
static const char *const odt_words[] = {
	"<text:p>[%d]</text:p>",
	"<text:h text:outline-level='2'>[%d]</text:h>",
	"<text:p><text:span><text:s/>[%d]</text:span></text:p>",
	"<text:p><text:a>[%d]</text:a><text:line-break/></text:p>",
};

static unsigned random_below(uint64_t *seed, unsigned below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % below;
}

static int add_random(
	struct buf *xml, uint64_t *seed, const struct shape shapes[4], const char *const words[4])
{
	const char *open[16];
	int n_word = 0, n_open = 0;

	for (int step = 0; step < 60; step++) {
		unsigned what = random_below(seed, 4), which = random_below(seed, 4);

		if (what == 0 && n_open < 16) {
			buf_addstr(xml, shapes[which].begin);
			open[n_open++] = shapes[which].end;
		} else if (what == 1 && n_open) {
			buf_addstr(xml, open[--n_open]);
		} else {
			char *word = mem_printf("[%d]", n_word++);
			const char *at = strstr(words[which], "[%d]");

			buf_add(xml, words[which], (size_t)(at - words[which]));
			buf_addstr(xml, word);
			buf_addstr(xml, at + 4);
			free(word);
		}
	}
	while (n_open) {
		buf_addstr(xml, open[--n_open]);
	}
	return n_word;
}

static void check_words(const struct read_back *back, int n_word)
{
	const char *at = back->text;

	assert_non_null(at);
	for (int i = 0; i < n_word; i++) {
		char *after;

		at = strchr(at, '[');
		assert_non_null(at);
		assert_int_equal(i, strtol(at + 1, &after, 10));
		assert_int_equal(']', *after);
		at = after;
	}
	assert_null(strchr(at, '['));
	assert_null(strstr(back->text, "no"));
}

static void every_word_comes_once_and_in_order(void **state)
{
	static const char odt_begin[] =
		"<office:document xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "
		"xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0' "
		"xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0' "
		"xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0' "
		"office:mimetype='application/vnd.oasis.opendocument.text'><office:body>";
	uint64_t seed = 1;

	for (int round = 0; round < 500; round++) {
		struct buf docx = BUF_INIT, odt = BUF_INIT, bytes;
		struct read_back back;
		int n_word;

		buf_addstr(&docx, BEGIN);
		n_word = add_random(&docx, &seed, docx_shapes, docx_words);
		buf_addstr(&docx, "</w:document>");
		bytes = packed((struct entry[]){{DOCUMENT, docx.data, 1}}, 1);
		back = read_back("a.docx", bytes.data, bytes.len);
		check_words(&back, n_word);
		read_back_finish(&back);

		buf_addstr(&odt, odt_begin);
		n_word = add_random(&odt, &seed, odt_shapes, odt_words);
		buf_addstr(&odt, "</office:body></office:document>");
		back = read_back("a.fodt", odt.data, odt.len);
		check_words(&back, n_word);
		read_back_finish(&back);
		buf_finish(&docx);
		buf_finish(&odt);
		buf_finish(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_say_what_is_in_them),
		cmocka_unit_test(headings_are_the_outline),
		cmocka_unit_test(damaged_files_never_half_load),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(what_is_repeated_is_counted),
		cmocka_unit_test(lists_begin_anew_where_the_document_says),
		cmocka_unit_test(named_list_styles_number_their_items),
		cmocka_unit_test(numbered_headings_keep_their_numbers),
		cmocka_unit_test(chapters_that_are_left_out_are_named),
		cmocka_unit_test(entities_and_other_files_are_nothing),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(docx_numbers_and_struck_text_stay_what_they_are),
		cmocka_unit_test(odt_numbers_formulas_and_struck_text_stay_what_they_are),
		cmocka_unit_test(names_that_climb_are_found_by_nobody),
		cmocka_unit_test(ten_thousand_entries_are_read),
		cmocka_unit_test(protection_is_named),
		cmocka_unit_test(every_word_comes_once_and_in_order),
		cmocka_unit_test(spreadsheets_and_slides_are_told_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
