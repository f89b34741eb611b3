#include "engine/kv/index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BLOCK_ENTRIES = 512, BUCKETS_MIN = 1 << 10 };

void kv_index_init(struct kv_index *index)
{
	memset(index, 0, sizeof(*index));
	/* Names come from files: no file can know which of them share a bucket. */
	if (getrandom(&index->seed, sizeof(index->seed), 0) < 0) {
		index->seed = 1;
	}
}

void kv_index_finish(struct kv_index *index)
{
	for (uint32_t i = 0; i < index->n_block; i++) {
		free(index->block[i]);
	}
	free(index->block);
	free(index->by_name);
	free(index->by_parent);
	memset(index, 0, sizeof(*index));
}

struct kv_index_entry *kv_index_at(const struct kv_index *index, uint32_t i)
{
	return &index->block[i / BLOCK_ENTRIES][i % BLOCK_ENTRIES];
}

static uint32_t bucket_of(const struct kv_index *index, const struct sha256_digest *name)
{
	uint64_t word[2];

	memcpy(word, name->byte, sizeof(word));
	word[0] = (word[0] ^ index->seed) * 0x9e3779b97f4a7c15U;
	word[0] = (word[0] ^ word[0] >> 32 ^ word[1]) * 0xd6e8feb86659fd93U;
	return (uint32_t)(word[0] >> 32) & (index->n_bucket - 1);
}

static void link_entry(struct kv_index *index, uint32_t i)
{
	struct kv_index_entry *entry = kv_index_at(index, i);
	uint32_t *named = &index->by_name[bucket_of(index, &entry->page.name)];
	uint32_t *child = &index->by_parent[bucket_of(index, &entry->page.parent)];

	entry->next_named = *named;
	*named = i + 1;
	entry->next_child = *child;
	*child = i + 1;
}

/* Both tables anew, in which the dead have no place. */
static int rebuild(struct kv_index *index, uint32_t n_bucket)
{
	uint32_t *by_name = calloc(n_bucket, sizeof(uint32_t));
	uint32_t *by_parent = calloc(n_bucket, sizeof(uint32_t));

	if (!by_name || !by_parent) {
		free(by_name);
		free(by_parent);
		return -1;
	}
	free(index->by_name);
	free(index->by_parent);
	index->by_name = by_name;
	index->by_parent = by_parent;
	index->n_bucket = n_bucket;
	for (uint32_t i = 0; i < index->n_entry; i++) {
		if (!kv_index_at(index, i)->is_dead) {
			link_entry(index, i);
		}
	}
	return 0;
}

static int make_room(struct kv_index *index)
{
	if (index->n_entry >= index->n_bucket &&
		rebuild(index, index->n_bucket ? 2 * index->n_bucket : BUCKETS_MIN) < 0 &&
		!index->n_bucket) {
		return -1;
	}
	if (index->n_entry < index->n_block * BLOCK_ENTRIES) {
		return 0;
	}
	if (index->n_block == index->cap_block) {
		uint32_t cap = index->cap_block ? 2 * index->cap_block : 16;
		struct kv_index_entry **grown = realloc(index->block, cap * sizeof(*grown));

		if (!grown) {
			return -1;
		}
		index->block = grown;
		index->cap_block = cap;
	}
	index->block[index->n_block] = malloc(BLOCK_ENTRIES * sizeof(struct kv_index_entry));
	if (!index->block[index->n_block]) {
		return -1;
	}
	index->n_block++;
	return 0;
}

struct kv_index_entry *kv_index_add(
	struct kv_index *index, const struct kv_record *record, uint32_t segment)
{
	struct kv_index_entry *entry;

	if (make_room(index) < 0) {
		return NULL;
	}
	entry = kv_index_at(index, index->n_entry);
	entry->page.name = record->name;
	entry->page.parent = record->parent;
	entry->page.n_tok = record->n_tok;
	entry->page.ids = entry->ids;
	memcpy(entry->ids, record->ids, sizeof(entry->ids));
	entry->segment = segment;
	entry->slot = (uint32_t)record->slot;
	entry->data_crc = record->data_crc;
	entry->is_dead = 0;
	entry->number = index->n_entry;
	link_entry(index, index->n_entry++);
	return entry;
}

void kv_index_drop(struct kv_index *index, const uint8_t *is_gone)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < index->n_entry; i++) {
		struct kv_index_entry *from = kv_index_at(index, i), *to = kv_index_at(index, n);

		if (from->is_dead || is_gone[from->segment]) {
			continue;
		}
		if (to != from) {
			*to = *from;
			to->page.ids = to->ids;
			to->number = n;
		}
		n++;
	}
	index->generation += n < index->n_entry;
	index->n_entry = n;
	index->n_dead = 0;
	while (index->n_block > (n + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES) {
		free(index->block[--index->n_block]);
	}
	memset(index->by_name, 0, index->n_bucket * sizeof(uint32_t));
	memset(index->by_parent, 0, index->n_bucket * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++) {
		link_entry(index, i);
	}
}

void kv_index_kill(struct kv_index *index, struct kv_index_entry *entry)
{
	index->n_dead += !entry->is_dead;
	index->generation += !entry->is_dead;
	entry->is_dead = 1;
}

struct kv_index_entry *kv_index_named(const struct kv_index *index,
	const struct sha256_digest *name, const struct kv_index_entry *after)
{
	uint32_t next = after             ? after->next_named
			: index->n_bucket ? index->by_name[bucket_of(index, name)]
					  : 0;

	while (next) {
		struct kv_index_entry *entry = kv_index_at(index, next - 1);

		if (!entry->is_dead && sha256_equal(&entry->page.name, name)) {
			return entry;
		}
		next = entry->next_named;
	}
	return NULL;
}

struct kv_index_entry *kv_index_child(const struct kv_index *index,
	const struct sha256_digest *parent, const struct kv_index_entry *after)
{
	uint32_t next = after             ? after->next_child
			: index->n_bucket ? index->by_parent[bucket_of(index, parent)]
					  : 0;

	while (next) {
		struct kv_index_entry *entry = kv_index_at(index, next - 1);

		if (!entry->is_dead && sha256_equal(&entry->page.parent, parent)) {
			return entry;
		}
		next = entry->next_child;
	}
	return NULL;
}
