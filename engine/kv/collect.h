/*
 * Making room on disk: what goes is decided page by page, then the segments that hold it are written
 * anew without it, and removed. Who has a segment's pages mapped keeps them until it lets go.
 */
#ifndef ENGINE_KV_COLLECT_H
#define ENGINE_KV_COLLECT_H

#include "engine/kv/folder.h"
#include "engine/kv/stock.h"

#include <stdint.h>

/* The folder is locked. Each returns 0, or -1: no room, an I/O error, or the watch ended it. */

/*
 * Down to limit_bytes (> 0): least recently used first, leaves before parents, nothing that a pinned
 * session used, nothing that is held. `thoroughly`: every page is read, and out with what is damaged,
 * unreachable or there twice; else only what is worth the trouble.
 */
int kv_collect(struct kv_folder *folder, int64_t limit_bytes, int thoroughly,
	const struct engine_kv_watch *watch, struct engine_kv_work *work, struct err *err);

/* engine_kv_remove() of one owner. */
int kv_collect_owner(struct kv_folder *folder, const char *owner,
	const struct engine_kv_watch *watch, struct engine_kv_work *work, struct err *err);

#endif
