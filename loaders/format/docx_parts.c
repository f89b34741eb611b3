/* styles.xml, numbering.xml, relations, notes, headers and footers of a DOCX. */
#include "loaders/format/docx_parts.h"
#include "loaders/format/html.h"
#include "loaders/format/markup.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is being read of one part. */
struct part_reader {
	struct docx_parts *parts;
	struct buf value, text;
	struct xml_map *notes;
	struct buf id, author;
	int level; /* of a list, -1 outside; of notes: whether this is text */
	int override_level;
	int depth_left_out;
	struct docx_run run, last; /* of notes: the run, and what the last text stood as */
};

static int heading_of_name(const char *name)
{
	if (strncasecmp(name, "heading ", 8) == 0 && isdigit((unsigned char)name[8])) {
		return atoi(name + 8);
	}
	return strcasecmp(name, "title") == 0 ? 1 : -1;
}

/* ---- relations ---- */

static void relation_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct part_reader *reader = arg;

	if (strcmp(name, "Relationship") == 0 && xml_attribute(attributes, "Id", &reader->id) &&
		xml_attribute(attributes, "TargetMode", &reader->value) &&
		strcmp(reader->value.data, "External") == 0 &&
		xml_attribute(attributes, "Target", &reader->value)) {
		xml_map_add(&reader->parts->links, reader->id.data, buf_str(&reader->value));
	}
}

/* ---- how runs stand ---- */

static int is_on(const struct xml_attributes *attributes)
{
	struct buf value = BUF_INIT;
	const char *text = xml_attribute(attributes, "val", &value);
	int on = !text ||
		 (strcmp(text, "0") != 0 && strcmp(text, "false") != 0 && strcmp(text, "off") != 0);

	buf_finish(&value);
	return on;
}

int docx_run_property(
	struct docx_run *run, const char *name, const struct xml_attributes *attributes)
{
	if (strcmp(name, "w:vertAlign") == 0) {
		struct buf value = BUF_INIT;
		const char *text = xml_attribute(attributes, "val", &value);

		run->script = !text                              ? 0
			      : strcmp(text, "superscript") == 0 ? '^'
			      : strcmp(text, "subscript") == 0   ? '_'
								 : 0;
		buf_finish(&value);
	} else if (strcmp(name, "w:strike") == 0 || strcmp(name, "w:dstrike") == 0) {
		/* one of the two is enough */
		run->is_struck = is_on(attributes) || run->is_struck > 0;
	} else if (strcmp(name, "w:vanish") == 0) {
		run->is_hidden = is_on(attributes);
	} else {
		return 0;
	}
	return 1;
}

/* ---- styles ---- */

static void style_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct part_reader *reader = arg;
	struct docx_parts *parts = reader->parts;
	struct docx_style *style = parts->n_style ? &parts->style[parts->n_style - 1] : NULL;
	const char *value;

	if (strcmp(name, "w:style") == 0) {
		value = xml_attribute(attributes, "styleId", &reader->value);
		mem_grow(parts->style, parts->n_style, parts->cap_style);
		parts->style[parts->n_style++] =
			(struct docx_style){.id = mem_strdup(value ? value : ""),
				.heading = -1,
				.number = -1,
				.run = DOCX_RUN_UNSAID};
		return;
	}
	if (!style) {
		return;
	}
	if (docx_run_property(&style->run, name, attributes)) {
		return;
	}
	value = xml_attribute(attributes, "val", &reader->value);
	if (strcmp(name, "w:name") == 0 && value && style->heading < 0) {
		style->heading = heading_of_name(value);
	} else if (strcmp(name, "w:basedOn") == 0 && value && !style->based_on) {
		style->based_on = mem_strdup(value);
	} else if (strcmp(name, "w:outlineLvl") == 0) {
		int level = xml_number(attributes, "val", 9);

		style->heading = level < 9 ? level + 1 : 0;
	} else if (strcmp(name, "w:numId") == 0) {
		style->number = xml_number(attributes, "val", -1);
	} else if (strcmp(name, "w:ilvl") == 0) {
		style->level = xml_number(attributes, "val", 0);
	}
}

static int compare_styles(const void *a, const void *b)
{
	return strcmp(((const struct docx_style *)a)->id, ((const struct docx_style *)b)->id);
}

static const struct docx_style *find_style(const struct docx_parts *parts, const char *id)
{
	struct docx_style key = {.id = (char *)id};

	return id && parts->n_style ? bsearch(&key, parts->style, parts->n_style,
					      sizeof(*parts->style), compare_styles)
				    : NULL;
}

