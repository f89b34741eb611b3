#include "engine/segment.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct segment_watch {
	int n_holder; /* its owner and each segment that names it */
	uint64_t *number;
	size_t count, cap;
};

struct segment {
	atomic_size_t n_ref;
	uint64_t number;
	enum segment_kind kind;
	enum prompt_mark mark;
	struct segment_watch **watch;
	size_t n_watch, cap_watch;
	int is_source;
	struct segment_aside *aside; /* [n_aside] */
	size_t n_aside;
	size_t size_bytes;
	uint32_t data[]; /* text or ids */
};

/* Guards every watch and every segment's list of them: touched at upload and at destruction only. */
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;

static struct segment *create(enum segment_kind kind, const void *data, size_t size_bytes)
{
	static _Atomic uint64_t last_number;
	struct segment *segment = mem_alloc(sizeof(*segment) + size_bytes);

	*segment = (struct segment){.kind = kind, .size_bytes = size_bytes};
	atomic_init(&segment->n_ref, 1);
	segment->number = atomic_fetch_add(&last_number, 1) + 1;
	if (size_bytes) {
		memcpy(segment->data, data, size_bytes);
	}
	return segment;
}

struct segment *segment_text(const char *text, size_t len)
{
	return create(SEGMENT_TEXT, text, len);
}

struct segment *segment_source(
	const char *text, size_t len, const struct segment_aside *aside, size_t n_aside)
{
	struct segment *segment = create(SEGMENT_TEXT, text, len);

	/* A caller that has more cannot be quoted from: that is what the number is for. */
	if (n_aside > SEGMENT_ASIDES_MAX) {
		return segment;
	}
	segment->is_source = 1;
	segment->n_aside = n_aside;
	segment->aside = mem_alloc(n_aside * sizeof(*aside));
	if (n_aside) {
		memcpy(segment->aside, aside, n_aside * sizeof(*aside));
	}
	return segment;
}

struct segment *segment_ids(const uint32_t *ids, size_t count)
{
	return create(SEGMENT_IDS, ids, count * sizeof(*ids));
}

struct segment *segment_turn(const uint32_t *ids, size_t count)
{
	return create(SEGMENT_TURN, ids, count * sizeof(*ids));
}

struct segment *segment_mark(enum prompt_mark mark)
{
	struct segment *segment = create(SEGMENT_MARK, NULL, 0);

	segment->mark = mark;
	return segment;
}

struct segment *segment_ref(struct segment *segment)
{
	atomic_fetch_add_explicit(&segment->n_ref, 1, memory_order_relaxed);
	return segment;
}

static void watch_release(struct segment_watch *watch)
{
	if (--watch->n_holder == 0) {
		free(watch->number);
		free(watch);
	}
}

void segment_unref(struct segment *segment)
{
	if (!segment || atomic_fetch_sub_explicit(&segment->n_ref, 1, memory_order_acq_rel) != 1) {
		return;
	}
	pthread_mutex_lock(&watch_lock);
	for (size_t i = 0; i < segment->n_watch; i++) {
		struct segment_watch *watch = segment->watch[i];

		mem_grow(watch->number, watch->count, watch->cap);
		watch->number[watch->count++] = segment->number;
		watch_release(watch);
	}
	pthread_mutex_unlock(&watch_lock);
	free(segment->watch);
	free(segment->aside);
	free(segment);
}

enum segment_kind segment_kind(const struct segment *segment)
{
	return segment->kind;
}

const char *segment_bytes(const struct segment *segment, size_t *len)
{
	*len = segment->size_bytes;
	return (const char *)segment->data;
}

int segment_is_source(const struct segment *segment)
{
	return segment->is_source;
}

const struct segment_aside *segment_asides(const struct segment *segment, size_t *count)
{
	*count = segment->n_aside;
	return segment->aside;
}

const uint32_t *segment_get_ids(const struct segment *segment, size_t *count)
{
	*count = segment->size_bytes / sizeof(uint32_t);
	return segment->data;
}

enum prompt_mark segment_get_mark(const struct segment *segment)
{
	return segment->mark;
}

uint64_t segment_number(const struct segment *segment)
{
	return segment->number;
}

/* ---- watches ---- */

struct segment_watch *segment_watch_create(void)
{
	struct segment_watch *watch = mem_zero(1, sizeof(*watch));

	watch->n_holder = 1;
	return watch;
}

void segment_watch_destroy(struct segment_watch *watch)
{
	if (watch) {
		pthread_mutex_lock(&watch_lock);
		watch_release(watch);
		pthread_mutex_unlock(&watch_lock);
	}
}

void segment_watch_add(struct segment_watch *watch, struct segment *segment)
{
	pthread_mutex_lock(&watch_lock);
	for (size_t i = 0; i < segment->n_watch; i++) {
		if (segment->watch[i] == watch) {
			pthread_mutex_unlock(&watch_lock);
			return;
		}
	}
	mem_grow(segment->watch, segment->n_watch, segment->cap_watch);
	segment->watch[segment->n_watch++] = watch;
	watch->n_holder++;
	pthread_mutex_unlock(&watch_lock);
}

size_t segment_watch_take(struct segment_watch *watch, uint64_t **number)
{
	size_t count;

	pthread_mutex_lock(&watch_lock);
	count = watch->count;
	*number = watch->number;
	watch->number = NULL;
	watch->count = watch->cap = 0;
	pthread_mutex_unlock(&watch_lock);
	return count;
}

/* ---- prompts ---- */

void prompt_add(struct prompt *prompt, struct segment *segment)
{
	mem_grow(prompt->item, prompt->count, prompt->cap);
	prompt->item[prompt->count++] = segment;
}

void prompt_copy(struct prompt *to, const struct prompt *from)
{
	size_t count = from->count; /* to and from may be the same */

	for (size_t i = 0; i < count; i++) {
		prompt_add(to, segment_ref(from->item[i]));
	}
}

void prompt_finish(struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		segment_unref(prompt->item[i]);
	}
	free(prompt->item);
	*prompt = (struct prompt){0};
}
