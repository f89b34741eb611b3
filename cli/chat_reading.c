/* More than the window in the chat: how it is read, and what that costs. */
#include "cli/chat.h"

#include "base/log.h"
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct chat *chat = arg;

	reading_show(&chat->view, progress);
}

static int plan(struct chat *chat, struct session_plan *out, struct err *err)
{
	struct session_watch watch = {.stopped = chat_stopped, .arg = chat, .reading = on_reading};
	int status;

	chat->view = (struct reading_view){.is_terse = 0};
	status = reading_ready(&chat->reading, chat->engine, err);
	if (status == 0) {
		status = session_plan_reading(
			chat->session, chat->engine, &chat->reading.how, &watch, out, err);
	}
	log_progress_clear();
	return status;
}

void chat_plan(struct chat *chat, const char *argument)
{
	struct session_plan out;
	struct err err;

	if (!session_source_count(chat->session)) {
		err_set(&err, ERR_USAGE, "/plan", "/load PATH", "there are no sources");
		chat_complain(chat, &err);
	} else if (plan(chat, &out, &err) < 0) {
		chat_complain(chat, &err);
	} else {
		reading_tell_plan(&out, output_line);
	}
}

void chat_tell_over(struct chat *chat)
{
	struct session_watch watch = {.stopped = chat_stopped, .arg = chat};
	struct session_cost cost;
	struct session_plan out;
	struct err err;

	if (!session_source_count(chat->session) || chat->reading.how.over == SESSION_OVER_FAIL ||
		session_cost(chat->session, chat->engine, &watch, &cost, NULL) < 0 ||
		cost.total_tok < engine_info(chat->engine)->context_tok) {
		return;
	}
	if (plan(chat, &out, &err) < 0) {
		log_err(&err); /* a question will say it again, where it matters */
		return;
	}
	reading_tell_plan(&out, log_note);
	log_note("questions are answered by %s (/over says how else)",
		session_over_name(chat->reading.how.over));
}

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
