/*
 * Words as full-text search has them: FTS5's unicode61, which folds case and accents, and each Chinese
 * or Japanese character a word. For session/search* and session/retrieve*.
 */
#ifndef SESSION_FTS5_WORDS_H
#define SESSION_FTS5_WORDS_H

#include "base/err.h"

#include <sqlite3.h>

/* The name of the tokenizer in SQL. */
#define WORDS_TOKENIZER "carrel"

struct words;

/* An empty database in memory that knows the tokenizer, which *words is and which it owns. */
int words_open(sqlite3 **db, struct words **words, struct err *err);

/* A word of a text, folded, and the bytes that it was made of; as FTS5 has it. */
typedef int word_sink(void *context, int flags, const char *word, int len, int start, int end);
/* Give the sink each word of a text. Returns SQLITE_OK, or what a sink said that ended it. */
int words_cut(
	struct words *words, void *context, int flags, const char *text, int len, word_sink *sink);

/* What FTS5 lets a program add to it; NULL where there is no FTS5. */
fts5_api *words_api(sqlite3 *db);

#endif
