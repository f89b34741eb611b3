/*
 * The pages of one root that are on disk, in memory: found by name and by parent. Entries do not
 * move; those of a segment that is gone are dropped together.
 */
#ifndef ENGINE_KV_INDEX_H
#define ENGINE_KV_INDEX_H

#include "engine/kv/disk.h"
#include "engine/kv/record.h"

#include <stddef.h>
#include <stdint.h>

struct kv_index_entry {
	struct kv_disk_entry page; /* first, so that one leads to the other */
	uint32_t ids[KV_PAGE_TOK];
	uint32_t segment; /* the caller's number of it */
	uint32_t slot, data_crc;
	uint32_t number;                 /* kv_index_at() of it is the entry */
	uint32_t next_named, next_child; /* 1 + number of the next in the chain; 0: the last */
	int is_dead;                     /* found no more */
};

struct kv_index {
	struct kv_index_entry **block;
	uint32_t n_block, cap_block;
	uint32_t n_entry, n_dead;
	uint32_t *by_name, *by_parent; /* [n_bucket] */
	uint32_t n_bucket;
	uint64_t seed;
	uint64_t generation; /* changes whenever an entry is found no more */
};

void kv_index_init(struct kv_index *index);
void kv_index_finish(struct kv_index *index);

/* NULL: no memory. */
struct kv_index_entry *kv_index_add(
	struct kv_index *index, const struct kv_record *record, uint32_t segment);
/* Forget the entries of these segments. All entries may have moved. */
void kv_index_drop(struct kv_index *index, const uint8_t *is_gone);
void kv_index_kill(struct kv_index *index, struct kv_index_entry *entry);

/* Entries of this name, or that continue it, one after the other; NULL after the last. */
struct kv_index_entry *kv_index_named(const struct kv_index *index,
	const struct sha256_digest *name, const struct kv_index_entry *after);
struct kv_index_entry *kv_index_child(const struct kv_index *index,
	const struct sha256_digest *parent, const struct kv_index_entry *after);
/* In no order, the dead ones too. */
struct kv_index_entry *kv_index_at(const struct kv_index *index, uint32_t i);

#endif
