/* Copying: OSC 52 to the terminal, and the local tool (wl-copy, xclip, xsel, pbcopy, tmux) where there is one. */
#ifndef TUI_CLIPBOARD_H
#define TUI_CLIPBOARD_H

#include "base/err.h"

#include <stddef.h>

enum { CLIPBOARD_OSC52_BYTES = 74 << 10 }; /* what terminals take, as base64 */
/* What was done is said in *how, a constant: "copied 120 bytes (terminal, wl-copy)" is the caller's. */
int clipboard_copy(const char *text, size_t len, const char **how, struct err *err);

#endif