/* Styles may be based on themselves in a circle. */
enum { MAX_STYLE_CHAIN = 16 };

int docx_style_heading(const struct docx_parts *parts, const char *id)
{
	const struct docx_style *style = find_style(parts, id);

	for (int i = 0; style && i < MAX_STYLE_CHAIN; i++) {
		if (style->heading >= 0) {
			return style->heading;
		}
		style = find_style(parts, style->based_on);
	}
	return 0;
}

int docx_style_number(const struct docx_parts *parts, const char *id, int *level)
{
	const struct docx_style *style = find_style(parts, id);

	for (int i = 0; style && i < MAX_STYLE_CHAIN; i++) {
		if (style->number >= 0) {
			*level = style->level;
			return style->number;
		}
		style = find_style(parts, style->based_on);
	}
	return 0;
}

void docx_run_resolve(const struct docx_parts *parts, const char *id, struct docx_run *run)
{
	const struct docx_style *style = find_style(parts, id);

	for (int i = 0; style && i < MAX_STYLE_CHAIN; i++) {
		run->script = run->script < 0 ? style->run.script : run->script;
		run->is_struck = run->is_struck < 0 ? style->run.is_struck : run->is_struck;
		run->is_hidden = run->is_hidden < 0 ? style->run.is_hidden : run->is_hidden;
		style = find_style(parts, style->based_on);
	}
	run->script = run->script < 0 ? 0 : run->script;
	run->is_struck = run->is_struck > 0;
	run->is_hidden = run->is_hidden > 0;
}

/* ---- numbering ---- */

static char number_format(const char *name)
{
	static const struct {
		const char *name;
		char format;
	} formats[] = {
		{"bullet", '-'},
		{"none", 0},
		{"lowerLetter", 'a'},
		{"upperLetter", 'A'},
		{"lowerRoman", 'i'},
		{"upperRoman", 'I'},
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(name, formats[i].name) == 0) {
			return formats[i].format;
		}
	}
	return '1';
}

/* A list that begins anew: another number of the same list, with a first item of its own. */
static void override_start(struct part_reader *reader, int start)
{
	struct docx_number *number = &reader->parts->number[reader->parts->n_number - 1];

	if (reader->override_level >= 0 && reader->override_level < DOCX_LEVELS) {
		number->start[reader->override_level] = start;
		number->overrides |= 1u << reader->override_level;
	}
}

static void numbering_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct part_reader *reader = arg;
	struct docx_parts *parts = reader->parts;
	struct docx_list *list = parts->n_list ? &parts->list[parts->n_list - 1] : NULL;
	struct docx_level *level;

	if (strcmp(name, "w:abstractNum") == 0) {
		mem_grow(parts->list, parts->n_list, parts->cap_list);
		parts->list[parts->n_list++] =
			(struct docx_list){.id = xml_number(attributes, "abstractNumId", -1)};
		reader->level = -1;
	} else if (strcmp(name, "w:num") == 0) {
		mem_grow(parts->number, parts->n_number, parts->cap_number);
		parts->number[parts->n_number++] =
			(struct docx_number){.id = xml_number(attributes, "numId", -1), .list = -1};
		reader->level = -1;
	} else if (strcmp(name, "w:lvlOverride") == 0 && parts->n_number) {
		reader->override_level = xml_number(attributes, "ilvl", -1);
	} else if (strcmp(name, "w:startOverride") == 0 && parts->n_number) {
		override_start(reader, xml_number(attributes, "val", 1));
	} else if (strcmp(name, "w:abstractNumId") == 0 && parts->n_number) {
		parts->number[parts->n_number - 1].list = xml_number(attributes, "val", -1);
	} else if (strcmp(name, "w:lvl") == 0) {
		reader->level = parts->n_number ? -1 : xml_number(attributes, "ilvl", -1);
	}
	if (!list || reader->level < 0 || reader->level >= DOCX_LEVELS) {
		return;
	}
	level = &list->level[reader->level];
	if (strcmp(name, "w:lvl") == 0) {
		free(level->text);
		*level = (struct docx_level){.format = '1', .start = 1, .is_known = 1};
	} else if (strcmp(name, "w:start") == 0) {
		level->start = xml_number(attributes, "val", 1);
	} else if (strcmp(name, "w:numFmt") == 0 &&
		   xml_attribute(attributes, "val", &reader->value)) {
		level->format = number_format(reader->value.data);
	} else if (strcmp(name, "w:lvlText") == 0 && !level->text &&
		   xml_attribute(attributes, "val", &reader->value)) {
		level->text = mem_strdup(buf_str(&reader->value));
	}
}

