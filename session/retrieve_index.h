/* The index that chunks are ranked by; private to session/retrieve*.c and search_forget(). */
#ifndef SESSION_RETRIEVE_INDEX_H
#define SESSION_RETRIEVE_INDEX_H

#include "session/index_file.h"
#include "session/library.h"

#include <stddef.h>
#include <stdint.h>

#define RETRIEVE_INDEX_MAGIC "carrel terms  1\n"
#define RETRIEVE_INDEX_FILE  "terms.index"

/* What a chunk is found by, in the order of the table's columns. */
enum retrieve_column {
	COLUMN_HEADING, /* those that it stands under, and those in it */
	COLUMN_TEXT,
	COLUMN_COUNT,
};

/* A source that the index has: rows [first, first + n_chunk) are its chunks. */
struct indexed {
	struct sha256_digest digest;
	int64_t first, n_chunk;
	size_t source; /* of the library; SIZE_MAX: of none */
};
struct retrieve_index {
	struct index_file file;
	struct indexed *source; /* by their first row */
	size_t n_source, cap_source;
	int64_t n_row;
};

/*
 * Open what `folder` (NULL: nothing) has, and add the library's sources that it lacks. What other
 * libraries left in it stays while it is the smaller part.
 */
int retrieve_index_open(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct session_watch *watch, struct err *err);
/* Bytes of the library's text that opening it would index. */
int64_t retrieve_index_missing(const struct library *library, const char *folder);
/* The same, all of it made anew. */
int retrieve_index_make(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct session_watch *watch, struct err *err);
void retrieve_index_close(struct retrieve_index *index);
/* The chunk's number in the library; SIZE_MAX for a row of no chunk. */
size_t retrieve_index_chunk(
	const struct retrieve_index *index, const struct library *library, int64_t row);

/* Remove the file: for search_forget(). */
void retrieve_forget(const char *folder);

#endif
