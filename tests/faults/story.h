/*
 * What happens to a session in the tests of faults, step by step: each step is one commit, and what
 * a session holds after step s follows from s alone. So the draft, which names the step, tells
 * what everything else has to be, to the byte, and half a step is found out.
 */
#ifndef TESTS_FAULTS_STORY_H
#define TESTS_FAULTS_STORY_H

#include "base/err.h"
#include "session/store.h"

#include <stddef.h>
#include <stdint.h>

/* The step that a session stands at; -1 with a sentence where it is not exactly that. 0: it is new. */
int64_t story_check(const struct store_contents *contents, struct err *err);
/* store_read() and story_check(). */
int64_t story_read(struct store *store, struct err *err);
/* Step s; those before it were made. */
int story_step(struct store *store, int64_t step, struct err *err);
/* Turns that a session at step s has. */
int64_t story_turns(int64_t step);

#endif
