/* Reading characters and runs, for the state machines of splitter_*.c; nobody else includes it. */
#ifndef ENGINE_TOKEN_SPLITTER_SCAN_H
#define ENGINE_TOKEN_SPLITTER_SCAN_H

#include "base/utf8.h"
#include "engine/token/unicode_class.h"

#include <stddef.h>
#include <stdint.h>

/* What it is and its length in bytes; at the end of the text both are 0. */
struct character {
	uint32_t traits;
	uint32_t len;
};

static __attribute__((noinline, unused)) struct character scan_wide(const char *p, const char *end)
{
	uint32_t cp;
	size_t n = utf8_decode(p, (size_t)(end - p), &cp);

	return n ? (struct character){unicode_traits_of(cp), (uint32_t)n}
		 : (struct character){UC_REST, 1};
}

static inline struct character scan_at(const char *p, const char *end)
{
	if (__builtin_expect(p == end, 0)) {
		return (struct character){0, 0};
	}
	if (__builtin_expect((uint8_t)*p < 0x80, 1)) {
		return (struct character){unicode_ascii_traits[(uint8_t)*p], 1};
	}
	return scan_wide(p, end);
}

/* Behind the characters from p on that have a trait of `any` and none of `none`. */
static inline const char *scan_run(const char *p, const char *end, uint32_t any, uint32_t none)
{
	for (;;) {
		struct character c;

		while (p < end && (unicode_ascii_traits[(uint8_t)*p] & any) &&
			!(unicode_ascii_traits[(uint8_t)*p] & none)) {
			p++;
		}
		if (p == end || (uint8_t)*p < 0x80) {
			return p;
		}
		c = scan_wide(p, end);
		if (!(c.traits & any) || (c.traits & none)) {
			return p;
		}
		p += c.len;
	}
}

static inline const char *scan_newlines(const char *p, const char *end)
{
	while (p < end && (*p == '\n' || *p == '\r')) {
		p++;
	}
	return p;
}

/* \p{N}{1,most} */
static inline const char *scan_digits(const char *p, const char *end, unsigned most)
{
	struct character c = scan_at(p, end);

	for (unsigned i = 0; i < most && (c.traits & UC_NUMBER); i++) {
		p += c.len;
		c = scan_at(p, end);
	}
	return p;
}

static inline char scan_fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/*
 * 's|'t|'re|'ve|'m|'ll|'d at an apostrophe; where it ends, or NULL. With any_case, U+017F (long s)
 * folds to s as it does in the pattern's engine.
 */
static __attribute__((unused)) const char *scan_contraction(
	const char *p, const char *end, int any_case)
{
	size_t left = (size_t)(end - p);
	char a, b;

	if (left < 2) {
		return NULL;
	}
	a = any_case ? scan_fold(p[1]) : p[1];
	if (a == 's' || a == 't' || a == 'm' || a == 'd') {
		return p + 2;
	}
	if (left < 3) {
		return NULL;
	}
	b = any_case ? scan_fold(p[2]) : p[2];
	if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l')) {
		return p + 3;
	}
	return any_case && p[1] == '\xc5' && p[2] == '\xbf' ? p + 3 : NULL;
}

/*
 * A run of white space: \s*[\r\n]+ (where `newlines`), else \s+(?!\S), else \s+. A character of
 * `bounds` ends the text. Each byte is looked at no more than twice: what stands behind the last
 * newline of a run has none.
 */
static __attribute__((unused)) const char *scan_space(
	const char *p, const char *end, int newlines, uint32_t bounds)
{
	const char *start = p, *last = p, *behind_newline = NULL;
	struct character c;

	for (;;) {
		c = scan_at(p, end);
		if (!(c.traits & UC_SPACE)) {
			break;
		}
		last = p;
		p += c.len;
		if (c.traits & UC_NEWLINE) {
			behind_newline = p;
		}
	}
	if (newlines && behind_newline) {
		return behind_newline;
	}
	return !c.len || (c.traits & bounds) || last == start ? p : last;
}

/* The body of a splitter's split() from the function that finds the end of one piece. */
#define SCAN_PIECES(piece)                                                                         \
	const char *p = text, *stop = text + len;                                                  \
	size_t n = 0;                                                                              \
                                                                                                   \
	while (n < max && p < stop) {                                                              \
		p = piece;                                                                         \
		end[n++] = (size_t)(p - text);                                                     \
	}                                                                                          \
	return n

#endif
