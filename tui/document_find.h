/* Finding a place in a document: by what a reader calls it, and the one that a citation is about. */
#ifndef TUI_DOCUMENT_FIND_H
#define TUI_DOCUMENT_FIND_H

#include "base/buf.h"
#include "base/err.h"
#include "session/cite.h"
#include "tui/document_lines.h"

#include <stddef.h>
#include <stdint.h>

/* What a part is called: "src/init.c", "page 37 (21)", "00:01:02 Ana"; nothing for plain text. */
void document_part_name(const struct document *document, size_t part, struct buf *out);

/*
 * The place that somebody who reads at `here` means: "37" (a page; in files and texts a line; of a
 * transcript a cue), "p37" and "p.xii" (a page or its label), "12:34" and "1:02:03" (a time),
 * "src/init.c:120" and "init.c" (a file, the end of its path will do), "L120", "50%". ERR_USAGE where
 * there is none such.
 */
int document_find_place(struct document_lines *lines, struct text_place here, const char *words,
	struct text_place *out, struct err *err);
/* The first cue at that time or the last one before it; of the conversation called `label` where
   there are several. */
size_t document_find_time(const struct document *document, const char *label, int64_t time_ms);

struct text_range { /* `last` is not in it; it may be in a later part */
	struct text_place first, last;
};
enum document_quote {
	DOCUMENT_QUOTE_NOWHERE,
	DOCUMENT_QUOTE_LINES, /* the lines are there, the words stand otherwise */
	DOCUMENT_QUOTE_WORDS,
};
/* What a citation quotes, as session/cite.h compares words. */
enum document_quote document_find_quote(
	struct document_lines *lines, const struct citation *citation, struct text_range *out);

#endif
