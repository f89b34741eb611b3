#include "engine/event_queue.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queued {
	struct queued *next;
	struct engine_event event;
	void *block;
};

int event_queue_init(struct event_queue *queue, struct err *err)
{
	*queue = (struct event_queue){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return queue->wake_fd < 0
		       ? err_set_errno(err, ERR_ENGINE, errno, NULL, "the engine cannot be watched")
		       : 0;
}

int event_queue_is_empty(const struct event_queue *queue)
{
	return !queue->first;
}

static void set_awake(struct event_queue *queue, int is_awake)
{
	uint64_t one = 1;

	if (queue->is_awake == is_awake) {
		return;
	}
	queue->is_awake = is_awake;
	/* Neither can fail or block: the counter goes between 0 and 1. */
	if ((is_awake ? write(queue->wake_fd, &one, sizeof(one))
		      : read(queue->wake_fd, &one, sizeof(one))) < 0) {
		queue->is_awake = !is_awake;
	}
}

void event_queue_add(struct event_queue *queue, const struct engine_event *event, void *block)
{
	struct queued *queued;

	/* Only the newest progress of a load is of interest. */
	if (event->type == ENGINE_LOAD && queue->last && queue->last->event.type == ENGINE_LOAD) {
		queue->last->event = *event;
		free(block);
		return;
	}
	queued = mem_alloc(sizeof(*queued));
	*queued = (struct queued){.event = *event, .block = block};
	if (queue->last) {
		queue->last->next = queued;
	} else {
		queue->first = queued;
	}
	queue->last = queued;
	set_awake(queue, 1);
}

static void queued_free(struct queued *queued)
{
	if (queued) {
		free(queued->block);
		free(queued);
	}
}

int event_queue_take(struct event_queue *queue, struct engine_event *event)
{
	struct queued *queued = queue->first;

	queued_free(queue->current);
	queue->current = queued;
	if (!queued) {
		return 0;
	}
	queue->first = queued->next;
	if (!queue->first) {
		queue->last = NULL;
		set_awake(queue, 0);
	}
	*event = queued->event;
	return 1;
}

void event_queue_finish(struct event_queue *queue)
{
	struct engine_event event;

	while (event_queue_take(queue, &event)) {
	}
	if (queue->wake_fd >= 0) {
		close(queue->wake_fd);
	}
	queue->wake_fd = -1;
}
