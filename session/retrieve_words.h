/*
 * The words that chunks are found by; private to session/retrieve*.c. Beside each word of
 * session/fts5_words.h, at its place:
 *
 *	TERM_NAME   the word itself, where it looks like a name: CamelCase, EINVAL, sha256, and Anna inside
 *	            of a sentence
 *	TERM_PART   of an identifier in one word: `rawDataOffset`, `sha256`: raw, data, offset; sha, 256
 *	TERM_WHOLE  of one in several, `-` and `_` left out: raw_data_offset, raw-data-offset: rawdataoffset;
 *	            a point stays: init.c, 2.34; a manual page is its file: wget(1): wget.1
 *	TERM_OPTION behind one or two dashes: -q, --no-store: -q, -nostore
 *	TERM_HEAD   an identifier, or a word, that a line begins with or defines, behind `^`: there it is
 *	            explained, elsewhere only mentioned; in a question of names alone
 *	TERM_STEM   of English prose, by Porter's rules as FTS5 has them: running: run
 *
 *	TERM_RELATED of a question alone: of headings, see session/retrieve_related.h
 *
 * Stop words (session/words.h) are none, but in identifiers.
 */
#ifndef SESSION_RETRIEVE_WORDS_H
#define SESSION_RETRIEVE_WORDS_H

#include "session/fts5_words.h"

#include <stddef.h>

/* The name of the tokenizer in SQL. In an expression a string is one word, just as it stands. */
#define RETRIEVE_TOKENIZER "carrel_terms"

enum term_kind {
	TERM_WORD,
	TERM_NAME,
	TERM_PART,
	TERM_WHOLE,
	TERM_OPTION,
	TERM_HEAD,
	TERM_STEM,
	TERM_RELATED,
	TERM_N_KIND
};

/* Make the tokenizer known to a database; an SQLite status. */
int retrieve_words_teach(sqlite3 *db, struct words *words);

/* Each term of a text, of a database that was taught; a sink's status ends it. */
typedef int term_sink(void *context, enum term_kind kind, const char *term, int len);
int retrieve_words_cut(sqlite3 *db, void *context, const char *text, size_t len, term_sink *sink);

#endif
