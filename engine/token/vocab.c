#include "engine/token/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

uint64_t hash_seed = 0x9ae16a3b2f90404fu, hash_multiplier = 0x9e3779b97f4a7c15u;

static uint64_t load(const char *p, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, p, n);
	return value;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* From the 16 random bytes that the kernel gives every process; not these bytes themselves. */
static __attribute__((constructor)) void seed_hashes(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t word[2];

	if (random) {
		memcpy(word, random, sizeof(word));
		hash_seed = mix(word[0] ^ hash_seed, word[1] ^ 0xa0761d6478bd642fu);
		hash_multiplier = mix(word[1] ^ hash_multiplier, word[0] ^ 0xe7037ed1a0b428dbu) | 1;
	}
}

static uint64_t mix_word(uint64_t hash, const char *text)
{
	return mix(hash ^ load(text, 8), 0xa0761d6478bd642fu);
}

/* The length goes in last, so that longer texts can go on from the same whole words. */
static uint64_t mix_tail(uint64_t hash, const char *tail, size_t n, size_t len)
{
	return mix(hash ^ load(tail, n), 0xe7037ed1a0b428dbu ^ len << 32);
}

uint64_t bytes_hash(const char *text, size_t len)
{
	uint64_t hash = hash_seed;
	size_t left = len;

	while (left > 8) {
		hash = mix_word(hash, text);
		text += 8;
		left -= 8;
	}
	return mix_tail(hash, text, left, len);
}

/* The smallest power of two that leaves half of the slots free. */
static size_t slots_for(size_t n)
{
	size_t slots = 16;

	while (slots < 2 * n) {
		slots *= 2;
	}
	return slots;
}

int token_map_init(struct token_map *map, size_t n_tokens)
{
	size_t slots = slots_for(n_tokens);

	map->slot = reallocarray(NULL, slots, sizeof(*map->slot));
	if (!map->slot) {
		return -1;
	}
	memset(map->slot, 0xff, slots * sizeof(*map->slot));
	map->mask = slots - 1;
	return 0;
}

void token_map_finish(struct token_map *map)
{
	free(map->slot);
	*map = (struct token_map){0};
}

static struct token_slot *find_slot(const struct token_map *map, const struct vocab *vocab,
	const char *text, size_t len, uint64_t hash)
{
	for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
		struct token_slot *slot = &map->slot[i];

		if (slot->id == NO_TOKEN ||
			(slot->tag == hash >> 32 && vocab_len(vocab, slot->id) == len &&
				!memcmp(vocab_text(vocab, slot->id), text, len))) {
			return slot;
		}
	}
}

uint32_t token_map_add(struct token_map *map, const struct vocab *vocab, uint32_t id)
{
	const char *text = vocab_text(vocab, id);
	size_t len = vocab_len(vocab, id);
	uint64_t hash = bytes_hash(text, len);
	struct token_slot *slot = find_slot(map, vocab, text, len, hash);

	if (slot->id != NO_TOKEN) {
		return slot->id;
	}
	*slot = (struct token_slot){(uint32_t)(hash >> 32), id};
	return NO_TOKEN;
}

uint32_t token_map_find(
	const struct token_map *map, const struct vocab *vocab, const char *text, size_t len)
{
	return find_slot(map, vocab, text, len, bytes_hash(text, len))->id;
}

uint32_t token_map_find_prefix(const struct token_map *map, const struct vocab *vocab,
	const char *text, size_t len, struct prefix_hash *prefix)
{
	for (; len - prefix->at > 8; prefix->at += 8) {
		prefix->hash = mix_word(prefix->hash, text + prefix->at);
	}
	return find_slot(map, vocab, text, len,
		mix_tail(prefix->hash, text + prefix->at, len - prefix->at, len))
		->id;
}

int merge_map_init(struct merge_map *map, size_t n_merges)
{
	size_t slots = slots_for(n_merges);

	map->slot = reallocarray(NULL, slots, sizeof(*map->slot));
	if (!map->slot) {
		return -1;
	}
	memset(map->slot, 0xff, slots * sizeof(*map->slot));
	map->mask = slots - 1;
	map->shift = 64;
	for (size_t n = slots; n > 1; n /= 2) {
		map->shift--;
	}
	return 0;
}

void merge_map_finish(struct merge_map *map)
{
	free(map->slot);
	*map = (struct merge_map){0};
}

int merge_map_add(struct merge_map *map, const struct merge *merge)
{
	uint64_t key = (uint64_t)merge->left << 32 | merge->right;
	size_t i = (key * hash_multiplier) >> map->shift;

	for (; map->slot[i].left != NO_TOKEN; i = (i + 1) & map->mask) {
		if (map->slot[i].left == merge->left && map->slot[i].right == merge->right) {
			return -1;
		}
	}
	map->slot[i] = *merge;
	if (merge->rank >= map->n_ranks) {
		map->n_ranks = merge->rank + 1;
	}
	return 0;
}
