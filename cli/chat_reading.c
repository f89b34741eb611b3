/* More than the window in the chat: how it is read, and what that costs. */
#include "cli/chat.h"

#include "base/log.h"
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *meaning(enum session_over over)
{
	return over == SESSION_OVER_FAIL    ? "what does not fit the window is refused"
	       : over == SESSION_OVER_SWEEP ? "all of it is read, window by window"
	       : over == SESSION_OVER_SELECT
		       ? "what the question seems to be about is read"
		       : "what the question seems to be about is read, and all of it where that "
			 "does not answer";
}

void chat_over(struct chat *chat, const char *argument)
{
	enum session_over over = chat->reading.how.over;
	struct err err;

	if (argument[0] && session_over_parse(argument, &over) < 0) {
		err_set(&err, ERR_USAGE, "/over", "/over fail, sweep, select or auto",
			"there is no such way to read");
		chat_complain(chat, &err);
		return;
	}
	if (argument[0] &&
		session_set(chat->session, "option.over", session_over_name(over), &err) < 0) {
		chat_complain(chat, &err);
		return;
	}
	chat->reading.how.over = over;
	output_line("%s: %s", session_over_name(over), meaning(over));
}
