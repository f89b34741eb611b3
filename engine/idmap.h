/* From the numbers of segments to pointers: open addressing, linear probing. */
#ifndef ENGINE_IDMAP_H
#define ENGINE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
	uint64_t key; /* 0: free */
	void *value;
};

/* Zero-initialise; idmap_finish() frees the slots, not what they point to. */
struct idmap {
	struct idmap_slot *slot;
	size_t count, cap; /* cap is a power of two */
};

/* NULL if absent. key is not 0. */
void *idmap_get(const struct idmap *map, uint64_t key);
void idmap_put(struct idmap *map, uint64_t key, void *value); /* value is not NULL */
void *idmap_remove(struct idmap *map, uint64_t key);          /* what it was, or NULL */
void idmap_finish(struct idmap *map);

#endif
