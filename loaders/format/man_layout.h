/*
 * Lines of a manual page: words filled into lines, tagged paragraphs, headings; ragged right,
 * without hyphenation, page breaks or fonts.
 */
#ifndef LOADERS_FORMAT_MAN_LAYOUT_H
#define LOADERS_FORMAT_MAN_LAYOUT_H

#include "base/buf.h"
#include "loaders/document.h"

enum {
	MAN_WIDTH = 80,
	MAN_INDENT = 7,      /* of the text, and of what is nested in it */
	MAN_SUBINDENT = 3,   /* of .SS */
	MAN_FIXED_SPACE = 1, /* in text: a space where no line is broken */
};

struct man_layout {
	struct buf text;
	struct document *outline;
	struct buf line,
		word;     /* being filled, each without its indent; the word follows the line */
	int line_columns; /* of `line`, its indent included */
	int indent;       /* of the lines that begin from now on */
	int is_filling;
	int glue;   /* the next word continues the last one */
	int joined; /* the next word needs no space before it: a tag's padding is there */
	int has_line, wants_blank;
	int is_headed; /* nothing stands between the last heading and here */
	int64_t n_line;
};

void man_layout_begin(struct man_layout *layout, struct document *outline);
void man_layout_finish(struct man_layout *layout);
/* A word, or in a display a piece of a line as it is. `glued`: no space before it. */
void man_layout_word(struct man_layout *layout, const char *word, size_t len, int glued);
/* Words between spaces; in a display the text with its spaces. */
void man_layout_text(struct man_layout *layout, const char *text, size_t len);
/* The end of an input line: in a display that of the line. */
void man_layout_input_end(struct man_layout *layout);
void man_layout_break(struct man_layout *layout);
/* A blank line, one at a time and none ahead of the first. */
void man_layout_blank(struct man_layout *layout);
void man_layout_heading(
	struct man_layout *layout, int level, int indent, const char *title, size_t len);
/* What stands in the line is the tag of a paragraph indented so. */
void man_layout_tag(struct man_layout *layout, int indent);
/* The same, in the line of other cells: never a new line, and at least `gap` columns of space. */
void man_layout_tag_padded(struct man_layout *layout, int indent, int gap);
int man_layout_is_empty(const struct man_layout *layout); /* the line */
int man_columns(const char *text, size_t len);

#endif
