/*
 * UTF-8 as The Unicode Standard 15.0, table 3-7, defines it: overlong forms, surrogates and values
 * past U+10FFFF are invalid.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode the character at `bytes` (len >= 1). Returns its length in bytes (1 to 4) and stores it in
 * *cp; for an invalid or incomplete sequence returns 0 and leaves *cp alone: the caller takes one
 * byte.
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *cp);

/* Writes 1 to 4 bytes to out and returns how many. cp must be a scalar value. */
size_t utf8_encode(uint32_t cp, char out[4]);

/*
 * How many bytes at the end of `bytes` are the beginning of a character that more bytes could still
 * complete (0 to 3): hold them back when streaming.
 */
size_t utf8_incomplete_tail(const char *bytes, size_t len);
/* The bytes of a text that is cut at `most` of them, but never within a character. */
size_t utf8_cut(const char *bytes, size_t len, size_t most);

/* Whether all of it is valid. */
int utf8_valid(const char *bytes, size_t len);

#endif
