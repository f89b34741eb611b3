/* What waits for the screen: one wake for a burst, and of what is replaced only the newest. */
#include "session/desk_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void plan_destroy(struct desk_plan *plan)
{
	if (!plan) {
		return;
	}
	for (size_t i = 0; i < plan->n_text; i++) {
		free(plan->text[i]);
	}
	for (size_t i = 0; i < plan->n_skipped; i++) {
		free(plan->skipped[i].path);
		free(plan->skipped[i].reason);
	}
	free(plan->text);
	free(plan->skipped);
	free(plan);
}

void desk_event_finish(struct desk_event *event)
{
	desk_state_unref(event->state);
	free(event->text);
	citations_free(event->find, event->n_find);
	plan_destroy(event->plan);
	*event = (struct desk_event){0};
}

int event_list_init(struct event_list *list, struct err *err)
{
	*list = (struct event_list){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	return list->wake_fd < 0 ? err_set_errno(err, ERR_FAILURE, errno, NULL,
					   "the session's thread cannot be watched")
				 : 0;
}

void event_list_finish(struct event_list *list)
{
	while (list->first) {
		struct queued_event *next = list->first->next;

		desk_event_finish(&list->first->event);
		free(list->first);
		list->first = next;
	}
	if (list->wake_fd >= 0) {
		close(list->wake_fd);
	}
	*list = (struct event_list){.wake_fd = -1};
}

/* ---- what was not taken yet ---- */

/* Of these only the newest counts, and it comes where the one before would have. */
static struct desk_event *find_replaced(struct event_list *list, const struct desk_event *event)
{
	for (struct queued_event *queued = list->first; queued; queued = queued->next) {
		struct desk_event *old = &queued->event;

		if (old->type == event->type &&
			(event->type == DESK_STATE || event->type == DESK_PREVIEW ||
				(event->type == DESK_PROGRESS && old->order == event->order &&
					old->doing == event->doing))) {
			return old;
		}
	}
	return NULL;
}

/* The last piece of the same text, where only progress came behind it. */
static struct desk_event *find_continued(struct event_list *list, const struct desk_event *event)
{
	struct desk_event *last = NULL;

	if (event->type != DESK_TEXT && event->type != DESK_THOUGHT) {
		return NULL;
	}
	for (struct queued_event *queued = list->first; queued; queued = queued->next) {
		if (queued->event.type != DESK_PROGRESS && queued->event.type != DESK_STATE &&
			queued->event.type != DESK_PREVIEW) {
			last = &queued->event;
		}
	}
	return last && last->type == event->type && last->order == event->order ? last : NULL;
}

static void continue_text(struct desk_event *to, const struct desk_event *from)
{
	to->text = mem_resize(to->text, to->text_len + from->text_len + 1, 1);
	memcpy(to->text + to->text_len, from->text, from->text_len);
	to->text_len += from->text_len;
	to->text[to->text_len] = 0;
}

static void append(struct event_list *list, const struct desk_event *event)
{
	struct queued_event *queued = mem_alloc(sizeof(*queued));
	uint64_t one = 1;

	*queued = (struct queued_event){.event = *event};
	if (list->last) {
		list->last->next = queued;
	} else {
		list->first = queued;
		/* The counter goes between 0 and 1: this can neither fail nor block. */
		while (write(list->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
		}
	}
	list->last = queued;
}

void event_list_add(struct event_list *list, struct desk_event *event)
{
	struct desk_event *old = find_continued(list, event);

	if (old) {
		continue_text(old, event);
		return;
	}
	old = find_replaced(list, event);
	if (old) {
		struct desk_event replaced = *old;

		*old = *event;
		*event = replaced;
	} else {
		append(list, event);
		*event = (struct desk_event){0};
	}
}

void desk_post(struct desk *desk, struct desk_event *event)
{
	pthread_mutex_lock(&desk->lock);
	event_list_add(&desk->events, event);
	pthread_mutex_unlock(&desk->lock);
	desk_event_finish(event);
}

void desk_note(struct desk *desk, const struct err *err)
{
	struct desk_event event = {.type = DESK_NOTE, .err = *err};

	desk_post(desk, &event);
}

int desk_next(struct desk *desk, struct desk_event *event)
{
	struct queued_event *queued;
	uint64_t count;

	pthread_mutex_lock(&desk->lock);
	queued = desk->events.first;
	if (queued) {
		desk->events.first = queued->next;
	}
	if (queued && !queued->next) {
		desk->events.last = NULL;
		while (read(desk->events.wake_fd, &count, sizeof(count)) < 0 && errno == EINTR) {
		}
	}
	pthread_mutex_unlock(&desk->lock);
	if (!queued) {
		return 0;
	}
	*event = queued->event;
	free(queued);
	return 1;
}
