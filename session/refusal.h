/* The answer where the sources have none, as the instructions of the pack ask for it. */
#ifndef SESSION_REFUSAL_H
#define SESSION_REFUSAL_H

#include <stddef.h>

#define REFUSAL_TEXT "The sources do not say."

/* Whether an answer is this and nothing else; case and space are folded, the full stop may be missing. */
int refusal_is(const char *text, size_t len);

#endif
