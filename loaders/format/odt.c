/*
 * ODT and flat ODT (.fodt): content.xml through the writer. Tracked deletions are left out; notes and
 * annotations stand behind the paragraph that refers to them; headers and footers at the end. Formulas
 * are shown as their notation in TeX or StarMath where they carry it, else as "[formula]".
 */
#include "loaders/format/format.h"
#include "loaders/format/html.h"
#include "loaders/format/markup_xml.h"
#include "loaders/format/zip.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LISTS = 64, MAX_LEVEL = 10, ANNOTATION_PREFIX = 'c', MAX_SPANS = 256 };

/* A list that is open. */
struct odt_list {
	char style[64];
	int next; /* the next item's number; 0: the start of the style */
};

/* How the headings of a level are numbered; format 0: not at all. */
struct odt_outline {
	char format, suffix[8];
	int start, shown_levels;
	int next; /* the next heading's number; 0: the start */
};

/* How the text of a span stands. */
struct odt_run {
	char script; /* '^', '_' or 0 */
	char is_struck;
};

struct odt {
	const struct zip *zip; /* NULL: a flat file */
	struct odt_run run[MAX_SPANS];
	int n_span;
	struct xml_map runs; /* text style -> "SCRIPT STRUCK PARENT", '?' where unsaid */
	struct buf run_style, run_parent; /* that is being declared */
	char run_script, run_struck;
	struct buf formula;
	int in_formula, in_notation;
	struct markup *markup;
	struct odt_outline outline[MAX_LEVEL];
	struct buf value, label;
	struct xml_map levels; /* "STYLE LEVEL" -> "1.": format and suffix, "" for a bullet */
	struct odt_list list[MAX_LISTS];
	int n_list;
	char list_style[64]; /* that is being declared */
	int left_out, in_body, is_running, is_header_row;
	int n_annotation, in_citation, in_paragraph;
};

/* Elements whose text is none of the document's. */
static int is_left_out(const char *name)
{
	return strcmp(name, "text:tracked-changes") == 0 || strcmp(name, "office:scripts") == 0 ||
	       strcmp(name, "office:forms") == 0 || strcmp(name, "text:sequence-decls") == 0 ||
	       strcmp(name, "svg:title") == 0 || strcmp(name, "office:binary-data") == 0 ||
	       strcmp(name, "text:page-number") == 0 || strcmp(name, "text:page-count") == 0;
}

/* As much of the text as there is room for, in whole characters. */
static void copy_cut(char *out, size_t size, const char *text)
{
	size_t len;

	snprintf(out, size, "%s", text);
	len = strlen(out);
	out[len - utf8_incomplete_tail(out, len)] = 0;
}

/* ---- raised and struck text ---- */

/* "super 58%", "33% 58%", "sub 58%", "-33% 58%", "0% 100%" */
static char script_of(const char *position)
{
	if (strncmp(position, "super", 5) == 0) {
		return '^';
	}
	if (strncmp(position, "sub", 3) == 0) {
		return '_';
	}
	return (char)(atoi(position) > 0 ? '^' : atoi(position) < 0 ? '_' : '0');
}

static void declare_run(struct odt *odt, const char *name, const struct xml_attributes *attributes)
{
	const char *value;

	if (strcmp(name, "style:style") == 0) {
		value = xml_attribute(attributes, "family", &odt->value);
		buf_clear(&odt->run_style);
		buf_clear(&odt->run_parent);
		if (value && strcmp(value, "text") == 0) {
			xml_attribute(attributes, "name", &odt->run_style);
			xml_attribute(attributes, "parent-style-name", &odt->run_parent);
		}
		odt->run_script = odt->run_struck = '?';
	} else if (strcmp(name, "style:text-properties") == 0 && odt->run_style.len) {
		value = xml_attribute(attributes, "text-position", &odt->value);
		if (value) {
			odt->run_script = script_of(value);
		}
		value = xml_attribute(attributes, "text-line-through-style", &odt->value);
		if (!value) {
			value = xml_attribute(attributes, "text-line-through-type", &odt->value);
		}
		if (value) {
			odt->run_struck = (char)(strcmp(value, "none") == 0 ? '0' : '1');
		}
	}
}

