/* What client.c (the connection and the requests) shares with client_input.c (what arrives). */
#ifndef ENGINE_CLIENT_INTERNAL_H
#define ENGINE_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "engine/engine.h"
#include "engine/event_queue.h"
#include "engine/idmap.h"
#include "engine/link.h"
#include "engine/segment.h"
#include "engine/wire.h"

/* A buffer that has been larger is given back when it is empty. */
#define CLIENT_KEEP_BYTES ((size_t)4 << 20)

/* A request under way. */
struct pending {
	int64_t id;
	enum wire_type kind; /* WIRE_SUBMIT, WIRE_TOKENIZE, WIRE_CACHED, WIRE_RENDER */
	uint32_t *ids;       /* the pieces of TOKENS so far */
	size_t n_ids;
};

struct engine {
	const struct engine_link_ops *ops;
	struct engine_link *link;
	struct engine_config config;
	int fd; /* -1: nothing runs, or what ran is ending */
	int is_ending;
	struct err reason; /* why we ended it; no code: it ended itself */
	int epoll_fd;
	int wants_write;

	struct buf out, in;
	size_t out_sent;

	/* What the other end has. */
	struct idmap uploaded;
	struct segment_watch *watch;
	uint64_t *sent; /* the numbers of the prompt sent last */
	size_t n_sent, cap_sent;

	struct pending *pending;
	size_t n_pending, cap_pending;
	int64_t last_request;

	struct event_queue events;
	struct err *note; /* [n_note] not told yet */
	size_t n_note, cap_note;

	int has_info, is_ready, has_failed;
	struct err error; /* why the engine is not running */
	int n_early_death;
	int64_t early_death_ns;
	struct engine_info info;
	char **string; /* every text that info ever pointed to */
	size_t n_string, cap_string;
};

/* ---- client_input.c ---- */

/* A FAILED of ours. */
void client_queue_failed(struct engine *engine, int64_t request, const struct err *err);
struct pending *client_find_pending(struct engine *engine, int64_t id);
void client_remove_pending(struct engine *engine, struct pending *pending);
/* The texts of *info, NULL being "", become the handle's. */
void client_keep_strings(struct engine *engine, struct engine_info *info);
/* Take every whole frame out of `in`. Returns less than 0 where one is not to be believed. */
int client_take_input(struct engine *engine, struct err *err);

#endif
