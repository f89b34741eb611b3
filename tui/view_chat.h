/* The conversation, as others need it. */
#ifndef TUI_VIEW_CHAT_H
#define TUI_VIEW_CHAT_H

#include "tui/app.h"

#include <stddef.h>

/* Ask the last question again, as desk_ask_again() says how. */
void view_chat_again(struct app *app, const char *how);
/*
 * A question went to the desk as this order: it is shown from now on, with what comes of it. (An order
 * that nobody told about is taken for the last question again.)
 */
void view_chat_asked(struct app *app, int64_t order, const char *question, size_t len);

#endif