static int compare_ids(const void *a, const void *b)
{
	/* `id` is what lists and numbers begin with */
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static struct docx_number *find_number(struct docx_parts *parts, int number)
{
	return parts->n_number ? bsearch(&number, parts->number, parts->n_number,
					 sizeof(*parts->number), compare_ids)
			       : NULL;
}

static struct docx_list *find_list(struct docx_parts *parts, const struct docx_number *found)
{
	return found && parts->n_list ? bsearch(&found->list, parts->list, parts->n_list,
						sizeof(*parts->list), compare_ids)
				      : NULL;
}

void docx_next_marker(struct docx_parts *parts, int number, int level, struct buf *marker)
{
	struct docx_number *used = find_number(parts, number);
	struct docx_list *list = find_list(parts, used);
	const struct docx_level *own;

	if (!list || level < 0 || level >= DOCX_LEVELS) {
		buf_addstr(marker, "-");
		return;
	}
	own = &list->level[level];
	list->next[level] = list->next[level] ? list->next[level] + 1 : own->start;
	if (used->overrides & 1u << level) {
		list->next[level] = used->start[level];
		used->overrides &= ~(1u << level); /* its first item only */
	}
	for (int i = level + 1; i < DOCX_LEVELS; i++) {
		list->next[i] = 0;
	}
	if (own->format == '-') {
		buf_addstr(marker, "-");
	}
	if (own->format == '-' || !own->format) {
		return;
	}
	for (const char *at = own->text ? own->text : ""; *at; at++) {
		int of = at[0] == '%' && at[1] >= '1' && at[1] <= '9' ? at[1] - '1' : -1;

		if (of < 0) {
			buf_addch(marker, *at);
			continue;
		}
		at++;
		html_number(marker, list->next[of] ? list->next[of] : list->level[of].start,
			list->level[of].format);
	}
}

/* ---- notes, headers and footers: their text, a space between paragraphs ---- */

static int is_left_out(const char *name)
{
	return strcmp(name, "w:moveFrom") == 0 || strcmp(name, "mc:Fallback") == 0 ||
	       strcmp(name, "w:rPrChange") == 0 || strcmp(name, "w:pPr") == 0;
}

static void notes_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct part_reader *reader = arg;

	reader->depth_left_out += is_left_out(name);
	if (strcmp(name, "w:r") == 0) {
		reader->run = DOCX_RUN_UNSAID;
	} else if (!reader->depth_left_out) {
		docx_run_property(&reader->run, name, attributes);
	}
	if (strcmp(name, "w:footnote") == 0 || strcmp(name, "w:endnote") == 0 ||
		strcmp(name, "w:comment") == 0) {
		buf_clear(&reader->text);
		xml_attribute(attributes, "id", &reader->id);
		if (name[2] == 'c' && xml_attribute(attributes, "author", &reader->author) &&
			reader->author.len) {
			buf_printf(&reader->text, "%s: ", reader->author.data);
		}
	}
	reader->level = strcmp(name, "w:t") == 0 && !reader->depth_left_out;
}

static void notes_end(void *arg, const char *name)
{
	struct part_reader *reader = arg;

	reader->level = 0;
	reader->depth_left_out -= is_left_out(name);
	if (strcmp(name, "w:p") == 0 || strcmp(name, "w:tab") == 0 || strcmp(name, "w:br") == 0) {
		buf_addch(&reader->text, ' ');
	} else if (reader->notes &&
		   (strcmp(name, "w:footnote") == 0 || strcmp(name, "w:endnote") == 0 ||
			   strcmp(name, "w:comment") == 0)) {
		xml_map_add(reader->notes, buf_str(&reader->id), buf_str(&reader->text));
	}
}

static void notes_text(void *arg, const char *text, size_t len)
{
	struct part_reader *reader = arg;

	struct buf *out = &reader->text;
	unsigned char last = out->len ? (unsigned char)out->data[out->len - 1] : ' ';

	if (!reader->level) {
		return;
	}
	if (reader->run.is_hidden > 0) {
		reader->parts->hidden_bytes += len;
		return;
	}
	if (last > ' ' && reader->run.script > 0 && reader->last.script != reader->run.script &&
		markup_script_counts((char)reader->run.script, last, (unsigned char)text[0])) {
		buf_addch(out, (char)reader->run.script);
	}
	if (reader->run.is_struck > 0) {
		buf_printf(out, "~~%.*s~~", (int)len, text);
	} else {
		buf_add(out, text, len);
	}
	reader->last = reader->run;
}

