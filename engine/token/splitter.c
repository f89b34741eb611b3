#include "engine/token/splitter.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/token/unicode_class.h"

#include <string.h>

/* Letter, number and space are unicode_class; newline is the part of space that patterns single
 * out. */
enum char_class { OTHER, LETTER, NUMBER, SPACE, NEWLINE, BEYOND_ASCII };

#define ROW_8(x) x, x, x, x, x, x, x, x
/* clang-format off */
static const uint8_t byte_class[256] = {
	OTHER, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER,
	OTHER, SPACE, NEWLINE, SPACE, SPACE, NEWLINE, OTHER, OTHER,
	ROW_8(OTHER), ROW_8(OTHER),
	SPACE, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER,
	ROW_8(OTHER),
	ROW_8(NUMBER), NUMBER, NUMBER, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER,
	OTHER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
	ROW_8(LETTER), ROW_8(LETTER),
	LETTER, LETTER, LETTER, OTHER, OTHER, OTHER, OTHER, OTHER,
	OTHER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
	ROW_8(LETTER), ROW_8(LETTER),
	LETTER, LETTER, LETTER, OTHER, OTHER, OTHER, OTHER, OTHER,
	ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII),
	ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII),
	ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII),
	ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII), ROW_8(BEYOND_ASCII),
};
/* clang-format on */

/* A character: its class and its length in bytes. At the end of the text the length is 0. */
struct character {
	enum char_class class;
	size_t len;
};

static __attribute__((noinline)) struct character wide_character(const char *p, const char *end)
{
	static const uint8_t from_unicode[] = {OTHER, LETTER, NUMBER, SPACE};
	uint32_t cp;
	size_t n = utf8_decode(p, (size_t)(end - p), &cp);

	if (!n) {
		return (struct character){OTHER, 1};
	}
	return (struct character){(enum char_class)from_unicode[unicode_class_of(cp)], n};
}

static inline struct character character_at(const char *p, const char *end)
{
	uint8_t class;

	if (p == end) {
		return (struct character){BEYOND_ASCII, 0};
	}
	class = byte_class[(uint8_t)*p];
	if (class != BEYOND_ASCII) {
		return (struct character){(enum char_class) class, 1};
	}
	return wide_character(p, end);
}

static inline const char *skip_class(const char *p, const char *end, enum char_class class)
{
	for (;;) {
		struct character c;

		while (p < end && byte_class[(uint8_t)*p] == class) {
			p++;
		}
		if (p == end || (uint8_t)*p < 0x80) {
			return p;
		}
		c = wide_character(p, end);
		if (c.class != class) {
			return p;
		}
		p += c.len;
	}
}

static inline const char *skip_newlines(const char *p, const char *end)
{
	while (p < end && (*p == '\n' || *p == '\r')) {
		p++;
	}
	return p;
}

static inline char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/*
 * 's|'t|'re|'ve|'m|'ll|'d at an apostrophe; where it ends, or NULL. With any_case, U+017F (long s)
 * folds to s as it does in the pattern's engine.
 */
static const char *contraction(const char *p, const char *end, int any_case)
{
	size_t left = (size_t)(end - p);
	char a, b;

	if (left < 2) {
		return NULL;
	}
	a = any_case ? fold(p[1]) : p[1];
	if (a == 's' || a == 't' || a == 'm' || a == 'd') {
		return p + 2;
	}
	if (left < 3) {
		return NULL;
	}
	b = any_case ? fold(p[2]) : p[2];
	if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l')) {
		return p + 3;
	}
	return any_case && p[1] == '\xc5' && p[2] == '\xbf' ? p + 3 : NULL;
}

/*
 * A run of white space: \s*[\r\n]+ (where `newlines`), else \s+(?!\S), else \s+. Each byte is
 * looked at no more than twice: what stands behind the last newline of a run has none.
 */
