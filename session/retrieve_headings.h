/*
 * The headings of a chunk: those that it stands under and those in it. Of the document's outline; of a
 * text or a tree without one, lines that look like headings. Private to session/retrieve*.c.
 */
#ifndef SESSION_RETRIEVE_HEADINGS_H
#define SESSION_RETRIEVE_HEADINGS_H

#include "base/buf.h"
#include "session/cut.h"

/* What the chunks of a document are asked for in their order with. */
struct headings {
	struct buf last; /* found, and not behind the end of its file */
	size_t part;
};

void headings_begin(struct headings *headings); /* a new document; of a zeroed one, too */
/* Append a line for each heading. */
void headings_of(struct headings *headings, struct buf *out, const struct document *document,
	const struct chunk *chunk);
void headings_finish(struct headings *headings);

#endif
