/*
 * Which files of a library a question names: `gzip(1)`, `fuse_lowlevel.h`, the scheduler. A word is the
 * rarer the fewer files have it in their path, however long they are. Private to session/retrieve*.c.
 */
#ifndef SESSION_RETRIEVE_NAMES_H
#define SESSION_RETRIEVE_NAMES_H

#include "session/library.h"
#include "session/retrieve_words.h"

#include <sqlite3.h>

struct names;

/* The names of the library's sources and of the files in them; an SQLite status. */
int names_make(struct names **out, const struct library *library, sqlite3 *db);
void names_destroy(struct names *names); /* NULL-safe */

/* A term of a question, and how much it says. */
struct named {
	const char *term;
	int len;
	double weight;
	size_t n_file; /* that have it: names_score() writes it */
};
/*
 * The sum of what the terms say that stand in each name, by its number; malloc'ed. A chunk's is
 * names_of().
 */
double *names_score(const struct names *names, struct named *term, size_t n_term);
size_t names_of(const struct names *names, const struct library *library,
	const struct library_source *source, const struct chunk *chunk);

#endif
