#include "engine/idmap.h"

#include "base/mem.h"

#include <stdlib.h>

/* Numbers are consecutive: multiply by 2^64 / golden ratio and take the top (Knuth 6.4). */
static size_t home(const struct idmap *map, uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15 >> 20) & (map->cap - 1);
}

/* The slot of key, or the free one where it would go. */
static size_t find(const struct idmap *map, uint64_t key)
{
	size_t at = home(map, key);

	while (map->slot[at].key && map->slot[at].key != key) {
		at = (at + 1) & (map->cap - 1);
	}
	return at;
}

void *idmap_get(const struct idmap *map, uint64_t key)
{
	return map->count ? map->slot[find(map, key)].value : NULL;
}

static void grow(struct idmap *map)
{
	struct idmap old = *map;

	map->cap = old.cap ? 2 * old.cap : 64;
	map->slot = mem_zero(map->cap, sizeof(*map->slot));
	for (size_t i = 0; i < old.cap; i++) {
		if (old.slot[i].key) {
			map->slot[find(map, old.slot[i].key)] = old.slot[i];
		}
	}
	free(old.slot);
}

void idmap_put(struct idmap *map, uint64_t key, void *value)
{
	size_t at;

	if (2 * map->count >= map->cap) {
		grow(map);
	}
	at = find(map, key);
	map->count += map->slot[at].key == 0;
	map->slot[at] = (struct idmap_slot){key, value};
}

void *idmap_remove(struct idmap *map, uint64_t key)
{
	size_t mask = map->cap - 1, hole, at;
	void *value;

	if (!map->count) {
		return NULL;
	}
	hole = find(map, key);
	value = map->slot[hole].value;
	if (!map->slot[hole].key) {
		return NULL;
	}
	/* Close the gap: move back what lies between its home and here (Knuth 6.4, algorithm R). */
	for (at = (hole + 1) & mask; map->slot[at].key; at = (at + 1) & mask) {
		size_t from = home(map, map->slot[at].key);

		if (((at - from) & mask) >= ((at - hole) & mask)) {
			map->slot[hole] = map->slot[at];
			hole = at;
		}
	}
	map->slot[hole] = (struct idmap_slot){0};
	map->count--;
	return value;
}

void idmap_finish(struct idmap *map)
{
	free(map->slot);
	*map = (struct idmap){0};
}
