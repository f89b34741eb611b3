/*
 * What is done to a pdf once all of its pages are there, in order, on the side that trusts no
 * worker: notes on single pages become one line for each reason, running headers and footers are
 * found, and bookmarks find their lines.
 */
#ifndef LOADERS_PAGES_H
#define LOADERS_PAGES_H

#include "loaders/document.h"
#include "loaders/loader.h"

#include <stddef.h>
#include <stdint.h>

/* What readers said of single pages (struct skip with a page), in any order. */
struct page_note {
	int64_t page;
	enum skip_class class;
	char *reason; /* completes "page N " */
};
struct page_notes {
	struct page_note *note;
	size_t n, cap;
};
void page_notes_add(
	struct page_notes *notes, int64_t page, enum skip_class class, const char *reason);
void page_notes_finish(struct page_notes *notes);

/*
 * All pages of `document` are there, ordered by place.page, those without text left out; its
 * headings' `part` is the page that each leads to, from 0. Afterwards it is a part, and the
 * headings stand in reading order with the lines of their titles, where the pages have those.
 *
 * The notes become one for each reason, whose text names its pages: "pages 3-9 and 12 are empty".
 * Lines that repeat at the top or the bottom of pages are counted in document->running, and left
 * out of the text where `drop_headers` says so.
 *
 * Returns 0, or -1 where no page has text, with *skip why not: "has no text: all 12 pages are
 * empty".
 */
int pages_finish(
	struct document *document, int drop_headers, struct page_notes *notes, struct skip *skip);

/* ---- its parts, for tests ---- */

/*
 * Find the lines that repeat: one of the outermost lines of a page, at the top or at the bottom,
 * that is there on three pages or more, each at most four pages behind the one before (so that
 * left and right pages, chapters and their first pages may differ), up to numbers that count the
 * pages. The page's number itself is one. What a page has alone is never counted.
 */
void pages_find_running(struct document *document, int drop);

#endif
