/* An index of passages; private to session/search*.c. */
#ifndef SESSION_SEARCH_INDEX_H
#define SESSION_SEARCH_INDEX_H

#include "session/index_file.h"
#include "session/search_passages.h"

#define SEARCH_INDEX_MAGIC "carrel search 1\n"
#define SEARCH_INDEX_FILE  "search.index"

extern const struct index_kind search_index_kind;

/* An index of these passages. */
int search_index_make(struct index_file *index, const struct passages *passages, struct err *err);

/*
 * The best passages for an expression, the best first: `found` gets the index of each, and returns
 * whether it was what was looked for; `most` of these, and 0 ends it. *n_found counts all that FTS5
 * found.
 */
int search_index_find(struct index_file *index, const char *expression, size_t most,
	int (*found)(void *arg, size_t passage), void *arg, int64_t *n_found, struct err *err);

#endif
