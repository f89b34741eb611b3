/*
 * DOCX (and DOCM): word/document.xml through the writer. Tracked insertions are kept, deletions left out;
 * field codes are left out, their results kept; footnotes, endnotes and comments stand behind the
 * paragraph that refers to them; headers and footers stand at the end, each once. Hidden text is
 * left out, which is said.
 */
#include "loaders/format/docx_parts.h"
#include "loaders/format/format.h"
#include "loaders/format/markup.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct docx {
	struct docx_parts parts;
	struct markup *markup;
	struct buf value, style, marker, field;
	int is_text;    /* in w:t */
	int in_field;   /* in w:instrText */
	int left_out;   /* elements that are, one in another */
	int box_depth;  /* text boxes: paragraphs in a paragraph */
	int list_depth; /* lists that are open for the writer */
	int is_begun;   /* the paragraph's first words may come */
	int is_heading;
	int heading, number, level; /* what the paragraph says itself; -1: nothing */
	int n_note, n_end, n_comment;
	struct markup_cell cell;
	int has_cell; /* it was begun for the writer */
	int is_full;  /* notes and links that are referred to again and again pass the limit */
	int is_link;
	struct buf run_style;
	struct docx_run run;
	int run_begun; /* what its properties say is known */
	size_t hidden_bytes;
};

/* ---- paragraphs ---- */

static void close_lists(struct docx *docx, int depth)
{
	for (; docx->list_depth > depth; docx->list_depth--) {
		markup_list_end(docx->markup);
	}
}

static void begin_item(struct docx *docx, int level)
{
	close_lists(docx, level + 1);
	if (docx->list_depth == level + 1) {
		markup_item_end(docx->markup);
	}
	for (; docx->list_depth < level + 1; docx->list_depth++) {
		markup_list_begin(docx->markup);
	}
	markup_item_begin(docx->markup, docx->marker.data);
}

static void begin_paragraph(struct docx *docx)
{
	const char *style = docx->style.len ? docx->style.data : NULL;
	int heading = docx->heading >= 0 ? docx->heading : docx_style_heading(&docx->parts, style);
	int level = docx->level, number = docx->number;

	if (docx->is_begun) {
		return;
	}
	docx->is_begun = 1;
	if (number < 0) {
		int style_level = 0;

		number = docx_style_number(&docx->parts, style, &style_level);
		level = level >= 0 ? level : style_level;
	}
	buf_clear(&docx->marker);
	if (number > 0) {
		docx_next_marker(&docx->parts, number, level < 0 ? 0 : level, &docx->marker);
	}
	if (docx->box_depth) {
		markup_block(docx->markup);
		return;
	}
	if (number > 0 && docx->marker.len && !heading) {
		begin_item(docx, level < 0 ? 0 : level < DOCX_LEVELS ? level : DOCX_LEVELS - 1);
		return;
	}
	close_lists(docx, 0);
	markup_block(docx->markup);
	if (heading) {
		markup_heading_begin(docx->markup, heading);
		docx->is_heading = 1;
		if (docx->marker.len && docx->marker.data[0] != '-') {
			markup_str(docx->markup, docx->marker.data);
			markup_str(docx->markup, " ");
		}
	}
}

static void start_paragraph(struct docx *docx)
{
	buf_clear(&docx->style);
	docx->heading = docx->number = docx->level = -1;
	docx->is_begun = 0;
}

static void end_paragraph(struct docx *docx)
{
	begin_paragraph(docx);
	if (docx->is_heading && !docx->box_depth) {
		markup_heading_end(docx->markup);
		docx->is_heading = 0;
	} else if (!docx->list_depth) {
		markup_block(docx->markup);
	}
}

static void paragraph_property(
	struct docx *docx, const char *name, const struct xml_attributes *attributes)
{
	if (strcmp(name, "w:pStyle") == 0) {
		xml_attribute(attributes, "val", &docx->style);
	} else if (strcmp(name, "w:outlineLvl") == 0) {
		int level = xml_number(attributes, "val", 9);

		docx->heading = level < 9 ? level + 1 : 0;
	} else if (strcmp(name, "w:numId") == 0) {
		docx->number = xml_number(attributes, "val", 0);
	} else if (strcmp(name, "w:ilvl") == 0) {
		docx->level = xml_number(attributes, "val", 0);
	}
}

/* ---- tables ---- */

