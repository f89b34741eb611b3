/*
 * Copying: OSC 52 to the terminal, and the local tool (wl-copy, xclip, xsel, tmux, pbcopy) where there
 * is one. Only ever because somebody pressed a key for it.
 */
#ifndef TUI_CLIPBOARD_H
#define TUI_CLIPBOARD_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

enum { CLIPBOARD_OSC52_BYTES = 74 << 10 }; /* what terminals take, as base64 */
/*
 * What was done is said in *how, a constant: "copied 120 bytes (terminal, wl-copy)" is the caller's.
 * Returns at once: a tool reads the text from a file that has no name, at its own pace. Text that is
 * too long for the terminal, with no tool there, is an error.
 */
int clipboard_copy(const char *text, size_t len, const char **how, struct err *err);

/*
 * Append the sequence that hands the text to the terminal, through tmux where that is between. -1,
 * with `out` unchanged, where it is too long.
 */
int clipboard_osc52(struct buf *out, const char *text, size_t len, int is_tmux);
/*
 * Run the first tool that this environment has a use for and that stands in its PATH. NULL: there is
 * none, or it cannot be run; else what clipboard_copy() says about it, alone and behind the terminal.
 */
struct clipboard_tool {
	const char *needs; /* a variable that says that there is something to copy to; NULL: none */
	const char *argv[5];
	const char *alone, *with_terminal;
};
const struct clipboard_tool *clipboard_run_tool(const char *text, size_t len);

#endif
