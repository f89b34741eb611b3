/*
 * What the splitters' patterns ask of a character. The table is generated (unicode_class.py) from
 * Unicode 16.0, the version in the regex engine (Oniguruma) of Hugging Face `tokenizers` 0.23. Files
 * that were tokenized by engines with older tables differ only in characters assigned later.
 */
#ifndef ENGINE_TOKEN_UNICODE_CLASS_H
#define ENGINE_TOKEN_UNICODE_CLASS_H

#include <stdint.h>

enum unicode_trait {
	/* each character has one of these; white space has no other, whatever its category */
	UC_UPPER = 1 << 0,   /* \p{Lu} \p{Lt} */
	UC_LOWER = 1 << 1,   /* \p{Ll} */
	UC_UNCASED = 1 << 2, /* \p{Lm} \p{Lo} */
	UC_MARK = 1 << 3,    /* \p{M} */
	UC_NUMBER = 1 << 4,  /* \p{N} */
	UC_PUNCTUATION = 1 << 5,
	UC_SYMBOL = 1 << 6,
	UC_SPACE = 1 << 7, /* \s: the property White_Space */
	UC_REST = 1 << 8,  /* controls, formats, private use, unassigned */
	/* and any of these */
	UC_NEWLINE = 1 << 9,           /* \r \n */
	UC_HAN = 1 << 10,              /* \p{Han} */
	UC_STEP_DIGIT = 1 << 11,       /* what the step "Digits" takes for one: Unicode 17.0 */
	UC_STEP_PUNCTUATION = 1 << 12, /* and the step "Punctuation": ASCII's 32, Unicode 8.0 */
	UC_DEEPSEEK_LETTER = 1 << 13,  /* [A-Za-zµÀ-Ö...] of deepseek-llm */
	UC_DEEPSEEK_SIGN = 1 << 14,    /* [!-/:-~！-／：-～‘-‟　-。] of deepseek-llm */
	UC_DEEPSEEK_WIDE = 1 << 15, /* [一-龥ࠀ-一가-U+D7FF] of deepseek-llm and deepseek-coder */
	UC_DEEPSEEK_CJK = 1 << 16, /* [一-龥U+3040-ゟ゠-ヿ] of deepseek-v3 */
	UC_BLOOM_STOP = 1 << 17,   /* what BLOOM's words are not made of */

	UC_LETTER = UC_UPPER | UC_LOWER | UC_UNCASED,
	UC_OTHER = UC_MARK | UC_PUNCTUATION | UC_SYMBOL | UC_REST, /* [^\s\p{L}\p{N}] */
};

extern const char unicode_class_version[];
extern const uint32_t unicode_ascii_traits[256]; /* by byte; 0 from 0x80 on */
extern const uint32_t unicode_kind_traits[];
extern const uint8_t unicode_class_block[];
extern const uint8_t unicode_class_kind[][256];

/* cp must be below 0x110000. */
static inline uint32_t unicode_traits_of(uint32_t cp)
{
	return unicode_kind_traits[unicode_class_kind[unicode_class_block[cp >> 8]][cp & 255]];
}

#endif
