/* Characters of texts that are folded, for fold.c and fold_needle.c alone. */
#ifndef SESSION_FOLD_TEXT_H
#define SESSION_FOLD_TEXT_H

#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>

static inline int fold_is_ascii_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char fold_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Letters and digits; outside ASCII everything but spaces, punctuation and symbols of general use.
 */
static inline int fold_is_word(uint32_t cp)
{
	if (cp < 0x80) {
		return fold_is_ascii_alnum((char)cp);
	}
	return cp >= 0xc0 && !(cp >= 0x2000 && cp <= 0x2bff) && !(cp >= 0x3000 && cp <= 0x303f) &&
	       cp != 0xfeff && cp != 0xd7 && cp != 0xf7;
}

/* The character at text[at], a byte that is no character as itself above Unicode's range. */
static inline size_t fold_decode(const char *text, size_t len, size_t at, uint32_t *cp)
{
	size_t n = utf8_decode(text + at, len - at, cp);

	if (!n) {
		*cp = 0x110000u + (unsigned char)text[at];
		return 1;
	}
	return n;
}

/* The character that ends before text[at]; 0 at the start. */
static inline uint32_t fold_decode_before(const char *text, size_t at)
{
	uint32_t cp = 0;

	for (size_t n = 1; n <= 4 && n <= at; n++) {
		if (utf8_decode(text + at - n, n, &cp) == n) {
			return cp;
		}
	}
	return at ? 0x110000u + (unsigned char)text[at - 1] : 0;
}

#endif
