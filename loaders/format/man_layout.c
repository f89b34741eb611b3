#include "loaders/format/man_layout.h"

#include <string.h>

enum { DEEPEST_INDENT = 60 };

void man_layout_begin(struct man_layout *layout, struct document *outline)
{
	*layout = (struct man_layout){.outline = outline, .is_filling = 1, .indent = MAN_INDENT};
}

void man_layout_finish(struct man_layout *layout)
{
	buf_finish(&layout->text);
	buf_finish(&layout->line);
	buf_finish(&layout->word);
}

int man_columns(const char *text, size_t len)
{
	int columns = 0;

	for (size_t i = 0; i < len; i++) {
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return columns;
}

static int indent_of(const struct man_layout *layout)
{
	return layout->indent < 0                ? 0
	       : layout->indent > DEEPEST_INDENT ? DEEPEST_INDENT
						 : layout->indent;
}

static void put_line(struct man_layout *layout, const struct buf *line)
{
	size_t len = line->len;

	while (len && (line->data[len - 1] == ' ' || line->data[len - 1] == MAN_FIXED_SPACE)) {
		len--;
	}
	if (layout->wants_blank && layout->text.len) {
		buf_addch(&layout->text, '\n');
		layout->n_line++;
	}
	layout->wants_blank = layout->is_headed = 0;
	for (size_t i = 0; i < len; i++) {
		buf_addch(&layout->text, line->data[i] == MAN_FIXED_SPACE ? ' ' : line->data[i]);
	}
	buf_addch(&layout->text, '\n');
	layout->n_line++;
}

static void flush_line(struct man_layout *layout)
{
	if (layout->has_line) {
		put_line(layout, &layout->line);
	}
	buf_clear(&layout->line);
	layout->has_line = 0;
	layout->joined = 0;
}

static void begin_line(struct man_layout *layout)
{
	if (!layout->has_line) {
		layout->has_line = 1;
		layout->joined = 1;
		for (int i = indent_of(layout); i > 0; i--) {
			buf_addch(&layout->line, ' ');
		}
		layout->line_columns = indent_of(layout);
	}
}

/* The word is complete: it goes onto the line, or onto the next. */
static void flush_word(struct man_layout *layout)
{
	int columns = man_columns(buf_str(&layout->word), layout->word.len);

	if (!layout->word.len) {
		return;
	}
	if (layout->is_filling && layout->has_line && !layout->joined &&
		layout->line_columns + 1 + columns > MAN_WIDTH) {
		flush_line(layout);
	}
	begin_line(layout);
	if (!layout->joined) {
		buf_addch(&layout->line, ' ');
		columns++;
	}
	layout->joined = 0;
	buf_add(&layout->line, layout->word.data, layout->word.len);
	layout->line_columns += columns;
	buf_clear(&layout->word);
}

void man_layout_word(struct man_layout *layout, const char *word, size_t len, int glued)
{
	if (!glued && !layout->glue) {
		flush_word(layout);
	}
	layout->glue = 0;
	if (len) {
		buf_add(&layout->word, word, len);
	}
}

void man_layout_text(struct man_layout *layout, const char *text, size_t len)
{
	size_t i = 0, begin;

	if (!layout->is_filling) {
		man_layout_word(layout, text, len, 0);
		return;
	}
	/* A line that begins with spaces begins a line of the page. */
	for (; i < len && text[i] == ' '; i++) {
	}
	if (i && i < len && !layout->glue) {
		man_layout_break(layout);
		begin_line(layout);
		for (size_t n = i < DEEPEST_INDENT ? i : DEEPEST_INDENT; n; n--) {
			buf_addch(&layout->line, ' ');
			layout->line_columns++;
		}
	}
	while (i < len) {
		for (begin = i; i < len && text[i] != ' ' && text[i] != '\t'; i++) {
		}
		man_layout_word(layout, text + begin, i - begin, 0);
		for (begin = i; i < len && (text[i] == ' ' || text[i] == '\t'); i++) {
		}
		if (i > begin) {
			flush_word(layout);
		}
	}
}

void man_layout_input_end(struct man_layout *layout)
{
	if (!layout->is_filling && !layout->glue) {
		man_layout_break(layout);
	}
}

void man_layout_break(struct man_layout *layout)
{
	flush_word(layout);
	flush_line(layout);
	layout->glue = 0;
}

void man_layout_blank(struct man_layout *layout)
{
	man_layout_break(layout);
	layout->wants_blank = !layout->is_headed;
}

void man_layout_heading(
	struct man_layout *layout, int level, int indent, const char *title, size_t len)
{
	struct buf clean = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		char c = (char)(title[i] == MAN_FIXED_SPACE || title[i] == '\t' ? ' ' : title[i]);

		if (c != ' ' || clean.len) {
			buf_addch(&clean, c);
		}
	}
	while (clean.len && clean.data[clean.len - 1] == ' ') {
		clean.data[--clean.len] = 0;
	}
	man_layout_break(layout);
	layout->wants_blank = 1;
	if (clean.len) {
		layout->is_filling = 0;
		layout->indent = indent;
		man_layout_word(layout, clean.data, clean.len, 0);
		man_layout_break(layout);
		document_add_heading(
			layout->outline, level, clean.data, clean.len, 0, layout->n_line);
		layout->is_headed = 1;
	}
	layout->is_filling = 1;
	buf_finish(&clean);
}

void man_layout_tag_padded(struct man_layout *layout, int indent, int gap)
{
	layout->is_filling = 0;
	flush_word(layout);
	layout->is_filling = 1;
	for (; gap > 0 || layout->line_columns < indent; gap--) {
		buf_addch(&layout->line, ' ');
		layout->line_columns++;
	}
	layout->indent = indent;
	layout->joined = 1;
}

void man_layout_tag(struct man_layout *layout, int indent)
{
	int was_filling = layout->is_filling;

	layout->is_filling = 0; /* a tag is one line, however long */
	flush_word(layout);
	layout->is_filling = was_filling;
	layout->indent = indent;
	if (!layout->has_line) {
		return;
	}
	if (layout->line_columns >= indent_of(layout)) {
		flush_line(layout);
		return;
	}
	while (layout->line_columns < indent_of(layout)) {
		buf_addch(&layout->line, ' ');
		layout->line_columns++;
	}
	layout->joined = 1;
	layout->glue = 0;
}

int man_layout_is_empty(const struct man_layout *layout)
{
	return !layout->has_line && !layout->word.len;
}