static void end_declaration(struct odt *odt, const char *name)
{
	if (strcmp(name, "style:style") == 0 && odt->run_style.len) {
		char *value = mem_printf(
			"%c%c%s", odt->run_script, odt->run_struck, buf_str(&odt->run_parent));

		xml_map_add(&odt->runs, odt->run_style.data, value);
		free(value);
		buf_clear(&odt->run_style);
	}
}

static struct odt_run run_now(const struct odt *odt)
{
	int n = odt->n_span < MAX_SPANS ? odt->n_span : MAX_SPANS;

	return n ? odt->run[n - 1] : (struct odt_run){0};
}

static void apply_run(struct odt *odt)
{
	struct odt_run run = run_now(odt);

	markup_script(odt->markup, run.script);
	markup_struck(odt->markup, run.is_struck);
}

static void begin_span(struct odt *odt, const struct xml_attributes *attributes)
{
	enum { MAX_CHAIN = 16 };
	struct odt_run run = run_now(odt);
	const char *style = xml_attribute(attributes, "style-name", &odt->value);
	const char *value = style ? xml_map_find(&odt->runs, style) : NULL;
	char script = '?', struck = '?';

	for (int i = 0; value && i < MAX_CHAIN; i++) {
		script = script == '?' ? value[0] : script;
		struck = struck == '?' ? value[1] : struck;
		value = value[2] ? xml_map_find(&odt->runs, value + 2) : NULL;
	}
	if (script != '?') {
		run.script = (char)(script == '0' ? 0 : script);
	}
	if (struck != '?') {
		run.is_struck = struck == '1';
	}
	if (odt->n_span < MAX_SPANS) {
		odt->run[odt->n_span] = run;
	}
	odt->n_span++;
	apply_run(odt);
}

static void end_span(struct odt *odt)
{
	odt->n_span -= odt->n_span > 0; /* elements in an order that no writer has */
	apply_run(odt);
}

/* ---- formulas ---- */

/* Whether the element was part of a formula: its notation is what is read of it. */
static int formula_start(struct odt *odt, const char *name)
{
	if (strcmp(name, "math") == 0) {
		odt->in_formula++;
		buf_clear(&odt->formula);
	} else if (odt->in_formula && strcmp(name, "annotation") == 0) {
		odt->in_notation = 1;
	}
	return odt->in_formula > 0;
}

static int formula_end(struct odt *odt, const char *name)
{
	int was_in = odt->in_formula > 0;

	if (strcmp(name, "annotation") == 0) {
		odt->in_notation = 0;
	} else if (strcmp(name, "math") == 0 && was_in) {
		odt->in_formula--;
		if (!odt->in_formula) {
			markup_str(odt->markup, odt->formula.len ? odt->formula.data : "[formula]");
		}
	}
	return was_in;
}

static void notation_text(struct odt *odt, const char *bytes, size_t len)
{
	if (odt->in_notation) {
		buf_add(&odt->formula, bytes, len);
	}
}

static void math_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	formula_start(arg, name);
}

static void math_end(void *arg, const char *name)
{
	formula_end(arg, name);
}

static void math_text(void *arg, const char *bytes, size_t len)
{
	notation_text(arg, bytes, len);
}

