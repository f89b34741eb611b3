/* Segments of one root written anew without the pages that go. */
#ifndef ENGINE_KV_REWRITE_H
#define ENGINE_KV_REWRITE_H

#include "engine/kv/stock.h"

struct kv_rewrite {
	struct kv_folder *folder;
	struct kv_stock *stock;
	const struct engine_kv_watch *watch;
	struct engine_kv_work *work;
	int64_t done_bytes, total_bytes;
	int64_t segment_bytes; /* the most that a new one holds */
	/* Segments that are held go too, and those whose pages find no room elsewhere. */
	int by_force;
};

/*
 * Write the segments with is_rewritten anew: their pages that are good and not dropped move, the marks
 * of those that go are put on what stays, then they are removed.
 */
int kv_rewrite(struct kv_rewrite *rewrite, struct err *err);

#endif