static void begin_cell(struct docx *docx)
{
	if (!docx->has_cell) {
		docx->has_cell = 1;
		markup_cell_begin(docx->markup, &docx->cell);
	}
}

/* Whether the name was one of a table's. */
static int table_start(struct docx *docx, const char *name, const struct xml_attributes *attributes)
{
	if (strcmp(name, "w:tbl") == 0) {
		close_lists(docx, 0);
		docx->has_cell = 1;
		markup_table_begin(docx->markup);
	} else if (strcmp(name, "w:tr") == 0) {
		docx->cell.is_header = 0;
		markup_row_begin(docx->markup);
	} else if (strcmp(name, "w:tblHeader") == 0) {
		docx->cell.is_header = 1;
	} else if (strcmp(name, "w:tc") == 0) {
		docx->cell.columns = 1;
		docx->has_cell = 0;
	} else if (strcmp(name, "w:gridSpan") == 0) {
		int columns = xml_number(attributes, "val", 1);

		docx->cell.columns = columns > 0 ? (unsigned)columns : 1;
	} else {
		return 0;
	}
	return 1;
}

static void table_end(struct docx *docx, const char *name)
{
	if (strcmp(name, "w:tbl") == 0) {
		close_lists(docx, 0);
		markup_table_end(docx->markup);
	} else if (strcmp(name, "w:tr") == 0) {
		markup_row_end(docx->markup);
	} else if (strcmp(name, "w:tc") == 0) {
		close_lists(docx, 0);
		begin_cell(docx);
		markup_cell_end(docx->markup);
	}
}

/* ---- runs ---- */

static void start_run(struct docx *docx)
{
	buf_clear(&docx->run_style);
	docx->run = DOCX_RUN_UNSAID;
	docx->run_begun = 0;
}

/* Its properties stand before all else in a run. */
static void begin_run(struct docx *docx)
{
	if (!docx->run_begun) {
		docx->run_begun = 1;
		docx_run_resolve(&docx->parts, docx->run_style.len ? docx->run_style.data : NULL,
			&docx->run);
		markup_script(docx->markup, (char)docx->run.script);
		markup_struck(docx->markup, docx->run.is_struck);
	}
}

static void end_run(struct docx *docx)
{
	start_run(docx);
	begin_run(docx);
}

static void write_note(struct docx *docx, struct xml_map *notes, const char *prefix, int *n,
	const struct xml_attributes *attributes)
{
	const char *id = xml_attribute(attributes, "id", &docx->value);
	const char *text = id ? xml_map_find(notes, id) : NULL;
	char *label;

	if (text) {
		label = mem_printf("%s%d", prefix, ++*n);
		markup_note_begin(docx->markup, label);
		markup_str(docx->markup, text);
		markup_note_end(docx->markup);
		free(label);
	}
}

static void write_symbol(struct docx *docx, const struct xml_attributes *attributes)
{
	const char *hex = xml_attribute(attributes, "char", &docx->value);
	unsigned long cp = hex ? strtoul(hex, NULL, 16) : 0;
	char utf8[4];

	if (cp >= 0xf000 && cp <= 0xf0ff) {
		markup_str(docx->markup, "\xe2\x80\xa2"); /* a picture of a font of symbols */
	} else if (cp >= ' ' && cp < 0xd800) {
		markup_text(docx->markup, utf8, utf8_encode((uint32_t)cp, utf8));
	}
}

/* HYPERLINK "https://..." is the only code whose argument is text. */
static void begin_field_link(struct docx *docx)
{
	const char *at = strstr(buf_str(&docx->field), "HYPERLINK \""), *end;

	end = at ? strchr(at + 11, '"') : NULL;
	if (end) {
		char *target = mem_strndup(at + 11, (size_t)(end - at) - 11);

		markup_link_begin(docx->markup, target);
		docx->is_link = 1;
		free(target);
	}
}

static void field_char(struct docx *docx, const struct xml_attributes *attributes)
{
	const char *type = xml_attribute(attributes, "fldCharType", &docx->value);

	if (!type) {
		return;
	}
	if (strcmp(type, "begin") == 0) {
		buf_clear(&docx->field);
	} else if (strcmp(type, "separate") == 0) {
		begin_field_link(docx);
	} else if (docx->is_link) {
		markup_link_end(docx->markup);
		docx->is_link = 0;
	}
}

