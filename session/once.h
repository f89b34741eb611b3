/*
 * A load in which each file counts once. One that is named twice, or by its name and within a
 * folder, would stand in the context twice, and every quote of it in two places. The first stays;
 * what comes again is left out, and listed.
 */
#ifndef SESSION_ONCE_H
#define SESSION_ONCE_H

#include "loaders/load.h"

/* Zero-initialise, set `to`, and load into once_sink(); end it with once_finish(). */
struct once {
	const struct load_sink *to;
	void *seen;           /* a tree (tsearch) of paths without links */
	char *root;           /* of the document at hand; NULL where it is no file */
	struct document held; /* begun, but not yet there */
	int is_begun, is_dropped;
};
struct load_sink once_sink(struct once *once);
void once_finish(struct once *once);

#endif
