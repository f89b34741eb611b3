/* From libxml2's reports of HTML elements to the writer. */
#include "loaders/format/html.h"

#include "base/mem.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What an element does to the text; those that the table below lacks stand within a line. */
enum action {
	ACTION_NONE, /* hidden by its attributes */
	ACTION_BLOCK,
	ACTION_LINE,
	ACTION_SPACE, /* its text does not touch what stands around it */
	ACTION_HEADING,
	ACTION_HIDE,
	ACTION_IMAGE,
	ACTION_INDENT,
	ACTION_BREAK,
	ACTION_CELL,
	ACTION_HEADER_CELL,
	ACTION_ITEM,
	ACTION_LINK,
	ACTION_LIST,
	ACTION_MATH_SCRIPT,    /* its second part stands higher */
	ACTION_NOTE_REFERENCE, /* a link whose attributes say so */
	ACTION_NUMBERED,
	ACTION_PRE,
	ACTION_QUOTE,
	ACTION_QUOTATION,
	ACTION_READING,
	ACTION_ROW,
	ACTION_STRUCK,
	ACTION_SUBSCRIPT,
	ACTION_SUPERSCRIPT,
	ACTION_TABLE,
	ACTION_TITLE,
};

static const struct element {
	const char *name;
	enum action action;
} elements[] = {
	/* by name */
	{"a", ACTION_LINK},
	{"address", ACTION_BLOCK},
	{"annotation", ACTION_HIDE},
	{"annotation-xml", ACTION_HIDE},
	{"article", ACTION_BLOCK},
	{"aside", ACTION_BLOCK},
	{"blockquote", ACTION_QUOTE},
	{"body", ACTION_BLOCK},
	{"br", ACTION_BREAK},
	{"button", ACTION_SPACE},
	{"caption", ACTION_BLOCK},
	{"center", ACTION_BLOCK},
	{"datalist", ACTION_HIDE},
	{"dd", ACTION_INDENT},
	{"del", ACTION_STRUCK},
	{"details", ACTION_BLOCK},
	{"dialog", ACTION_BLOCK},
	{"dir", ACTION_LIST},
	{"div", ACTION_BLOCK},
	{"dl", ACTION_BLOCK},
	{"dt", ACTION_LINE},
	{"fieldset", ACTION_BLOCK},
	{"figcaption", ACTION_BLOCK},
	{"figure", ACTION_BLOCK},
	{"footer", ACTION_BLOCK},
	{"form", ACTION_BLOCK},
	{"h1", ACTION_HEADING},
	{"h2", ACTION_HEADING},
	{"h3", ACTION_HEADING},
	{"h4", ACTION_HEADING},
	{"h5", ACTION_HEADING},
	{"h6", ACTION_HEADING},
	{"header", ACTION_BLOCK},
	{"hgroup", ACTION_BLOCK},
	{"hr", ACTION_BLOCK},
	{"html", ACTION_BLOCK},
	{"img", ACTION_IMAGE},
	{"input", ACTION_IMAGE},
	{"legend", ACTION_BLOCK},
	{"li", ACTION_ITEM},
	{"listing", ACTION_PRE},
	{"main", ACTION_BLOCK},
	{"menu", ACTION_LIST},
	{"mfrac", ACTION_MATH_SCRIPT},
	{"msup", ACTION_MATH_SCRIPT},
	{"nav", ACTION_BLOCK},
	{"noscript", ACTION_SPACE},
	{"ol", ACTION_NUMBERED},
	{"optgroup", ACTION_LINE},
	{"option", ACTION_LINE},
	{"p", ACTION_BLOCK},
	{"plaintext", ACTION_PRE},
	{"pre", ACTION_PRE},
	{"q", ACTION_QUOTATION},
	{"rp", ACTION_HIDE},
	{"rt", ACTION_READING},
	{"s", ACTION_STRUCK},
	{"script", ACTION_HIDE},
	{"section", ACTION_BLOCK},
	{"select", ACTION_BLOCK},
	{"strike", ACTION_STRUCK},
	{"style", ACTION_HIDE},
	{"sub", ACTION_SUBSCRIPT},
	{"summary", ACTION_BLOCK},
	{"sup", ACTION_SUPERSCRIPT},
	{"svg", ACTION_SPACE},
	{"table", ACTION_TABLE},
	{"td", ACTION_CELL},
	{"template", ACTION_HIDE},
	{"text", ACTION_SPACE}, /* of SVG */
	{"textarea", ACTION_BLOCK},
	{"th", ACTION_HEADER_CELL},
	{"title", ACTION_TITLE},
	{"tr", ACTION_ROW},
	{"ul", ACTION_LIST},
	{"xmp", ACTION_PRE},
};

