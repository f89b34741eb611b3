/*
 * Words of a text, for counting and comparing them: runs of letters, digits, `_` and bytes outside
 * ASCII; `-`, `.`, `/`, `+` and `'` belong to a word inside it, so that an identifier, an option or
 * a path is one word. What stands around a word (the dashes of --quiet) is not part of it.
 */
#ifndef SESSION_WORDS_H
#define SESSION_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct word {
	const char *text; /* borrowed */
	size_t len;
};

/* The next word of text[*at, len); *at moves behind it. Returns 0 at the end. */
int words_next(const char *text, size_t len, size_t *at, struct word *word);
/* Words that carry a sentence and not its subject: `what`, `does`, `the`. ASCII case is folded. */
int words_is_stop(struct word word);
/* The same word, ASCII case folded; words_related() also through an English ending (-s -es -ed -ing). */
int words_equal(struct word a, struct word b);
int words_related(struct word a, struct word b);
/* FNV-1a of the folded bytes. */
uint64_t words_hash(struct word word);

/* Whether `word` stands in a text. */
int words_has(const char *text, size_t len, struct word word);
/* How many content words a text has: those that are no stop words, each occurrence counted. */
size_t words_count_content(const char *text, size_t len);

#endif