/* An object of a ZIP lies beside the text: "./Object 1/" is "Object 1/content.xml". */
static void write_object(struct odt *odt, const struct xml_attributes *attributes)
{
	static const struct xml_events math_events = {math_start, math_end, math_text};
	const char *path = xml_attribute(attributes, "href", &odt->value);
	const struct buf *bytes;
	struct skip ignored = {0};
	size_t len;
	char *name;

	if (!path || !odt->zip) {
		return;
	}
	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	len = strlen(path);
	while (len && path[len - 1] == '/') {
		len--;
	}
	name = mem_printf("%.*s/content.xml", (int)len, path);
	bytes = zip_entry(odt->zip, name);
	if (bytes && memmem(buf_str(bytes), bytes->len, "math", 4)) {
		xml_read(bytes, name, &math_events, odt, &ignored);
		skip_finish(&ignored);
		if (odt->in_formula) {
			markup_str(odt->markup, "[formula]"); /* it is damaged */
		}
		odt->in_formula = odt->in_notation = 0;
	}
	free(name);
}

/* ---- lists ---- */

static void declare_level(
	struct odt *odt, const char *name, const struct xml_attributes *attributes)
{
	char key[96], format[32] = "";
	int is_number = strcmp(name, "text:list-level-style-number") == 0;
	const char *value;

	if (!is_number && strcmp(name, "text:list-level-style-bullet") != 0) {
		return;
	}
	snprintf(key, sizeof(key), "%s %d", odt->list_style, xml_number(attributes, "level", 1));
	value = xml_attribute(attributes, "num-format", &odt->value);
	if (is_number && value && value[0]) {
		char style = value[0], suffix[8];
		int start = xml_number(attributes, "start-value", 1);

		value = xml_attribute(attributes, "num-suffix", &odt->value);
		copy_cut(suffix, sizeof(suffix), value ? value : "");
		snprintf(format, sizeof(format), "%c%d %s", style, start, suffix);
	}
	xml_map_add(&odt->levels, key, format);
}

static void begin_list(struct odt *odt, const struct xml_attributes *attributes)
{
	const char *style = xml_attribute(attributes, "style-name", &odt->value);

	markup_list_begin(odt->markup);
	if (odt->n_list < MAX_LISTS) {
		struct odt_list *list = &odt->list[odt->n_list];

		*list = (struct odt_list){0};
		if (style) {
			snprintf(list->style, sizeof(list->style), "%s", style);
		} else if (odt->n_list) {
			*list = odt->list[odt->n_list - 1];
			list->next = 0;
		}
	}
	odt->n_list++;
}

static void begin_item(struct odt *odt, const struct xml_attributes *attributes)
{
	struct odt_list *list =
		odt->n_list && odt->n_list <= MAX_LISTS ? &odt->list[odt->n_list - 1] : NULL;
	struct buf marker = BUF_INIT;
	const char *format = NULL;
	char key[96], *rest;

	if (list) {
		snprintf(key, sizeof(key), "%s %d", list->style, odt->n_list);
		format = xml_map_find(&odt->levels, key);
	}
	if (format && format[0]) {
		int start = (int)strtol(format + 1, &rest, 10);

		list->next = xml_number(attributes, "start-value", list->next ? list->next : start);
		html_number(&marker, list->next, format[0]);
		buf_addstr(&marker, rest[0] ? rest + 1 : "");
		list->next++;
	}
	markup_item_begin(odt->markup, marker.len ? marker.data : "-");
	buf_finish(&marker);
}

/* ---- headings ---- */

static void declare_heading(struct odt *odt, const struct xml_attributes *attributes)
{
	int level = xml_number(attributes, "level", 0);
	const char *value;
	struct odt_outline *own;

	if (level < 1 || level > MAX_LEVEL) {
		return;
	}
	own = &odt->outline[level - 1];
	value = xml_attribute(attributes, "num-format", &odt->value);
	own->format = (char)(value ? value[0] : 0);
	own->start = xml_number(attributes, "start-value", 1);
	own->shown_levels = xml_number(attributes, "display-levels", 1);
	value = xml_attribute(attributes, "num-suffix", &odt->value);
	copy_cut(own->suffix, sizeof(own->suffix), value ? value : "");
}

