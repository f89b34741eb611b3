/*
 * Untrusted text made safe to show. Whatever comes from a file, a name, a model or an error message
 * passes through here before it reaches a terminal: what a terminal would obey (C0 and C1 controls,
 * ESC) or what a reader would not see (bidirectional overrides, zero-width and other invisible
 * characters, bytes that are not UTF-8) is shown instead: ^[ for ESC, <U+202E>, <FF> for a stray
 * byte.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum escape_mode {
	ESCAPE_LINE, /* one line: line feeds and tabs are shown too */
	ESCAPE_TEXT, /* line feeds and tabs stay */
};

/* Whether the character would be obeyed or could not be seen. */
int escape_needed(uint32_t cp);

/* Append `bytes`, escaped. A character cut in two by the end of `bytes` is shown as stray bytes. */
void escape_add(struct buf *out, const char *bytes, size_t len, enum escape_mode mode);

/* The same, to a stream. */
void escape_write(FILE *stream, const char *bytes, size_t len, enum escape_mode mode);

#endif
