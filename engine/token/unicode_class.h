/*
 * What the splitters' patterns ask of a character: \p{L}, \p{N} or \s. The table is generated from
 * Unicode 16.0, the version in the regex engine (Oniguruma) of Hugging Face `tokenizers`. Files
 * that were tokenized by engines with older tables differ only in characters assigned later.
 */
#ifndef ENGINE_TOKEN_UNICODE_CLASS_H
#define ENGINE_TOKEN_UNICODE_CLASS_H

#include <stdint.h>

enum unicode_class {
	UNICODE_OTHER,
	UNICODE_LETTER, /* \p{L} */
	UNICODE_NUMBER, /* \p{N} */
	UNICODE_SPACE,  /* \s: the property White_Space */
};

extern const char unicode_class_version[];
extern const uint8_t unicode_class_block[];
extern const uint8_t unicode_class_bits[][64];

/* cp must be below 0x110000. */
static inline enum unicode_class unicode_class_of(uint32_t cp)
{
	uint8_t four = unicode_class_bits[unicode_class_block[cp >> 8]][cp >> 2 & 63];

	return (enum unicode_class)(four >> (cp & 3) * 2 & 3);
}

#endif