/* "2.1 " in front of the heading's own words. */
static void write_heading_number(struct odt *odt, int level)
{
	struct odt_outline *own = &odt->outline[level - 1];
	struct buf marker = BUF_INIT;
	int first;

	for (int i = level; i < MAX_LEVEL; i++) {
		odt->outline[i].next = 0;
	}
	own->next = (own->next ? own->next : own->start) + 1;
	first = own->shown_levels > 0 && own->shown_levels <= level ? level - own->shown_levels
								    : level - 1;
	for (int i = first; own->format && i < level; i++) {
		const struct odt_outline *at = &odt->outline[i];

		if (at->format) {
			buf_addstr(&marker, marker.len ? "." : "");
			html_number(&marker, at->next ? at->next - 1 : at->start, at->format);
		}
	}
	if (marker.len) {
		buf_printf(&marker, "%s ", own->suffix);
		markup_str(odt->markup, marker.data);
	}
	buf_finish(&marker);
}

static void begin_heading(struct odt *odt, const struct xml_attributes *attributes)
{
	int level = xml_number(attributes, "outline-level", 1);
	const char *unnumbered = xml_attribute(attributes, "is-list-header", &odt->value);

	markup_heading_begin(odt->markup, level);
	if (level >= 1 && level <= MAX_LEVEL && !(unnumbered && strcmp(unnumbered, "true") == 0)) {
		write_heading_number(odt, level);
	}
	odt->in_paragraph++;
}

/* ---- notes ---- */

static void begin_annotation(struct odt *odt)
{
	char label[32];

	snprintf(label, sizeof(label), "%c%d", ANNOTATION_PREFIX, ++odt->n_annotation);
	markup_note_begin(odt->markup, label);
}

/* ---- events ---- */

static int table_start(struct odt *odt, const char *name, const struct xml_attributes *attributes)
{
	struct markup_cell cell = {odt->is_header_row, 1, 1};
	int columns, rows;

	if (strcmp(name, "table:table") == 0) {
		markup_table_begin(odt->markup);
	} else if (strcmp(name, "table:table-header-rows") == 0) {
		odt->is_header_row = 1;
	} else if (strcmp(name, "table:table-row") == 0) {
		markup_row_begin(odt->markup);
	} else if (strcmp(name, "table:table-cell") == 0) {
		columns = xml_number(attributes, "number-columns-spanned", 1);
		rows = xml_number(attributes, "number-rows-spanned", 1);
		cell.columns = columns > 0 ? (unsigned)columns : 1;
		cell.rows = rows > 0 ? (unsigned)rows : 1;
		markup_cell_begin(odt->markup, &cell);
	} else {
		return 0;
	}
	return 1;
}

static void inline_start(struct odt *odt, const char *name, const struct xml_attributes *attributes)
{
	if (strcmp(name, "text:s") == 0 || strcmp(name, "text:tab") == 0) {
		markup_str(odt->markup, " ");
	} else if (strcmp(name, "text:line-break") == 0) {
		markup_line_break(odt->markup);
	} else if (strcmp(name, "text:a") == 0) {
		const char *target = xml_attribute(attributes, "href", &odt->value);

		markup_link_begin(odt->markup, target ? target : "");
	} else if (strcmp(name, "text:span") == 0) {
		begin_span(odt, attributes);
	} else if (strcmp(name, "draw:object") == 0) {
		write_object(odt, attributes);
	} else if (strcmp(name, "text:note-citation") == 0) {
		buf_clear(&odt->label);
		odt->in_citation = 1;
	} else if (strcmp(name, "text:note-body") == 0) {
		markup_note_begin(odt->markup, buf_str(&odt->label));
	} else if (strcmp(name, "office:annotation") == 0) {
		begin_annotation(odt);
	} else if (strcmp(name, "text:ruby-text") == 0) {
		markup_str(odt->markup, "(");
	} else if (strcmp(name, "svg:desc") == 0) {
		markup_str(odt->markup, "[");
	}
}

