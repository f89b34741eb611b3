/*
 * A part of a file of pages, mapped for reading. What cannot be read any more (the file was cut off,
 * or the disk fails) raises SIGBUS where it is read: the handler here puts zeros in its place, marks
 * the page, and the reader goes on. A SIGBUS elsewhere goes to who handled it before.
 */
#ifndef ENGINE_KV_MAPPING_H
#define ENGINE_KV_MAPPING_H

#include <stddef.h>
#include <stdint.h>

struct kv_mapping {
	uint8_t *base;
	int64_t first_slot, n_slot, slot_bytes;
	int64_t n_linked;       /* the user's */
	struct kv_guard *guard; /* what the handler sees */
	uint32_t n_fault_seen;  /* the user's */
};

/* Slots first_slot ... of the file; -1: errno. */
int kv_mapping_open(
	struct kv_mapping *mapping, int fd, int64_t first_slot, int64_t n_slot, int64_t slot_bytes);
void kv_mapping_close(struct kv_mapping *mapping);

/* As if the handler had stepped in everywhere. */
void kv_mapping_lose(struct kv_mapping *mapping);
/* How often the handler had to step in. */
uint32_t kv_mapping_faults(const struct kv_mapping *mapping);
/* Whether it did in this slot (numbered in the file). */
int kv_mapping_is_lost(const struct kv_mapping *mapping, int64_t slot);

#endif
