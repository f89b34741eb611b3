/*
 * Bytes of a terminal as keys. Sequences are those of terminfo and of xterm; a lone Esc is one when
 * nothing follows for KEYBOARD_ESC_MS. ESC[200~ ... ESC[201~ is a paste, handed out in pieces as it
 * comes, whatever stands in it. UTF-8 that is cut waits for its rest, bytes that are none are U+FFFD.
 */
#ifndef TUI_KEYBOARD_H
#define TUI_KEYBOARD_H

#include "tui/keys.h"

#include <stddef.h>

enum { KEYBOARD_ESC_MS = 25 };

struct keyboard;
/* With sequences of the terminal of this TERM, where terminfo was set up. */
struct keyboard *keyboard_create(void);
void keyboard_destroy(struct keyboard *keyboard);
void keyboard_feed(struct keyboard *keyboard, const char *bytes, size_t len);
/*
 * The next key: 1 with one, 0 where there is none yet. *wait_ms is then how long it may take before
 * keyboard_next() should be asked again with `is_late` (a lone Esc), or -1.
 */
int keyboard_next(struct keyboard *keyboard, int is_late, struct key *key, int *wait_ms);

#endif
