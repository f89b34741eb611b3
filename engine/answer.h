/*
 * The text of an answer as it streams: bytes of tokens go in; complete UTF-8 characters that cannot
 * be part of a stop text any more come out. Bytes that are no UTF-8 come out as U+FFFD.
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "base/buf.h"

struct answer {
	char **stop; /* [n_stop] */
	size_t n_stop;
	struct buf held;  /* not given out yet */
	struct buf ready; /* to give out now; the caller clears it */
};

/* stop is NULL-terminated or NULL, copied; empty texts are ignored. */
void answer_init(struct answer *answer, const char *const *stop);
void answer_finish(struct answer *answer);

/* Returns 1 if a stop text is complete: what stands before it is ready, the rest is dropped. */
int answer_add(struct answer *answer, const char *bytes, size_t len);

/* Nothing will follow: everything held is ready. */
void answer_flush(struct answer *answer);

#endif