/* An open element that does something. */
struct open_element {
	int depth; /* among all open elements, from 1 */
	unsigned char action;
	unsigned char style; /* of a list's numbers: '1', 'a', 'A', 'i', 'I' */
	int number, step;    /* of a list's next item */
};

struct html {
	htmlParserCtxtPtr parser;
	struct markup *markup;
	struct buf *title;
	int has_title, in_title; /* in_title: the depth where it was opened, or 0 */
	int in_hidden;           /* the same of something that is left out */
	int in_note_reference;   /* the same of what `label` gathers */
	struct buf label;
	struct open_element *open;
	size_t n_open, cap_open;
	int max_depth;
	const char *refused;
};

static int compare_element(const void *key, const void *element)
{
	return strcmp(key, ((const struct element *)element)->name);
}

static enum action action_of(const char *name)
{
	const struct element *found =
		bsearch(name, elements, ARRAY_LEN(elements), sizeof(elements[0]), compare_element);

	return found ? found->action : ACTION_NONE;
}

static const char *attribute(const xmlChar **attributes, const char *name)
{
	for (size_t i = 0; attributes && attributes[i]; i += 2) {
		if (strcmp((const char *)attributes[i], name) == 0) {
			return attributes[i + 1] ? (const char *)attributes[i + 1] : "";
		}
	}
	return NULL;
}

/* A number in an attribute, or `otherwise`. */
static int number_attribute(const xmlChar **attributes, const char *name, int otherwise)
{
	const char *value = attribute(attributes, name);
	char *end;
	long number = value ? strtol(value, &end, 10) : 0;

	return value && end > value && number > -1000000 && number < 1000000 ? (int)number
									     : otherwise;
}

/* Whether a style attribute says "display: none". */
static int is_undisplayed(const char *style)
{
	while ((style = strcasestr(style, "display"))) {
		style += strlen("display");
		style += strspn(style, " \t\r\n");
		if (*style == ':') {
			style++;
			style += strspn(style, " \t\r\n");
			if (strncasecmp(style, "none", 4) == 0) {
				return 1;
			}
		}
	}
	return 0;
}

static int is_hidden(const xmlChar **attributes)
{
	const char *style = attribute(attributes, "style");

	return attribute(attributes, "hidden") != NULL || (style && is_undisplayed(style));
}

/* ---- numbers of lists ---- */

static void add_letters(struct buf *marker, int number, char first)
{
	char letters[8];
	size_t n = 0;

	for (; number > 0 && n < sizeof(letters); number = (number - 1) / 26) {
		letters[n++] = (char)(first + (number - 1) % 26);
	}
	while (n) {
		buf_addch(marker, letters[--n]);
	}
}

static void add_roman(struct buf *marker, int number, int is_upper)
{
	static const struct {
		int value;
		const char *digits;
	} roman[] = {
		{1000, "m"},
		{900, "cm"},
		{500, "d"},
		{400, "cd"},
		{100, "c"},
		{90, "xc"},
		{50, "l"},
		{40, "xl"},
		{10, "x"},
		{9, "ix"},
		{5, "v"},
		{4, "iv"},
		{1, "i"},
	};

	for (size_t i = 0; i < ARRAY_LEN(roman); i++) {
		for (; number >= roman[i].value; number -= roman[i].value) {
			for (const char *c = roman[i].digits; *c; c++) {
				buf_addch(marker, (char)(is_upper ? *c - 'a' + 'A' : *c));
			}
		}
	}
}

void html_number(struct buf *marker, int number, char style)
{
	if ((style == 'a' || style == 'A') && number > 0) {
		add_letters(marker, number, style);
	} else if ((style == 'i' || style == 'I') && number > 0 && number < 4000) {
		add_roman(marker, number, style == 'I');
	} else {
		buf_printf(marker, "%d", number);
	}
}

