/* What a chunk of a library is found by: the words it has, and those that stand over it. */
#ifndef SESSION_CHUNK_TEXT_H
#define SESSION_CHUNK_TEXT_H

#include "base/buf.h"
#include "loaders/document.h"
#include "session/cut.h"

/* Each appends lines: the heading that a chunk stands under, and those above that one, ... */
void chunk_text_heading(
	struct buf *out, const struct document *document, const struct chunk *chunk);
/* ... its text, with who speaks. */
void chunk_text_body(struct buf *out, const struct document *document, const struct slice *slice);

#endif