static const char *white_space(const char *p, const char *end, int newlines)
{
	const char *start = p, *last = p, *behind_newline = NULL;

	for (;;) {
		struct character c = character_at(p, end);

		if (c.len == 0 || (c.class != SPACE && c.class != NEWLINE)) {
			break;
		}
		last = p;
		p += c.len;
		if (c.class == NEWLINE) {
			behind_newline = p;
		}
	}
	if (newlines && behind_newline) {
		return behind_newline;
	}
	return p == end || last == start ? p : last;
}

static inline const char *llama3_piece(const char *p, const char *end)
{
	struct character c = character_at(p, end), next;

	if (c.class == LETTER) {
		return skip_class(p + c.len, end, LETTER);
	}
	if (c.class == NUMBER) {
		for (int i = 0; i < 3 && c.len && c.class == NUMBER; i++) {
			p += c.len;
			c = character_at(p, end);
		}
		return p;
	}
	if (*p == '\'') {
		const char *q = contraction(p, end, 1);

		if (q) {
			return q;
		}
	}
	if (c.class == NEWLINE) {
		return white_space(p, end, 1);
	}
	next = character_at(p + c.len, end);
	if (next.class == LETTER) {
		return skip_class(p + c.len + next.len, end, LETTER);
	}
	if (c.class == OTHER) {
		return skip_newlines(skip_class(p + c.len, end, OTHER), end);
	}
	if (*p == ' ' && next.class == OTHER) {
		return skip_newlines(skip_class(p + 1 + next.len, end, OTHER), end);
	}
	return white_space(p, end, 1);
}

static inline const char *gpt2_piece(const char *p, const char *end)
{
	struct character c = character_at(p, end);

	if (*p == '\'') {
		const char *q = contraction(p, end, 0);

		if (q) {
			return q;
		}
	}
	if (*p == ' ') {
		struct character next = character_at(p + 1, end);

		if (next.len && next.class != SPACE && next.class != NEWLINE) {
			return skip_class(p + 1 + next.len, end, next.class);
		}
	}
	if (c.class == SPACE || c.class == NEWLINE) {
		return white_space(p, end, 0);
	}
	return skip_class(p + c.len, end, c.class);
}

#define SPLIT_WITH(piece)                                                                          \
	const char *p = text, *stop = text + len;                                                  \
	size_t n = 0;                                                                              \
                                                                                                   \
	while (n < max && p < stop) {                                                              \
		p = piece(p, stop);                                                                \
		end[n++] = (size_t)(p - text);                                                     \
	}                                                                                          \
	return n

static size_t llama3_split(const char *text, size_t len, size_t *end, size_t max)
{
	SPLIT_WITH(llama3_piece);
}

static size_t gpt2_split(const char *text, size_t len, size_t *end, size_t max)
{
	SPLIT_WITH(gpt2_piece);
}

static const struct splitter splitters[] = {
	{
		.name = "llama3",
		.gguf_names = {"llama-bpe", "llama3", "llama-v3"},
		.pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
			   " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
		.ignore_merges = 1,
		.split = llama3_split,
	},
	{
		.name = "gpt2",
		.gguf_names = {"gpt-2", "gpt2"},
		.pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
			   "\\s+(?!\\S)|\\s+",
		.pattern_variant = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
				   "\\s+(?!\\S)|\\s+",
		.split = gpt2_split,
	},
};

const struct splitter *splitter_by_gguf_name(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		for (const char *const *known = splitters[i].gguf_names; *known; known++) {
			if (strlen(*known) == len && !memcmp(*known, name, len)) {
				return &splitters[i];
			}
		}
	}
	return NULL;
}

const struct splitter *splitter_by_pattern(const char *pattern)
{
	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		const char *variant = splitters[i].pattern_variant;

		if (!strcmp(splitters[i].pattern, pattern) ||
			(variant && !strcmp(variant, pattern))) {
			return &splitters[i];
		}
	}
	return NULL;
}

const struct splitter *splitter_gpt2(void)
{
	return &splitters[1];
}

void splitter_list(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(splitters); i++) {
		buf_additem(out, splitters[i].name);
	}
}
