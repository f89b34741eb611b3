/*
 * The engine's side of segments: the number that names one on the wire, and how a connection learns
 * that a segment it uploaded is gone.
 */
#ifndef ENGINE_SEGMENT_H
#define ENGINE_SEGMENT_H

#include "engine/engine.h"

#include <stddef.h>
#include <stdint.h>

/* Unique within this process and never used twice. */
uint64_t segment_number(const struct segment *segment);

/*
 * A letter box for the numbers of segments that were destroyed. Segments may outlive the box's owner
 * and be destroyed by other threads.
 */
struct segment_watch;

struct segment_watch *segment_watch_create(void);
void segment_watch_destroy(struct segment_watch *watch); /* NULL-safe */
/* When `segment` is destroyed, its number goes into the box. Once per segment and box. */
void segment_watch_add(struct segment_watch *watch, struct segment *segment);
/* Moves what has arrived to *number (malloc'ed, the caller frees it; NULL if nothing has). */
size_t segment_watch_take(struct segment_watch *watch, uint64_t **number);

#endif