/* What stands around a part of a formula, so that 10 to the 6 is not 106, nor a half 12. */
static void math_part(struct docx *docx, const char *name, int is_end)
{
	static const struct {
		const char *name, *before, *behind;
	} parts[] = {
		{"m:sup", "^", ""},
		{"m:sub", "_", ""},
		{"m:num", "(", ")"},
		{"m:den", "/(", ")"},
		{"m:deg", "[", "]"},
		{"m:rad", "\xe2\x88\x9a(", ")"},
		{"m:oMath", "", ""},
	};

	for (size_t i = 0; name[0] == 'm' && i < ARRAY_LEN(parts); i++) {
		if (strcmp(name, parts[i].name) == 0) {
			begin_paragraph(docx);
			end_run(docx);
			markup_str(docx->markup, is_end ? parts[i].behind : parts[i].before);
		}
	}
}

static void run_start(struct docx *docx, const char *name, const struct xml_attributes *attributes)
{
	if (strcmp(name, "w:rPr") == 0 || docx_run_property(&docx->run, name, attributes)) {
		return;
	}
	if (strcmp(name, "w:rStyle") == 0) {
		xml_attribute(attributes, "val", &docx->run_style);
		return;
	}
	if (strcmp(name, "w:t") == 0 || strcmp(name, "m:t") == 0 || strcmp(name, "w:tab") == 0 ||
		strcmp(name, "w:sym") == 0 || strcmp(name, "w:noBreakHyphen") == 0 ||
		strstr(name, "Reference")) {
		begin_run(docx);
	}
	if (strcmp(name, "w:t") == 0 || strcmp(name, "m:t") == 0) {
		docx->is_text = 1;
	} else if (strcmp(name, "w:tab") == 0 || strcmp(name, "w:ptab") == 0) {
		markup_str(docx->markup, " ");
	} else if (strcmp(name, "w:br") == 0 || strcmp(name, "w:cr") == 0) {
		markup_line_break(docx->markup);
	} else if (strcmp(name, "w:noBreakHyphen") == 0) {
		markup_str(docx->markup, "-");
	} else if (strcmp(name, "w:sym") == 0) {
		write_symbol(docx, attributes);
	} else if (strcmp(name, "w:instrText") == 0) {
		docx->in_field = 1;
	} else if (strcmp(name, "w:fldChar") == 0) {
		field_char(docx, attributes);
	} else if (strcmp(name, "w:footnoteReference") == 0) {
		write_note(docx, &docx->parts.footnotes, "", &docx->n_note, attributes);
	} else if (strcmp(name, "w:endnoteReference") == 0) {
		write_note(docx, &docx->parts.endnotes, "e", &docx->n_end, attributes);
	} else if (strcmp(name, "w:commentReference") == 0) {
		write_note(docx, &docx->parts.comments, "c", &docx->n_comment, attributes);
	} else if (strcmp(name, "wp:docPr") == 0 &&
		   xml_attribute(attributes, "descr", &docx->value) && docx->value.len) {
		markup_str(docx->markup, "[");
		markup_str(docx->markup, docx->value.data);
		markup_str(docx->markup, "]");
	}
}

/* ---- events ---- */

/* Deleted text, and the other form of what mc:Choice holds already. */
static int is_left_out(const char *name)
{
	return strcmp(name, "w:del") == 0 || strcmp(name, "w:moveFrom") == 0 ||
	       strcmp(name, "mc:Fallback") == 0 || strcmp(name, "w:pPrChange") == 0 ||
	       strcmp(name, "w:rPrChange") == 0;
}

static void start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct docx *docx = arg;

	docx->is_full |= markup_bytes(docx->markup) > LOAD_MAX_BYTES;
	if (docx->is_full) {
		return;
	}
	if (docx->left_out || is_left_out(name)) {
		docx->left_out += is_left_out(name);
		return;
	}
	if (table_start(docx, name, attributes)) {
		return;
	}
	if (strcmp(name, "w:p") == 0) {
		begin_cell(docx);
		start_paragraph(docx);
	} else if (strcmp(name, "w:r") == 0 || strcmp(name, "m:r") == 0) {
		begin_paragraph(docx);
		start_run(docx);
	} else if (strcmp(name, "w:txbxContent") == 0) {
		docx->box_depth++;
	} else if (strcmp(name, "w:hyperlink") == 0) {
		const char *id = xml_attribute(attributes, "id", &docx->value);
		const char *target = id ? xml_map_find(&docx->parts.links, id) : NULL;

		begin_paragraph(docx);
		end_run(docx);
		markup_link_begin(docx->markup, target ? target : "");
	} else if (!docx->is_begun) {
		paragraph_property(docx, name, attributes);
		math_part(docx, name, 0);
		run_start(docx, name[0] == 'm' ? name : "", attributes);
	} else {
		math_part(docx, name, 0);
		run_start(docx, name, attributes);
	}
}

