/* Phrases: what is looked for, and where it stands in a text; private to session/search*.c. */
#ifndef SESSION_SEARCH_WORDS_H
#define SESSION_SEARCH_WORDS_H

#include "base/err.h"
#include "session/fts5_words.h"
#include "session/search.h"

#include <stddef.h>

/* Phrases to look for. */
struct phrases;
int phrases_create(struct phrases **out, struct words *words, const char *text, struct err *err);
void phrases_destroy(struct phrases *phrases); /* NULL-safe */
/* As an expression of FTS5. */
const char *phrases_expression(const struct phrases *phrases);
/*
 * Where they stand in a text, in order and apart from each other; malloc'ed. A phrase that begins at
 * or past `limit` is there, but *is_inside is 0 where all of them do.
 */
struct search_mark *phrases_find(const struct phrases *phrases, struct words *words,
	const char *text, size_t len, size_t limit, int *is_inside, size_t *count);

#endif