static void ignore_end(void *arg, const char *name)
{
}

static void ignore_text(void *arg, const char *text, size_t len)
{
}

static int read_part(struct part_reader *reader, const struct zip *zip, const char *name,
	void (*start)(void *, const char *, const struct xml_attributes *), struct skip *skip)
{
	struct xml_events events = {start, ignore_end, ignore_text};
	const struct buf *bytes = zip_entry(zip, name);

	if (start == notes_start) {
		events = (struct xml_events){notes_start, notes_end, notes_text};
	}
	reader->level = start == notes_start ? 0 : -1;
	reader->depth_left_out = 0;
	return bytes ? xml_read(bytes, name, &events, reader, skip) : 0;
}

/* Each text that runs along the pages, once. */
static void add_running(struct part_reader *reader)
{
	struct buf *running = &reader->parts->running, line = BUF_INIT;
	const char *text = buf_str(&reader->text);

	for (; *text; text++) {
		int is_space = isspace((unsigned char)*text) != 0;

		if (!is_space || (line.len && line.data[line.len - 1] != ' ')) {
			buf_addch(&line, is_space ? ' ' : *text);
		}
	}
	while (line.len && line.data[line.len - 1] == ' ') {
		line.len--;
	}
	if (line.len) {
		buf_addch(&line, '\n');
		if (!strstr(buf_str(running), line.data)) {
			buf_add(running, line.data, line.len);
		}
	}
	buf_finish(&line);
}

static int read_running(struct part_reader *reader, const struct zip *zip, struct skip *skip)
{
	enum { MAX_RUNNING = 100 };
	const char *name;
	int n = 0;

	reader->notes = NULL;
	for (size_t i = 0; (name = zip_name(zip, i)); i++) {
		if ((strncmp(name, "word/header", 11) == 0 ||
			    strncmp(name, "word/footer", 11) == 0) &&
			n++ < MAX_RUNNING) {
			buf_clear(&reader->text);
			if (read_part(reader, zip, name, notes_start, skip) < 0) {
				return -1;
			}
			add_running(reader);
		}
	}
	return 0;
}

int docx_parts_read(struct docx_parts *parts, const struct zip *zip, struct skip *skip)
{
	struct part_reader reader = {.parts = parts};
	const struct {
		const char *name;
		struct xml_map *notes;
	} notes[] = {
		{"word/footnotes.xml", &parts->footnotes},
		{"word/endnotes.xml", &parts->endnotes},
		{"word/comments.xml", &parts->comments},
	};
	int status = read_part(&reader, zip, "word/_rels/document.xml.rels", relation_start, skip);

	if (status == 0) {
		status = read_part(&reader, zip, "word/styles.xml", style_start, skip);
	}
	if (status == 0) {
		status = read_part(&reader, zip, "word/numbering.xml", numbering_start, skip);
	}
	for (size_t i = 0; i < ARRAY_LEN(notes) && status == 0; i++) {
		reader.notes = notes[i].notes;
		status = read_part(&reader, zip, notes[i].name, notes_start, skip);
	}
	if (status == 0) {
		status = read_running(&reader, zip, skip);
	}
	if (parts->n_style) {
		qsort(parts->style, parts->n_style, sizeof(*parts->style), compare_styles);
	}
	if (parts->n_list) {
		qsort(parts->list, parts->n_list, sizeof(*parts->list), compare_ids);
	}
	if (parts->n_number) {
		qsort(parts->number, parts->n_number, sizeof(*parts->number), compare_ids);
	}
	buf_finish(&reader.value);
	buf_finish(&reader.text);
	buf_finish(&reader.id);
	buf_finish(&reader.author);
	return status;
}

void docx_parts_finish(struct docx_parts *parts)
{
	xml_map_finish(&parts->links);
	xml_map_finish(&parts->footnotes);
	xml_map_finish(&parts->endnotes);
	xml_map_finish(&parts->comments);
	for (size_t i = 0; i < parts->n_style; i++) {
		free(parts->style[i].id);
		free(parts->style[i].based_on);
	}
	free(parts->style);
	for (size_t i = 0; i < parts->n_list; i++) {
		for (int level = 0; level < DOCX_LEVELS; level++) {
			free(parts->list[i].level[level].text);
		}
	}
	free(parts->list);
	free(parts->number);
	buf_finish(&parts->running);
}