static void begin_item(struct html *html, const xmlChar **attributes)
{
	struct open_element *list = NULL;
	struct buf marker = BUF_INIT;

	for (size_t i = html->n_open; i-- && !list;) {
		int action = html->open[i].action;

		if (action == ACTION_LIST || action == ACTION_NUMBERED) {
			list = &html->open[i];
		} else if (action != ACTION_BLOCK) {
			break; /* an item of no list */
		}
	}
	if (list && list->action == ACTION_NUMBERED) {
		list->number = number_attribute(attributes, "value", list->number);
		html_number(&marker, list->number, (char)list->style);
		buf_addch(&marker, '.');
		list->number += list->step;
	}
	markup_item_begin(html->markup, marker.len ? marker.data : "-");
	buf_finish(&marker);
}

/* ---- notes ---- */

/* Whether a word stands in a list of words, of which an attribute's value is one. */
static int has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; at && (at = strstr(at, word)); at += len) {
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' ')) {
			return 1;
		}
	}
	return 0;
}

/* As EPUB, ARIA and pandoc say that a link refers to a note. */
static int is_note_reference(const xmlChar **attributes)
{
	return has_word(attribute(attributes, "epub:type"), "noteref") ||
	       has_word(attribute(attributes, "role"), "doc-noteref") ||
	       has_word(attribute(attributes, "class"), "footnote-ref");
}

/* "[1]", "(1)" and "1" are all "[^1]". */
static void end_note_reference(struct html *html)
{
	static const char around[] = " \t\r\n[](){}^";
	const char *label = buf_str(&html->label);
	size_t len;

	label += strspn(label, around);
	len = strlen(label);
	while (len && strchr(around, label[len - 1])) {
		len--;
	}
	if (len) {
		markup_str(html->markup, "[^");
		markup_text(html->markup, label, len);
		markup_str(html->markup, "]");
	}
	buf_clear(&html->label);
	html->in_note_reference = 0;
}

/* ---- elements ---- */

static void end_inline(struct html *html, enum action action)
{
	struct markup *markup = html->markup;

	switch (action) {
	case ACTION_LINK:
		markup_link_end(markup);
		break;
	case ACTION_QUOTATION:
		markup_text(markup, "\"", 1);
		break;
	case ACTION_READING:
		markup_text(markup, ")", 1);
		break;
	case ACTION_SPACE:
		markup_text(markup, " ", 1);
		break;
	case ACTION_STRUCK:
		markup_struck(markup, 0);
		break;
	case ACTION_SUBSCRIPT:
	case ACTION_SUPERSCRIPT:
		markup_script(markup, 0);
		break;
	case ACTION_NOTE_REFERENCE:
		end_note_reference(html);
		break;
	default:
		break;
	}
}

static void end_element(struct html *html, const struct open_element *element)
{
	struct markup *markup = html->markup;

	switch ((enum action)element->action) {
	case ACTION_BLOCK:
		markup_block(markup);
		break;
	case ACTION_LINE:
		markup_line(markup);
		break;
	case ACTION_HEADING:
		markup_heading_end(markup);
		break;
	case ACTION_INDENT:
		markup_indent_end(markup);
		break;
	case ACTION_CELL:
	case ACTION_HEADER_CELL:
		markup_cell_end(markup);
		break;
	case ACTION_ITEM:
		markup_item_end(markup);
		break;
	case ACTION_LIST:
	case ACTION_NUMBERED:
		markup_list_end(markup);
		break;
	case ACTION_PRE:
		markup_pre_end(markup);
		break;
	case ACTION_QUOTE:
		markup_quote_end(markup);
		break;
	case ACTION_ROW:
		markup_row_end(markup);
		break;
	case ACTION_TABLE:
		markup_table_end(markup);
		break;
	default:
		end_inline(html, (enum action)element->action);
		break;
	}
}

/* Elements at `depth` or deeper are no longer open. */
static void end_elements(struct html *html, int depth)
{
	if (html->in_hidden >= depth) {
		html->in_hidden = 0;
	}
	if (html->in_title >= depth) {
		html->in_title = 0;
	}
	while (html->n_open && html->open[html->n_open - 1].depth >= depth) {
		struct open_element element = html->open[--html->n_open];

		end_element(html, &element);
	}
}

static void begin_title(struct html *html, int depth)
{
	const htmlParserCtxt *parser = html->parser;

	if (html->title && !html->has_title && depth >= 2 &&
		strcmp((const char *)parser->nameTab[depth - 2], "head") == 0) {
		html->has_title = 1;
		html->in_title = depth;
	} else {
		markup_text(html->markup, " ", 1); /* of a picture in SVG */
	}
}

