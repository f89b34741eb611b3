/*
 * Finds any of a set of strings in text: added tokens, template markers. Sorted strings and a
 * bitmap of their first two bytes, so that text without them costs one look per byte.
 */
#ifndef ENGINE_TOKEN_MATCHER_H
#define ENGINE_TOKEN_MATCHER_H

#include <stddef.h>
#include <stdint.h>

struct match_string {
	const char *text; /* the caller's, stays */
	size_t len;
	uint32_t value;
};

/* Zero-initialise; matcher_add() in any order, then matcher_ready(); matcher_finish(). */
struct matcher {
	struct match_string *string;
	size_t count, cap;
	uint64_t begin[65536 / 64]; /* by first byte << 8 | second byte */
};
void matcher_add(struct matcher *matcher, const char *text, size_t len, uint32_t value);
void matcher_ready(struct matcher *matcher);
void matcher_finish(struct matcher *matcher);

/* The strings that begin `text`, shortest first. Zero-initialise; returns NULL at the end. */
struct match_walk {
	size_t low, high, depth;
	int started;
};
const struct match_string *matcher_next(
	const struct matcher *matcher, struct match_walk *walk, const char *text, size_t len);

/* Whether some string may begin at text (len >= 1). */
static inline int matcher_may_begin(const struct matcher *matcher, const char *text, size_t len)
{
	unsigned pair = (unsigned)(uint8_t)text[0] << 8 | (len > 1 ? (uint8_t)text[1] : 0);

	return (matcher->begin[pair >> 6] >> (pair & 63) & 1) || len == 1;
}

/* The longest string that begins `text`, or NULL. */
const struct match_string *matcher_longest(
	const struct matcher *matcher, const char *text, size_t len);

/*
 * The first place at or behind `from` where a string stands, and the longest that does; len if
 * there is none.
 */
size_t matcher_find(const struct matcher *matcher, const char *text, size_t len, size_t from,
	const struct match_string **found);

#endif
