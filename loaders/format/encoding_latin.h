/* Which of the Latin encodings a text is in. */
#ifndef LOADERS_FORMAT_ENCODING_LATIN_H
#define LOADERS_FORMAT_ENCODING_LATIN_H

#include <stddef.h>

/*
 * For a text of ASCII letters with single bytes beyond ASCII among them: the encoding (static) that
 * makes of those bytes what a language writes.
 */
const char *encoding_latin(const char *bytes, size_t len);

#endif