static void write_alternative(struct html *html, const xmlChar **attributes)
{
	const char *text = attribute(attributes, "alt");

	if (text && text[strspn(text, " \t\r\n")]) {
		markup_text(html->markup, "[", 1);
		markup_str(html->markup, text);
		markup_text(html->markup, "]", 1);
	}
}

static void begin_cell(struct html *html, const xmlChar **attributes, int is_header)
{
	struct markup_cell cell = {is_header, 1, 1};
	int columns = number_attribute(attributes, "colspan", 1);
	int rows = number_attribute(attributes, "rowspan", 1);

	cell.columns = columns > 0 ? (unsigned)columns : 1;
	cell.rows = rows > 0 ? (unsigned)rows : 1;
	markup_cell_begin(html->markup, &cell);
}

static void begin_list(struct html *html, struct open_element *element, const xmlChar **attributes)
{
	const char *style = attribute(attributes, "type");

	element->style = style ? (unsigned char)style[0] : '1';
	element->step = attribute(attributes, "reversed") ? -1 : 1;
	element->number = number_attribute(attributes, "start", 1);
	markup_list_begin(html->markup);
}

static void begin_inline(
	struct html *html, const struct open_element *element, const xmlChar **attributes)
{
	struct markup *markup = html->markup;

	switch ((enum action)element->action) {
	case ACTION_HIDE:
		html->in_hidden = element->depth;
		break;
	case ACTION_IMAGE:
		write_alternative(html, attributes);
		break;
	case ACTION_BREAK:
		markup_line_break(markup);
		break;
	case ACTION_LINK:
		markup_link_begin(
			markup, attribute(attributes, "href") ? attribute(attributes, "href") : "");
		break;
	case ACTION_QUOTATION:
		markup_text(markup, "\"", 1);
		break;
	case ACTION_READING:
		markup_text(markup, "(", 1);
		break;
	case ACTION_SPACE:
		markup_text(markup, " ", 1);
		break;
	case ACTION_SUPERSCRIPT:
	case ACTION_SUBSCRIPT:
		markup_script(markup, element->action == ACTION_SUBSCRIPT ? '_' : '^');
		break;
	case ACTION_STRUCK:
		markup_struck(markup, 1);
		break;
	case ACTION_NOTE_REFERENCE:
		html->in_note_reference = element->depth;
		break;
	default:
		break;
	}
}

static void begin_element(struct html *html, struct open_element *element, const char *name,
	const xmlChar **attributes)
{
	struct markup *markup = html->markup;

	switch ((enum action)element->action) {
	case ACTION_BLOCK:
		markup_block(markup);
		break;
	case ACTION_LINE:
		markup_line(markup);
		break;
	case ACTION_HEADING:
		markup_heading_begin(markup, name[1] - '0');
		break;
	case ACTION_INDENT:
		markup_indent_begin(markup);
		break;
	case ACTION_CELL:
	case ACTION_HEADER_CELL:
		begin_cell(html, attributes, element->action == ACTION_HEADER_CELL);
		break;
	case ACTION_ITEM:
		begin_item(html, attributes);
		break;
	case ACTION_LIST:
	case ACTION_NUMBERED:
		begin_list(html, element, attributes);
		break;
	case ACTION_PRE:
		markup_pre_begin(markup);
		break;
	case ACTION_QUOTE:
		markup_quote_begin(markup);
		break;
	case ACTION_ROW:
		markup_row_begin(markup);
		break;
	case ACTION_TABLE:
		markup_table_begin(markup);
		break;
	case ACTION_TITLE:
		begin_title(html, element->depth);
		break;
	default:
		begin_inline(html, element, attributes);
		break;
	}
}

/* The second part of a power or a fraction begins: 10 to the 6 is not 106, nor a half 12. */
static void mark_math(struct html *html, int depth)
{
	struct open_element *outer = html->n_open ? &html->open[html->n_open - 1] : NULL;

	if (outer && outer->action == ACTION_MATH_SCRIPT && outer->depth == depth - 1 &&
		++outer->number == 2) {
		markup_text(html->markup, (const char *)&outer->style, 1);
	}
}

static void refuse(struct html *html, const char *reason)
{
	html->refused = reason;
	xmlStopParser(html->parser);
}

