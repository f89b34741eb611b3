/*
 * HTML as text. libxml2's HTML parser reports elements one after the other (SAX), so that no tree is
 * built; what they mean is told to a writer of markup.h.
 *
 * Kept: all text in its order, navigation, headers and footers too; titles, alternative texts of
 * pictures as "[text]", readings of ruby as "(text)", targets of links; struck and deleted text is
 * marked "~~text~~". Left out: comments, script, style, template, datalist, annotations of MathML, and
 * what is hidden by its own attributes (`hidden`, `display:none`). Nothing is fetched.
 */
#ifndef LOADERS_FORMAT_HTML_H
#define LOADERS_FORMAT_HTML_H

#include "loaders/format/markup.h"

/*
 * libxml2 looks for the element that an end tag closes among all that are open: pages where their
 * depth times the number of end tags passes this are refused (a step costs 1.2 ns: 15 s).
 */
#define HTML_MAX_WORK ((size_t)12000000000)

void html_prepare(void); /* initialises libxml2; see formats_prepare() */

/* The number of an item in the style '1', 'a', 'A', 'i' or 'I': "12", "xii". */
void html_number(struct buf *marker, int number, char style);

/*
 * Write HTML or XHTML, UTF-8 where bytes that are none become U+FFFD. `title`, if not NULL, gets
 * the text of the title element. -1 with *skip where it nests too deeply or its text passes
 * LOAD_MAX_BYTES.
 */
int html_write(
	struct markup *markup, struct buf *title, const char *text, size_t len, struct skip *skip);

/*
 * If the page holds anything that libxml2 stops or stumbles at (bytes that are no UTF-8, NUL, tags of
 * thousands of attributes, character data of XHTML, Word's conditions), append a cleaned page to
 * `out` and return 1.
 */
int html_clean(struct buf *out, const char *text, size_t len);

/*
 * Append the page as UTF-8 and return the name of its encoding: by byte order mark, UTF-8 where it is
 * valid, as the page declares (meta, XML declaration), else as it seems; NULL: it is no text.
 */
const char *html_to_utf8(struct buf *text, const struct input *input);

#endif
