/* Text in any encoding becomes UTF-8: uchardet and checks of our own say which it is, iconv converts. */
#ifndef LOADERS_FORMAT_ENCODING_H
#define LOADERS_FORMAT_ENCODING_H

#include "loaders/loader.h"

/* Open every converter: the sandbox lets nothing be loaded later. */
void encoding_prepare(void);

/*
 * Append the input's text to `text` as UTF-8 and return the name of the encoding that it was in
 * (static: "UTF-8", "windows-1252"); NULL, `text` unchanged, where the bytes are no text (NUL bytes
 * outside UTF-16 and UTF-32, many control characters) or their UTF-8 would pass LOAD_MAX_BYTES.
 *
 * Bytes that are UTF-8 but for a few strays are kept byte for byte, a byte order mark included. Of
 * other encodings the mark is left out, and what is invalid becomes U+FFFD.
 */
const char *encoding_to_utf8(struct buf *text, const struct input *input);

/* The same from an encoding that a file declares (a charset parameter); NULL also where it is not known. */
const char *encoding_convert(struct buf *text, const char *bytes, size_t len, const char *name);

#endif