static void start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct odt *odt = arg;

	if (odt->left_out || is_left_out(name)) {
		odt->left_out += is_left_out(name);
	} else if (strcmp(name, "text:list-style") == 0) {
		const char *style = xml_attribute(attributes, "name", &odt->value);

		snprintf(odt->list_style, sizeof(odt->list_style), "%s", style ? style : "");
	} else if (strcmp(name, "office:body") == 0 ||
		   (odt->is_running && strcmp(name, "office:master-styles") == 0)) {
		odt->in_body = 1;
	} else if (!odt->in_body && strcmp(name, "text:outline-level-style") == 0) {
		declare_heading(odt, attributes);
	} else if (!odt->in_body) {
		declare_level(odt, name, attributes);
		declare_run(odt, name, attributes);
	} else if (formula_start(odt, name)) {
		return;
	} else if (strcmp(name, "text:h") == 0) {
		begin_heading(odt, attributes);
	} else if (strcmp(name, "text:p") == 0) {
		markup_block(odt->markup);
		odt->in_paragraph++;
	} else if (strcmp(name, "text:list") == 0) {
		begin_list(odt, attributes);
	} else if (strcmp(name, "text:list-item") == 0) {
		begin_item(odt, attributes);
	} else if (!table_start(odt, name, attributes)) {
		inline_start(odt, name, attributes);
	}
}

static void inline_end(struct odt *odt, const char *name)
{
	if (strcmp(name, "text:span") == 0) {
		end_span(odt);
	} else if (strcmp(name, "text:a") == 0) {
		markup_link_end(odt->markup);
	} else if (strcmp(name, "text:note-citation") == 0) {
		odt->in_citation = 0;
	} else if (strcmp(name, "text:note-body") == 0 || strcmp(name, "office:annotation") == 0) {
		markup_note_end(odt->markup);
	} else if (strcmp(name, "text:ruby-text") == 0) {
		markup_str(odt->markup, ")");
	} else if (strcmp(name, "svg:desc") == 0) {
		markup_str(odt->markup, "]");
	} else if (strcmp(name, "dc:creator") == 0) {
		markup_str(odt->markup, ": ");
	} else if (strcmp(name, "dc:date") == 0) {
		markup_str(odt->markup, " ");
	}
}

static void end(void *arg, const char *name)
{
	struct odt *odt = arg;

	if (odt->left_out) {
		odt->left_out -= is_left_out(name);
	} else if (!odt->in_body) {
		end_declaration(odt, name);
	} else if (formula_end(odt, name)) {
		return;
	} else if (strcmp(name, "office:body") == 0 || strcmp(name, "office:master-styles") == 0) {
		odt->in_body = 0;
	} else if (strcmp(name, "text:h") == 0) {
		markup_heading_end(odt->markup);
		odt->in_paragraph--;
	} else if (strcmp(name, "text:p") == 0) {
		markup_block(odt->markup);
		odt->in_paragraph--;
	} else if (strcmp(name, "text:list") == 0) {
		markup_list_end(odt->markup);
		odt->n_list--;
	} else if (strcmp(name, "text:list-item") == 0) {
		markup_item_end(odt->markup);
	} else if (strcmp(name, "table:table") == 0) {
		markup_table_end(odt->markup);
	} else if (strcmp(name, "table:table-header-rows") == 0) {
		odt->is_header_row = 0;
	} else if (strcmp(name, "table:table-row") == 0) {
		markup_row_end(odt->markup);
	} else if (strcmp(name, "table:table-cell") == 0) {
		markup_cell_end(odt->markup);
	} else {
		inline_end(odt, name);
	}
}

/* White space between paragraphs is the file's layout; between the words of one it counts. */
static void text(void *arg, const char *bytes, size_t len)
{
	struct odt *odt = arg;

	if (odt->left_out || !odt->in_body) {
		return;
	}
	if (odt->in_formula) {
		notation_text(odt, bytes, len);
	} else if (odt->in_citation) {
		buf_add(&odt->label, bytes, len);
	} else if (odt->in_paragraph) {
		markup_text(odt->markup, bytes, len);
	}
}

