/*
 * The document of a block, shared with whoever shows it: it stays while anybody holds it, also after
 * the block was dropped. Never changed once it is there, so that other threads may read it.
 */
#ifndef SESSION_DESK_TEXT_H
#define SESSION_DESK_TEXT_H

#include "session/desk.h"

/* Takes the document over. */
struct desk_text *desk_text_create(struct document *document);

#endif
