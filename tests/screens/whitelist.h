/*
 * Promise 15, read from the bytes: whatever a program wrote to its terminal is text that can be seen,
 * or a sequence that the terminal's own terminfo entry has for drawing, or bracketed paste, or (where
 * a test says that something is copied) our OSC 52. Everything else came from a file, a name or a
 * model. Colours: only numbers that the entry itself makes.
 */
#ifndef TESTS_SCREENS_WHITELIST_H
#define TESTS_SCREENS_WHITELIST_H

#include "base/buf.h"

#include <stddef.h>

struct whitelist;
/* For the terminal of that TERM; NULL where terminfo does not know it. */
struct whitelist *whitelist_create(const char *term);
void whitelist_destroy(struct whitelist *whitelist);
void whitelist_allow_clipboard(struct whitelist *whitelist);
/* Returns 1, or 0 with what was smuggled, and where, appended to *why. */
int whitelist_check(
	const struct whitelist *whitelist, const char *bytes, size_t len, struct buf *why);

#endif