/* ---- the loader ---- */

static const struct xml_events events = {start, end, text};

/* The text styles that content.xml builds upon. */
static void common_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	declare_run(arg, name, attributes);
}

static void common_end(void *arg, const char *name)
{
	end_declaration(arg, name);
}

static void common_text(void *arg, const char *bytes, size_t len)
{
}

static int is_wanted(const char *name)
{
	static const char *const object[] = {"/content.xml", NULL};

	return strcmp(name, "content.xml") == 0 || zip_name_ends(name, object) ||
	       strcmp(name, "styles.xml") == 0 || strcmp(name, "META-INF/manifest.xml") == 0;
}

static const struct xml_events common_events = {common_start, common_end, common_text};

static int write_zip(struct odt *odt, const struct zip *zip, struct skip *skip)
{
	const struct buf *content = zip_entry(zip, "content.xml");
	const struct buf *styles = zip_entry(zip, "styles.xml");
	const struct buf *manifest = zip_entry(zip, "META-INF/manifest.xml");

	if (manifest && strstr(buf_str(manifest), "encryption-data")) {
		return skip_set(
			skip, SKIP_UNREADABLE, "is encrypted: give a copy without a password");
	}
	if (!content) {
		return skip_set(skip, SKIP_UNREADABLE, "is damaged: content.xml is missing");
	}
	/* What lists with a name of their own look like stands there; later, what runs along pages. */
	if (styles && xml_read(styles, "styles.xml", &events, odt, skip) < 0) {
		return -1;
	}
	odt->zip = zip;
	if (styles && xml_read(styles, "styles.xml", &common_events, odt, skip) < 0) {
		return -1;
	}
	if (xml_read(content, "content.xml", &events, odt, skip) < 0) {
		return -1;
	}
	xml_map_finish(&odt->runs); /* styles.xml has its own styles of the same names */
	odt->is_running = 1;
	odt->in_body = 0;
	markup_block(odt->markup);
	return styles ? xml_read(styles, "styles.xml", &events, odt, skip) : 0;
}

static int is_flat(const struct input *input)
{
	enum { PROBE_BYTES = 4096 };
	size_t len = input->len < PROBE_BYTES ? input->len : PROBE_BYTES;
	static const char type[] = "application/vnd.oasis.opendocument.text";
	static const char root[] = "<office:document";

	return memmem(input->data, len, root, sizeof(root) - 1) &&
	       memmem(input->data, len, type, sizeof(type) - 1);
}

static int odt_probe(const struct input *input)
{
	static const char *const extension[] = {"odt", "ott", NULL};

	if (zip_has_mimetype(input, "application/vnd.oasis.opendocument.text")) {
		return 3;
	}
	if (zip_probe(input)) {
		return format_has_extension(input, extension) ? 2 : 0;
	}
	return is_flat(input) ? 3 : 0;
}

static int odt_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct odt odt = {.markup = markup_create()};
	struct zip *zip = NULL;
	int status;

	if (zip_probe(input)) {
		status = zip_open(&zip, input, is_wanted, skip);
		if (status == 0) {
			status = write_zip(&odt, zip, skip);
		}
	} else {
		struct buf bytes = {.data = (char *)input->data, .len = input->len};

		status = xml_read(&bytes, "its XML", &events, &odt, skip);
	}
	if (status == 0) {
		status = markup_reader(reader, odt.markup, skip);
	} else {
		markup_destroy(odt.markup);
	}
	zip_close(zip);
	buf_finish(&odt.value);
	buf_finish(&odt.label);
	buf_finish(&odt.run_style);
	buf_finish(&odt.run_parent);
	buf_finish(&odt.formula);
	xml_map_finish(&odt.runs);
	xml_map_finish(&odt.levels);
	return status;
}

const struct loader loader_odt = {
	.name = "odt",
	.has_library = 1,
	.probe = odt_probe,
	.open = odt_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
