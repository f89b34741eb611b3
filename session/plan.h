/* What session_plan_reading() takes a question and its answer for, as nobody has asked it yet. */
#ifndef SESSION_PLAN_H
#define SESSION_PLAN_H

#define PLAN_QUESTION "What do they say about it, and where exactly is that said?"
enum { PLAN_ANSWER_TOK = 512 };

#endif
