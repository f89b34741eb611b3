/* Base 64 (RFC 4648, section 4): how bytes that are no text stand in one. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

#include <stddef.h>

/* Append the form of `bytes`, padded, without line ends. */
void base64_add(struct buf *out, const void *bytes, size_t len);

/*
 * Append what `text` stands for. -1, with `out` unchanged, for anything that base64_add() would not
 * have written: another character, missing padding, bits behind the last byte; or where memory runs
 * out.
 */
int base64_decode(struct buf *out, const char *text, size_t len);

#endif
