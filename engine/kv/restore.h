/*
 * What continues a prompt on disk: found here, so that it can be judged before any of it is read.
 */
#ifndef ENGINE_KV_RESTORE_H
#define ENGINE_KV_RESTORE_H

#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

struct kv_cache;
struct kv_disk_entry;
struct kv_page;

struct kv_restore {
	const struct kv_disk_entry **entry; /* [n_entry] full pages, each the parent of the next */
	int64_t n_entry, cap_entry;
	const struct kv_disk_entry *tail; /* its first tail_tok tokens continue these; or NULL */
	int32_t tail_tok;
	int64_t n_tok; /* of all of it */
	double link_s; /* kv_disk_link_s() of all of it */
};

/*
 * What disk has of ids [n_ids] behind `parent` (NULL: they begin the prompt). Memory has memory_tok of
 * them, less than a page: a tail that has no more is left out. Without memory it is less. Entries are
 * valid as kv_disk_refresh() says.
 */
void kv_restore_stage(struct kv_restore *restore, struct kv_cache *cache,
	const struct kv_page *parent, const uint32_t *ids, int64_t n_ids, int32_t memory_tok);
void kv_restore_finish(struct kv_restore *restore);

#endif
