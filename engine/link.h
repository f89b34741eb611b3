/*
 * Where the other end of a connection runs: in a child process (process.c), or on a thread of this
 * process (engine_thread.c), behind the same messages.
 */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include "base/err.h"
#include "engine/engine.h"

struct engine_link;

struct engine_link_ops {
	/*
	 * Start the other end. *fd is our end of the socket (close-on-exec, non-blocking), the
	 * caller's to close.
	 */
	int (*start)(struct engine_link **out, int *fd, const struct engine_config *config,
		struct err *err);
	/*
	 * After our end of the socket was closed: whether the other end is gone by now; then the
	 * link is freed and *why says how it ended. Waits for that at most wait_ms (-1: for as long
	 * as it takes). Other ends that take too long are ended by force.
	 */
	int (*finish)(struct engine_link *link, int wait_ms, struct err *why);
	/* Readable when finish() is to be called again. NULL where finish() always waits. */
	int (*fd)(const struct engine_link *link);
};

extern const struct engine_link_ops engine_link_process;

/* engine_open() over another link. */
int engine_open_link(struct engine **out, const struct engine_config *config,
	const struct engine_link_ops *ops, struct err *err);

/* A connected pair; both are close-on-exec, `client` is non-blocking. */
int engine_link_pair(int *client, int *server, struct err *err);

#endif
