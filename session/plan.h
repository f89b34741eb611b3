/* What reading would cost: what session_plan_reading() assumes, and how it is told. */
#ifndef SESSION_PLAN_H
#define SESSION_PLAN_H

#include "base/buf.h"
#include "session/session.h"

/* What a question and its answer are taken for, as nobody has asked it yet. */
#define PLAN_QUESTION "What do they say about it, and where exactly is that said?"
enum { PLAN_ANSWER_TOK = 512 };

/* Append lines, each ended by a line feed and short enough for a terminal. */
void plan_text(const struct session_plan *plan, struct buf *out);

#endif
