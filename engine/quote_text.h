/*
 * Where words begin and end in the text of sources: what a quote may be, so that whoever looks for
 * it afterwards finds whole words (session/cite.h says what those are; this is never more lenient,
 * and tests/unit/test_quote_cite.c holds one against the other).
 *
 * The text begins and ends with an edge, and has one wherever one source, file or page ends.
 */
#ifndef ENGINE_QUOTE_TEXT_H
#define ENGINE_QUOTE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
	QUOTE_TEXT_EDGE = 0,   /* a byte of the text: nothing stands here */
	QUOTE_TEXT_BARRED = 1, /* something that cannot be quoted */
	QUOTE_WEIGHT_MIN = 3, /* letters and digits of a quote, those outside ASCII counted twice */
};

/* A line mark in the text, behind a line end. */
struct quote_mark {
	uint32_t at;
	uint16_t len;
	uint16_t may_copy; /* else a quote passes over it */
};

struct quote_text {
	const char *data;
	size_t len;
	const struct quote_mark *mark; /* [n_mark], ascending */
	size_t n_mark;
};

/* The length of the character of white space at data[at]; 0 for none. */
size_t quote_text_space(const struct quote_text *text, size_t at);
/* The mark that holds data[at], which is a digit or `|`; NULL for none. */
const struct quote_mark *quote_text_mark(const struct quote_text *text, size_t at);
/* Behind the white space and the marks at data[at]; where they go beyond `end`, somewhere there. */
size_t quote_text_skip(const struct quote_text *text, size_t at, size_t end);

/*
 * Whether the white space from data[at] to `end` parts words: beside Chinese and Japanese it does
 * not, and may be left out.
 */
int quote_text_is_gap(const struct quote_text *text, size_t at, size_t end);

/* Whether a quote may begin before data[at], or end there. */
int quote_text_may_begin(const struct quote_text *text, size_t at);
int quote_text_may_end(const struct quote_text *text, size_t at);

/* Whether a word at data[at] would be the rest of one that a hyphen breaks at a line's end. */
int quote_text_is_broken(const struct quote_text *text, size_t at);

/* What the character that ends at data[at] weighs; 0 inside one. */
unsigned quote_text_weight(const struct quote_text *text, size_t at);

#endif
