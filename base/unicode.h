/*
 * What a character is where quotes are compared: in session/fold.c, which looks for them, and in
 * engine/quote_text.c, which lets a model write only those that will be found.
 */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include <stdint.h>

static inline int unicode_is_space(uint32_t cp)
{
	return cp == ' ' || (cp >= 9 && cp <= 13) || cp == 0x85 || cp == 0xa0 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
	       cp == 0x205f || cp == 0x3000;
}

/* Zero width: soft hyphens, joiners, marks of direction. */
static inline int unicode_is_nothing(uint32_t cp)
{
	return cp == 0xad || (cp >= 0x200b && cp <= 0x200f) || cp == 0x2060 || cp == 0xfeff;
}

static inline int unicode_is_hyphen(uint32_t cp)
{
	return cp == '-' || cp == 0x2010 || cp == 0x2011;
}

/*
 * Chinese and Japanese, with their punctuation: written without spaces, so that a line may end
 * anywhere and a space says nothing. Korean is written with spaces.
 */
static inline int unicode_is_unspaced(uint32_t cp)
{
	return (cp >= 0x2e80 && cp <= 0x2fdf) || (cp >= 0x3001 && cp <= 0x312f) ||
	       (cp >= 0x31a0 && cp <= 0x4dbf) || (cp >= 0x4e00 && cp <= 0x9fff) ||
	       (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xff01 && cp <= 0xff9f) ||
	       (cp >= 0x20000 && cp <= 0x3fffd);
}

/*
 * Whether white space between these two parts words. A hyphen is one of a word where a letter stands
 * beside it, so white space beside hyphens is always kept.
 */
static inline int unicode_is_gap(uint32_t before, uint32_t after)
{
	return (!unicode_is_unspaced(before) && !unicode_is_unspaced(after)) ||
	       unicode_is_hyphen(before) || unicode_is_hyphen(after);
}

#endif