static void start_reported(void *arg, const xmlChar *xml_name, const xmlChar **attributes)
{
	struct html *html = arg;
	const char *name = (const char *)xml_name;
	struct open_element element = {.depth = html->parser->nameNr};

	if (html->refused) {
		return;
	}
	end_elements(html, element.depth);
	if (html->in_hidden) {
		return;
	}
	if (element.depth > html->max_depth) {
		refuse(html, "nests its elements too deeply to be a page");
		return;
	}
	if (is_hidden(attributes)) {
		html->in_hidden = element.depth;
		return;
	}
	mark_math(html, element.depth);
	element.action = (unsigned char)action_of(name);
	element.style =
		element.action == ACTION_MATH_SCRIPT && strcmp(name, "mfrac") == 0 ? '/' : '^';
	if (element.action == ACTION_LINK && is_note_reference(attributes)) {
		element.action = ACTION_NOTE_REFERENCE;
	}
	if (html->in_note_reference) {
		element.action = ACTION_NONE; /* "<sup>" */
	}
	if (element.action != ACTION_NONE) {
		begin_element(html, &element, name, attributes);
		mem_grow(html->open, html->n_open, html->cap_open);
		html->open[html->n_open++] = element;
	}
}

static void end_reported(void *arg, const xmlChar *name)
{
	struct html *html = arg;

	if (!html->refused) {
		end_elements(html, html->parser->nameNr);
	}
}

static void text_reported(void *arg, const xmlChar *text, int len)
{
	struct html *html = arg;

	if (html->refused || len <= 0) {
		return;
	}
	end_elements(html, html->parser->nameNr + 1);
	if (html->in_hidden) {
		return;
	}
	if (html->in_title) {
		buf_add(html->title, text, (size_t)len);
		return;
	}
	if (html->in_note_reference) {
		buf_add(&html->label, text, (size_t)len);
		return;
	}
	markup_text(html->markup, (const char *)text, (size_t)len);
	if (markup_bytes(html->markup) > LOAD_MAX_BYTES) {
		refuse(html, "holds more text than the limit");
	}
}

/* ---- the parser ---- */

static size_t count_end_tags(const char *text, size_t len)
{
	const char *end = text + len;
	size_t n = 0;

	while ((text = memmem(text, (size_t)(end - text), "</", 2))) {
		text += 2;
		n++;
	}
	return n;
}

static int parse(struct html *html, const char *text, size_t len)
{
	xmlSAXHandler sax = {
		.startElement = start_reported,
		.endElement = end_reported,
		.characters = text_reported,
		.ignorableWhitespace = text_reported,
		.cdataBlock = text_reported,
	};
	htmlParserCtxtPtr parser = htmlNewParserCtxt();
	xmlParserInputBufferPtr bytes;
	xmlParserInputPtr input;

	if (!parser) {
		return -1;
	}
	htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NODEFDTD | HTML_PARSE_NOERROR |
					   HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
					   HTML_PARSE_IGNORE_ENC);
	*parser->sax = sax;
	parser->userData = html;
	parser->charset = XML_CHAR_ENCODING_UTF8;
	parser->encoding = xmlStrdup(BAD_CAST "UTF-8"); /* looks for no other */
	bytes = xmlParserInputBufferCreateMem(text, (int)len, XML_CHAR_ENCODING_NONE);
	input = bytes ? xmlNewIOInputStream(parser, bytes, XML_CHAR_ENCODING_NONE) : NULL;
	if (input) {
		inputPush(parser, input);
		html->parser = parser;
		htmlParseDocument(parser);
	} else {
		xmlFreeParserInputBuffer(bytes);
	}
	htmlFreeParserCtxt(parser);
	return input ? 0 : -1;
}

void html_prepare(void)
{
	xmlInitParser();
}

int html_write(
	struct markup *markup, struct buf *title, const char *text, size_t len, struct skip *skip)
{
	struct html html = {.markup = markup, .title = title};
	struct buf cleaned = BUF_INIT;
	size_t n_end;

	if (html_clean(&cleaned, text, len)) {
		text = buf_str(&cleaned);
		len = cleaned.len;
	}
	n_end = count_end_tags(text, len);
	html.max_depth =
		n_end ? (int)(HTML_MAX_WORK / n_end < INT_MAX ? HTML_MAX_WORK / n_end : INT_MAX)
		      : INT_MAX;
	if (len > INT_MAX || parse(&html, text, len) < 0) {
		html.refused = "needs more memory than there is";
	}
	end_elements(&html, 0);
	free(html.open);
	buf_finish(&html.label);
	buf_finish(&cleaned);
	return html.refused ? skip_set(skip, SKIP_UNREADABLE, "%s", html.refused) : 0;
}
