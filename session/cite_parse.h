/*
 * Reading the citations that a model wrote. What a bracket's head says about the place is resolved
 * against the source that it names; everything unreadable is simply not said.
 */
#ifndef SESSION_CITE_PARSE_H
#define SESSION_CITE_PARSE_H

#include "session/cite.h"
#include "session/fold.h"

#include <stddef.h>
#include <stdint.h>

/* A stretch of the answer. */
struct span {
	size_t at, end;
};

static inline int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether `S` and a number stand at text[at]; *number and where the number ends. */
int parse_source_number(const char *text, size_t len, size_t at, int64_t *number, size_t *end);
/* The length of `Source ` and its like at text[at], which may stand before the number; 0 for none. */
size_t parse_source_word(const char *text, size_t len, size_t at);

/* The length of the quotation mark at text[at], as one that opens or one that closes; 0 for none. */
size_t parse_quote_open(const char *text, size_t len, size_t at);
size_t parse_quote_close(const char *text, size_t len, size_t at, size_t opened_at);
/* The length of the closing quotation mark that ends the text; 0 for none. */
size_t parse_quote_end(const char *text, size_t len);

/* Whether this can only be a place: `and line 4`, `src/a.c:3`; no other words. */
int parse_is_place(const char *head, size_t len);

/* h:mm:ss or m:ss at text[*at], moved behind it; fractions are dropped. Returns 0 for none. */
int parse_clock(const char *text, size_t len, size_t *at, int64_t *seconds);

/*
 * The places of `document`, whose index this is, that the head text (behind the source's number) names, as ranges
 * [first, end): of a list, and a page number may be the physical and the printed one. A head that
 * names none is the whole document. Returns how many ranges; 0 where it names what cannot be there:
 * no such file, line 0, lines 9-2, 00:99:99.
 */
enum { PLACES_MAX = 16 };
struct place_range {
	struct fold_place first, end;
};
size_t parse_place(const struct document *document, const struct cite_index *index,
	const char *head, size_t len, struct place_range range[PLACES_MAX]);

#endif
