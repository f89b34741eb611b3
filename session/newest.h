/*
 * The newest text of a source, as the context has it: what it was loaded with, under the updates that
 * came behind it. Of a tree an update has only the files that changed. One that is gone, or has
 * nothing in it any more, stands in an update as a file without a line: loaders leave empty files
 * out, so that is what it means, and what stood in it is superseded.
 */
#ifndef SESSION_NEWEST_H
#define SESSION_NEWEST_H

#include "session/session_internal.h"

/*
 * Take what *document, read again from the path `root`, has otherwise into *update; 0 where that is
 * nothing. A tree's file that was not read this time, but is there, stays as it is.
 */
int newest_changes(const struct standing *standing, size_t n_standing, int64_t number,
	const char *root, struct document *document, struct document *update);
/* A document of its own with the newest text. */
struct document newest_document(const struct standing *standing, size_t n_standing, int64_t number);

#endif