static void end(void *arg, const char *name)
{
	struct docx *docx = arg;

	docx->is_text = docx->in_field = 0;
	if (docx->is_full) {
		return;
	}
	if (docx->left_out) {
		docx->left_out -= is_left_out(name);
		return;
	}
	math_part(docx, name, 1);
	if (strcmp(name, "w:p") == 0) {
		end_run(docx);
		end_paragraph(docx);
	} else if (strcmp(name, "w:txbxContent") == 0) {
		docx->box_depth--;
		markup_block(docx->markup);
		docx->is_begun = 1;
	} else if (strcmp(name, "w:hyperlink") == 0) {
		end_run(docx);
		markup_link_end(docx->markup);
	} else {
		table_end(docx, name);
	}
}

static void text(void *arg, const char *bytes, size_t len)
{
	struct docx *docx = arg;

	if (docx->left_out || docx->is_full) {
		return;
	}
	if (docx->in_field) {
		buf_add(&docx->field, bytes, len);
	} else if (docx->is_text && docx->run.is_hidden > 0) {
		docx->hidden_bytes += len;
	} else if (docx->is_text) {
		begin_paragraph(docx);
		markup_text(docx->markup, bytes, len);
	}
}

/* ---- the loader ---- */

static int is_wanted(const char *name)
{
	static const char *const ending[] = {".xml", ".xml.rels", NULL};

	return strncmp(name, "word/", 5) == 0 && zip_name_ends(name, ending);
}

static int docx_probe(const struct input *input)
{
	static const char *const extension[] = {"docx", "docm", "dotx", "dotm", NULL};

	if (!zip_probe(input)) {
		return 0;
	}
	if (zip_lists(input, "word/document.xml")) {
		return 3;
	}
	return format_has_extension(input, extension) ? 2 : 0;
}

static int write_document(struct docx *docx, const struct zip *zip, struct skip *skip)
{
	static const struct xml_events events = {start, end, text};
	static const char name[] = "word/document.xml";
	const struct buf *bytes = zip_entry(zip, name);

	if (!bytes) {
		return skip_set(skip, SKIP_UNREADABLE, "is damaged: %s is missing", name);
	}
	docx->has_cell = 1;
	if (docx_parts_read(&docx->parts, zip, skip) < 0 ||
		xml_read(bytes, name, &events, docx, skip) < 0) {
		return -1;
	}
	if (docx->is_full) {
		return skip_set(skip, SKIP_UNREADABLE, "holds more text than the limit");
	}
	close_lists(docx, 0);
	for (size_t at = 0; at < docx->parts.running.len;) {
		const char *line = docx->parts.running.data + at;
		size_t len = strcspn(line, "\n");

		markup_block(docx->markup);
		markup_text(docx->markup, line, len);
		at += len + 1;
	}
	return 0;
}

static int docx_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct docx docx = {.markup = markup_create()};
	struct zip *zip = NULL;
	int status = zip_open(&zip, input, is_wanted, skip);

	if (status == 0) {
		status = write_document(&docx, zip, skip);
	}
	if (status == 0) {
		status = markup_reader(reader, docx.markup, skip);
		docx.hidden_bytes += docx.parts.hidden_bytes;
		if (status == 0 && docx.hidden_bytes) {
			skip_set(whole_reader_leave_out((struct whole_reader *)*reader), SKIP_RULE,
				"holds %zu bytes of hidden text, which was left out",
				docx.hidden_bytes);
		}
	} else {
		markup_destroy(docx.markup);
	}
	zip_close(zip);
	docx_parts_finish(&docx.parts);
	buf_finish(&docx.value);
	buf_finish(&docx.style);
	buf_finish(&docx.marker);
	buf_finish(&docx.field);
	buf_finish(&docx.run_style);
	return status;
}

const struct loader loader_docx = {
	.name = "docx",
	.has_library = 1,
	.probe = docx_probe,
	.open = docx_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
