/* Words: what a text is cut into, and the phrases that are looked for; private to session/search*.c. */
#ifndef SESSION_SEARCH_WORDS_H
#define SESSION_SEARCH_WORDS_H

#include "base/buf.h"
#include "base/err.h"
#include "session/search.h"

#include <sqlite3.h>
#include <stddef.h>

/* The name of the tokenizer in SQL: FTS5's unicode61, and each Chinese or Japanese character a word. */
#define SEARCH_TOKENIZER "carrel"

struct words;

/* An empty database in memory that knows the tokenizer, which *words is and which it owns. */
int words_open(sqlite3 **db, struct words **words, struct err *err);

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
