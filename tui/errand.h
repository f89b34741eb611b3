/*
 * Work that may take long and needs neither the session nor the engine (reading other sessions,
 * searching in them), on a thread of its own: it goes on beside an answer, and the screen never waits
 * for it. Who began it looks from time to time (app_after()) whether it is done.
 */
#ifndef TUI_ERRAND_H
#define TUI_ERRAND_H

#include "base/err.h"

struct errand;
/* NULL: no thread could be made. `work` is given `arg`, which is nobody else's until the end. */
struct errand *errand_begin(
	int (*work)(struct errand *errand, void *arg, struct err *err), void *arg, struct err *err);
/* For `work`: whether nobody wants it any more. */
int errand_is_stopped(const struct errand *errand);
int errand_is_done(const struct errand *errand);
/* Of one that is done: frees it, and says what `work` returned. */
int errand_end(struct errand *errand, struct err *err);
/* Nobody waits for it any more: `arg` is dropped as soon as it is done, now or later. NULL-safe. */
void errand_leave(struct errand *errand, void (*drop)(void *arg));

#endif
