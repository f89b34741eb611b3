/* Events between their arrival and engine_next(), with a descriptor that is readable meanwhile. */
#ifndef ENGINE_EVENT_QUEUE_H
#define ENGINE_EVENT_QUEUE_H

#include "base/err.h"
#include "engine/engine.h"

struct queued;

struct event_queue {
	struct queued *first, *last, *current;
	int wake_fd, is_awake;
};

int event_queue_init(struct event_queue *queue, struct err *err);
void event_queue_finish(struct event_queue *queue); /* also after a failed init */
int event_queue_is_empty(const struct event_queue *queue);

/* `block` is what the event's pointers point into: malloc'ed, taken over, may be NULL. */
void event_queue_add(struct event_queue *queue, const struct engine_event *event, void *block);
/* Returns 0 if there is none. What its pointers point into stays until the next call. */
int event_queue_take(struct event_queue *queue, struct engine_event *event);

#endif
