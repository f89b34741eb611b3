/*
 * Which chunks of a library a question is about, by meaning: a vector for each chunk, made by an engine
 * (ENGINE_EMBEDDING), compared by cosine. Kept in the session's folder by the digest of the chunk's text
 * and of the model that made it; a chunk that has its vector is not read again, a run that was stopped
 * goes on where it stopped. search_forget() removes them, too.
 */
#ifndef SESSION_VECTORS_H
#define SESSION_VECTORS_H

#include "base/err.h"
#include "session/library.h"
#include "session/retrieve.h"

#include <stddef.h>
#include <stdint.h>

struct vectors;

/* Reads what is kept; makes nothing. `folder` NULL: in memory. */
int vectors_open(struct vectors **out, const struct library *library, const char *folder,
	struct engine *embedder, struct err *err);
void vectors_close(struct vectors *vectors); /* NULL-safe */
/* How many chunks have none, and about how many seconds they would take; negative: not known. */
size_t vectors_missing(const struct vectors *vectors, double *seconds);
/* Make those that are missing; watch->reading tells how far. A stop is ERR_INTERRUPTED; what is there is kept. */
int vectors_make(struct vectors *vectors, const struct session_watch *watch, struct err *err);
/* Of the chunks that have one, the best `most`; *out is malloc'ed. */
int vectors_rank(struct vectors *vectors, const char *question, size_t len, size_t most,
	const struct session_watch *watch, struct ranked **out, size_t *count, struct err *err);

#endif
