/*
 * Writes text with structure as a reading model likes it: UTF-8 in the manner of Markdown. Readers of
 * HTML, EPUB, DOCX, ODT and manual pages tell it what they meet, in the order of the document; it
 * collapses white space, parts blocks by a blank line, and remembers where the headings stand.
 *
 *	headings       "## Title", also in the outline with their line
 *	lists          "- item", "3. item", nested by indentation (no further than 16 levels)
 *	tables         "| cell | cell |", no padding, "|---|---|" behind a row of header cells; a table
 *	               that holds headings, tables or preformatted text lays out a page rather than
 *	               data: its cells become blocks
 *	links          "text (URL)"; links into the same document or to a page beside it ("#part",
 *	               "next.html") and scripts are their text alone
 *	preformatted   between lines of ```, byte for byte but for blank lines at both ends
 *	quotes         "> " before each line
 *	notes          "[^1]" at their place, "[^1]: text" behind the block that refers to them
 *	numbers        raised ones as "10^6", lowered ones behind a digit as "10_2"
 *	struck text    "~~text~~"
 *	emphasis       none: it costs tokens, and a quotation with it is not verbatim
 *
 * Nothing in the text is escaped but the "|" in a row of cells: it is for reading, not for another
 * parser.
 *
 * White space is ASCII's, and the no-break space. A run of it that holds a newline vanishes between
 * two Chinese or Japanese characters (CSS Text 3, 4.1.3), soft hyphens and byte order marks vanish.
 *
 * What is begun is ended in reverse order; an end without a beginning does nothing, and ends of what
 * lies further out end what lies in it. Time and memory are linear in what is written: nothing
 * recurses, however deep the document nests.
 */
#ifndef LOADERS_FORMAT_MARKUP_H
#define LOADERS_FORMAT_MARKUP_H

#include "loaders/loader.h"

#include <stddef.h>
#include <stdint.h>

struct markup;
struct markup *markup_create(void);
void markup_destroy(struct markup *markup); /* NULL-safe */
/*
 * The text as a reader of one part, and the end of `markup`. -1 with *skip where there is not one
 * word ("holds no text").
 */
int markup_reader(struct reader **reader, struct markup *markup, struct skip *skip);
/* How much was written so far; a reader stops where it passes LOAD_MAX_BYTES. */
size_t markup_bytes(const struct markup *markup);

/* ---- in a line ---- */

/* UTF-8, in pieces of any length that end between characters. */
void markup_text(struct markup *markup, const char *text, size_t len);
void markup_str(struct markup *markup, const char *text);
/*
 * What follows stands higher ('^'), lower ('_') or in the line (0): "10^6", where a number would
 * else join the one before it. Of struck text, "~~text~~".
 */
void markup_script(struct markup *markup, char script);
void markup_struck(struct markup *markup, int is_struck);
/* Whether a mark belongs between the two characters; for writers of plain text. */
int markup_script_counts(char script, uint32_t last, uint32_t next);
void markup_line_break(struct markup *markup); /* what follows begins a line; two: a block */
/* `target` as it stands in the document; it is shown behind the text, never followed. */
void markup_link_begin(struct markup *markup, const char *target);
void markup_link_end(struct markup *markup);
/* The body of a footnote, at the place that refers to it; its blocks become one line. */
void markup_note_begin(struct markup *markup, const char *label);
void markup_note_end(struct markup *markup);

/* ---- blocks ---- */

void markup_block(struct markup *markup); /* what follows begins a block of its own */
void markup_line(struct markup *markup);  /* the same without a blank line */
/* Levels from 1; deeper than 6 is written as 6, the outline keeps the level. */
void markup_heading_begin(struct markup *markup, int level);
void markup_heading_end(struct markup *markup);
void markup_pre_begin(struct markup *markup);
void markup_pre_end(struct markup *markup);
void markup_quote_begin(struct markup *markup);
void markup_quote_end(struct markup *markup);
/* Text that stands further in: the definition of a term. */
void markup_indent_begin(struct markup *markup);
void markup_indent_end(struct markup *markup);
void markup_list_begin(struct markup *markup);
void markup_list_end(struct markup *markup);
/* `marker` is "-", "3.", "(a)"; an item without any text leaves no trace. */
void markup_item_begin(struct markup *markup, const char *marker);
void markup_item_end(struct markup *markup);

struct markup_cell {
	int is_header;
	unsigned columns, rows; /* how many it spans; 0 is 1 */
};
void markup_table_begin(struct markup *markup);
void markup_table_end(struct markup *markup);
void markup_row_begin(struct markup *markup);
void markup_row_end(struct markup *markup);
void markup_cell_begin(struct markup *markup, const struct markup_cell *cell);
void markup_cell_end(struct markup *markup);

/*
 * A title that stands outside of the text, as its first heading; nothing where one of the first
 * headings says the same. Last of all.
 */
void markup_title(struct markup *markup, const char *title);

#endif
