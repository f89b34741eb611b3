/* Computing the KV of a session ahead, as `carrel load --prefill` and /prefill do. */
#ifndef CLI_PREFILL_H
#define CLI_PREFILL_H

#include "session/session.h"

/*
 * Compute what stands in front of the next question, with progress from the first moment on, and say
 * what came of it. Stopped by `stopped`, it is ERR_INTERRUPTED, with how much is kept and the hint
 * `resume`.
 */
int prefill_run(struct session *session, struct engine *engine, int (*stopped)(void *arg),
	void *arg, const char *resume, struct engine_usage *usage, struct err *err);

#endif
