#include "engine/kv/restore.h"

#include "engine/kv/cache.h"
#include "engine/kv/disk.h"

#include <stdlib.h>

static int add_entry(struct kv_restore *restore, const struct kv_disk_entry *entry)
{
	if (restore->n_entry >= restore->cap_entry) {
		int64_t cap = restore->cap_entry ? 2 * restore->cap_entry : 64;
		const struct kv_disk_entry **grown =
			reallocarray(restore->entry, (size_t)cap, sizeof(struct kv_disk_entry *));

		if (!grown) {
			return -1;
		}
		restore->entry = grown;
		restore->cap_entry = cap;
	}
	restore->entry[restore->n_entry++] = entry;
	return 0;
}

void kv_restore_stage(struct kv_restore *restore, struct kv_cache *cache,
	const struct kv_page *parent, const uint32_t *ids, int64_t n_ids, int32_t memory_tok)
{
	struct kv_disk *disk = kv_cache_disk(cache);
	struct sha256_digest at = *kv_cache_name_of(cache, parent);
	double tail_s;

	*restore = (struct kv_restore){0};
	while (n_ids - restore->n_tok >= KV_PAGE_TOK) {
		struct sha256_digest name = kv_cache_name(cache, &at, ids + restore->n_tok);
		const struct kv_disk_entry *entry =
			kv_disk_find(disk, &name, &at, ids + restore->n_tok);

		if (!entry || add_entry(restore, entry) < 0) {
			break;
		}
		at = name;
		restore->n_tok += KV_PAGE_TOK;
	}
	restore->tail = kv_disk_find_partial(disk, &at, ids + restore->n_tok,
		(size_t)(n_ids - restore->n_tok), &restore->tail_tok);
	if (!restore->n_entry && restore->tail_tok <= memory_tok) {
		restore->tail = NULL;
	}
	restore->tail_tok = restore->tail ? restore->tail_tok : 0;
	restore->n_tok += restore->tail_tok;
	restore->link_s = kv_disk_link_s(disk, restore->entry, restore->n_entry);
	if (restore->tail && restore->link_s >= 0) {
		tail_s = kv_disk_link_s(disk, &restore->tail, 1);
		restore->link_s = tail_s < 0 ? -1 : restore->link_s + tail_s;
	}
}

void kv_restore_finish(struct kv_restore *restore)
{
	free(restore->entry);
	*restore = (struct kv_restore){0};
}
